#include "daemons/tracking/filter_parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/filter_check.h"
#include "daemons/tracking/filter_lex.h"
#include "daemons/tracking/filter_value.h"
#include "lib/base/str.h"

/* A comparison as it was found: not yet known to mean anything. */
struct comparison {
        struct filter_word left, right;
        enum filter_op op;
        const char *op_text; /* upper case */
};

struct scan {
        enum filter_family family;
        const char *text;
        struct refusal *r;
        struct comparison *found;
        size_t n_found;
        struct buf invalid; /* what is no comparison, for the message */
};

static bool is_operand(const struct filter_word *w) {
        switch (w->kind) {
        case FILTER_NAME:
        case FILTER_STRING:
        case FILTER_INTEGER:
        case FILTER_FLOAT:
        case FILTER_GROUP:
                return true;
        case FILTER_KEYWORD:
                return filter_lex_is(w, "NULL");
        default:
                return false;
        }
}

static enum filter_op op_of(const char *text) {
        static const char *const names[] = {
                [FILTER_EQ] = "=",
                [FILTER_NE] = "!=",
                [FILTER_LT] = "<",
                [FILTER_LE] = "<=",
                [FILTER_GT] = ">",
                [FILTER_GE] = ">=",
                [FILTER_LIKE] = "LIKE",
                [FILTER_ILIKE] = "ILIKE",
                [FILTER_IN] = "IN",
                [FILTER_NOT_IN] = "NOT IN",
                [FILTER_IS_NULL] = "IS NULL",
                [FILTER_IS_NOT_NULL] = "IS NOT NULL",
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (str_eq(names[i], text))
                        return (enum filter_op) i;
        return FILTER_OP_OTHER;
}

static int upper(struct arena *a, const struct filter_word *w, const char **ret) {
        char *text = arena_strndup(a, w->text, w->size);

        if (!text)
                return -ENOMEM;
        for (char *p = text; *p; p++)
                *p = (char) toupper((unsigned char) *p);
        *ret = text;
        return 0;
}

/* Reads the words behind a name that make IN, NOT IN, IS NULL or IS NOT NULL. True when they are
 * there; else `lex` is as it was. */
static bool worded_op(struct filter_lex *lex, struct comparison *c) {
        struct filter_lex at = *lex;
        struct filter_word w = filter_lex_next(&at);
        bool is = filter_lex_is(&w, "IS"), no;

        if (w.kind != FILTER_KEYWORD)
                return false;
        if (is)
                w = filter_lex_next(&at);
        no = filter_lex_is(&w, "NOT");
        if (no)
                w = filter_lex_next(&at);
        if (w.kind != FILTER_KEYWORD || !filter_lex_is(&w, is ? "NULL" : "IN"))
                return false;
        if (!is) {
                c->right = filter_lex_next(&at);
                if (c->right.kind != FILTER_GROUP)
                        return false;
        }
        c->op_text = is ? (no ? "IS NOT NULL" : "IS NULL") : (no ? "NOT IN" : "IN");
        *lex = at;
        return true;
}

/* 1: `w` begins a comparison, which is in *ret; 0: it does not; -ENOMEM. */
static int comparison_at(struct filter_lex *lex, const struct filter_word *w, struct arena *a,
                         struct comparison *ret) {
        struct filter_lex at = *lex;
        struct filter_word op;
        struct comparison c = {.left = *w};
        int x;

