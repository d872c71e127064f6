/* experiments_sql.h: the rows of experiments and experiment_tags. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set experiments_sql_set;

struct experiment {
        int64_t id;
        const char *name, *artifact_location; /* "" when the database has none */
        bool is_active;
        int64_t created_at_ms, updated_at_ms; /* 0: unknown */
};

enum experiments_sql_stage {
        EXPERIMENTS_SQL_ANY,
        EXPERIMENTS_SQL_ACTIVE,
        EXPERIMENTS_SQL_DELETED,
};

/* The columns of search statements, in the order experiments_sql_read() takes them. */
#define EXPERIMENTS_SQL_COLUMNS                                                        \
        "experiments.experiment_id, experiments.name, experiments.artifact_location, " \
        "experiments.lifecycle_stage, experiments.creation_time, experiments.last_update_time"

/* The row that stands in `s`. 0 or -ENOMEM. */
int experiments_sql_read(struct db_stmt *s, struct arena *a, struct experiment *ret);

/* DB_ROW with *ret, DB_DONE when absent, or -errno. */
int experiments_sql_get(struct db *db, struct arena *a, int64_t id, struct experiment *ret);
int experiments_sql_get_by_name(struct db *db, struct arena *a, const char *name,
                                struct experiment *ret);

/* By the text of its id ("" is 0) and in that stage, or REFUSED: "No Experiment with id=… exists".
 */
int experiments_sql_need(struct db *db, struct refusal *r, const char *id,
                         enum experiments_sql_stage stage, struct experiment *ret);
/* REFUSED unless the experiment is active. */
int experiments_sql_need_active(struct refusal *r, const struct experiment *e);

/* The new id in *ret_id. 0, DB_CONFLICT: the name is taken; or -errno. `location` NULL: none yet.
 */
int experiments_sql_insert(struct db *db, const char *name, const char *location, int64_t now_ms,
                           int64_t *ret_id);
/* The same with a place below `root` for its artifacts. *ret: id, is_active and artifact_location.
 */
int experiments_sql_make(struct db *db, struct arena *a, const char *name, const char *root,
                         int64_t now_ms, struct experiment *ret);
/* 0 or DB_CONFLICT. */
int experiments_sql_rename(struct db *db, int64_t id, const char *name, int64_t now_ms);
/* Deletes (keeping the rows) or restores the experiment and all its runs. */
int experiments_sql_set_active(struct db *db, int64_t id, bool active, int64_t now_ms);

/* The ids of the active ones that may be read, the latest first, `max` at most. 0 or -errno. */
struct access;
int experiments_sql_active_ids(struct db *db, struct arena *a, const struct access *access,
                               size_t max, const int64_t **ret, size_t *ret_n);

int experiments_sql_tag_set(struct db *db, int64_t id, const char *key, const char *value);
/* *ret_n: how many tags went. */
int experiments_sql_tag_delete(struct db *db, int64_t id, const char *key, int64_t *ret_n);
/* DB_ROW when there, DB_DONE when not. */
int experiments_sql_tag_has(struct db *db, int64_t id, const char *key);
/* How many tags have a key that begins so. */
int experiments_sql_tags_count(struct db *db, int64_t id, const char *prefix, int64_t *ret_n);
/* The statement of an experiment's tags: key, value. Step it. */
struct db_stmt *experiments_sql_tags(struct db *db, int64_t id);
