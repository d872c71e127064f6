#include "daemons/tracking/filter_scan.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"

struct scan {
        enum filter_family family;
        const char *text;
        struct refusal *r;
        struct filter_comparison *found;
        size_t n_found;
        struct buf invalid; /* what is no comparison, for the message */
        size_t n_invalid;
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

static const char *const op_names[] = {
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

const char *filter_scan_op_name(enum filter_op op) {
        if (op == FILTER_RLIKE)
                return "RLIKE";
        assert((size_t) op < ARRAY_SIZE(op_names));
        return op_names[op];
}

static enum filter_op op_of(const char *text) {
        for (size_t i = 0; i < ARRAY_SIZE(op_names); i++)
                if (str_eq(op_names[i], text))
                        return (enum filter_op) i;
        return FILTER_OP_OTHER;
}

static int set_op(struct arena *a, const struct filter_word *w, struct filter_comparison *c) {
        char *text = arena_strndup(a, w->text, w->size);

        c->op_given = arena_strndup(a, w->text, w->size);
        if (!text || !c->op_given)
                return -ENOMEM;
        for (char *p = text; *p; p++)
                *p = (char) toupper((unsigned char) *p);
        c->op_text = text;
        return 0;
}

/* Reads the words behind a name that make IN, NOT IN, IS NULL or IS NOT NULL. 1 when they are
 * there; else, with 0, `lex` is as it was. -ENOMEM. */
static int worded_op(struct filter_lex *lex, struct arena *a, struct filter_comparison *c) {
        struct filter_lex at = *lex;
        struct filter_word w = filter_lex_next(&at), op;
        bool is = filter_lex_is(&w, "IS"), no;

        if (w.kind != FILTER_KEYWORD)
                return 0;
        if (is)
                w = filter_lex_next(&at);
        no = filter_lex_is(&w, "NOT");
        if (no)
                w = filter_lex_next(&at);
        if (w.kind != FILTER_KEYWORD || !filter_lex_is(&w, is ? "NULL" : "IN"))
                return 0;
        op = w;
        if (!is) {
                c->right = filter_lex_next(&at);
                if (c->right.kind != FILTER_GROUP)
                        return 0;
        }
        *lex = at;
        if (!is && !no)
                return set_op(a, &op, c) < 0 ? -ENOMEM : 1;
        c->op_text = is ? (no ? "IS NOT NULL" : "IS NULL") : "NOT IN";
        c->op_given = c->op_text;
        return 1;
}

/* 1: `w` begins a comparison, which is in *ret; 0: it does not; -ENOMEM. */
static int comparison_at(struct filter_lex *lex, const struct filter_word *w, struct arena *a,
                         struct filter_comparison *ret) {
        struct filter_lex at = *lex;
        struct filter_word op;
        struct filter_comparison c = {.left = *w};
        int x;

        if (!is_operand(w))
                return 0;
        op = filter_lex_next(&at);
        if (op.kind == FILTER_COMPARE) {
                c.right = filter_lex_next(&at);
                if (!is_operand(&c.right))
                        return 0;
                x = set_op(a, &op, &c);
                if (x < 0)
                        return x;
                *lex = at;
        } else {
                x = w->kind == FILTER_NAME ? worded_op(lex, a, &c) : 0;
                if (x <= 0)
                        return x;
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
        struct filter_comparison c;

        if ((w->kind != FILTER_NAME && w->kind != FILTER_INTEGER && w->kind != FILTER_FLOAT) ||
            next.kind != FILTER_NAME || comparison_at(&behind, &next, a, &c) != 0)
                return;
        w->size = (size_t) (next.text + next.size - w->text);
        *lex = at;
}

static int add_invalid(struct scan *s, struct filter_lex *lex, struct filter_word *w) {
        bool quote = s->family == FILTER_RUNS;

        take_alias(lex, w, s->r->arena);
        s->n_invalid++;
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
        struct filter_comparison c;
        int x;

        for (;;) {
                struct filter_word w = filter_lex_next(&lex);

                /* Each word that nothing ends is looked for to the end of the text: not all are. */
                if (w.kind == FILTER_END || s->n_invalid == FILTER_CLAUSES_MAX)
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

static int refuse_blank(enum filter_family family, const char *text, struct refusal *r) {
        const char *shown = field_check_repr(r->arena, text);

        if (family == FILTER_LOGGED_MODELS)
                return refusal_invalid(
                        r, "Invalid filter string: %s. Expected a single SQL expression.", shown);
        return refusal_invalid(r, "Invalid filter '%s'. Could not be parsed.", text);
}

int filter_scan(enum filter_family family, const char *text, struct refusal *r,
                const struct filter_comparison **ret, size_t *ret_n) {
        struct scan s = {.family = family, .text = text, .r = r};
        int x;

        *ret_n = 0;
        if (str_empty(text))
                return 0;
        if (text[strspn(text, " \t\r\n\f\v")] == '\0')
                return refuse_blank(family, text, r);
        s.found = arena_zalloc_array(r->arena, FILTER_CLAUSES_MAX, sizeof(*s.found));
        if (!s.found)
                return -ENOMEM;
        x = scan(&s);
        buf_done(&s.invalid);
        if (x != 0)
                return x;
        *ret = s.found;
        *ret_n = s.n_found;
        return 0;
}