        if (!is_operand(w))
                return 0;
        op = filter_lex_next(&at);
        if (op.kind == FILTER_COMPARE) {
                c.right = filter_lex_next(&at);
                if (!is_operand(&c.right))
                        return 0;
                x = upper(a, &op, &c.op_text);
                if (x < 0)
                        return x;
                *lex = at;
        } else if (w->kind != FILTER_NAME || !worded_op(lex, &c)) {
                return 0;
        }
        c.op = op_of(c.op_text);
        *ret = c;
        return 1;
}

/* A name or number with a name behind it is one wrong clause: SQL's "x AS y" without its AS. */
static void take_alias(struct filter_lex *lex, struct filter_word *w, struct arena *a) {
        struct filter_lex at = *lex;
        struct filter_word next = filter_lex_next(&at);
        struct filter_lex behind = at;
        struct comparison c;

        if ((w->kind != FILTER_NAME && w->kind != FILTER_INTEGER && w->kind != FILTER_FLOAT) ||
            next.kind != FILTER_NAME || comparison_at(&behind, &next, a, &c) != 0)
                return;
        w->size = (size_t) (next.text + next.size - w->text);
        *lex = at;
}

static int add_invalid(struct scan *s, struct filter_lex *lex, struct filter_word *w) {
        bool quote = s->family == FILTER_RUNS;

        take_alias(lex, w, s->r->arena);

        if (s->invalid.len > 0)
                buf_add_lit(&s->invalid, ", ");
        if (quote)
                buf_add_char(&s->invalid, '\'');
        buf_add(&s->invalid, w->text, w->size);
        if (quote)
                buf_add_char(&s->invalid, '\'');
        return buf_error(&s->invalid);
}

/* A semicolon ends the expression: a second one is refused as such. */
static int check_single(const struct scan *s, struct filter_lex lex, const struct filter_word *w) {
        if (w->kind != FILTER_OTHER || *w->text != ';' || filter_lex_next(&lex).kind == FILTER_END)
                return 0;
        return refusal_invalid(s->r,
                               "Search filter contained multiple expression %s. Provide AND-ed "
                               "expression list.",
                               field_check_repr(s->r->arena, s->text));
}

static int refuse_invalid(struct scan *s) {
        if (s->family == FILTER_LOGGED_MODELS)
                return refusal_invalid(
                        s->r,
                        "Invalid filter string: %s. Expected a list of comparisons separated by "
                        "'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').",
                        field_check_repr(s->r->arena, s->text));
        return refusal_invalid(s->r, "Invalid clause(s) in filter string: %s",
                               buf_cstr(&s->invalid));
}

static int scan(struct scan *s) {
        struct filter_lex lex = {s->text};
        struct comparison c;
        int x;

        for (;;) {
                struct filter_word w = filter_lex_next(&lex);

                if (w.kind == FILTER_END)
                        break;
                if (w.kind == FILTER_KEYWORD && filter_lex_is(&w, "AND"))
                        continue;
                x = check_single(s, lex, &w);
                if (x != 0)
                        return x;
                x = comparison_at(&lex, &w, s->r->arena, &c);
                if (x == 0)
                        x = add_invalid(s, &lex, &w);
                else if (x > 0 && s->n_found == FILTER_CLAUSES_MAX)
                        return refusal_invalid(s->r, "A filter string has at most %d clauses.",
                                               FILTER_CLAUSES_MAX);
                else if (x > 0)
                        s->found[s->n_found++] = c;
                if (x < 0)
                        return x;
        }
        return s->invalid.len > 0 ? refuse_invalid(s) : 0;
}

static bool in_list(const char *key, const char *const *list) {
        for (; list && *list; list++)
                if (str_eq(*list, key))
                        return true;
        return false;
}

static int clause_of(struct scan *s, const struct comparison *found, struct filter_clause *ret) {
        const struct filter_check_family *f = filter_check_family(s->family);
        struct filter_clause c = {.op = found->op};
        const char *name, *key;
        bool numeric;
        int x;

        if (found->left.kind != FILTER_NAME)
                return refusal_invalid(s->r,
                                       "Invalid comparison clause. Expected 'Identifier' found "
                                       "'%.*s'",
                                       (int) found->left.size, found->left.text);
        x = filter_check_null(s->family, found->op, s->r);
        if (x != 0)
                return x;
        name = arena_strndup(s->r->arena, found->left.text, found->left.size);
        if (!name)
                return -ENOMEM;
        x = filter_parse_identifier(s->family, name, f->attributes, s->r, &c.entity, &key);
        if (x != 0)
                return x;
        c.key = c.entity == FILTER_ATTRIBUTE ? filter_check_alias(s->family, key) : key;
        numeric = c.entity == FILTER_ATTRIBUTE && in_list(c.key, f->numeric);
        if (found->op == FILTER_IS_NULL || found->op == FILTER_IS_NOT_NULL) {
                x = filter_check_nullable(s->family, c.entity, key, s->r);
        } else {
                if (s->family == FILTER_LOGGED_MODELS) /* it looks at the operator first */
                        x = filter_check_op(s->family, &c, numeric, found->op_text, s->r);
                if (x == 0)
                        x = filter_value_read(s->family, key, numeric, &found->right, s->r, &c);
        }
        if (x == 0)
                *ret = c;
        return x;
}

/* First every clause must read well, only then the comparisons are looked at. */
static int understand(struct scan *s, struct filter *ret) {
        const struct filter_check_family *f = filter_check_family(s->family);
        struct filter_clause *clauses;
        int x;

        clauses = arena_zalloc_array(s->r->arena, s->n_found + 1, sizeof(*clauses));
        if (!clauses)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_found; i++) {
                x = clause_of(s, &s->found[i], &clauses[i]);
                if (x != 0)
                        return x;
        }
        for (size_t i = 0; i < s->n_found; i++) {
                struct filter_clause *c = &clauses[i];
                bool numeric = c->entity == FILTER_ATTRIBUTE && in_list(c->key, f->numeric);

                x = filter_check_op(s->family, c, numeric, s->found[i].op_text, s->r);
                if (x == 0)
                        x = filter_check_value(s->family, c, numeric, s->r);
                if (x != 0)
                        return x;
        }
        *ret = (struct filter){clauses, s->n_found};
        return 0;
}

