#include "fuse-gcs/ops_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "fuse-gcs/closing.h"
#include "fuse-gcs/commit.h"
#include "fuse-gcs/entries.h"
#include "fuse-gcs/handle.h"
#include "fuse-gcs/interrupt.h"
#include "fuse-gcs/lineage.h"
#include "fuse-gcs/lookup.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/op_meter.h"
#include "fuse-gcs/reader.h"
#include "fuse-gcs/small_files.h"
#include "fuse-gcs/teller.h"
#include "fuse-gcs/workers.h"
#include "fuse-gcs/writer.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

struct mnt *ops_file_mnt(fuse_req_t req, fuse_ino_t ino) {
        return ino == FUSE_ROOT_ID ? fuse_req_userdata(req)
                                   : ((struct inode *) (uintptr_t) ino)->mnt;
}

int ops_file_may_change(const struct mnt *m) {
        return m->o.read_only ? -EROFS : m->buckets ? -EPERM : 0;
}

struct inode *ops_file_inode(struct mnt *m, fuse_ino_t ino) {
        return ino == FUSE_ROOT_ID ? m->root : (struct inode *) (uintptr_t) ino;
}

fuse_ino_t ops_file_ino(const struct mnt *m, const struct inode *i) {
        return i == m->root && !m->o.over ? FUSE_ROOT_ID : (fuse_ino_t) (uintptr_t) i;
}

void ops_file_error(fuse_req_t req, int error) {
        int e = mnt_errno(error);

        op_meter_failed(e);
        fuse_reply_err(req, e);
}

char *ops_file_path(struct mnt *m, struct inode *i) {
        char *path;

        pthread_mutex_lock(&m->tree);
        path = mem_strdup(i->path);
        pthread_mutex_unlock(&m->tree);
        return path;
}

void ops_file_dir_changed(struct mnt *m, fuse_ino_t dir) {
        pthread_mutex_lock(&m->tree);
        ops_file_inode(m, dir)->dir_mtime = mnt_time();
        pthread_mutex_unlock(&m->tree);
}

#define OPS_FILE_TICK (20 * USEC_PER_MSEC) /* two of its slowest clock (100 Hz) */

double ops_file_timeout(const struct mnt *m, usec_t until_at) {
        usec_t now = mnt_now();

        if (m->o.ttl_for == USEC_INFINITY || until_at == USEC_INFINITY)
                return 1e6;
        /* The kernel rounds up to its tick; what it keeps does not outlast what is known. */
        now += OPS_FILE_TICK;
        return until_at > now ? (double) (until_at - now) / USEC_PER_SEC : 0;
}

double ops_file_name_timeout(const struct mnt *m, usec_t until_at) {
        return m->o.asks_names ? 0 : ops_file_timeout(m, until_at);
}

void ops_file_entry(struct mnt *m, struct inode *i, usec_t dir_until_at,
                    struct fuse_entry_param *ret) {
        usec_t until_at = i->is_dir ? dir_until_at : i->until_at;

        *ret = (struct fuse_entry_param){.ino = ops_file_ino(m, i)};
        inode_stat(m, i, &ret->attr);
        ret->attr_timeout = ops_file_timeout(m, until_at);
        ret->entry_timeout = ops_file_name_timeout(m, until_at);
        /* What is being written changes under the kernel's eyes alone. */
        if (i->is_dirty)
                ret->attr_timeout = 1;
}

/* --- attributes ------------------------------------------------------------------------------ */

/* Asks the bucket again when what is known is too old. */
static int ops_file_refresh(struct mnt *m, struct inode *i, bool always) {
        _cleanup_(attrs_unrefp) struct attrs *a = NULL;
        _cleanup_free_ char *path = NULL;
        usec_t now = mnt_now();
        bool differs = false, is_fresh, is_lost;
        int r;

        pthread_mutex_lock(&m->tree);
        is_fresh = i->is_dir || i->is_unlinked || i->is_local || i->is_dirty ||
                   (!always && i->until_at > now);
        is_lost = i->is_lost;
        path = mem_strdup(i->path);
        pthread_mutex_unlock(&m->tree);
        if (is_fresh)
                return is_lost ? -ESTALE : 0;
        if (!path)
                return -ENOMEM;
        r = lookup_object(m, path, &a);
        if (r < 0)
                return r == -ENOENT ? -ESTALE : r;
        pthread_mutex_lock(&m->tree);
        differs = inode_set_attrs(i, a, now + m->o.ttl_for);
        (void) stat_cache_put_file(m->stats, path, strlen(path), a, STAT_CACHE_OURS, now);
        pthread_mutex_unlock(&m->tree);
        if (differs)
                teller_content(m, i);
        return 0;
}

