/* power_vfs.c: see power_vfs.h. One lock for everything: tests are small. */
#include "tests/fake/power_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/entropy.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { SECTOR = 512, DISKS_MAX = 16 };

struct change {
        struct change *next;
        int64_t offset; /* -1: truncation to n bytes */
        size_t n;
        unsigned char data[];
};

/* One file: what is surely on the disk, and what was done since. */
struct disk {
        char *path; /* NULL: free */
        struct buf synced;
        struct change *changes, **tail;
};

struct file {
        sqlite3_file base;
        struct disk *disk; /* NULL: a temporary file */
        sqlite3_file *real;
};

static struct {
        pthread_mutex_t lock;
        sqlite3_vfs vfs, *real;
        struct disk disks[DISKS_MAX];
        unsigned n_left; /* calls until the cut; 0: none is coming */
        bool is_cut;
} power = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- what a disk remembers
 * ------------------------------------------------------------------------ */

static void forget_changes(struct disk *d) {
        while (d->changes) {
                struct change *c = d->changes;

                d->changes = c->next;
                mem_free(c);
        }
        d->tail = &d->changes;
}

static void disk_done(struct disk *d) {
        forget_changes(d);
        buf_done(&d->synced);
        mem_free(d->path);
        *d = (struct disk){};
}

static int write_at(struct buf *image, size_t offset, const void *data, size_t n) {
        if (image->len < offset + n && buf_add_fill(image, 0, offset + n - image->len) < 0)
                return -ENOMEM;
        memcpy(image->data + offset, data, n);
        return 0;
}

static int set_length(struct buf *image, size_t n) {
        if (image->len > n)
                buf_truncate(image, n);
        return image->len < n ? buf_add_fill(image, 0, n - image->len) : 0;
}

static int apply(struct buf *image, const struct change *c) {
        return c->offset < 0 ? set_length(image, c->n)
                             : write_at(image, (size_t) c->offset, c->data, c->n);
}

/* What a dying disk makes of a change: each sector is written or not. */
static int apply_torn(struct buf *image, const struct change *c, struct entropy *dice) {
        uint64_t whole = 0, keep = 0;
        int r = 0;

        (void) entropy_below(dice, 3, &whole);
        if (whole == 0)
                return 0;
        if (whole == 1 || c->offset < 0)
                return apply(image, c);
        for (size_t at = 0, n; r >= 0 && at < c->n; at += n) {
                n = MIN((size_t) SECTOR - ((size_t) c->offset + at) % SECTOR, c->n - at);
                (void) entropy_below(dice, 2, &keep);
                if (keep)
                        r = write_at(image, (size_t) c->offset + at, c->data + at, n);
        }
        return r;
}

static int remember(struct disk *d, int64_t offset, const void *data, size_t n) {
        size_t n_data = offset < 0 ? 0 : n;
        struct change *c = mem_alloc(sizeof(*c) + n_data);

        if (!c)
                return SQLITE_IOERR_NOMEM;
        *c = (struct change){.offset = offset, .n = n};
        if (n_data > 0)
                memcpy(c->data, data, n_data);
        *d->tail = c;
        d->tail = &c->next;
        return SQLITE_OK;
}

static int sync_disk(struct disk *d) {
        for (const struct change *c = d->changes; c; c = c->next)
                if (apply(&d->synced, c) < 0)
                        return SQLITE_IOERR_NOMEM;
        forget_changes(d);
        return SQLITE_OK;
}

/* The disk of `path`; a new one holds what the file holds. */
static struct disk *disk_of(const char *path) {
        struct disk *d = NULL;
        char *data = NULL;
        size_t n = 0;

        for (size_t i = 0; i < DISKS_MAX; i++) {
                if (str_eq(power.disks[i].path, path))
                        return &power.disks[i];
                if (!d && !power.disks[i].path)
                        d = &power.disks[i];
        }
        if (!d)
                return NULL;
        if (fileio_read(path, SIZE_MAX / 2, &data, &n) >= 0)
                (void) buf_add(&d->synced, data, n);
        mem_free(data);
        d->path = mem_strdup(path);
        d->tail = &d->changes;
        return d;
}

