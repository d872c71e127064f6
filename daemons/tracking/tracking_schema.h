/* tracking_schema.h: MLflow's tables: made when the database is new, checked when it is not. */
#pragma once

#include "lib/base/macros.h"

struct db;
struct errmsg;

/* Opens `uri` and makes what is missing: the directory of the file, all tables of MLflow's newest
 * revision, our indexes, the default experiment (its location is `artifact_root` + "/0"). -ENOTSUP:
 * a revision this program does not know; `em` names it and the command that mends it. */
int tracking_schema_open(const char *uri, const char *artifact_root, int64_t now_ms,
                         struct errmsg *em, struct db **ret_db);

/* The same, and closes it again. */
int tracking_schema_ensure(const char *uri, const char *artifact_root, int64_t now_ms,
                           struct errmsg *em);

/* All tables and indexes with nothing in them, by their statements. */
int tracking_schema_make(const char *uri, struct errmsg *em);

/* The revision of an open database, into `ret`. -ENOTSUP as above; -ENODATA: no tables yet. */
int tracking_schema_check(struct db *db, struct errmsg *em, char *ret, size_t size);

/* The file's path in a sqlite: URI; NULL for others and for one in memory. */
const char *tracking_schema_path(const char *uri);
