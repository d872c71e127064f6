/* auth_store_db.c: opening auth.db, also later than the daemon's start: a first user may come any
 * time. A read-only store looks for an absent file at most once a second. */
#include "lib/auth/auth_store_db.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db_migrate.h"

#define DB_STATEMENT(name, sql) {#name, sql},
static const struct db_statement rows[] = {
#include "lib/auth/auth_store.def"
};
#undef DB_STATEMENT
static const struct db_set set = {"auth_store", rows, ARRAY_SIZE(rows)};

static const struct db_migration migrations[] = {
        {1, "CREATE TABLE users(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, "
            "hash TEXT, role TEXT NOT NULL, created_at BIGINT NOT NULL, "
            "sessions_from_at BIGINT NOT NULL);"
            "CREATE TABLE tokens(id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL "
            "REFERENCES users(id) ON DELETE CASCADE, label TEXT NOT NULL, "
            "hash BLOB NOT NULL UNIQUE, role TEXT NOT NULL, created_at BIGINT NOT NULL, "
            "used_at BIGINT NOT NULL, expires_at BIGINT NOT NULL);"
            "CREATE INDEX tokens_user ON tokens(user_id)"},
        {2, "CREATE TABLE grant_roles(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL "
            "UNIQUE, description TEXT);"
            "CREATE TABLE grants(id INTEGER PRIMARY KEY AUTOINCREMENT, role_id INTEGER NOT NULL "
            "REFERENCES grant_roles(id) ON DELETE CASCADE, type TEXT NOT NULL, pattern TEXT NOT "
            "NULL, permission TEXT NOT NULL, UNIQUE (role_id, type, pattern));"
            "CREATE TABLE grant_members(id INTEGER PRIMARY KEY AUTOINCREMENT, role_id INTEGER NOT "
            "NULL REFERENCES grant_roles(id) ON DELETE CASCADE, user_id INTEGER NOT NULL "
            "REFERENCES users(id) ON DELETE CASCADE, UNIQUE (user_id, role_id));"
            "CREATE INDEX grant_members_role ON grant_members(role_id);"
            "CREATE INDEX grants_resource ON grants(type, pattern)"},
        /* Names of roles are unique in a workspace. What refers to the old table goes before it. */
        {3, "CREATE TABLE roles_of(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, "
            "description TEXT, workspace TEXT NOT NULL DEFAULT 'default', UNIQUE (workspace, "
            "name));"
            "CREATE TABLE grants_of(id INTEGER PRIMARY KEY AUTOINCREMENT, role_id INTEGER NOT NULL "
            "REFERENCES roles_of(id) ON DELETE CASCADE, type TEXT NOT NULL, pattern TEXT NOT NULL, "
            "permission TEXT NOT NULL, UNIQUE (role_id, type, pattern));"
            "CREATE TABLE members_of(id INTEGER PRIMARY KEY AUTOINCREMENT, role_id INTEGER NOT "
            "NULL REFERENCES roles_of(id) ON DELETE CASCADE, user_id INTEGER NOT NULL REFERENCES "
            "users(id) ON DELETE CASCADE, UNIQUE (user_id, role_id));"
            "INSERT INTO roles_of(id, name, description) SELECT id, name, description FROM "
            "grant_roles;"
            "INSERT INTO grants_of(id, role_id, type, pattern, permission) SELECT id, role_id, "
            "type, pattern, permission FROM grants;"
            "INSERT INTO members_of(id, role_id, user_id) SELECT id, role_id, user_id FROM "
            "grant_members;"
            "DROP TABLE grants; DROP TABLE grant_members; DROP TABLE grant_roles;"
            "ALTER TABLE roles_of RENAME TO grant_roles;"
            "ALTER TABLE grants_of RENAME TO grants;"
            "ALTER TABLE members_of RENAME TO grant_members;"
            "CREATE INDEX grant_members_role ON grant_members(role_id);"
            "CREATE INDEX grants_resource ON grants(type, pattern)"},
};

void auth_store_db_init_lock(struct auth_store *s) {
        pthread_mutexattr_t attr;

        (void) pthread_mutexattr_init(&attr);
        (void) pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
        (void) pthread_mutex_init(&s->lock, &attr);
        (void) pthread_mutexattr_destroy(&attr);
}

