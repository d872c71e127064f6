/* gateway_models_sql.h: the rows of the gateway's model definitions. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set gateway_models_sql_set;

struct gateway_model {
        const char *id, *name, *provider, *model_name;
        const char *secret_id, *secret_name; /* NULL: its secret is gone */
        const char *created_by, *updated_by; /* NULL: not said */
        int64_t created_at_ms, updated_at_ms;
};

/* The row `s` stands on. 0 or -ENOMEM. */
int gateway_models_sql_read(struct db_stmt *s, struct arena *a, struct gateway_model *ret);
/* DB_ROW, DB_DONE or -errno; not asked whose it is. */
int gateway_models_sql_get(struct db *db, struct arena *a, const char *id,
                           struct gateway_model *ret);
/* 0, REFUSED ("GatewayModelDefinition not found …", or not this one's to touch) or -errno. */
int gateway_models_sql_need(struct db *db, struct refusal *r, const char *id,
                            struct gateway_model *ret);
/* Also by who may only use it. */
int gateway_models_sql_need_use(struct db *db, struct refusal *r, const char *id);
struct db_stmt *gateway_models_sql_list(struct db *db);
/* 0, DB_CONFLICT: the name is taken; or -errno. */
int gateway_models_sql_insert(struct db *db, const struct gateway_model *x);
int gateway_models_sql_update(struct db *db, const struct gateway_model *x);
/* DB_ROW: an endpoint has it. */
int gateway_models_sql_in_use(struct db *db, const char *id);
int gateway_models_sql_delete(struct db *db, const char *id);
