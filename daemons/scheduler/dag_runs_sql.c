#include "daemons/scheduler/dag_runs_sql.h"

#include <errno.h>

#include "daemons/scheduler/scheduler_db.h"
#include "lib/base/arena.h"

enum {
#define DB_STATEMENT(name, sql) RUNS_##name,
#include "daemons/scheduler/dag_runs_sql.def"
#undef DB_STATEMENT
};

static const struct db_statement rows[] = {
#define DB_STATEMENT(name, sql) {#name, sql},
#include "daemons/scheduler/dag_runs_sql.def"
#undef DB_STATEMENT
};

const struct db_set dag_runs_sql_set = {"dag_runs", rows, ARRAY_SIZE(rows)};

int dag_runs_sql_insert(struct db *db, const struct world_run *run, int64_t version,
                        const char *triggered_by, const char *note, int64_t *ret_id) {
        DB_USE struct db_stmt *s = db_use(db, &dag_runs_sql_set, RUNS_insert);
        int r;

        db_bind_all(s, run->spec->id, run->id, version, run_state_name(run->state),
                    run_state_type_name(run->type));
        scheduler_db_bind_at(s, 6, run->when.logical_at);
        scheduler_db_bind_at(s, 7, run->when.interval_start_at);
        scheduler_db_bind_at(s, 8, run->when.interval_end_at);
        scheduler_db_bind_at(s, 9, run->when.run_after_at);
        scheduler_db_bind_at(s, 10, run->queued_at);
        scheduler_db_bind_at(s, 11, run->started_at);
        scheduler_db_bind_at(s, 12, run->ended_at);
        db_bind_text(s, 13, run->conf);
        db_bind_text(s, 14, note);
        db_bind_text(s, 15, triggered_by);
        if (run->backfill)
                db_bind_i64(s, 16, run->backfill->id);
        db_bind_i64(s, 17, run->ignores_past);
        r = db_run(s);
        if (r != DB_DONE)
                return r < 0 ? r : -EEXIST;
        *ret_id = db_last_id(db);
        return 0;
}

int dag_runs_sql_update(struct db *db, int64_t id, const struct world_run *run) {
        DB_USE struct db_stmt *s = db_use(db, &dag_runs_sql_set, RUNS_update);

        db_bind_text(s, 1, run_state_name(run->state));
        scheduler_db_bind_at(s, 2, run->queued_at);
        scheduler_db_bind_at(s, 3, run->started_at);
        scheduler_db_bind_at(s, 4, run->ended_at);
        db_bind_i64(s, 5, run->missed_deadlines);
        db_bind_i64(s, 6, id);
        return db_run(s);
}

int dag_runs_sql_set_note(struct db *db, int64_t id, const char *note) {
        DB_USE struct db_stmt *s = db_use(db, &dag_runs_sql_set, RUNS_set_note);

        db_bind_all(s, note, id);
        return db_run(s);
}

int dag_runs_sql_old(struct db *db, usec_t before_at, size_t limit, struct arena *a,
                     struct dag_runs_sql_old **ret, size_t *ret_n) {
        DB_USE struct db_stmt *s = db_use(db, &dag_runs_sql_set, RUNS_old);
        struct dag_runs_sql_old *list = arena_zalloc_array(a, limit, sizeof(*list));
        bool oom = !list;
        size_t n = 0;
        int r = 0;

        db_bind_all(s, before_at, limit);
        while (!oom && (r = db_step(s)) == DB_ROW) {
                list[n].id = db_col_i64(s, 0);
                list[n].dag_id = db_col_dup(s, 1, a, &oom);
                list[n++].run_id = db_col_dup(s, 2, a, &oom);
        }
        if (oom)
                return -ENOMEM;
        *ret = list;
        *ret_n = n;
        return r;
}

int dag_runs_sql_delete(struct db *db, int64_t id) {
        static const int statements[] = {RUNS_delete_tracked,   RUNS_delete_tries,
                                         RUNS_delete_callbacks, RUNS_delete_xcoms,
                                         RUNS_delete_tasks,     RUNS_delete_row};
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(statements) && r >= 0; i++) {
                DB_USE struct db_stmt *s = db_use(db, &dag_runs_sql_set, (size_t) statements[i]);

                db_bind_all(s, id);
                r = db_run(s);
        }
        return r;
}

