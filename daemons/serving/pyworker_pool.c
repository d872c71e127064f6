#include "daemons/serving/pyworker_pool.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

struct seat {
        struct pyworker_pool *pool;
        struct pyworker *worker;
        struct pyworker_pool_job *job;
        struct loop_source *again; /* the start after a back-off */
        unsigned n_failures;       /* in a row */
};

struct pyworker_pool {
        struct pyworker_pool_options o;
        struct seat *seats;
        struct pyworker_pool_job *first, **last;
        struct loop_source *patience; /* the front job's deadline */
        struct pyworker_pool_stats stats;
        uint64_t next_id;
        bool stopping;
        void (*stopped)(void *ctx);
        void *stopped_ctx;
        struct errmsg trouble;
};

static void start_seat(struct seat *s);

usec_t pyworker_pool_backoff(unsigned n_failures) {
        const usec_t first = 100 * USEC_PER_MSEC, longest = 10 * USEC_PER_SEC;

        if (n_failures == 0)
                return 0;
        return n_failures > 8 ? longest : MIN(longest, first << (n_failures - 1));
}

_printf_(2, 3) static void notice(struct pyworker_pool *p, const char *fmt, ...) {
        struct errmsg text;
        va_list ap;

        va_start(ap, fmt);
        errmsg_vset(&text, fmt, ap);
        va_end(ap);
        if (p->o.notice)
                p->o.notice(p->o.ctx, text.text);
}

/* --- the queue ------------------------------------------------------------------------------- */

static struct pyworker_pool_job *queue_take(struct pyworker_pool *p) {
        struct pyworker_pool_job *job = p->first;

        if (!job)
                return NULL;
        assert(p->stats.n_queued > 0);
        p->first = job->next;
        if (!p->first)
                p->last = &p->first;
        p->stats.n_queued--;
        job->next = NULL;
        return job;
}

static void queue_put(struct pyworker_pool *p, struct pyworker_pool_job *job) {
        job->next = NULL;
        *p->last = job;
        p->last = &job->next;
        p->stats.n_queued++;
}

static void queue_put_front(struct pyworker_pool *p, struct pyworker_pool_job *job) {
        job->next = p->first;
        p->first = job;
        if (p->last == &p->first)
                p->last = &job->next;
        p->stats.n_queued++;
}

static void finish(struct pyworker_pool *p, struct pyworker_pool_job *job,
                   enum pyworker_pool_outcome outcome, const struct pyworker_frame_message *m) {
        job->done(job, outcome, m);
}

static void fail_queue(struct pyworker_pool *p, enum pyworker_pool_outcome outcome) {
        struct pyworker_pool_job *job;

        while ((job = queue_take(p)))
                finish(p, job, outcome, NULL);
}

/* --- giving work ----------------------------------------------------------------------------- */

static void give(struct seat *s, struct pyworker_pool_job *job) {
        struct pyworker_pool *p = s->pool;
        int r;

        job->request.id = ++p->next_id;
        s->job = job;
        r = pyworker_send(s->worker, &job->request, p->o.timeout_for);
        if (r < 0) {
                s->job = NULL;
                finish(p, job, PYWORKER_POOL_NO_WORKER, NULL);
        }
}

static struct seat *idle_seat(struct pyworker_pool *p) {
        for (unsigned i = 0; i < p->o.n_workers; i++)
                if (pyworker_state(p->seats[i].worker) == PYWORKER_READY && !p->seats[i].job)
                        return &p->seats[i];
        return NULL;
}

static void dispatch(struct pyworker_pool *p) {
        usec_t now = loop_now(p->o.loop, CLOCK_BOOTTIME);
        struct seat *s;

        while (p->first && (s = idle_seat(p))) {
                struct pyworker_pool_job *job = queue_take(p);

                if (job->abandoned && job->abandoned(job))
                        finish(p, job, PYWORKER_POOL_ABANDONED, NULL);
                else if (job->deadline_at <= now)
                        finish(p, job, PYWORKER_POOL_WAITED, NULL);
                else
                        give(s, job);
        }
        if (p->first && p->patience)
                loop_source_arm_at(p->patience, p->first->deadline_at);
}

