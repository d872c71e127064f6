#include "daemons/tracking/artifact_stream.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "daemons/tracking/artifact_flow.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/store/store.h"

enum { SLOTS = 2 };

struct artifact_stream {
        struct store *store;
        struct store_get *get;
        struct http_request_waker *waker; /* set before the first pull */
        uint64_t at;                      /* where the thread reads next */
        uint64_t left;                    /* what it still has to read */
        pthread_mutex_t lock;
        pthread_cond_t changed;
        /* under lock */
        unsigned n_refs; /* the reply's and the thread's */
        char *slots[SLOTS];
        size_t sizes[SLOTS];
        unsigned n_full, reading, fill;
        size_t n_sent; /* of the slot that is being sent */
        bool is_started, is_over;
        int error;
};

static void stream_unref(struct artifact_stream *s) {
        bool is_last;

        pthread_mutex_lock(&s->lock);
        is_last = --s->n_refs == 0;
        pthread_mutex_unlock(&s->lock);
        if (!is_last)
                return;
        if (s->waker)
                http_request_waker_unref(s->waker);
        store_get_close(s->store, s->get);
        for (size_t i = 0; i < SLOTS; i++)
                mem_free(s->slots[i]);
        pthread_cond_destroy(&s->changed);
        pthread_mutex_destroy(&s->lock);
        mem_free(s);
}

/* --- reading -------------------------------------------------------------------------------------
 */

/* Fills a free slot. Under the lock, which is open while it reads. */
static void fill_slot(struct artifact_stream *s) {
        unsigned i = s->fill;
        size_t n = (size_t) MIN(s->left, (uint64_t) ARTIFACT_FLOW_BLOCK);
        ssize_t got = -ENOMEM;

        pthread_mutex_unlock(&s->lock);
        if (s->slots[i] || (s->slots[i] = mem_alloc(ARTIFACT_FLOW_BLOCK)))
                got = store_get_read(s->store, s->get, s->at, s->slots[i], n);
        pthread_mutex_lock(&s->lock);
        if (got <= 0) {
                s->error = got < 0 ? (int) got : -EIO;
                log_warning("reading an artifact for a download: %s", errmsg_strerror(s->error));
                return;
        }
        s->at += (uint64_t) got;
        s->left -= (uint64_t) got;
        s->sizes[i] = (size_t) got;
        s->fill = (i + 1) % SLOTS;
        s->n_full++;
}

static void thread_main(void *arg) {
        struct artifact_stream *s = arg;

        pthread_mutex_lock(&s->lock);
        while (!s->is_over && s->error == 0 && s->left > 0) {
                if (s->n_full == SLOTS) {
                        pthread_cond_wait(&s->changed, &s->lock);
                        continue;
                }
                fill_slot(s);
                http_request_waker_wake(s->waker);
        }
        pthread_mutex_unlock(&s->lock);
        stream_unref(s);
}

/* --- sending -------------------------------------------------------------------------------------
 */

static int start(struct artifact_stream *s) {
        int r;

        s->is_started = true;
        s->n_refs++;
        r = artifact_flow_start(thread_main, s);
        if (r < 0)
                s->n_refs--;
        return r;
}

static ssize_t send_some(struct artifact_stream *s, char *data, size_t size) {
        unsigned i = s->reading;
        size_t n = MIN(size, s->sizes[i] - s->n_sent);

        memcpy(data, s->slots[i] + s->n_sent, n);
        s->n_sent += n;
        if (s->n_sent == s->sizes[i]) {
                s->n_sent = 0;
                s->n_full--;
                s->reading = (i + 1) % SLOTS;
                pthread_cond_broadcast(&s->changed);
        }
        return (ssize_t) n;
}

static ssize_t on_pull(void *ctx, char *data, size_t size) {
        struct artifact_stream *s = ctx;
        ssize_t r = 0;

        pthread_mutex_lock(&s->lock);
        if (!s->is_started)
                r = start(s);
        if (r < 0)
                ;
        else if (s->n_full > 0)
                r = send_some(s, data, size);
        else if (s->error < 0)
                r = s->error;
        pthread_mutex_unlock(&s->lock);
        return r;
}

static void on_gone(void *ctx) {
        struct artifact_stream *s = ctx;

        pthread_mutex_lock(&s->lock);
        s->is_over = true;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
        stream_unref(s);
}

static int on_open(void *ctx, uint64_t first, uint64_t size, struct http_request_stream *ret) {
        struct artifact_stream *s = ctx;

        s->at = first;
        s->left = size;
        s->n_refs++; /* the reply's */
        *ret = (struct http_request_stream){.pull = on_pull, .gone = on_gone, .ctx = s};
        return 0;
}

int artifact_stream_reply(struct http_request *req, struct store *store, struct store_get *get,
                          struct http_request_file *file) {
        struct artifact_stream *s = mem_new(struct artifact_stream);
        int r;

        if (!s) {
                store_get_close(store, get);
                return -ENOMEM;
        }
        s->store = store;
        s->get = get;
        s->n_refs = 1; /* ours: whether the reply takes one is not sure */
        pthread_mutex_init(&s->lock, NULL);
        pthread_cond_init(&s->changed, NULL);
        file->fd = -1;
        file->open = on_open;
        file->open_ctx = s;
        file->ret_waker = &s->waker;
        r = http_request_reply_file(req, file);
        stream_unref(s);
        return r;
}
