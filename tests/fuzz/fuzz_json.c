/* fuzz_json: whatever parses is written and parsed again to the same text. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_tree(struct buf *out, const struct json *tree, unsigned flags) {
        struct json_write w;

        json_write_init(&w, out, flags);
        json_write_node(&w, tree);
        if (json_write_finish(&w) < 0)
                abort();
}

static void check_round_trip(struct arena *a, const struct json *tree, unsigned flags) {
        _cleanup_buf_ struct buf once = {}, twice = {};
        struct json *again;

        write_tree(&once, tree, flags);
        if (json_parse_copy(a, once.data, once.len, &again, NULL) < 0)
                abort();
        write_tree(&twice, again, flags);
        if (once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_done) struct arena a;
        struct errmsg em = {};
        struct json *tree, *python;
        double f;
        int64_t i;

        int r;

        arena_init(&a, 0);
        r = json_parse_python_copy(&a, (const char *) data, size, &python, NULL);
        if (json_parse_copy(&a, (const char *) data, size, &tree, &em) < 0) {
                if (!em.text[0])
                        abort();
                return 0;
        }
        if (r < 0) /* Python takes more */
                abort();
        (void) json_f64(tree, &f);
        (void) json_i64(json_first(tree), &i);
        check_round_trip(&a, tree, 0);
        check_round_trip(&a, tree, JSON_WRITE_PRETTY);
        check_round_trip(&a, tree, JSON_WRITE_ASCII | JSON_WRITE_SPACED);
        return 0;
}
