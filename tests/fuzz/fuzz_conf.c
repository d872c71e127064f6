/* fuzz_conf: any text is taken or refused with words; what is taken can be freed. */
#include <stdlib.h>

#include "lib/base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sample {
        char *name;
        bool flag;
        uint64_t number;
        usec_t span;
        uint64_t size;
        char **list;
};

/* clang-format off */
static const struct conf_key keys[] = {
        CONF_ROW(struct sample, web, name, STRING, "x", "a text")
        CONF_ROW(struct sample, web, flag, BOOL, "yes", "a flag")
        CONF_ROW(struct sample, web, number, UINT, "4", "a number")
        CONF_ROW(struct sample, onebox, span, SPAN, "15s", "a span")
        CONF_ROW(struct sample, onebox, size, SIZE, "64M", "a size")
        CONF_ROW(struct sample, onebox, list, LIST, "a b", "words")
};
/* clang-format on */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const struct conf_table table = {keys, ARRAY_SIZE(keys)};
        struct errmsg em = {};
        struct sample s = {};

        if (conf_defaults(&table, &s, NULL) < 0)
                abort();
        if (conf_parse(&table, (const char *) data, size, "f", &s, &em) < 0 && !em.text[0])
                abort();
        if (!s.name)
                abort();
        conf_done(&table, &s);
        return 0;
}
