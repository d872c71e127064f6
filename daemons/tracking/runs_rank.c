/* runs_rank.c: see runs_rank.h.
 *
 * Each key of the order is a number for each run, less is earlier: the moment itself, or the place
 * of the value among all values of its key, as the index by value tells them. Then the moment of
 * the start, the latest first, and at last the id. */
#include "daemons/tracking/runs_rank.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/runs_pick.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* A key may have so many more values than the experiments have runs, and a few. */
#define OTHERS_MAX 4
#define OTHERS_FEW 10000
/* A part of so few runs is sorted. */
#define SORTED_MAX 64

/* So few of the runs, and their values are looked up one by one. */
#define LOOKED_UP_PART 8

/* What comes behind every number: NaN, then what has no value. */
#define RANK_NAN (INT64_MAX - 1)
#define RANK_NONE INT64_MAX

struct rank {
        const struct runs_search *q;
        struct runs_pick pick; /* all runs */
        int64_t *keys;         /* n_keys of each run */
        uint32_t *order;       /* the numbers of the runs that are left */
        size_t n_keys, n_left, keys_max;
        size_t n_compared; /* keys; all: and the ids */
        size_t key;        /* that is read */
};

static void rank_done(struct rank *k) {
        runs_pick_done(&k->pick);
        mem_free(k->keys);
        mem_free(k->order);
}

static bool is_value(const struct order_key *k) {
        return k->entity != FILTER_ATTRIBUTE;
}

static bool is_time(const struct order_key *k) {
        return str_eq(k->key, "start_time") || str_eq(k->key, "end_time");
}

bool runs_rank_can(const struct runs_search *q) {
        for (size_t i = 0; i < q->n_order; i++)
                if (!is_value(&q->order[i]) && !is_time(&q->order[i]) &&
                    !str_eq(q->order[i].key, "status"))
                        return false;
        return true;
}

/* --- all runs --------------------------------------------------------------------------------- */

static int64_t rank_of_number(int64_t number, bool descending) {
        return descending ? ~number : number;
}

static int64_t rank_of_time(struct db_stmt *s, int col, bool descending) {
        return db_col_is_null(s, col) ? RANK_NONE : rank_of_number(db_col_i64(s, col), descending);
}

/* By the alphabet; -1: none that the schema allows. */
static int place_of_status(const char *status) {
        static const char *const sorted[] = {"FAILED", "FINISHED", "KILLED", "RUNNING",
                                             "SCHEDULED"};

        for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
                if (str_eq(sorted[i], status))
                        return (int) i;
        return -1;
}

/* The keys that stand in the run's row: columns as runs_search_build() has them. */
static int read_keys(const struct rank *k, struct db_stmt *s, int64_t *ret) {
        int col = 2, place;

        ret[k->q->n_order] = rank_of_time(s, 1, true);
        for (size_t i = 0; i < k->q->n_order; i++) {
                const struct order_key *o = &k->q->order[i];

                if (is_value(o)) {
                        ret[i] = RANK_NONE;
                } else if (is_time(o)) {
                        ret[i] = rank_of_time(s, col++, o->descending);
                } else if (db_col_is_null(s, col)) {
                        ret[i] = RANK_NONE;
                        col++;
                } else {
                        place = place_of_status(db_col_text(s, col++));
                        if (place < 0)
                                return RUNS_RANK_NOT;
                        ret[i] = rank_of_number(place, o->descending);
                }
        }
        return 0;
}

static int read_runs(struct rank *k, struct db *db, struct arena *a) {
        const struct runs_search_plan plan = {
                .part = RUNS_SEARCH_WHOLE, .driver = -1, .keys_only = true};
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        int r;

        search_sql_init(&sql, a);
        runs_search_build(k->q, &plan, &sql);
        r = search_sql_prepare(&sql, db, &s);
        while (r == 0 && (r = db_step(s)) == DB_ROW) {
                size_t n = k->pick.set.n;

                if (n == RUNS_RANK_MAX)
                        return RUNS_RANK_NOT;
                r = mem_grow((void **) &k->keys, &k->keys_max, (n + 1) * k->n_keys,
                             sizeof(*k->keys));
                if (r == 0)
                        r = read_keys(k, s, &k->keys[n * k->n_keys]);
                if (r == 0)
                        r = run_set_add(&k->pick.set, s);
        }
        return r == 0 ? runs_pick_start(&k->pick) : r;
}

