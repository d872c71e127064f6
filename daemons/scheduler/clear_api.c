/* clear_api.c: clearing: tasks begin anew, in one run or over many. */
#include <errno.h>
#include <string.h>

#include "daemons/scheduler/core/subset.h"
#include "daemons/scheduler/dag_runs_api.h"
#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { RUNS_MAX = 1000 };

struct cleared {
        const char *run_id, *task_id, *pool;
        int map_index;
        unsigned try_number, max_tries, pool_slots;
        enum task_state state;
        usec_t run_after_at;
};

struct clear_ask {
        bool dry_run, only_failed, only_running, upstream, downstream, future, past;
        usec_t start_at, end_at;     /* USEC_INFINITY: no limit */
        const struct json *task_ids; /* NULL: all; "id" or ["id", map_index] each */
        const char **run_ids;        /* by date, when no run is named */
        size_t n_runs;
        struct cleared *list;
        size_t n, n_allocated;
};

/* --- which tasks --------------------------------------------------------------------------------
 */

/* The task an entry of task_ids names, and of which instance (-1: all). */
static int entry(struct scheduler_api_job *j, const struct world_run *run, const struct json *item,
                 const struct dag_task **ret, int64_t *ret_map) {
        const char *id = NULL;

        *ret_map = -1;
        if (json_is(item, JSON_ARRAY) && item->len == 2 && json_i64(json_at(item, 1), ret_map) == 0)
                item = json_at(item, 0);
        if (json_str(item, &id) != 0)
                return scheduler_api_job_refuse(
                        j, 422, "\"task_ids\" must hold ids, or pairs of id and map index");
        *ret = dag_get_task(run->spec, id);
        if (!*ret)
                return scheduler_api_job_refuse(j, 404, "run \"%s\" has no task \"%s\"", run->id,
                                                id);
        return 0;
}

/* chosen: one for each task of the run. 0, a status, -errno. */
static int choose(struct scheduler_api_job *j, const struct clear_ask *ask,
                  const struct world_run *run, bool *chosen) {
        _cleanup_free_ bool *named = mem_zalloc_array(run->spec->n_tasks + 1, sizeof(*named));
        const struct json *item;

        if (!named)
                return -ENOMEM;
        if (!ask->task_ids) {
                memset(chosen, true, run->spec->n_tasks);
                return 0;
        }
        json_each (item, ask->task_ids) {
                const struct dag_task *t;
                int64_t map_index;
                int r = entry(j, run, item, &t, &map_index);

                if (r != 0)
                        return r;
                named[t->index] = true;
        }
        return subset_of(run->spec, named, ask->upstream, ask->downstream, chosen);
}

/* Named by instance, and not by this one? */
static bool is_other_instance(const struct clear_ask *ask, const struct world_task *t) {
        const struct json *item;
        bool by_instance = false;

        if (t->map_index < 0)
                return false;
        json_each (item, ask->task_ids) {
                const char *id = NULL;
                int64_t map_index = -1;

                if (json_str(item, &id) == 0 && str_eq(id, t->spec->id))
                        return false;
                if (!json_is(item, JSON_ARRAY) || json_str(json_at(item, 0), &id) != 0 ||
                    !str_eq(id, t->spec->id) || json_i64(json_at(item, 1), &map_index) != 0)
                        continue;
                if (map_index == t->map_index)
                        return false;
                by_instance = true;
        }
        return by_instance;
}

static bool is_wanted(const struct clear_ask *ask, const bool *chosen, const struct world_task *t) {
        bool failed = t->state == TASK_FAILED || t->state == TASK_UPSTREAM_FAILED;

        if (!chosen[t->spec->index] || t->state == TASK_NONE || is_other_instance(ask, t))
                return false;
        if (ask->only_failed && ask->only_running)
                return failed || t->state == TASK_RUNNING;
        return ask->only_failed ? failed : !ask->only_running || t->state == TASK_RUNNING;
}

/* --- which runs ---------------------------------------------------------------------------------
 */

