/* backfills_api.c: runs of past dates: asked for, tried out, paused, cancelled. The dates are those
 * the timetable would have made with every missed run; those that have a run already are passed
 * over or run again, as reprocess_behavior says. */
#include <errno.h>
#include <string.h>

#include "daemons/scheduler/backfills_sql.h"
#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "lib/base/str.h"

enum { RUNS_MAX = 10000, ACTIVE_MAX = 1000 };

struct backfill_ask {
        struct backfills_sql_row row;
        bool backwards, dry_run;
        struct timetable_run *runs;
        size_t n_runs;
};

/* --- answers ------------------------------------------------------------------------------------
 */

static void write_backfill(struct json_write *w, const struct backfills_sql_row *b) {
        json_write_object(w);
        json_write_kv_i64(w, "id", b->id);
        json_write_kv_str(w, "dag_id", b->dag_id);
        json_write_kv_str(w, "dag_display_name", b->dag_id);
        rest_kv_at(w, "from_date", b->from_at);
        rest_kv_at(w, "to_date", b->to_at);
        rest_kv_raw(w, "dag_run_conf", b->conf ? b->conf : "{}");
        json_write_kv_bool(w, "is_paused", b->is_paused);
        json_write_kv_str(w, "reprocess_behavior", b->reprocess);
        json_write_kv_u64(w, "max_active_runs", b->max_active_runs);
        rest_kv_at(w, "created_at", b->created_at);
        rest_kv_at(w, "completed_at", b->completed_at);
        rest_kv_at(w, "updated_at", b->updated_at);
        json_write_end(w);
}

