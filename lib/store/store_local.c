/* store_local.c: puts, gets and changes of the local store.
 *
 * A put writes a file in STORE_LOCAL_STAGING, holding a lock on it; its commit is fsync, rename to
 * the name, fsync of the directory. A file there without a lock was left by a process that died: it
 * is swept at the next open. Directories are made as needed and removed when empty; a commit whose
 * directory was removed at that moment makes it again.
 */
#include "lib/store/store_local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/entropy.h"
#include "lib/base/errmsg.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/store_local_dir.h"
#include "lib/store/store_local_root.h"

enum {
        COMMIT_TRIES = 100,
        COPY_BYTES = 1 << 20,
        STAGED_SIZE = 48,
        /* The disk begins with so much while the rest is still coming: the commit's fsync then
         * waits for the end alone. */
        WRITE_BACK_BYTES = 8 << 20,
};

struct local_put {
        struct store_local *s;
        int fd;
        uint64_t n_written, n_written_back;
        char staged[STAGED_SIZE]; /* its name in the staging directory */
        char name[];
};

struct local_get {
        int fd;
};

static struct store_local *local_of(struct store *store) {
        return container_of(store, struct store_local, store);
}

static int name_check(const char *name, struct errmsg *em) {
        const char *rest = str_after(name, STORE_LOCAL_STAGING);

        if (rest && (*rest == '\0' || *rest == '/'))
                return errmsg_fail(em, -EINVAL, "Invalid path: \"%s\": the name is reserved", name);
        return 0;
}

/* --- puts ----------------------------------------------------------------------------------------
 */

static struct local_put *put_free(struct local_put *p) {
        fileio_close(p->fd);
        return mem_free(p);
}

/* A directory is in the way of the object: better said before gigabytes are sent. */
static int target_check(struct store_local *s, const char *name) {
        _cleanup_close_ int fd = store_local_dir_open(s->root_fd, name, O_PATH | O_NOFOLLOW);
        struct stat st;

        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? -EISDIR : 0;
}

