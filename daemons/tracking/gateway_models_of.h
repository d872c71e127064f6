/* gateway_models_of.h: the models of the gateway's endpoints: as a request says them, and as rows
 * and answers have them. */
#pragma once

#include "daemons/tracking/gateway_endpoints_sql.h"
#include "daemons/tracking/job.h"

/* Reads {"model_definition_id": …, "linkage_type": …, "weight": …, "fallback_order": …}; `path` is
 * for messages. False when refused (q->result). */
bool gateway_models_of_read(struct ask *q, const struct json *item, const char *path,
                            struct gateway_mapping *ret);
/* The list at `key`, *ret_n of them; NULL when there are none. */
struct gateway_mapping *gateway_models_of_read_list(struct ask *q, const char *key, unsigned flags,
                                                    size_t *ret_n);

/* Attaches the model, with a new id and now. 0, REFUSED (no such model, or attached already) or
 * -errno. */
int gateway_models_of_attach(struct job *j, struct db *db, struct gateway_mapping *x);

/* The fields of one and its model, into an object that is open. 0 or -errno. */
int gateway_models_of_write(struct job *j, struct db *db, const struct gateway_mapping *x);
/* "model_mappings", when there are any. */
int gateway_models_of_write_list(struct job *j, struct db *db, const struct gateway_mapping *all,
                                 size_t n);
