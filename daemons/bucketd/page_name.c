#include "daemons/bucketd/page_name.h"

#include <errno.h>
#include <string.h>

#include "lib/base/base64.h"
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
