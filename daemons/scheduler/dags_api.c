/* dags_api.c: DAGs and their tasks, from the world in memory. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/scheduler/dag_runs_json.h"
#include "daemons/scheduler/dags_sql.h"
#include "daemons/scheduler/feed.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/task_instances_sql.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

/* --- shapes -------------------------------------------------------------------------------------
 */

/* "0 0 * * *, 0 12 * * *" */
static const char *crons(struct http_request *req, const struct dag_schedule *s) {
        const char *text = s->cron;

        for (size_t i = 0; text && i < s->n_more_crons; i++)
                text = arena_printf(req->arena, "%s, %s", text, s->more_crons[i]);
        return text;
}

static const char *summary(struct http_request *req, const struct dag *d) {
        char span[TIMESTAMP_SIZE];

        switch (d->schedule.kind) {
        case DAG_SCHEDULE_CRON:
                return crons(req, &d->schedule);
        case DAG_SCHEDULE_EVENTS:
                return arena_printf(req->arena, "%zu events", d->schedule.n_events);
        case DAG_SCHEDULE_CONTINUOUS:
                return "@continuous";
        case DAG_SCHEDULE_DELTA:
                return arena_printf(req->arena, "every %s",
                                    timestamp_span_print(d->schedule.delta_for, span));
        case DAG_SCHEDULE_ONCE:
                return "@once";
        default:
                return NULL;
        }
}

static void write_tags(struct json_write *w, const struct dag *d) {
        json_write_kv_array(w, "tags");
        for (size_t i = 0; i < d->n_tags; i++) {
                json_write_object(w);
                json_write_kv_str(w, "name", d->tags[i]);
                json_write_kv_str(w, "dag_id", d->id);
                json_write_kv_str(w, "dag_display_name", d->id);
                json_write_end(w);
        }
        json_write_end(w);
}

static void write_next(struct scheduler *s, struct json_write *w, struct world_dag *wd) {
        struct timetable_run next = {USEC_INFINITY, USEC_INFINITY, USEC_INFINITY, USEC_INFINITY};

        if (!wd->gone && world_next_run(wd, clock_now(s->clock), &next) != 0)
                next.logical_at = next.interval_start_at = next.interval_end_at =
                        next.run_after_at = USEC_INFINITY;
        rest_kv_at(w, "next_dagrun_logical_date", next.logical_at);
        rest_kv_at(w, "next_dagrun_data_interval_start", next.interval_start_at);
        rest_kv_at(w, "next_dagrun_data_interval_end", next.interval_end_at);
        rest_kv_at(w, "next_dagrun_run_after", next.run_after_at);
}

static bool has_task_limits(const struct dag *d) {
        for (size_t i = 0; i < d->n_tasks; i++)
                if (d->tasks[i].max_active_per_dag || d->tasks[i].max_active_per_run)
                        return true;
        return false;
}

static void write_dag(struct http_request *req, struct json_write *w, struct world_dag *wd) {
        const struct dag *d = wd->spec;
        const char *file = d->source_file;
        const char *text = summary(req, d);

        json_write_kv_str(w, "dag_id", d->id);
        json_write_kv_str(w, "dag_display_name", d->id);
        json_write_kv_bool(w, "is_paused", wd->shown_paused);
        json_write_kv_bool(w, "is_stale", wd->gone);
        json_write_kv_null(w, "last_parsed_time");
        json_write_kv_null(w, "last_parse_duration");
        json_write_kv_null(w, "last_expired");
        json_write_kv_str(w, "bundle_name", "pipelines");
        json_write_kv_null(w, "bundle_version");
        json_write_kv_str(w, "relative_fileloc",
                          file && strrchr(file, '/') ? strrchr(file, '/') + 1 : file);
        json_write_kv_str(w, "fileloc", file ? file : "");
        json_write_kv_str(w, "description", d->description);
        json_write_kv_str(w, "timetable_summary", text);
        json_write_kv_str(w, "timetable_description",
                          text ? text : "Never, external triggers only");
        write_tags(w, d);
        json_write_kv_u64(w, "max_active_tasks", d->max_active_tasks);
        json_write_kv_u64(w, "max_active_runs", d->max_active_runs);
        json_write_kv_i64(w, "max_consecutive_failed_dag_runs", 0);
        json_write_kv_bool(w, "has_task_concurrency_limits", has_task_limits(d));
        json_write_kv_bool(w, "has_import_errors", false);
        write_next(scheduler_api_of(req), w, wd);
        json_write_kv_null(w, "allowed_run_types");
        json_write_kv_array(w, "owners");
        json_write_str(w, d->owner);
        json_write_end(w);
        json_write_kv_bool(w, "is_favorite", false);
        json_write_kv_bool(w, "is_backfillable", d->schedule.kind != DAG_SCHEDULE_NONE);
        json_write_kv_bool(w, "timetable_periodic", d->schedule.kind != DAG_SCHEDULE_NONE);
        json_write_kv_bool(w, "timetable_partitioned", false);
        json_write_kv_str(w, "file_token", d->id);
}

