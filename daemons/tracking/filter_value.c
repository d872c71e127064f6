#include "daemons/tracking/filter_value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hex.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

static int f64_of(const struct filter_word *w, struct refusal *r, double *ret) {
        char *text = arena_strndup(r->arena, w->text, w->size);

        if (!text)
                return -ENOMEM;
        /* The lexer let only a number through; one beyond the range is an infinity, as for Python.
         */
        if (str_to_f64(text, ret) < 0)
                *ret = text[0] == '-' ? -HUGE_VAL : HUGE_VAL;
        return 0;
}

static int number(const struct filter_word *w, struct refusal *r, struct filter_clause *c) {
        if (w->kind == FILTER_INTEGER) {
                char *text = arena_strndup(r->arena, w->text, w->size);

                if (!text)
                        return -ENOMEM;
                c->kind = FILTER_I64;
                if (str_to_i64(text, &c->i64) == 0)
                        return 0;
        }
        c->kind = FILTER_F64;
        return f64_of(w, r, &c->f64);
}

int filter_value_refuse_bare(const struct filter_word *w, struct refusal *r) {
        return refusal_invalid(r,
                               "Parameter value is either not quoted or unidentified quote types "
                               "used for string value %.*s. Use either single or double quotes.",
                               (int) w->size, w->text);
}

static int quoted_text(const struct filter_word *w, struct refusal *r, struct filter_clause *c) {
        if (!filter_lex_quoted(w->text, w->size, '\'') && !filter_lex_quoted(w->text, w->size, '"'))
                return filter_value_refuse_bare(w, r);
        c->kind = FILTER_TEXT;
        c->text = arena_strndup(r->arena, w->text + 1, w->size - 2);
        return c->text ? 0 : -ENOMEM;
}

static bool is_text(const struct filter_word *w) {
        return w->kind == FILTER_STRING || w->kind == FILTER_NAME;
}

static bool is_number(const struct filter_word *w) {
        return w->kind == FILTER_INTEGER || w->kind == FILTER_FLOAT;
}

/* One escape of a Python string behind its backslash; moves *p. 0 or -EINVAL. */
static int unescape(const char **p, const char *end, struct buf *out) {
        static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
        static const char sizes[] = {['x'] = 2, ['u'] = 4, ['U'] = 8};
        char c = *(*p)++, utf8[4];
        const char *at = strchr(from, c);
        uint32_t cp = 0;
        int n = (unsigned char) c < sizeof(sizes) ? sizes[(unsigned char) c] : 0;

        if (c == '\n')
                return 0;
        if (at && c)
                return buf_add_char(out, to[at - from]);
        if (n == 0) { /* unknown ones stay as they are */
                buf_add_char(out, '\\');
                return buf_add_char(out, c);
        }
        for (; n > 0; n--, (*p)++) {
                int digit = *p < end ? hex_digit(**p) : -1;

                if (digit < 0)
                        return -EINVAL;
                cp = cp << 4 | (uint32_t) digit;
        }
        if (cp == 0 || cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000))
                return -EINVAL;
        return buf_add(out, utf8, utf8_encode(cp, utf8));
}

/* The string literal at *p is added to `out`; *p moves behind it. 0, -EINVAL or -ENOMEM. */
static int literal(const char **p, const char *end, struct buf *out) {
        char quote = *(*p)++;

        while (*p < end) {
                char c = *(*p)++;
                int x;

                if (c == quote)
                        return buf_error(out);
                if (c == '\\' && *p < end)
                        x = unescape(p, end, out);
                else
                        x = buf_add_char(out, c);
                if (x < 0)
                        return x;
        }
        return -EINVAL;
}

static void skip_space(const char **p, const char *end) {
        while (*p < end && isspace((unsigned char) **p))
                (*p)++;
}

static int bad_list(struct refusal *r) {
        return refusal_invalid(r, "While parsing a list in the query, expected a non-empty list of "
                                  "string values, but got ill-formed list.");
}

static int other_type(const struct filter_word *w, struct refusal *r) {
        return refusal_invalid(r,
                               "While parsing a list in the query, expected string value, "
                               "punctuation, or whitespace, but got different type in list: %.*s",
                               (int) w->size, w->text);
}

/* A number as its text: the database compares it as what it is compared with. */
static int list_number(const char **p, const char *end, const struct filter_word *w, bool any,
                       struct refusal *r, const char **ret) {
        const char *start = *p;
        double f;

        if (!any)
                return other_type(w, r);
        while (*p < end && (isalnum((unsigned char) **p) || strchr("+-.", **p)))
                (*p)++;
        *ret = arena_strndup(r->arena, start, (size_t) (*p - start));
        if (!*ret)
                return -ENOMEM;
        if (str_to_f64(*ret, &f) < 0)
                return bad_list(r);
        skip_space(p, end);
        return 0;
}

enum { PARENTHESES_MAX = 100 }; /* around one value */

