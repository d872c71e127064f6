/* why_api.c: why something does not go on, or ended as it did: core/why.c's words, and for what has
 * ended the words its try or its mapping left. A run that has left the memory is read again. */
#include <errno.h>

#include "daemons/scheduler/core/why.h"
#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/environments.h"
#include "daemons/scheduler/event_logs_sql.h"
#include "daemons/scheduler/launch.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/restore.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/task_instances_sql.h"
#include "lib/base/str.h"

static int reply_why(struct http_request *req, const char *text) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "text", text);
        json_write_end(&w);
        r = text ? json_write_finish(&w) : -ENOMEM;
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

/* What has failed waits for nothing: its end says why. 1 when it has replied, 0 when nothing has
 * failed. */
static int why_failed(struct http_request *req, int64_t row, const char *task_id) {
        struct task_instances_sql_failure f;
        int r;

        r = task_instances_sql_failed(scheduler_api_of(req)->db, row,
                                      str_empty(task_id) ? NULL : task_id, req->arena, &f);
        if (r != 0)
                return MIN(r, 0);
        r = reply_why(req, arena_printf(req->arena, "task \"%s\" failed: %s%s", f.task_id,
                                        str_empty(f.message) ? "without a word" : f.message,
                                        f.has_log ? "; its log says more" : ""));
        return r < 0 ? r : 1;
}

/* A mapped task that failed before it had instances. As above. */
static int why_not_mapped(struct http_request *req, const struct world_task *t) {
        const char *text;
        int r = event_logs_sql_last(scheduler_api_of(req)->db, "map_failed", t->run->spec->id,
                                    t->run->id, t->spec->id, req->arena, &text);

        if (r != 0)
                return MIN(r, 0);
        r = reply_why(req, arena_printf(req->arena, "failed without a try: %s", text));
        return r < 0 ? r : 1;
}

/* A try that was decided and has not begun: the environment it waits for, or the launcher's words.
 * As above. */
static int why_not_begun(struct http_request *req, const struct world_task *t) {
        struct scheduler *s = scheduler_api_of(req);
        const struct dag_environment *e = t->spec->environment;
        const char *text = NULL, *trouble = launch_trouble(s);
        int r = 0;

        if (e && t->spec->kind == DAG_COMMAND)
                r = environments_why(s->paths->state_dir, e, t->queued_at, req->arena, &text);
        if (r >= 0 && !text && *trouble)
                text = arena_printf(req->arena,
                                    "try %u waits for onebox-launcher, which is asked on: %s; "
                                    "onebox status says whether it runs",
                                    t->try_number, trouble);
        if (r < 0 || !text)
                return r;
        r = reply_why(req, text);
        return r < 0 ? r : 1;
}

static int why_task_of(struct http_request *req, struct world_task *t, usec_t now) {
        struct scheduler *s = scheduler_api_of(req);
        char text[WHY_TEXT_SIZE];
        int r = 0;

        if (t->state == TASK_QUEUED && t->stop == WORLD_STOP_NONE)
                r = why_not_begun(req, t);
        else if (t->state == TASK_FAILED && t->try_number == 0 && t->spec->expand)
                r = why_not_mapped(req, t);
        else if (t->state == TASK_FAILED || t->is_expanded)
                r = why_failed(req, scheduler_run_row(t->run), t->spec->id);
        if (r != 0)
                return MIN(r, 0);
        why_task(&s->world, t, now, text);
        return reply_why(req, text);
}

static int why_of_run(struct http_request *req, struct world_run *run, const char *task_id,
                      int map_index) {
        struct scheduler *s = scheduler_api_of(req);
        usec_t now = clock_now(s->clock);
        char text[WHY_TEXT_SIZE];
        struct world_task *t;
        int r = 0;

        if (!str_empty(task_id)) {
                t = world_get_task(run, task_id, map_index);
                if (!t && map_index >= 0)
                        return http_request_reply_error(
                                req, 404, "run \"%s\" has no instance %d of a task \"%s\"", run->id,
                                map_index, task_id);
                if (!t)
                        return http_request_reply_error(req, 404, "run \"%s\" has no task \"%s\"",
                                                        run->id, task_id);
                return why_task_of(req, t, now);
        }
        if (run_state_is_finished(run->state))
                r = why_failed(req, scheduler_run_row(run), NULL);
        if (r != 0)
                return MIN(r, 0);
        why_run(&s->world, run, now, text);
        return reply_why(req, text);
}

