/* auth_grants.c: grants, the roles they hang on, and who has these. */
#include "lib/auth/auth_grants.h"

#include <errno.h>

#include "lib/auth/auth_store_db.h"
#include "lib/base/arena.h"

/* --- rows ---------------------------------------------------------------------------------------
 */

static int read_grant(struct db_stmt *s, struct arena *a, void *ret) {
        bool oom = false;
        struct auth_grant g = {
                .id = db_col_i64(s, 0),
                .role_id = db_col_i64(s, 1),
                .role = db_col_dup(s, 2, a, &oom),
                .type = db_col_dup(s, 3, a, &oom),
                .pattern = db_col_dup(s, 4, a, &oom),
                .permission = db_col_dup(s, 5, a, &oom),
                .workspace = db_col_dup(s, 6, a, &oom),
        };

        *(struct auth_grant *) ret = g;
        return oom ? -ENOMEM : 0;
}

static int read_role(struct db_stmt *s, struct arena *a, void *ret) {
        bool oom = false;
        struct auth_grants_role r = {
                .id = db_col_i64(s, 0),
                .name = db_col_dup(s, 1, a, &oom),
                .description = db_col_dup(s, 2, a, &oom),
                .workspace = db_col_dup(s, 3, a, &oom),
        };

        *(struct auth_grants_role *) ret = r;
        return oom ? -ENOMEM : 0;
}

static int read_member(struct db_stmt *s, struct arena *a, void *ret) {
        *(struct auth_grants_member *) ret =
                (struct auth_grants_member){db_col_i64(s, 0), db_col_i64(s, 1), db_col_i64(s, 2)};
        return 0;
}

/* begin(), and binds when there is a database. */
#define BEGIN(s, row, stmt, ...)                                         \
        do {                                                             \
                int begin_r_ = auth_store_db_begin((s), (row), &(stmt)); \
                                                                         \
                if (begin_r_ < 0)                                        \
                        return begin_r_;                                 \
                if (stmt)                                                \
                        db_bind_all((stmt), __VA_ARGS__);                \
        } while (0)

/* --- grants -------------------------------------------------------------------------------------
 */

int auth_grants_of_user(struct auth_store *s, const char *user, const char *workspace,
                        struct arena *a, struct auth_grant **ret, size_t *ret_n) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grants_of_user, stmt, user, workspace);
        return auth_store_db_rows(s, stmt, a, read_grant, sizeof(**ret), (void **) ret, ret_n);
}

int auth_grants_of_role(struct auth_store *s, int64_t role_id, struct arena *a,
                        struct auth_grant **ret, size_t *ret_n) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grants_of_role, stmt, role_id);
        return auth_store_db_rows(s, stmt, a, read_grant, sizeof(**ret), (void **) ret, ret_n);
}

int auth_grants_get(struct auth_store *s, int64_t id, struct arena *a, struct auth_grant *ret) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_get, stmt, id);
        return auth_store_db_row(s, stmt, a, read_grant, ret);
}

/* The user's own role and its being had: there afterwards. */
static int own_role(struct auth_store *s, const char *user) {
        struct db_stmt *stmt;
        int r;

        BEGIN(s, AUTH_STORE_SQL_grant_own_role, stmt, user);
        r = auth_store_db_change(s, stmt);
        if (r != 0 && r != AUTH_STORE_EXISTS)
                return r;
        BEGIN(s, AUTH_STORE_SQL_grant_own_member, stmt, user);
        r = auth_store_db_change(s, stmt);
        return r == AUTH_STORE_EXISTS ? 0 : r;
}

static int give(struct auth_store *s, const char *user, const char *type, const char *pattern,
                const char *permission) {
        struct db_stmt *stmt;
        int r = own_role(s, user);

        if (r != 0)
                return r;
        BEGIN(s, AUTH_STORE_SQL_grant_give, stmt, type, pattern, permission, user);
        return auth_store_db_change(s, stmt);
}

