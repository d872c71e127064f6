/* auth_store_token.c: personal access tokens: "onebox_" and 32 random bytes in URL base64. */
#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "lib/auth/auth_store.h"
#include "lib/auth/auth_store_db.h"
#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"

#define PREFIX "onebox_"

enum { RANDOM_BYTES = 32, RANDOM_CHARS = 43 };

static_assert(STRLEN(PREFIX) + RANDOM_CHARS < AUTH_STORE_TOKEN_SIZE, "a token has no room");

bool auth_store_token_is(const char *token) {
        static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789-_";
        const char *rest = str_after(token, PREFIX);

        return rest && strspn(rest, alphabet) == RANDOM_CHARS && rest[RANDOM_CHARS] == '\0';
}

static int make_token(struct entropy *entropy, char ret_token[AUTH_STORE_TOKEN_SIZE]) {
        _cleanup_buf_ struct buf text = {};
        unsigned char random[RANDOM_BYTES];
        int r;

        r = entropy_fill(entropy, random, sizeof(random));
        if (r >= 0)
                r = buf_add_lit(&text, PREFIX);
        if (r >= 0)
                r = base64_encode(&text, random, sizeof(random), BASE64_URL | BASE64_NO_PAD);
        if (r < 0)
                return r;
        assert(text.len < AUTH_STORE_TOKEN_SIZE);
        return str_copy(ret_token, AUTH_STORE_TOKEN_SIZE, text.data);
}

static void digest(const char *token, unsigned char ret[SHA256_DIGEST_LENGTH]) {
        (void) SHA256((const unsigned char *) token, strlen(token), ret);
}

int auth_store_token_insert(struct auth_store *s, const char *user, const char *label,
                            enum auth_role role, usec_t expires_at,
                            char ret_token[AUTH_STORE_TOKEN_SIZE]) {
        unsigned char hash[SHA256_DIGEST_LENGTH];
        char token[AUTH_STORE_TOKEN_SIZE];
        struct db_stmt *stmt;
        int r;

        assert(user && label);
        r = make_token(s->entropy, token);
        if (r >= 0)
                r = auth_store_db_begin(s, AUTH_STORE_SQL_token_insert, &stmt);
        if (r < 0)
                return r;
        digest(token, hash);
        if (stmt) {
                db_bind_text(stmt, 1, label);
                db_bind_blob(stmt, 2, hash, sizeof(hash));
                db_bind_text(stmt, 3, auth_role_print(role));
                db_bind_i64(stmt, 4, (int64_t) clock_now(s->clock));
                db_bind_i64(stmt, 5, (int64_t) expires_at);
                db_bind_text(stmt, 6, user);
        }
        r = auth_store_db_change(s, stmt);
        if (r == 0)
                memcpy(ret_token, token, sizeof(token));
        explicit_bzero(token, sizeof(token));
        return r;
}

/* Columns id, user, label, role, created_at, used_at, expires_at. */
static int read_token(struct db_stmt *stmt, struct arena *a, void *ret) {
        struct auth_store_token token = {.id = db_col_i64(stmt, 0),
                                         .created_at = (usec_t) db_col_i64(stmt, 4),
                                         .used_at = (usec_t) db_col_i64(stmt, 5),
                                         .expires_at = (usec_t) db_col_i64(stmt, 6)};
        bool oom = false;

        token.user = db_col_dup(stmt, 1, a, &oom);
        token.label = db_col_dup(stmt, 2, a, &oom);
        if (oom)
                return -ENOMEM;
        if (auth_role_parse(db_col_text(stmt, 3), &token.role) < 0)
                return -EUCLEAN;
        *(struct auth_store_token *) ret = token;
        return 0;
}

/* Where we may write, at most once an hour; it is a hint for people, so its failure is none. */
static void note_use(struct auth_store *s, const struct auth_store_token *token, usec_t now_at) {
        struct db_stmt *stmt;

        if (!(s->flags & AUTH_STORE_WRITE) || now_at < token->used_at + USEC_PER_HOUR)
                return;
        if (auth_store_db_begin(s, AUTH_STORE_SQL_token_used, &stmt) < 0)
                return;
        if (stmt)
                db_bind_all(stmt, now_at, token->id);
        (void) auth_store_db_change(s, stmt);
}

static int token_get(struct auth_store *s, const char *text, struct arena *a,
                     struct auth_store_token *ret_token) {
        unsigned char hash[SHA256_DIGEST_LENGTH];
        struct db_stmt *stmt;
        int r;

        digest(text, hash);
        r = auth_store_db_begin(s, AUTH_STORE_SQL_token_get, &stmt);
        if (r < 0)
                return r;
        if (stmt)
                db_bind_blob(stmt, 1, hash, sizeof(hash));
        return auth_store_db_row(s, stmt, a, read_token, ret_token);
}

int auth_store_token_check(struct auth_store *s, const char *token, struct arena *a,
                           struct auth_store_token *ret_token, struct auth_store_user *ret_user) {
        usec_t now_at = clock_now(s->clock);
        struct auth_store_token found;
        struct auth_store_user user;
        int r;

        if (!auth_store_token_is(token))
                return AUTH_STORE_ABSENT;
        r = token_get(s, token, a, &found);
        if (r != 0)
                return r;
        if (found.expires_at != 0 && now_at >= found.expires_at)
                return AUTH_STORE_WRONG;
        r = auth_store_user_get(s, found.user, a, &user);
        if (r != 0)
                return r;
        note_use(s, &found, now_at);
        *ret_token = found;
        *ret_user = user;
        return 0;
}

int auth_store_token_list(struct auth_store *s, const char *user, struct arena *a,
                          struct auth_store_token **ret_tokens, size_t *ret_n) {
        struct db_stmt *stmt;
        int r = auth_store_db_begin(s, AUTH_STORE_SQL_token_list, &stmt);

        if (r < 0)
                return r;
        if (stmt)
                db_bind_text(stmt, 1, user);
        return auth_store_db_rows(s, stmt, a, read_token, sizeof(**ret_tokens),
                                  (void **) ret_tokens, ret_n);
}

int auth_store_token_delete(struct auth_store *s, int64_t id, const char *user) {
        struct db_stmt *stmt;
        int r;

        r = auth_store_db_begin(s, AUTH_STORE_SQL_token_delete, &stmt);
        if (r < 0)
                return r;
        if (stmt) {
                db_bind_i64(stmt, 1, id);
                db_bind_text(stmt, 2, user);
        }
        return auth_store_db_change(s, stmt);
}
