#include "lib/db/db_sqlite_regexp.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "lib/base/pattern.h"

static void forget(void *p) {
        pattern_free(p);
}

/* NULL is not found anywhere, and nothing is by what cannot be read as a pattern. The pattern is
 * read once a statement: SQLite keeps it with the argument. */
static void answer(sqlite3_context *call, int n, sqlite3_value **values) {
        struct pattern *p = sqlite3_get_auxdata(call, 0);
        const char *text = (const char *) sqlite3_value_text(values[1]);
        const char *source = (const char *) sqlite3_value_text(values[0]);
        int r = 0;

        assert(n == 2);
        (void) n;
        if (!p && source) {
                r = pattern_compile(source, &p);
                if (r == -ENOMEM) {
                        sqlite3_result_error_nomem(call);
                        return;
                }
                if (r < 0)
                        p = NULL;
                else
                        sqlite3_set_auxdata(call, 0, p, forget);
                p = sqlite3_get_auxdata(call, 0);
        }
        sqlite3_result_int(
                call,
                p && text && pattern_search(p, text, (size_t) sqlite3_value_bytes(values[1])));
}

int db_sqlite_regexp_init(sqlite3 *sqlite) {
        return sqlite3_create_function_v2(sqlite, "regexp", 2,
                                          SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                                          NULL, answer, NULL, NULL, NULL);
}
