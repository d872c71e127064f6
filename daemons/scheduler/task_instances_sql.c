#include "daemons/scheduler/task_instances_sql.h"

#include <errno.h>

#include "daemons/scheduler/scheduler_db.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"

enum {
#define DB_STATEMENT(name, sql) TASKS_##name,
#include "daemons/scheduler/task_instances_sql.def"
#undef DB_STATEMENT
};

static const struct db_statement rows[] = {
#define DB_STATEMENT(name, sql) {#name, sql},
#include "daemons/scheduler/task_instances_sql.def"
#undef DB_STATEMENT
};

const struct db_set task_instances_sql_set = {"task_instances", rows, ARRAY_SIZE(rows)};

const char *task_instances_sql_operator(const struct dag_task *t) {
        return t->type ? t->type : t->kind == DAG_MARKER ? "marker" : "command";
}

int task_instances_sql_insert(struct db *db, int64_t dag_run, const struct world_run *run) {
        int r = 0;

        for (size_t i = 0; i < run->spec->n_tasks && r >= 0; i++) {
                DB_USE struct db_stmt *s = db_use(db, &task_instances_sql_set, TASKS_insert);
                const struct world_task *t = &run->tasks[i];

                db_bind_all(s, dag_run, t->spec->id, t->map_index, i, task_state_name(t->state),
                            t->try_number, t->max_tries, task_instances_sql_operator(t->spec),
                            t->spec->pool, t->spec->pool_slots, t->spec->weight);
                r = db_run(s);
                if (r == DB_CONFLICT)
                        r = -EEXIST;
        }
        return r;
}

int task_instances_sql_update(struct db *db, int64_t dag_run, const struct world_task *t) {
        DB_USE struct db_stmt *s = db_use(db, &task_instances_sql_set, TASKS_update);
        bool marked = t->stop == WORLD_STOP_MARKED;

        db_bind_all(s, task_state_name(t->state), t->try_number, t->max_tries);
        scheduler_db_bind_word(s, 4, t->try_id);
        scheduler_db_bind_at(s, 5, t->queued_at);
        scheduler_db_bind_at(s, 6, t->started_at);
        scheduler_db_bind_at(s, 7, t->ended_at);
        scheduler_db_bind_at(s, 8, t->retry_at);
        db_bind_text(s, 9, t->stop == WORLD_STOP_NONE ? NULL : world_stop_name(t->stop));
        db_bind_text(s, 10, marked ? task_state_name(t->marked_state) : NULL);
        db_bind_i64(s, 11, dag_run);
        db_bind_text(s, 12, t->spec->id);
        db_bind_i64(s, 13, t->map_index);
        return db_run(s);
}

static int task_load(struct db_stmt *s, struct world_task *t) {
        const char *try_id = db_col_text(s, 5), *stop = db_col_text(s, 10);
        const char *marked = db_col_text(s, 11);

        t->try_number = (unsigned) db_col_i64(s, 3);
        t->max_tries = (unsigned) db_col_i64(s, 4);
        t->queued_at = scheduler_db_col_at(s, 6);
        t->started_at = scheduler_db_col_at(s, 7);
        t->ended_at = scheduler_db_col_at(s, 8);
        t->retry_at = scheduler_db_col_at(s, 9);
        if (task_state_parse(db_col_text(s, 2), &t->state) != 0 ||
            (stop && world_stop_parse(stop, &t->stop) != 0) ||
            (marked && task_state_parse(marked, &t->marked_state) != 0) ||
            str_copy(t->try_id, sizeof(t->try_id), try_id ? try_id : "") < 0)
                return -EUCLEAN;
        return 0;
}

int task_instances_sql_load(struct db *db, int64_t dag_run, struct world_run *run) {
        DB_USE struct db_stmt *s = db_use(db, &task_instances_sql_set, TASKS_of_run);
        int r;

        db_bind_all(s, dag_run);
        while ((r = db_step(s)) == DB_ROW) {
                struct world_task *t =
                        world_get_task(run, db_col_text(s, 0), (int) db_col_i64(s, 1));

                if (t && (r = task_load(s, t)) < 0)
                        return r;
        }
        return r;
}

int task_instances_sql_failed(struct db *db, int64_t dag_run, const char *task_id, struct arena *a,
                              const char **ret_task_id, const char **ret_message) {
        DB_USE struct db_stmt *s = db_use(db, &task_instances_sql_set, TASKS_failed);
        const char *id, *message;
        int r;

        db_bind_i64(s, 1, dag_run);
        db_bind_text(s, 2, task_id);
        db_bind_text(s, 3, task_id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        id = arena_strdup(a, db_col_text(s, 0));
        message = arena_strdup(a, db_col_is_null(s, 1) ? "" : db_col_text(s, 1));
        if (!id || !message)
                return -ENOMEM;
        *ret_task_id = id;
        *ret_message = message;
        return 0;
}
