#include "fuse-gcs/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/crc32c.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"

void overlay_init(struct overlay *o, const struct overlay_limits *l, uint64_t base_size) {
        *o = (struct overlay){.limits = l, .size = base_size, .base_valid = base_size, .fd = -1};
}

static void overlay_free_pages(struct overlay *o, size_t from, size_t to) {
        size_t n_own = 0;

        if (from >= to)
                return;
        for (size_t i = from; i < to; i++) {
                n_own += !o->pages[i].memory.of;
                lent_page_done(&o->pages[i].memory);
        }
        atomic_fetch_sub(o->limits->n_memory, n_own * OVERLAY_PAGE);
        memmove(o->pages + from, o->pages + to, (o->n_pages - to) * sizeof(*o->pages));
        o->n_pages -= to - from;
}

void overlay_done(struct overlay *o) {
        overlay_free_pages(o, 0, o->n_pages);
        mem_free(o->pages);
        mem_free(o->extents);
        if (o->fd >= 0)
                atomic_fetch_sub(o->limits->n_temp, o->fd_bytes);
        fileio_close(o->fd);
        *o = (struct overlay){.limits = o->limits, .fd = -1};
}

/* --- extents --------------------------------------------------------------------------------- */

/* The first extent that ends behind `at`. */
static size_t overlay_find(const struct overlay *o, uint64_t at) {
        size_t lo = 0, hi = o->n_extents;

        while (lo < hi) {
                size_t mid = (lo + hi) / 2;

                if (o->extents[mid].to <= at)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

static int overlay_reserve_extent(struct overlay *o) {
        return mem_grow((void **) &o->extents, &o->cap_extents, o->n_extents + 1,
                        sizeof(*o->extents));
}

/* Room for one more was reserved. */
static void overlay_add_extent(struct overlay *o, uint64_t from, uint64_t to) {
        size_t first = from > 0 ? overlay_find(o, from - 1) : 0, last = first;

        /* Those that touch become one with it. */
        while (last < o->n_extents && o->extents[last].from <= to) {
                from = MIN(from, o->extents[last].from);
                to = MAX(to, o->extents[last].to);
                last++;
        }
        if (last == first) {
                memmove(o->extents + first + 1, o->extents + first,
                        (o->n_extents - first) * sizeof(*o->extents));
                o->n_extents++;
        } else {
                memmove(o->extents + first + 1, o->extents + last,
                        (o->n_extents - last) * sizeof(*o->extents));
                o->n_extents -= last - first - 1;
        }
        o->extents[first] = (struct overlay_extent){from, to};
}

enum overlay_kind overlay_at(const struct overlay *o, uint64_t at, uint64_t end, uint64_t *ret_to) {
        size_t i = overlay_find(o, at);
        uint64_t next = i < o->n_extents ? MIN(o->extents[i].from, end) : end;

        if (i < o->n_extents && o->extents[i].from <= at) {
                *ret_to = MIN(o->extents[i].to, end);
                return OVERLAY_LOCAL;
        }
        if (at < o->base_valid) {
                *ret_to = MIN(next, o->base_valid);
                return OVERLAY_BASE;
        }
        *ret_to = next;
        return OVERLAY_ZERO;
}

uint64_t overlay_n_local(const struct overlay *o) {
        uint64_t n = 0;

        for (size_t i = 0; i < o->n_extents; i++)
                n += o->extents[i].to - o->extents[i].from;
        return n;
}

/* --- pages ----------------------------------------------------------------------------------- */

static size_t overlay_find_page(const struct overlay *o, uint64_t index) {
        size_t lo = 0, hi = o->n_pages;

        /* Files are written to their ends. */
        if (hi > 0 && o->pages[hi - 1].index < index)
                return hi;
        while (lo < hi) {
                size_t mid = (lo + hi) / 2;

                if (o->pages[mid].index < index)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

/* The memory becomes the page's, at place i. */
static int overlay_insert_page(struct overlay *o, size_t i, uint64_t index,
                               struct lent_page memory) {
        if (mem_grow((void **) &o->pages, &o->cap_pages, o->n_pages + 1, sizeof(*o->pages)) < 0)
                return -ENOMEM;
        memmove(o->pages + i + 1, o->pages + i, (o->n_pages - i) * sizeof(*o->pages));
        o->pages[i] = (struct overlay_page){.index = index, .memory = memory};
        o->n_pages++;
        return 0;
}

static bool overlay_account(struct overlay *o, size_t n) {
        if (atomic_fetch_add(o->limits->n_memory, n) + n <= o->limits->memory_max)
                return true;
        atomic_fetch_sub(o->limits->n_memory, n);
        return false;
}

/* The page, made when it is not there; NULL: no share of memory left. */
static struct overlay_page *overlay_page(struct overlay *o, uint64_t index) {
        size_t i = overlay_find_page(o, index);
        struct lent_page memory = {};

        if (i < o->n_pages && o->pages[i].index == index)
                return &o->pages[i];
        if (!overlay_account(o, OVERLAY_PAGE))
                return NULL;
        memory.data = mem_alloc(OVERLAY_PAGE);
        if (memory.data && overlay_insert_page(o, i, index, memory) >= 0)
                return &o->pages[i];
        mem_free(memory.data);
        atomic_fetch_sub(o->limits->n_memory, OVERLAY_PAGE);
        return NULL;
}

/* A whole page that is nowhere yet is where it is. NULL: it is to be copied. */
static struct overlay_page *overlay_lend_page(struct overlay *o, uint64_t index, const char *data,
                                              struct lent *of) {
        size_t i = overlay_find_page(o, index);
        struct lent_page memory = {(char *) data, of};

        if ((i < o->n_pages && o->pages[i].index == index) ||
            overlay_insert_page(o, i, index, memory) < 0)
                return NULL;
        lent_ref(of);
        return &o->pages[i];
}

/* n bytes at `within` are new, and in the processor's cache. */
static void overlay_sum(struct overlay_page *p, size_t within, size_t n) {
        /* Written over: what was summed up is not what is there. */
        if (within < p->n_summed)
                p->n_summed = 0;
        if (within != p->n_summed)
                return;
        p->crc32c = crc32c_add(within == 0 ? 0 : p->crc32c, p->memory.data + within, n);
        p->n_summed += (uint32_t) n;
}

static int overlay_write_memory(struct overlay *o, uint64_t offset, const char *data, size_t n,
                                struct lent *of) {
        while (n > 0) {
                size_t within = (size_t) (offset % OVERLAY_PAGE);
                size_t part = MIN(n, OVERLAY_PAGE - within);
                struct overlay_page *p = NULL;

                if (of && part == OVERLAY_PAGE)
                        p = overlay_lend_page(o, offset / OVERLAY_PAGE, data, of);
                if (!p) {
                        p = overlay_page(o, offset / OVERLAY_PAGE);
                        if (!p)
                                return -ENOBUFS;
                        memcpy(p->memory.data + within, data, part);
                }
                overlay_sum(p, within, part);
                offset += part;
                data += part;
                n -= part;
        }
        return 0;
}

/* Is it worth to be kept, and is there room? NULL: not. */
static struct lent *overlay_lend(struct overlay *o, uint64_t offset, size_t n,
                                 struct lent_offer *offer) {
        size_t n_bytes = n / OVERLAY_PAGE * OVERLAY_PAGE;
        struct lent *of;

        if (!offer || n < LENT_LEAST || offset % OVERLAY_PAGE != 0 || o->fd >= 0 ||
            !overlay_account(o, n_bytes))
                return NULL;
        of = lent_new(offer, o->limits->n_memory, n_bytes);
        if (!of)
                atomic_fetch_sub(o->limits->n_memory, n_bytes);
        return of;
}

/* --- the file -------------------------------------------------------------------------------- */

static int overlay_pwrite(int fd, uint64_t offset, const char *data, size_t n) {
        while (n > 0) {
                int fault = fault_at(FAULT_WRITE);
                ssize_t k = fault < 0 ? fault : pwrite(fd, data, n, (off_t) offset);

                if (k < 0) {
                        int error = fault < 0 ? fault : -errno;

                        if (error == -EINTR)
                                continue;
                        return error == -EDQUOT ? -ENOSPC : error;
                }
                offset += (uint64_t) k;
                data += k;
                n -= (size_t) k;
        }
        return 0;
}

static int overlay_write_file(struct overlay *o, uint64_t offset, const char *data, size_t n) {
        int r;

        /* Overwritten bytes are counted twice: an upper bound is enough. */
        if (atomic_fetch_add(o->limits->n_temp, n) + n > o->limits->temp_max) {
                atomic_fetch_sub(o->limits->n_temp, n);
                return -ENOSPC;
        }
        r = overlay_pwrite(o->fd, offset, data, n);
        if (r < 0)
                atomic_fetch_sub(o->limits->n_temp, n);
        else
                o->fd_bytes += n;
        return r;
}

static int overlay_open(struct overlay *o) {
        int fault = fault_at(FAULT_OPEN);

        if (fault < 0)
                return fault;
        o->fd = open(o->limits->temp_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (o->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
                _cleanup_free_ char *path = mem_alloc(strlen(o->limits->temp_dir) + 32);

                if (!path)
                        return -ENOMEM;
                strcpy(path, o->limits->temp_dir);
                strcat(path, "/fuse-gcs-XXXXXX");
                o->fd = mkostemp(path, O_CLOEXEC);
                if (o->fd >= 0)
                        (void) unlink(path);
        }
        return o->fd < 0 ? (errno == EDQUOT ? -ENOSPC : -errno) : 0;
}

/* The part of the page that is local goes to the file. */
static int overlay_spill_page(struct overlay *o, const struct overlay_page *p) {
        uint64_t start = p->index * OVERLAY_PAGE, end = start + OVERLAY_PAGE, to;
        int r = 0;

        for (uint64_t at = start; at < end && r >= 0; at = to)
                if (overlay_at(o, at, end, &to) == OVERLAY_LOCAL)
                        r = overlay_write_file(o, at, p->memory.data + (at - start),
                                               (size_t) (to - at));
        return r;
}

int overlay_spill(struct overlay *o) {
        int r;

        if (o->fd >= 0)
                return 0;
        r = overlay_open(o);
        for (size_t i = 0; i < o->n_pages && r >= 0; i++)
                r = overlay_spill_page(o, &o->pages[i]);
        if (r < 0) {
                atomic_fetch_sub(o->limits->n_temp, o->fd_bytes);
                o->fd_bytes = 0;
                o->fd = fileio_close(o->fd);
                return r;
        }
        overlay_free_pages(o, 0, o->n_pages);
        return 0;
}

/* --- all together ---------------------------------------------------------------------------- */

int overlay_write_lent(struct overlay *o, uint64_t offset, const char *data, size_t n,
                       struct lent_offer *offer) {
        struct lent *of;
        int r;

        if (n == 0)
                return 0;
        r = overlay_reserve_extent(o);
        if (r < 0)
                return r;
        of = overlay_lend(o, offset, n, offer);
        if (o->fd < 0) {
                r = overlay_write_memory(o, offset, data, n, of);
                if (r == -ENOBUFS)
                        r = overlay_spill(o);
        }
        if (r >= 0 && o->fd >= 0)
                r = overlay_write_file(o, offset, data, n);
        lent_unref(of);
        if (r < 0)
                return r;
        overlay_add_extent(o, offset, offset + n);
        o->size = MAX(o->size, offset + n);
        return 0;
}

int overlay_write(struct overlay *o, uint64_t offset, const char *data, size_t n) {
        return overlay_write_lent(o, offset, data, n, NULL);
}

void overlay_truncate(struct overlay *o, uint64_t size) {
        size_t keep = o->n_extents;

        o->size = size;
        o->base_valid = MIN(o->base_valid, size);
        while (keep > 0 && o->extents[keep - 1].from >= size)
                keep--;
        o->n_extents = keep;
        if (keep > 0)
                o->extents[keep - 1].to = MIN(o->extents[keep - 1].to, size);
        if (o->n_pages > 0) {
                uint64_t end = (size + OVERLAY_PAGE - 1) / OVERLAY_PAGE;
                size_t first = overlay_find_page(o, end);

                overlay_free_pages(o, first, o->n_pages);
        }
}

int overlay_get(const struct overlay *o, uint64_t offset, char *data, size_t n) {
        while (n > 0) {
                size_t within = (size_t) (offset % OVERLAY_PAGE), part;

                if (o->fd >= 0) {
                        ssize_t k = pread(o->fd, data, n, (off_t) offset);

                        if (k < 0 && errno == EINTR)
                                continue;
                        if (k <= 0)
                                return -EIO;
                        part = (size_t) k;
                } else {
                        size_t i = overlay_find_page(o, offset / OVERLAY_PAGE);

                        if (i == o->n_pages || o->pages[i].index != offset / OVERLAY_PAGE)
                                return -EIO;
                        part = MIN(n, OVERLAY_PAGE - within);
                        memcpy(data, o->pages[i].memory.data + within, part);
                }
                offset += part;
                data += part;
                n -= part;
        }
        return 0;
}

int overlay_pieces(const struct overlay *o, uint64_t from, uint64_t to, struct iovec *ret,
                   size_t n_max) {
        size_t n = 0;

        for (uint64_t at = from; at < to; n++) {
                size_t within = (size_t) (at % OVERLAY_PAGE);
                size_t part = (size_t) MIN((uint64_t) (OVERLAY_PAGE - within), to - at);
                size_t i = overlay_find_page(o, at / OVERLAY_PAGE);

                if (n == n_max || o->fd >= 0 || i == o->n_pages ||
                    o->pages[i].index != at / OVERLAY_PAGE)
                        return -E2BIG;
                ret[n] = (struct iovec){o->pages[i].memory.data + within, part};
                at += part;
        }
        return (int) n;
}

void overlay_forget_before(struct overlay *o, uint64_t to) {
        size_t n_pages = overlay_find_page(o, to / OVERLAY_PAGE), n = 0;

        overlay_free_pages(o, 0, n_pages);
        while (n < o->n_extents && o->extents[n].to <= to)
                n++;
        if (n > 0)
                memmove(o->extents, o->extents + n, (o->n_extents - n) * sizeof(*o->extents));
        o->n_extents -= n;
        if (o->n_extents > 0)
                o->extents[0].from = MAX(o->extents[0].from, to);
}

/* The page at `to` holds bytes on both sides: what is before goes as a copy. */
static struct lent_page overlay_copy_page(const struct overlay_page *p, size_t n) {
        char *copy = mem_alloc(OVERLAY_PAGE);

        if (copy)
                memcpy(copy, p->memory.data, n);
        return (struct lent_page){copy, NULL};
}

static uint32_t overlay_part_crc32c(const struct overlay_page *p, size_t within, size_t n) {
        return within == 0 && p->n_summed == n ? p->crc32c
                                               : crc32c_add(0, p->memory.data + within, n);
}

/* What is to leave; the pages are the overlay's still, but for a copy, the last one. */
static int overlay_find_taken(const struct overlay *o, uint64_t from, uint64_t to,
                              struct overlay_taken *t) {
        size_t first = overlay_find_page(o, from / OVERLAY_PAGE);

        for (uint64_t at = from; at < to; t->n++) {
                const struct overlay_page *p = &o->pages[first + t->n];
                size_t within = (size_t) (at % OVERLAY_PAGE);
                size_t part = (size_t) MIN((uint64_t) (OVERLAY_PAGE - within), to - at);
                struct lent_page *memory = &t->memory[t->n];

                if (o->fd >= 0 || first + t->n >= o->n_pages || p->index != at / OVERLAY_PAGE)
                        return -EINVAL;
                *memory = within + part == OVERLAY_PAGE ? p->memory
                                                        : overlay_copy_page(p, within + part);
                if (!memory->data)
                        return -ENOMEM;
                t->iov[t->n] = (struct iovec){memory->data + within, part};
                t->crc32c = crc32c_combine(t->crc32c, overlay_part_crc32c(p, within, part), part);
                at += part;
        }
        return 0;
}

int overlay_take(struct overlay *o, uint64_t from, uint64_t to, struct overlay_taken *ret) {
        size_t first = overlay_find_page(o, from / OVERLAY_PAGE);
        size_t n_most = (size_t) (to / OVERLAY_PAGE - from / OVERLAY_PAGE) + 1;
        struct overlay_taken t = {.iov = mem_zalloc_array(n_most, sizeof(*t.iov)),
                                  .memory = mem_zalloc_array(n_most, sizeof(*t.memory))};
        int r = t.iov && t.memory ? overlay_find_taken(o, from, to, &t) : -ENOMEM;

        if (r < 0) {
                mem_free(t.iov);
                mem_free(t.memory);
                return r;
        }
        for (size_t i = 0; i < t.n; i++) {
                t.n_bytes += t.memory[i].of ? 0 : OVERLAY_PAGE;
                if (i + 1 < t.n || to % OVERLAY_PAGE == 0)
                        o->pages[first + i].memory = (struct lent_page){};
        }
        /* All that are empty now are counted as they are forgotten, and a copy is new. */
        atomic_fetch_add(o->limits->n_memory, t.n * OVERLAY_PAGE);
        overlay_forget_before(o, to);
        *ret = t;
        return 0;
}
