/* label_schemas_sql.h: the rows of label schemas. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set label_schemas_sql_set;

struct label_schema {
        const char *id, *name;
        const char *type;                      /* "feedback", "expectation" */
        const char *instruction;               /* NULL: none */
        const char *input_type, *input_config; /* "text", …; JSON */
        const char *created_by;                /* NULL: not known */
        int64_t experiment_id;
        int64_t created_at_ms, updated_at_ms;
        bool enable_comment, is_default;
};

/* The row `s` stands on. 0 or -ENOMEM. */
int label_schemas_sql_read(struct db_stmt *s, struct arena *a, struct label_schema *ret);
/* 0, REFUSED ("Label schema with id '…' not found.", or not this one's to touch) or -errno. */
int label_schemas_sql_need(struct db *db, struct refusal *r, const char *id,
                           struct label_schema *ret);
/* DB_ROW, DB_DONE or -errno; not asked whose it is. */
int label_schemas_sql_get(struct db *db, struct arena *a, const char *id, struct label_schema *ret);
int label_schemas_sql_by_name(struct db *db, struct arena *a, int64_t experiment_id,
                              const char *name, struct label_schema *ret);
struct db_stmt *label_schemas_sql_list(struct db *db, int64_t experiment_id, int64_t limit,
                                       int64_t offset);
/* DB_ROW when the experiment has its protected question. */
int label_schemas_sql_has_default(struct db *db, int64_t experiment_id);
/* 0, DB_CONFLICT: the name is taken in the experiment; or -errno. */
int label_schemas_sql_insert(struct db *db, const struct label_schema *x);
int label_schemas_sql_update(struct db *db, const struct label_schema *x);
int label_schemas_sql_delete(struct db *db, const char *id);
