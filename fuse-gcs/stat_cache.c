/* Owns a hash of entries, chained, and the list of all by use. A listed directory is an entry too,
 * under its path with the "/" (the root: "/"), so that both age alike. */
#include "fuse-gcs/stat_cache.h"

#include <errno.h>
#include <string.h>

#include "fuse-gcs/names.h"
#include "lib/base/fnv.h"
#include "lib/base/mem.h"

#define STAT_CACHE_RUSH_MISSES 32 /* names looked for in vain, each soon after the other */
#define STAT_CACHE_MADE_MISSES 4  /* the same, where only we have made anything yet */
#define STAT_CACHE_RUSH_GAP (1 * USEC_PER_SEC)
#define STAT_CACHE_NAME 256 /* bytes, about */
#define STAT_CACHE_DOUBT_FOR (60 * USEC_PER_SEC)

struct stat_cache_entry {
        struct stat_cache_entry *next_in_slot;
        struct stat_cache_entry *newer, *older;
        struct attrs *file;
        char *names; /* of a listed directory */
        size_t names_len;
        usec_t heard_at, until_at;
        uint64_t seq; /* of our last change */
        bool file_known, dir_known, is_dir, is_explicit, is_large, is_listed, is_made;
        bool was_asked; /* the bucket, since we made it */
        uint32_t len;
        uint32_t hash;
        char path[];
};

struct stat_cache {
        struct stat_cache_options o;
        struct stat_cache_entry **slots;
        size_t n_slots, n;
        size_t n_bytes;
        uint64_t seq;       /* of our changes */
        usec_t missed_at;   /* when a name that a listed directory has not was last looked for */
        unsigned n_missed;  /* one soon after the other */
        usec_t doubt_until; /* somebody else makes names: lists are not believed */
        struct stat_cache_entry *newest, *oldest;
};

int stat_cache_new(const struct stat_cache_options *o, struct stat_cache **ret) {
        struct stat_cache *c = mem_new(struct stat_cache);

        if (!c)
                return -ENOMEM;
        c->o = *o;
        c->n_slots = 1024;
        c->slots = mem_zalloc_array(c->n_slots, sizeof(*c->slots));
        if (!c->slots) {
                mem_free(c);
                return -ENOMEM;
        }
        *ret = c;
        return 0;
}

static uint32_t stat_cache_hash(const char *s, size_t len) {
        uint64_t h = fnv_add(FNV_EMPTY, s, len);

        return (uint32_t) (h ^ h >> 29);
}

static size_t stat_cache_cost(const struct stat_cache_entry *e) {
        return sizeof(*e) + e->len + 1 + 16 + e->names_len + (e->file ? e->file->n_bytes : 0);
}

static struct stat_cache_entry **stat_cache_slot(struct stat_cache *c, const char *path, size_t len,
                                                 uint32_t hash) {
        struct stat_cache_entry **e = &c->slots[hash & (c->n_slots - 1)];

        while (*e && !((*e)->hash == hash && (*e)->len == len && !memcmp((*e)->path, path, len)))
                e = &(*e)->next_in_slot;
        return e;
}

static struct stat_cache_entry *stat_cache_find(struct stat_cache *c, const char *path,
                                                size_t len) {
        return *stat_cache_slot(c, path, len, stat_cache_hash(path, len));
}

static void stat_cache_unlink_use(struct stat_cache *c, struct stat_cache_entry *e) {
        *(e->newer ? &e->newer->older : &c->newest) = e->older;
        *(e->older ? &e->older->newer : &c->oldest) = e->newer;
        e->newer = e->older = NULL;
}

static void stat_cache_use(struct stat_cache *c, struct stat_cache_entry *e) {
        if (c->newest == e)
                return;
        if (e->newer || e->older || c->oldest == e)
                stat_cache_unlink_use(c, e);
        e->older = c->newest;
        *(c->newest ? &c->newest->newer : &c->oldest) = e;
        c->newest = e;
}

static void stat_cache_drop(struct stat_cache *c, struct stat_cache_entry *e) {
        *stat_cache_slot(c, e->path, e->len, e->hash) = e->next_in_slot;
        stat_cache_unlink_use(c, e);
        c->n_bytes -= stat_cache_cost(e);
        c->n--;
        attrs_unref(e->file);
        mem_free(e->names);
        mem_free(e);
}

