/* gateway_endpoints_sql.h: the rows of the gateway's endpoints, their models, bindings and tags. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set gateway_endpoints_sql_set;

struct gateway_endpoint {
        const char *id, *name;
        const char *created_by, *updated_by;   /* NULL: not said */
        const char *routing, *fallback_config; /* NULL: none; the latter in JSON */
        int64_t experiment_id;                 /* where calls would be traced */
        int64_t created_at_ms, updated_at_ms;
        bool has_experiment, usage_tracking;
};

struct gateway_mapping {
        const char *id, *endpoint_id, *model_id;
        const char *created_by; /* NULL: not said */
        const char *linkage;    /* "PRIMARY", "FALLBACK" */
        double weight;
        int64_t created_at_ms, order; /* of fallbacks, when has_order */
        bool has_order;
};

struct gateway_binding {
        const char *endpoint_id, *type, *id;
        const char *created_by, *updated_by, *display_name; /* NULL: not said */
        int64_t created_at_ms, updated_at_ms;
};

/* The one type of thing that is bound. */
#define GATEWAY_ENDPOINTS_SQL_SCORER "scorer"

/* The row `s` stands on. 0 or -ENOMEM. */
int gateway_endpoints_sql_read(struct db_stmt *s, struct arena *a, struct gateway_endpoint *ret);
/* 0, REFUSED ("GatewayEndpoint not found …", or not this one's to touch) or -errno. By its id, or
 * when that is NULL by its name. */
int gateway_endpoints_sql_need(struct db *db, struct refusal *r, const char *id, const char *name,
                               struct gateway_endpoint *ret);
struct db_stmt *gateway_endpoints_sql_list(struct db *db);
/* 0, DB_CONFLICT: the name is taken; or -errno. */
int gateway_endpoints_sql_insert(struct db *db, const struct gateway_endpoint *x);
int gateway_endpoints_sql_update(struct db *db, const struct gateway_endpoint *x);
int gateway_endpoints_sql_delete(struct db *db, const char *id);

/* All models of an endpoint, *ret_n of them. 0 or -errno. */
int gateway_endpoints_sql_mappings(struct db *db, struct arena *a, const char *id,
                                   struct gateway_mapping **ret, size_t *ret_n);
/* 0, DB_CONFLICT: it is attached that way already; or -errno. */
int gateway_endpoints_sql_mapping_insert(struct db *db, const struct gateway_mapping *x);
/* DB_ROW, DB_DONE or -errno. */
int gateway_endpoints_sql_mapping_has(struct db *db, const char *id, const char *model_id);
int gateway_endpoints_sql_mapping_delete(struct db *db, const char *id, const char *model_id);
int gateway_endpoints_sql_mappings_delete(struct db *db, const char *id);

/* key, value. */
struct db_stmt *gateway_endpoints_sql_tags(struct db *db, const char *id);
int gateway_endpoints_sql_tag_set(struct db *db, const char *id, const char *key,
                                  const char *value);
int gateway_endpoints_sql_tag_delete(struct db *db, const char *id, const char *key);

struct db_stmt *gateway_endpoints_sql_bindings(struct db *db);
int gateway_endpoints_sql_binding_read(struct db_stmt *s, struct arena *a,
                                       struct gateway_binding *ret);
/* 0, DB_CONFLICT: it is bound already; or -errno. */
int gateway_endpoints_sql_binding_insert(struct db *db, const struct gateway_binding *x);
/* DB_ROW, DB_DONE or -errno. */
int gateway_endpoints_sql_binding_has(struct db *db, const struct gateway_binding *x);
int gateway_endpoints_sql_binding_delete(struct db *db, const struct gateway_binding *x);
/* All of a thing. */
int gateway_endpoints_sql_bindings_delete(struct db *db, const char *type, const char *id);
