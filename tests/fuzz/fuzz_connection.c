/* fuzz_connection: what parses prints as a URI that parses to the same type. */
#include <stdlib.h>
#include <string.h>

#include "daemons/scheduler/connection.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = mem_strndup((const char *) data, size);
        struct connection c, again;
        struct errmsg em = {};
        struct buf uri = {};
        struct arena a;

        arena_init(&a, 0);
        if (connection_parse(text, &a, &c, &em) < 0) {
                if (!em.text[0])
                        abort();
        } else if (strspn(c.type, "abcdefghijklmnopqrstuvwxyz_") == strlen(c.type) &&
                   c.type[0] != '_' && (!c.host || !strstr(c.host, "://"))) {
                if (connection_print_uri(&c, &a, &uri) < 0 ||
                    connection_parse(buf_cstr(&uri), &a, &again, &em) < 0 ||
                    strcmp(c.type, again.type) != 0)
                        abort();
        }
        buf_done(&uri);
        arena_done(&a);
        mem_free(text);
        return 0;
}