static int open_staged(struct local_put *p) {
        int r;

        r = fault_at(FAULT_OPEN);
        if (r < 0)
                return r;
        r = entropy_hex(entropy_system(), 16, p->staged);
        if (r < 0)
                return r;
        p->fd = openat(p->s->staging_fd, p->staged,
                       O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
        return p->fd < 0 ? -errno : fileio_lock(p->fd);
}

static int put_begin(struct store *store, const char *name, struct errmsg *em,
                     struct store_put **ret_put) {
        struct store_local *s = local_of(store);
        size_t n = strlen(name) + 1;
        struct local_put *p;
        int r;

        r = name_check(name, em);
        if (r < 0)
                return r;
        p = mem_zalloc(sizeof(*p) + n);
        if (!p)
                return -ENOMEM;
        p->s = s;
        p->fd = -1;
        memcpy(p->name, name, n);
        r = target_check(s, name);
        if (r >= 0)
                r = open_staged(p);
        if (r < 0) {
                put_free(p);
                return store_local_root_fail(s, r, name, em);
        }
        *ret_put = (struct store_put *) p;
        return 0;
}

static int put_write(struct store_put *put, const void *data, size_t n) {
        struct local_put *p = (struct local_put *) put;
        int r = fileio_write_all(p->fd, data, n);

        if (r < 0)
                return r;
        p->n_written += n;
        if (p->n_written - p->n_written_back >= WRITE_BACK_BYTES) {
                (void) sync_file_range(p->fd, (off_t) p->n_written_back,
                                       (off_t) (p->n_written - p->n_written_back),
                                       SYNC_FILE_RANGE_WRITE);
                p->n_written_back = p->n_written;
        }
        return 0;
}

static void put_abort(struct store_put *put) {
        struct local_put *p = (struct local_put *) put;

        (void) unlinkat(p->s->staging_fd, p->staged, 0);
        put_free(p);
}

/* Renames into place; *ret_dir_fd is the directory it is in. */
static int put_in_place(struct local_put *p, int *ret_dir_fd) {
        for (int i = 0; i < COMMIT_TRIES; i++) {
                const char *base;
                int dir_fd, r;

                dir_fd = store_local_dir_parent(p->s->root_fd, p->name, true, &base);
                r = dir_fd < 0 ? dir_fd : fault_at(FAULT_RENAME);
                if (r >= 0 && renameat(p->s->staging_fd, p->staged, dir_fd, base) < 0)
                        r = -errno;
                if (r >= 0) {
                        *ret_dir_fd = dir_fd;
                        return 0;
                }
                if (dir_fd >= 0)
                        fileio_close(dir_fd);
                if (r != -ENOENT) /* else a delete has pruned the directory under us */
                        return r;
        }
        return -EBUSY;
}

static int put_commit(struct store_put *put, struct store_info *ret_info, struct errmsg *em) {
        struct local_put *p = (struct local_put *) put;
        _cleanup_close_ int dir_fd = -1;
        struct stat st;
        int r;

        r = fileio_fsync(p->fd);
        if (r >= 0 && fstat(p->fd, &st) < 0)
                r = -errno;
        if (r >= 0)
                r = put_in_place(p, &dir_fd);
        if (r < 0) {
                (void) store_local_root_fail(p->s, r, p->name, em);
                put_abort(put);
                return r == -ELOOP ? -EACCES : r;
        }
        r = fileio_fsync(dir_fd);
        if (r < 0)
                (void) store_local_root_fail(p->s, r, p->name, em);
        else
                store_local_root_info(&st, ret_info);
        put_free(p);
        return r;
}

/* --- gets ----------------------------------------------------------------------------------------
 */

static int open_object(struct store_local *s, const char *name, int flags, struct stat *ret_st) {
        int fd = store_local_dir_open(s->root_fd, name, flags | O_NOFOLLOW), r = 0;

        if (fd < 0)
                return fd == -ENOTDIR ? -ENOENT : fd;
        if (fstat(fd, ret_st) < 0)
                r = -errno;
        else if (!S_ISREG(ret_st->st_mode))
                r = S_ISDIR(ret_st->st_mode) ? -EISDIR : -ENOENT;
        if (r < 0) {
                fileio_close(fd);
                return r;
        }
        return fd;
}

static int get_open(struct store *store, const char *name, struct errmsg *em,
                    struct store_info *ret_info, struct store_get **ret_get) {
        struct store_local *s = local_of(store);
        struct local_get *g;
        struct stat st;
        int fd, r;

        r = name_check(name, em);
        if (r < 0)
                return r;
        fd = open_object(s, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, &st);
        if (fd < 0)
                return store_local_root_fail(s, fd, name, em);
        g = mem_new(struct local_get);
        if (!g) {
                fileio_close(fd);
                return -ENOMEM;
        }
        g->fd = fd;
        store_local_root_info(&st, ret_info);
        *ret_get = (struct store_get *) g;
        return 0;
}

static ssize_t get_read(struct store_get *get, uint64_t offset, void *data, size_t n) {
        struct local_get *g = (struct local_get *) get;
        size_t n_read = 0;

        while (n_read < n) {
                ssize_t k = fault_at(FAULT_READ);

                if (k < 0)
                        return k;
                k = pread(g->fd, (char *) data + n_read, n - n_read, (off_t) (offset + n_read));
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n_read += (size_t) k;
        }
        return (ssize_t) n_read;
}

static int get_fd(struct store_get *get) {
        int fd = fcntl(((struct local_get *) get)->fd, F_DUPFD_CLOEXEC, 3);

        return fd < 0 ? -errno : fd;
}

static void get_close(struct store_get *get) {
        fileio_close(((struct local_get *) get)->fd);
        mem_free(get);
}

static int local_stat(struct store *store, const char *name, struct errmsg *em,
                      struct store_info *ret_info) {
        struct store_local *s = local_of(store);
        _cleanup_close_ int fd = -1;
        struct stat st;
        int r;

        r = name_check(name, em);
        if (r < 0)
                return r;
        fd = open_object(s, name, O_PATH, &st);
        if (fd < 0)
                return store_local_root_fail(s, fd, name, em);
        store_local_root_info(&st, ret_info);
        return 0;
}

/* --- changes -------------------------------------------------------------------------------------
 */

static int unlink_object(struct store_local *s, const char *name) {
        _cleanup_close_ int dir_fd = -1;
        const char *base;
        int r;

        dir_fd = store_local_dir_parent(s->root_fd, name, false, &base);
        if (dir_fd < 0)
                return dir_fd == -ENOTDIR ? -ENOENT : dir_fd;
        r = fault_at(FAULT_UNLINK);
        if (r >= 0 && unlinkat(dir_fd, base, 0) < 0)
                r = -errno;
        return r < 0 ? r : fileio_fsync(dir_fd);
}

static int delete (struct store *store, const char *name, struct errmsg *em) {
        struct store_local *s = local_of(store);
        int r;

        r = name_check(name, em);
        if (r < 0)
                return r;
        r = unlink_object(s, name);
        if (r < 0)
                return store_local_root_fail(s, r, name, em);
        store_local_dir_prune(s->root_fd, name);
        return 0;
}

static int count_one(const struct store_entry *entry, void *userdata) {
        (void) entry;
        ++*(uint64_t *) userdata;
        return 0;
}

static int count_below(struct store *store, const char *dir, struct errmsg *em, uint64_t *ret_n) {
        _cleanup_free_ char *prefix = str_printf("%s/", dir);
        struct store_list list = {
                .prefix = prefix, .is_deep = true, .n_max = SIZE_MAX, .no_info = true};
        bool more;

        return prefix ? store_local_list(store, &list, count_one, ret_n, em, &more) : -ENOMEM;
}

/* The whole directory leaves its name at once, then its files are removed at leisure; what a crash
 * leaves of them is in the staging directory and swept. */
static int remove_dir(struct store_local *s, const char *name) {
        _cleanup_close_ int dir_fd = -1;
        _cleanup_free_ char *path = NULL;
        char staged[STAGED_SIZE];
        const char *base;
        int r;

        r = entropy_hex(entropy_system(), 16, staged);
        if (r < 0)
                return r;
        path = str_printf("%s/%s/%s", s->path, STORE_LOCAL_STAGING, staged);
        if (!path)
                return -ENOMEM;
        dir_fd = store_local_dir_parent(s->root_fd, name, false, &base);
        if (dir_fd < 0)
                return dir_fd;
        if (renameat(dir_fd, base, s->staging_fd, staged) < 0)
                return -errno;
        r = fileio_fsync(dir_fd);
        return r < 0 ? r : fileio_rm_rf(path);
}

static int delete_prefix(struct store *store, const char *prefix, struct errmsg *em,
                         uint64_t *ret_n) {
        struct store_local *s = local_of(store);
        int r;

        *ret_n = 0;
        r = name_check(prefix, em);
        if (r < 0)
                return r;
        r = unlink_object(s, prefix);
        if (r == 0) {
                *ret_n = 1;
        } else if (r == -EISDIR || r == -EPERM) { /* a directory, by Linux's or POSIX's word */
                r = count_below(store, prefix, em, ret_n);
                if (r >= 0)
                        r = remove_dir(s, prefix);
        }
        if (r < 0 && r != -ENOENT)
                return store_local_root_fail(s, r, prefix, em);
        store_local_dir_prune(s->root_fd, prefix);
        return 0;
}

static int copy_bytes(int from, int to) {
        for (;;) {
                ssize_t n = copy_file_range(from, NULL, to, NULL, COPY_BYTES, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
        }
}

static int copy(struct store *store, const char *from, const char *to, struct errmsg *em) {
        struct store_local *s = local_of(store);
        _cleanup_close_ int fd = -1;
        struct store_put *put;
        struct store_info info;
        struct stat st;
        int r;

        r = name_check(from, em);
        if (r < 0)
                return r;
        fd = open_object(s, from, O_RDONLY | O_NONBLOCK | O_NOCTTY, &st);
        if (fd < 0)
                return store_local_root_fail(s, fd, from, em);
        r = put_begin(store, to, em, &put);
        if (r < 0)
                return r;
        r = copy_bytes(fd, ((struct local_put *) put)->fd);
        if (r < 0) {
                put_abort(put);
                return store_local_root_fail(s, r, to, em);
        }
        return put_commit(put, &info, em);
}

/* --- the store
 * ------------------------------------------------------------------------------------ */

static void local_free(struct store *store) {
        struct store_local *s = local_of(store);

        fileio_close(s->staging_fd);
        fileio_close(s->root_fd);
        mem_free(s->path);
        mem_free(s);
}

static const struct store_ops local_ops = {
        .put_begin = put_begin,
        .put_write = put_write,
        .put_commit = put_commit,
        .put_abort = put_abort,
        .get_open = get_open,
        .get_read = get_read,
        .get_fd = get_fd,
        .get_close = get_close,
        .stat = local_stat,
        .list = store_local_list,
        .delete = delete,
        .delete_prefix = delete_prefix,
        .copy = copy,
        .free = local_free,
};

/* Removes what nobody holds. Failures do not matter: the next start tries again. */
static void sweep(struct store_local *s) {
        _cleanup_free_ char *dir = str_printf("%s/%s", s->path, STORE_LOCAL_STAGING);
        _cleanup_(str_free_listp) char **names = NULL;

        if (!dir || fileio_list(dir, NULL, &names) < 0)
                return;
        for (size_t i = 0; names[i]; i++) {
                _cleanup_free_ char *path = str_printf("%s/%s", dir, names[i]);
                _cleanup_close_ int fd = openat(s->staging_fd, names[i],
                                                O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

                if (!path || (fd >= 0 && fileio_is_locked(fd) != 0))
                        continue;
                (void) fileio_rm_rf(path);
        }
}

static int open_dirs(struct store_local *s, const char *dir, bool to_read) {
        int r;

        r = to_read ? 0 : fileio_mkdir_p(dir, 0750);
        if (r < 0)
                return r;
        s->root_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->root_fd < 0)
                return -errno;
        if (to_read)
                return 0; /* without a place to stage them every put and delete is -EBADF */
        if (mkdirat(s->root_fd, STORE_LOCAL_STAGING, 0750) < 0 && errno != EEXIST)
                return -errno;
        s->staging_fd = openat(s->root_fd, STORE_LOCAL_STAGING,
                               O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return s->staging_fd < 0 ? -errno : 0;
}

static int open_store(const char *dir, bool to_read, struct errmsg *em, struct store **ret_store) {
        struct store_local *s = mem_new(struct store_local);
        int r;

        assert(dir && *dir && ret_store);
        if (!s)
                return -ENOMEM;
        s->store.ops = &local_ops;
        s->root_fd = s->staging_fd = -1;
        s->path = mem_strdup(dir);
        r = s->path ? open_dirs(s, dir, to_read) : -ENOMEM;
        if (r < 0) {
                if (s->path)
                        (void) store_local_root_fail(s, r, NULL, em);
                local_free(&s->store);
                return r;
        }
        if (!to_read)
                sweep(s);
        *ret_store = &s->store;
        return 0;
}

int store_local_open(const char *dir, struct errmsg *em, struct store **ret_store) {
        return open_store(dir, false, em, ret_store);
}

int store_local_open_to_read(const char *dir, struct errmsg *em, struct store **ret_store) {
        return open_store(dir, true, em, ret_store);
}
