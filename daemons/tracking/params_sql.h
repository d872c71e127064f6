/* params_sql.h: the rows of params, which never change. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set params_sql_set;

/* The statement of a run's params: key, value. Step it. */
struct db_stmt *params_sql_list(struct db *db, const char *run_id);

enum { PARAMS_SQL_DIFFERS = 2 };

/* 0: it stands there with this value; PARAMS_SQL_DIFFERS: with another, in *ret_old (arena);
 * -errno. */
int params_sql_insert(struct db *db, const char *run_id, const char *key, const char *value,
                      struct arena *a, const char **ret_old);
