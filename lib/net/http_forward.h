#pragma once
/* Passing a request on to a daemon behind a Unix socket, and its answer back, streaming both ways
 * with back-pressure: no body is ever held whole.
 *
 * Hop-by-hop headers are dropped, X-Onebox-* headers of the client too; identity headers are set
 * from what the daemon in front found out. Use rows of this form: {HTTP_ANY, "/api/2.0/{rest...}",
 * http_forward_handle, role, HTTP_KEEP_RAW, SIZE_MAX, &http_forward_body, .data = &target} with
 * `static struct http_forward_target target`. Threads: the loop's. */
#include "lib/net/http_route.h"
#include "lib/net/loop.h"

struct http_forward;
struct http_forward_headers;
struct http_request;

struct http_forward_options {
        struct loop *loop;
        const char *socket_path; /* of the upstream */
        const char *name;        /* "onebox-tracking": for the error when it is away */
        const char *remedy;      /* "systemctl start onebox-tracking, or onebox up" */
        /* Identity headers of a request, called before sending: add with http_forward_set_header().
         * May be NULL. */
        int (*identify)(struct http_request *req, struct http_forward_headers *h);
        unsigned n_idle;       /* idle upstream connections kept; 0 = 8 */
        usec_t first_byte_for; /* until the answer's head; 0 = 300 s */
};
/* CR, LF or NUL → -EINVAL. */
int http_forward_set_header(struct http_forward_headers *h, const char *name, const char *value);

int http_forward_new(const struct http_forward_options *o, struct http_forward **ret);
/* After the server whose rows use it. */
struct http_forward *http_forward_free(struct http_forward *f);

struct http_forward_target {
        struct http_forward *forward; /* set at start */
        const char *strip_prefix;     /* taken off the path; NULL = none */
        const char *add_prefix;       /* put in front; NULL = none */
};
extern const struct http_body_ops http_forward_body;
int http_forward_handle(struct http_request *req);
