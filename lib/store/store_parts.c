#include "lib/store/store_parts.h"

#include <errno.h>

#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/store/store_bucket.h"

bool store_parts_can_put(const struct store *s) {
        return s && s->parts;
}

bool store_parts_can_get(const struct store *s) {
        return s && s->parts && s->parts->get_url;
}

/* *ret_key is the name's key in the bucket: the caller's. */
static int key_of(struct store *s, bool can, const char *name, char **ret_key, struct errmsg *em) {
        int r = store_name_check(name, em);

        if (r < 0)
                return r;
        if (!can)
                return errmsg_fail(em, -EOPNOTSUPP, "%s: this store signs no URLs", name);
        *ret_key = store_bucket_key(container_of(s, struct store_bucket, store), name);
        return *ret_key ? 0 : -ENOMEM;
}

int store_parts_create(struct store *s, const char *name, char **ret_id, struct errmsg *em) {
        _cleanup_free_ char *key = NULL;
        int r = key_of(s, store_parts_can_put(s), name, &key, em);

        return r < 0 ? r : s->parts->create(s, key, ret_id, em);
}

int store_parts_url(struct store *s, const char *name, const char *id, unsigned part,
                    usec_t valid_for, char **ret_url, struct errmsg *em) {
        _cleanup_free_ char *key = NULL;
        int r = key_of(s, store_parts_can_put(s), name, &key, em);

        return r < 0 ? r : s->parts->url(s, key, id, part, valid_for, ret_url, em);
}

int store_parts_complete(struct store *s, const char *name, const char *id,
                         const struct store_part *parts, size_t n, struct errmsg *em) {
        _cleanup_free_ char *key = NULL;
        int r = key_of(s, store_parts_can_put(s), name, &key, em);

        return r < 0 ? r : s->parts->complete(s, key, id, parts, n, em);
}

int store_parts_abort(struct store *s, const char *name, const char *id, struct errmsg *em) {
        _cleanup_free_ char *key = NULL;
        int r = key_of(s, store_parts_can_put(s), name, &key, em);

        return r < 0 ? r : s->parts->abort(s, key, id, em);
}

int store_parts_get_url(struct store *s, const char *name, usec_t valid_for, char **ret_url,
                        struct errmsg *em) {
        _cleanup_free_ char *key = NULL;
        int r = key_of(s, store_parts_can_get(s), name, &key, em);

        return r < 0 ? r : s->parts->get_url(s, key, valid_for, ret_url, em);
}
