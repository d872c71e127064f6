/* store_gcs.c: what a bucket does, in Cloud Storage's requests. */
#include "lib/gcp/store_gcs.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/crc32c.h"
#include "lib/base/crew.h"
#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/store_gcs_call.h"
#include "lib/gcp/store_gcs_list.h"
#include "lib/gcp/store_gcs_parts.h"
#include "lib/gcp/store_gcs_upload.h"
#include "lib/store/store_bucket.h"

enum { DELETERS = 8 };

struct gcs_store {
        struct store_bucket bucket;
        struct store_gcs_call call;
        struct store_gcs_parts parts;
};

static struct gcs_store *gcs_of(struct store_bucket *b) {
        return container_of(b, struct gcs_store, bucket);
}

/* A call whose answer is an object. */
static int ask_object(const struct store_gcs_call *c, const struct gcs_request *q,
                      struct store_info *ret, struct errmsg *em) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        int r = store_gcs_call(c, q, 0, &a, em);

        return r < 0 ? r : store_gcs_upload_answer(&a, ret, em);
}

static int gcs_put(struct store_bucket *b, const char *key, const void *data, size_t n,
                   struct store_info *ret_info, struct errmsg *em) {
        struct iovec iov = {.iov_base = (void *) data, .iov_len = n};
        char crc[CRC32C_TEXT_SIZE], json[64];
        struct gcs_request q;

        gcs_request_init(&q, GCS_INSERT, key);
        crc32c_print(crc32c_add(0, data, n), crc);
        snprintf(json, sizeof json, "{\"crc32c\":\"%s\"}", crc);
        q.json = json; /* the service refuses what does not agree with it */
        q.data = &iov;
        q.n_data = 1;
        return ask_object(&gcs_of(b)->call, &q, ret_info, em);
}

static int gcs_stat(struct store_bucket *b, const char *key, struct store_info *ret_info,
                    struct errmsg *em) {
        struct gcs_request q;

        gcs_request_init(&q, GCS_STAT, key);
        return ask_object(&gcs_of(b)->call, &q, ret_info, em);
}

/* --- reading -------------------------------------------------------------------------------------
 */

static int read_part(struct store_bucket *b, const char *key, uint64_t offset, size_t n,
                     const struct store_info *info, struct buf *ret, struct errmsg *em) {
        struct http_fetch_answer a = {};
        struct gcs_request q;
        int64_t generation;
        int r;

        if (str_to_i64(info->etag, &generation) < 0)
                return -EINVAL;
        gcs_request_init(&q, GCS_READ, key);
        q.offset = offset;
        q.length = MIN((uint64_t) n, info->size - offset);
        q.generation = generation;
        r = store_gcs_call(&gcs_of(b)->call, &q, n, &a, em);
        if (r == -ENOENT) /* that generation is no more */
                return -ESTALE;
        if (r < 0)
                return r;
        /* A service may answer a range with all there is. */
        if (a.body.len != q.length)
                r = errmsg_fail(em, -EIO, "gs://%s/%s: %zu bytes came for %llu",
                                gcs_of(b)->call.bucket, key, a.body.len,
                                (unsigned long long) q.length);
        if (r >= 0) {
                buf_done(ret);
                *ret = a.body;
                ret->limit = 0;
                a.body = (struct buf){};
        }
        http_fetch_answer_done(&a);
        return r;
}

/* Whoever reads on knows the object already: only the first window asks for it. */
static int gcs_read(struct store_bucket *b, const char *key, uint64_t offset, size_t n,
                    const char *etag, struct buf *ret, struct store_info *ret_info,
                    struct errmsg *em) {
        struct store_info info = *ret_info;
        int r = 0;

        if (!etag)
                r = gcs_stat(b, key, &info, em);
        buf_reset(ret);
        if (r >= 0 && offset < info.size)
                r = read_part(b, key, offset, n, &info, ret, em);
        if (r >= 0)
                *ret_info = info;
        return r;
}

/* --- changing ------------------------------------------------------------------------------------
 */

static int gcs_delete(struct store_bucket *b, const char *key, struct errmsg *em) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        struct gcs_request q;

        gcs_request_init(&q, GCS_DELETE, key);
        return store_gcs_call(&gcs_of(b)->call, &q, 0, &a, em);
}

struct deleter {
        struct store_bucket *b;
        char *const *keys;
        pthread_mutex_t lock;
        int error; /* under lock: the first */
        struct errmsg em;
};

static bool deleter_each(void *ctx, size_t i) {
        struct deleter *d = ctx;
        struct errmsg em = {};
        int r = gcs_delete(d->b, d->keys[i], &em);

        if (r >= 0 || r == -ENOENT)
                return true;
        pthread_mutex_lock(&d->lock);
        if (d->error == 0) {
                d->error = r;
                d->em = em;
        }
        pthread_mutex_unlock(&d->lock);
        return false;
}

/* Some at once: each is a call of its own. */
static int gcs_delete_many(struct store_bucket *b, char *const *keys, size_t n, struct errmsg *em) {
        struct deleter d = {.b = b, .keys = keys};

        pthread_mutex_init(&d.lock, NULL);
        crew_run(n, DELETERS, deleter_each, &d);
        pthread_mutex_destroy(&d.lock);
        if (d.error < 0)
                errmsg_set(em, "%s", d.em.text);
        return d.error;
}

