#include "daemons/tracking/graphql_parse.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/graphql_lex.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"

struct parser {
        const char *text, *at;
        struct graphql_token token; /* the next one */
        struct refusal *refusal;
        unsigned depth;
        bool is_constant; /* no variables here */
        int error;        /* sticks: REFUSED or -ENOMEM */
};

static int advance(struct parser *p) {
        if (p->error == 0 && graphql_lex_next(p->refusal->arena, &p->at, &p->token) < 0)
                p->error = -ENOMEM;
        return p->error;
}

static int fail_unexpected(struct parser *p) {
        const struct graphql_token *t = &p->token;

        if (p->error != 0)
                return p->error;
        if (t->kind == GRAPHQL_TOKEN_END)
                p->error = refusal_invalid(p->refusal, "Syntax Error: Unexpected <EOF>.");
        else if (t->kind == GRAPHQL_TOKEN_NAME)
                p->error = refusal_invalid(p->refusal, "Syntax Error: Unexpected Name '%.*s'.",
                                           (int) MIN(t->size, (size_t) 64), t->start);
        else if (t->kind == GRAPHQL_TOKEN_BAD)
                p->error = refusal_invalid(p->refusal, "Syntax Error: Invalid character, number or "
                                                       "string.");
        else
                p->error = refusal_invalid(p->refusal, "Syntax Error: Unexpected '%.*s'.",
                                           (int) MIN(t->size, (size_t) 64), t->start);
        return p->error;
}

static bool is(const struct parser *p, const char *punctuation) {
        return p->error == 0 && p->token.kind == GRAPHQL_TOKEN_PUNCTUATION &&
               p->token.size == strlen(punctuation) &&
               memcmp(p->token.start, punctuation, p->token.size) == 0;
}

static bool is_word(const struct parser *p, const char *word) {
        return p->error == 0 && p->token.kind == GRAPHQL_TOKEN_NAME &&
               p->token.size == strlen(word) && memcmp(p->token.start, word, p->token.size) == 0;
}

static bool take(struct parser *p, const char *punctuation) {
        bool there = is(p, punctuation);

        if (there)
                advance(p);
        return there;
}

static void expect(struct parser *p, const char *punctuation) {
        if (!take(p, punctuation))
                fail_unexpected(p);
}

static const char *copy_token(struct parser *p) {
        const char *s = arena_strndup(p->refusal->arena, p->token.start, p->token.size);

        if (!s)
                p->error = -ENOMEM;
        return s ? s : "";
}

static const char *take_name(struct parser *p) {
        const char *name;

        if (p->error != 0 || p->token.kind != GRAPHQL_TOKEN_NAME) {
                fail_unexpected(p);
                return "";
        }
        name = copy_token(p);
        advance(p);
        return name;
}

static void *make(struct parser *p, size_t size) {
        void *x = p->error == 0 ? arena_zalloc(p->refusal->arena, size) : NULL;

        if (!x && p->error == 0)
                p->error = -ENOMEM;
        return x;
}

static bool enter(struct parser *p) {
        if (p->error == 0 && ++p->depth > GRAPHQL_PARSE_NESTED_MAX)
                p->error =
                        refusal_invalid(p->refusal, "Syntax Error: more than %d levels of braces.",
                                        GRAPHQL_PARSE_NESTED_MAX);
        return p->error == 0;
}

/* --- values --- */

static struct graphql_value *parse_value(struct parser *p);

static struct graphql_value *parse_list(struct parser *p) {
        struct graphql_value *first = NULL, **last = &first;

        expect(p, "[");
        while (p->error == 0 && !take(p, "]")) {
                *last = parse_value(p);
                if (*last)
                        last = &(*last)->next;
        }
        return first;
}

/* name: value … up to `close`, whose opening is taken. */
static struct graphql_value *parse_pairs(struct parser *p, const char *close) {
        struct graphql_value *first = NULL, **last = &first;
        const char *name;

        while (p->error == 0 && !take(p, close)) {
                name = take_name(p);
                expect(p, ":");
                *last = parse_value(p);
                if (*last) {
                        (*last)->key = name;
                        last = &(*last)->next;
                }
        }
        return first;
}

static void parse_word(struct parser *p, struct graphql_value *v) {
        v->kind = GRAPHQL_ENUM;
        if (is_word(p, "true") || is_word(p, "false"))
                v->kind = GRAPHQL_BOOLEAN;
        else if (is_word(p, "null"))
                v->kind = GRAPHQL_NULL;
        v->text = take_name(p);
}

static void parse_scalar(struct parser *p, struct graphql_value *v) {
        switch (p->token.kind) {
        case GRAPHQL_TOKEN_NAME:
                parse_word(p, v);
                return;
        case GRAPHQL_TOKEN_INT:
        case GRAPHQL_TOKEN_FLOAT:
                v->kind = p->token.kind == GRAPHQL_TOKEN_INT ? GRAPHQL_INT : GRAPHQL_FLOAT;
                v->text = copy_token(p);
                break;
        case GRAPHQL_TOKEN_STRING:
                v->kind = GRAPHQL_STRING;
                v->text = p->token.text;
                break;
        default:
                fail_unexpected(p);
                return;
        }
        advance(p);
}

static struct graphql_value *parse_value(struct parser *p) {
        struct graphql_value *v = make(p, sizeof(*v));

        if (!v || !enter(p))
                return NULL;
        if (is(p, "[")) {
                v->kind = GRAPHQL_LIST;
                v->items = parse_list(p);
        } else if (take(p, "{")) {
                v->kind = GRAPHQL_OBJECT;
                v->items = parse_pairs(p, "}");
        } else if (!p->is_constant && take(p, "$")) {
                v->kind = GRAPHQL_VARIABLE;
                v->text = take_name(p);
        } else {
                parse_scalar(p, v);
        }
        p->depth--;
        return v;
}

