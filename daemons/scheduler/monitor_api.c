/* monitor_api.c: version, health, login tokens, import errors, event log, counts. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/event_logs_sql.h"
#include "daemons/scheduler/import_errors_sql.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/scheduler_db.h"
#include "lib/auth/auth_check.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

/* What REST v2 clients compare with: the Airflow whose API this is. */
#define REST_VERSION "3.3.2"
#define TOKEN_FOR USEC_PER_DAY

static int finish(struct http_request *req, struct json_write *w, struct buf *b) {
        int r = json_write_finish(w);

        return r < 0 ? r : http_request_reply_json(req, 200, b);
}

int monitor_api_version(struct http_request *req) {
        static const char text[] = "{\"version\":\"" REST_VERSION
                                   "\",\"git_version\":null,\"onebox\":\"" PACKAGE_VERSION "\"}";

        return http_request_reply_static(req, 200, "application/json", text, sizeof(text) - 1);
}

static void write_part(struct json_write *w, const char *name, const char *beat, usec_t at,
                       bool runs) {
        json_write_kv_object(w, name);
        json_write_kv_str(w, "status", runs ? "healthy" : NULL);
        if (beat)
                rest_kv_at(w, beat, runs ? at : USEC_INFINITY);
        json_write_end(w);
}

int monitor_api_health(struct http_request *req) {
        usec_t now = clock_now(scheduler_api_of(req)->clock);
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        write_part(&w, "metadatabase", NULL, now, true);
        write_part(&w, "scheduler", "latest_scheduler_heartbeat", now, true);
        write_part(&w, "triggerer", "latest_triggerer_heartbeat", now, false);
        write_part(&w, "dag_processor", "latest_dag_processor_heartbeat", now, true);
        json_write_end(&w);
        return finish(req, &w, &b);
}

/* POST /auth/token {"username", "password"}: 201 {"access_token"}. */
int monitor_api_token(struct http_request *req) {
        static const char *const keys[] = {"username", "password", "grant_type"};
        struct auth_check *auth = scheduler_api_of(req)->auth;
        struct auth_check_refusal refusal;
        struct auth_identity identity;
        _cleanup_buf_ struct buf b = {};
        const char *name, *password, *token;
        const struct json *body;
        struct json_write w;
        struct errmsg em;
        int r;

        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body))
                return rest_replied;
        if (json_need_str(body, "username", &name, &em) < 0 ||
            json_need_str(body, "password", &password, &em) < 0)
                return rest_refuse(req, &em);
        r = auth_check_login(auth, name, password, req->arena, &identity, &refusal);
        if (r == AUTH_CHECK_REFUSED)
                return http_request_reply_error(req, refusal.status, "%s", refusal.message);
        if (r >= 0)
                r = auth_check_session(auth, &identity, TOKEN_FOR, req->arena, &token);
        if (r < 0)
                return r;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "access_token", token);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 201, &b);
}

/* --- import errors ------------------------------------------------------------------------------
 */

static void write_error(struct json_write *w, const struct import_errors_sql_row *row) {
        json_write_object(w);
        json_write_kv_i64(w, "import_error_id", row->id);
        rest_kv_at(w, "timestamp", row->at);
        json_write_kv_str(w, "filename", row->filename);
        json_write_kv_str(w, "bundle_name", "pipelines");
        json_write_kv_str(w, "stack_trace", row->message);
        json_write_end(w);
}

int monitor_api_import_errors(struct http_request *req) {
        _cleanup_buf_ struct buf b = {};
        struct import_errors_sql_row *rows;
        struct rest_page page;
        struct json_write w;
        int64_t total;
        struct db *db;
        size_t n;
        int r;

        if (!rest_read_page(req, &page) || !(db = scheduler_api_reader(req)))
                return rest_replied;
        r = import_errors_sql_list(db, page.limit, page.offset, req->arena, &rows, &n, &total);
        if (r < 0)
                return r;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "import_errors");
        for (size_t i = 0; i < n; i++)
                write_error(&w, &rows[i]);
        json_write_end(&w);
        json_write_kv_i64(&w, "total_entries", total);
        json_write_end(&w);
        return finish(req, &w, &b);
}

int monitor_api_import_error(struct http_request *req) {
        struct db *db = scheduler_api_reader(req);
        struct import_errors_sql_row row;
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int64_t id;
        int r;

        if (!db || !rest_param_i64(req, "id", "id", &id))
                return rest_replied;
        r = import_errors_sql_get(db, id, req->arena, &row);
        if (r != 0)
                return r < 0 ? r
                             : http_request_reply_error(req, 404, "there is no import error %lld",
                                                        (long long) id);
        json_write_init(&w, &b, 0);
        write_error(&w, &row);
        return finish(req, &w, &b);
}

/* --- event log ----------------------------------------------------------------------------------
 */

static void kv_number(struct json_write *w, const char *key, struct db_stmt *s, int col) {
        if (db_col_is_null(s, col))
                json_write_kv_null(w, key);
        else
                json_write_kv_i64(w, key, db_col_i64(s, col));
}

