#include "daemons/bucketd/uploads_sql.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemons/bucketd/bucketd_db.h"
#include "lib/base/str.h"

#define DB_SET uploads_sql
#define DB_SET_ROWS "daemons/bucketd/uploads_sql.def"
#include "lib/db/db_set.h"

/* "GENERATION,NOT,META,NOT", "-" for those that are not asked. */
static const char *print_condition(struct arena *a, const struct condition *c) {
        const char *text = "";

        for (size_t i = 0; text && i < CONDITION_N; i++)
                text = c->has[i] ? arena_printf(a, "%s%s%" PRId64, text, i ? "," : "", c->value[i])
                                 : arena_printf(a, "%s%s-", text, i ? "," : "");
        return text;
}

static void parse_condition(const char *text, struct condition *ret) {
        const char *word;
        size_t n;

        *ret = (struct condition){};
        for (size_t i = 0; i < CONDITION_N && str_word(&text, ",", &word, &n); i++)
                ret->has[i] = *word != '-' && sscanf(word, "%" SCNd64, &ret->value[i]) == 1;
}

int uploads_sql_insert(struct db *db, struct arena *a, const struct upload_row *u) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);
        const char *conditions = print_condition(a, &u->condition);

        if (!conditions)
                return -ENOMEM;
        db_bind_all(s, u->id, u->object.bucket, u->object.name, (int64_t) u->blob,
                    (int64_t) u->created_at);
        if (u->total != UINT64_MAX)
                db_bind_i64(s, 6, (int64_t) u->total);
        db_bind_text(s, 7, u->object.content_type);
        db_bind_text(s, 8, u->object.attributes ? u->object.attributes : "");
        db_bind_text(s, 9, conditions);
        db_bind_text(s, 10, u->wanted.crc32c);
        db_bind_text(s, 11, u->wanted.md5);
        db_bind_i64(s, 12, u->kind);
        return bucketd_db_ran(db_run(s));
}

int uploads_sql_get(struct db *db, struct arena *a, const char *id, struct upload_row *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        bool oom = false;
        int r;

        db_bind_all(s, id);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        *ret = (struct upload_row){
                .id = db_col_dup(s, 0, a, &oom),
                .object = {.bucket = db_col_dup(s, 1, a, &oom),
                           .name = db_col_dup(s, 2, a, &oom),
                           .content_type = db_col_dup(s, 6, a, &oom),
                           .attributes = db_col_dup(s, 7, a, &oom)},
                .blob = (uint64_t) db_col_i64(s, 3),
                .created_at = (usec_t) db_col_i64(s, 4),
                .total = db_col_is_null(s, 5) ? UINT64_MAX : (uint64_t) db_col_i64(s, 5),
                .wanted = {db_col_dup(s, 9, a, &oom), db_col_dup(s, 10, a, &oom)},
                .kind = (enum upload_kind) db_col_i64(s, 11),
                .result = db_col_dup(s, 12, a, &oom),
        };
        parse_condition(db_col_text(s, 8), &ret->condition);
        return oom ? -ENOMEM : 1;
}

int uploads_sql_set_result(struct db *db, const char *id, const char *result) {
        DB_USE struct db_stmt *s = use(db, STMT_set_result);

        db_bind_all(s, result, id);
        return bucketd_db_ran(db_run(s));
}

int uploads_sql_delete(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);

        db_bind_all(s, id);
        return bucketd_db_ran(db_run(s));
}

int uploads_sql_has_blob(struct db *db, uint64_t blob) {
        DB_USE struct db_stmt *s = use(db, STMT_by_blob);

        db_bind_all(s, (int64_t) blob);
        return db_step(s);
}

int uploads_sql_last_blob(struct db *db, uint64_t *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_last_blob);
        int r = db_step(s);

        if (r == DB_ROW)
                *ret = (uint64_t) db_col_i64(s, 0);
        return r < 0 ? r : 0;
}

int uploads_sql_old(struct db *db, struct arena *a, usec_t at, struct upload_row *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_old);
        bool oom = false;
        int r;

        db_bind_all(s, (int64_t) at);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        *ret = (struct upload_row){
                .id = db_col_dup(s, 0, a, &oom),
                .blob = (uint64_t) db_col_i64(s, 1),
                .kind = (enum upload_kind) db_col_i64(s, 2),
        };
        return oom ? -ENOMEM : 1;
}

int uploads_sql_put_part(struct db *db, struct arena *a, const char *id,
                         const struct upload_part *p) {
        DB_USE struct db_stmt *s = use(db, STMT_put_part);
        const void *segments = segment_encode(a, &p->segments);

        if (!segments)
                return -ENOMEM;
        db_bind_all(s, id, p->number, (int64_t) p->size, (int64_t) p->crc32c, p->etag,
                    (int64_t) p->updated_at);
        db_bind_blob(s, 7, segments, p->segments.n * SEGMENT_STORED_SIZE);
        return bucketd_db_ran(db_run(s));
}

static int read_part(struct db_stmt *s, struct arena *a, struct upload_part *ret) {
        bool oom = false;
        size_t n;
        const void *segments;
        int r = db_step(s);

        if (r != DB_ROW)
                return r;
        segments = db_col_blob(s, 5, &n);
        *ret = (struct upload_part){
                .number = db_col_i64(s, 0),
                .size = (uint64_t) db_col_i64(s, 1),
                .crc32c = (uint32_t) db_col_i64(s, 2),
                .etag = db_col_dup(s, 3, a, &oom),
                .updated_at = (usec_t) db_col_i64(s, 4),
        };
        r = segment_decode(a, segments, n, &ret->segments);
        return r < 0 ? r : oom ? -ENOMEM : 1;
}

int uploads_sql_get_part(struct db *db, struct arena *a, const char *id, int64_t number,
                         struct upload_part *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get_part);

        db_bind_all(s, id, number);
        return read_part(s, a, ret);
}

int uploads_sql_next_part(struct db *db, struct arena *a, const char *id, int64_t after,
                          struct upload_part *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_parts);

        db_bind_all(s, id, after);
        return read_part(s, a, ret);
}

int uploads_sql_delete_parts(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete_parts);

        db_bind_all(s, id);
        return bucketd_db_ran(db_run(s));
}
