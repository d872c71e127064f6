/* graphql_lex.h: the tokens of a GraphQL request. Pure. */
#pragma once

#include <stddef.h>

struct arena;

enum graphql_token_kind {
        GRAPHQL_TOKEN_END,
        GRAPHQL_TOKEN_PUNCTUATION, /* one of !$&()...:=@[]{|}, "..." is one */
        GRAPHQL_TOKEN_NAME,
        GRAPHQL_TOKEN_INT,
        GRAPHQL_TOKEN_FLOAT,
        GRAPHQL_TOKEN_STRING,
        GRAPHQL_TOKEN_BAD, /* what begins here is no token */
};

struct graphql_token {
        enum graphql_token_kind kind;
        const char *start; /* in the text */
        size_t size;       /* in the text */
        const char *text;  /* of a string: its content, unescaped, in the arena */
};

/* Reads the token at *at and moves behind it. 0 or -ENOMEM. */
int graphql_lex_next(struct arena *a, const char **at, struct graphql_token *ret);
