/* model_versions_sql.h: the rows of model_versions and their tags. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set model_versions_sql_set;

struct model_version {
        const char *name, *stage, *status;
        int64_t version, created_at_ms, updated_at_ms;
        /* NULL: not known */
        const char *description, *user_id, *source, *run_id, *status_message, *run_link;
        const char *storage_location;
};

/* The columns of search statements, in the order model_versions_sql_read() takes them. */
#define MODEL_VERSIONS_SQL_COLUMNS                                                               \
        "model_versions.name, model_versions.version, model_versions.creation_time, "            \
        "model_versions.last_updated_time, model_versions.description, model_versions.user_id, " \
        "model_versions.current_stage, model_versions.source, model_versions.run_id, "           \
        "model_versions.status, model_versions.status_message, model_versions.run_link, "        \
        "model_versions.storage_location"

/* The row that stands in `s`. 0 or -ENOMEM. */
int model_versions_sql_read(struct db_stmt *s, struct arena *a, struct model_version *ret);

/* By the version's text. 0 with *ret, REFUSED "Model Version (name=…, version=…) not found" or for
 * a bad name or number, or -errno. */
int model_versions_sql_need(struct db *db, struct refusal *r, const char *name, const char *version,
                            struct model_version *ret);
/* DB_ROW, DB_DONE or -errno. */
int model_versions_sql_get(struct db *db, struct arena *a, const char *name, int64_t version,
                           struct model_version *ret);

/* Takes the next number: m->version is set. 0 or -errno. */
int model_versions_sql_insert(struct db *db, struct model_version *m);

enum { MODEL_VERSIONS_SQL_STAGES = 4 };
/* The numbers of the latest version of each stage, in the order the stages came up or by their
 * names. */
int model_versions_sql_latest(struct db *db, const char *name, bool by_stage,
                              int64_t ret_versions[MODEL_VERSIONS_SQL_STAGES], size_t *ret_n);

int model_versions_sql_set_description(struct db *db, const char *name, int64_t version,
                                       const char *description, int64_t now_ms);
int model_versions_sql_set_stage(struct db *db, const char *name, int64_t version,
                                 const char *stage, int64_t now_ms);
/* All other versions of that stage become Archived. */
int model_versions_sql_archive_others(struct db *db, const char *name, int64_t version,
                                      const char *stage, int64_t now_ms);
int model_versions_sql_delete(struct db *db, const char *name, int64_t version, int64_t now_ms);

int model_versions_sql_tag_set(struct db *db, const char *name, int64_t version, const char *key,
                               const char *value);
int model_versions_sql_tag_delete(struct db *db, const char *name, int64_t version,
                                  const char *key);
/* key, value. Step it. */
struct db_stmt *model_versions_sql_tags(struct db *db, const char *name, int64_t version);
