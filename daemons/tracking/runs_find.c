#include "daemons/tracking/runs_find.h"

#include <errno.h>

/* A clause that finds fewer runs than this drives the search. */
#define SELECTIVE_MAX 1000
/* Experiments with fewer runs than this are read whole and sorted. */
#define SMALL_MAX 4000

struct find {
        struct db *db;
        struct arena *arena;
        const struct runs_search *q;
        int (*each)(void *ctx, const struct run *run);
        void *ctx;
        ssize_t driver;
};

/* One number. 0 or -errno. */
static int number(struct find *f, struct search_sql *sql, int64_t *ret) {
        DB_USE struct db_stmt *s = NULL;
        int r = search_sql_prepare(sql, f->db, &s);

        if (r == 0)
                r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : -EIO;
        *ret = db_col_i64(s, 0);
        return 0;
}

/* The clause that finds the fewest runs, when they are few. */
static int pick_driver(struct find *f) {
        int64_t best = SELECTIVE_MAX;

        f->driver = -1;
        for (size_t i = 0; i < f->q->filter.n; i++) {
                struct search_sql sql _cleanup_(search_sql_done) = {};
                int64_t n;
                int r;

                if (!runs_search_can_drive(&f->q->filter.clauses[i]))
                        continue;
                search_sql_init(&sql, f->arena);
                runs_search_build_probe(&f->q->filter.clauses[i], best, &sql);
                r = number(f, &sql, &n);
                if (r < 0)
                        return r;
                if (n < best) {
                        best = n;
                        f->driver = (ssize_t) i;
                }
        }
        return 0;
}

static int is_small(struct find *f, bool *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        int64_t n = 0;
        int r;

        search_sql_init(&sql, f->arena);
        runs_search_build_size(f->q, SMALL_MAX, &sql);
        r = number(f, &sql, &n);
        *ret = n < SMALL_MAX;
        return r;
}

/* *ret_n: rows given. */
static int part(struct find *f, enum runs_search_part which, int64_t limit, int64_t offset,
                int64_t *ret_n) {
        const struct runs_search_plan plan = {.part = which, .driver = f->driver};
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        struct run run;
        int r;

        *ret_n = 0;
        search_sql_init(&sql, f->arena);
        runs_search_build(f->q, &plan, &sql);
        search_sql_page(&sql, limit, offset);
        r = search_sql_prepare(&sql, f->db, &s);
        while (r == 0 && (r = db_step(s)) == DB_ROW) {
                r = runs_sql_read(s, f->arena, &run);
                if (r == 0)
                        r = f->each(f->ctx, &run);
                ++*ret_n;
        }
        return r;
}

static int count_with_metric(struct find *f, int64_t *ret) {
        const struct runs_search_plan plan = {
                .part = RUNS_SEARCH_WITH_METRIC, .driver = f->driver, .count = true};
        struct search_sql sql _cleanup_(search_sql_done) = {};

        search_sql_init(&sql, f->arena);
        runs_search_build(f->q, &plan, &sql);
        return number(f, &sql, ret);
}

/* First those that have the metric, read in its order, and only when they do not fill the page the
 * others behind them. */
static int by_metric(struct find *f, int64_t limit, int64_t offset) {
        int64_t n, n_with;
        int r = part(f, RUNS_SEARCH_WITH_METRIC, limit, offset, &n);

        if (r != 0 || n == limit || runs_search_implies_metric(f->q, f->q->order[0].key))
                return r;
        n_with = offset + n;
        if (n == 0 && offset > 0)
                r = count_with_metric(f, &n_with);
        if (r != 0)
                return r;
        offset = offset > n_with ? offset - n_with : 0;
        return part(f, RUNS_SEARCH_WITHOUT_METRIC, limit - n, offset, &n);
}

int runs_find(struct db *db, struct arena *a, const struct runs_search *q, int64_t limit,
              int64_t offset, int (*each)(void *ctx, const struct run *run), void *ctx) {
        struct find f = {db, a, q, each, ctx, -1};
        bool small = false;
        int64_t n;
        int r;

        if (q->n_experiment_ids == 0)
                return 0;
        r = is_small(&f, &small);
        if (r == 0 && !small)
                r = pick_driver(&f);
        if (r < 0)
                return r;
        if (!small && f.driver < 0 && q->n_order > 0 && q->order[0].entity == FILTER_METRIC)
                return by_metric(&f, limit, offset);
        return part(&f, RUNS_SEARCH_WHOLE, limit, offset, &n);
}
