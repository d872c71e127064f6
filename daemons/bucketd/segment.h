/* segment.h: an object's content as pieces of blobs, in order. Pure.
 *
 * Compose, copy and the parts of an upload only put segments together: no byte is read or written.
 * Stored as three little-endian words a segment. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/macros.h"

struct segment {
        uint64_t blob;
        uint64_t offset, size; /* bytes of that blob */
};

enum { SEGMENT_STORED_SIZE = 24, SEGMENT_MAX = 100000 };

struct segments {
        struct segment *all;
        size_t n;
};

/* 0, -EUCLEAN (no list of segments), -ENOMEM. */
int segment_decode(struct arena *a, const void *data, size_t n_bytes, struct segments *ret);
/* NULL: out of memory. n * SEGMENT_STORED_SIZE bytes. */
void *segment_encode(struct arena *a, const struct segments *s) _must_check_;
uint64_t segment_total(const struct segments *s);
/* The part [first, first + size) of s. 0 or -ENOMEM. */
int segment_slice(struct arena *a, const struct segments *s, uint64_t first, uint64_t size,
                  struct segments *ret);
