/* secrets.h: variables and connections: sealed in the database with a key from the systemd
 * credential onebox-secrets-key, else from STATE/scheduler/secrets.key, which is made when it is
 * not there. AIRFLOW_VAR_NAME and AIRFLOW_CONN_NAME of the daemon's environment come before the
 * database, as in Airflow; they are not listed. Threads: the loop's: a new key takes the old ones'
 * place. */
#pragma once

#include "daemons/scheduler/connection.h"

struct db;
struct scheduler;
struct secrets;

#define SECRETS_VARIABLE "variable"
#define SECRETS_CONNECTION "connection"
#define SECRETS_NAME_MAX 250u
#define SECRETS_VALUE_MAX (1u << 20)

struct secret {
        const char *name, *type, *description;
        const char *value; /* in clear */
};

int secrets_new(struct scheduler *s, struct secrets **ret, struct errmsg *em);
struct secrets *secrets_free(struct secrets *v);

/* As the database has it. 0; 1: there is none; -ENOKEY and others with *em. */
int secrets_get(struct scheduler *s, struct db *db, const char *kind, const char *name,
                struct arena *a, struct secret *ret, struct errmsg *em);
/* As tasks see it: the environment first. */
int secrets_find(struct scheduler *s, struct db *db, const char *kind, const char *name,
                 struct arena *a, struct secret *ret, struct errmsg *em);
/* The same as a connection. */
int secrets_find_connection(struct scheduler *s, struct db *db, const char *id, struct arena *a,
                            struct connection *ret, struct errmsg *em);

/* All of one kind, by name, until `each` answers non-zero. A value that cannot be opened is NULL.
 */
int secrets_each(struct scheduler *s, struct db *db, const char *kind, struct arena *a,
                 int (*each)(void *ctx, const struct secret *secret), void *ctx);

/* Inside a job. */
int secrets_put(struct scheduler *s, const char *kind, const struct secret *secret);
int secrets_delete(struct scheduler *s, const char *kind, const char *name);

/* Rotation. Makes a new key, where the key is ours to make; a credential is changed by whoever
 * gives it: a line above the old one, and a restart. Then secrets_reseal() inside a job, and when
 * that is committed secrets_drop_old(). */
int secrets_new_key(struct scheduler *s, struct errmsg *em);
int secrets_reseal(struct scheduler *s, size_t *ret_n, struct errmsg *em);
int secrets_drop_old(struct scheduler *s, struct errmsg *em);
