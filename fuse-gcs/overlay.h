/* overlay: what was written to a file and is not in the bucket yet, over the object it began with.
 *
 * A byte is local when an extent covers it, else the base's when it is before base_valid, else
 * zero. Local bytes are in memory, OVERLAY_PAGE at a time, or, once spilled, in a temporary file
 * without a name. Limits are shared by all files of a mount. Threads: one at a time. */
#pragma once

#include <stdatomic.h>
#include <sys/uio.h>

#include "fuse-gcs/lent.h"
#include "lib/base/macros.h"

#define OVERLAY_PAGE ((size_t) 64 << 10)

struct overlay_limits {
        atomic_size_t *n_memory; /* bytes in pages, of all */
        size_t memory_max;
        atomic_uint_least64_t *n_temp; /* bytes in temporary files, of all */
        uint64_t temp_max;
        const char *temp_dir;
};

struct overlay_page {
        uint64_t index;
        struct lent_page memory;
        uint32_t n_summed, crc32c; /* of its first n_summed bytes: of what came in order */
};

struct overlay_extent {
        uint64_t from, to;
};

struct overlay {
        const struct overlay_limits *limits;
        uint64_t size;
        uint64_t base_valid;
        struct overlay_extent *extents; /* in order, apart from one another */
        size_t n_extents, cap_extents;
        struct overlay_page *pages; /* in order; all local bytes when fd < 0 */
        size_t n_pages, cap_pages;
        int fd;
        uint64_t fd_bytes; /* what the file is accounted with */
};

enum overlay_kind {
        OVERLAY_LOCAL,
        OVERLAY_BASE,
        OVERLAY_ZERO,
};

void overlay_init(struct overlay *o, const struct overlay_limits *l, uint64_t base_size);
void overlay_done(struct overlay *o);
/* 0; -ENOSPC: no memory of the share and no room in temp_dir; -EIO. Nothing is changed then. */
int overlay_write(struct overlay *o, uint64_t offset, const char *data, size_t n);
/* The same; data is in what is offered (NULL: nothing is), which may be kept. */
int overlay_write_lent(struct overlay *o, uint64_t offset, const char *data, size_t n,
                       struct lent_offer *offer);
void overlay_truncate(struct overlay *o, uint64_t size);
/* What byte `at` is, and up to where it is so (at most `end`). */
enum overlay_kind overlay_at(const struct overlay *o, uint64_t at, uint64_t end, uint64_t *ret_to);
/* Local bytes. 0 or -EIO. */
int overlay_get(const struct overlay *o, uint64_t offset, char *data, size_t n);
/* [from, to), all local and in memory, as pieces that stay until the next change; returns how
 * many, or -E2BIG. */
int overlay_pieces(const struct overlay *o, uint64_t from, uint64_t to, struct iovec *ret,
                   size_t n_max);
/* [.., to) is somewhere else now: its pages go. */
void overlay_forget_before(struct overlay *o, uint64_t to);
/* [from, to) leaves, pages and all: ret_memory is what it is in, ret_iov its bytes there (both on
 * the heap, as many of each); n_bytes of it stay accounted until it is freed. All of it is local
 * and in memory. -EINVAL: it is not. */
struct overlay_taken {
        struct iovec *iov;
        struct lent_page *memory;
        size_t n, n_bytes;
        uint32_t crc32c;
};
int overlay_take(struct overlay *o, uint64_t from, uint64_t to, struct overlay_taken *ret);
/* From memory into the file. */
int overlay_spill(struct overlay *o);
/* Bytes that are local. */
uint64_t overlay_n_local(const struct overlay *o);
