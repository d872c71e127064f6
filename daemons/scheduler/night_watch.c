#include "daemons/scheduler/night_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "daemons/scheduler/core/timetable.h"
#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/feed.h"
#include "daemons/scheduler/inhibit.h"
#include "daemons/scheduler/live.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/restore.h"
#include "daemons/scheduler/scheduler.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/net/loop.h"

struct night_watch {
        struct scheduler *s;
        struct night_settings settings;
        struct timetable timetable; /* of the planned stops */
        bool has_plan;
        usec_t planned_at, notice_at, stay_until, busy_at;
        char notice[64];          /* what the cloud said */
        usec_t asked_at;          /* when the power was asked to go; 0: not */
        struct night_facts facts; /* of the last look */
        struct night_decision decision;
        struct loop_source *timer;
        char *stay_path, *off_path;
};

/* --- facts --------------------------------------------------------------------------------------
 */

/* Sessions of people: not those of greeters, cron jobs and services. */
static unsigned count_sessions(void) {
        char **sessions = NULL;
        unsigned n = 0;

        if (sd_get_sessions(&sessions) < 0)
                return 0;
        for (char **one = sessions; one && *one; one++) {
                char *kind = NULL, *state = NULL;

                if (sd_session_get_class(*one, &kind) >= 0 && str_eq(kind, "user") &&
                    sd_session_get_state(*one, &state) >= 0 && !str_eq(state, "closing"))
                        n++;
                free(kind);
                free(state);
                free(*one);
        }
        free(sessions);
        return n;
}

static unsigned count_runs(const struct scheduler *s) {
        const struct world_run *run;
        unsigned n = 0;

        TAILQ_FOREACH(run, &s->world.active, in_active)
        n++;
        return n;
}

static void plan_again(struct night_watch *n, usec_t now) {
        if (!n->has_plan || timetable_tick_after(&n->timetable, now, &n->planned_at) != 0)
                n->planned_at = USEC_INFINITY;
}

static void gather(struct night_watch *n, usec_t now) {
        struct scheduler *s = n->s;
        struct night_facts *f = &n->facts;

        *f = (struct night_facts){
                .now = now,
                .notice_at = n->notice_at,
                .stay_until = n->stay_until,
                .next_due_at = world_next_due(&s->world, now),
                .n_tasks = MAX(s->world.n_live, (unsigned) live_count(s)),
                .n_runs = count_runs(s),
                .n_people = count_sessions() + feed_n_listeners(s),
        };
        if (n->planned_at != USEC_INFINITY &&
            (n->planned_at + NIGHT_LATE_FOR < now || n->planned_at < n->stay_until))
                plan_again(n, MAX(now, n->stay_until)); /* slept through, or stayed over */
        f->planned_at = n->planned_at;
        if (f->n_tasks || f->n_runs || f->n_people || n->busy_at > now)
                n->busy_at = now;
        f->busy_at = n->busy_at;
}

/* --- acting -------------------------------------------------------------------------------------
 */

static void power_off(struct night_watch *n, const char *why, usec_t now) {
        int r = fileio_mkdir_parents(n->off_path, 0755);

        if (r >= 0)
                r = fileio_write_atomic(n->off_path, why, strlen(why), 0644);
        n->asked_at = now;
        if (r < 0)
                log_errno(r, "the machine cannot be switched off: %s", n->off_path);
        else
                log_notice("switching the machine off: %s", why);
}

/* It was asked to go and is still here: then it is not ours to switch off. */
static void give_up(struct night_watch *n, usec_t now) {
        log_warning("the machine was to be switched off and is still on: is onebox-poweroff.path "
                    "running? Work goes on");
        (void) fileio_unlink(n->off_path);
        n->asked_at = 0;
        n->busy_at = now;
        plan_again(n, now);
}

/* How long nobody looks when nothing is due: a short idle_stop wants a close look. */
static usec_t look_for(const struct night_watch *n) {
        return MIN(NIGHT_WATCH_EVERY, MAX(n->settings.idle_stop_for / 2, USEC_PER_SEC));
}

static void look(struct night_watch *n) {
        usec_t now = clock_now(n->s->clock);
        bool was_closed = n->decision.is_closed;
        struct night_decision *d = &n->decision;

        if (n->asked_at && now >= n->asked_at + NIGHT_WATCH_PATIENCE)
                give_up(n, now);
        gather(n, now);
        night_decide(&n->settings, &n->facts, d);
        if (n->asked_at)
                d->is_closed = true;
        else if (d->power_off)
                power_off(n,
                          d->why == NIGHT_PLANNED ? "the planned hour has come ([night] stop)"
                                                  : "nothing needs it ([night] idle_stop)",
                          now);
        if (was_closed != d->is_closed) {
                log_info("%s", d->is_closed ? "the machine stops soon: nothing new is started"
                                            : "the machine stays on: work goes on");
                engine_kick(n->s);
        }
        loop_source_arm_at(n->timer, MIN(now + look_for(n), MAX(d->look_at, now + USEC_PER_SEC)));
}

static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        look(ctx);
        return 0;
}

bool night_watch_is_closed(const struct scheduler *s) {
        return s->night && s->night->decision.is_closed;
}

usec_t night_watch_stop_at(const struct scheduler *s) {
        return s->night ? MIN(s->night->decision.stop_at, s->night->planned_at) : USEC_INFINITY;
}

