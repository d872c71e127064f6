/* gcs_answer: what a call brings back, and what the service's answer means. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gcs_answer {
        int error;        /* 0 or negative: gcs_retry_status_errno(), or the connection's */
        int status;       /* of the last answer; 0: none came */
        bool unsure;      /* an earlier try may have been carried out */
        const char *text; /* why it failed, for people */
        const char *body; /* of the answer (not READ's) */
        size_t body_len;
        const char *location; /* UPLOAD_BEGIN: the session; else NULL */
        uint64_t n_committed; /* UPLOAD_PUT, _STATUS with status 308: bytes the session has */
        int64_t generation;   /* READ: of what was read, or GCS_ANY */
        uint64_t n_read;      /* READ: bytes the sink took */
        unsigned n_tries;
};

#define GCS_ANSWER_WORDS 256

/* What an answer's status and headers say; a header that is not there is NULL. */
void gcs_answer_fill(struct gcs_answer *a, int status, const char *location, const char *generation,
                     const char *range);
/* Its error, and why in words (the service's: {"error": {"message": …}}, or the start of what
 * came), which stay as long as `words`. The body is there. */
void gcs_answer_judge(struct gcs_answer *a, char words[GCS_ANSWER_WORDS]);
