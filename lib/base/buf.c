/* buf: see buf.h. Invariant: data is NULL, or len < cap and data[len] is NUL. */
#include "lib/base/buf.h"

#include <errno.h>
#include <stdio.h>

#include "lib/base/mem.h"

#define FIRST_CAP ((size_t) 64)
#define WIPE_MAX ((size_t) 64 * 1024) /* what is larger is no password */

void buf_init(struct buf *b, size_t limit) {
        *b = (struct buf){.limit = limit};
}

void buf_done(struct buf *b) {
        if (b->cap <= WIPE_MAX)
                mem_free_secret(b->data, b->cap);
        else
                mem_free(b->data);
        *b = (struct buf){.limit = b->limit};
}

/* realloc() would leave a copy behind. */
static char *grow(const struct buf *b, size_t cap) {
        char *data;

        if (!b->data || b->cap > WIPE_MAX)
                return mem_realloc(b->data, cap);
        data = mem_alloc(cap);
        if (data) {
                memcpy(data, b->data, b->len);
                mem_free_secret(b->data, b->cap);
        }
        return data;
}

void buf_reset(struct buf *b) {
        b->len = 0;
        b->error = 0;
        if (b->data)
                b->data[0] = 0;
}

void buf_trim(struct buf *b, size_t keep_bytes) {
        if (b->cap > keep_bytes)
                buf_done(b);
        else
                buf_reset(b);
}

int buf_reserve(struct buf *b, size_t n) {
        size_t cap;
        char *data;

        if (b->error)
                return b->error;
        if (b->limit && (n > b->limit || b->len > b->limit - n))
                return b->error = -E2BIG;
        if (b->cap > b->len && n < b->cap - b->len)
                return 0;
        if (n > SIZE_MAX / 2 || b->len > SIZE_MAX / 2 - n - 1)
                return b->error = -ENOMEM;
        cap = MAX(MAX(b->len + n + 1, b->cap * 2), FIRST_CAP);
        data = grow(b, cap);
        if (!data)
                return b->error = -ENOMEM;
        b->data = data;
        b->cap = cap;
        b->data[b->len] = 0;
        return 0;
}

int buf_add_slow(struct buf *b, const void *p, size_t n) {
        int r = buf_reserve(b, n);

        if (r < 0)
                return r;
        if (n > 0)
                memcpy(b->data + b->len, p, n);
        b->len += n;
        b->data[b->len] = 0;
        assert(b->len < b->cap);
        return 0;
}

int buf_add_char(struct buf *b, char c) {
        return buf_add(b, &c, 1);
}

int buf_add_fill(struct buf *b, char c, size_t n) {
        int r = buf_reserve(b, n);

        if (r < 0)
                return r;
        memset(b->data + b->len, c, n);
        b->len += n;
        b->data[b->len] = 0;
        return 0;
}

int buf_add_str(struct buf *b, const char *s) {
        return buf_add(b, s, strlen(s));
}

int buf_add_markup(struct buf *b, const char *text) {
        for (; *text; text++)
                switch (*text) {
                case '<':
                        buf_add_lit(b, "&lt;");
                        break;
                case '>':
                        buf_add_lit(b, "&gt;");
                        break;
                case '&':
                        buf_add_lit(b, "&amp;");
                        break;
                case '"':
                        buf_add_lit(b, "&quot;");
                        break;
                case '\'':
                        buf_add_lit(b, "&#39;");
                        break;
                default:
                        buf_add_char(b, *text);
                }
        return buf_error(b);
}

int buf_printf(struct buf *b, const char *fmt, ...) {
        va_list ap;
        int r;

        va_start(ap, fmt);
        r = buf_vprintf(b, fmt, ap);
        va_end(ap);
        return r;
}

int buf_vprintf(struct buf *b, const char *fmt, va_list ap) {
        va_list again;
        int n, r;

        va_copy(again, ap);
        n = vsnprintf(NULL, 0, fmt, ap);
        r = n < 0 ? (b->error = -EINVAL) : buf_reserve(b, (size_t) n);
        if (r >= 0) {
                (void) vsnprintf(b->data + b->len, (size_t) n + 1, fmt, again);
                b->len += (size_t) n;
        }
        va_end(again);
        return r;
}

void buf_consume(struct buf *b, size_t n) {
        assert(n <= b->len);
        if (n == 0)
                return;
        b->len -= n;
        memmove(b->data, b->data + n, b->len + 1);
}

void buf_truncate(struct buf *b, size_t len) {
        assert(len <= b->len);
        b->len = len;
        if (b->data)
                b->data[len] = 0;
}

char *buf_take(struct buf *b, size_t *ret_len) {
        char *data;

        if (buf_reserve(b, 0) < 0)
                return NULL;
        data = TAKE_PTR(b->data);
        if (ret_len)
                *ret_len = b->len;
        *b = (struct buf){.limit = b->limit};
        return data;
}