/* True: the power is gone, perhaps just now. */
static bool count_call(void) {
        if (power.n_left > 0 && --power.n_left == 0)
                power.is_cut = true;
        return power.is_cut;
}

/* --- a file
 * ---------------------------------------------------------------------------------------- */

static struct file *of(sqlite3_file *f) {
        return (struct file *) f;
}

static int file_close(sqlite3_file *f) {
        return of(f)->real->pMethods->xClose(of(f)->real);
}

static int file_read(sqlite3_file *f, void *data, int n, sqlite3_int64 offset) {
        if (power_vfs_is_cut())
                return SQLITE_IOERR_READ;
        return of(f)->real->pMethods->xRead(of(f)->real, data, n, offset);
}

static int write_code(int r) {
        return r == -ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int file_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 offset) {
        int r, rc = SQLITE_OK;

        r = fault_at(FAULT_WRITE);
        if (r < 0)
                return write_code(r);
        (void) pthread_mutex_lock(&power.lock);
        if (of(f)->disk && !power.is_cut)
                rc = remember(of(f)->disk, offset, data, (size_t) n);
        if (count_call())
                rc = SQLITE_IOERR_WRITE;
        if (rc == SQLITE_OK)
                rc = of(f)->real->pMethods->xWrite(of(f)->real, data, n, offset);
        (void) pthread_mutex_unlock(&power.lock);
        return rc;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 n) {
        int rc = SQLITE_OK;

        (void) pthread_mutex_lock(&power.lock);
        if (of(f)->disk && !power.is_cut)
                rc = remember(of(f)->disk, -1, NULL, (size_t) n);
        if (count_call())
                rc = SQLITE_IOERR_TRUNCATE;
        if (rc == SQLITE_OK)
                rc = of(f)->real->pMethods->xTruncate(of(f)->real, n);
        (void) pthread_mutex_unlock(&power.lock);
        return rc;
}

/* Nothing is really synced: the real machine keeps its power. */
static int file_sync(sqlite3_file *f, int flags) {
        int r, rc = SQLITE_OK;

        r = fault_at(FAULT_FSYNC);
        if (r < 0)
                return SQLITE_IOERR_FSYNC;
        (void) pthread_mutex_lock(&power.lock);
        if (count_call())
                rc = SQLITE_IOERR_FSYNC;
        else if (of(f)->disk)
                rc = sync_disk(of(f)->disk);
        (void) pthread_mutex_unlock(&power.lock);
        return rc;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret_n) {
        return of(f)->real->pMethods->xFileSize(of(f)->real, ret_n);
}

static int file_lock(sqlite3_file *f, int how) {
        return of(f)->real->pMethods->xLock(of(f)->real, how);
}

static int file_unlock(sqlite3_file *f, int how) {
        return of(f)->real->pMethods->xUnlock(of(f)->real, how);
}

static int file_reserved(sqlite3_file *f, int *ret) {
        return of(f)->real->pMethods->xCheckReservedLock(of(f)->real, ret);
}

static int file_control(sqlite3_file *f, int op, void *arg) {
        return of(f)->real->pMethods->xFileControl(of(f)->real, op, arg);
}

static int file_sector_size(sqlite3_file *f) {
        return SECTOR;
}

