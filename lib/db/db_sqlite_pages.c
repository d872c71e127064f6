#include "lib/db/db_sqlite_pages.h"

#include <assert.h>

#include "lib/db/db.h"

int db_sqlite_pages_limit(sqlite3 *sqlite, unsigned flags) {
        return sqlite3_exec(sqlite,
                            !(flags & DB_FEW_PAGES) ? "PRAGMA cache_size=-4096" /* KiB */
                            : flags & DB_READ_ONLY  ? "PRAGMA cache_size=-256"
                                                    : "PRAGMA cache_size=-1024",
                            NULL, NULL, NULL);
}

static int used_bytes(sqlite3 *sqlite) {
        int bytes = 0, highest;
        int rc = sqlite3_db_status(sqlite, SQLITE_DBSTATUS_CACHE_USED, &bytes, &highest, 0);

        assert(rc == SQLITE_OK);
        (void) rc;
        return bytes;
}

size_t db_sqlite_pages_trim(sqlite3 *sqlite) {
        int before = used_bytes(sqlite), after;

        (void) sqlite3_db_release_memory(sqlite);
        after = used_bytes(sqlite);
        return (size_t) MAX(before - after, 0);
}
