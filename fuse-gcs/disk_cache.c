/* A file: one page of header, then 8 bytes for each block (the checksum of its bytes, and one of
 * that with the block's number), then, from the next page on, the blocks. */
#include "fuse-gcs/disk_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuse-gcs/block_cache.h"
#include "lib/base/crc32c.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"

#define DISK_CACHE_PAGE ((uint64_t) 4096)
#define DISK_CACHE_QUEUE 128 /* blocks on their way to the disk */
#define DISK_CACHE_OPEN 128  /* files kept open */
#define DISK_CACHE_MODE 0600
#define DISK_CACHE_MODE_PINNED 0700
#define DISK_CACHE_MAGIC "fuse-gcs blocks 1"

struct disk_cache_file {
        char name[40];
        int fd; /* -1: not open just now */
        unsigned n_refs;
        uint64_t size;    /* of the object */
        uint64_t n_bytes; /* on the disk */
        bool is_dropped, is_pinned;
        struct disk_cache_file *newer, *older;
};

struct disk_cache_entry {
        uint32_t crc32c;
        uint32_t check;
};

struct disk_cache_job {
        uint64_t content, size, index;
        uint32_t n;
        char *data;
};

struct disk_cache {
        pthread_mutex_t lock;
        pthread_cond_t more, drained;
        pthread_t thread;
        bool has_thread, stops, is_writing;
        int dir;
        uint64_t n_bytes_max;
        uint64_t pinned_bytes; /* sizes of what is pinned */
        struct strmap files;   /* by name */
        struct disk_cache_file *newest, *oldest;
        size_t n_open;
        struct disk_cache_job jobs[DISK_CACHE_QUEUE];
        uint64_t writing; /* the content of the job under way */
        bool is_void;     /* it was dropped meanwhile */
        size_t first_job, n_jobs;
        struct disk_cache_stats stats;
};

struct disk_cache_header {
        char magic[24];
        uint64_t size;
        uint64_t block_size;
};

static uint64_t disk_cache_n_blocks(uint64_t size) {
        return (size + BLOCK_CACHE_SIZE - 1) / BLOCK_CACHE_SIZE;
}

static off_t disk_cache_entry_at(uint64_t index) {
        return (off_t) (DISK_CACHE_PAGE + index * sizeof(struct disk_cache_entry));
}

static off_t disk_cache_data_at(uint64_t size, uint64_t index) {
        uint64_t table = disk_cache_n_blocks(size) * sizeof(struct disk_cache_entry);

        table = (table + DISK_CACHE_PAGE - 1) / DISK_CACHE_PAGE * DISK_CACHE_PAGE;
        return (off_t) (DISK_CACHE_PAGE + table + index * BLOCK_CACHE_SIZE);
}

static uint32_t disk_cache_check(uint32_t crc, uint64_t index) {
        uint64_t words[2] = {crc, index + 1};

        return crc32c_add(0, words, sizeof(words));
}

static void disk_cache_name(uint64_t content, uint64_t size, char ret[40]) {
        snprintf(ret, 40, "%016" PRIx64 "-%" PRIx64, content, size);
}

/* --- files ----------------------------------------------------------------------------------- */

static void disk_cache_unuse(struct disk_cache *c, struct disk_cache_file *f) {
        *(f->newer ? &f->newer->older : &c->newest) = f->older;
        *(f->older ? &f->older->newer : &c->oldest) = f->newer;
        f->newer = f->older = NULL;
}

static void disk_cache_use(struct disk_cache *c, struct disk_cache_file *f) {
        if (c->newest == f)
                return;
        if (f->newer || f->older || c->oldest == f)
                disk_cache_unuse(c, f);
        f->older = c->newest;
        *(c->newest ? &c->newest->newer : &c->oldest) = f;
        c->newest = f;
}

static void disk_cache_file_free(struct disk_cache *c, struct disk_cache_file *f) {
        if (f->fd >= 0) {
                fileio_close(f->fd);
                c->n_open--;
        }
        mem_free(f);
}

static void disk_cache_unref(struct disk_cache *c, struct disk_cache_file *f) {
        if (--f->n_refs == 0 && f->is_dropped)
                disk_cache_file_free(c, f);
}

