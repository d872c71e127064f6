/* logged_models_sql.h: the rows of logged_models, logged_model_tags, _params and _metrics. */
#pragma once

#include "daemons/tracking/metrics_sql.h"
#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set logged_models_sql_set;

struct logged_model {
        const char *id, *name, *artifact_location;
        const char *type, *source_run_id, *status_message; /* NULL: not known */
        int64_t experiment_id, created_at_ms, updated_at_ms;
        int64_t status; /* LOGGED_MODELS_SQL_… */
        bool is_active;
};

enum {
        LOGGED_MODELS_SQL_UNSPECIFIED,
        LOGGED_MODELS_SQL_PENDING,
        LOGGED_MODELS_SQL_READY,
        LOGGED_MODELS_SQL_FAILED,
        LOGGED_MODELS_SQL_STATUSES,
};

/* As the wire names the statuses, by number. */
extern const char *const logged_models_sql_statuses[LOGGED_MODELS_SQL_STATUSES];

/* The columns of search statements, in the order logged_models_sql_read() takes them. */
#define LOGGED_MODELS_SQL_COLUMNS                                                                \
        "logged_models.model_id, logged_models.experiment_id, logged_models.name, "              \
        "logged_models.artifact_location, logged_models.creation_timestamp_ms, "                 \
        "logged_models.last_updated_timestamp_ms, logged_models.status, "                        \
        "logged_models.lifecycle_stage, logged_models.model_type, logged_models.source_run_id, " \
        "logged_models.status_message"

/* The row that stands in `s`. 0 or -ENOMEM. */
int logged_models_sql_read(struct db_stmt *s, struct arena *a, struct logged_model *ret);

/* 0 with *ret, REFUSED "Logged model with ID '…' not found.", or -errno. */
int logged_models_sql_need(struct db *db, struct refusal *r, const char *id, bool allow_deleted,
                           struct logged_model *ret);

int logged_models_sql_insert(struct db *db, const struct logged_model *m);
int logged_models_sql_set_status(struct db *db, const char *id, int64_t status, int64_t now_ms);
/* Keeps the rows. */
int logged_models_sql_delete(struct db *db, const char *id, int64_t now_ms);

int logged_models_sql_tag_set(struct db *db, const struct logged_model *m, const char *key,
                              const char *value);
/* *ret_n: how many went. */
int logged_models_sql_tag_delete(struct db *db, const char *id, const char *key, int64_t *ret_n);
/* DB_ROW with the value in the arena, DB_DONE, or -errno. */
int logged_models_sql_tag_get(struct db *db, const char *id, const char *key, struct arena *a,
                              const char **ret);

/* Adds a param. The same value again is fine; another one is REFUSED. */
int logged_models_sql_param_add(struct db *db, struct refusal *r, const struct logged_model *m,
                                const char *key, const char *value);

/* Adds the metric to the logged model it names, if it names one. 0, REFUSED (no such model) or
 * -errno. */
int logged_models_sql_add_metric(struct db *db, struct refusal *r, const char *run_id,
                                 int64_t experiment_id, const struct metric *metric);

/* key, value. Step them. */
struct db_stmt *logged_models_sql_tags(struct db *db, const char *id);
struct db_stmt *logged_models_sql_params(struct db *db, const char *id);
/* key, value, time, step, dataset name, dataset digest, model id, run id. */
struct db_stmt *logged_models_sql_metrics(struct db *db, const char *id);
