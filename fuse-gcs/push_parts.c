#include "fuse-gcs/push_parts.h"

#include <errno.h>
#include <string.h>

#include "fuse-gcs/attrs.h"
#include "fuse-gcs/commit.h"
#include "fuse-gcs/commit_compose.h"
#include "fuse-gcs/complaint.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/sweep.h"
#include "lib/base/crc32c.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* What one upload brings where none was seen yet: about what the service gives a connection. */
#define PUSH_PARTS_STREAM_BYTES_PER_S ((uint64_t) 40 << 20)
#define PUSH_PARTS_MIN_BLOCKS 3 /* what is smaller stays whole */

enum part_state {
        PART_UNDER_WAY,
        PART_ENDED, /* its answer is there */
        PART_GOOD,  /* and was looked at */
};

struct part {
        struct push_parts *of;
        char *name;
        unsigned level; /* 0: sent; n: made of PUSH_PARTS_COMPOSE_MAX of level n - 1 */
        uint64_t size;
        uint32_t crc32c;
        struct push_piece piece; /* of what is being sent */
        struct buf body;         /* the request's JSON */
        struct gcs_request q;
        usec_t began_at;
        char **sources; /* what a compose is made of: n names, then NULL */
        size_t n_sources;
        /* The network loop's as long as it is under way. */
        _Atomic(enum part_state) state;
        int error;
        struct attrs *attrs;
};

struct push_parts {
        struct mnt *m;
        struct part **all; /* as they stand in the file */
        size_t n, cap;
        uint64_t n_sent;
        uint32_t crc32c;
        struct timespec mtime;
        int broken;
        bool is_one_object; /* the service was told to delete them with that */
        pthread_mutex_t lock;
        pthread_cond_t ended;
        unsigned n_under_way;
};

/* --- the choice ------------------------------------------------------------------------------ */

enum push_parts_choice push_parts_choose(const struct push_parts_facts *f) {
        uint64_t stream = f->bytes_per_s ?: PUSH_PARTS_STREAM_BYTES_PER_S;
        uint64_t written = f->n_unsent * USEC_PER_SEC / MAX(f->took_for, (usec_t) 1);
        uint64_t least = PUSH_PARTS_MIN_BLOCKS * f->block_size;

        if (f->n_at_once < 2 || f->no_temporaries)
                return PUSH_PARTS_ONE;
        /* By a quarter faster than one upload is: that is worth it. */
        if (!f->is_asked_for && written < stream + stream / 4)
                return PUSH_PARTS_ONE;
        if (!f->is_asked_for)
                least = MAX(least, f->n_least);
        if (f->n_unsent >= least)
                return PUSH_PARTS_MANY;
        /* Others need room to write, too. */
        return f->n_memory <= f->memory_max / 2 ? PUSH_PARTS_WAIT : PUSH_PARTS_ONE;
}

/* --- one part -------------------------------------------------------------------------------- */

static struct part *part_free(struct part *p) {
        if (!p)
                return NULL;
        push_piece_done(&p->piece);
        buf_done(&p->body);
        str_free_list(p->sources);
        attrs_unref(p->attrs);
        mem_free(p->name);
        return mem_free(p);
}

static struct part *part_new(struct push_parts *of) {
        struct part *p = mem_new(struct part);

        if (!p)
                return NULL;
        p->of = of;
        p->name = mnt_temp_name(of->m, NAMES_PARTS);
        return p->name ? p : part_free(p);
}

/* On the network loop: the memory goes as soon as the service has what was in it. */
static void part_on_done(void *ctx, const struct gcs_answer *a) {
        struct part *p = ctx;
        struct push_parts *of = p->of;
        struct attrs *attrs = NULL;
        int r = a->error < 0 ? a->error : attrs_parse(a->body, a->body_len, &attrs);

        complaint_ended(&p->q, a);
        if (r >= 0 && p->level == 0)
                mnt_note_upload(of->m, p->size, mnt_now() - p->began_at);
        push_piece_done(&p->piece);
        buf_done(&p->body);
        /* Who waits may free all of it as soon as the lock is open. */
        pthread_mutex_lock(&of->lock);
        p->attrs = attrs;
        p->error = MIN(r, 0);
        p->state = PART_ENDED; /* from here on it is not ours */
        of->n_under_way--;
        pthread_cond_signal(&of->ended);
        pthread_mutex_unlock(&of->lock);
}

static int part_start(struct part *p) {
        struct push_parts *of = p->of;
        int r;

        p->q.if_generation = 0;
        p->q.json = p->body.data;
        p->q.budget_for = of->m->o.commit_budget_for;
        p->q.done = part_on_done;
        p->q.ctx = p;
        p->began_at = mnt_now();
        pthread_mutex_lock(&of->lock);
        of->n_under_way++;
        pthread_mutex_unlock(&of->lock);
        r = remote_start(of->m->remote, &p->q);
        if (r < 0) {
                pthread_mutex_lock(&of->lock);
                of->n_under_way--;
                p->error = r;
                p->state = PART_ENDED;
                pthread_mutex_unlock(&of->lock);
        }
        return r;
}

