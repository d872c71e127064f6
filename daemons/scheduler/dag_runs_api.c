/* dag_runs_api.c: runs: lists, one, trigger, mark, delete. */
#include "daemons/scheduler/dag_runs_api.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/dag_runs_json.h"
#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/xcom.h"
#include "lib/base/str.h"
#include "lib/db/db_readers.h"

#define HAS_RUN "DAG \"%s\" has a run \"%s\" already"

enum { CONF_SIZE_MAX = 1 << 20, RUN_ID_MAX = 250 };

/* --- reading ------------------------------------------------------------------------------------
 */

static int write_row(struct http_request *req, struct db_stmt *s, struct json_write *w) {
        struct dag_runs_sql_row row;
        int r = dag_runs_sql_read(s, req->arena, &row);

        if (r >= 0)
                dag_runs_json_write(w, &row);
        return r;
}

static void read_query(struct rest_where *where) {
        rest_where_any(where, "state", "state");
        rest_where_any(where, "run_type", "run_type");
        rest_where_pattern(where, "run_id_pattern", "run_id");
        rest_where_pattern(where, "dag_id_pattern", "dag_id");
}

static bool read_batch(struct rest_where *where, struct rest_page *ret_page) {
        static const struct rest_key keys[] = {
                {"dag_ids", JSON_ARRAY}, {"states", JSON_ARRAY}, {"conf_contains", JSON_STRING}};

        if (!rest_where_read_body(where, keys, ARRAY_SIZE(keys), ret_page))
                return false;
        rest_where_any(where, "dag_ids", "dag_id");
        rest_where_any(where, "states", "state");
        return true;
}

static bool read_filter(struct rest_where *where) {
        const char *dag_id = http_request_param(where->req, "dag_id");

        if (!str_eq(dag_id, "~"))
                rest_where_text(where, "dag_id = ?", dag_id);
        rest_where_part(where, "conf_contains", "conf");
        return rest_where_dates(where, "logical_date", "logical_at") &&
               rest_where_dates(where, "run_after", "run_after_at") &&
               rest_where_dates(where, "start_date", "started_at") &&
               rest_where_dates(where, "end_date", "ended_at") &&
               rest_where_seconds(where, "duration", "ended_at - started_at");
}

/* As the query asks, or, as a batch, the body. */
static int list_runs(struct http_request *req, bool is_batch) {
        static const struct rest_column columns[] = {
                {"id", "id"},
                {"dag_id", "dag_id"},
                {"run_id", "run_id"},
                {"dag_run_id", "run_id"},
                {"state", "state"},
                {"logical_date", "logical_at"},
                {"run_after", "COALESCE(run_after_at, queued_at)"},
                {"start_date", "started_at"},
                {"end_date", "ended_at"},
                {"duration", "ended_at - started_at"}};
        _cleanup_(rest_where_done) struct rest_where where;
        _cleanup_buf_ struct buf order = {};
        struct rest_list list = {.key = "dag_runs",
                                 .columns = DAG_RUNS_COLUMNS,
                                 .from = "dag_runs",
                                 .where = &where,
                                 .write = write_row};
        struct db *db;

        rest_where_init(&where, req);
        if (!(is_batch ? read_batch(&where, &list.page) : rest_read_page(req, &list.page)))
                return rest_replied;
        if (!is_batch)
                read_query(&where);
        if (!read_filter(&where) ||
            !rest_order(&where, columns, ARRAY_SIZE(columns), "id", &order) ||
            !(db = scheduler_api_reader(req)))
                return rest_replied;
        list.order = buf_cstr(&order);
        return rest_reply_list(req, db, &list);
}

int dag_runs_api_list(struct http_request *req) {
        return list_runs(req, false);
}

int dag_runs_api_batch(struct http_request *req) {
        return list_runs(req, true);
}

static int reply_row(struct http_request *req, const struct dag_runs_sql_row *row) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        dag_runs_json_write(&w, row);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

int dag_runs_api_get(struct http_request *req) {
        const char *dag_id = http_request_param(req, "dag_id");
        const char *run_id = http_request_param(req, "run_id");
        struct db *db = scheduler_api_reader(req);
        struct dag_runs_sql_row row;
        int r;

        if (!db)
                return rest_replied;
        r = dag_runs_sql_get(db, dag_id, run_id, req->arena, &row);
        if (r == 1)
                return http_request_reply_error(req, 404, "DAG \"%s\" has no run \"%s\"", dag_id,
                                                run_id);
        return r < 0 ? r : reply_row(req, &row);
}

int dag_runs_api_reply(struct scheduler *s, struct scheduler_api_job *j) {
        struct dag_runs_sql_row row;
        int r = dag_runs_sql_get(s->db, j->dag_id, j->run_id, j->req->arena, &row);

        return r == 0 ? reply_row(j->req, &row) : r < 0 ? r : -ENOENT;
}

/* --- trigger ------------------------------------------------------------------------------------
 */

