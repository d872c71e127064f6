/* onebox_api.c: what Airflow's API has no words for: next, status, services, compile, events,
 * and the shims' reports. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/core/world_leases.h"
#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/feed.h"
#include "daemons/scheduler/launch.h"
#include "daemons/scheduler/live.h"
#include "daemons/scheduler/notices.h"
#include "daemons/scheduler/pipelines.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/sources.h"
#include "daemons/scheduler/sources_git.h"
#include "daemons/scheduler/thrift.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { NEXT_DEFAULT = 5, NEXT_MAX = 1000, FILES_MAX = 256, SERVICE_SIZE_MAX = 1 << 20 };

static int finish(struct http_request *req, struct json_write *w, struct buf *b) {
        int r = json_write_finish(w);

        return r < 0 ? r : http_request_reply_json(req, 200, b);
}

int onebox_api_events(struct http_request *req) {
        return feed_listen(scheduler_api_of(req), req);
}

int onebox_api_report(struct http_request *req) {
        const char *try_id = http_request_param(req, "try_id");

        if (!entropy_is_uuid(try_id))
                return http_request_reply_error(req, 422, "\"%s\" is not a try id", try_id);
        return live_report(scheduler_api_of(req), try_id, req);
}

/* --- status -------------------------------------------------------------------------------------
 */

static void write_counts(struct scheduler *s, struct json_write *w) {
        uint64_t n_dags = 0, n_paused = 0, n_running = 0, n_queued = 0;
        const struct world_run *run;
        struct world_dag *wd;

        TAILQ_FOREACH(wd, &s->world.dags, in_world) {
                if (wd->gone)
                        continue;
                n_dags++;
                n_paused += wd->shown_paused;
        }
        TAILQ_FOREACH(run, &s->world.active, in_active) {
                n_running += run->state == RUN_RUNNING;
                n_queued += run->state == RUN_QUEUED;
        }
        json_write_kv_u64(w, "dags", n_dags);
        json_write_kv_u64(w, "dags_paused", n_paused);
        json_write_kv_u64(w, "runs_running", n_running);
        json_write_kv_u64(w, "runs_queued", n_queued);
        json_write_kv_u64(w, "tasks_live", s->world.n_live);
        json_write_kv_u64(w, "tasks_ready", s->world.n_ready);
        json_write_kv_u64(w, "parallelism", s->world.parallelism);
}

/* Counted resources and which tasks hold units of them. */
static void write_resources(const struct world *world, struct json_write *w) {
        const struct world_resource *res;
        const struct world_task *t;

        json_write_kv_array(w, "resources");
        TAILQ_FOREACH(res, &world->resources, in_world) {
                json_write_object(w);
                json_write_kv_str(w, "name", res->name);
                json_write_kv_u64(w, "total", res->n);
                json_write_kv_u64(w, "used", world_leases_count_units(res->used));
                json_write_kv_array(w, "holders");
                TAILQ_FOREACH(t, &world->live, in_queue)
                if (world_leases_of(t, res->name)) {
                        json_write_object(w);
                        json_write_kv_str(w, "dag_id", t->run->spec->id);
                        json_write_kv_str(w, "dag_run_id", t->run->id);
                        json_write_kv_str(w, "task_id", t->spec->id);
                        json_write_kv_i64(w, "map_index", t->map_index);
                        json_write_end(w);
                }
                json_write_end(w);
                json_write_end(w);
        }
        json_write_end(w);
}

/* Nothing runs, and of what ran nothing is left to write, to tell or to give back: from here on the
 * daemon sleeps until the next run is due or somebody asks. */
static bool is_at_rest(const struct scheduler *s) {
        return TAILQ_EMPTY(&s->world.active) && !engine_is_ahead(s) && notices_are_through(s) &&
               !thrift_is_due(s->thrift);
}

int onebox_api_status(struct http_request *req) {
        struct scheduler *s = scheduler_api_of(req);
        const char *trouble = launch_trouble(s);
        usec_t now = clock_now(s->clock);
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "version", PACKAGE_VERSION);
        rest_kv_at(&w, "started_at", s->started_at);
        rest_kv_at(&w, "now", now);
        write_counts(s, &w);
        json_write_kv_bool(&w, "at_rest", is_at_rest(s));
        rest_kv_at(&w, "next_run_at", world_next_due(&s->world, now));
        json_write_kv_str(&w, "launcher_trouble", trouble[0] ? trouble : NULL);
        json_write_kv_node(&w, "gitsync", sources_git_report(s, req->arena));
        write_resources(&s->world, &w);
        json_write_kv_array(&w, "warnings");
        for (char *const *t = sources_warnings(s); *t; t++)
                json_write_str(&w, *t);
        json_write_end(&w);
        json_write_end(&w);
        return finish(req, &w, &b);
}

/* --- next ---------------------------------------------------------------------------------------
 */

