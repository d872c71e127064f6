#include "daemons/tracking/trace_filter.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "daemons/tracking/filter_check.h"
#include "daemons/tracking/filter_lex.h"
#include "daemons/tracking/filter_scan.h"
#include "daemons/tracking/filter_value.h"
#include "lib/base/arena.h"
#include "lib/base/pattern.h"
#include "lib/base/str.h"

static const char *const attributes[] = {
        "client_request_id",
        "end_time",
        "end_time_ms",
        "execution_time",
        "execution_time_ms",
        "name",
        "prompt",
        "request_id",
        "run_id",
        "status",
        "text",
        "timestamp",
        "timestamp_ms",
        NULL,
};
static const char *const order_attributes[] = {
        "end_time",   "end_time_ms", "execution_time", "execution_time_ms", "experiment_id", "name",
        "request_id", "run_id",      "status",         "timestamp",         "timestamp_ms",  NULL,
};

static const struct {
        const char *name;
        enum trace_filter_entity entity;
} entities[] = {
        {"attribute", TRACE_FILTER_ATTRIBUTE},
        {"attributes", TRACE_FILTER_ATTRIBUTE},
        {"expectation", TRACE_FILTER_EXPECTATION},
        {"feedback", TRACE_FILTER_FEEDBACK},
        {"issue", TRACE_FILTER_ISSUE},
        {"metadata", TRACE_FILTER_METADATA},
        {"request_metadata", TRACE_FILTER_METADATA},
        {"span", TRACE_FILTER_SPAN},
        {"tag", TRACE_FILTER_TAG},
        {"tags", TRACE_FILTER_TAG},
        {"trace", TRACE_FILTER_ATTRIBUTE},
};

static const char *const entity_names[] = {
        [TRACE_FILTER_ATTRIBUTE] = "attribute",
        [TRACE_FILTER_TAG] = "tag",
        [TRACE_FILTER_METADATA] = "request_metadata",
        [TRACE_FILTER_SPAN] = "span",
        [TRACE_FILTER_FEEDBACK] = "feedback",
        [TRACE_FILTER_EXPECTATION] = "expectation",
        [TRACE_FILTER_ISSUE] = "issue",
};

/* What stands for something else. */
static const struct {
        const char *key;
        enum trace_filter_entity entity;
        const char *to;
} aliases[] = {
        {"name", TRACE_FILTER_TAG, "mlflow.traceName"},
        {"prompt", TRACE_FILTER_TAG, "mlflow.linkedPrompts"},
        {"run_id", TRACE_FILTER_METADATA, "mlflow.sourceRun"},
        {"text", TRACE_FILTER_SPAN, "content"},
};

static const struct {
        const char *key, *to;
} times[] = {
        {"timestamp", "timestamp_ms"},
        {"execution_time", "execution_time_ms"},
        {"end_time", "end_time_ms"},
};

static bool is_assessment(enum trace_filter_entity entity) {
        return entity == TRACE_FILTER_FEEDBACK || entity == TRACE_FILTER_EXPECTATION;
}

static bool is_numeric(enum trace_filter_entity entity, const char *key) {
        for (size_t i = 0; entity == TRACE_FILTER_ATTRIBUTE && i < ARRAY_SIZE(times); i++)
                if (str_eq(times[i].key, key) || str_eq(times[i].to, key))
                        return true;
        return false;
}

/* --- names --- */

static int refuse_entity(struct refusal *r, const char *name) {
        return refusal_invalid(r,
                               "Invalid entity type '%s'. Valid values are {'attribute', "
                               "'attributes', 'expectation', 'feedback', 'issue', 'metadata', "
                               "'request_metadata', 'span', 'tag', 'tags', 'trace'}",
                               name);
}

static const char *bare(struct arena *a, const char *text, size_t n) {
        if (filter_lex_quoted(text, n, '`') || filter_lex_quoted(text, n, '"') ||
            filter_lex_quoted(text, n, '\''))
                return arena_strndup(a, text + 1, n - 2);
        return arena_strndup(a, text, n);
}

