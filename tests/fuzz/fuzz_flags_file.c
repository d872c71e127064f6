/* fuzz_flags_file: a configuration file in each of its languages. */
#include <stdlib.h>

#include "daemons/sqlproxy/flags_file.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void free_value(void *v) {
        mem_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const kinds[] = {"toml", "yaml", "json"};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                struct errmsg em = {};
                struct strmap m;

                strmap_init(&m, free_value);
                if (flags_file_parse(kinds[i], (const char *) data, size, "f", &m, &em) < 0 &&
                    !em.text[0])
                        abort();
                strmap_done(&m);
        }
        return 0;
}
