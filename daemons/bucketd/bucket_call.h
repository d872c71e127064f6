/* bucket_call.h: one request and its answer, as all handlers of the daemon see it.
 *
 * Every answer goes through here, so that what the tests ask to go wrong goes wrong in one place.
 * All reply functions return what a route returns, or -ENOMEM. Threads: as http_request.h. */
#pragma once

#include "daemons/bucketd/chaos_answer.h"
#include "lib/base/buf.h"
#include "lib/base/macros.h"
#include "lib/net/http_request.h"

struct bucketd;
struct refused;

struct bucket_call {
        struct bucketd *d;
        void *data; /* the handler's own; set once the header is accepted where a body follows */
        bool has_plan;
        struct chaos_plan plan;
        struct chaos_gate gate;
};

/* http_server_options.before: makes the call, or refuses who may not. */
int bucket_call_before(struct http_request *req);
static inline struct bucket_call *bucket_call_of(struct http_request *req) {
        return req->data;
}
static inline struct bucketd *bucket_call_daemon(struct http_request *req) {
        return req->ctx;
}
/* "http://HOST" as the client sees us, in the request's arena; NULL: out of memory. */
const char *bucket_call_base(struct http_request *req);

/* Before each piece of a body: 0, HTTP_PAUSE, or negative: cut. And when it ends early. */
int bucket_call_gate(struct http_request *req, size_t size);
void bucket_call_gate_done(struct http_request *req);

/* Takes the buffer. */
int bucket_call_reply(struct http_request *req, int status, const char *type, struct buf *body);
int bucket_call_reply_json(struct http_request *req, struct buf *body);
int bucket_call_reply_empty(struct http_request *req, int status);
/* For HEAD: what a GET would have sent is `size` bytes. */
int bucket_call_reply_head(struct http_request *req, const char *type, uint64_t size);
/* By sendfile: `size` bytes of fd from `offset`; takes fd, also on failure. */
int bucket_call_reply_file(struct http_request *req, int status, const char *type, int fd,
                           uint64_t offset, uint64_t size);
int bucket_call_reply_stream(struct http_request *req, int status, const char *type,
                             const struct http_request_stream *s);
