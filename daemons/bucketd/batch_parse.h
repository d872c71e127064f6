/* batch_parse.h: the body of a batch: requests inside one request, multipart/mixed (RFC 2046) with
 * parts application/http. Lines may end by LF alone: Python's email package writes them so. Pure.
 */
#pragma once

#include "lib/base/arena.h"

enum { BATCH_PARSE_MAX = 1000, BATCH_PARSE_HEADERS_MAX = 32 };

struct batch_part {
        const char *id; /* Content-ID without its <>; NULL: none */
        const char *method, *target;
        const char *headers[BATCH_PARSE_HEADERS_MAX + 1]; /* "Name: value"; NULL ends them */
        const char *token;                                /* Authorization: Bearer; NULL: none */
        const char *content_type;                         /* NULL: none */
        const char *body;
        size_t body_size;
};

/* Cuts the body up in place. 0; -EINVAL: no such body, or one of more than BATCH_PARSE_MAX parts;
 * -ENOMEM. */
int batch_parse(struct arena *a, const char *content_type, char *body, size_t size,
                struct batch_part **ret, size_t *ret_n);
