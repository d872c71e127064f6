#include "fuse-gcs/remote.h"

#include <errno.h>
#include <stdio.h>

#include "fuse-gcs/complaint.h"
#include "fuse-gcs/interrupt.h"
#include "fuse-gcs/mnt.h"
#include "lib/base/mem.h"

#define REMOTE_MUCH ((uint64_t) 256 << 10) /* bytes to be sent */

void remote_answer_done(struct remote_answer *a) {
        a->body = mem_free(a->body);
        a->location = mem_free(a->location);
}

static void remote_wait_on_done(void *ctx, const struct gcs_answer *from) {
        struct remote_wait *w = ctx;
        struct remote_answer a = {
                .error = from->error,
                .status = from->status,
                .unsure = from->unsure,
                .n_committed = from->n_committed,
                .n_read = from->n_read,
                .generation = from->generation,
                .ended_at = mnt_now(),
        };

        complaint_ended(&w->q, from);
        snprintf(a.text, sizeof(a.text), "%s", from->text ?: "");
        if (from->body && from->body_len > 0) {
                a.body = mem_memdup(from->body, from->body_len);
                a.body_len = from->body_len;
                if (!a.body && a.error >= 0)
                        a.error = -ENOMEM;
        }
        if (from->location && !(a.location = mem_strdup(from->location)) && a.error >= 0)
                a.error = -ENOMEM;
        /* The waiter may be gone as soon as the lock is. */
        pthread_mutex_lock(&w->lock);
        w->answer = a;
        w->is_done = true;
        pthread_cond_signal(&w->cond);
        pthread_mutex_unlock(&w->lock);
}

int remote_start(struct remote *r, struct gcs_request *q) {
        return r->ops->start(r, q);
}

int remote_read(struct remote *r, struct gcs_request *q, const struct gcs_direct_sink *sink) {
        return r->ops->read ? r->ops->read(r, q, sink) : 1;
}

static int remote_wait_start(struct remote *r, struct remote_wait *w,
                             int (*start)(struct remote *r, struct gcs_request *q)) {
        int x;

        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->cond, NULL);
        w->is_done = false;
        w->remote = r;
        w->q.done = remote_wait_on_done;
        w->q.ctx = w;
        x = start(r, &w->q);
        if (x < 0) {
                pthread_cond_destroy(&w->cond);
                pthread_mutex_destroy(&w->lock);
        }
        return x;
}

int remote_wait_begin(struct remote *r, struct remote_wait *w) {
        return remote_wait_start(r, w, r->ops->start);
}

bool remote_wait_is_done(struct remote_wait *w) {
        bool is;

        pthread_mutex_lock(&w->lock);
        is = w->is_done;
        pthread_mutex_unlock(&w->lock);
        return is;
}

static void remote_wait_wake(void *ctx) {
        struct remote_wait *w = ctx;

        pthread_mutex_lock(&w->lock);
        pthread_cond_signal(&w->cond);
        pthread_mutex_unlock(&w->lock);
}

/* Under the lock: until something happened, or might have. */
static void remote_wait_turn(struct remote_wait *w, const struct interrupt_wait *i) {
        if (interrupt_came(i) && w->remote->ops->give_up && interrupt_is_wanted()) {
                pthread_mutex_unlock(&w->lock);
                w->remote->ops->give_up(w->remote, &w->q);
                pthread_mutex_lock(&w->lock);
                if (w->is_done)
                        return;
        }
        interrupt_wait_on(i, &w->cond, &w->lock);
}

int remote_wait_end(struct remote_wait *w, struct remote_answer *ret) {
        struct interrupt_wait i = {.wake = remote_wait_wake, .ctx = w};

        if (!remote_wait_is_done(w)) {
                interrupt_wait_begin(&i);
                pthread_mutex_lock(&w->lock);
                while (!w->is_done)
                        remote_wait_turn(w, &i);
                pthread_mutex_unlock(&w->lock);
                interrupt_wait_end(&i);
        }
        pthread_cond_destroy(&w->cond);
        pthread_mutex_destroy(&w->lock);
        *ret = w->answer;
        return ret->error;
}

int remote_call(struct remote *r, const struct gcs_request *q, struct remote_answer *ret) {
        struct remote_wait w = {.q = *q};
        int x;

        *ret = (struct remote_answer){};
        x = remote_wait_start(r, &w, r->ops->call ?: r->ops->start);
        if (x < 0) {
                ret->error = x;
                return x;
        }
        return remote_wait_end(&w, ret);
}

