/* object.h: what is known of an object, and its form in JSON. */
#pragma once

#include "daemons/bucketd/gcs_error.h"
#include "daemons/bucketd/segment.h"

struct arena;
struct field_mask;
struct json;
struct json_write;

enum { OBJECT_NAME_MAX = 1024, OBJECT_METADATA_MAX = 8192 /* bytes of keys and values */ };

struct object {
        const char *bucket; /* its name */
        const char *name;
        int64_t generation, metageneration; /* 0: there is none */
        uint64_t size;
        uint32_t crc32c;
        const char *md5;    /* base64, or NULL: not known (composed, or large) */
        int64_t components; /* of a composed one, else 0 */
        usec_t created_at, updated_at;
        usec_t retained_for;      /* its bucket's retention policy; 0: none */
        usec_t deleted_at;        /* no longer live since; 0: live */
        const char *content_type; /* or NULL */
        const char *attributes;   /* JSON: what else may be set by a client; "" = {} */
        struct segments segments;
};

/* 0, or REFUSED with the reason in Google's words. */
int object_check_name(const char *name, struct refused *no);

/* Takes what a client may set from an object resource. A key that is null goes; metadata is merged
 * key by key, or replaced with everything else when `whole`. REFUSED, -ENOMEM. */
int object_patch(struct arena *a, struct object *o, const struct json *resource, bool whole,
                 struct refused *no);
/* One attribute ("cacheControl"), or with in_metadata one key of its metadata. */
int object_set(struct arena *a, struct object *o, const char *key, const char *value,
               bool in_metadata, struct refused *no);
/* "Event-Based", "Temporary", or NULL: it may be deleted and replaced. */
const char *object_hold(const struct object *o);
/* It has an event-based hold unless somebody said whether it has. */
int object_hold_new(struct arena *a, struct object *o);
/* The attributes as a tree, and one string of them ("" in metadata: NULL when absent). */
int object_attributes(struct arena *a, const struct object *o, const struct json **ret);

/* The resource. base: "http://HOST" for its links. */
int object_write_json(struct arena *a, const struct object *o, const char *base,
                      const struct field_mask *mask, struct json_write *w);
/* The entity tag, without quotes. */
const char *object_etag(int64_t generation, int64_t metageneration, char ret[64]);
