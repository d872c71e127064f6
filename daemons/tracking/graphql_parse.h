/* graphql_parse.h: a GraphQL request as a tree: operations, fragments, selections, values. Pure.
 *
 * The executable part of the language only: a schema is refused. Everything is taken from the
 * arena.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemons/tracking/refusal.h"

enum {
        GRAPHQL_PARSE_NESTED_MAX = 64,       /* braces and brackets in one another */
        GRAPHQL_PARSE_TEXT_MAX = 256 * 1024, /* bytes of a request */
};

enum graphql_value_kind {
        GRAPHQL_VARIABLE,
        GRAPHQL_INT,
        GRAPHQL_FLOAT,
        GRAPHQL_STRING,
        GRAPHQL_BOOLEAN,
        GRAPHQL_NULL,
        GRAPHQL_ENUM,
        GRAPHQL_LIST,
        GRAPHQL_OBJECT,
};

/* A value, an argument (with its name as key), a field of an object. */
struct graphql_value {
        enum graphql_value_kind kind;
        const char *key;  /* NULL in lists */
        const char *text; /* of scalars: "true", "12", a string's content, a variable's name */
        struct graphql_value *items; /* of lists and objects */
        struct graphql_value *next;
};

struct graphql_directive {
        const char *name;
        struct graphql_value *arguments;
        struct graphql_directive *next;
};

enum graphql_selection_kind { GRAPHQL_FIELD, GRAPHQL_SPREAD, GRAPHQL_INLINE };

struct graphql_selection {
        enum graphql_selection_kind kind;
        const char *name;  /* the field's, the fragment's; of an inline fragment its type or NULL */
        const char *alias; /* NULL: none */
        struct graphql_value *arguments;
        struct graphql_directive *directives;
        struct graphql_selection *selections; /* NULL: no braces */
        struct graphql_selection *next;
};

struct graphql_variable {
        const char *name;
        const char *type;      /* without its marks */
        const char *type_text; /* as written: [Int!]! */
        bool is_list, is_needed;
        struct graphql_value *otherwise; /* NULL: no default */
        struct graphql_variable *next;
};

enum graphql_definition_kind {
        GRAPHQL_QUERY,
        GRAPHQL_MUTATION,
        GRAPHQL_SUBSCRIPTION,
        GRAPHQL_FRAGMENT,
};

struct graphql_definition {
        enum graphql_definition_kind kind;
        const char *name; /* NULL: none */
        const char *on;   /* of a fragment: the type */
        struct graphql_variable *variables;
        struct graphql_directive *directives;
        struct graphql_selection *selections;
        struct graphql_definition *next;
};

/* 0, REFUSED with "Syntax Error: …", or -ENOMEM. */
int graphql_parse(const char *text, struct refusal *r, struct graphql_definition **ret);