int auth_grants_give(struct auth_store *s, const char *user, const char *type, const char *pattern,
                     const char *permission) {
        int r = auth_store_db_all(s);

        return r < 0 ? r : auth_store_db_all_end(s, give(s, user, type, pattern, permission));
}

int auth_grants_take(struct auth_store *s, const char *user, const char *type,
                     const char *pattern) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_take, stmt, type, pattern, user);
        return auth_store_db_change(s, stmt);
}

int auth_grants_forget(struct auth_store *s, const char *type, const char *pattern) {
        struct db_stmt *stmt;
        int r;

        BEGIN(s, AUTH_STORE_SQL_grant_forget, stmt, type, pattern);
        r = auth_store_db_change(s, stmt);
        return r == AUTH_STORE_ABSENT ? 0 : r;
}

int auth_grants_move(struct auth_store *s, const char *type, const char *pattern,
                     const char *new_pattern) {
        struct db_stmt *stmt;
        int r = auth_grants_forget(s, type, new_pattern);

        if (r < 0)
                return r;
        BEGIN(s, AUTH_STORE_SQL_grant_move, stmt, new_pattern, type, pattern);
        r = auth_store_db_change(s, stmt);
        return r == AUTH_STORE_ABSENT ? 0 : r;
}

int auth_grants_add(struct auth_store *s, int64_t role_id, const char *type, const char *pattern,
                    const char *permission) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_insert, stmt, role_id, type, pattern, permission);
        return auth_store_db_change(s, stmt);
}

int auth_grants_update(struct auth_store *s, int64_t id, const char *permission) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_update, stmt, permission, id);
        return auth_store_db_change(s, stmt);
}

int auth_grants_delete(struct auth_store *s, int64_t id) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_delete, stmt, id);
        return auth_store_db_change(s, stmt);
}

/* --- roles --------------------------------------------------------------------------------------
 */

int auth_grants_role_insert(struct auth_store *s, const char *workspace, const char *name,
                            const char *description) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_role_insert, stmt, workspace, name, description);
        return auth_store_db_change(s, stmt);
}

int auth_grants_role_get(struct auth_store *s, int64_t id, struct arena *a,
                         struct auth_grants_role *ret) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_role_get, stmt, id);
        return auth_store_db_row(s, stmt, a, read_role, ret);
}

int auth_grants_role_get_by_name(struct auth_store *s, const char *workspace, const char *name,
                                 struct arena *a, struct auth_grants_role *ret) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_role_get_by_name, stmt, workspace, name);
        return auth_store_db_row(s, stmt, a, read_role, ret);
}

int auth_grants_role_list(struct auth_store *s, const char *user, struct arena *a,
                          struct auth_grants_role **ret, size_t *ret_n) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_role_list, stmt, user);
        return auth_store_db_rows(s, stmt, a, read_role, sizeof(**ret), (void **) ret, ret_n);
}

int auth_grants_role_update(struct auth_store *s, int64_t id, const char *name,
                            const char *description) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_role_update, stmt, name, description, id);
        return auth_store_db_change(s, stmt);
}

int auth_grants_role_delete(struct auth_store *s, int64_t id) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_role_delete, stmt, id);
        return auth_store_db_change(s, stmt);
}

int auth_grants_assign(struct auth_store *s, int64_t role_id, const char *user) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_assign, stmt, role_id, user);
        return auth_store_db_change(s, stmt);
}

int auth_grants_unassign(struct auth_store *s, int64_t role_id, const char *user) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_unassign, stmt, role_id, user);
        return auth_store_db_change(s, stmt);
}

int auth_grants_members(struct auth_store *s, int64_t role_id, struct arena *a,
                        struct auth_grants_member **ret, size_t *ret_n) {
        struct db_stmt *stmt;

        BEGIN(s, AUTH_STORE_SQL_grant_members, stmt, role_id);
        return auth_store_db_rows(s, stmt, a, read_member, sizeof(**ret), (void **) ret, ret_n);
}
