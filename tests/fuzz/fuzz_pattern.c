/* fuzz_pattern: a pattern, a line break, a text. It is read or refused, and the search ends. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *pattern = mem_alloc(size + 1);
        struct pattern *p = NULL;
        const char *text;

        if (!pattern)
                return 0;
        memcpy(pattern, data, size);
        pattern[size] = 0;
        text = memchr(pattern, '\n', size);
        if (text)
                pattern[text - pattern] = 0;
        text = text ? text + 1 : pattern;
        if (pattern_compile(pattern, &p) < 0)
                return 0;
        /* Nothing is found everywhere. */
        if (!pattern_search(p, text, (size_t) (pattern + size - text)) && !*pattern)
                abort();
        pattern_free(p);
        return 0;
}