static struct graphql_value *parse_arguments(struct parser *p) {
        return take(p, "(") ? parse_pairs(p, ")") : NULL;
}

static struct graphql_directive *parse_directives(struct parser *p) {
        struct graphql_directive *first = NULL, **last = &first;

        while (take(p, "@")) {
                *last = make(p, sizeof(**last));
                if (!*last)
                        break;
                (*last)->name = take_name(p);
                (*last)->arguments = parse_arguments(p);
                last = &(*last)->next;
        }
        return first;
}

/* --- selections --- */

static struct graphql_selection *parse_selections(struct parser *p);

static void parse_spread(struct parser *p, struct graphql_selection *s) {
        if (p->token.kind == GRAPHQL_TOKEN_NAME && !is_word(p, "on")) {
                s->kind = GRAPHQL_SPREAD;
                s->name = take_name(p);
                s->directives = parse_directives(p);
                return;
        }
        s->kind = GRAPHQL_INLINE;
        if (is_word(p, "on")) {
                advance(p);
                s->name = take_name(p);
        }
        s->directives = parse_directives(p);
        s->selections = parse_selections(p);
}

static struct graphql_selection *parse_selection(struct parser *p) {
        struct graphql_selection *s = make(p, sizeof(*s));

        if (!s)
                return NULL;
        if (take(p, "...")) {
                parse_spread(p, s);
                return s;
        }
        s->kind = GRAPHQL_FIELD;
        s->name = take_name(p);
        if (take(p, ":")) {
                s->alias = s->name;
                s->name = take_name(p);
        }
        s->arguments = parse_arguments(p);
        s->directives = parse_directives(p);
        if (is(p, "{"))
                s->selections = parse_selections(p);
        return s;
}

static struct graphql_selection *parse_selections(struct parser *p) {
        struct graphql_selection *first = NULL, **last = &first;

        expect(p, "{");
        if (!enter(p))
                return NULL;
        do {
                *last = parse_selection(p);
                if (*last)
                        last = &(*last)->next;
        } while (p->error == 0 && !take(p, "}"));
        p->depth--;
        return first;
}

/* --- definitions --- */

static void parse_type(struct parser *p, struct graphql_variable *v) {
        const char *start = p->token.start;
        bool is_list = take(p, "["), item_needed;

        v->type = take_name(p);
        item_needed = take(p, "!");
        if (is_list) {
                expect(p, "]");
                v->is_needed = take(p, "!");
        } else {
                v->is_needed = item_needed;
        }
        v->is_list = is_list;
        if (p->error == 0)
                v->type_text =
                        arena_strndup(p->refusal->arena, start, (size_t) (p->token.start - start));
        if (p->error == 0 && !v->type_text)
                p->error = -ENOMEM;
        if (p->error == 0)
                str_strip((char *) v->type_text);
}

static struct graphql_variable *parse_variables(struct parser *p) {
        struct graphql_variable *first = NULL, **last = &first;

        if (!take(p, "("))
                return NULL;
        do {
                *last = make(p, sizeof(**last));
                if (!*last)
                        break;
                expect(p, "$");
                (*last)->name = take_name(p);
                expect(p, ":");
                parse_type(p, *last);
                p->is_constant = true;
                if (take(p, "="))
                        (*last)->otherwise = parse_value(p);
                p->is_constant = false;
                parse_directives(p);
                last = &(*last)->next;
        } while (p->error == 0 && !take(p, ")"));
        return first;
}

static bool take_word(struct parser *p, const char *word) {
        bool there = is_word(p, word);

        if (there)
                advance(p);
        return there;
}

static struct graphql_definition *parse_definition(struct parser *p) {
        struct graphql_definition *d = make(p, sizeof(*d));

        if (!d)
                return NULL;
        if (is(p, "{")) {
                d->kind = GRAPHQL_QUERY;
        } else if (take_word(p, "fragment")) {
                d->kind = GRAPHQL_FRAGMENT;
                if (is_word(p, "on"))
                        fail_unexpected(p);
                d->name = take_name(p);
                if (!take_word(p, "on"))
                        fail_unexpected(p);
                d->on = take_name(p);
                d->directives = parse_directives(p);
        } else {
                if (take_word(p, "mutation"))
                        d->kind = GRAPHQL_MUTATION;
                else if (take_word(p, "subscription"))
                        d->kind = GRAPHQL_SUBSCRIPTION;
                else if (take_word(p, "query"))
                        d->kind = GRAPHQL_QUERY;
                else
                        fail_unexpected(p);
                if (p->error == 0 && p->token.kind == GRAPHQL_TOKEN_NAME)
                        d->name = take_name(p);
                d->variables = parse_variables(p);
                d->directives = parse_directives(p);
        }
        d->selections = parse_selections(p);
        return d;
}

int graphql_parse(const char *text, struct refusal *r, struct graphql_definition **ret) {
        struct parser p = {.text = text, .at = text, .refusal = r};
        struct graphql_definition *first = NULL, **last = &first;

        if (strlen(text) > GRAPHQL_PARSE_TEXT_MAX)
                return refusal_invalid(r, "Syntax Error: a request has at most %d bytes.",
                                       GRAPHQL_PARSE_TEXT_MAX);
        advance(&p);
        do {
                *last = parse_definition(&p);
                if (*last)
                        last = &(*last)->next;
        } while (p.error == 0 && p.token.kind != GRAPHQL_TOKEN_END);
        if (p.error != 0)
                return p.error;
        *ret = first;
        return 0;
}
