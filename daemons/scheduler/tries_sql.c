#include "daemons/scheduler/tries_sql.h"

#include <errno.h>

#include "daemons/scheduler/scheduler_db.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"

enum {
#define DB_STATEMENT(name, sql) TRIES_##name,
#include "daemons/scheduler/tries_sql.def"
#undef DB_STATEMENT
};

static const struct db_statement rows[] = {
#define DB_STATEMENT(name, sql) {#name, sql},
#include "daemons/scheduler/tries_sql.def"
#undef DB_STATEMENT
};

const struct db_set tries_sql_set = {"tries", rows, ARRAY_SIZE(rows)};

int tries_sql_insert(struct db *db, int64_t dag_run, const struct world_task *t,
                     const char *boot_id, const char *user) {
        DB_USE struct db_stmt *s = db_use(db, &tries_sql_set, TRIES_insert);
        int r;

        db_bind_all(s, t->try_id, dag_run, t->spec->id, t->map_index, t->try_number, boot_id, user);
        scheduler_db_bind_at(s, 8, t->queued_at);
        r = db_run(s);
        return r == DB_CONFLICT ? -EEXIST : r;
}

int tries_sql_set_started(struct db *db, const char *try_id, usec_t at) {
        DB_USE struct db_stmt *s = db_use(db, &tries_sql_set, TRIES_set_started);

        scheduler_db_bind_at(s, 1, at);
        db_bind_text(s, 2, try_id);
        return db_run(s);
}

static void bind_end(struct db_stmt *s, const struct spool_end *end) {
        if (end->exit_code >= 0)
                db_bind_i64(s, 4, end->exit_code);
        if (end->signal > 0)
                db_bind_i64(s, 5, end->signal);
        db_bind_f64(s, 7, end->cpu_user_s);
        db_bind_f64(s, 8, end->cpu_system_s);
        db_bind_i64(s, 9, end->peak_memory_bytes);
        db_bind_i64(s, 10, end->read_bytes);
        db_bind_i64(s, 11, end->written_bytes);
        db_bind_i64(s, 12, end->log_bytes);
}

int tries_sql_set_ended(struct db *db, const char *try_id, enum world_result result, usec_t at,
                        const struct spool_end *end, const char *message) {
        DB_USE struct db_stmt *s = db_use(db, &tries_sql_set, TRIES_set_ended);

        db_bind_text(s, 1, world_apply_result_name(result));
        scheduler_db_bind_at(s, 2, end ? end->started_at : USEC_INFINITY);
        scheduler_db_bind_at(s, 3, end && end->ended_at != USEC_INFINITY ? end->ended_at : at);
        if (end)
                bind_end(s, end);
        db_bind_text(s, 6, message);
        db_bind_i64(s, 13, end && end->oom);
        db_bind_text(s, 14, try_id);
        return db_run(s);
}

int tries_sql_get_boot(struct db *db, const char *try_id, char *ret, size_t size) {
        DB_USE struct db_stmt *s = db_use(db, &tries_sql_set, TRIES_get_boot);
        int r;

        db_bind_all(s, try_id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        return str_copy(ret, size, db_col_text(s, 0));
}

int tries_sql_whose(struct db *db, const char *try_id, struct arena *a,
                    struct tries_sql_whose *ret) {
        DB_USE struct db_stmt *s = db_use(db, &tries_sql_set, TRIES_whose);
        bool oom = false;
        int r;

        db_bind_all(s, try_id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        *ret = (struct tries_sql_whose){.dag_id = db_col_dup(s, 0, a, &oom),
                                        .run_id = db_col_dup(s, 1, a, &oom),
                                        .task_id = db_col_dup(s, 2, a, &oom),
                                        .map_index = db_col_i64(s, 3),
                                        .try_number = db_col_i64(s, 4)};
        return oom ? -ENOMEM : 0;
}

static int64_t number_or_none(struct db_stmt *s, int col) {
        return db_col_is_null(s, col) ? -1 : db_col_i64(s, col);
}

static void read_untold(struct db_stmt *s, struct arena *a, struct tries_sql_untold *ret,
                        bool *ret_oom) {
        *ret = (struct tries_sql_untold){
                .try_id = db_col_dup(s, 0, a, ret_oom),
                .result = db_col_dup(s, 1, a, ret_oom),
                .task_id = db_col_dup(s, 2, a, ret_oom),
                .try_number = db_col_i64(s, 3),
                .dag_id = db_col_dup(s, 4, a, ret_oom),
                .run_id = db_col_dup(s, 5, a, ret_oom),
                .begun = db_col_dup(s, 6, a, ret_oom),
                .started_at = scheduler_db_col_at(s, 7),
                .ended_at = scheduler_db_col_at(s, 8),
                .cpu_s = db_col_is_null(s, 9) ? -1 : db_col_f64(s, 9),
                .peak_memory_bytes = number_or_none(s, 10),
                .read_bytes = number_or_none(s, 11),
                .written_bytes = number_or_none(s, 12),
        };
}

int tries_sql_untold(struct db *db, size_t limit, struct arena *a, struct tries_sql_untold **ret,
                     size_t *ret_n) {
        DB_USE struct db_stmt *s = db_use(db, &tries_sql_set, TRIES_untold);
        struct tries_sql_untold *list = arena_zalloc_array(a, limit, sizeof(*list));
        bool oom = !list;
        size_t n = 0;
        int r;

        db_bind_all(s, limit, limit, limit);
        while (!oom && (r = db_step(s)) == DB_ROW)
                read_untold(s, a, &list[n++], &oom);
        if (oom)
                return -ENOMEM;
        *ret = list;
        *ret_n = n;
        return r;
}

int tries_sql_set_told(struct db *db, const char *try_id) {
        DB_USE struct db_stmt *s = db_use(db, &tries_sql_set, TRIES_set_told);

        db_bind_all(s, try_id);
        return db_run(s);
}
