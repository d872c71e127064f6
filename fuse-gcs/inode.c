#include "fuse-gcs/inode.h"

#include <errno.h>
#include <string.h>

#include "fuse-gcs/forgetter.h"
#include "fuse-gcs/inode_number.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/writer.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static struct inode **inode_slot(struct mnt *m, const char *path) {
        return &m->inodes[names_ino(path) & (m->n_inode_slots - 1)];
}

struct inode *inode_find(struct mnt *m, const char *path) {
        struct inode *i = *inode_slot(m, path);

        while (i && strcmp(i->path, path) != 0)
                i = i->next_in_slot;
        return i;
}

static void inode_link(struct mnt *m, struct inode *i) {
        struct inode **slot = inode_slot(m, i->path);

        i->next_in_slot = *slot;
        *slot = i;
        m->n_inodes++;
}

static void inode_unlink_from(struct inode **at, struct inode *i) {
        while (*at && *at != i)
                at = &(*at)->next_in_slot;
        if (*at)
                *at = i->next_in_slot;
        i->next_in_slot = NULL;
}

static void inode_unlink_slot(struct mnt *m, struct inode *i) {
        inode_unlink_from(inode_slot(m, i->path), i);
        m->n_inodes--;
}

static void inode_grow(struct mnt *m) {
        size_t n_old = m->n_inode_slots;
        struct inode **old = m->inodes, **slots = mem_zalloc_array(n_old * 2, sizeof(*slots));

        if (!slots)
                return;
        m->inodes = slots;
        m->n_inode_slots = n_old * 2;
        m->n_inodes = 0;
        for (size_t s = 0; s < n_old; s++)
                for (struct inode *i = old[s], *next; i; i = next) {
                        next = i->next_in_slot;
                        inode_link(m, i);
                }
        mem_free(old);
}

void inode_set_local(struct mnt *m, struct inode *i, bool is_local) {
        if (i->is_local == is_local)
                return;
        i->is_local = is_local;
        if (is_local) {
                i->next_local = m->locals;
                i->prev_local = &m->locals;
                if (m->locals)
                        m->locals->prev_local = &i->next_local;
                m->locals = i;
        } else {
                *i->prev_local = i->next_local;
                if (i->next_local)
                        i->next_local->prev_local = i->prev_local;
                i->next_local = NULL;
                i->prev_local = NULL;
        }
}

static void inode_free(struct mnt *m, struct inode *i) {
        inode_set_local(m, i, false);
        if (i->is_unlinked)
                inode_unlink_from(&m->unlinked, i);
        else
                inode_unlink_slot(m, i);
        inode_number_forget(m, i);
        forgetter_less(m);
        attrs_unref(i->attrs);
        writer_free(i->writer);
        pthread_mutex_destroy(&i->lock);
        mem_free(i->path);
        mem_free(i);
}

int inode_get(struct mnt *m, const char *path, struct attrs *attrs, usec_t until_at,
              struct inode **ret) {
        struct inode *i = inode_find(m, path);
        size_t len = strlen(path);

        if (!i) {
                i = mem_new(struct inode);
                if (!i || !(i->path = mem_strdup(path))) {
                        mem_free(i);
                        return -ENOMEM;
                }
                pthread_mutex_init(&i->lock, NULL);
                i->mnt = m;
                inode_number_choose(m, i);
                i->is_dir = len == 0 || path[len - 1] == '/';
                if (i->is_dir)
                        i->dir_mtime = mnt_time();
                if (m->n_inodes >= m->n_inode_slots)
                        inode_grow(m);
                inode_link(m, i);
                forgetter_look(m);
        }
        i->n_lookup++;
        if (attrs)
                inode_set_attrs(i, attrs, until_at);
        else if (i->is_dir)
                i->until_at = until_at;
        *ret = i;
        return 0;
}

bool inode_set_attrs(struct inode *i, struct attrs *attrs, usec_t until_at) {
        bool differs = i->attrs && i->attrs->generation != attrs->generation;

        if (i->is_dirty)
                return false;
        /* An answer that was asked for before our own change came back after it. */
        if (i->attrs && attrs->generation < i->attrs->generation && until_at <= i->until_at)
                return false;
        attrs_ref(attrs);
        attrs_unref(i->attrs);
        i->attrs = attrs;
        i->is_symlink = attrs->is_symlink;
        i->until_at = until_at;
        return differs;
}

