/* store_local_root.h: what the parts of the local store share. Private to lib/store. */
#pragma once

#include "lib/store/store.h"

/* Puts in flight live here, in the root; no object's name may begin so. */
#define STORE_LOCAL_STAGING ".onebox-tmp"

struct store_local {
        struct store store;
        char *path;     /* of the root, for messages */
        int root_fd;    /* the directory, for reading */
        int staging_fd; /* STORE_LOCAL_STAGING in it */
};

/* Says in `em` what went wrong with `name` (NULL: the root) and what to do; returns r. */
int store_local_root_fail(const struct store_local *s, int r, const char *name, struct errmsg *em);

/* store_ops.list */
int store_local_list(struct store *store, const struct store_list *list,
                     int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
                     struct errmsg *em, bool *ret_more);

struct stat;
/* Size, time and tag of a file. */
void store_local_root_info(const struct stat *st, struct store_info *ret_info);
