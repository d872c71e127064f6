/* mount_conf: from flags to what the layers want. Pure but for who runs it and where it runs. */
#pragma once

#include "fuse-gcs/fill.h"
#include "fuse-gcs/mnt.h"
#include "fuse-gcs/mount_flags.h"

struct mount_conf {
        struct mnt_settings mnt;
        char *bucket, *mountpoint;
        const char *what; /* is mounted, for people */
        bool all_buckets; /* each is a directory of the root; bucket is "_" */
        char *root;
        char *endpoint;
        char *temp_dir;
        char *cache_dir; /* as it was given; NULL: no disk cache */
        uint64_t cache_bytes_max;
        struct cache_filter *cache_filter; /* NULL: all is kept */
        struct fill_plan fill;
        char *agent;
        char *fuse_options; /* for libfuse, with commas between */
        char *key_file;
        char *log_file; /* NULL: none */
        uint64_t log_bytes_max;
        unsigned n_log_backups; /* 0: all */
        bool anonymous;
        unsigned n_connections;
        unsigned read_ahead_kb; /* 0: the kernel's own */
        struct gcs_retry_policy retry;
        usec_t stall_for, chunk_for;
        struct gcs_patience_options read_patience;
        usec_t rest_for;               /* without a read; 0: nobody looks */
        double ops_per_s, bytes_per_s; /* < 0: no limit */
};

/* 0; -EINVAL with em set: names the flag, the reason and the remedy. */
int mount_conf_init(struct mount_conf *c, const struct mount_flags *f, struct errmsg *em);
void mount_conf_done(struct mount_conf *c);
/* A path as gcsfuse reads it: "~/" is HOME's, and what is relative is found from where the command
 * runs, though its child leaves there. On the heap; NULL: out of memory. */
char *mount_conf_path(const char *given) _must_check_;
/* -o options: those that are flags of ours ("implicit_dirs", "key_file=…") become flags, what is
 * for the helper and for fstab alone is dropped, the rest is for the kernel and libfuse. */
int mount_conf_options(const char *options, struct buf *ret_fuse, struct mount_flags *f,
                       bool *ret_ro, struct errmsg *em);