static int refuse_blank(enum filter_family family, const char *text, struct refusal *r) {
        const char *shown = field_check_repr(r->arena, text);

        if (family == FILTER_LOGGED_MODELS)
                return refusal_invalid(
                        r, "Invalid filter string: %s. Expected a single SQL expression.", shown);
        return refusal_invalid(r, "Invalid filter '%s'. Could not be parsed.", text);
}

int filter_parse(enum filter_family family, const char *text, struct refusal *r,
                 struct filter *ret) {
        struct scan s = {.family = family, .text = text, .r = r};
        int x;

        *ret = (struct filter){};
        if (str_empty(text))
                return 0;
        if (text[strspn(text, " \t\r\n\f\v")] == '\0')
                return refuse_blank(family, text, r);
        s.found = arena_zalloc_array(r->arena, FILTER_CLAUSES_MAX, sizeof(*s.found));
        if (!s.found)
                return -ENOMEM;
        x = scan(&s);
        if (x == 0)
                x = understand(&s, ret);
        buf_done(&s.invalid);
        return x;
}

const char *filter_parse_entity_name(enum filter_entity entity) {
        static const char *const names[] = {
                [FILTER_ATTRIBUTE] = "attribute", [FILTER_METRIC] = "metric",
                [FILTER_PARAM] = "parameter",     [FILTER_TAG] = "tag",
                [FILTER_DATASET] = "dataset",
        };

        assert((size_t) entity < ARRAY_SIZE(names));
        return names[entity];
}

/* 'x' and "x" and then `x` lose their quotes. NULL: out of memory. */
static const char *unquote(struct arena *a, const char *key) {
        size_t n = strlen(key);

        if (filter_lex_quoted(key, n, '\'') || filter_lex_quoted(key, n, '"')) {
                key = arena_strndup(a, key + 1, n - 2);
                n -= 2;
        }
        if (key && filter_lex_quoted(key, n, '`'))
                key = arena_strndup(a, key + 1, n - 2);
        return key;
}

/* The entity before the dot; without one it is an attribute. */
static int entity_of(enum filter_family family, const char *name, const char *dot,
                     struct refusal *r, enum filter_entity *ret) {
        const char *entity;

        *ret = FILTER_ATTRIBUTE;
        if (!dot)
                return 0;
        entity = arena_strndup(r->arena, name, (size_t) (dot - name));
        if (entity && family == FILTER_RUNS)
                entity = unquote(r->arena, entity);
        return entity ? filter_check_entity(family, entity, r, ret) : -ENOMEM;
}

int filter_parse_identifier(enum filter_family family, const char *name, const char *const *valid,
                            struct refusal *r, enum filter_entity *ret_entity,
                            const char **ret_key) {
        const char *dot = strchr(name, '.'), *key = dot ? dot + 1 : name;
        bool registry = family == FILTER_REGISTERED_MODELS || family == FILTER_MODEL_VERSIONS;
        int x = entity_of(family, name, dot, r, ret_entity);

        if (x != 0)
                return x;
        /* The registry looks at the name of an attribute before it takes the quotes off. */
        if (registry && *ret_entity == FILTER_ATTRIBUTE && !in_list(key, valid))
                return filter_check_unknown(family, key, valid, "attribute", r);
        key = unquote(r->arena, key);
        if (!key)
                return -ENOMEM;
        if (*ret_entity == FILTER_ATTRIBUTE && !in_list(key, valid))
                return filter_check_unknown(family, key, valid, "attribute", r);
        if (*ret_entity == FILTER_DATASET && !in_list(key, filter_check_datasets))
                return filter_check_unknown(family, key, filter_check_datasets, "dataset", r);
        *ret_key = key;
        return 0;
}
