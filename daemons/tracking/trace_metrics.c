#include "daemons/tracking/trace_metrics.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/filter_lex.h"
#include "daemons/tracking/trace_usage.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"

#define NS_PER_MS 1000000

/* In the alphabet's order, as messages list them. */
enum dimension {
        ASSESSMENT_NAME = 1 << 0,
        ASSESSMENT_VALUE = 1 << 1,
        SPAN_MODEL_NAME = 1 << 2,
        SPAN_MODEL_PROVIDER = 1 << 3,
        SPAN_NAME = 1 << 4,
        SPAN_STATUS = 1 << 5,
        SPAN_TYPE = 1 << 6,
        TRACE_NAME = 1 << 7,
        TRACE_STATUS = 1 << 8,
};

static const struct {
        const char *name, *column;
} dimensions[] = {
        {"assessment_name", "a.name"},
        {"assessment_value", "a.value"},
        {"span_model_name", "s.model_name"},
        {"span_model_provider", "s.model_provider"},
        {"span_name", "s.name"},
        {"span_status", "s.status"},
        {"span_type", "s.type"},
        {"trace_name", "t.trace_name"},
        {"trace_status", "t.status"},
};

static const struct {
        const char *name;
        unsigned how;
} hows[] = {
        {"AVG", TRACE_METRICS_AVG},
        {"COUNT", TRACE_METRICS_COUNT},
        {"MAX", TRACE_METRICS_MAX},
        {"MIN", TRACE_METRICS_MIN},
        {"PERCENTILE", TRACE_METRICS_PERCENTILE},
        {"SUM", TRACE_METRICS_SUM},
};

/* The words of the list. */
enum {
        COUNT = TRACE_METRICS_COUNT,
        SUM = TRACE_METRICS_SUM,
        AVG = TRACE_METRICS_AVG,
        PERCENTILE = TRACE_METRICS_PERCENTILE,
        LEAST = TRACE_METRICS_MIN,
        MOST = TRACE_METRICS_MAX,
};

static const struct metric {
        enum trace_metrics_view view;
        const char *name, *column;
        bool is_number;
        unsigned how, dimensions;
} metrics[] = {
#define METRIC(view, ...) {TRACE_METRICS_##view, __VA_ARGS__},
#include "daemons/tracking/trace_metrics.def"
#undef METRIC
};

static const struct metric *find(const struct trace_metrics *m) {
        for (size_t i = 0; i < ARRAY_SIZE(metrics); i++)
                if (metrics[i].view == m->view && str_eq(metrics[i].name, m->metric))
                        return &metrics[i];
        return NULL;
}

bool trace_metrics_has_values(const struct trace_metrics *m) {
        const struct metric *x = find(m);

        return x && x->is_number;
}

bool trace_metrics_is_time(const struct trace_metrics *m) {
        return m->view == TRACE_METRICS_SPANS && str_eq(m->metric, "latency");
}

/* --- is there such a thing? ----------------------------------------------------------------------
 */

/* 'a', 'b' */
static const char *add(struct arena *a, const char *list, const char *name) {
        const char *r = list ? arena_printf(a, "%s%s'%s'", list, *list ? ", " : "", name) : NULL;

        return r ? r : "";
}

static int refuse_metric(const struct trace_metrics *m, struct refusal *r) {
        const char *list = "";

        for (size_t i = 0; i < ARRAY_SIZE(metrics); i++)
                if (metrics[i].view == m->view)
                        list = add(r->arena, list, metrics[i].name);
        return refusal_invalid(r, "metric_name must be one of [%s], got '%s'", list, m->metric);
}

static int refuse_how(const struct trace_metrics *m, const struct metric *x, struct refusal *r) {
        const char *bad = "", *good = "";

        for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
                if (x->how & hows[i].how)
                        good = add(r->arena, good, hows[i].name);
                else if (m->how & hows[i].how)
                        bad = add(r->arena, bad, hows[i].name);
        }
        return refusal_invalid(r,
                               "Found invalid aggregation_type(s): [%s]. Supported aggregation "
                               "types: [%s]",
                               bad, good);
}

/* Where it stands in dimensions[]; -1: there it is not, or not of this metric. */
static int find_dimension(const struct metric *x, const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(dimensions); i++)
                if (str_eq(dimensions[i].name, name))
                        return x->dimensions & (1U << i) ? (int) i : -1;
        return -1;
}