int onebox_api_next(struct http_request *req) {
        const char *dag_id = http_request_query(req, "dag_id");
        struct scheduler *s = scheduler_api_of(req);
        struct world_dag *wd = dag_id ? world_get_dag(&s->world, dag_id) : NULL;
        usec_t now = clock_now(s->clock);
        _cleanup_buf_ struct buf b = {};
        struct timetable_run last, next;
        int64_t count = NEXT_DEFAULT;
        struct json_write w;

        if (!wd)
                return http_request_reply_error(req, 404, "DAG \"%s\" was not found",
                                                dag_id ? dag_id : "");
        if (http_request_query_i64(req, "count", &count) == -EINVAL || count < 1 ||
            count > NEXT_MAX)
                return http_request_reply_error(req, 422, "\"count\" must be from 1 to %d",
                                                NEXT_MAX);
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "runs");
        last = wd->last;
        for (int64_t i = 0; i < count; i++) {
                if (timetable_next(&wd->timetable, i > 0 || wd->has_last ? &last : NULL, now,
                                   &next) != 0)
                        break;
                json_write_object(&w);
                rest_kv_at(&w, "logical_date", next.logical_at);
                rest_kv_at(&w, "data_interval_start", next.interval_start_at);
                rest_kv_at(&w, "data_interval_end", next.interval_end_at);
                rest_kv_at(&w, "run_after", next.run_after_at);
                json_write_end(&w);
                last = next;
                now = MAX(now, next.run_after_at);
        }
        json_write_end(&w);
        json_write_end(&w);
        return finish(req, &w, &b);
}

/* --- services -----------------------------------------------------------------------------------
 */

int onebox_api_services(struct http_request *req) {
        struct scheduler *s = scheduler_api_of(req);
        _cleanup_(str_free_listp) char **names = NULL;
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        char *dir;
        int r;

        dir = arena_printf(req->arena, "%s/services", s->paths->state_dir);
        if (!dir)
                return -ENOMEM;
        r = fileio_list(dir, ".json", &names);
        if (r < 0 && r != -ENOENT)
                return r;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "services");
        for (char **n = names; n && *n; n++) {
                _cleanup_free_ char *text = NULL;
                char *path = arena_printf(req->arena, "%s/%s", dir, *n);
                struct json *j;
                size_t len;

                if (path && fileio_read(path, SERVICE_SIZE_MAX, &text, &len) >= 0 &&
                    json_parse_copy(req->arena, text, len, &j, NULL) >= 0)
                        json_write_node(&w, j);
        }
        json_write_end(&w);
        json_write_end(&w);
        return finish(req, &w, &b);
}

/* --- compile ------------------------------------------------------------------------------------
 */

static bool read_files(struct http_request *req, const struct json *body,
                       struct pipelines_text **ret, size_t *ret_n) {
        struct pipelines_text *files;
        const struct json *list, *item;
        struct errmsg em;
        size_t n = 0;

        if (json_need(body, "files", JSON_ARRAY, &list, &em) < 0) {
                rest_refuse(req, &em);
                return false;
        }
        files = arena_zalloc_array(req->arena, list->len + 1, sizeof(*files));
        if (!files || list->len > FILES_MAX) {
                http_request_reply_error(req, 422, "\"files\": at most %d", FILES_MAX);
                return false;
        }
        json_each (item, list) {
                if (json_need_str(item, "path", &files[n].path, &em) < 0 ||
                    json_need_str(item, "text", &files[n].data, &em) < 0) {
                        rest_refuse(req, &em);
                        return false;
                }
                files[n].len = strlen(files[n].data);
                n++;
        }
        *ret = files;
        *ret_n = n;
        return true;
}

static void write_messages(struct json_write *w, const struct pipelines *p, bool warnings) {
        json_write_kv_array(w, warnings ? "warnings" : "errors");
        for (size_t i = 0; i < p->n_messages; i++)
                if (p->messages[i].is_warning == warnings)
                        json_write_str(w, p->messages[i].text);
        json_write_end(w);
}

static void write_compiled(struct json_write *w, const struct pipelines *p) {
        json_write_object(w);
        json_write_kv_array(w, "dags");
        for (size_t i = 0; i < p->n_dags; i++)
                json_write_raw(w, p->dags[i].json, strlen(p->dags[i].json));
        json_write_end(w);
        json_write_kv_array(w, "services");
        for (size_t i = 0; i < p->n_services; i++)
                json_write_raw(w, p->services[i].json, strlen(p->services[i].json));
        json_write_end(w);
        write_messages(w, p, false);
        write_messages(w, p, true);
        json_write_end(w);
}

/* POST {"files": [{"path", "text"}…], "compat_code": false}: what they would become. */
int onebox_api_compile(struct http_request *req) {
        static const char *const keys[] = {"files", "compat_code"};
        _cleanup_(pipelines_done) struct pipelines p = {};
        struct pipelines_options options = {};
        _cleanup_buf_ struct buf b = {};
        struct pipelines_text *files;
        const struct json *body;
        struct json_write w;
        struct errmsg em;
        size_t n;
        int r;

        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body) ||
            !read_files(req, body, &files, &n))
                return rest_replied;
        if (json_want_bool(body, "compat_code", &options.compat_code, &em) < 0)
                return rest_refuse(req, &em);
        options.python = arena_printf(req->arena, "%s/venv/bin/python",
                                      scheduler_api_of(req)->paths->state_dir);
        if (!options.python)
                return -ENOMEM;
        r = pipelines_compile(files, n, &options, &p);
        if (r < 0)
                return r;
        json_write_init(&w, &b, 0);
        write_compiled(&w, &p);
        return finish(req, &w, &b);
}