static void ops_file_reply_attr(fuse_req_t req, struct mnt *m, struct inode *i) {
        struct fuse_entry_param e;

        pthread_mutex_lock(&m->tree);
        ops_file_entry(m, i, mnt_now() + m->o.ttl_for, &e);
        pthread_mutex_unlock(&m->tree);
        fuse_reply_attr(req, &e.attr, e.attr_timeout);
}

void ops_file_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        struct mnt *m = ops_file_mnt(req, ino);
        struct inode *i = ops_file_inode(m, ino);
        int r = ops_file_refresh(m, i, false);

        /* By ESTALE the kernel looks the name up again. */
        if (r == -ESTALE && !i->is_lost)
                r = -ENOENT;
        if (r < 0)
                ops_file_error(req, r);
        else
                ops_file_reply_attr(req, m, i);
}

static int ops_file_truncate(struct mnt *m, struct inode *i, uint64_t size, bool is_open) {
        bool is_lost;
        int r;

        pthread_mutex_lock(&i->lock);
        r = writer_truncate(m, i, size);
        /* Nobody will close it. */
        if (r >= 0 && !is_open)
                r = commit_inode(m, i);
        is_lost = r < 0 && !is_open && i->writer && writer_drop(m, i, 0);
        pthread_mutex_unlock(&i->lock);
        if (is_lost)
                teller_content(m, i);
        return r;
}

static int ops_file_set_mtime(struct mnt *m, struct inode *i, const struct stat *st, int to_set) {
        struct timespec t = to_set & FUSE_SET_ATTR_MTIME_NOW ? mnt_time() : st->st_mtim;
        int r = 0;

        pthread_mutex_lock(&i->lock);
        if (i->writer)
                writer_set_mtime(m, i, t);
        else
                r = commit_compose_mtime(m, i, t);
        pthread_mutex_unlock(&i->lock);
        return r;
}

void ops_file_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
                      struct fuse_file_info *fi) {
        struct mnt *m = ops_file_mnt(req, ino);
        struct inode *i = ops_file_inode(m, ino);
        int r = 0;

        /* Owner and mode are the mount's: accepted and left as they are. */
        if ((to_set & FUSE_SET_ATTR_SIZE) && i->is_dir)
                r = -EISDIR;
        else if (to_set & FUSE_SET_ATTR_SIZE)
                r = ops_file_truncate(m, i, (uint64_t) st->st_size, fi);
        if (r >= 0 && !i->is_dir && (to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW)) &&
            /* O_TRUNC and truncate() set it along with the size: the commit does that. */
            !(to_set & FUSE_SET_ATTR_SIZE))
                r = ops_file_set_mtime(m, i, st, to_set);
        if (r < 0)
                ops_file_error(req, r);
        else
                ops_file_reply_attr(req, m, i);
}

/* --- closing --------------------------------------------------------------------------------- */

static struct handle *ops_file_handle(struct fuse_file_info *fi) {
        return (struct handle *) (uintptr_t) fi->fh;
}

static int ops_file_commit(struct mnt *m, struct inode *i) {
        int r = 0;

        if (!i->is_dirty)
                return 0;
        pthread_mutex_lock(&i->lock);
        r = commit_inode(m, i);
        pthread_mutex_unlock(&i->lock);
        return r;
}

