#include "daemons/scheduler/engine.h"

#include <assert.h>
#include <errno.h>

#include "daemons/scheduler/backfills_sql.h"
#include "daemons/scheduler/callbacks.h"
#include "daemons/scheduler/core/expand.h"
#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/dags_sql.h"
#include "daemons/scheduler/effects.h"
#include "daemons/scheduler/event_logs_sql.h"
#include "daemons/scheduler/feed.h"
#include "daemons/scheduler/inhibit.h"
#include "daemons/scheduler/lease.h"
#include "daemons/scheduler/night_watch.h"
#include "daemons/scheduler/notices.h"
#include "daemons/scheduler/restore.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/task_instances_sql.h"
#include "daemons/scheduler/thrift.h"
#include "daemons/scheduler/tracked.h"
#include "daemons/scheduler/tries_sql.h"
#include "daemons/scheduler/xcom.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/loop.h"

#define LAZY_FOR (50 * USEC_PER_MSEC)
#define RELOAD_FOR (500 * USEC_PER_MSEC)

/* After a batch that was lost so many go one by one: what cannot be written takes nothing else
 * along. */
enum { CAREFUL = 256 };

STAILQ_HEAD(engine_jobs, engine_job);

struct engine {
        struct scheduler *s;
        struct engine_jobs jobs;
        size_t n_jobs;
        struct plan plan;
        struct effects effects; /* of the batch that runs */
        struct loop_source *soon, *wake, *lazy;
        bool is_soon, is_lazy, running;
        unsigned n_careful; /* jobs that go alone */
        bool broken;        /* the world has to be read anew first */
        usec_t hold_until;
        bool stopped;
};

/* --- writing what an event touched --------------------------------------------------------------
 */

static int write_run_created(struct scheduler *s, struct world_run *run, const char *by,
                             const char *note) {
        int64_t id;
        int r;

        r = dag_runs_sql_insert(s->db, run, scheduler_dag_version(run->dag), by, note, &id);
        if (r < 0)
                return r;
        run->user = (void *) (intptr_t) id;
        return task_instances_sql_insert(s->db, id, run);
}

static int write_touched(struct scheduler *s, const struct world_touched *touched) {
        int r = 0;

        if (touched->dag)
                r = dags_sql_set_last(s->db, touched->dag->spec->id, &touched->dag->last);
        if (r >= 0 && touched->run)
                r = dag_runs_sql_update(s->db, scheduler_run_row(touched->run), touched->run);
        if (r >= 0 && touched->task && touched->task->is_expanded)
                r = task_instances_sql_expand(s->db, scheduler_run_row(touched->task->run),
                                              touched->task);
        else if (r >= 0 && touched->task)
                r = task_instances_sql_update(s->db, scheduler_run_row(touched->task->run),
                                              touched->task);
        return r;
}

/* A try begins with nothing left by those before it. */
static int drop_xcoms(struct scheduler *s, const struct world_task *t) {
        return xcoms_sql_delete_task(s->db,
                                     &(struct xcoms_sql_key){scheduler_run_row(t->run), t->spec->id,
                                                             t->map_index, NULL});
}

static int write_try(struct scheduler *s, const struct world_event *e) {
        int r;

        if (e->kind == WORLD_TRY_CREATED && e->try_number > 1 && (r = drop_xcoms(s, e->task)) < 0)
                return r;
        if (e->kind == WORLD_TRY_CREATED)
                return tries_sql_insert(s->db, scheduler_run_row(e->task->run), e->task, s->boot_id,
                                        e->task->run->spec->user);
        if (e->kind == WORLD_TRY_STARTED)
                return tries_sql_set_started(s->db, e->try_id, e->at);
        return 0;
}

/* Cleared or marked while its try lives: that has to end first. */
static bool is_told_to_stop(const struct world_event *e) {
        return (e->kind == WORLD_TASK_CLEARED || e->kind == WORLD_TASK_MARKED) &&
               task_state_is_live(e->task->state);
}

/* Listeners hear of every instance of a task that has just been expanded. */
static int tell_task(struct scheduler *s, struct world_task *t, usec_t at) {
        int r = 0;

        if (!t->is_expanded)
                return feed_add_task(s, t, at);
        for (unsigned i = 0; r >= 0 && i < t->n_maps; i++)
                r = feed_add_task(s, t->maps[i], at);
        return r;
}

