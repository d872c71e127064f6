#include "daemons/tracking/runs_find.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/runs_rank.h"

/* A clause that finds fewer runs than this drives the search, whatever else there is. */
#define SELECTIVE_MAX 1000
/* How far a clause's runs are counted. */
#define PROBE_MAX 20000
/* Experiments with fewer runs than this are read whole and sorted. */
#define SMALL_MAX 4000
/* How far the runs of larger ones are counted. */
#define SIZE_MAX_LOOK 200000
/* A run that a driver found has to be looked up, and sorted: that much more it costs than one that
 * is passed in the order of an index. */
#define DRIVEN_COSTS 2
/* And one that is passed more than one that is ranked, which is read with its neighbours. */
#define PASSED_COSTS 6
/* What ranking costs, in values that are looked up one by one: for each run of the experiments, and
 * of that again for each key that is filtered or sorted by. */
#define RANKED_COSTS 0.07
#define RANKED_VALUE_COSTS 0.02
/* A way that costs no more is taken without another look. */
#define CHEAP 2500
/* An index's way may turn out to be longer than reckoned: then all runs are read once. */
#define TRY_FOR (25 * USEC_PER_MSEC)
/* An offset beyond it says nothing more about costs. */
#define OFFSET_LOOK (1 << 24)

struct find {
        struct db *db;
        struct arena *arena;
        const struct runs_search *q;
        int (*each)(void *ctx, const struct run *run);
        void *ctx;
        ssize_t driver;
        double costs;          /* the way with the driver or without, reckoned as RANKED_COSTS */
        bool has_text_indexes; /* params and tags by their value, whatever the value is */
        usec_t try_for;        /* 0: the search goes its way to the end */
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

static int size_of(struct find *f, int64_t max, int64_t *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};

        search_sql_init(&sql, f->arena);
        runs_search_build_size(f->q, max, &sql);
        return number(f, &sql, ret);
}

/* No fewer than the runs of all experiments: told without counting. SQLite's. */
static int at_most(struct find *f, int64_t *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};

        search_sql_init(&sql, f->arena);
        search_sql_add(&sql, "SELECT max(rowid) FROM runs");
        return number(f, &sql, ret);
}

static bool may_probe(const struct find *f, const struct filter_clause *c) {
        return runs_search_can_drive(c) &&
               (c->op == FILTER_EQ || c->entity == FILTER_METRIC || f->has_text_indexes);
}

static bool walks(const struct find *f) {
        return f->q->n_order > 0 && runs_search_can_walk(&f->q->order[0], f->has_text_indexes);
}

/* What counting has shown. */
struct probe {
        ssize_t driver; /* the clause that finds the fewest runs, -1: none finds fewer than
                           PROBE_MAX */
        int64_t n;      /* that many */
        double product; /* of the counts of what a walk asks run by run, each divided by PROBE_MAX
                         */
        size_t n_counted;
};

static int probe(struct find *f, size_t clause, int64_t max, int64_t *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};

        search_sql_init(&sql, f->arena);
        runs_search_build_probe(f->q, clause, max, &sql);
        return number(f, &sql, ret);
}

static int probe_all(struct find *f, struct probe *ret) {
        *ret = (struct probe){.driver = -1, .n = PROBE_MAX, .product = 1};
        for (size_t i = 0; i < f->q->filter.n && ret->n >= SELECTIVE_MAX; i++) {
                int64_t n;
                int r;

                if (!may_probe(f, &f->q->filter.clauses[i]))
                        continue;
                r = probe(f, i, PROBE_MAX, &n);
                if (r < 0)
                        return r;
                if (!walks(f) || !runs_search_is_on_walked(f->q, &f->q->filter.clauses[i])) {
                        ret->product *= (double) n / PROBE_MAX;
                        ret->n_counted++;
                }
                if (n < ret->n) {
                        ret->n = n;
                        ret->driver = (ssize_t) i;
                }
        }
        return 0;
}

/* What part of `size` runs has none of the values that must not be there, as far as the values of
 * all experiments tell. */