static int file_traits(sqlite3_file *f) {
        return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret) {
        return of(f)->real->pMethods->xShmMap(of(f)->real, page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags) {
        return of(f)->real->pMethods->xShmLock(of(f)->real, offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f) {
        of(f)->real->pMethods->xShmBarrier(of(f)->real);
}

static int file_shm_unmap(sqlite3_file *f, int remove_file) {
        return of(f)->real->pMethods->xShmUnmap(of(f)->real, remove_file);
}

static const sqlite3_io_methods methods = {
        .iVersion = 2, /* no xFetch: every byte comes by xRead */
        .xClose = file_close,
        .xRead = file_read,
        .xWrite = file_write,
        .xTruncate = file_truncate,
        .xSync = file_sync,
        .xFileSize = file_size,
        .xLock = file_lock,
        .xUnlock = file_unlock,
        .xCheckReservedLock = file_reserved,
        .xFileControl = file_control,
        .xSectorSize = file_sector_size,
        .xDeviceCharacteristics = file_traits,
        .xShmMap = file_shm_map,
        .xShmLock = file_shm_lock,
        .xShmBarrier = file_shm_barrier,
        .xShmUnmap = file_shm_unmap,
};

/* --- the file system
 * -------------------------------------------------------------------------------- */

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *f, int flags,
                    int *ret_flags) {
        const int tracked = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
        struct file *file = of(f);
        int rc;

        file->base.pMethods = NULL;
        if (power_vfs_is_cut())
                return SQLITE_CANTOPEN;
        file->real = (sqlite3_file *) (file + 1);
        file->disk = NULL;
        rc = power.real->xOpen(power.real, path, file->real, flags, ret_flags);
        if (rc != SQLITE_OK)
                return rc;
        file->base.pMethods = &methods;
        if (path && (flags & tracked)) {
                (void) pthread_mutex_lock(&power.lock);
                file->disk = disk_of(path);
                (void) pthread_mutex_unlock(&power.lock);
        }
        return SQLITE_OK;
}

/* A removal is durable at once: SQLite must not rely on it either way. */
static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_dir) {
        int rc = SQLITE_IOERR_DELETE;

        (void) pthread_mutex_lock(&power.lock);
        if (!power.is_cut)
                rc = power.real->xDelete(power.real, path, sync_dir);
        for (size_t i = 0; rc == SQLITE_OK && i < DISKS_MAX; i++)
                if (str_eq(power.disks[i].path, path)) {
                        forget_changes(&power.disks[i]);
                        buf_reset(&power.disks[i].synced);
                }
        (void) pthread_mutex_unlock(&power.lock);
        return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret) {
        return power.real->xAccess(power.real, path, flags, ret);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int n, char *ret) {
        return power.real->xFullPathname(power.real, path, n, ret);
}

int power_vfs_install(void) {
        power.real = sqlite3_vfs_find("unix");
        if (!power.real)
                return -ENOENT;
        power.vfs = *power.real;
        power.vfs.zName = "onebox-power";
        power.vfs.szOsFile = (int) sizeof(struct file) + power.real->szOsFile;
        power.vfs.xOpen = vfs_open;
        power.vfs.xDelete = vfs_delete;
        power.vfs.xAccess = vfs_access;
        power.vfs.xFullPathname = vfs_full_path;
        return sqlite3_vfs_register(&power.vfs, 1) == SQLITE_OK ? 0 : -ENOMEM;
}

void power_vfs_remove(void) {
        (void) sqlite3_vfs_unregister(&power.vfs);
        (void) sqlite3_vfs_register(power.real, 1);
        for (size_t i = 0; i < DISKS_MAX; i++)
                disk_done(&power.disks[i]);
        power.n_left = 0;
        power.is_cut = false;
}

void power_vfs_cut_after(unsigned n_calls) {
        (void) pthread_mutex_lock(&power.lock);
        power.n_left = n_calls;
        (void) pthread_mutex_unlock(&power.lock);
}

bool power_vfs_is_cut(void) {
        bool is_cut;

        (void) pthread_mutex_lock(&power.lock);
        is_cut = power.is_cut;
        (void) pthread_mutex_unlock(&power.lock);
        return is_cut;
}

static int restore_disk(struct disk *d, struct entropy *dice) {
        _cleanup_free_ char *shm = str_printf("%s-shm", d->path);
        _cleanup_close_ int fd = -1;
        int r = 0;

        for (const struct change *c = d->changes; r >= 0 && c; c = c->next)
                r = apply_torn(&d->synced, c, dice);
        forget_changes(d);
        if (r < 0 || !shm)
                return -ENOMEM;
        (void) unlink(shm); /* memory */
        if (access(d->path, F_OK) < 0)
                return 0; /* removed */
        fd = open(d->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        return fd < 0 ? -errno : fileio_write_all(fd, buf_cstr(&d->synced), d->synced.len);
}

int power_vfs_restore(struct entropy *dice) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < DISKS_MAX; i++)
                if (power.disks[i].path)
                        r = restore_disk(&power.disks[i], dice);
        power.n_left = 0;
        power.is_cut = false;
        return r;
}
