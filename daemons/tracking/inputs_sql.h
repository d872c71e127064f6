/* inputs_sql.h: the rows of datasets, inputs and input_tags. */
#pragma once

#include "lib/base/macros.h"
#include "lib/db/db.h"

struct entropy;

extern const struct db_set inputs_sql_set;

struct dataset {
        const char *name, *digest, *source_type, *source;
        const char *schema, *profile; /* may be NULL */
};

/* input id, name, digest, source type, source, schema, profile of a run's datasets. Step it. */
struct db_stmt *inputs_sql_datasets(struct db *db, const char *run_id);
/* key, value of one input. */
struct db_stmt *inputs_sql_tags(struct db *db, const char *input_id);
/* model id of the logged models a run read; of those it made, and their steps. */
struct db_stmt *inputs_sql_model_inputs(struct db *db, const char *run_id);
struct db_stmt *inputs_sql_model_outputs(struct db *db, const char *run_id);

#define INPUTS_SQL_ID_SIZE 37

/* Makes the dataset of an experiment, unless it is there already, and ties it to a run. 0 with the
 * new input's id, DB_CONFLICT when the run had it already, or -errno. */
int inputs_sql_add_dataset(struct db *db, struct entropy *e, int64_t experiment_id,
                           const char *run_id, const struct dataset *d,
                           char ret_input_id[INPUTS_SQL_ID_SIZE]);
int inputs_sql_tag(struct db *db, const char *input_id, const char *key, const char *value);

/* Ties a logged model to a run. 0, DB_CONFLICT when it was, or -errno. */
int inputs_sql_add_model(struct db *db, struct entropy *e, const char *run_id, bool output,
                         const char *model_id, int64_t step);