static int part_without(struct find *f, int64_t size, double *ret) {
        *ret = 1;
        for (size_t i = 0; i < f->q->filter.n; i++) {
                int64_t n;
                int r;

                if (f->q->filter.clauses[i].op != FILTER_IS_NULL)
                        continue;
                r = probe(f, i, size, &n);
                if (r < 0)
                        return r;
                *ret *= (double) (size - n) / (double) size;
        }
        return 0;
}

/* Runs that share the value that is first in the order are all passed. */
static int tied(struct find *f, double *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        int64_t n;
        int r;

        search_sql_init(&sql, f->arena);
        runs_search_build_ties(f->q, PROBE_MAX, &sql);
        r = number(f, &sql, &n);
        if (r == 0)
                *ret = (double) n;
        return r;
}

/* How many of `n` runs are passed in the order of an index until the page is full, should what the
 * clauses ask be independent; all when there is no such index. */
static int passed_by_walk(struct find *f, const struct probe *p, int64_t n, int64_t n_page,
                          double *ret) {
        double steps = (double) n_page, without, ties = 0;
        int r = part_without(f, n, &without);

        *ret = (double) n;
        if (r < 0 || (f->q->n_order > 0 && !walks(f)) || p->product <= 0 || without <= 0)
                return r;
        for (size_t i = 0; i < p->n_counted; i++)
                steps *= (double) n / PROBE_MAX;
        steps /= p->product * without;
        if (walks(f) && steps < *ret)
                r = tied(f, &ties);
        *ret = MIN(*ret, MAX(steps, ties));
        return r;
}

/* Keys of values that are filtered by, and sorted by. */
static void count_values(const struct runs_search *q, size_t *ret_n_clauses, size_t *ret_n_sorted) {
        *ret_n_clauses = *ret_n_sorted = 0;
        for (size_t i = 0; i < q->filter.n; i++)
                *ret_n_clauses += runs_search_is_on_value(&q->filter.clauses[i]) &&
                                  !runs_search_is_asked_before(q, i);
        for (size_t i = 0; i < q->n_order; i++)
                *ret_n_sorted += q->order[i].entity != FILTER_ATTRIBUTE;
}

static double ranked_costs(const struct find *f, int64_t n) {
        size_t n_clauses, n_sorted;

        count_values(f->q, &n_clauses, &n_sorted);
        return (double) n * (RANKED_COSTS + RANKED_VALUE_COSTS * (double) (n_clauses + n_sorted));
}

/* Driver or walk, and what it will cost. */
static int pick_of_large(struct find *f, const struct probe *p, int64_t n_page) {
        bool is_sqlite = db_get_dialect(f->db) == DB_SQLITE;
        size_t n_clauses, n_sorted;
        double passed = 0, each;
        int64_t n = 0, worth;
        int r = is_sqlite ? at_most(f, &n) : size_of(f, SIZE_MAX_LOOK, &n);

        if (r == 0)
                r = passed_by_walk(f, p, n, n_page, &passed);
        if (r < 0)
                return r;
        count_values(f->q, &n_clauses, &n_sorted);
        if (p->driver >= 0 && (double) p->n * DRIVEN_COSTS < passed) {
                f->driver = p->driver;
                f->costs = (double) p->n * (double) (n_clauses + n_sorted);
                return 0;
        }
        each = (double) n_clauses + walks(f);
        f->costs = passed * each;
        /* with fewer runs than that a walk is the shorter way, however few of them it finds */
        worth = (int64_t) (ranked_costs(f, n) / each) + 1;
        if (is_sqlite && f->costs > CHEAP && passed > (double) worth) {
                r = size_of(f, worth, &n);
                f->costs = MIN(passed, (double) n) * each;
        }
        return r;
}

/* Else ranking does no better than the database. */
static bool filters_by_value(const struct runs_search *q) {
        for (size_t i = 0; i < q->filter.n; i++)
                if (runs_search_is_on_value(&q->filter.clauses[i]))
                        return true;
        return false;
}

/* Which clause drives the search, if one does. */
static int pick_driver(struct find *f, int64_t n_page) {
        struct probe p;
        int r = probe_all(f, &p);

        f->driver = -1;
        if (r < 0 || !filters_by_value(f->q))
                return r;
        if (p.n >= SELECTIVE_MAX)
                return pick_of_large(f, &p, n_page);
        f->driver = p.driver;
        return 0;
}

