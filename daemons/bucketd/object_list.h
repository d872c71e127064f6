/* object_list.h: a page of a bucket's names, folded at a delimiter, in constant memory.
 *
 * Names are walked in the order of their bytes. What lies below one folded prefix is not walked:
 * the walk goes on at the first name behind it. */
#pragma once

#include "daemons/bucketd/object.h"
#include "lib/db/db.h"

struct object_list {
        const char *prefix;    /* never NULL */
        const char *delimiter; /* "" = none */
        const char *start;     /* names from here on; "" */
        const char *end;       /* names before this one; NULL = all */
        const char *glob;      /* only names and prefixes that match; NULL = all */
        const char *after;     /* names and prefixes behind it: what ret_next was; NULL */
        bool with_trailing;    /* objects that end in their prefix's delimiter are items, too */
        bool with_folders;     /* folders of a hierarchical bucket are prefixes, also empty ones */
        bool with_versions;    /* versions, too, each an item; without folders */
        size_t n_max;
        /* Non-zero ends the walk and is returned. The object's bucket is not set. */
        int (*object)(void *ctx, const struct object *o);
        int (*folded)(void *ctx, const char *prefix);
        void *ctx;
};

/* *ret_next is the page token of what follows, NULL at the end; in the arena. 0 or
 * -errno; -EINVAL: no such token. */
int object_list_walk(struct db *db, struct arena *a, int64_t bucket, const struct object_list *l,
                     const char **ret_next);