/* The end of what opens at `p`; NULL: it does not end. Quotes hide what is in them. */
static const char *close_of(const char *p, const char *end) {
        char quote = '\0';

        for (size_t depth = 0; p < end; p++) {
                if (quote) {
                        if (*p == '\\' && p + 1 < end)
                                p++;
                        else if (*p == quote)
                                quote = '\0';
                } else if (*p == '\'' || *p == '"') {
                        quote = *p;
                } else if (*p == '(') {
                        depth++;
                } else if (*p == ')' && --depth == 0) {
                        return p;
                }
        }
        return NULL;
}

/* Takes parentheses off that are around all of it: (('a')) is ('a'). False: too many. */
static bool unwrap(const char **p, const char **end) {
        for (int i = 0; i < PARENTHESES_MAX; i++) {
                skip_space(p, *end);
                while (*end > *p && strchr(" \t\r\n\f", (*end)[-1]))
                        --*end;
                if (*p == *end || **p != '(' || close_of(*p, *end) != *end - 1)
                        return true;
                ++*p;
                --*end;
        }
        return false;
}

/* Strings that stand side by side are one. 0, REFUSED or -errno. */
static int list_item(const char **p, const char *end, const struct filter_word *w, bool any,
                     struct refusal *r, const char **ret) {
        _cleanup_buf_ struct buf text = {};
        int x;

        if (*p < end && (isdigit((unsigned char) **p) || **p == '-'))
                return list_number(p, end, w, any, r, ret);
        if (*p >= end || (**p != '\'' && **p != '"'))
                return bad_list(r);
        while (*p < end && (**p == '\'' || **p == '"')) {
                x = literal(p, end, &text);
                if (x == -EINVAL)
                        return bad_list(r);
                if (x < 0)
                        return x;
                skip_space(p, end);
        }
        *ret = arena_strndup(r->arena, buf_cstr(&text), text.len);
        return *ret ? 0 : -ENOMEM;
}

/* One in parentheses of its own is the same. */
static int list_wrapped(const char **p, const char *end, const struct filter_word *w, bool any,
                        struct refusal *r, const char **ret) {
        const char *inner = *p, *close, *stop;
        int x;

        if (*p == end || **p != '(')
                return list_item(p, end, w, any, r, ret);
        close = close_of(*p, end);
        if (!close)
                return bad_list(r);
        stop = close + 1;
        if (!unwrap(&inner, &stop))
                return bad_list(r);
        x = list_item(&inner, stop, w, any, r, ret);
        if (x == 0 && inner < stop)
                x = *inner == ',' ? other_type(w, r) : bad_list(r);
        *p = close + 1;
        skip_space(p, end);
        return x;
}

/* With `any`, numbers may stand among the strings, or nothing at all. */
static int read_list(const struct filter_word *w, bool any, struct refusal *r,
                     const char ***ret_list, size_t *ret_n) {
        const char *p = w->text + 1, *end = w->text + w->size - 1;
        const char **list;
        size_t n = 0, n_max = 1;
        int x;

        if (!unwrap(&p, &end))
                return bad_list(r);
        for (const char *q = p; q < end; q++)
                n_max += *q == ',';
        if (n_max > FILTER_LIST_MAX)
                return refusal_invalid(r, "A list in the query has more than %d values.",
                                       FILTER_LIST_MAX);
        list = arena_zalloc_array(r->arena, n_max, sizeof(*list));
        if (!list)
                return -ENOMEM;
        for (skip_space(&p, end); p < end; skip_space(&p, end)) {
                assert(n < n_max);
                x = list_wrapped(&p, end, w, any, r, &list[n]);
                if (x != 0)
                        return x;
                n++;
                if (p < end && *p++ != ',')
                        return bad_list(r);
        }
        if (n == 0 && !any)
                return refusal_invalid(r, "While parsing a list in the query, expected a non-empty "
                                          "list of string values, but got empty list");
        *ret_list = list;
        *ret_n = n;
        return 0;
}

int filter_value_list(const struct filter_word *w, struct refusal *r, const char ***ret_list,
                      size_t *ret_n) {
        return read_list(w, false, r, ret_list, ret_n);
}

static int list(const struct filter_word *w, struct refusal *r, struct filter_clause *c) {
        c->kind = FILTER_LIST;
        return filter_value_list(w, r, &c->list, &c->n_list);
}

/* NULL when the attribute takes lists, else the names of those that do. */
static const char *lists_only_for(enum filter_family family, const char *key) {
        static const struct {
                const char *first, *second, *names;
        } rows[] = {
                [FILTER_RUNS] = {"run_id", "run_id", "['run_id']"},
                [FILTER_EXPERIMENTS] = {"experiment_id", "experiment_id", "['experiment_id']"},
                [FILTER_REGISTERED_MODELS] = {"name", "name", "['name']"},
                [FILTER_MODEL_VERSIONS] = {"name", "run_id", "['name', 'run_id']"},
                [FILTER_EVALUATION_DATASETS] = {"name", "name", "['name']"},
        };

        assert((size_t) family < ARRAY_SIZE(rows));
        if (str_eq(key, rows[family].first) || str_eq(key, rows[family].second))
                return NULL;
        return rows[family].names;
}