static void stat_cache_grow(struct stat_cache *c) {
        size_t n = c->n_slots * 2;
        struct stat_cache_entry **slots = mem_zalloc_array(n, sizeof(*slots));

        if (!slots)
                return; /* longer chains do no harm */
        for (size_t i = 0; i < c->n_slots; i++)
                for (struct stat_cache_entry *e = c->slots[i], *next; e; e = next) {
                        next = e->next_in_slot;
                        e->next_in_slot = slots[e->hash & (n - 1)];
                        slots[e->hash & (n - 1)] = e;
                }
        mem_free(c->slots);
        c->slots = slots;
        c->n_slots = n;
}

/* The key of a directory's list. */
static size_t stat_cache_dir_key(const char *dir, char key[STAT_CACHE_KEY_MAX]) {
        size_t len = strlen(dir);

        if (len == 0 || len >= STAT_CACHE_KEY_MAX) {
                memcpy(key, "/", 2);
                return 1;
        }
        memcpy(key, dir, len + 1);
        return len;
}

static struct stat_cache_entry *stat_cache_find_dir(struct stat_cache *c, const char *dir) {
        char key[STAT_CACHE_KEY_MAX];
        size_t len = stat_cache_dir_key(dir, key);

        return stat_cache_find(c, key, len);
}

void stat_cache_forget_listed(struct stat_cache *c, const char *dir) {
        struct stat_cache_entry *e = stat_cache_find_dir(c, dir);

        if (e)
                stat_cache_drop(c, e);
}

static void stat_cache_evict(struct stat_cache *c) {
        struct stat_cache_entry *e = c->oldest;
        char dir[STAT_CACHE_KEY_MAX], key[STAT_CACHE_KEY_MAX];
        size_t len = names_parent_len(e->path);

        /* A list's own entry has nothing that depends on it. */
        bool is_list = e->len > 0 && e->path[e->len - 1] == '/';

        if (len < sizeof(dir)) {
                memcpy(dir, e->path, len);
                dir[len] = 0;
        }
        stat_cache_drop(c, e);
        /* That it is large is as true as before. */
        if (!is_list && len < sizeof(dir)) {
                len = stat_cache_dir_key(dir, key);
                e = stat_cache_find(c, key, len);
                if (e && e->is_listed)
                        stat_cache_drop(c, e);
        }
}

static struct stat_cache_entry *stat_cache_make(struct stat_cache *c, const char *path,
                                                size_t len) {
        uint32_t hash = stat_cache_hash(path, len);
        struct stat_cache_entry *e = *stat_cache_slot(c, path, len, hash);

        if (e)
                return e;
        if (c->n >= c->n_slots)
                stat_cache_grow(c);
        e = mem_zalloc(sizeof(*e) + len + 1);
        if (!e)
                return NULL;
        memcpy(e->path, path, len);
        e->len = (uint32_t) len;
        e->hash = hash;
        e->next_in_slot = c->slots[hash & (c->n_slots - 1)];
        c->slots[hash & (c->n_slots - 1)] = e;
        c->n++;
        c->n_bytes += stat_cache_cost(e);
        return e;
}

static usec_t stat_cache_until(usec_t now, usec_t for_) {
        return for_ == USEC_INFINITY ? USEC_INFINITY : now + for_;
}

/* Ages the entry and makes room; e may go. */
static void stat_cache_touch(struct stat_cache *c, struct stat_cache_entry *e, usec_t now) {
        bool is_something = e->file || e->is_dir || e->is_listed || e->is_large;

        e->heard_at = now;
        e->until_at = stat_cache_until(now, is_something ? c->o.ttl_for : c->o.negative_for);
        stat_cache_use(c, e);
        while (c->n_bytes > c->o.n_bytes_max && c->oldest)
                stat_cache_evict(c);
}

