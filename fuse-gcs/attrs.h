/* attrs: what is known of one object: immutable, counted, shared by inodes and caches.
 * Threads: any. */
#pragma once

#include <stdatomic.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/gcp/gcs_object.h"

#define ATTRS_MTIME "gcsfuse_mtime" /* RFC 3339 with nanoseconds; what we write */
#define ATTRS_MTIME_SECONDS "goog-reserved-file-mtime"   /* what gcloud and gsutil write */
#define ATTRS_IS_SYMLINK "goog-reserved-file-is-symlink" /* the target is the body */
#define ATTRS_SYMLINK "gcsfuse_symlink_target"           /* the old way */

struct attrs {
        atomic_uint n_refs;
        uint64_t size;
        int64_t generation;
        int64_t metageneration;
        struct timespec mtime;
        uint32_t crc32c;
        bool has_crc32c;
        bool is_symlink;
        bool is_held; /* may not be deleted */
        unsigned n_components;
        const char *target;           /* of a symlink of the old way, else NULL */
        const char *content_type;     /* NULL: none */
        const char *content_encoding; /* NULL: none */
        const char *metadata;         /* JSON of all metadata; NULL: none */
        size_t n_bytes;               /* of memory */
};

/* NULL: out of memory. */
struct attrs *attrs_new(const struct gcs_object *o) _must_check_;
/* The same of an answer: JSON, perhaps NULL. 0, -ENOMEM or why it is no object. */
int attrs_parse(const char *body, size_t len, struct attrs **ret);
/* A file that is nowhere but here yet. */
struct attrs *attrs_new_local(uint64_t size, struct timespec mtime) _must_check_;
struct attrs *attrs_ref(struct attrs *a); /* NULL gives NULL */
struct attrs *attrs_unref(struct attrs *a);
DEFINE_CLEANUP(struct attrs *, attrs_unref)

/* The metadata for a new object in old's place (NULL: none), as a JSON object: all there is, the
 * times replaced by mtime. */
int attrs_print_metadata(struct buf *out, const struct attrs *old, struct timespec mtime);
/* A symlink's. A standard one has its target in the body, too. */
int attrs_print_symlink(struct buf *out, const char *target, bool is_standard,
                        struct timespec mtime);
/* "2026-01-02T03:04:05.678901234Z" */
#define ATTRS_TIME_SIZE 64
void attrs_print_time(struct timespec t, char ret[ATTRS_TIME_SIZE]);
/* 0 or -EINVAL. */
int attrs_parse_time(const char *s, struct timespec *ret);
