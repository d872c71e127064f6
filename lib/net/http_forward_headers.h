#pragma once
/* Inside lib/net only: which headers pass a forwarder, and the head of the request it sends. Pure
 * but for reading the client's request. */
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/net/http_request.h"

struct http_forward_target;
struct http_forward_headers {
        struct buf text; /* "Name: value\r\n"… */
};

/* False for what belongs to one hop, to the forwarder itself, or must not be believed from outside.
 * connection is the Connection header (names more of them), or NULL. */
bool http_forward_headers_pass(const char *name, const char *connection);
/* The head of the request for upstream, own headers included. -EINVAL, -ENOMEM. */
int http_forward_headers_write(struct http_request *req, const struct http_forward_target *t,
                               const struct http_forward_headers *own, struct buf *out);