static int write_event(struct http_request *req, struct db_stmt *s, struct json_write *w) {
        json_write_object(w);
        json_write_kv_i64(w, "event_log_id", db_col_i64(s, 0));
        rest_kv_at(w, "when", scheduler_db_col_at(s, 1));
        json_write_kv_str(w, "event", db_col_text(s, 2));
        json_write_kv_str(w, "dag_id", db_col_text(s, 3));
        json_write_kv_str(w, "dag_display_name", db_col_text(s, 3));
        json_write_kv_str(w, "run_id", db_col_text(s, 4));
        json_write_kv_str(w, "task_id", db_col_text(s, 5));
        json_write_kv_str(w, "task_display_name", db_col_text(s, 5));
        kv_number(w, "map_index", s, 6);
        kv_number(w, "try_number", s, 7);
        json_write_kv_null(w, "logical_date");
        json_write_kv_str(w, "owner", db_col_text(s, 8));
        json_write_kv_str(w, "extra", db_col_text(s, 9));
        json_write_end(w);
        return 0;
}

static bool filter_moment(struct rest_where *where, const char *key, const char *condition) {
        const char *text = http_request_query(where->req, key);
        usec_t at;

        if (!text)
                return true;
        if (timestamp_parse(text, &at) < 0) {
                http_request_reply_error(where->req, 422, "\"%s\": \"%s\" is no time", key, text);
                return false;
        }
        rest_where_number(where, condition, (int64_t) at);
        return true;
}

static bool filter_number(struct rest_where *where, const char *key, const char *condition) {
        int64_t n;
        int r = http_request_query_i64(where->req, key, &n);

        if (r == -ENOENT)
                return true;
        if (r < 0) {
                http_request_reply_error(where->req, 422, "\"%s\" must be a number", key);
                return false;
        }
        rest_where_number(where, condition, n);
        return true;
}

static bool filter_events(struct rest_where *where) {
        static const char *const names[] = {"dag_id", "run_id", "task_id", "event", "owner"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char pattern[32];

                snprintf(pattern, sizeof(pattern), "%s_pattern", names[i]);
                rest_where_any(where, names[i], names[i]);
                rest_where_pattern(where, pattern, names[i]);
        }
        rest_where_any(where, "included_events", "event");
        rest_where_any(where, "excluded_events", "event NOT");
        return filter_moment(where, "before", "at < ?") &&
               filter_moment(where, "after", "at > ?") &&
               filter_number(where, "map_index", "map_index = ?") &&
               filter_number(where, "try_number", "try_number = ?");
}

int monitor_api_event_logs(struct http_request *req) {
        static const struct rest_column columns[] = {{"id", "id"},         {"event_log_id", "id"},
                                                     {"when", "at"},       {"event", "event"},
                                                     {"dag_id", "dag_id"}, {"owner", "owner"}};
        _cleanup_(rest_where_done) struct rest_where where;
        _cleanup_buf_ struct buf order = {};
        struct rest_list list = {.key = "event_logs",
                                 .columns = EVENT_LOGS_COLUMNS,
                                 .from = "event_logs",
                                 .where = &where,
                                 .write = write_event};
        struct db *db;

        rest_where_init(&where, req);
        if (!rest_read_page(req, &list.page) || !filter_events(&where) ||
            !rest_order(&where, columns, ARRAY_SIZE(columns), "id", &order) ||
            !(db = scheduler_api_reader(req)))
                return rest_replied;
        list.order = buf_cstr(&order);
        return rest_reply_list(req, db, &list);
}

int monitor_api_event_log(struct http_request *req) {
        struct db *db = scheduler_api_reader(req);
        DB_USE struct db_stmt *s = NULL;
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int64_t id;
        int r;

        if (!db || !rest_param_i64(req, "event_log_id", "id", &id))
                return rest_replied;
        r = db_prepare_dynamic(db, "SELECT " EVENT_LOGS_COLUMNS " FROM event_logs WHERE id = ?",
                               &s);
        if (r < 0)
                return r;
        db_bind_i64(s, 1, id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r
                             : http_request_reply_error(req, 404, "there is no event log %lld",
                                                        (long long) id);
        json_write_init(&w, &b, 0);
        write_event(req, s, &w);
        return finish(req, &w, &b);
}

/* --- counts -------------------------------------------------------------------------------------
 */

struct stats {
        struct json_write *w;
        char dag_id[512];
        int64_t counts[_RUN_STATE_MAX];
        size_t n;
};

static void write_stats(struct stats *x) {
        if (!x->dag_id[0])
                return;
        json_write_object(x->w);
        json_write_kv_str(x->w, "dag_id", x->dag_id);
        json_write_kv_str(x->w, "dag_display_name", x->dag_id);
        json_write_kv_array(x->w, "stats");
        for (int i = 0; i < _RUN_STATE_MAX; i++) {
                json_write_object(x->w);
                json_write_kv_str(x->w, "state", run_state_name((enum run_state) i));
                json_write_kv_i64(x->w, "count", x->counts[i]);
                json_write_end(x->w);
        }
        json_write_end(x->w);
        json_write_end(x->w);
        x->n++;
}

static int each_stat(void *ctx, const char *dag_id, const char *state, int64_t n) {
        struct stats *x = ctx;
        enum run_state i;

        if (!str_eq(x->dag_id, dag_id)) {
                write_stats(x);
                memset(x->counts, 0, sizeof(x->counts));
                str_copy(x->dag_id, sizeof(x->dag_id), dag_id);
        }
        if (run_state_parse(state, &i) == 0)
                x->counts[i] = n;
        return 0;
}

int monitor_api_dag_stats(struct http_request *req) {
        struct db *db = scheduler_api_reader(req);
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        struct stats x = {.w = &w};
        int r;

        if (!db)
                return rest_replied;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "dags");
        r = dag_runs_sql_stats(db, each_stat, &x);
        if (r < 0)
                return r;
        write_stats(&x);
        json_write_end(&w);
        json_write_kv_u64(&w, "total_entries", x.n);
        json_write_end(&w);
        return finish(req, &w, &b);
}
