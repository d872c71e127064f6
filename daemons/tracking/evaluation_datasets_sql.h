/* evaluation_datasets_sql.h: the rows of evaluation datasets, their tags and records, and which
 * experiments they belong to, in MLflow's schema. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

struct entropy;

extern const struct db_set evaluation_datasets_sql_set;

enum { EVALUATION_DATASETS_SQL_HASH = 65, EVALUATION_DATASETS_SQL_DIGEST = 9 };

#define EVALUATION_DATASETS_SQL_COLUMNS                                             \
        "d.dataset_id, d.name, d.\"schema\", d.profile, d.digest, d.created_time, " \
        "d.last_update_time, d.created_by, d.last_updated_by"

struct evaluation_dataset {
        const char *id, *name, *digest;
        const char *schema, *profile;        /* JSON; NULL: none yet */
        const char *created_by, *updated_by; /* NULL: not known */
        int64_t created_at_ms, updated_at_ms;
};

struct evaluation_record {
        const char *id, *dataset_id;
        /* JSON; "null" or NULL: none. Outputs are wrapped: {"mlflow_wrapped": …}. */
        const char *inputs, *outputs, *expectations, *tags, *source;
        const char *source_id, *source_type, *created_by, *updated_by; /* NULL: none */
        int64_t created_at_ms, updated_at_ms;
        char input_hash[EVALUATION_DATASETS_SQL_HASH]; /* not read */
};

/* The row `s` stands on. 0 or -ENOMEM. */
int evaluation_datasets_sql_read(struct db_stmt *s, struct arena *a,
                                 struct evaluation_dataset *ret);
int evaluation_datasets_sql_read_record(struct db_stmt *s, struct arena *a,
                                        struct evaluation_record *ret);

/* DB_ROW, DB_DONE or -errno. */
int evaluation_datasets_sql_get(struct db *db, struct arena *a, const char *id,
                                struct evaluation_dataset *ret);
int evaluation_datasets_sql_insert(struct db *db, const struct evaluation_dataset *d);
int evaluation_datasets_sql_update(struct db *db, const struct evaluation_dataset *d);
/* With its tags, records and ties. */
int evaluation_datasets_sql_delete(struct db *db, const char *id);

struct db_stmt *evaluation_datasets_sql_tags(struct db *db, const char *id); /* key, value */
int evaluation_datasets_sql_tag_set(struct db *db, const char *id, const char *key,
                                    const char *value);
int evaluation_datasets_sql_tag_delete(struct db *db, const char *id, const char *key);

/* The ids of its experiments, as text. */
struct db_stmt *evaluation_datasets_sql_experiments(struct db *db, const char *id);
/* Twice is once. 0 or -errno. */
int evaluation_datasets_sql_tie(struct db *db, struct entropy *e, const char *id,
                                const char *experiment_id, int64_t now_ms);
/* *ret_n: 0 when it did not belong there. */
int evaluation_datasets_sql_untie(struct db *db, const char *id, const char *experiment_id,
                                  int64_t *ret_n);

/* DB_ROW, DB_DONE or -errno. */
int evaluation_datasets_sql_record(struct db *db, struct arena *a, const char *id,
                                   const char *input_hash, struct evaluation_record *ret);
int evaluation_datasets_sql_record_insert(struct db *db, const struct evaluation_record *r);
int evaluation_datasets_sql_record_update(struct db *db, const struct evaluation_record *r);
int evaluation_datasets_sql_record_delete(struct db *db, const char *id, const char *record_id,
                                          int64_t *ret_n);
int evaluation_datasets_sql_records_count(struct db *db, const char *id, int64_t *ret_n);
/* The oldest first; `after_id` NULL: from `offset` on, else those behind that one. */
struct db_stmt *evaluation_datasets_sql_records(struct db *db, const char *id, int64_t limit,
                                                int64_t offset, int64_t after_ms,
                                                const char *after_id);
