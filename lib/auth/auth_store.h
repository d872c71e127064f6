/* auth_store.h: auth.db: users, their password hashes and roles, personal access tokens.
 *
 * Passwords are yescrypt (crypt(3)); of a token only its SHA-256 is kept. Written by the CLI and
 * the web, read by all: the file has a rollback journal so that readers need no write access.
 * Threads: any; one connection behind a lock.
 */
#pragma once

#include "lib/auth/auth_role.h"
#include "lib/base/macros.h"

struct arena;
struct auth_store;
struct clock;
struct entropy;
struct errmsg;

enum {
        AUTH_STORE_NAME_MAX = 64,      /* bytes: letters, digits, "._-@", not starting with "-" */
        AUTH_STORE_PASSWORD_MAX = 256, /* bytes */
        AUTH_STORE_PASSWORD_MIN = 8,   /* bytes */
        AUTH_STORE_TOKEN_SIZE = 56,    /* "onebox_" + 43 characters + NUL, rounded up */
};

/* What calls answer besides 0 and -errno. */
enum {
        AUTH_STORE_ABSENT = 1, /* no such user or token */
        AUTH_STORE_EXISTS = 2,
        AUTH_STORE_WRONG = 3, /* the password does not match, the token is expired */
};

struct auth_store_user {
        int64_t id;
        const char *name;
        const char *hash; /* crypt(3)'s; NULL: no password, cannot log in by one */
        enum auth_role role;
        usec_t created_at;
        usec_t sessions_from_at; /* sessions issued earlier are void (password change, log out) */
};

struct auth_store_token {
        int64_t id;
        const char *user, *label;
        enum auth_role role;                    /* at most; the user's own role also bounds it */
        usec_t created_at, used_at, expires_at; /* used_at: of the last hour's order; 0 = never */
};

enum auth_store_flags {
        AUTH_STORE_WRITE = 1 << 0,  /* else read-only */
        AUTH_STORE_CREATE = 1 << 1, /* make file and tables when absent; implies WRITE */
};

/* Opens auth.db. Where the file is there but may only be read, changes answer -EROFS. Without
 * CREATE a missing file is fine: nobody is known until it comes. `em` names the file, reason and
 * remedy. */
int auth_store_open(const char *path, unsigned flags, const struct clock *clock,
                    struct entropy *entropy, struct errmsg *em, struct auth_store **ret_store);
struct auth_store *auth_store_free(struct auth_store *s);
DEFINE_CLEANUP(struct auth_store *, auth_store_free)

/* --- users -------------------------------------------------------------------------------------
 */

/* 0, AUTH_STORE_ABSENT or -errno. Strings are in `a`. */
int auth_store_user_get(struct auth_store *s, const char *name, struct arena *a,
                        struct auth_store_user *ret_user);
/* All, by name. */
int auth_store_user_list(struct auth_store *s, struct arena *a, struct auth_store_user **ret_users,
                         size_t *ret_n);
/* `password` NULL: none. 0, AUTH_STORE_EXISTS; -EINVAL with `em`: name or password not allowed. */
int auth_store_user_insert(struct auth_store *s, const char *name, const char *password,
                           enum auth_role role, struct errmsg *em);
/* With a hash that MLflow's basic-auth app made (auth_werkzeug.h): -EINVAL with `em` for another.
 */
int auth_store_user_insert_hash(struct auth_store *s, const char *name, const char *hash,
                                enum auth_role role, struct errmsg *em);
/* Voids the user's sessions. 0, AUTH_STORE_ABSENT; -EINVAL with `em`. */
int auth_store_user_set_password(struct auth_store *s, const char *name, const char *password,
                                 struct errmsg *em);
int auth_store_user_set_role(struct auth_store *s, const char *name, enum auth_role role);
int auth_store_user_end_sessions(struct auth_store *s, const char *name);
/* And all tokens of the user. */
int auth_store_user_delete(struct auth_store *s, const char *name);

/* 0 with the user in `a`, AUTH_STORE_WRONG (also for an unknown user, in the same time) or -errno.
 * Costs about 50 ms by design: see auth_check.h for the cache and the throttle before it. */
int auth_store_user_check(struct auth_store *s, const char *name, const char *password,
                          struct arena *a, struct auth_store_user *ret_user);

/* --- personal access tokens ----------------------------------------------------------------------
 */

/* Makes one, written to ret_token this once. `expires_at` 0 = never. 0 or AUTH_STORE_ABSENT. */
int auth_store_token_insert(struct auth_store *s, const char *user, const char *label,
                            enum auth_role role, usec_t expires_at,
                            char ret_token[AUTH_STORE_TOKEN_SIZE]);
/* Does it look like one of ours? */
bool auth_store_token_is(const char *token);
/* 0 with the token's row and its user in `a`, AUTH_STORE_ABSENT, AUTH_STORE_WRONG (expired). */
int auth_store_token_check(struct auth_store *s, const char *token, struct arena *a,
                           struct auth_store_token *ret_token, struct auth_store_user *ret_user);
/* `user` NULL: of all. By user and age. */
int auth_store_token_list(struct auth_store *s, const char *user, struct arena *a,
                          struct auth_store_token **ret_tokens, size_t *ret_n);
/* `user` NULL: whoever's. 0 or AUTH_STORE_ABSENT. */
int auth_store_token_delete(struct auth_store *s, int64_t id, const char *user);
