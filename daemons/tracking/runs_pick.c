#include "daemons/tracking/runs_pick.h"

#include <errno.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/mem.h"

enum { UNMET = UINT8_MAX };

void runs_pick_done(struct runs_pick *p) {
        run_set_done(&p->set);
        mem_free(p->n_met);
}

static bool is_asked_alone(const struct runs_search *q, size_t i) {
        return runs_search_is_on_set(&q->filter.clauses[i]) && !runs_search_is_asked_before(q, i);
}

/* Are runs that come in the order of values asked for what their own rows tell? */
static bool asks_runs(const struct runs_search *q) {
        if (q->n_order == 0 || q->order[0].entity == FILTER_ATTRIBUTE)
                return false;
        for (size_t i = 0; i < q->filter.n; i++)
                if (runs_search_is_on_run(&q->filter.clauses[i]))
                        return true;
        return false;
}

bool runs_pick_can(const struct runs_search *q) {
        for (size_t i = 0; i < q->filter.n; i++)
                if (runs_search_is_on_set(&q->filter.clauses[i]))
                        return true;
        return asks_runs(q);
}

int runs_pick_start(struct runs_pick *p) {
        p->n_met = mem_zalloc_array(p->set.n + 1, sizeof(*p->n_met));
        return p->n_met ? run_set_index(&p->set) : -ENOMEM;
}

bool runs_pick_is_left(const struct runs_pick *p, size_t run) {
        return p->n_met[run] == p->n_clauses;
}

static void met(void *ctx, size_t run, int64_t place) {
        struct runs_pick *p = ctx;

        (void) place;
        p->n_met[run] = (uint8_t) (p->n_met[run] + (p->n_met[run] == p->n_clauses));
}

static void unmet(void *ctx, size_t run, int64_t place) {
        struct runs_pick *p = ctx;

        (void) place;
        p->n_met[run] = UNMET;
}

/* What is asked: a clause, or else (RUNS) what the runs' own rows tell. */
#define RUNS SIZE_MAX

static int prepare(struct db *db, const struct runs_search *q, size_t clause,
                   struct search_sql *sql, struct db_stmt **ret) {
        const struct runs_search_plan plan = {
                .part = RUNS_SEARCH_WHOLE, .driver = -1, .keys_only = true, .picks = true};

        if (clause == RUNS)
                runs_search_build(q, &plan, sql);
        else
                runs_search_build_matches(q, clause, sql);
        return search_sql_prepare(sql, db, ret);
}

int runs_pick_ask(struct runs_pick *p, struct db *db, struct arena *a, const struct runs_search *q,
                  size_t clause) {
        bool is_null = clause != RUNS && q->filter.clauses[clause].op == FILTER_IS_NULL;
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        struct run_set_batch b = {};
        int r;

        if (p->n_clauses == UNMET - 1)
                return RUNS_PICK_NOT;
        search_sql_init(&sql, a);
        r = prepare(db, q, clause, &sql, &s);
        while (r == 0 && (r = db_step(s)) == DB_ROW) {
                r = 0;
                if (!run_set_join(&p->set, &b, s, 0))
                        run_set_meet(&p->set, &b, is_null ? unmet : met, p);
        }
        run_set_meet(&p->set, &b, is_null ? unmet : met, p);
        for (size_t run = 0; is_null && run < p->set.n; run++)
                met(p, run, 0);
        p->n_clauses++;
        return r;
}

/* Adds all runs that the statement finds. */
static int read_all(struct runs_pick *p, struct db_stmt *s) {
        int r = 0;

        while (r == 0 && (r = db_step(s)) == DB_ROW)
                r = p->set.n < RUNS_PICK_MAX ? run_set_add(&p->set, s) : RUNS_PICK_NOT;
        return r;
}

/* And that the clause finds. */
static int read_clause(struct runs_pick *p, struct db *db, struct arena *a,
                       const struct runs_search *q, size_t clause) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        int r;

        search_sql_init(&sql, a);
        r = prepare(db, q, clause, &sql, &s);
        return r == 0 ? read_all(p, s) : r;
}

/* Have no fewer than a half of the runs what the clause says must not be? */
static int is_had_by_most(struct db *db, struct arena *a, const struct runs_search *q,
                          size_t clause, bool *ret) {
        struct search_sql all _cleanup_(search_sql_done) = {}, had _cleanup_(search_sql_done) = {};
        int64_t n_all, n = 0;
        int r;

        search_sql_init(&all, a);
        search_sql_add(&all, "SELECT ifnull(max(rowid), 0) FROM runs");
        r = search_sql_number(&all, db, &n_all);
        if (r < 0)
                return r;
        search_sql_init(&had, a);
        runs_search_build_probe(q, clause, n_all / 2 + 1, &had);
        r = search_sql_number(&had, db, &n);
        *ret = n > n_all / 2;
        return r;
}

/* A clause that few runs fulfil by having nothing of its key, which make the set then; -1: there is
 * none. */
static int find_lacked(struct db *db, struct arena *a, const struct runs_search *q, ssize_t *ret) {
        bool is_lacked = false;
        int r = 0;

        *ret = -1;
        for (size_t i = 0; r == 0 && !is_lacked && i < q->filter.n; i++)
                if (q->filter.clauses[i].op == FILTER_IS_NULL) {
                        r = is_had_by_most(db, a, q, i, &is_lacked);
                        if (is_lacked)
                                *ret = (ssize_t) i;
                }
        return r;
}