void inode_forget(struct mnt *m, struct inode *i, uint64_t n) {
        i->n_lookup -= MIN(n, i->n_lookup);
        if (i->n_lookup == 0 && i->n_open == 0 && i != m->root)
                inode_free(m, i);
}

static int inode_rekey(struct mnt *m, struct inode *i, char *path) {
        inode_unlink_slot(m, i);
        mem_free(i->path);
        i->path = path;
        inode_link(m, i);
        inode_number_moved(m, i);
        return 0;
}

/* Those below a directory: collected first, for they move between the slots. */
static int inode_rename_below(struct mnt *m, const char *from, const char *to) {
        size_t n = 0, from_len = strlen(from);
        struct inode **all = mem_alloc_array(m->n_inodes + 1, sizeof(*all));
        int r = 0;

        if (!all)
                return -ENOMEM;
        for (size_t s = 0; s < m->n_inode_slots; s++)
                for (struct inode *i = m->inodes[s]; i; i = i->next_in_slot)
                        if (str_starts(i->path, from) && i->path[from_len])
                                all[n++] = i;
        for (size_t k = 0; k < n && r >= 0; k++) {
                char *path = str_printf("%s%s", to, all[k]->path + from_len);

                r = path ? inode_rekey(m, all[k], path) : -ENOMEM;
                /* Their generations are other ones now. */
                all[k]->until_at = 0;
        }
        mem_free(all);
        return r;
}

int inode_rename(struct mnt *m, struct inode *i, const char *path) {
        char *own = mem_strdup(path);
        int r = 0;

        if (!own)
                return -ENOMEM;
        if (i->is_dir)
                r = inode_rename_below(m, i->path, path);
        return inode_rekey(m, i, own) < 0 ? -ENOMEM : r;
}

void inode_unlink(struct mnt *m, struct inode *i, char *path) {
        if (!i->is_unlinked) {
                inode_unlink_slot(m, i);
                i->next_in_slot = m->unlinked;
                m->unlinked = i;
        }
        inode_set_local(m, i, false);
        i->is_unlinked = true;
        i->is_parked = path != NULL;
        if (path) {
                mem_free(i->path);
                i->path = path;
        }
        inode_number_moved(m, i);
}

void inode_stat(const struct mnt *m, const struct inode *i, struct stat *ret) {
        struct timespec mtime = i->is_dir ? i->dir_mtime : m->began;

        *ret = (struct stat){
                .st_ino = i->st_ino,
                .st_uid = m->o.uid,
                .st_gid = m->o.gid,
                .st_nlink = i->is_unlinked ? 0 : 1,
                .st_blksize = 1 << 17,
        };
        if (i->is_dir) {
                ret->st_mode = S_IFDIR | m->o.dir_mode;
                ret->st_nlink = 2;
        } else {
                ret->st_mode = i->is_symlink ? S_IFLNK | 0777 : S_IFREG | m->o.file_mode;
                ret->st_size = (off_t) (i->is_dirty ? i->dirty_size
                                        : i->attrs  ? i->attrs->size
                                                    : 0);
                if (i->attrs && i->attrs->target)
                        ret->st_size = (off_t) strlen(i->attrs->target);
                mtime = i->is_dirty ? i->dirty_mtime : i->attrs ? i->attrs->mtime : m->began;
        }
        ret->st_blocks = (ret->st_size + 511) / 512;
        ret->st_mtim = ret->st_ctim = ret->st_atim = mtime;
}

int inode_table_init(struct mnt *m) {
        int r;

        m->n_inode_slots = 1024;
        m->inodes = mem_zalloc_array(m->n_inode_slots, sizeof(*m->inodes));
        if (!m->inodes)
                return -ENOMEM;
        r = inode_number_init(m);
        if (r >= 0)
                r = inode_get(m, m->o.root, NULL, USEC_INFINITY, &m->root);
        if (r >= 0)
                m->root->st_ino = m->o.over ? mnt_ino(m, m->o.root) : 1;
        return r;
}

void inode_table_done(struct mnt *m) {
        for (size_t s = 0; m->inodes && s < m->n_inode_slots; s++)
                while (m->inodes[s])
                        inode_free(m, m->inodes[s]);
        while (m->unlinked)
                inode_free(m, m->unlinked);
        m->inodes = mem_free(m->inodes);
        inode_number_done(m);
}