/* All jobs have the same patience, so the front one's ends first. */
static int on_patience(struct loop_source *source, usec_t now, void *ctx) {
        struct pyworker_pool *p = ctx;

        while (p->first && p->first->deadline_at <= now)
                finish(p, queue_take(p), PYWORKER_POOL_WAITED, NULL);
        dispatch(p);
        return 0;
}

static bool anyone_works(const struct pyworker_pool *p) {
        for (unsigned i = 0; i < p->o.n_workers; i++) {
                enum pyworker_state state = pyworker_state(p->seats[i].worker);

                if (state == PYWORKER_READY || state == PYWORKER_BUSY)
                        return true;
        }
        return false;
}

void pyworker_pool_submit(struct pyworker_pool *p, struct pyworker_pool_job *job) {
        job->n_retries = 0;
        job->deadline_at = loop_now(p->o.loop, CLOCK_BOOTTIME) + p->o.timeout_for;
        if (p->stats.n_queued >= p->o.n_queue && !idle_seat(p)) {
                p->stats.n_refused_full++;
                finish(p, job, PYWORKER_POOL_FULL, NULL);
                return;
        }
        queue_put(p, job);
        dispatch(p);
}

/* --- what workers report --------------------------------------------------------------------- */

static void on_ready(struct pyworker *w, void *ctx) {
        struct seat *s = ctx;

        s->pool->trouble.text[0] = 0;
        dispatch(s->pool);
}

static void on_reply(struct pyworker *w, const struct pyworker_frame_message *m, void *ctx) {
        struct seat *s = ctx;
        struct pyworker_pool_job *job = TAKE_PTR(s->job);

        assert(job);
        s->n_failures = 0;
        s->pool->stats.n_answered++;
        finish(s->pool, job, PYWORKER_POOL_ANSWERED, m);
        dispatch(s->pool);
}

static void settle_lost_job(struct pyworker_pool *p, struct pyworker_pool_job *job,
                            enum pyworker_loss loss) {
        if (loss == PYWORKER_UNSTARTED && job->n_retries == 0) {
                job->n_retries++;
                queue_put_front(p, job);
        } else if (loss == PYWORKER_TIMED_OUT) {
                p->stats.n_timed_out++;
                finish(p, job, PYWORKER_POOL_TIMED_OUT, NULL);
        } else {
                p->stats.n_lost++;
                finish(p, job, PYWORKER_POOL_LOST, NULL);
        }
}

static void on_lost(struct pyworker *w, enum pyworker_loss loss, const char *why, void *ctx) {
        struct seat *s = ctx;
        struct pyworker_pool *p = s->pool;
        struct pyworker_pool_job *job = TAKE_PTR(s->job);

        s->n_failures++;
        errmsg_set(&p->trouble, "%s", why);
        notice(p, "worker %d: %s", (int) pyworker_pid(w), why);
        if (job)
                settle_lost_job(p, job, loss);
        if (loss == PYWORKER_REFUSED && !anyone_works(p))
                fail_queue(p, PYWORKER_POOL_NO_WORKER);
        dispatch(p);
}

static bool all_down(const struct pyworker_pool *p) {
        for (unsigned i = 0; i < p->o.n_workers; i++)
                if (pyworker_state(p->seats[i].worker) != PYWORKER_DOWN)
                        return false;
        return true;
}

static int on_again(struct loop_source *source, usec_t now, void *ctx) {
        struct seat *s = ctx;

        s->again = loop_source_free(s->again);
        start_seat(s);
        return 0;
}

static void start_later(struct seat *s) {
        struct pyworker_pool *p = s->pool;

        if (loop_timer_in(p->o.loop, pyworker_pool_backoff(s->n_failures), 0, on_again, s,
                          &s->again) < 0)
                notice(p, "out of memory: a worker stays down");
}