static int add(struct scheduler_api_job *j, struct clear_ask *ask, const struct world_task *t) {
        struct cleared *c;

        if (ask->n == ask->n_allocated) {
                size_t n = MAX(ask->n_allocated * 2, (size_t) 64);
                struct cleared *list = arena_zalloc_array(j->req->arena, n, sizeof(*list));

                if (!list)
                        return -ENOMEM;
                if (ask->n > 0)
                        memcpy(list, ask->list, ask->n * sizeof(*list));
                ask->list = list;
                ask->n_allocated = n;
        }
        c = &ask->list[ask->n++];
        c->run_id = arena_strdup(j->req->arena, t->run->id);
        c->task_id = arena_strdup(j->req->arena, t->spec->id);
        c->map_index = t->map_index;
        c->pool = arena_strdup(j->req->arena, t->spec->pool);
        c->pool_slots = t->spec->pool_slots;
        c->try_number = t->try_number;
        c->max_tries = t->max_tries;
        c->state = t->state;
        c->run_after_at = t->run->when.run_after_at != USEC_INFINITY ? t->run->when.run_after_at
                                                                     : t->run->queued_at;
        return c->run_id && c->task_id && c->pool ? 0 : -ENOMEM;
}

static int clear_run(struct scheduler *s, struct scheduler_api_job *j, struct clear_ask *ask,
                     struct world_run *run) {
        _cleanup_free_ bool *chosen = mem_zalloc_array(run->spec->n_tasks + 1, sizeof(*chosen));
        struct world_task *t;
        int r;

        if (!chosen)
                return -ENOMEM;
        r = choose(j, ask, run, chosen);
        if (r != 0)
                return r;
        world_each_task(t, run) {
                if (!is_wanted(ask, chosen, t))
                        continue;
                r = add(j, ask, t);
                if (r >= 0 && !ask->dry_run)
                        r = engine_apply(s, &(struct world_event){.kind = WORLD_TASK_CLEARED,
                                                                  .at = clock_now(s->clock),
                                                                  .task = t});
                if (r < 0)
                        return r;
        }
        if (!ask->dry_run && j->note)
                return MIN(dag_runs_sql_set_note(s->db, scheduler_run_row(run), j->note), 0);
        return 0;
}

struct finding {
        struct scheduler_api_job *j;
        struct clear_ask *ask;
};

static int find_run(void *ctx, const struct dag_runs_sql_row *row) {
        struct finding *f = ctx;

        if (f->ask->n_runs == RUNS_MAX)
                return scheduler_api_job_refuse(f->j, 409,
                                                "more than %d runs: name dates with start_date and "
                                                "end_date",
                                                RUNS_MAX);
        f->ask->run_ids[f->ask->n_runs++] = row->run_id;
        return 0;
}

/* Runs by date: around the one that is named, or all between two dates. */
static int clear_many(struct scheduler *s, struct scheduler_api_job *j, struct clear_ask *ask) {
        struct finding f = {j, ask};
        int r;

        ask->run_ids = arena_zalloc_array(j->req->arena, RUNS_MAX, sizeof(*ask->run_ids));
        if (!ask->run_ids)
                return -ENOMEM;
        r = dag_runs_sql_between(s->db, j->dag_id, ask->start_at, ask->end_at, j->req->arena,
                                 find_run, &f);
        for (size_t i = 0; r == 0 && i < ask->n_runs; i++) {
                struct world_run *run;

                j->run_id = ask->run_ids[i];
                r = scheduler_api_job_run(s, j, &run);
                if (r == 0)
                        r = clear_run(s, j, ask, run);
        }
        return r;
}

