#include "fuse-gcs/disk_files.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/names.h"
#include "lib/base/crc32c.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define DISK_FILES_MAGIC "fuse-gcs sums 1"
#define DISK_FILES_SUMS ".sums"
#define DISK_FILES_ODD ".data"
#define DISK_FILES_MODE 0600
#define DISK_FILES_MODE_PINNED 0700
#define DISK_FILES_PATH 1100 /* bytes of an object's name, and more */
#define DISK_FILES_FLAGS (O_RDWR | O_CLOEXEC | O_NOFOLLOW)

/* In front of the table, with the path behind it. */
struct disk_files_header {
        char magic[16];
        uint64_t size, block_size, content;
        int64_t generation;
        uint64_t ino; /* of the other file */
        uint32_t path_len, is_odd;
};

struct disk_files_head {
        struct disk_files_header h;
        char path[DISK_FILES_PATH];
};

struct disk_files_entry {
        uint32_t crc32c;
        uint32_t check;
};

/* --- directories ----------------------------------------------------------------------------- */

static int disk_files_dir(const char *path, int *ret) {
        int r = fileio_mkdir_p(path, 0700);

        if (r >= 0) {
                *ret = open(path, O_DIRECTORY | O_CLOEXEC);
                r = *ret < 0 ? -errno : 0;
        }
        return r;
}

int disk_files_dirs_open(struct disk_files_dirs *d, const char *root, const char *bucket,
                         struct errmsg *em) {
        int r;

        *d = (struct disk_files_dirs){.data = -1, .sums = -1};
        d->data_path = str_printf("%s/%s", root, bucket);
        d->sums_path = str_printf("%s/" DISK_FILES_SUMS "/%s", root, bucket);
        r = d->data_path && d->sums_path ? disk_files_dir(d->data_path, &d->data) : -ENOMEM;
        if (r >= 0)
                r = disk_files_dir(d->sums_path, &d->sums);
        if (r < 0)
                disk_files_dirs_done(d);
        return r < 0 ? errmsg_errno(em, r, "cache directory %s/%s", root, bucket) : 0;
}

void disk_files_dirs_done(struct disk_files_dirs *d) {
        d->data = fileio_close(d->data);
        d->sums = fileio_close(d->sums);
        d->data_path = mem_free(d->data_path);
        d->sums_path = mem_free(d->sums_path);
}

static bool disk_files_is_at(int fd, const char *path) {
        struct stat here, there;

        return fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino &&
               here.st_dev == there.st_dev;
}

bool disk_files_dirs_gone(const struct disk_files_dirs *d) {
        return !disk_files_is_at(d->data, d->data_path) || !disk_files_is_at(d->sums, d->sums_path);
}

/* --- names ----------------------------------------------------------------------------------- */

void disk_files_name(const char *path, char ret[DISK_FILES_NAME]) {
        snprintf(ret, DISK_FILES_NAME, "%016" PRIx64, names_content(path, 0));
}

static void disk_files_odd_name(const char *path, char ret[32]) {
        disk_files_name(path, ret);
        strcat(ret, DISK_FILES_ODD);
}

static bool disk_files_is_plain(const char *path) {
        for (const char *part = path;; part++) {
                size_t n = strcspn(part, "/");

                if (n > NAME_MAX || !names_is_shown(part, n))
                        return false;
                part += n;
                if (!*part)
                        return true;
        }
}

/* All directories path is in. */
static int disk_files_parents(int dir, const char *path) {
        for (const char *p = path, *slash; (slash = strchr(p, '/')); p = slash + 1) {
                _cleanup_free_ char *parent = mem_strndup(path, (size_t) (slash - path));

                if (!parent)
                        return -ENOMEM;
                if (mkdirat(dir, parent, 0700) < 0 && errno != EEXIST)
                        return -errno;
        }
        return 0;
}

static int disk_files_create(int dir, const char *name) {
        int fd;

        (void) unlinkat(dir, name, 0);
        fd = openat(dir, name, DISK_FILES_FLAGS | O_CREAT | O_EXCL, DISK_FILES_MODE);
        return fd < 0 ? -errno : fd;
}

