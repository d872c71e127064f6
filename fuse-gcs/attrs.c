#include "fuse-gcs/attrs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/base/utf8.h"

#define NSEC_PER_SEC 1000000000

int attrs_parse_time(const char *s, struct timespec *ret) {
        const char *dot = strchr(s, '.');
        usec_t at;
        long ns = 0, unit = NSEC_PER_SEC / 10;

        if (timestamp_parse(s, &at) < 0)
                return -EINVAL;
        /* timestamp_parse() cuts at microseconds. */
        for (const char *p = dot ? dot + 1 : ""; *p >= '0' && *p <= '9'; p++, unit /= 10)
                ns += (*p - '0') * unit;
        ret->tv_sec = (time_t) (at / USEC_PER_SEC);
        ret->tv_nsec = ns;
        return 0;
}

void attrs_print_time(struct timespec t, char ret[ATTRS_TIME_SIZE]) {
        char seconds[TIMESTAMP_SIZE];

        if (t.tv_sec < 0)
                t = (struct timespec){};
        timestamp_print((usec_t) t.tv_sec * USEC_PER_SEC, TIMESTAMP_SECONDS, seconds);
        seconds[strcspn(seconds, "Z")] = 0;
        if (t.tv_nsec)
                snprintf(ret, ATTRS_TIME_SIZE, "%s.%09ldZ", seconds, (long) t.tv_nsec);
        else
                snprintf(ret, ATTRS_TIME_SIZE, "%sZ", seconds);
}

static struct timespec attrs_mtime(const struct gcs_object *o) {
        struct timespec t = {
                .tv_sec = (time_t) (o->updated_at / USEC_PER_SEC),
                .tv_nsec = (long) (o->updated_at % USEC_PER_SEC * NSEC_PER_USEC),
        };
        const char *seconds = gcs_object_metadata(o, ATTRS_MTIME_SECONDS);
        const char *exact = gcs_object_metadata(o, ATTRS_MTIME);
        uint64_t s;

        /* Both are kept alike by us; who wrote only seconds does not know of the other. */
        if (exact && attrs_parse_time(exact, &t) >= 0)
                return t;
        if (seconds && str_to_u64(seconds, &s) >= 0 && s < INT32_MAX * UINT64_C(100))
                t = (struct timespec){.tv_sec = (time_t) s};
        return t;
}

static const char *attrs_put(char **at, const char *s) {
        size_t n;
        char *to = *at;

        if (!s)
                return NULL;
        n = strlen(s) + 1;
        memcpy(to, s, n);
        *at += n;
        return to;
}

static size_t attrs_len(const char *s) {
        return s ? strlen(s) + 1 : 0;
}

struct attrs *attrs_new(const struct gcs_object *o) {
        _cleanup_buf_ struct buf metadata = {};
        const char *target = gcs_object_metadata(o, ATTRS_SYMLINK);
        const char *flag = gcs_object_metadata(o, ATTRS_IS_SYMLINK);
        size_t n = sizeof(struct attrs);
        struct attrs *a;
        char *at;

        if (o->metadata && o->metadata->len > 0) {
                struct json_write w;

                json_write_init(&w, &metadata, 0);
                json_write_node(&w, o->metadata);
                if (json_write_finish(&w) < 0)
                        return NULL;
        }
        n += metadata.len + 1 + attrs_len(target) + attrs_len(o->content_type) +
             attrs_len(o->content_encoding);
        a = mem_zalloc(n);
        if (!a)
                return NULL;
        a->n_refs = 1;
        a->n_bytes = n;
        a->size = o->size;
        a->generation = o->generation;
        a->metageneration = o->metageneration;
        a->mtime = attrs_mtime(o);
        a->crc32c = o->crc32c;
        a->has_crc32c = o->has_crc32c;
        a->n_components = o->n_components;
        a->is_held = o->is_held;
        a->is_symlink = target || str_eq(flag, "true");
        at = (char *) (a + 1);
        a->metadata = metadata.len > 0 ? attrs_put(&at, metadata.data) : NULL;
        a->target = attrs_put(&at, target);
        a->content_type = attrs_put(&at, o->content_type);
        a->content_encoding = attrs_put(&at, o->content_encoding);
        return a;
}

int attrs_parse(const char *body, size_t len, struct attrs **ret) {
        struct gcs_object o;
        struct errmsg em;
        struct arena a;
        int r;

        arena_init(&a, 0);
        r = gcs_object_parse(&a, body ?: "", len, &o, &em);
        if (r >= 0) {
                struct attrs *attrs = attrs_new(&o);

                if (attrs)
                        *ret = attrs;
                else
                        r = -ENOMEM;
        }
        arena_done(&a);
        return r;
}

struct attrs *attrs_new_local(uint64_t size, struct timespec mtime) {
        struct attrs *a = mem_new(struct attrs);

        if (!a)
                return NULL;
        a->n_refs = 1;
        a->n_bytes = sizeof(*a);
        a->size = size;
        a->mtime = mtime;
        return a;
}

struct attrs *attrs_ref(struct attrs *a) {
        if (a)
                atomic_fetch_add_explicit(&a->n_refs, 1, memory_order_relaxed);
        return a;
}

struct attrs *attrs_unref(struct attrs *a) {
        if (a && atomic_fetch_sub_explicit(&a->n_refs, 1, memory_order_acq_rel) == 1)
                mem_free(a);
        return NULL;
}

static void attrs_write_time(struct json_write *w, struct timespec mtime) {
        char text[ATTRS_TIME_SIZE];

        attrs_print_time(mtime, text);
        json_write_kv_str(w, ATTRS_MTIME, text);
        snprintf(text, sizeof(text), "%" PRId64, (int64_t) mtime.tv_sec);
        json_write_kv_str(w, ATTRS_MTIME_SECONDS, text);
}

int attrs_print_metadata(struct buf *out, const struct attrs *old, struct timespec mtime) {
        struct json_write w;
        struct arena a;
        struct json *j = NULL;
        const struct json *item;
        int r = 0;

        arena_init(&a, 1 << 20);
        if (old && old->metadata)
                r = json_parse_copy(&a, old->metadata, strlen(old->metadata), &j, NULL);
        if (r >= 0) {
                json_write_init(&w, out, 0);
                json_write_object(&w);
                json_each (item, j) {
                        if (!str_eq(item->key, ATTRS_MTIME) &&
                            !str_eq(item->key, ATTRS_MTIME_SECONDS))
                                json_write_kv_node(&w, item->key, item);
                }
                attrs_write_time(&w, mtime);
                json_write_end(&w);
                r = json_write_finish(&w);
        }
        arena_done(&a);
        return r;
}

int attrs_print_symlink(struct buf *out, const char *target, bool is_standard,
                        struct timespec mtime) {
        struct json_write w;

        json_write_init(&w, out, 0);
        json_write_object(&w);
        /* JSON has only UTF-8; in the body of a standard one is any target. */
        if (!is_standard || utf8_valid(target, strlen(target)))
                json_write_kv_str(&w, ATTRS_SYMLINK, target);
        if (is_standard)
                json_write_kv_str(&w, ATTRS_IS_SYMLINK, "true");
        attrs_write_time(&w, mtime);
        json_write_end(&w);
        return json_write_finish(&w);
}
