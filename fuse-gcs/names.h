/* names: between names in a directory and names of objects. Pure.
 *
 * A path is an object's whole name; a directory's ends with "/", the mount's root is "" or the
 * prefix it is limited to. Where an object "a" and a directory "a/" are both there, the directory
 * is shown as "a" and the object as "a\n". */
#pragma once

#include "lib/base/macros.h"

#define NAMES_CONFLICT "\n"
#define NAMES_TMP ".gcsfuse_tmp/"    /* tails of appends, beside gcsfuse's own */
#define NAMES_OPEN ".fuse_gcs_open/" /* deleted or replaced while they were open */
/* Of files that are being written. Not below NAMES_TMP: gcsfuse deletes what is half an hour old
 * there, and a file may be open for days. */
#define NAMES_PARTS ".fuse_gcs_parts/"

/* dir + name, and "/" when it is a directory's. NULL: out of memory. */
char *names_join(const char *dir, const char *name, bool is_dir) _must_check_;
/* May a file be called so? 0, -ENAMETOOLONG, -EILSEQ, -EINVAL. */
int names_check(const char *dir, const char *name);
/* Can an entry with this last part be shown? Not when empty, "." or "..", or with a "/" in it. */
bool names_is_shown(const char *part, size_t len);
/* Is `path` one of our own, which no directory shows? root: the mount's root path. */
bool names_is_ours(const char *root, const char *path);
/* The last part of a path, without its "/" at the end. */
const char *names_last(const char *path, size_t *ret_len);
/* The length of the path of the directory that `path` is in. */
size_t names_parent_len(const char *path);
/* A name that ends with NAMES_CONFLICT: its length without it; else 0. */
size_t names_conflict_len(const char *name);
/* A number for the path that stays over mounts; never 0 or 1. */
uint64_t names_ino(const char *path);
/* 64 bits of a path and a generation: what caches call a content. */
uint64_t names_content(const char *path, int64_t generation);
