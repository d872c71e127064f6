/* buf: growable bytes, always NUL-terminated once something was added.
 *
 * The first failure (-ENOMEM; -E2BIG over the limit) sticks: later additions do nothing and return
 * it, so a writer may add all its pieces and ask buf_error() once at the end. */
#pragma once

#include <stdarg.h>
#include <string.h>

#include "lib/base/macros.h"

struct buf {
        char *data;
        size_t len;
        size_t cap;   /* bytes allocated; len < cap when data is set */
        size_t limit; /* greatest len; 0: none */
        int error;
};

/* struct buf b = {}; is as good. */
void buf_init(struct buf *b, size_t limit);
void buf_done(struct buf *b);
/* Empty again, memory kept, error forgotten. */
void buf_reset(struct buf *b);
/* Empty again with at most keep_bytes of memory kept. */
void buf_trim(struct buf *b, size_t keep_bytes);

/* Room for n more bytes (and the NUL). */
int buf_reserve(struct buf *b, size_t n);
int buf_add_slow(struct buf *b, const void *p, size_t n);
int buf_add_char(struct buf *b, char c);
int buf_add_fill(struct buf *b, char c, size_t n);
int buf_add_str(struct buf *b, const char *s);
/* Text of HTML or XML, or of an attribute there: & < > " ' as references. */
int buf_add_markup(struct buf *b, const char *text);
int buf_printf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
int buf_vprintf(struct buf *b, const char *fmt, va_list ap) _printf_(2, 0);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* Shortens to len bytes. */
void buf_truncate(struct buf *b, size_t len);
/* The bytes become the caller's (mem_free); NULL on a stuck error or out of memory. ret_len may be
 * NULL. An empty buf gives "". */
char *buf_take(struct buf *b, size_t *ret_len) _must_check_;

static inline int buf_error(const struct buf *b) {
        return b->error;
}

/* Never NULL. */
static inline const char *buf_cstr(const struct buf *b) {
        return b->data ? b->data : "";
}

static inline int buf_add(struct buf *b, const void *p, size_t n) {
        if (unlikely(b->error || b->limit || n >= b->cap - b->len))
                return buf_add_slow(b, p, n);
        if (n > 0)
                memcpy(b->data + b->len, p, n);
        b->len += n;
        b->data[b->len] = 0;
        return 0;
}

#define buf_add_lit(b, literal) buf_add((b), (literal), STRLEN(literal))
#define _cleanup_buf_ _cleanup_(buf_done)
