#include "daemons/tracking/traces_search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/filter_lex.h"
#include "daemons/tracking/filter_scan.h"
#include "daemons/tracking/trace_usage.h"
#include "lib/base/arena.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

#define END_TIME "(trace_info.timestamp_ms + COALESCE(trace_info.execution_time_ms, 0))"

static bool is_null_op(enum filter_op op) {
        return op == FILTER_IS_NULL || op == FILTER_IS_NOT_NULL;
}

static const char *column_of(const char *key) {
        if (str_eq(key, "end_time_ms"))
                return END_TIME;
        if (str_eq(key, "timestamp_ms"))
                return "trace_info.timestamp_ms";
        if (str_eq(key, "execution_time_ms"))
                return "trace_info.execution_time_ms";
        if (str_eq(key, "status"))
                return "trace_info.status";
        if (str_eq(key, "request_id"))
                return "trace_info.request_id";
        if (str_eq(key, "experiment_id"))
                return "trace_info.experiment_id";
        return "trace_info.client_request_id";
}

static void add_column(struct search_sql *sql, const char *column, const struct filter_clause *c) {
        if (is_null_op(c->op))
                search_sql_add(sql, "%s IS %sNULL", column, c->op == FILTER_IS_NULL ? "" : "NOT ");
        else
                search_sql_compare(sql, column, c);
}

/* A row of a table of keys and values. */
static void add_pair(struct search_sql *sql, const char *table, const char *key,
                     const struct filter_clause *c) {
        search_sql_add(sql,
                       "%sEXISTS (SELECT 1 FROM %s p WHERE p.request_id = "
                       "trace_info.request_id AND p.\"key\" = ",
                       c->op == FILTER_IS_NULL ? "NOT " : "", table);
        search_sql_text(sql, key);
        if (!is_null_op(c->op)) {
                search_sql_add(sql, " AND ");
                search_sql_compare(sql, "p.value", c);
        }
        search_sql_add(sql, ")");
}

static void add_tie(struct search_sql *sql, const char *type, const char *id) {
        search_sql_add(sql,
                       "EXISTS (SELECT 1 FROM entity_associations e WHERE e.source_type = "
                       "'trace' AND e.source_id = trace_info.request_id AND "
                       "e.destination_type = '%s' AND e.destination_id = ",
                       type);
        search_sql_text(sql, id);
        search_sql_add(sql, ")");
}

static void add_run(struct search_sql *sql, const struct filter_clause *c) {
        search_sql_add(sql, "(");
        add_tie(sql, "run", c->text);
        search_sql_add(sql, " OR ");
        add_pair(sql, "trace_request_metadata", "mlflow.sourceRun", c);
        search_sql_add(sql, ")");
}

/* In "name": "\"value\"" the pattern's own start and end are the value's. */
static void add_span_attribute_rlike(struct search_sql *sql, const char *name,
                                     const struct filter_clause *c) {
        struct filter_clause rlike = *c;
        const char *p = c->text;
        bool at_start = *p == '^', at_end = str_ends(p, "$");
        size_t n = strlen(p) - at_end;

        if (at_start && n > 0) {
                p++;
                n--;
        }
        rlike.text = arena_printf(sql->arena, "\"%s\": \"\\\\\"%s%.*s%s", name,
                                  at_start ? "" : ".*", (int) n, p, at_end ? "\\\\\"" : "");
        if (rlike.text)
                search_sql_compare(sql, "s.content", &rlike);
        else
                sql->error = -ENOMEM;
}

/* Attributes of spans are looked for in the kept text: no text is equal to a part of it. */
static void add_span_attribute(struct search_sql *sql, const char *name,
                               const struct filter_clause *c) {
        struct filter_clause like = *c;

        if (c->op == FILTER_RLIKE) {
                add_span_attribute_rlike(sql, name, c);
                return;
        }
        like.text = arena_printf(sql->arena, "%%\"%s\"%s%%", name, c->text);
        if (!like.text) {
                sql->error = -ENOMEM;
                return;
        }
        search_sql_compare(sql, "s.content", &like);
}

