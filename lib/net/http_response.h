#pragma once
/* Reading an HTTP/1.1 answer from a stream of bytes: the head, then the body's framing taken off in
 * place. Pure; one answer at a time, what follows it is an error. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"

#define HTTP_RESPONSE_HEAD_MAX 65536 /* bytes */
#define HTTP_RESPONSE_HEADERS_MAX 128

enum http_response_framing {
        HTTP_RESPONSE_NONE,   /* no body: HEAD, 204, 304 */
        HTTP_RESPONSE_LENGTH, /* Content-Length */
        HTTP_RESPONSE_CHUNKED,
        HTTP_RESPONSE_CLOSE, /* until the connection ends */
};

struct http_response {
        bool to_head;     /* the request was HEAD */
        bool has_head;    /* status and headers are there */
        bool is_complete; /* the whole body has come */
        bool keep_alive;  /* another request may follow on the connection */
        int status;
        enum http_response_framing framing;
        uint64_t left;   /* of the body or of the chunk, bytes */
        int chunk_state; /* enum in http_response.c */
        struct buf head;
        size_t n_headers;
        struct {
                const char *name, *value;
        } headers[HTTP_RESPONSE_HEADERS_MAX];
};

void http_response_init(struct http_response *r, bool to_head);
void http_response_done(struct http_response *r);

/* Takes bytes until the head is whole: returns how many belong to it (has_head says whether it is);
 * those behind are body. 1xx answers are skipped. -EPROTO: not HTTP/1; -E2BIG; -ENOMEM. */
ssize_t http_response_head(struct http_response *r, const char *data, size_t size);
/* Takes the framing off size bytes of body, in place: returns how many bytes of content now stand
 * at data. -EPROTO: bad chunk, or bytes behind the end. */
ssize_t http_response_body(struct http_response *r, char *data, size_t size);
/* The connection ended: 0 when that is a proper end of the body, else -ECONNRESET. */
int http_response_eof(struct http_response *r);
/* Content-Length, -1 when the answer does not tell. */
int64_t http_response_length(const struct http_response *r);
const char *http_response_header(const struct http_response *r, const char *name);
