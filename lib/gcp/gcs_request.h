/* gcs_request: one call of the JSON or XML API, and how it looks on the wire. Pure. */
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include "lib/base/buf.h"
#include "lib/base/macros.h"

enum gcs_verb {
#define GCS_VERB(name, text, method) GCS_##name,
#include "lib/gcp/gcs_verbs.def"
#undef GCS_VERB
        GCS_N_VERBS,
};

#define GCS_ANY ((int64_t) -1) /* no precondition, the live generation */

struct gcs_answer;

/* What a caller fills in; all that is pointed to stays until done(). Fields a verb does not name
 * are not looked at. gcs_request_init() sets what is not zero by nature. */
struct gcs_request {
        enum gcs_verb verb;
        const char *bucket;    /* in place of the client's; NULL: that */
        const char *name;      /* the object or folder; OPERATION: its name */
        const char *dest;      /* MOVE, REWRITE, FOLDER_RENAME: where to */
        int64_t generation;    /* STAT, READ, DELETE, PATCH: this one and no other */
        int64_t if_generation; /* of what is written over; 0: nothing may be there */
        int64_t if_metageneration;
        int64_t if_source_generation; /* MOVE, REWRITE */

        const char *prefix, *delimiter, *page_token, *start_offset, *end_offset; /* LIST */
        unsigned n_max;          /* LIST: 0 = the service's choice */
        bool trailing_delimiter; /* LIST: placeholders of prefixes are items too */
        bool include_folders;    /* LIST: folders are prefixes */
        const char *fields;      /* LIST: in place of all */

        uint64_t offset, length; /* READ: length 0 is to the end */
        bool by_json;            /* READ: alt=media in place of the XML path */

        const char *json; /* INSERT, UPLOAD_BEGIN, COMPOSE, PATCH, FOLDER_INSERT: the resource */
        const struct iovec *data; /* INSERT, UPLOAD_PUT: the content */
        size_t n_data;
        const char *content_type;
        const char *upload_url; /* UPLOAD_* */
        const char *token;      /* REWRITE: to go on with */
        uint64_t upload_offset; /* UPLOAD_PUT: where data stands in the object */
        int64_t upload_total;   /* UPLOAD_*: the object's size, -1 = not known yet */

        /* READ: what comes, in order, without gaps and once. 0, or negative: end the call. */
        int (*sink)(void *sink_ctx, const char *data, size_t n);
        void *sink_ctx;
        /* Once, on the client's loop; by a gcs_direct: before it returns. */
        void (*done)(void *ctx, const struct gcs_answer *a);
        void *ctx;
        usec_t budget_for; /* tries end after it; 0: the client's */
        bool only_once;    /* no second try */

        /* What a gcs_direct leaves to a gcs_client. */
        unsigned n_tried;      /* tries that were made; the next one waits as long as one should */
        bool was_tried_unsure; /* one of them may have been carried out */
};

struct gcs_request_wire {
        struct buf url;
        const char *method;
        char *headers[8];         /* NULL-terminated, on the heap */
        const char *content_type; /* of the body; into `type` or a literal */
        char type[64];
        struct buf head, tail; /* around data: the parts of a multipart body, or the JSON */
        uint64_t body_size;    /* of all of it */
        bool has_body;
};

void gcs_request_init(struct gcs_request *q, enum gcs_verb verb, const char *name);
/* endpoint: from gcs_name_endpoint(); project may be NULL. skip: bytes a READ has got already.
 * 0, -ENOMEM; -EINVAL: the request lacks what its verb needs. */
int gcs_request_build(const struct gcs_request *q, const char *endpoint, const char *bucket,
                      const char *project, uint64_t skip, struct gcs_request_wire *ret);
void gcs_request_wire_done(struct gcs_request_wire *w);
const char *gcs_request_verb_name(enum gcs_verb verb);
/* Bytes of data. */
uint64_t gcs_request_data_size(const struct gcs_request *q);
/* How long no byte may come: stall_for (0 = 10 s), more where the service has to think, of what
 * carries content chunk_for (0: as where it has to think), and no longer than what is left of the
 * request's time (0: no end). */
usec_t gcs_request_stall_for(const struct gcs_request *q, usec_t stall_for, usec_t chunk_for,
                             usec_t left_for);
