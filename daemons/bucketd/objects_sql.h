/* objects_sql.h: the rows of objects, in the order of their names' bytes. */
#pragma once

#include "daemons/bucketd/object.h"
#include "lib/db/db.h"

extern const struct db_set objects_sql_set;

/* 1 with *ret (its bucket's name is the caller's to set), 0 when there is none, or -errno. */
int objects_sql_get(struct db *db, struct arena *a, int64_t bucket, const char *name,
                    struct object *ret);
/* The same of a generation that is no longer live. */
int objects_sql_get_version(struct db *db, struct arena *a, int64_t bucket, const char *name,
                            int64_t generation, struct object *ret);
int objects_sql_put(struct db *db, struct arena *a, int64_t bucket, const struct object *o);
/* Keeps the live one as a version; its segments stay held. The caller replaces or deletes it. */
int objects_sql_archive(struct db *db, int64_t bucket, const char *name, usec_t deleted_at);
/* Of o as it was read: live, or a version. */
int objects_sql_set_attributes(struct db *db, int64_t bucket, const struct object *o);
int objects_sql_delete(struct db *db, int64_t bucket, const struct object *o);
/* The newest generation among the versions; 0: there is none. */
int objects_sql_last_version(struct db *db, int64_t bucket, const char *name, int64_t *ret);
/* Has the bucket an object, or a version of one? 1, 0 or -errno. */
int objects_sql_any(struct db *db, int64_t bucket);

enum objects_sql_with { OBJECTS_SQL_LIVE, OBJECTS_SQL_FOLDERS, OBJECTS_SQL_VERSIONS };

/* Walks from the first name that is not before `from`: db_step() the statement, then read its row.
 * db_reset() it at the end. */
struct db_stmt *objects_sql_from(struct db *db, int64_t bucket, const char *from,
                                 enum objects_sql_with with);
const char *objects_sql_row_name(struct db_stmt *s);
int64_t objects_sql_row_generation(struct db_stmt *s);
bool objects_sql_row_is_folder(struct db_stmt *s);
int objects_sql_row(struct db_stmt *s, struct arena *a, struct object *ret);
