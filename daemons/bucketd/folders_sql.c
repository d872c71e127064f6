#include "daemons/bucketd/folders_sql.h"

#include <errno.h>
#include <string.h>

#include "daemons/bucketd/bucketd_db.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define DB_SET folders_sql
#define DB_SET_ROWS "daemons/bucketd/folders_sql.def"
#include "lib/db/db_set.h"

/* The first name behind all that begin with prefix, which ends in "/" or is "". */
static const char *behind(struct arena *a, const char *prefix) {
        size_t size = strlen(prefix);
        char *text;

        if (size == 0)
                return "\xff";
        text = arena_strdup(a, prefix);
        if (text)
                text[size - 1] = (char) (text[size - 1] + 1);
        return text;
}

int folders_sql_get(struct db *db, int64_t bucket, const char *name, struct folder *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int r;

        db_bind_all(s, bucket, name);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        *ret = (struct folder){name, db_col_i64(s, 0), (usec_t) db_col_i64(s, 1),
                               (usec_t) db_col_i64(s, 2)};
        return 1;
}

int folders_sql_insert(struct db *db, int64_t bucket, const char *name, usec_t at) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, bucket, name, (int64_t) at, (int64_t) at);
        return db_run(s);
}

int folders_sql_delete(struct db *db, int64_t bucket, const char *name) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);

        db_bind_all(s, bucket, name);
        return bucketd_db_ran(db_run(s));
}

int folders_sql_is_full(struct db *db, struct arena *a, int64_t bucket, const char *name) {
        DB_USE struct db_stmt *o = use(db, STMT_any_object);
        DB_USE struct db_stmt *f = use(db, STMT_any_folder);
        const char *end = behind(a, name);
        int r;

        if (!end)
                return -ENOMEM;
        db_bind_all(o, bucket, name, end);
        r = db_step(o);
        if (r != DB_DONE)
                return r;
        db_bind_all(f, bucket, name, end);
        return db_step(f);
}

int folders_sql_ensure(struct db *db, struct arena *a, int64_t bucket, const char *name,
                       usec_t at) {
        for (const char *p = strchr(name, '/'); p; p = strchr(p + 1, '/')) {
                const char *folder = arena_strndup(a, name, (size_t) (p + 1 - name));
                struct folder f;
                int r = folder ? folders_sql_get(db, bucket, folder, &f) : -ENOMEM;

                if (r == 0)
                        r = folders_sql_insert(db, bucket, folder, at);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int rename_all(struct db *db, size_t row, struct arena *a, int64_t bucket, const char *from,
                      const char *to, usec_t at) {
        DB_USE struct db_stmt *s = use(db, row);
        const char *end = behind(a, from);

        if (!end)
                return -ENOMEM;
        /* substr() counts characters. */
        db_bind_all(s, bucket, to, (int64_t) utf8_count(from, strlen(from)), from, end);
        if (row == STMT_rename)
                db_bind_i64(s, 6, (int64_t) at);
        return db_run(s);
}

int folders_sql_rename(struct db *db, struct arena *a, int64_t bucket, const char *from,
                       const char *to, usec_t at) {
        int r = rename_all(db, STMT_rename, a, bucket, from, to, at);

        return r != 0 ? r : rename_all(db, STMT_rename_objects, a, bucket, from, to, at);
}

struct db_stmt *folders_sql_from(struct db *db, struct arena *a, int64_t bucket, const char *from,
                                 const char *prefix) {
        struct db_stmt *s = use(db, STMT_from);
        const char *end = behind(a, prefix);

        if (end)
                db_bind_all(s, bucket, strcmp(from, prefix) > 0 ? from : prefix, end);
        return end ? s : NULL;
}

int folders_sql_row(struct db_stmt *s, struct arena *a, struct folder *ret) {
        bool oom = false;

        *ret = (struct folder){db_col_dup(s, 0, a, &oom), db_col_i64(s, 1),
                               (usec_t) db_col_i64(s, 2), (usec_t) db_col_i64(s, 3)};
        return oom ? -ENOMEM : 0;
}