static int attribute_list(enum filter_family family, const char *key, const struct filter_word *w,
                          struct refusal *r, struct filter_clause *c) {
        const char *only = lists_only_for(family, key);

        if (only)
                return refusal_invalid(r,
                                       "Only %s attributes support comparison with a list of "
                                       "quoted string values.",
                                       only);
        return list(w, r, c);
}

static int registry_attribute(enum filter_family family, const char *key, bool numeric,
                              const struct filter_word *w, struct refusal *r,
                              struct filter_clause *c) {
        if (is_text(w))
                return quoted_text(w, r, c);
        if (w->kind == FILTER_GROUP)
                return attribute_list(family, key, w, r, c);
        if (family == FILTER_MODEL_VERSIONS && is_number(w)) {
                if (!numeric)
                        return refusal_invalid(
                                r, "Only the '{'version_number', 'creation_timestamp', "
                                   "'last_updated_timestamp'}' attributes support comparison with "
                                   "numeric values.");
                return number(w, r, c);
        }
        return refusal_invalid(r,
                               "Expected a quoted string value or a list of quoted string values "
                               "for attributes. Got value %.*s",
                               (int) w->size, w->text);
}

static int attribute(enum filter_family family, const char *key, bool numeric,
                     const struct filter_word *w, struct refusal *r, struct filter_clause *c) {
        if (family == FILTER_REGISTERED_MODELS || family == FILTER_MODEL_VERSIONS)
                return registry_attribute(family, key, numeric, w, r, c);
        if (numeric && is_number(w))
                return number(w, r, c);
        if (numeric)
                return refusal_invalid(
                        r, "Expected numeric value type for numeric attribute: %s. Found %.*s", key,
                        (int) w->size, w->text);
        if (is_text(w))
                return quoted_text(w, r, c);
        if (w->kind == FILTER_GROUP)
                return attribute_list(family, key, w, r, c);
        return refusal_invalid(r, "Expected a quoted string value for attributes. Got value %.*s",
                               (int) w->size, w->text);
}

static int dataset(const struct filter_word *w, struct refusal *r, struct filter_clause *c) {
        if (is_text(w))
                return quoted_text(w, r, c);
        if (w->kind == FILTER_GROUP)
                return list(w, r, c);
        return refusal_invalid(
                r, "Expected a quoted string value for dataset attributes. Got value %.*s",
                (int) w->size, w->text);
}

/* As MLflow has it here: of quotes only ' comes off, however many, and "x" is a text with quotes.
 */
static int bare_text(const struct filter_word *w, struct refusal *r, struct filter_clause *c) {
        const char *text = w->text, *end = w->text + w->size;

        while (text < end && *text == '\'')
                text++;
        while (end > text && end[-1] == '\'')
                end--;
        c->kind = FILTER_TEXT;
        c->text = arena_strndup(r->arena, text, (size_t) (end - text));
        return c->text ? 0 : -ENOMEM;
}

/* Searching logged models: looser with quotes, and lists everywhere but for numbers. */
static int logged_model(const char *key, bool numeric, const struct filter_word *w,
                        struct refusal *r, struct filter_clause *c) {
        if (numeric || c->entity == FILTER_METRIC) {
                if (!is_number(w))
                        return refusal_invalid(
                                r, "Expected numeric value for %s in filter string. Found %.*s",
                                key, (int) w->size, w->text);
                c->kind = FILTER_F64;
                return f64_of(w, r, &c->f64);
        }
        if (w->kind == FILTER_GROUP) {
                c->kind = FILTER_LIST;
                return read_list(w, true, r, &c->list, &c->n_list);
        }
        return bare_text(w, r, c);
}

int filter_value_read(enum filter_family family, const char *key, bool numeric,
                      const struct filter_word *w, struct refusal *r, struct filter_clause *c) {
        if (family == FILTER_LOGGED_MODELS)
                return logged_model(key, numeric, w, r, c);
        switch (c->entity) {
        case FILTER_METRIC:
                c->kind = FILTER_F64;
                if (is_number(w))
                        return f64_of(w, r, &c->f64);
                return refusal_invalid(r, "Expected numeric value type for metric. Found %.*s",
                                       (int) w->size, w->text);
        case FILTER_PARAM:
        case FILTER_TAG:
                if (is_text(w))
                        return quoted_text(w, r, c);
                return refusal_invalid(
                        r,
                        "Expected a quoted string value for %s (e.g. 'my-value'). Got value %.*s",
                        filter_parse_entity_name(c->entity), (int) w->size, w->text);
        case FILTER_ATTRIBUTE:
                return attribute(family, key, numeric, w, r, c);
        case FILTER_DATASET:
                return dataset(w, r, c);
        }
        assert(!"an entity without values");
        return -EINVAL;
}
