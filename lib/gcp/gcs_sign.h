/* gcs_sign.h: V4 signed URLs of Cloud Storage: who has one needs no credentials. Pure. */
#pragma once

#include <openssl/types.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"
#include "lib/net/aws_sigv4.h"

struct gcs_sign {
        EVP_PKEY *key;        /* of a service account */
        const char *email;    /* its name */
        const char *endpoint; /* "https://storage.googleapis.com" */
        usec_t at;            /* now, by the wall clock */
        usec_t valid_for;     /* in whole seconds, 7 days at most */
};

/* Appends the URL. At most AWS_SIGV4_PAIRS - 8 of query, not encoded. */
int gcs_sign_url(const struct gcs_sign *s, const char *method, const char *bucket,
                 const char *object, const struct aws_sigv4_pair *query, size_t n_query,
                 struct buf *out, struct errmsg *em);
