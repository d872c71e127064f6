#include "fuse-gcs/sums.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/crc32c.h"
#include "lib/base/mem.h"

struct sums_piece {
        uint64_t from, to;
        uint32_t crc32c;
};

struct sums_entry {
        uint64_t content;
        uint64_t used; /* 0: free */
        size_t n;
        struct sums_piece pieces[SUMS_PIECES]; /* in order, apart from one another */
};

struct sums {
        pthread_mutex_t lock;
        uint64_t n_uses;
        uint64_t bad[SUMS_BAD]; /* contents, the newest first; 0: none */
        atomic_uint n_bad;
        struct sums_entry entries[SUMS_OBJECTS];
};

int sums_new(struct sums **ret) {
        struct sums *s = mem_new(struct sums);

        if (!s)
                return -ENOMEM;
        pthread_mutex_init(&s->lock, NULL);
        *ret = s;
        return 0;
}

struct sums *sums_free(struct sums *s) {
        if (!s)
                return NULL;
        pthread_mutex_destroy(&s->lock);
        return mem_free(s);
}

static struct sums_entry *sums_find(struct sums *s, uint64_t content) {
        for (size_t i = 0; i < SUMS_OBJECTS; i++)
                if (s->entries[i].used > 0 && s->entries[i].content == content)
                        return &s->entries[i];
        return NULL;
}

static struct sums_entry *sums_get(struct sums *s, uint64_t content) {
        struct sums_entry *e = sums_find(s, content);

        if (!e) {
                e = &s->entries[0];
                for (size_t i = 1; i < SUMS_OBJECTS; i++)
                        if (s->entries[i].used < e->used)
                                e = &s->entries[i];
                e->content = content;
                e->n = 0;
        }
        e->used = ++s->n_uses;
        return e;
}

/* Where a piece that begins at `at` belongs: behind those that begin before it. */
static size_t sums_place(const struct sums_entry *e, uint64_t at) {
        size_t i = 0;

        while (i < e->n && e->pieces[i].from < at)
                i++;
        return i;
}

static void sums_remove(struct sums_entry *e, size_t i) {
        e->n--;
        memmove(e->pieces + i, e->pieces + i + 1, (e->n - i) * sizeof(*e->pieces));
}

/* Pieces i and the one behind it become one when they meet. */
static void sums_join(struct sums_entry *e, size_t i) {
        struct sums_piece *a = &e->pieces[i], *b = a + 1;

        if (i + 1 >= e->n || a->to != b->from)
                return;
        a->crc32c = crc32c_combine(a->crc32c, b->crc32c, b->to - b->from);
        a->to = b->to;
        sums_remove(e, i + 1);
}

/* False: a part of it was there before, by another GET. */
static bool sums_insert(struct sums_entry *e, uint64_t at, size_t n, uint32_t crc32c) {
        size_t i = sums_place(e, at);
        struct sums_piece *before = i > 0 ? &e->pieces[i - 1] : NULL;

        if ((before && before->to > at) || (i < e->n && e->pieces[i].from < at + n))
                return false;
        if (before && before->to == at) {
                before->crc32c = crc32c_combine(before->crc32c, crc32c, n);
                before->to += n;
                sums_join(e, i - 1);
                return true;
        }
        if (e->n == SUMS_PIECES)
                e->n = i = 0;
        memmove(e->pieces + i + 1, e->pieces + i, (e->n - i) * sizeof(*e->pieces));
        e->pieces[i] = (struct sums_piece){at, at + n, crc32c};
        e->n++;
        sums_join(e, i);
        return true;
}

void sums_put_bad(struct sums *s, uint64_t content) {
        pthread_mutex_lock(&s->lock);
        memmove(s->bad + 1, s->bad, (SUMS_BAD - 1) * sizeof(*s->bad));
        s->bad[0] = content;
        s->n_bad++;
        pthread_mutex_unlock(&s->lock);
}

bool sums_take_bad(struct sums *s, uint64_t content) {
        bool is = false;

        if (s->n_bad == 0)
                return false;
        pthread_mutex_lock(&s->lock);
        for (size_t i = 0; i < SUMS_BAD; i++)
                if (s->bad[i] == content) {
                        s->bad[i] = 0;
                        is = true;
                }
        pthread_mutex_unlock(&s->lock);
        return is;
}

int sums_add(struct sums *s, const struct sums_object *o, uint64_t at, size_t n, uint32_t crc32c) {
        struct sums_entry *e;
        int r = 0;

        if (n == 0)
                return 0;
        pthread_mutex_lock(&s->lock);
        e = sums_get(s, o->content);
        if (sums_insert(e, at, n, crc32c) && e->pieces[0].from == 0 && e->pieces[0].to == o->size) {
                r = e->pieces[0].crc32c == o->crc32c ? 1 : -EBADMSG;
                e->used = 0;
        }
        pthread_mutex_unlock(&s->lock);
        return r;
}

void sums_forget(struct sums *s, uint64_t content) {
        struct sums_entry *e;

        pthread_mutex_lock(&s->lock);
        e = sums_find(s, content);
        if (e)
                e->used = 0;
        pthread_mutex_unlock(&s->lock);
}