/* tag.`a b`, trace.status, timestamp. */
static int read_name(const char *text, size_t n, const char *const *valid, struct refusal *r,
                     enum trace_filter_entity *ret_entity, const char **ret_key) {
        const char *dot = memchr(text, '.', n), *entity, *key;
        size_t i = 0;

        *ret_entity = TRACE_FILTER_ATTRIBUTE;
        key = dot ? bare(r->arena, dot + 1, n - (size_t) (dot + 1 - text))
                  : bare(r->arena, text, n);
        if (!key)
                return -ENOMEM;
        if (dot) {
                entity = bare(r->arena, text, (size_t) (dot - text));
                if (!entity)
                        return -ENOMEM;
                while (i < ARRAY_SIZE(entities) && !str_eq(entities[i].name, entity))
                        i++;
                if (i == ARRAY_SIZE(entities))
                        return refuse_entity(r, entity);
                *ret_entity = entities[i].entity;
        }
        if (*ret_entity == TRACE_FILTER_ATTRIBUTE) {
                for (i = 0; valid[i] && !str_eq(valid[i], key);)
                        i++;
                if (!valid[i])
                        return filter_check_unknown(FILTER_RUNS, key, valid, "attribute", r);
        }
        *ret_key = key;
        return 0;
}

/* What an alias stands for, whatever entity it was asked of: tag.name is the trace's name, too. */
static void resolve(enum trace_filter_entity *entity, const char **key) {
        if (*entity == TRACE_FILTER_SPAN)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
                if (str_eq_fold(aliases[i].key, *key)) {
                        *entity = aliases[i].entity;
                        *key = aliases[i].to;
                        return;
                }
        for (size_t i = 0; i < ARRAY_SIZE(times); i++)
                if (str_eq_fold(times[i].key, *key))
                        *key = times[i].to;
}

/* --- comparisons --- */

#define OP(x) (1u << FILTER_##x)
#define TEXT_OPS (OP(EQ) | OP(NE) | OP(LIKE) | OP(ILIKE) | OP(RLIKE))
#define NULL_OPS (OP(IS_NULL) | OP(IS_NOT_NULL))
#define ORDER_OPS (OP(LT) | OP(LE) | OP(GT) | OP(GE))
#define NUMBER_OPS (OP(EQ) | OP(NE) | ORDER_OPS)

static int check_span_key(const char *key, struct refusal *r) {
        if (str_eq(key, "attributes."))
                return refusal_invalid(r,
                                       "Span attribute name cannot be empty after 'attributes.'");
        if (str_starts(key, "attributes.") || str_eq(key, "name") || str_eq(key, "type") ||
            str_eq(key, "status") || str_eq(key, "content"))
                return 0;
        return refusal_invalid(r,
                               "Invalid span attribute '%s'. Supported attributes: name, status, "
                               "type, attributes.<attribute_name>.",
                               key);
}

/* Of spans the operator counts as it is written. */
static int check_span_op(const struct trace_filter_clause *c, const char *op, const char *texts,
                         struct refusal *r) {
        bool written = true;
        unsigned bit = 1u << c->value.op;

        for (const char *p = op; *p; p++)
                written = written && !islower((unsigned char) *p);
        if (str_eq(c->key, "content"))
                return written && bit & (OP(LIKE) | OP(ILIKE))
                               ? 0
                               : refusal_invalid(r,
                                                 "span.content comparator '%s' not one of "
                                                 "'{'ILIKE', 'LIKE'}'",
                                                 op);
        return written && bit & (TEXT_OPS | OP(IN) | OP(NOT_IN))
                       ? 0
                       : refusal_invalid(r, "span.%s comparator '%s' not one of '%s'", c->key, op,
                                         texts);
}

