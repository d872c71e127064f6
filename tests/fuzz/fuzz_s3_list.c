/* fuzz_s3_list: listings and errors of any kind; what is taken is in order and fits. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/store/s3_config.h"
#include "lib/store/s3_list.h"
#include "lib/store/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *) data ?: "";
        struct s3_list_page page = {};
        struct arena arena;
        char code[32];

        arena_init(&arena, 64 << 20);
        if (s3_list_parse(&arena, text, size, &page) == 0)
                for (size_t i = 0; i < page.n; i++)
                        if (!page.entries[i].name ||
                            (i > 0 && strcmp(page.entries[i - 1].name, page.entries[i].name) > 0))
                                abort();
        (void) s3_xml_find(text, size, "Code", code, sizeof code);
        arena_done(&arena);
        return 0;
}