static int remember(struct scheduler *s, const struct world_event *e,
                    const struct world_touched *touched) {
        struct effects *x = &s->engine->effects;
        int r = 0;

        if (e->kind == WORLD_TRY_CREATED)
                r = effects_add_try(x, EFFECT_START, e->task, e->try_id);
        else if (e->kind == WORLD_TRY_STOPPING || is_told_to_stop(e))
                r = effects_add_try(x, EFFECT_STOP, e->task, e->task->try_id);
        else if (e->kind == WORLD_TRY_ENDED ||
                 (e->kind == WORLD_TRY_STARTED && tracked_is_on(s, e->task)))
                r = effects_add_try(x, EFFECT_TELL, e->task, e->try_id);
        else if (e->kind == WORLD_RUN_FINISHED || e->kind == WORLD_RUN_MARKED)
                r = effects_add_sweep(x, e->run->dag);
        if (r >= 0 && touched->task)
                r = tell_task(s, touched->task, e->at);
        if (r >= 0 && touched->run)
                r = feed_add_run(s, touched->run, e->at);
        return r;
}

static int apply(struct scheduler *s, const struct world_event *e, struct world_touched *touched) {
        int r;

        assert(s->engine->running);
        *touched = (struct world_touched){};
        r = world_apply(&s->world, e, touched);
        if (r < 0 && r != -EEXIST)
                s->engine->broken = true;
        return r;
}

/* The last of its runs has ended. */
static int complete_backfill(struct scheduler *s, const struct world_event *e) {
        const struct world_backfill *b = e->run->backfill;
        const struct world_run *run;

        if (!b)
                return 0;
        TAILQ_FOREACH(run, &s->world.active, in_active)
        if (run->backfill == b)
                return 0;
        return backfills_sql_complete(s->db, b->id, e->at);
}

/* Its process has begun, or never will. */
static bool leaves_queue(const struct world_event *e) {
        return (e->kind == WORLD_TRY_STARTED || e->kind == WORLD_TRY_ENDED) &&
               e->task->state == TASK_QUEUED && str_eq(e->try_id, e->task->try_id);
}

int engine_apply(struct scheduler *s, const struct world_event *e) {
        bool begins = leaves_queue(e);
        struct world_touched touched;
        int r = begins ? tracked_note(s, e->task, e->at) : 0;

        if (r >= 0)
                r = apply(s, e, &touched);
        if (r != 0)
                return r;
        r = write_touched(s, &touched);
        if (r >= 0)
                r = write_try(s, e);
        if (r >= 0 && (e->kind == WORLD_RUN_FINISHED || e->kind == WORLD_RUN_MARKED))
                r = complete_backfill(s, e);
        if (r >= 0 && e->kind != WORLD_TRY_ENDED) /* whose words engine_end_try() has */
                r = callbacks_note(s, e, NULL);
        if (r >= 0)
                r = remember(s, e, &touched);
        return MIN(r, 0);
}

int engine_create_run(struct scheduler *s, const struct world_event *e, const char *triggered_by,
                      const char *note) {
        struct world_touched touched;
        struct arena a;
        struct dag_runs_sql_row row;
        int r;

        arena_init(&a, 0);
        r = dag_runs_sql_get(s->db, e->dag->spec->id, e->run_id, &a, &row);
        arena_done(&a);
        if (r <= 0)
                return r < 0 ? r : -EEXIST;
        r = apply(s, e, &touched);
        if (r != 0)
                return r;
        assert(touched.run);
        r = write_run_created(s, touched.run, triggered_by, note);
        if (r >= 0 && touched.dag)
                r = dags_sql_set_last(s->db, touched.dag->spec->id, &touched.dag->last);
        if (r >= 0)
                r = remember(s, e, &touched);
        return MIN(r, 0);
}

int engine_end_try(struct scheduler *s, const struct world_event *e, const struct spool_end *end,
                   const char *message) {
        int r = engine_apply(s, e);

        if (r != 0)
                return r;
        r = tries_sql_set_ended(s->db, e->try_id, e->result, e->at, end, message);
        if (r >= 0)
                r = callbacks_note(s, e, message);
        if (r >= 0)
                r = tracked_note_table(s, e);
        return MIN(r, 0);
}

/* --- deciding -----------------------------------------------------------------------------------
 */

/* A mapped task whose values are no list fails, and its note says so. */
static int fail_expand(struct scheduler *s, const struct world_event *e, const char *why) {
        struct world_event failed = {.kind = WORLD_TASK_SETTLED,
                                     .at = e->at,
                                     .task = e->task,
                                     .task_state = TASK_FAILED};
        int r;

        if (e->task->is_expanded) { /* cleared, and what it is mapped over is gone */
                failed = *e;
                failed.n_maps = 0;
        }
        log_struct(LOG_WARNING,
                   LOG_FIELDS({"ONEBOX_DAG", e->task->run->spec->id},
                              {"ONEBOX_RUN", e->task->run->id}, {"ONEBOX_TASK", e->task->spec->id}),
                   "cannot be mapped: %s", why);
        r = event_logs_sql_insert(s->db,
                                  &(struct event_logs_sql_row){.at = e->at,
                                                               .event = "map_failed",
                                                               .dag_id = e->task->run->spec->id,
                                                               .run_id = e->task->run->id,
                                                               .task_id = e->task->spec->id,
                                                               .map_index = -1,
                                                               .owner = "scheduler",
                                                               .extra = why});
        return r < 0 ? r : engine_apply(s, &failed);
}

