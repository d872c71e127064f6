/* s3_call.h: one request to S3: its URL, its signature, its repetition and its error in words. */
#pragma once

#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/net/aws_sigv4.h"
#include "lib/net/http_fetch.h"
#include "lib/store/s3_config.h"

struct s3 {
        struct s3_config config;
        char *bucket;
        struct http_fetch *http;
        const struct clock *clock;
};

struct s3_call {
        const char *method;
        const char *key;                    /* NULL = the bucket itself */
        const struct aws_sigv4_pair *query; /* at most 8 */
        size_t n_query;
        const struct aws_sigv4_pair *headers; /* sent and signed, names in lower case; at most 4 */
        size_t n_headers;
        const void *body; /* NULL = none */
        size_t body_size;
        size_t max_body; /* of the answer; 0 = 16 MiB */
        bool is_once;    /* not repeated */
};

/* 0 with a 2xx answer. -ENOENT 404, -EACCES 401 and 403, -ESTALE 412, -ERANGE 416, -EAGAIN busy to
 * the end, -EINVAL another 4xx; else what http_fetch() gives. em has S3's code and message. */
int s3_call(const struct s3 *s3, const struct s3_call *call, struct http_fetch_answer *ret,
            struct errmsg *em);
/* A URL that anybody can use for valid_for; str. */
int s3_call_presign(const struct s3 *s3, const char *method, const char *key,
                    const struct aws_sigv4_pair *query, size_t n_query, usec_t valid_for,
                    char **ret_url);
