/* Which way a search takes, by what is counted: of 100,000 runs, and of fewer and more. */
#include "daemons/tracking/runs_way.h"

#include <errno.h>

#include "lib/base/str.h"
#include "tests/unit/runs_way_test.h"
#include "tests/unit/tracking_test.h"

enum { CLAUSES_MAX = 4, FOUND_ALL = 1000000 };

/* What there is to be counted, and how much of it was. */
struct world {
        int64_t n_all, n_runs, n_ties, n_found[CLAUSES_MAX];
        int64_t counted;
        int asked, fails_at; /* of the counts that were asked for, one; 0: none */
};

static int result(struct world *w) {
        return ++w->asked == w->fails_at ? -EIO : 0;
}

static int give(struct world *w, int64_t n, int64_t max, int64_t *ret) {
        assert_true(max > 0);
        *ret = MIN(n, max);
        w->counted += *ret;
        return result(w);
}

static int count_clause(void *ctx, size_t i, int64_t max, int64_t *ret) {
        struct world *w = ctx;

        assert_true(i < CLAUSES_MAX);
        return give(w, w->n_found[i], max, ret);
}

static int count_ties(void *ctx, int64_t max, int64_t *ret) {
        struct world *w = ctx;

        return give(w, w->n_ties, max, ret);
}

static int count_runs(void *ctx, int64_t max, int64_t *ret) {
        struct world *w = ctx;

        return give(w, w->n_runs, max, ret);
}

static int at_most(void *ctx, int64_t *ret) {
        struct world *w = ctx;

        *ret = w->n_all;
        return result(w);
}

static struct runs_way found;

static const char *way(struct tracking_test *t, struct world *w, bool is_sqlite, const char *filter,
                       const char *order, int64_t n_page) {
        const struct runs_way_counts counts = {.clause = count_clause,
                                               .ties = count_ties,
                                               .runs = count_runs,
                                               .at_most = is_sqlite ? at_most : NULL,
                                               .ctx = w};
        static const int64_t experiments[] = {1};
        struct runs_search q = {.experiment_ids = experiments, .n_experiment_ids = 1};
        const char *orders[2] = {order, order ? strchr(order, ',') : NULL};
        static char said[64];
        size_t n_orders = 0;

        if (orders[1]) {
                orders[0] = arena_printf(&t->arena, "%.*s", (int) (orders[1] - order), order);
                orders[1]++;
        }
        while (n_orders < 2 && orders[n_orders])
                n_orders++;
        if (runs_search_parse(&q, filter, orders, n_orders, &t->refusal) != 0)
                fail_msg("%s", t->refusal.text);
        assert_int_equal(runs_way_pick(&q, is_sqlite, n_page, &counts, &found), 0);
        return runs_way_said(&found, &said);
}

struct row {
        const char *filter, *order;
        int64_t n_page;
        struct world world;
        const char *sqlite, *others; /* the way there */
        int64_t counted;             /* SQLite: that much is counted to know it */
};

#define WORLD(all, runs, ties, ...)                                                            \
        {                                                                                      \
                .n_all = (all), .n_runs = (runs), .n_ties = (ties), .n_found = { __VA_ARGS__ } \
        }
#define LARGE(ties, ...) WORLD(100000, 100000, ties, __VA_ARGS__)

