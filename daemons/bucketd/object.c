/* object: see object.h. */
#include "daemons/bucketd/object.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/bucketd/field_mask.h"
#include "lib/base/base64.h"
#include "lib/base/crc32c.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/base/utf8.h"
#include "lib/net/http_target.h"

int object_check_name(const char *name, struct refused *no) {
        size_t size = strlen(name);

        if (size == 0)
                return gcs_error_set(no, GCS_ERROR_REQUIRED, "Required parameter: name");
        if (size > OBJECT_NAME_MAX)
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "The maximum object length is 1024 characters, but got a "
                                     "name with %zu characters: %.32s...",
                                     size, name);
        if (str_eq(name, ".") || str_eq(name, "..") ||
            str_starts(name, ".well-known/acme-challenge/") || strpbrk(name, "\r\n") ||
            !utf8_valid(name, size))
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Disallowed object name: it must be UTF-8 without line "
                                     "breaks, not '.' or '..'.");
        return 0;
}

/* --- attributes ------------------------------------------------------------------------------ */

enum attribute_kind { ATTRIBUTE_STRING, ATTRIBUTE_BOOL, ATTRIBUTE_METADATA };

static const struct {
        const char *name;
        enum attribute_kind kind;
} attributes[] = {
        {"cacheControl", ATTRIBUTE_STRING},    {"contentDisposition", ATTRIBUTE_STRING},
        {"contentEncoding", ATTRIBUTE_STRING}, {"contentLanguage", ATTRIBUTE_STRING},
        {"customTime", ATTRIBUTE_STRING},      {"storageClass", ATTRIBUTE_STRING},
        {"eventBasedHold", ATTRIBUTE_BOOL},    {"temporaryHold", ATTRIBUTE_BOOL},
        {"metadata", ATTRIBUTE_METADATA},
};

static int check_kind(size_t i, const struct json *value, struct refused *no) {
        const struct json *item;
        size_t total = 0;

        if (value->type == JSON_NULL)
                return 0;
        if (attributes[i].kind == ATTRIBUTE_BOOL
                    ? value->type != JSON_TRUE && value->type != JSON_FALSE
                    : value->type !=
                              (attributes[i].kind == ATTRIBUTE_STRING ? JSON_STRING : JSON_OBJECT))
                return gcs_error_set(no, GCS_ERROR_INVALID, "Invalid value for field: %s",
                                     attributes[i].name);
        if (str_eq(attributes[i].name, "customTime")) {
                usec_t at;

                if (timestamp_parse(value->str, &at) < 0)
                        return gcs_error_set(no, GCS_ERROR_INVALID,
                                             "Invalid value for field: customTime");
        }
        if (attributes[i].kind != ATTRIBUTE_METADATA)
                return 0;
        json_each (item, value) {
                if (item->type != JSON_STRING && item->type != JSON_NULL)
                        return gcs_error_set(no, GCS_ERROR_INVALID,
                                             "Invalid value for metadata: \"%s\" is no string",
                                             item->key);
                total += item->key_len + (item->type == JSON_STRING ? item->len : 0);
        }
        if (total > OBJECT_METADATA_MAX)
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "The combined size of all custom metadata keys and values "
                                     "must not exceed 8 KiB.");
        return 0;
}

static void write_metadata(struct json_write *w, const struct json *old, const struct json *new,
                           bool *begun) {
        const struct json *item;

        json_each (item, old) {
                const struct json *over = json_get(new, item->key);

                if (over || item->type == JSON_NULL)
                        continue;
                if (!*begun)
                        json_write_kv_object(w, "metadata");
                *begun = true;
                json_write_kv_str(w, item->key, item->str);
        }
        json_each (item, new) {
                if (item->type == JSON_NULL)
                        continue;
                if (!*begun)
                        json_write_kv_object(w, "metadata");
                *begun = true;
                json_write_kv_str(w, item->key, item->str);
        }
        if (*begun)
                json_write_end(w);
}

int object_attributes(struct arena *a, const struct object *o, const struct json **ret) {
        struct json *j = NULL;
        int r = 0;

        if (!str_empty(o->attributes))
                r = json_parse_copy(a, o->attributes, strlen(o->attributes), &j, NULL);
        if (r >= 0)
                *ret = j;
        return r;
}