static int refuse_dimension(const struct metric *x, const char *name, struct refusal *r) {
        const char *good = "";

        for (size_t i = 0; i < ARRAY_SIZE(dimensions); i++)
                if (x->dimensions & (1U << i))
                        good = add(r->arena, good, dimensions[i].name);
        return refusal_invalid(r, "Found invalid dimension(s): ['%s']. Supported dimensions: [%s]",
                               name, good);
}

int trace_metrics_check(const struct trace_metrics *m, struct refusal *r) {
        const struct metric *x = find(m);

        if (!x)
                return refuse_metric(m, r);
        if (m->how & ~x->how)
                return refuse_how(m, x, r);
        for (size_t i = 0; i < m->n_dimensions; i++)
                if (find_dimension(x, m->dimensions[i]) < 0)
                        return refuse_dimension(x, m->dimensions[i], r);
        if (m->n_dimensions > TRACE_METRICS_DIMENSIONS_MAX)
                return refusal_invalid(r, "There are at most %d dimensions.",
                                       TRACE_METRICS_DIMENSIONS_MAX);
        return 0;
}

/* --- filters -------------------------------------------------------------------------------------
 */

struct comparison {
        const char *view, *entity, *key, *value; /* key NULL: none */
};

static const struct {
        const char *view, *entity;
        bool has_key;
} entities[] = {
        {"trace", "status", false},    {"trace", "tag", true},        {"trace", "metadata", true},
        {"span", "name", false},       {"span", "status", false},     {"span", "type", false},
        {"assessment", "name", false}, {"assessment", "type", false},
};

static const char *bare(struct arena *a, const char *text) {
        size_t n = strlen(text);

        if (filter_lex_quoted(text, n, '`') || filter_lex_quoted(text, n, '"') ||
            filter_lex_quoted(text, n, '\''))
                return arena_strndup(a, text + 1, n - 2);
        return text;
}

static int check_entity(const struct comparison *c, struct refusal *r) {
        const char *list = "";
        bool view = false;

        for (size_t i = 0; i < ARRAY_SIZE(entities); i++) {
                if (!str_eq(entities[i].view, c->view))
                        continue;
                view = true;
                list = add(r->arena, list, entities[i].entity);
                if (!str_eq(entities[i].entity, c->entity))
                        continue;
                if (entities[i].has_key && !c->key)
                        return refusal_invalid(r,
                                               "Filtering by %s requires a key, e.g. "
                                               "'%s.%s.<key> = <value>'",
                                               c->entity, c->view, c->entity);
                if (!entities[i].has_key && c->key)
                        return refusal_invalid(r,
                                               "Filtering by %s does not require a key, use "
                                               "'%s.%s' instead",
                                               c->entity, c->view, c->entity);
                return 0;
        }
        if (!view)
                return refusal_invalid(r,
                                       "Invalid view type '%s'. Valid values are "
                                       "dict_keys(['trace', 'span', 'assessment'])",
                                       c->view);
        return refusal_invalid(r,
                               "Invalid entity '%s' specified for view type '%s'. Valid entities "
                               "are [%s]",
                               c->entity, c->view, list);
}

/* view.entity or view.entity.key */
static int read_name(const struct filter_word *w, struct refusal *r, struct comparison *ret) {
        char *text = arena_strndup(r->arena, w->text, w->size), *dot, *key;

        if (!text)
                return -ENOMEM;
        dot = strchr(text, '.');
        if (!dot)
                return refusal_invalid(r,
                                       "Invalid identifier '%s'. Columns should be specified as "
                                       "'trace.<key>', 'span.<key>', 'assessment.<key>'.",
                                       text);
        *dot = '\0';
        key = strchr(dot + 1, '.');
        if (key)
                *key++ = '\0';
        ret->view = bare(r->arena, text);
        ret->entity = dot + 1;
        ret->key = key ? bare(r->arena, key) : NULL;
        if (!ret->view || (key && !ret->key))
                return -ENOMEM;
        return check_entity(ret, r);
}

