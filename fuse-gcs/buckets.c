#include "fuse-gcs/buckets.h"

#include <errno.h>
#include <string.h>

#include "fuse-gcs/cache_filter.h"
#include "fuse-gcs/disk_cache.h"
#include "fuse-gcs/names.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/gcs_name.h"

struct buckets_one {
        struct buckets_one *next;
        char *name;
        struct remote *remote;
        struct mnt m;
        bool has_mnt;
};

struct buckets {
        struct buckets_options o;
        pthread_mutex_t making; /* one is made at a time: each has its place on the disk */
        pthread_mutex_t lock;   /* of the list's head: what is in it stays as it is */
        struct buckets_one *first;
};

/* --- asking ---------------------------------------------------------------------------------- */

int buckets_ask(struct remote *r, const char *root, struct remote_answer *ret) {
        struct gcs_request q;

        gcs_request_init(&q, GCS_LIST, NULL);
        q.prefix = root;
        q.n_max = 1;
        q.fields = "items(name)";
        q.budget_for = BUCKETS_ASK_FOR;
        return remote_call(r, &q, ret);
}

bool buckets_has_folders(struct remote *r) {
        _cleanup_answer_ struct remote_answer a = {};
        struct gcs_request q;
        struct arena arena;
        struct json *j;
        bool on = false;

        gcs_request_init(&q, GCS_LAYOUT, NULL);
        q.only_once = true;
        if (remote_call(r, &q, &a) < 0)
                return false;
        arena_init(&arena, 1 << 20);
        if (json_parse_copy(&arena, a.body ?: "", a.body_len, &j, NULL) >= 0)
                (void) json_bool(json_get(json_get(j, "hierarchicalNamespace"), "enabled"), &on);
        arena_done(&arena);
        return on;
}

/* --- many ------------------------------------------------------------------------------------ */

int buckets_new(const struct buckets_options *o, struct buckets **ret) {
        struct buckets *b = mem_new(struct buckets);

        if (!b)
                return -ENOMEM;
        b->o = *o;
        pthread_mutex_init(&b->making, NULL);
        pthread_mutex_init(&b->lock, NULL);
        *ret = b;
        return 0;
}

static struct buckets_one *buckets_one_free(struct buckets *b, struct buckets_one *one) {
        struct cache_filter *filter;

        if (!one)
                return NULL;
        filter = (struct cache_filter *) one->m.o.disk_filter;
        if (one->has_mnt) {
                disk_cache_free(one->m.disk);
                mnt_done(&one->m);
                cache_filter_free(filter);
        }
        if (one->remote)
                b->o.close(b->o.ctx, one->remote);
        mem_free(one->name);
        return mem_free(one);
}

struct buckets *buckets_free(struct buckets *b) {
        if (!b)
                return NULL;
        for (struct buckets_one *one = b->first, *next; one; one = next) {
                next = one->next;
                buckets_one_free(b, one);
        }
        pthread_mutex_destroy(&b->lock);
        pthread_mutex_destroy(&b->making);
        return mem_free(b);
}

static struct buckets_one *buckets_first(struct buckets *b) {
        struct buckets_one *first;

        pthread_mutex_lock(&b->lock);
        first = b->first;
        pthread_mutex_unlock(&b->lock);
        return first;
}

static struct mnt *buckets_find(struct buckets_one *first, const char *name) {
        for (struct buckets_one *one = first; one; one = one->next)
                if (str_eq(one->name, name))
                        return &one->m;
        return NULL;
}

static int buckets_one_mount(struct buckets *b, struct buckets_one *one, struct errmsg *em) {
        struct mnt_settings o = b->o.o;
        struct disk_cache *disk = NULL;
        int r;

        o.over = b->o.top;
        o.bucket = one->name;
        o.salt = names_ino(one->name);
        o.is_hierarchical = b->o.asks_layout && buckets_has_folders(one->remote);
        r = b->o.caches(b->o.ctx, one->name, &o, &disk, em);
        if (r < 0)
                return r;
        r = mnt_init(&one->m, &o, one->remote);
        if (r < 0) {
                disk_cache_free(disk);
                cache_filter_free((struct cache_filter *) o.disk_filter);
                return errmsg_errno(em, r, "mount");
        }
        one->has_mnt = true;
        one->m.disk = disk;
        one->m.session = b->o.top->session;
        return 0;
}

static int buckets_make(struct buckets *b, const char *name, struct buckets_one **ret) {
        _cleanup_answer_ struct remote_answer a = {};
        struct buckets_one *one = mem_new(struct buckets_one);
        struct errmsg em = {};
        int r;

        if (!one)
                return -ENOMEM;
        one->name = mem_strdup(name);
        one->remote = b->o.open(b->o.ctx, one->name);
        r = one->name && one->remote ? buckets_ask(one->remote, b->o.o.root, &a) : -ENOMEM;
        if (r >= 0) {
                r = buckets_one_mount(b, one, &em);
                if (r < 0)
                        log_error("bucket %s: %s", name, em.text);
        } else if (r != -ENOENT) {
                log_warning("bucket %s: %s", name, a.text);
        }
        if (r < 0)
                buckets_one_free(b, one);
        else
                *ret = one;
        return r;
}

int buckets_get(struct buckets *b, const char *name, struct mnt **ret) {
        struct buckets_one *one;
        struct errmsg em;
        struct mnt *m = buckets_find(buckets_first(b), name);
        int r = 0;

        if (!m && gcs_name_check_bucket(name, &em) < 0)
                return -ENOENT;
        if (!m) {
                pthread_mutex_lock(&b->making);
                /* Somebody else may have named it at the same time. */
                m = buckets_find(buckets_first(b), name);
                if (!m)
                        r = buckets_make(b, name, &one);
                if (!m && r >= 0) {
                        pthread_mutex_lock(&b->lock);
                        one->next = b->first;
                        b->first = one;
                        pthread_mutex_unlock(&b->lock);
                        m = &one->m;
                }
                pthread_mutex_unlock(&b->making);
        }
        if (r >= 0)
                *ret = m;
        return r;
}

void buckets_each(struct mnt *m, void (*f)(struct mnt *each, void *ctx), void *ctx) {
        if (!m->buckets)
                f(m, ctx);
        else
                for (struct buckets_one *one = buckets_first(m->buckets); one; one = one->next)
                        f(&one->m, ctx);
}
