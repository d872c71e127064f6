#include "daemons/bucketd/objects_sql.h"

#include <errno.h>

#include "daemons/bucketd/bucketd_db.h"
#include "lib/base/str.h"

#define DB_SET objects_sql
#define DB_SET_ROWS "daemons/bucketd/objects_sql.def"
#include "lib/db/db_set.h"

int objects_sql_row(struct db_stmt *s, struct arena *a, struct object *ret) {
        bool oom = false;
        size_t n;
        const void *segments = db_col_blob(s, 11, &n);
        struct object o = {
                .name = db_col_dup(s, 0, a, &oom),
                .generation = db_col_i64(s, 1),
                .metageneration = db_col_i64(s, 2),
                .size = (uint64_t) db_col_i64(s, 3),
                .crc32c = (uint32_t) db_col_i64(s, 4),
                .md5 = db_col_dup(s, 5, a, &oom),
                .components = db_col_i64(s, 6),
                .created_at = (usec_t) db_col_i64(s, 7),
                .updated_at = (usec_t) db_col_i64(s, 8),
                .content_type = db_col_dup(s, 9, a, &oom),
                .attributes = db_col_dup(s, 10, a, &oom),
                .deleted_at = (usec_t) db_col_i64(s, 12),
        };
        int r = oom ? -ENOMEM : segment_decode(a, segments, n, &o.segments);

        if (r < 0)
                return r;
        *ret = o;
        return 0;
}

static int one_row(struct db_stmt *s, struct arena *a, struct object *ret) {
        int r = db_step(s);

        if (r != DB_ROW)
                return r;
        r = objects_sql_row(s, a, ret);
        return r < 0 ? r : 1;
}

int objects_sql_get(struct db *db, struct arena *a, int64_t bucket, const char *name,
                    struct object *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);

        db_bind_all(s, bucket, name);
        return one_row(s, a, ret);
}

int objects_sql_get_version(struct db *db, struct arena *a, int64_t bucket, const char *name,
                            int64_t generation, struct object *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get_version);

        db_bind_all(s, bucket, name, generation);
        return one_row(s, a, ret);
}

int objects_sql_put(struct db *db, struct arena *a, int64_t bucket, const struct object *o) {
        DB_USE struct db_stmt *s = use(db, STMT_put);
        const void *segments = segment_encode(a, &o->segments);

        if (!segments)
                return -ENOMEM;
        db_bind_all(s, bucket, o->name, o->generation, o->metageneration, (int64_t) o->size,
                    (int64_t) o->crc32c, o->md5, o->components, (int64_t) o->created_at,
                    (int64_t) o->updated_at, o->content_type, o->attributes ? o->attributes : "");
        db_bind_blob(s, 13, segments, o->segments.n * SEGMENT_STORED_SIZE);
        return bucketd_db_ran(db_run(s));
}

int objects_sql_archive(struct db *db, int64_t bucket, const char *name, usec_t deleted_at) {
        DB_USE struct db_stmt *s = use(db, STMT_archive);

        db_bind_all(s, (int64_t) deleted_at, bucket, name);
        return bucketd_db_ran(db_run(s));
}

int objects_sql_set_attributes(struct db *db, int64_t bucket, const struct object *o) {
        bool is_version = o->deleted_at != 0;
        DB_USE struct db_stmt *s =
                use(db, is_version ? STMT_set_version_attributes : STMT_set_attributes);

        db_bind_all(s, o->metageneration, (int64_t) o->updated_at, o->content_type,
                    o->attributes ? o->attributes : "", bucket, o->name);
        if (is_version)
                db_bind_i64(s, 7, o->generation);
        return bucketd_db_ran(db_run(s));
}

int objects_sql_delete(struct db *db, int64_t bucket, const struct object *o) {
        bool is_version = o->deleted_at != 0;
        DB_USE struct db_stmt *s = use(db, is_version ? STMT_delete_version : STMT_delete);

        db_bind_all(s, bucket, o->name);
        if (is_version)
                db_bind_i64(s, 3, o->generation);
        return bucketd_db_ran(db_run(s));
}

int objects_sql_last_version(struct db *db, int64_t bucket, const char *name, int64_t *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_last_version);
        int r;

        db_bind_all(s, bucket, name);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : -EUCLEAN;
        *ret = db_col_i64(s, 0);
        return 0;
}

int objects_sql_any(struct db *db, int64_t bucket) {
        DB_USE struct db_stmt *s = use(db, STMT_any);

        db_bind_all(s, bucket);
        return db_step(s);
}

struct db_stmt *objects_sql_from(struct db *db, int64_t bucket, const char *from,
                                 enum objects_sql_with with) {
        static const size_t stmts[] = {[OBJECTS_SQL_LIVE] = STMT_from,
                                       [OBJECTS_SQL_FOLDERS] = STMT_from_with_folders,
                                       [OBJECTS_SQL_VERSIONS] = STMT_from_with_versions};
        struct db_stmt *s = use(db, stmts[with]);

        db_bind_all(s, bucket, from);
        return s;
}

int64_t objects_sql_row_generation(struct db_stmt *s) {
        return db_col_i64(s, 1);
}

bool objects_sql_row_is_folder(struct db_stmt *s) {
        return objects_sql_row_generation(s) == 0;
}

const char *objects_sql_row_name(struct db_stmt *s) {
        return db_col_text(s, 0);
}
