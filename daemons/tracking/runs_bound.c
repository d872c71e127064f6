#include "daemons/tracking/runs_bound.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/runs_pick.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"

/* Runs of a sample, and at least so many for each of it. */
#define SAMPLE_MAX 1000
#define SAMPLED_PART 16
/* Of so many runs that are alike a part must be of those that are searched. */
#define ALIKE_SAMPLE 256
#define ALIKE_PART 4
/* With more of all within the bound, it spares too little. */
#define WITHIN_PART 8

/* What is nearer than the column's value or the same, or else what is farther or the same.
 * RUNS_BOUND_NOT: it cannot be bound again. */
static int read_value(struct db_stmt *s, struct arena *a, const struct order_key *k, bool nearer,
                      struct filter_clause *ret) {
        const char *text;
        size_t n;

        *ret = (struct filter_clause){.entity = k->entity, .key = k->key};
        ret->op = k->descending == nearer ? FILTER_GE : FILTER_LE;
        if (k->entity == FILTER_METRIC) {
                ret->kind = FILTER_F64;
                ret->f64 = db_col_f64(s, 0);
                return 0;
        }
        if (k->entity == FILTER_ATTRIBUTE &&
            (str_eq(k->key, "start_time") || str_eq(k->key, "end_time"))) {
                ret->kind = FILTER_I64;
                ret->i64 = db_col_i64(s, 0);
                return 0;
        }
        text = db_col_text_n(s, 0, &n);
        if (!text)
                return -ENOMEM;
        if (strlen(text) != n)
                return RUNS_BOUND_NOT;
        ret->kind = FILTER_TEXT;
        ret->text = arena_strndup(a, text, n);
        return ret->text ? 0 : -ENOMEM;
}

static bool is_value(struct db_stmt *s, const struct filter_clause *c) {
        const char *text;

        if (c->kind == FILTER_I64)
                return db_col_i64(s, 0) == c->i64;
        text = db_col_text(s, 0);
        return text && str_eq(text, c->text);
}

/* --- where a page ends ------------------------------------------------------------------------ */

static int64_t root(int64_t n) {
        int64_t r = 0;

        while (r * r < n)
                r++;
        return r;
}

/* The number in the sample whose key is the bound, so that it would be by rare chance alone that
 * the page's runs are not within it. */
static int64_t rank_of(int64_t n_sample, int64_t n_all, int64_t n_page) {
        int64_t expected = n_page * n_sample / n_all + 1;

        return expected + 4 * root(expected) + 4;
}

int runs_bound_end(struct db *db, struct arena *a, const struct runs_search *q, int64_t n_all,
                   int64_t n_page, struct runs_bound *ret) {
        int64_t n = MIN(n_all / SAMPLED_PART, (int64_t) SAMPLE_MAX), rank, i = 0;
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        int r;

        assert(q->n_order > 0 && q->order[0].entity == FILTER_ATTRIBUTE);
        if (n_page > n_all / SAMPLED_PART)
                return RUNS_BOUND_NOT;
        rank = rank_of(n, n_all, n_page);
        search_sql_init(&sql, a);
        runs_search_build_sample(q, n, &sql);
        r = search_sql_prepare(&sql, db, &s);
        while (r == 0 && (r = db_step(s)) == DB_ROW) {
                r = ++i == rank ? read_value(s, a, &q->order[0], true, &ret->clause) : 0;
                if (i > rank && !is_value(s, &ret->clause))
                        break;
        }
        ret->offset = 0;
        return r != 0 ? r : i < rank || i > n / WITHIN_PART ? RUNS_BOUND_NOT : 0;
}

/* --- where it begins -------------------------------------------------------------------------- */

static int read_nth(struct db *db, struct arena *a, const struct runs_search *q, int64_t offset,
                    struct runs_bound *ret, const char **ret_id) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        bool oom = false;
        int r;

        search_sql_init(&sql, a);
        runs_search_build_nth(q, offset, &sql);
        r = search_sql_prepare(&sql, db, &s);
        if (r == 0)
                r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : RUNS_BOUND_NOT;
        *ret_id = db_col_dup(s, 1, a, &oom);
        return *ret_id ? read_value(s, a, &q->order[0], false, &ret->clause) : -ENOMEM;
}

static int count_before(struct db *db, struct arena *a, const struct runs_search *q,
                        const struct filter_clause *bound, const char *id, int64_t *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        struct filter_clause same = *bound;

        same.op = FILTER_EQ;
        search_sql_init(&sql, a);
        runs_search_build_before(q, &same, id, &sql);
        return search_sql_number(&sql, db, ret);
}

int runs_bound_begin(struct db *db, struct arena *a, const struct runs_search *q, int64_t offset,
                     struct runs_bound *ret) {
        struct runs_pick scope _cleanup_(runs_pick_done) = {};
        const char *id = NULL;
        int64_t n = 0;
        int r;

        assert(q->n_order > 0 && q->order[0].entity != FILTER_ATTRIBUTE && q->filter.n == 0);
        r = runs_pick_read_scope(&scope, db, a, q);
        if (r != 0)
                return r;
        db_set_pick(db, runs_pick_has, &scope);
        r = read_nth(db, a, q, offset, ret, &id);
        if (r == 0)
                r = count_before(db, a, q, &ret->clause, id, &n);
        db_set_pick(db, NULL, NULL);
        ret->offset = n;
        return r;
}

/* --- where all are alike ---------------------------------------------------------------------- */

static int count_ties(struct db *db, struct arena *a, const struct runs_search *q, int64_t max,
                      int64_t *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};

        search_sql_init(&sql, a);
        runs_search_build_ties(q, max, &sql);
        return search_sql_number(&sql, db, ret);
}

static int read_first(struct db *db, struct arena *a, const struct runs_search *q,
                      struct filter_clause *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        int r;

        search_sql_init(&sql, a);
        runs_search_build_first(q, &sql);
        r = search_sql_prepare(&sql, db, &s);
        if (r == 0)
                r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : RUNS_BOUND_NOT;
        r = read_value(s, a, &q->order[0], true, ret);
        ret->op = FILTER_EQ;
        return r;
}

int runs_bound_first(struct db *db, struct arena *a, const struct runs_search *q, int64_t n_min,
                     struct filter_clause *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        int64_t n_sample = MIN(n_min, (int64_t) ALIKE_SAMPLE), n = 0;
        int r = count_ties(db, a, q, n_min, &n);

        assert(q->n_order > 0 && q->filter.n == 0);
        if (r != 0 || n < n_min)
                return r != 0 ? r : RUNS_BOUND_NOT;
        r = read_first(db, a, q, ret);
        if (r != 0)
                return r;
        search_sql_init(&sql, a);
        runs_search_build_alike(q, ret, n_sample, &sql);
        r = search_sql_number(&sql, db, &n);
        return r == 0 && n < n_sample / ALIKE_PART ? RUNS_BOUND_NOT : r;
}