int night_watch_stay(struct scheduler *s, usec_t until_at) {
        struct night_watch *n = s->night;
        _cleanup_free_ char *text = str_printf("%llu\n", (unsigned long long) until_at);
        int r = text ? fileio_mkdir_parents(n->stay_path, 0755) : -ENOMEM;

        if (r >= 0)
                r = until_at ? fileio_write_atomic(n->stay_path, text, strlen(text), 0644)
                             : fileio_unlink(n->stay_path);
        if (r < 0)
                return r;
        n->stay_until = until_at;
        if (!until_at)
                plan_again(n, clock_now(s->clock));
        look(n);
        return 0;
}

void night_watch_stop(struct scheduler *s, const char *by) {
        char why[200];

        (void) snprintf(why, sizeof(why), "%s asked for it", by);
        power_off(s->night, why, clock_now(s->clock));
        look(s->night);
}

void night_watch_notice(struct scheduler *s, usec_t at, const char *what) {
        struct night_watch *n = s->night;

        n->notice_at = at;
        (void) snprintf(n->notice, sizeof(n->notice), "%s", at == USEC_INFINITY ? "" : what);
        if (at != USEC_INFINITY)
                log_notice("the cloud takes this machine: %s", what);
        look(n);
}

/* --- telling ------------------------------------------------------------------------------------
 */

void night_watch_write(struct scheduler *s, struct json_write *w) {
        struct night_watch *n = s->night;
        const struct night_decision *d = &n->decision;

        look(n);
        rest_kv_at(w, "now", n->facts.now);
        rest_kv_at(w, "stop_at", d->stop_at);
        json_write_kv_str(w, "stop_reason",
                          d->stop_at == USEC_INFINITY ? NULL : night_stop_name(d->why));
        json_write_kv_bool(w, "closed", d->is_closed);
        json_write_kv_bool(w, "shutdown_waits", inhibit_is_held(s));
        rest_kv_at(w, "wake_at", d->wake_at);
        rest_kv_at(w, "planned_stop_at", n->planned_at);
        rest_kv_at(w, "stay_until", n->stay_until > n->facts.now ? n->stay_until : USEC_INFINITY);
        rest_kv_at(w, "next_run_at", n->facts.next_due_at);
        rest_kv_at(w, "busy_at", n->busy_at);
        json_write_kv_str(w, "notice", *n->notice ? n->notice : NULL);
        json_write_kv_u64(w, "tasks", n->facts.n_tasks);
        json_write_kv_u64(w, "runs", n->facts.n_runs);
        json_write_kv_u64(w, "people", n->facts.n_people);
        json_write_kv_array(w, "on_because");
        for (unsigned bit = 1; bit <= NIGHT_NEVER; bit <<= 1)
                if (d->reasons & bit)
                        json_write_str(w, night_reason_name(bit));
        json_write_end(w);
}

/* --- life ---------------------------------------------------------------------------------------
 */

static int read_plan(struct night_watch *n, struct errmsg *em) {
        const char *stop = n->s->conf->night.stop, *name = n->s->conf->night.timezone;
        struct dag plan = {.schedule = {.kind = DAG_SCHEDULE_CRON, .cron = stop},
                           .start_at = USEC_INFINITY,
                           .end_at = USEC_INFINITY};
        const struct zone *zone;
        int r;

        if (str_empty(stop))
                return 0;
        r = restore_zone(n->s, name, &zone, em);
        if (r == -ENOENT || r == -EINVAL) {
                errmsg_prefix(em, "[night] timezone");
                return -EINVAL;
        }
        if (r >= 0)
                r = timetable_init(&n->timetable, &plan, zone, em);
        if (r == -EINVAL)
                errmsg_prefix(em, "[night] stop");
        n->has_plan = r >= 0;
        return r;
}

/* What somebody asked for in this boot, before a restart of ours. */
static void read_stay(struct night_watch *n) {
        _cleanup_free_ char *text = NULL;
        uint64_t at;

        if (fileio_read(n->stay_path, 64, &text, NULL) >= 0 &&
            str_to_u64(str_strip(text), &at) == 0)
                n->stay_until = at;
}

int night_watch_new(struct scheduler *s, struct night_watch **ret, struct errmsg *em) {
        struct night_watch *n = mem_new(struct night_watch);
        int r = n ? 0 : -ENOMEM;

        if (n) {
                n->s = s;
                n->settings = (struct night_settings){
                        .idle_stop_for = s->conf->night.idle_stop,
                        .idle_next_for = s->conf->night.idle_next,
                        .close_for = s->conf->night.close,
                        .wake_before_for = s->conf->night.wake_before,
                };
                n->notice_at = n->planned_at = USEC_INFINITY;
                n->decision.stop_at = n->decision.wake_at = USEC_INFINITY;
                n->busy_at = s->started_at;
                n->stay_path = paths_runtime(s->paths, "night/stay");
                n->off_path = paths_runtime(s->paths, "night/poweroff");
                r = n->stay_path && n->off_path ? read_plan(n, em) : -ENOMEM;
        }
        if (r >= 0) {
                read_stay(n);
                plan_again(n, MAX(s->started_at, n->stay_until));
                r = loop_timer(s->loop, CLOCK_REALTIME, s->started_at + USEC_PER_SEC, USEC_PER_SEC,
                               on_timer, n, &n->timer);
        }
        if (r < 0) {
                night_watch_free(n);
                return r;
        }
        *ret = n;
        return 0;
}

struct night_watch *night_watch_free(struct night_watch *n) {
        if (!n)
                return NULL;
        loop_source_free(n->timer);
        mem_free(n->stay_path);
        mem_free(n->off_path);
        mem_free(n);
        return NULL;
}