static void part_forget_sources(struct part *p) {
        sweep_sources(p->of->m, TAKE_PTR(p->sources), p->n_sources);
        p->n_sources = 0;
}

/* It ended. Whether it is what it should be is seen by its checksum, also when the answer to a try
 * was lost and the next one found it there. */
static int part_look(struct part *p) {
        struct mnt *m = p->of->m;
        int r = p->error;

        if (r == -ESTALE || r == -EEXIST || (r == -ENOENT && p->level > 0))
                r = commit_recognise(m, p->name, p->size, p->crc32c, NULL, &p->attrs);
        if (r >= 0)
                r = commit_check(p->name, p->attrs, p->size, p->crc32c);
        if (r < 0)
                return r;
        if (p->attrs->is_held)
                m->no_temporaries = true;
        part_forget_sources(p);
        p->state = PART_GOOD;
        return 0;
}

/* --- all of them ----------------------------------------------------------------------------- */

int push_parts_new(struct mnt *m, struct push_parts **ret) {
        struct push_parts *p = mem_new(struct push_parts);

        if (!p)
                return -ENOMEM;
        p->m = m;
        p->mtime = mnt_time();
        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->ended, NULL);
        *ret = p;
        return 0;
}

/* Looks at those that ended. */
static int push_parts_look(struct push_parts *p) {
        for (size_t i = 0; i < p->n && p->broken >= 0; i++)
                if (p->all[i]->state == PART_ENDED)
                        p->broken = part_look(p->all[i]);
        return p->broken;
}

/* Until no more than n are under way. */
static int push_parts_wait(struct push_parts *p, unsigned n) {
        pthread_mutex_lock(&p->lock);
        while (p->n_under_way > n)
                pthread_cond_wait(&p->ended, &p->lock);
        pthread_mutex_unlock(&p->lock);
        return push_parts_look(p);
}

static unsigned push_parts_n_under_way(struct push_parts *p) {
        unsigned n;

        pthread_mutex_lock(&p->lock);
        n = p->n_under_way;
        pthread_mutex_unlock(&p->lock);
        return n;
}

/* n that stand side by side from `first` on become one, which takes their place; n is at most
 * PUSH_PARTS_COMPOSE_MAX and all of them are good. */
static int push_parts_merge(struct push_parts *p, size_t first, size_t n) {
        struct commit_compose_source sources[PUSH_PARTS_COMPOSE_MAX];
        _cleanup_buf_ struct buf resource = {};
        struct part *made = part_new(p);
        int r = made ? 0 : -ENOMEM;

        if (made && !(made->sources = mem_zalloc_array(n + 1, sizeof(*made->sources))))
                r = -ENOMEM;
        if (r >= 0)
                r = commit_resource(&resource, NULL, made->name, NULL, p->mtime, NULL);
        for (size_t i = 0; i < n && r >= 0; i++) {
                struct part *one = p->all[first + i];

                sources[i] = (struct commit_compose_source){one->name, one->attrs->generation};
                made->level = MAX(made->level, one->level + 1);
                made->crc32c = crc32c_combine(made->crc32c, one->crc32c, one->size);
                made->size += one->size;
        }
        if (r >= 0)
                r = commit_compose_body(&made->body, resource.data, sources, n,
                                        !p->m->no_temporaries);
        if (r < 0) {
                part_free(made);
                return r;
        }
        for (size_t i = 0; i < n; i++) {
                made->sources[i] = TAKE_PTR(p->all[first + i]->name);
                part_free(p->all[first + i]);
        }
        made->n_sources = n;
        p->all[first] = made;
        memmove(p->all + first + 1, p->all + first + n, (p->n - first - n) * sizeof(*p->all));
        p->n -= n - 1;
        gcs_request_init(&made->q, GCS_COMPOSE, made->name);
        return part_start(made);
}

/* The first PUSH_PARTS_COMPOSE_MAX of one level that are there, if there are so many. */
static int push_parts_merge_some(struct push_parts *p) {
        size_t first = 0, n = 0;

        for (size_t i = 0; i < p->n && n < PUSH_PARTS_COMPOSE_MAX; i++) {
                bool goes_on = n > 0 && p->all[i]->level == p->all[first]->level;

                if (p->all[i]->state != PART_GOOD) {
                        n = 0;
                } else {
                        first = goes_on ? first : i;
                        n = goes_on ? n + 1 : 1;
                }
        }
        return n == PUSH_PARTS_COMPOSE_MAX ? push_parts_merge(p, first, n) : 0;
}

