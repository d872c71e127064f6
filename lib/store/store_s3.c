/* store_s3.c: what a bucket does, in S3's requests. */
#include "lib/store/store_s3.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/s3_call.h"
#include "lib/store/s3_list.h"
#include "lib/store/s3_xml.h"
#include "lib/store/store_bucket.h"
#include "lib/store/store_parts.h"

struct s3_store {
        struct store_bucket bucket;
        struct s3 s3;
};

struct s3_upload {
        char *key, *id;
        struct buf parts; /* the body of the completion so far */
        unsigned n_parts;
};

static struct s3_store *s3_of(struct store_bucket *b) {
        return container_of(b, struct s3_store, bucket);
}

/* --- whole objects -------------------------------------------------------------------------------
 */

static int s3_put(struct store_bucket *b, const char *key, const void *data, size_t n,
                  struct store_info *ret_info, struct errmsg *em) {
        struct s3_store *s = s3_of(b);
        struct s3_call call = {.method = "PUT", .key = key, .body = data, .body_size = n};
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        int r = s3_call(&s->s3, &call, &a, em);

        if (r < 0)
                return r;
        *ret_info = (struct store_info){.size = n, .modified_at = clock_now(s->s3.clock)};
        return s3_list_etag(&a, ret_info->etag);
}

static int s3_stat(struct store_bucket *b, const char *key, struct store_info *ret_info,
                   struct errmsg *em) {
        struct s3_call call = {.method = "HEAD", .key = key};
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        int r = s3_call(&s3_of(b)->s3, &call, &a, em);

        return r < 0 ? r : s3_list_info(&a, ret_info, em);
}

static int s3_read(struct store_bucket *b, const char *key, uint64_t offset, size_t n,
                   const char *etag, struct buf *ret, struct store_info *ret_info,
                   struct errmsg *em) {
        char range[64], match[STORE_ETAG_SIZE + 2];
        struct aws_sigv4_pair headers[2] = {{"range", range}, {"if-match", match}};
        struct s3_call call = {.method = "GET",
                               .key = key,
                               .headers = headers,
                               .n_headers = etag && *etag ? 2 : 1,
                               .max_body = n};
        struct http_fetch_answer a = {};
        int r;

        snprintf(range, sizeof range, "bytes=%llu-%llu", (unsigned long long) offset,
                 (unsigned long long) (offset + n - 1));
        snprintf(match, sizeof match, "\"%s\"", etag ?: "");
        buf_reset(ret);
        r = s3_call(&s3_of(b)->s3, &call, &a, em);
        if (r == -ERANGE) /* behind the end: an empty object has no first byte */
                return s3_stat(b, key, ret_info, em);
        if (r < 0)
                return r;
        r = s3_list_info(&a, ret_info, em);
        if (r >= 0) {
                buf_done(ret);
                *ret = a.body;
                a.body = (struct buf){};
                ret->limit = 0;
        }
        http_fetch_answer_done(&a);
        return r;
}

static int s3_delete(struct store_bucket *b, const char *key, struct errmsg *em) {
        struct s3_call call = {.method = "DELETE", .key = key};
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        struct store_info info;
        int r = s3_stat(b, key, &info, em); /* S3 says 204 to what was never there, too */

        return r < 0 ? r : s3_call(&s3_of(b)->s3, &call, &a, em);
}

static int s3_delete_many(struct store_bucket *b, char *const *keys, size_t n, struct errmsg *em) {
        static const struct aws_sigv4_pair query[] = {{"delete", ""}};
        struct aws_sigv4_pair headers[] = {{"content-md5", NULL}};
        struct s3_call call = {
                .method = "POST", .query = query, .n_query = 1, .headers = headers, .n_headers = 1};
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        _cleanup_buf_ struct buf body = {}, digest = {};
        char code[64];
        int r;

        buf_add_lit(&body, "<Delete><Quiet>true</Quiet>");
        for (size_t i = 0; i < n; i++) {
                buf_add_lit(&body, "<Object><Key>");
                s3_xml_escape(&body, keys[i]);
                buf_add_lit(&body, "</Key></Object>");
        }
        r = buf_add_lit(&body, "</Delete>");
        if (r >= 0)
                r = aws_sigv4_md5(body.data, body.len, &digest);
        if (r < 0)
                return r;
        headers[0].value = digest.data;
        call.body = body.data;
        call.body_size = body.len;
        r = s3_call(&s3_of(b)->s3, &call, &a, em);
        if (r < 0)
                return r;
        (void) s3_xml_find(buf_cstr(&a.body), a.body.len, "Code", code, sizeof code);
        return *code ? errmsg_fail(em, str_eq(code, "AccessDenied") ? -EACCES : -EIO,
                                   "s3://%s: not all objects were deleted: %s", s3_of(b)->s3.bucket,
                                   code)
                     : 0;
}

