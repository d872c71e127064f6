/* xcoms_api.c: what tasks left for others: lists, one, made, changed, deleted. */
#include <errno.h>
#include <string.h>

#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/scheduler_db.h"
#include "daemons/scheduler/xcom.h"
#include "lib/base/str.h"

#define COLUMNS \
        "r.dag_id, r.run_id, x.task_id, x.map_index, x.key, x.at, r.logical_at, r.run_after_at"
#define FROM "xcoms x JOIN dag_runs r ON r.id = x.dag_run"

/* --- reading ------------------------------------------------------------------------------------
 */

static void write_head(struct json_write *w, struct db_stmt *s) {
        json_write_object(w);
        json_write_kv_str(w, "key", db_col_text(s, 4));
        rest_kv_at(w, "timestamp", scheduler_db_col_at(s, 5));
        rest_kv_at(w, "logical_date", scheduler_db_col_at(s, 6));
        json_write_kv_i64(w, "map_index", db_col_i64(s, 3));
        json_write_kv_str(w, "task_id", db_col_text(s, 2));
        json_write_kv_str(w, "dag_id", db_col_text(s, 0));
        json_write_kv_str(w, "run_id", db_col_text(s, 1));
        json_write_kv_str(w, "dag_display_name", db_col_text(s, 0));
        json_write_kv_str(w, "task_display_name", db_col_text(s, 2));
        rest_kv_at(w, "run_after", scheduler_db_col_at(s, 7));
}

static int write_row(struct http_request *req, struct db_stmt *s, struct json_write *w) {
        write_head(w, s);
        json_write_end(w);
        return 0;
}

static void filter_name(struct rest_where *where, const char *param, const char *condition) {
        const char *name = http_request_param(where->req, param);

        if (!str_eq(name, "~"))
                rest_where_text(where, condition, name);
}

int xcoms_api_list(struct http_request *req) {
        static const struct rest_column columns[] = {
                {"key", "x.key"},         {"dag_id", "r.dag_id"},       {"run_id", "r.run_id"},
                {"task_id", "x.task_id"}, {"map_index", "x.map_index"}, {"timestamp", "x.at"}};
        _cleanup_(rest_where_done) struct rest_where where;
        _cleanup_buf_ struct buf order = {};
        struct rest_list list = {.key = "xcom_entries",
                                 .columns = COLUMNS,
                                 .from = FROM,
                                 .where = &where,
                                 .write = write_row};
        int64_t map_index = -2;
        struct db *db;

        rest_where_init(&where, req);
        filter_name(&where, "dag_id", "r.dag_id = ?");
        filter_name(&where, "run_id", "r.run_id = ?");
        filter_name(&where, "task_id", "x.task_id = ?");
        rest_where_any(&where, "xcom_key", "x.key");
        rest_where_pattern(&where, "xcom_key_pattern", "x.key");
        if (!rest_map_index(req, &map_index) || !rest_read_page(req, &list.page) ||
            !rest_order(&where, columns, ARRAY_SIZE(columns),
                        "x.dag_run, x.task_id, x.map_index, x.key", &order) ||
            !(db = scheduler_api_reader(req)))
                return rest_replied;
        if (map_index != -2)
                rest_where_number(&where, "x.map_index = ?", map_index);
        list.order = buf_cstr(&order);
        return rest_reply_list(req, db, &list);
}

/* As a string: texts as they are, all else as JSON. */
static int write_string(struct http_request *req, struct json_write *w, const char *json) {
        const char *text = json;
        struct json *j;
        int r = json_parse_copy(req->arena, json, strlen(json), &j, NULL);

        if (r < 0)
                return r;
        (void) json_str(j, &text);
        json_write_kv_str(w, "value", text);
        return 0;
}

static int write_one(struct http_request *req, struct db *db, const struct xcoms_sql_key *k,
                     struct json_write *w) {
        DB_USE struct db_stmt *s = NULL;
        bool stringify = false;
        const char *json;
        int r;

        if (!rest_query_bool(req, "stringify", &stringify))
                return rest_replied;
        r = db_prepare_dynamic(db,
                               "SELECT " COLUMNS " FROM " FROM " WHERE x.dag_run = ? AND "
                               "x.task_id = ? AND x.map_index = ? AND x.key = ?",
                               &s);
        if (r < 0)
                return r;
        db_bind_all(s, k->dag_run, k->task_id, k->map_index, k->key);
        r = db_step(s);
        if (r == DB_ROW)
                r = xcom_load(scheduler_api_of(req), db, k, req->arena, &json);
        else if (r >= 0)
                r = 1;
        if (r != 0)
                return r;
        write_head(w, s);
        if (stringify)
                r = write_string(req, w, json);
        else
                rest_kv_raw(w, "value", json);
        json_write_end(w);
        return r;
}

static int reply_one(struct http_request *req, struct db *db, const struct xcoms_sql_key *k,
                     int status) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        r = write_one(req, db, k, &w);
        if (r == 1)
                return http_request_reply_error(req, 404, "task \"%s\" has left no XCom \"%s\"",
                                                k->task_id, k->key);
        if (r == 0)
                r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, status, &b);
}

