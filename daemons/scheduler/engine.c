#include "daemons/scheduler/engine.h"

#include <assert.h>
#include <errno.h>

#include "daemons/scheduler/backfills_sql.h"
#include "daemons/scheduler/callbacks.h"
#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/dags_sql.h"
#include "daemons/scheduler/effects.h"
#include "daemons/scheduler/engine_decide.h"
#include "daemons/scheduler/engine_write.h"
#include "daemons/scheduler/feed.h"
#include "daemons/scheduler/inhibit.h"
#include "daemons/scheduler/lease.h"
#include "daemons/scheduler/night_watch.h"
#include "daemons/scheduler/notices.h"
#include "daemons/scheduler/restore.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/thrift.h"
#include "daemons/scheduler/tracked.h"
#include "daemons/scheduler/tries_sql.h"
#include "daemons/scheduler/xcom.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/db/db_committer.h"
#include "lib/net/loop.h"

#define LAZY_FOR (50 * USEC_PER_MSEC)
#define RELOAD_FOR (500 * USEC_PER_MSEC)
#define SLOW_FOR (5 * USEC_PER_SEC) /* a commit that is worth a word */

/* After a batch that was lost so many go one by one: what cannot be written takes nothing else
 * along. */
enum { CAREFUL = 256 };

/* More than a turn usually decides is not kept for the next burst. */
enum { DECISIONS_KEPT = 64 };

STAILQ_HEAD(engine_jobs, engine_job);
STAILQ_HEAD(engine_waits, engine_wait);

/* idle --turn()--> running --something was written--> flying --its commit is done--> idle */
struct engine {
        struct scheduler *s;
        struct engine_jobs jobs;   /* of batches to come */
        struct engine_jobs batch;  /* that runs or flies */
        struct engine_waits waits; /* for its landing */
        size_t n_jobs;
        struct db_committer *committer;
        struct loop_task landed;
        int landed_with;
        usec_t flies_since;
        bool flying, closing;
        bool is_wanted; /* a turn was asked for meanwhile */
        struct plan plan;
        struct effects effects;                       /* of the batch that runs */
        struct loop_source *now, *soon, *wake, *lazy; /* soon: not before a moment */
        bool is_soon, is_lazy, running;
        unsigned n_careful; /* jobs that go alone */
        bool broken;        /* the world has to be read anew first */
        usec_t hold_until;
        bool stopped;
};

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
        r = engine_write_touched(s, &touched);
        if (r >= 0)
                r = engine_write_try(s, e);
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
        r = engine_write_run(s, touched.run, triggered_by, note);
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

