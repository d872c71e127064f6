#include "lib/db/db_sqlite_pick.h"

#include <assert.h>

static void answer(sqlite3_context *call, int n, sqlite3_value **values) {
        const struct db_sqlite_pick *p = sqlite3_user_data(call);
        const char *text = (const char *) sqlite3_value_text(values[0]);

        assert(p && n == 1);
        (void) n;
        sqlite3_result_int(call,
                           text && p->pick &&
                                   p->pick(p->ctx, text, (size_t) sqlite3_value_bytes(values[0])));
}

int db_sqlite_pick_init(struct db_sqlite_pick *p, sqlite3 *sqlite) {
        *p = (struct db_sqlite_pick){};
        return sqlite3_create_function_v2(sqlite, "onebox_pick", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                          p, answer, NULL, NULL, NULL);
}