static void add_span(struct search_sql *sql, const char *key, const struct filter_clause *c) {
        const char *name = str_after(key, "attributes.");
        const char *column = arena_printf(sql->arena, "s.%s", key);
        size_t n = name ? strlen(name) : 0;

        if (filter_lex_quoted(name ? name : "", n, '`'))
                name = arena_strndup(sql->arena, name + 1, n - 2);
        if (name)
                add_span_attribute(sql, name, c);
        else if (column)
                search_sql_compare(sql, column, c);
        else
                sql->error = -ENOMEM;
}

/* A value is kept as JSON: the text itself or the text in quotes. */
static void add_assessment_value(struct search_sql *sql, const struct filter_clause *c) {
        _cleanup_buf_ struct buf quoted = {};
        struct filter_clause other = *c;

        if (c->kind == FILTER_I64 || c->kind == FILTER_F64) {
                search_sql_add(sql, "a.is_numeric_value AND ");
                search_sql_compare(sql, "a.aggregate_value", c);
                return;
        }
        if (c->op != FILTER_EQ && c->op != FILTER_NE) {
                search_sql_compare(sql, "a.value", c);
                return;
        }
        json_write_quoted(&quoted, c->text, strlen(c->text), JSON_WRITE_ASCII);
        other.text = buf_error(&quoted) < 0 ? NULL : arena_strdup(sql->arena, buf_cstr(&quoted));
        if (!other.text) {
                sql->error = -ENOMEM;
                return;
        }
        search_sql_add(sql, "(");
        search_sql_compare(sql, "a.value", c);
        search_sql_add(sql, c->op == FILTER_EQ ? " OR " : " AND ");
        search_sql_compare(sql, "a.value", &other);
        search_sql_add(sql, ")");
}

/* "a", an assessment of this type and name, is as the clause says. */
static void add_assessment_match(struct search_sql *sql, const char *type,
                                 const struct trace_filter_clause *c) {
        search_sql_add(sql, "a.assessment_type = '%s' AND a.name = ", type);
        search_sql_text(sql, c->key);
        search_sql_add(sql, " AND a.valid");
        if (!is_null_op(c->value.op)) {
                search_sql_add(sql, " AND ");
                add_assessment_value(sql, &c->value);
        }
}

/* What is said of a session in one of its traces goes for all of them. */
static void add_session(const struct traces_search *q, struct search_sql *sql, const char *type,
                        const struct trace_filter_clause *c) {
        search_sql_add(sql, "trace_info.session_id IS NOT NULL AND trace_info.session_id IN "
                            "(SELECT t.session_id FROM assessments a JOIN trace_info t ON "
                            "t.request_id = a.trace_id WHERE a.assessment_metadata LIKE "
                            "'%%\"mlflow.trace.session\":%%' AND t.session_id IS NOT NULL AND ");
        search_sql_in_i64(sql, "t.experiment_id", q->experiment_ids, q->n_experiment_ids);
        search_sql_add(sql, " AND ");
        add_assessment_match(sql, type, c);
        search_sql_add(sql, ")");
}

static void add_assessment(const struct traces_search *q, struct search_sql *sql, const char *type,
                           const struct trace_filter_clause *c) {
        search_sql_add(sql,
                       "%s(EXISTS (SELECT 1 FROM assessments a WHERE a.trace_id = "
                       "trace_info.request_id AND ",
                       c->value.op == FILTER_IS_NULL ? "NOT " : "");
        add_assessment_match(sql, type, c);
        search_sql_add(sql, ") OR (");
        add_session(q, sql, type, c);
        search_sql_add(sql, "))");
}

static void add_issue(struct search_sql *sql, const struct trace_filter_clause *c) {
        search_sql_add(sql, "EXISTS (SELECT 1 FROM assessments a WHERE a.trace_id = "
                            "trace_info.request_id AND a.assessment_type = 'issue' AND a.name = ");
        search_sql_text(sql, c->value.text);
        search_sql_add(sql, ")");
}

static void add_tag(struct search_sql *sql, const struct trace_filter_clause *c) {
        if (str_eq(c->key, "mlflow.traceName"))
                add_column(sql, "trace_info.trace_name", &c->value);
        else if (str_eq(c->key, "mlflow.linkedPrompts"))
                add_tie(sql, "prompt_version", c->value.text);
        else
                add_pair(sql, "trace_tags", c->key, &c->value);
}

