#include "daemons/tracking/runs_way.h"

#include "daemons/tracking/runs_pick.h"
#include "daemons/tracking/runs_rank.h"
#include "lib/base/str.h"

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
/* What picking costs, as ranking: for each value that a clause finds, and for each run or value
 * that is passed and asked for. Of a clause of which it is not known how many it finds, half of the
 * runs are taken to fulfil it. */
#define PICKED_COSTS 0.1
/* To find a row by an index costs so many times what it costs to come upon it. */
#define SCANNED_PART 3
/* A page of more than this is ranked: the values of each of its runs are looked up. */
#define PICKED_PAGE_MAX 5000
/* A value takes about so long. */
#define COST_USEC 2
/* A way that costs no more is taken without another look. */
#define CHEAP 2500

struct reckoning {
        const struct runs_search *q;
        const struct runs_way_counts *counts;
        bool is_sqlite; /* params and tags have indexes by their value, whatever the value is */
        int64_t n_page;
        ssize_t driver;
        double costs;  /* the way with the driver or without, reckoned as RANKED_COSTS */
        double n_read; /* values that picking reads, of the clauses that were counted */
        size_t n_more; /* clauses that find more than were counted */
};

static int count_runs(const struct reckoning *f, int64_t max, int64_t *ret) {
        return f->counts->runs(f->counts->ctx, max, ret);
}

static int at_most(const struct reckoning *f, int64_t *ret) {
        return f->counts->at_most(f->counts->ctx, ret);
}

static bool may_probe(const struct reckoning *f, const struct filter_clause *c) {
        return runs_search_can_drive(c) &&
               (c->op == FILTER_EQ || c->entity == FILTER_METRIC || f->is_sqlite);
}

static bool walks(const struct reckoning *f) {
        return f->q->n_order > 0 && runs_search_can_walk(&f->q->order[0], f->is_sqlite);
}

