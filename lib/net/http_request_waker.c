/* Owns a pulled answer: the handler's stream, its compression, its heartbeat and its wakes.
 *
 * A stream with nothing to say suspends its connection; a wake posts one task that resumes it.
 * Since pulling, suspending and resuming happen on the loop's thread only, no wake is lost. */
#include "lib/net/http_request_waker.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/net/http_exchange.h"
#include "lib/net/http_gzip.h"

#define HTTP_REQUEST_WAKER_HEARTBEAT_FOR (15 * USEC_PER_SEC)
#define HTTP_REQUEST_WAKER_SCRATCH 16384

struct http_request_waker {
        atomic_uint n_refs;
        atomic_bool posted;
        struct loop *loop;
        struct loop_task task;
        /* the loop's thread */
        struct http_exchange *exchange; /* NULL when it is over */
        struct http_request_stream stream;
        usec_t sent_at; /* CLOCK_MONOTONIC */
        bool heartbeat_due;
        struct http_gzip *gzip; /* NULL = sent as pulled */
        struct buf packed;
        bool unflushed, ended;
};

int http_request_waker_new(struct http_request *req, const struct http_request_stream *s,
                           struct http_gzip *gzip, struct http_request_waker **ret) {
        struct http_request_waker *w = mem_new(struct http_request_waker);

        if (!w)
                return -ENOMEM;
        atomic_init(&w->n_refs, 1);
        w->exchange = http_exchange_of(req);
        w->loop = w->exchange->server->loop;
        w->stream = *s;
        w->gzip = gzip;
        w->sent_at = http_server_now();
        *ret = w;
        return 0;
}

struct http_request_waker *http_request_waker_ref(struct http_request_waker *w) {
        atomic_fetch_add(&w->n_refs, 1);
        return w;
}

struct http_request_waker *http_request_waker_unref(struct http_request_waker *w) {
        if (!w || atomic_fetch_sub(&w->n_refs, 1) > 1)
                return NULL;
        http_gzip_free(w->gzip);
        buf_done(&w->packed);
        return mem_free(w);
}

void http_request_waker_over(struct http_request_waker *w) {
        w->exchange = NULL;
        w->stream.gone(w->stream.ctx);
        http_request_waker_unref(w);
}

static void http_request_waker_on_task(struct loop_task *t) {
        struct http_request_waker *w = container_of(t, struct http_request_waker, task);

        atomic_store(&w->posted, false);
        if (w->exchange && w->exchange->state == HTTP_EXCHANGE_DONE && w->exchange->is_suspended)
                http_exchange_resume(w->exchange);
        http_request_waker_unref(w);
}

void http_request_waker_wake(struct http_request_waker *w) {
        if (atomic_exchange(&w->posted, true))
                return;
        http_request_waker_ref(w);
        w->task.run = http_request_waker_on_task;
        loop_post_task(w->loop, &w->task);
}

bool http_request_waker_sweep(struct http_request_waker *w, usec_t now) {
        /* Not queued yet: the answer itself is still on its way. */
        if (w->exchange->state != HTTP_EXCHANGE_DONE)
                return false;
        if (w->stream.heartbeat && now - w->sent_at >= HTTP_REQUEST_WAKER_HEARTBEAT_FOR)
                w->heartbeat_due = true;
        return w->heartbeat_due || atomic_load(&w->exchange->gone);
}

/* --- pulling --------------------------------------------------------------------------------- */

static ssize_t http_request_waker_take_packed(struct http_request_waker *w, char *data,
                                              size_t size) {
        size_t n = MIN(size, w->packed.len);

        memcpy(data, w->packed.data, n);
        buf_consume(&w->packed, n);
        return (ssize_t) n;
}

/* Pulls until the compressor has given something out, or all is flushed and nothing comes. */
static ssize_t http_request_waker_pull_packed(struct http_request_waker *w, char *data,
                                              size_t size) {
        char scratch[HTTP_REQUEST_WAKER_SCRATCH];
        int r;

        while (w->packed.len == 0) {
                ssize_t n = w->ended ? HTTP_STREAM_END
                                     : w->stream.pull(w->stream.ctx, scratch, sizeof scratch);
                bool end = n == HTTP_STREAM_END;

                if (n < 0 || (n == 0 && !w->unflushed) || (end && w->ended))
                        return n;
                r = http_gzip_feed(w->gzip, scratch, end ? 0 : (size_t) n, n == 0, end, &w->packed);
                if (r < 0)
                        return r;
                w->unflushed = n > 0 && !end;
                w->ended = end;
        }
        return http_request_waker_take_packed(w, data, size);
}

static ssize_t http_request_waker_pull(struct http_request_waker *w, char *data, size_t size) {
        ssize_t n = w->gzip ? http_request_waker_pull_packed(w, data, size)
                            : w->stream.pull(w->stream.ctx, data, size);

        /* A heartbeat fills a silence, it never splits what is being said. */
        if (n == 0 && w->heartbeat_due && !w->gzip && strlen(w->stream.heartbeat) <= size) {
                n = (ssize_t) strlen(w->stream.heartbeat);
                memcpy(data, w->stream.heartbeat, (size_t) n);
        }
        w->heartbeat_due = false;
        return n;
}

ssize_t http_request_waker_read(void *cls, uint64_t pos, char *data, size_t size) {
        struct http_request_waker *w = cls;
        struct http_exchange *x = w->exchange;
        ssize_t n;

        if (!x || x->is_abandoned || atomic_load(&x->gone))
                return MHD_CONTENT_READER_END_WITH_ERROR;
        n = http_request_waker_pull(w, data, size);
        if (n == HTTP_STREAM_END)
                return MHD_CONTENT_READER_END_OF_STREAM;
        if (n < 0)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        if (n == 0)
                http_exchange_suspend(x);
        else
                w->sent_at = http_server_now();
        return n;
}