static int check_op(const struct trace_filter_clause *c, const char *op, struct refusal *r) {
        static const char texts[] = "{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN', 'RLIKE'}";
        static const char nulls[] = "{'!=', '=', 'ILIKE', 'IS NOT NULL', 'IS NULL', 'LIKE', "
                                    "'RLIKE'}";
        unsigned bit = 1u << c->value.op;

        switch (c->entity) {
        case TRACE_FILTER_TAG:
        case TRACE_FILTER_METADATA:
                if (bit & (TEXT_OPS | NULL_OPS))
                        return 0;
                return refusal_invalid(r, "Invalid comparator '%s' not one of '%s%s", op, nulls,
                                       c->entity == TRACE_FILTER_TAG ? "" : "'");
        case TRACE_FILTER_SPAN:
                return check_span_op(c, op, texts, r);
        case TRACE_FILTER_FEEDBACK:
        case TRACE_FILTER_EXPECTATION:
                if (bit & (TEXT_OPS | NULL_OPS | ORDER_OPS))
                        return 0;
                break;
        case TRACE_FILTER_ISSUE:
                if (!str_eq(c->key, "id"))
                        return refusal_invalid(r,
                                               "Invalid issue attribute '%s'. Supported "
                                               "attributes: id",
                                               c->key);
                if (bit & OP(EQ))
                        return 0;
                return refusal_invalid(r, "issue.id comparator '%s' not one of '{'='}'", op);
        case TRACE_FILTER_ATTRIBUTE:
                if (is_numeric(c->entity, c->key) ? bit & NUMBER_OPS
                                                  : bit & (TEXT_OPS | OP(IN) | OP(NOT_IN)))
                        return 0;
                /* MLflow names those of texts for numbers, too, and leaves the quote open. */
                return refusal_invalid(r, "Invalid comparator '%s' not one of '%s%s", op, texts,
                                       is_numeric(c->entity, c->key) ? "" : "'");
        }
        return refusal_invalid(r,
                               "assessment.%s comparator '%s' not one of '{'!=', '<', '<=', '=', "
                               "'>', '>=', 'ILIKE', 'IS NOT NULL', 'IS NULL', 'LIKE', 'RLIKE'}'",
                               c->key, op);
}

/* --- values --- */

static int refuse_value(const struct trace_filter_clause *c, const struct filter_word *w,
                        struct refusal *r) {
        if (c->entity == TRACE_FILTER_ATTRIBUTE)
                return refusal_invalid(r,
                                       "Expected a quoted string value or a list of quoted "
                                       "string values for attributes. Got value %.*s",
                                       (int) MIN(w->size, (size_t) 200), w->text);
        return refusal_invalid(r,
                               "Expected a quoted string value for %s (e.g. 'my-value'). Got "
                               "value %.*s",
                               entity_names[c->entity], (int) MIN(w->size, (size_t) 200), w->text);
}

static int read_number(struct trace_filter_clause *c, const struct filter_word *w,
                       struct refusal *r) {
        const char *text = arena_strndup(r->arena, w->text, w->size);

        if (!text)
                return -ENOMEM;
        if (w->kind == FILTER_INTEGER && str_to_i64(text, &c->value.i64) == 0) {
                c->value.kind = FILTER_I64;
                return 0;
        }
        c->value.kind = FILTER_F64;
        return str_to_f64(text, &c->value.f64) == 0 ? 0 : refuse_value(c, w, r);
}

/* A database compares '5' with numbers as 5. */
static int read_quoted_number(struct trace_filter_clause *c, const struct filter_word *w,
                              struct refusal *r) {
        const char *text = c->value.text;

        c->value.kind = FILTER_I64;
        if (str_to_i64(text, &c->value.i64) == 0)
                return 0;
        c->value.kind = FILTER_F64;
        return str_to_f64(text, &c->value.f64) == 0 ? 0 : refuse_value(c, w, r);
}

