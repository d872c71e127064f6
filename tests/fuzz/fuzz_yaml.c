/* fuzz_yaml: whatever parses is a tree that JSON can write and read again. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/json_write.h"
#include "lib/base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_places(const struct json *j) {
        const struct json *child;

        if (yaml_line(j) == 0 || yaml_column(j) == 0 || yaml_key_line(j) == 0)
                abort();
        json_each (child, j)
                check_places(child);
}

static void check_writable(struct arena *a, const struct json *tree) {
        _cleanup_buf_ struct buf b = {};
        struct errmsg em = {};
        struct json_write w;
        struct json *again;

        json_write_init(&w, &b, 0);
        json_write_node(&w, tree);
        if (json_write_finish(&w) < 0 || json_parse(a, b.data, b.len, &again, &em) < 0)
                abort();
        if (again->type != tree->type || again->len != tree->len)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_done) struct arena a;
        struct errmsg em = {};
        struct json *tree;

        arena_init(&a, 0);
        if (yaml_parse(&a, (const char *) data, size, "f", &tree, &em) < 0) {
                if (!em.text[0])
                        abort();
                return 0;
        }
        check_places(tree);
        check_writable(&a, tree);
        return 0;
}
