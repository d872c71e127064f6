/* fuzz_gitsync_source: addresses, branches, ls-remote's answer, keys and reasons: the first byte
 * says what the rest is. */
#include <stdlib.h>
#include <string.h>

#include "daemons/gitsync/gitsync_source.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const char *text) {
        char host[GITSYNC_HOST_SIZE];
        enum gitsync_scheme scheme;
        struct errmsg em = {};

        if (gitsync_source_parse(text, &scheme, host, &em) < 0) {
                if (!em.text[0])
                        abort();
        } else if (*text == '-' || *host == '-' || (scheme != GITSYNC_FILE && !*host)) {
                abort(); /* would be an option, or nowhere */
        }
}

static void check_refs(const char *text) {
        char commit[GITSYNC_COMMIT_SIZE], ref[GITSYNC_REF_SIZE];
        static const char *const wanted[] = {"main", "v1", NULL};

        for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
                if (gitsync_source_find_ref(text, wanted[i], commit, ref, NULL) == 0 &&
                    (!gitsync_source_is_commit(commit) || strchr(ref, '^')))
                        abort();
}

static void check_key(const char *text, size_t size) {
        char *key = NULL, *again = NULL;
        unsigned changes;

        if (gitsync_source_key(text, size, &key, &changes, NULL) < 0)
                return;
        if (strchr(key, '\r') || key[strlen(key) - 1] != '\n')
                abort();
        /* what is mended needs no mending */
        if (gitsync_source_key(key, strlen(key), &again, &changes, NULL) < 0 || changes != 0 ||
            strcmp(key, again) != 0)
                abort();
        mem_free(again);
        mem_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = size > 0 ? mem_strndup((const char *) data + 1, size - 1) : NULL;
        struct errmsg em = {};
        char *path = NULL;

        if (!text)
                return 0;
        switch (data[0] % 5) {
        case 0:
                check_address(text);
                break;
        case 1:
                check_refs(text);
                break;
        case 2:
                check_key((const char *) data + 1, size - 1);
                break;
        case 3:
                if (gitsync_source_subpath(text, &path, NULL) == 0 &&
                    (*path == '/' || *path == '-'))
                        abort();
                mem_free(path);
                if (gitsync_source_check_ref(text, NULL) == 0 &&
                    (*text == '-' || strstr(text, "..")))
                        abort();
                break;
        default:
                gitsync_source_reason(text, "host", "/hosts", &em);
                if (!em.text[0])
                        abort();
        }
        mem_free(text);
        return 0;
}
