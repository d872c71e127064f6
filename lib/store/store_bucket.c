/* store_bucket.c: the vtable of store.h in terms of a bucket's. */
#include "lib/store/store_bucket.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/base/arena.h"
#include "lib/base/crc32c.h"
#include "lib/base/entropy.h"
#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define RETRY_FOR (100 * USEC_PER_MSEC)

enum { EARLY_PARTS = 1000, DELETE_BATCH = 1000, ATTEMPTS = 6 };

struct bucket_put {
        struct store_bucket *b;
        struct store_bucket_upload *upload; /* NULL while it fits one part */
        struct buf part;
        unsigned n_parts;
        char *key;
};

struct bucket_get {
        struct store_bucket *b;
        struct store_info info;
        struct buf window;
        uint64_t window_at;
        uint64_t n_summed; /* bytes from the start that crc covers */
        uint32_t crc;
        char *key;
};

static struct store_bucket *bucket_of(struct store *s) {
        return container_of(s, struct store_bucket, store);
}

char *store_bucket_key(const struct store_bucket *b, const char *name) {
        return str_printf("%s%s", b->prefix, name);
}

char *store_bucket_after(const char *after) {
        /* U+10FFFF: no name sorts behind it. */
        return str_printf("%s%s", after, str_ends(after, "/") ? "\xf4\x8f\xbf\xbf" : "");
}

int store_bucket_pages(int (*page)(void *userdata, struct arena *arena, struct errmsg *em,
                                   bool *ret_next),
                       void *userdata, struct errmsg *em) {
        bool next = true;
        int r = 0;

        while (r == 0 && next) {
                struct arena arena;

                next = false;
                arena_init(&arena, 0);
                r = page(userdata, &arena, em, &next);
                arena_done(&arena);
        }
        return r;
}

bool store_bucket_retry(unsigned n) {
        usec_t span_for = RETRY_FOR << MIN(n, 8u);
        uint64_t chance = 0;
        struct timespec ts;

        if (n >= ATTEMPTS)
                return false;
        (void) entropy_below(entropy_system(), span_for, &chance);
        ts.tv_sec = (time_t) (chance / USEC_PER_SEC);
        ts.tv_nsec = (long) (chance % USEC_PER_SEC) * NSEC_PER_USEC;
        (void) nanosleep(&ts, NULL);
        return true;
}

/* --- puts ----------------------------------------------------------------------------------------
 */

static void put_free(struct bucket_put *p) {
        buf_done(&p->part);
        mem_free(p->key);
        mem_free(p);
}

static int put_begin(struct store *s, const char *name, struct errmsg *em,
                     struct store_put **ret_put) {
        struct bucket_put *p = mem_new(struct bucket_put);

        (void) em;
        if (!p)
                return -ENOMEM;
        p->b = bucket_of(s);
        p->key = store_bucket_key(p->b, name);
        if (!p->key) {
                mem_free(p);
                return -ENOMEM;
        }
        *ret_put = (struct store_put *) p;
        return 0;
}

static size_t part_size(const struct bucket_put *p) {
        return p->n_parts < EARLY_PARTS ? STORE_BUCKET_PART : STORE_BUCKET_LATE_PART;
}

static int put_send(struct bucket_put *p, bool is_last, struct errmsg *em) {
        int r = 0;

        if (!p->upload)
                r = p->b->ops->upload_begin(p->b, p->key, &p->upload, em);
        if (r >= 0)
                r = p->b->ops->upload_part(p->b, p->upload, buf_cstr(&p->part), p->part.len,
                                           is_last, em);
        p->n_parts++;
        buf_reset(&p->part);
        return r;
}

/* A part is sent when more comes behind it: the last one must be known as the last. */
static int put_write(struct store_put *put, const void *data, size_t n) {
        struct bucket_put *p = (struct bucket_put *) put;
        const char *from = data;

        while (n > 0) {
                size_t room = part_size(p) - p->part.len, k;
                int r = 0;

                if (room == 0) {
                        r = put_send(p, false, NULL);
                        room = part_size(p);
                }
                /* Whole at once, not by doubling beyond it. */
                if (r >= 0 && p->part.len > STORE_BUCKET_PART / 8 && p->part.cap <= part_size(p))
                        r = buf_reserve(&p->part, part_size(p) - p->part.len);
                if (r < 0)
                        return r;
                k = MIN(n, room);
                r = buf_add(&p->part, from, k);
                if (r < 0)
                        return r;
                from += k;
                n -= k;
        }
        return 0;
}