static int parse(const char *text, struct refusal *r, struct comparison *ret) {
        struct filter_lex lex = {text};
        struct filter_word name = filter_lex_next(&lex), compare = filter_lex_next(&lex),
                           value = filter_lex_next(&lex), end = filter_lex_next(&lex);
        const char *word;
        int x;

        *ret = (struct comparison){};
        if (name.kind != FILTER_NAME || compare.kind != FILTER_COMPARE || end.kind != FILTER_END ||
            value.kind == FILTER_END)
                return refusal_invalid(r, "Invalid clause(s) in filter string: %s", text);
        x = read_name(&name, r, ret);
        if (x != 0)
                return x;
        word = arena_strndup(r->arena, value.text, value.size);
        if (!word)
                return -ENOMEM;
        if (!filter_lex_is(&compare, "="))
                return refusal_invalid(r,
                                       "Invalid comparator: '%.*s', only '=' operator is "
                                       "supported",
                                       (int) compare.size, compare.text);
        if (value.kind != FILTER_STRING && !filter_lex_quoted(word, value.size, '"'))
                return refusal_invalid(r,
                                       "Expected a quoted string value for %s value (e.g. "
                                       "'my-value'). Got value %s",
                                       ret->entity, word);
        ret->value = bare(r->arena, word);
        return ret->value ? 0 : -ENOMEM;
}

static void add_same(struct search_sql *sql, const char *column, const char *value) {
        search_sql_add(sql, " AND ");
        search_sql_same_text(sql, column, true, value);
}

/* Something of the trace, from wherever we look at it. */
static void add_of_trace(const struct trace_metrics *m, struct search_sql *sql, const char *column,
                         const char *value) {
        if (m->view != TRACE_METRICS_ASSESSMENTS) {
                add_same(sql, column, value);
                return;
        }
        search_sql_add(sql,
                       " AND EXISTS (SELECT 1 FROM trace_info t WHERE t.request_id = a.trace_id");
        add_same(sql, column, value);
        search_sql_add(sql, ")");
}

static void add_usage(const struct trace_metrics *m, struct search_sql *sql,
                      const struct comparison *c) {
        bool inside = m->view == TRACE_METRICS_ASSESSMENTS;

        search_sql_add(sql, " AND ");
        if (inside)
                search_sql_add(
                        sql,
                        "EXISTS (SELECT 1 FROM trace_info t WHERE t.request_id = a.trace_id AND ");
        search_sql_add(sql, "(");
        trace_usage_add_same(sql, "t", c->key, c->value);
        search_sql_add(sql, inside ? "))" : ")");
}

static void add_pair(const struct trace_metrics *m, struct search_sql *sql, const char *table,
                     const struct comparison *c) {
        const char *id = m->view == TRACE_METRICS_ASSESSMENTS ? "a.trace_id" : "t.request_id";

        search_sql_add(sql, " AND (EXISTS (SELECT 1 FROM %s p WHERE p.request_id = %s", table, id);
        add_same(sql, "p.\"key\"", c->key);
        add_same(sql, "p.value", c->value);
        search_sql_add(sql, ")");
        if (str_eq(table, "trace_request_metadata") && str_eq(c->key, "mlflow.sourceRun")) {
                search_sql_add(sql,
                               " OR EXISTS (SELECT 1 FROM entity_associations e WHERE "
                               "e.source_type = 'trace' AND e.source_id = %s AND "
                               "e.destination_type = 'run'",
                               id);
                add_same(sql, "e.destination_id", c->value);
                search_sql_add(sql, ")");
        }
        search_sql_add(sql, ")");
}

static int add_filter(const struct trace_metrics *m, struct refusal *r, struct search_sql *sql,
                      const struct comparison *c) {
        const char *views[] = {[TRACE_METRICS_TRACES] = "TRACES",
                               [TRACE_METRICS_SPANS] = "SPANS",
                               [TRACE_METRICS_ASSESSMENTS] = "ASSESSMENTS"};
        bool of_spans = str_eq(c->view, "span");

        if (!str_eq(c->view, "trace")) {
                if (m->view != (of_spans ? TRACE_METRICS_SPANS : TRACE_METRICS_ASSESSMENTS))
                        return refusal_invalid(
                                r, "Filtering by %s is only supported for %s view type, got %s",
                                c->view, of_spans ? "SPANS" : "ASSESSMENTS", views[m->view]);
                if (of_spans)
                        add_same(sql,
                                 str_eq(c->entity, "name")     ? "s.name"
                                 : str_eq(c->entity, "status") ? "s.status"
                                                               : "s.type",
                                 c->value);
                else
                        add_same(sql, str_eq(c->entity, "name") ? "a.name" : "a.assessment_type",
                                 c->value);
        } else if (str_eq(c->entity, "status")) {
                add_of_trace(m, sql, "t.status", c->value);
        } else if (str_eq(c->entity, "metadata")) {
                if (str_eq(c->key, "mlflow.trace.session"))
                        add_of_trace(m, sql, "t.session_id", c->value);
                else if (trace_usage_is(c->key))
                        add_usage(m, sql, c);
                else
                        add_pair(m, sql, "trace_request_metadata", c);
        } else if (str_eq(c->key, "mlflow.traceName")) {
                add_of_trace(m, sql, "t.trace_name", c->value);
        } else {
                add_pair(m, sql, "trace_tags", c);
        }
        return 0;
}

