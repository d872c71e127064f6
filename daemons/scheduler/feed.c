#include "daemons/scheduler/feed.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/scheduler/scheduler.h"
#include "lib/base/buf.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/net/http_request.h"

enum { CHUNK_SIZE = 16 * 1024 };

/* Texts of items that came one after the other. Each by itself, hundreds of them would hold as many
 * pages of what a burst of work used. */
struct feed_chunk {
        size_t n_refs; /* items, and the feed while it fills it */
        size_t len, size;
        char text[];
};

struct feed_item {
        uint64_t seq;             /* 0: empty */
        struct feed_chunk *chunk; /* of the texts */
        const char *dag_id;
        const char *text; /* the event's JSON */
};

struct feed_listener {
        LIST_ENTRY(feed_listener) in_feed;
        struct feed *feed;
        struct http_request_waker *waker;
        char *dag_id; /* of this DAG only, or NULL */
        uint64_t next;
        struct buf out; /* of the item that is being sent */
        size_t n_sent;
};

struct feed {
        struct feed_item items[FEED_KEEP];
        uint64_t seq; /* of the last published */
        struct feed_item *batch;
        size_t n_batch, n_allocated;
        struct feed_chunk *chunk; /* to be filled */
        LIST_HEAD(, feed_listener) listeners;
};

static void chunk_unref(struct feed_chunk *c) {
        if (c && --c->n_refs == 0)
                mem_free(c);
}

static void item_done(struct feed_item *i) {
        chunk_unref(i->chunk);
        *i = (struct feed_item){};
}

static int need_room(struct feed *f, size_t size) {
        struct feed_chunk *c = f->chunk;

        if (c && c->size - c->len >= size)
                return 0;
        size = MAX(size, (size_t) CHUNK_SIZE);
        c = mem_alloc(sizeof(*c) + size);
        if (!c)
                return -ENOMEM;
        *c = (struct feed_chunk){.n_refs = 1, .size = size};
        chunk_unref(f->chunk);
        f->chunk = c;
        return 0;
}

static const char *put(struct feed_chunk *c, const char *text, size_t len) {
        char *at = c->text + c->len;

        assert(c->size - c->len > len);
        memcpy(at, text, len);
        at[len] = 0;
        c->len += len + 1;
        return at;
}

static int add(struct feed *f, const char *dag_id, const struct buf *text) {
        size_t n_id = strlen(dag_id);
        struct feed_item *i;
        int r = mem_grow((void **) &f->batch, &f->n_allocated, f->n_batch + 1, sizeof(*f->batch));

        if (r >= 0)
                r = need_room(f, n_id + 1 + text->len + 1);
        if (r < 0)
                return r;
        i = &f->batch[f->n_batch++];
        f->chunk->n_refs++;
        *i = (struct feed_item){.chunk = f->chunk,
                                .dag_id = put(f->chunk, dag_id, n_id),
                                .text = put(f->chunk, buf_cstr(text), text->len)};
        return 0;
}

static void begin(struct json_write *w, struct buf *b, const char *type, const char *dag_id,
                  usec_t at) {
        char stamp[TIMESTAMP_SIZE];

        json_write_init(w, b, 0);
        json_write_object(w);
        json_write_kv_str(w, "type", type);
        json_write_kv_str(w, "at", timestamp_print(at, TIMESTAMP_AUTO, stamp));
        json_write_kv_str(w, "dag_id", dag_id);
}

static int finish(struct feed *f, struct json_write *w, struct buf *b, const char *dag_id) {
        int r;

        json_write_end(w);
        r = json_write_finish(w);
        return r < 0 ? r : add(f, dag_id, b);
}

int feed_add_task(struct scheduler *s, const struct world_task *t, usec_t at) {
        _cleanup_buf_ struct buf b = {};
        const char *dag_id = t->run->spec->id;
        struct json_write w;

        begin(&w, &b, "task", dag_id, at);
        json_write_kv_str(&w, "dag_run_id", t->run->id);
        json_write_kv_str(&w, "task_id", t->spec->id);
        json_write_kv_i64(&w, "map_index", t->map_index);
        json_write_kv_str(&w, "state", task_state_rest_name(t->state));
        json_write_kv_str(&w, "state_detail", task_state_name(t->state));
        json_write_kv_u64(&w, "try_number", t->try_number);
        return finish(s->feed, &w, &b, dag_id);
}

int feed_add_run(struct scheduler *s, const struct world_run *run, usec_t at) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        begin(&w, &b, "dag_run", run->spec->id, at);
        json_write_kv_str(&w, "dag_run_id", run->id);
        json_write_kv_str(&w, "state", run_state_name(run->state));
        return finish(s->feed, &w, &b, run->spec->id);
}

int feed_add_dag(struct scheduler *s, const char *dag_id, bool is_paused, usec_t at) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        begin(&w, &b, "dag", dag_id, at);
        json_write_kv_bool(&w, "is_paused", is_paused);
        return finish(s->feed, &w, &b, dag_id);
}

