/* registered_models_sql.h: the rows of registered_models, their tags and aliases. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set registered_models_sql_set;

/* A model with this tag is a prompt, whatever its value. */
#define REGISTERED_MODELS_SQL_PROMPT "mlflow.prompt.is_prompt"

struct registered_model {
        const char *name, *description; /* "" when NULL */
        int64_t created_at_ms, updated_at_ms;
};

/* The columns of search statements, in the order registered_models_sql_read() takes them. */
#define REGISTERED_MODELS_SQL_COLUMNS                               \
        "registered_models.name, registered_models.creation_time, " \
        "registered_models.last_updated_time, registered_models.description"

/* The row that stands in `s`. 0 or -ENOMEM. */
int registered_models_sql_read(struct db_stmt *s, struct arena *a, struct registered_model *ret);

/* 0 with *ret, REFUSED "Registered Model with name=… not found" or for a bad name, or -errno. */
int registered_models_sql_need(struct db *db, struct refusal *r, const char *name,
                               struct registered_model *ret);

/* 0 or DB_CONFLICT: the name is taken. */
int registered_models_sql_insert(struct db *db, const struct registered_model *m);
int registered_models_sql_rename(struct db *db, const char *name, const char *new_name,
                                 int64_t now_ms);
/* 0 or -errno. */
int registered_models_sql_touch(struct db *db, const char *name, int64_t now_ms);
int registered_models_sql_set_description(struct db *db, const char *name, const char *description,
                                          int64_t now_ms);
/* With its versions, tags and aliases. */
int registered_models_sql_delete(struct db *db, const char *name);

int registered_models_sql_tag_set(struct db *db, const char *name, const char *key,
                                  const char *value);
int registered_models_sql_tag_delete(struct db *db, const char *name, const char *key);
/* DB_ROW when there, DB_DONE when not. */
int registered_models_sql_tag_has(struct db *db, const char *name, const char *key);
/* What permissions on it are on: a model or a prompt. */
const char *registered_models_sql_access_type(struct db *db, const char *name);
int registered_models_sql_check_access(struct db *db, struct refusal *r, const char *name);

int registered_models_sql_alias_set(struct db *db, const char *name, const char *alias,
                                    int64_t version);
int registered_models_sql_alias_delete(struct db *db, const char *name, const char *alias);
/* All aliases of one version. */
int registered_models_sql_aliases_delete_of(struct db *db, const char *name, int64_t version);
/* DB_ROW with *ret_version, DB_DONE, or -errno. */
int registered_models_sql_alias_get(struct db *db, const char *name, const char *alias,
                                    int64_t *ret_version);

/* key, value; alias, version; alias. Step them. */
struct db_stmt *registered_models_sql_tags(struct db *db, const char *name);
struct db_stmt *registered_models_sql_aliases(struct db *db, const char *name);
struct db_stmt *registered_models_sql_aliases_of(struct db *db, const char *name, int64_t version);