/* The file for the bytes. */
static int disk_files_create_data(const struct disk_files_dirs *d, const char *path,
                                  bool *ret_is_odd) {
        char odd[32];
        int r = -ENAMETOOLONG;

        if (disk_files_is_plain(path)) {
                r = disk_files_create(d->data, path);
                if (r == -ENOENT) {
                        r = disk_files_parents(d->data, path);
                        if (r >= 0)
                                r = disk_files_create(d->data, path);
                }
        }
        *ret_is_odd =
                r == -ENAMETOOLONG || r == -ENOTDIR || r == -EEXIST || r == -EILSEQ || r == -EINVAL;
        if (!*ret_is_odd)
                return r;
        disk_files_odd_name(path, odd);
        return disk_files_create(d->sums, odd);
}

static int disk_files_open_data(const struct disk_files_dirs *d, const char *path, bool is_odd) {
        char odd[32];
        int fd;

        disk_files_odd_name(path, odd);
        fd = openat(is_odd ? d->sums : d->data, is_odd ? odd : path, DISK_FILES_FLAGS);
        return fd < 0 ? -errno : fd;
}

void disk_files_remove(const struct disk_files_dirs *d, const char *path, bool is_odd) {
        char name[32], parent[DISK_FILES_PATH], *slash;

        disk_files_odd_name(path, name);
        (void) unlinkat(is_odd ? d->sums : d->data, is_odd ? name : path, 0);
        name[DISK_FILES_NAME - 1] = 0;
        (void) unlinkat(d->sums, name, 0);
        if (is_odd || strlen(path) >= sizeof(parent))
                return;
        strcpy(parent, path);
        while ((slash = strrchr(parent, '/'))) {
                *slash = 0;
                if (unlinkat(d->data, parent, AT_REMOVEDIR) < 0)
                        break;
        }
}

/* --- opening --------------------------------------------------------------------------------- */

static off_t disk_files_table_at(const struct disk_files_header *h) {
        return (off_t) ((sizeof(*h) + h->path_len + 7) / 8 * 8);
}

static int disk_files_head_init(struct disk_files_head *head, const struct disk_files_key *k) {
        size_t len = strlen(k->path);

        if (len >= sizeof(head->path))
                return -ENAMETOOLONG;
        *head = (struct disk_files_head){.h = {.size = k->size,
                                               .block_size = BLOCK_CACHE_SIZE,
                                               .content = k->content,
                                               .generation = k->generation,
                                               .path_len = (uint32_t) len}};
        memcpy(head->h.magic, DISK_FILES_MAGIC, sizeof(DISK_FILES_MAGIC));
        memcpy(head->path, k->path, len);
        return 0;
}

/* A head that is one; the path ends with NUL then. */
static int disk_files_head_read(int fd, struct disk_files_head *ret) {
        ssize_t n;

        memset(ret, 0, sizeof(*ret));
        n = pread(fd, ret, sizeof(*ret), 0);
        if (n < (ssize_t) sizeof(ret->h) || ret->h.path_len >= sizeof(ret->path) ||
            n < (ssize_t) (sizeof(ret->h) + ret->h.path_len) ||
            memcmp(ret->h.magic, DISK_FILES_MAGIC, sizeof(DISK_FILES_MAGIC)) != 0 ||
            ret->h.block_size != BLOCK_CACHE_SIZE)
                return -ENOENT;
        ret->path[ret->h.path_len] = 0;
        return strlen(ret->path) == ret->h.path_len ? 0 : -ENOENT;
}

static int disk_files_head_write(int fd, const struct disk_files_head *head) {
        size_t n = sizeof(head->h) + head->h.path_len;
        ssize_t got = pwrite(fd, head, n, 0);

        return got == (ssize_t) n ? 0 : got < 0 ? -errno : -ENOSPC;
}

/* The bytes that the head is of. */
static int disk_files_find_data(const struct disk_files_dirs *d,
                                const struct disk_files_head *head) {
        int fd = disk_files_open_data(d, head->path, head->h.is_odd);
        struct stat st;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == head->h.ino &&
            ((uint64_t) st.st_size == head->h.size || ftruncate(fd, (off_t) head->h.size) == 0))
                return fd;
        fileio_close(fd);
        return -ENOENT;
}

