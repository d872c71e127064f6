/* store_bucket.h: the store over any bucket service, for S3's and Google's clients to stand below.
 *
 * What the services have in common is here: names below a prefix, uploads in parts of constant
 * memory, reading ahead in windows, deleting below a prefix. A put holds one part in memory and a
 * get one window. Names of objects can be the prefix of others' here: a service has no directories.
 */
#pragma once

#include "lib/base/buf.h"
#include "lib/store/store.h"

enum {
        STORE_BUCKET_PART = 8 << 20,        /* bytes of a part, a window */
        STORE_BUCKET_LATE_PART = 64 << 20,  /* from the 1000th part on: services count parts */
        STORE_BUCKET_FIRST_WINDOW = 1 << 20 /* what comes with the open */
};

struct arena;
struct store_bucket;
struct store_bucket_upload;

/* Keys are whole names in the bucket, checked. Calls block, repeat by themselves what a busy
 * service refused, and say in em what it said in the end; any thread. -ENOENT, -EACCES, -ESTALE
 * (another object than the etag's), -EIO and what http_fetch() gives. */
struct store_bucket_ops {
        int (*put)(struct store_bucket *b, const char *key, const void *data, size_t n,
                   struct store_info *ret_info, struct errmsg *em);
        int (*upload_begin)(struct store_bucket *b, const char *key,
                            struct store_bucket_upload **ret, struct errmsg *em);
        int (*upload_part)(struct store_bucket *b, struct store_bucket_upload *u, const void *data,
                           size_t n, bool is_last, struct errmsg *em);
        /* Both free u. */
        int (*upload_end)(struct store_bucket *b, struct store_bucket_upload *u,
                          struct store_info *ret_info, struct errmsg *em);
        void (*upload_abort)(struct store_bucket *b, struct store_bucket_upload *u);

        /* At most n bytes from offset into ret (emptied first); ret_info is of the whole object.
         * Behind the end: none. etag NULL = whatever is there; else *ret_info is what the call
         * without an etag said, and may stay so. */
        int (*read)(struct store_bucket *b, const char *key, uint64_t offset, size_t n,
                    const char *etag, struct buf *ret, struct store_info *ret_info,
                    struct errmsg *em);
        int (*stat)(struct store_bucket *b, const char *key, struct store_info *ret_info,
                    struct errmsg *em);
        /* As store_list(), of one page or more. */
        int (*list)(struct store_bucket *b, const struct store_list *list,
                    int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
                    struct errmsg *em, bool *ret_more);
        int (*delete)(struct store_bucket *b, const char *key, struct errmsg *em);
        /* What is not there is gone already. */
        int (*delete_many)(struct store_bucket *b, char *const *keys, size_t n, struct errmsg *em);
        int (*copy)(struct store_bucket *b, const char *from, const char *to,
                    struct store_info *ret_info, struct errmsg *em);
        void (*free)(struct store_bucket *b);
};

/* The first member of every service's own struct. */
struct store_bucket {
        struct store store;
        const struct store_bucket_ops *ops;
        char *prefix; /* "" or ends with "/" */
};

/* prefix: a path in the bucket, with or without slashes around it. -ENOMEM. */
int store_bucket_init(struct store_bucket *b, const struct store_bucket_ops *ops,
                      const char *prefix);
/* Is it a store of this kind (and may be taken as a struct store_bucket)? */
bool store_bucket_is(const struct store *s);
/* For ops->free. */
void store_bucket_done(struct store_bucket *b);
/* The key of a name; NULL when out of memory. */
char *store_bucket_key(const struct store_bucket *b, const char *name);
/* Where a listing goes on behind `after` by services that name a first or last key: for a prefix
 * ("a/") behind everything below it. NULL when out of memory. */
char *store_bucket_after(const char *after);

/* A listing page by page, each with an arena of its own, as long as page() wants another one. */
int store_bucket_pages(int (*page)(void *userdata, struct arena *arena, struct errmsg *em,
                                   bool *ret_next),
                       void *userdata, struct errmsg *em);

/* Waits before attempt n (from 1) of a call that was refused for now: false when there have been
 * enough. */
bool store_bucket_retry(unsigned n);