static void write_version(struct json_write *w, const struct world_dag *wd) {
        json_write_key(w, "latest_dag_version");
        dag_runs_json_version(w, wd->spec->id, scheduler_dag_version(wd), wd->version_at);
}

/* "PT1800S", as Airflow's client wants a span here. */
static void write_iso_span(struct json_write *w, const char *key, usec_t span_for) {
        char text[48];

        (void) snprintf(text, sizeof(text), "PT%.6gS", (double) span_for / 1e6);
        json_write_kv_str(w, key, text);
}

static void write_details(struct json_write *w, const struct world_dag *wd) {
        const struct dag *d = wd->spec;

        json_write_kv_bool(w, "catchup", d->missed == DAG_MISSED_ALL);
        json_write_kv_str(w, "missed", dag_missed_name(d->missed));
        if (d->dagrun_timeout_for)
                write_iso_span(w, "dag_run_timeout", d->dagrun_timeout_for);
        else
                json_write_kv_null(w, "dag_run_timeout");
        json_write_kv_null(w, "asset_expression");
        json_write_kv_str(w, "doc_md", d->description);
        rest_kv_at(w, "start_date", d->start_at);
        rest_kv_at(w, "end_date", d->end_at);
        json_write_kv_bool(w, "is_paused_upon_creation", d->paused_at_creation);
        rest_kv_raw(w, "params", d->params ? d->params : "{}");
        json_write_kv_bool(w, "render_template_as_native_obj", false);
        json_write_kv_null(w, "template_search_path");
        json_write_kv_str(w, "timezone", d->timezone);
        json_write_kv_null(w, "last_parsed");
        json_write_kv_null(w, "default_args");
        json_write_kv_object(w, "owner_links");
        json_write_end(w);
        json_write_kv_u64(w, "concurrency", d->max_active_tasks);
        write_version(w, wd);
}

static void write_span(struct json_write *w, const char *key, usec_t span_for) {
        if (span_for == 0) {
                json_write_kv_null(w, key);
                return;
        }
        json_write_kv_object(w, key);
        json_write_kv_str(w, "__type", "TimeDelta");
        json_write_kv_u64(w, "days", span_for / USEC_PER_DAY);
        json_write_kv_u64(w, "seconds", span_for % USEC_PER_DAY / USEC_PER_SEC);
        json_write_kv_u64(w, "microseconds", span_for % USEC_PER_SEC);
        json_write_end(w);
}

static void write_ids(struct json_write *w, const struct dag *d, const char *key,
                      const unsigned *list, size_t n) {
        json_write_kv_array(w, key);
        for (size_t i = 0; i < n; i++)
                json_write_str(w, d->tasks[list[i]].id);
        json_write_end(w);
}

static void write_task_lists(struct json_write *w) {
        static const char *const arrays[] = {"extra_links", "template_fields"};

        for (size_t i = 0; i < ARRAY_SIZE(arrays); i++) {
                json_write_kv_array(w, arrays[i]);
                json_write_end(w);
        }
}

