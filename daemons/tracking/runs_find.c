#include "daemons/tracking/runs_find.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/runs_bound.h"
#include "daemons/tracking/runs_pick.h"
#include "daemons/tracking/runs_rank.h"
#include "daemons/tracking/runs_way.h"

/* So far in the order of values, where a page begins is found first. */
#define FAR_MIN 2000
/* An offset beyond it says nothing more about costs. */
#define OFFSET_LOOK (1 << 24)

enum { MEMORY_NOT = 1 };
static_assert((int) MEMORY_NOT == (int) RUNS_RANK_NOT && (int) MEMORY_NOT == (int) RUNS_PICK_NOT &&
                      (int) MEMORY_NOT == (int) RUNS_BOUND_NOT,
              "all say so");

struct find {
        struct db *db;
        struct arena *arena;
        const struct runs_search *q;
        int (*each)(void *ctx, const struct run *run);
        void *ctx;
        struct runs_way way;
        usec_t try_for; /* 0: the search goes its way to the end */
        usec_t tries;   /* what the caller wants to be tried for, 0: as it is best */
        bool picks;     /* as the plan has it */
        const char *picked;
        const struct filter_clause *bound;
};

/* --- counting (runs_way.h) ---------------------------------------------------------------------
 */

static int count_runs(void *ctx, int64_t max, int64_t *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        struct find *f = ctx;

        search_sql_init(&sql, f->arena);
        runs_search_build_size(f->q, max, &sql);
        return search_sql_number(&sql, f->db, ret);
}

static int count_clause(void *ctx, size_t i, int64_t max, int64_t *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        struct find *f = ctx;

        search_sql_init(&sql, f->arena);
        runs_search_build_probe(f->q, i, max, &sql);
        return search_sql_number(&sql, f->db, ret);
}

static int count_ties(void *ctx, int64_t max, int64_t *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        struct find *f = ctx;

        search_sql_init(&sql, f->arena);
        runs_search_build_ties(f->q, max, &sql);
        return search_sql_number(&sql, f->db, ret);
}

static int at_most(void *ctx, int64_t *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        struct find *f = ctx;

        search_sql_init(&sql, f->arena);
        search_sql_add(&sql, "SELECT max(rowid) FROM runs");
        return search_sql_number(&sql, f->db, ret);
}

/* Is a page behind others found by where it begins, without what is before it? */
static bool is_far(const struct find *f, int64_t offset) {
        return db_get_dialect(f->db) == DB_SQLITE && offset >= FAR_MIN && f->q->filter.n == 0 &&
               f->q->n_order > 0 && runs_search_can_walk(&f->q->order[0], true);
}

static int pick(struct find *f, int64_t limit, int64_t offset) {
        const struct runs_way_counts counts = {.clause = count_clause,
                                               .ties = count_ties,
                                               .runs = count_runs,
                                               .at_most = at_most,
                                               .ctx = f};

        if (is_far(f, offset))
                offset = 0;
        return runs_way_pick(f->q, db_get_dialect(f->db) == DB_SQLITE,
                             limit + MIN(offset, (int64_t) OFFSET_LOOK), &counts, &f->way);
}

/* --- going ---------------------------------------------------------------------------------------
 */

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
                .driver = f->way.driver,
                .picks = f->picks,
                .picked = f->picked,
                .scans = f->way.scans && !f->picks,
                .bound = f->bound,
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

static int count_part(struct find *f, enum runs_search_part part, int64_t *ret) {
        const struct runs_search_plan plan = {
                .part = part,
                .driver = f->way.driver,
                .picks = f->picks,
                .count = true,
        };
        struct search_sql sql _cleanup_(search_sql_done) = {};

        search_sql_init(&sql, f->arena);
        runs_search_build(f->q, &plan, &sql);
        return search_sql_number(&sql, f->db, ret);
}

/* Those with the value, from where the page begins on if that is far. */
static int part_with_value(struct find *f, int64_t limit, int64_t offset, int64_t *ret_n) {
        struct runs_bound bound;
        int r = RUNS_BOUND_NOT;

        if (is_far(f, offset) && !f->picks)
                r = runs_bound_begin(f->db, f->arena, f->q, offset, &bound);
        if (r < 0)
                return r;
        if (r == 0) {
                f->bound = &bound.clause;
                offset = bound.offset;
        }
        r = part(f, RUNS_SEARCH_WITH_VALUE, limit, offset, ret_n);
        f->bound = NULL;
        return r;
}

/* First those that have the value, read in its order, and only when they do not fill the page the
 * others behind them. */