/* --- what has columns of its own --- */

static void add_usage(struct search_sql *sql, const struct trace_filter_clause *c) {
        search_sql_add(sql, "(");
        if (c->value.op == FILTER_EQ) {
                trace_usage_add_same(sql, "trace_info", c->key, c->value.text);
        } else if (c->value.op == FILTER_NE) {
                search_sql_add(sql, "(");
                trace_usage_add_any(sql, "trace_info", c->key, true);
                search_sql_add(sql, ") AND NOT (");
                trace_usage_add_same(sql, "trace_info", c->key, c->value.text);
                search_sql_add(sql, ")");
        } else {
                trace_usage_add_any(sql, "trace_info", c->key, c->value.op == FILTER_IS_NOT_NULL);
        }
        search_sql_add(sql, ")");
}

static int check_usage(const struct trace_filter *f, struct refusal *r) {
        for (size_t i = 0; i < f->n; i++) {
                const struct trace_filter_clause *c = &f->clauses[i];

                if (c->entity == TRACE_FILTER_METADATA && trace_usage_is(c->key) &&
                    c->value.op != FILTER_EQ && c->value.op != FILTER_NE &&
                    !is_null_op(c->value.op))
                        return refusal_invalid(r,
                                               "Comparator '%s' is not supported for reserved "
                                               "metadata '%s'. Only '=', '!=', 'IS NULL', and 'IS "
                                               "NOT NULL' are supported.",
                                               filter_scan_op_name(c->value.op), c->key);
        }
        return 0;
}

static void add_metadata(struct search_sql *sql, const struct trace_filter_clause *c) {
        if (trace_usage_is(c->key))
                add_usage(sql, c);
        else if (str_eq(c->key, "mlflow.trace.session"))
                add_column(sql, "trace_info.session_id", &c->value);
        else if (str_eq(c->key, "mlflow.sourceRun") && c->value.op == FILTER_EQ)
                add_run(sql, &c->value);
        else
                add_pair(sql, "trace_request_metadata", c->key, &c->value);
}

static void add_clause(const struct traces_search *q, struct search_sql *sql,
                       const struct trace_filter_clause *c) {
        switch (c->entity) {
        case TRACE_FILTER_ATTRIBUTE:
                search_sql_compare(sql, column_of(c->key), &c->value);
                break;
        case TRACE_FILTER_TAG:
                add_tag(sql, c);
                break;
        case TRACE_FILTER_METADATA:
                add_metadata(sql, c);
                break;
        case TRACE_FILTER_FEEDBACK:
                add_assessment(q, sql, "feedback", c);
                break;
        case TRACE_FILTER_EXPECTATION:
                add_assessment(q, sql, "expectation", c);
                break;
        case TRACE_FILTER_ISSUE:
                add_issue(sql, c);
                break;
        case TRACE_FILTER_SPAN: /* all of them together: one span must fit them all */
                break;
        }
}

/* Spans begin with their trace, but for clocks that differ: where traces of a time are asked for,
 * spans from long before it are left out. */
static void add_spans_from(const struct traces_search *q, struct search_sql *sql) {
        const double slack_ms = 10000, ns_per_ms = 1e6;
        double from = 0;
        bool any = false;

        for (size_t i = 0; i < q->filter.n; i++) {
                const struct trace_filter_clause *c = &q->filter.clauses[i];
                double at = c->value.kind == FILTER_I64 ? (double) c->value.i64 : c->value.f64;

                if (c->entity != TRACE_FILTER_ATTRIBUTE || !str_eq(c->key, "timestamp_ms") ||
                    (c->value.op != FILTER_GT && c->value.op != FILTER_GE))
                        continue;
                from = any ? MAX(from, at) : at;
                any = true;
        }
        if (!any)
                return;
        search_sql_add(sql, " AND s.start_time_unix_nano >= ");
        search_sql_f64(sql, (from - slack_ms) * ns_per_ms);
}

