/* task_instances_api.c: task instances: lists, one, marking. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "daemons/scheduler/dag_runs_json.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/scheduler_db.h"
#include "daemons/scheduler/task_instances_sql.h"
#include "lib/base/str.h"

#define COLUMNS                                                                             \
        "r.dag_id, r.run_id, t.task_id, t.map_index, t.state, t.try_number, t.max_tries, "  \
        "t.try_id, t.queued_at, t.started_at, t.ended_at, t.retry_at, t.operator, t.pool, " \
        "t.pool_slots, t.priority, r.logical_at, r.run_after_at, r.version, "               \
        "(SELECT y.message FROM tries y WHERE y.try_id = t.try_id), "                       \
        "(SELECT v.created_at FROM dag_versions v WHERE v.dag_id = r.dag_id "               \
        "AND v.version = r.version), t.note"
#define FROM "task_instances t JOIN dag_runs r ON r.id = t.dag_run"
#define NO_ID "00000000-0000-0000-0000-000000000000"

static void write_host(struct json_write *w) {
        char host[256] = "";

        gethostname(host, sizeof(host) - 1);
        json_write_kv_str(w, "hostname", host);
}

/* message: what the latest try said of its end, or NULL; a person's note goes before it. */
static void write_state(struct json_write *w, const char *name, usec_t retry_at,
                        const char *message, const char *note) {
        enum task_state state = TASK_NONE;

        (void) task_state_parse(name, &state);
        json_write_kv_str(w, "state", task_state_rest_name(state));
        json_write_kv_str(w, "state_detail", name);
        if (state == TASK_INTERRUPTED)
                message = "cut off by a stop of the machine; begins again without using a retry";
        else if (state != TASK_FAILED && state != TASK_UP_FOR_RETRY)
                message = NULL;
        json_write_kv_str(w, "note", note ? note : message);
        rest_kv_at(w, "next_try_at", retry_at);
}

static void write_nothing(struct json_write *w) {
        static const char *const keys[] = {"pid",     "executor",      "rendered_map_index",
                                           "trigger", "triggerer_job", "scheduled_when"};

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                json_write_kv_null(w, keys[i]);
        json_write_kv_str(w, "executor_config", "{}");
        json_write_kv_object(w, "rendered_fields");
        json_write_end(w);
}

static int write_row(struct http_request *req, struct db_stmt *s, struct json_write *w) {
        const char *try_id = db_col_text(s, 7), *task_id = db_col_text(s, 2);
        usec_t started = scheduler_db_col_at(s, 9), ended = scheduler_db_col_at(s, 10);

        json_write_object(w);
        json_write_kv_str(w, "id", try_id ? try_id : NO_ID);
        json_write_kv_str(w, "dag_id", db_col_text(s, 0));
        json_write_kv_str(w, "dag_display_name", db_col_text(s, 0));
        json_write_kv_str(w, "dag_run_id", db_col_text(s, 1));
        json_write_kv_str(w, "task_id", task_id);
        json_write_kv_str(w, "task_display_name", task_id);
        json_write_kv_i64(w, "map_index", db_col_i64(s, 3));
        write_state(w, db_col_text(s, 4), scheduler_db_col_at(s, 11), db_col_text(s, 19),
                    db_col_text(s, 21));
        json_write_kv_i64(w, "try_number", db_col_i64(s, 5));
        json_write_kv_i64(w, "max_tries", db_col_i64(s, 6));
        json_write_kv_str(w, "try_id", try_id);
        rest_kv_at(w, "queued_when", scheduler_db_col_at(s, 8));
        rest_kv_at(w, "start_date", started);
        rest_kv_at(w, "end_date", ended);
        rest_kv_duration(w, "duration", started, ended);
        json_write_kv_str(w, "operator", db_col_text(s, 12));
        json_write_kv_str(w, "operator_name", db_col_text(s, 12));
        json_write_kv_str(w, "pool", db_col_text(s, 13));
        json_write_kv_i64(w, "pool_slots", db_col_i64(s, 14));
        json_write_kv_i64(w, "priority_weight", db_col_i64(s, 15));
        json_write_kv_str(w, "queue", "default");
        rest_kv_at(w, "logical_date", scheduler_db_col_at(s, 16));
        rest_kv_at(w, "run_after", scheduler_db_col_at(s, 17));
        write_host(w);
        json_write_kv_null(w, "unixname");
        write_nothing(w);
        json_write_key(w, "dag_version");
        dag_runs_json_version(w, db_col_text(s, 0), db_col_i64(s, 18), scheduler_db_col_at(s, 20));
        json_write_end(w);
        return 0;
}