/* Do the runs come in the order by an index of theirs? */
static bool lists_in_order(const struct reckoning *f) {
        const struct order_key *k = &f->q->order[0];

        return f->q->n_order == 0 || (f->is_sqlite && k->entity == FILTER_ATTRIBUTE &&
                                      k->descending && str_eq(k->key, "start_time"));
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

static int probe(const struct reckoning *f, size_t clause, int64_t max, int64_t *ret) {
        return f->counts->clause(f->counts->ctx, clause, max, ret);
}

static int probe_all(struct reckoning *f, struct probe *ret) {
        *ret = (struct probe){.driver = -1, .n = PROBE_MAX, .product = 1};
        for (size_t i = 0; i < f->q->filter.n && ret->n >= SELECTIVE_MAX; i++) {
                int64_t n;
                int r;

                if (!may_probe(f, &f->q->filter.clauses[i]))
                        continue;
                r = probe(f, i, PROBE_MAX, &n);
                if (r < 0)
                        return r;
                f->n_read += (double) n;
                f->n_more += n == PROBE_MAX;
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
static int part_without(struct reckoning *f, int64_t size, double *ret) {
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
static int tied(const struct reckoning *f, double *ret) {
        int64_t n;
        int r = f->counts->ties(f->counts->ctx, PROBE_MAX, &n);

        if (r == 0)
                *ret = (double) n;
        return r;
}

/* How many of `n` runs are passed in the order of an index until the page is full, should what the
 * clauses ask be independent; all when there is no such index. What is counted to know of values
 * that must not be there may be all values of a key: that is worth it only where there is a driver
 * to choose instead, else the way is tried for as long as counting may take (LACKS_TRY_MAX). */
static int passed_by_walk(struct reckoning *f, const struct probe *p, int64_t n, double *ret) {
        double steps = (double) f->n_page, without = 1, ties = 0;
        int r = p->driver >= 0 ? part_without(f, n, &without) : 0;

        *ret = (double) n;
        if (r < 0 || (!walks(f) && !lists_in_order(f)) || p->product <= 0 || without <= 0)
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

static double ranked_costs(const struct reckoning *f, int64_t n) {
        size_t n_clauses, n_sorted;

        count_values(f->q, &n_clauses, &n_sorted);
        return (double) n * (RANKED_COSTS + RANKED_VALUE_COSTS * (double) (n_clauses + n_sorted));
}

/* Driver or walk, and what it will cost. */
static int pick_of_large(struct reckoning *f, const struct probe *p) {
        size_t n_clauses, n_sorted;
        double passed = 0, each;
        int64_t n = 0, worth;
        int r = f->is_sqlite ? at_most(f, &n) : count_runs(f, SIZE_MAX_LOOK, &n);

        if (r == 0)
                r = passed_by_walk(f, p, n, &passed);
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
        if (f->is_sqlite && f->costs > CHEAP && passed > (double) worth) {
                r = count_runs(f, worth, &n);
                f->costs = MIN(passed, (double) n) * each;
        }
        return r;
}

/* Which clause drives the search, if one does. */
static int pick_driver(struct reckoning *f) {
        struct probe p;
        int r = probe_all(f, &p);

        f->driver = -1;
        if (r < 0 || !runs_pick_can(f->q))
                return r;
        if (p.driver < 0 && !f->is_sqlite)
                return 0; /* nothing to choose between */
        if (p.n >= SELECTIVE_MAX)
                return pick_of_large(f, &p);
        f->driver = p.driver;
        return 0;
}

/* What is worked out in memory, should the way be long. *ret_n: no fewer than there are runs. */
static int pick_memory(struct reckoning *f, enum runs_way_memory *ret, int64_t *ret_n) {
        int r;

        *ret = RUNS_WAY_NO_MEMORY;
        *ret_n = 0;
        if (!f->is_sqlite)
                return 0;
        r = at_most(f, ret_n);
        if (r == 0 && *ret_n > RUNS_RANK_MAX)
                r = count_runs(f, RUNS_RANK_MAX + 1, ret_n);
        if (r < 0 || *ret_n > RUNS_RANK_MAX)
                return r;
        if (runs_pick_can(f->q) && f->n_page <= PICKED_PAGE_MAX)
                *ret = RUNS_WAY_PICKED;
        else if (runs_rank_can(f->q))
                *ret = RUNS_WAY_RANKED;
        return 0;
}

static double memory_costs(const struct reckoning *f, enum runs_way_memory memory, int64_t n) {
        double read = f->n_read + (double) n / 2;

        if (memory == RUNS_WAY_RANKED)
                return ranked_costs(f, n);
        for (size_t i = 0; i < f->n_more; i++)
                read += (double) n / 2 > PROBE_MAX ? (double) n / 2 - PROBE_MAX : 0;
        return read * PICKED_COSTS;
}

/* Would the database sort by values that it has to look up one by one, pass many runs before the
 * page, or look up more than memory costs? Then nothing else is tried. */
static int is_at_once(struct reckoning *f, double memory, bool *ret) {
        bool sorts = false;
        int64_t n = 0;
        int r = at_most(f, &n);

        /* what was not counted to its end may let the way be shorter by far: that is tried */
        *ret = f->costs > CHEAP && f->costs > memory && (f->driver >= 0 || f->n_more == 0);
        if (r < 0 || *ret || f->driver >= 0 || f->q->n_order == 0)
                return r;
        for (size_t i = 0; i < f->q->n_order; i++)
                sorts = sorts || f->q->order[i].entity != FILTER_ATTRIBUTE;
        *ret = sorts && (!walks(f) || n <= f->n_page * PASSED_COSTS);
        return 0;
}

/* An index's way may turn out to be longer than reckoned. Some times as long it is gone (a machine
 * that others use is slower by as much), but no longer than memory would take; and only for so long
 * when nothing has told how many runs lack a value that they must not have, have a dataset, or
 * fulfil what their rows tell: */
#define TRIED_TIMES 5
#define TRY_MIN (2 * USEC_PER_MSEC)
#define TRY_MAX (15 * USEC_PER_MSEC)
#define UNCOUNTED_TRY (5 * USEC_PER_MSEC)

static bool is_uncounted(const struct reckoning *f, const struct filter_clause *c) {
        return c->op == FILTER_IS_NULL || c->entity == FILTER_DATASET ||
               (walks(f) && runs_search_is_on_run(c));
}

static usec_t try_for(const struct reckoning *f, double memory) {
        usec_t reckoned = (usec_t) (f->costs * COST_USEC * TRIED_TIMES);
        usec_t max = (usec_t) (memory * COST_USEC);

        for (size_t i = 0; i < f->q->filter.n; i++)
                if (is_uncounted(f, &f->q->filter.clauses[i]))
                        reckoned = UNCOUNTED_TRY;
        return MIN(MAX(MIN(reckoned, max), TRY_MIN), TRY_MAX);
}

static enum runs_way_kind kind_of(const struct reckoning *f) {
        return f->driver >= 0 ? RUNS_WAY_DRIVEN : walks(f) ? RUNS_WAY_WALKED : RUNS_WAY_LISTED;
}

/* No index has what the order begins with: each row is read. They lie as they were made, so what is
 * an address with an id in it has few that come before those so far. */
static int pick_scan(struct reckoning *f, struct runs_way *way) {
        const struct order_key *k = &f->q->order[0];
        int64_t n_all = 0, n = 0;
        int r;

        if (!f->is_sqlite || way->kind != RUNS_WAY_LISTED || f->q->n_order == 0 ||
            k->entity != FILTER_ATTRIBUTE || !str_eq(k->key, "artifact_uri"))
                return 0;
        r = at_most(f, &n_all);
        if (r == 0)
                r = count_runs(f, n_all / SCANNED_PART + 1, &n);
        way->scans = n > n_all / SCANNED_PART;
        return r;
}

/* Every run is to be passed, for what the order begins with or for being sorted: its own row tells
 * all that is asked. */
static int pick_bound(struct reckoning *f, struct runs_way *way) {
        if (!f->is_sqlite || way->kind != RUNS_WAY_LISTED || lists_in_order(f) ||
            f->q->n_order == 0 || f->q->order[0].entity != FILTER_ATTRIBUTE ||
            str_eq(f->q->order[0].key, "start_time"))
                return 0;
        for (size_t i = 0; i < f->q->filter.n; i++)
                if (!runs_search_is_on_run(&f->q->filter.clauses[i]))
                        return 0;
        way->is_bounded = true;
        return at_most(f, &way->n_all);
}

/* Through the runs of large experiments. */
static int pick_in_large(struct reckoning *f, struct runs_way *ret) {
        enum runs_way_memory memory;
        bool at_once = false;
        double costs = 0;
        int64_t n = 0;
        int r = pick_driver(f);

        if (r == 0)
                r = pick_memory(f, &memory, &n);
        if (r == 0 && memory != RUNS_WAY_NO_MEMORY) {
                costs = memory_costs(f, memory, n);
                r = is_at_once(f, costs, &at_once);
        }
        if (r != 0)
                return r;
        *ret = (struct runs_way){.kind = kind_of(f), .driver = f->driver};
        /* what a driver finds has been counted; what a walk passes is a guess */
        if (at_once || (f->driver < 0 && runs_pick_can(f->q)))
                ret->memory = memory;
        if (ret->memory && !at_once)
                ret->try_for = try_for(f, costs);
        r = pick_scan(f, ret);
        return r == 0 ? pick_bound(f, ret) : r;
}

int runs_way_pick(const struct runs_search *q, bool is_sqlite, int64_t n_page,
                  const struct runs_way_counts *counts, struct runs_way *ret) {
        struct reckoning f = {
                .q = q, .counts = counts, .is_sqlite = is_sqlite, .n_page = n_page, .driver = -1};
        int64_t n = 0;
        int r = count_runs(&f, SMALL_MAX, &n);

        if (r < 0)
                return r;
        if (n >= SMALL_MAX)
                return pick_in_large(&f, ret);
        *ret = (struct runs_way){.kind = RUNS_WAY_LISTED, .driver = -1};
        return 0;
}
