#pragma once
/* AWS Signature Version 4: headers for a request, or a query for a URL that needs none. Pure.
 * (curl's own signer of 7.88 neither sorts a query nor signs a URL.) */
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/macros.h"

struct aws_sigv4_key {
        const char *access_key, *secret_key;
        const char *session_token; /* NULL = none */
        const char *region, *service;
};

#define AWS_SIGV4_PAIRS 16
#define AWS_SIGV4_HASH_SIZE 65 /* SHA-256 as hex and its NUL */
#define AWS_SIGV4_DATE_SIZE 17 /* "20260102T030405Z" and its NUL */
#define AWS_SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

struct aws_sigv4_pair {
        const char *name;  /* headers: lower-case */
        const char *value; /* neither is encoded */
};

struct aws_sigv4_request {
        const char *method;
        const char *host; /* as in the Host header */
        const char *path; /* encoded by aws_sigv4_encode(), begins with "/" */
        const struct aws_sigv4_pair *query;
        size_t n_query;                       /* at most AWS_SIGV4_PAIRS - 8 */
        const struct aws_sigv4_pair *headers; /* signed besides host and x-amz-* of our own */
        size_t n_headers;                     /* at most AWS_SIGV4_PAIRS - 8 */
        const char *payload_hash;             /* aws_sigv4_hash(), or AWS_SIGV4_UNSIGNED */
};

void aws_sigv4_hash(const void *data, size_t size, char ret[AWS_SIGV4_HASH_SIZE]);
/* As Content-MD5 wants it; appended. */
int aws_sigv4_md5(const void *data, size_t size, struct buf *out);
/* "20260102T030405Z". */
void aws_sigv4_date(usec_t at, char ret[AWS_SIGV4_DATE_SIZE]);
/* Appends s as AWS wants it: all but A-Z a-z 0-9 - . _ ~ as %XX; "/" stays when keep_slash. */
int aws_sigv4_encode(struct buf *out, const char *s, bool keep_slash);
/* Appends the query, encoded and sorted, without "?". */
int aws_sigv4_query(struct buf *out, const struct aws_sigv4_pair *query, size_t n_query);

/* Appends the value of the Authorization header. The request must also carry x-amz-date (of at),
 * x-amz-content-sha256 (payload_hash), x-amz-security-token when there is a token, and headers. */
int aws_sigv4_sign(const struct aws_sigv4_key *key, const struct aws_sigv4_request *req, usec_t at,
                   struct buf *out);
/* Appends the whole query of a URL that is good for valid_for from at on. */
int aws_sigv4_presign(const struct aws_sigv4_key *key, const struct aws_sigv4_request *req,
                      usec_t at, usec_t valid_for, struct buf *out);