static const struct row rows[] = {
        /* the search that was promised to be a thousand times as fast as MLflow's */
        {"metrics.acc > 0.5 AND params.lr = 'x'", "metrics.acc DESC", 100, LARGE(10, 50000, 10000),
         "walk, then pick", "walk", 34010},
        {"metrics.acc > 0.5", "metrics.acc DESC", 100, LARGE(10, 50000), "walk, then pick", "walk",
         24010},
        {"metrics.acc > 0.5 AND params.lr = 'x'", NULL, 100, LARGE(0, 50000, 10000),
         "list, then pick", "list", 34000},
        {"metrics.acc > 0.5 AND params.lr = 'x'", "metrics.other DESC", 100,
         LARGE(10, 50000, 10000), "walk, then pick", "walk", 38344},
        /* all by a value, and a page that is most of them */
        {"", "metrics.acc DESC", 100, LARGE(10, 0), "walk", "walk", 4000},
        {"", "params.lr", 100, LARGE(10000, 0), "walk", "list", 4000},
        {"", "metrics.acc DESC", 1000, WORLD(5000, 5000, 1, 0), "walk, but rank", "walk", 4000},
        {"", "metrics.acc DESC", 50000, LARGE(10, 0), "walk, but rank", "walk", 4000},
        /* by the runs themselves */
        {"", NULL, 100, LARGE(0, 0), "list", "list", 4000},
        {"", "start_time DESC", 100, LARGE(0, 0), "list", "list", 4000},
        {"status = 'FAILED'", "start_time DESC", 100, LARGE(0, 0), "list", "list", 4000},
        {"status = 'FAILED'", "metrics.acc", 100, LARGE(10, 0), "walk, then pick", "walk", 4010},
        /* texts: few, many, none */
        {"params.seed = '77'", NULL, 100, LARGE(0, 1), "clause 0", "clause 0", 4001},
        {"params.seed = '77'", "metrics.acc DESC", 100, LARGE(10, 1), "clause 0", "clause 0", 4001},
        {"tags.batch = '12'", "metrics.acc DESC", 100, LARGE(10, 900), "clause 0", "clause 0",
         4900},
        {"params.lr = '3'", NULL, 100, LARGE(0, 10000), "list, then pick", "list", 14000},
        {"params.lr = '3'", "metrics.acc DESC", 100, LARGE(10, 10000), "walk, then pick", "walk",
         14010},
        {"params.lr = '3'", "params.seed", 100, LARGE(1, 10000), "walk, then pick", "clause 0",
         14001},
        {"params.seed LIKE '%77%'", NULL, 100, LARGE(0, 4000), "list, then pick", "list", 8000},
        {"params.seed LIKE '%nowhere%'", NULL, 100, LARGE(0, 0), "clause 0", "list", 4000},
        {"tags.team = 'a'", "start_time DESC", 100, LARGE(0, 12500), "list, then pick", "clause 0",
         16500},
        {"tags.team = 'a'", "end_time DESC", 100, LARGE(0, 12500), "clause 0, but pick", "clause 0",
         16500},
        {"tags.team IS NULL", NULL, 100, LARGE(0, 99990), "list, then pick", "list", 4000},
        {"params.lr = '3' AND tags.team IS NULL", NULL, 100, LARGE(0, 10000, 99990),
         "clause 0, but pick", "clause 0", 113990},
        {"params.lr = '3' AND tags.team IS NULL", NULL, 100, LARGE(0, 10000, 500),
         "list, then pick", "list", 14500},
        {"run_name = 'r'", NULL, 100, LARGE(0, 1), "clause 0", "clause 0", 4001},
        {"run_name LIKE '%7%'", "start_time DESC", 100, LARGE(0, 40000), "list, then pick", "list",
         24000},
        /* several clauses, several keys */
        {"metrics.m1 > 0.9 AND metrics.m2 > 0.9", NULL, 100, LARGE(0, 10000, 10000),
         "list, but pick", "list", 29501},
        {"metrics.m1 > 0.5 AND metrics.m2 > 0.5", NULL, 100, LARGE(0, 50000, 50000),
         "list, then pick", "list", 44000},
        {"metrics.m1 > 0.5 AND metrics.m2 > 0.5", "metrics.m3", 100, LARGE(10, 50000, 50000),
         "walk, then pick", "walk", 44010},
        {"metrics.m1 > 0.98 AND metrics.m2 > 0.98", "metrics.m1", 100, LARGE(10, 2000, 2000),
         "clause 0, but pick", "clause 0", 8010},
        {"params.lr = '3' AND params.model = 'r' AND tags.team = 'a'", NULL, 100,
         LARGE(0, 10000, 20000, 12500), "clause 0, but pick", "clause 0", 46500},
        {"params.lr = '3' AND params.model = 'r' AND tags.team = 'a'", "metrics.acc", 100,
         LARGE(10, 10000, 20000, 12500), "clause 0, but pick", "clause 0", 46510},
        {"metrics.acc > 0.5", "params.lr", 100, LARGE(10000, 50000), "walk, then pick", "list",
         39501},
        {"metrics.m1 > 0.2 AND metrics.m2 > 0.2 AND metrics.m3 > 0.2 AND metrics.m4 > 0.2",
         "metrics.m5", 100, LARGE(10, 80000, 80000, 80000, 80000), "walk, then pick", "walk",
         87411},
        /* what is not counted: datasets, and what the runs' rows tell beside values */
        {"dataset.name = 'd'", NULL, 100, LARGE(0, 0), "list, then pick", "list", 4000},
        {"dataset.name = 'd'", "metrics.acc", 100, LARGE(10, 0), "walk, then pick", "walk", 4010},
        {"status = 'FAILED' AND params.lr = '3'", "metrics.acc", 100, LARGE(10, 0, 10000),
         "walk, then pick", "walk", 14010},
        {"start_time > 5 AND start_time < 9", "metrics.acc", 100, LARGE(10, 0, 0),
         "walk, then pick", "walk", 4010},
        {"start_time > 5", "end_time", 100, LARGE(10, 0), "list", "list", 4000},
        /* a page far behind: values of each of its runs are not looked up */
        {"metrics.acc > 0.5", "metrics.loss", 5001, LARGE(10, 50000), "walk, then rank", "walk",
         29511},
        {"", "status,metrics.acc DESC", 100, LARGE(0, 0), "list, but rank", "list", 4000},
        {"", "params.lr,metrics.acc DESC", 100, LARGE(10000, 0), "walk", "list", 4000},
        /* many more runs than are ranked, a small part of many, and too few to reckon */
        {"params.lr = '3'", NULL, 100, WORLD(900000, 900000, 0, 90000), "list", "list", 224001},
        {"metrics.acc > 0.5 AND params.lr = 'x'", "metrics.acc DESC", 100,
         WORLD(900000, 900000, 10, 450000, 90000), "walk", "walk", 244011},
        {"params.lr = '3'", "metrics.acc", 100, WORLD(900000, 5000, 10, 90000), "walk, then pick",
         "walk", 29010},
        {"metrics.acc > 0.5", "metrics.acc", 100, WORLD(900000, 3999, 10, 90000), "list", "list",
         3999},
};

