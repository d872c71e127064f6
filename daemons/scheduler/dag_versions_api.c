/* dag_versions_api.c: the versions of DAGs, and what each of them was: the DAG JSON that its runs
 * follow, which is what is kept of a file. */
#include <string.h>

#include "daemons/scheduler/dag_runs_json.h"
#include "daemons/scheduler/dags_sql.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/scheduler_db.h"
#include "lib/base/str.h"

#define COLUMNS "dag_id, version, created_at"
#define NO_VERSION "DAG \"%s\" has no version %lld"

static int finish(struct http_request *req, struct json_write *w, struct buf *b) {
        int r = json_write_finish(w);

        return r < 0 ? r : http_request_reply_json(req, 200, b);
}

static int write_row(struct http_request *req, struct db_stmt *s, struct json_write *w) {
        dag_runs_json_version(w, db_col_text(s, 0), db_col_i64(s, 1), scheduler_db_col_at(s, 2));
        return 0;
}

/* A number of the path (as `param`) or of the query; left as it is when absent. */
static bool read_number(struct http_request *req, bool param, int64_t *ret) {
        const char *text = param ? http_request_param(req, "version_number")
                                 : http_request_query(req, "version_number");

        if (!text || str_to_i64(text, ret) == 0)
                return true;
        http_request_reply_error(req, 422, "\"version_number\" must be a number, not \"%s\"", text);
        return false;
}

/* Has the DAG a version at all? "~" is any. 1: has replied. */
static int look_for_dag(struct http_request *req, struct db *db, const char *dag_id) {
        int64_t latest = 1;
        int r = str_eq(dag_id, "~") ? 0 : dags_sql_version_latest(db, dag_id, &latest);

        if (r < 0 || latest > 0)
                return r;
        return http_request_reply_error(req, 404, "DAG \"%s\" was not found", dag_id) ?: 1;
}

int dag_versions_api_list(struct http_request *req) {
        static const struct rest_column columns[] = {{"id", "version"},
                                                     {"version_number", "version"},
                                                     {"created_at", "created_at"},
                                                     {"dag_id", "dag_id"}};
        const char *dag_id = http_request_param(req, "dag_id");
        _cleanup_(rest_where_done) struct rest_where where;
        _cleanup_buf_ struct buf order = {};
        struct rest_list list = {.key = "dag_versions",
                                 .columns = COLUMNS,
                                 .from = "dag_versions",
                                 .where = &where,
                                 .write = write_row};
        int64_t version = 0;
        struct db *db;
        int r;

        rest_where_init(&where, req);
        if (!rest_read_page(req, &list.page) || !read_number(req, false, &version) ||
            !rest_order(&where, columns, ARRAY_SIZE(columns), "dag_id, version", &order) ||
            !(db = scheduler_api_reader(req)))
                return rest_replied;
        r = look_for_dag(req, db, dag_id);
        if (r != 0)
                return MIN(r, 0);
        if (!str_eq(dag_id, "~"))
                rest_where_text(&where, "dag_id = ?", dag_id);
        if (version != 0)
                rest_where_number(&where, "version = ?", version);
        rest_where_any(&where, "bundle_name", "'pipelines'");
        list.order = buf_cstr(&order);
        return rest_reply_list(req, db, &list);
}

int dag_versions_api_get(struct http_request *req) {
        const char *dag_id = http_request_param(req, "dag_id");
        DB_USE struct db_stmt *s = NULL;
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int64_t version = 0;
        struct db *db;
        int r;

        if (!read_number(req, true, &version) || !(db = scheduler_api_reader(req)))
                return rest_replied;
        r = db_prepare_dynamic(
                db, "SELECT " COLUMNS " FROM dag_versions WHERE dag_id = ? AND version = ?", &s);
        if (r < 0)
                return r;
        db_bind_all(s, dag_id, version);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r
                             : http_request_reply_error(req, 404, NO_VERSION, dag_id,
                                                        (long long) version);
        json_write_init(&w, &b, 0);
        write_row(req, s, &w);
        return finish(req, &w, &b);
}

/* The DAG JSON, indented for people. */
static int print_source(struct http_request *req, const char *body, struct buf *ret) {
        struct json_write w;
        struct errmsg em;
        struct json *j;
        int r = json_parse_copy(req->arena, body, strlen(body), &j, &em);

        if (r < 0)
                return r;
        json_write_init(&w, ret, JSON_WRITE_PRETTY);
        json_write_node(&w, j);
        return json_write_finish(&w);
}

static int reply_source(struct http_request *req, const char *dag_id, int64_t version,
                        const struct buf *source) {
        const char *accept = http_request_header(req, "Accept");
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        if (accept && str_starts(accept, "text/plain"))
                return http_request_reply_text(req, 200, source->data);
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "content", source->data);
        json_write_kv_str(&w, "dag_id", dag_id);
        json_write_kv_str(&w, "dag_display_name", dag_id);
        json_write_kv_i64(&w, "version_number", version);
        json_write_end(&w);
        return finish(req, &w, &b);
}

/* Of the version that is named, or of the latest. */
int dag_versions_api_source(struct http_request *req) {
        const char *dag_id = http_request_param(req, "dag_id"), *body;
        _cleanup_buf_ struct buf source = {};
        int64_t version = 0;
        struct db *db;
        int r = 0;

        if (!read_number(req, false, &version) || !(db = scheduler_api_reader(req)))
                return rest_replied;
        if (!http_request_query(req, "version_number"))
                r = dags_sql_version_latest(db, dag_id, &version);
        if (r >= 0)
                r = dags_sql_version_get(db, dag_id, version, req->arena, &body);
        if (r == 1)
                return http_request_reply_error(req, 404, NO_VERSION, dag_id, (long long) version);
        if (r >= 0)
                r = print_source(req, body, &source);
        return r < 0 ? r : reply_source(req, dag_id, version, &source);
}
