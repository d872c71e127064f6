#include <errno.h>
#include <string.h>

#include "fuse-gcs/dir.h"
#include "fuse-gcs/inode_number.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/ops_file.h"
#include "lib/base/mem.h"

static struct dir *ops_dir_of(struct fuse_file_info *fi) {
        return (struct dir *) (uintptr_t) fi->fh;
}

void ops_dir_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        struct mnt *m = ops_file_mnt(req, ino);
        struct inode *i = ops_file_inode(m, ino);
        struct dir *d;
        int r = dir_open(m, i, &d);

        if (r < 0) {
                ops_file_error(req, r);
                return;
        }
        pthread_mutex_lock(&m->tree);
        i->n_open++;
        /* The kernel may keep the list it has as long as it is not older than that. */
        if (m->o.list_cache_for > 0) {
                usec_t now = mnt_now();

                fi->cache_readdir = 1;
                fi->keep_cache = m->o.list_cache_for == USEC_INFINITY
                                         ? i->listed_at > 0
                                         : now - i->listed_at < m->o.list_cache_for;
                if (!fi->keep_cache)
                        i->listed_at = now;
        }
        pthread_mutex_unlock(&m->tree);
        fi->fh = (uint64_t) (uintptr_t) d;
        fuse_reply_open(req, fi);
}

void ops_dir_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        struct mnt *m = ops_file_mnt(req, ino);
        struct inode *i = ops_file_inode(m, ino);

        dir_free(ops_dir_of(fi));
        pthread_mutex_lock(&m->tree);
        i->n_open--;
        inode_forget(m, i, 0);
        pthread_mutex_unlock(&m->tree);
        fuse_reply_err(req, 0);
}

void ops_dir_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi) {
        fuse_reply_err(req, 0);
}

/* "." and ".." have the offsets 1 and 2, the entries what follows. */
static size_t ops_dir_add_dots(fuse_req_t req, char *buf, size_t size, uint64_t *off, bool plus,
                               const struct inode *i) {
        size_t n = 0;

        for (; *off < 2; ++*off) {
                struct fuse_entry_param e = {.attr = {.st_ino = i->st_ino, .st_mode = S_IFDIR}};
                const char *name = *off ? ".." : ".";
                size_t k = plus ? fuse_add_direntry_plus(req, buf + n, size - n, name, &e,
                                                         (off_t) *off + 1)
                                : fuse_add_direntry(req, buf + n, size - n, name, &e.attr,
                                                    (off_t) *off + 1);

                if (k > size - n)
                        return n;
                n += k;
        }
        return n;
}

/* One entry; with plus it counts as a lookup. 0: does not fit. */
static size_t ops_dir_add(fuse_req_t req, struct mnt *m, char *buf, size_t size,
                          const struct dir_entry *from, uint64_t off, bool plus, int *error) {
        struct fuse_entry_param e = {};
        struct inode *i = NULL;
        usec_t until_at =
                m->o.ttl_for == USEC_INFINITY ? USEC_INFINITY : from->asked_at + m->o.ttl_for;
        size_t n;

        if (!plus) {
                pthread_mutex_lock(&m->tree);
                e.attr.st_ino = inode_number_of(m, from->path);
                pthread_mutex_unlock(&m->tree);
                e.attr.st_mode = !from->attrs              ? S_IFDIR
                                 : from->attrs->is_symlink ? S_IFLNK
                                                           : S_IFREG;
                n = fuse_add_direntry(req, buf, size, from->name, &e.attr, (off_t) off);
                return n > size ? 0 : n;
        }
        pthread_mutex_lock(&m->tree);
        *error = inode_get(m, from->path, from->attrs, until_at, &i);
        if (*error >= 0) {
                ops_file_entry(m, i, until_at, &e);
                n = fuse_add_direntry_plus(req, buf, size, from->name, &e, (off_t) off);
                if (n > size) {
                        inode_forget(m, i, 1);
                        n = 0;
                }
        } else {
                n = 0;
        }
        pthread_mutex_unlock(&m->tree);
        return n;
}

static void ops_dir_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, bool plus,
                         struct fuse_file_info *fi) {
        struct mnt *m = ops_file_mnt(req, ino);
        struct dir *d = ops_dir_of(fi);
        _cleanup_free_ char *buf = mem_alloc(size);
        uint64_t off = (uint64_t) at;
        size_t n;
        int r = 0;

        /* Which buckets there are is nobody's to list: each is there when it is named. */
        if (!buf || m->buckets) {
                ops_file_error(req, buf ? -ENOTSUP : -ENOMEM);
                return;
        }
        n = ops_dir_add_dots(req, buf, size, &off, plus, dir_inode(d));
        dir_lock(d);
        while (off >= 2) {
                const struct dir_entry *e;
                size_t k;

                r = dir_entry(d, off - 2, &e);
                if (r <= 0)
                        break;
                k = ops_dir_add(req, m, buf + n, size - n, e, off + 1, plus, &r);
                if (k == 0)
                        break;
                n += k;
                off++;
        }
        dir_unlock(d);
        /* What is there already is answered; the error comes with the next call. */
        if (r < 0 && n == 0)
                ops_file_error(req, r);
        else
                fuse_reply_buf(req, buf, n);
}

void ops_dir_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                     struct fuse_file_info *fi) {
        ops_dir_read(req, ino, size, off, false, fi);
}

void ops_dir_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                         struct fuse_file_info *fi) {
        ops_dir_read(req, ino, size, off, true, fi);
}
