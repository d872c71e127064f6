/* mount_tcp: a listening TCP socket of one instance. */
#pragma once

#include "daemons/sqlproxy/dataplane.h"

/* Handed over by the service manager, or bound here; port 0 = any. Fills fd and address. */
int mount_tcp_open(struct mount *m, const char *address, uint16_t port, struct errmsg *em);
