#include "daemons/scheduler/task_instances_sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/scheduler/core/world_leases.h"
#include "daemons/scheduler/core/world_maps.h"
#include "daemons/scheduler/scheduler_db.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
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

static int insert_one(struct db *db, int64_t dag_run, const struct world_task *t) {
        DB_USE struct db_stmt *s = db_use(db, &task_instances_sql_set, TASKS_insert);
        int r;

        db_bind_all(s, dag_run, t->spec->id, t->map_index, t->spec->index,
                    task_state_name(t->state), t->try_number, t->max_tries,
                    task_instances_sql_operator(t->spec), t->spec->pool, t->spec->pool_slots,
                    t->spec->weight);
        r = db_run(s);
        return r == DB_CONFLICT ? -EEXIST : r;
}

int task_instances_sql_insert(struct db *db, int64_t dag_run, const struct world_run *run) {
        int r = 0;

        for (size_t i = 0; i < run->spec->n_tasks && r >= 0; i++)
                r = insert_one(db, dag_run, &run->tasks[i]);
        return r;
}

static int delete_unmapped(struct db *db, int64_t dag_run, const char *task_id) {
        DB_USE struct db_stmt *s = db_use(db, &task_instances_sql_set, TASKS_delete_unmapped);

        db_bind_all(s, dag_run, task_id);
        return db_run(s);
}

int task_instances_sql_expand(struct db *db, int64_t dag_run, const struct world_task *all) {
        int r = delete_unmapped(db, dag_run, all->spec->id);

        for (unsigned i = 0; i < all->n_maps && r >= 0; i++) {
                r = insert_one(db, dag_run, all->maps[i]);
                if (r == -EEXIST)
                        r = task_instances_sql_update(db, dag_run, all->maps[i]);
        }
        return r;
}

/* "3 5 9" */
static void print_skips(const struct world_task *t, struct buf *out) {
        for (size_t i = 0; i < t->n_skips; i++)
                (void) buf_printf(out, "%s%u", i > 0 ? " " : "", t->skips[i]);
}

static int parse_skips(struct world_task *t, const char *text) {
        const char *word;
        size_t n = 0, len;

        t->skips = mem_alloc_array(strlen(text) / 2 + 1, sizeof(*t->skips));
        if (!t->skips)
                return -ENOMEM;
        while (str_word(&text, " ", &word, &len)) {
                unsigned long index = strtoul(word, NULL, 10);

                if (index >= t->run->spec->n_tasks)
                        return -EUCLEAN;
                t->skips[n++] = (unsigned) index;
        }
        t->n_skips = n;
        return 0;
}

int task_instances_sql_update(struct db *db, int64_t dag_run, const struct world_task *t) {
        DB_USE struct db_stmt *s = db_use(db, &task_instances_sql_set, TASKS_update);
        _cleanup_buf_ struct buf skips = {};
        char leases[WORLD_LEASES_TEXT_SIZE];
        bool marked = t->stop == WORLD_STOP_MARKED;

        db_bind_all(s, task_state_name(t->state), t->try_number, t->max_tries);
        scheduler_db_bind_word(s, 4, t->try_id);
        scheduler_db_bind_at(s, 5, t->queued_at);
        scheduler_db_bind_at(s, 6, t->started_at);
        scheduler_db_bind_at(s, 7, t->ended_at);
        scheduler_db_bind_at(s, 8, t->retry_at);
        db_bind_text(s, 9, t->stop == WORLD_STOP_NONE ? NULL : world_stop_name(t->stop));
        db_bind_text(s, 10, marked ? task_state_name(t->marked_state) : NULL);
        print_skips(t, &skips);
        if (buf_error(&skips))
                return -ENOMEM;
        db_bind_i64(s, 11, t->again);
        scheduler_db_bind_word(s, 12, t->n_skips > 0 ? buf_cstr(&skips) : NULL);
        scheduler_db_bind_word(s, 13, world_leases_print(t, leases));
        scheduler_db_bind_at(s, 14, t->poking_since);
        db_bind_i64(s, 15, dag_run);
        db_bind_text(s, 16, t->spec->id);
        db_bind_i64(s, 17, t->map_index);
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
        t->again = db_col_i64(s, 12) != 0;
        t->poking_since = scheduler_db_col_at(s, 15);
        if (!db_col_is_null(s, 14) && world_leases_parse(t, db_col_text(s, 14)) < 0)
                return -EUCLEAN;
        return db_col_is_null(s, 13) ? 0 : parse_skips(t, db_col_text(s, 13));
}

/* The task of a row; NULL when its DAG has none of that name. */
static int task_of(struct world_run *run, const char *task_id, int map_index,
                   struct world_task **ret) {
        *ret = world_get_task(run, task_id, -1);
        if (!*ret || map_index < 0)
                return 0;
        return world_maps_restore(*ret, map_index, ret) == -ENOMEM ? -ENOMEM : 0;
}

int task_instances_sql_load(struct db *db, int64_t dag_run, struct world_run *run) {
        DB_USE struct db_stmt *s = db_use(db, &task_instances_sql_set, TASKS_of_run);
        int r;

        db_bind_all(s, dag_run);
        while ((r = db_step(s)) == DB_ROW) {
                struct world_task *t;

                r = task_of(run, db_col_text(s, 0), (int) db_col_i64(s, 1), &t);
                if (r >= 0 && t)
                        r = task_load(s, t);
                if (r < 0)
                        return r;
        }
        return r;
}

int task_instances_sql_set_note(struct db *db, int64_t dag_run, const struct world_task *t,
                                const char *note) {
        DB_USE struct db_stmt *s = db_use(db, &task_instances_sql_set, TASKS_set_note);

        db_bind_text(s, 1, note);
        db_bind_i64(s, 2, dag_run);
        db_bind_text(s, 3, t->spec->id);
        db_bind_i64(s, 4, t->map_index);
        return db_run(s);
}

int task_instances_sql_failed(struct db *db, int64_t dag_run, const char *task_id, struct arena *a,
                              struct task_instances_sql_failure *ret) {
        DB_USE struct db_stmt *s = db_use(db, &task_instances_sql_set, TASKS_failed);
        struct task_instances_sql_failure failure;
        int r;

        db_bind_i64(s, 1, dag_run);
        db_bind_text(s, 2, task_id);
        db_bind_text(s, 3, task_id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        failure.task_id = arena_strdup(a, db_col_text(s, 0));
        failure.message = arena_strdup(a, db_col_is_null(s, 1) ? "" : db_col_text(s, 1));
        failure.has_log = db_col_i64(s, 2) > 0;
        if (!failure.task_id || !failure.message)
                return -ENOMEM;
        *ret = failure;
        return 0;
}
