/* registry_json.h: registered models and their versions as the wire has them. */
#pragma once

#include "daemons/tracking/job.h"
#include "daemons/tracking/model_versions_sql.h"
#include "daemons/tracking/registered_models_sql.h"

/* The fields, in an object that is open. 0 or -errno. The latest versions of a model stand in the
 * order their stages came up, in the answer of a search by their stages' names. */
int registry_json_write_model(struct job *j, struct db *db, const struct registered_model *m,
                              bool by_stage);
int registry_json_write_version(struct job *j, struct db *db, const struct model_version *m,
                                bool aliases);
