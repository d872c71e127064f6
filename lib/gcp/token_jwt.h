/* token_jwt.h: RS256, the signature of a service account's assertions. */
#pragma once

#include <openssl/types.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

/* An RSA private key in PEM (PKCS #8 or #1). -EINVAL: none; em says so without quoting it. */
int token_jwt_key(const char *pem, struct errmsg *em, EVP_PKEY **ret);
void token_jwt_key_free(EVP_PKEY *key);
/* RSA PKCS #1 v1.5 over SHA-256, appended raw. */
int token_jwt_sign(EVP_PKEY *key, const void *data, size_t size, struct buf *out,
                   struct errmsg *em);

struct token_jwt {
        const char *key_id; /* may be NULL */
        const char *issuer, *audience;
        const char *scope; /* NULL = none */
        usec_t issued_at;
        usec_t valid_for;
};
/* Appends header.claims.signature. */
int token_jwt_print(EVP_PKEY *key, const struct token_jwt *j, struct buf *out, struct errmsg *em);