static int reply_id(struct http_request *req, struct db *db, int64_t id) {
        struct backfills_sql_row row;
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r = backfills_sql_get(db, id, req->arena, &row);

        if (r == 1)
                return http_request_reply_error(req, 404, "there is no backfill %lld",
                                                (long long) id);
        if (r < 0)
                return r;
        json_write_init(&w, &b, 0);
        write_backfill(&w, &row);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

static int write_row(struct http_request *req, struct db_stmt *s, struct json_write *w) {
        struct backfills_sql_row row;
        int r = backfills_sql_read(s, req->arena, &row);

        if (r >= 0)
                write_backfill(w, &row);
        return r;
}

int backfills_api_list(struct http_request *req) {
        const char *dag_id = http_request_query(req, "dag_id");
        _cleanup_(rest_where_done) struct rest_where where;
        struct rest_list list = {.key = "backfills",
                                 .columns = BACKFILLS_COLUMNS,
                                 .from = "backfills",
                                 .where = &where,
                                 .order = " ORDER BY id",
                                 .write = write_row};
        struct db *db;

        rest_where_init(&where, req);
        if (dag_id)
                rest_where_text(&where, "dag_id = ?", dag_id);
        if (!rest_read_page(req, &list.page) || !(db = scheduler_api_reader(req)))
                return rest_replied;
        return rest_reply_list(req, db, &list);
}

static bool read_id(struct http_request *req, int64_t *ret) {
        return rest_param_i64(req, "backfill_id", "backfill's id", ret);
}

int backfills_api_get(struct http_request *req) {
        struct db *db = scheduler_api_reader(req);
        int64_t id;

        return db && read_id(req, &id) ? reply_id(req, db, id) : rest_replied;
}

/* --- making -------------------------------------------------------------------------------------
 */

/* The dates between, none of them in the future. */
static int find_dates(struct scheduler *s, struct scheduler_api_job *j, struct backfill_ask *ask,
                      const struct world_dag *wd) {
        struct timetable tt = wd->timetable;
        struct timetable_run last, run;
        usec_t now = clock_now(s->clock);

        ask->runs = arena_zalloc_array(j->req->arena, RUNS_MAX, sizeof(*ask->runs));
        if (!ask->runs)
                return -ENOMEM;
        tt.missed = DAG_MISSED_ALL;
        tt.start_at = wd->timetable.start_at == USEC_INFINITY
                              ? ask->row.from_at
                              : MAX(ask->row.from_at, wd->timetable.start_at);
        tt.end_at = MIN(ask->row.to_at, wd->timetable.end_at);
        while (timetable_next(&tt, ask->n_runs > 0 ? &last : NULL, now, &run) == 0 &&
               run.interval_end_at < now) {
                if (ask->n_runs == RUNS_MAX)
                        return scheduler_api_job_refuse(
                                j, 422, "more than %d runs: ask for fewer dates", RUNS_MAX);
                ask->runs[ask->n_runs++] = last = run;
        }
        for (size_t i = 0; ask->backwards && i < ask->n_runs / 2; i++) {
                run = ask->runs[i];
                ask->runs[i] = ask->runs[ask->n_runs - 1 - i];
                ask->runs[ask->n_runs - 1 - i] = run;
        }
        return 0;
}

static int first_row(void *ctx, const struct dag_runs_sql_row *row) {
        *(struct dag_runs_sql_row *) ctx = *row;
        return 0;
}

/* A run of that date is there: is it run again? */
static bool is_again(const struct backfill_ask *ask, enum run_state state) {
        if (str_eq(ask->row.reprocess, "completed"))
                return run_state_is_finished(state);
        return str_eq(ask->row.reprocess, "failed") && state == RUN_FAILED;
}

static int run_again(struct scheduler *s, struct scheduler_api_job *j, struct world_backfill *b,
                     const char *run_id, bool first) {
        struct world_run *run;
        struct world_task *t;
        int r;

        j->run_id = run_id;
        r = scheduler_api_job_run(s, j, &run);
        if (r != 0)
                return r;
        run->backfill = b;
        run->ignores_past = first;
        r = backfills_sql_adopt(s->db, b->id, scheduler_run_row(run), first);
        world_each_task(t, run) {
                if (r < 0)
                        return r;
                r = engine_apply(s, &(struct world_event){.kind = WORLD_TASK_CLEARED,
                                                          .at = clock_now(s->clock),
                                                          .task = t});
        }
        return MIN(r, 0);
}

static int make_run(struct scheduler *s, struct scheduler_api_job *j, struct backfill_ask *ask,
                    struct world_dag *wd, struct world_backfill *b, size_t i, size_t *n_made) {
        const struct timetable_run *when = &ask->runs[i];
        struct dag_runs_sql_row row = {};
        char run_id[PLAN_RUN_ID_SIZE];
        int r;

        r = dag_runs_sql_between(s->db, j->dag_id, when->logical_at, when->logical_at,
                                 j->req->arena, first_row, &row);
        if (r < 0)
                return r;
        if (row.run_id && !is_again(ask, row.state))
                return 0;
        ++*n_made;
        if (row.run_id)
                return run_again(s, j, b, row.run_id, *n_made == 1);
        plan_run_id(RUN_TYPE_BACKFILL, when->logical_at, run_id);
        r = engine_create_run(s,
                              &(struct world_event){.kind = WORLD_RUN_CREATED,
                                                    .at = clock_now(s->clock),
                                                    .dag = wd,
                                                    .run_id = run_id,
                                                    .run_type = RUN_TYPE_BACKFILL,
                                                    .when = *when,
                                                    .conf = ask->row.conf,
                                                    .backfill = b,
                                                    .ignores_past = *n_made == 1},
                              j->user, NULL);
        return r == -EEXIST ? 0 : r;
}

static int make_all(struct scheduler *s, struct scheduler_api_job *j, struct backfill_ask *ask,
                    struct world_dag *wd) {
        struct world_backfill *b;
        size_t n_made = 0;
        int r;

        ask->row.created_at = clock_now(s->clock);
        r = backfills_sql_insert(s->db, &ask->row, j->user, &ask->row.id);
        if (r < 0)
                return r;
        b = world_put_backfill(&s->world, ask->row.id);
        if (!b)
                return -ENOMEM;
        b->max_active_runs = ask->row.max_active_runs;
        for (size_t i = 0; i < ask->n_runs && r == 0; i++)
                r = make_run(s, j, ask, wd, b, i, &n_made);
        if (r == 0 && n_made == 0)
                r = backfills_sql_complete(s->db, ask->row.id, clock_now(s->clock));
        j->run_id = NULL;
        if (r == 0)
                r = scheduler_api_job_log(s, j, "create_backfill", NULL);
        return r > 0 && r < 400 ? 0 : r;
}

static int refuse_open(void *ctx, const struct backfills_sql_row *row) {
        struct scheduler_api_job *j = ctx;

        if (!str_eq(row->dag_id, j->dag_id))
                return 0;
        return scheduler_api_job_refuse(
                j, 409, "backfill %lld of DAG \"%s\" is not finished: cancel it first",
                (long long) row->id, j->dag_id);
}

static int run_create(struct scheduler *s, struct scheduler_api_job *j) {
        struct world_dag *wd = world_get_dag(&s->world, j->dag_id);
        struct backfill_ask *ask = j->extra;
        int r;

        if (!wd || wd->gone)
                return scheduler_api_job_refuse(j, 404, "DAG \"%s\" was not found", j->dag_id);
        if (wd->spec->schedule.kind != DAG_SCHEDULE_CRON &&
            wd->spec->schedule.kind != DAG_SCHEDULE_DELTA &&
            wd->spec->schedule.kind != DAG_SCHEDULE_EVENTS)
                return scheduler_api_job_refuse(
                        j, 422, "DAG \"%s\" has no schedule that names past dates", j->dag_id);
        if (ask->backwards && wd->spec->uses_past)
                return scheduler_api_job_refuse(
                        j, 422, "DAG \"%s\" depends on its past: it cannot run backwards",
                        j->dag_id);
        r = find_dates(s, j, ask, wd);
        if (r != 0 || ask->dry_run)
                return r;
        r = backfills_sql_open(s->db, j->req->arena, refuse_open, j);
        return r != 0 && r != DB_DONE ? r : make_all(s, j, ask, wd);
}

static int reply_create(struct scheduler *s, struct scheduler_api_job *j) {
        const struct backfill_ask *ask = j->extra;
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        if (!ask->dry_run)
                return reply_id(j->req, s->db, ask->row.id);
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "backfills");
        for (size_t i = 0; i < ask->n_runs; i++) {
                json_write_object(&w);
                rest_kv_at(&w, "logical_date", ask->runs[i].logical_at);
                json_write_kv_null(&w, "partition_key");
                json_write_kv_null(&w, "partition_date");
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_kv_u64(&w, "total_entries", ask->n_runs);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(j->req, 200, &b);
}

static int read_conf(struct http_request *req, const struct json *body, struct backfill_ask *ask,
                     struct errmsg *em) {
        _cleanup_buf_ struct buf b = {};
        const struct json *conf = NULL;
        struct json_write w;

        if (json_want(body, "dag_run_conf", JSON_OBJECT, &conf, em) < 0)
                return -EINVAL;
        if (!conf)
                return 0;
        json_write_init(&w, &b, 0);
        json_write_node(&w, conf);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        ask->row.conf = arena_strdup(req->arena, buf_cstr(&b));
        return ask->row.conf ? 0 : -ENOMEM;
}

static int read_ask(struct http_request *req, const struct json *body, struct scheduler_api_job *j,
                    struct backfill_ask *ask, struct errmsg *em) {
        int64_t max = 10;

        ask->row.reprocess = "none";
        if (json_need_str(body, "dag_id", &j->dag_id, em) < 0 ||
            json_want_bool(body, "run_backwards", &ask->backwards, em) < 0 ||
            json_want_str(body, "reprocess_behavior", &ask->row.reprocess, em) < 0 ||
            json_want_i64(body, "max_active_runs", &max, em) < 0 ||
            read_conf(req, body, ask, em) < 0)
                return -EINVAL;
        if (!str_eq(ask->row.reprocess, "none") && !str_eq(ask->row.reprocess, "failed") &&
            !str_eq(ask->row.reprocess, "completed"))
                return errmsg_fail(em, -EINVAL,
                                   "\"reprocess_behavior\" must be none, failed or completed");
        if (max < 1 || max > ACTIVE_MAX)
                return errmsg_fail(em, -EINVAL, "\"max_active_runs\" must be from 1 to %d",
                                   ACTIVE_MAX);
        ask->row.dag_id = j->dag_id;
        ask->row.max_active_runs = (unsigned) max;
        return 0;
}

static int create(struct http_request *req, bool dry_run) {
        static const char *const keys[] = {
                "dag_id",       "from_date",          "to_date",         "run_backwards",
                "dag_run_conf", "reprocess_behavior", "max_active_runs", "run_on_latest_version"};
        struct backfill_ask *ask = arena_new(req->arena, struct backfill_ask);
        struct scheduler_api_job *j;
        const struct json *body;
        struct errmsg em = {};

        if (!ask)
                return -ENOMEM;
        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body) ||
            !(j = scheduler_api_job_new(req)))
                return rest_replied;
        if (read_ask(req, body, j, ask, &em) < 0)
                return rest_refuse(req, &em);
        ask->row.from_at = ask->row.to_at = USEC_INFINITY;
        if (!rest_want_at(req, body, "from_date", &ask->row.from_at) ||
            !rest_want_at(req, body, "to_date", &ask->row.to_at))
                return rest_replied;
        if (ask->row.from_at == USEC_INFINITY || ask->row.to_at == USEC_INFINITY ||
            ask->row.to_at < ask->row.from_at)
                return http_request_reply_error(
                        req, 422, "\"from_date\" and \"to_date\" are needed, in this order");
        ask->dry_run = dry_run;
        j->extra = ask;
        j->run = run_create;
        j->reply = reply_create;
        return scheduler_api_job_submit(j);
}

