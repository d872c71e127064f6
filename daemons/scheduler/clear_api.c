/* clear_api.c: running tasks again: a whole run, or chosen tasks with what is before or after them.
 */
#include <errno.h>
#include <string.h>

#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "lib/base/str.h"

/* What may be asked; NULL task_ids: all. */
struct clear_ask {
        bool dry_run, only_failed, only_running, upstream, downstream;
        const struct json *task_ids;
        bool *chosen; /* by the task's place in the DAG */
};

static void spread(const struct dag *d, bool *chosen, bool down) {
        /* tasks are few and the graph has no cycle: passes until nothing is added */
        for (bool more = true; more;) {
                more = false;
                for (size_t i = 0; i < d->n_tasks; i++) {
                        const struct dag_task *t = &d->tasks[i];
                        const unsigned *next = down ? t->downstream : t->upstream;
                        size_t n = down ? t->n_downstream : t->n_upstream;

                        for (size_t k = 0; chosen[i] && k < n; k++)
                                if (!chosen[next[k]])
                                        chosen[next[k]] = more = true;
                }
        }
}

static int choose(struct scheduler_api_job *j, struct clear_ask *ask, const struct world_run *run) {
        const struct dag *d = run->spec;
        const struct json *item;

        ask->chosen = arena_zalloc_array(j->req->arena, d->n_tasks + 1, sizeof(bool));
        if (!ask->chosen)
                return -ENOMEM;
        if (!ask->task_ids)
                memset(ask->chosen, true, d->n_tasks);
        json_each (item, ask->task_ids) {
                const struct json *id = json_is(item, JSON_ARRAY) ? json_at(item, 0) : item;
                const struct dag_task *t;
                const char *name;

                if (json_str(id, &name) != 0)
                        return scheduler_api_job_refuse(j, 422,
                                                        "\"task_ids\" must hold names of tasks");
                t = dag_get_task(d, name);
                if (!t)
                        return scheduler_api_job_refuse(j, 404, "DAG \"%s\" has no task \"%s\"",
                                                        d->id, name);
                ask->chosen[t->index] = true;
        }
        if (ask->downstream)
                spread(d, ask->chosen, true);
        if (ask->upstream)
                spread(d, ask->chosen, false);
        return 0;
}

static bool is_wanted(const struct clear_ask *ask, const struct world_task *t) {
        bool failed = t->state == TASK_FAILED || t->state == TASK_UPSTREAM_FAILED;

        if (!ask->chosen[t->spec->index] || t->state == TASK_NONE)
                return false;
        if (ask->only_failed && ask->only_running)
                return failed || t->state == TASK_RUNNING;
        return ask->only_failed ? failed : !ask->only_running || t->state == TASK_RUNNING;
}

static int run_clear(struct scheduler *s, struct scheduler_api_job *j) {
        struct clear_ask *ask = j->extra;
        struct world_run *run;
        int r = scheduler_api_job_run(s, j, &run);

        if (r == 0)
                r = choose(j, ask, run);
        if (r != 0)
                return r;
        j->task_ids = arena_zalloc_array(j->req->arena, run->spec->n_tasks + 1, sizeof(char *));
        if (!j->task_ids)
                return -ENOMEM;
        for (size_t i = 0; i < run->spec->n_tasks && r >= 0; i++) {
                if (!is_wanted(ask, &run->tasks[i]))
                        continue;
                j->task_ids[j->n_task_ids] = arena_strdup(j->req->arena, run->spec->tasks[i].id);
                if (!j->task_ids[j->n_task_ids++])
                        return -ENOMEM;
                if (!ask->dry_run)
                        r = engine_apply(s, &(struct world_event){.kind = WORLD_TASK_CLEARED,
                                                                  .at = clock_now(s->clock),
                                                                  .task = &run->tasks[i]});
        }
        if (r >= 0 && !ask->dry_run)
                r = scheduler_api_job_log(s, j, "clear", NULL);
        return MIN(r, 0);
}

static int reply_clear(struct scheduler *s, struct scheduler_api_job *j) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "task_instances");
        for (size_t i = 0; i < j->n_task_ids; i++) {
                json_write_object(&w);
                json_write_kv_str(&w, "dag_id", j->dag_id);
                json_write_kv_str(&w, "dag_run_id", j->run_id);
                json_write_kv_str(&w, "task_id", j->task_ids[i]);
                json_write_kv_i64(&w, "map_index", -1);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_kv_u64(&w, "total_entries", j->n_task_ids);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(j->req, 200, &b);
}

static int submit(struct scheduler_api_job *j, struct clear_ask *ask) {
        j->extra = ask;
        j->run = run_clear;
        j->reply = reply_clear;
        return scheduler_api_job_submit(j);
}

int clear_api_run(struct http_request *req) {
        static const char *const keys[] = {"dry_run", "only_failed", "only_new",
                                           "run_on_latest_version", "note"};
        struct clear_ask *ask = arena_new(req->arena, struct clear_ask);
        struct scheduler_api_job *j;
        const struct json *body;
        struct errmsg em;

        if (!ask)
                return -ENOMEM;
        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body) ||
            !(j = scheduler_api_job_new(req)))
                return rest_replied;
        ask->dry_run = true;
        if (json_want_bool(body, "dry_run", &ask->dry_run, &em) < 0 ||
            json_want_bool(body, "only_failed", &ask->only_failed, &em) < 0)
                return rest_refuse(req, &em);
        return submit(j, ask);
}

int clear_api_tasks(struct http_request *req) {
        static const char *const keys[] = {"dry_run",
                                           "only_failed",
                                           "only_running",
                                           "reset_dag_runs",
                                           "task_ids",
                                           "dag_run_id",
                                           "include_upstream",
                                           "include_downstream",
                                           "include_future",
                                           "include_past",
                                           "start_date",
                                           "end_date",
                                           "run_on_latest_version",
                                           "prevent_running_task",
                                           "note"};
        struct clear_ask *ask = arena_new(req->arena, struct clear_ask);
        struct scheduler_api_job *j;
        const struct json *body;
        struct errmsg em;

        if (!ask)
                return -ENOMEM;
        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body) ||
            !(j = scheduler_api_job_new(req)))
                return rest_replied;
        ask->dry_run = ask->only_failed = true;
        if (json_need_str(body, "dag_run_id", &j->run_id, &em) < 0 ||
            json_want_bool(body, "dry_run", &ask->dry_run, &em) < 0 ||
            json_want_bool(body, "only_failed", &ask->only_failed, &em) < 0 ||
            json_want_bool(body, "only_running", &ask->only_running, &em) < 0 ||
            json_want_bool(body, "include_upstream", &ask->upstream, &em) < 0 ||
            json_want_bool(body, "include_downstream", &ask->downstream, &em) < 0 ||
            json_want(body, "task_ids", JSON_ARRAY, &ask->task_ids, &em) < 0)
                return rest_refuse(req, &em);
        return submit(j, ask);
}
