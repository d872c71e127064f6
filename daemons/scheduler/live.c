#include "daemons/scheduler/live.h"

#include <errno.h>
#include <unistd.h>

#include "daemons/scheduler/callbacks.h"
#include "daemons/scheduler/connection_trials.h"
#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/launch.h"
#include "daemons/scheduler/live_end.h"
#include "daemons/scheduler/live_try.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/spool.h"
#include "daemons/scheduler/try_start.h"
#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/net/loop.h"

#define FIRST_LOOK_FOR (200 * USEC_PER_MSEC)

static void look(struct live_try *t);

/* --- the tries ----------------------------------------------------------------------------------
 */

static int on_look(struct loop_source *source, usec_t now, void *ctx) {
        look(ctx);
        return 0;
}

struct live_try *live_find(struct scheduler *s, const char *try_id) {
        return strmap_get(&s->live->tries, try_id);
}

static void try_free(void *p) {
        struct live_try *t = p;

        if (t->is_waiting)
                TAILQ_REMOVE(&t->s->live->waiting, t, in_waiting);
        loop_source_free(t->watch);
        loop_source_free(t->timer);
        if (t->pidfd >= 0)
                close(t->pidfd);
        mem_free(t->dag_id);
        mem_free(t->run_id);
        mem_free(t->task_id);
        mem_free(t);
}

static struct live_try *try_new(struct scheduler *s, const struct world_task *task) {
        struct live_try *t = mem_new(struct live_try);

        if (!t)
                return NULL;
        t->s = s;
        t->pidfd = -1;
        t->map_index = task->map_index;
        str_copy(t->try_id, sizeof(t->try_id), task->try_id);
        t->dag_id = mem_strdup(task->run->spec->id);
        t->run_id = mem_strdup(task->run->id);
        t->task_id = mem_strdup(task->spec->id);
        if (!t->dag_id || !t->run_id || !t->task_id ||
            loop_timer(s->loop, CLOCK_BOOTTIME, UINT64_MAX, 20 * USEC_PER_MSEC, on_look, t,
                       &t->timer) < 0 ||
            strmap_set(&s->live->tries, t->try_id, t) < 0) {
                try_free(t);
                return NULL;
        }
        return t;
}

/* The entry of a task's current try, made when there is none. */
static struct live_try *try_of(struct scheduler *s, const struct world_task *task) {
        struct live_try *t = live_find(s, task->try_id);

        return t ? t : try_new(s, task);
}

/* --- looking ------------------------------------------------------------------------------------
 */

static int on_gone(struct loop_source *source, int fd, uint32_t revents, void *ctx) {
        struct live_try *t = ctx;

        t->watch = loop_source_free(t->watch);
        close(TAKE_FD(t->pidfd));
        look(t);
        return 0;
}

static void watch(struct live_try *t) {
        if (t->watch || spool_pidfd(t->s->tasks_dir, t->try_id, &t->pidfd) <= 0)
                return;
        if (loop_pidfd(t->s->loop, t->pidfd, on_gone, t, &t->watch) < 0)
                close(TAKE_FD(t->pidfd)); /* the timer looks anyway */
}

static void interrupted(struct live_try *t) {
        if (!t->swept)
                launch_stop(t->s, t->try_id); /* then live_stopped() looks again */
        else
                live_end_submit(t, WORLD_RESULT_INTERRUPTED, NULL,
                                "cut off: its supervisor ended without a word", NULL);
}

static void start_again(struct live_try *t) {
        usec_t now = clock_mono(t->s->clock);
        struct world_task *task = live_try_task(t);

        if (task && now - t->asked_at >= LIVE_LOOK_FOR)
                live_start(t->s, task);
}

static void act(struct live_try *t, const struct replay_action *a, const struct spool_end *end) {
        switch (a->kind) {
        case REPLAY_APPLY:
                if (a->fact->has_end)
                        live_end_submit(t, a->fact->result, end, NULL, NULL);
                else
                        interrupted(t);
                return;
        case REPLAY_ADOPT:
                if (a->has_event)
                        live_end_started(t, a->event.at);
                watch(t);
                return;
        case REPLAY_START:
                start_again(t);
                return;
        default: /* nobody wants it any more: only the spool has to be told */
                live_end_orphan(t->s, a);
                live_forget(t->s, t->try_id);
                return;
        }
}