/* What a task was given, such as its values of a matrix, in the form of Airflow's params. */
static void write_variables(struct json_write *w, const struct dag_task *t) {
        json_write_kv_object(w, "params");
        for (size_t i = 0; i < t->variables.n; i++) {
                json_write_kv_object(w, t->variables.items[i].key);
                json_write_kv_str(w, "value", t->variables.items[i].value);
                json_write_kv_null(w, "description");
                json_write_kv_object(w, "schema");
                json_write_end(w);
                json_write_end(w);
        }
        json_write_end(w);
}

static const char *weight_rule_name(enum dag_weight_rule rule) {
        return rule == DAG_WEIGHT_ABSOLUTE   ? "absolute"
               : rule == DAG_WEIGHT_UPSTREAM ? "upstream"
                                             : "downstream";
}

static void write_task(struct json_write *w, const struct dag *d, const struct dag_task *t) {
        json_write_object(w);
        json_write_kv_str(w, "task_id", t->id);
        json_write_kv_str(w, "task_display_name", t->id);
        json_write_kv_str(w, "owner", d->owner);
        rest_kv_at(w, "start_date", d->start_at);
        rest_kv_at(w, "end_date", d->end_at);
        json_write_kv_str(w, "trigger_rule", trigger_rule_name(t->rule));
        json_write_kv_bool(w, "depends_on_past", t->depends_on_past);
        json_write_kv_bool(w, "wait_for_downstream", t->wait_for_downstream);
        json_write_kv_u64(w, "retries", t->retries);
        json_write_kv_str(w, "queue", "default");
        json_write_kv_str(w, "pool", t->pool);
        json_write_kv_u64(w, "pool_slots", t->pool_slots);
        write_span(w, "execution_timeout", t->execution_timeout_for);
        write_span(w, "retry_delay", t->retry_delay_for);
        json_write_kv_f64(w, "retry_exponential_backoff",
                          t->retry_factor > 1 ? t->retry_factor : 0);
        json_write_kv_i64(w, "priority_weight", t->priority_weight);
        json_write_kv_str(w, "weight_rule", weight_rule_name(t->weight_rule));
        json_write_kv_str(w, "ui_color", "#fff");
        json_write_kv_str(w, "ui_fgcolor", "#000");
        write_task_lists(w);
        write_ids(w, d, "upstream_task_ids", t->upstream, t->n_upstream);
        write_ids(w, d, "downstream_task_ids", t->downstream, t->n_downstream);
        json_write_kv_str(w, "operator_name", task_instances_sql_operator(t));
        json_write_kv_object(w, "class_ref");
        json_write_kv_str(w, "module_path", "onebox");
        json_write_kv_str(w, "class_name", task_instances_sql_operator(t));
        json_write_end(w);
        json_write_kv_bool(w, "is_mapped", t->n_expand > 0);
        json_write_kv_str(w, "task_group", t->group);
        write_variables(w, t);
        json_write_kv_str(w, "doc_md", t->description);
        json_write_kv_str(w, "command", t->cmd);
        json_write_end(w);
}

/* --- handlers -----------------------------------------------------------------------------------
 */

static int reply_dag(struct http_request *req, struct world_dag *wd, bool details) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        write_dag(req, &w, wd);
        if (details)
                write_details(&w, wd);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

static struct world_dag *find(struct http_request *req) {
        const char *dag_id = http_request_param(req, "dag_id");
        struct world_dag *wd = world_get_dag(&scheduler_api_of(req)->world, dag_id);

        if (!wd)
                http_request_reply_error(req, 404, "DAG \"%s\" was not found", dag_id);
        return wd;
}

struct dags_filter {
        const char *pattern;
        bool has_paused, paused, exclude_stale, down;
        bool none; /* matches nothing */
};

static bool read_filter(struct http_request *req, struct dags_filter *f) {
        const char *order = http_request_query(req, "order_by");

        *f = (struct dags_filter){.exclude_stale = true};
        if (!rest_query_bool(req, "paused", &f->paused) ||
            !rest_query_bool(req, "exclude_stale", &f->exclude_stale))
                return false;
        f->has_paused = http_request_query(req, "paused") != NULL;
        if (order && !str_eq(order, "dag_id") && !str_eq(order, "-dag_id") &&
            !str_eq(order, "dag_display_name")) {
                http_request_reply_error(req, 400, "\"order_by\": only dag_id and -dag_id here");
                return false;
        }
        f->down = str_eq(order, "-dag_id");
        f->pattern = rest_query_glob(req, "dag_id_pattern");
        return true;
}

