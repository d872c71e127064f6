/* push_parts: a large file sent as several uploads at a time, where one alone is slower than the
 * file is written. Each piece is an object of its own until the commit makes one of them all by
 * compose, which deletes them; there are never more than some dozens, for 32 of a kind become one
 * meanwhile.
 *
 * Threads: one at a time; the network loop ends the uploads. */
#pragma once

#include "fuse-gcs/push.h"

struct push_parts;

#define PUSH_PARTS_COMPOSE_MAX 32 /* sources of one compose */

/* How a file that comes in order is to leave. Pure. */
struct push_parts_facts {
        unsigned n_at_once;   /* uploads of one file; 0 or 1: one */
        bool is_asked_for;    /* somebody said so: no looking at speeds */
        bool no_temporaries;  /* what is put into the bucket cannot be deleted again */
        uint64_t n_unsent;    /* bytes that wait, nothing has left yet */
        usec_t took_for;      /* to be written */
        uint64_t bytes_per_s; /* what one upload brought lately; 0: not known */
        uint64_t n_memory;    /* bytes that wait, of all files */
        uint64_t memory_max;
        uint64_t block_size;
        uint64_t n_least; /* what is smaller stays whole, where nobody asked */
};
enum push_parts_choice {
        PUSH_PARTS_ONE,  /* one upload, now */
        PUSH_PARTS_WAIT, /* it may be a large file, written fast: more of it first */
        PUSH_PARTS_MANY,
};
enum push_parts_choice push_parts_choose(const struct push_parts_facts *f);

int push_parts_new(struct mnt *m, struct push_parts **ret);
/* Waits for those before as long as as many as may be are under way, then returns at once. The
 * piece is the upload's from now on, success or not. */
int push_parts_put(struct push_parts *p, struct push_piece *piece);

struct push_parts_target {
        const char *name;
        const char *json;         /* the object's resource */
        int64_t if_generation;    /* of what is replaced; 0: nothing may be there */
        const struct attrs *base; /* what is there comes first, the parts behind it; NULL: they are
                                     all of it */
};
/* Waits until all of them are there and makes the object of them; its checksum is the caller's to
 * check. -ESTALE, -EEXIST: it is another one; or an answer was lost. */
int push_parts_finish(struct push_parts *p, const struct push_parts_target *t, struct attrs **ret);
/* Deletes what is there still, nobody waits for that; frees. NULL is fine. */
struct push_parts *push_parts_free(struct push_parts *p);
uint64_t push_parts_n_sent(const struct push_parts *p);
uint32_t push_parts_crc32c(const struct push_parts *p);