static int take_text(struct arena *a, struct buf *out, struct object *o) {
        o->attributes = str_eq(buf_cstr(out), "{}") ? "" : arena_strdup(a, buf_cstr(out));
        return buf_error(out) < 0 || !o->attributes ? -ENOMEM : 0;
}

static void write_attribute(struct json_write *w, size_t i, const struct json *was,
                            const struct json *new) {
        bool begun = false;

        if (attributes[i].kind == ATTRIBUTE_METADATA)
                write_metadata(w, json_is(new, JSON_NULL) ? NULL : was, new, &begun);
        else if (new &&new->type != JSON_NULL)
                json_write_kv_node(w, attributes[i].name, new);
        else if (!new &&was)
                json_write_kv_node(w, attributes[i].name, was);
}

static int patch_type(struct arena *a, struct object *o, const struct json *type, bool whole,
                      struct refused *no) {
        if (type && type->type != JSON_STRING && type->type != JSON_NULL)
                return gcs_error_set(no, GCS_ERROR_INVALID, "Invalid value for field: contentType");
        if (json_is(type, JSON_STRING)) {
                o->content_type = arena_strdup(a, type->str);
                return o->content_type ? 0 : -ENOMEM;
        }
        if (type || whole)
                o->content_type = NULL;
        return 0;
}

int object_patch(struct arena *a, struct object *o, const struct json *resource, bool whole,
                 struct refused *no) {
        _cleanup_buf_ struct buf out = {};
        const struct json *old = NULL;
        struct json_write w;
        int r = whole ? 0 : object_attributes(a, o, &old);

        if (r == 0)
                r = patch_type(a, o, json_get(resource, "contentType"), whole, no);
        json_write_init(&w, &out, 0);
        json_write_object(&w);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(attributes); i++) {
                const struct json *new = json_get(resource, attributes[i].name);

                r = new ? check_kind(i, new, no) : 0;
                if (r == 0)
                        write_attribute(&w, i, json_get(old, attributes[i].name), new);
        }
        if (r != 0)
                return r;
        json_write_end(&w);
        return take_text(a, &out, o);
}

int object_set(struct arena *a, struct object *o, const char *key, const char *value,
               bool in_metadata, struct refused *no) {
        struct json text = {.type = JSON_STRING, .str = value, .len = (uint32_t) strlen(value)};
        struct json object = {.type = JSON_OBJECT, .child = &text, .len = 1, .key = "metadata"};
        struct json resource = {.type = JSON_OBJECT, .child = in_metadata ? &object : &text};

        text.key = key;
        text.key_len = (uint32_t) (strlen(key) & 0xffffff);
        object.key_len = STRLEN("metadata");
        return object_patch(a, o, &resource, false, no);
}

/* The attributes are our own text: a quote within a string of them has a backslash before it. */
const char *object_hold(const struct object *o) {
        const char *text = o->attributes ?: "";

        return strstr(text, "\"temporaryHold\":true")    ? "Temporary"
               : strstr(text, "\"eventBasedHold\":true") ? "Event-Based"
                                                         : NULL;
}

int object_hold_new(struct arena *a, struct object *o) {
        struct json on = {.type = JSON_TRUE, .key = "eventBasedHold"};
        struct json resource = {.type = JSON_OBJECT, .child = &on, .len = 1};
        struct refused no;

        on.key_len = STRLEN("eventBasedHold");
        if (strstr(o->attributes ?: "", "\"eventBasedHold\":"))
                return 0;
        return object_patch(a, o, &resource, false, &no);
}

/* --- the resource ---------------------------------------------------------------------------- */

static size_t put_varint(unsigned char *p, uint64_t value) {
        size_t n = 0;

        for (; value >= 0x80; value >>= 7)
                p[n++] = (unsigned char) (value | 0x80);
        p[n++] = (unsigned char) value;
        return n;
}

const char *object_etag(int64_t generation, int64_t metageneration, char ret[64]) {
        unsigned char bytes[32] = {0x08};
        _cleanup_buf_ struct buf text = {};
        size_t n = 1;

        n += put_varint(bytes + n, (uint64_t) generation);
        bytes[n++] = 0x10;
        n += put_varint(bytes + n, (uint64_t) metageneration);
        (void) base64_encode(&text, bytes, n, 0);
        (void) str_copy(ret, 64, buf_cstr(&text));
        return ret;
}

