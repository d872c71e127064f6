/* condition.h: the preconditions of a call. Pure but for reading the request. */
#pragma once

#include "daemons/bucketd/gcs_error.h"

enum condition_kind {
        CONDITION_GENERATION_MATCH,
        CONDITION_GENERATION_NOT_MATCH,
        CONDITION_METAGENERATION_MATCH,
        CONDITION_METAGENERATION_NOT_MATCH,
        CONDITION_N
};

struct condition {
        bool has[CONDITION_N];
        int64_t value[CONDITION_N];
        int64_t generation; /* which one is meant; 0: the live one */
};

enum condition_result {
        CONDITION_HOLDS,
        CONDITION_FAILS,     /* 412 */
        CONDITION_UNCHANGED, /* a "not match" that matches: 304 for those who read */
};

enum condition_source {
        CONDITION_OF_TARGET, /* ifGenerationMatch …, or x-goog-if-generation-match in XML */
        CONDITION_OF_SOURCE, /* ifSourceGenerationMatch … and sourceGeneration */
};

/* 0, or REFUSED for what is no number. */
int condition_read(struct http_request *req, enum condition_source source, struct condition *ret,
                   struct refused *no);
/* generation 0: there is no such object. */
enum condition_result condition_check(const struct condition *c, int64_t generation,
                                      int64_t metageneration);