/* Is one value compared with several? */
static bool takes_list(const struct trace_filter_clause *c) {
        if (is_assessment(c->entity) || c->entity == TRACE_FILTER_METADATA ||
            c->entity == TRACE_FILTER_ISSUE)
                return false;
        return c->value.op == FILTER_IN || c->value.op == FILTER_NOT_IN ||
               (c->entity == TRACE_FILTER_SPAN && str_starts(c->key, "attributes."));
}

static bool is_listed(const struct trace_filter_clause *c) {
        return c->entity != TRACE_FILTER_ATTRIBUTE ||
               !(is_numeric(c->entity, c->key) || str_eq(c->key, "prompt") ||
                 str_eq(c->key, "text"));
}

static int read_text(struct trace_filter_clause *c, const struct filter_word *w,
                     struct refusal *r) {
        bool quoted = filter_lex_quoted(w->text, w->size, '\'') ||
                      filter_lex_quoted(w->text, w->size, '"');

        if (w->kind == FILTER_GROUP && takes_list(c) && !is_listed(c))
                return refusal_invalid(r, "Only attributes in {'client_request_id', 'name', "
                                          "'request_id', 'run_id', 'status'} supports comparison "
                                          "with a list of quoted string values.");
        if (w->kind == FILTER_GROUP && takes_list(c)) {
                c->value.kind = FILTER_LIST;
                return filter_value_list(w, r, &c->value.list, &c->value.n_list);
        }
        if (!quoted && w->kind == FILTER_NAME)
                return filter_value_refuse_bare(w, r);
        if (!quoted)
                return refuse_value(c, w, r);
        c->value.kind = FILTER_TEXT;
        c->value.text = arena_strndup(r->arena, w->text + 1, w->size - 2);
        if (!c->value.text)
                return -ENOMEM;
        if (!is_numeric(c->entity, c->key) || !(1u << c->value.op & NUMBER_OPS))
                return 0;
        return read_quoted_number(c, w, r);
}

static int read_value(struct trace_filter_clause *c, const char *op, const struct filter_word *w,
                      struct refusal *r) {
        bool number = w->kind == FILTER_INTEGER || w->kind == FILTER_FLOAT;
        bool ordered = (1u << c->value.op) & ORDER_OPS;

        if (number && (is_numeric(c->entity, c->key) || (is_assessment(c->entity) && ordered)))
                return read_number(c, w, r);
        if (is_assessment(c->entity) && ordered)
                return refusal_invalid(r,
                                       "Expected a numeric value for %s when using comparator "
                                       "'%s'. Got value %.*s",
                                       entity_names[c->entity], op,
                                       (int) MIN(w->size, (size_t) 200), w->text);
        if (number && c->entity == TRACE_FILTER_ATTRIBUTE)
                return refusal_invalid(r, "Only the '{'end_time', 'end_time_ms', 'execution_time', "
                                          "'execution_time_ms', 'timestamp', 'timestamp_ms'}' "
                                          "attributes support comparison with numeric values.");
        return read_text(c, w, r);
}

static int check_span(const struct trace_filter_clause *c, const char *op, struct refusal *r) {
        int x = check_span_key(c->key, r);

        if (x == 0)
                x = check_op(c, op, r);
        if (x == 0 && c->value.kind == FILTER_LIST && str_starts(c->key, "attributes."))
                x = refusal_invalid(r,
                                    "span.%s: an attribute of spans cannot be compared with a "
                                    "list.",
                                    c->key);
        return x;
}

/* --- the string --- */

