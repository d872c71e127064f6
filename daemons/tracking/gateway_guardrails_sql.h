/* gateway_guardrails_sql.h: the rows of the gateway's guardrails, and of the endpoints they are at.
 */
#pragma once

#include "daemons/tracking/refusal.h"
#include "daemons/tracking/scorers_sql.h"
#include "lib/db/db.h"

extern const struct db_set gateway_guardrails_sql_set;

struct gateway_guardrail {
        const char *id, *name, *stage, *action;
        const char *action_endpoint;         /* its id to insert, its name when read; NULL: none */
        const char *created_by, *updated_by; /* NULL: not said */
        int64_t created_at_ms, updated_at_ms;
        struct scorer scorer; /* what judges; to insert, its id and version are enough */
};

/* A guardrail at an endpoint. */
struct gateway_guardrail_config {
        struct gateway_guardrail guardrail; /* to write, its id is enough */
        const char *endpoint_id;
        const char *created_by; /* NULL: not said */
        int64_t created_at_ms, order;
        bool has_order;
};

/* The row `s` stands on. 0 or -ENOMEM. */
int gateway_guardrails_sql_read(struct db_stmt *s, struct arena *a, struct gateway_guardrail *ret);
/* 0, REFUSED ("Guardrail not found …") or -errno. */
int gateway_guardrails_sql_need(struct db *db, struct refusal *r, const char *id,
                                struct gateway_guardrail *ret);
struct db_stmt *gateway_guardrails_sql_list(struct db *db, int64_t limit, int64_t offset);
int gateway_guardrails_sql_insert(struct db *db, const struct gateway_guardrail *x);
int gateway_guardrails_sql_delete(struct db *db, const char *id);

/* Is the scorer, or with `version` that one of it, a guardrail's? Then it cannot go: REFUSED, else
 * 0 or -errno. */
int gateway_guardrails_sql_check_unused(struct db *db, struct refusal *r, const char *scorer_id,
                                        int64_t version);
/* 0, REFUSED ("Endpoint not found …") or -errno. */
int gateway_guardrails_sql_need_endpoint(struct db *db, struct refusal *r, const char *id);

int gateway_guardrails_sql_config_read(struct db_stmt *s, struct arena *a,
                                       struct gateway_guardrail_config *ret);
/* 0, REFUSED ("GuardrailConfig not found …") or -errno. */
int gateway_guardrails_sql_config_need(struct db *db, struct refusal *r, const char *endpoint_id,
                                       const char *id, struct gateway_guardrail_config *ret);
/* All of an endpoint, in the order in which they look at a call. */
struct db_stmt *gateway_guardrails_sql_config_list(struct db *db, const char *endpoint_id);
/* 0, DB_CONFLICT: it is there already; or -errno. */
int gateway_guardrails_sql_config_insert(struct db *db, const struct gateway_guardrail_config *x);
int gateway_guardrails_sql_config_update(struct db *db, const struct gateway_guardrail_config *x);
int gateway_guardrails_sql_config_delete(struct db *db, const char *endpoint_id, const char *id);
