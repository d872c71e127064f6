#include "lib/gcp/gcs_answer.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/macros.h"
#include "lib/base/str.h"
#include "lib/gcp/gcs_request.h"
#include "lib/gcp/gcs_retry.h"

void gcs_answer_fill(struct gcs_answer *a, int status, const char *location, const char *generation,
                     const char *range) {
        const char *dash = range ? strchr(range, '-') : NULL;
        uint64_t last;

        a->status = status;
        a->location = location;
        if (!generation || str_to_i64(generation, &a->generation) < 0)
                a->generation = GCS_ANY;
        if (status == 308 && dash && str_to_u64(dash + 1, &last) >= 0)
                a->n_committed = last + 1;
}

static void gcs_answer_print(const struct gcs_answer *a, char words[GCS_ANSWER_WORDS]) {
        struct arena arena;
        struct json *j;
        const char *s = NULL;

        arena_init(&arena, 1 << 20);
        if (a->body_len < 65536 && json_parse_copy(&arena, a->body, a->body_len, &j, NULL) >= 0)
                (void) json_str(json_get(json_get(j, "error"), "message"), &s);
        if (s)
                snprintf(words, GCS_ANSWER_WORDS, "HTTP %d: %s", a->status, s);
        else
                snprintf(words, GCS_ANSWER_WORDS, "HTTP %d: %.*s", a->status,
                         (int) MIN(MIN(a->body_len, strcspn(a->body, "\r\n")), (size_t) 200),
                         a->body);
        arena_done(&arena);
}

void gcs_answer_judge(struct gcs_answer *a, char words[GCS_ANSWER_WORDS]) {
        int r = a->status == 200 ? 0 : gcs_retry_status_errno(a->status);

        if (r >= 0)
                return;
        a->error = r;
        gcs_answer_print(a, words);
        a->text = words;
}
