#include "daemons/bucketd/chaos_answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/net/loop.h"

/* At most so much at once, so that a slow stream is smooth. */
#define TICK_FOR (5 * USEC_PER_MSEC)

struct sender {
        struct loop_task task;
        struct chaos_answer a;
        struct http_request_waker *waker;
        struct loop_source *timer;
        uint64_t n_sent;
        usec_t began_at;
        struct sender *next, **prev; /* while it is late */
};

static void sender_free(struct sender *s) {
        loop_source_free(s->timer);
        http_request_waker_unref(s->waker);
        buf_done(&s->a.body);
        fileio_close(s->a.fd);
        mem_free(s);
}

/* --- a spoiled body --------------------------------------------------------------------------- */

static int on_wake(struct loop_source *timer, usec_t now, void *ctx) {
        struct sender *s = ctx;

        http_request_waker_wake(s->waker);
        return 0;
}

static int wake_in(struct sender *s, usec_t in_for) {
        if (s->timer)
                return loop_source_arm_in(s->timer, in_for);
        return loop_timer_in(s->a.loop, in_for, USEC_PER_MSEC / 2, on_wake, s, &s->timer);
}

/* How many bytes may go now; 0: later, a timer will say. */
static size_t allowance(struct sender *s, size_t size) {
        uint64_t rate = (uint64_t) s->a.plan.bytes_per_s, may;
        usec_t now = loop_now(s->a.loop, CLOCK_BOOTTIME);

        if (rate == 0)
                return size;
        if (s->began_at == 0)
                s->began_at = now - MIN(TICK_FOR, now);
        may = (now - s->began_at) * rate / USEC_PER_SEC;
        if (may > s->n_sent)
                return MIN(size, may - s->n_sent);
        (void) wake_in(s, TICK_FOR);
        return 0;
}

static ssize_t read_plain(struct sender *s, char *data, size_t size) {
        const struct chaos_answer *a = &s->a;
        size_t n = MIN((uint64_t) size, a->size - s->n_sent);
        ssize_t got;

        if (a->kind == CHAOS_STREAM)
                return a->stream.pull(a->stream.ctx, data, size);
        if (n == 0)
                return HTTP_STREAM_END;
        if (a->kind == CHAOS_BUF) {
                memcpy(data, a->body.data + s->n_sent, n);
                return (ssize_t) n;
        }
        got = pread(a->fd, data, n, (off_t) (a->offset + s->n_sent));
        return got > 0 ? got : -EIO;
}

static ssize_t pull(void *ctx, char *data, size_t size) {
        struct sender *s = ctx;
        const struct chaos_plan *p = &s->a.plan;
        ssize_t n;

        if (p->stall_after > 0) {
                if (s->n_sent >= (uint64_t) p->stall_after)
                        return 0;
                size = MIN(size, (uint64_t) p->stall_after - s->n_sent);
        }
        if (p->cut_after > 0) {
                if (s->n_sent >= (uint64_t) p->cut_after)
                        return -ECONNRESET;
                size = MIN(size, (uint64_t) p->cut_after - s->n_sent);
        }
        size = allowance(s, size);
        if (size == 0)
                return 0;
        n = read_plain(s, data, size);
        if (n <= 0 || n == HTTP_STREAM_END)
                return n;
        if (p->corrupt_at > 0 && (uint64_t) p->corrupt_at > s->n_sent &&
            (uint64_t) p->corrupt_at <= s->n_sent + (uint64_t) n)
                data[(uint64_t) p->corrupt_at - s->n_sent - 1] ^= 0x55;
        s->n_sent += (uint64_t) n;
        return n;
}

static void gone(void *ctx) {
        struct sender *s = ctx;

        if (s->a.kind == CHAOS_STREAM)
                s->a.stream.gone(s->a.stream.ctx);
        sender_free(s);
}

/* --- the moment of answering ------------------------------------------------------------------ */

static bool is_spoiled(const struct chaos_plan *p) {
        return p->bytes_per_s > 0 || p->cut_after > 0 || p->corrupt_at > 0 || p->stall_after > 0;
}

static int send_status(struct sender *s) {
        struct http_request *req = s->a.req;
        char seconds[24];

        if (s->a.plan.retry_after_s > 0) {
                (void) snprintf(seconds, sizeof(seconds), "%lld",
                                (long long) s->a.plan.retry_after_s);
                (void) http_request_set_header(req, "Retry-After", seconds);
        }
        return http_request_reply_error(req, (int) s->a.plan.after_status,
                                        "A fault that was asked for.");
}

