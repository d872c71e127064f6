#include "fuse-gcs/disk_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuse-gcs/disk_queue.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"

#define DISK_CACHE_OPEN 128 /* contents whose files are kept open */

struct disk_cache_file {
        struct disk_files files;
        unsigned n_refs;
        uint64_t content, size; /* of the object */
        int64_t generation;
        uint64_t n_bytes; /* on the disk; of a claimed one: that have their room there */
        bool is_dropped, is_pinned, is_claimed;
        struct disk_cache_file *newer, *older;
        char name[DISK_FILES_NAME];
        char path[];
};

struct disk_cache {
        pthread_mutex_t lock;
        struct disk_queue *queue;
        char *root, *bucket, *old_dir;
        struct disk_files_dirs dirs;
        uint64_t n_bytes_max;
        bool keeps_parts, wants_claims;
        uint64_t pinned_bytes; /* sizes of what is pinned */
        struct strmap files;   /* by name */
        struct disk_cache_file *newest, *oldest;
        size_t n_open;
        struct disk_cache_stats stats;
};

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

static void disk_cache_close(struct disk_cache *c, struct disk_cache_file *f) {
        if (f->files.data >= 0)
                c->n_open--;
        disk_files_close(&f->files);
}

static void disk_cache_file_free(struct disk_cache *c, struct disk_cache_file *f) {
        disk_cache_close(c, f);
        mem_free(f);
}

static void disk_cache_unref(struct disk_cache *c, struct disk_cache_file *f) {
        if (--f->n_refs == 0 && f->is_dropped)
                disk_cache_file_free(c, f);
}