static void put_abort(struct store_put *put) {
        struct bucket_put *p = (struct bucket_put *) put;

        if (p->upload)
                p->b->ops->upload_abort(p->b, p->upload);
        put_free(p);
}

static int put_commit(struct store_put *put, struct store_info *ret_info, struct errmsg *em) {
        struct bucket_put *p = (struct bucket_put *) put;
        int r;

        if (!p->upload) {
                r = p->b->ops->put(p->b, p->key, buf_cstr(&p->part), p->part.len, ret_info, em);
                put_free(p);
                return r;
        }
        r = put_send(p, true, em);
        if (r < 0) {
                put_abort(put);
                return r;
        }
        r = p->b->ops->upload_end(p->b, TAKE_PTR(p->upload), ret_info, em);
        put_free(p);
        return r;
}

/* --- gets ----------------------------------------------------------------------------------------
 */

static void get_close(struct store_get *get) {
        struct bucket_get *g = (struct bucket_get *) get;

        buf_done(&g->window);
        mem_free(g->key);
        mem_free(g);
}

/* What is read from the start to the end in order is compared with the service's checksum. */
static int sum_window(struct bucket_get *g) {
        if (!g->info.has_crc32c || g->window_at != g->n_summed || g->window.len == 0)
                return 0;
        g->crc = crc32c_add(g->crc, g->window.data, g->window.len);
        g->n_summed += g->window.len;
        return g->n_summed == g->info.size && g->crc != g->info.crc32c ? -EBADMSG : 0;
}

static int get_open(struct store *s, const char *name, struct errmsg *em,
                    struct store_info *ret_info, struct store_get **ret_get) {
        struct bucket_get *g = mem_new(struct bucket_get);
        int r;

        if (!g)
                return -ENOMEM;
        g->b = bucket_of(s);
        g->key = store_bucket_key(g->b, name);
        r = g->key ? g->b->ops->read(g->b, g->key, 0, STORE_BUCKET_FIRST_WINDOW, NULL, &g->window,
                                     &g->info, em)
                   : -ENOMEM;
        if (r >= 0 && (r = sum_window(g)) < 0)
                errmsg_set(em, "%s: the object's checksum does not agree", g->key);
        if (r < 0) {
                get_close((struct store_get *) g);
                return r;
        }
        *ret_info = g->info;
        *ret_get = (struct store_get *) g;
        return 0;
}

static ssize_t get_read(struct store_get *get, uint64_t offset, void *data, size_t n) {
        struct bucket_get *g = (struct bucket_get *) get;
        size_t n_read = 0;

        n = (size_t) MIN((uint64_t) n, g->info.size - MIN(offset, g->info.size));
        while (n_read < n) {
                uint64_t at = offset + n_read;
                size_t skip, k;

                if (at < g->window_at || at >= g->window_at + g->window.len) {
                        struct store_info info = g->info;
                        int r = g->b->ops->read(g->b, g->key, at, STORE_BUCKET_PART, g->info.etag,
                                                &g->window, &info, NULL);

                        if (r < 0)
                                return r;
                        if (g->window.len == 0)
                                return -EIO;
                        g->window_at = at;
                        r = sum_window(g);
                        if (r < 0)
                                return r;
                }
                skip = (size_t) (at - g->window_at);
                k = MIN(g->window.len - skip, n - n_read);
                memcpy((char *) data + n_read, g->window.data + skip, k);
                n_read += k;
        }
        return (ssize_t) n_read;
}

static int get_fd(struct store_get *get) {
        (void) get;
        return -EOPNOTSUPP;
}

/* --- looking -------------------------------------------------------------------------------------
 */

static int bucket_stat(struct store *s, const char *name, struct errmsg *em,
                       struct store_info *ret_info) {
        struct store_bucket *b = bucket_of(s);
        _cleanup_free_ char *key = store_bucket_key(b, name);

        return key ? b->ops->stat(b, key, ret_info, em) : -ENOMEM;
}

struct listing {
        int (*each)(const struct store_entry *entry, void *userdata);
        void *userdata;
        size_t n_prefix;
};

static int list_each (const struct store_entry *entry, void *userdata) {
        const struct listing *l = userdata;
        struct store_entry own = *entry;

        own.name += l->n_prefix;
        /* "prefix/" itself: a marker that some tools put where a directory would be. */
        return *own.name ? l->each(&own, l->userdata) : 0;
}

