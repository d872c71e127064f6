#include "daemons/tracking/metrics_history.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/crew.h"
#include "lib/base/mem.h"

enum {
        CHUNK = 4096,           /* points: what is told at once */
        SHARED_MIN = 2 * CHUNK, /* of more, a thread tells while more are read */
        TOLD_MIN = SHARED_MIN,  /* unless fewer are wanted */
};

struct point {
        double value; /* 0 for NaN, as it is stored and sorted */
        int64_t at_ms, step;
        uint64_t is_nan : 1, number : 63; /* as it came */
};

struct history {
        const char *key;
        uint64_t offset, end; /* of the points that are told */
        const struct metrics_history_to *to;
        struct db_stmt *stmt;
        int result;        /* of who reads */
        struct point last; /* the one that came last */
        size_t n;
        pthread_mutex_t lock; /* of what follows, while two are at it */
        pthread_cond_t more;
        struct point **chunks;
        size_t chunks_max;
        size_t n_ready; /* points of whole chunks, or all */
        bool is_sorted, is_over;
};

static void history_done(struct history *h) {
        for (size_t i = 0; i * CHUNK < h->n; i++)
                mem_free(h->chunks[i]);
        mem_free(h->chunks);
        (void) pthread_cond_destroy(&h->more);
        (void) pthread_mutex_destroy(&h->lock);
}

