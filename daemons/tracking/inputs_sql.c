#include "daemons/tracking/inputs_sql.h"

#include <errno.h>
#include <stdio.h>

#include "lib/base/entropy.h"

#define DB_SET inputs_sql
#define DB_SET_ROWS "daemons/tracking/inputs_sql.def"
#include "lib/db/db_set.h"

static struct db_stmt *by_id(struct db *db, size_t row, const char *id) {
        struct db_stmt *s = use(db, row);

        db_bind_all(s, id);
        return s;
}

struct db_stmt *inputs_sql_datasets(struct db *db, const char *run_id) {
        return by_id(db, STMT_datasets, run_id);
}

struct db_stmt *inputs_sql_tags(struct db *db, const char *input_id) {
        return by_id(db, STMT_tags, input_id);
}

struct db_stmt *inputs_sql_model_inputs(struct db *db, const char *run_id) {
        return by_id(db, STMT_model_inputs, run_id);
}

struct db_stmt *inputs_sql_model_outputs(struct db *db, const char *run_id) {
        return by_id(db, STMT_model_outputs, run_id);
}

static int insert(struct db *db, const char *input_id, const char *source_type,
                  const char *source_id, const char *destination_type, const char *destination_id,
                  int64_t step) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, input_id, source_type, source_id, destination_type, destination_id, step);
        return db_run(s);
}

/* The id of the experiment's dataset, made when it is not there. */
static int dataset_id(struct db *db, struct entropy *e, int64_t experiment_id,
                      const struct dataset *d, char ret[INPUTS_SQL_ID_SIZE]) {
        DB_USE struct db_stmt *get = use(db, STMT_dataset_get);
        DB_USE struct db_stmt *add = use(db, STMT_dataset_insert);
        int r;

        db_bind_all(get, experiment_id, d->name, d->digest);
        r = db_step(get);
        if (r == DB_ROW) {
                snprintf(ret, INPUTS_SQL_ID_SIZE, "%s", db_col_text(get, 0));
                return 0;
        }
        if (r == 0)
                r = entropy_id(e, ret);
        if (r < 0)
                return r;
        db_bind_all(add, ret, experiment_id, d->name, d->digest, d->source_type, d->source,
                    d->schema, d->profile);
        return db_run(add);
}

int inputs_sql_add_dataset(struct db *db, struct entropy *e, int64_t experiment_id,
                           const char *run_id, const struct dataset *d,
                           char ret_input_id[INPUTS_SQL_ID_SIZE]) {
        char id[INPUTS_SQL_ID_SIZE] = "";
        int r = dataset_id(db, e, experiment_id, d, id);

        if (r == 0)
                r = entropy_id(e, ret_input_id);
        if (r != 0)
                return r < 0 ? r : -EUCLEAN;
        return insert(db, ret_input_id, "DATASET", id, "RUN", run_id, 0);
}

int inputs_sql_tag(struct db *db, const char *input_id, const char *key, const char *value) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_insert);

        db_bind_all(s, input_id, key, value);
        return db_run(s);
}

int inputs_sql_add_model(struct db *db, struct entropy *e, const char *run_id, bool output,
                         const char *model_id, int64_t step) {
        char id[INPUTS_SQL_ID_SIZE];
        int r = entropy_id(e, id);

        if (r < 0)
                return r;
        return insert(db, id, output ? "RUN_OUTPUT" : "RUN_INPUT", run_id,
                      output ? "MODEL_OUTPUT" : "MODEL_INPUT", model_id, step);
}
