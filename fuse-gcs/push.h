/* push: a resumable upload, one piece under way while the next one is being filled.
 *
 * A piece stays in memory until the service has it: after a broken connection the service is asked
 * how far it got, and the rest is sent again. Threads: one at a time. */
#pragma once

#include "fuse-gcs/mnt.h"

struct push;

struct push_target {
        const char *name;
        int64_t if_generation, if_metageneration;
        const char *json; /* the object's resource */
        const char *content_type;
};

int push_begin(struct mnt *m, const struct push_target *t, struct push **ret);
/* Sends n bytes (a multiple of 256 KiB): waits for the piece before, then returns at once. data is
 * the upload's from now on, success or not. */
int push_put(struct push *u, char *data, size_t n);
/* Sends the rest (data is the upload's, may be NULL) and ends it: the answer is the object's. */
int push_finish(struct push *u, char *data, size_t n, struct remote_answer *ret);
/* Gives it up, at the service as well; frees. NULL is fine. */
struct push *push_free(struct push *u);
uint64_t push_n_sent(const struct push *u);
uint32_t push_crc32c(const struct push *u);