int disk_files_open(const struct disk_files_dirs *d, const struct disk_files_key *k,
                    struct disk_files *ret) {
        struct disk_files_head head;
        char name[DISK_FILES_NAME];
        _cleanup_close_ int sums = -1;
        int data;

        disk_files_name(k->path, name);
        sums = openat(d->sums, name, DISK_FILES_FLAGS);
        if (sums < 0 || disk_files_head_read(sums, &head) < 0 || head.h.size != k->size ||
            head.h.content != k->content || head.h.generation != k->generation ||
            !str_eq(head.path, k->path))
                return -ENOENT;
        data = disk_files_find_data(d, &head);
        if (data < 0)
                return data;
        /* When it was used last is what a restart goes by. */
        (void) futimens(sums, NULL);
        *ret = (struct disk_files){data, TAKE_FD(sums), disk_files_table_at(&head.h),
                                   head.h.is_odd != 0};
        return 0;
}

int disk_files_make(const struct disk_files_dirs *d, const struct disk_files_key *k,
                    struct disk_files *ret) {
        struct disk_files_head head;
        char name[DISK_FILES_NAME];
        struct disk_files f = {.data = -1, .sums = -1};
        struct stat st;
        int r = disk_files_head_init(&head, k);

        if (r < 0)
                return r;
        f.table_at = disk_files_table_at(&head.h);
        f.data = disk_files_create_data(d, k->path, &f.is_odd);
        if (f.data < 0)
                return f.data;
        r = fstat(f.data, &st) < 0 || ftruncate(f.data, (off_t) k->size) < 0 ? -errno : 0;
        if (r >= 0) {
                head.h.ino = st.st_ino;
                head.h.is_odd = f.is_odd;
                disk_files_name(k->path, name);
                f.sums = disk_files_create(d->sums, name);
                r = f.sums < 0 ? f.sums : disk_files_head_write(f.sums, &head);
        }
        if (r < 0) {
                disk_files_close(&f);
                disk_files_remove(d, k->path, f.is_odd);
        } else {
                *ret = f;
        }
        return r;
}

void disk_files_close(struct disk_files *f) {
        f->data = fileio_close(f->data);
        f->sums = fileio_close(f->sums);
}

int disk_files_set_pinned(const struct disk_files *f, bool pinned) {
        return fchmod(f->sums, pinned ? DISK_FILES_MODE_PINNED : DISK_FILES_MODE) < 0 ? -errno : 0;
}

/* --- blocks ---------------------------------------------------------------------------------- */

static off_t disk_files_entry_at(const struct disk_files *f, uint64_t index) {
        return f->table_at + (off_t) (index * sizeof(struct disk_files_entry));
}

static uint32_t disk_files_check(uint32_t crc, uint64_t index) {
        uint64_t words[2] = {crc, index + 1};

        return crc32c_add(0, words, sizeof(words));
}

static bool disk_files_entry(const struct disk_files *f, uint64_t index,
                             struct disk_files_entry *ret) {
        return pread(f->sums, ret, sizeof(*ret), disk_files_entry_at(f, index)) ==
                       (ssize_t) sizeof(*ret) &&
               ret->check == disk_files_check(ret->crc32c, index);
}

bool disk_files_has(const struct disk_files *f, uint64_t index) {
        struct disk_files_entry e;

        return disk_files_entry(f, index, &e);
}

int disk_files_load(const struct disk_files *f, uint64_t index, char *data, uint32_t n) {
        struct disk_files_entry e;

        return disk_files_entry(f, index, &e) &&
                               pread(f->data, data, n, (off_t) (index * BLOCK_CACHE_SIZE)) ==
                                       (ssize_t) n &&
                               crc32c_add(0, data, n) == e.crc32c
                       ? 0
                       : -ENOENT;
}

