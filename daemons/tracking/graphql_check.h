/* graphql_check.h: is a parsed GraphQL request one that the schema can answer, and a small enough
 * one? Pure. */
#pragma once

#include "daemons/tracking/graphql_parse.h"
#include "daemons/tracking/graphql_schema.h"

enum {
        GRAPHQL_CHECK_DEPTH_MAX = 10, /* of MLflow's server, as the next three */
        GRAPHQL_CHECK_SELECTIONS_MAX = 1000,
        GRAPHQL_CHECK_ROOTS_MAX = 10,
        GRAPHQL_CHECK_ALIASES_MAX = 10,
        GRAPHQL_CHECK_DEFINITIONS_MAX = 256,
};

/* NULL: there is none of this name. */
const struct graphql_definition *graphql_check_fragment(const struct graphql_definition *all,
                                                        const char *name);

/* 0, REFUSED or -ENOMEM. After 0 every field, argument, fragment and variable is known. */
int graphql_check(const struct graphql_definition *all, struct refusal *r);
