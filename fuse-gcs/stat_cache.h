/* stat_cache: what was last heard about names: their object, their directory, that there is
 * neither, and which directories were listed whole. Bounded by bytes; the least used goes first.
 *
 * A name is known by one entry, without a "/" at its end: it may be an object, a directory, both or
 * nothing. Of a directory listed whole every name that has no entry is nothing; when an entry of
 * it is evicted, it is no longer listed whole. Time is an argument. Threads: one at a time. */
#pragma once

#include "fuse-gcs/attrs.h"
#include "lib/gcp/gcs_name.h"

#define STAT_CACHE_KEY_MAX (GCS_NAME_MAX + 2)

struct stat_cache;

struct stat_cache_options {
        size_t n_bytes_max;  /* SIZE_MAX: no limit */
        usec_t ttl_for;      /* 0: nothing is kept; USEC_INFINITY: for ever */
        usec_t negative_for; /* the same for what is not there */
};

int stat_cache_new(const struct stat_cache_options *o, struct stat_cache **ret);
struct stat_cache *stat_cache_free(struct stat_cache *c);

/* What a question was answered is older than what we did meanwhile: take the number before asking
 * and give it with the answer as `as_of`; entries we changed since then stay. Our own changes are
 * given as STAT_CACHE_OURS. */
uint64_t stat_cache_seq(const struct stat_cache *c);
#define STAT_CACHE_OURS UINT64_MAX

struct stat_cache_found {
        struct attrs *file; /* borrowed; NULL: no object */
        bool is_dir;        /* a directory, by placeholder or by what is below it */
        bool is_explicit;   /* its placeholder is there */
        usec_t until_at;    /* good till then */
        usec_t heard_at;    /* as the bucket was at that moment */
};
/* 1: known (perhaps as nothing); 0: not known. */
int stat_cache_get(struct stat_cache *c, const char *path, size_t len, usec_t now,
                   struct stat_cache_found *ret);
/* An object was heard of, or (NULL) that there is none; what is known of the directory stays. */
int stat_cache_put_file(struct stat_cache *c, const char *path, size_t len, struct attrs *file,
                        uint64_t as_of, usec_t now);
/* The same of a directory. */
int stat_cache_put_dir(struct stat_cache *c, const char *path, size_t len, bool is_dir,
                       bool is_explicit, uint64_t as_of, usec_t now);
/* Nothing is known of the name any more. */
void stat_cache_forget(struct stat_cache *c, const char *path, size_t len);
/* Nothing is known of anything below the directory (its path with "/", "" for all). */
void stat_cache_forget_below(struct stat_cache *c, const char *dir);

/* The directory (path with "/" at its end, or "") was heard whole just now. names: the files in it
 * in order, one behind the other, each with its NUL; taken over (may be NULL). */
int stat_cache_put_listed(struct stat_cache *c, const char *dir, char *names, size_t n_bytes,
                          usec_t now);
/* A directory that we made: as there was nothing of its name at heard_at, it was empty then. Who
 * made it for others to fill meets their names at the first question: it is believed to be empty
 * only once the bucket was asked for it or for a name in it. */
int stat_cache_put_made(struct stat_cache *c, const char *dir, usec_t heard_at);
bool stat_cache_is_unasked(struct stat_cache *c, const char *dir);
void stat_cache_put_asked(struct stat_cache *c, const char *dir);
/* When the list was heard that stat_cache_denies() believes. */
usec_t stat_cache_listed_at(struct stat_cache *c, const char *dir, usec_t now);
void stat_cache_forget_listed(struct stat_cache *c, const char *dir);
/* One page did not hold it all: asking for names one by one is better for a while. */
void stat_cache_put_large(struct stat_cache *c, const char *dir, usec_t now);
bool stat_cache_is_large(struct stat_cache *c, const char *dir, usec_t now);
bool stat_cache_is_listed(struct stat_cache *c, const char *dir, usec_t now);
/* A name has no entry: is the list enough to say that it is not there? For the first few, no: who
 * looks for one name wants what others made a moment ago to be seen. For many one soon after the
 * other (an archive is unpacked), yes; for few in a directory that was made here just now. Counts.
 */
bool stat_cache_denies(struct stat_cache *c, const char *dir, usec_t now);
/* A name was there that a list had not: others write here. For a minute no list denies anything. */
void stat_cache_doubt(struct stat_cache *c, usec_t now);
/* The names behind `name` in the directory's list, as they were heard; NULL: none. Valid until the
 * next call. */
const char *stat_cache_names_after(struct stat_cache *c, const char *dir, const char *name,
                                   const char **ret_end);
/* From now on; what is above it goes with the next change. */
void stat_cache_limit(struct stat_cache *c, size_t n_bytes_max);
/* Would so many more leave half of what is known? */
bool stat_cache_has_room(const struct stat_cache *c, size_t n_names);
size_t stat_cache_n_bytes(const struct stat_cache *c);
