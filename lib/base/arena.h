/* arena: memory that dies all at once. A request has one; its handler frees nothing by hand.
 * Chunks grow from 4 KiB to 256 KiB; `limit` bounds the sum of all chunks (0: none).
 * Every call may return NULL: out of memory or over the limit. Threads: one at a time. */
#pragma once

#include <stdarg.h>

#include "lib/base/macros.h"

struct arena_chunk;

struct arena {
        char *next; /* free from here */
        char *end;  /* to here */
        struct arena_chunk *chunks;
        size_t n_bytes; /* in all chunks */
        size_t limit;
};

void arena_init(struct arena *a, size_t limit);
void arena_done(struct arena *a);
/* Forgets all, keeps one chunk for the next use. */
void arena_reset(struct arena *a);

/* Aligned for any type. */
void *arena_alloc(struct arena *a, size_t size) _must_check_;
void *arena_zalloc(struct arena *a, size_t size) _must_check_;
void *arena_zalloc_array(struct arena *a, size_t n, size_t size) _must_check_;
/* NULL in gives NULL out. */
char *arena_strdup(struct arena *a, const char *s) _must_check_;
char *arena_strndup(struct arena *a, const char *s, size_t n) _must_check_;
/* Adds one NUL behind the copy. */
void *arena_memdup(struct arena *a, const void *p, size_t n) _must_check_;
char *arena_printf(struct arena *a, const char *fmt, ...) _printf_(2, 3) _must_check_;
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) _printf_(2, 0) _must_check_;

#define arena_new(a, type) ((type *) arena_zalloc((a), sizeof(type)))
