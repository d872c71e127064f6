/* gcs_object: what the service says about objects, read from its JSON. Pure.
 *
 * Strings live as long as the arena given. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/json.h"
#include "lib/base/macros.h"

/* The fields asked for wherever an object is answered. */
#define GCS_OBJECT_FIELDS                                                                 \
        "name,size,generation,metageneration,updated,crc32c,contentType,contentEncoding," \
        "componentCount,metadata,retentionExpirationTime,eventBasedHold"

struct gcs_object {
        const char *name;
        uint64_t size;
        int64_t generation;
        int64_t metageneration;
        usec_t updated_at;
        uint32_t crc32c;
        bool has_crc32c;              /* absent with customer-managed keys */
        unsigned n_components;        /* 0: not a composite */
        bool is_held;                 /* may not be deleted: the bucket retains what is put there */
        const char *content_type;     /* NULL: none */
        const char *content_encoding; /* NULL: none */
        const struct json *metadata;  /* an object of strings, or NULL */
};

struct gcs_object_list {
        struct gcs_object *items;
        size_t n_items;
        const char **prefixes;
        size_t n_prefixes;
        const char *next_page_token; /* NULL: that was the last one */
};

/* One object's resource. 0; -EPROTO with em set; -ENOMEM. */
int gcs_object_parse(struct arena *a, const char *text, size_t len, struct gcs_object *ret,
                     struct errmsg *em);
/* A rewrite's answer: its "resource" when done (*ret_token NULL), else the token to go on with. */
int gcs_object_parse_rewrite(struct arena *a, const char *text, size_t len, struct gcs_object *ret,
                             const char **ret_token, struct errmsg *em);
/* One page of a listing. */
int gcs_object_parse_list(struct arena *a, const char *text, size_t len,
                          struct gcs_object_list *ret, struct errmsg *em);
/* metadata[key], or NULL. */
const char *gcs_object_metadata(const struct gcs_object *o, const char *key);
