#include "daemons/tracking/artifact_flow.h"

#include <errno.h>
#include <pthread.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"

static struct {
        pthread_mutex_t lock;
        pthread_cond_t fewer;
        unsigned n;
} flow = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

struct job {
        void (*run)(void *arg);
        void *arg;
};

static void leave(void) {
        pthread_mutex_lock(&flow.lock);
        flow.n--;
        pthread_cond_broadcast(&flow.fewer);
        pthread_mutex_unlock(&flow.lock);
}

static void *thread_main(void *arg) {
        struct job job = *(struct job *) arg;

        mem_free(arg);
        job.run(job.arg);
        leave();
        return NULL;
}

static int enter(void) {
        bool is_full;

        pthread_mutex_lock(&flow.lock);
        is_full = flow.n == ARTIFACT_FLOW_MAX;
        flow.n += !is_full;
        pthread_mutex_unlock(&flow.lock);
        return is_full ? -EBUSY : 0;
}

int artifact_flow_start(void (*run)(void *arg), void *arg) {
        struct job *job = mem_new(struct job);
        pthread_attr_t attr;
        pthread_t thread;
        int r = job ? enter() : -ENOMEM;

        if (r < 0) {
                mem_free(job);
                return r;
        }
        *job = (struct job){run, arg};
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        r = -pthread_create(&thread, &attr, thread_main, job);
        pthread_attr_destroy(&attr);
        if (r < 0) {
                leave();
                mem_free(job);
        }
        return r;
}

bool artifact_flow_wait(usec_t for_usec) {
        usec_t until_at = clock_now(clock_system()) + for_usec;
        struct timespec ts = {.tv_sec = (time_t) (until_at / USEC_PER_SEC),
                              .tv_nsec = (long) (until_at % USEC_PER_SEC) * NSEC_PER_USEC};
        bool is_empty;

        pthread_mutex_lock(&flow.lock);
        while (flow.n > 0 && pthread_cond_timedwait(&flow.fewer, &flow.lock, &ts) == 0)
                ;
        is_empty = flow.n == 0;
        pthread_mutex_unlock(&flow.lock);
        return is_empty;
}