static int find_run(struct http_request *req, struct world_dag *wd, const char *run_id,
                    struct world_run **ret) {
        struct scheduler *s = scheduler_api_of(req);
        struct dag_runs_sql_row row;
        int r;

        *ret = world_get_run(wd, run_id);
        if (*ret)
                return 0;
        r = dag_runs_sql_get(s->db, wd->spec->id, run_id, req->arena, &row);
        return r == 0 ? restore_run(s, wd, &row, ret) : r;
}

/* Tells of a run, be it in the memory or not. */
static int with_run(struct http_request *req, struct world_dag *wd, const char *run_id,
                    int (*tell)(struct http_request *req, struct world_run *run)) {
        struct world_run *run;
        int r = find_run(req, wd, run_id, &run);

        if (r == 1)
                return http_request_reply_error(req, 404, "DAG \"%s\" has no run \"%s\"",
                                                wd->spec->id, run_id);
        if (r < 0)
                return r;
        r = tell(req, run);
        world_sweep(&scheduler_api_of(req)->world, wd);
        return r;
}

static int tell_why(struct http_request *req, struct world_run *run) {
        int64_t map_index = -1;

        if (!rest_map_index(req, &map_index))
                return rest_replied;
        return why_of_run(req, run, http_request_query(req, "task_id"), (int) map_index);
}

static int get(struct http_request *req) {
        const char *dag_id = http_request_query(req, "dag_id");
        const char *run_id = http_request_query(req, "run_id");
        struct scheduler *s = scheduler_api_of(req);
        char text[WHY_TEXT_SIZE];
        struct world_dag *wd;

        if (str_empty(dag_id))
                return http_request_reply_error(req, 422, "\"dag_id\" is missing");
        wd = world_get_dag(&s->world, dag_id);
        if (!wd)
                return http_request_reply_error(req, 404, "DAG \"%s\" was not found", dag_id);
        if (str_empty(run_id)) {
                why_dag(&s->world, wd, clock_now(s->clock), text);
                return reply_why(req, text);
        }
        return with_run(req, wd, run_id, tell_why);
}

int why_api_get(struct http_request *req) {
        return scheduler_api_landed(req, get);
}

/* What an instance that has not been queued waits for, in Airflow's form. */
static int tell_dependencies(struct http_request *req, struct world_run *run) {
        const char *task_id = http_request_param(req, "task_id");
        struct scheduler *s = scheduler_api_of(req);
        _cleanup_buf_ struct buf b = {};
        char text[WHY_TEXT_SIZE];
        int64_t map_index = -1;
        struct world_task *t;
        struct json_write w;
        int r;

        if (!rest_map_index(req, &map_index))
                return rest_replied;
        t = world_get_task(run, task_id, (int) map_index);
        if (!t)
                return http_request_reply_error(req, 404, "run \"%s\" has no task \"%s\"", run->id,
                                                task_id);
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "dependencies");
        if (t->state == TASK_NONE || t->state == TASK_SCHEDULED) {
                why_task(&s->world, t, clock_now(s->clock), text);
                json_write_object(&w);
                json_write_kv_str(&w, "name", "why");
                json_write_kv_str(&w, "reason", text);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

static int dependencies(struct http_request *req) {
        const char *dag_id = http_request_param(req, "dag_id");
        struct world_dag *wd = world_get_dag(&scheduler_api_of(req)->world, dag_id);

        if (!wd)
                return http_request_reply_error(req, 404, "DAG \"%s\" was not found", dag_id);
        return with_run(req, wd, http_request_param(req, "run_id"), tell_dependencies);
}

int why_api_dependencies(struct http_request *req) {
        return scheduler_api_landed(req, dependencies);
}
