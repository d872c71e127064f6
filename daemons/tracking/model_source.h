/* model_source.h: where a model version may come from. Who may read a version may read its source,
 * so a source must lie in what the run or logged model named with it owns.
 */
#pragma once

#include "daemons/tracking/refusal.h"

struct db;
struct errmsg;

struct model_source {
        const char *source;
        const char *run_id, *model_id; /* NULL or "": not named */
        bool has_run_id, has_model_id; /* named, even if "" */
        const char *storage_location;  /* answer: where the files are */
};

/* Follows models:/name/version and models:/m-id, fills in what was not named, and checks. 0,
 * REFUSED or -errno. */
int model_source_resolve(struct db *db, struct refusal *r, struct model_source *s);

/* Prompts have no files: only MLflow's own placeholders. 0, REFUSED or -ENOMEM. */
int model_source_check_prompt(struct refusal *r, const char *source);

/* MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX, a regular expression (lib/base/pattern.h)
 * to be found in each source; unset: none. The first tells at the start whether it is one. */
int model_source_pattern_check(struct errmsg *em);
int model_source_check_pattern(struct refusal *r, const char *source);
