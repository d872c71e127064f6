/* prefetch: how far ahead of a reader to fetch, and in what pieces. Pure; not locked.
 *
 * A handle may be read by several threads, each at its own place: up to PREFETCH_STREAMS places
 * are followed. A read near a stream's end goes on with it and has more fetched ahead of it, up to
 * PREFETCH_NEAR, which is in the processor's cache still when it is read; beyond that as long as
 * reads have to wait for the network, longer than a fast one takes for what is ahead: what is far
 * ahead costs memory and caches. Short waits may have another reason: from time to time less is
 * tried, and left so when no more is waited than before; where it was needed it is tried ever more
 * rarely. A read that is near no stream begins a new one, with nothing ahead of it but the object's
 * start. */
#pragma once

#include "lib/base/macros.h"

#define PREFETCH_STREAMS 8
#define PREFETCH_UNIT_MAX ((uint64_t) 8 << 20)    /* of one GET */
#define PREFETCH_NEAR ((uint64_t) 2 << 20)        /* ahead of a stream that waits for nothing */
#define PREFETCH_RUN ((uint64_t) 8 << 20)         /* of one that waited long, at least */
#define PREFETCH_PATIENCE_FOR (2 * USEC_PER_MSEC) /* what is shorter is no wait */
/* The kernel asks for much at once, and threads bring that out of order: the more, the surer it is
 * a stream. */
#define PREFETCH_SLACK ((uint64_t) 1 << 20)
#define PREFETCH_SLACK_MAX ((uint64_t) 4 << 20)

struct prefetch_stream {
        uint64_t end;     /* of what was read */
        uint64_t ahead;   /* bytes to have beyond it */
        uint64_t sent_to; /* fetched or on its way up to here */
        uint64_t used;    /* when, by the count of reads; 0: free */
        bool has_waited;  /* since the last read */
        bool is_far;      /* somebody waited long, once */
        bool is_tried;    /* ahead is less than it was */
        usec_t per_mib;   /* that was waited before */
        unsigned n_regrets;
        uint64_t counted_from; /* waits are counted from here on */
        usec_t waited_for;
};

struct prefetch {
        struct prefetch_stream streams[PREFETCH_STREAMS];
        uint64_t n_reads;
};

struct prefetch_range {
        uint64_t from, to; /* from == to: nothing */
        uint64_t unit;     /* bytes a GET */
        bool runs;         /* the read is one of a long stream: nobody will ask for it again soon */
        bool is_lone;      /* it goes on with nothing that was read before */
};

/* A read of [offset, offset + len) of an object of `size`; `most`: bytes that may be ahead.
 * Returns what to fetch beyond the read itself. */
struct prefetch_range prefetch_next(struct prefetch *p, uint64_t offset, uint64_t len,
                                    uint64_t size, uint64_t most);
/* A read that ended at `end` had to wait so long for the network. */
void prefetch_waited(struct prefetch *p, uint64_t end, usec_t waited_for);