static bool read_batch(struct rest_where *where, struct rest_page *ret_page) {
        static const struct rest_key keys[] = {
                {"dag_ids", JSON_ARRAY}, {"dag_run_ids", JSON_ARRAY}, {"task_ids", JSON_ARRAY},
                {"state", JSON_ARRAY},   {"pool", JSON_ARRAY},        {"queue", JSON_ARRAY},
                {"executor", JSON_ARRAY}};

        if (!rest_where_read_body(where, keys, ARRAY_SIZE(keys), ret_page))
                return false;
        rest_where_any(where, "dag_ids", "r.dag_id");
        rest_where_any(where, "dag_run_ids", "r.run_id");
        rest_where_any(where, "task_ids", "t.task_id");
        return true;
}

static bool read_filter(struct rest_where *where) {
        const char *dag_id = http_request_param(where->req, "dag_id");
        const char *run_id = http_request_param(where->req, "run_id");

        if (!str_eq(dag_id, "~"))
                rest_where_text(where, "r.dag_id = ?", dag_id);
        if (!str_eq(run_id, "~"))
                rest_where_text(where, "r.run_id = ?", run_id);
        rest_where_any(where, "state", "t.state");
        rest_where_any(where, "pool", "t.pool");
        rest_where_any(where, "operator", "t.operator");
        rest_where_any(where, "task_id", "t.task_id");
        rest_where_any(where, "queue", "'default'");
        rest_where_any(where, "executor", "NULL"); /* none of ours has a name */
        return rest_where_dates(where, "start_date", "t.started_at") &&
               rest_where_dates(where, "end_date", "t.ended_at") &&
               rest_where_dates(where, "logical_date", "r.logical_at") &&
               rest_where_dates(where, "run_after", "r.run_after_at") &&
               rest_where_seconds(where, "duration", "t.ended_at - t.started_at");
}

/* Instances of one mapped task. */
int task_instances_api_mapped(struct http_request *req) {
        _cleanup_(rest_where_done) struct rest_where where;
        struct rest_list list = {.key = "task_instances",
                                 .columns = COLUMNS,
                                 .from = FROM,
                                 .where = &where,
                                 .order = " ORDER BY t.map_index",
                                 .write = write_row};
        struct db *db;

        rest_where_init(&where, req);
        rest_where_text(&where, "t.task_id = ?", http_request_param(req, "task_id"));
        rest_where_number(&where, "t.map_index > ?", -1);
        if (!rest_read_page(req, &list.page) || !read_filter(&where) ||
            !(db = scheduler_api_reader(req)))
                return rest_replied;
        return rest_reply_list(req, db, &list);
}

/* As the query asks, or, as a batch, the body. */
static int list_instances(struct http_request *req, bool is_batch) {
        static const struct rest_column columns[] = {{"id", "t.dag_run"},
                                                     {"task_id", "t.task_id"},
                                                     {"state", "t.state"},
                                                     {"map_index", "t.map_index"},
                                                     {"try_number", "t.try_number"},
                                                     {"start_date", "t.started_at"},
                                                     {"end_date", "t.ended_at"},
                                                     {"duration", "t.ended_at - t.started_at"},
                                                     {"run_after", "r.run_after_at"},
                                                     {"logical_date", "r.logical_at"}};
        _cleanup_(rest_where_done) struct rest_where where;
        _cleanup_buf_ struct buf order = {};
        struct rest_list list = {.key = "task_instances",
                                 .columns = COLUMNS,
                                 .from = FROM,
                                 .where = &where,
                                 .write = write_row};
        struct db *db;

        rest_where_init(&where, req);
        if (!(is_batch ? read_batch(&where, &list.page) : rest_read_page(req, &list.page)) ||
            !read_filter(&where) ||
            !rest_order(&where, columns, ARRAY_SIZE(columns), "t.dag_run, t.position, t.map_index",
                        &order) ||
            !(db = scheduler_api_reader(req)))
                return rest_replied;
        list.order = buf_cstr(&order);
        return rest_reply_list(req, db, &list);
}

int task_instances_api_list(struct http_request *req) {
        return list_instances(req, false);
}

int task_instances_api_batch(struct http_request *req) {
        return list_instances(req, true);
}