int backfills_api_create(struct http_request *req) {
        return create(req, false);
}

int backfills_api_dry_run(struct http_request *req) {
        return create(req, true);
}

/* --- changing -----------------------------------------------------------------------------------
 */

enum verb { PAUSE, UNPAUSE, CANCEL };

struct change_ask {
        int64_t id;
        enum verb verb;
};

/* What has not begun fails; what runs goes to its end. */
static int cancel(struct scheduler *s, const struct world_backfill *b, usec_t now) {
        struct world_run *run, *next;
        struct world_task *t;
        int r = 0;

        for (run = TAILQ_FIRST(&s->world.active); run && r >= 0; run = next) {
                next = TAILQ_NEXT(run, in_active);
                if (run->backfill != b || run->state != RUN_QUEUED)
                        continue;
                world_each_task(t, run) if (r >= 0 && !task_state_is_finished(t->state)) r =
                        engine_apply(s, &(struct world_event){.kind = WORLD_TASK_MARKED,
                                                              .at = now,
                                                              .task = t,
                                                              .task_state = TASK_SKIPPED});
                if (r >= 0)
                        r = engine_apply(s, &(struct world_event){.kind = WORLD_RUN_MARKED,
                                                                  .at = now,
                                                                  .run = run,
                                                                  .run_state = RUN_FAILED});
        }
        return r < 0 ? r : backfills_sql_complete(s->db, b->id, now);
}

