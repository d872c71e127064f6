#pragma once
/* resolv.conf and hosts, read. Pure. */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/macros.h"

#define DNS_CONF_SERVERS_MAX 3
#define DNS_CONF_ADDRESS_MAX 64

struct dns_conf {
        size_t n_servers;
        struct dns_conf_server {
                char address[DNS_CONF_ADDRESS_MAX]; /* literal */
                uint16_t port;
        } servers[DNS_CONF_SERVERS_MAX];
        usec_t timeout_for; /* of one try */
        unsigned n_attempts;
};

/* What is not understood is skipped; without a server: 127.0.0.1. */
void dns_conf_parse(const char *text, struct dns_conf *ret);
/* The addresses of a name in a hosts file; a NULL-terminated list (str_free_list), NULL when it is
 * not there. -ENOMEM. */
int dns_conf_find_host(const char *text, const char *name, char ***ret);
