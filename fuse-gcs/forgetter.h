/* forgetter: bounds what the kernel has us remember. It keeps every name it looked up until it runs
 * short of memory itself; when there are too many, it is asked to let go of those of files that
 * nobody has open, first those of which it has no pages. A thread of its own; FUSE workers only
 * wake it: they cannot wait for it, for the kernel holds their directory meanwhile.
 *
 * How it is asked (forgetter_ask.c): since 6.18 by number, many at once, past all locks. Before,
 * name by name, each with its directory locked: too slow beside somebody who reads that directory,
 * so that at one and a half of the limit all that is not in use is dropped at once, if we may. */
#pragma once

#include "fuse-gcs/mnt.h"

/* The kernel, or a test's. */
struct forgetter_kernel {
        /* Lets go of these, unless they are in use. -EINVAL: it has no such call. */
        int (*prune)(void *ctx, const uint64_t *inos, size_t n);
        /* The same of one name in a directory. */
        int (*drop)(void *ctx, uint64_t parent, const char *name);
        /* Of all that are not in use. Negative: it may not be asked for. */
        int (*shrink)(void *ctx);
        void *ctx;
        bool no_prune, no_shrink; /* the forgetter's own: it refused */
};

/* So many inodes a mnt may have, beside what is open or a directory. */
size_t forgetter_limit(const struct mnt *m);
/* k lives on. */
void forgetter_start(struct mnt *top, struct forgetter_kernel *k);
/* After the calls to the bucket were stopped: it may wait for a directory that somebody reads. */
void forgetter_stop(void);
/* Under `tree`: there is one more; one less. */
void forgetter_look(struct mnt *m);
void forgetter_less(struct mnt *m);
/* What the thread does: asks for what is above three quarters of the limit. */
void forgetter_sweep(struct mnt *m, struct forgetter_kernel *k);
