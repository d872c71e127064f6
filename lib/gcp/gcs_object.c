#include "lib/gcp/gcs_object.h"

#include <errno.h>
#include <string.h>

#include "lib/base/crc32c.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

/* Numbers of 64 bits are strings on this wire; emulators write some of them as numbers. */
static bool gcs_object_u64(const struct json *j, uint64_t *ret) {
        const char *s;

        if (json_u64(j, ret) == 0)
                return true;
        return json_str(j, &s) == 0 && str_to_u64(s, ret) >= 0;
}

static bool gcs_object_i64(const struct json *j, int64_t *ret) {
        uint64_t v;

        if (!gcs_object_u64(j, &v) || v > INT64_MAX)
                return false;
        *ret = (int64_t) v;
        return true;
}

static void gcs_object_read_optional(const struct json *j, struct gcs_object *o) {
        const struct json *metadata = json_get(j, "metadata");
        const char *s;
        int64_t n;

        if (json_str(json_get(j, "updated"), &s) != 0 || timestamp_parse(s, &o->updated_at) < 0)
                o->updated_at = 0;
        if (json_str(json_get(j, "crc32c"), &s) == 0)
                o->has_crc32c = crc32c_parse(s, strlen(s), &o->crc32c) >= 0;
        if (json_str(json_get(j, "contentType"), &s) == 0 && *s)
                o->content_type = s;
        if (json_str(json_get(j, "contentEncoding"), &s) == 0 && *s)
                o->content_encoding = s;
        if (gcs_object_i64(json_get(j, "componentCount"), &n) && n <= INT32_MAX)
                o->n_components = (unsigned) n;
        if (json_bool(json_get(j, "eventBasedHold"), &o->is_held) != 0)
                o->is_held = false;
        if (json_str(json_get(j, "retentionExpirationTime"), &s) == 0)
                o->is_held = true;
        if (json_is(metadata, JSON_OBJECT))
                o->metadata = metadata;
}

static int gcs_object_read(const struct json *j, struct gcs_object *ret, struct errmsg *em) {
        struct gcs_object o = {};

        if (json_str(json_get(j, "name"), &o.name) != 0 || str_empty(o.name))
                return errmsg_fail(em, -EPROTO, "the service described an object without a name");
        if (!gcs_object_i64(json_get(j, "generation"), &o.generation))
                return errmsg_fail(em, -EPROTO, "the service gave %s no generation", o.name);
        /* Some emulators leave the size of an empty object out. */
        if (json_get(j, "size") && !gcs_object_u64(json_get(j, "size"), &o.size))
                return errmsg_fail(em, -EPROTO, "the service gave %s a size that is no number",
                                   o.name);
        if (!gcs_object_i64(json_get(j, "metageneration"), &o.metageneration))
                o.metageneration = 1;
        gcs_object_read_optional(j, &o);
        *ret = o;
        return 0;
}

static int gcs_object_json(struct arena *a, const char *text, size_t len, struct json **ret,
                           struct errmsg *em) {
        int r = json_parse_copy(a, text, len, ret, em);

        if (r == -EINVAL) {
                errmsg_prefix(em, "the service's answer");
                return -EPROTO;
        }
        if (r >= 0 && !json_is(*ret, JSON_OBJECT))
                return errmsg_fail(em, -EPROTO, "the service answered %s where an object should be",
                                   json_type_name(*ret));
        return r;
}

int gcs_object_parse(struct arena *a, const char *text, size_t len, struct gcs_object *ret,
                     struct errmsg *em) {
        struct json *j;
        int r = gcs_object_json(a, text, len, &j, em);

        return r < 0 ? r : gcs_object_read(j, ret, em);
}

int gcs_object_parse_rewrite(struct arena *a, const char *text, size_t len, struct gcs_object *ret,
                             const char **ret_token, struct errmsg *em) {
        struct json *j;
        const char *token;
        int r = gcs_object_json(a, text, len, &j, em);

        if (r < 0)
                return r;
        if (json_get(j, "resource")) {
                *ret_token = NULL;
                return gcs_object_read(json_get(j, "resource"), ret, em);
        }
        if (json_str(json_get(j, "rewriteToken"), &token) != 0)
                return errmsg_fail(em, -EPROTO, "a rewrite answered no object and no token");
        *ret_token = token;
        return 0;
}

static int gcs_object_read_items(struct arena *a, const struct json *items,
                                 struct gcs_object_list *l, struct errmsg *em) {
        const struct json *item;
        int r;

        if (!json_is(items, JSON_ARRAY))
                return 0;
        l->items = arena_zalloc_array(a, items->len + 1, sizeof(*l->items));
        if (!l->items)
                return -ENOMEM;
        json_each (item, items) {
                r = gcs_object_read(item, &l->items[l->n_items], em);
                if (r < 0)
                        return r;
                l->n_items++;
        }
        return 0;
}

static int gcs_object_read_prefixes(struct arena *a, const struct json *prefixes,
                                    struct gcs_object_list *l, struct errmsg *em) {
        const struct json *item;

        if (!json_is(prefixes, JSON_ARRAY))
                return 0;
        l->prefixes = arena_zalloc_array(a, prefixes->len + 1, sizeof(*l->prefixes));
        if (!l->prefixes)
                return -ENOMEM;
        json_each (item, prefixes) {
                if (json_str(item, &l->prefixes[l->n_prefixes]) != 0)
                        return errmsg_fail(em, -EPROTO,
                                           "the service listed a prefix that is no string");
                l->n_prefixes++;
        }
        return 0;
}

int gcs_object_parse_list(struct arena *a, const char *text, size_t len,
                          struct gcs_object_list *ret, struct errmsg *em) {
        struct gcs_object_list l = {};
        struct json *j;
        int r = gcs_object_json(a, text, len, &j, em);

        if (r >= 0)
                r = gcs_object_read_items(a, json_get(j, "items"), &l, em);
        if (r >= 0)
                r = gcs_object_read_prefixes(a, json_get(j, "prefixes"), &l, em);
        if (r < 0)
                return r;
        if (json_str(json_get(j, "nextPageToken"), &l.next_page_token) != 0 ||
            str_empty(l.next_page_token))
                l.next_page_token = NULL;
        *ret = l;
        return 0;
}

const char *gcs_object_metadata(const struct gcs_object *o, const char *key) {
        const char *s;

        return json_str(json_get(o->metadata, key), &s) == 0 ? s : NULL;
}