int task_instances_api_get(struct http_request *req) {
        struct db *db = scheduler_api_reader(req);
        _cleanup_buf_ struct buf b = {};
        DB_USE struct db_stmt *s = NULL;
        int64_t map_index = -1;
        struct json_write w;
        int r;

        if (!db || !rest_map_index(req, &map_index))
                return rest_replied;
        r = db_prepare_dynamic(db,
                               "SELECT " COLUMNS " FROM " FROM
                               " WHERE r.dag_id = ? AND r.run_id = ? AND t.task_id = ?"
                               " AND t.map_index = ?",
                               &s);
        if (r < 0)
                return r;
        db_bind_all(s, http_request_param(req, "dag_id"), http_request_param(req, "run_id"),
                    http_request_param(req, "task_id"), map_index);
        r = db_step(s);
        if (r < 0)
                return r;
        if (r != DB_ROW)
                return http_request_reply_error(
                        req, 404,
                        "run \"%s\" of DAG \"%s\" has no task \"%s\" with map index %lld; a mapped "
                        "task has instances: see listMapped",
                        http_request_param(req, "run_id"), http_request_param(req, "dag_id"),
                        http_request_param(req, "task_id"), (long long) map_index);
        json_write_init(&w, &b, 0);
        write_row(req, s, &w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

/* --- changing -----------------------------------------------------------------------------------
 */

/* j->flag: its state too. */
static int patch_one(struct scheduler *s, const struct scheduler_api_job *j, struct world_task *t) {
        int r = 0;

        if (j->note)
                r = task_instances_sql_set_note(s->db, scheduler_run_row(t->run), t,
                                                str_empty(j->note) ? NULL : j->note);
        if (r >= 0 && j->flag)
                r = engine_apply(s, &(struct world_event){.kind = WORLD_TASK_MARKED,
                                                          .at = clock_now(s->clock),
                                                          .task = t,
                                                          .task_state = j->task_state});
        return r;
}

static int run_patch(struct scheduler *s, struct scheduler_api_job *j) {
        struct world_task *t;
        struct world_run *run;
        int r = scheduler_api_job_run(s, j, &run);

        if (r != 0)
                return r;
        t = world_get_task(run, j->task_id, j->map_index);
        if (!t)
                return scheduler_api_job_refuse(j, 404, "run \"%s\" has no task \"%s\"", j->run_id,
                                                j->task_id);
        if (!t->is_expanded)
                r = patch_one(s, j, t);
        for (unsigned i = 0; t->is_expanded && i < t->n_maps && r >= 0; i++)
                r = patch_one(s, j, t->maps[i]);
        if (r >= 0)
                r = scheduler_api_job_log(s, j, j->flag ? "mark" : "patch_task_instance",
                                          j->flag ? task_state_name(j->task_state) : NULL);
        return MIN(r, 0);
}

/* Those that were changed, as Airflow answers. */
static int reply_patch(struct scheduler *s, struct scheduler_api_job *j) {
        _cleanup_(rest_where_done) struct rest_where where;
        struct rest_list list = {.key = "task_instances",
                                 .columns = COLUMNS,
                                 .from = FROM,
                                 .where = &where,
                                 .order = " ORDER BY t.map_index",
                                 .page.limit = REST_LIMIT_MAX,
                                 .write = write_row};

        rest_where_init(&where, j->req);
        rest_where_text(&where, "r.dag_id = ?", j->dag_id);
        rest_where_text(&where, "r.run_id = ?", j->run_id);
        rest_where_text(&where, "t.task_id = ?", j->task_id);
        if (j->map_index >= 0)
                rest_where_number(&where, "t.map_index = ?", j->map_index);
        return rest_reply_list(j->req, s->db, &list);
}

/* Absent, null or false. */
static bool is_false(const struct json *body, const char *key) {
        const struct json *v = json_get(body, key);
        bool on = false;

        return !v || json_is(v, JSON_NULL) || (json_bool(v, &on) == 0 && !on);
}

static bool is_markable(const char *name, enum task_state *ret) {
        return task_state_parse(name, ret) == 0 &&
               (*ret == TASK_SUCCESS || *ret == TASK_FAILED || *ret == TASK_SKIPPED);
}

int task_instances_api_patch(struct http_request *req) {
        /* the first two are known, the others must be false */
        static const char *const keys[] = {"new_state",        "note",
                                           "include_upstream", "include_downstream",
                                           "include_future",   "include_past"};
        struct scheduler_api_job *j;
        const struct json *body;
        int64_t map_index = -1;
        const char *state = NULL;
        struct errmsg em;

        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body) ||
            !(j = scheduler_api_job_new(req)))
                return rest_replied;
        if (json_want_str(body, "new_state", &state, &em) < 0 ||
            json_want_str(body, "note", &j->note, &em) < 0)
                return rest_refuse(req, &em);
        for (size_t i = 2; i < ARRAY_SIZE(keys); i++)
                if (!is_false(body, keys[i]))
                        return http_request_reply_error(
                                req, 422, "\"%s\" must be false: one task is marked at a time",
                                keys[i]);
        if (!rest_map_index(req, &map_index))
                return rest_replied;
        j->map_index = (int) map_index;
        j->flag = state != NULL;
        if (state && !is_markable(state, &j->task_state))
                return http_request_reply_error(
                        req, 422, "\"new_state\" must be success, failed or skipped, not \"%s\"",
                        state);
        j->run = run_patch;
        j->reply = reply_patch;
        return scheduler_api_job_submit(j);
}