void feed_publish(struct scheduler *s) {
        struct feed *f = s->feed;
        struct feed_listener *l;

        if (f->n_batch == 0)
                return;
        for (size_t i = 0; i < f->n_batch; i++) {
                struct feed_item *to = &f->items[++f->seq % FEED_KEEP];

                item_done(to);
                *to = f->batch[i];
                to->seq = f->seq;
        }
        f->n_batch = 0;
        if (f->n_allocated > FEED_KEEP) { /* a burst's */
                f->batch = mem_free(f->batch);
                f->n_allocated = 0;
        }
        LIST_FOREACH(l, &f->listeners, in_feed)
        http_request_waker_wake(l->waker);
}

unsigned feed_n_listeners(const struct scheduler *s) {
        const struct feed_listener *l;
        unsigned n = 0;

        LIST_FOREACH(l, &s->feed->listeners, in_feed)
        n++;
        return n;
}

void feed_clear(struct scheduler *s) {
        struct feed *f = s->feed;

        for (size_t i = 0; i < f->n_batch; i++)
                item_done(&f->batch[i]);
        f->n_batch = 0;
}

/* --- listeners ----------------------------------------------------------------------------------
 */

/* The next item for this listener into its buffer: 1, or 0 when it has heard all. */
static int fill(struct feed_listener *l) {
        struct feed *f = l->feed;

        buf_reset(&l->out);
        l->n_sent = 0;
        if (f->seq >= FEED_KEEP && l->next <= f->seq - FEED_KEEP) {
                l->next = f->seq - FEED_KEEP + 1;
                return buf_printf(&l->out, "event: gap\ndata: {}\n\n") < 0 ? -ENOMEM : 1;
        }
        for (; l->next <= f->seq; l->next++) {
                const struct feed_item *i = &f->items[l->next % FEED_KEEP];

                if (l->dag_id && !str_eq(l->dag_id, i->dag_id))
                        continue;
                l->next++;
                return buf_printf(&l->out, "id: %" PRIu64 "\ndata: %s\n\n", i->seq, i->text) < 0
                               ? -ENOMEM
                               : 1;
        }
        return 0;
}

static ssize_t pull(void *ctx, char *data, size_t size) {
        struct feed_listener *l = ctx;
        size_t n;
        int r;

        if (l->n_sent == l->out.len) {
                r = fill(l);
                if (r <= 0)
                        return r;
        }
        n = MIN(size, l->out.len - l->n_sent);
        memcpy(data, l->out.data + l->n_sent, n);
        l->n_sent += n;
        return (ssize_t) n;
}

static void gone(void *ctx) {
        struct feed_listener *l = ctx;

        LIST_REMOVE(l, in_feed);
        if (l->waker)
                http_request_waker_unref(l->waker);
        buf_done(&l->out);
        mem_free(l->dag_id);
        mem_free(l);
}

/* Where to begin: after the number the client names, else with what comes. */
static uint64_t first_number(const struct feed *f, const struct http_request *req) {
        const char *last = http_request_header(req, "Last-Event-ID");
        uint64_t after;

        if (!last)
                last = http_request_query(req, "after");
        if (!last || str_to_u64(last, &after) < 0 || after > f->seq)
                return f->seq + 1;
        return after + 1;
}

int feed_listen(struct scheduler *s, struct http_request *req) {
        const char *dag_id = http_request_query(req, "dag_id");
        struct feed_listener *l = mem_new(struct feed_listener);
        int r;

        if (!l)
                return -ENOMEM;
        l->feed = s->feed;
        l->next = first_number(s->feed, req);
        if (dag_id && !(l->dag_id = mem_strdup(dag_id))) {
                mem_free(l);
                return -ENOMEM;
        }
        /* who listens sees at once that the stream stands */
        buf_printf(&l->out, "id: %" PRIu64 "\nevent: hello\ndata: {}\n\n", l->next - 1);
        LIST_INSERT_HEAD(&s->feed->listeners, l, in_feed);
        http_request_set_header(req, "Cache-Control", "no-cache");
        r = http_request_reply_stream(req, 200, "text/event-stream",
                                      &(struct http_request_stream){.pull = pull,
                                                                    .gone = gone,
                                                                    .ctx = l,
                                                                    .heartbeat = ": \n\n",
                                                                    .size = -1,
                                                                    .no_gzip = true},
                                      &l->waker);
        return MIN(r, 0);
}

int feed_new(struct scheduler *s, struct feed **ret) {
        struct feed *f = mem_new(struct feed);

        if (!f)
                return -ENOMEM;
        *ret = f;
        return 0;
}

struct feed *feed_free(struct feed *f) {
        if (!f)
                return NULL;
        for (size_t i = 0; i < FEED_KEEP; i++)
                item_done(&f->items[i]);
        for (size_t i = 0; i < f->n_batch; i++)
                item_done(&f->batch[i]);
        chunk_unref(f->chunk);
        mem_free(f->batch);
        mem_free(f);
        return NULL;
}
