/* auth_seal.h: secrets at rest, as Fernet tokens (AES-128-CBC and HMAC-SHA256, in URL base64), the
 * form Python's cryptography package and MLflow have; and message signatures. Pure but for entropy.
 */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/macros.h"

struct entropy;
struct errmsg;

enum { AUTH_SEAL_KEY = 32, AUTH_SEAL_HMAC = 32 }; /* bytes */

struct auth_seal {
        unsigned char key[AUTH_SEAL_KEY]; /* the first half signs, the second encrypts */
};

/* 32 bytes in URL base64 (MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY). 0 or -EINVAL. */
int auth_seal_init(struct auth_seal *s, const char *text);
/* Reads the key from a file, or makes both (mode 0600). */
int auth_seal_init_file(struct auth_seal *s, const char *path, struct entropy *e,
                        struct errmsg *em);

/* Appends the token of a secret. 0 or -errno. */
int auth_seal_close(const struct auth_seal *s, struct entropy *e, usec_t now_at, const char *secret,
                    struct buf *out);
/* Appends the secret of a token. 0, -EBADMSG (not sealed with this key, or damaged) or -ENOMEM. */
int auth_seal_open(const struct auth_seal *s, const char *token, struct buf *out);

/* In a time that does not tell where they differ. */
bool auth_seal_equal(const void *a, const void *b, size_t size);

/* HMAC-SHA256. 0 or -EIO. */
int auth_seal_hmac(const void *key, size_t key_size, const void *data, size_t size,
                   unsigned char ret[AUTH_SEAL_HMAC]);