static int run_clear(struct scheduler *s, struct scheduler_api_job *j) {
        struct clear_ask *ask = j->extra;
        struct world_run *run = NULL;
        int r = j->run_id ? scheduler_api_job_run(s, j, &run) : 0;

        if (r != 0)
                return r;
        if (run && (ask->future || ask->past)) {
                if (run->when.logical_at == USEC_INFINITY)
                        return scheduler_api_job_refuse(
                                j, 400,
                                "run \"%s\" has no logical date: no run is its past or future",
                                j->run_id);
                if (!ask->past)
                        ask->start_at = run->when.logical_at;
                if (!ask->future)
                        ask->end_at = run->when.logical_at;
                run = NULL;
        }
        r = run ? clear_run(s, j, ask, run) : clear_many(s, j, ask);
        if (r == 0 && !ask->dry_run)
                r = scheduler_api_job_log(s, j, "clear", NULL);
        return r > 0 && r < 400 ? 0 : r;
}

/* --- answers ------------------------------------------------------------------------------------
 */

/* What else Airflow's client wants of a task instance. */
static void write_rest(struct json_write *w, const char *dag_id, const struct cleared *c) {
        json_write_kv_str(w, "id", "00000000-0000-0000-0000-000000000000");
        json_write_kv_str(w, "dag_display_name", dag_id);
        json_write_kv_str(w, "task_display_name", c->task_id);
        json_write_kv_str(w, "state", task_state_rest_name(c->state));
        json_write_kv_u64(w, "try_number", c->try_number);
        json_write_kv_u64(w, "max_tries", c->max_tries);
        json_write_kv_str(w, "pool", c->pool);
        json_write_kv_u64(w, "pool_slots", c->pool_slots);
        rest_kv_at(w, "run_after", c->run_after_at);
        json_write_kv_str(w, "executor_config", "{}");
}

static int reply_clear(struct scheduler *s, struct scheduler_api_job *j) {
        const struct clear_ask *ask = j->extra;
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "task_instances");
        for (size_t i = 0; i < ask->n; i++) {
                json_write_object(&w);
                json_write_kv_str(&w, "dag_id", j->dag_id);
                json_write_kv_str(&w, "dag_run_id", ask->list[i].run_id);
                json_write_kv_str(&w, "task_id", ask->list[i].task_id);
                json_write_kv_i64(&w, "map_index", ask->list[i].map_index);
                write_rest(&w, j->dag_id, &ask->list[i]);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_kv_u64(&w, "total_entries", ask->n);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(j->req, 200, &b);
}

static int submit(struct scheduler_api_job *j, struct clear_ask *ask, bool of_run) {
        j->extra = ask;
        j->run = run_clear;
        /* a whole run that begins anew is answered as Airflow does: by the run */
        j->reply = of_run && !ask->dry_run ? dag_runs_api_reply : reply_clear;
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
            json_want_bool(body, "only_failed", &ask->only_failed, &em) < 0 ||
            json_want_str(body, "note", &j->note, &em) < 0)
                return rest_refuse(req, &em);
        return submit(j, ask, true);
}

static int read_ask(const struct json *body, struct scheduler_api_job *j, struct clear_ask *ask,
                    struct errmsg *em) {
        if (json_want_str(body, "dag_run_id", &j->run_id, em) < 0 ||
            json_want_bool(body, "dry_run", &ask->dry_run, em) < 0 ||
            json_want_bool(body, "only_failed", &ask->only_failed, em) < 0 ||
            json_want_bool(body, "only_running", &ask->only_running, em) < 0 ||
            json_want_bool(body, "include_upstream", &ask->upstream, em) < 0 ||
            json_want_bool(body, "include_downstream", &ask->downstream, em) < 0 ||
            json_want_bool(body, "include_future", &ask->future, em) < 0 ||
            json_want_bool(body, "include_past", &ask->past, em) < 0 ||
            json_want_str(body, "note", &j->note, em) < 0)
                return -EINVAL;
        return json_want(body, "task_ids", JSON_ARRAY, &ask->task_ids, em);
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
        ask->start_at = ask->end_at = USEC_INFINITY;
        if (read_ask(body, j, ask, &em) < 0)
                return rest_refuse(req, &em);
        if (!rest_want_at(req, body, "start_date", &ask->start_at) ||
            !rest_want_at(req, body, "end_date", &ask->end_at))
                return rest_replied;
        return submit(j, ask, false);
}
