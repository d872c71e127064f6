#include "daemons/tracking/traces_sql.h"

#include <errno.h>

#include "daemons/tracking/access.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"

#define DB_SET traces_sql
#define DB_SET_ROWS "daemons/tracking/traces_sql.def"
#include "lib/db/db_set.h"

const char *const traces_sql_tokens[] = {
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation_input_tokens_above_1hr",
};
const char *const traces_sql_costs[] = {"input_cost", "output_cost", "total_cost"};

enum { FIRST_TOKEN = 10, FIRST_COST = FIRST_TOKEN + TRACES_SQL_TOKENS };

int traces_sql_read(struct db_stmt *s, struct arena *a, struct trace *ret) {
        bool oom = false;
        struct trace t = {
                .id = db_col_dup(s, 0, a, &oom),
                .experiment_id = db_col_i64(s, 1),
                .at_ms = db_col_i64(s, 2),
                .took_ms = db_col_i64(s, 3),
                .has_took = !db_col_is_null(s, 3),
                .status = db_col_dup(s, 4, a, &oom),
                .client_id = db_col_dup(s, 5, a, &oom),
                .request_preview = db_col_dup(s, 6, a, &oom),
                .response_preview = db_col_dup(s, 7, a, &oom),
                .name = db_col_dup(s, 8, a, &oom),
                .session = db_col_dup(s, 9, a, &oom),
        };

        for (int i = 0; i < TRACES_SQL_TOKENS; i++) {
                t.has_tokens[i] = !db_col_is_null(s, FIRST_TOKEN + i);
                t.tokens[i] = db_col_i64(s, FIRST_TOKEN + i);
        }
        for (int i = 0; i < TRACES_SQL_COSTS; i++) {
                t.has_costs[i] = !db_col_is_null(s, FIRST_COST + i);
                t.costs[i] = db_col_f64(s, FIRST_COST + i);
        }
        if (oom)
                return -ENOMEM;
        *ret = t;
        return 0;
}

int traces_sql_get(struct db *db, const char *id, struct arena *a, struct trace *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int r;

        db_bind_all(s, id);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        r = traces_sql_read(s, a, ret);
        return r < 0 ? r : DB_ROW;
}

int traces_sql_need(struct db *db, struct refusal *r, const char *id, struct trace *ret) {
        int found = traces_sql_get(db, id, r->arena, ret);
        int x = found == DB_DONE ? access_check_absent(r) : 0;

        if (x == 0)
                x = refusal_row(r, found, "Trace with ID '%s' not found.", id);
        return x != 0 ? x : access_check_experiment(r, ret->experiment_id);
}

/* From time to costs, beginning at parameter `i`; the next free one. */
static int bind_fields(struct db_stmt *s, int i, const struct trace *t) {
        db_bind_i64(s, i++, t->at_ms);
        if (t->has_took)
                db_bind_i64(s, i, t->took_ms);
        i++;
        db_bind_text(s, i++, t->status);
        db_bind_text(s, i++, t->client_id);
        db_bind_text(s, i++, t->request_preview);
        db_bind_text(s, i++, t->response_preview);
        db_bind_text(s, i++, t->name);
        db_bind_text(s, i++, t->session);
        for (int k = 0; k < TRACES_SQL_TOKENS; k++, i++)
                if (t->has_tokens[k])
                        db_bind_i64(s, i, t->tokens[k]);
        for (int k = 0; k < TRACES_SQL_COSTS; k++, i++)
                if (t->has_costs[k])
                        db_bind_f64(s, i, t->costs[k]);
        return i;
}

int traces_sql_insert(struct db *db, const struct trace *t) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, t->id, t->experiment_id);
        bind_fields(s, 3, t);
        return db_run(s);
}

int traces_sql_update(struct db *db, const struct trace *t) {
        DB_USE struct db_stmt *s = use(db, STMT_update);

        db_bind_text(s, bind_fields(s, 1, t), t->id);
        return db_run(s);
}

int traces_sql_set_name(struct db *db, const char *id, const char *name) {
        DB_USE struct db_stmt *s = use(db, STMT_set_name);

        db_bind_all(s, name, id);
        return db_run(s);
}