/* Large ones take several calls. */
static int gcs_copy(struct store_bucket *b, const char *from, const char *to,
                    struct store_info *ret_info, struct errmsg *em) {
        _cleanup_free_ char *token = NULL;
        struct gcs_request q;

        gcs_request_init(&q, GCS_REWRITE, from);
        q.dest = to;
        for (;;) {
                _cleanup_fetch_answer_ struct http_fetch_answer a = {};
                const char *next = NULL;
                struct gcs_object o;
                struct arena arena;
                int r = store_gcs_call(&gcs_of(b)->call, &q, 0, &a, em);

                if (r < 0)
                        return r;
                arena_init(&arena, 0);
                r = gcs_object_parse_rewrite(&arena, buf_cstr(&a.body), a.body.len, &o, &next, em);
                if (r >= 0 && !next)
                        store_gcs_list_info(&o, ret_info);
                mem_free(token);
                q.token = token = r >= 0 ? mem_strdup(next) : NULL;
                arena_done(&arena);
                if (r < 0 || !token)
                        return r;
        }
}

/* --- the store -----------------------------------------------------------------------------------
 */

static int gcs_list(struct store_bucket *b, const struct store_list *list,
                    int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
                    struct errmsg *em, bool *ret_more) {
        return store_gcs_list(&gcs_of(b)->call, list, each, userdata, em, ret_more);
}

static int gcs_upload_begin(struct store_bucket *b, const char *key,
                            struct store_bucket_upload **ret, struct errmsg *em) {
        return store_gcs_upload_begin(&gcs_of(b)->call, key,
                                      (struct store_gcs_upload **) (void *) ret, em);
}

static int gcs_upload_part(struct store_bucket *b, struct store_bucket_upload *u, const void *data,
                           size_t n, bool is_last, struct errmsg *em) {
        return store_gcs_upload_part(&gcs_of(b)->call, (struct store_gcs_upload *) u, data, n,
                                     is_last, em);
}

static int gcs_upload_end(struct store_bucket *b, struct store_bucket_upload *u,
                          struct store_info *ret_info, struct errmsg *em) {
        return store_gcs_upload_end(&gcs_of(b)->call, (struct store_gcs_upload *) u, ret_info, em);
}

static void gcs_upload_abort(struct store_bucket *b, struct store_bucket_upload *u) {
        store_gcs_upload_abort(&gcs_of(b)->call, (struct store_gcs_upload *) u);
}

static void gcs_free(struct store_bucket *b) {
        struct gcs_store *s = gcs_of(b);

        store_gcs_parts_done(&s->parts);
        store_gcs_call_done(&s->call);
        store_bucket_done(b);
        mem_free(s);
}

static const struct store_bucket_ops gcs_ops = {
        .put = gcs_put,
        .upload_begin = gcs_upload_begin,
        .upload_part = gcs_upload_part,
        .upload_end = gcs_upload_end,
        .upload_abort = gcs_upload_abort,
        .read = gcs_read,
        .stat = gcs_stat,
        .list = gcs_list,
        .delete = gcs_delete,
        .delete_many = gcs_delete_many,
        .copy = gcs_copy,
        .free = gcs_free,
};

/* --- for clients that load by themselves --- */

static struct gcs_store *gcs_of_store(struct store *s) {
        return gcs_of(container_of(s, struct store_bucket, store));
}

static int gcs_parts_create(struct store *s, const char *key, char **ret_id, struct errmsg *em) {
        return store_gcs_parts_create(&gcs_of_store(s)->call, key, ret_id, em);
}

static int gcs_parts_url(struct store *s, const char *key, const char *id, unsigned part,
                         usec_t valid_for, char **ret_url, struct errmsg *em) {
        struct gcs_store *g = gcs_of_store(s);

        return store_gcs_parts_url(&g->parts, &g->call, key, id, part, valid_for, ret_url, em);
}

static int gcs_parts_complete(struct store *s, const char *key, const char *id,
                              const struct store_part *parts, size_t n, struct errmsg *em) {
        return store_gcs_parts_complete(&gcs_of_store(s)->call, key, id, parts, n, em);
}

static int gcs_parts_abort(struct store *s, const char *key, const char *id, struct errmsg *em) {
        return store_gcs_parts_abort(&gcs_of_store(s)->call, key, id, em);
}

static int gcs_parts_get_url(struct store *s, const char *key, usec_t valid_for, char **ret_url,
                             struct errmsg *em) {
        return gcs_parts_url(s, key, NULL, 0, valid_for, ret_url, em);
}

static const struct store_parts_ops gcs_parts = {
        .create = gcs_parts_create,
        .url = gcs_parts_url,
        .complete = gcs_parts_complete,
        .abort = gcs_parts_abort,
        .get_url = gcs_parts_get_url,
};

int store_gcs_open(const char *uri, struct errmsg *em, struct store **ret_store) {
        return store_gcs_open_given(uri, NULL, em, ret_store);
}

int store_gcs_open_given(const char *uri, const struct token_options *given, struct errmsg *em,
                         struct store **ret_store) {
        const char *rest = str_after(uri, "gs://");
        _cleanup_free_ char *bucket = NULL;
        struct gcs_store *s;
        size_t n;
        int r;

        if (!rest)
                return errmsg_fail(em, -EINVAL, "\"%.200s\" is not gs://BUCKET/PATH", uri);
        s = mem_new(struct gcs_store);
        if (!s)
                return -ENOMEM;
        n = strcspn(rest, "/");
        bucket = mem_strndup(rest, n);
        r = bucket ? store_bucket_init(&s->bucket, &gcs_ops, rest + n) : -ENOMEM;
        if (r >= 0)
                r = store_gcs_call_init(&s->call, bucket, given, em);
        if (r >= 0 && !given)
                r = store_gcs_parts_init(&s->parts, em);
        if (r < 0) {
                gcs_free(&s->bucket);
                return r;
        }
        if (s->parts.key)
                s->bucket.store.parts = &gcs_parts;
        *ret_store = &s->bucket.store;
        return 0;
}
