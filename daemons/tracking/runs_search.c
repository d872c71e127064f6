#include "daemons/tracking/runs_search.h"

#include <errno.h>
#include <stdio.h>

#include "daemons/tracking/runs_sql.h"
#include "lib/base/str.h"

#define CONTEXT_TAG "mlflow.data.context"

int runs_search_parse(struct runs_search *q, const char *filter, const char *const *order_by,
                      size_t n_order_by, struct refusal *r) {
        int x = filter_parse(FILTER_RUNS, filter, r, &q->filter);

        if (x != 0)
                return x;
        if (n_order_by > RUNS_SEARCH_ORDER_MAX)
                return refusal_invalid(r, "`order_by` contains more than %d fields",
                                       RUNS_SEARCH_ORDER_MAX);
        for (size_t i = 0; i < n_order_by; i++) {
                x = order_parse(FILTER_RUNS, order_by[i], r, &q->order[i]);
                if (x != 0)
                        return x;
        }
        q->n_order = n_order_by;
        return order_parse_unique(q->order, q->n_order, r);
}

/* The column of runs that an attribute stands for. */
static const char *column_of(const char *key) {
        static const struct {
                const char *key, *column;
        } rows[] = {
                {"run_id", "runs.run_uuid"},           {"run_name", "runs.name"},
                {"user_id", "runs.user_id"},           {"status", "runs.status"},
                {"start_time", "runs.start_time"},     {"end_time", "runs.end_time"},
                {"artifact_uri", "runs.artifact_uri"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (str_eq(rows[i].key, key))
                        return rows[i].column;
        assert(!"the parser lets no other attribute through");
        return "NULL";
}

static bool is_run_name(const struct filter_clause *c) {
        return c->entity == FILTER_ATTRIBUTE && str_eq(c->key, "run_name");
}

/* A name may stand in a tag only, as old servers wrote it. */
static const char *key_of(const struct filter_clause *c) {
        return is_run_name(c) ? "mlflow.runName" : c->key;
}

static const char *table_of(const struct filter_clause *c) {
        switch (c->entity) {
        case FILTER_METRIC:
                return "latest_metrics";
        case FILTER_PARAM:
                return "params";
        default:
                return "tags";
        }
}

/* " AND v.value <op> ?" */
static void add_value(struct search_sql *sql, const struct filter_clause *c) {
        if (c->op == FILTER_IS_NULL || c->op == FILTER_IS_NOT_NULL)
                return;
        if (c->entity == FILTER_METRIC && c->op == FILTER_NE) {
                search_sql_add(sql, " AND (v.is_nan = TRUE OR ");
                search_sql_compare(sql, "v.value", c);
                search_sql_add(sql, ")");
                return;
        }
        if (c->entity == FILTER_METRIC)
                search_sql_add(sql, " AND v.is_nan = FALSE");
        search_sql_add(sql, " AND ");
        search_sql_compare(sql, "v.value", c);
}

/* A run has one value of a key: clauses about it can be asked of one row. */
static bool is_with_driver(const struct runs_search *q, ssize_t driver,
                           const struct filter_clause *c) {
        const struct filter_clause *d = &q->filter.clauses[driver];

        return c == d || (runs_search_can_drive(c) && str_eq(table_of(c), table_of(d)) &&
                          str_eq(key_of(c), key_of(d)));
}

/* "v.key = ? AND v.value <op> ?", all of the driver's. */
static void add_driver(struct search_sql *sql, const struct runs_search *q, ssize_t driver) {
        search_sql_same_text(sql, "v.\"key\"", true, key_of(&q->filter.clauses[driver]));
        for (size_t i = 0; i < q->filter.n; i++)
                if (is_with_driver(q, driver, &q->filter.clauses[i]))
                        add_value(sql, &q->filter.clauses[i]);
}

static bool is_of_context(const struct filter_clause *c) {
        return c->entity == FILTER_DATASET && str_eq(c->key, "context");
}

#define CONTEXT_JOIN \
        " JOIN input_tags t ON t.input_uuid = i.input_uuid AND t.name = '" CONTEXT_TAG "'"

static void add_dataset_value(struct search_sql *sql, const struct filter_clause *c) {
        char column[32];

        snprintf(column, sizeof(column), is_of_context(c) ? "t.value" : "d.%s", c->key);
        search_sql_compare(sql, column, c);
}

static void add_dataset(struct search_sql *sql, const struct filter_clause *c) {
        search_sql_add(sql,
                       "EXISTS (SELECT 1 FROM inputs i JOIN datasets d ON i.source_id = "
                       "d.dataset_uuid%s WHERE i.destination_type = 'RUN' AND "
                       "i.destination_id = runs.run_uuid AND ",
                       is_of_context(c) ? CONTEXT_JOIN : "");
        add_dataset_value(sql, c);
        search_sql_add(sql, ")");
}

/* All runs with such a dataset. */
static void add_dataset_runs(struct search_sql *sql, const struct filter_clause *c) {
        search_sql_add(sql,
                       "SELECT DISTINCT i.destination_id FROM datasets d CROSS JOIN inputs i ON "
                       "i.source_type = 'DATASET' AND i.source_id = d.dataset_uuid%s WHERE "
                       "i.destination_type = 'RUN' AND ",
                       is_of_context(c) ? CONTEXT_JOIN : "");
        add_dataset_value(sql, c);
}

/* `id` is the column with the run's id that is known first: what needs no more is looked at before
 * the run's row is read. */
static void add_clause(struct search_sql *sql, const struct filter_clause *c, const char *id) {
        search_sql_add(sql, " AND ");
        if (c->entity == FILTER_ATTRIBUTE && !is_run_name(c)) {
                search_sql_compare(sql, column_of(c->key), c);
        } else if (c->entity == FILTER_DATASET) {
                add_dataset(sql, c);
        } else {
                search_sql_add(sql, "%sEXISTS (SELECT 1 FROM %s v WHERE v.run_uuid = %s AND ",
                               c->op == FILTER_IS_NULL ? "NOT " : "", table_of(c), id);
                search_sql_same_text(sql, "v.\"key\"", true, key_of(c));
                add_value(sql, c);
                search_sql_add(sql, ")");
        }
}

static void add_scope(struct search_sql *sql, const struct runs_search *q) {
        static const char *const stages[] = {
                [RUNS_SEARCH_ALL] = "",
                [RUNS_SEARCH_ACTIVE] = " AND runs.lifecycle_stage = 'active'",
                [RUNS_SEARCH_DELETED] = " AND runs.lifecycle_stage = 'deleted'",
        };

        search_sql_in_i64(sql, "runs.experiment_id", q->experiment_ids, q->n_experiment_ids);
        search_sql_add(sql, "%s", stages[q->view]);
}

/* Is the clause about the value that the order begins with, and lets only runs through that have
 * it? */
bool runs_search_is_on_walked(const struct runs_search *q, const struct filter_clause *c) {
        return q->n_order > 0 && c->entity == q->order[0].entity &&
               str_eq(c->key, q->order[0].key) && c->op != FILTER_IS_NULL &&
               c->op != FILTER_IS_NOT_NULL && (c->entity != FILTER_METRIC || c->op != FILTER_NE);
}

static bool is_joined(const struct order_key *k) {
        return k->entity != FILTER_ATTRIBUTE;
}

/* The table and index of an order's values that is walked. */
static const char *walked_table(const struct order_key *k) {
        switch (k->entity) {
        case FILTER_METRIC:
                return "latest_metrics o0";
        case FILTER_PARAM:
                return "params o0 {INDEXED BY onebox_params_value||}";
        default:
                return "tags o0 {INDEXED BY onebox_tags_value||}";
        }
}

static void add_picked(struct search_sql *sql, const char *ids) {
        search_sql_add(sql, " FROM json_each(");
        search_sql_text(sql, ids);
        search_sql_add(sql, ") v CROSS JOIN runs ON runs.run_uuid = v.value");
}

/* Ids grow with time. All runs of an experiment from the newest on would each be the first so far:
 * the oldest first, most are no further looked at. */
static bool is_oldest_first(const struct runs_search *q, const struct runs_search_plan *plan) {
        const struct order_key *k = &q->order[0];

        return plan->ids_only && !plan->picks && !plan->bound && q->filter.n == 0 &&
               q->n_experiment_ids == 1 && q->view != RUNS_SEARCH_ALL && q->n_order == 1 &&
               !is_joined(k) && !k->descending && str_eq(k->key, "run_id");
}

/* SQLite's: an index gives that order, and with a limit it is not taken for the outer query's. */
static void add_oldest_first(struct search_sql *sql, const struct runs_search *q) {
        search_sql_add(sql, " FROM (SELECT run_uuid, experiment_id, lifecycle_stage, start_time");
        search_sql_add(sql, " FROM runs WHERE ");
        add_scope(sql, q);
        search_sql_add(sql, " ORDER BY start_time LIMIT -1) runs");
}

/* Are the runs found by their values of the order's first key? */
static bool is_by_value(const struct runs_search_plan *plan) {
        return plan->part == RUNS_SEARCH_WITH_VALUE || plan->part == RUNS_SEARCH_NAN;
}

/* The tables that hold the values of the order, one alias o0, o1, … a key. In a part with the
 * value its table is the one that is walked, with a driver the driver's: CROSS JOIN keeps SQLite
 * to that. */
static void add_from(struct search_sql *sql, const struct runs_search *q,
                     const struct runs_search_plan *plan) {
        bool walk = is_by_value(plan);

        if (walk)
                search_sql_add(sql,
                               " FROM %s {CROSS JOIN|JOIN|STRAIGHT_JOIN} runs ON runs.run_uuid = "
                               "o0.run_uuid",
                               walked_table(&q->order[0]));
        else if (plan->picked)
                add_picked(sql, plan->picked);
        else if (plan->driver >= 0)
                search_sql_add(sql,
                               " FROM %s v {CROSS JOIN|JOIN|STRAIGHT_JOIN} runs ON runs.run_uuid = "
                               "v.run_uuid",
                               table_of(&q->filter.clauses[plan->driver]));
        else if (plan->scans)
                search_sql_add(sql, " FROM runs NOT INDEXED");
        else if (is_oldest_first(q, plan))
                add_oldest_first(sql, q);
        else
                search_sql_add(sql, " FROM runs");
        for (size_t i = walk; !plan->keys_only && i < q->n_order; i++) {
                const struct filter_clause entity = {.entity = q->order[i].entity};
                char key[32];

                if (!is_joined(&q->order[i]))
                        continue;
                search_sql_add(sql, " LEFT JOIN %s o%zu ON o%zu.run_uuid = runs.run_uuid AND ",
                               table_of(&entity), i, i);
                snprintf(key, sizeof(key), "o%zu.\"key\"", i);
                search_sql_same_text(sql, key, true, q->order[i].key);
        }
}

/* Values first, NaN next, what has none last, in both directions. */
static void add_key(struct search_sql *sql, const struct order_key *k, size_t i, bool walk) {
        const char *direction = k->descending ? " DESC" : "";

        if (k->entity == FILTER_ATTRIBUTE)
                search_sql_add(sql, "{||%s IS NULL, }%s%s", column_of(k->key), column_of(k->key),
                               k->descending ? " DESC{| NULLS LAST|}"
                                             : " ASC{ NULLS LAST| NULLS LAST|}");
        else if (walk)
                search_sql_add(sql, "o%zu.value%s", i, direction);
        else if (k->entity == FILTER_METRIC)
                search_sql_add(sql,
                               "CASE WHEN o%zu.is_nan = TRUE THEN 1 WHEN o%zu.value IS NULL "
                               "THEN 2 ELSE 0 END, o%zu.value%s",
                               i, i, i, direction);
        else
                search_sql_add(sql, "o%zu.value IS NULL, o%zu.value%s", i, i, direction);
}

static void add_order(struct search_sql *sql, const struct runs_search *q,
                      const struct runs_search_plan *plan) {
        bool by_start = false;

        search_sql_add(sql, " ORDER BY ");
        for (size_t i = 0; i < q->n_order; i++) {
                const struct order_key *k = &q->order[i];
                bool is_alike = i == 0 && (plan->part == RUNS_SEARCH_NAN ||
                                           plan->part == RUNS_SEARCH_WITHOUT_VALUE);

                if (!is_alike) {
                        add_key(sql, k, i, i == 0 && plan->part == RUNS_SEARCH_WITH_VALUE);
                        search_sql_add(sql, ", ");
                }
                by_start =
                        by_start || (k->entity == FILTER_ATTRIBUTE && str_eq(k->key, "start_time"));
        }
        search_sql_add(sql, "%sruns.run_uuid", by_start ? "" : "runs.start_time DESC, ");
}

/* What is asked of the table that is walked. */
static void add_walked(struct search_sql *sql, const struct runs_search *q,
                       enum runs_search_part part) {
        assert(q->n_order > 0 && is_joined(&q->order[0]));
        assert(part != RUNS_SEARCH_NAN || q->order[0].entity == FILTER_METRIC);
        search_sql_add(sql, q->order[0].entity != FILTER_METRIC ? "o0.value IS NOT NULL AND "
                            : part == RUNS_SEARCH_NAN           ? "o0.is_nan = TRUE AND "
                                                                : "o0.is_nan = FALSE AND ");
        search_sql_same_text(sql, "o0.\"key\"", true, q->order[0].key);
        for (size_t i = 0; i < q->filter.n; i++) {
                const struct filter_clause *c = &q->filter.clauses[i];

                if (runs_search_is_on_walked(q, c)) {
                        search_sql_add(sql, " AND ");
                        search_sql_compare(sql, "o0.value", c);
                }
        }
        search_sql_add(sql, " AND ");
}

static void add_columns(struct search_sql *sql, const struct runs_search *q,
                        const struct runs_search_plan *plan) {
        search_sql_add(sql, "SELECT %s",
                       plan->count       ? "count(*)"
                       : plan->keys_only ? "runs.run_uuid, runs.start_time"
                       : plan->ids_only  ? "runs.run_uuid"
                                         : RUNS_SQL_COLUMNS);
        for (size_t i = 0; plan->keys_only && i < q->n_order; i++)
                if (!is_joined(&q->order[i]))
                        search_sql_add(sql, ", %s", column_of(q->order[i].key));
}

/* Does the statement ask the clause beside what drives or is walked? */
static bool is_asked(const struct runs_search *q, const struct runs_search_plan *plan,
                     const struct filter_clause *c) {
        bool walk = is_by_value(plan);

        if (plan->keys_only && runs_search_is_on_value(c))
                return false;
        if (plan->picks && runs_search_is_on_set(c))
                return false;
        if (walk)
                return !runs_search_is_on_walked(q, c);
        return plan->driver < 0 || !is_with_driver(q, plan->driver, c);
}

static void add_bound(struct search_sql *sql, const struct runs_search *q,
                      const struct runs_search_plan *plan) {
        if (!plan->bound)
                return;
        search_sql_compare(sql, is_by_value(plan) ? "o0.value" : column_of(q->order[0].key),
                           plan->bound);
        search_sql_add(sql, " AND ");
}

void runs_search_build(const struct runs_search *q, const struct runs_search_plan *plan,
                       struct search_sql *sql) {
        bool walk = is_by_value(plan);
        const char *id = walk ? "o0.run_uuid" : "runs.run_uuid";
        ssize_t driver = walk ? -1 : plan->driver;

        assert(!plan->picks || plan->driver < 0);
        add_columns(sql, q, plan);
        add_from(sql, q, plan);
        search_sql_add(sql, " WHERE ");
        if (walk)
                add_walked(sql, q, plan->part);
        else if (plan->part == RUNS_SEARCH_WITHOUT_VALUE)
                search_sql_add(sql, q->order[0].entity == FILTER_METRIC ? "o0.is_nan IS NULL AND "
                                                                        : "o0.value IS NULL AND ");
        if (driver >= 0) {
                add_driver(sql, q, driver);
                search_sql_add(sql, " AND ");
        }
        if (plan->picks && !plan->picked && !plan->keys_only)
                search_sql_add(sql, "onebox_pick(%s) AND ", id);
        add_bound(sql, q, plan);
        add_scope(sql, q);
        for (size_t i = 0; i < q->filter.n; i++) {
                const struct filter_clause *c = &q->filter.clauses[i];

                if (is_asked(q, plan, c))
                        add_clause(sql, c, id);
        }
        if (!plan->count && !plan->keys_only)
                add_order(sql, q, plan);
}

bool runs_search_can_drive(const struct filter_clause *c) {
        if (c->op == FILTER_IS_NULL)
                return false;
        if (c->entity == FILTER_METRIC)
                return c->op != FILTER_NE;
        return c->entity == FILTER_PARAM || c->entity == FILTER_TAG || is_run_name(c);
}

bool runs_search_can_walk(const struct order_key *k, bool has_text_indexes) {
        return k->entity == FILTER_METRIC || (is_joined(k) && has_text_indexes);
}

bool runs_search_is_on_value(const struct filter_clause *c) {
        return is_run_name(c) || (c->entity != FILTER_ATTRIBUTE && c->entity != FILTER_DATASET);
}

bool runs_search_is_on_set(const struct filter_clause *c) {
        return runs_search_is_on_value(c) || c->entity == FILTER_DATASET;
}

bool runs_search_is_on_run(const struct filter_clause *c) {
        return !runs_search_is_on_set(c);
}

bool runs_search_is_asked_before(const struct runs_search *q, size_t i) {
        for (size_t k = 0; k < i; k++)
                if (runs_search_is_on_value(&q->filter.clauses[k]) &&
                    q->filter.clauses[k].op != FILTER_IS_NULL &&
                    is_with_driver(q, (ssize_t) k, &q->filter.clauses[i]))
                        return true;
        return false;
}

void runs_search_build_matches(const struct runs_search *q, size_t i, struct search_sql *sql) {
        const struct filter_clause *c = &q->filter.clauses[i];

        if (c->entity == FILTER_DATASET) {
                add_dataset_runs(sql, c);
                return;
        }
        search_sql_add(sql, "SELECT v.run_uuid FROM %s v INDEXED BY onebox_%s_value WHERE ",
                       table_of(c), table_of(c));
        if (c->op == FILTER_IS_NULL)
                search_sql_same_text(sql, "v.\"key\"", true, key_of(c));
        else
                add_driver(sql, q, (ssize_t) i);
}

void runs_search_build_lacks(const struct runs_search *q, size_t i, struct search_sql *sql) {
        const struct filter_clause *c = &q->filter.clauses[i];

        assert(c->op == FILTER_IS_NULL);
        search_sql_add(sql, "SELECT run_uuid FROM runs EXCEPT SELECT v.run_uuid FROM %s v WHERE ",
                       table_of(c));
        search_sql_same_text(sql, "v.\"key\"", true, key_of(c));
        search_sql_add(sql, " ORDER BY run_uuid");
}

void runs_search_build_values(const struct runs_search *q, size_t i, const char *ids,
                              struct search_sql *sql) {
        const struct order_key *o = &q->order[i];
        const struct filter_clause entity = {.entity = o->entity};
        const char *table = table_of(&entity);

        search_sql_add(sql, "SELECT o.run_uuid, o.value%s FROM ",
                       o->entity == FILTER_METRIC ? ", o.is_nan" : "");
        if (ids) {
                search_sql_add(sql, "json_each(");
                search_sql_text(sql, ids);
                search_sql_add(sql, ") v CROSS JOIN %s o ON o.run_uuid = v.value AND ", table);
        } else {
                search_sql_add(sql, "%s o INDEXED BY onebox_%s_value WHERE ", table, table);
        }
        search_sql_same_text(sql, "o.\"key\"", true, o->key);
        search_sql_add(sql, " ORDER BY %so.value", o->entity == FILTER_METRIC ? "o.is_nan, " : "");
}

void runs_search_build_probe(const struct runs_search *q, size_t driver, int64_t max,
                             struct search_sql *sql) {
        search_sql_add(sql, "SELECT count(*) FROM (SELECT 1 FROM %s v WHERE ",
                       table_of(&q->filter.clauses[driver]));
        add_driver(sql, q, (ssize_t) driver);
        search_sql_add(sql, " LIMIT ");
        search_sql_i64(sql, max);
        search_sql_add(sql, ") n");
}

/* "key = ? [AND is_nan = FALSE]" */
static void add_first_key(struct search_sql *sql, const struct order_key *k, const char *alias) {
        char key[32];

        snprintf(key, sizeof(key), "%s.\"key\"", alias);
        search_sql_same_text(sql, key, true, k->key);
        if (k->entity == FILTER_METRIC)
                search_sql_add(sql, " AND %s.is_nan = FALSE", alias);
}

/* "SELECT value …", of an order that runs_search_can_walk() */
void runs_search_build_first(const struct runs_search *q, struct search_sql *sql) {
        const struct order_key *k = &q->order[0];
        const struct filter_clause entity = {.entity = k->entity};

        search_sql_add(sql, "SELECT f.value FROM %s f WHERE ", table_of(&entity));
        add_first_key(sql, k, "f");
        search_sql_add(sql, " AND f.value IS NOT NULL ORDER BY f.value%s LIMIT 1",
                       k->descending ? " DESC" : "");
}

void runs_search_build_alike(const struct runs_search *q, const struct filter_clause *value,
                             int64_t n, struct search_sql *sql) {
        search_sql_add(sql, "SELECT count(*) FROM (SELECT v.run_uuid FROM %s v WHERE ",
                       table_of(value));
        add_first_key(sql, &q->order[0], "v");
        add_value(sql, value);
        search_sql_add(sql, " LIMIT ");
        search_sql_i64(sql, n);
        search_sql_add(sql, ") n CROSS JOIN runs ON runs.run_uuid = n.run_uuid WHERE ");
        add_scope(sql, q);
}

void runs_search_build_ties(const struct runs_search *q, int64_t max, struct search_sql *sql) {
        const struct order_key *k = &q->order[0];
        const struct filter_clause entity = {.entity = k->entity};

        search_sql_add(sql, "SELECT count(*) FROM (SELECT 1 FROM %s v WHERE ", table_of(&entity));
        add_first_key(sql, k, "v");
        search_sql_add(sql, " AND v.value = (");
        runs_search_build_first(q, sql);
        search_sql_add(sql, ") LIMIT ");
        search_sql_i64(sql, max);
        search_sql_add(sql, ") n");
}

void runs_search_build_size(const struct runs_search *q, int64_t max, struct search_sql *sql) {
        search_sql_add(sql, "SELECT count(*) FROM (SELECT 1 FROM runs WHERE ");
        add_scope(sql, q);
        search_sql_add(sql, " LIMIT ");
        search_sql_i64(sql, max);
        search_sql_add(sql, ") n");
}

void runs_search_build_scope(const struct runs_search *q, bool inside, int64_t max,
                             struct search_sql *sql) {
        search_sql_add(sql, "SELECT runs.run_uuid FROM runs WHERE (");
        add_scope(sql, q);
        search_sql_add(sql, ")%s LIMIT ", inside ? "" : " IS NOT TRUE");
        search_sql_i64(sql, max);
}

/* A stride of the golden part scatters numbers evenly, whatever repeats in what they are of. */
void runs_search_build_sample(const struct runs_search *q, int64_t n, struct search_sql *sql) {
        const char *column = column_of(q->order[0].key);

        search_sql_add(sql, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                            "WHERE i < ");
        search_sql_i64(sql, n);
        search_sql_add(sql,
                       ") SELECT %s FROM n CROSS JOIN runs ON runs.rowid = 1 + (n.i * 2654435769 "
                       "%% 4294967296) * (SELECT max(rowid) FROM runs) / 4294967296 WHERE %s IS "
                       "NOT NULL AND ",
                       column, column);
        add_scope(sql, q);
        for (size_t i = 0; i < q->filter.n; i++)
                add_clause(sql, &q->filter.clauses[i], "runs.run_uuid");
        search_sql_add(sql, " ORDER BY %s%s", column, q->order[0].descending ? " DESC" : "");
}

void runs_search_build_nth(const struct runs_search *q, int64_t offset, struct search_sql *sql) {
        const char *direction = q->order[0].descending ? " DESC" : "";

        search_sql_add(sql, "SELECT o0.value, o0.run_uuid FROM %s WHERE ",
                       walked_table(&q->order[0]));
        add_walked(sql, q, RUNS_SEARCH_WITH_VALUE);
        search_sql_add(sql, "onebox_pick(o0.run_uuid) ORDER BY o0.value%s, o0.run_uuid%s",
                       direction, direction);
        search_sql_page(sql, 1, offset);
}

void runs_search_build_before(const struct runs_search *q, const struct filter_clause *value,
                              const char *id, struct search_sql *sql) {
        search_sql_add(sql, "SELECT count(*) FROM %s WHERE ", walked_table(&q->order[0]));
        add_walked(sql, q, RUNS_SEARCH_WITH_VALUE);
        search_sql_add(sql, "o0.run_uuid %s ", q->order[0].descending ? ">" : "<");
        search_sql_text(sql, id);
        search_sql_add(sql, " AND onebox_pick(o0.run_uuid) AND ");
        search_sql_compare(sql, "o0.value", value);
}

bool runs_search_implies_value(const struct runs_search *q) {
        for (size_t i = 0; i < q->filter.n; i++)
                if (runs_search_is_on_walked(q, &q->filter.clauses[i]))
                        return true;
        return false;
}