int dag_runs_sql_read(struct db_stmt *s, struct arena *a, struct dag_runs_sql_row *ret) {
        bool oom = false;

        *ret = (struct dag_runs_sql_row){
                .id = db_col_i64(s, 0),
                .dag_id = db_col_dup(s, 1, a, &oom),
                .run_id = db_col_dup(s, 2, a, &oom),
                .version = db_col_i64(s, 3),
                .when = {.logical_at = scheduler_db_col_at(s, 6),
                         .interval_start_at = scheduler_db_col_at(s, 7),
                         .interval_end_at = scheduler_db_col_at(s, 8),
                         .run_after_at = scheduler_db_col_at(s, 9)},
                .queued_at = scheduler_db_col_at(s, 10),
                .started_at = scheduler_db_col_at(s, 11),
                .ended_at = scheduler_db_col_at(s, 12),
                .conf = db_col_dup(s, 13, a, &oom),
                .note = db_col_dup(s, 14, a, &oom),
                .triggered_by = db_col_dup(s, 15, a, &oom),
                .missed_deadlines = (uint32_t) db_col_i64(s, 16),
                .backfill = db_col_i64(s, 17),
                .ignores_past = db_col_i64(s, 18) != 0,
                .version_at = scheduler_db_col_at(s, 19),
        };
        if (oom)
                return -ENOMEM;
        if (run_state_parse(db_col_text(s, 4), &ret->state) != 0 ||
            run_state_type_parse(db_col_text(s, 5), &ret->type) != 0)
                return -EUCLEAN;
        return 0;
}

static int read_one(struct db_stmt *s, struct arena *a, struct dag_runs_sql_row *ret) {
        int r = db_step(s);

        if (r != DB_ROW)
                return r < 0 ? r : 1;
        return dag_runs_sql_read(s, a, ret);
}

int dag_runs_sql_get(struct db *db, const char *dag_id, const char *run_id, struct arena *a,
                     struct dag_runs_sql_row *ret) {
        DB_USE struct db_stmt *s = db_use(db, &dag_runs_sql_set, RUNS_get);

        db_bind_all(s, dag_id, run_id);
        return read_one(s, a, ret);
}

static int read_each(struct db_stmt *s, struct arena *a,
                     int (*each)(void *ctx, const struct dag_runs_sql_row *row), void *ctx) {
        struct dag_runs_sql_row row;
        int r, q;

        while ((r = db_step(s)) == DB_ROW) {
                q = dag_runs_sql_read(s, a, &row);
                if (q == 0)
                        q = each(ctx, &row);
                if (q != 0)
                        return q;
        }
        return r;
}

int dag_runs_sql_past(struct db *db, const char *dag_id, struct arena *a,
                      int (*each)(void *ctx, const struct dag_runs_sql_row *row), void *ctx) {
        DB_USE struct db_stmt *s = db_use(db, &dag_runs_sql_set, RUNS_past_of);

        db_bind_all(s, dag_id, dag_id, dag_id);
        return read_each(s, a, each, ctx);
}

int dag_runs_sql_between(struct db *db, const char *dag_id, usec_t from_at, usec_t to_at,
                         struct arena *a,
                         int (*each)(void *ctx, const struct dag_runs_sql_row *row), void *ctx) {
        DB_USE struct db_stmt *s = db_use(db, &dag_runs_sql_set, RUNS_between);

        db_bind_text(s, 1, dag_id);
        scheduler_db_bind_at(s, 2, from_at);
        scheduler_db_bind_at(s, 3, from_at);
        scheduler_db_bind_at(s, 4, to_at);
        scheduler_db_bind_at(s, 5, to_at);
        return read_each(s, a, each, ctx);
}

int dag_runs_sql_open(struct db *db, struct arena *a,
                      int (*each)(void *ctx, const struct dag_runs_sql_row *row), void *ctx) {
        DB_USE struct db_stmt *s = db_use(db, &dag_runs_sql_set, RUNS_open);

        return read_each(s, a, each, ctx);
}

int dag_runs_sql_stats(struct db *db,
                       int (*each)(void *ctx, const char *dag_id, const char *state, int64_t n),
                       void *ctx) {
        DB_USE struct db_stmt *s = db_use(db, &dag_runs_sql_set, RUNS_stats);
        int r;

        while ((r = db_step(s)) == DB_ROW) {
                r = each(ctx, db_col_text(s, 0), db_col_text(s, 1), db_col_i64(s, 2));
                if (r != 0)
                        return r;
        }
        return r;
}
