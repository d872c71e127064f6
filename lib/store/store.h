/* store.h: objects by name, whatever keeps them: a directory, a bucket.
 *
 * A name is a relative path of UTF-8 parts joined by "/", at most STORE_NAME_MAX bytes, each part
 * at most 255: no empty part, ".", "..", backslash or control character; store_name_check() says so
 * before any store sees it.
 *
 * What holds for every store:
 *   - A put is invisible until its commit and whole after it; a commit that answered 0 is durable.
 *   - Two puts of one name: the last commit wins, readers of the old object read it to its end.
 *   - Calls block; each store may be used from many threads, one put or get from one at a time.
 *   - -ENOENT no such object · -EINVAL not a name · -EISDIR, -ENOTDIR, -EEXIST a name is the prefix
 *     of another's (a directory cannot be an object) · -EACCES · -ENOSPC, -EDQUOT full · -EIO.
 *   - `em` (may be NULL) names the object, the reason and the remedy.
 */
#pragma once

#include <sys/types.h>

#include "lib/base/macros.h"

struct errmsg;
struct store;
struct store_get;
struct store_parts_ops;
struct store_put;

enum {
        STORE_NAME_MAX = 1024,  /* bytes */
        STORE_LIST_MAX = 10000, /* entries a page */
        STORE_ETAG_SIZE = 64,   /* with its NUL; without quotes */
};

struct store_info {
        uint64_t size; /* bytes */
        usec_t modified_at;
        char etag[STORE_ETAG_SIZE]; /* changes whenever the content does */
        uint32_t crc32c;            /* where the store keeps one */
        bool has_crc32c;
};

/* One entry of a listing. Valid during the callback. */
struct store_entry {
        const char *name; /* whole name; of a prefix with "/" at its end */
        bool is_prefix;   /* stands for all names that begin so; info is zero */
        struct store_info info;
};

struct store_list {
        const char *prefix; /* names that begin so; "" or NULL: all. "a/b/" lists below a/b */
        bool is_deep;       /* every object; else what is below the next "/" is one prefix */
        const char *after;  /* names behind this one, by byte; NULL: from the start */
        size_t n_max;       /* 0 = STORE_LIST_MAX */
        bool no_info;       /* do not look at sizes and times */
};

struct store_ops {
        int (*put_begin)(struct store *s, const char *name, struct errmsg *em,
                         struct store_put **ret_put);
        int (*put_write)(struct store_put *p, const void *data, size_t n);
        /* Ends the put in either case. */
        int (*put_commit)(struct store_put *p, struct store_info *ret_info, struct errmsg *em);
        void (*put_abort)(struct store_put *p);

        int (*get_open)(struct store *s, const char *name, struct errmsg *em,
                        struct store_info *ret_info, struct store_get **ret_get);
        /* Up to n bytes from offset; fewer only at the end; the count or -errno. */
        ssize_t (*get_read)(struct store_get *g, uint64_t offset, void *data, size_t n);
        /* A descriptor for sendfile, the caller's to close; -EOPNOTSUPP where there is none. */
        int (*get_fd)(struct store_get *g);
        void (*get_close)(struct store_get *g);

        int (*stat)(struct store *s, const char *name, struct errmsg *em,
                    struct store_info *ret_info);
        int (*list)(struct store *s, const struct store_list *list,
                    int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
                    struct errmsg *em, bool *ret_more);
        int (*delete)(struct store *s, const char *name, struct errmsg *em);
        int (*delete_prefix)(struct store *s, const char *prefix, struct errmsg *em,
                             uint64_t *ret_n);
        int (*copy)(struct store *s, const char *from, const char *to, struct errmsg *em);
        void (*free)(struct store *s);
};

/* The first member of every store's own struct. */
struct store {
        const struct store_ops *ops;
        const struct store_parts_ops *parts; /* store_parts.h; NULL: none of it */
};

struct store *store_free(struct store *s);
DEFINE_CLEANUP(struct store *, store_free)

/* 0 or -EINVAL with `em` naming the part that is not allowed. */
int store_name_check(const char *name, struct errmsg *em);

/* --- writing: begin, write…, then exactly one of commit and abort
 * --------------------------------- */
int store_put_begin(struct store *s, const char *name, struct errmsg *em,
                    struct store_put **ret_put);
int store_put_write(struct store *s, struct store_put *p, const void *data, size_t n);
/* ret_info may be NULL. */
int store_put_commit(struct store *s, struct store_put *p, struct store_info *ret_info,
                     struct errmsg *em);
void store_put_abort(struct store *s, struct store_put *p);
/* All of it at once. */
int store_put(struct store *s, const char *name, const void *data, size_t n, struct errmsg *em);

/* --- reading: the object as it is at the open
 * ------------------------------------------------------ */
int store_get_open(struct store *s, const char *name, struct errmsg *em,
                   struct store_info *ret_info, struct store_get **ret_get);
ssize_t store_get_read(struct store *s, struct store_get *g, uint64_t offset, void *data, size_t n);
int store_get_fd(struct store *s, struct store_get *g);
void store_get_close(struct store *s, struct store_get *g);

int store_stat(struct store *s, const char *name, struct errmsg *em, struct store_info *ret_info);
/* Calls each() by name in byte order ("a.b" before "a/b"); a non-zero answer of it ends the listing
 * and is returned. *ret_more (may be NULL): there are entries behind the last one given. */
int store_list(struct store *s, const struct store_list *list,
               int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
               struct errmsg *em, bool *ret_more);
/* -ENOENT when absent. */
int store_delete(struct store *s, const char *name, struct errmsg *em);
/* Every object whose name is `prefix` or begins with prefix + "/". None is fine. ret_n may be NULL.
 */
int store_delete_prefix(struct store *s, const char *prefix, struct errmsg *em, uint64_t *ret_n);
int store_copy(struct store *s, const char *from, const char *to, struct errmsg *em);