/* Adds all runs that lack it. */
static int read_lacking(struct runs_pick *p, struct db *db, struct arena *a,
                        const struct runs_search *q, size_t clause) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        int r;

        search_sql_init(&sql, a);
        runs_search_build_lacks(q, clause, &sql);
        r = search_sql_prepare(&sql, db, &s);
        return r == 0 ? read_all(p, s) : r;
}

static bool makes_set(const struct runs_search *q, size_t i) {
        return q->filter.clauses[i].op != FILTER_IS_NULL && is_asked_alone(q, i);
}

/* Which clause makes the set: the one that is wished for, or the first that says what must be. -1:
 * none does. */
static ssize_t first_of(const struct runs_search *q, ssize_t wished) {
        if (wished >= 0 && makes_set(q, (size_t) wished))
                return wished;
        for (size_t i = 0; i < q->filter.n; i++)
                if (makes_set(q, i))
                        return (ssize_t) i;
        return -1;
}

static void count_left(struct runs_pick *p) {
        p->n_left = 0;
        for (size_t run = 0; run < p->set.n; run++)
                p->n_left += runs_pick_is_left(p, run);
}

/* All clauses say what must not be. */
static int read_excluded(struct runs_pick *p, struct db *db, struct arena *a,
                         const struct runs_search *q) {
        int r = 0;

        p->excludes = true;
        for (size_t i = 0; r == 0 && i < q->filter.n; i++)
                if (is_asked_alone(q, i))
                        r = read_clause(p, db, a, q, i);
        return r == 0 ? runs_pick_start(p) : r;
}

/* Makes the set; *ret: what it fulfils already. Of one that excludes nothing more is to be asked.
 */
static int read_first(struct runs_pick *p, struct db *db, struct arena *a,
                      const struct runs_search *q, ssize_t wished, size_t *ret) {
        ssize_t clause = first_of(q, wished);
        int r;

        *ret = clause >= 0 ? (size_t) clause : RUNS;
        if (clause >= 0 || asks_runs(q))
                return read_clause(p, db, a, q, *ret);
        r = find_lacked(db, a, q, &clause);
        if (r != 0 || clause < 0)
                return r == 0 ? read_excluded(p, db, a, q) : r;
        *ret = (size_t) clause;
        return read_lacking(p, db, a, q, *ret);
}

int runs_pick_read(struct runs_pick *p, struct db *db, struct arena *a, const struct runs_search *q,
                   ssize_t wished) {
        size_t first;
        int r;

        assert(runs_pick_can(q));
        r = read_first(p, db, a, q, wished, &first);
        if (r != 0 || p->excludes)
                return r;
        r = runs_pick_start(p);
        for (size_t i = 0; r == 0 && p->set.n > 0 && i < q->filter.n; i++)
                if (i != first && is_asked_alone(q, i))
                        r = runs_pick_ask(p, db, a, q, i);
        if (r != 0)
                return r;
        count_left(p);
        if (first == RUNS || p->n_left <= RUNS_PICK_FEW_MAX || !asks_runs(q))
                return 0;
        r = runs_pick_ask(p, db, a, q, RUNS);
        count_left(p);
        return r;
}

/* Adds at most `max` runs of the scope or outside of it. */
static int read_side(struct runs_pick *p, struct db *db, struct arena *a,
                     const struct runs_search *q, bool inside, int64_t max) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        int r;

        search_sql_init(&sql, a);
        runs_search_build_scope(q, inside, max, &sql);
        r = search_sql_prepare(&sql, db, &s);
        return r == 0 ? read_all(p, s) : r;
}

int runs_pick_read_scope(struct runs_pick *p, struct db *db, struct arena *a,
                         const struct runs_search *q) {
        int r;

        p->excludes = true;
        r = read_side(p, db, a, q, false, RUNS_PICK_OUTSIDE_MAX + 1);
        if (r == 0 && p->set.n > RUNS_PICK_OUTSIDE_MAX) {
                p->excludes = false;
                p->set.n = 0;
                r = read_side(p, db, a, q, true, RUNS_PICK_MAX + 1);
        }
        if (r == 0)
                r = runs_pick_start(p);
        count_left(p);
        return r;
}

bool runs_pick_has(void *pick, const char *id, size_t n_bytes) {
        const struct runs_pick *p = pick;
        ssize_t run = run_set_find(&p->set, id, n_bytes);

        return p->excludes ? run < 0 : run >= 0 && runs_pick_is_left(p, (size_t) run);
}

const char *runs_pick_list(const struct runs_pick *p, struct arena *a) {
        uint32_t *numbers = arena_zalloc_array(a, p->n_left + 1, sizeof(*numbers));
        size_t n = 0;

        assert(!p->excludes);
        if (!numbers)
                return NULL;
        for (size_t run = 0; run < p->set.n; run++)
                if (runs_pick_is_left(p, run))
                        numbers[n++] = (uint32_t) run;
        assert(n == p->n_left);
        return run_set_list(&p->set, numbers, n, a);
}