static void on_down(struct pyworker *w, void *ctx) {
        struct seat *s = ctx;
        struct pyworker_pool *p = s->pool;

        if (!p->stopping) {
                p->stats.n_restarts++;
                start_later(s);
        } else if (all_down(p) && p->stopped) {
                p->stopped(p->stopped_ctx);
        }
}

static const struct pyworker_events events = {on_ready, on_reply, on_lost, on_down};

static void start_seat(struct seat *s) {
        struct pyworker_pool *p = s->pool;
        struct errmsg em = {};
        int r;

        if (p->stopping)
                return;
        r = pyworker_start(s->worker, &em);
        if (r >= 0)
                return;
        s->n_failures++;
        notice(p, "%s", em.text);
        p->trouble = em;
        if (!anyone_works(p))
                fail_queue(p, PYWORKER_POOL_NO_WORKER);
        start_later(s);
}

/* --- life ------------------------------------------------------------------------------------ */

static int fill_seats(struct pyworker_pool *p) {
        for (unsigned i = 0; i < p->o.n_workers; i++) {
                struct seat *s = &p->seats[i];
                int r;

                s->pool = p;
                r = pyworker_new(p->o.loop, &p->o.spec, &events, s, &s->worker);
                if (r < 0)
                        return r;
        }
        return loop_timer(p->o.loop, CLOCK_BOOTTIME, USEC_INFINITY, USEC_PER_MSEC, on_patience, p,
                          &p->patience);
}

int pyworker_pool_new(const struct pyworker_pool_options *o, struct pyworker_pool **ret) {
        struct pyworker_pool *p = mem_new(struct pyworker_pool);
        int r;

        assert(o->n_workers > 0);
        if (!p)
                return -ENOMEM;
        p->o = *o;
        p->last = &p->first;
        p->stats.n_workers = o->n_workers;
        p->seats = mem_zalloc_array(o->n_workers, sizeof(*p->seats));
        if (!p->seats) {
                p->o.n_workers = 0;
                pyworker_pool_free(p);
                return -ENOMEM;
        }
        r = fill_seats(p);
        if (r < 0) {
                pyworker_pool_free(p);
                return r;
        }
        for (unsigned i = 0; i < o->n_workers; i++)
                start_seat(&p->seats[i]);
        *ret = p;
        return 0;
}

struct pyworker_pool *pyworker_pool_free(struct pyworker_pool *p) {
        if (!p)
                return NULL;
        for (unsigned i = 0; i < p->o.n_workers; i++) {
                loop_source_free(p->seats[i].again);
                pyworker_free(p->seats[i].worker);
        }
        loop_source_free(p->patience);
        mem_free(p->seats);
        return mem_free(p);
}

void pyworker_pool_stop(struct pyworker_pool *p, void (*stopped)(void *ctx), void *ctx) {
        p->stopping = true;
        p->stopped = stopped;
        p->stopped_ctx = ctx;
        fail_queue(p, PYWORKER_POOL_NO_WORKER);
        for (unsigned i = 0; i < p->o.n_workers; i++) {
                p->seats[i].again = loop_source_free(p->seats[i].again);
                pyworker_stop(p->seats[i].worker);
        }
        if (all_down(p))
                stopped(ctx);
}

void pyworker_pool_stats(const struct pyworker_pool *p, struct pyworker_pool_stats *ret) {
        *ret = p->stats;
        for (unsigned i = 0; i < p->o.n_workers; i++) {
                enum pyworker_state state = pyworker_state(p->seats[i].worker);

                ret->n_ready += state == PYWORKER_READY;
                ret->n_busy += state == PYWORKER_BUSY;
                ret->n_starting += state == PYWORKER_STARTING;
        }
}

const char *pyworker_pool_trouble(const struct pyworker_pool *p) {
        return p->trouble.text;
}
