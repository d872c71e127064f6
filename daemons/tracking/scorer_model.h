/* scorer_model.h: the model that a serialized scorer asks, as its JSON says. One of the gateway's
 * ("gateway:/NAME") is kept by its endpoint's id, so that the endpoint may be renamed, and shown by
 * its name.
 */
#pragma once

#include "daemons/tracking/job.h"

/* *text as it is kept. *ret_endpoint_id: of the gateway's endpoint, NULL: it asks none. 0, REFUSED
 * (what stands for the model is none, or there is no such endpoint) or -errno. */
int scorer_model_keep(struct job *j, struct db *db, const char **text,
                      const char **ret_endpoint_id);

/* *text as it is shown: without a model when its endpoint is gone. What asks no gateway stays as it
 * is, or with `printed` becomes what Python prints of it. 0 or -errno. */
int scorer_model_show(struct job *j, struct db *db, bool printed, const char **text);

/* Is there code in it, that would be run where scorers are? */
bool scorer_model_brings_code(const struct json *j);

/* May the scorer judge by itself? 0, REFUSED or -errno. */
int scorer_model_check_online(struct job *j, const char *name, const char *text);
