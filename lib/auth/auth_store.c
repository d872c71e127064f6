/* auth_store.c: the file as a whole, and users. */
#include "lib/auth/auth_store.h"

#include <errno.h>
#include <string.h>

#include "lib/auth/auth_password.h"
#include "lib/auth/auth_store_db.h"
#include "lib/auth/auth_werkzeug.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/utf8.h"

int auth_store_open(const char *path, unsigned flags, const struct clock *clock,
                    struct entropy *entropy, struct errmsg *em, struct auth_store **ret_store) {
        struct auth_store *s = mem_new(struct auth_store);
        int r;

        assert(path && clock && entropy && ret_store);
        if (!s)
                return -ENOMEM;
        if (flags & AUTH_STORE_CREATE)
                flags |= AUTH_STORE_WRITE;
        s->flags = flags;
        s->clock = clock;
        s->entropy = entropy;
        auth_store_db_init_lock(s);
        s->path = mem_strdup(path);
        r = s->path ? 0 : -ENOMEM;
        if (r >= 0 && (flags & AUTH_STORE_CREATE))
                r = fileio_mkdir_parents(path, 0750);
        if (r >= 0)
                r = auth_store_db_open(s, em);
        if (r == -ENOENT && !(flags & AUTH_STORE_WRITE))
                r = 0;
        if (r < 0) {
                auth_store_free(s);
                return r;
        }
        *ret_store = s;
        return 0;
}

struct auth_store *auth_store_free(struct auth_store *s) {
        if (!s)
                return NULL;
        db_free(s->db);
        (void) pthread_mutex_destroy(&s->lock);
        mem_free(s->path);
        mem_free(s);
        return NULL;
}

