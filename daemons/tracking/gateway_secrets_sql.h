/* gateway_secrets_sql.h: the rows of the gateway's secrets. What is secret of them is only written.
 */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set gateway_secrets_sql_set;

struct gateway_secret {
        const char *id, *name;
        const char *masked;                  /* JSON: {"api_key": "sk-...wxyz"} */
        const char *provider, *auth_config;  /* NULL: none; the latter in JSON */
        const char *created_by, *updated_by; /* NULL: not said */
        int64_t created_at_ms, updated_at_ms;
};

struct gateway_secrets_sql_value {
        const struct buf *sealed, *key; /* auth_envelope.h */
        int64_t key_version;
};

/* The row `s` stands on. 0 or -ENOMEM. */
int gateway_secrets_sql_read(struct db_stmt *s, struct arena *a, struct gateway_secret *ret);
/* 0, REFUSED ("GatewaySecret not found …", or not this one's to touch) or -errno. */
int gateway_secrets_sql_need(struct db *db, struct refusal *r, const char *id,
                             struct gateway_secret *ret);
/* Also by who may only use it. */
int gateway_secrets_sql_need_use(struct db *db, struct refusal *r, const char *id,
                                 struct gateway_secret *ret);
struct db_stmt *gateway_secrets_sql_list(struct db *db);
/* 0, DB_CONFLICT: the name is taken; or -errno. */
int gateway_secrets_sql_insert(struct db *db, const struct gateway_secret *x,
                               const struct gateway_secrets_sql_value *value);
int gateway_secrets_sql_set_value(struct db *db, const struct gateway_secret *x,
                                  const struct gateway_secrets_sql_value *value);
int gateway_secrets_sql_update(struct db *db, const struct gateway_secret *x);
int gateway_secrets_sql_delete(struct db *db, const char *id);