int stat_cache_get(struct stat_cache *c, const char *path, size_t len, usec_t now,
                   struct stat_cache_found *ret) {
        struct stat_cache_entry *e = stat_cache_find(c, path, len);

        if (!e || e->until_at <= now)
                return 0;
        /* A directory hides the object of its name, but not the other way round. */
        if (!e->dir_known || (!e->file_known && !e->is_dir))
                return 0;
        stat_cache_use(c, e);
        *ret = (struct stat_cache_found){
                .file = e->file,
                .is_dir = e->is_dir,
                .is_explicit = e->is_explicit,
                .until_at = e->until_at,
                .heard_at = e->heard_at,
        };
        return 1;
}

uint64_t stat_cache_seq(const struct stat_cache *c) {
        return c->seq;
}

/* Is what was heard newer than what we did? */
static bool stat_cache_may(struct stat_cache *c, struct stat_cache_entry *e, uint64_t as_of) {
        if (as_of != STAT_CACHE_OURS)
                return e->seq <= as_of;
        e->seq = ++c->seq;
        return true;
}

int stat_cache_put_file(struct stat_cache *c, const char *path, size_t len, struct attrs *file,
                        uint64_t as_of, usec_t now) {
        struct stat_cache_entry *e;

        if (c->o.ttl_for == 0)
                return 0;
        e = stat_cache_make(c, path, len);
        if (!e)
                return -ENOMEM;
        if (!stat_cache_may(c, e, as_of))
                return 0;
        c->n_bytes -= stat_cache_cost(e);
        attrs_unref(e->file);
        e->file = attrs_ref(file);
        e->file_known = true;
        c->n_bytes += stat_cache_cost(e);
        stat_cache_touch(c, e, now);
        return 0;
}

int stat_cache_put_dir(struct stat_cache *c, const char *path, size_t len, bool is_dir,
                       bool is_explicit, uint64_t as_of, usec_t now) {
        struct stat_cache_entry *e;

        if (c->o.ttl_for == 0)
                return 0;
        e = stat_cache_make(c, path, len);
        if (!e)
                return -ENOMEM;
        if (!stat_cache_may(c, e, as_of))
                return 0;
        e->dir_known = true;
        e->is_dir = is_dir;
        e->is_explicit = is_dir && is_explicit;
        stat_cache_touch(c, e, now);
        return 0;
}

void stat_cache_forget(struct stat_cache *c, const char *path, size_t len) {
        struct stat_cache_entry *e = stat_cache_find(c, path, len);
        char dir[STAT_CACHE_KEY_MAX];
        size_t dir_len;

        if (!e)
                return;
        dir_len = names_parent_len(e->path);
        if (dir_len < sizeof(dir)) {
                memcpy(dir, e->path, dir_len);
                dir[dir_len] = 0;
                stat_cache_forget_listed(c, dir);
        }
        stat_cache_drop(c, e);
}

void stat_cache_forget_below(struct stat_cache *c, const char *dir) {
        size_t len = strlen(dir);

        for (struct stat_cache_entry *e = c->newest, *older; e; e = older) {
                older = e->older;
                if (len == 0 || (e->len >= len && !memcmp(e->path, dir, len)))
                        stat_cache_drop(c, e);
        }
}

int stat_cache_put_listed(struct stat_cache *c, const char *dir, char *names, size_t n_bytes,
                          usec_t now) {
        char key[STAT_CACHE_KEY_MAX];
        size_t len = stat_cache_dir_key(dir, key);
        struct stat_cache_entry *e = NULL;

        if (c->o.ttl_for > 0)
                e = stat_cache_make(c, key, len);
        if (!e) {
                mem_free(names);
                return c->o.ttl_for > 0 ? -ENOMEM : 0;
        }
        c->n_bytes -= stat_cache_cost(e);
        mem_free(e->names);
        e->names = names;
        e->is_made = e->is_made && stat_cache_is_listed(c, dir, now);
        e->is_listed = e->was_asked = true;
        e->is_large = false;
        e->names_len = names ? n_bytes : 0;
        c->n_bytes += stat_cache_cost(e);
        stat_cache_touch(c, e, now);
        return 0;
}