/* S3 may answer 200 and then an error. */
static int check_late_error(const struct http_fetch_answer *a, const char *what,
                            struct errmsg *em) {
        char code[64];

        (void) s3_xml_find(buf_cstr(&a->body), a->body.len, "Code", code, sizeof code);
        return *code ? errmsg_fail(em, -EIO, "%s failed: %s", what, code) : 0;
}

static int s3_copy(struct store_bucket *b, const char *from, const char *to,
                   struct store_info *ret_info, struct errmsg *em) {
        struct s3_store *s = s3_of(b);
        _cleanup_buf_ struct buf source = {};
        struct aws_sigv4_pair headers[] = {{"x-amz-copy-source", NULL}};
        struct s3_call call = {
                .method = "PUT", .key = to, .headers = headers, .n_headers = 1, .body = ""};
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        int r;

        buf_printf(&source, "/%s/", s->s3.bucket);
        r = aws_sigv4_encode(&source, from, true);
        if (r < 0)
                return r;
        headers[0].value = source.data;
        r = s3_call(&s->s3, &call, &a, em);
        if (r >= 0)
                r = check_late_error(&a, "copying", em);
        return r < 0 ? r : s3_stat(b, to, ret_info, em);
}

/* --- uploads in parts ----------------------------------------------------------------------------
 */

static int multipart_create(const struct s3 *s3, const char *key, char **ret_id,
                            struct errmsg *em) {
        static const struct aws_sigv4_pair query[] = {{"uploads", ""}};
        struct s3_call call = {
                .method = "POST", .key = key, .query = query, .n_query = 1, .body = ""};
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        char id[2048];
        int r = s3_call(s3, &call, &a, em);

        if (r >= 0)
                r = s3_xml_find(buf_cstr(&a.body), a.body.len, "UploadId", id, sizeof id);
        if (r < 0)
                return r;
        if (!*id)
                return errmsg_fail(em, -EPROTO, "s3://%s/%s: no UploadId in the answer", s3->bucket,
                                   key);
        *ret_id = mem_strdup(id);
        return *ret_id ? 0 : -ENOMEM;
}

static int add_part(struct buf *parts, unsigned number, const char *etag) {
        buf_printf(parts, "<Part><PartNumber>%u</PartNumber><ETag>&quot;", number);
        s3_xml_escape(parts, etag);
        return buf_add_lit(parts, "&quot;</ETag></Part>");
}

static int multipart_complete(const struct s3 *s3, const char *key, const char *id,
                              const struct buf *parts, char *ret_etag, struct errmsg *em) {
        struct aws_sigv4_pair query[] = {{"uploadId", id}};
        _cleanup_buf_ struct buf body = {};
        struct s3_call call = {.method = "POST", .key = key, .query = query, .n_query = 1};
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        char etag[128];
        int r;

        r = buf_printf(&body, "<CompleteMultipartUpload>%s</CompleteMultipartUpload>",
                       buf_cstr(parts));
        if (r < 0)
                return r;
        call.body = body.data;
        call.body_size = body.len;
        r = s3_call(s3, &call, &a, em);
        if (r >= 0)
                r = check_late_error(&a, "the upload's end", em);
        if (r >= 0)
                r = s3_xml_find(buf_cstr(&a.body), a.body.len, "ETag", etag, sizeof etag);
        return r < 0 ? r : s3_list_unquote(etag, ret_etag);
}

