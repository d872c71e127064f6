/* graphql_run.h: checks a GraphQL request against the schema and answers it from JSON. Pure: what
 * the database knows comes by ask(). */
#pragma once

#include "daemons/tracking/graphql_input.h"
#include "lib/base/buf.h"

struct graphql_run {
        struct arena *arena;
        const char *query;
        const char *operation; /* NULL: the only one */
        const struct json *variables;
        /* Asks over the REST forms: `input` is the body, the answer's object is *ret.
         * 0, REFUSED with `r` set, or -errno. */
        int (*ask)(void *ctx, int (*asked)(struct ask *q), const struct json *input,
                   struct refusal *r, const struct json **ret);
        void *ctx;
};

/* {"data":…,"errors":…} on one line. 0 or -errno. */
int graphql_run(const struct graphql_run *run, struct buf *out);