static int give_runs(struct find *f, const char *const *ids, size_t n) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                struct run run;

                r = runs_sql_get(f->db, f->arena, ids[i], &run);
                if (r == 0)
                        r = f->each(f->ctx, &run);
        }
        return r > 0 ? -EIO : r;
}

static int collect_ids(struct find *f, struct db_stmt *s, const char ***ret, size_t *ret_n) {
        size_t n = 0, n_max = 0;
        const char **ids = NULL;
        bool oom = false;
        int r;

        while ((r = db_step(s)) == DB_ROW) {
                if (n == n_max) {
                        const char **grown = arena_zalloc_array(
                                f->arena, n_max = n_max ? 2 * n_max : 128, sizeof(*ids));

                        if (!grown)
                                return -ENOMEM;
                        if (n > 0)
                                memcpy(grown, ids, n * sizeof(*ids));
                        ids = grown;
                }
                ids[n++] = db_col_dup(s, 0, f->arena, &oom);
                if (oom)
                        return -ENOMEM;
        }
        *ret = ids;
        *ret_n = n;
        return r;
}

/* The ids of a page first, then the rows of those: until the first is given the search may go
 * another way. */
static int give_by_ids(struct find *f, struct db_stmt *s, int64_t *ret_n) {
        const char **ids = NULL;
        size_t n = 0;
        int r;

        db_set_effort(f->db, f->try_for);
        r = collect_ids(f, s, &ids, &n);
        db_set_effort(f->db, 0);
        if (r == 0 && n > 0)
                f->try_for = 0;
        *ret_n = (int64_t) n;
        return r < 0 ? r : give_runs(f, ids, n);
}

static int give_rows(struct find *f, struct db_stmt *s, int64_t *ret_n) {
        struct run run;
        int r;

        while ((r = db_step(s)) == DB_ROW) {
                r = runs_sql_read(s, f->arena, &run);
                if (r == 0)
                        r = f->each(f->ctx, &run);
                if (r != 0)
                        break;
                ++*ret_n;
        }
        return r;
}

/* *ret_n: rows given. */
static int part(struct find *f, enum runs_search_part which, int64_t limit, int64_t offset,
                int64_t *ret_n) {
        const struct runs_search_plan plan = {
                .part = which,
                .driver = f->driver,
                .ids_only = db_get_dialect(f->db) == DB_SQLITE, /* elsewhere each row is a trip */
        };
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        int r;

        *ret_n = 0;
        search_sql_init(&sql, f->arena);
        runs_search_build(f->q, &plan, &sql);
        search_sql_page(&sql, limit, offset);
        r = search_sql_prepare(&sql, f->db, &s);
        if (r < 0)
                return r;
        return plan.ids_only ? give_by_ids(f, s, ret_n) : give_rows(f, s, ret_n);
}

static int count_with_value(struct find *f, int64_t *ret) {
        const struct runs_search_plan plan = {
                .part = RUNS_SEARCH_WITH_VALUE, .driver = f->driver, .count = true};
        struct search_sql sql _cleanup_(search_sql_done) = {};

        search_sql_init(&sql, f->arena);
        runs_search_build(f->q, &plan, &sql);
        return number(f, &sql, ret);
}

/* First those that have the value, read in its order, and only when they do not fill the page the
 * others behind them. */
static int by_value(struct find *f, int64_t limit, int64_t offset) {
        int64_t n, n_with;
        int r = part(f, RUNS_SEARCH_WITH_VALUE, limit, offset, &n);

        if (r != 0 || n == limit || runs_search_implies_value(f->q))
                return r;
        n_with = offset + n;
        if (n == 0 && offset > 0)
                r = count_with_value(f, &n_with);
        if (r != 0)
                return r;
        offset = offset > n_with ? offset - n_with : 0;
        return part(f, RUNS_SEARCH_WITHOUT_VALUE, limit - n, offset, &n);
}

