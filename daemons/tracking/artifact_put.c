#include "daemons/tracking/artifact_put.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "daemons/tracking/artifact_flow.h"
#include "lib/base/mem.h"
#include "lib/net/http_request.h"
#include "lib/store/store.h"

enum { SLOTS = 2 };

struct artifact_put {
        struct store *store;
        struct store_put *put; /* the thread's while there is one, else the caller's */
        struct http_request *req;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        /* under lock */
        char *slots[SLOTS];
        size_t sizes[SLOTS];
        unsigned n_full;        /* handed to the thread */
        unsigned reading, fill; /* the oldest full one, the one being filled */
        bool has_thread;        /* it is there and has not ended */
        bool is_ended;          /* nothing more comes: the thread shall go */
        bool is_aborted;        /* and drop what is there */
        bool is_paused;         /* the client waits */
        int error;              /* why it cannot be stored */
};

static void put_free(struct artifact_put *p) {
        for (size_t i = 0; i < SLOTS; i++)
                mem_free(p->slots[i]);
        pthread_cond_destroy(&p->changed);
        pthread_mutex_destroy(&p->lock);
        mem_free(p);
}

int artifact_put_begin(struct http_request *req, struct store *store, const char *name,
                       struct errmsg *em, struct artifact_put **ret) {
        struct artifact_put *p = mem_new(struct artifact_put);
        int r;

        if (!p)
                return -ENOMEM;
        p->store = store;
        p->req = req;
        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->changed, NULL);
        p->slots[0] = mem_alloc(ARTIFACT_FLOW_BLOCK);
        r = p->slots[0] ? store_put_begin(store, name, em, &p->put) : -ENOMEM;
        if (r < 0) {
                put_free(p);
                return r;
        }
        *ret = p;
        return 0;
}

/* --- the thread ----------------------------------------------------------------------------------
 */

/* Wakes the client. Under the lock: the request is there as long as nobody has aborted. */
static void resume(struct artifact_put *p) {
        if (p->is_paused && !p->is_aborted) {
                p->is_paused = false;
                http_request_body_resume(p->req);
        }
}

static void write_slot(struct artifact_put *p) {
        unsigned i = p->reading;
        int r = p->error;

        if (r == 0) {
                pthread_mutex_unlock(&p->lock);
                r = store_put_write(p->store, p->put, p->slots[i], p->sizes[i]);
                pthread_mutex_lock(&p->lock);
        }
        p->error = r;
        p->sizes[i] = 0;
        p->reading = (i + 1) % SLOTS;
        p->n_full--;
        resume(p);
}

static void thread_main(void *arg) {
        struct artifact_put *p = arg;
        bool is_aborted;

        pthread_mutex_lock(&p->lock);
        while (!p->is_aborted && !(p->is_ended && p->n_full == 0))
                if (p->n_full > 0)
                        write_slot(p);
                else
                        pthread_cond_wait(&p->changed, &p->lock);
        is_aborted = p->is_aborted;
        p->has_thread = false;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
        if (!is_aborted) /* whoever ended it goes on from here */
                return;
        store_put_abort(p->store, p->put);
        put_free(p);
}

/* --- the caller ----------------------------------------------------------------------------------
 */

/* The filled slot goes to the thread. */
static int hand_over(struct artifact_put *p) {
        unsigned next = (p->fill + 1) % SLOTS;
        int r = 0;

        if (!p->slots[next] && !(p->slots[next] = mem_alloc(ARTIFACT_FLOW_BLOCK)))
                return -ENOMEM;
        if (!p->has_thread) {
                p->has_thread = true;
                r = artifact_flow_start(thread_main, p);
                p->has_thread = r >= 0;
        }
        if (r < 0)
                return r;
        p->n_full++;
        p->fill = next; /* when it is full itself, it is the one that gets free first */
        return 0;
}

static int add(struct artifact_put *p, const void *data, size_t size) {
        int r;

        if (p->error < 0)
                return p->error;
        if (p->n_full < SLOTS && p->sizes[p->fill] + size > ARTIFACT_FLOW_BLOCK) {
                r = hand_over(p);
                if (r < 0)
                        return r;
        }
        if (p->n_full == SLOTS) {
                p->is_paused = true;
                return HTTP_PAUSE;
        }
        memcpy(p->slots[p->fill] + p->sizes[p->fill], data, size);
        p->sizes[p->fill] += size;
        return 0;
}

int artifact_put_chunk(struct artifact_put *p, const void *data, size_t size) {
        unsigned n_full;
        bool has_more;
        int r;

        assert(size <= ARTIFACT_FLOW_BLOCK);
        pthread_mutex_lock(&p->lock);
        n_full = p->n_full;
        r = add(p, data, size);
        has_more = p->n_full > n_full;
        pthread_mutex_unlock(&p->lock);
        if (has_more) /* now that the lock is free: who wakes up does not wait for it at once */
                pthread_cond_broadcast(&p->changed);
        return r;
}

int artifact_put_commit(struct artifact_put *p, struct errmsg *em) {
        int r;

        pthread_mutex_lock(&p->lock);
        p->is_ended = true;
        pthread_cond_broadcast(&p->changed);
        while (p->has_thread)
                pthread_cond_wait(&p->changed, &p->lock);
        r = p->error;
        pthread_mutex_unlock(&p->lock);
        if (r == 0)
                r = store_put_write(p->store, p->put, p->slots[p->fill], p->sizes[p->fill]);
        if (r < 0) {
                store_put_abort(p->store, p->put);
                (void) errmsg_errno(em, r, "cannot write the object");
        } else {
                r = store_put_commit(p->store, p->put, NULL, em);
        }
        put_free(p);
        return r;
}

void artifact_put_abort(struct artifact_put *p) {
        bool has_thread;

        if (!p)
                return;
        pthread_mutex_lock(&p->lock);
        p->is_aborted = true;
        has_thread = p->has_thread;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
        if (has_thread) /* which frees it */
                return;
        store_put_abort(p->store, p->put);
        put_free(p);
}
