/* folders_sql.h: the rows of folders, and what lies below one. Names end in "/". */
#pragma once

#include "lib/base/arena.h"
#include "lib/db/db.h"

extern const struct db_set folders_sql_set;

struct folder {
        const char *name;
        int64_t metageneration;
        usec_t created_at, updated_at;
};

/* 1, 0 when there is none, or -errno. */
int folders_sql_get(struct db *db, int64_t bucket, const char *name, struct folder *ret);
/* 0, DB_CONFLICT when it is there, or -errno. */
int folders_sql_insert(struct db *db, int64_t bucket, const char *name, usec_t at);
int folders_sql_delete(struct db *db, int64_t bucket, const char *name);
/* Is there an object or a folder below it? The object of just its name does not count. */
int folders_sql_is_full(struct db *db, struct arena *a, int64_t bucket, const char *name);
/* The folders a name is in, from the outermost: made where they are missing. */
int folders_sql_ensure(struct db *db, struct arena *a, int64_t bucket, const char *name, usec_t at);
/* The folder and everything below it, objects too, at once. */
int folders_sql_rename(struct db *db, struct arena *a, int64_t bucket, const char *from,
                       const char *to, usec_t at);
/* Walks the folders from `from` below `prefix`; db_step() it, read its row, db_reset() it. NULL:
 * out of memory. */
struct db_stmt *folders_sql_from(struct db *db, struct arena *a, int64_t bucket, const char *from,
                                 const char *prefix);
int folders_sql_row(struct db_stmt *s, struct arena *a, struct folder *ret);