static bool has_tags(struct http_request *req, const struct dag *d) {
        const char *tag;
        size_t i = 0;
        bool wanted = false;

        while ((tag = http_request_query_next(req, "tags", &i))) {
                wanted = true;
                for (size_t j = 0; j < d->n_tags; j++)
                        if (str_eq(d->tags[j], tag))
                                return true;
        }
        return !wanted;
}

static bool matches(struct http_request *req, const struct dags_filter *f,
                    const struct world_dag *wd) {
        return !f->none && !(f->exclude_stale && wd->gone) &&
               (!f->has_paused || wd->shown_paused == f->paused) &&
               (!f->pattern || fnmatch(f->pattern, wd->spec->id, 0) == 0) &&
               has_tags(req, wd->spec);
}

static int by_id(const void *a, const void *b) {
        const struct world_dag *const *x = a, *const *y = b;

        return strcmp((*x)->spec->id, (*y)->spec->id);
}

/* Those that match, by id; in the request's arena. */
static int collect(struct http_request *req, const struct dags_filter *f, struct world_dag ***ret,
                   size_t *ret_n) {
        const struct world *world = &scheduler_api_of(req)->world;
        struct world_dag *wd, **list;
        size_t n = 0;

        list = arena_zalloc_array(req->arena, world->dag_map.n + 1, sizeof(struct world_dag *));
        if (!list)
                return -ENOMEM;
        TAILQ_FOREACH(wd, &world->dags, in_world)
        if (matches(req, f, wd))
                list[n++] = wd;
        qsort(list, n, sizeof(struct world_dag *), by_id);
        *ret = list;
        *ret_n = n;
        return 0;
}

