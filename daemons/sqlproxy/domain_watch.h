/* domain_watch: an instance reached by a domain name is looked up again every DOMAIN_WATCH_FOR.
 * When the name has come to stand for another one, or for none, every connection is cut and the
 * next ones go where it leads now. A name server that fails changes nothing. Google's own names are
 * not watched: they do not move. Threads: the control loop's. */
#pragma once

#include "daemons/sqlproxy/instance.h"
#include "daemons/sqlproxy/resolver.h"

#define DOMAIN_WATCH_FOR (30 * USEC_PER_SEC)

struct domain_watch;

/* *ret stays NULL when there is nothing to watch. */
int domain_watch_new(struct resolver *r, struct instance *i, struct domain_watch **ret);
struct domain_watch *domain_watch_free(struct domain_watch *w);
