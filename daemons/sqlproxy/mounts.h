/* mounts: the listeners of all instances, opened in the order of the command line, because ports
 * count up. One whose port or path depends on the engine waits until that is known.
 *
 * Threads: the control loop's. */
#pragma once

#include "daemons/sqlproxy/dataplane.h"
#include "daemons/sqlproxy/flags.h"
#include "daemons/sqlproxy/instance_arg.h"

/* The next free numbers. */
struct mounts_ports {
        uint16_t global, postgres, mysql, sqlserver;
};
void mounts_ports_init(struct mounts_ports *p, uint16_t global);
/* By the engine ("POSTGRES_15"); 0 when the engine is none of the three and there is no global. */
uint16_t mounts_ports_take(struct mounts_ports *p, const char *engine);

/* Does it come in by a Unix socket? */
bool mounts_is_unix(const struct flags *f, const struct instance_arg *a);
/* Must the engine be known to open it? */
bool mounts_needs_engine(const struct flags *f, const struct instance_arg *a);
/* By which address the instance is reached. */
enum identity_path mounts_path(const struct flags *f, const struct instance_arg *a);

/* Opens it. engine is "" when it is not needed. The instance is filled in by the caller. 0, or
 * negative with em in the words of cloud-sql-proxy. */
int mounts_open(const struct flags *f, const struct instance_arg *a, const char *engine,
                struct mounts_ports *ports, struct mount **ret, struct errmsg *em);
/* Closes, removes its socket's path. */
struct mount *mounts_close(struct mount *m);
