/* tries_api.c: the tries of a task instance, with what each used and how it ended. */
#include <errno.h>

#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/scheduler_db.h"
#include "daemons/scheduler/tries_sql.h"
#include "lib/base/str.h"

#define COLUMNS TRIES_COLUMNS ", t.max_tries, t.pool, t.pool_slots"
#define FROM                                                                         \
        "tries y JOIN dag_runs r ON r.id = y.dag_run LEFT JOIN task_instances t ON " \
        "t.dag_run = y.dag_run AND t.task_id = y.task_id AND t.map_index = y.map_index"

/* The state a try ended in, in REST v2's words. */
static const char *state_name(const char *result, usec_t started_at) {
        if (!result)
                return started_at != USEC_INFINITY ? "running" : "queued";
        if (str_eq(result, "success") || str_eq(result, "skipped"))
                return result;
        return str_eq(result, "interrupted") ? "up_for_retry" : "failed";
}

static void write_usage(struct json_write *w, struct db_stmt *s) {
        static const char *const numbers[] = {"peak_memory_bytes", "read_bytes", "written_bytes",
                                              "log_bytes"};

        if (db_col_is_null(s, 12))
                return;
        json_write_kv_f64(w, "cpu_user_s", db_col_f64(s, 12));
        json_write_kv_f64(w, "cpu_system_s", db_col_f64(s, 13));
        for (int i = 0; i < (int) ARRAY_SIZE(numbers); i++)
                json_write_kv_i64(w, numbers[i], db_col_i64(s, 14 + i));
        json_write_kv_bool(w, "oom", db_col_i64(s, 18));
}

static void write_end(struct json_write *w, struct db_stmt *s) {
        json_write_kv_str(w, "result", db_col_text(s, 4));
        if (db_col_is_null(s, 9))
                json_write_kv_null(w, "exit_code");
        else
                json_write_kv_i64(w, "exit_code", db_col_i64(s, 9));
        if (db_col_is_null(s, 10))
                json_write_kv_null(w, "signal");
        else
                json_write_kv_i64(w, "signal", db_col_i64(s, 10));
        json_write_kv_str(w, "message", db_col_text(s, 11));
}

static int write_row(struct http_request *req, struct db_stmt *s, struct json_write *w) {
        usec_t started = scheduler_db_col_at(s, 7), ended = scheduler_db_col_at(s, 8);

        json_write_object(w);
        json_write_kv_str(w, "task_instance_id", db_col_text(s, 0));
        json_write_kv_str(w, "try_id", db_col_text(s, 0));
        json_write_kv_str(w, "dag_id", http_request_param(req, "dag_id"));
        json_write_kv_str(w, "dag_display_name", http_request_param(req, "dag_id"));
        json_write_kv_str(w, "dag_run_id", http_request_param(req, "run_id"));
        json_write_kv_str(w, "task_id", db_col_text(s, 1));
        json_write_kv_str(w, "task_display_name", db_col_text(s, 1));
        json_write_kv_i64(w, "map_index", db_col_i64(s, 2));
        json_write_kv_i64(w, "try_number", db_col_i64(s, 3));
        json_write_kv_str(w, "state", state_name(db_col_text(s, 4), started));
        json_write_kv_str(w, "unixname", db_col_text(s, 5));
        rest_kv_at(w, "queued_when", scheduler_db_col_at(s, 6));
        rest_kv_at(w, "start_date", started);
        rest_kv_at(w, "end_date", ended);
        rest_kv_duration(w, "duration", started, ended);
        json_write_kv_i64(w, "max_tries", db_col_i64(s, 19));
        json_write_kv_str(w, "pool", db_col_is_null(s, 20) ? "default_pool" : db_col_text(s, 20));
        json_write_kv_i64(w, "pool_slots", db_col_i64(s, 21));
        json_write_kv_str(w, "executor_config", "{}");
        write_end(w, s);
        write_usage(w, s);
        json_write_end(w);
        return 0;
}

static bool filter(struct http_request *req, struct rest_where *where) {
        int64_t map_index = -1;

        if (!rest_map_index(req, &map_index))
                return false;
        rest_where_number(where, "y.map_index = ?", map_index);
        rest_where_text(where, "r.dag_id = ?", http_request_param(req, "dag_id"));
        rest_where_text(where, "r.run_id = ?", http_request_param(req, "run_id"));
        rest_where_text(where, "y.task_id = ?", http_request_param(req, "task_id"));
        return true;
}

int tries_api_list(struct http_request *req) {
        _cleanup_(rest_where_done) struct rest_where where;
        struct rest_list list = {.key = "task_instances",
                                 .columns = COLUMNS,
                                 .from = FROM,
                                 .where = &where,
                                 .order = " ORDER BY y.try_number, y.try_id",
                                 .write = write_row};
        struct db *db;

        rest_where_init(&where, req);
        if (!filter(req, &where) || !rest_read_page(req, &list.page) ||
            !(db = scheduler_api_reader(req)))
                return rest_replied;
        return rest_reply_list(req, db, &list);
}

int tries_api_get(struct http_request *req) {
        struct db *db = scheduler_api_reader(req);
        _cleanup_buf_ struct buf b = {};
        DB_USE struct db_stmt *s = NULL;
        struct json_write w;
        int64_t number, map_index = -1;
        int r;

        if (!db || !rest_map_index(req, &map_index) ||
            !rest_param_i64(req, "try_number", "try", &number))
                return rest_replied;
        r = db_prepare_dynamic(db,
                               "SELECT " COLUMNS " FROM " FROM
                               " WHERE r.dag_id = ? AND r.run_id = ? AND y.task_id = ?"
                               " AND y.try_number = ? AND y.map_index = ? ORDER BY y.try_id DESC",
                               &s);
        if (r < 0)
                return r;
        db_bind_all(s, http_request_param(req, "dag_id"), http_request_param(req, "run_id"),
                    http_request_param(req, "task_id"), number, map_index);
        r = db_step(s);
        if (r < 0)
                return r;
        if (r != DB_ROW)
                return http_request_reply_error(req, 404, "task \"%s\" has no try %lld",
                                                http_request_param(req, "task_id"),
                                                (long long) number);
        json_write_init(&w, &b, 0);
        write_row(req, s, &w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}