static void add_spans(const struct traces_search *q, struct search_sql *sql) {
        bool any = false;

        for (size_t i = 0; i < q->filter.n; i++) {
                const struct trace_filter_clause *c = &q->filter.clauses[i];

                if (c->entity != TRACE_FILTER_SPAN)
                        continue;
                search_sql_add(sql, any ? " AND "
                                        : " AND EXISTS (SELECT 1 FROM spans s WHERE "
                                          "s.trace_id = trace_info.request_id AND ");
                any = true;
                add_span(sql, c->key, &c->value);
        }
        if (!any)
                return;
        add_spans_from(q, sql);
        search_sql_add(sql, ")");
}

void traces_search_build_where(const struct traces_search *q, struct search_sql *sql) {
        search_sql_add(sql, " FROM trace_info WHERE ");
        search_sql_in_i64(sql, "trace_info.experiment_id", q->experiment_ids, q->n_experiment_ids);
        for (size_t i = 0; i < q->filter.n; i++) {
                if (q->filter.clauses[i].entity == TRACE_FILTER_SPAN)
                        continue;
                search_sql_add(sql, " AND ");
                add_clause(q, sql, &q->filter.clauses[i]);
        }
        add_spans(q, sql);
}

static void add_order_value(struct search_sql *sql, const struct trace_filter_order *o) {
        if (o->entity == TRACE_FILTER_ATTRIBUTE) {
                search_sql_add(sql, "%s", column_of(o->key));
        } else if (str_eq(o->key, "mlflow.traceName")) {
                search_sql_add(sql, "trace_info.trace_name");
        } else if (str_eq(o->key, "mlflow.trace.session")) {
                search_sql_add(sql, "trace_info.session_id");
        } else {
                search_sql_add(sql,
                               "(SELECT p.value FROM %s p WHERE p.request_id = "
                               "trace_info.request_id AND p.\"key\" = ",
                               o->entity == TRACE_FILTER_TAG ? "trace_tags"
                                                             : "trace_request_metadata");
                search_sql_text(sql, o->key);
                search_sql_add(sql, ")");
        }
}

void traces_search_build(const struct traces_search *q, struct search_sql *sql) {
        search_sql_add(sql, "SELECT " TRACES_SQL_COLUMNS);
        traces_search_build_where(q, sql);
        search_sql_add(sql, " ORDER BY ");
        for (size_t i = 0; i < q->n_order; i++) {
                search_sql_add(sql, "CASE WHEN ");
                add_order_value(sql, &q->order[i]);
                search_sql_add(sql, " IS NULL THEN 1 ELSE 0 END, ");
                add_order_value(sql, &q->order[i]);
                search_sql_add(sql, q->order[i].descending ? " DESC, " : ", ");
        }
        search_sql_add(sql, "trace_info.timestamp_ms DESC, trace_info.request_id");
}

/* Prompts are looked for by name and version alone. */
static int check_prompts(const struct trace_filter *f, struct refusal *r) {
        for (size_t i = 0; i < f->n; i++) {
                const struct trace_filter_clause *c = &f->clauses[i];
                const char *slash;

                if (c->entity != TRACE_FILTER_TAG || !str_eq(c->key, "mlflow.linkedPrompts"))
                        continue;
                if (c->value.op != FILTER_EQ)
                        return refusal_invalid(r,
                                               "Invalid comparator '%s' for prompts filter. Only "
                                               "'=' is supported with format: prompt = "
                                               "\"name/version\"",
                                               filter_scan_op_name(c->value.op));
                slash = strchr(c->value.text, '/');
                if (!slash || strchr(slash + 1, '/'))
                        return refusal_invalid(r,
                                               "Invalid prompts filter value '%s'. Expected "
                                               "format: prompt = \"name/version\"",
                                               c->value.text);
        }
        return 0;
}

static bool is_run(const struct trace_filter_clause *c) {
        return c->entity == TRACE_FILTER_METADATA && str_eq(c->key, "mlflow.sourceRun") &&
               c->value.op == FILTER_EQ;
}

