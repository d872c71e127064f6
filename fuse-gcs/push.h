/* push: a resumable upload, one piece under way while the next one is being filled.
 *
 * A piece stays in memory until the service has it: after a broken connection the service is asked
 * how far it got, and the rest is sent again. Threads: one at a time. */
#pragma once

#include "fuse-gcs/mnt.h"

struct push;

/* Bytes to be sent and the memory they are in. */
struct push_piece {
        struct iovec *iov; /* on the heap */
        size_t n;
        struct lent_page *own; /* what they are in, to be freed; on the heap */
        size_t n_own;
        atomic_size_t *account; /* less n_accounted when they are freed; NULL: nobody counts */
        size_t n_accounted;
        bool has_crc32c;
        uint32_t crc32c; /* of all of it */
};
/* One block of memory; taken over, NULL is nothing. 0 or -ENOMEM (it is freed then). */
int push_piece_init(struct push_piece *p, char *data, size_t n);
void push_piece_done(struct push_piece *p);
size_t push_piece_size(const struct push_piece *p);
uint32_t push_piece_crc32c(const struct push_piece *p);

struct push_target {
        const char *name;
        int64_t if_generation, if_metageneration;
        const char *json; /* the object's resource */
        const char *content_type;
};

int push_begin(struct mnt *m, const struct push_target *t, struct push **ret);
/* Sends the piece (a multiple of 256 KiB): waits for the one before, then returns at once. The
 * piece is the upload's from now on, success or not. */
int push_put(struct push *u, struct push_piece *piece);
/* Sends the rest (which may be empty) and ends it: the answer is the object's. */
int push_finish(struct push *u, struct push_piece *piece, struct remote_answer *ret);
/* Gives it up, at the service as well; frees. NULL is fine. */
struct push *push_free(struct push *u);
uint64_t push_n_sent(const struct push *u);
uint32_t push_crc32c(const struct push *u);