static void fill_when(const struct world_dag *wd, struct scheduler_api_job *j, usec_t now) {
        struct timetable_run when = j->when;

        if (when.logical_at != USEC_INFINITY) {
                timetable_manual(&wd->timetable, when.logical_at, &j->when);
                j->when.run_after_at = now;
        }
        if (when.interval_start_at != USEC_INFINITY) {
                j->when.interval_start_at = when.interval_start_at;
                j->when.interval_end_at = when.interval_end_at;
        }
        j->when.run_after_at = when.run_after_at != USEC_INFINITY ? when.run_after_at : now;
}

static int run_trigger(struct scheduler *s, struct scheduler_api_job *j) {
        struct world_dag *wd = world_get_dag(&s->world, j->dag_id);
        usec_t now = clock_now(s->clock);
        char run_id[PLAN_RUN_ID_SIZE];
        int r;

        if (!wd || wd->gone)
                return scheduler_api_job_refuse(j, 404, "DAG \"%s\" was not found", j->dag_id);
        fill_when(wd, j, now);
        if (!j->run_id) {
                plan_run_id(RUN_TYPE_MANUAL,
                            j->when.logical_at != USEC_INFINITY ? j->when.logical_at : now, run_id);
                j->run_id = arena_strdup(j->req->arena, run_id);
                if (!j->run_id)
                        return -ENOMEM;
        }
        r = engine_create_run(s,
                              &(struct world_event){.kind = WORLD_RUN_CREATED,
                                                    .at = now,
                                                    .dag = wd,
                                                    .run_id = j->run_id,
                                                    .run_type = RUN_TYPE_MANUAL,
                                                    .when = j->when,
                                                    .conf = j->conf},
                              j->user, j->note);
        if (r == -EEXIST)
                return scheduler_api_job_refuse(j, 409, HAS_RUN, j->dag_id, j->run_id);
        return r < 0 ? r : MIN(scheduler_api_job_log(s, j, "trigger_dag_run", j->conf), 0);
}

static bool read_conf(struct scheduler_api_job *j, const struct json *body, struct errmsg *em) {
        _cleanup_buf_ struct buf b = {};
        const struct json *conf = NULL;
        struct json_write w;

        if (json_want(body, "conf", JSON_OBJECT, &conf, em) < 0)
                return false;
        if (!conf)
                return true;
        json_write_init(&w, &b, 0);
        json_write_node(&w, conf);
        if (json_write_finish(&w) < 0 || b.len > CONF_SIZE_MAX) {
                errmsg_set(em, "\"conf\" is too large: at most 1 MiB");
                return false;
        }
        j->conf = arena_strdup(j->req->arena, b.data);
        return j->conf != NULL;
}

static bool read_trigger(struct http_request *req, const struct json *body,
                         struct scheduler_api_job *j) {
        struct errmsg em = {};

        if (json_want_str(body, "dag_run_id", &j->run_id, &em) < 0 ||
            json_want_str(body, "note", &j->note, &em) < 0 || !read_conf(j, body, &em)) {
                rest_refuse(req, &em);
                return false;
        }
        if (j->run_id &&
            (!j->run_id[0] || strlen(j->run_id) > RUN_ID_MAX || strpbrk(j->run_id, "/\n\r\t"))) {
                http_request_reply_error(req, 422,
                                         "\"dag_run_id\" must have 1 to %d bytes and no slash, tab "
                                         "or newline",
                                         RUN_ID_MAX);
                return false;
        }
        if (!rest_want_at(req, body, "logical_date", &j->when.logical_at) ||
            !rest_want_at(req, body, "data_interval_start", &j->when.interval_start_at) ||
            !rest_want_at(req, body, "data_interval_end", &j->when.interval_end_at) ||
            !rest_want_at(req, body, "run_after", &j->when.run_after_at))
                return false;
        if ((j->when.interval_start_at == USEC_INFINITY) !=
            (j->when.interval_end_at == USEC_INFINITY)) {
                http_request_reply_error(req, 422,
                                         "\"data_interval_start\" and \"data_interval_end\" come "
                                         "together or not at all");
                return false;
        }
        if (j->when.interval_start_at > j->when.interval_end_at) {
                http_request_reply_error(
                        req, 422, "\"data_interval_start\" lies after \"data_interval_end\"");
                return false;
        }
        return true;
}

/* Asked again by a client that lost the answer: said at once, without a write of its own. On a disk
 * that takes longer for one than the client waits it would never get an answer else. */
static int look_for_run(struct scheduler_api_job *j) {
        struct dag_runs_sql_row row;
        struct db *db;
        int r = db_readers_get(scheduler_api_of(j->req)->readers, &db);

        if (r >= 0)
                r = j->run_id ? dag_runs_sql_get(db, j->dag_id, j->run_id, j->req->arena, &row) : 1;
        return r == 0 ? scheduler_api_job_refuse(j, 409, HAS_RUN, j->dag_id, j->run_id) : MIN(r, 0);
}