/* Under the lock: out of the map, off the disk; memory goes with the last reference. */
static void disk_cache_remove(struct disk_cache *c, struct disk_cache_file *f) {
        (void) unlinkat(c->dir, f->name, 0);
        (void) strmap_take(&c->files, f->name);
        disk_cache_unuse(c, f);
        c->stats.n_bytes -= f->n_bytes;
        c->stats.n_files--;
        c->stats.n_pinned -= f->is_pinned;
        c->pinned_bytes -= f->is_pinned ? f->size : 0;
        f->is_dropped = true;
        if (f->n_refs == 0)
                disk_cache_file_free(c, f);
}

static bool disk_cache_evict(struct disk_cache *c) {
        struct disk_cache_file *f = c->oldest;

        while (f && (f->n_refs > 0 || f->is_pinned))
                f = f->newer;
        if (!f)
                return false;
        disk_cache_remove(c, f);
        return true;
}

static void disk_cache_close_one(struct disk_cache *c) {
        struct disk_cache_file *f = c->oldest;

        while (f && (f->fd < 0 || f->n_refs > 0))
                f = f->newer;
        if (f) {
                f->fd = fileio_close(f->fd);
                c->n_open--;
        }
}

static int disk_cache_open(struct disk_cache *c, struct disk_cache_file *f, bool make) {
        struct disk_cache_header h = {.size = f->size, .block_size = BLOCK_CACHE_SIZE}, had;

        memcpy(h.magic, DISK_CACHE_MAGIC, sizeof(DISK_CACHE_MAGIC));
        f->fd = openat(c->dir, f->name, (make ? O_CREAT : 0) | O_RDWR | O_CLOEXEC | O_NOFOLLOW,
                       DISK_CACHE_MODE);
        if (f->fd < 0)
                return -errno;
        c->n_open++;
        if (pread(f->fd, &had, sizeof(had), 0) == (ssize_t) sizeof(had) &&
            !memcmp(&had, &h, sizeof(h))) {
                /* When it was used last is what a restart goes by. */
                (void) futimens(f->fd, NULL);
                return 0;
        }
        if (make && ftruncate(f->fd, 0) == 0 &&
            pwrite(f->fd, &h, sizeof(h), 0) == (ssize_t) sizeof(h))
                return 0;
        f->fd = fileio_close(f->fd);
        c->n_open--;
        return -ENOENT;
}

/* Under the lock: the file, referenced and open, or NULL. */
static struct disk_cache_file *disk_cache_get(struct disk_cache *c, uint64_t content, uint64_t size,
                                              bool make) {
        char name[40];
        struct disk_cache_file *f;
        bool is_new = false;

        disk_cache_name(content, size, name);
        f = strmap_get(&c->files, name);
        if (!f && make) {
                f = mem_new(struct disk_cache_file);
                if (!f)
                        return NULL;
                memcpy(f->name, name, sizeof(name));
                f->fd = -1;
                f->size = size;
                if (strmap_set(&c->files, name, f) < 0)
                        return mem_free(f);
                c->stats.n_files++;
                is_new = true;
        }
        if (!f)
                return NULL;
        disk_cache_use(c, f);
        f->n_refs++;
        if (f->fd < 0) {
                if (c->n_open >= DISK_CACHE_OPEN)
                        disk_cache_close_one(c);
                if (disk_cache_open(c, f, make || is_new) < 0) {
                        f->n_refs--;
                        disk_cache_remove(c, f);
                        return NULL;
                }
        }
        return f;
}