static int multipart_abort(const struct s3 *s3, const char *key, const char *id,
                           struct errmsg *em) {
        struct aws_sigv4_pair query[] = {{"uploadId", id}};
        struct s3_call call = {.method = "DELETE", .key = key, .query = query, .n_query = 1};
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};

        return s3_call(s3, &call, &a, em);
}

static void upload_free(struct s3_upload *u) {
        buf_done(&u->parts);
        mem_free(u->key);
        mem_free(u->id);
        mem_free(u);
}

static int s3_upload_begin(struct store_bucket *b, const char *key,
                           struct store_bucket_upload **ret, struct errmsg *em) {
        struct s3_upload *u = mem_new(struct s3_upload);
        int r;

        if (!u)
                return -ENOMEM;
        u->key = mem_strdup(key);
        r = u->key ? multipart_create(&s3_of(b)->s3, key, &u->id, em) : -ENOMEM;
        if (r < 0) {
                upload_free(u);
                return r;
        }
        *ret = (struct store_bucket_upload *) u;
        return 0;
}

static int s3_upload_part(struct store_bucket *b, struct store_bucket_upload *upload,
                          const void *data, size_t n, bool is_last, struct errmsg *em) {
        struct s3_upload *u = (struct s3_upload *) upload;
        char number[16], etag[STORE_ETAG_SIZE];
        struct aws_sigv4_pair query[] = {{"partNumber", number}, {"uploadId", u->id}};
        struct s3_call call = {.method = "PUT",
                               .key = u->key,
                               .query = query,
                               .n_query = 2,
                               .body = data,
                               .body_size = n};
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        int r;

        (void) is_last;
        snprintf(number, sizeof number, "%u", ++u->n_parts);
        r = s3_call(&s3_of(b)->s3, &call, &a, em);
        if (r >= 0)
                r = s3_list_etag(&a, etag);
        return r < 0 ? r : add_part(&u->parts, u->n_parts, etag);
}

static void s3_upload_abort(struct store_bucket *b, struct store_bucket_upload *upload) {
        struct s3_upload *u = (struct s3_upload *) upload;

        (void) multipart_abort(&s3_of(b)->s3, u->key, u->id, NULL);
        upload_free(u);
}

static int s3_upload_end(struct store_bucket *b, struct store_bucket_upload *upload,
                         struct store_info *ret_info, struct errmsg *em) {
        struct s3_upload *u = (struct s3_upload *) upload;
        char etag[STORE_ETAG_SIZE];
        int r = multipart_complete(&s3_of(b)->s3, u->key, u->id, &u->parts, etag, em);

        if (r < 0) {
                s3_upload_abort(b, upload);
                return r;
        }
        r = s3_stat(b, u->key, ret_info, em);
        upload_free(u);
        return r;
}

/* --- for clients that load up by themselves ------------------------------------------------------
 */

static void s3_free(struct store_bucket *b) {
        struct s3_store *s = s3_of(b);

        http_fetch_free(s->s3.http);
        s3_config_done(&s->s3.config);
        mem_free(s->s3.bucket);
        store_bucket_done(b);
        mem_free(s);
}

static int s3_list(struct store_bucket *b, const struct store_list *list,
                   int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
                   struct errmsg *em, bool *ret_more) {
        return s3_list_all(&s3_of(b)->s3, list, each, userdata, em, ret_more);
}

static const struct store_bucket_ops s3_ops = {
        .put = s3_put,
        .upload_begin = s3_upload_begin,
        .upload_part = s3_upload_part,
        .upload_end = s3_upload_end,
        .upload_abort = s3_upload_abort,
        .read = s3_read,
        .stat = s3_stat,
        .list = s3_list,
        .delete = s3_delete,
        .delete_many = s3_delete_many,
        .copy = s3_copy,
        .free = s3_free,
};

static struct s3 *s3_of_store(struct store *s) {
        return &s3_of(container_of(s, struct store_bucket, store))->s3;
}

