#include "daemons/tracking/artifact_stores.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "daemons/tracking/artifact_uri.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/store_any.h"
#include "lib/net/http_target.h"

struct artifact_stores {
        char *root; /* a directory, without a slash at its end; NULL: none */
        pthread_mutex_t lock;
        struct {
                char *uri; /* scheme://BUCKET, or the root */
                struct store *store;
        } open[ARTIFACT_STORES_MAX]; /* under lock */
        size_t n;                    /* under lock */
};

bool artifact_stores_is_bucket(const char *uri) {
        return store_any_is_bucket(uri);
}

int artifact_stores_open(const char *uri, struct errmsg *em, struct store **ret) {
        bool is_local = artifact_uri_is_local(uri);
        int r = store_any_open(is_local ? artifact_uri_local_path(uri) : uri, em, ret);

        if (r < 0 && !is_local)
                errmsg_prefix(em, "artifacts at \"%.200s\"", uri);
        return r;
}

int artifact_stores_new(const char *root, struct artifact_stores **ret) {
        struct artifact_stores *s = mem_new(struct artifact_stores);

        if (!s)
                return -ENOMEM;
        pthread_mutex_init(&s->lock, NULL);
        if (root && artifact_uri_is_local(root)) {
                size_t n;

                root = artifact_uri_local_path(root);
                for (n = strlen(root); n > 1 && root[n - 1] == '/'; n--)
                        ;
                s->root = mem_strndup(root, n);
                if (!s->root) {
                        artifact_stores_free(s);
                        return -ENOMEM;
                }
        }
        *ret = s;
        return 0;
}

struct artifact_stores *artifact_stores_free(struct artifact_stores *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n; i++) {
                store_free(s->open[i].store);
                mem_free(s->open[i].uri);
        }
        pthread_mutex_destroy(&s->lock);
        mem_free(s->root);
        return mem_free(s);
}

static int find_locked(struct artifact_stores *s, const char *bucket, struct errmsg *em,
                       struct store **ret) {
        int r;

        for (size_t i = 0; i < s->n; i++)
                if (str_eq(s->open[i].uri, bucket)) {
                        *ret = s->open[i].store;
                        return 0;
                }
        if (s->n == ARTIFACT_STORES_MAX)
                return errmsg_fail(em, -EBUSY, "%s: %d other buckets are in use already", bucket,
                                   ARTIFACT_STORES_MAX);
        s->open[s->n].uri = mem_strdup(bucket);
        if (!s->open[s->n].uri)
                return -ENOMEM;
        r = artifact_stores_open(bucket, em, &s->open[s->n].store);
        if (r < 0) {
                mem_free(s->open[s->n].uri);
                return r;
        }
        *ret = s->open[s->n++].store;
        return 0;
}

/* "scheme://BUCKET" and what follows it. */
static int split_bucket(struct arena *a, const char *uri, const char **ret_bucket,
                        const char **ret_rest) {
        const char *rest = strstr(uri, "://") + 3;
        size_t n = strcspn(rest, "/?#");

        *ret_bucket = arena_strndup(a, uri, (size_t) (rest - uri) + n);
        rest += n;
        *ret_rest = arena_strndup(a, rest, strcspn(rest, "?#"));
        return *ret_bucket && *ret_rest ? 0 : -ENOMEM;
}

/* The root and what follows it. A file: URI is %-encoded, a path is not. */
static int split_local(const struct artifact_stores *s, struct arena *a, const char *uri,
                       const char **ret_root, const char **ret_rest) {
        const char *path = artifact_uri_local_path(uri), *rest;
        char *plain = arena_alloc(a, strlen(path) + 1);

        if (!plain)
                return -ENOMEM;
        if (path == uri)
                strcpy(plain, path);
        else if (http_target_decode(plain, path, strlen(path), false) < 0)
                return -EPROTONOSUPPORT;
        rest = s->root ? str_after(plain, s->root) : NULL;
        if (!rest || (*rest && *rest != '/'))
                return -EPROTONOSUPPORT;
        *ret_root = s->root;
        *ret_rest = rest;
        return 0;
}

int artifact_stores_find(struct artifact_stores *s, struct arena *a, const char *uri,
                         struct errmsg *em, struct store **ret_store, const char **ret_name) {
        const char *place, *rest, *name;
        int r = -EPROTONOSUPPORT;

        if (artifact_stores_is_bucket(uri))
                r = split_bucket(a, uri, &place, &rest);
        else if (artifact_uri_is_local(uri))
                r = split_local(s, a, uri, &place, &rest);
        if (r < 0)
                return r;
        name = artifact_uri_join(a, rest, NULL);
        if (!name)
                return -ENOMEM;
        pthread_mutex_lock(&s->lock);
        r = find_locked(s, place, em, ret_store);
        pthread_mutex_unlock(&s->lock);
        if (r >= 0)
                *ret_name = name;
        return r;
}