static int by_value(struct find *f, int64_t limit, int64_t offset) {
        static const enum runs_search_part parts[] = {RUNS_SEARCH_WITH_VALUE, RUNS_SEARCH_NAN,
                                                      RUNS_SEARCH_WITHOUT_VALUE};
        bool is_metric = f->q->order[0].entity == FILTER_METRIC;

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                int64_t n, n_all;
                int r;

                if (parts[i] == RUNS_SEARCH_NAN && !is_metric)
                        continue;
                r = parts[i] == RUNS_SEARCH_WITH_VALUE ? part_with_value(f, limit, offset, &n)
                                                       : part(f, parts[i], limit, offset, &n);
                if (r != 0 || n == limit || runs_search_implies_value(f->q))
                        return r;
                n_all = offset + n;
                if (n == 0 && offset > 0 && parts[i] != RUNS_SEARCH_WITHOUT_VALUE)
                        r = count_part(f, parts[i], &n_all);
                if (r != 0)
                        return r;
                offset -= MIN(offset, n_all);
                limit -= n;
        }
        return 0;
}

static int by_rank(struct find *f, int64_t limit, int64_t offset) {
        const char **ids;
        size_t n;
        int r = runs_rank_find(f->db, f->arena, f->q, limit, offset, &ids, &n);

        return r == 0 ? give_runs(f, ids, n) : r;
}

static int by_index(struct find *f, int64_t limit, int64_t offset) {
        int64_t n;

        return f->way.kind == RUNS_WAY_WALKED ? by_value(f, limit, offset)
                                              : part(f, RUNS_SEARCH_WHOLE, limit, offset, &n);
}

/* Of so many times the page's runs, a walk comes upon the page before all are looked up; unless
 * they are in other experiments, or lack the value: it is gone for no longer than so. */
#define WALKED_TIMES 8
#define WALKED_TRY (4 * USEC_PER_MSEC)

/* Before few that are left are looked up. 0, -ETIME or another -errno. */
static int by_short_walk(struct find *f, const struct runs_pick *p, int64_t limit, int64_t offset) {
        int r;

        if (f->way.kind != RUNS_WAY_WALKED || offset > RUNS_PICK_FEW_MAX ||
            (int64_t) p->n_left / WALKED_TIMES < limit + offset)
                return -ETIME;
        f->try_for = f->tries ?: WALKED_TRY;
        r = by_index(f, limit, offset);
        f->try_for = 0;
        return r;
}

/* Through those that are left, or in the order's way asking for each. */
static int among_picked(struct find *f, const struct runs_pick *p, int64_t limit, int64_t offset) {
        bool walks = f->q->n_order > 0 && runs_search_can_walk(&f->q->order[0], true);
        int64_t n;
        int r;

        f->picks = true;
        f->way.driver = -1;
        f->way.kind = walks ? RUNS_WAY_WALKED : RUNS_WAY_LISTED;
        if (p->excludes || p->n_left > RUNS_PICK_FEW_MAX)
                return by_index(f, limit, offset);
        r = by_short_walk(f, p, limit, offset);
        if (r != -ETIME)
                return r;
        f->picked = runs_pick_list(p, f->arena);
        return f->picked ? part(f, RUNS_SEARCH_WHOLE, limit, offset, &n) : -ENOMEM;
}

static int by_pick(struct find *f, int64_t limit, int64_t offset) {
        struct runs_pick p _cleanup_(runs_pick_done) = {};
        int r = runs_pick_read(&p, f->db, f->arena, f->q, f->way.driver);

        if (r != 0 || (p.n_left == 0 && !p.excludes))
                return r;
        db_set_pick(f->db, runs_pick_has, &p);
        r = among_picked(f, &p, limit, offset);
        db_set_pick(f->db, NULL, NULL);
        return r;
}

static int in_memory(struct find *f, int64_t limit, int64_t offset) {
        return f->way.memory == RUNS_WAY_PICKED ? by_pick(f, limit, offset)
                                                : by_rank(f, limit, offset);
}

/* The page, if it is full by those within the bound. 0, RUNS_BOUND_NOT or -errno. */
static int by_bound(struct find *f, int64_t limit, int64_t offset) {
        struct runs_bound bound;
        const struct runs_search_plan plan = {.part = RUNS_SEARCH_WHOLE,
                                              .driver = -1,
                                              .scans = f->way.scans,
                                              .bound = &bound.clause,
                                              .ids_only = true};
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        const char **ids;
        size_t n;
        int r = runs_bound_end(f->db, f->arena, f->q, f->way.n_all, limit + offset, &bound);

        if (r != 0)
                return r;
        search_sql_init(&sql, f->arena);
        runs_search_build(f->q, &plan, &sql);
        search_sql_page(&sql, limit, offset);
        r = search_sql_prepare(&sql, f->db, &s);
        if (r == 0)
                r = collect_ids(f, s, &ids, &n);
        if (r < 0 || (int64_t) n < limit)
                return r < 0 ? r : RUNS_BOUND_NOT;
        return give_runs(f, ids, n);
}

