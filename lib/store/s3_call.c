/* s3_call.c: every attempt is signed anew: a signature is good for some minutes only. */
#include "lib/store/s3_call.h"

#include <errno.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/s3_xml.h"
#include "lib/store/store_bucket.h"

#define ANSWER_MAX ((size_t) 16 << 20)

enum { HEADERS_MAX = 4, ERROR_MAX = 200 };

/* --- where ---------------------------------------------------------------------------------------
 */

static int add_path(const struct s3 *s3, const char *key, struct buf *path) {
        if (s3->config.is_path_style) {
                buf_add_char(path, '/');
                aws_sigv4_encode(path, s3->bucket, false);
                if (key)
                        buf_add_char(path, '/');
        } else {
                buf_add_char(path, '/');
        }
        if (key)
                aws_sigv4_encode(path, key, true);
        return buf_error(path);
}

static const char *host_of(const struct s3 *s3) {
        return strstr(s3->config.endpoint, "://") + 3;
}

static struct aws_sigv4_key key_of(const struct s3 *s3) {
        return (struct aws_sigv4_key){.access_key = s3->config.access_key,
                                      .secret_key = s3->config.secret_key,
                                      .session_token = s3->config.session_token,
                                      .region = s3->config.region,
                                      .service = "s3"};
}

int s3_call_presign(const struct s3 *s3, const char *method, const char *key,
                    const struct aws_sigv4_pair *query, size_t n_query, usec_t valid_for,
                    char **ret_url) {
        struct aws_sigv4_key sign_key = key_of(s3);
        _cleanup_buf_ struct buf path = {}, url = {};
        struct aws_sigv4_request req = {.method = method,
                                        .host = host_of(s3),
                                        .query = query,
                                        .n_query = n_query,
                                        .payload_hash = AWS_SIGV4_UNSIGNED};
        int r = add_path(s3, key, &path);

        if (r < 0)
                return r;
        req.path = path.data;
        buf_printf(&url, "%s%s?", s3->config.endpoint, path.data);
        r = aws_sigv4_presign(&sign_key, &req, clock_now(s3->clock), valid_for, &url);
        if (r < 0)
                return r;
        *ret_url = buf_take(&url, NULL);
        return *ret_url ? 0 : -ENOMEM;
}

/* --- one attempt ---------------------------------------------------------------------------------
 */

/* The signature's headers and the call's, as lines; lines[] is NULL-terminated. */
struct lines {
        struct buf authorization, date, hash, token, own[HEADERS_MAX];
        const char *lines[HEADERS_MAX + 5];
};

static void lines_done(struct lines *l) {
        buf_done(&l->authorization);
        buf_done(&l->date);
        buf_done(&l->hash);
        buf_done(&l->token);
        for (size_t i = 0; i < HEADERS_MAX; i++)
                buf_done(&l->own[i]);
}

static int lines_fill(const struct s3 *s3, const struct s3_call *call, const char *path,
                      const char *hash, struct lines *l) {
        struct aws_sigv4_key key = key_of(s3);
        struct aws_sigv4_request req = {.method = call->method,
                                        .host = host_of(s3),
                                        .path = path,
                                        .query = call->query,
                                        .n_query = call->n_query,
                                        .headers = call->headers,
                                        .n_headers = call->n_headers,
                                        .payload_hash = hash};
        usec_t now_at = clock_now(s3->clock);
        char date[AWS_SIGV4_DATE_SIZE];
        size_t n = 0;
        int r;

        assert(call->n_headers <= HEADERS_MAX);
        aws_sigv4_date(now_at, date);
        buf_add_lit(&l->authorization, "Authorization: ");
        r = aws_sigv4_sign(&key, &req, now_at, &l->authorization);
        buf_printf(&l->date, "x-amz-date: %s", date);
        buf_printf(&l->hash, "x-amz-content-sha256: %s", hash);
        l->lines[n++] = buf_cstr(&l->authorization);
        l->lines[n++] = buf_cstr(&l->date);
        l->lines[n++] = buf_cstr(&l->hash);
        if (key.session_token) {
                buf_printf(&l->token, "x-amz-security-token: %s", key.session_token);
                l->lines[n++] = buf_cstr(&l->token);
        }
        for (size_t i = 0; i < call->n_headers; i++) {
                buf_printf(&l->own[i], "%s: %s", call->headers[i].name, call->headers[i].value);
                r = r ?: buf_error(&l->own[i]);
                l->lines[n++] = buf_cstr(&l->own[i]);
        }
        return r ?: buf_error(&l->date) ?: buf_error(&l->hash) ?: buf_error(&l->token);
}

