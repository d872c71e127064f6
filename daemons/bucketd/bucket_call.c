/* bucket_call: see bucket_call.h. */
#include "daemons/bucketd/bucket_call.h"

#include <errno.h>

#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/gcs_error.h"
#include "lib/base/str.h"

static int check_token(struct http_request *req) {
        const char *token = bucket_call_daemon(req)->token;
        const char *given = http_request_header(req, "Authorization");
        struct refused no;
        int r;

        if (!token || str_eq(req->path, "/health"))
                return 0;
        given = given ? str_after(given, "Bearer ") : NULL;
        if (str_eq(given, token))
                return 0;
        gcs_error_set(&no, GCS_ERROR_UNAUTHENTICATED, "Invalid Credentials");
        r = http_request_set_header(req, "WWW-Authenticate", "Bearer");
        if (r >= 0)
                r = gcs_error_reply(req, &no);
        return r < 0 ? r : HTTP_LATER;
}

int bucket_call_before(struct http_request *req) {
        struct bucket_call *call = arena_new(req->arena, struct bucket_call);

        if (!call)
                return -ENOMEM;
        call->d = bucket_call_daemon(req);
        req->data = call;
        return check_token(req);
}

const char *bucket_call_base(struct http_request *req) {
        const char *host = http_request_header(req, "Host");

        return arena_printf(req->arena, "http://%s", host ? host : "localhost");
}

int bucket_call_reply(struct http_request *req, int status, const char *type, struct buf *body) {
        return http_request_reply_buf(req, status, type, body);
}

int bucket_call_reply_json(struct http_request *req, struct buf *body) {
        return bucket_call_reply(req, 200, "application/json; charset=UTF-8", body);
}

int bucket_call_reply_empty(struct http_request *req, int status) {
        return http_request_reply_empty(req, status);
}

int bucket_call_reply_head(struct http_request *req, const char *type, uint64_t size) {
        return http_request_reply_file_head(req, 200, type, size);
}

int bucket_call_reply_file(struct http_request *req, int status, const char *type, int fd,
                           uint64_t offset, uint64_t size) {
        return http_request_reply_file_part(req, status, type, fd, offset, size);
}

int bucket_call_reply_stream(struct http_request *req, int status, const char *type,
                             const struct http_request_stream *s) {
        return http_request_reply_stream(req, status, type, s, NULL);
}
