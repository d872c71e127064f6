#include "fuse-gcs/fetch_pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "lib/base/mem.h"

#define FETCH_POOL_STACK ((size_t) 256 << 10)

/* A thread waits for `work`, which is posted once for each task and, at the end, for each thread:
 * who comes through with nothing queued is to go. */
struct fetch_pool {
        pthread_mutex_t lock;
        pthread_cond_t gone;
        sem_t work;
        struct fetch_pool_task *first, **last;
        unsigned n_max, n, n_busy, n_queued;
        bool is_over;
};

static struct fetch_pool_task *fetch_pool_next(struct fetch_pool *p) {
        struct fetch_pool_task *t = p->first;

        if (t) {
                p->first = t->next;
                if (!p->first)
                        p->last = &p->first;
                p->n_queued--;
        }
        return t;
}

/* False: nothing came for so long. */
static bool fetch_pool_wait(struct fetch_pool *p) {
        struct timespec until;
        int r;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += (time_t) (FETCH_POOL_IDLE_FOR / USEC_PER_SEC);
        do
                r = sem_clockwait(&p->work, CLOCK_MONOTONIC, &until);
        while (r < 0 && errno == EINTR);
        return r == 0;
}

static void *fetch_pool_main(void *ctx) {
        struct fetch_pool *p = ctx;

        for (;;) {
                bool came = fetch_pool_wait(p);
                struct fetch_pool_task *t;

                pthread_mutex_lock(&p->lock);
                t = came ? fetch_pool_next(p) : NULL;
                /* One stays; and whoever was just put work for, its post is on the way. */
                if (!t &&
                    (p->is_over || (!came && p->n > 1 && p->n - 1 >= p->n_busy + p->n_queued)))
                        break;
                p->n_busy += t != NULL;
                pthread_mutex_unlock(&p->lock);
                if (!t)
                        continue;
                t->run(t);
                pthread_mutex_lock(&p->lock);
                p->n_busy--;
                pthread_mutex_unlock(&p->lock);
        }
        p->n--;
        pthread_cond_broadcast(&p->gone);
        pthread_mutex_unlock(&p->lock);
        return NULL;
}

/* Under the lock. */
static int fetch_pool_add(struct fetch_pool *p) {
        pthread_attr_t attr;
        pthread_t thread;
        int r;

        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attr, FETCH_POOL_STACK);
        r = -pthread_create(&thread, &attr, fetch_pool_main, p);
        pthread_attr_destroy(&attr);
        if (r >= 0)
                p->n++;
        return r;
}

int fetch_pool_put(struct fetch_pool *p, struct fetch_pool_task *t) {
        int r = 0;

        t->next = NULL;
        pthread_mutex_lock(&p->lock);
        if (p->n_busy + p->n_queued >= p->n && p->n < p->n_max)
                r = fetch_pool_add(p);
        /* Fewer threads take longer; none never come to it. */
        if (p->n > 0) {
                r = 0;
                *p->last = t;
                p->last = &t->next;
                p->n_queued++;
        }
        pthread_mutex_unlock(&p->lock);
        if (r >= 0)
                sem_post(&p->work);
        return r;
}

unsigned fetch_pool_n_threads(struct fetch_pool *p) {
        unsigned n;

        pthread_mutex_lock(&p->lock);
        n = p->n;
        pthread_mutex_unlock(&p->lock);
        return n;
}

int fetch_pool_new(unsigned n_max, struct fetch_pool **ret) {
        struct fetch_pool *p = mem_new(struct fetch_pool);

        if (!p)
                return -ENOMEM;
        p->n_max = MAX(n_max, 1u);
        p->last = &p->first;
        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->gone, NULL);
        sem_init(&p->work, 0, 0);
        *ret = p;
        return 0;
}

struct fetch_pool *fetch_pool_free(struct fetch_pool *p) {
        unsigned n;

        if (!p)
                return NULL;
        pthread_mutex_lock(&p->lock);
        p->is_over = true;
        n = p->n;
        pthread_mutex_unlock(&p->lock);
        while (n-- > 0)
                sem_post(&p->work);
        pthread_mutex_lock(&p->lock);
        while (p->n > 0)
                pthread_cond_wait(&p->gone, &p->lock);
        pthread_mutex_unlock(&p->lock);
        sem_destroy(&p->work);
        pthread_cond_destroy(&p->gone);
        pthread_mutex_destroy(&p->lock);
        return mem_free(p);
}
