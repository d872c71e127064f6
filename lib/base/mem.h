/* mem: the only way to the heap. Every call may return NULL (out of memory, or a fault armed by a
 * test); sizes are checked for overflow. What comes from here is freed by mem_free(). */
#pragma once

#include "lib/base/macros.h"

void *mem_alloc(size_t size) _malloc_;
void *mem_zalloc(size_t size) _malloc_;
void *mem_alloc_array(size_t n, size_t size) _malloc_;
void *mem_zalloc_array(size_t n, size_t size) _malloc_;
/* As realloc: on NULL the old block is still there. */
void *mem_realloc(void *p, size_t size) _must_check_;
void *mem_realloc_array(void *p, size_t n, size_t size) _must_check_;
/* NULL in gives NULL out. */
char *mem_strdup(const char *s) _malloc_;
/* Copies at most n bytes and ends them with NUL. */
char *mem_strndup(const char *s, size_t n) _malloc_;
/* Copies n bytes and adds one NUL behind them. */
void *mem_memdup(const void *p, size_t n) _malloc_;
/* Takes NULL, returns NULL. */
void *mem_free(void *p);
/* Overwrites n bytes first; for keys and passwords. */
void *mem_free_secret(void *p, size_t n);
/* What was freed goes back to the kernel, where malloc() would keep it: after a burst. */
void mem_trim(void);
/* Code and constants, ours and of the libraries, are mapped anew when they are used: from the
 * kernel's cache, sixteen pages at a time. For who has worked and waits now; not often. */
void mem_trim_code(void);
/* Room for n_wanted elements in *p, growing by doubling. 0 or -ENOMEM, *p unharmed. */
int mem_grow(void **p, size_t *cap, size_t n_wanted, size_t size);

/* For _cleanup_(mem_freep): takes the address of any pointer. */
static inline void mem_freep(void *pp) {
        mem_free(*(void **) pp);
}
#define _cleanup_free_ _cleanup_(mem_freep)

#define mem_new(type) ((type *) mem_zalloc(sizeof(type)))