static void test_table(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct row *r = &rows[i];
                struct world w = r->world, others = r->world;
                const char *said = way(*state, &w, true, r->filter, r->order, r->n_page);

                if (!str_eq(said, r->sqlite) || w.counted != r->counted)
                        fail_msg("%s by %s: %s, not %s; %ld counted, not %ld", r->filter,
                                 r->order ?: "none", said, r->sqlite, (long) w.counted,
                                 (long) r->counted);
                said = way(*state, &others, false, r->filter, r->order, r->n_page);
                if (!str_eq(said, r->others))
                        fail_msg("%s by %s: elsewhere %s, not %s", r->filter, r->order ?: "none",
                                 said, r->others);
        }
}

/* No longer than memory would take is the other way tried, and never for long. */
static void test_tried(void **state) {
        struct world few = WORLD(10000, 10000, 10, 5000, 5000), many = LARGE(10, 50000, 50000);
        const char *filter = "metrics.m1 > 0.5 AND metrics.m2 > 0.5";

        assert_string_equal(way(*state, &few, true, filter, "metrics.m3", 100), "walk, then pick");
        assert_in_range(found.try_for, USEC_PER_MSEC, 4 * USEC_PER_MSEC);
        assert_string_equal(way(*state, &many, true, filter, "metrics.m3", 100), "walk, then pick");
        assert_int_equal(found.try_for, 15 * USEC_PER_MSEC);
        filter = "metrics.m1 > 0.5 AND tags.team IS NULL";
        assert_string_equal(way(*state, &many, true, filter, "metrics.m3", 100), "walk, then pick");
        assert_int_equal(found.try_for, 5 * USEC_PER_MSEC);
        assert_string_equal(way(*state, &many, true, "status = 'FAILED'", "metrics.m3", 100),
                            "walk, then pick");
        assert_int_equal(found.try_for, 5 * USEC_PER_MSEC);
        assert_string_equal(way(*state, &many, true, "", "metrics.m3", 100), "walk");
        assert_int_equal(found.try_for, 0);
}

/* The n-th count fails, whichever it is. */
static void test_counts_that_fail(void **state) {
        static const int64_t experiments[] = {1};
        struct runs_search q = {.experiment_ids = experiments, .n_experiment_ids = 1};
        const char *order = "metrics.acc DESC";
        struct tracking_test *t = *state;
        int n = 0, r;

        assert_int_equal(runs_search_parse(&q, "metrics.acc > 0.5 AND tags.a IS NULL", &order, 1,
                                           &t->refusal),
                         0);
        do {
                struct world w = LARGE(10, 50000, 10);
                const struct runs_way_counts counts = {.clause = count_clause,
                                                       .ties = count_ties,
                                                       .runs = count_runs,
                                                       .at_most = at_most,
                                                       .ctx = &w};

                w.fails_at = ++n;
                r = runs_way_pick(&q, true, 100, &counts, &found);
                assert_true(r == 0 || r == -EIO);
                assert_int_equal(r < 0, w.asked >= n);
        } while (r < 0);
        assert_in_range(n, 6, 12);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_table),
                tracking_test(test_tried),
                tracking_test(test_counts_that_fail),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
