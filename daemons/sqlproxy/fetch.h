/* fetch: one refresh of an instance, start to end: tokens, settings and certificate from the API,
 * the two at once, and an identity of them.
 *
 * Threads: the control loop's; making the key takes one of its own. */
#pragma once

#include "daemons/sqlproxy/instance.h"
#include "lib/gcp/sqladmin.h"
#include "lib/gcp/token.h"

/* What all fetches share; borrowed for the fetcher's life. */
struct fetcher_options {
        struct loop *loop;
        struct sqladmin *api;
        struct token *token;       /* for the API */
        struct token *login_token; /* for databases; NULL = none is needed */
        struct resolver *resolver; /* of DNS names */
        bool is_key_lazy;          /* the key is made when the first certificate is wanted */
        bool keeps_names;          /* hosts stay names: somebody else resolves them (a proxy) */
};
int fetch_fetcher_new(const struct fetcher_options *o, struct fetcher **ret);
struct fetcher *fetch_fetcher_free(struct fetcher *f);

/* instance_fetched() follows, later, exactly once. */
int fetch_start(struct fetcher *f, struct instance *i, struct fetch **ret);
void fetch_cancel(struct fetch *x);
