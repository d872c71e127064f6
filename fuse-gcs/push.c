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
        struct push_piece piece;
        size_t n_piece;    /* bytes in it */
        usec_t began_at;   /* sending all of it; 0: a second try */
        struct iovec *iov; /* of what is being sent: piece's, less what the service has */
};

/* --- pieces ---------------------------------------------------------------------------------- */

void push_piece_done(struct push_piece *p) {
        for (size_t i = 0; i < p->n_own; i++)
                lent_page_done(&p->own[i]);
        if (p->account)
                atomic_fetch_sub(p->account, p->n_accounted);
        mem_free(p->own);
        mem_free(p->iov);
        *p = (struct push_piece){};
}

int push_piece_init(struct push_piece *p, char *data, size_t n) {
        *p = (struct push_piece){};
        if (!data)
                return 0;
        p->iov = mem_alloc(sizeof(*p->iov));
        p->own = mem_alloc(sizeof(*p->own));
        if (!p->iov || !p->own) {
                mem_free(data);
                push_piece_done(p);
                return -ENOMEM;
        }
        p->iov[0] = (struct iovec){data, n};
        p->own[0] = (struct lent_page){data, NULL};
        p->n = p->n_own = 1;
        return 0;
}

size_t push_piece_size(const struct push_piece *p) {
        size_t n = 0;

        for (size_t i = 0; i < p->n; i++)
                n += p->iov[i].iov_len;
        return n;
}

uint32_t push_piece_crc32c(const struct push_piece *p) {
        uint32_t crc32c = 0;

        for (size_t i = 0; i < p->n && !p->has_crc32c; i++)
                crc32c = crc32c_add(crc32c, p->iov[i].iov_base, p->iov[i].iov_len);
        return p->has_crc32c ? p->crc32c : crc32c;
}

/* --- the upload ------------------------------------------------------------------------------ */

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
        size_t skip = at, first = 0;
        int r;

        while (first < u->piece.n && skip >= u->piece.iov[first].iov_len)
                skip -= u->piece.iov[first++].iov_len;
        mem_free(u->iov);
        u->iov = mem_memdup(u->piece.iov + first, (u->piece.n - first) * sizeof(*u->iov));
        if (!u->iov)
                return -ENOMEM;
        if (first < u->piece.n) {
                u->iov[0].iov_base = (char *) u->iov[0].iov_base + skip;
                u->iov[0].iov_len -= skip;
        }
        u->wait = (struct remote_wait){};
        gcs_request_init(q, GCS_UPLOAD_PUT, NULL);
        q->upload_url = u->url;
        q->data = u->iov;
        q->n_data = u->piece.n - first;
        q->upload_offset = u->n_sent - u->n_piece + at;
        q->upload_total = total;
        /* Whether it may be sent again depends on how far it got. */
        q->only_once = true;
        u->began_at = at == 0 ? mnt_now() : 0;
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

static int push_end(struct push *u, struct remote_answer *ret) {
        int r = remote_wait_end(&u->wait, ret);

        u->is_under_way = false;
        if (r >= 0 && u->n_piece > 0 && u->began_at > 0)
                mnt_note_upload(u->m, u->n_piece, ret->ended_at - u->began_at);
        return r;
}

/* Waits until the service has the piece. The last answer is the caller's. */
static int push_settle(struct push *u, int64_t total, struct remote_answer *ret) {
        uint64_t from = u->n_sent - u->n_piece;
        usec_t began_at = mnt_now();

        for (unsigned n = 1;; n++) {
                int r = -EIO;

                remote_answer_done(ret);
                *ret = (struct remote_answer){};
                if (u->is_under_way)
                        r = push_end(u, ret);
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

        push_piece_done(&u->piece);
        u->n_piece = 0;
        if (r >= 0 && answer.status != 0 && answer.status != 308)
                return -EPROTO; /* it thinks that this was all */
        return r;
}

/* The piece becomes the one under way; total as in push_send(). */
static int push_next(struct push *u, struct push_piece *piece, bool is_last) {
        int r = push_settle_piece(u);

        if (r < 0) {
                push_piece_done(piece);
                return r;
        }
        u->piece = *piece;
        *piece = (struct push_piece){};
        u->n_piece = push_piece_size(&u->piece);
        u->n_sent += u->n_piece;
        r = push_send(u, 0, is_last ? (int64_t) u->n_sent : -1);
        /* While it is on its way. */
        u->crc32c = crc32c_combine(u->crc32c, push_piece_crc32c(&u->piece), u->n_piece);
        return r;
}

int push_put(struct push *u, struct push_piece *piece) {
        return push_next(u, piece, false);
}

int push_finish(struct push *u, struct push_piece *piece, struct remote_answer *ret) {
        int r = push_next(u, piece, true);

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
        push_piece_done(&u->piece);
        mem_free(u->iov);
        mem_free(u->url);
        return mem_free(u);
}

uint64_t push_n_sent(const struct push *u) {
        return u->n_sent;
}

uint32_t push_crc32c(const struct push *u) {
        return u->crc32c;
}
