/* arena: see arena.h. Chunks form a list, newest first; only the newest has free room. */
#include "lib/base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"

#define CHUNK_MIN ((size_t) 4 * 1024)
#define CHUNK_MAX ((size_t) 256 * 1024)
#define ALIGN alignof(max_align_t)
#define WIPE_MAX ((size_t) 256 * 1024)

struct arena_chunk {
        struct arena_chunk *older;
        size_t size; /* of data */
        alignas(max_align_t) char data[];
};

void arena_init(struct arena *a, size_t limit) {
        *a = (struct arena){.limit = limit};
}

static void free_chunks(struct arena_chunk *c) {
        while (c) {
                struct arena_chunk *older = c->older;

                mem_free(c);
                c = older;
        }
}

/* A request may have held a password: no core, and nobody who is given the memory, has it later.
 * What is larger is no password, and would take its time. */
static void wipe(struct arena *a) {
        for (struct arena_chunk *c = a->n_bytes <= WIPE_MAX ? a->chunks : NULL; c; c = c->older)
                explicit_bzero(c->data, c == a->chunks ? (size_t) (a->next - c->data) : c->size);
}

void arena_done(struct arena *a) {
        wipe(a);
        free_chunks(a->chunks);
        *a = (struct arena){.limit = a->limit};
}

void arena_reset(struct arena *a) {
        struct arena_chunk *c = a->chunks;

        if (!c || c->size > CHUNK_MAX) {
                arena_done(a);
                return;
        }
        wipe(a);
        free_chunks(c->older);
        c->older = NULL;
        a->n_bytes = c->size;
        a->next = c->data;
        a->end = c->data + c->size;
}

static int add_chunk(struct arena *a, size_t size) {
        size_t want = a->chunks ? MIN(a->chunks->size * 2, CHUNK_MAX) : CHUNK_MIN;
        struct arena_chunk *c;

        if (a->limit && (size > a->limit || a->n_bytes > a->limit - size))
                return -1;
        want = MAX(want, size);
        if (a->limit)
                want = MIN(want, a->limit - a->n_bytes);
        if (want > SIZE_MAX - sizeof(*c))
                return -1;
        c = mem_alloc(sizeof(*c) + want);
        if (!c)
                return -1;
        c->older = a->chunks;
        c->size = want;
        a->chunks = c;
        a->n_bytes += want;
        a->next = c->data;
        a->end = c->data + want;
        return 0;
}

void *arena_alloc(struct arena *a, size_t size) {
        char *p;

        if (size > SIZE_MAX - ALIGN)
                return NULL;
        size = size ? (size + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;
        if (size > (size_t) (a->end - a->next) && add_chunk(a, size) < 0)
                return NULL;
        p = a->next;
        a->next += size;
        assert(((uintptr_t) p & (ALIGN - 1)) == 0);
        assert(a->next <= a->end);
        return p;
}

void *arena_zalloc(struct arena *a, size_t size) {
        void *p = arena_alloc(a, size);

        return p ? memset(p, 0, size) : NULL;
}

void *arena_zalloc_array(struct arena *a, size_t n, size_t size) {
        size_t total;

        return __builtin_mul_overflow(n, size, &total) ? NULL : arena_zalloc(a, total);
}

char *arena_strdup(struct arena *a, const char *s) {
        return s ? arena_memdup(a, s, strlen(s)) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t n) {
        return s ? arena_memdup(a, s, strnlen(s, n)) : NULL;
}

void *arena_memdup(struct arena *a, const void *p, size_t n) {
        char *copy = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;

        if (!copy)
                return NULL;
        if (n > 0)
                memcpy(copy, p, n);
        copy[n] = 0;
        return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...) {
        va_list ap;
        char *s;

        va_start(ap, fmt);
        s = arena_vprintf(a, fmt, ap);
        va_end(ap);
        return s;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) {
        va_list again;
        char *s = NULL;
        int n;

        va_copy(again, ap);
        n = vsnprintf(NULL, 0, fmt, ap);
        if (n >= 0)
                s = arena_alloc(a, (size_t) n + 1);
        if (s)
                (void) vsnprintf(s, (size_t) n + 1, fmt, again);
        va_end(again);
        return s;
}