int auth_store_db_open(struct auth_store *s, struct errmsg *em) {
        _cleanup_free_ char *uri =
                str_printf("sqlite:///%s%s", *s->path == '/' ? "" : "./", s->path);
        _cleanup_(db_freep) struct db *db = NULL;
        unsigned flags = DB_ROLLBACK | DB_FOREIGN_KEYS;
        int r;

        if (!uri)
                return -ENOMEM;
        if (!(s->flags & AUTH_STORE_WRITE))
                flags |= DB_READ_ONLY;
        if (s->flags & AUTH_STORE_CREATE)
                flags |= DB_CREATE;
        r = db_open(uri, flags, em, &db);
        if (r >= 0 && (s->flags & AUTH_STORE_WRITE))
                r = db_migrate(db, migrations, ARRAY_SIZE(migrations), clock_now(s->clock), em);
        if (r >= 0)
                r = db_prepare_set(db, &set, em);
        if (r >= 0)
                s->db = TAKE_PTR(db);
        return r;
}

static int look_again(struct auth_store *s) {
        usec_t now_at = clock_mono(s->clock);
        int r;

        if (now_at < s->look_again_at)
                return 0;
        s->look_again_at = now_at + USEC_PER_SEC;
        if (access(s->path, F_OK) < 0 && errno == ENOENT)
                return 0;
        r = auth_store_db_open(s, NULL);
        return r == -ENOENT ? 0 : r;
}

/* Locked, if not negative. */
static int lock(struct auth_store *s) {
        int r = 0;

        (void) pthread_mutex_lock(&s->lock);
        if (!s->db)
                r = look_again(s);
        if (r < 0)
                (void) pthread_mutex_unlock(&s->lock);
        return r;
}

int auth_store_db_begin(struct auth_store *s, size_t row, struct db_stmt **ret_stmt) {
        int r = lock(s);

        if (r < 0)
                return r;
        *ret_stmt = s->db ? db_use(s->db, &set, row) : NULL;
        return 0;
}

void auth_store_db_end(struct auth_store *s, struct db_stmt *stmt) {
        db_reset(stmt);
        (void) pthread_mutex_unlock(&s->lock);
}

int auth_store_db_change(struct auth_store *s, struct db_stmt *stmt) {
        int r = -EROFS;

        if (stmt) {
                r = db_run(stmt);
                if (r == DB_CONFLICT)
                        r = AUTH_STORE_EXISTS;
                else if (r == DB_DONE && db_changes(s->db) == 0)
                        r = AUTH_STORE_ABSENT;
        }
        auth_store_db_end(s, stmt);
        return r;
}

int auth_store_db_all(struct auth_store *s) {
        int r = lock(s);

        if (r < 0)
                return r;
        r = s->db && (s->flags & AUTH_STORE_WRITE) ? db_begin(s->db, true) : -EROFS;
        if (r < 0)
                (void) pthread_mutex_unlock(&s->lock);
        return r;
}

int auth_store_db_all_end(struct auth_store *s, int r) {
        if (r == 0)
                r = db_commit(s->db);
        else
                db_rollback(s->db);
        (void) pthread_mutex_unlock(&s->lock);
        return r;
}

int auth_store_db_row(struct auth_store *s, struct db_stmt *stmt, struct arena *a,
                      auth_store_db_read_fn *read, void *ret) {
        int r = stmt ? db_step(stmt) : DB_DONE;

        if (r == DB_ROW)
                r = read(stmt, a, ret);
        else if (r == DB_DONE)
                r = AUTH_STORE_ABSENT;
        auth_store_db_end(s, stmt);
        return r;
}

/* Room for element n of a list in the arena, doubling it when it is full. 0 or -ENOMEM. */
static int grow(struct arena *a, void **list, size_t n, size_t size) {
        void *more;

        if (n != 0 && (n < 16 || (n & (n - 1)) != 0))
                return 0;
        more = arena_zalloc_array(a, n == 0 ? 16 : 2 * n, size);
        if (!more)
                return -ENOMEM;
        if (n > 0)
                memcpy(more, *list, n * size);
        *list = more;
        return 0;
}

int auth_store_db_rows(struct auth_store *s, struct db_stmt *stmt, struct arena *a,
                       auth_store_db_read_fn *read, size_t size, void **ret, size_t *ret_n) {
        void *list = NULL;
        size_t n = 0;
        int r = 0;

        while (stmt && (r = db_step(stmt)) == DB_ROW) {
                r = grow(a, &list, n, size);
                if (r >= 0)
                        r = read(stmt, a, (char *) list + n * size);
                if (r < 0)
                        break;
                n++;
        }
        auth_store_db_end(s, stmt);
        if (r < 0)
                return r;
        *ret = list;
        *ret_n = n;
        return 0;
}