int dag_runs_api_create(struct http_request *req) {
        static const char *const keys[] = {"dag_run_id",
                                           "logical_date",
                                           "data_interval_start",
                                           "data_interval_end",
                                           "run_after",
                                           "conf",
                                           "note",
                                           "partition_key"};
        struct scheduler_api_job *j;
        const struct json *body;
        int r;

        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body) ||
            !(j = scheduler_api_job_new(req)) || !read_trigger(req, body, j))
                return rest_replied;
        r = look_for_run(j);
        if (r != 0)
                return r < 0 ? r : http_request_reply_error(req, r, "%s", j->text.text);
        j->run = run_trigger;
        j->reply = dag_runs_api_reply;
        return scheduler_api_job_submit(j);
}

/* --- mark and delete ----------------------------------------------------------------------------
 */

/* Marks what has not ended, then the run. */
static int mark(struct scheduler *s, struct world_run *run, enum run_state to) {
        usec_t now = clock_now(s->clock);
        enum task_state state = to == RUN_SUCCESS ? TASK_SUCCESS : TASK_FAILED;
        struct world_task *t;
        int r = 0;

        world_each_task(t, run) {
                bool live = task_state_is_live(t->state);

                if (task_state_is_finished(t->state))
                        continue;
                /* as Airflow: what has not begun is skipped when a run is failed */
                r = engine_apply(s, &(struct world_event){.kind = WORLD_TASK_MARKED,
                                                          .at = now,
                                                          .task = t,
                                                          .task_state = live || to == RUN_SUCCESS
                                                                                ? state
                                                                                : TASK_SKIPPED});
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = engine_apply(s, &(struct world_event){.kind = WORLD_RUN_MARKED,
                                                          .at = now,
                                                          .run = run,
                                                          .run_state = to});
        return MIN(r, 0);
}

static int clear_run(struct scheduler *s, struct world_run *run) {
        struct world_task *t;
        int r;

        world_each_task(t, run) {
                r = engine_apply(s, &(struct world_event){.kind = WORLD_TASK_CLEARED,
                                                          .at = clock_now(s->clock),
                                                          .task = t});
                if (r < 0)
                        return r;
        }
        return 0;
}

static int run_patch(struct scheduler *s, struct scheduler_api_job *j) {
        struct world_run *run;
        int r = scheduler_api_job_run(s, j, &run);

        if (r != 0)
                return r;
        if (j->flag)
                r = j->run_state == RUN_QUEUED ? clear_run(s, run) : mark(s, run, j->run_state);
        if (r >= 0 && j->note)
                r = dag_runs_sql_set_note(s->db, scheduler_run_row(run), j->note);
        if (r >= 0)
                r = scheduler_api_job_log(s, j, "patch_dag_run",
                                          j->flag ? run_state_name(j->run_state) : NULL);
        return MIN(r, 0);
}

int dag_runs_api_patch(struct http_request *req) {
        static const char *const keys[] = {"state", "note"};
        struct scheduler_api_job *j;
        const struct json *body;
        const char *state = NULL;
        struct errmsg em;

        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body) ||
            !(j = scheduler_api_job_new(req)))
                return rest_replied;
        if (json_want_str(body, "state", &state, &em) < 0 ||
            json_want_str(body, "note", &j->note, &em) < 0)
                return rest_refuse(req, &em);
        j->flag = state != NULL;
        if (state && (run_state_parse(state, &j->run_state) != 0 || j->run_state == RUN_RUNNING))
                return http_request_reply_error(
                        req, 422, "\"state\" must be queued, success or failed, not \"%s\"", state);
        j->run = run_patch;
        j->reply = dag_runs_api_reply;
        return scheduler_api_job_submit(j);
}

static int run_delete(struct scheduler *s, struct scheduler_api_job *j) {
        struct world_run *run;
        int r = scheduler_api_job_run(s, j, &run);

        if (r != 0)
                return r;
        if (!run_state_is_finished(run->state))
                return scheduler_api_job_refuse(
                        j, 409, "run \"%s\" is %s: mark it failed before deleting it", j->run_id,
                        run_state_name(run->state));
        r = dag_runs_sql_delete(s->db, scheduler_run_row(run));
        if (r >= 0)
                r = scheduler_api_job_log(s, j, "delete_dag_run", NULL);
        if (r >= 0) {
                j->row = scheduler_run_row(run);
                world_forget_run(&s->world, run);
        }
        return MIN(r, 0);
}

static int reply_deleted(struct scheduler *s, struct scheduler_api_job *j) {
        xcom_forget_run(s, j->row);
        return http_request_reply_empty(j->req, 204);
}

int dag_runs_api_delete(struct http_request *req) {
        struct scheduler_api_job *j = scheduler_api_job_new(req);

        if (!j)
                return rest_replied;
        j->run = run_delete;
        j->reply = reply_deleted;
        return scheduler_api_job_submit(j);
}
