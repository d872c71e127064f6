/* s3_list.h: what S3 says about objects: in headers of one, in pages of many. */
#pragma once

#include "lib/store/s3_call.h"
#include "lib/store/store.h"

/* Without its quotes. -EPROTO: none, or one that does not fit. */
int s3_list_unquote(const char *etag, char ret[STORE_ETAG_SIZE]);
int s3_list_etag(const struct http_fetch_answer *a, char ret[STORE_ETAG_SIZE]);
/* Size (of the whole, from Content-Range or Content-Length), time and etag. */
int s3_list_info(const struct http_fetch_answer *a, struct store_info *ret, struct errmsg *em);

/* As store_list(); names are keys. */
int s3_list_all(const struct s3 *s3, const struct store_list *list,
                int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
                struct errmsg *em, bool *ret_more);

/* One page's entries in order, whole keys; what it says of more. Pure. */
struct s3_list_page {
        struct store_entry *entries; /* in the arena */
        size_t n;
        bool is_truncated;
};
struct arena;
int s3_list_parse(struct arena *a, const char *data, size_t size, struct s3_list_page *ret);
