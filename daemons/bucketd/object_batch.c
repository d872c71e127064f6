/* object_batch: see object_batch.h. */
#include "daemons/bucketd/object_batch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "daemons/bucketd/batch_parse.h"
#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/gcs_error.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_call.h"

#define OBJECT_BATCH_BORDER "batch_onebox_bucketd"
#define OBJECT_BATCH_ANSWER_MAX ((size_t) 16 << 20) /* of one call */

struct object_batch {
        pthread_mutex_t lock;
        pthread_cond_t more;
        pthread_t thread;
        atomic_bool stops;
        char *address;
        struct http_request *queue[OBJECT_BATCH_QUEUE];
        size_t n;
};

/* --- one call -------------------------------------------------------------------------------- */

/* What a batch may hold: metadata, no content. */
static bool object_batch_takes(const struct batch_part *p) {
        return str_starts(p->target, "/storage/v1/") && !strstr(p->target, "alt=media");
}

static int object_batch_call(struct object_batch *b, const struct batch_part *p, const char *token,
                             struct http_call_answer *ret) {
        const struct http_call c = {
                .address = b->address,
                .method = p->method,
                .target = p->target,
                .content_type = p->content_type,
                .token = p->token ?: token,
                .headers = p->headers,
                .body = p->body_size > 0 ? p->body : NULL,
                .body_size = p->body_size,
                .max_body = OBJECT_BATCH_ANSWER_MAX,
        };
        struct errmsg em;

        return http_call(&c, ret, &em);
}

static void object_batch_part_start(struct buf *out, const struct batch_part *p) {
        buf_printf(out, "--%s\r\nContent-Type: application/http\r\n", OBJECT_BATCH_BORDER);
        if (p->id)
                buf_printf(out, "Content-ID: <response-%s>\r\n", p->id);
        buf_printf(out, "\r\n");
}

static void object_batch_answer(struct buf *out, int status, const char *type, const char *body,
                                size_t size) {
        buf_printf(out, "HTTP/1.1 %d %s\r\n", status, status < 300 ? "OK" : "Refused");
        if (!str_empty(type))
                buf_printf(out, "Content-Type: %s\r\n", type);
        buf_printf(out, "Content-Length: %zu\r\n\r\n", size);
        (void) buf_add(out, body, size);
        buf_printf(out, "\r\n");
}

static void object_batch_one(struct object_batch *b, const struct batch_part *p, const char *token,
                             struct buf *out) {
        static const char none[] = "{\"error\":{\"code\":400,\"message\":\"A batch holds calls "
                                   "to /storage/v1/ without content.\"}}";
        static const char broken[] =
                "{\"error\":{\"code\":503,\"message\":\"The call was not answered.\"}}";
        struct http_call_answer a = {};

        object_batch_part_start(out, p);
        if (!object_batch_takes(p))
                object_batch_answer(out, 400, "application/json", none, sizeof(none) - 1);
        else if (object_batch_call(b, p, token, &a) < 0)
                object_batch_answer(out, 503, "application/json", broken, sizeof(broken) - 1);
        else
                object_batch_answer(out, a.status, a.content_type, a.body.data ?: "", a.body.len);
        http_call_answer_done(&a);
}

/* --- one batch ------------------------------------------------------------------------------- */

static void object_batch_reply(struct http_request *req, int r) {
        if (r < 0)
                http_request_reply_cut(req);
}

static void object_batch_run(struct object_batch *b, struct http_request *req) {
        const char *token = http_request_header(req, "Authorization");
        struct batch_part *parts;
        struct buf out = {};
        size_t n;
        int r = batch_parse(req->arena, http_request_header(req, "Content-Type"), req->body,
                            req->body_size, &parts, &n);

        if (r == -EINVAL) {
                object_batch_reply(req, http_request_reply_error(
                                                req, 400,
                                                "The body is no batch of at most %d calls: "
                                                "multipart/mixed with parts application/http.",
                                                BATCH_PARSE_MAX));
                return;
        }
        token = token ? str_after(token, "Bearer ") : NULL;
        for (size_t i = 0; r >= 0 && i < n && !b->stops; i++)
                object_batch_one(b, &parts[i], token, &out);
        buf_printf(&out, "--%s--\r\n", OBJECT_BATCH_BORDER);
        if (r >= 0)
                r = buf_error(&out);
        if (r >= 0)
                r = bucket_call_reply(req, 200, "multipart/mixed; boundary=" OBJECT_BATCH_BORDER,
                                      &out);
        buf_done(&out);
        object_batch_reply(req, r);
}

static void *object_batch_main(void *ctx) {
        struct object_batch *b = ctx;

        pthread_mutex_lock(&b->lock);
        while (!b->stops) {
                struct http_request *req;

                if (b->n == 0) {
                        pthread_cond_wait(&b->more, &b->lock);
                        continue;
                }
                req = b->queue[0];
                memmove(b->queue, b->queue + 1, --b->n * sizeof(*b->queue));
                pthread_mutex_unlock(&b->lock);
                object_batch_run(b, req);
                pthread_mutex_lock(&b->lock);
        }
        pthread_mutex_unlock(&b->lock);
        return NULL;
}

int object_batch_post(struct http_request *req) {
        struct object_batch *b = bucket_call_daemon(req)->batch;
        bool is_full;

        pthread_mutex_lock(&b->lock);
        is_full = b->n == OBJECT_BATCH_QUEUE || b->stops || !b->address;
        if (!is_full) {
                b->queue[b->n++] = req;
                pthread_cond_signal(&b->more);
        }
        pthread_mutex_unlock(&b->lock);
        return is_full ? http_request_reply_error(req, 503, "Too many batches wait: try again.")
                       : HTTP_LATER;
}

int object_batch_at(struct object_batch *b, const char *address) {
        char *copy;

        if (b->address && (str_starts(b->address, "unix:") || !str_starts(address, "unix:")))
                return 0;
        copy = mem_strdup(address);
        if (!copy)
                return -ENOMEM;
        pthread_mutex_lock(&b->lock);
        mem_free(b->address);
        b->address = copy;
        pthread_mutex_unlock(&b->lock);
        return 0;
}

int object_batch_new(struct object_batch **ret) {
        struct object_batch *b = mem_new(struct object_batch);

        if (!b)
                return -ENOMEM;
        pthread_mutex_init(&b->lock, NULL);
        pthread_cond_init(&b->more, NULL);
        if (pthread_create(&b->thread, NULL, object_batch_main, b) != 0) {
                mem_free(b);
                return -EAGAIN;
        }
        *ret = b;
        return 0;
}

struct object_batch *object_batch_free(struct object_batch *b) {
        if (!b)
                return NULL;
        pthread_mutex_lock(&b->lock);
        b->stops = true;
        pthread_cond_signal(&b->more);
        pthread_mutex_unlock(&b->lock);
        pthread_join(b->thread, NULL);
        for (size_t i = 0; i < b->n; i++)
                http_request_reply_cut(b->queue[i]);
        pthread_mutex_destroy(&b->lock);
        pthread_cond_destroy(&b->more);
        mem_free(b->address);
        return mem_free(b);
}