/* Points that are the same but for NaN stay as they came. */
static int compare(const void *a, const void *b) {
        const struct point *p = a, *q = b;

        if (p->at_ms != q->at_ms)
                return p->at_ms < q->at_ms ? -1 : 1;
        if (p->step != q->step)
                return p->step < q->step ? -1 : 1;
        if (p->value < q->value || p->value > q->value)
                return p->value < q->value ? -1 : 1;
        return (p->number > q->number) - (p->number < q->number);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* All points so far are ready, and there is room for more. 0 or -ENOMEM. */
static int add_chunk(struct history *h) {
        size_t i = h->n / CHUNK;
        struct point *chunk = mem_alloc_array(CHUNK, sizeof(*chunk));
        int r;

        if (!chunk)
                return -ENOMEM;
        (void) pthread_mutex_lock(&h->lock);
        r = mem_grow((void **) &h->chunks, &h->chunks_max, i + 1, sizeof(*h->chunks));
        if (r == 0) {
                h->chunks[i] = chunk;
                h->n_ready = h->n;
                (void) pthread_cond_signal(&h->more);
        } else {
                mem_free(chunk);
        }
        (void) pthread_mutex_unlock(&h->lock);
        return r;
}

static void set_unsorted(struct history *h) {
        (void) pthread_mutex_lock(&h->lock);
        h->is_sorted = false;
        (void) pthread_cond_signal(&h->more);
        (void) pthread_mutex_unlock(&h->lock);
}

static int read_point(struct history *h) {
        struct point p = {
                .value = db_col_f64(h->stmt, 0),
                .at_ms = db_col_i64(h->stmt, 1),
                .step = db_col_i64(h->stmt, 2),
                .is_nan = db_col_i64(h->stmt, 3) != 0,
                .number = h->n,
        };
        int r = h->n % CHUNK == 0 ? add_chunk(h) : 0;

        if (r < 0)
                return r;
        if (h->n > 0 && h->is_sorted && compare(&h->last, &p) > 0)
                set_unsorted(h);
        h->chunks[h->n / CHUNK][h->n % CHUNK] = h->last = p;
        h->n++;
        return 0;
}

/* DB_ROW: there may be more than `max`, 0: that is all, or -errno. */
static int read_points(struct history *h, size_t max) {
        int r;

        while ((r = db_step(h->stmt)) == DB_ROW) {
                r = read_point(h);
                if (r < 0 || h->n == max)
                        return r < 0 ? r : DB_ROW;
        }
        return r;
}

static void read_rest(struct history *h) {
        h->result = read_points(h, SIZE_MAX);
        (void) pthread_mutex_lock(&h->lock);
        h->n_ready = h->n;
        h->is_over = true;
        (void) pthread_cond_signal(&h->more);
        (void) pthread_mutex_unlock(&h->lock);
}

/* --- telling ---------------------------------------------------------------------------------- */

static void tell(const struct history *h, const struct point *list, size_t first, size_t n) {
        for (size_t i = first < h->offset ? (size_t) MIN(h->offset - first, (uint64_t) n) : 0;
             i < n && first + i < h->end; i++) {
                const struct metric m = {.key = h->key,
                                         .value = list[i].is_nan ? NAN : list[i].value,
                                         .at_ms = list[i].at_ms,
                                         .step = list[i].step};

                h->to->each(h->to->ctx, &m);
        }
}

/* The chunk with point number `at` and how many points of it are ready; NULL: all were told, or
 * they come in another order. */
static const struct point *wait_for(struct history *h, size_t at, size_t *ret_n) {
        const struct point *chunk = NULL;

        (void) pthread_mutex_lock(&h->lock);
        while (h->is_sorted && !h->is_over && h->n_ready == at)
                (void) pthread_cond_wait(&h->more, &h->lock);
        if (h->is_sorted && h->n_ready > at) {
                chunk = h->chunks[at / CHUNK];
                *ret_n = MIN(h->n_ready - at, (size_t) CHUNK);
        }
        (void) pthread_mutex_unlock(&h->lock);
        return chunk;
}

static void tell_ready(struct history *h) {
        const struct point *chunk;
        size_t at = 0, n;

        while ((chunk = wait_for(h, at, &n))) {
                tell(h, chunk, at, n);
                at += n;
        }
}

static bool each_part(void *ctx, size_t part) {
        if (part == 0)
                read_rest(ctx);
        else
                tell_ready(ctx);
        return true;
}

static int tell_sorted(struct history *h) {
        struct point *all = mem_alloc_array(h->n, sizeof(*all));

        if (!all)
                return -ENOMEM;
        for (size_t i = 0; i * CHUNK < h->n; i++) {
                memcpy(&all[i * CHUNK], h->chunks[i],
                       MIN(h->n - i * CHUNK, (size_t) CHUNK) * sizeof(*all));
                h->chunks[i] = mem_free(h->chunks[i]);
        }
        qsort(all, h->n, sizeof(*all), compare);
        h->to->again(h->to->ctx);
        tell(h, all, 0, h->n);
        mem_free(all);
        return 0;
}

static int from_memory(struct db *db, const char *run_id, struct history *h) {
        DB_USE struct db_stmt *s = metrics_sql_by_step(db, run_id, h->key);

        h->stmt = s;
        h->result = read_points(h, SHARED_MIN);
        if (h->result < 0)
                return h->result;
        if (h->result == DB_ROW && h->is_sorted && h->end - h->offset > TOLD_MIN) {
                crew_run(2, 2, each_part, h);
        } else {
                if (h->result == DB_ROW)
                        read_rest(h);
                h->n_ready = h->n;
                h->is_over = true;
                if (h->result == 0)
                        tell_ready(h);
        }
        return h->result == 0 && !h->is_sorted ? tell_sorted(h) : h->result;
}

int metrics_history(struct db *db, const char *run_id, const char *key, int64_t limit,
                    int64_t offset, const struct metrics_history_to *to) {
        struct history h _cleanup_(history_done) = {.key = key,
                                                    .offset = (uint64_t) offset,
                                                    .end = (uint64_t) offset + (uint64_t) limit,
                                                    .to = to,
                                                    .lock = PTHREAD_MUTEX_INITIALIZER,
                                                    .more = PTHREAD_COND_INITIALIZER,
                                                    .is_sorted = true};
        DB_USE struct db_stmt *s = NULL;
        int r;

        assert(limit >= 0 && offset >= 0);
        if (db_get_dialect(db) == DB_SQLITE)
                return from_memory(db, run_id, &h);
        s = metrics_sql_history(db, run_id, key, limit, offset);
        while ((r = db_step(s)) == DB_ROW) {
                struct metric m = metrics_sql_read(s);

                to->each(to->ctx, &m);
        }
        return r;
}