/* Are there few enough runs to rank them all? */
static int may_rank(struct find *f, bool *ret) {
        int64_t n = 0;
        int r = 0;

        *ret = db_get_dialect(f->db) == DB_SQLITE && runs_rank_can(f->q);
        if (*ret)
                r = at_most(f, &n);
        if (r == 0 && n > RUNS_RANK_MAX)
                r = size_of(f, RUNS_RANK_MAX + 1, &n);
        *ret = *ret && n <= RUNS_RANK_MAX;
        return r;
}

/* Would the database sort by values that it has to look up one by one, pass many runs before the
 * page, or look up more than ranking costs? Then nothing else is tried. */
static int is_ranked_at_once(struct find *f, int64_t n_page, bool *ret) {
        bool sorts = false;
        int64_t n = 0;
        int r = at_most(f, &n);

        *ret = f->costs > CHEAP && f->costs > ranked_costs(f, n);
        if (r < 0 || *ret || f->driver >= 0 || f->q->n_order == 0)
                return r;
        for (size_t i = 0; i < f->q->n_order; i++)
                sorts = sorts || f->q->order[i].entity != FILTER_ATTRIBUTE;
        *ret = sorts && (!walks(f) || n <= n_page * PASSED_COSTS);
        return 0;
}

static int by_rank(struct find *f, int64_t limit, int64_t offset) {
        const char **ids;
        size_t n;
        int r = runs_rank_find(f->db, f->arena, f->q, limit, offset, &ids, &n);

        return r == 0 ? give_runs(f, ids, n) : r;
}

/* The way that the clauses and the order allow. */
static int by_plan(struct find *f, int64_t limit, int64_t offset) {
        int64_t n;

        if (f->driver < 0 && f->q->n_order > 0 &&
            runs_search_can_walk(&f->q->order[0], f->has_text_indexes))
                return by_value(f, limit, offset);
        return part(f, RUNS_SEARCH_WHOLE, limit, offset, &n);
}

/* Through the runs of large experiments. */
static int in_large(struct find *f, int64_t limit, int64_t offset, usec_t try_for) {
        int64_t n_page = limit + MIN(offset, (int64_t) OFFSET_LOOK);
        bool ranks, at_once = false;
        int r = pick_driver(f, n_page);

        if (r == 0)
                r = may_rank(f, &ranks);
        if (r == 0 && ranks)
                r = is_ranked_at_once(f, n_page, &at_once);
        if (r != 0)
                return r;
        if (at_once && (r = by_rank(f, limit, offset)) != RUNS_RANK_NOT)
                return r;
        /* what a driver finds has been counted; what a walk passes is a guess */
        f->try_for = ranks && !at_once && f->driver < 0 && filters_by_value(f->q) ? try_for : 0;
        r = by_plan(f, limit, offset);
        if (r != -ETIME || f->try_for == 0)
                return r;
        f->try_for = 0;
        r = by_rank(f, limit, offset);
        return r == RUNS_RANK_NOT ? by_plan(f, limit, offset) : r;
}

int runs_find_within(struct db *db, struct arena *a, const struct runs_search *q, int64_t limit,
                     int64_t offset, usec_t try_for, int (*each)(void *ctx, const struct run *run),
                     void *ctx) {
        struct find f = {.db = db,
                         .arena = a,
                         .q = q,
                         .each = each,
                         .ctx = ctx,
                         .driver = -1,
                         .has_text_indexes = db_get_dialect(db) == DB_SQLITE};
        int64_t n = 0;
        int r;

        if (q->n_experiment_ids == 0)
                return 0;
        offset = MAX(offset, (int64_t) 0);
        r = size_of(&f, SMALL_MAX, &n);
        if (r == 0 && n >= SMALL_MAX)
                return in_large(&f, limit, offset, try_for);
        return r < 0 ? r : part(&f, RUNS_SEARCH_WHOLE, limit, offset, &n);
}

int runs_find(struct db *db, struct arena *a, const struct runs_search *q, int64_t limit,
              int64_t offset, int (*each)(void *ctx, const struct run *run), void *ctx) {
        return runs_find_within(db, a, q, limit, offset, TRY_FOR, each, ctx);
}
