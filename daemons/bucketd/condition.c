/* condition: see condition.h. */
#include "daemons/bucketd/condition.h"

#include <errno.h>

#include "lib/base/str.h"
#include "lib/net/http_request.h"

static const struct {
        const char *query[2]; /* by enum condition_source */
        const char *header;
} names[CONDITION_N] = {
        [CONDITION_GENERATION_MATCH] = {{"ifGenerationMatch", "ifSourceGenerationMatch"},
                                        "x-goog-if-generation-match"},
        [CONDITION_GENERATION_NOT_MATCH] = {{"ifGenerationNotMatch", "ifSourceGenerationNotMatch"},
                                            "x-goog-if-generation-not-match"},
        [CONDITION_METAGENERATION_MATCH] = {{"ifMetagenerationMatch",
                                             "ifSourceMetagenerationMatch"},
                                            "x-goog-if-metageneration-match"},
        [CONDITION_METAGENERATION_NOT_MATCH] = {{"ifMetagenerationNotMatch",
                                                 "ifSourceMetagenerationNotMatch"},
                                                "x-goog-if-metageneration-not-match"},
};

static int read_number(const char *name, const char *text, int64_t *ret, struct refused *no) {
        if (str_to_i64(text, ret) < 0 || *ret < 0)
                return gcs_error_set(no, GCS_ERROR_INVALID, "Invalid value for %s: %s", name, text);
        return 0;
}

int condition_read(struct http_request *req, enum condition_source source, struct condition *ret,
                   struct refused *no) {
        const char *name = source == CONDITION_OF_SOURCE ? "sourceGeneration" : "generation";
        const char *text = http_request_query(req, name);
        int r = 0;

        *ret = (struct condition){};
        if (!str_empty(text))
                r = read_number(name, text, &ret->generation, no);
        for (size_t i = 0; r == 0 && i < CONDITION_N; i++) {
                text = http_request_query(req, names[i].query[source]);
                if (str_empty(text) && source == CONDITION_OF_TARGET)
                        text = http_request_header(req, names[i].header);
                if (str_empty(text))
                        continue;
                ret->has[i] = true;
                r = read_number(names[i].query[source], text, &ret->value[i], no);
        }
        return r;
}

enum condition_result condition_check(const struct condition *c, int64_t generation,
                                      int64_t metageneration) {
        if (c->has[CONDITION_GENERATION_MATCH] &&
            c->value[CONDITION_GENERATION_MATCH] != generation)
                return CONDITION_FAILS;
        if (c->has[CONDITION_METAGENERATION_MATCH] &&
            (generation == 0 || c->value[CONDITION_METAGENERATION_MATCH] != metageneration))
                return CONDITION_FAILS;
        if (c->has[CONDITION_GENERATION_NOT_MATCH] &&
            c->value[CONDITION_GENERATION_NOT_MATCH] == generation)
                return CONDITION_UNCHANGED;
        if (c->has[CONDITION_METAGENERATION_NOT_MATCH] && generation != 0 &&
            c->value[CONDITION_METAGENERATION_NOT_MATCH] == metageneration)
                return CONDITION_UNCHANGED;
        return CONDITION_HOLDS;
}
