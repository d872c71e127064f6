#include "daemons/tracking/metrics_history.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"

struct point {
        double value; /* 0 for NaN, as it is stored and sorted */
        int64_t at_ms, step;
        uint64_t is_nan : 1, number : 63; /* as it came */
};

struct points {
        struct point *list;
        size_t n, max;
        bool is_sorted;
};

static void points_done(struct points *p) {
        mem_free(p->list);
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

static int read_points(struct db *db, const char *run_id, const char *key, struct points *p) {
        DB_USE struct db_stmt *s = metrics_sql_by_step(db, run_id, key);
        int r;

        p->is_sorted = true;
        while ((r = db_step(s)) == DB_ROW) {
                r = mem_grow((void **) &p->list, &p->max, p->n + 1, sizeof(*p->list));
                if (r < 0)
                        return r;
                p->list[p->n] = (struct point){
                        .value = db_col_f64(s, 0),
                        .at_ms = db_col_i64(s, 1),
                        .step = db_col_i64(s, 2),
                        .is_nan = db_col_i64(s, 3) != 0,
                        .number = p->n,
                };
                if (p->n > 0 && compare(&p->list[p->n - 1], &p->list[p->n]) > 0)
                        p->is_sorted = false;
                p->n++;
        }
        return r;
}

static int from_memory(struct db *db, const char *run_id, const char *key, int64_t limit,
                       int64_t offset, void (*each)(void *ctx, const struct metric *m), void *ctx) {
        struct points p _cleanup_(points_done) = {};
        int r = read_points(db, run_id, key, &p);
        size_t end;

        if (r < 0 || (uint64_t) offset >= p.n)
                return r;
        if (!p.is_sorted)
                qsort(p.list, p.n, sizeof(*p.list), compare);
        end = (uint64_t) limit < p.n - (size_t) offset ? (size_t) (offset + limit) : p.n;
        for (size_t i = (size_t) offset; i < end; i++) {
                const struct metric m = {.key = key,
                                         .value = p.list[i].is_nan ? NAN : p.list[i].value,
                                         .at_ms = p.list[i].at_ms,
                                         .step = p.list[i].step};

                each(ctx, &m);
        }
        return 0;
}

int metrics_history(struct db *db, const char *run_id, const char *key, int64_t limit,
                    int64_t offset, void (*each)(void *ctx, const struct metric *m), void *ctx) {
        DB_USE struct db_stmt *s = NULL;
        int r;

        assert(limit >= 0 && offset >= 0);
        if (db_get_dialect(db) == DB_SQLITE)
                return from_memory(db, run_id, key, limit, offset, each, ctx);
        s = metrics_sql_history(db, run_id, key, limit, offset);
        while ((r = db_step(s)) == DB_ROW) {
                struct metric m = metrics_sql_read(s);

                each(ctx, &m);
        }
        return r;
}
