/* A pattern of matchGlob, a line break, a name: whatever both are, it ends, and soon. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/bucketd/glob_match.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = mem_alloc(size + 1);
        char *name;

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = 0;
        name = strchr(text, '\n');
        if (name)
                *name++ = 0;
        if (glob_match_check(text) < 0)
                return 0;
        (void) glob_match(text, name ? name : "");
        /* Everything is "**", and a name without any of the signs is itself. */
        if (name && !glob_match("**", name))
                abort();
        if (name && *name && !strpbrk(name, "*?[]{}\\,!") && strlen(name) <= GLOB_MATCH_MAX &&
            (glob_match_check(name) < 0 || !glob_match(name, name)))
                abort();
        return 0;
}