/* Only runs that fulfil all clauses are left. */
static int ask_clauses(struct rank *k, struct db *db, struct arena *a) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < k->q->filter.n; i++) {
                if (runs_search_is_on_value(&k->q->filter.clauses[i]) &&
                    !runs_search_is_asked_before(k->q, i))
                        r = runs_pick_ask(&k->pick, db, a, k->q, i);
        }
        k->order = mem_alloc_array(k->pick.set.n + 1, sizeof(*k->order));
        if (!k->order)
                return -ENOMEM;
        for (size_t run = 0; run < k->pick.set.n; run++)
                if (runs_pick_is_left(&k->pick, run))
                        k->order[k->n_left++] = (uint32_t) run;
        return r;
}

/* --- their order -------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b, void *ctx) {
        const struct rank *k = ctx;
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;
        const int64_t *p = &k->keys[x * k->n_keys], *q = &k->keys[y * k->n_keys];

        for (size_t i = 0; i < k->n_compared; i++)
                if (p[i] != q[i])
                        return p[i] < q[i] ? -1 : 1;
        if (k->n_compared < k->n_keys)
                return 0;
        return memcmp(&k->pick.set.ids[x], &k->pick.set.ids[y], sizeof(*k->pick.set.ids));
}

static void swap(uint32_t *a, uint32_t *b) {
        uint32_t t = *a;

        *a = *b;
        *b = t;
}

/* The median of first, middle and last, put first. */
static void pick_pivot(struct rank *k, uint32_t *from, size_t n) {
        uint32_t *middle = from + n / 2, *last = from + n - 1;

        if (compare(middle, last, k) > 0)
                swap(middle, last);
        if (compare(from, last, k) > 0)
                swap(from, last);
        if (compare(middle, from, k) > 0)
                swap(middle, from);
}

/* How many come before the pivot, which stands first and then behind them. */
static size_t split(struct rank *k, uint32_t *from, size_t n) {
        size_t i = 0, j = n;

        for (;;) {
                do
                        i++;
                while (i < n && compare(&from[i], &from[0], k) < 0);
                do
                        j--;
                while (compare(&from[j], &from[0], k) > 0);
                if (i >= j)
                        break;
                swap(&from[i], &from[j]);
        }
        swap(&from[0], &from[j]);
        return j;
}

/* Moves the first `nth` of the runs from `from` on to the front, in any order. */
static void part_at(struct rank *k, uint32_t *from, size_t n, size_t nth) {
        for (int left = 64; n > SORTED_MAX && nth > 0 && left > 0; left--) {
                size_t before;

                pick_pivot(k, from, n);
                before = split(k, from, n);
                if (before == nth)
                        return;
                if (before > nth) {
                        n = before;
                } else {
                        from += before + 1;
                        n -= before + 1;
                        nth -= before + 1;
                }
        }
        if (nth > 0)
                qsort_r(from, n, sizeof(*from), compare, k);
}

/* --- their values ----------------------------------------------------------------------------- */

/* Values as they come, in order: the place of the last one. */
struct places {
        bool is_metric;
        int64_t place;
        double number;
        struct buf text;
};

static void places_done(struct places *p) {
        buf_done(&p->text);
}

/* The place of the value in the row, without regard to the direction. 0 or -ENOMEM. */
static int next_place(struct places *p, struct db_stmt *s, int64_t *ret) {
        const char *text;
        size_t n;

        if (db_col_is_null(s, 1) || (p->is_metric && db_col_i64(s, 2))) {
                *ret = db_col_is_null(s, 1) ? RANK_NONE : RANK_NAN;
                return 0;
        }
        if (p->is_metric) {
                double number = db_col_f64(s, 1);

                p->place += p->place == 0 || number != p->number;
                p->number = number;
        } else {
                text = db_col_text_n(s, 1, &n);
                if (!text)
                        return -ENOMEM;
                if (p->place == 0 || n != p->text.len || memcmp(text, p->text.data, n) != 0) {
                        p->place++;
                        buf_reset(&p->text);
                        (void) buf_add(&p->text, text, n);
                }
        }
        *ret = p->place;
        return buf_error(&p->text);
}

