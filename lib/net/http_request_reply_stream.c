/* Answers made piece by piece. */
#include <errno.h>

#include "lib/net/http_exchange.h"
#include "lib/net/http_gzip.h"
#include "lib/net/http_request_reply.h"
#include "lib/net/http_request_waker.h"

#define HTTP_REQUEST_REPLY_STREAM_BLOCK (64 * 1024)
#define HTTP_REQUEST_REPLY_STREAM_LEVEL 3

static int http_request_reply_stream_pack(struct http_request *req, const char *content_type,
                                          const struct http_request_stream *s,
                                          struct http_gzip **ret) {
        int r;

        if (s->no_gzip || s->size >= 0 || s->heartbeat ||
            !http_request_reply_may_pack(req, content_type))
                return 0;
        r = http_gzip_new(HTTP_REQUEST_REPLY_STREAM_LEVEL, ret);
        if (r >= 0)
                r = http_request_set_header(req, "Content-Encoding", "gzip");
        return r < 0 ? r : http_request_set_header(req, "Vary", "Accept-Encoding");
}

static void http_request_reply_stream_unref(void *w) {
        http_request_waker_unref(w);
}

int http_request_reply_stream(struct http_request *req, int status, const char *content_type,
                              const struct http_request_stream *s,
                              struct http_request_waker **ret) {
        struct http_exchange *x = http_exchange_of(req);
        struct http_request_waker *w = NULL;
        struct MHD_Response *m = NULL;
        struct http_gzip *gzip = NULL;
        int r;

        r = http_request_reply_stream_pack(req, content_type, s, &gzip);
        if (r >= 0)
                r = http_request_waker_new(req, s, gzip, &w);
        if (r < 0) {
                http_gzip_free(gzip);
                s->gone(s->ctx);
                return r;
        }
        m = MHD_create_response_from_callback(s->size < 0 ? MHD_SIZE_UNKNOWN : (uint64_t) s->size,
                                              HTTP_REQUEST_REPLY_STREAM_BLOCK,
                                              http_request_waker_read, http_request_waker_ref(w),
                                              http_request_reply_stream_unref);
        if (!m)
                http_request_waker_unref(w);
        if (ret)
                *ret = http_request_waker_ref(w);
        x->stream = http_request_waker_ref(w);
        r = http_request_reply_send(req, status, content_type, m);
        if (r < 0) {
                x->stream = NULL;
                if (ret)
                        *ret = http_request_waker_unref(w);
                http_request_waker_over(w);
        }
        http_request_waker_unref(w);
        return r;
}
