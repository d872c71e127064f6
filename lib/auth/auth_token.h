/* auth_token.h: signed tokens in JWT's form (RFC 7519), HS512 or HS256, one key for the whole box.
 *
 * A session: {"sub": user, "role": …, "src": "store" | "unix", "iat", "exp", "jti"}.
 * A task: {"sub": "task", "user", "role", "dag", "run", "task", "try", "try_id", "iat", "exp"}.
 * The key is 64 random bytes as hex in a file readable by its owner and, if asked, its group.
 * Threads: a key is read-only. Times come as arguments.
 */
#pragma once

#include "lib/auth/auth_role.h"
#include "lib/base/macros.h"

struct arena;
struct auth_token_key;
struct buf;
struct entropy;
struct errmsg;

enum {
        AUTH_TOKEN_MAX = 4096, /* bytes of a token; longer ones are not looked at */
        AUTH_TOKEN_KEY_BYTES = 64,
};

enum auth_token_source { AUTH_TOKEN_STORE, AUTH_TOKEN_UNIX };

struct auth_token_claims {
        bool is_task;
        const char *user;
        enum auth_role role;
        enum auth_token_source source; /* where the user of a session is known */
        usec_t issued_at, expires_at;  /* whole seconds in the token */
        const char *id;                /* jti of a session; NULL = none */

        /* of a task */
        const char *dag_id, *run_id, *task_id, *try_id;
        int try_number;
};

/* Reads the key. With `create` it is made (durably, `mode` e.g. 0640) when absent; two who make it
 * at once end with the same. `em` names the file, the reason and the remedy. -EPERM: others may
 * read the file. */
int auth_token_key_open(const char *path, bool create, unsigned mode, struct entropy *entropy,
                        struct errmsg *em, struct auth_token_key **ret_key);
/* For tests: a key of AUTH_TOKEN_KEY_BYTES bytes. */
int auth_token_key_new(const unsigned char *bytes, struct auth_token_key **ret_key);
struct auth_token_key *auth_token_key_free(struct auth_token_key *key);
DEFINE_CLEANUP(struct auth_token_key *, auth_token_key_free)

/* Appends the token, signed by HS512. 0 or the buf's error. */
int auth_token_sign(const struct auth_token_key *key, const struct auth_token_claims *claims,
                    struct buf *out);

/* 0 with *ret_claims in `a`; -EBADMSG: not a token of ours (form, algorithm, signature, claims);
 * -EKEYEXPIRED: it was, until exp; -ENOMEM. Text without exactly two dots is -EBADMSG. */
int auth_token_verify(const struct auth_token_key *key, const char *token, usec_t now_at,
                      struct arena *a, struct auth_token_claims *ret_claims);