/* n_most are left; those at the end, which are the smallest, go together. */
static int push_parts_reduce(struct push_parts *p, size_t n_most) {
        int r = push_parts_wait(p, 0);

        while (r >= 0 && p->n > n_most) {
                size_t n = MIN((size_t) PUSH_PARTS_COMPOSE_MAX, p->n - n_most + 1);

                r = push_parts_merge(p, p->n - n, n);
                if (r >= 0)
                        r = push_parts_wait(p, 0);
        }
        return r;
}

/* --- sending --------------------------------------------------------------------------------- */

static int push_parts_add(struct push_parts *p, struct push_piece *piece, struct part **ret) {
        static const char content_type[] = "application/octet-stream";
        struct part *one = part_new(p);
        int r = one ? mem_grow((void **) &p->all, &p->cap, p->n + 1, sizeof(*p->all)) : -ENOMEM;

        if (r >= 0) {
                one->size = push_piece_size(piece);
                one->crc32c = push_piece_crc32c(piece);
                r = commit_resource(&one->body, NULL, one->name, NULL, p->mtime, &one->crc32c);
        }
        if (r < 0) {
                push_piece_done(piece);
                part_free(one);
                return r;
        }
        one->piece = *piece;
        *piece = (struct push_piece){};
        gcs_request_init(&one->q, GCS_INSERT, one->name);
        one->q.content_type = content_type;
        one->q.data = one->piece.iov;
        one->q.n_data = one->piece.n;
        p->crc32c = crc32c_combine(p->crc32c, one->crc32c, one->size);
        p->n_sent += one->size;
        p->all[p->n++] = one;
        *ret = one;
        return 0;
}

/* Is there room to go on writing while these are under way? A quarter is for others. */
static bool push_parts_has_room(const struct mnt *m) {
        return m->n_overlay_bytes + m->o.block_size <= m->overlay_limits.memory_max / 4 * 3;
}

int push_parts_put(struct push_parts *p, struct push_piece *piece) {
        unsigned n_at_once = MAX(p->m->o.n_uploads_at_once, 1u);
        struct part *one;
        int r = push_parts_wait(p, n_at_once - 1);

        if (r < 0)
                push_piece_done(piece);
        else
                r = push_parts_add(p, piece, &one);
        if (r >= 0)
                r = part_start(one);
        if (r >= 0)
                r = push_parts_merge_some(p);
        for (unsigned n = push_parts_n_under_way(p); r >= 0 && n > 0 && !push_parts_has_room(p->m);
             n--)
                r = push_parts_wait(p, n - 1);
        if (r < 0)
                p->broken = r;
        return r;
}

int push_parts_finish(struct push_parts *p, const struct push_parts_target *t, struct attrs **ret) {
        struct commit_compose_source sources[PUSH_PARTS_COMPOSE_MAX];
        _cleanup_buf_ struct buf body = {};
        size_t n = 0;
        int r = push_parts_reduce(p, PUSH_PARTS_COMPOSE_MAX - (t->base ? 1 : 0));

        if (r < 0)
                return r;
        if (t->base)
                sources[n++] = (struct commit_compose_source){t->name, t->base->generation};
        for (size_t i = 0; i < p->n; i++)
                sources[n++] = (struct commit_compose_source){p->all[i]->name,
                                                              p->all[i]->attrs->generation};
        r = commit_compose_body(&body, t->json, sources, n, !p->m->no_temporaries);
        if (r >= 0)
                r = commit_compose_call(p->m, t->name, t->if_generation, body.data, ret);
        p->is_one_object = r >= 0;
        return r;
}

/* The names of those that may be there still. */
static void push_parts_sweep(struct push_parts *p) {
        char **names = mem_zalloc_array(p->n + 1, sizeof(*names));
        size_t n = 0;

        for (size_t i = 0; i < p->n && names; i++)
                names[n++] = TAKE_PTR(p->all[i]->name);
        if (p->is_one_object) {
                sweep_sources(p->m, names, n);
                return;
        }
        for (size_t i = 0; i < n; i++)
                sweep_object(p->m, names[i]);
        str_free_list(names);
}

struct push_parts *push_parts_free(struct push_parts *p) {
        if (!p)
                return NULL;
        pthread_mutex_lock(&p->lock);
        while (p->n_under_way > 0)
                pthread_cond_wait(&p->ended, &p->lock);
        pthread_mutex_unlock(&p->lock);
        push_parts_sweep(p);
        for (size_t i = 0; i < p->n; i++) {
                part_forget_sources(p->all[i]);
                part_free(p->all[i]);
        }
        pthread_cond_destroy(&p->ended);
        pthread_mutex_destroy(&p->lock);
        mem_free(p->all);
        return mem_free(p);
}

uint64_t push_parts_n_sent(const struct push_parts *p) {
        return p->n_sent;
}

uint32_t push_parts_crc32c(const struct push_parts *p) {
        return p->crc32c;
}
