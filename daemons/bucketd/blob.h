/* blob.h: the bytes of objects in files, and when a file may go.
 *
 * A blob has a number and never changes. Its file is written in staging/, made durable there, and
 * then named by a row of the database: that commit is what publishes it. Afterwards, at leisure, it
 * is moved to data/XX/; who opens it looks in both. After a crash staging/ alone is gone through:
 * what a row names is moved, the rest is dropped.
 *
 * A blob no row names any more is discarded: its file goes once everybody who began to read before
 * that has ended.
 * Threads: any, but one put from one thread at a time. One thread of its own moves and removes. */
#pragma once

#include <sys/types.h>

#include "lib/base/macros.h"

struct blob_store;
struct blob_put;
struct errmsg;

struct blob_options {
        const char *dir;
        bool no_sync; /* for tests and benches: nothing is made durable */
        /* Of the blobs whose files are gone, on the store's own thread: forget their rows. */
        void (*forget)(void *ctx, const uint64_t *ids, size_t n);
        void *ctx;
};

/* Makes `dir` and what is in it. Numbers begin with first_id. */
int blob_store_open(const struct blob_options *o, uint64_t first_id, struct errmsg *em,
                    struct blob_store **ret);
/* Once, before anything is put: what to do with each file found in staging/. */
enum blob_fate { BLOB_KEEP, BLOB_MOVE, BLOB_DROP };
int blob_store_recover(struct blob_store *s, int (*fate)(void *ctx, uint64_t id), void *ctx);
/* Ends the thread after it has done what was asked of it; what is asked later, the next start does.
 */
void blob_store_stop(struct blob_store *s);
struct blob_store *blob_store_free(struct blob_store *s);

uint64_t blob_new_id(struct blob_store *s);

/* --- writing --------------------------------------------------------------------------------- */

int blob_put_begin(struct blob_store *s, struct blob_put **ret);
/* The same under a number that was given away before. */
int blob_put_create(struct blob_store *s, uint64_t id, struct blob_put **ret);
/* Goes on with what an interrupted one has written; *ret_size bytes of it. -ENOENT. */
int blob_put_reopen(struct blob_store *s, uint64_t id, struct blob_put **ret, uint64_t *ret_size);
uint64_t blob_put_id(const struct blob_put *p);
int blob_put_write(struct blob_put *p, const void *data, size_t n);
/* Only the first `size` bytes stay. */
int blob_put_cut(struct blob_put *p, uint64_t size);
/* What is written so far survives a power cut. */
int blob_put_sync(struct blob_put *p);
/* Reads back; the count or -errno. */
ssize_t blob_put_read(struct blob_put *p, void *data, size_t n, uint64_t offset);
/* Closes; the file stays in staging/. Returns NULL, as does the next. */
struct blob_put *blob_put_close(struct blob_put *p);
/* Closes and removes. */
struct blob_put *blob_put_drop(struct blob_put *p);
/* A staged file nobody has open. */
void blob_drop(struct blob_store *s, uint64_t id);

/* After the commit that names it. */
void blob_publish(struct blob_store *s, uint64_t id);
/* After the commit that took its last name away. */
void blob_discard(struct blob_store *s, const uint64_t *ids, size_t n);

/* --- reading --------------------------------------------------------------------------------- */

/* Between the two nothing goes that was there at the first. Embedded by the reader. */
struct blob_reading {
        struct blob_reading *next, **prev;
        uint64_t epoch;
        struct blob_store *store; /* NULL: not begun, or ended */
};
void blob_reading_begin(struct blob_store *s, struct blob_reading *r);
void blob_reading_end(struct blob_reading *r);

/* A descriptor, the caller's to close, or -errno. */
int blob_open(struct blob_store *s, uint64_t id);