static int attempt(const struct s3 *s3, const struct s3_call *call, const char *path,
                   const char *url, const char *hash, struct http_fetch_answer *ret,
                   struct errmsg *em) {
        _cleanup_(lines_done) struct lines l = {};
        struct http_fetch_call fetch = {
                .method = call->method,
                .url = url,
                .headers = l.lines,
                .content_type = "",
                .body = call->body,
                .body_size = call->body_size,
                .max_body = call->max_body ?: ANSWER_MAX,
        };
        int r = lines_fill(s3, call, path, hash, &l);

        return r < 0 ? r : http_fetch(s3->http, &fetch, ret, em);
}

/* --- what it answers -----------------------------------------------------------------------------
 */

static int status_error(int status) {
        switch (status) {
        case 401:
        case 403:
                return -EACCES;
        case 404:
                return -ENOENT;
        case 408:
        case 429:
                return -EAGAIN;
        case 409: /* a conflicting operation is under way */
                return -EAGAIN;
        case 412:
                return -ESTALE;
        case 416:
                return -ERANGE;
        default:
                return status >= 200 && status < 300 ? 0 : status >= 500 ? -EAGAIN : -EINVAL;
        }
}

static int explain(const struct s3 *s3, const struct s3_call *call, int r,
                   const struct http_fetch_answer *a, struct errmsg *em) {
        char code[64] = "", message[ERROR_MAX] = "", region[64] = "";
        const char *body = buf_cstr(&a->body);

        (void) s3_xml_find(body, a->body.len, "Code", code, sizeof code);
        (void) s3_xml_find(body, a->body.len, "Message", message, sizeof message);
        (void) http_fetch_answer_header(a, "x-amz-bucket-region", region, sizeof region);
        if ((a->status == 301 || a->status == 400) && *region && !str_eq(region, s3->config.region))
                return errmsg_fail(em, r, "bucket %s is in the region %s: set AWS_REGION to it",
                                   s3->bucket, region);
        return errmsg_fail(em, r, "s3://%s/%s: %s answers %d%s%s%s%s", s3->bucket, call->key ?: "",
                           call->method, a->status, *code ? " " : "", code, *message ? ": " : "",
                           message);
}

static bool is_worth_repeating(int r) {
        return r == -EAGAIN || r == -ECONNRESET || r == -ECONNREFUSED || r == -ETIMEDOUT ||
               r == -EHOSTUNREACH;
}

static int repeat(const struct s3 *s3, const struct s3_call *call, const char *path,
                  const char *url, struct http_fetch_answer *ret, struct errmsg *em) {
        char hash[AWS_SIGV4_HASH_SIZE];

        aws_sigv4_hash(call->body ?: "", call->body_size, hash);
        for (unsigned n = 1;; n++) {
                struct http_fetch_answer a = {};
                int r = attempt(s3, call, path, url, hash, &a, em);

                if (r >= 0) {
                        r = status_error(a.status);
                        if (r == 0) {
                                *ret = a;
                                return 0;
                        }
                        (void) explain(s3, call, r, &a, em);
                        http_fetch_answer_done(&a);
                }
                if (call->is_once || !is_worth_repeating(r) || !store_bucket_retry(n))
                        return r;
        }
}

int s3_call(const struct s3 *s3, const struct s3_call *call, struct http_fetch_answer *ret,
            struct errmsg *em) {
        _cleanup_buf_ struct buf path = {}, url = {};
        struct errmsg own = {};
        int r = add_path(s3, call->key, &path);

        if (r < 0)
                return r;
        buf_printf(&url, "%s%s%s", s3->config.endpoint, path.data, call->n_query > 0 ? "?" : "");
        r = aws_sigv4_query(&url, call->query, call->n_query);
        return r < 0 ? r : repeat(s3, call, path.data, url.data, ret, em ?: &own);
}