static int expand(struct scheduler *s, struct world_event *e) {
        const struct json *const *values;
        struct errmsg em = {};
        struct arena a;
        int r;

        arena_init(&a, 0);
        r = xcom_expand_values(s, e->task, &a, &values, &em);
        if (r >= 0)
                r = expand_count(e->task->spec, values, &e->n_maps, &em);
        if (r >= 0)
                r = engine_apply(s, e);
        else if (r == -EINVAL)
                r = fail_expand(s, e, em.text);
        arena_done(&a);
        return MIN(r, 0);
}

static int decide_one(struct scheduler *s, const struct plan_decision *d, usec_t now) {
        char run_id[PLAN_RUN_ID_SIZE], try_id[WORLD_ID_SIZE] = "";
        struct world_event e;
        int r;

        if (d->kind == PLAN_START_TRY && (r = entropy_uuid7(s->entropy, now, try_id)) < 0)
                return r;
        plan_event(d, now, try_id, run_id, &e);
        if (d->kind == PLAN_EXPAND_TASK)
                return expand(s, &e);
        if (d->kind != PLAN_CREATE_RUN)
                return MIN(engine_apply(s, &e), 0);
        r = engine_create_run(s, &e, "scheduler", NULL);
        if (r != -EEXIST)
                return MIN(r, 0);
        /* A run of that name was made by hand: the timetable passes over it. */
        world_set_last(d->dag, &d->when);
        return dags_sql_set_last(s->db, d->dag->spec->id, &d->when);
}

static int decide(struct scheduler *s, usec_t now) {
        struct engine *e = s->engine;
        int r;

        s->world.stopping = e->stopped || now < e->hold_until || night_watch_is_closed(s);
        for (int pass = 0; pass < ENGINE_PASSES_MAX; pass++) {
                r = plan_next(&s->world, now, &e->plan);
                if (r < 0)
                        return r;
                if (e->plan.n == 0)
                        return 0;
                for (size_t i = 0; i < e->plan.n; i++) {
                        r = decide_one(s, &e->plan.decisions[i], now);
                        if (r < 0)
                                return r;
                }
        }
        e->plan.wake_at = now;
        return 0;
}

/* --- batches ------------------------------------------------------------------------------------
 */

static void end_jobs(struct scheduler *s, struct engine_jobs *batch, int error) {
        struct engine_job *job;

        while ((job = STAILQ_FIRST(batch))) {
                STAILQ_REMOVE_HEAD(batch, next);
                job->done(s, job, error < 0 ? error : job->result);
        }
}

static int run_batch(struct scheduler *s, struct engine_jobs *batch) {
        struct engine_job *job;
        int r;

        r = db_begin(s->db, true);
        if (r < 0)
                return r;
        if (s->lease)
                r = lease_hold(s);
        STAILQ_FOREACH(job, batch, next) {
                if (r < 0)
                        break;
                job->result = r = job->run(s, job);
        }
        if (r >= 0)
                r = decide(s, clock_now(s->clock));
        if (r >= 0)
                return db_commit(s->db);
        db_rollback(s->db);
        return r;
}

static void take_batch(struct engine *e, struct engine_jobs *ret) {
        int n = e->n_careful > 0 ? 1 : ENGINE_BATCH_MAX;

        STAILQ_INIT(ret);
        for (int i = 0; i < n && !STAILQ_EMPTY(&e->jobs); i++) {
                struct engine_job *job = STAILQ_FIRST(&e->jobs);

                STAILQ_REMOVE_HEAD(&e->jobs, next);
                STAILQ_INSERT_TAIL(ret, job, next);
                e->n_jobs--;
        }
}

static void arm_wake(struct engine *e) {
        usec_t at = e->plan.wake_at;

        if (e->hold_until > clock_now(e->s->clock))
                at = MIN(at, e->hold_until);
        if (at == USEC_INFINITY)
                loop_source_set_enabled(e->wake, false);
        else
                loop_source_arm_at(e->wake, at);
}

static void arm_soon(struct engine *e, usec_t in_for) {
        if (e->is_soon)
                return;
        e->is_soon = true;
        loop_source_arm_in(e->soon, in_for);
}

/* Not sooner, whoever has asked for it meanwhile. */
static void arm_reload(struct engine *e) {
        e->is_soon = true;
        loop_source_arm_in(e->soon, RELOAD_FOR);
}

