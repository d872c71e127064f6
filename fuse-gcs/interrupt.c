#include "fuse-gcs/interrupt.h"

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/procfs.h"

#define INTERRUPT_STATUS_MAX 8192
#define INTERRUPT_SIGKILL (UINT64_C(1) << 8) /* in the masks of /proc/PID/status */

static struct {
        pthread_mutex_t lock;
        struct interrupt_wait *waits;
        uint64_t n_begun;
        bool always;
} interrupt = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* What this thread carries out and may give up. */
static _Thread_local struct fuse_req *interrupt_req;

void interrupt_set(bool always) {
        interrupt.always = always;
}

void interrupt_begin(struct fuse_req *req) {
        interrupt_req = req;
}

/* --- who ends ---------------------------------------------------------------------------------
 */

static bool interrupt_has_kill(const char *status, const char *key) {
        const char *at = strstr(status, key);

        return at && strtoull(at + strlen(key), NULL, 16) & INTERRUPT_SIGKILL;
}

bool interrupt_says_ends(const char *status) {
        return interrupt_has_kill(status, "\nSigPnd:") || interrupt_has_kill(status, "\nShdPnd:");
}

/* A thread's number names its /proc directory as a process's does. */
static bool interrupt_ends(pid_t pid) {
        char status[INTERRUPT_STATUS_MAX];

        return pid > 0 && procfs_read(pid, "status", status, sizeof(status)) >= 0 &&
               interrupt_says_ends(status);
}

bool interrupt_is_wanted(void) {
        struct fuse_req *req = interrupt_req;

        return req && fuse_req_interrupted(req) &&
               (interrupt.always || interrupt_ends(fuse_req_ctx(req)->pid));
}

/* --- waits -------------------------------------------------------------------------------------
 */

/* libfuse may call it when the wait is over, and the request, too: a number is all it brings. */
static void interrupt_on_signal(fuse_req_t req, void *data) {
        uint64_t number = (uint64_t) (uintptr_t) data;

        pthread_mutex_lock(&interrupt.lock);
        for (struct interrupt_wait *w = interrupt.waits; w; w = w->next) {
                if (w->number != number)
                        continue;
                w->came = true;
                w->wake(w->ctx);
        }
        pthread_mutex_unlock(&interrupt.lock);
}

void interrupt_wait_begin(struct interrupt_wait *w) {
        w->number = 0;
        w->came = false;
        if (!interrupt_req)
                return;
        pthread_mutex_lock(&interrupt.lock);
        w->number = ++interrupt.n_begun;
        w->next = interrupt.waits;
        interrupt.waits = w;
        pthread_mutex_unlock(&interrupt.lock);
        fuse_req_interrupt_func(interrupt_req, interrupt_on_signal, (void *) (uintptr_t) w->number);
}

bool interrupt_came(const struct interrupt_wait *w) {
        return w->came;
}

void interrupt_next_look(struct timespec *ret) {
        usec_t at;

        clock_gettime(CLOCK_REALTIME, ret);
        at = (usec_t) ret->tv_nsec / NSEC_PER_USEC + INTERRUPT_LOOK_FOR;
        ret->tv_sec += (time_t) (at / USEC_PER_SEC);
        ret->tv_nsec = (long) (at % USEC_PER_SEC * NSEC_PER_USEC);
}

void interrupt_wait_on(const struct interrupt_wait *w, pthread_cond_t *cond,
                       pthread_mutex_t *lock) {
        struct timespec until;

        if (!interrupt_came(w)) {
                pthread_cond_wait(cond, lock);
                return;
        }
        interrupt_next_look(&until);
        (void) pthread_cond_timedwait(cond, lock, &until);
}

void interrupt_wait_end(struct interrupt_wait *w) {
        struct interrupt_wait **at = &interrupt.waits;

        if (w->number == 0)
                return;
        fuse_req_interrupt_func(interrupt_req, NULL, NULL);
        pthread_mutex_lock(&interrupt.lock);
        while (*at != w)
                at = &(*at)->next;
        *at = w->next;
        pthread_mutex_unlock(&interrupt.lock);
}
