#pragma once
/* The event loop: one a daemon, a thin cover over sd-event.
 *
 * Threads: everything belongs to the thread that runs the loop, except loop_post() and
 * loop_post_task(), which any thread may call.
 *
 * Callbacks return 0 to go on; a negative errno ends loop_run() with it. A callback may free its
 * own source. Sources are freed with loop_source_free(); those made with ret == NULL belong to the
 * loop and go with it. */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/types.h>
#include <time.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct loop;
struct loop_source;

typedef int loop_io_fn(struct loop_source *s, int fd, uint32_t revents, void *ctx);
typedef int loop_timer_fn(struct loop_source *s, usec_t now, void *ctx);
typedef int loop_signal_fn(struct loop_source *s, int signo, void *ctx);
typedef int loop_child_fn(struct loop_source *s, const siginfo_t *si, void *ctx);
typedef int loop_inotify_fn(struct loop_source *s, const struct inotify_event *e, void *ctx);
typedef int loop_defer_fn(struct loop_source *s, void *ctx);

/* Work posted from another thread. Embedded in what it concerns, so posting cannot fail. */
struct loop_task {
        struct loop_task *next;
        void (*run)(struct loop_task *t); /* on the loop's thread; may free t */
};

int loop_new(struct loop **ret);
struct loop *loop_free(struct loop *l); /* runs what was posted, then frees; NULL is fine */
static inline void loop_freep(struct loop **l) {
        loop_free(*l);
}

/* Runs until loop_quit(); returns its code (≥ 0), or the negative errno of a broken callback. */
int loop_run(struct loop *l);
/* For a daemon's main: as loop_run(), but a loop that broke is -EIO with em set, whatever broke it:
 * its errno is no word on the configuration (options_exit_status()). */
int loop_run_main(struct loop *l, struct errmsg *em);
/* One turn, waiting at most timeout_for (UINT64_MAX: without end). 1 = something ran, 0 = nothing
 * came, negative = broken. For tests and for waiting inside a start. */
int loop_turn(struct loop *l, usec_t timeout_for);
void loop_quit(struct loop *l, int code);
/* The turn's time by CLOCK_REALTIME, CLOCK_MONOTONIC or CLOCK_BOOTTIME, in µs. */
usec_t loop_now(struct loop *l, clockid_t clock);

/* Readiness of fd (EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLET). The fd stays the caller's. */
int loop_io(struct loop *l, int fd, uint32_t events, loop_io_fn *fn, void *ctx,
            struct loop_source **ret);
int loop_source_set_events(struct loop_source *s, uint32_t events);

/* Fires once at `at` (µs of that clock), up to `accuracy_for` later; 0 = exactly. Re-arm with
 * loop_source_arm_at() or _in(). CLOCK_REALTIME and CLOCK_BOOTTIME see suspend and clock steps. */
int loop_timer(struct loop *l, clockid_t clock, usec_t at, usec_t accuracy_for, loop_timer_fn *fn,
               void *ctx, struct loop_source **ret);
/* The same, `in_for` µs from now by CLOCK_BOOTTIME. */
int loop_timer_in(struct loop *l, usec_t in_for, usec_t accuracy_for, loop_timer_fn *fn, void *ctx,
                  struct loop_source **ret);
int loop_source_arm_at(struct loop_source *s, usec_t at);
int loop_source_arm_in(struct loop_source *s, usec_t in_for);

/* Blocks the signal in this thread and takes it from a signalfd: call before threads are made. */
int loop_signal(struct loop *l, int signo, loop_signal_fn *fn, void *ctx, struct loop_source **ret);
/* SIGTERM and SIGINT quit the loop with code 0. */
int loop_signals_quit(struct loop *l);

/* A child's end (reaps it), or any process's by its pidfd (does not reap others' children). */
int loop_child(struct loop *l, pid_t pid, loop_child_fn *fn, void *ctx, struct loop_source **ret);
int loop_pidfd(struct loop *l, int pidfd, loop_io_fn *fn, void *ctx, struct loop_source **ret);

int loop_inotify(struct loop *l, const char *path, uint32_t mask, loop_inotify_fn *fn, void *ctx,
                 struct loop_source **ret);

/* Runs once, before the loop sleeps again. */
int loop_defer(struct loop *l, loop_defer_fn *fn, void *ctx, struct loop_source **ret);

/* Higher runs later among sources ready in one turn; 0 is normal. */
int loop_source_set_priority(struct loop_source *s, int64_t priority);
int loop_source_set_enabled(struct loop_source *s, bool on);
int loop_source_set_once(struct loop_source *s);             /* a defer: run once more */
struct loop_source *loop_source_free(struct loop_source *s); /* NULL is fine */
static inline void loop_source_freep(struct loop_source **s) {
        loop_source_free(*s);
}

/* From any thread: run on the loop's thread soon, in the order posted by one thread. */
void loop_post_task(struct loop *l, struct loop_task *t);
/* The same with its own memory: -ENOMEM. */
int loop_post(struct loop *l, void (*fn)(void *ctx), void *ctx);
/* On the loop's thread: runs now what was posted, for an owner that is about to go. */
void loop_post_flush(struct loop *l);
