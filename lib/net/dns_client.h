#pragma once
/* Questions to the name servers of resolv.conf, on the loop: UDP, and TCP for what is too long.
 *
 * The file is read anew for each question, so a changed network is seen. Search domains are not
 * used: names are whole. Threads: the loop's. */
#include "lib/base/errmsg.h"
#include "lib/net/dns_message.h"
#include "lib/net/loop.h"

struct dns_client;
struct dns_client_ask;

/* resolv_conf and hosts: NULL = the files in /etc. A "nameserver" may have a port here
 * ("127.0.0.1:5353"). */
int dns_client_new(struct loop *l, const char *resolv_conf, const char *hosts,
                   struct dns_client **ret);
/* Questions under way are dropped without a word. */
struct dns_client *dns_client_free(struct dns_client *c);

/* Once, later, from the loop; the question is gone after it. r 0 with texts as dns_message_parse()
 * gives them (NULL: the name has no such record); -ENOENT: no such name; -ETIMEDOUT, -EAGAIN …: no
 * server can say; why says what and of which server. */
typedef void dns_client_fn(void *ctx, int r, char *const *texts, const struct errmsg *why);

int dns_client_ask(struct dns_client *c, const char *name, enum dns_type type, dns_client_fn *done,
                   void *ctx, struct dns_client_ask **ret);
/* Addresses: of the hosts file, else the IPv4 ones, else the IPv6 ones. */
int dns_client_host(struct dns_client *c, const char *name, dns_client_fn *done, void *ctx,
                    struct dns_client_ask **ret);
/* done() will not come. NULL is fine. */
void dns_client_cancel(struct dns_client_ask *a);