static int s3_parts_get_url(struct store *s, const char *key, usec_t valid_for, char **ret_url,
                            struct errmsg *em) {
        const char *base = strrchr(key, '/') ? strrchr(key, '/') + 1 : key;
        _cleanup_buf_ struct buf disposition = {};
        struct aws_sigv4_pair query[] = {{"response-content-disposition", NULL}};
        int r;

        (void) em;
        buf_add_lit(&disposition, "attachment; filename*=UTF-8''");
        r = aws_sigv4_encode(&disposition, base, false);
        query[0].value = buf_cstr(&disposition);
        return r < 0 ? r
                     : s3_call_presign(s3_of_store(s), "GET", key, query, 1, valid_for, ret_url);
}

static int s3_parts_create(struct store *s, const char *key, char **ret_id, struct errmsg *em) {
        return multipart_create(s3_of_store(s), key, ret_id, em);
}

static int s3_parts_url(struct store *s, const char *key, const char *id, unsigned part,
                        usec_t valid_for, char **ret_url, struct errmsg *em) {
        char number[16];
        struct aws_sigv4_pair query[] = {{"partNumber", number}, {"uploadId", id}};

        (void) em;
        snprintf(number, sizeof number, "%u", part);
        return s3_call_presign(s3_of_store(s), "PUT", key, query, 2, valid_for, ret_url);
}

static int s3_parts_complete(struct store *s, const char *key, const char *id,
                             const struct store_part *parts, size_t n, struct errmsg *em) {
        _cleanup_buf_ struct buf body = {};
        char etag[STORE_ETAG_SIZE];
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                char plain[STORE_ETAG_SIZE];

                r = s3_list_unquote(parts[i].etag, plain);
                if (r >= 0)
                        r = add_part(&body, parts[i].number, plain);
        }
        return r < 0 ? r : multipart_complete(s3_of_store(s), key, id, &body, etag, em);
}

static int s3_parts_abort(struct store *s, const char *key, const char *id, struct errmsg *em) {
        return multipart_abort(s3_of_store(s), key, id, em);
}

static const struct store_parts_ops s3_parts = {
        .create = s3_parts_create,
        .url = s3_parts_url,
        .complete = s3_parts_complete,
        .abort = s3_parts_abort,
        .get_url = s3_parts_get_url,
};

/* --- opening -------------------------------------------------------------------------------------
 */

static bool is_bucket(const char *s) {
        size_t n = strlen(s);

        return n >= 3 && n <= 63 && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-_")] &&
               *s != '.' && *s != '-';
}

static int open_parts(struct s3_store *s, const char *path, const struct s3_config_given *given,
                      struct errmsg *em) {
        struct http_fetch_options http = {};
        int r;

        if (!is_bucket(s->s3.bucket))
                return errmsg_fail(em, -EINVAL, "\"%.100s\" is not the name of a bucket",
                                   s->s3.bucket);
        r = store_bucket_init(&s->bucket, &s3_ops, path);
        if (r >= 0)
                r = s3_config_load_given(s->s3.bucket, given, &s->s3.config, em);
        http.ca_file = s->s3.config.ca_file;
        return r < 0 ? r : http_fetch_new(&http, &s->s3.http);
}

int store_s3_open(const char *uri, struct errmsg *em, struct store **ret_store) {
        return store_s3_open_given(uri, &(struct s3_config_given){}, em, ret_store);
}

int store_s3_open_given(const char *uri, const struct s3_config_given *given, struct errmsg *em,
                        struct store **ret_store) {
        const char *rest = str_after(uri, "s3://");
        struct s3_store *s;
        size_t n;
        int r;

        if (!rest)
                return errmsg_fail(em, -EINVAL, "\"%.200s\" is not s3://BUCKET/PATH", uri);
        s = mem_new(struct s3_store);
        if (!s)
                return -ENOMEM;
        n = strcspn(rest, "/");
        s->s3.clock = clock_system();
        s->s3.bucket = mem_strndup(rest, n);
        r = s->s3.bucket ? open_parts(s, rest + n, given, em) : -ENOMEM;
        if (r < 0) {
                s3_free(&s->bucket);
                return r;
        }
        s->bucket.store.parts = &s3_parts;
        *ret_store = &s->bucket.store;
        return 0;
}
