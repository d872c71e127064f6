#include "daemons/bucketd/page_name.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

const char *page_name_print(struct arena *a, const char *name) {
        _cleanup_buf_ struct buf text = {};

        if (base64_encode(&text, name, strlen(name), BASE64_URL) < 0)
                return NULL;
        return arena_strdup(a, buf_cstr(&text));
}

int page_name_parse(struct arena *a, const char *token, const char **ret) {
        _cleanup_buf_ struct buf name = {};
        int r = base64_decode(&name, token, strlen(token), BASE64_URL);

        if (r < 0)
                return r;
        if (memchr(buf_cstr(&name), 0, name.len) || !utf8_valid(buf_cstr(&name), name.len))
                return -EINVAL;
        *ret = arena_strdup(a, buf_cstr(&name));
        return *ret ? 0 : -ENOMEM;
}

const char *page_name_join(struct arena *a, const char *name, int64_t generation) {
        return arena_printf(a, "%s\n%" PRId64, name, generation);
}

int page_name_split(struct arena *a, const char *text, const char **ret_name,
                    int64_t *ret_generation) {
        const char *end = strchr(text, '\n'), *name = text;
        int64_t generation = 0;

        if (end && (str_to_i64(end + 1, &generation) < 0 || generation <= 0))
                return -EINVAL;
        if (end)
                name = arena_strndup(a, text, (size_t) (end - text));
        if (!name)
                return -ENOMEM;
        *ret_name = name;
        *ret_generation = generation;
        return 0;
}
