#include "lib/db/db_sqlite_wal.h"

#include <assert.h>

enum { LIMIT = 8000 }; /* pages: 31 MiB */

static int on_commit(void *userdata, sqlite3 *sqlite, const char *name, int n_pages) {
        struct db_sqlite_wal *w = userdata;
        size_t left;

        assert(n_pages >= 0 && w->limit > 0);
        w->n_pages = (size_t) n_pages;
        /* The commit stands: what is not moved now is moved the next time. */
        if (w->n_pages >= w->limit)
                (void) db_sqlite_wal_checkpoint(sqlite, &left);
        return SQLITE_OK;
}

void db_sqlite_wal_init(struct db_sqlite_wal *w, sqlite3 *sqlite) {
        *w = (struct db_sqlite_wal){.limit = LIMIT};
        (void) sqlite3_wal_hook(sqlite, on_commit, w);
}

int db_sqlite_wal_checkpoint(sqlite3 *sqlite, size_t *ret_left) {
        int n_log = -1, n_moved = -1;
        int rc = sqlite3_wal_checkpoint_v2(sqlite, "main", SQLITE_CHECKPOINT_PASSIVE, &n_log,
                                           &n_moved);

        *ret_left = n_log > n_moved && n_moved >= 0 ? (size_t) (n_log - n_moved) : 0;
        return rc;
}