int disk_files_store(const struct disk_files *f, uint64_t index, const char *data, uint32_t n) {
        struct disk_files_entry e = {.crc32c = crc32c_add(0, data, n)};
        ssize_t got = pwrite(f->data, data, n, (off_t) (index * BLOCK_CACHE_SIZE));

        if (got != (ssize_t) n)
                return got < 0 ? -errno : -ENOSPC;
        e.check = disk_files_check(e.crc32c, index);
        got = pwrite(f->sums, &e, sizeof(e), disk_files_entry_at(f, index));
        return got == (ssize_t) sizeof(e) ? 0 : got < 0 ? -errno : -ENOSPC;
}

/* --- what is there --------------------------------------------------------------------------- */

/* One file of checksums: 0, or it is worth nothing. */
static int disk_files_look(const struct disk_files_dirs *d, const char *name,
                           struct disk_files_head *head, struct disk_files_found *ret) {
        _cleanup_close_ int sums = openat(d->sums, name, DISK_FILES_FLAGS), data = -1;
        char should[DISK_FILES_NAME];
        struct stat st, of_data;

        if (sums < 0 || fstat(sums, &st) < 0 || disk_files_head_read(sums, head) < 0)
                return -ENOENT;
        disk_files_name(head->path, should);
        data = str_eq(name, should) ? disk_files_find_data(d, head) : -1;
        if (data < 0 || fstat(data, &of_data) < 0)
                return -ENOENT;
        *ret = (struct disk_files_found){
                .key = {head->path, head->h.content, head->h.generation, head->h.size},
                .n_bytes = (uint64_t) of_data.st_blocks * 512,
                .is_odd = head->h.is_odd != 0,
                .is_pinned = (st.st_mode & 0777) == DISK_FILES_MODE_PINNED,
                .used_at = st.st_mtim,
        };
        return 0;
}

int disk_files_scan(const struct disk_files_dirs *d,
                    void (*found)(void *ctx, const struct disk_files_found *f), void *ctx) {
        struct disk_files_head head;
        struct disk_files_found f;
        char **names = NULL;
        int r = fileio_list(d->sums_path, NULL, &names);

        if (r < 0)
                return r;
        for (char **name = names; name && *name; name++) {
                if (str_ends(*name, DISK_FILES_ODD))
                        continue;
                if (disk_files_look(d, *name, &head, &f) >= 0)
                        found(ctx, &f);
                else
                        (void) unlinkat(d->sums, *name, 0);
        }
        str_free_list(names);
        return 0;
}

/* Does a file of checksums tell of these bytes? */
static bool disk_files_is_known(const struct disk_files_dirs *d, const char *path) {
        char name[DISK_FILES_NAME];

        disk_files_name(path, name);
        return faccessat(d->sums, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void disk_files_sweep_odd(const struct disk_files_dirs *d, pthread_mutex_t *lock) {
        char **names = NULL, name[DISK_FILES_NAME];

        if (fileio_list(d->sums_path, DISK_FILES_ODD, &names) < 0)
                return;
        for (char **odd = names; odd && *odd; odd++) {
                snprintf(name, sizeof(name), "%.16s", *odd);
                pthread_mutex_lock(lock);
                if (faccessat(d->sums, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        (void) unlinkat(d->sums, *odd, 0);
                pthread_mutex_unlock(lock);
        }
        str_free_list(names);
}

static void disk_files_sweep_one(const struct disk_files_dirs *d, pthread_mutex_t *lock,
                                 const FTSENT *e) {
        size_t root_len = strlen(d->data_path);
        const char *path = e->fts_pathlen > root_len ? e->fts_path + root_len + 1 : "";

        if (!*path || e->fts_info == FTS_D)
                return;
        pthread_mutex_lock(lock);
        if (e->fts_info == FTS_DP)
                (void) unlinkat(d->data, path, AT_REMOVEDIR); /* when it is empty */
        else if (!disk_files_is_known(d, path))
                (void) unlinkat(d->data, path, 0);
        pthread_mutex_unlock(lock);
}

void disk_files_sweep(const struct disk_files_dirs *d, pthread_mutex_t *lock,
                      const atomic_bool *stops) {
        char *const roots[] = {d->data_path, NULL};
        FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
        FTSENT *e;

        disk_files_sweep_odd(d, lock);
        while (fts && (e = fts_read(fts)) && !*stops)
                disk_files_sweep_one(d, lock, e);
        if (fts)
                fts_close(fts);
}
