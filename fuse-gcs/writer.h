/* writer: an inode's changes until they are in the bucket. An inode has one from the first change
 * to the commit; all of this is under the inode's `lock`.
 *
 * Bytes written in order leave as they come, a block at a time: for a new object into an upload of
 * it, for an append into one of the tail; a large one into several objects at once (push_parts.h).
 * What was sent so is no longer here; who needs it (a read, a write before it) first has it
 * committed.
 */
#pragma once

#include "fuse-gcs/inode.h"
#include "fuse-gcs/overlay.h"
#include "fuse-gcs/push.h"
#include "fuse-gcs/push_parts.h"

#define WRITER_SIZE_MAX ((uint64_t) 5 << 40)      /* no object is larger */
#define WRITER_COMPOSE_MIN ((uint64_t) 256 << 10) /* what is smaller is written whole */

struct writer {
        struct overlay o;
        struct attrs *base; /* what is written over; NULL: nothing may be there */
        struct push *up;
        struct push_parts *parts; /* in its place, where several uploads are better */
        bool streams_tail;
        char *up_name;           /* of the tail */
        uint64_t up_from, up_to; /* is in the upload or in the parts, not here */
        usec_t began_at;         /* when the first of what waits was written */
        struct timespec mtime, up_mtime;
        bool mtime_is_set; /* by utimens */
        bool has_changes;  /* more than the time */
        int broken;        /* what sending it ended with: said by every call from then on */
        int refused;       /* a close was told this, and nothing was changed since */
};

/* Makes the inode's writer; truncated: from nothing. */
int writer_begin(struct mnt *m, struct inode *i, bool truncated);
int writer_write(struct mnt *m, struct inode *i, uint64_t offset, const char *data, size_t n);
/* The same; data is in what is offered, which may be kept. */
int writer_write_lent(struct mnt *m, struct inode *i, uint64_t offset, const char *data, size_t n,
                      struct lent_offer *offer);
int writer_truncate(struct mnt *m, struct inode *i, uint64_t size);
/* n bytes of the file as it is now. */
ssize_t writer_read(struct mnt *m, struct inode *i, uint64_t offset, char *data, size_t n);
/* The same without looking at what is in an upload: for the commit itself. */
ssize_t writer_content(struct mnt *m, struct inode *i, uint64_t offset, char *data, size_t n);
void writer_set_mtime(struct mnt *m, struct inode *i, struct timespec mtime);
/* Has some of it left? */
bool writer_is_sending(const struct writer *w);
/* The end of what is here, in order from up_to on? */
uint64_t writer_n_unsent(const struct writer *w);
struct writer *writer_free(struct writer *w);
/* Nothing of it goes anywhere, and what never came to the bucket is no file any more – unless more
 * than n_mine handles may write: true when it is gone. */
bool writer_drop(struct mnt *m, struct inode *i, unsigned n_mine);