static int send_stream(struct sender *s) {
        struct http_request_stream o = {
                .pull = pull, .gone = gone, .ctx = s, .size = (int64_t) s->a.size, .no_gzip = true};
        struct http_request_waker *waker = NULL;
        int r = http_request_reply_stream(s->a.req, s->a.status, s->a.type, &o, &waker);

        /* On failure gone() has freed the sender. */
        if (r >= 0)
                s->waker = waker;
        return r;
}

static int send_plain(struct sender *s) {
        struct chaos_answer *a = &s->a;

        switch (a->kind) {
        case CHAOS_BUF:
                return http_request_reply_buf(a->req, a->status, a->type, &a->body);
        case CHAOS_HEAD:
                return http_request_reply_file_head(a->req, a->status, a->type, a->size);
        case CHAOS_FILE:
                return http_request_reply_file_part(a->req, a->status, a->type, TAKE_FD(a->fd),
                                                    a->offset, a->size);
        case CHAOS_STREAM:
                break;
        }
        return http_request_reply_stream(a->req, a->status, a->type, &a->stream, NULL);
}

static void answer_now(struct sender *s) {
        struct http_request *req = s->a.req;
        const struct chaos_plan *p = &s->a.plan;
        bool is_whole = p->cut > 0 || p->after_status > 0;
        int r = 0;

        if (is_whole && s->a.kind == CHAOS_STREAM)
                s->a.stream.gone(s->a.stream.ctx);
        if (p->cut > 0)
                http_request_reply_cut(req);
        else if (p->after_status > 0)
                r = send_status(s);
        else if (is_spoiled(p) && s->a.kind != CHAOS_HEAD && s->a.size > 0) {
                r = send_stream(s);
                s = NULL;
        } else {
                r = send_plain(s);
        }
        if (r < 0)
                http_request_reply_cut(req);
        if (s)
                sender_free(s);
}

static int on_late(struct loop_source *timer, usec_t now, void *ctx) {
        struct sender *s = ctx;

        *s->prev = s->next;
        if (s->next)
                s->next->prev = s->prev;
        s->timer = loop_source_free(s->timer);
        answer_now(s);
        return 0;
}

void chaos_answer_flush(struct chaos_late *l) {
        l->is_over = true;
        while (l->first)
                (void) on_late(NULL, 0, l->first);
}

/* On the loop's thread. */
static void on_task(struct loop_task *t) {
        struct sender *s = container_of(t, struct sender, task);
        usec_t late_for = (usec_t) s->a.plan.latency_ms * USEC_PER_MSEC;
        struct chaos_late *l = s->a.late;

        if (late_for == 0 || l->is_over ||
            loop_timer_in(s->a.loop, late_for, USEC_PER_MSEC / 2, on_late, s, &s->timer) < 0) {
                answer_now(s);
                return;
        }
        s->next = l->first;
        s->prev = &l->first;
        if (s->next)
                s->next->prev = &s->next;
        l->first = s;
}

int chaos_answer(const struct chaos_answer *a) {
        struct sender *s = mem_new(struct sender);

        if (!s) {
                struct buf body = a->body;

                buf_done(&body);
                fileio_close(a->fd);
                if (a->kind == CHAOS_STREAM)
                        a->stream.gone(a->stream.ctx);
                return -ENOMEM;
        }
        s->a = *a;
        if (a->kind == CHAOS_BUF)
                s->a.size = a->body.len;
        s->task.run = on_task;
        loop_post_task(a->loop, &s->task);
        return HTTP_LATER;
}

/* --- the request's body ----------------------------------------------------------------------- */

static int on_resume(struct loop_source *timer, usec_t now, void *ctx) {
        struct chaos_gate *g = ctx;

        g->timer = loop_source_free(g->timer);
        http_request_body_resume(g->req);
        return 0;
}

void chaos_answer_gate_done(struct chaos_gate *g) {
        g->timer = loop_source_free(g->timer);
}

int chaos_answer_gate(struct chaos_gate *g, struct http_request *req, struct loop *loop,
                      const struct chaos_plan *plan, size_t size) {
        uint64_t rate = (uint64_t) plan->bytes_per_s;
        usec_t now = loop_now(loop, CLOCK_BOOTTIME);

        g->req = req;
        if (plan->cut_request_after > 0 && g->n_came + size > (uint64_t) plan->cut_request_after) {
                http_request_reply_cut(req);
                return -ECONNRESET;
        }
        if (plan->stall_request_after > 0 &&
            g->n_came + size > (uint64_t) plan->stall_request_after)
                return HTTP_PAUSE;
        if (g->began_at == 0)
                g->began_at = now;
        if (rate > 0 && g->n_came > (now - g->began_at) * rate / USEC_PER_SEC &&
            loop_timer_in(loop, TICK_FOR, USEC_PER_MSEC / 2, on_resume, g, &g->timer) >= 0)
                return HTTP_PAUSE;
        g->n_came += size;
        return 0;
}