/* What the spool says of a try now, as if it had just been found. */
static int gather(struct live_try *t, struct arena *a, struct replay_fact *fact,
                  struct spool_end *end) {
        const struct world_task *task = live_try_task(t);
        int r;

        *fact = (struct replay_fact){.dag_id = t->dag_id,
                                     .run_id = t->run_id,
                                     .task_id = t->task_id,
                                     .map_index = t->map_index,
                                     .started_at = USEC_INFINITY,
                                     .ended_at = USEC_INFINITY};
        str_copy(fact->try_id, sizeof(fact->try_id), t->try_id);
        r = spool_look(t->s->tasks_dir, t->try_id, a, fact, end);
        if (r < 0)
                return r;
        if (r > 0) /* no directory: a running one was taken away */
                fact->is_started = task && task->state == TASK_RUNNING;
        if (t->other_boot && !fact->is_locked)
                fact->is_started = true;
        fact->is_acked = false; /* it stands here because its end is not recorded */
        return 0;
}

static void on_landed(struct scheduler *s, struct engine_wait *wait) {
        struct live *l = container_of(wait, struct live, landing);
        struct live_try *t;

        l->waits = false;
        if (engine_is_ahead(s))
                return;
        while ((t = TAILQ_FIRST(&l->waiting))) {
                TAILQ_REMOVE(&l->waiting, t, in_waiting);
                t->is_waiting = false;
                look(t);
        }
}

/* What is done about the spool follows from what is on the disk. */
static void look_when_landed(struct live_try *t) {
        struct live *l = t->s->live;

        if (!t->is_waiting)
                TAILQ_INSERT_TAIL(&l->waiting, t, in_waiting);
        t->is_waiting = true;
        if (!l->waits)
                engine_when_landed(t->s, &l->landing);
        l->waits = true;
}

static void look(struct live_try *t) {
        struct scheduler *s = t->s;
        struct replay_action action;
        struct replay_fact fact;
        struct spool_end end;
        struct arena a;
        int r;

        loop_source_arm_in(t->timer, LIVE_LOOK_FOR);
        if (t->ending)
                return;
        if (engine_is_ahead(s)) {
                look_when_landed(t);
                return;
        }
        arena_init(&a, 0);
        r = gather(t, &a, &fact, &end);
        if (r < 0) {
                log_errno(r, "the spool of try %s cannot be looked at", t->try_id);
        } else {
                replay_compare_one(&s->world, &fact, clock_now(s->clock), &action);
                act(t, &action, &end);
        }
        arena_done(&a);
}

/* --- starting and stopping ----------------------------------------------------------------------
 */

void live_start(struct scheduler *s, struct world_task *task) {
        struct live_try *t = try_of(s, task);
        struct errmsg em;
        int r;

        if (!t || t->ending)
                return; /* without memory: the next look or start finds it again */
        t->asked_at = clock_mono(s->clock);
        loop_source_arm_in(t->timer, LIVE_LOOK_FOR);
        r = try_start_prepare(s, task, &em);
        if (r == -EINVAL) {
                live_end_submit(t, WORLD_RESULT_FAILED_FINAL, NULL, em.text, NULL);
                return;
        }
        if (r == -EAGAIN) { /* for what takes as long as it takes, and is told where it is done */
                t->asked_at = 0;
                loop_source_arm_in(t->timer, USEC_PER_SEC);
        } else if (r < 0)
                log_error("try %s waits: %s", t->try_id, em.text);
        else
                launch_start(s, t->try_id, task->run->spec->user, task);
}