static void set_key(void *ctx, size_t run, int64_t place) {
        struct rank *k = ctx;

        k->keys[run * k->n_keys + k->key] =
                place >= RANK_NAN ? place : rank_of_number(place, k->q->order[k->key].descending);
}

static int read_values(struct rank *k, struct db *db, struct arena *a, size_t key) {
        struct places places _cleanup_(places_done) = {.is_metric = k->q->order[key].entity ==
                                                                    FILTER_METRIC};
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        struct run_set_batch b = {};
        const char *ids = NULL;
        size_t n = 0;
        int64_t place;
        int r;

        k->key = key;
        if (k->n_left < k->pick.set.n / LOOKED_UP_PART) {
                ids = run_set_list(&k->pick.set, k->order, k->n_left, a);
                if (!ids)
                        return -ENOMEM;
        }
        search_sql_init(&sql, a);
        runs_search_build_values(k->q, key, ids, &sql);
        r = search_sql_prepare(&sql, db, &s);
        while (r == 0 && (r = db_step(s)) == DB_ROW) {
                if (n++ > k->pick.set.n * OTHERS_MAX + OTHERS_FEW)
                        return RUNS_RANK_NOT;
                r = next_place(&places, s, &place);
                if (!run_set_join(&k->pick.set, &b, s, place))
                        run_set_meet(&k->pick.set, &b, set_key, k);
        }
        run_set_meet(&k->pick.set, &b, set_key, k);
        return r;
}

/* Whoever comes behind the page by the keys before `key`, whatever the others are, is left no more.
 */
static void drop_behind(struct rank *k, size_t key, size_t n_page) {
        size_t last = 0;

        if (n_page == 0 || k->n_left <= n_page || key == 0)
                return;
        k->n_compared = key;
        part_at(k, k->order, k->n_left, n_page);
        for (size_t i = 1; i < n_page; i++)
                if (compare(&k->order[i], &k->order[last], k) > 0)
                        last = i;
        swap(&k->order[last], &k->order[n_page - 1]);
        last = n_page;
        for (size_t i = n_page; i < k->n_left; i++)
                if (compare(&k->order[i], &k->order[n_page - 1], k) == 0)
                        swap(&k->order[last++], &k->order[i]);
        k->n_left = last;
        k->n_compared = k->n_keys;
}

/* --- the page --------------------------------------------------------------------------------- */

static int give_page(struct rank *k, struct arena *a, size_t limit, size_t offset,
                     const char ***ret, size_t *ret_n) {
        size_t n = offset < k->n_left ? MIN(limit, k->n_left - offset) : 0;
        const char **ids = arena_zalloc_array(a, n + 1, sizeof(*ids));

        if (!ids)
                return -ENOMEM;
        if (n > 0 && offset > 0)
                part_at(k, k->order, k->n_left, offset);
        if (n > 0 && n < k->n_left - offset)
                part_at(k, k->order + offset, k->n_left - offset, n);
        if (n > 0)
                qsort_r(k->order + offset, n, sizeof(*k->order), compare, k);
        for (size_t i = 0; i < n; i++) {
                const struct run_set_id *id = &k->pick.set.ids[k->order[offset + i]];

                ids[i] = arena_strndup(a, id->text, strnlen(id->text, sizeof(id->text)));
                if (!ids[i])
                        return -ENOMEM;
        }
        *ret = ids;
        *ret_n = n;
        return 0;
}

int runs_rank_find(struct db *db, struct arena *a, const struct runs_search *q, int64_t limit,
                   int64_t offset, const char ***ret, size_t *ret_n) {
        struct rank k _cleanup_(rank_done) = {
                .q = q, .n_keys = q->n_order + 1, .n_compared = q->n_order + 1};
        int r;

        assert(runs_rank_can(q) && limit >= 0 && offset >= 0);
        r = read_runs(&k, db, a);
        if (r == 0)
                r = ask_clauses(&k, db, a);
        for (size_t i = 0; r == 0 && k.n_left > 0 && i < q->n_order; i++) {
                if (!is_value(&q->order[i]))
                        continue;
                drop_behind(&k, i, (size_t) MIN(limit, INT64_MAX - offset) + (size_t) offset);
                r = read_values(&k, db, a, i);
        }
        return r != 0 ? r : give_page(&k, a, (size_t) limit, (size_t) offset, ret, ret_n);
}
