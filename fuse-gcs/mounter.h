/* mounter: a mount's life: what it is made of, its beginning, its end.
 *
 * Threads: the one that called mounter_run() waits and unmounts; the network loop has one; the
 * kernel's requests have workers. */
#pragma once

#include "fuse-gcs/mount_conf.h"

struct mounter_options {
        const struct mount_flags *flags;
        struct mount_conf *conf;
        bool in_foreground; /* waits for the bucket as long as it takes */
        /* Once: the directory is there. */
        void (*mounted)(void *ctx);
        void *ctx;
};

/* From mount to unmount. 0: unmounted, or told to end; negative with em set: it never was. */
int mounter_run(const struct mounter_options *o, struct errmsg *em);