int stat_cache_put_made(struct stat_cache *c, const char *dir, usec_t heard_at) {
        int r = stat_cache_put_listed(c, dir, NULL, 0, heard_at);
        struct stat_cache_entry *e = r < 0 ? NULL : stat_cache_find_dir(c, dir);

        if (e) {
                e->is_made = true;
                e->was_asked = false;
        }
        return r;
}

bool stat_cache_is_unasked(struct stat_cache *c, const char *dir) {
        const struct stat_cache_entry *e = stat_cache_find_dir(c, dir);

        return e && e->is_made && !e->was_asked;
}

void stat_cache_put_asked(struct stat_cache *c, const char *dir) {
        struct stat_cache_entry *e = stat_cache_find_dir(c, dir);

        if (e)
                e->was_asked = true;
}

usec_t stat_cache_listed_at(struct stat_cache *c, const char *dir, usec_t now) {
        struct stat_cache_entry *e = stat_cache_find_dir(c, dir);

        return e && e->is_listed ? e->heard_at : now;
}

void stat_cache_put_large(struct stat_cache *c, const char *dir, usec_t now) {
        char key[STAT_CACHE_KEY_MAX];
        size_t len = stat_cache_dir_key(dir, key);
        struct stat_cache_entry *e = c->o.ttl_for > 0 ? stat_cache_make(c, key, len) : NULL;

        if (!e)
                return;
        e->is_large = true;
        e->is_listed = e->is_made = false;
        stat_cache_touch(c, e, now);
}

bool stat_cache_is_large(struct stat_cache *c, const char *dir, usec_t now) {
        struct stat_cache_entry *e = stat_cache_find_dir(c, dir);

        if (!e || !e->is_large || e->until_at <= now)
                return false;
        stat_cache_use(c, e);
        return true;
}

bool stat_cache_is_listed(struct stat_cache *c, const char *dir, usec_t now) {
        struct stat_cache_entry *e = stat_cache_find_dir(c, dir);

        if (!e || !e->is_listed)
                return false;
        /* It says what is not there, and ages as such. */
        if (c->o.ttl_for != USEC_INFINITY && c->o.negative_for != USEC_INFINITY &&
            c->o.negative_for < c->o.ttl_for)
                return e->until_at - c->o.ttl_for + c->o.negative_for > now;
        return e->until_at > now;
}

bool stat_cache_denies(struct stat_cache *c, const char *dir, usec_t now) {
        const struct stat_cache_entry *e = stat_cache_find_dir(c, dir);

        if (!stat_cache_is_listed(c, dir, now) || now < c->doubt_until)
                return false;
        if (now - c->missed_at > STAT_CACHE_RUSH_GAP)
                c->n_missed = 0;
        c->missed_at = now;
        return c->n_missed++ >= (e->is_made ? STAT_CACHE_MADE_MISSES : STAT_CACHE_RUSH_MISSES) &&
               (!e->is_made || e->was_asked);
}

void stat_cache_doubt(struct stat_cache *c, usec_t now) {
        c->n_missed = 0;
        c->doubt_until = now + STAT_CACHE_DOUBT_FOR;
}

const char *stat_cache_names_after(struct stat_cache *c, const char *dir, const char *name,
                                   const char **ret_end) {
        struct stat_cache_entry *e = stat_cache_find_dir(c, dir);
        const char *end, *p;

        if (!e || !e->names)
                return NULL;
        end = e->names + e->names_len;
        for (p = e->names; p < end; p += strlen(p) + 1)
                if (!strcmp(p, name)) {
                        *ret_end = end;
                        return p + strlen(p) + 1;
                }
        return NULL;
}

void stat_cache_limit(struct stat_cache *c, size_t n_bytes_max) {
        c->o.n_bytes_max = n_bytes_max;
}

bool stat_cache_has_room(const struct stat_cache *c, size_t n_names) {
        return n_names < c->o.n_bytes_max / 2 / STAT_CACHE_NAME;
}

size_t stat_cache_n_bytes(const struct stat_cache *c) {
        return c->n_bytes;
}

struct stat_cache *stat_cache_free(struct stat_cache *c) {
        if (!c)
                return NULL;
        while (c->oldest)
                stat_cache_drop(c, c->oldest);
        mem_free(c->slots);
        return mem_free(c);
}
