#include <errno.h>
#include <string.h>

#include "fuse-gcs/buckets.h"
#include "fuse-gcs/entries.h"
#include "fuse-gcs/lookup.h"
#include "fuse-gcs/op_meter.h"
#include "fuse-gcs/ops_file.h"
#include "fuse-gcs/rename.h"
#include "lib/base/mem.h"

static void ops_name_reply(fuse_req_t req, struct mnt *m, const char *path, struct attrs *attrs,
                           usec_t until_at) {
        struct fuse_entry_param e;
        struct inode *i;
        int r;

        pthread_mutex_lock(&m->tree);
        r = inode_get(m, path, attrs, until_at, &i);
        if (r >= 0) {
                ops_file_entry(m, i, until_at, &e);
        }
        pthread_mutex_unlock(&m->tree);
        if (r < 0) {
                ops_file_error(req, r);
        } else if (fuse_reply_entry(req, &e) < 0) {
                pthread_mutex_lock(&m->tree);
                inode_forget(m, i, 1);
                pthread_mutex_unlock(&m->tree);
        }
}

/* A bucket in a root over many. */
static void ops_name_lookup_bucket(fuse_req_t req, struct mnt *top, const char *name) {
        usec_t now = mnt_now();
        struct mnt *m;
        int r = buckets_get(top->buckets, name, &m);

        if (r == -ENOENT) {
                struct fuse_entry_param none = {
                        .entry_timeout = ops_file_name_timeout(top, now + top->o.negative_for),
                };

                op_meter_failed(ENOENT);
                fuse_reply_entry(req, &none);
        } else if (r < 0) {
                ops_file_error(req, r);
        } else {
                ops_name_reply(req, m, m->o.root, NULL, now + m->o.ttl_for);
        }
}

void ops_name_lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
        struct mnt *m = ops_file_mnt(req, parent);
        _cleanup_free_ char *dir = ops_file_path(m, ops_file_inode(m, parent));
        _cleanup_found_ struct lookup_found f = {};
        int r;

        if (m->buckets) {
                ops_name_lookup_bucket(req, m, name);
                return;
        }
        r = dir ? lookup_name(m, dir, name, &f) : -ENOMEM;
        if (r == -ENOENT && m->o.negative_for > 0) {
                /* The kernel remembers that there is none, as long as we would. */
                struct fuse_entry_param none = {
                        .entry_timeout = ops_file_name_timeout(m, f.until_at),
                };

                op_meter_failed(ENOENT);
                fuse_reply_entry(req, &none);
        } else if (r < 0) {
                ops_file_error(req, r);
        } else {
                ops_name_reply(req, m, f.path, f.attrs, f.until_at);
        }
}

void ops_name_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n) {
        struct mnt *m = ops_file_mnt(req, ino);

        pthread_mutex_lock(&m->tree);
        inode_forget(m, ops_file_inode(m, ino), n);
        pthread_mutex_unlock(&m->tree);
        fuse_reply_none(req);
}

void ops_name_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *data) {
        for (size_t k = 0; k < n; k++) {
                struct mnt *m = ops_file_mnt(req, data[k].ino);

                pthread_mutex_lock(&m->tree);
                inode_forget(m, ops_file_inode(m, data[k].ino), data[k].nlookup);
                pthread_mutex_unlock(&m->tree);
        }
        fuse_reply_none(req);
}

static usec_t ops_name_until(const struct mnt *m) {
        return m->o.ttl_for == USEC_INFINITY ? USEC_INFINITY : mnt_now() + m->o.ttl_for;
}

void ops_name_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode) {
        struct mnt *m = ops_file_mnt(req, parent);
        _cleanup_free_ char *dir = ops_file_path(m, ops_file_inode(m, parent)), *path = NULL;
        int r = ops_file_may_change(m);

        if (r >= 0)
                r = dir ? entries_mkdir(m, dir, name, &path) : -ENOMEM;
        if (r < 0) {
                ops_file_error(req, r);
                return;
        }
        ops_file_dir_changed(m, parent);
        ops_name_reply(req, m, path, NULL, ops_name_until(m));
}

void ops_name_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name) {
        struct mnt *m = ops_file_mnt(req, parent);
        _cleanup_free_ char *dir = ops_file_path(m, ops_file_inode(m, parent)), *path = NULL;
        _cleanup_(attrs_unrefp) struct attrs *a = NULL;
        int r = ops_file_may_change(m);

        if (r >= 0)
                r = dir ? entries_symlink(m, dir, name, target, &path, &a) : -ENOMEM;
        if (r < 0) {
                ops_file_error(req, r);
                return;
        }
        ops_file_dir_changed(m, parent);
        ops_name_reply(req, m, path, a, ops_name_until(m));
}

void ops_name_readlink(fuse_req_t req, fuse_ino_t ino) {
        struct mnt *m = ops_file_mnt(req, ino);
        _cleanup_free_ char *target = NULL;
        int r = entries_readlink(m, ops_file_inode(m, ino), &target);

        if (r < 0)
                ops_file_error(req, r);
        else
                fuse_reply_readlink(req, target);
}

static void ops_name_remove(fuse_req_t req, fuse_ino_t parent, const char *name,
                            int (*remove)(struct mnt *m, const char *dir, const char *name)) {
        struct mnt *m = ops_file_mnt(req, parent);
        _cleanup_free_ char *dir = ops_file_path(m, ops_file_inode(m, parent));
        int r = ops_file_may_change(m);

        if (r >= 0)
                r = dir ? remove(m, dir, name) : -ENOMEM;
        if (r >= 0)
                ops_file_dir_changed(m, parent);
        ops_file_error(req, r);
}

void ops_name_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name) {
        ops_name_remove(req, parent, name, entries_rmdir);
}

void ops_name_unlink(fuse_req_t req, fuse_ino_t parent, const char *name) {
        ops_name_remove(req, parent, name, entries_unlink);
}

void ops_name_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
                     const char *to_name, unsigned flags) {
        struct mnt *m = ops_file_mnt(req, parent);
        _cleanup_free_ char *from = ops_file_path(m, ops_file_inode(m, parent));
        _cleanup_free_ char *to = ops_file_path(m, ops_file_inode(m, to_parent));
        int r = ops_file_may_change(m);

        if (r >= 0 && ops_file_mnt(req, to_parent) != m)
                r = -EXDEV; /* what crosses buckets is copied, by whoever moves it */
        if (r >= 0)
                r = from && to ? rename_entry(m, from, name, to, to_name, flags) : -ENOMEM;
        if (r >= 0) {
                ops_file_dir_changed(m, parent);
                ops_file_dir_changed(m, to_parent);
        }
        ops_file_error(req, r);
}
