/* fuzz_db_uri: what parses has parts that stand in it, a hidden password is hidden, and a URI that
 * got a password gives it back. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_password(const char *uri, const struct db_uri *u) {
        static const char secret[] = "s:e/c@r%e?t&+ ";
        char *with = db_uri_with_password(uri, secret), *shown = db_uri_redact(with ? with : "");
        struct db_uri again = {};

        if (!with || !shown)
                abort();
        if (!u->password && u->user && !strchr(strstr(uri, "://") + 3, '@'))
                abort(); /* a user without an @ */
        if (strcmp(with, uri) != 0) {
                if (db_uri_parse(with, NULL, &again) != 0 || !str_eq(again.password, secret) ||
                    !str_eq(again.host, u->host) || !str_eq(again.database, u->database))
                        abort();
                if (strstr(shown, "s%3Ae"))
                        abort();
                db_uri_done(&again);
        }
        mem_free(with);
        mem_free(shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = mem_strndup((const char *) data, size);
        struct errmsg em = {};
        struct db_uri u = {};

        if (text && db_uri_parse(text, &em, &u) == 0) {
                if (u.n_params > DB_URI_PARAMS_MAX || u.port < 0 || u.port > 65535)
                        abort();
                for (size_t i = 0; i < u.n_params; i++)
                        if (!db_uri_get(&u, u.params[i].name))
                                abort();
                (void) db_uri_socket(&u);
                (void) db_uri_is_local(&u);
                check_password(text, &u);
                db_uri_done(&u);
        } else if (text) {
                mem_free(db_uri_redact(text));
        }
        mem_free(text);
        return 0;
}
