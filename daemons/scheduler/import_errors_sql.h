/* import_errors_sql.h: the table import_errors: what is wrong in pipeline files now. An error that
 * stays keeps its id and its time. Threads: the connection's. */
#pragma once

#include "lib/base/macros.h"
#include "lib/db/db.h"

struct arena;

extern const struct db_set import_errors_sql_set;

struct import_errors_sql_row {
        int64_t id;
        const char *filename, *message; /* in the reader's arena */
        usec_t at;
};

/* The errors are exactly these now; only filename and message of the rows are read. */
int import_errors_sql_replace(struct db *db, const struct import_errors_sql_row *rows, size_t n,
                              usec_t now);

int import_errors_sql_list(struct db *db, int64_t limit, int64_t offset, struct arena *a,
                           struct import_errors_sql_row **ret, size_t *ret_n, int64_t *ret_total);
/* 0, or 1 when there is none. */
int import_errors_sql_get(struct db *db, int64_t id, struct arena *a,
                          struct import_errors_sql_row *ret);
