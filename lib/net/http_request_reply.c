/* Answers that are known whole. */
#include "lib/net/http_request_reply.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <string.h>

#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_exchange.h"
#include "lib/net/http_gzip.h"

#define HTTP_REQUEST_REPLY_PACK_MIN 1024 /* bytes; less is not worth compressing */
#define HTTP_REQUEST_REPLY_PACK_LEVEL 1
#define HTTP_REQUEST_REPLY_WIPE_MAX ((size_t) 64 * 1024)

static bool http_request_reply_add_header(struct MHD_Response *m, const char *name,
                                          const char *value) {
        return MHD_add_response_header(m, name, value) == MHD_YES;
}

static bool http_request_reply_has_header(const struct http_exchange *x, const char *name) {
        for (const struct http_exchange_header *h = x->headers; h; h = h->next)
                if (str_eq_fold(h->name, name))
                        return true;
        return false;
}

int http_request_reply_send(struct http_request *req, int status, const char *content_type,
                            struct MHD_Response *response) {
        struct http_exchange *x = http_exchange_of(req);
        bool ok;

        if (!response)
                return -ENOMEM;
        ok = http_request_reply_has_header(x, "X-Content-Type-Options") ||
             http_request_reply_add_header(response, "X-Content-Type-Options", "nosniff");
        if (ok && content_type)
                ok = http_request_reply_add_header(response, "Content-Type", content_type);
        for (struct http_exchange_header *h = x->headers; ok && h; h = h->next)
                ok = http_request_reply_add_header(response, h->name, h->value);
        if (!ok) {
                MHD_destroy_response(response);
                return -ENOMEM;
        }
        return http_exchange_answer(x, status, response);
}

bool http_request_reply_may_pack(struct http_request *req, const char *content_type) {
        if (!content_type || (req->route && req->route->flags & HTTP_NO_GZIP))
                return false;
        if (http_request_reply_has_header(http_exchange_of(req), "Content-Encoding"))
                return false;
        return http_gzip_worthwhile(content_type) &&
               http_gzip_accepted(http_request_header(req, "Accept-Encoding"));
}

/* An answer may have held a password; what is larger is none. */
static void http_request_reply_free(void *data) {
        size_t size = malloc_usable_size(data);

        if (size <= HTTP_REQUEST_REPLY_WIPE_MAX)
                mem_free_secret(data, size);
        else
                mem_free(data);
}

/* Takes heap data. */
static int http_request_reply_own(struct http_request *req, int status, const char *content_type,
                                  char *data, size_t size) {
        struct MHD_Response *m = MHD_create_response_from_buffer_with_free_callback(
                size, data, http_request_reply_free);

        if (!m)
                mem_free(data);
        return http_request_reply_send(req, status, content_type, m);
}

/* 1 = answered compressed, 0 = not worth it. */
static int http_request_reply_packed(struct http_request *req, int status, const char *content_type,
                                     const void *data, size_t size) {
        _cleanup_buf_ struct buf out = {};
        int r;

        if (size < HTTP_REQUEST_REPLY_PACK_MIN || !http_request_reply_may_pack(req, content_type))
                return 0;
        r = http_gzip_pack(data, size, HTTP_REQUEST_REPLY_PACK_LEVEL, &out);
        if (r < 0 || out.len >= size)
                return 0;
        r = http_request_set_header(req, "Content-Encoding", "gzip");
        if (r >= 0)
                r = http_request_set_header(req, "Vary", "Accept-Encoding");
        if (r >= 0) {
                size_t packed_size = out.len;
                char *packed = buf_take(&out, NULL);

                r = packed ? http_request_reply_own(req, status, content_type, packed, packed_size)
                           : -ENOMEM;
        }
        return r < 0 ? r : 1;
}

int http_request_reply(struct http_request *req, int status, const char *content_type,
                       const void *data, size_t size) {
        int r = http_request_reply_packed(req, status, content_type, data, size);

        if (r != 0)
                return r < 0 ? r : 0;
        return http_request_reply_send(
                req, status, content_type,
                MHD_create_response_from_buffer(size, (void *) data, MHD_RESPMEM_MUST_COPY));
}

int http_request_reply_static(struct http_request *req, int status, const char *content_type,
                              const void *data, size_t size) {
        int r = http_request_reply_packed(req, status, content_type, data, size);

        if (r != 0)
                return r < 0 ? r : 0;
        return http_request_reply_send(
                req, status, content_type,
                MHD_create_response_from_buffer(size, (void *) data, MHD_RESPMEM_PERSISTENT));
}

int http_request_reply_buf(struct http_request *req, int status, const char *content_type,
                           struct buf *b) {
        /* The buf itself may lie in the request's arena, which may be gone once it is answered. */
        _cleanup_buf_ struct buf own = *b;
        size_t size = own.len;
        char *data;
        int r = buf_error(&own);

        *b = (struct buf){.limit = own.limit};
        if (r >= 0)
                r = http_request_reply_packed(req, status, content_type, own.data, size);
        if (r != 0)
                return r < 0 ? r : 0;
        data = buf_take(&own, NULL);
        return data ? http_request_reply_own(req, status, content_type, data, size) : -ENOMEM;
}

int http_request_reply_json(struct http_request *req, int status, struct buf *b) {
        return http_request_reply_buf(req, status, "application/json", b);
}

int http_request_reply_text(struct http_request *req, int status, const char *text) {
        return http_request_reply(req, status, "text/plain; charset=utf-8", text, strlen(text));
}

int http_request_reply_empty(struct http_request *req, int status) {
        return http_request_reply_static(req, status, NULL, "", 0);
}

int http_request_reply_redirect(struct http_request *req, int status, const char *location) {
        int r = http_request_set_header(req, "Location", location);

        return r < 0 ? r : http_request_reply_empty(req, status);
}

static const char *http_request_reply_detail(const char *message, struct buf *out) {
        struct json_write w;

        json_write_init(&w, out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "detail", message);
        json_write_end(&w);
        return "application/json";
}

int http_request_reply_error(struct http_request *req, int status, const char *fmt, ...) {
        struct http_server *s = req->server;
        _cleanup_buf_ struct buf out = {};
        const char *message, *type;
        va_list ap;

        va_start(ap, fmt);
        message = arena_vprintf(req->arena, fmt, ap);
        va_end(ap);
        if (!message)
                return -ENOMEM;
        if (s->options.error_format)
                type = s->options.error_format(req, status, message, &out);
        else
                type = http_request_reply_detail(message, &out);
        return http_request_reply_buf(req, status, type, &out);
}

void http_request_reply_cut(struct http_request *req) {
        http_exchange_cut(http_exchange_of(req));
}
