#include "lib/gcp/store_gcs_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/gcs_name.h"
#include "lib/gcp/gcs_sign.h"
#include "lib/gcp/token_credentials.h"
#include "lib/gcp/token_jwt.h"
#include "lib/store/s3_list.h"
#include "lib/store/s3_xml.h"

int store_gcs_parts_init(struct store_gcs_parts *p, struct errmsg *em) {
        _cleanup_(token_credentials_freep) struct token_credentials_file *file = NULL;
        const char *path = getenv("GOOGLE_APPLICATION_CREDENTIALS");
        int r;

        *p = (struct store_gcs_parts){};
        if (str_empty(path))
                return 0;
        r = token_credentials_read(path, em, &file);
        if (r < 0 || file->c.type != TOKEN_CREDENTIALS_KEY)
                return r;
        p->email = mem_strdup(file->c.client_email);
        r = p->email ? token_jwt_key(file->c.private_key, em, &p->key) : -ENOMEM;
        if (r < 0)
                store_gcs_parts_done(p);
        return r;
}

void store_gcs_parts_done(struct store_gcs_parts *p) {
        token_jwt_key_free(p->key);
        mem_free(p->email);
        *p = (struct store_gcs_parts){};
}

/* query: "uploads" or "uploadId=", then the id. */
static int call_xml(const struct store_gcs_call *c, const char *method, const char *key,
                    const char *query, const char *id, const struct buf *body,
                    struct http_fetch_answer *ret, struct errmsg *em) {
        _cleanup_buf_ struct buf url = {};
        struct http_fetch_call call = {.method = method, .content_type = ""};
        int r;

        buf_printf(&url, "%s/%s/", c->endpoint, c->bucket);
        gcs_name_escape_path(&url, key);
        buf_printf(&url, "?%s", query);
        r = id ? gcs_name_escape(&url, id) : 0;
        if (r < 0)
                return r;
        call.url = buf_cstr(&url);
        if (str_eq(method, "POST")) {
                call.body = body ? buf_cstr(body) : "";
                call.body_size = body ? body->len : 0;
                call.content_type = body ? "application/xml" : "application/octet-stream";
        }
        return store_gcs_call_xml(c, key, method, &call, ret, em);
}

int store_gcs_parts_create(const struct store_gcs_call *c, const char *key, char **ret_id,
                           struct errmsg *em) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        char id[2048] = "";
        int r = call_xml(c, "POST", key, "uploads", NULL, NULL, &a, em);

        if (r >= 0)
                r = s3_xml_find(buf_cstr(&a.body), a.body.len, "UploadId", id, sizeof id);
        if (r < 0)
                return r;
        if (!*id)
                return errmsg_fail(em, -EPROTO, "gs://%s/%s: no UploadId in the answer", c->bucket,
                                   key);
        *ret_id = mem_strdup(id);
        return *ret_id ? 0 : -ENOMEM;
}

int store_gcs_parts_complete(const struct store_gcs_call *c, const char *key, const char *id,
                             const struct store_part *parts, size_t n, struct errmsg *em) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        _cleanup_buf_ struct buf body = {};
        int r;

        r = buf_add_lit(&body, "<CompleteMultipartUpload>");
        for (size_t i = 0; i < n && r >= 0; i++) {
                char etag[STORE_ETAG_SIZE];

                r = s3_list_unquote(parts[i].etag, etag);
                if (r < 0)
                        break;
                buf_printf(&body, "<Part><PartNumber>%u</PartNumber><ETag>&quot;", parts[i].number);
                s3_xml_escape(&body, etag);
                r = buf_add_lit(&body, "&quot;</ETag></Part>");
        }
        if (r >= 0)
                r = buf_add_lit(&body, "</CompleteMultipartUpload>");
        return r < 0 ? r : call_xml(c, "POST", key, "uploadId=", id, &body, &a, em);
}

int store_gcs_parts_abort(const struct store_gcs_call *c, const char *key, const char *id,
                          struct errmsg *em) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};

        return call_xml(c, "DELETE", key, "uploadId=", id, NULL, &a, em);
}

int store_gcs_parts_url(const struct store_gcs_parts *p, const struct store_gcs_call *c,
                        const char *key, const char *id, unsigned part, usec_t valid_for,
                        char **ret_url, struct errmsg *em) {
        const struct gcs_sign sign = {.key = p->key,
                                      .email = p->email,
                                      .endpoint = c->endpoint,
                                      .at = clock_now(clock_system()),
                                      .valid_for = valid_for};
        const char *base = strrchr(key, '/') ? strrchr(key, '/') + 1 : key;
        _cleanup_buf_ struct buf disposition = {}, url = {};
        char number[16];
        struct aws_sigv4_pair query[] = {{"partNumber", number}, {"uploadId", id}};
        int r;

        snprintf(number, sizeof number, "%u", part);
        buf_add_lit(&disposition, "attachment; filename*=UTF-8''");
        r = aws_sigv4_encode(&disposition, base, false);
        if (part == 0)
                query[0] = (struct aws_sigv4_pair){"response-content-disposition",
                                                   buf_cstr(&disposition)};
        if (r >= 0)
                r = gcs_sign_url(&sign, part ? "PUT" : "GET", c->bucket, key, query, part ? 2 : 1,
                                 &url, em);
        if (r < 0)
                return r;
        *ret_url = mem_strdup(buf_cstr(&url));
        return *ret_url ? 0 : -ENOMEM;
}