static int reply_dags(struct http_request *req, struct world_dag *const *list, size_t n,
                      const struct rest_page *page, bool down) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "dags");
        for (size_t i = (size_t) page->offset; i < n && i < (size_t) (page->offset + page->limit);
             i++) {
                json_write_object(&w);
                write_dag(req, &w, list[down ? n - 1 - i : i]);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_kv_u64(&w, "total_entries", n);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

int dags_api_list(struct http_request *req) {
        struct world_dag **list;
        struct rest_page page;
        struct dags_filter f;
        size_t n;
        int r;

        if (!rest_read_page(req, &page) || !read_filter(req, &f))
                return rest_replied;
        r = collect(req, &f, &list, &n);
        return r < 0 ? r : reply_dags(req, list, n, &page, f.down);
}

int dags_api_get(struct http_request *req) {
        struct world_dag *wd = find(req);

        return wd ? reply_dag(req, wd, false) : rest_replied;
}

int dags_api_details(struct http_request *req) {
        struct world_dag *wd = find(req);

        return wd ? reply_dag(req, wd, true) : rest_replied;
}

int dags_api_tasks(struct http_request *req) {
        _cleanup_buf_ struct buf b = {};
        struct world_dag *wd = find(req);
        struct json_write w;
        int r;

        if (!wd)
                return rest_replied;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "tasks");
        for (size_t i = 0; i < wd->spec->n_tasks; i++)
                write_task(&w, wd->spec, &wd->spec->tasks[i]);
        json_write_end(&w);
        json_write_kv_u64(&w, "total_entries", wd->spec->n_tasks);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

int dags_api_task(struct http_request *req) {
        const char *task_id = http_request_param(req, "task_id");
        _cleanup_buf_ struct buf b = {};
        struct world_dag *wd = find(req);
        const struct dag_task *t;
        struct json_write w;
        int r;

        if (!wd)
                return rest_replied;
        t = dag_get_task(wd->spec, task_id);
        if (!t)
                return http_request_reply_error(req, 404, "DAG \"%s\" has no task \"%s\"",
                                                wd->spec->id, task_id);
        json_write_init(&w, &b, 0);
        write_task(&w, wd->spec, t);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

/* The job's DAG, which is `wd`. */
static int pause_one(struct scheduler *s, struct scheduler_api_job *j, struct world_dag *wd) {
        int r = dags_sql_set_paused(s->db, j->dag_id, j->flag);
        if (r >= 0)
                r = scheduler_api_job_log(s, j, j->flag ? "pause" : "unpause", NULL);
        if (r >= 0)
                r = feed_add_dag(s, j->dag_id, j->flag, clock_now(s->clock));
        if (r >= 0)
                world_set_paused(wd, j->flag);
        return MIN(r, 0);
}

static int run_pause(struct scheduler *s, struct scheduler_api_job *j) {
        struct world_dag *wd = world_get_dag(&s->world, j->dag_id);

        if (!wd)
                return scheduler_api_job_refuse(j, 404, "DAG \"%s\" was not found", j->dag_id);
        return pause_one(s, j, wd);
}

static int reply_pause(struct scheduler *s, struct scheduler_api_job *j) {
        struct world_dag *wd = world_get_dag(&s->world, j->dag_id);

        world_show_paused(wd);
        return reply_dag(j->req, wd, false);
}

static int submit_pause(struct scheduler_api_job *j) {
        static const char *const keys[] = {"is_paused"};
        const struct json *body;
        struct errmsg em;

        if (!rest_read_body(j->req, keys, ARRAY_SIZE(keys), &body))
                return rest_replied;
        if (json_need_bool(body, "is_paused", &j->flag, &em) < 0)
                return rest_refuse(j->req, &em);
        return scheduler_api_job_submit(j);
}

int dags_api_patch(struct http_request *req) {
        struct scheduler_api_job *j = scheduler_api_job_new(req);

        if (!j)
                return rest_replied;
        j->run = run_pause;
        j->reply = reply_pause;
        return submit_pause(j);
}

/* --- many at once -------------------------------------------------------------------------------
 */

struct pause_many {
        struct dags_filter filter;
        struct rest_page page;
        struct world_dag **list; /* while the job runs; then found again by their ids */
        const char **ids;
        size_t n;
};

static int run_pause_many(struct scheduler *s, struct scheduler_api_job *j) {
        struct pause_many *many = j->extra;
        int r = collect(j->req, &many->filter, &many->list, &many->n);

        if (r < 0)
                return r;
        many->ids = arena_zalloc_array(j->req->arena, many->n + 1, sizeof(*many->ids));
        if (!many->ids)
                return -ENOMEM;
        for (size_t i = 0; i < many->n && r >= 0; i++) {
                j->dag_id = arena_strdup(j->req->arena, many->list[i]->spec->id);
                many->ids[i] = j->dag_id;
                r = j->dag_id ? pause_one(s, j, many->list[i]) : -ENOMEM;
        }
        return MIN(r, 0);
}

static int reply_pause_many(struct scheduler *s, struct scheduler_api_job *j) {
        struct pause_many *many = j->extra;
        size_t n = 0;

        for (size_t i = 0; i < many->n; i++) {
                struct world_dag *wd = world_get_dag(&s->world, many->ids[i]);

                if (!wd)
                        continue;
                world_show_paused(wd);
                many->list[n++] = wd;
        }
        return reply_dags(j->req, many->list, n, &many->page, false);
}

/* All that the pattern and the other filters match; without a pattern, as in Airflow, none. */
int dags_api_patch_many(struct http_request *req) {
        struct pause_many *many = arena_new(req->arena, struct pause_many);
        struct scheduler_api_job *j;

        if (!many)
                return -ENOMEM;
        if (!rest_read_page(req, &many->page) || !read_filter(req, &many->filter) ||
            !(j = scheduler_api_job_new(req)))
                return rest_replied;
        many->filter.none = str_empty(http_request_query(req, "dag_id_pattern"));
        j->extra = many;
        j->run = run_pause_many;
        j->reply = reply_pause_many;
        return submit_pause(j);
}
