/* probe: does what a connection names answer, and to these credentials? By its type: the rows of
 * probe_types.def. It runs inside the try of a test (daemons/scheduler/connection_trials.h), with
 * the network of a task; each way ends within PROBE_FOR. Secrets are in memory alone. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct json;

#define PROBE_FOR (15 * USEC_PER_SEC)

/* Texts are NULL when not given. */
struct probe {
        struct arena *a;
        const struct json *connection, *extra; /* extra: an object, or NULL */
        const char *type, *host, *login, *password, *schema;
        int port;         /* 0: not given, and the type has none of its own */
        const char *name; /* of the type's row: "an SSH server" */
        struct errmsg em; /* what came of it, in words for people */
};

/* {conn_type, host, …} → *ret. -EINVAL with ret->em; -ENOMEM. */
int probe_read(const struct json *connection, struct arena *a, struct probe *ret);
/* 0: it answers as it should; negative: not. p->em says it in any case. */
int probe_run(struct probe *p);

/* A text of extra, or NULL. */
const char *probe_extra(const struct probe *p, const char *key);

/* The ways, as rows name them. */
int probe_http(struct probe *p);
int probe_db_postgres(struct probe *p);
int probe_db_mysql(struct probe *p);
int probe_db_sqlite(struct probe *p);
int probe_cloud_google(struct probe *p);
int probe_cloud_aws(struct probe *p);
int probe_tcp_ssh(struct probe *p);
int probe_tcp(struct probe *p);
int probe_files(struct probe *p);