/* The end of a handle: by its release, or when the answer to its open found nobody. */
static void ops_file_close(struct mnt *m, struct handle *h) {
        struct inode *i = h->inode;
        bool is_last, still = false;

        if (h->may_write && i->is_dirty) {
                _cleanup_free_ char *path = ops_file_path(m, i);
                int r = closing_last(m, i);

                if (r < 0)
                        log_errno(r, "%s: changes are lost at the last close", path ?: "?");
        }
        pthread_mutex_lock(&m->tree);
        is_last = i->n_open == 1;
        pthread_mutex_unlock(&m->tree);
        if (is_last) {
                pthread_mutex_lock(&i->lock);
                pthread_mutex_lock(&m->tree);
                still = i->n_open == 1;
                pthread_mutex_unlock(&m->tree);
                /* Of what was deleted while it was written. */
                if (i->writer && still)
                        (void) writer_drop(m, i, 1);
                pthread_mutex_unlock(&i->lock);
                if (still)
                        entries_unpark(m, i);
        }
        pthread_mutex_lock(&m->tree);
        handle_free(m, h);
        pthread_mutex_unlock(&m->tree);
}

/* --- opening --------------------------------------------------------------------------------- */

/* May the kernel keep the pages it has? */
static void ops_file_pages(struct mnt *m, struct inode *i, struct fuse_file_info *fi) {
        uint64_t content = i->attrs && i->attrs->generation > 0
                                   ? names_content(i->path, i->attrs->generation)
                                   : 0;

        fi->direct_io = m->o.direct_io;
        fi->keep_cache = i->is_dirty || i->kernel_has == content;
        if (!i->is_dirty)
                i->kernel_has = content;
}

/* Who made the file brings it to the bucket at the close, though it was opened for reading alone.
 */
static int ops_file_begin(struct mnt *m, struct inode *i, bool is_new, struct fuse_file_info *fi) {
        bool may_write = is_new || (fi->flags & O_TRUNC) || (fi->flags & O_ACCMODE) != O_RDONLY;
        struct handle *h;
        bool is_lost;
        int r = 0;

        pthread_mutex_lock(&m->tree);
        is_lost = i->is_lost;
        h = is_lost ? NULL : handle_new(m, i, may_write, fi->flags & O_APPEND);
        if (h)
                ops_file_pages(m, i, fi);
        pthread_mutex_unlock(&m->tree);
        if (!h)
                return is_lost ? -ESTALE : -ENOMEM;
        if (may_write && (fi->flags & O_TRUNC)) {
                pthread_mutex_lock(&i->lock);
                r = i->writer ? writer_truncate(m, i, 0) : writer_begin(m, i, true);
                pthread_mutex_unlock(&i->lock);
                fi->keep_cache = 0;
        }
        if (r < 0) {
                pthread_mutex_lock(&m->tree);
                handle_free(m, h);
                pthread_mutex_unlock(&m->tree);
                return r;
        }
        fi->fh = (uint64_t) (uintptr_t) h;
        return 0;
}

/* Whose work it is, for the tracking server. */
static void ops_file_tell(fuse_req_t req, struct mnt *m, struct inode *i, int flags) {
        uint32_t who = lineage_who(m->o.lineage, fuse_req_ctx(req)->pid);
        _cleanup_free_ char *path = NULL;
        int64_t generation;

        if ((flags & O_ACCMODE) != O_RDONLY)
                i->by_try = who;
        if (who == 0 || (flags & O_ACCMODE) == O_WRONLY || (flags & O_TRUNC))
                return;
        pthread_mutex_lock(&m->tree);
        path = mem_strdup(i->path);
        generation = i->attrs && !i->is_dirty ? i->attrs->generation : 0;
        pthread_mutex_unlock(&m->tree);
        if (path && generation > 0)
                lineage_note(m->o.lineage, who, false, m->o.bucket, path, generation);
}

/* Deleted elsewhere, as a read or an open found: whoever looks now is told so, however fresh it
 * was. */
static void ops_file_is_gone(struct mnt *m, struct inode *i) {
        pthread_mutex_lock(&m->tree);
        if (!i->is_unlinked && !i->is_local && !i->is_dirty) {
                i->until_at = 0;
                (void) stat_cache_put_file(m->stats, i->path, strlen(i->path), NULL,
                                           STAT_CACHE_OURS, mnt_now());
        }
        pthread_mutex_unlock(&m->tree);
        teller_content(m, i);
}

/* Under the inode's lock, and `now` is what is there: what is written here begins with another one.
 * The commit knows whether that was us, and tells who wrote. */
