#include "daemons/scheduler/core/sim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/scheduler/core/branch.h"
#include "daemons/scheduler/core/expand.h"
#include "daemons/scheduler/core/poke.h"
#include "daemons/scheduler/core/replay.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"

#define STARTS_WITHIN (2 * USEC_PER_SEC) /* from the plan's start to the process */
#define STUCK_PASSES 100000u /* a plan that goes on at one moment for so long is broken */

/* One try as its shim knows it. */
struct flight {
        struct world_task *task;
        char try_id[WORLD_ID_SIZE];
        usec_t starts_at;
        usec_t ends_at;
        usec_t restart_at; /* the scheduler is away for a moment; USEC_INFINITY: never */
        enum world_result result;
};

/* A deferred try, and when its trigger fires; a night does not end it. */
struct wait {
        struct world_task *task;
        char try_id[WORLD_ID_SIZE];
        usec_t fires_at;
};

struct sim {
        struct world *w;
        const struct sim_config *config;
        struct sim_summary *summary;
        int (*on_fact)(void *user, const struct sim_fact *fact);
        void *user;
        usec_t now;
        uint64_t random;
        uint64_t n_ids;
        struct flight *flights;
        size_t n_flights;
        size_t n_flights_allocated;
        struct wait *waits;
        size_t n_waits;
        size_t n_waits_allocated;
        struct plan plan;
};

