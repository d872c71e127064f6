/* Queries. */
#include "lib/net/http_query.h"

#include <errno.h>
#include <string.h>

#include "lib/net/http_target.h"

static size_t http_query_count(const char *p) {
        size_t n = 0;

        while (*p) {
                size_t size = strcspn(p, "&");

                n += size > 0;
                p += size + (p[size] == '&');
        }
        return n;
}

static int http_query_parse_pair(const char *p, size_t size, struct arena *arena,
                                 struct http_query_pair *ret) {
        size_t key_size = strcspn(p, "=&"), value_at = MIN(key_size + 1, size);
        char *text = arena_alloc(arena, size + 2);

        if (!text)
                return -ENOMEM;
        if (http_target_decode_query(text, p, key_size) < 0 ||
            http_target_decode_query(text + key_size + 1, p + value_at, size - value_at) < 0)
                return -EINVAL;
        ret->key = text;
        ret->value = text + key_size + 1;
        return 0;
}

int http_query_parse(const char *text, struct arena *arena, struct http_query_pair **ret,
                     size_t *ret_n) {
        size_t n_max = http_query_count(text), n = 0;
        struct http_query_pair *pairs;

        if (n_max > HTTP_QUERY_PAIRS_MAX)
                return -E2BIG;
        pairs = arena_zalloc_array(arena, n_max + 1, sizeof *pairs);
        if (!pairs)
                return -ENOMEM;
        for (const char *p = text; *p;) {
                size_t size = strcspn(p, "&");
                int r = size > 0 ? http_query_parse_pair(p, size, arena, &pairs[n++]) : 0;

                if (r < 0)
                        return r;
                p += size + (p[size] == '&');
        }
        assert(n == n_max);
        *ret = pairs;
        *ret_n = n;
        return 0;
}