static int name_check(const char *name, struct errmsg *em) {
        static const char allowed[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                "._-@";
        size_t n = strlen(name);

        if (n == 0 || n > AUTH_STORE_NAME_MAX || *name == '-' || strspn(name, allowed) != n)
                return errmsg_fail(em, -EINVAL,
                                   "a user's name has 1 to %d letters, digits and \"._-@\", not "
                                   "starting with \"-\"",
                                   (int) AUTH_STORE_NAME_MAX);
        return 0;
}

static int password_check(const char *password, struct errmsg *em) {
        size_t n = strlen(password);

        if (n < AUTH_STORE_PASSWORD_MIN || n > AUTH_STORE_PASSWORD_MAX || !utf8_valid(password, n))
                return errmsg_fail(em, -EINVAL, "a password has %d to %d bytes of UTF-8",
                                   (int) AUTH_STORE_PASSWORD_MIN, (int) AUTH_STORE_PASSWORD_MAX);
        return 0;
}

/* Columns id, name, hash, role, created_at, sessions_from_at. */
static int read_user(struct db_stmt *stmt, struct arena *a, void *ret) {
        struct auth_store_user user = {.id = db_col_i64(stmt, 0),
                                       .created_at = (usec_t) db_col_i64(stmt, 4),
                                       .sessions_from_at = (usec_t) db_col_i64(stmt, 5)};
        bool oom = false;

        user.name = db_col_dup(stmt, 1, a, &oom);
        user.hash = db_col_dup(stmt, 2, a, &oom);
        if (oom)
                return -ENOMEM;
        if (auth_role_parse(db_col_text(stmt, 3), &user.role) < 0)
                return -EUCLEAN;
        *(struct auth_store_user *) ret = user;
        return 0;
}

int auth_store_user_get(struct auth_store *s, const char *name, struct arena *a,
                        struct auth_store_user *ret_user) {
        struct db_stmt *stmt;
        int r;

        assert(s && name && a);
        r = auth_store_db_begin(s, AUTH_STORE_SQL_user_get, &stmt);
        if (r < 0)
                return r;
        if (stmt)
                db_bind_all(stmt, name);
        return auth_store_db_row(s, stmt, a, read_user, ret_user);
}

int auth_store_user_list(struct auth_store *s, struct arena *a, struct auth_store_user **ret_users,
                         size_t *ret_n) {
        struct db_stmt *stmt;
        int r = auth_store_db_begin(s, AUTH_STORE_SQL_user_list, &stmt);

        return r < 0 ? r
                     : auth_store_db_rows(s, stmt, a, read_user, sizeof(**ret_users),
                                          (void **) ret_users, ret_n);
}

static int insert(struct auth_store *s, const char *name, const char *hash, enum auth_role role) {
        usec_t now_at = clock_now(s->clock);
        struct db_stmt *stmt;
        int r = auth_store_db_begin(s, AUTH_STORE_SQL_user_insert, &stmt);

        if (r < 0)
                return r;
        if (stmt)
                db_bind_all(stmt, name, hash, auth_role_print(role), now_at, now_at);
        return auth_store_db_change(s, stmt);
}

int auth_store_user_insert(struct auth_store *s, const char *name, const char *password,
                           enum auth_role role, struct errmsg *em) {
        char hash[AUTH_PASSWORD_HASH_SIZE];
        int r;

        r = name_check(name, em);
        if (r >= 0 && password)
                r = password_check(password, em);
        if (r >= 0 && password)
                r = auth_password_hash(password, s->entropy, hash);
        return r < 0 ? r : insert(s, name, password ? hash : NULL, role);
}

int auth_store_user_insert_hash(struct auth_store *s, const char *name, const char *hash,
                                enum auth_role role, struct errmsg *em) {
        int r = name_check(name, em);

        if (r < 0)
                return r;
        if (!auth_werkzeug_is_hash(hash))
                return errmsg_fail(em, -EINVAL, "%s: the hash is none of scrypt or pbkdf2", name);
        return insert(s, name, hash, role);
}

int auth_store_user_set_password(struct auth_store *s, const char *name, const char *password,
                                 struct errmsg *em) {
        char hash[AUTH_PASSWORD_HASH_SIZE];
        struct db_stmt *stmt;
        int r;

        r = password_check(password, em);
        if (r >= 0)
                r = auth_password_hash(password, s->entropy, hash);
        if (r >= 0)
                r = auth_store_db_begin(s, AUTH_STORE_SQL_user_set_hash, &stmt);
        if (r < 0)
                return r;
        if (stmt)
                db_bind_all(stmt, (const char *) hash, clock_now(s->clock), name);
        return auth_store_db_change(s, stmt);
}

int auth_store_user_set_role(struct auth_store *s, const char *name, enum auth_role role) {
        struct db_stmt *stmt;
        int r;

        r = auth_store_db_begin(s, AUTH_STORE_SQL_user_set_role, &stmt);
        if (r < 0)
                return r;
        if (stmt)
                db_bind_all(stmt, auth_role_print(role), name);
        return auth_store_db_change(s, stmt);
}

int auth_store_user_end_sessions(struct auth_store *s, const char *name) {
        struct db_stmt *stmt;
        int r;

        r = auth_store_db_begin(s, AUTH_STORE_SQL_user_end_sessions, &stmt);
        if (r < 0)
                return r;
        if (stmt)
                db_bind_all(stmt, clock_now(s->clock), name);
        return auth_store_db_change(s, stmt);
}

int auth_store_user_delete(struct auth_store *s, const char *name) {
        struct db_stmt *stmt;
        int r;

        r = auth_store_db_begin(s, AUTH_STORE_SQL_user_delete, &stmt);
        if (r < 0)
                return r;
        if (stmt)
                db_bind_all(stmt, name);
        return auth_store_db_change(s, stmt);
}

int auth_store_user_check(struct auth_store *s, const char *name, const char *password,
                          struct arena *a, struct auth_store_user *ret_user) {
        struct auth_store_user user = {};
        int r;

        if (strlen(name) > AUTH_STORE_NAME_MAX || strlen(password) > AUTH_STORE_PASSWORD_MAX)
                return AUTH_STORE_WRONG;
        r = auth_store_user_get(s, name, a, &user);
        if (r < 0)
                return r;
        r = auth_password_check(password, r == AUTH_STORE_ABSENT ? NULL : user.hash);
        if (r < 0)
                return r;
        if (r == 0)
                return AUTH_STORE_WRONG;
        *ret_user = user;
        return 0;
}