static int bucket_list(struct store *s, const struct store_list *list,
                       int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
                       struct errmsg *em, bool *ret_more) {
        struct store_bucket *b = bucket_of(s);
        _cleanup_free_ char *prefix = store_bucket_key(b, list->prefix), *after = NULL;
        struct listing l = {each, userdata, strlen(b->prefix)};
        struct store_list own = *list;

        if (list->after)
                after = store_bucket_key(b, list->after);
        if (!prefix || (list->after && !after))
                return -ENOMEM;
        own.prefix = prefix;
        own.after = after;
        return b->ops->list(b, &own, list_each, &l, em, ret_more);
}

/* --- changing ------------------------------------------------------------------------------------
 */

static int bucket_delete(struct store *s, const char *name, struct errmsg *em) {
        struct store_bucket *b = bucket_of(s);
        _cleanup_free_ char *key = store_bucket_key(b, name);

        return key ? b->ops->delete (b, key, em) : -ENOMEM;
}

struct batch {
        char **keys;
};

static int batch_add(const struct store_entry *entry, void *userdata) {
        return str_list_add(&((struct batch *) userdata)->keys, entry->name);
}

/* One batch below the prefix; what was deleted does not come again. */
static int delete_below(struct store_bucket *b, const char *below, struct errmsg *em,
                        uint64_t *ret_n, bool *ret_more) {
        struct store_list list = {
                .prefix = below, .is_deep = true, .n_max = DELETE_BATCH, .no_info = true};
        struct batch batch = {};
        int r = b->ops->list(b, &list, batch_add, &batch, em, ret_more);
        size_t n = str_count(batch.keys);

        if (r >= 0 && n > 0)
                r = b->ops->delete_many(b, batch.keys, n, em);
        if (r >= 0)
                *ret_n += n;
        str_free_list(batch.keys);
        return r;
}

static int bucket_delete_prefix(struct store *s, const char *prefix, struct errmsg *em,
                                uint64_t *ret_n) {
        struct store_bucket *b = bucket_of(s);
        _cleanup_free_ char *key = store_bucket_key(b, prefix), *below = NULL;
        bool more = true;
        int r;

        *ret_n = 0;
        below = key ? str_printf("%s/", key) : NULL;
        if (!below)
                return -ENOMEM;
        r = b->ops->delete (b, key, em);
        if (r >= 0)
                *ret_n = 1;
        else if (r == -ENOENT)
                r = 0;
        while (r >= 0 && more) {
                more = false;
                r = delete_below(b, below, em, ret_n, &more);
        }
        return r < 0 ? r : 0;
}

static int bucket_copy(struct store *s, const char *from, const char *to, struct errmsg *em) {
        struct store_bucket *b = bucket_of(s);
        _cleanup_free_ char *key_from = store_bucket_key(b, from),
                            *key_to = store_bucket_key(b, to);
        struct store_info info;

        return key_from && key_to ? b->ops->copy(b, key_from, key_to, &info, em) : -ENOMEM;
}

static void bucket_free(struct store *s) {
        struct store_bucket *b = bucket_of(s);

        b->ops->free(b);
}

static const struct store_ops bucket_ops = {
        .put_begin = put_begin,
        .put_write = put_write,
        .put_commit = put_commit,
        .put_abort = put_abort,
        .get_open = get_open,
        .get_read = get_read,
        .get_fd = get_fd,
        .get_close = get_close,
        .stat = bucket_stat,
        .list = bucket_list,
        .delete = bucket_delete,
        .delete_prefix = bucket_delete_prefix,
        .copy = bucket_copy,
        .free = bucket_free,
};

int store_bucket_init(struct store_bucket *b, const struct store_bucket_ops *ops,
                      const char *prefix) {
        size_t n;

        while (*prefix == '/')
                prefix++;
        n = strlen(prefix);
        while (n > 0 && prefix[n - 1] == '/')
                n--;
        b->store.ops = &bucket_ops;
        b->ops = ops;
        b->prefix = n > 0 ? str_printf("%.*s/", (int) n, prefix) : mem_strdup("");
        return b->prefix ? 0 : -ENOMEM;
}

bool store_bucket_is(const struct store *s) {
        return s->ops == &bucket_ops;
}

void store_bucket_done(struct store_bucket *b) {
        mem_free(b->prefix);
}
