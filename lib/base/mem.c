/* mem: see mem.h. A block is a malloc() block; the seam is in front of it. */
#include "lib/base/mem.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/fault.h"

void *mem_alloc(size_t size) {
        if (fault_at(FAULT_ALLOC) < 0)
                return NULL;
        return malloc(size ? size : 1);
}

void *mem_zalloc(size_t size) {
        if (fault_at(FAULT_ALLOC) < 0)
                return NULL;
        return calloc(1, size ? size : 1);
}

void *mem_alloc_array(size_t n, size_t size) {
        size_t total;

        return __builtin_mul_overflow(n, size, &total) ? NULL : mem_alloc(total);
}

void *mem_zalloc_array(size_t n, size_t size) {
        size_t total;

        return __builtin_mul_overflow(n, size, &total) ? NULL : mem_zalloc(total);
}

void *mem_realloc(void *p, size_t size) {
        if (fault_at(FAULT_ALLOC) < 0)
                return NULL;
        return realloc(p, size ? size : 1);
}

void *mem_realloc_array(void *p, size_t n, size_t size) {
        size_t total;

        return __builtin_mul_overflow(n, size, &total) ? NULL : mem_realloc(p, total);
}

char *mem_strdup(const char *s) {
        return s ? mem_memdup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n) {
        return s ? mem_memdup(s, strnlen(s, n)) : NULL;
}

void *mem_memdup(const void *p, size_t n) {
        char *copy = n < SIZE_MAX ? mem_alloc(n + 1) : NULL;

        if (!copy)
                return NULL;
        if (n > 0)
                memcpy(copy, p, n);
        copy[n] = 0;
        return copy;
}

void *mem_free(void *p) {
        free(p);
        return NULL;
}

void *mem_free_secret(void *p, size_t n) {
        if (p)
                explicit_bzero(p, n);
        return mem_free(p);
}

void mem_trim(void) {
        (void) malloc_trim(0);
}

/* Are there relocations in what is not writable? Then its pages are this process's own. */
static bool has_own_code(const struct dl_phdr_info *o) {
        const ElfW(Dyn) *d = NULL;

        for (int i = 0; i < o->dlpi_phnum; i++)
                if (o->dlpi_phdr[i].p_type == PT_DYNAMIC)
                        d = (const ElfW(Dyn) *) (o->dlpi_addr + o->dlpi_phdr[i].p_vaddr);
        for (; d && d->d_tag != DT_NULL; d++)
                if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL))
                        return true;
        return false;
}

static int trim_object(struct dl_phdr_info *o, size_t size, void *userdata) {
        const uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE) - 1;

        if (has_own_code(o))
                return 0;
        for (int i = 0; i < o->dlpi_phnum; i++) {
                const ElfW(Phdr) *h = &o->dlpi_phdr[i];
                uintptr_t from = (o->dlpi_addr + h->p_vaddr) & ~page,
                          to = (o->dlpi_addr + h->p_vaddr + h->p_memsz + page) & ~page;

                if (h->p_type == PT_LOAD && !(h->p_flags & PF_W))
                        (void) madvise((void *) from, to - from, MADV_DONTNEED);
        }
        return 0;
}

void mem_trim_code(void) {
        (void) dl_iterate_phdr(trim_object, NULL);
}

int mem_grow(void **p, size_t *cap, size_t n_wanted, size_t size) {
        size_t n_new;
        void *q;

        if (n_wanted <= *cap)
                return 0;
        n_new = MAX(n_wanted, *cap < SIZE_MAX / 2 ? *cap * 2 : n_wanted);
        n_new = MAX(n_new, (size_t) 8);
        q = mem_realloc_array(*p, n_new, size);
        if (!q)
                return -ENOMEM;
        *p = q;
        *cap = n_new;
        return 0;
}