/* --- the statement -------------------------------------------------------------------------------
 */

/* Counts and latencies of spans go by the time of their trace. */
static bool is_by_span(const struct trace_metrics *m) {
        return m->view == TRACE_METRICS_SPANS && str_ends(m->metric, "_cost");
}

static void add_bounds(const struct trace_metrics *m, struct search_sql *sql) {
        const char *column = m->view == TRACE_METRICS_ASSESSMENTS ? "a.trace_timestamp_ms"
                             : is_by_span(m)                      ? "s.start_time_unix_nano"
                                                                  : "t.timestamp_ms";
        int64_t unit = is_by_span(m) ? NS_PER_MS : 1, from, until;

        if (m->from_ms != INT64_MIN && !__builtin_mul_overflow(m->from_ms, unit, &from)) {
                search_sql_add(sql, " AND %s >= ", column);
                search_sql_i64(sql, from);
        }
        if (m->until_ms != INT64_MAX && !__builtin_mul_overflow(m->until_ms + 1, unit, &until)) {
                search_sql_add(sql, " AND %s < ", column);
                search_sql_i64(sql, until);
        }
}

static void add_columns(const struct trace_metrics *m, const struct metric *x,
                        struct search_sql *sql) {
        const char *time = m->view == TRACE_METRICS_ASSESSMENTS ? "a.trace_timestamp_ms"
                           : m->view == TRACE_METRICS_SPANS     ? "s.start_time_unix_nano"
                                                                : "t.timestamp_ms";
        int64_t unit = m->view == TRACE_METRICS_SPANS ? 1000000000 : 1000;

        search_sql_add(sql, "SELECT %s", str_eq(m->metric, "session_count") ? "DISTINCT " : "");
        if (m->interval_s)
                search_sql_add(sql, "%s - %s %% %lld AS b, ", time, time,
                               (long long) (m->interval_s * unit));
        for (size_t i = 0; i < m->n_dimensions; i++)
                search_sql_add(sql, "%s AS d%zu, ",
                               dimensions[find_dimension(x, m->dimensions[i])].column, i);
        search_sql_add(sql, "%s AS v FROM ", x->column);
}

static void add_order(const struct trace_metrics *m, struct search_sql *sql) {
        search_sql_add(sql, " ORDER BY ");
        if (m->interval_s)
                search_sql_add(sql, "b, ");
        for (size_t i = 0; i < m->n_dimensions; i++)
                search_sql_add(sql, "d%zu, ", i);
        search_sql_add(sql, "v");
}

int trace_metrics_build(const struct trace_metrics *m, struct refusal *r, struct search_sql *sql) {
        bool of_assessments = m->view == TRACE_METRICS_ASSESSMENTS;
        const struct metric *x = find(m);
        struct comparison c;
        int result = 0;

        add_columns(m, x, sql);
        search_sql_add(sql, "%s WHERE ",
                       of_assessments                   ? "assessments a"
                       : m->view == TRACE_METRICS_SPANS ? "trace_info t JOIN spans s ON "
                                                          "s.trace_id = t.request_id"
                                                        : "trace_info t");
        search_sql_in_i64(sql, of_assessments ? "a.experiment_id" : "t.experiment_id",
                          m->experiment_ids, m->n_experiment_ids);
        search_sql_add(sql, " AND %s IS NOT NULL%s", x->column,
                       of_assessments ? " AND a.valid" : "");
        for (size_t i = 0; i < m->n_dimensions; i++)
                search_sql_add(sql, " AND %s IS NOT NULL",
                               dimensions[find_dimension(x, m->dimensions[i])].column);
        add_bounds(m, sql);
        for (size_t i = 0; result == 0 && i < m->n_filters; i++) {
                result = parse(m->filters[i], r, &c);
                if (result == 0)
                        result = add_filter(m, r, sql, &c);
        }
        add_order(m, sql);
        return result;
}
