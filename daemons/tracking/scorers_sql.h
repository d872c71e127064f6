/* scorers_sql.h: the rows of scorers and their versions. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set scorers_sql_set;

struct scorer {
        const char *id, *name, *serialized; /* serialized: JSON of the client's */
        int64_t experiment_id, version, created_at_ms;
};

/* The row `s` stands on. 0 or -ENOMEM. */
int scorers_sql_read(struct db_stmt *s, struct arena *a, struct scorer *ret);

/* DB_ROW with its id, DB_DONE or -errno. */
int scorers_sql_get(struct db *db, struct arena *a, int64_t experiment_id, const char *name,
                    const char **ret_id);
/* A version, 0 for the latest: DB_ROW, DB_DONE or -errno. */
int scorers_sql_version(struct db *db, struct arena *a, const char *id, int64_t version,
                        struct scorer *ret);
/* The greatest number so far, 0 without one. 0 or -errno. */
int scorers_sql_last(struct db *db, const char *id, int64_t *ret);

struct db_stmt *scorers_sql_versions(struct db *db, const char *id);
/* The latest version of each; experiment -1: of all that are active. */
struct db_stmt *scorers_sql_list(struct db *db, int64_t experiment_id);

/* What a scorer is to judge by itself. */
struct scorer_online {
        const char *id, *filter; /* filter: NULL for all */
        double sample_rate;
        int64_t experiment_id;
        struct scorer scorer; /* its experiment and name only */
};
struct db_stmt *scorers_sql_online(struct db *db, const char *id);
/* The row `s` stands on. 0 or -ENOMEM. */
int scorers_sql_read_online(struct db_stmt *s, struct arena *a, struct scorer_online *ret);

/* In place of what the scorer was to judge by itself before. */
int scorers_sql_online_set(struct db *db, const char *scorer_id, const struct scorer_online *x);

int scorers_sql_insert(struct db *db, const struct scorer *x);
int scorers_sql_version_insert(struct db *db, const struct scorer *x);
/* *ret_n: how many versions went. */
int scorers_sql_version_delete(struct db *db, const char *id, int64_t version, int64_t *ret_n);
/* With all versions. */
int scorers_sql_delete(struct db *db, const char *id);