/* splitmix64 */
static uint64_t next_random(struct sim *s) {
        uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

static bool chance(struct sim *s, unsigned percent) {
        return next_random(s) % 100 < percent;
}

/* Cubed, so that short tasks are far more frequent than long ones. */
static usec_t random_duration(struct sim *s) {
        double x = (double) (next_random(s) >> 11) / (double) (UINT64_C(1) << 53);
        usec_t span = s->config->task_max_for - s->config->task_min_for;

        assert(s->config->task_max_for >= s->config->task_min_for);
        return s->config->task_min_for + (usec_t) (x * x * x * (double) span);
}

static enum world_result random_result(struct sim *s) {
        if (chance(s, s->config->fail_percent))
                return WORLD_RESULT_FAILED;
        if (chance(s, s->config->skip_percent))
                return WORLD_RESULT_SKIPPED;
        if (chance(s, s->config->come_again_percent))
                return WORLD_RESULT_RESCHEDULED;
        return s->config->defer_percent > 0 && chance(s, s->config->defer_percent)
                       ? WORLD_RESULT_DEFERRED
                       : WORLD_RESULT_SUCCESS;
}

/* --- history -----------------------------------------------------------------------------------
 */

static void count_fact(struct sim_summary *sum, const struct sim_fact *f) {
        sum->n_runs += f->what == SIM_RUN_CREATED;
        sum->n_tries += f->what == SIM_TRY_STARTED;
        sum->n_expanded += f->what == SIM_TASK_EXPANDED;
        sum->n_deadlines_missed += f->what == SIM_DEADLINE_MISSED;
        sum->n_deferred += f->what == SIM_TRY_ENDED && f->task_state == TASK_DEFERRED;
        sum->n_interrupted += f->what == SIM_TRY_ENDED && f->task_state == TASK_INTERRUPTED;
        if (f->what == SIM_RUN_FINISHED) {
                sum->n_runs_success += f->run_state == RUN_SUCCESS;
                sum->n_runs_failed += f->run_state == RUN_FAILED;
        }
}

static int tell(struct sim *s, const struct sim_fact *fact) {
        struct sim_fact f = *fact;

        f.at = s->now;
        if (f.task) {
                f.run = f.task->run;
                f.task_state = f.task->state;
                f.try_number = f.task->try_number;
        }
        count_fact(s->summary, &f);
        return s->on_fact ? s->on_fact(s->user, &f) : 0;
}

/* What an applied event means for the history. */
static int tell_event(struct sim *s, const struct world_event *e,
                      const struct world_touched *touched) {
        struct sim_fact f = {.task = e->task,
                             .run = touched->run,
                             .result = e->result,
                             .run_state = e->run_state,
                             .n_maps = e->n_maps,
                             .skips = e->skips,
                             .n_skips = e->n_skips};

        switch (e->kind) {
        case WORLD_RUN_CREATED:
                f.what = SIM_RUN_CREATED;
                break;
        case WORLD_RUN_FINISHED:
                f.what = SIM_RUN_FINISHED;
                break;
        case WORLD_TRY_STARTED:
                f.what = SIM_TRY_STARTED;
                break;
        case WORLD_TRY_ENDED:
                f.what = SIM_TRY_ENDED;
                break;
        case WORLD_TASK_SETTLED:
                f.what = SIM_TASK_SETTLED;
                break;
        case WORLD_TASK_EXPANDED:
                f.what = SIM_TASK_EXPANDED;
                break;
        case WORLD_DEADLINE_MISSED:
                f.what = SIM_DEADLINE_MISSED;
                break;
        default:
                return 0;
        }
        return tell(s, &f);
}

static int apply(struct sim *s, const struct world_event *e) {
        struct world_touched touched;
        int r = world_apply(s->w, e, &touched);

        if (r < 0)
                return r;
        assert(r == 0); /* the simulator makes no late or repeated report */
        return tell_event(s, e, &touched);
}

/* --- tries -------------------------------------------------------------------------------------
 */

static int begin_try(struct sim *s, struct world_task *t) {
        struct flight *f;
        int r = mem_grow((void **) &s->flights, &s->n_flights_allocated, s->n_flights + 1,
                         sizeof(*s->flights));

        if (r < 0)
                return r;
        f = &s->flights[s->n_flights++];
        *f = (struct flight){.task = t, .restart_at = USEC_INFINITY, .result = random_result(s)};
        memcpy(f->try_id, t->try_id, sizeof(f->try_id));
        f->starts_at = s->now + next_random(s) % STARTS_WITHIN;
        f->ends_at = f->starts_at + random_duration(s);
        if (chance(s, s->config->restart_percent))
                f->restart_at = s->now + next_random(s) % (f->ends_at - s->now + USEC_PER_SEC);
        return 0;
}

static int stop_try(struct sim *s, const struct world_task *t) {
        for (size_t i = 0; i < s->n_flights; i++)
                if (s->flights[i].task == t) {
                        s->flights[i].ends_at = s->now;
                        s->flights[i].result = WORLD_RESULT_STOPPED;
                        return 0;
                }
        assert(!"only live tries are stopped");
        return -EINVAL;
}

static int report_start(struct sim *s, const struct flight *f) {
        struct world_event e = {
                .kind = WORLD_TRY_STARTED, .at = s->now, .task = f->task, .try_id = f->try_id};

        return f->task->state == TASK_QUEUED ? apply(s, &e) : 0;
}

/* A task that decides follows one of the tasks after it, or stops the run there. */
static int decide_skips(struct sim *s, const struct world_task *t, unsigned **ret, size_t *ret_n) {
        const struct dag_task *spec = t->spec;
        struct json value = {.type = JSON_NULL};

        if (spec->decides == DAG_DECIDES_NOTHING)
                return 0;
        if (spec->n_downstream > 0 && chance(s, 80)) {
                size_t i = next_random(s) % spec->n_downstream;

                value.type = JSON_STRING;
                value.str = t->run->spec->tasks[spec->downstream[i]].id;
        }
        return branch_skips(t->run->spec, spec, &value, ret, ret_n, NULL);
}

/* Half of the deferred wait for their trigger alone, the others for a date at the latest. */
static int defer(struct sim *s, const struct flight *f, struct world_event *e) {
        int r = mem_grow((void **) &s->waits, &s->n_waits_allocated, s->n_waits + 1,
                         sizeof(*s->waits));
        struct wait *wait;

        if (r < 0)
                return r;
        wait = &s->waits[s->n_waits++];
        *wait = (struct wait){.task = f->task, .fires_at = s->now + random_duration(s)};
        memcpy(wait->try_id, f->try_id, sizeof(wait->try_id));
        e->again_at = chance(s, 50) ? USEC_INFINITY : s->now + random_duration(s);
        return 0;
}

/* A trigger whose task does not wait for it any more fires in vain. */
static int fire(struct sim *s) {
        for (size_t i = 0; i < s->n_waits;) {
                struct wait wait = s->waits[i];
                struct world_event e = {
                        .kind = WORLD_TRIGGER_FIRED, .at = s->now, .task = wait.task};
                int r = 0;

                if (wait.fires_at > s->now) {
                        i++;
                        continue;
                }
                s->waits[i] = s->waits[--s->n_waits];
                if (wait.task->state == TASK_DEFERRED &&
                    memcmp(wait.task->try_id, wait.try_id, sizeof(wait.try_id)) == 0)
                        r = apply(s, &e);
                if (r != 0)
                        return r;
        }
        return 0;
}

static usec_t next_wait_at(const struct sim *s) {
        usec_t at = USEC_INFINITY;

        for (size_t i = 0; i < s->n_waits; i++)
                at = MIN(at, s->waits[i].fires_at);
        return at;
}

/* Of a run that goes nothing is waited for. */
static void forget_waits(struct sim *s, const struct world_run *run) {
        for (size_t i = 0; i < s->n_waits;)
                if (s->waits[i].task->run == run)
                        s->waits[i] = s->waits[--s->n_waits];
                else
                        i++;
}

static int report_end(struct sim *s, size_t i, enum world_result result) {
        _cleanup_free_ unsigned *skips = NULL;
        struct flight f = s->flights[i];
        struct world_event e = {.kind = WORLD_TRY_ENDED,
                                .at = s->now,
                                .task = f.task,
                                .try_id = f.try_id,
                                .result = result,
                                .again_at = s->now + USEC_PER_MINUTE};
        int r = result == WORLD_RESULT_SUCCESS ? decide_skips(s, f.task, &skips, &e.n_skips) : 0;

        if (result == WORLD_RESULT_RESCHEDULED)
                e.result = poke_result(f.task, s->now);
        if (r >= 0 && result == WORLD_RESULT_DEFERRED)
                r = defer(s, &f, &e);
        e.skips = skips;
        s->flights[i] = s->flights[--s->n_flights];
        return r < 0 ? r : apply(s, &e);
}

/* Lets happen what is due now. */
static int land(struct sim *s) {
        for (size_t i = 0; i < s->n_flights;) {
                struct flight *f = &s->flights[i];
                int r = f->starts_at <= s->now ? report_start(s, f) : 0;

                if (r == 0 && f->ends_at <= s->now)
                        r = report_end(s, i, f->result);
                else
                        i++;
                if (r != 0)
                        return r;
        }
        return 0;
}

static usec_t next_flight_at(const struct sim *s) {
        usec_t at = USEC_INFINITY;

        for (size_t i = 0; i < s->n_flights; i++) {
                const struct flight *f = &s->flights[i];

                if (f->task->state == TASK_QUEUED)
                        at = MIN(at, f->starts_at);
                at = MIN(at, MIN(f->ends_at, f->restart_at));
        }
        return at;
}

/* --- the plan ----------------------------------------------------------------------------------
 */

static int act(struct sim *s, const struct plan_decision *d) {
        char run_id[PLAN_RUN_ID_SIZE], try_id[WORLD_ID_SIZE];
        struct world_event e;
        int r;

        (void) snprintf(try_id, sizeof(try_id), "00000000-0000-7000-8000-%012llx",
                        (unsigned long long) ++s->n_ids);
        plan_event(d, s->now, try_id, run_id, &e);
        if (d->kind == PLAN_EXPAND_TASK &&
            expand_count_written(d->task->spec, &e.n_maps) == EXPAND_NEEDS_XCOM)
                e.n_maps = (unsigned) (next_random(s) % (s->config->maps_max + 1));
        r = apply(s, &e);
        if (r != 0)
                return r;
        if (d->kind == PLAN_START_TRY)
                return begin_try(s, d->task);
        return d->kind == PLAN_STOP_TRY ? stop_try(s, d->task) : 0;
}

static void sweep(struct sim *s) {
        struct world_dag *wd;

        TAILQ_FOREACH(wd, &s->w->dags, in_world)
        world_sweep(s->w, wd);
}

static int decide(struct sim *s) {
        bool finished = false;

        for (unsigned n = 0;; n++) {
                int r = plan_next(s->w, s->now, &s->plan);

                assert(n < STUCK_PASSES);
                if (r < 0 || s->plan.n == 0) {
                        if (finished)
                                sweep(s);
                        return r;
                }
                s->summary->n_passes++;
                for (size_t i = 0; i < s->plan.n; i++) {
                        finished = finished || s->plan.decisions[i].kind == PLAN_FINISH_RUN;
                        if (s->plan.decisions[i].kind == PLAN_FINISH_RUN)
                                forget_waits(s, s->plan.decisions[i].run);
                        r = act(s, &s->plan.decisions[i]);
                        if (r != 0)
                                return r;
                }
        }
}

/* --- what goes wrong ----------------------------------------------------------------------------
 */

/* The spool as the scheduler would find it now: dead says that no shim lives any more. */
static void gather(const struct sim *s, bool dead, struct replay_fact *facts) {
        for (size_t i = 0; i < s->n_flights; i++) {
                const struct flight *f = &s->flights[i];

                facts[i] = (struct replay_fact){
                        .dag_id = f->task->run->spec->id,
                        .run_id = f->task->run->id,
                        .task_id = f->task->spec->id,
                        .map_index = f->task->map_index,
                        .is_started = f->starts_at <= s->now,
                        .is_locked = !dead && f->starts_at <= s->now,
                        .has_end = f->ends_at <= s->now,
                        .started_at = f->starts_at <= s->now ? f->starts_at : USEC_INFINITY,
                        .ended_at = f->ends_at,
                        .result = f->result,
                };
                memcpy(facts[i].try_id, f->try_id, sizeof(facts[i].try_id));
        }
}

static size_t find_flight(const struct sim *s, const struct world_task *t) {
        size_t i = 0;

        while (i < s->n_flights && s->flights[i].task != t)
                i++;
        assert(i < s->n_flights);
        return i;
}

static int replay_one(struct sim *s, const struct replay_action *a) {
        size_t i = find_flight(s, a->task);
        int r = a->has_event ? apply(s, &a->event) : 0;

        if (r != 0 || a->kind != REPLAY_APPLY) {
                assert(r != 0 || a->kind == REPLAY_ADOPT || a->kind == REPLAY_START);
                if (a->kind == REPLAY_START) { /* sent again: begins a moment later */
                        usec_t late_for = s->now - MIN(s->now, s->flights[i].starts_at);

                        s->flights[i].starts_at += late_for;
                        s->flights[i].ends_at += late_for;
                }
                return r;
        }
        s->flights[i] = s->flights[--s->n_flights];
        return 0;
}

/* The scheduler comes back: by the spool alone it must know everything. */
static int restart(struct sim *s, bool dead) {
        _cleanup_free_ struct replay_action *actions = NULL;
        _cleanup_free_ struct replay_fact *facts = NULL;
        size_t n_actions;
        int r;

        s->summary->n_restarts++;
        facts = mem_zalloc_array(s->n_flights + 1, sizeof(*facts));
        if (!facts)
                return -ENOMEM;
        gather(s, dead, facts);
        r = replay_compare(s->w, facts, s->n_flights, s->now, &actions, &n_actions);
        assert(r < 0 || n_actions == s->n_flights);
        for (size_t i = 0; r == 0 && i < n_actions; i++)
                r = replay_one(s, &actions[i]);
        for (size_t i = 0; i < s->n_flights; i++)
                if (s->flights[i].restart_at <= s->now)
                        s->flights[i].restart_at = USEC_INFINITY;
        return r;
}

/* Orderly: each task is told to stop, and says how it ended. */
static int stop_all(struct sim *s) {
        s->w->stopping = true;
        while (s->n_flights > 0) {
                struct flight *f = &s->flights[s->n_flights - 1];
                int r = f->starts_at <= s->now ? report_start(s, f) : 0;

                if (r == 0)
                        r = report_end(s, s->n_flights - 1, WORLD_RESULT_STOPPED);
                if (r != 0)
                        return r;
        }
        return decide(s);
}

/* A power cut freezes the spool: what had not ended by then has no end. */
static void cut_power(struct sim *s) {
        for (size_t i = 0; i < s->n_flights; i++) {
                struct flight *f = &s->flights[i];

                if (f->ends_at > s->now)
                        f->ends_at = USEC_INFINITY;
                if (f->starts_at > s->now)
                        f->starts_at = USEC_INFINITY;
        }
}

/* A start that was never received has no date yet. */
static void redate(struct sim *s) {
        for (size_t i = 0; i < s->n_flights; i++)
                if (s->flights[i].starts_at == USEC_INFINITY) {
                        s->flights[i].starts_at = s->now + next_random(s) % STARTS_WITHIN;
                        s->flights[i].ends_at = s->flights[i].starts_at + random_duration(s);
                }
}

static int night(struct sim *s) {
        struct sim_fact f = {.what = SIM_NIGHT};
        bool crash = chance(s, s->config->crash_percent);
        int r;

        r = tell(s, &f);
        if (r == 0 && crash)
                cut_power(s);
        else if (r == 0)
                r = stop_all(s);
        if (r != 0)
                return r;

        s->now += s->config->night_for;
        s->w->booted_at = s->now;
        s->w->stopping = false;
        f.what = SIM_MORNING;
        r = tell(s, &f);
        if (r == 0 && crash)
                r = restart(s, true);
        redate(s);
        return r;
}

/* --- the days ----------------------------------------------------------------------------------
 */

static bool restart_is_due(const struct sim *s) {
        for (size_t i = 0; i < s->n_flights; i++)
                if (s->flights[i].restart_at <= s->now)
                        return true;
        return false;
}

/* Goes on until `until`, or until nothing more can happen. */
static int live_until(struct sim *s, usec_t until) {
        for (;;) {
                int r = restart_is_due(s) ? restart(s, false) : 0;
                usec_t next_at;

                if (r == 0)
                        r = land(s);
                if (r == 0)
                        r = fire(s);
                if (r == 0)
                        r = decide(s);
                if (r != 0)
                        return r;
                next_at = MIN(s->plan.wake_at, MIN(next_flight_at(s), next_wait_at(s)));
                if (next_at >= until) {
                        s->now = until == USEC_INFINITY ? s->now : until;
                        return 0;
                }
                s->now = MAX(s->now, next_at);
        }
}

static int live_days(struct sim *s) {
        const struct sim_config *c = s->config;
        bool has_nights = c->night_at_for != USEC_INFINITY;

        for (unsigned day = 0; day < c->n_nights; day++) {
                usec_t at = c->start_at + day * USEC_PER_DAY;
                int r = live_until(s, at + (has_nights ? c->night_at_for : USEC_PER_DAY));

                if (r == 0 && has_nights)
                        r = night(s);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* No new runs: only what is there comes to its end. */
static int finish(struct sim *s) {
        struct world_dag *wd;
        struct world_run *run;
        int r;

        TAILQ_FOREACH(wd, &s->w->dags, in_world)
        wd->gone = true;
        r = live_until(s, USEC_INFINITY);
        TAILQ_FOREACH(run, &s->w->active, in_active)
        s->summary->n_stuck++;
        return r;
}

int sim_run(struct world *w, const struct sim_config *c,
            int (*on_fact)(void *user, const struct sim_fact *fact), void *user,
            struct sim_summary *ret) {
        struct sim_summary summary = {};
        struct sim s = {
                .w = w,
                .config = c,
                .summary = &summary,
                .on_fact = on_fact,
                .user = user,
                .now = c->start_at,
                .random = c->seed,
        };
        int r;

        assert(w->n_live == 0 && TAILQ_EMPTY(&w->active));
        r = live_days(&s);
        if (r == 0)
                r = finish(&s);
        summary.ended_at = s.now;
        mem_free(s.flights);
        mem_free(s.waits);
        plan_done(&s.plan);
        *ret = summary;
        return r;
}