static int ops_file_lose(struct mnt *m, struct inode *i, const char *path, struct attrs *now) {
        int r = commit_inode(m, i);

        if (r != -ESTALE)
                return r;
        pthread_mutex_lock(&m->tree);
        inode_unlink(m, i, NULL);
        (void) stat_cache_put_file(m->stats, path, strlen(path), now, STAT_CACHE_OURS, mnt_now());
        pthread_mutex_unlock(&m->tree);
        return r;
}

/* Under the inode's lock; it has a writer. Asks the bucket, unless the file is in no directory. */
static int ops_file_compare(struct mnt *m, struct inode *i) {
        _cleanup_(attrs_unrefp) struct attrs *now = NULL;
        _cleanup_free_ char *path = ops_file_path(m, i);
        const struct writer *w = i->writer;
        int r;

        if (!path)
                return -ENOMEM;
        if (i->is_unlinked)
                return w->broken;
        r = lookup_object(m, path, &now);
        if (r < 0 && r != -ENOENT)
                return r;
        if (w->broken != -ESTALE &&
            (now ? now->generation : 0) == (w->base ? w->base->generation : 0))
                return 0;
        return ops_file_lose(m, i, path, now);
}

/* Whoever opens a file that is being written sees what is written, unless somebody else replaced or
 * deleted it: then the race is lost, the name is the other's, and ESTALE has the kernel look it up
 * again. Where nobody asked for more, that is so once it is known. */
static int ops_file_open_dirty(struct mnt *m, struct inode *i, bool truncates) {
        int r = 0;

        if (m->o.strong_open || truncates)
                pthread_mutex_lock(&i->lock);
        else if (pthread_mutex_trylock(&i->lock) != 0)
                return 0;
        /* Who begins anew is not held up by what could not be sent. */
        if (i->writer && truncates && i->writer->broken && i->writer->broken != -ESTALE)
                (void) writer_drop(m, i, UINT_MAX);
        else if (i->writer && (m->o.strong_open || i->writer->broken == -ESTALE))
                r = ops_file_compare(m, i);
        pthread_mutex_unlock(&i->lock);
        return r;
}

/* The file as it is to be opened: as it is known, or as it is. */
static int ops_file_ask(struct mnt *m, struct inode *i, bool truncates) {
        int r = i->is_dirty ? ops_file_open_dirty(m, i, truncates) : 0;

        if (r < 0)
                return r;
        r = ops_file_refresh(m, i, m->o.strong_open || truncates);
        /* What is written anew replaces what is there now. Gone, ESTALE has the kernel look the
         * name up again, and make it. */
        if (r == -ESTALE && truncates)
                ops_file_is_gone(m, i);
        else if (r == -ESTALE)
                r = -ENOENT;
        return r;
}

void ops_file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        struct mnt *m = ops_file_mnt(req, ino);
        struct inode *i = ops_file_inode(m, ino);
        bool may_change = (fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC);
        int r = m->o.read_only && (fi->flags & O_ACCMODE) != O_RDONLY ? -EROFS : 0;

        if (may_change)
                interrupt_begin(NULL);
        if (r >= 0)
                r = ops_file_ask(m, i, fi->flags & O_TRUNC);
        if (r >= 0)
                r = ops_file_begin(m, i, false, fi);
        if (r < 0) {
                ops_file_error(req, r);
                return;
        }
        if ((fi->flags & O_ACCMODE) == O_RDONLY)
                small_files_opened(m, i);
        if (m->o.lineage)
                ops_file_tell(req, m, i, fi->flags);
        interrupt_begin(NULL); /* the reply takes the request along */
        if (fuse_reply_open(req, fi) < 0)
                ops_file_close(m, ops_file_handle(fi));
}

static int ops_file_make(struct mnt *m, fuse_ino_t parent, const char *name, struct inode **ret) {
        _cleanup_free_ char *dir = ops_file_path(m, ops_file_inode(m, parent));

        int r = ops_file_may_change(m);

        if (r < 0)
                return r;
        r = dir ? entries_create(m, dir, name, ret) : -ENOMEM;
        if (r >= 0)
                ops_file_dir_changed(m, parent);
        return r;
}

static void ops_file_forget_one(struct mnt *m, struct inode *i) {
        pthread_mutex_lock(&m->tree);
        inode_forget(m, i, 1);
        pthread_mutex_unlock(&m->tree);
}

