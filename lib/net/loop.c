/* Owns the sd-event loop and its sources. One thread runs it; other threads reach it through the
 * post queue (a mutex, a list and an eventfd) and nothing else.
 *
 * A source is floating when its maker did not ask for a handle: then the loop's list frees it. */
#include "lib/net/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "lib/base/macros.h"

struct loop {
        sd_event *event;
        int post_fd;
        sd_event_source *post_source;
        pthread_mutex_t post_lock;
        struct loop_task *post_head, **post_tail; /* under post_lock */
        struct loop_source *floating;
        struct loop_source
                *running; /* floating one-shot in its callback; NULL once it freed itself */
        int error;        /* of the callback that broke the loop */
};

struct loop_source {
        struct loop *loop;
        sd_event_source *source;
        union {
                loop_io_fn *io;
                loop_timer_fn *timer;
                loop_signal_fn *signal;
                loop_child_fn *child;
                loop_inotify_fn *inotify;
                loop_defer_fn *defer;
        } fn;
        void *ctx;
        bool is_floating;
        struct loop_source *next, **prev; /* in loop->floating */
};

struct loop_own_task {
        struct loop_task task;
        void (*fn)(void *ctx);
        void *ctx;
};

/* --- posting --------------------------------------------------------------------------------- */

static struct loop_task *loop_take_posted(struct loop *l) {
        struct loop_task *head;

        pthread_mutex_lock(&l->post_lock);
        head = l->post_head;
        l->post_head = NULL;
        l->post_tail = &l->post_head;
        pthread_mutex_unlock(&l->post_lock);
        return head;
}

void loop_post_flush(struct loop *l) {
        struct loop_task *next;

        for (struct loop_task *t = loop_take_posted(l); t; t = next) {
                next = t->next;
                t->run(t);
        }
}

static int loop_on_post(sd_event_source *s, int fd, uint32_t revents, void *ctx) {
        uint64_t n;

        /* Nothing to read is fine: what matters is the list. */
        (void) !read(fd, &n, sizeof n);
        loop_post_flush(ctx);
        return 0;
}

void loop_post_task(struct loop *l, struct loop_task *t) {
        bool was_empty;

        assert(t->run);
        t->next = NULL;
        pthread_mutex_lock(&l->post_lock);
        was_empty = !l->post_head;
        *l->post_tail = t;
        l->post_tail = &t->next;
        pthread_mutex_unlock(&l->post_lock);
        if (was_empty)
                /* Cannot fail but by overflow, and then the loop is awake already. */
                (void) !write(l->post_fd, &(uint64_t){1}, sizeof(uint64_t));
}

static void loop_run_own_task(struct loop_task *t) {
        struct loop_own_task own = *(struct loop_own_task *) t;

        free(t);
        own.fn(own.ctx);
}

int loop_post(struct loop *l, void (*fn)(void *ctx), void *ctx) {
        struct loop_own_task *t = malloc(sizeof *t);

        if (!t)
                return -ENOMEM;
        *t = (struct loop_own_task){.task.run = loop_run_own_task, .fn = fn, .ctx = ctx};
        loop_post_task(l, &t->task);
        return 0;
}

/* --- the loop -------------------------------------------------------------------------------- */

