/* store_gcs_upload.c: after anything that went wrong the session is asked what it has, and the rest
 * of the part is sent. */
#include "lib/gcp/store_gcs_upload.h"

#include <errno.h>
#include <string.h>

#include "lib/base/crc32c.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/gcs_object.h"
#include "lib/gcp/gcs_retry.h"
#include "lib/gcp/store_gcs_list.h"
#include "lib/store/store_bucket.h"

struct store_gcs_upload {
        char *name, *url;
        uint64_t n_sent; /* bytes the session has */
        uint32_t crc;    /* of them */
        bool is_done;
        struct store_info info; /* once done */
};

int store_gcs_upload_answer(const struct http_fetch_answer *a, struct store_info *ret,
                            struct errmsg *em) {
        struct gcs_object o;
        struct arena arena;
        int r;

        arena_init(&arena, 0);
        r = gcs_object_parse(&arena, buf_cstr(&a->body), a->body.len, &o, em);
        if (r >= 0)
                store_gcs_list_info(&o, ret);
        arena_done(&arena);
        return r;
}

static void upload_free(struct store_gcs_upload *u) {
        mem_free(u->name);
        mem_free(u->url);
        mem_free(u);
}

int store_gcs_upload_begin(const struct store_gcs_call *c, const char *name,
                           struct store_gcs_upload **ret, struct errmsg *em) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        struct store_gcs_upload *u;
        struct gcs_request q;
        char url[4096];
        int r;

        gcs_request_init(&q, GCS_UPLOAD_BEGIN, name);
        r = store_gcs_call(c, &q, 0, &a, em);
        if (r < 0)
                return r;
        if (http_fetch_answer_header(&a, "Location", url, sizeof url) < 0)
                return errmsg_fail(em, -EPROTO, "gs://%s/%s: an upload without a session",
                                   c->bucket, name);
        u = mem_new(struct store_gcs_upload);
        if (!u)
                return -ENOMEM;
        u->name = mem_strdup(name);
        u->url = mem_strdup(url);
        if (!u->name || !u->url) {
                upload_free(u);
                return -ENOMEM;
        }
        *ret = u;
        return 0;
}

/* "bytes=0-41": the session has 42. No header: nothing. */
static int committed(const struct http_fetch_answer *a, uint64_t *ret) {
        char range[64];
        const char *last;

        *ret = 0;
        if (http_fetch_answer_header(a, "Range", range, sizeof range) < 0)
                return 0;
        last = str_after(range, "bytes=0-");
        if (!last || str_to_u64(last, ret) < 0)
                return -EPROTO;
        ++*ret;
        return 0;
}

/* One try at what the session lacks of the part that begins at `from`. */
static int send_rest(const struct store_gcs_call *c, struct store_gcs_upload *u, uint64_t from,
                     const char *data, size_t n, bool is_last, bool ask, struct errmsg *em) {
        size_t skip = (size_t) (u->n_sent - from);
        struct iovec iov = {.iov_base = (void *) (data + skip), .iov_len = n - skip};
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        struct gcs_request q;
        uint64_t has;
        int r;

        gcs_request_init(&q, ask ? GCS_UPLOAD_STATUS : GCS_UPLOAD_PUT, u->name);
        q.upload_url = u->url;
        q.upload_offset = u->n_sent;
        q.upload_total = is_last ? (int64_t) (from + n) : -1;
        q.only_once = true;
        if (!ask) {
                q.data = &iov;
                q.n_data = 1;
        }
        r = store_gcs_call(c, &q, 0, &a, em);
        if (r < 0)
                return r;
        if (a.status != 308) {
                u->is_done = true;
                u->n_sent = from + n;
                return store_gcs_upload_answer(&a, &u->info, em);
        }
        r = committed(&a, &has);
        if (r < 0 || has < u->n_sent || has > from + n)
                return errmsg_fail(em, -EPROTO, "gs://%s/%s: the session has lost its place",
                                   c->bucket, u->name);
        u->n_sent = has;
        return 0;
}

/* Nothing helps, or it has been tried often enough. */
static bool is_hopeless(int r, unsigned n_failed) {
        return r < 0 &&
               ((r != -EAGAIN && !gcs_retry_error_helps(r)) || !store_bucket_retry(n_failed));
}

int store_gcs_upload_part(const struct store_gcs_call *c, struct store_gcs_upload *u,
                          const void *data, size_t n, bool is_last, struct errmsg *em) {
        uint64_t from = u->n_sent;
        struct errmsg own = {};
        bool ask = false;
        unsigned n_failed = 0;

        em = em ?: &own;
        u->crc = crc32c_add(u->crc, data, n);
        while (!u->is_done && (u->n_sent < from + n || is_last)) {
                uint64_t had = u->n_sent;
                int r = send_rest(c, u, from, data, n, is_last, ask, em);

                n_failed = u->n_sent > had ? 0 : n_failed + (r < 0 || !ask);
                if (is_hopeless(r, n_failed))
                        return r == -ENXIO || r == -ENOENT ? -EIO : r;
                if (r >= 0 && n_failed > 8)
                        return errmsg_fail(em, -EIO, "gs://%s/%s: the upload does not go on",
                                           c->bucket, u->name);
                ask = r < 0;
        }
        return 0;
}

static void upload_delete(const struct store_gcs_call *c, const struct store_gcs_upload *u) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        struct gcs_request q;
        int64_t generation;

        gcs_request_init(&q, GCS_DELETE, u->name);
        if (str_to_i64(u->info.etag, &generation) < 0)
                return;
        q.if_generation = generation;
        (void) store_gcs_call(c, &q, 0, &a, NULL);
}

int store_gcs_upload_end(const struct store_gcs_call *c, struct store_gcs_upload *u,
                         struct store_info *ret, struct errmsg *em) {
        int r = 0;

        if (!u->is_done)
                r = errmsg_fail(em, -EIO, "gs://%s/%s: the upload has no end", c->bucket, u->name);
        else if (u->info.size != u->n_sent || (u->info.has_crc32c && u->info.crc32c != u->crc))
                r = errmsg_fail(em, -EIO,
                                "gs://%s/%s: what was stored is not what was sent: load it up "
                                "again",
                                c->bucket, u->name);
        if (r < 0) {
                if (u->is_done)
                        upload_delete(c, u);
                store_gcs_upload_abort(c, u);
                return r;
        }
        *ret = u->info;
        upload_free(u);
        return 0;
}

void store_gcs_upload_abort(const struct store_gcs_call *c, struct store_gcs_upload *u) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        struct gcs_request q;

        if (!u->is_done) {
                gcs_request_init(&q, GCS_UPLOAD_CANCEL, u->name);
                q.upload_url = u->url;
                q.only_once = true;
                (void) store_gcs_call(c, &q, 0, &a, NULL); /* answers 499 */
        }
        upload_free(u);
}