void ops_file_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                     struct fuse_file_info *fi) {
        struct mnt *m = ops_file_mnt(req, parent);
        struct fuse_entry_param e;
        struct inode *i;
        int r = ops_file_make(m, parent, name, &i);

        if (r >= 0) {
                if (m->o.create_empty)
                        r = closing_made(m, i);
                if (r >= 0)
                        r = ops_file_begin(m, i, true, fi);
                if (r < 0)
                        ops_file_forget_one(m, i);
        }
        if (r < 0) {
                ops_file_error(req, r);
                return;
        }
        if (m->o.lineage)
                ops_file_tell(req, m, i, fi->flags);
        pthread_mutex_lock(&m->tree);
        ops_file_entry(m, i, 0, &e);
        e.entry_timeout = ops_file_name_timeout(m, mnt_now() + m->o.ttl_for);
        pthread_mutex_unlock(&m->tree);
        if (fuse_reply_create(req, &e, fi) < 0) {
                ops_file_close(m, ops_file_handle(fi));
                ops_file_forget_one(m, i);
        }
}

/* A file made without being opened is in the bucket at once. */
void ops_file_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev) {
        struct mnt *m = ops_file_mnt(req, parent);
        struct fuse_entry_param e;
        struct inode *i;
        int r = S_ISREG(mode) || (mode & S_IFMT) == 0 ? ops_file_make(m, parent, name, &i) : -EPERM;

        if (r >= 0) {
                r = closing_made(m, i);
                if (r < 0)
                        ops_file_forget_one(m, i);
        }
        if (r < 0) {
                ops_file_error(req, r == -ESTALE ? -EEXIST : r);
                return;
        }
        pthread_mutex_lock(&m->tree);
        ops_file_entry(m, i, 0, &e);
        pthread_mutex_unlock(&m->tree);
        if (fuse_reply_entry(req, &e) < 0)
                ops_file_forget_one(m, i);
}

/* --- content --------------------------------------------------------------------------------- */

void ops_file_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                   struct fuse_file_info *fi) {
        struct mnt *m = ops_file_mnt(req, ino);
        _cleanup_reply_ struct reader_reply reply = {.m = m};
        struct inode *i = ops_file_inode(m, ino);
        int r = reader_read(m, ops_file_handle(fi), (uint64_t) off, size, &reply);

        if (r == -ESTALE || r == -ENOENT)
                ops_file_is_gone(m, i);
        if (r < 0)
                ops_file_error(req, r);
        else
                fuse_reply_iov(req, reply.iov, reply.n);
}

static bool ops_file_is_append(struct mnt *m, const struct inode *i, uint64_t offset) {
        bool is;

        pthread_mutex_lock(&m->tree);
        is = i->attrs && offset == i->attrs->size;
        pthread_mutex_unlock(&m->tree);
        return is;
}

void ops_file_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
                    struct fuse_file_info *fi) {
        struct mnt *m = ops_file_mnt(req, ino);
        struct inode *i = ops_file_inode(m, ino);
        int r = 0;

        /* The first change in the midst of what is there is made to what is there now: written over
         * elsewhere before that, it would fail at the close, when all of it is lost. An append
         * finds its end by its commit. */
        if (!i->is_dirty && !ops_file_is_append(m, i, (uint64_t) off))
                r = ops_file_refresh(m, i, true);
        if (r < 0) {
                ops_file_error(req, r);
                return;
        }
        pthread_mutex_lock(&i->lock);
        r = writer_write_lent(m, i, (uint64_t) off, data, size, workers_offer());
        pthread_mutex_unlock(&i->lock);
        if (r < 0)
                ops_file_error(req, r);
        else
                fuse_reply_write(req, size);
}

void ops_file_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        struct mnt *m = ops_file_mnt(req, ino);

        /* Who only reads has nothing to be told of others' writes. */
        ops_file_error(
                req, ops_file_handle(fi)->may_write ? closing_flush(m, ops_file_inode(m, ino)) : 0);
}

void ops_file_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi) {
        struct mnt *m = ops_file_mnt(req, ino);

        ops_file_error(req, ops_file_commit(m, ops_file_inode(m, ino)));
}

void ops_file_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        ops_file_close(ops_file_mnt(req, ino), ops_file_handle(fi));
        fuse_reply_err(req, 0);
}
