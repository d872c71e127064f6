#include "fuse-gcs/workers.h"

#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "fuse-gcs/lent.h"
#include "lib/base/mem.h"

#define WORKERS_IDLE_MAX 4
#define WORKERS_STACK ((size_t) 256 << 10)
#define WORKERS_POKE SIGUSR1      /* interrupts a wait for the kernel */
#define WORKERS_POKE_NS 50000000L /* from one poke to the next */

struct workers {
        struct fuse_session *session;
        void (*ended)(void *ctx);
        void *ctx;
        pthread_mutex_t lock;
        pthread_cond_t gone;
        unsigned n, n_idle;
        bool has_ended;
        bool is_over; /* who is interrupted now goes */
        pthread_t threads[WORKERS_MAX];
        bool is_used[WORKERS_MAX];
};

static void *workers_main(void *ctx);

/* Of the request this thread carries out. */
static _Thread_local struct lent_offer workers_offered;

struct lent_offer *workers_offer(void) {
        return &workers_offered;
}

/* Under the lock. */
static int workers_add(struct workers *w) {
        pthread_attr_t attr;
        pthread_t t;
        int r;

        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attr, WORKERS_STACK);
        w->n++;
        w->n_idle++;
        r = -pthread_create(&t, &attr, workers_main, w);
        pthread_attr_destroy(&attr);
        if (r < 0) {
                w->n--;
                w->n_idle--;
        }
        return r;
}

enum workers_then {
        WORKERS_GO_ON,
        WORKERS_LEAVE, /* too many wait */
        WORKERS_END,   /* the kernel has no more requests */
};

/* One request, answered whatever happens around it. */
static enum workers_then workers_turn(struct workers *w, struct fuse_buf *buf) {
        enum workers_then then = WORKERS_GO_ON;
        int n;

        /* Without one libfuse makes it. */
        if (!buf->mem)
                buf->mem = lent_spare_take();
        n = fuse_session_receive_buf(w->session, buf);
        if (n == -EINTR) {
                pthread_mutex_lock(&w->lock);
                then = w->is_over ? WORKERS_END : WORKERS_GO_ON;
                pthread_mutex_unlock(&w->lock);
                return then;
        }
        if (n <= 0)
                return WORKERS_END;
        pthread_mutex_lock(&w->lock);
        w->n_idle--;
        if (w->n_idle == 0 && w->n < WORKERS_MAX)
                (void) workers_add(w);
        pthread_mutex_unlock(&w->lock);
        workers_offered.mem = buf->mem;
        fuse_session_process_buf(w->session, buf);
        buf->mem = TAKE_PTR(workers_offered.mem);
        pthread_mutex_lock(&w->lock);
        if (w->n_idle >= WORKERS_IDLE_MAX)
                then = WORKERS_LEAVE;
        else
                w->n_idle++;
        pthread_mutex_unlock(&w->lock);
        return then;
}

/* Where it can be found to be poked. There is room: n counts it already. */
static size_t workers_register(struct workers *w) {
        size_t slot = 0;

        pthread_mutex_lock(&w->lock);
        while (w->is_used[slot])
                slot++;
        w->is_used[slot] = true;
        w->threads[slot] = pthread_self();
        pthread_mutex_unlock(&w->lock);
        return slot;
}

static void *workers_main(void *ctx) {
        struct workers *w = ctx;
        size_t slot = workers_register(w);
        struct fuse_buf buf = {};
        enum workers_then then;
        bool tell = false;

        do
                then = workers_turn(w, &buf);
        while (then == WORKERS_GO_ON);
        free(buf.mem);
        if (then == WORKERS_END) {
                pthread_mutex_lock(&w->lock);
                w->n_idle--;
                tell = !w->has_ended;
                w->has_ended = true;
                pthread_mutex_unlock(&w->lock);
        }
        if (tell)
                w->ended(w->ctx);
        pthread_mutex_lock(&w->lock);
        w->is_used[slot] = false;
        w->n--;
        pthread_cond_broadcast(&w->gone);
        pthread_mutex_unlock(&w->lock);
        return NULL;
}

static void workers_on_poke(int signo) {
}

int workers_start(struct fuse_session *s, void (*ended)(void *ctx), void *ctx,
                  struct workers **ret) {
        struct workers *w = mem_new(struct workers);
        struct sigaction poke = {.sa_handler = workers_on_poke};
        int r;

        if (!w)
                return -ENOMEM;
        (void) sigaction(WORKERS_POKE, &poke, NULL);
        w->session = s;
        w->ended = ended;
        w->ctx = ctx;
        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->gone, NULL);
        pthread_mutex_lock(&w->lock);
        r = workers_add(w);
        pthread_mutex_unlock(&w->lock);
        if (r < 0) {
                mem_free(w);
                return r;
        }
        *ret = w;
        return 0;
}

struct workers *workers_free(struct workers *w) {
        if (!w)
                return NULL;
        pthread_mutex_lock(&w->lock);
        w->is_over = true;
        while (w->n > 0) {
                struct timespec until;

                for (size_t i = 0; i < WORKERS_MAX; i++)
                        if (w->is_used[i])
                                (void) pthread_kill(w->threads[i], WORKERS_POKE);
                clock_gettime(CLOCK_REALTIME, &until);
                until.tv_nsec += WORKERS_POKE_NS;
                until.tv_sec += until.tv_nsec / 1000000000L;
                until.tv_nsec %= 1000000000L;
                (void) pthread_cond_timedwait(&w->gone, &w->lock, &until);
        }
        pthread_mutex_unlock(&w->lock);
        pthread_cond_destroy(&w->gone);
        pthread_mutex_destroy(&w->lock);
        return mem_free(w);
}
