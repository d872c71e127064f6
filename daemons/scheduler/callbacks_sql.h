/* callbacks_sql.h: the table callbacks: what has to be told, from the transaction in which it
 * happened until it was told. Threads: the connection's. */
#pragma once

#include "lib/base/macros.h"
#include "lib/db/db.h"

extern const struct db_set callbacks_sql_set;

struct callbacks_sql_row {
        int64_t id, dag_run;
        const char *task_id; /* NULL: of the run */
        int map_index;
        const char *event, *kind, *text, *facts;
        const char *user;   /* or NULL */
        const char *try_id; /* that tells it; NULL when it has not begun */
        usec_t at;
};

int callbacks_sql_insert(struct db *db, const struct callbacks_sql_row *row);
/* Those that have not begun, or those whose try has. Columns dag_run, task_id, map_index, event and
 * at are not filled. Until `each` answers non-zero. */
int callbacks_sql_open(struct db *db, bool started, size_t limit,
                       int (*each)(void *ctx, const struct callbacks_sql_row *row), void *ctx);
int callbacks_sql_start(struct db *db, int64_t id, const char *try_id);
int callbacks_sql_finish(struct db *db, const char *try_id);