/* The row's key from the path. 0; 404 replied: rest_replied with *ret NULL. */
static int key_of(struct http_request *req, struct db *db, const char *name,
                  struct xcoms_sql_key *ret, bool *ret_ok) {
        struct dag_runs_sql_row row;
        int64_t map_index = -1;
        int r;

        *ret_ok = false;
        if (!rest_map_index(req, &map_index))
                return rest_replied;
        r = dag_runs_sql_get(db, http_request_param(req, "dag_id"),
                             http_request_param(req, "run_id"), req->arena, &row);
        if (r == 1)
                return http_request_reply_error(req, 404, "DAG \"%s\" has no run \"%s\"",
                                                http_request_param(req, "dag_id"),
                                                http_request_param(req, "run_id"));
        *ret = (struct xcoms_sql_key){row.id, http_request_param(req, "task_id"), (int) map_index,
                                      name};
        *ret_ok = r == 0;
        return r;
}

int xcoms_api_get(struct http_request *req) {
        struct db *db = scheduler_api_reader(req);
        struct xcoms_sql_key k;
        bool ok;
        int r;

        if (!db)
                return rest_replied;
        r = key_of(req, db, http_request_param(req, "key"), &k, &ok);
        return ok ? reply_one(req, db, &k, 200) : r;
}

/* --- changing -----------------------------------------------------------------------------------
 */

struct xcom_ask {
        struct xcoms_sql_key key;
        const char *json; /* NULL: delete */
        size_t n_bytes;
        bool is_new;
};

static int run_change(struct scheduler *s, struct scheduler_api_job *j) {
        struct xcom_ask *ask = j->extra;
        const char *value, *file;
        struct world_run *run;
        struct errmsg em = {};
        int r = scheduler_api_job_run(s, j, &run);

        if (r != 0)
                return r;
        if (!world_get_task(run, j->task_id, -1))
                return scheduler_api_job_refuse(j, 404, "run \"%s\" has no task \"%s\"", j->run_id,
                                                j->task_id);
        ask->key.dag_run = scheduler_run_row(run);
        r = xcoms_sql_get(s->db, &ask->key, j->req->arena, &value, &file);
        if (r < 0)
                return r;
        if (ask->is_new && r == 0)
                return scheduler_api_job_refuse(j, 409,
                                                "task \"%s\" has left an XCom \"%s\" already",
                                                j->task_id, ask->key.key);
        if (!ask->is_new && r == 1)
                return scheduler_api_job_refuse(j, 404, "task \"%s\" has left no XCom \"%s\"",
                                                j->task_id, ask->key.key);
        r = ask->json ? xcom_put(s, &ask->key, ask->json, ask->n_bytes, &em)
                      : MIN(xcoms_sql_delete(s->db, &ask->key), 0);
        if (r == -EINVAL)
                return scheduler_api_job_refuse(j, 422, "%s", em.text);
        if (r >= 0)
                r = scheduler_api_job_log(s, j,
                                          !ask->json    ? "delete_xcom"
                                          : ask->is_new ? "post_xcom"
                                                        : "patch_xcom",
                                          ask->key.key);
        return MIN(r, 0);
}

static int reply_change(struct scheduler *s, struct scheduler_api_job *j) {
        struct xcom_ask *ask = j->extra;

        if (!ask->json)
                return http_request_reply_empty(j->req, 204);
        return reply_one(j->req, s->db, &ask->key, ask->is_new ? 201 : 200);
}

static int submit(struct scheduler_api_job *j, struct xcom_ask *ask) {
        j->extra = ask;
        j->run = run_change;
        j->reply = reply_change;
        return scheduler_api_job_submit(j);
}

static int read_value(struct http_request *req, const struct json *body, struct xcom_ask *ask) {
        const struct json *value = json_get(body, "value");
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        if (!value)
                return 1;
        json_write_init(&w, &b, 0);
        json_write_node(&w, value);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        ask->json = arena_strdup(req->arena, buf_cstr(&b));
        ask->n_bytes = b.len;
        return ask->json ? 0 : -ENOMEM;
}

static int change(struct http_request *req, const char *key) {
        static const char *const keys[] = {"key", "value", "map_index"};
        struct xcom_ask *ask = arena_new(req->arena, struct xcom_ask);
        struct scheduler_api_job *j;
        const struct json *body;
        struct errmsg em = {};
        int64_t map_index = -1;
        int r;

        if (!ask)
                return -ENOMEM;
        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body) ||
            !(j = scheduler_api_job_new(req)) || !rest_map_index(req, &map_index))
                return rest_replied;
        ask->is_new = !key;
        if ((!key && json_need_str(body, "key", &key, &em) < 0) ||
            json_want_i64(body, "map_index", &map_index, &em) < 0)
                return rest_refuse(req, &em);
        r = read_value(req, body, ask);
        if (r == 1)
                return http_request_reply_error(req, 422, "\"value\" is missing");
        if (r < 0)
                return r;
        ask->key = (struct xcoms_sql_key){0, j->task_id, (int) map_index, key};
        return submit(j, ask);
}

int xcoms_api_create(struct http_request *req) {
        return change(req, NULL);
}

int xcoms_api_patch(struct http_request *req) {
        return change(req, http_request_param(req, "key"));
}

int xcoms_api_delete(struct http_request *req) {
        struct xcom_ask *ask = arena_new(req->arena, struct xcom_ask);
        struct scheduler_api_job *j = ask ? scheduler_api_job_new(req) : NULL;
        int64_t map_index = -1;

        if (!j || !rest_map_index(req, &map_index))
                return ask ? rest_replied : -ENOMEM;
        ask->key = (struct xcoms_sql_key){0, j->task_id, (int) map_index,
                                          http_request_param(req, "key")};
        return submit(j, ask);
}
