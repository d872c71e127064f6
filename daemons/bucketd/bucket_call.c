/* bucket_call: see bucket_call.h. */
#include "daemons/bucketd/bucket_call.h"

#include <errno.h>
#include <stdio.h>

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

/* Who gives a key of his own believes that nobody reads the content without it. */
static int check_key(struct http_request *req) {
        struct refused no;
        int r;

        if (!http_request_header(req, "x-goog-encryption-algorithm") &&
            !http_request_header(req, "x-goog-copy-source-encryption-algorithm"))
                return 0;
        gcs_error_set(&no, GCS_ERROR_INVALID,
                      "This server does not encrypt with keys of its clients: leave the key away, "
                      "or encrypt before the upload.");
        r = gcs_error_reply(req, &no);
        return r < 0 ? r : HTTP_LATER;
}

/* A status that is asked for in place of everything comes at once. */
static int plan_call(struct http_request *req, struct bucket_call *call) {
        char seconds[24];
        int r;

        call->has_plan = call->d->chaos && chaos_match(call->d->chaos, req, &call->plan);
        if (!call->has_plan || call->plan.status == 0)
                return 0;
        if (call->plan.retry_after_s > 0) {
                (void) snprintf(seconds, sizeof(seconds), "%lld",
                                (long long) call->plan.retry_after_s);
                (void) http_request_set_header(req, "Retry-After", seconds);
        }
        r = http_request_reply_error(req, (int) call->plan.status, "A fault that was asked for.");
        return r < 0 ? r : HTTP_LATER;
}

int bucket_call_before(struct http_request *req) {
        struct bucket_call *call = arena_new(req->arena, struct bucket_call);
        int r;

        if (!call)
                return -ENOMEM;
        call->d = bucket_call_daemon(req);
        req->data = call;
        r = check_token(req);
        if (r == 0)
                r = check_key(req);
        return r != 0 ? r : plan_call(req, call);
}

int bucket_call_gate(struct http_request *req, size_t size) {
        struct bucket_call *call = bucket_call_of(req);

        return call->has_plan
                       ? chaos_answer_gate(&call->gate, req, call->d->loop, &call->plan, size)
                       : 0;
}

void bucket_call_gate_done(struct http_request *req) {
        chaos_answer_gate_done(&bucket_call_of(req)->gate);
}

const char *bucket_call_base(struct http_request *req) {
        const char *host = http_request_header(req, "Host");

        return arena_printf(req->arena, "http://%s", host ? host : "localhost");
}

/* What is refused before the body came is answered at once. */
static bool is_spoiled(struct http_request *req) {
        const struct bucket_call *call = bucket_call_of(req);

        return call && call->has_plan && (!req->route->body || call->data);
}

static int spoil(struct http_request *req, struct chaos_answer *a, int status, const char *type) {
        struct bucket_call *call = bucket_call_of(req);

        a->late = &call->d->late;
        a->req = req;
        a->loop = call->d->loop;
        a->plan = call->plan;
        a->status = status;
        a->type = type;
        return chaos_answer(a);
}

int bucket_call_reply(struct http_request *req, int status, const char *type, struct buf *body) {
        struct chaos_answer a = {.kind = CHAOS_BUF, .fd = -1};

        if (!is_spoiled(req))
                return http_request_reply_buf(req, status, type, body);
        a.body = *body;
        *body = (struct buf){};
        return spoil(req, &a, status, type);
}

int bucket_call_reply_json(struct http_request *req, struct buf *body) {
        return bucket_call_reply(req, 200, "application/json; charset=UTF-8", body);
}

int bucket_call_reply_empty(struct http_request *req, int status) {
        struct chaos_answer a = {.kind = CHAOS_BUF, .fd = -1};

        if (!is_spoiled(req))
                return http_request_reply_empty(req, status);
        return spoil(req, &a, status, NULL);
}

int bucket_call_reply_head(struct http_request *req, const char *type, uint64_t size) {
        struct chaos_answer a = {.kind = CHAOS_HEAD, .fd = -1, .size = size};

        if (!is_spoiled(req))
                return http_request_reply_file_head(req, 200, type, size);
        return spoil(req, &a, 200, type);
}

int bucket_call_reply_file(struct http_request *req, int status, const char *type, int fd,
                           uint64_t offset, uint64_t size) {
        struct chaos_answer a = {.kind = CHAOS_FILE, .fd = fd, .offset = offset, .size = size};

        if (!is_spoiled(req))
                return http_request_reply_file_part(req, status, type, fd, offset, size);
        return spoil(req, &a, status, type);
}

int bucket_call_reply_stream(struct http_request *req, int status, const char *type,
                             const struct http_request_stream *s) {
        struct chaos_answer a = {
                .kind = CHAOS_STREAM, .fd = -1, .stream = *s, .size = (uint64_t) s->size};

        if (!is_spoiled(req))
                return http_request_reply_stream(req, status, type, s, NULL);
        return spoil(req, &a, status, type);
}
