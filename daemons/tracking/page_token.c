#include "daemons/tracking/page_token.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/json.h"
#include "lib/base/str.h"

int page_token_parse(const char *token, struct refusal *r, int64_t *ret_offset) {
        _cleanup_buf_ struct buf text = {};
        struct json *root = NULL;
        const struct json *offset;
        const char *digits;
        int64_t n = 0;
        int x;

        if (str_empty(token)) {
                *ret_offset = 0;
                return 0;
        }
        x = base64_decode(&text, token, strlen(token), 0);
        if (x == -ENOMEM)
                return x;
        if (x < 0)
                return refusal_invalid(r, "Invalid page token, could not base64-decode");
        x = json_parse_copy(r->arena, buf_cstr(&text), text.len, &root, NULL);
        if (x == -ENOMEM)
                return x;
        if (x < 0)
                return refusal_invalid(r, "Invalid page token: '%s' is not one this server gave",
                                       token);
        offset = json_get(root, "offset");
        if (json_str(offset, &digits) == 0)
                x = str_to_i64(digits, &n);
        else
                x = json_i64(offset, &n);
        if (x != 0 || n <= 0)
                return refusal_invalid(r, "Invalid page token: '%s' has no offset", token);
        *ret_offset = n;
        return 0;
}

const char *page_token_print(struct arena *a, int64_t offset) {
        _cleanup_buf_ struct buf token = {};
        char text[64];
        int n = snprintf(text, sizeof(text), "{\"offset\": %" PRId64 "}", offset);

        if (base64_encode(&token, text, (size_t) n, 0) < 0)
                return NULL;
        return arena_strndup(a, buf_cstr(&token), token.len);
}

int page_token_write_next(struct json_write *w, struct arena *a, int64_t next_offset) {
        const char *token = page_token_print(a, next_offset);

        if (!token)
                return -ENOMEM;
        json_write_kv_str(w, "next_page_token", token);
        return 0;
}

int page_token_write(struct json_write *w, struct arena *a, bool has_more, int64_t next_offset) {
        if (has_more)
                return page_token_write_next(w, a, next_offset);
        json_write_kv_str(w, "next_page_token", "");
        return 0;
}
