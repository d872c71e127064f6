/* store_parts.h: what clients that load by themselves are given: an upload in parts, URLs that need
 * no credentials. Buckets have it, where there is something to sign with. Names and errors as in
 * store.h. */
#pragma once

#include "lib/store/store.h"

struct store_part {
        unsigned number;  /* from 1 */
        const char *etag; /* as the part's own answer said, with or without quotes */
};

/* `key` is the whole name in the bucket. */
struct store_parts_ops {
        int (*create)(struct store *s, const char *key, char **ret_id, struct errmsg *em);
        int (*url)(struct store *s, const char *key, const char *id, unsigned part,
                   usec_t valid_for, char **ret_url, struct errmsg *em);
        int (*complete)(struct store *s, const char *key, const char *id,
                        const struct store_part *parts, size_t n, struct errmsg *em);
        int (*abort)(struct store *s, const char *key, const char *id, struct errmsg *em);
        /* NULL: not with this store. */
        int (*get_url)(struct store *s, const char *key, usec_t valid_for, char **ret_url,
                       struct errmsg *em);
};

/* s may be NULL. */
bool store_parts_can_put(const struct store *s);
bool store_parts_can_get(const struct store *s);

/* The upload's id; -EOPNOTSUPP for all of them when the store has none of it. */
int store_parts_create(struct store *s, const char *name, char **ret_id, struct errmsg *em);
/* A URL good for valid_for to which one PUT sends the part. */
int store_parts_url(struct store *s, const char *name, const char *id, unsigned part,
                    usec_t valid_for, char **ret_url, struct errmsg *em);
int store_parts_complete(struct store *s, const char *name, const char *id,
                         const struct store_part *parts, size_t n, struct errmsg *em);
int store_parts_abort(struct store *s, const char *name, const char *id, struct errmsg *em);
/* A URL that gets the object; a browser saves it under its own name. */
int store_parts_get_url(struct store *s, const char *name, usec_t valid_for, char **ret_url,
                        struct errmsg *em);