void live_stop(struct scheduler *s, const char *try_id) {
        struct live_try *t = live_find(s, try_id);
        int r;

        if (t && t->ending)
                return;
        r = spool_cancel(s->tasks_dir, try_id);
        if (t && (r >= 0 || r == -ENOENT))
                live_end_submit(t, WORLD_RESULT_STOPPED, NULL, "stopped before it had begun", NULL);
        else
                launch_stop(s, try_id);
}

void live_launched(struct scheduler *s, const char *try_id) {
        struct live_try *t = live_find(s, try_id);

        if (!t || t->ending)
                return;
        live_end_started(t, clock_now(s->clock));
        watch(t);
        if (!t->watch)
                loop_source_arm_in(t->timer, FIRST_LOOK_FOR);
}

void live_refused(struct scheduler *s, const char *try_id, const char *reason) {
        struct live_try *t = live_find(s, try_id);

        if (!t || t->ending) {
                if (!connection_trials_refused(s, try_id, reason))
                        callbacks_refused(s, try_id, reason);
                return;
        }
        if (spool_cancel(s->tasks_dir, try_id) == -EEXIST)
                look(t);
        else
                live_end_submit(t, WORLD_RESULT_FAILED_FINAL, NULL, reason, NULL);
}

void live_stopped(struct scheduler *s, const char *try_id, bool stopping) {
        struct live_try *t = live_find(s, try_id);

        if (!t || stopping)
                return;
        t->swept = true;
        look(t);
}

/* --- reports ------------------------------------------------------------------------------------
 */

static int report_unknown(struct scheduler *s, const char *try_id, struct http_request *req) {
        struct replay_fact fact = {};
        struct replay_action action;
        struct spool_end end;
        int r;

        if (engine_is_ahead(s))
                return http_request_reply_error(req, 503, "come back in a moment");
        r = spool_look(s->tasks_dir, try_id, req->arena, &fact, &end);
        if (r < 0)
                return r;
        if (r == 0) {
                replay_compare_one(&s->world, &fact, clock_now(s->clock), &action);
                if (action.task && action.kind != REPLAY_NOTHING)
                        return http_request_reply_error(req, 503, "come back in a moment");
                live_end_orphan(s, &action);
        }
        return http_request_reply(req, 200, "application/json", "{}", 2);
}

int live_report(struct scheduler *s, const char *try_id, struct http_request *req) {
        struct live_try *t = live_find(s, try_id);
        struct replay_fact fact;
        struct spool_end end;
        int r;

        if (!t && (callbacks_look(s, try_id) || connection_trials_look(s, try_id)))
                return http_request_reply(req, 200, "application/json", "{}", 2);
        if (!t)
                return report_unknown(s, try_id, req);
        if (t->ending)
                return http_request_reply_error(req, 503, "its end is being recorded");
        r = gather(t, req->arena, &fact, &end);
        if (r < 0)
                return r;
        if (!fact.has_end)
                return http_request_reply_error(req, 409, "try %s has no end.json yet", try_id);
        live_end_submit(t, fact.result, &end, NULL, req);
        return HTTP_LATER;
}

/* --- life ---------------------------------------------------------------------------------------
 */

void live_forget(struct scheduler *s, const char *try_id) {
        strmap_remove(&s->live->tries, try_id);
}

size_t live_count(const struct scheduler *s) {
        return s->live->tries.n;
}

struct live_try *live_adopt(struct scheduler *s, const struct world_task *task, bool other_boot) {
        struct live_try *t = try_of(s, task);

        if (t) {
                t->other_boot = other_boot;
                t->swept = other_boot; /* nothing outlives a boot */
        }
        return t;
}

void live_look(struct live_try *t) {
        look(t);
}

int live_new(struct scheduler *s, struct live **ret) {
        struct live *l = mem_new(struct live);

        if (!l)
                return -ENOMEM;
        l->landing.landed = on_landed;
        TAILQ_INIT(&l->waiting);
        strmap_init(&l->tries, try_free);
        *ret = l;
        return 0;
}

void live_clear(struct scheduler *s) {
        strmap_clear(&s->live->tries);
}

struct live *live_free(struct live *l) {
        if (l)
                strmap_done(&l->tries);
        mem_free(l);
        return NULL;
}
