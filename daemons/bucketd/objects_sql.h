/* objects_sql.h: the rows of objects, in the order of their names' bytes. */
#pragma once

#include "daemons/bucketd/object.h"
#include "lib/db/db.h"

extern const struct db_set objects_sql_set;

/* 1 with *ret (its bucket's name is the caller's to set), 0 when there is none, or -errno. */
int objects_sql_get(struct db *db, struct arena *a, int64_t bucket, const char *name,
                    struct object *ret);
int objects_sql_put(struct db *db, struct arena *a, int64_t bucket, const struct object *o);
int objects_sql_set_attributes(struct db *db, int64_t bucket, const struct object *o);
int objects_sql_delete(struct db *db, int64_t bucket, const char *name);
/* Has the bucket an object? 1, 0 or -errno. */
int objects_sql_any(struct db *db, int64_t bucket);

/* Walks from the first name that is not before `from`: db_step() the statement, then read its row.
 * db_reset() it at the end. */
struct db_stmt *objects_sql_from(struct db *db, int64_t bucket, const char *from,
                                 bool with_folders);
const char *objects_sql_row_name(struct db_stmt *s);
bool objects_sql_row_is_folder(struct db_stmt *s);
int objects_sql_row(struct db_stmt *s, struct arena *a, struct object *ret);
