/* prefetch: how far ahead of a reader to fetch, and in what pieces. Pure; not locked.
 *
 * A handle may be read by several threads, each at its own place: up to PREFETCH_STREAMS places
 * are followed. A read near a stream's end goes on with it and doubles what is fetched ahead; one
 * that is near none begins a new stream, with nothing ahead of it but the object's start. */
#pragma once

#include "lib/base/macros.h"

#define PREFETCH_STREAMS 8
#define PREFETCH_UNIT_MAX ((uint64_t) 8 << 20) /* of one GET */
#define PREFETCH_SLACK ((uint64_t) 1 << 20)    /* the kernel asks out of order */

struct prefetch_stream {
        uint64_t end;     /* of what was read */
        uint64_t ahead;   /* bytes to have beyond it */
        uint64_t sent_to; /* fetched or on its way up to here */
        uint64_t used;    /* when, by the count of reads; 0: free */
};

struct prefetch {
        struct prefetch_stream streams[PREFETCH_STREAMS];
        uint64_t n_reads;
};

struct prefetch_range {
        uint64_t from, to; /* from == to: nothing */
        uint64_t unit;     /* bytes a GET */
};

/* A read of [offset, offset + len) of an object of `size`; `most`: bytes that may be ahead.
 * Returns what to fetch beyond the read itself. */
struct prefetch_range prefetch_next(struct prefetch *p, uint64_t offset, uint64_t len,
                                    uint64_t size, uint64_t most);