/* Under the lock: out of the map; memory goes with the last reference. */
static void disk_cache_forget(struct disk_cache *c, struct disk_cache_file *f) {
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

/* And off the disk. */
static void disk_cache_remove(struct disk_cache *c, struct disk_cache_file *f) {
        disk_files_remove(&c->dirs, f->path, f->files.is_odd);
        disk_cache_forget(c, f);
}

/* What somebody reads just now goes as well: he has it open. */
static bool disk_cache_evict(struct disk_cache *c, const struct disk_cache_file *but) {
        struct disk_cache_file *f = c->oldest;

        while (f && (f == but || f->is_pinned))
                f = f->newer;
        if (!f)
                return false;
        disk_cache_remove(c, f);
        return true;
}

static void disk_cache_close_one(struct disk_cache *c) {
        struct disk_cache_file *f = c->oldest;

        while (f && (f->files.data < 0 || f->n_refs > 0))
                f = f->newer;
        if (f)
                disk_cache_close(c, f);
}

/* A file that nobody has yet: into the map. */
static struct disk_cache_file *disk_cache_add(struct disk_cache *c,
                                              const struct disk_files_key *k) {
        size_t len = strlen(k->path);
        struct disk_cache_file *f = mem_zalloc(sizeof(*f) + len + 1);

        if (!f)
                return NULL;
        f->files = (struct disk_files){.data = -1, .sums = -1};
        f->content = k->content;
        f->size = k->size;
        f->generation = k->generation;
        memcpy(f->path, k->path, len + 1);
        disk_files_name(k->path, f->name);
        if (strmap_set(&c->files, f->name, f) < 0)
                return mem_free(f);
        c->stats.n_files++;
        disk_cache_use(c, f);
        return f;
}

/* Somebody took the directories away: what was there is not any more. */
static void disk_cache_look_after_dirs(struct disk_cache *c) {
        struct disk_files_dirs dirs;
        struct errmsg em;

        if (!disk_files_dirs_gone(&c->dirs))
                return;
        while (c->oldest)
                disk_cache_forget(c, c->oldest);
        if (disk_files_dirs_open(&dirs, c->root, c->bucket, &em) < 0) {
                log_warning("%s", em.text);
                return;
        }
        disk_files_dirs_done(&c->dirs);
        c->dirs = dirs;
}

static int disk_cache_set_pinned(struct disk_cache *c, struct disk_cache_file *f, bool pinned) {
        int r;

        if (f->is_pinned == pinned)
                return 0;
        if (pinned && c->pinned_bytes + f->size > c->n_bytes_max)
                return -ENOSPC;
        r = disk_files_set_pinned(&f->files, pinned);
        if (r < 0)
                return r;
        f->is_pinned = pinned;
        c->stats.n_pinned += pinned ? 1 : UINT64_MAX;
        c->pinned_bytes += pinned ? f->size : -f->size;
        return 0;
}

static int disk_cache_open(struct disk_cache *c, struct disk_cache_file *f,
                           const struct disk_files_key *k, bool make) {
        int r;

        if (c->n_open >= DISK_CACHE_OPEN)
                disk_cache_close_one(c);
        r = disk_files_open(&c->dirs, k, &f->files);
        if (r < 0 && make) {
                c->stats.n_bytes -= f->n_bytes;
                f->n_bytes = 0;
                f->is_claimed = false;
                r = disk_files_make(&c->dirs, k, &f->files);
        }
        if (r >= 0)
                c->n_open++;
        return r;
}

/* The object's file, when it is the content's; make: what an older one has gives way. */
static struct disk_cache_file *disk_cache_at(struct disk_cache *c, const struct disk_files_key *k,
                                             bool make, bool *ret_pin) {
        char name[DISK_FILES_NAME];
        struct disk_cache_file *f;

        *ret_pin = false;
        disk_files_name(k->path, name);
        f = strmap_get(&c->files, name);
        if (f && f->content == k->content && f->size == k->size)
                return f;
        if (!make || (f && f->generation > k->generation))
                return NULL;
        if (f) {
                *ret_pin = f->is_pinned;
                disk_cache_remove(c, f);
        }
        disk_cache_look_after_dirs(c);
        return disk_cache_add(c, k);
}

/* Under the lock: the file, referenced and open, or NULL. */
static struct disk_cache_file *disk_cache_get(struct disk_cache *c, const struct disk_files_key *k,
                                              bool make) {
        bool pin;
        struct disk_cache_file *f = disk_cache_at(c, k, make, &pin);

        if (!f)
                return NULL;
        disk_cache_use(c, f);
        f->n_refs++;
        if (f->files.data < 0 && disk_cache_open(c, f, k, make) < 0) {
                /* Whatever is in its place now is somebody else's. */
                f->n_refs--;
                disk_cache_forget(c, f);
                return NULL;
        }
        if (pin)
                (void) disk_cache_set_pinned(c, f, true);
        return f;
}

static void disk_cache_put(struct disk_cache *c, struct disk_cache_file *f) {
        pthread_mutex_lock(&c->lock);
        disk_cache_unref(c, f);
        pthread_mutex_unlock(&c->lock);
}

/* --- reading --------------------------------------------------------------------------------- */

static struct disk_cache_file *disk_cache_find(struct disk_cache *c,
                                               const struct disk_files_key *k) {
        struct disk_cache_file *f;

        pthread_mutex_lock(&c->lock);
        f = disk_cache_get(c, k, false);
        pthread_mutex_unlock(&c->lock);
        return f;
}

bool disk_cache_has(struct disk_cache *c, const struct disk_files_key *k, uint64_t index) {
        struct disk_cache_file *f = disk_cache_find(c, k);
        bool has = f && disk_files_has(&f->files, index);

        if (f)
                disk_cache_put(c, f);
        return has;
}

int disk_cache_load(struct disk_cache *c, const struct disk_files_key *k, uint64_t index,
                    char *data, uint32_t n) {
        struct disk_cache_file *f = disk_cache_find(c, k);
        int r;

        if (!f)
                return -ENOENT;
        r = disk_files_load(&f->files, index, data, n);
        pthread_mutex_lock(&c->lock);
        if (r >= 0)
                c->stats.n_hits++;
        else
                c->stats.n_bad++;
        disk_cache_unref(c, f);
        pthread_mutex_unlock(&c->lock);
        return r;
}

/* --- room ------------------------------------------------------------------------------------ */

/* Under the lock: is there room for n bytes of f, or can it be made? A file does not make room for
 * itself; what is pinned has its room already. */
static bool disk_cache_make_room(struct disk_cache *c, const struct disk_cache_file *f,
                                 uint64_t size, uint64_t n) {
        if (size > c->n_bytes_max && !c->keeps_parts)
                return false;
        while (c->stats.n_bytes + n > c->n_bytes_max && disk_cache_evict(c, f))
                ;
        return c->stats.n_bytes + n <= c->n_bytes_max || (f && f->is_pinned);
}

static int disk_cache_claim_file(struct disk_cache *c, struct disk_cache_file *f) {
        uint64_t more = f->size - MIN(f->n_bytes, f->size);

        if (f->is_claimed)
                return 0;
        if (!disk_cache_make_room(c, f, f->size, more)) {
                if (f->n_bytes == 0)
                        disk_cache_remove(c, f);
                return -ENOSPC;
        }
        f->is_claimed = true;
        f->n_bytes += more;
        c->stats.n_bytes += more;
        return 0;
}

int disk_cache_claim(struct disk_cache *c, const struct disk_files_key *k) {
        struct disk_cache_file *f;
        bool fits;
        int r;

        if (!c->wants_claims)
                return 0;
        pthread_mutex_lock(&c->lock);
        fits = k->size <= c->n_bytes_max;
        f = fits ? disk_cache_get(c, k, true) : NULL;
        r = f ? disk_cache_claim_file(c, f) : fits ? -EIO : -ENOSPC;
        if (f)
                disk_cache_unref(c, f);
        pthread_mutex_unlock(&c->lock);
        return r;
}

bool disk_cache_is_refused(struct disk_cache *c, const struct disk_files_key *k) {
        struct disk_cache_file *f = c->wants_claims ? disk_cache_find(c, k) : NULL;

        if (f)
                disk_cache_put(c, f);
        return c->wants_claims && !f;
}

bool disk_cache_takes(struct disk_cache *c, const struct disk_files_key *k, uint64_t index) {
        bool fits = c->keeps_parts || k->size <= c->n_bytes_max;

        /* The queue first: what is written meanwhile is found on the disk. */
        return (fits && disk_queue_has(c->queue, k, index) && !disk_cache_is_refused(c, k)) ||
               disk_cache_has(c, k, index);
}

/* --- writing --------------------------------------------------------------------------------- */

/* Under the lock: the file a block goes to, referenced, when there is room. A block that is there
 * already needs none. */
static struct disk_cache_file *disk_cache_target(struct disk_cache *c,
                                                 const struct disk_queue_job *j, bool *ret_is_new) {
        struct disk_cache_file *f = disk_cache_get(c, &j->key, false);

        if (!f && c->wants_claims)
                return NULL;
        *ret_is_new = !f || (!f->is_claimed && !disk_files_has(&f->files, j->index));
        if (!*ret_is_new || disk_cache_make_room(c, f, j->key.size, j->n))
                return f ?: disk_cache_get(c, &j->key, true);
        if (f)
                disk_cache_unref(c, f);
        return NULL;
}

static void disk_cache_write(void *ctx, const struct disk_queue_job *j) {
        struct disk_cache *c = ctx;
        struct disk_cache_file *f;
        bool is_new;
        int r;

        pthread_mutex_lock(&c->lock);
        f = disk_queue_is_void(c->queue) ? NULL : disk_cache_target(c, j, &is_new);
        pthread_mutex_unlock(&c->lock);
        if (!f)
                return;
        r = disk_files_store(&f->files, j->index, j->data, j->n);
        pthread_mutex_lock(&c->lock);
        if (r >= 0 && is_new && !f->is_dropped && !f->is_claimed) {
                f->n_bytes += j->n;
                c->stats.n_bytes += j->n;
        }
        disk_cache_unref(c, f);
        if (r == -ENOSPC)
                (void) disk_cache_evict(c, NULL); /* room for the next one */
        pthread_mutex_unlock(&c->lock);
}

/* What an older program left: it cannot be read, and would take room for ever. */
static void disk_cache_drop_old(struct disk_cache *c) {
        char **names = NULL;

        if (!c->old_dir || fileio_list(c->old_dir, NULL, &names) < 0)
                return;
        log_info("%s: a cache of an older form, dropped", c->old_dir);
        for (char **name = names; name && *name && !*disk_queue_stops(c->queue); name++) {
                _cleanup_free_ char *path = str_printf("%s/%s", c->old_dir, *name);

                if (path)
                        (void) unlink(path);
        }
        str_free_list(names);
        (void) rmdir(c->old_dir);
}

static void disk_cache_begin(void *ctx) {
        struct disk_cache *c = ctx;

        disk_files_sweep(&c->dirs, &c->lock, disk_queue_stops(c->queue));
        disk_cache_drop_old(c);
}

void disk_cache_store(struct disk_cache *c, const struct disk_files_key *k, uint64_t index,
                      const char *data, uint32_t n) {
        disk_queue_add(c->queue, k, index, data, n);
}

bool disk_cache_put_block(struct disk_cache *c, const struct disk_files_key *k, uint64_t index,
                          const char *data, uint32_t n) {
        disk_queue_put(c->queue, k, index, data, n);
        return disk_cache_has(c, k, index);
}

void disk_cache_sync(struct disk_cache *c) {
        disk_queue_sync(c->queue);
}

void disk_cache_drop(struct disk_cache *c, const char *path) {
        char name[DISK_FILES_NAME];
        struct disk_cache_file *f;

        disk_files_name(path, name);
        pthread_mutex_lock(&c->lock);
        /* What is on its way there would bring it back. */
        disk_queue_drop(c->queue, path);
        f = strmap_get(&c->files, name);
        if (f)
                disk_cache_remove(c, f);
        pthread_mutex_unlock(&c->lock);
}

int disk_cache_pin(struct disk_cache *c, const struct disk_files_key *k, bool pinned) {
        struct disk_cache_file *f;
        int r;

        pthread_mutex_lock(&c->lock);
        f = disk_cache_get(c, k, pinned);
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

struct disk_cache_scan {
        struct disk_cache *cache;
        struct disk_cache_found *found;
        size_t n, n_room;
};

static void disk_cache_on_found(void *ctx, const struct disk_files_found *found) {
        struct disk_cache_scan *s = ctx;
        struct disk_cache_file *f;

        if (s->n == s->n_room) {
                size_t n = MAX(s->n_room * 2, (size_t) 64);
                struct disk_cache_found *more = mem_realloc_array(s->found, n, sizeof(*s->found));

                if (!more)
                        return;
                s->found = more;
                s->n_room = n;
        }
        f = disk_cache_add(s->cache, &found->key);
        if (!f)
                return;
        f->n_bytes = found->n_bytes;
        f->is_pinned = found->is_pinned;
        f->files.is_odd = found->is_odd;
        s->cache->stats.n_bytes += f->n_bytes;
        s->cache->stats.n_pinned += f->is_pinned;
        s->cache->pinned_bytes += f->is_pinned ? f->size : 0;
        s->found[s->n++] = (struct disk_cache_found){f, found->used_at};
}

/* What the last mount left, the least used first. */
static int disk_cache_scan(struct disk_cache *c) {
        struct disk_cache_scan s = {.cache = c};
        int r = disk_files_scan(&c->dirs, disk_cache_on_found, &s);

        if (s.n > 0)
                qsort(s.found, s.n, sizeof(*s.found), disk_cache_compare);
        for (size_t i = 0; i < s.n; i++)
                disk_cache_use(c, s.found[i].file);
        mem_free(s.found);
        while (c->stats.n_bytes > c->n_bytes_max && disk_cache_evict(c, NULL))
                ;
        return r;
}

static int disk_cache_start(struct disk_cache *c, const struct disk_cache_options *o,
                            struct errmsg *em) {
        const struct disk_queue_options queue = {disk_cache_begin, disk_cache_write, c};
        int r;

        c->n_bytes_max = o->n_bytes_max;
        c->keeps_parts = o->keeps_parts;
        c->wants_claims = o->wants_claims;
        c->root = mem_strdup(o->root);
        c->bucket = mem_strdup(o->bucket);
        c->old_dir = o->old_dir ? mem_strdup(o->old_dir) : NULL;
        if (!c->root || !c->bucket)
                return errmsg_errno(em, -ENOMEM, "cache");
        r = disk_files_dirs_open(&c->dirs, c->root, c->bucket, em);
        if (r < 0)
                return r;
        r = disk_cache_scan(c);
        if (r >= 0)
                r = disk_queue_new(&queue, &c->queue);
        return r < 0 ? errmsg_errno(em, r, "cache directory %s", c->root) : 0;
}

int disk_cache_new(const struct disk_cache_options *o, struct disk_cache **ret, struct errmsg *em) {
        struct disk_cache *c = mem_new(struct disk_cache);
        int r;

        if (!c)
                return errmsg_errno(em, -ENOMEM, "cache");
        pthread_mutex_init(&c->lock, NULL);
        c->dirs = (struct disk_files_dirs){.data = -1, .sums = -1};
        r = disk_cache_start(c, o, em);
        if (r < 0)
                disk_cache_free(c);
        else
                *ret = c;
        return r;
}

struct disk_cache *disk_cache_free(struct disk_cache *c) {
        if (!c)
                return NULL;
        c->queue = disk_queue_free(c->queue);
        while (c->oldest) {
                struct disk_cache_file *f = c->oldest;

                disk_cache_unuse(c, f);
                disk_cache_file_free(c, f);
        }
        strmap_done(&c->files);
        disk_files_dirs_done(&c->dirs);
        mem_free(c->root);
        mem_free(c->bucket);
        mem_free(c->old_dir);
        pthread_mutex_destroy(&c->lock);
        return mem_free(c);
}

void disk_cache_stats_get(struct disk_cache *c, struct disk_cache_stats *ret) {
        pthread_mutex_lock(&c->lock);
        *ret = c->stats;
        ret->n_dropped = disk_queue_n_dropped(c->queue);
        pthread_mutex_unlock(&c->lock);
}
