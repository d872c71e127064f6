/* fuzz_artifact_path: no path that passes leads out of the store. */
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/artifact_uri.h"
#include "lib/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_stays(const char *name) {
        const char *word;
        size_t len;

        if (*name == '/')
                abort();
        while (str_word(&name, "/", &word, &len))
                if (len == 2 && !memcmp(word, "..", 2))
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct refusal r = {};
        struct arena a;
        const char *path, *name;
        char *text;

        arena_init(&a, 0);
        r.arena = &a;
        text = arena_strndup(&a, (const char *) data, size);
        if (text && artifact_uri_check_path(&r, text, &path) == 0) {
                name = artifact_uri_join(&a, "root", path);
                if (!name || strncmp(name, "root", 4))
                        abort();
                check_stays(name);
                check_stays(artifact_uri_join(&a, path, NULL));
        }
        if (text) {
                (void) artifact_uri_store_name(&a, text, NULL);
                (void) artifact_uri_append(&a, text, "x");
        }
        arena_done(&a);
        return 0;
}
