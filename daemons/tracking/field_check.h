/* field_check.h: what names, values and ids may be, with MLflow's limits and words. Pure.
 *
 * All return 0, REFUSED with `r` set, or -ENOMEM. Lengths count characters, not bytes. `path` is
 * where the field stands in the request, for messages: "key", "metrics[3].name".
 */
#pragma once

#include "daemons/tracking/refusal.h"

enum {
        FIELD_CHECK_KEY_MAX = 250,
        FIELD_CHECK_PARAM_MAX = 6000, /* longer values are cut */
        FIELD_CHECK_TAG_MAX = 8000,   /* longer values are cut */
        FIELD_CHECK_EXPERIMENT_TAG_MAX = 20000,
        FIELD_CHECK_REGISTRY_TAG_MAX = 100000,
        FIELD_CHECK_EXPERIMENT_NAME_MAX = 500,
        FIELD_CHECK_ALIAS_MAX = 255,
        FIELD_CHECK_METRICS_MAX = 1000,  /* a batch */
        FIELD_CHECK_PARAMS_MAX = 100,    /* a batch, params and tags each */
        FIELD_CHECK_ENTITIES_MAX = 1000, /* a batch, together */
        FIELD_CHECK_RESULTS_MAX = 50000, /* a page of a search */
};

/* Names of metrics, params and tags: letters, digits, "_-. :/" and no path that leads elsewhere.
 * NULL is "", which is none. */
int field_check_name(struct refusal *r, const char *path, const char *name);

int field_check_metric(struct refusal *r, const char *path, const char *key, double value,
                       int64_t timestamp);
/* A value that is too long is cut: *value is replaced. */
/* A metric of a data set names the data set and its digest, or neither. NULL is "". */
int field_check_metric_dataset(struct refusal *r, const char *name, const char *digest);
int field_check_param(struct refusal *r, const char *path, const char *key, const char **value);
int field_check_tag(struct refusal *r, const char *path, const char *key, const char **value);
int field_check_experiment_tag(struct refusal *r, const char *key, const char *value);
int field_check_registry_tag(struct refusal *r, const char *key, const char *value);
int field_check_version_tag(struct refusal *r, const char *key, const char *value);

int field_check_experiment_name(struct refusal *r, const char *name);
int field_check_experiment_id(struct refusal *r, const char *text, int64_t *ret);
int field_check_run_id(struct refusal *r, const char *path, const char *id);

int field_check_model_name(struct refusal *r, const char *name);
int field_check_model_version(struct refusal *r, const char *text, int64_t *ret);
int field_check_alias(struct refusal *r, const char *alias);
/* latest and v1, v2, … are not to be set. */
int field_check_alias_reserved(struct refusal *r, const char *alias);
int field_check_logged_model_name(struct refusal *r, const char *name);

/* "'what' exceeds the maximum length of N characters" */
int field_check_length(struct refusal *r, const char *what, size_t max, const char *value);

/* "A batch logging request can contain at most N things. …" */
int field_check_batch(struct refusal *r, const char *what, size_t max, size_t n);

/* The limits of max_results of a search in the tracking store. */
int field_check_max_results(struct refusal *r, int64_t n);

/* Python's repr() of a string, from r->arena; "" when out of memory. */
const char *field_check_repr(struct arena *a, const char *text);