struct writer {
        struct json_write *w;
        const struct field_mask *mask;
};

static bool wants(const struct writer *x, const char *key) {
        return field_mask_get(x->mask, key) != NULL;
}

static void put_str(const struct writer *x, const char *key, const char *value) {
        if (value && wants(x, key))
                json_write_kv_str(x->w, key, value);
}

/* Integers beyond 32 bits are strings in Google's JSON. */
static void put_number(const struct writer *x, const char *key, uint64_t value) {
        char text[24];

        if (!wants(x, key))
                return;
        (void) snprintf(text, sizeof(text), "%" PRIu64, value);
        json_write_kv_str(x->w, key, text);
}

static void put_time(const struct writer *x, const char *key, usec_t at) {
        char text[TIMESTAMP_SIZE];

        if (wants(x, key))
                json_write_kv_str(x->w, key, timestamp_print(at, TIMESTAMP_MSEC, text));
}

static int put_links(struct arena *a, const struct object *o, const char *base,
                     const struct writer *x) {
        char *name;

        if (wants(x, "id"))
                json_write_kv_str(
                        x->w, "id",
                        arena_printf(a, "%s/%s/%" PRId64, o->bucket, o->name, o->generation));
        if (!wants(x, "selfLink") && !wants(x, "mediaLink"))
                return 0;
        name = arena_alloc(a, 3 * strlen(o->name) + 1);
        if (!name)
                return -ENOMEM;
        (void) http_target_encode(name, o->name, strlen(o->name), "");
        put_str(x, "selfLink", arena_printf(a, "%s/storage/v1/b/%s/o/%s", base, o->bucket, name));
        put_str(x, "mediaLink",
                arena_printf(a, "%s/download/storage/v1/b/%s/o/%s?generation=%" PRId64 "&alt=media",
                             base, o->bucket, name, o->generation));
        return 0;
}

static int put_attributes(struct arena *a, const struct object *o, const struct writer *x) {
        const struct json *tree = NULL, *item;
        int r = object_attributes(a, o, &tree);

        if (r < 0)
                return r;
        if (!json_get(tree, "storageClass"))
                put_str(x, "storageClass", "STANDARD");
        json_each (item, tree) {
                const struct field_mask *part = field_mask_get(x->mask, item->key);

                if (!part)
                        continue;
                json_write_key(x->w, item->key);
                field_mask_write(x->w, item, part);
        }
        return 0;
}

int object_write_json(struct arena *a, const struct object *o, const char *base,
                      const struct field_mask *mask, struct json_write *w) {
        const struct writer x = {w, mask};
        char crc[CRC32C_TEXT_SIZE], etag[64];
        int r;

        json_write_object(w);
        put_str(&x, "kind", "storage#object");
        r = put_links(a, o, base, &x);
        if (r < 0)
                return r;
        put_str(&x, "name", o->name);
        put_str(&x, "bucket", o->bucket);
        put_number(&x, "generation", (uint64_t) o->generation);
        put_number(&x, "metageneration", (uint64_t) o->metageneration);
        put_str(&x, "contentType", o->content_type);
        put_number(&x, "size", o->size);
        put_str(&x, "md5Hash", o->md5);
        put_str(&x, "crc32c", crc32c_print(o->crc32c, crc));
        put_str(&x, "etag", object_etag(o->generation, o->metageneration, etag));
        if (o->components > 0 && wants(&x, "componentCount"))
                json_write_kv_i64(w, "componentCount", o->components);
        put_time(&x, "timeCreated", o->created_at);
        put_time(&x, "updated", o->updated_at);
        put_time(&x, "timeStorageClassUpdated", o->created_at);
        put_time(&x, "timeFinalized", o->created_at);
        if (o->retained_for > 0 && !object_hold(o))
                put_time(&x, "retentionExpirationTime", o->created_at + o->retained_for);
        if (o->deleted_at > 0)
                put_time(&x, "timeDeleted", o->deleted_at);
        r = put_attributes(a, o, &x);
        if (r < 0)
                return r;
        json_write_end(w);
        return 0;
}
