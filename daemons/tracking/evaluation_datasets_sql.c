#include "daemons/tracking/evaluation_datasets_sql.h"

#include <errno.h>

#include "lib/base/entropy.h"

#define DB_SET evaluation_datasets_sql
#define DB_SET_ROWS "daemons/tracking/evaluation_datasets_sql.def"
#include "lib/db/db_set.h"

/* Runs a statement whose only parameter is the id. */
static int run_by_id(struct db *db, size_t row, const char *id) {
        DB_USE struct db_stmt *s = use(db, row);

        db_bind_all(s, id);
        return db_run(s);
}

int evaluation_datasets_sql_read(struct db_stmt *s, struct arena *a,
                                 struct evaluation_dataset *ret) {
        bool oom = false;
        struct evaluation_dataset d = {
                .id = db_col_dup(s, 0, a, &oom),
                .name = db_col_dup(s, 1, a, &oom),
                .schema = db_col_dup(s, 2, a, &oom),
                .profile = db_col_dup(s, 3, a, &oom),
                .digest = db_col_dup(s, 4, a, &oom),
                .created_at_ms = db_col_i64(s, 5),
                .updated_at_ms = db_col_i64(s, 6),
                .created_by = db_col_dup(s, 7, a, &oom),
                .updated_by = db_col_dup(s, 8, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        *ret = d;
        return 0;
}

int evaluation_datasets_sql_read_record(struct db_stmt *s, struct arena *a,
                                        struct evaluation_record *ret) {
        bool oom = false;
        struct evaluation_record r = {
                .id = db_col_dup(s, 0, a, &oom),
                .dataset_id = db_col_dup(s, 1, a, &oom),
                .inputs = db_col_dup(s, 2, a, &oom),
                .outputs = db_col_dup(s, 3, a, &oom),
                .expectations = db_col_dup(s, 4, a, &oom),
                .tags = db_col_dup(s, 5, a, &oom),
                .source = db_col_dup(s, 6, a, &oom),
                .source_id = db_col_dup(s, 7, a, &oom),
                .source_type = db_col_dup(s, 8, a, &oom),
                .created_at_ms = db_col_i64(s, 9),
                .updated_at_ms = db_col_i64(s, 10),
                .created_by = db_col_dup(s, 11, a, &oom),
                .updated_by = db_col_dup(s, 12, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        *ret = r;
        return 0;
}

int evaluation_datasets_sql_get(struct db *db, struct arena *a, const char *id,
                                struct evaluation_dataset *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int r;

        db_bind_all(s, id);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        r = evaluation_datasets_sql_read(s, a, ret);
        return r < 0 ? r : DB_ROW;
}

int evaluation_datasets_sql_insert(struct db *db, const struct evaluation_dataset *d) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, d->id, d->name, d->schema, d->profile, d->digest, d->created_at_ms,
                    d->updated_at_ms, d->created_by, d->updated_by);
        return db_run(s);
}

int evaluation_datasets_sql_update(struct db *db, const struct evaluation_dataset *d) {
        DB_USE struct db_stmt *s = use(db, STMT_update);

        db_bind_all(s, d->schema, d->profile, d->digest, d->updated_at_ms, d->updated_by, d->id);
        return db_run(s);
}

static int delete_ties(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete_ties);

        db_bind_all(s, id, id);
        return db_run(s);
}

int evaluation_datasets_sql_delete(struct db *db, const char *id) {
        int r = delete_ties(db, id);

        if (r == 0)
                r = run_by_id(db, STMT_delete_records, id);
        if (r == 0)
                r = run_by_id(db, STMT_delete_tags, id);
        return r == 0 ? run_by_id(db, STMT_delete, id) : r;
}

struct db_stmt *evaluation_datasets_sql_tags(struct db *db, const char *id) {
        struct db_stmt *s = use(db, STMT_tags);

        db_bind_all(s, id);
        return s;
}

int evaluation_datasets_sql_tag_set(struct db *db, const char *id, const char *key,
                                    const char *value) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_set);

        db_bind_all(s, id, key, value);
        return db_run(s);
}

int evaluation_datasets_sql_tag_delete(struct db *db, const char *id, const char *key) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_delete);

        db_bind_all(s, id, key);
        return db_run(s);
}

struct db_stmt *evaluation_datasets_sql_experiments(struct db *db, const char *id) {
        struct db_stmt *s = use(db, STMT_experiments);

        db_bind_all(s, id);
        return s;
}

int evaluation_datasets_sql_tie(struct db *db, struct entropy *e, const char *id,
                                const char *experiment_id, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_tie);
        char tie[2 + ENTROPY_ID_SIZE] = "a-";
        int r = entropy_id(e, tie + 2);

        if (r < 0)
                return r;
        db_bind_all(s, tie, id, experiment_id, now_ms);
        r = db_run(s);
        return r == DB_CONFLICT ? 0 : r;
}

int evaluation_datasets_sql_untie(struct db *db, const char *id, const char *experiment_id,
                                  int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_untie);
        int r;

        db_bind_all(s, id, experiment_id);
        r = db_run(s);
        if (r == 0)
                *ret_n = db_changes(db);
        return r;
}

int evaluation_datasets_sql_record(struct db *db, struct arena *a, const char *id,
                                   const char *input_hash, struct evaluation_record *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_record_by_hash);
        int r;

        db_bind_all(s, id, input_hash);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        r = evaluation_datasets_sql_read_record(s, a, ret);
        return r < 0 ? r : DB_ROW;
}

int evaluation_datasets_sql_record_insert(struct db *db, const struct evaluation_record *r) {
        DB_USE struct db_stmt *s = use(db, STMT_record_insert);

        db_bind_all(s, r->id, r->dataset_id, r->inputs, r->outputs, r->expectations, r->tags,
                    r->source, r->source_id, r->source_type, r->created_at_ms, r->updated_at_ms,
                    r->created_by, r->updated_by, (const char *) r->input_hash);
        return db_run(s);
}

int evaluation_datasets_sql_record_update(struct db *db, const struct evaluation_record *r) {
        DB_USE struct db_stmt *s = use(db, STMT_record_update);

        db_bind_all(s, r->outputs, r->expectations, r->tags, r->updated_at_ms, r->updated_by,
                    r->id);
        return db_run(s);
}

int evaluation_datasets_sql_record_delete(struct db *db, const char *id, const char *record_id,
                                          int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_record_delete);
        int r;

        db_bind_all(s, id, record_id);
        r = db_run(s);
        if (r == 0)
                *ret_n = db_changes(db);
        return r;
}

int evaluation_datasets_sql_records_count(struct db *db, const char *id, int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_records_count);
        int r;

        db_bind_all(s, id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : -EIO;
        *ret_n = db_col_i64(s, 0);
        return 0;
}

struct db_stmt *evaluation_datasets_sql_records(struct db *db, const char *id, int64_t limit,
                                                int64_t offset, int64_t after_ms,
                                                const char *after_id) {
        struct db_stmt *s = use(db, after_id ? STMT_records_after : STMT_records);

        if (after_id)
                db_bind_all(s, id, after_ms, after_ms, after_id, limit);
        else
                db_bind_all(s, id, limit, offset);
        return s;
}