static int decide(struct scheduler *s, usec_t now) {
        struct engine *e = s->engine;

        s->world.stopping = e->stopped || now < e->hold_until || night_watch_is_closed(s);
        return engine_decide(s, &e->plan, now);
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

/* The transaction stands open when all went well. */
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
        if (r < 0)
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

static void arm_now(struct engine *e) {
        if (e->is_soon)
                return;
        e->is_soon = true;
        (void) loop_source_set_once(e->now);
}

/* Not sooner, whoever has asked for it meanwhile. */
static void arm_reload(struct engine *e) {
        e->is_soon = true;
        (void) loop_source_set_enabled(e->now, false);
        loop_source_arm_in(e->soon, RELOAD_FOR);
}

static void end_waits(struct engine *e) {
        struct engine_wait *w;

        while ((w = STAILQ_FIRST(&e->waits))) {
                STAILQ_REMOVE_HEAD(&e->waits, next);
                w->landed(e->s, w);
        }
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
        e->broken = false; /* for what compares the spool with it */
        r = restore_world(e->s, &em);
        if (r < 0) {
                e->broken = true;
                log_error("the state cannot be read again: %s", em.text);
                return r;
        }
        end_waits(e);
        return 0;
}

/* What was asked of us meanwhile, the other answers. */
static void give_up(struct engine *e) {
        log_error("another onebox-scheduler has taken over the database: this one ends");
        e->stopped = true;
        loop_quit(e->s->loop, 1);
}

/* The world has seen what was never written. */
static void lose(struct engine *e, int r) {
        log_errno(r, "a batch of changes could not be written: %s", db_errmsg(e->s->db));
        e->broken = true;
        e->n_careful = CAREFUL;
        end_jobs(e->s, &e->batch, r);
        if (r == -ESTALE)
                give_up(e);
        else
                arm_reload(e);
}

/* What has to follow from a batch that stands on the disk. */
static void follow(struct engine *e) {
        if (e->n_careful > 0)
                e->n_careful--;
        arm_wake(e);
        if (e->plan.n_allocated > DECISIONS_KEPT)
                plan_done(&e->plan);
        effects_run(e->s, &e->effects);
        feed_publish(e->s);
        end_jobs(e->s, &e->batch, 0);
        callbacks_kick(e->s);
        inhibit_look(e->s);
        thrift_look(e->s->thrift);
}

/* Where we are closing, only whoever waits is answered: a restart does what follows. */
static void land(struct engine *e, int r) {
        if (r < 0)
                lose(e, r);
        else if (e->closing)
                end_jobs(e->s, &e->batch, 0);
        else
                follow(e);
        if (r >= 0)
                end_waits(e);
        if (r >= 0 && (e->is_wanted || !STAILQ_EMPTY(&e->jobs)))
                arm_now(e);
        e->is_wanted = false;
}

static void on_landed(struct loop_task *task) {
        struct engine *e = container_of(task, struct engine, landed);
        usec_t took_for = clock_mono(e->s->clock) - e->flies_since;
        char span[TIMESTAMP_SIZE];

        if (took_for >= SLOW_FOR)
                log_warning("the disk is slow: a commit took %s, and all who wait for one as long",
                            timestamp_span_print(took_for, span));
        e->flying = false;
        land(e, e->landed_with);
}

/* The committer's thread. */
static void on_committed(void *ctx, int r) {
        struct engine *e = ctx;

        e->landed_with = r;
        loop_post_task(e->s->loop, &e->landed);
}

/* A batch that wrote nothing needs no disk. */
static void commit(struct engine *e, int64_t n_before) {
        if (n_before >= 0 && db_total_changes(e->s->db) == n_before) {
                land(e, db_commit(e->s->db));
                return;
        }
        e->flying = true;
        e->flies_since = clock_mono(e->s->clock);
        db_committer_start(e->committer);
}

static void turn(struct engine *e) {
        int64_t n_before;
        int r = 0;

        if (e->broken && (r = reload(e)) < 0) {
                if (r == -ESTALE)
                        give_up(e);
                else
                        arm_reload(e);
                return;
        }
        take_batch(e, &e->batch);
        n_before = db_total_changes(e->s->db);
        e->running = true;
        r = run_batch(e->s, &e->batch);
        e->running = false;
        if (r < 0)
                land(e, r);
        else
                commit(e, n_before);
}

static int on_now(struct loop_source *source, void *ctx) {
        struct engine *e = ctx;

        if (!e->is_soon)
                return 0; /* nobody has asked: it has just been made */
        e->is_soon = e->is_lazy = false;
        if (e->flying)
                e->is_wanted = true;
        else
                turn(e);
        return 0;
}

static int on_soon(struct loop_source *source, usec_t now, void *ctx) {
        return on_now(source, ctx);
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
                arm_now(s->engine);
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

bool engine_is_ahead(const struct scheduler *s) {
        return s->engine->flying || s->engine->broken;
}

void engine_when_landed(struct scheduler *s, struct engine_wait *wait) {
        assert(engine_is_ahead(s));
        STAILQ_INSERT_TAIL(&s->engine->waits, wait, next);
}

void engine_kick(struct scheduler *s) {
        arm_now(s->engine);
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
        e->landed.run = on_landed;
        STAILQ_INIT(&e->jobs);
        STAILQ_INIT(&e->batch);
        STAILQ_INIT(&e->waits);
        r = db_committer_new(s->db, on_committed, e, &e->committer);
        if (r >= 0)
                r = loop_defer(s->loop, on_now, e, &e->now);
        if (r >= 0)
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
        loop_source_set_priority(e->now, 10);
        loop_source_set_priority(e->soon, 10);
        *ret = e;
        return 0;
}

struct engine *engine_free(struct engine *e) {
        if (!e)
                return NULL;
        e->closing = true;
        e->committer = db_committer_free(e->committer);
        if (e->flying)
                loop_post_flush(e->s->loop);
        end_jobs(e->s, &e->jobs, -ECANCELED);
        end_waits(e);
        loop_source_free(e->now);
        loop_source_free(e->soon);
        loop_source_free(e->wake);
        loop_source_free(e->lazy);
        plan_done(&e->plan);
        effects_clear(&e->effects);
        mem_free(e);
        return NULL;
}
