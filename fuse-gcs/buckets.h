/* buckets: asking whether a bucket is there, and a mount that shows many: each one the credentials
 * can see is a directory of the root as soon as somebody names it.
 *
 * A bucket has a mnt of its own (names, attributes, caches); it stays until the end, so what it
 * takes is bounded by the buckets that are there. Threads: FUSE workers and the end. */
#pragma once

#include "fuse-gcs/mnt.h"
#include "lib/base/errmsg.h"

#define BUCKETS_ASK_FOR (5 * USEC_PER_SEC)

/* Is there something to be read under root? 0, or the error; a is to be done. */
int buckets_ask(struct remote *r, const char *root, struct remote_answer *ret);
/* Has it folders? Asked once: who cannot say has none. */
bool buckets_has_folders(struct remote *r);

struct buckets_options {
        struct mnt *top;       /* the root's own */
        struct mnt_settings o; /* of each bucket */
        bool asks_layout;      /* whether it has folders */
        /* What the names of a bucket are behind; NULL: out of memory. */
        struct remote *(*open)(void *ctx, const char *bucket);
        struct remote *(*close)(void *ctx, struct remote *r);
        /* Its disk cache and what that keeps, into o and *disk; 0, or negative with em set. */
        int (*caches)(void *ctx, const char *bucket, struct mnt_settings *o,
                      struct disk_cache **ret_disk, struct errmsg *em);
        void *ctx;
};

int buckets_new(const struct buckets_options *o, struct buckets **ret);
/* Only when nobody is in it any more. */
struct buckets *buckets_free(struct buckets *b);
/* A bucket by its name; -ENOENT: none that can be seen, or no bucket can be called so. Blocking. */
int buckets_get(struct buckets *b, const char *name, struct mnt **ret);
/* Calls f for each mnt that has a bucket: m itself, or those its root shows. */
void buckets_each(struct mnt *m, void (*f)(struct mnt *each, void *ctx), void *ctx);
