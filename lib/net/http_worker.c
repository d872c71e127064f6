/* Owns the pool's threads and their queue. Threads block all signals: those are the loop's.
 *
 * A semaphore counts what is queued: a condition variable with several waiters may lose a wakeup
 * in glibc before 2.41 (its bug 25847), and the request would wait for the next one to come. */
#include "lib/net/http_worker.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/net/http_exchange.h"

struct http_worker_thread {
        struct http_worker_pool *pool;
        int index;
        pthread_t thread;
};

struct http_worker_pool {
        sem_t wakes; /* one for each that is queued, and one for each thread that shall end */
        pthread_mutex_t lock;
        /* under lock */
        struct http_exchange *head, **tail;
        size_t n_queued;
        bool stop;
        /* constant */
        struct http_worker_options o;
        unsigned n_threads;
        struct http_worker_thread threads[];
};

/* False: nothing came. */
static bool http_worker_wait_for(struct http_worker_pool *p, usec_t span_for) {
        usec_t at = clock_mono(clock_system()) + span_for;
        const struct timespec until = {.tv_sec = (time_t) (at / USEC_PER_SEC),
                                       .tv_nsec = (long) (at % USEC_PER_SEC * NSEC_PER_USEC)};
        int r;

        do
                r = sem_clockwait(&p->wakes, CLOCK_MONOTONIC, &until);
        while (r < 0 && errno == EINTR);
        return r == 0;
}

static void http_worker_wait(struct http_worker_pool *p, bool has_worked) {
        if (has_worked && p->o.rest) {
                if (http_worker_wait_for(p, p->o.quiet_for))
                        return;
                p->o.rest(p->o.ctx);
        }
        while (sem_wait(&p->wakes) < 0 && errno == EINTR)
                ;
}

static struct http_exchange *http_worker_next(struct http_worker_pool *p, bool has_worked) {
        struct http_exchange *x;

        http_worker_wait(p, has_worked);
        pthread_mutex_lock(&p->lock);
        x = p->stop ? NULL : p->head;
        if (x) {
                p->head = x->next_work;
                if (!p->head)
                        p->tail = &p->head;
                p->n_queued--;
        }
        pthread_mutex_unlock(&p->lock);
        return x;
}

static void *http_worker_main(void *ctx) {
        struct http_worker_thread *t = ctx;
        struct http_exchange *x;

        for (bool has_worked = false; (x = http_worker_next(t->pool, has_worked));
             has_worked = true)
                t->pool->o.run(x, t->index);
        return NULL;
}

static int http_worker_start(struct http_worker_pool *p, unsigned i) {
        int r;

        p->threads[i] = (struct http_worker_thread){.pool = p, .index = (int) i};
        r = pthread_create(&p->threads[i].thread, NULL, http_worker_main, &p->threads[i]);
        if (r != 0)
                return -r;
        p->n_threads++;
        (void) pthread_setname_np(p->threads[i].thread, "http-worker");
        return 0;
}

int http_worker_new(const struct http_worker_options *o, struct http_worker_pool **ret) {
        struct http_worker_pool *p =
                mem_zalloc(sizeof *p + o->n_threads * sizeof(struct http_worker_thread));
        sigset_t all, before;
        int r = 0;

        if (!p)
                return -ENOMEM;
        pthread_mutex_init(&p->lock, NULL);
        sem_init(&p->wakes, 0, 0);
        p->tail = &p->head;
        p->o = *o;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        for (unsigned i = 0; i < o->n_threads && r >= 0; i++)
                r = http_worker_start(p, i);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r < 0) {
                http_worker_free(p);
                return r;
        }
        *ret = p;
        return 0;
}

struct http_worker_pool *http_worker_free(struct http_worker_pool *p) {
        if (!p)
                return NULL;
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        pthread_mutex_unlock(&p->lock);
        for (unsigned i = 0; i < p->n_threads; i++)
                sem_post(&p->wakes);
        for (unsigned i = 0; i < p->n_threads; i++)
                pthread_join(p->threads[i].thread, NULL);
        sem_destroy(&p->wakes);
        pthread_mutex_destroy(&p->lock);
        return mem_free(p);
}

int http_worker_submit(struct http_worker_pool *p, struct http_exchange *x) {
        int r = 0;

        x->next_work = NULL;
        pthread_mutex_lock(&p->lock);
        if (p->n_queued >= p->o.n_queue) {
                r = -EBUSY;
        } else {
                *p->tail = x;
                p->tail = &x->next_work;
                p->n_queued++;
        }
        pthread_mutex_unlock(&p->lock);
        /* Not under the lock, which the woken thread wants first. */
        if (r >= 0)
                sem_post(&p->wakes);
        return r;
}

size_t http_worker_queued(struct http_worker_pool *p) {
        size_t n;

        pthread_mutex_lock(&p->lock);
        n = p->n_queued;
        pthread_mutex_unlock(&p->lock);
        return n;
}