static int go(struct find *f, int64_t limit, int64_t offset) {
        int r = f->way.is_bounded && offset < f->way.n_all ? by_bound(f, limit, offset)
                                                           : RUNS_BOUND_NOT;

        if (r != RUNS_BOUND_NOT)
                return r;

        if (f->way.memory != RUNS_WAY_NO_MEMORY && f->way.try_for > 0) {
                f->try_for = f->tries ?: f->way.try_for;
                r = by_index(f, limit, offset);
                if (r != -ETIME || f->try_for == 0)
                        return r;
                f->try_for = 0;
        }
        r = f->way.memory != RUNS_WAY_NO_MEMORY ? in_memory(f, limit, offset) : MEMORY_NOT;
        return r == MEMORY_NOT ? by_index(f, limit, offset) : r;
}

/* --- where all of the page are alike -----------------------------------------------------------
 */

/* So many times the page's runs have the first value of the order: by what comes next in it they
 * are found as if the value was asked for. */
#define ALIKE_TIMES 8
#define ALIKE_PAGE_MAX 5000

struct page {
        struct run *runs;
        size_t n;
};

static int keep(void *ctx, const struct run *run) {
        struct page *p = ctx;

        p->runs[p->n++] = *run;
        return 0;
}

static bool may_be_alike(const struct find *f, int64_t limit, int64_t offset) {
        const struct order_key *k = &f->q->order[0];

        return db_get_dialect(f->db) == DB_SQLITE && f->q->filter.n == 0 && f->q->n_order > 0 &&
               (k->entity == FILTER_PARAM || k->entity == FILTER_TAG) && limit > 0 &&
               limit <= ALIKE_PAGE_MAX && offset <= ALIKE_PAGE_MAX;
}

/* A full page of runs with the first value. 0, RUNS_BOUND_NOT or -errno. */
static int among_alike(struct find *f, int64_t limit, int64_t offset) {
        struct runs_search alike = *f->q;
        struct filter_clause first;
        struct page p = {};
        int r;

        if (!may_be_alike(f, limit, offset))
                return RUNS_BOUND_NOT;
        r = runs_bound_first(f->db, f->arena, f->q, ALIKE_TIMES * (limit + offset), &first);
        if (r != 0)
                return r;
        p.runs = arena_zalloc_array(f->arena, (size_t) limit, sizeof(*p.runs));
        if (!p.runs)
                return -ENOMEM;
        alike.filter = (struct filter){&first, 1};
        alike.n_order--;
        memmove(&alike.order[0], &alike.order[1], alike.n_order * sizeof(*alike.order));
        r = runs_find_within(f->db, f->arena, &alike, limit, offset, f->tries, keep, &p);
        if (r == 0 && (int64_t) p.n < limit)
                return RUNS_BOUND_NOT;
        for (size_t i = 0; r == 0 && i < p.n; i++)
                r = f->each(f->ctx, &p.runs[i]);
        return r;
}

int runs_find_within(struct db *db, struct arena *a, const struct runs_search *q, int64_t limit,
                     int64_t offset, usec_t try_for, int (*each)(void *ctx, const struct run *run),
                     void *ctx) {
        struct find f = {.db = db, .arena = a, .q = q, .each = each, .ctx = ctx, .tries = try_for};
        int r;

        if (q->n_experiment_ids == 0)
                return 0;
        offset = MAX(offset, (int64_t) 0);
        r = among_alike(&f, limit, offset);
        if (r == RUNS_BOUND_NOT)
                r = pick(&f, limit, offset) ?: go(&f, limit, offset);
        return r;
}

int runs_find(struct db *db, struct arena *a, const struct runs_search *q, int64_t limit,
              int64_t offset, int (*each)(void *ctx, const struct run *run), void *ctx) {
        return runs_find_within(db, a, q, limit, offset, 0, each, ctx);
}

int runs_find_way(struct db *db, struct arena *a, const struct runs_search *q, int64_t limit,
                  int64_t offset, struct runs_way *ret) {
        struct find f = {.db = db, .arena = a, .q = q};
        int r = pick(&f, limit, offset);

        if (r == 0)
                *ret = f.way;
        return r;
}

static int count_all(struct find *f, int64_t *ret) {
        const struct runs_search_plan plan = {
                .part = RUNS_SEARCH_WHOLE,
                .driver = f->way.driver,
                .count = true,
        };
        struct search_sql sql _cleanup_(search_sql_done) = {};

        search_sql_init(&sql, f->arena);
        runs_search_build(f->q, &plan, &sql);
        return search_sql_number(&sql, f->db, ret);
}

int runs_find_count(struct db *db, struct arena *a, const struct runs_search *q, usec_t within,
                    int64_t *ret) {
        struct runs_search any_order = *q;
        struct find f = {.db = db, .arena = a, .q = &any_order};
        int r = 0;

        *ret = 0;
        if (q->n_experiment_ids == 0)
                return 0;
        any_order.n_order = 0;
        db_set_effort(db, within);
        r = pick(&f, OFFSET_LOOK, 0);
        if (r == 0)
                r = count_all(&f, ret);
        db_set_effort(db, 0);
        return r;
}