static int run_change(struct scheduler *s, struct scheduler_api_job *j) {
        const struct change_ask *ask = j->extra;
        struct world_backfill *b = world_get_backfill(&s->world, ask->id);
        struct backfills_sql_row row;
        usec_t now = clock_now(s->clock);
        int r = backfills_sql_get(s->db, ask->id, j->req->arena, &row);

        if (r < 0)
                return r;
        if (r == 1)
                return scheduler_api_job_refuse(j, 404, "there is no backfill %lld",
                                                (long long) ask->id);
        if (row.completed_at != USEC_INFINITY || !b)
                return scheduler_api_job_refuse(j, 409, "backfill %lld is completed",
                                                (long long) ask->id);
        j->dag_id = row.dag_id;
        b->paused = ask->verb != UNPAUSE;
        r = backfills_sql_set_paused(s->db, ask->id, b->paused, now);
        if (r >= 0 && ask->verb == CANCEL)
                r = cancel(s, b, now);
        if (r >= 0)
                r = scheduler_api_job_log(s, j,
                                          ask->verb == CANCEL  ? "cancel_backfill"
                                          : ask->verb == PAUSE ? "pause_backfill"
                                                               : "unpause_backfill",
                                          NULL);
        return MIN(r, 0);
}

static int reply_change(struct scheduler *s, struct scheduler_api_job *j) {
        return reply_id(j->req, s->db, ((const struct change_ask *) j->extra)->id);
}

static int change(struct http_request *req, enum verb verb) {
        struct change_ask *ask = arena_new(req->arena, struct change_ask);
        struct scheduler_api_job *j;

        if (!ask)
                return -ENOMEM;
        if (!read_id(req, &ask->id) || !(j = scheduler_api_job_new(req)))
                return rest_replied;
        ask->verb = verb;
        j->extra = ask;
        j->run = run_change;
        j->reply = reply_change;
        return scheduler_api_job_submit(j);
}

int backfills_api_pause(struct http_request *req) {
        return change(req, PAUSE);
}

int backfills_api_unpause(struct http_request *req) {
        return change(req, UNPAUSE);
}

int backfills_api_cancel(struct http_request *req) {
        return change(req, CANCEL);
}