/* Of several runs that are asked for the last one counts, and an empty one asks for nothing. */
static void keep_last_run(struct trace_filter *f) {
        struct trace_filter_clause *c = f->clauses;
        size_t last = f->n, n = 0;

        for (size_t i = 0; i < f->n; i++)
                if (is_run(&c[i]))
                        last = i;
        for (size_t i = 0; i < f->n; i++)
                if (!is_run(&c[i]) || (i == last && *c[i].value.text))
                        c[n++] = c[i];
        f->n = n;
}

int traces_search_parse(struct traces_search *q, const char *filter, const char *const *order_by,
                        size_t n_order_by, struct refusal *r) {
        int x = trace_filter_parse(filter, r, &q->filter);

        if (x == 0)
                x = check_prompts(&q->filter, r);
        if (x == 0)
                x = check_usage(&q->filter, r);
        if (x == 0)
                keep_last_run(&q->filter);
        if (x == 0 && n_order_by > TRACES_SEARCH_ORDER_MAX)
                x = refusal_invalid(r, "A search has at most %d keys of order_by.",
                                    TRACES_SEARCH_ORDER_MAX);
        for (size_t i = 0; x == 0 && i < n_order_by; i++) {
                x = trace_filter_parse_order(order_by[i], r, &q->order[i]);
                for (size_t k = 0; x == 0 && k < i; k++)
                        if (q->order[k].entity == q->order[i].entity &&
                            str_eq(q->order[k].key, q->order[i].key))
                                x = refusal_invalid(r, "`order_by` contains duplicate fields: '%s'",
                                                    order_by[i]);
                q->n_order++;
        }
        return x;
}

/* A trace and where it was asked for. */
struct found {
        struct trace trace;
        size_t rank;
};

struct asked {
        const char *id;
        size_t rank;
};

static int compare_asked(const void *a, const void *b) {
        const struct asked *x = a, *y = b;
        int r = strcmp(x->id, y->id);

        return r != 0 ? r : (x->rank > y->rank) - (x->rank < y->rank);
}

static int compare_found(const void *a, const void *b) {
        const struct found *x = a, *y = b;

        return (x->rank > y->rank) - (x->rank < y->rank);
}

/* Of an id that was asked for twice the last place counts. */
static size_t rank_of(const struct asked *asked, size_t n, const char *id) {
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(asked[middle].id, id) <= 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low > 0 ? asked[low - 1].rank : 0;
}

static int find(struct db *db, struct refusal *ref, const char *const *ids, size_t n_ids,
                struct found *found, size_t *ret_n) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        size_t n = 0;
        int r;

        search_sql_init(&sql, ref->arena);
        search_sql_add(&sql, "SELECT " TRACES_SQL_COLUMNS " FROM trace_info WHERE ");
        search_sql_in_text(&sql, "trace_info.request_id", ids, n_ids);
        access_restrict(ref->access, ACCESS_EXPERIMENT, "trace_info.experiment_id", true, &sql);
        r = search_sql_prepare(&sql, db, &s);
        while (r == 0 && n < n_ids && (r = db_step(s)) == DB_ROW) {
                r = traces_sql_read(s, ref->arena, &found[n].trace);
                n += r == 0;
        }
        *ret_n = n;
        return r < 0 ? r : 0;
}

int traces_search_by_ids(struct db *db, struct refusal *ref, const char *const *ids, size_t n_ids,
                         struct trace **ret, size_t *ret_n) {
        struct asked *asked = arena_alloc(ref->arena, n_ids * sizeof(*asked) + 1);
        struct found *found = arena_alloc(ref->arena, n_ids * sizeof(*found) + 1);
        struct trace *traces = arena_alloc(ref->arena, n_ids * sizeof(*traces) + 1);
        size_t n;
        int r;

        if (!asked || !found || !traces)
                return -ENOMEM;
        r = find(db, ref, ids, n_ids, found, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_ids; i++)
                asked[i] = (struct asked){ids[i], i};
        qsort(asked, n_ids, sizeof(*asked), compare_asked);
        for (size_t i = 0; i < n; i++)
                found[i].rank = rank_of(asked, n_ids, found[i].trace.id);
        qsort(found, n, sizeof(*found), compare_found);
        for (size_t i = 0; i < n; i++)
                traces[i] = found[i].trace;
        *ret = traces;
        *ret_n = n;
        return 0;
}