/* The world is what the database says, not what a failed batch made of it. */
static int reload(struct engine *e) {
        struct errmsg em;
        int r;

        effects_clear(&e->effects);
        feed_clear(e->s);
        r = e->s->lease ? lease_again(e->s) : 0;
        if (r < 0)
                return log_errno(r, "the database is not ours to write: %s", db_errmsg(e->s->db));
        r = restore_world(e->s, &em);
        if (r < 0) {
                log_error("the state cannot be read again: %s", em.text);
                return r;
        }
        e->broken = false;
        return 0;
}

/* What was asked of us meanwhile, the other answers. */
static void give_up(struct engine *e) {
        log_error("another onebox-scheduler has taken over the database: this one ends");
        e->stopped = true;
        loop_quit(e->s->loop, 1);
}

static void turn(struct engine *e) {
        struct engine_jobs batch;
        int r = 0;

        if (e->broken && (r = reload(e)) < 0) {
                if (r == -ESTALE)
                        give_up(e);
                else
                        arm_reload(e);
                return;
        }
        take_batch(e, &batch);
        e->running = true;
        r = run_batch(e->s, &batch);
        e->running = false;
        if (r < 0) {
                log_errno(r, "a batch of changes could not be written: %s", db_errmsg(e->s->db));
                e->broken = true;
                e->n_careful = CAREFUL;
                end_jobs(e->s, &batch, r);
                if (r == -ESTALE)
                        give_up(e);
                else
                        arm_reload(e);
                return;
        }
        if (e->n_careful > 0)
                e->n_careful--;
        arm_wake(e);
        effects_run(e->s, &e->effects);
        feed_publish(e->s);
        end_jobs(e->s, &batch, 0);
        callbacks_kick(e->s);
        inhibit_look(e->s);
        thrift_look(e->s->thrift);
        if (!STAILQ_EMPTY(&e->jobs))
                arm_soon(e, 0);
}

static int on_soon(struct loop_source *source, usec_t now, void *ctx) {
        struct engine *e = ctx;

        e->is_soon = e->is_lazy = false;
        turn(e);
        return 0;
}

static int on_wake(struct loop_source *source, usec_t now, void *ctx) {
        engine_kick(((struct engine *) ctx)->s);
        return 0;
}

static int on_lazy(struct loop_source *source, usec_t now, void *ctx) {
        struct engine *e = ctx;

        if (e->is_lazy)
                engine_kick(e->s);
        return 0;
}

static int enqueue(struct engine *e, struct engine_job *job) {
        if (e->n_jobs >= ENGINE_QUEUE_MAX)
                return -EAGAIN;
        STAILQ_INSERT_TAIL(&e->jobs, job, next);
        e->n_jobs++;
        return 0;
}

int engine_submit(struct scheduler *s, struct engine_job *job) {
        int r = enqueue(s->engine, job);

        if (r >= 0)
                arm_soon(s->engine, 0);
        return r;
}

int engine_submit_lazy(struct scheduler *s, struct engine_job *job) {
        int r = enqueue(s->engine, job);

        if (r >= 0 && !s->engine->is_soon && !s->engine->is_lazy) {
                s->engine->is_lazy = true;
                loop_source_arm_in(s->engine->lazy, LAZY_FOR);
        }
        return r;
}

void engine_kick(struct scheduler *s) {
        arm_soon(s->engine, 0);
}

void engine_hold(struct scheduler *s, usec_t until) {
        s->engine->hold_until = MAX(s->engine->hold_until, until);
        engine_kick(s);
}

void engine_stop(struct scheduler *s) {
        s->engine->stopped = true;
}

int engine_new(struct scheduler *s, struct engine **ret) {
        struct engine *e = mem_new(struct engine);
        int r;

        if (!e)
                return -ENOMEM;
        e->s = s;
        STAILQ_INIT(&e->jobs);
        r = loop_timer(s->loop, CLOCK_BOOTTIME, UINT64_MAX, 1, on_soon, e, &e->soon);
        if (r >= 0)
                r = loop_timer(s->loop, CLOCK_REALTIME, UINT64_MAX, 1, on_wake, e, &e->wake);
        if (r >= 0)
                r = loop_timer(s->loop, CLOCK_BOOTTIME, UINT64_MAX, 1, on_lazy, e, &e->lazy);
        if (r < 0) {
                engine_free(e);
                return r;
        }
        /* after everything else of a turn, so that its events share one commit */
        loop_source_set_priority(e->soon, 10);
        *ret = e;
        return 0;
}

struct engine *engine_free(struct engine *e) {
        if (!e)
                return NULL;
        end_jobs(e->s, &e->jobs, -ECANCELED);
        loop_source_free(e->soon);
        loop_source_free(e->wake);
        loop_source_free(e->lazy);
        plan_done(&e->plan);
        effects_clear(&e->effects);
        mem_free(e);
        return NULL;
}
