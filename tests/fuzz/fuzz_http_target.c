/* fuzz_http_target: what a request says of where and how: target, query, route, Host, Origin,
 * Range, entity tags, encodings, networks. The first byte chooses; decoding must agree with
 * encoding. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/mem.h"
#include "lib/base/utf8.h"
#include "lib/net/http_cidr.h"
#include "lib/net/http_gzip.h"
#include "lib/net/http_host.h"
#include "lib/net/http_query.h"
#include "lib/net/http_range.h"
#include "lib/net/http_route.h"
#include "lib/net/http_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int handle(struct http_request *req) {
        return 0;
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_GET, "/", handle, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/api/2.0/mlflow/runs/get", handle, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/api/{version}/x", handle, 0, 0),
        HTTP_ROUTE(HTTP_ANY, "/a/{b}/{c}/{d...}", handle, 0, 0),
        HTTP_ROUTE(HTTP_PUT, "/a/{b}/x/y", handle, 0, 0),
};

static void fuzz_route(char *path) {
        static struct http_route_table *table;
        struct http_route_match m;
        char allowed[64];
        int r;

        if (!table)
                assert(http_route_table_new(rows, sizeof rows / sizeof *rows, &table, NULL) == 0);
        r = http_route_find(table, HTTP_GET, path, &m);
        if (r == 0)
                for (size_t i = 0; i < m.n_params; i++)
                        assert(m.params[i].value >= path && m.params[i].value_size > 0 &&
                               m.params[i].value + m.params[i].value_size <= path + strlen(path));
        http_route_allowed(table, path, allowed, sizeof allowed);
        assert((r == -ENOENT) == (*allowed == '\0'));
}

static void fuzz_target(char *text) {
        char *path, *query;
        struct http_query_pair *pairs;
        struct arena a;
        size_t n;

        if (http_target_split(text, &path, &query) < 0)
                return;
        fuzz_route(path);
        arena_init(&a, 0);
        if (http_query_parse(query, &a, &pairs, &n) == 0)
                for (size_t i = 0; i < n; i++)
                        assert(utf8_valid(pairs[i].key, strlen(pairs[i].key)) &&
                               utf8_valid(pairs[i].value, strlen(pairs[i].value)));
        arena_done(&a);
}

/* What decodes must come out of encoding and decoding again unchanged. */
static void fuzz_decode(const char *text, size_t size) {
        char *once = malloc(size + 1), *encoded = malloc(3 * size + 1),
             *twice = malloc(3 * size + 1);
        ssize_t n;

        assert(once && encoded && twice);
        n = http_target_decode(once, text, size, false);
        if (n >= 0) {
                size_t k = http_target_encode(encoded, once, (size_t) n, "/");

                assert(http_target_decode(twice, encoded, k, false) == n);
                assert(memcmp(once, twice, (size_t) n) == 0);
        }
        free(once);
        free(encoded);
        free(twice);
}

static void fuzz_headers(const char *text) {
        struct http_cidr_list l;
        uint64_t first = 0, last = 0;

        if (http_range_parse(text, 1000, &first, &last) == HTTP_RANGE_PART)
                assert(first <= last && last < 1000);
        (void) http_range_etag_matches(text, "abc");
        (void) http_gzip_accepted(text);
        (void) http_gzip_worthwhile(text);
        (void) http_host_allowed(text, "a.b .c.d:80");
        (void) http_host_allowed("a.b:80", text);
        (void) http_host_origin_allowed(HTTP_POST, "a.b", text, NULL, "x");
        if (http_cidr_parse_list(text, &l) == 0)
                assert(l.n <= HTTP_CIDR_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text;

        if (size == 0)
                return 0;
        text = mem_strndup((const char *) data + 1, size - 1);
        if (!text)
                return 0;
        if (data[0] % 3 == 0)
                fuzz_target(text);
        else if (data[0] % 3 == 1)
                fuzz_headers(text);
        else
                fuzz_decode((const char *) data + 1, size - 1);
        mem_free(text);
        return 0;
}
