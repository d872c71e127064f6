/* resolver: what DNS has to say about an instance: which one a domain name stands for, and where
 * its names lead. Threads: the control loop's. */
#pragma once

#include "daemons/sqlproxy/conn_name.h"
#include "daemons/sqlproxy/identity.h"
#include "lib/net/loop.h"

struct resolver;
struct resolver_ask;
struct sqladmin;
struct token;

struct resolver_options {
        struct loop *loop;
        struct sqladmin *api; /* knows the instances behind *.sql.goog */
        struct token *token;
};
int resolver_new(const struct resolver_options *o, struct resolver **ret);
struct resolver *resolver_free(struct resolver *r);

/* The instance a domain name stands for: its TXT records, else those of what it is an alias of, up
 * to ten times; or the API for Google's own names. done() comes once, later, r negative with em:
 * -EINVAL: it can never work, or the API says so; others: try again. */
int resolver_name(struct resolver *r, const char *domain,
                  void (*done)(void *ctx, int r, const struct conn_name *cn,
                               const struct errmsg *em),
                  void *ctx, struct resolver_ask **ret);
/* Makes addresses of the names among an identity's hosts, in place, and fills domain_hosts when the
 * connection came by a domain name that has addresses. *ret stays as it is when nothing has to be
 * asked; else done() comes once, later. */
int resolver_hosts(struct resolver *r, struct identity *id, const struct conn_name *cn,
                   void (*done)(void *ctx, int r, struct errmsg *em), void *ctx,
                   struct resolver_ask **ret);
/* NULL is fine. */
void resolver_cancel(struct resolver_ask *a);