int traces_sql_delete(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);
        DB_USE struct db_stmt *unqueue = use(db, STMT_unqueue);
        int r;

        db_bind_all(s, id);
        r = db_run(s);
        if (r != 0)
                return r;
        db_bind_all(unqueue, id);
        return db_run(unqueue);
}

static struct db_stmt *by_id(struct db *db, size_t row, const char *id) {
        struct db_stmt *s = use(db, row);

        db_bind_all(s, id);
        return s;
}

struct db_stmt *traces_sql_tags(struct db *db, const char *id) {
        return by_id(db, STMT_tags, id);
}

struct db_stmt *traces_sql_metadata(struct db *db, const char *id) {
        return by_id(db, STMT_metadata, id);
}

struct db_stmt *traces_sql_spans(struct db *db, const char *id) {
        return by_id(db, STMT_spans, id);
}

int traces_sql_tag_set(struct db *db, const char *id, const char *key, const char *value) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_set);

        db_bind_all(s, key, value, id);
        return db_run(s);
}

int traces_sql_tag_get(struct db *db, const char *id, const char *key, struct arena *a,
                       const char **ret) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_get);
        int r;

        db_bind_all(s, key, id);
        r = db_step(s);
        if (r == DB_ROW) {
                *ret = db_col_dup(s, 0, a, NULL);
                if (!*ret)
                        return -ENOMEM;
        }
        return r;
}

int traces_sql_has_spans(struct db *db, const char *id, struct arena *a, bool *ret) {
        const char *where = NULL;
        int r = traces_sql_tag_get(db, id, "mlflow.trace.spansLocation", a, &where);

        if (r < 0)
                return r;
        *ret = str_eq(where, "TRACKING_STORE");
        return 0;
}

int traces_sql_tag_delete(struct db *db, const char *id, const char *key, int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_delete);
        int r;

        db_bind_all(s, key, id);
        r = db_run(s);
        if (r == 0)
                *ret_n = db_changes(db);
        return r;
}

int traces_sql_metadata_set(struct db *db, const char *id, const char *key, const char *value) {
        DB_USE struct db_stmt *s = use(db, STMT_metadata_set);

        db_bind_all(s, key, value, id);
        return db_run(s);
}

int traces_sql_metadata_has(struct db *db, const char *id, const char *key) {
        DB_USE struct db_stmt *s = use(db, STMT_metadata_get);

        db_bind_all(s, key, id);
        return db_step(s);
}

int traces_sql_tie(struct db *db, struct entropy *e, const char *id, const char *type,
                   const char *other_id, int64_t now_ms) {
        DB_USE struct db_stmt *is_tied = use(db, STMT_is_tied);
        DB_USE struct db_stmt *s = NULL;
        char association[ENTROPY_ID_SIZE];
        int r;

        db_bind_all(is_tied, id, type, other_id);
        r = db_step(is_tied);
        if (r != DB_DONE)
                return r < 0 ? r : 0;
        r = entropy_id(e, association);
        if (r < 0)
                return r;
        s = use(db, STMT_tie);
        db_bind_all(s, association, id, type, other_id, now_ms);
        return db_run(s);
}

int traces_sql_move_assessments(struct db *db, const char *id, int64_t at_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_move_assessments);

        db_bind_all(s, at_ms, id);
        return db_run(s);
}

int traces_sql_span_put(struct db *db, const struct trace *t, const struct trace_span *span) {
        DB_USE struct db_stmt *s = use(db, STMT_span_put);

        db_bind_all(s, t->id, t->experiment_id, span->id, span->parent_id, span->name, span->type,
                    span->status, span->start_at_ns);
        if (span->end_at_ns)
                db_bind_i64(s, 9, span->end_at_ns);
        db_bind_text(s, 10, span->content);
        for (int i = 0; i < TRACES_SQL_COSTS; i++)
                if (span->has_costs[i])
                        db_bind_f64(s, 11 + i, span->costs[i]);
        db_bind_text(s, 14, span->model);
        db_bind_text(s, 15, span->provider);
        return db_run(s);
}
