#include "fuse-gcs/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"

void overlay_init(struct overlay *o, const struct overlay_limits *l, uint64_t base_size) {
        *o = (struct overlay){.limits = l, .size = base_size, .base_valid = base_size, .fd = -1};
}

static void overlay_free_pages(struct overlay *o, size_t from, size_t to) {
        if (from >= to)
                return;
        for (size_t i = from; i < to; i++)
                mem_free(o->pages[i].data);
        atomic_fetch_sub(o->limits->n_memory, (to - from) * OVERLAY_PAGE);
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

/* The page, made when it is not there; NULL: no share of memory left. */
static char *overlay_page(struct overlay *o, uint64_t index) {
        size_t i = overlay_find_page(o, index);
        char *data;

        if (i < o->n_pages && o->pages[i].index == index)
                return o->pages[i].data;
        if (atomic_fetch_add(o->limits->n_memory, OVERLAY_PAGE) + OVERLAY_PAGE >
                    o->limits->memory_max ||
            mem_grow((void **) &o->pages, &o->cap_pages, o->n_pages + 1, sizeof(*o->pages)) < 0 ||
            !(data = mem_alloc(OVERLAY_PAGE))) {
                atomic_fetch_sub(o->limits->n_memory, OVERLAY_PAGE);
                return NULL;
        }
        memmove(o->pages + i + 1, o->pages + i, (o->n_pages - i) * sizeof(*o->pages));
        o->pages[i] = (struct overlay_page){index, data};
        o->n_pages++;
        return data;
}

static int overlay_write_memory(struct overlay *o, uint64_t offset, const char *data, size_t n) {
        while (n > 0) {
                size_t within = (size_t) (offset % OVERLAY_PAGE);
                size_t part = MIN(n, OVERLAY_PAGE - within);
                char *page = overlay_page(o, offset / OVERLAY_PAGE);

                if (!page)
                        return -ENOBUFS;
                memcpy(page + within, data, part);
                offset += part;
                data += part;
                n -= part;
        }
        return 0;
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
                        r = overlay_write_file(o, at, p->data + (at - start), (size_t) (to - at));
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

int overlay_write(struct overlay *o, uint64_t offset, const char *data, size_t n) {
        int r;

        if (n == 0)
                return 0;
        r = overlay_reserve_extent(o);
        if (r >= 0 && o->fd < 0) {
                r = overlay_write_memory(o, offset, data, n);
                if (r == -ENOBUFS)
                        r = overlay_spill(o);
        }
        if (r >= 0 && o->fd >= 0)
                r = overlay_write_file(o, offset, data, n);
        if (r < 0)
                return r;
        overlay_add_extent(o, offset, offset + n);
        o->size = MAX(o->size, offset + n);
        return 0;
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
                        memcpy(data, o->pages[i].data + within, part);
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
                ret[n] = (struct iovec){o->pages[i].data + within, part};
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
static void *overlay_copy_page(const struct overlay_page *p, size_t n) {
        char *copy = mem_alloc(OVERLAY_PAGE);

        if (copy)
                memcpy(copy, p->data, n);
        return copy;
}

int overlay_take(struct overlay *o, uint64_t from, uint64_t to, struct iovec **ret_iov,
                 void ***ret_data, size_t *ret_n) {
        size_t first = overlay_find_page(o, from / OVERLAY_PAGE), n = 0;
        size_t n_most = (size_t) (to / OVERLAY_PAGE - from / OVERLAY_PAGE) + 1;
        struct iovec *iov = mem_zalloc_array(n_most, sizeof(*iov));
        void **data = mem_zalloc_array(n_most, sizeof(*data));
        uint64_t at = from;
        int r = iov && data ? 0 : -ENOMEM;

        for (; at < to && r >= 0; n++) {
                const struct overlay_page *p = &o->pages[first + n];
                size_t within = (size_t) (at % OVERLAY_PAGE);
                size_t part = (size_t) MIN((uint64_t) (OVERLAY_PAGE - within), to - at);
                bool whole = within + part == OVERLAY_PAGE;

                if (o->fd >= 0 || first + n >= o->n_pages || p->index != at / OVERLAY_PAGE)
                        r = -EINVAL;
                else if (!(data[n] = whole ? p->data : overlay_copy_page(p, within + part)))
                        r = -ENOMEM;
                else
                        iov[n] = (struct iovec){(char *) data[n] + within, part};
                at += part;
        }
        if (r < 0) {
                mem_free(iov);
                mem_free(data);
                return r;
        }
        /* Whole pages are not the overlay's any more; they stay accounted. */
        if (to % OVERLAY_PAGE != 0)
                atomic_fetch_add(o->limits->n_memory, OVERLAY_PAGE);
        for (size_t i = 0; i < n - (to % OVERLAY_PAGE != 0); i++)
                o->pages[first + i].data = NULL;
        atomic_fetch_add(o->limits->n_memory, (n - (to % OVERLAY_PAGE != 0)) * OVERLAY_PAGE);
        overlay_forget_before(o, to);
        *ret_iov = iov;
        *ret_data = data;
        *ret_n = n;
        return 0;
}
