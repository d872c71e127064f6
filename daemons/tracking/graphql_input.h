/* graphql_input.h: the arguments of a GraphQL field, with variables put in, as the JSON body that
 * asks the same over REST. Pure. */
#pragma once

#include "daemons/tracking/graphql_parse.h"
#include "daemons/tracking/graphql_schema.h"

struct json;

struct graphql_input {
        const struct graphql_variable *declared;
        const struct json *given; /* the request's "variables": an object or NULL */
        struct refusal *refusal;
};

/* Every declared variable has a value that fits its type. 0, REFUSED or -ENOMEM. */
int graphql_input_check(const struct graphql_input *in);

/* A root's argument as JSON of its shape; *ret NULL when it is absent or null.
 * 0, REFUSED or -ENOMEM. */
int graphql_input_argument(const struct graphql_input *in, const struct graphql_field *root,
                           const struct graphql_value *arguments, const struct json **ret);
