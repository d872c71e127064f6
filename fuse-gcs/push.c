#include "fuse-gcs/push.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/base/crc32c.h"
#include "lib/base/mem.h"

struct push {
        struct mnt *m;
        char *url;
        uint64_t n_sent; /* bytes handed over, the piece under way included */
        uint32_t crc32c; /* of them */
        struct remote_wait wait;
        bool is_under_way;
        bool is_ended; /* the service has it, or will not hear of it */
        char *piece;
        size_t n_piece;
        struct iovec iov;
};

int push_begin(struct mnt *m, const struct push_target *t, struct push **ret) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct gcs_request q;
        struct push *u;
        int r;

        gcs_request_init(&q, GCS_UPLOAD_BEGIN, t->name);
        q.if_generation = t->if_generation;
        q.if_metageneration = t->if_metageneration;
        q.json = t->json;
        q.content_type = t->content_type;
        q.budget_for = m->o.commit_budget_for;
        r = remote_call(m->remote, &q, &answer);
        if (r < 0)
                return r;
        if (!answer.location)
                return -EPROTO;
        u = mem_new(struct push);
        if (!u)
                return -ENOMEM;
        u->m = m;
        u->url = TAKE_PTR(answer.location);
        *ret = u;
        return 0;
}

/* Sends [at, n_piece) of the piece. total -1: more will follow. */
static int push_send(struct push *u, size_t at, int64_t total) {
        struct gcs_request *q = &u->wait.q;
        int r;

        u->iov = (struct iovec){u->piece ? u->piece + at : NULL, u->n_piece - at};
        u->wait = (struct remote_wait){};
        gcs_request_init(q, GCS_UPLOAD_PUT, NULL);
        q->upload_url = u->url;
        q->data = &u->iov;
        q->n_data = u->iov.iov_len > 0;
        q->upload_offset = u->n_sent - u->n_piece + at;
        q->upload_total = total;
        /* Whether it may be sent again depends on how far it got. */
        q->only_once = true;
        r = remote_wait_begin(u->m->remote, &u->wait);
        u->is_under_way = r >= 0;
        return r;
}

static int push_status(struct push *u, int64_t total, struct remote_answer *ret) {
        struct gcs_request q;

        gcs_request_init(&q, GCS_UPLOAD_STATUS, NULL);
        q.upload_url = u->url;
        q.upload_total = total;
        q.budget_for = u->m->o.commit_budget_for;
        return remote_call(u->m->remote, &q, ret);
}

static void push_nap(struct push *u, unsigned n) {
        static const struct gcs_retry_policy policy = {
                .min_for = 200 * USEC_PER_MSEC, .max_for = 20 * USEC_PER_SEC, .multiplier = 2};
        uint64_t chance = UINT64_MAX / 2;
        usec_t left = 0;

        (void) entropy_fill(u->m->entropy, &chance, sizeof(chance));
        left = gcs_retry_wait(&policy, n, chance);
        while (left > 0 && !u->m->stopping) {
                usec_t part = MIN(left, 100 * USEC_PER_MSEC);
                struct timespec t = {(time_t) (part / USEC_PER_SEC),
                                     (long) (part % USEC_PER_SEC * NSEC_PER_USEC)};

                (void) nanosleep(&t, NULL);
                left -= part;
        }
}

static bool push_may_go_on(const struct push *u, const struct remote_answer *a, usec_t began_at) {
        return (gcs_retry_status_helps(a->status) ||
                (a->status == 0 && gcs_retry_error_helps(a->error))) &&
               !u->m->stopping && mnt_now() - began_at < u->m->o.commit_budget_for;
}

/* Waits until the service has the piece. The last answer is the caller's. */
static int push_settle(struct push *u, int64_t total, struct remote_answer *ret) {
        uint64_t from = u->n_sent - u->n_piece;
        usec_t began_at = mnt_now();

        for (unsigned n = 1;; n++) {
                int r = -EIO;

                remote_answer_done(ret);
                *ret = (struct remote_answer){};
                if (u->is_under_way) {
                        r = remote_wait_end(&u->wait, ret);
                        u->is_under_way = false;
                }
                if (r < 0) {
                        if (!push_may_go_on(u, ret, began_at))
                                return r;
                        push_nap(u, n);
                        remote_answer_done(ret);
                        r = push_status(u, total, ret);
                        if (r < 0)
                                return r;
                }
                if (ret->status != 308)
                        return 0;
                if (ret->n_committed >= u->n_sent && total < 0)
                        return 0;
                /* A part of it got there, or all but the word that it was the last. */
                if (ret->n_committed < from)
                        return -EIO; /* what is no longer here was lost */
                if (mnt_now() - began_at >= u->m->o.commit_budget_for || u->m->stopping)
                        return -ETIMEDOUT;
                r = push_send(u, (size_t) (ret->n_committed - from), total);
                if (r < 0)
                        return r;
        }
}

static int push_settle_piece(struct push *u) {
        _cleanup_answer_ struct remote_answer answer = {};
        int r = u->is_under_way ? push_settle(u, -1, &answer) : 0;

        u->piece = mem_free(u->piece);
        u->n_piece = 0;
        if (r >= 0 && answer.status != 0 && answer.status != 308)
                return -EPROTO; /* it thinks that this was all */
        return r;
}

int push_put(struct push *u, char *data, size_t n) {
        int r = push_settle_piece(u);

        if (r < 0) {
                mem_free(data);
                return r;
        }
        u->piece = data;
        u->n_piece = n;
        u->n_sent += n;
        r = push_send(u, 0, -1);
        /* While it is on its way. */
        u->crc32c = crc32c_add(u->crc32c, data, n);
        return r;
}

int push_finish(struct push *u, char *data, size_t n, struct remote_answer *ret) {
        int r = push_settle_piece(u);

        if (r < 0) {
                mem_free(data);
                return r;
        }
        u->piece = data;
        u->n_piece = n;
        u->n_sent += n;
        r = push_send(u, 0, (int64_t) u->n_sent);
        if (n > 0)
                u->crc32c = crc32c_add(u->crc32c, data, n);
        if (r >= 0)
                r = push_settle(u, (int64_t) u->n_sent, ret);
        u->is_ended = r >= 0;
        return r;
}

struct push *push_free(struct push *u) {
        _cleanup_answer_ struct remote_answer answer = {}, cancelled = {};

        if (!u)
                return NULL;
        if (u->is_under_way)
                (void) remote_wait_end(&u->wait, &answer);
        if (!u->is_ended && u->url) {
                struct gcs_request q;

                gcs_request_init(&q, GCS_UPLOAD_CANCEL, NULL);
                q.upload_url = u->url;
                q.only_once = true;
                (void) remote_call(u->m->remote, &q, &cancelled);
        }
        mem_free(u->piece);
        mem_free(u->url);
        return mem_free(u);
}

uint64_t push_n_sent(const struct push *u) {
        return u->n_sent;
}

uint32_t push_crc32c(const struct push *u) {
        return u->crc32c;
}
