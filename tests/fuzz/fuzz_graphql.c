/* fuzz_graphql: whatever a GraphQL request is, its answer is JSON with data and errors. What
 * follows the first NUL are its variables. */
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/graphql_run.h"
#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ask(void *ctx, int (*asked)(struct ask *q), const struct json *input, struct refusal *r,
               const struct json **ret) {
        static const char text[] =
                "{\"run\":{\"info\":{\"run_id\":\"x\"},\"data\":{\"metrics\":[{"
                "\"value\":\"NaN\"}]}},\"runs\":[{},{}],\"model_versions\":[{}]}";
        struct json *root;

        if (json_get(input, "filter"))
                return refusal_invalid(r, "no");
        if (json_parse_copy(r->arena, text, strlen(text), &root, NULL) < 0)
                return -1;
        *ret = root;
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct graphql_run run = {.ask = ask};
        struct json *variables = NULL, *answer;
        struct buf out = {};
        struct arena a;
        const char *more;
        char *query;

        if (size > 16384 || !utf8_valid((const char *) data, size))
                return 0;
        arena_init(&a, (size_t) 64 << 20);
        query = arena_memdup(&a, data, size);
        run.arena = &a;
        run.query = query;
        more = memchr(query, 0, size);
        if (more && more + 1 < query + size &&
            json_parse_copy(&a, more + 1, (size_t) (query + size - more - 1), &variables, NULL) ==
                    0)
                run.variables = variables;
        if (graphql_run(&run, &out) == 0) {
                if (json_parse_copy(&a, buf_cstr(&out), out.len, &answer, NULL) < 0 ||
                    !json_get(answer, "data") || !json_get(answer, "errors"))
                        abort();
        }
        buf_done(&out);
        arena_done(&a);
        return 0;
}