static int read_clause(const struct filter_comparison *found, struct refusal *r,
                       struct trace_filter_clause *ret) {
        struct trace_filter_clause c = {.value.op = str_eq(found->op_text, "RLIKE") ? FILTER_RLIKE
                                                                                    : found->op};
        int x = 0;

        if (found->left.kind != FILTER_NAME)
                return refusal_invalid(r,
                                       "Invalid comparison clause. Expected 'Identifier' found "
                                       "'%.*s'",
                                       (int) MIN(found->left.size, (size_t) 200), found->left.text);
        x = read_name(found->left.text, found->left.size, attributes, r, &c.entity, &c.key);
        if (x == 0 && c.value.op != FILTER_IS_NULL && c.value.op != FILTER_IS_NOT_NULL)
                x = read_value(&c, found->op_text, &found->right, r);
        if (x == 0 && c.entity == TRACE_FILTER_SPAN)
                x = check_span(&c, found->op_given, r);
        if (x == 0)
                *ret = c;
        return x;
}

/* What cannot be read as a pattern is found nowhere; what we do not look for is said. */
static int check_pattern(struct trace_filter_clause *c, struct refusal *r) {
        struct pattern *p = NULL;
        int x = c->value.kind == FILTER_TEXT ? pattern_compile(c->value.text, &p) : 0;

        pattern_free(p);
        if (x == -EOPNOTSUPP)
                return refusal_invalid(r,
                                       "RLIKE '%s': patterns that look around or refer back are "
                                       "not supported by this server.",
                                       c->value.text);
        if (x == -E2BIG)
                return refusal_invalid(r,
                                       "The pattern of RLIKE is too large: it has at most %d "
                                       "bytes and %d repetitions.",
                                       PATTERN_MAX, PATTERN_CODE_MAX);
        return x == -ENOMEM ? x : 0;
}

static int check_clause(struct trace_filter_clause *c, const char *op, struct refusal *r) {
        int x = 0;

        resolve(&c->entity, &c->key);
        if (c->entity == TRACE_FILTER_SPAN)
                x = check_span_key(c->key, r);
        if (x == 0)
                x = check_op(c, op, r);
        return x == 0 && c->value.op == FILTER_RLIKE ? check_pattern(c, r) : x;
}

/* First every clause must read well, only then the comparisons are looked at. */
int trace_filter_parse(const char *text, struct refusal *r, struct trace_filter *ret) {
        const struct filter_comparison *found = NULL;
        struct trace_filter_clause *clauses;
        size_t n = 0;
        int x = filter_scan(FILTER_RUNS, text, r, &found, &n);

        *ret = (struct trace_filter){};
        if (x != 0 || n == 0)
                return x;
        clauses = arena_zalloc_array(r->arena, n, sizeof(*clauses));
        if (!clauses)
                return -ENOMEM;
        for (size_t i = 0; x == 0 && i < n; i++)
                x = read_clause(&found[i], r, &clauses[i]);
        for (size_t i = 0; x == 0 && i < n; i++)
                x = check_clause(&clauses[i], found[i].op_text, r);
        if (x == 0)
                *ret = (struct trace_filter){clauses, n};
        return x;
}

int trace_filter_parse_order(const char *text, struct refusal *r, struct trace_filter_order *ret) {
        struct filter_lex lex = {text};
        struct filter_word name = filter_lex_next(&lex), w = filter_lex_next(&lex);
        struct trace_filter_order o = {};
        int x;

        if (name.kind != FILTER_NAME || isspace((unsigned char) *text) || filter_lex_is(&w, ","))
                return refusal_invalid(r, "Invalid order_by clause '%s'. Could not be parsed.",
                                       text);
        if (filter_lex_is(&w, "ASC") || filter_lex_is(&w, "DESC")) {
                o.descending = filter_lex_is(&w, "DESC");
                w = filter_lex_next(&lex);
        }
        if (w.kind != FILTER_END)
                return refusal_invalid(r, "Invalid ordering key in order_by clause '%s'.", text);
        x = read_name(name.text, name.size, order_attributes, r, &o.entity, &o.key);
        if (x != 0)
                return x;
        resolve(&o.entity, &o.key);
        if (o.entity > TRACE_FILTER_METADATA)
                return refusal_invalid(r, "Invalid identifier type '%s'", entity_names[o.entity]);
        *ret = o;
        return 0;
}
