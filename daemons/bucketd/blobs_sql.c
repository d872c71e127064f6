#include "daemons/bucketd/blobs_sql.h"

#include <errno.h>
#include <string.h>

#include "daemons/bucketd/bucketd_db.h"

#define DB_SET blobs_sql
#define DB_SET_ROWS "daemons/bucketd/blobs_sql.def"
#include "lib/db/db_set.h"

int blobs_sql_insert(struct db *db, uint64_t id, int64_t refs, uint64_t size, const void *data) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);
        int r;

        db_bind_all(s, (int64_t) id, refs, (int64_t) size, (int64_t) (data == NULL));
        r = bucketd_db_ran(db_run(s));
        if (r == 0 && data) {
                DB_USE struct db_stmt *d = use(db, STMT_insert_data);

                db_bind_i64(d, 1, (int64_t) id);
                db_bind_blob(d, 2, data, size);
                r = bucketd_db_ran(db_run(d));
        }
        return r;
}

static int add_refs(struct db *db, uint64_t id, int64_t n, int64_t *ret_refs) {
        DB_USE struct db_stmt *s = use(db, STMT_add_refs);
        int r;

        db_bind_all(s, n, (int64_t) id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : -EUCLEAN;
        *ret_refs = db_col_i64(s, 0);
        r = db_step(s);
        return *ret_refs < 0 ? -EUCLEAN : bucketd_db_ran(r);
}

int blobs_sql_hold(struct db *db, const struct segments *s) {
        int64_t refs;
        int r = 0;

        for (size_t i = 0; r == 0 && i < s->n; i++)
                r = add_refs(db, s->all[i].blob, 1, &refs);
        return r;
}

static int add_gone(struct blobs_sql_gone *gone, uint64_t id) {
        if (gone->n == gone->n_max) {
                size_t n_max = gone->n_max ? 2 * gone->n_max : 8;
                uint64_t *ids = arena_zalloc_array(gone->arena, n_max, sizeof(*ids));

                if (!ids)
                        return -ENOMEM;
                if (gone->n > 0)
                        memcpy(ids, gone->ids, gone->n * sizeof(*ids));
                gone->ids = ids;
                gone->n_max = n_max;
        }
        gone->ids[gone->n++] = id;
        return 0;
}

int blobs_sql_release(struct db *db, const struct segments *s, struct blobs_sql_gone *gone) {
        int64_t refs;
        int r = 0;

        for (size_t i = 0; r == 0 && i < s->n; i++) {
                r = add_refs(db, s->all[i].blob, -1, &refs);
                if (r == 0 && refs == 0)
                        r = add_gone(gone, s->all[i].blob);
        }
        return r;
}

int blobs_sql_is_in_file(struct db *db, uint64_t id) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int r;

        db_bind_all(s, (int64_t) id);
        r = db_step(s);
        return r == DB_ROW ? db_col_i64(s, 2) != 0 : r < 0 ? r : -ENOENT;
}

int blobs_sql_read(struct db *db, uint64_t id, uint64_t offset, size_t size, void *to) {
        DB_USE struct db_stmt *s = use(db, STMT_get_data);
        const char *data;
        size_t n;
        int r;

        db_bind_all(s, (int64_t) id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : -EUCLEAN;
        data = db_col_blob(s, 0, &n);
        if (offset > n || size > n - offset)
                return -EUCLEAN;
        if (size > 0)
                memcpy(to, data + offset, size);
        return 0;
}

int blobs_sql_delete(struct db *db, const uint64_t *ids, size_t n) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                DB_USE struct db_stmt *s = use(db, STMT_delete);
                DB_USE struct db_stmt *d = use(db, STMT_delete_data);

                db_bind_all(s, (int64_t) ids[i]);
                r = bucketd_db_ran(db_run(s));
                if (r == 0 && db_changes(db) > 0) {
                        db_bind_all(d, (int64_t) ids[i]);
                        r = bucketd_db_ran(db_run(d));
                }
        }
        return r;
}

int blobs_sql_garbage(struct db *db, struct arena *a, uint64_t **ret_ids, size_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_garbage);
        struct blobs_sql_gone gone = {.arena = a};
        int r;

        while ((r = db_step(s)) == DB_ROW)
                if ((r = add_gone(&gone, (uint64_t) db_col_i64(s, 0))) < 0)
                        return r;
        if (r < 0)
                return r;
        *ret_ids = gone.ids;
        *ret_n = gone.n;
        return 0;
}

int blobs_sql_last(struct db *db, uint64_t *ret_id) {
        DB_USE struct db_stmt *s = use(db, STMT_last);
        int r = db_step(s);

        if (r == DB_ROW)
                *ret_id = (uint64_t) db_col_i64(s, 0);
        return r == DB_ROW ? 0 : r < 0 ? r : -EUCLEAN;
}