/* One page; *token (of this one, NULL: the first) becomes the next one's, NULL: it was the last. */
static int remote_one_page(struct remote *r, struct gcs_request *q, char **token,
                           remote_page_fn *page, void *ctx) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct gcs_object_list l;
        struct errmsg em;
        struct arena a;
        int x;

        q->page_token = *token;
        x = remote_call(r, q, &answer);
        q->page_token = NULL;
        *token = mem_free(*token);
        if (x < 0)
                return x;
        arena_init(&a, 0);
        x = gcs_object_parse_list(&a, answer.body ?: "", answer.body_len, &l, &em);
        remote_answer_done(&answer); /* the list is a copy, and large */
        if (x >= 0)
                x = page(ctx, &l, q);
        if (x == 0 && l.next_page_token && !(*token = mem_strdup(l.next_page_token)))
                x = -ENOMEM;
        arena_done(&a);
        return x;
}

int remote_each_page(struct remote *r, struct gcs_request *q, remote_page_fn *page, void *ctx) {
        char *token = NULL;
        int x;

        do
                x = remote_one_page(r, q, &token, page, ctx);
        while (x == 0 && token);
        mem_free(token);
        return MIN(x, 0);
}

/* --- the real one ---------------------------------------------------------------------------- */

struct remote_gcs_sending {
        struct fetch_pool_task task;
        struct remote_gcs *gcs;
        struct gcs_request *q;
};

static int remote_gcs_call(struct remote *r, struct gcs_request *q) {
        struct remote_gcs *g = container_of(r, struct remote_gcs, remote);

        q->bucket = g->bucket;
        if (g->direct && gcs_direct_call(g->direct, q) == 0)
                return 0;
        return gcs_client_submit(g->client, q);
}

static void remote_gcs_run_task(struct fetch_pool_task *t) {
        struct remote_gcs_sending *s = container_of(t, struct remote_gcs_sending, task);
        struct remote_gcs *g = s->gcs;
        struct gcs_request *q = s->q;
        int r;

        mem_free(s);
        r = remote_gcs_call(&g->remote, q);
        if (r < 0) {
                const struct gcs_answer a = {
                        .error = r, .text = "the request cannot be made", .generation = GCS_ANY};

                q->done(q->ctx, &a);
        }
}

/* By a thread that has nothing else to do: what is little is not worth one. */
static int remote_gcs_send(struct remote_gcs *g, struct gcs_request *q) {
        struct remote_gcs_sending *s = mem_new(struct remote_gcs_sending);
        int r;

        if (!s)
                return -ENOMEM;
        *s = (struct remote_gcs_sending){{.run = remote_gcs_run_task}, g, q};
        r = fetch_pool_put(g->senders, &s->task);
        if (r < 0)
                mem_free(s);
        return r;
}

static int remote_gcs_start(struct remote *r, struct gcs_request *q) {
        struct remote_gcs *g = container_of(r, struct remote_gcs, remote);

        q->bucket = g->bucket;
        if (g->direct && g->senders && gcs_request_data_size(q) >= REMOTE_MUCH &&
            remote_gcs_send(g, q) >= 0)
                return 0;
        return gcs_client_submit(g->client, q);
}

static void remote_gcs_give_up(struct remote *r, struct gcs_request *q) {
        gcs_client_give_up(container_of(r, struct remote_gcs, remote)->client, q);
}

static int remote_gcs_read(struct remote *r, struct gcs_request *q,
                           const struct gcs_direct_sink *sink) {
        struct remote_gcs *g = container_of(r, struct remote_gcs, remote);

        q->bucket = g->bucket;
        return g->direct ? gcs_direct_read(g->direct, q, sink) : 1;
}

void remote_gcs_init(struct remote_gcs *r, struct gcs_client *c, struct gcs_direct *d,
                     struct fetch_pool *senders, const char *bucket) {
        static const struct remote_ops ops = {.start = remote_gcs_start,
                                              .call = remote_gcs_call,
                                              .give_up = remote_gcs_give_up,
                                              .read = remote_gcs_read};

        r->remote.ops = &ops;
        r->client = c;
        r->direct = d;
        r->senders = senders;
        r->bucket = bucket;
}
