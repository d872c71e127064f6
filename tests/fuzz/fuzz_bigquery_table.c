/* fuzz_bigquery_table: a name is one or none, its URL has only what a URL may have; an answer is
 * read or refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/gcp/bigquery_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_buf_ struct buf url = {};
        struct bigquery_table t;
        struct errmsg em = {};
        struct arena a;
        char *name;

        arena_init(&a, 0);
        name = arena_strndup(&a, (const char *) data, size);
        if (bigquery_table_url("http://h", name, &url) == 0) {
                if (!bigquery_table_is_name(name))
                        abort();
                for (size_t i = 0; i < url.len; i++)
                        if (url.data[i] <= ' ' || url.data[i] == '#' || url.data[i] == 0x7f)
                                abort();
        }
        if (bigquery_table_parse(&a, (const char *) data, size, &t, &em) == 0 &&
            (t.size_bytes < -1 || t.n_rows < -1))
                abort();
        (void) bigquery_table_reason(&a, (const char *) data, size);
        arena_done(&a);
        return 0;
}