int loop_new(struct loop **ret) {
        struct loop *l = calloc(1, sizeof *l);
        int r;

        if (!l)
                return -ENOMEM;
        l->post_tail = &l->post_head;
        pthread_mutex_init(&l->post_lock, NULL);
        l->post_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = l->post_fd < 0 ? -errno : sd_event_new(&l->event);
        if (r >= 0)
                r = sd_event_add_io(l->event, &l->post_source, l->post_fd, EPOLLIN, loop_on_post,
                                    l);
        if (r < 0) {
                loop_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

struct loop *loop_free(struct loop *l) {
        if (!l)
                return NULL;
        while (l->post_head)
                loop_post_flush(l);
        while (l->floating)
                loop_source_free(l->floating);
        sd_event_source_disable_unref(l->post_source);
        sd_event_unref(l->event);
        if (l->post_fd >= 0)
                close(l->post_fd);
        pthread_mutex_destroy(&l->post_lock);
        free(l);
        return NULL;
}

int loop_run(struct loop *l) {
        int r = sd_event_loop(l->event);

        return l->error < 0 ? l->error : r;
}

int loop_run_main(struct loop *l, struct errmsg *em) {
        int r = loop_run(l);

        return r < 0 ? errmsg_fail(em, -EIO, "the event loop failed: %s", errmsg_strerror(r)) : r;
}

int loop_turn(struct loop *l, usec_t timeout_for) {
        int r = sd_event_run(l->event, timeout_for);

        return l->error < 0 ? l->error : r;
}

void loop_quit(struct loop *l, int code) {
        sd_event_exit(l->event, code);
}

usec_t loop_now(struct loop *l, clockid_t clock) {
        uint64_t now = 0;

        (void) sd_event_now(l->event, clock, &now);
        return (usec_t) now;
}

/* --- sources --------------------------------------------------------------------------------- */

/* What a callback's answer means for the loop: a broken one ends it. */
static int loop_after(struct loop *l, int r) {
        if (r < 0) {
                if (l->error == 0)
                        l->error = r;
                sd_event_exit(l->event, r);
        }
        return 0;
}

/* A floating one-shot is freed when it has fired and was not armed again. */
static void loop_source_before(struct loop_source *s) {
        s->loop->running = s->is_floating ? s : NULL;
}

static int loop_source_after(struct loop *l, int r) {
        struct loop_source *s = l->running;
        int enabled = SD_EVENT_OFF;

        l->running = NULL;
        if (s && sd_event_source_get_enabled(s->source, &enabled) <= 0)
                loop_source_free(s);
        return loop_after(l, r);
}

static struct loop_source *loop_source_new(struct loop *l, void *ctx, bool is_floating) {
        struct loop_source *s = calloc(1, sizeof *s);

        if (!s)
                return NULL;
        s->loop = l;
        s->ctx = ctx;
        s->is_floating = is_floating;
        if (is_floating) {
                s->next = l->floating;
                s->prev = &l->floating;
                if (s->next)
                        s->next->prev = &s->next;
                l->floating = s;
        }
        return s;
}

static int loop_source_done(struct loop_source *s, int r, struct loop_source **ret) {
        if (r < 0) {
                loop_source_free(s);
                return r;
        }
        if (ret)
                *ret = s;
        return 0;
}

struct loop_source *loop_source_free(struct loop_source *s) {
        if (!s)
                return NULL;
        if (s->is_floating) {
                *s->prev = s->next;
                if (s->next)
                        s->next->prev = s->prev;
                if (s->loop->running == s)
                        s->loop->running = NULL;
        }
        sd_event_source_disable_unref(s->source);
        free(s);
        return NULL;
}

static int loop_on_io(sd_event_source *e, int fd, uint32_t revents, void *ctx) {
        struct loop_source *s = ctx;
        struct loop *l = s->loop;

        return loop_after(l, s->fn.io(s, fd, revents, s->ctx));
}

int loop_io(struct loop *l, int fd, uint32_t events, loop_io_fn *fn, void *ctx,
            struct loop_source **ret) {
        struct loop_source *s = loop_source_new(l, ctx, !ret);

        if (!s)
                return -ENOMEM;
        s->fn.io = fn;
        return loop_source_done(s, sd_event_add_io(l->event, &s->source, fd, events, loop_on_io, s),
                                ret);
}

int loop_source_set_events(struct loop_source *s, uint32_t events) {
        return sd_event_source_set_io_events(s->source, events);
}

static int loop_on_timer(sd_event_source *e, uint64_t at, void *ctx) {
        struct loop_source *s = ctx;
        struct loop *l = s->loop;
        clockid_t clock = CLOCK_MONOTONIC;

        (void) sd_event_source_get_time_clock(e, &clock);
        loop_source_before(s);
        return loop_source_after(l, s->fn.timer(s, loop_now(l, clock), s->ctx));
}

int loop_timer(struct loop *l, clockid_t clock, usec_t at, usec_t accuracy_for, loop_timer_fn *fn,
               void *ctx, struct loop_source **ret) {
        struct loop_source *s = loop_source_new(l, ctx, !ret);
        int r;

        if (!s)
                return -ENOMEM;
        s->fn.timer = fn;
        /* sd-event takes 0 as "a quarter of a second will do"; our 0 means exactly. */
        r = sd_event_add_time(l->event, &s->source, clock, (uint64_t) at,
                              accuracy_for > 0 ? (uint64_t) accuracy_for : 1, loop_on_timer, s);
        return loop_source_done(s, r, ret);
}

int loop_timer_in(struct loop *l, usec_t in_for, usec_t accuracy_for, loop_timer_fn *fn, void *ctx,
                  struct loop_source **ret) {
        return loop_timer(l, CLOCK_BOOTTIME, loop_now(l, CLOCK_BOOTTIME) + in_for, accuracy_for, fn,
                          ctx, ret);
}

int loop_source_arm_at(struct loop_source *s, usec_t at) {
        int r = sd_event_source_set_time(s->source, (uint64_t) at);

        return r < 0 ? r : sd_event_source_set_enabled(s->source, SD_EVENT_ONESHOT);
}

int loop_source_arm_in(struct loop_source *s, usec_t in_for) {
        clockid_t clock = CLOCK_MONOTONIC;
        int r = sd_event_source_get_time_clock(s->source, &clock);

        return r < 0 ? r : loop_source_arm_at(s, loop_now(s->loop, clock) + in_for);
}

static int loop_on_signal(sd_event_source *e, const struct signalfd_siginfo *si, void *ctx) {
        struct loop_source *s = ctx;
        struct loop *l = s->loop;

        return loop_after(l, s->fn.signal(s, (int) si->ssi_signo, s->ctx));
}

/* A signal comes to the loop when no thread takes it otherwise. */
static int block_signal(int signo) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, signo);
        return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int loop_signal(struct loop *l, int signo, loop_signal_fn *fn, void *ctx,
                struct loop_source **ret) {
        struct loop_source *s;
        int r = block_signal(signo);

        if (r < 0)
                return r;
        s = loop_source_new(l, ctx, !ret);
        if (!s)
                return -ENOMEM;
        s->fn.signal = fn;
        return loop_source_done(
                s, sd_event_add_signal(l->event, &s->source, signo, loop_on_signal, s), ret);
}

static int loop_on_quit_signal(struct loop_source *s, int signo, void *ctx) {
        loop_quit(ctx, 0);
        return 0;
}

int loop_signals_quit(struct loop *l) {
        int r = loop_signal(l, SIGTERM, loop_on_quit_signal, l, NULL);

        return r < 0 ? r : loop_signal(l, SIGINT, loop_on_quit_signal, l, NULL);
}

static int loop_on_child(sd_event_source *e, const siginfo_t *si, void *ctx) {
        struct loop_source *s = ctx;
        struct loop *l = s->loop;

        loop_source_before(s);
        return loop_source_after(l, s->fn.child(s, si, s->ctx));
}

int loop_child(struct loop *l, pid_t pid, loop_child_fn *fn, void *ctx, struct loop_source **ret) {
        struct loop_source *s;
        int r = block_signal(SIGCHLD);

        if (r < 0)
                return r;
        s = loop_source_new(l, ctx, !ret);
        if (!s)
                return -ENOMEM;
        s->fn.child = fn;
        r = sd_event_add_child(l->event, &s->source, pid, WEXITED, loop_on_child, s);
        return loop_source_done(s, r, ret);
}

int loop_pidfd(struct loop *l, int pidfd, loop_io_fn *fn, void *ctx, struct loop_source **ret) {
        return loop_io(l, pidfd, EPOLLIN, fn, ctx, ret);
}

static int loop_on_inotify(sd_event_source *e, const struct inotify_event *ev, void *ctx) {
        struct loop_source *s = ctx;
        struct loop *l = s->loop;

        return loop_after(l, s->fn.inotify(s, ev, s->ctx));
}

int loop_inotify(struct loop *l, const char *path, uint32_t mask, loop_inotify_fn *fn, void *ctx,
                 struct loop_source **ret) {
        struct loop_source *s = loop_source_new(l, ctx, !ret);
        int r;

        if (!s)
                return -ENOMEM;
        s->fn.inotify = fn;
        r = sd_event_add_inotify(l->event, &s->source, path, mask, loop_on_inotify, s);
        return loop_source_done(s, r, ret);
}

static int loop_on_defer(sd_event_source *e, void *ctx) {
        struct loop_source *s = ctx;
        struct loop *l = s->loop;

        loop_source_before(s);
        return loop_source_after(l, s->fn.defer(s, s->ctx));
}

int loop_defer(struct loop *l, loop_defer_fn *fn, void *ctx, struct loop_source **ret) {
        struct loop_source *s = loop_source_new(l, ctx, !ret);

        if (!s)
                return -ENOMEM;
        s->fn.defer = fn;
        return loop_source_done(s, sd_event_add_defer(l->event, &s->source, loop_on_defer, s), ret);
}

int loop_source_set_priority(struct loop_source *s, int64_t priority) {
        return sd_event_source_set_priority(s->source, priority);
}

int loop_source_set_enabled(struct loop_source *s, bool on) {
        return sd_event_source_set_enabled(s->source, on ? SD_EVENT_ON : SD_EVENT_OFF);
}

int loop_source_set_once(struct loop_source *s) {
        return sd_event_source_set_enabled(s->source, SD_EVENT_ONESHOT);
}