static void disk_cache_put(struct disk_cache *c, struct disk_cache_file *f) {
        pthread_mutex_lock(&c->lock);
        disk_cache_unref(c, f);
        pthread_mutex_unlock(&c->lock);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool disk_cache_entry(const struct disk_cache_file *f, uint64_t index,
                             struct disk_cache_entry *ret) {
        return pread(f->fd, ret, sizeof(*ret), disk_cache_entry_at(index)) ==
                       (ssize_t) sizeof(*ret) &&
               ret->check == disk_cache_check(ret->crc32c, index);
}

static struct disk_cache_file *disk_cache_find(struct disk_cache *c, uint64_t content,
                                               uint64_t size) {
        struct disk_cache_file *f;

        pthread_mutex_lock(&c->lock);
        f = disk_cache_get(c, content, size, false);
        pthread_mutex_unlock(&c->lock);
        return f;
}

bool disk_cache_has(struct disk_cache *c, uint64_t content, uint64_t size, uint64_t index) {
        struct disk_cache_file *f = disk_cache_find(c, content, size);
        struct disk_cache_entry e;
        bool has = f && disk_cache_entry(f, index, &e);

        if (f)
                disk_cache_put(c, f);
        return has;
}

int disk_cache_load(struct disk_cache *c, uint64_t content, uint64_t size, uint64_t index,
                    char *data, uint32_t n) {
        struct disk_cache_file *f = disk_cache_find(c, content, size);
        struct disk_cache_entry e;
        bool good;

        if (!f)
                return -ENOENT;
        good = disk_cache_entry(f, index, &e) &&
               pread(f->fd, data, n, disk_cache_data_at(size, index)) == (ssize_t) n &&
               crc32c_add(0, data, n) == e.crc32c;
        pthread_mutex_lock(&c->lock);
        if (good)
                c->stats.n_hits++;
        else
                c->stats.n_bad++;
        disk_cache_unref(c, f);
        pthread_mutex_unlock(&c->lock);
        return good ? 0 : -ENOENT;
}

/* --- writing --------------------------------------------------------------------------------- */

static int disk_cache_write(struct disk_cache_file *f, const struct disk_cache_job *j) {
        struct disk_cache_entry e = {.crc32c = crc32c_add(0, j->data, j->n)};
        ssize_t n = pwrite(f->fd, j->data, j->n, disk_cache_data_at(j->size, j->index));

        if (n != (ssize_t) j->n)
                return n < 0 ? -errno : -ENOSPC;
        e.check = disk_cache_check(e.crc32c, j->index);
        n = pwrite(f->fd, &e, sizeof(e), disk_cache_entry_at(j->index));
        return n == (ssize_t) sizeof(e) ? 0 : n < 0 ? -errno : -ENOSPC;
}

/* Under the lock: is there room, or can it be made? What is pinned has its room already. */
static bool disk_cache_make_room(struct disk_cache *c, const struct disk_cache_job *j) {
        const struct disk_cache_file *f;
        char name[40];

        while (c->stats.n_bytes + j->n > c->n_bytes_max && disk_cache_evict(c))
                ;
        if (c->stats.n_bytes + j->n <= c->n_bytes_max)
                return true;
        disk_cache_name(j->content, j->size, name);
        f = strmap_get(&c->files, name);
        return f && f->is_pinned;
}

static void disk_cache_run(struct disk_cache *c, const struct disk_cache_job *j) {
        struct disk_cache_file *f = NULL;
        struct disk_cache_entry had;
        bool is_new;
        int r;

        pthread_mutex_lock(&c->lock);
        if (!c->is_void && disk_cache_make_room(c, j))
                f = disk_cache_get(c, j->content, j->size, true);
        pthread_mutex_unlock(&c->lock);
        if (!f)
                return;
        is_new = !disk_cache_entry(f, j->index, &had);
        r = disk_cache_write(f, j);
        pthread_mutex_lock(&c->lock);
        if (r >= 0 && is_new && !f->is_dropped) {
                f->n_bytes += j->n;
                c->stats.n_bytes += j->n;
        }
        disk_cache_unref(c, f);
        if (r == -ENOSPC)
                (void) disk_cache_evict(c); /* room for the next one */
        pthread_mutex_unlock(&c->lock);
}

static void *disk_cache_main(void *ctx) {
        struct disk_cache *c = ctx;

        pthread_mutex_lock(&c->lock);
        while (!c->stops || c->n_jobs > 0) {
                struct disk_cache_job j;

                if (c->n_jobs == 0) {
                        pthread_cond_wait(&c->more, &c->lock);
                        continue;
                }
                j = c->jobs[c->first_job];
                c->first_job = (c->first_job + 1) % DISK_CACHE_QUEUE;
                c->n_jobs--;
                c->is_writing = true;
                c->writing = j.content;
                c->is_void = j.n == 0;
                pthread_mutex_unlock(&c->lock);
                disk_cache_run(c, &j);
                mem_free(j.data);
                pthread_mutex_lock(&c->lock);
                c->is_writing = false;
                if (c->n_jobs == 0)
                        pthread_cond_broadcast(&c->drained);
        }
        pthread_mutex_unlock(&c->lock);
        return NULL;
}

void disk_cache_store(struct disk_cache *c, uint64_t content, uint64_t size, uint64_t index,
                      const char *data, uint32_t n) {
        char *copy = mem_memdup(data, n);

        pthread_mutex_lock(&c->lock);
        if (copy && c->n_jobs < DISK_CACHE_QUEUE) {
                c->jobs[(c->first_job + c->n_jobs++) % DISK_CACHE_QUEUE] =
                        (struct disk_cache_job){content, size, index, n, TAKE_PTR(copy)};
                pthread_cond_signal(&c->more);
        } else {
                c->stats.n_dropped++;
        }
        pthread_mutex_unlock(&c->lock);
        mem_free(copy);
}

void disk_cache_sync(struct disk_cache *c) {
        pthread_mutex_lock(&c->lock);
        while (c->n_jobs > 0 || c->is_writing)
                pthread_cond_wait(&c->drained, &c->lock);
        pthread_mutex_unlock(&c->lock);
}

void disk_cache_drop(struct disk_cache *c, uint64_t content) {
        char prefix[40];

        disk_cache_name(content, 0, prefix);
        prefix[17] = 0;
        pthread_mutex_lock(&c->lock);
        /* What is on its way there would bring it back. */
        for (size_t k = 0; k < c->n_jobs; k++) {
                struct disk_cache_job *j = &c->jobs[(c->first_job + k) % DISK_CACHE_QUEUE];

                if (j->content == content)
                        j->n = 0;
        }
        c->is_void = c->is_void || (c->is_writing && c->writing == content);
        for (struct disk_cache_file *f = c->oldest, *newer; f; f = newer) {
                newer = f->newer;
                if (str_starts(f->name, prefix))
                        disk_cache_remove(c, f);
        }
        pthread_mutex_unlock(&c->lock);
}

/* Under the lock. */
static int disk_cache_set_pinned(struct disk_cache *c, struct disk_cache_file *f, bool pinned) {
        if (f->is_pinned == pinned)
                return 0;
        if (pinned && c->pinned_bytes + f->size > c->n_bytes_max)
                return -ENOSPC;
        if (fchmod(f->fd, pinned ? DISK_CACHE_MODE_PINNED : DISK_CACHE_MODE) < 0)
                return -errno;
        f->is_pinned = pinned;
        c->stats.n_pinned += pinned ? 1 : UINT64_MAX;
        c->pinned_bytes += pinned ? f->size : -f->size;
        return 0;
}

int disk_cache_pin(struct disk_cache *c, uint64_t content, uint64_t size, bool pinned) {
        struct disk_cache_file *f;
        int r;

        pthread_mutex_lock(&c->lock);
        f = disk_cache_get(c, content, size, pinned);
        r = f ? disk_cache_set_pinned(c, f, pinned) : pinned ? -EIO : -ENOENT;
        if (f)
                disk_cache_unref(c, f);
        pthread_mutex_unlock(&c->lock);
        return r;
}

/* --- beginning and end ----------------------------------------------------------------------- */

struct disk_cache_found {
        struct disk_cache_file *file;
        struct timespec used_at;
};

static int disk_cache_compare(const void *a, const void *b) {
        const struct timespec *x = &((const struct disk_cache_found *) a)->used_at;
        const struct timespec *y = &((const struct disk_cache_found *) b)->used_at;

        if (x->tv_sec != y->tv_sec)
                return x->tv_sec < y->tv_sec ? -1 : 1;
        return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* A name of ours: 16 hex digits, "-", the size in hex. */
static bool disk_cache_parse_name(const char *name, uint64_t *ret_size) {
        char *end;

        if (strlen(name) < 18 || strlen(name) > 33 || name[16] != '-' ||
            strspn(name, "0123456789abcdef") != 16)
                return false;
        *ret_size = strtoull(name + 17, &end, 16);
        return !*end;
}

/* What the last mount left, the least used first. */
static int disk_cache_scan(struct disk_cache *c, const char *dir) {
        char **names = NULL;
        struct disk_cache_found *found;
        size_t n = 0;
        int r = fileio_list(dir, NULL, &names);

        if (r < 0)
                return r;
        found = mem_zalloc_array(str_count(names) + 1, sizeof(*found));
        for (char **name = names; found && name && *name; name++) {
                struct disk_cache_file *f;
                struct stat st;
                uint64_t size;

                if (!disk_cache_parse_name(*name, &size) ||
                    fstatat(c->dir, *name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                    !(f = mem_new(struct disk_cache_file)))
                        continue;
                strcpy(f->name, *name);
                f->fd = -1;
                f->size = size;
                f->n_bytes = (uint64_t) st.st_blocks * 512;
                f->is_pinned = (st.st_mode & 0777) == DISK_CACHE_MODE_PINNED;
                found[n++] = (struct disk_cache_found){f, st.st_mtim};
        }
        str_free_list(names);
        if (!found)
                return -ENOMEM;
        qsort(found, n, sizeof(*found), disk_cache_compare);
        for (size_t i = 0; i < n; i++) {
                if (strmap_set(&c->files, found[i].file->name, found[i].file) < 0) {
                        mem_free(found[i].file);
                        continue;
                }
                disk_cache_use(c, found[i].file);
                c->stats.n_bytes += found[i].file->n_bytes;
                c->stats.n_files++;
                c->stats.n_pinned += found[i].file->is_pinned;
                c->pinned_bytes += found[i].file->is_pinned ? found[i].file->size : 0;
        }
        mem_free(found);
        while (c->stats.n_bytes > c->n_bytes_max && disk_cache_evict(c))
                ;
        return 0;
}

int disk_cache_new(const char *dir, uint64_t n_bytes_max, struct disk_cache **ret,
                   struct errmsg *em) {
        struct disk_cache *c = mem_new(struct disk_cache);
        int r = c ? fileio_mkdir_p(dir, 0700) : -ENOMEM;

        if (r < 0) {
                mem_free(c);
                return errmsg_errno(em, r, "cache directory %s", dir);
        }
        pthread_mutex_init(&c->lock, NULL);
        pthread_cond_init(&c->more, NULL);
        pthread_cond_init(&c->drained, NULL);
        c->n_bytes_max = n_bytes_max;
        c->dir = open(dir, O_DIRECTORY | O_CLOEXEC);
        r = c->dir < 0 ? -errno : disk_cache_scan(c, dir);
        if (r >= 0)
                r = -pthread_create(&c->thread, NULL, disk_cache_main, c);
        if (r < 0) {
                disk_cache_free(c);
                return errmsg_errno(em, r, "cache directory %s", dir);
        }
        c->has_thread = true;
        *ret = c;
        return 0;
}

struct disk_cache *disk_cache_free(struct disk_cache *c) {
        if (!c)
                return NULL;
        if (c->has_thread) {
                pthread_mutex_lock(&c->lock);
                c->stops = true;
                pthread_cond_signal(&c->more);
                pthread_mutex_unlock(&c->lock);
                pthread_join(c->thread, NULL);
        }
        while (c->oldest) {
                struct disk_cache_file *f = c->oldest;

                disk_cache_unuse(c, f);
                disk_cache_file_free(c, f);
        }
        strmap_done(&c->files);
        fileio_close(c->dir);
        pthread_cond_destroy(&c->more);
        pthread_cond_destroy(&c->drained);
        pthread_mutex_destroy(&c->lock);
        return mem_free(c);
}

void disk_cache_stats_get(struct disk_cache *c, struct disk_cache_stats *ret) {
        pthread_mutex_lock(&c->lock);
        *ret = c->stats;
        pthread_mutex_unlock(&c->lock);
}
