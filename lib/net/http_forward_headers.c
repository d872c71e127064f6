/* The headers of a forwarded request. */
#include "lib/net/http_forward_headers.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "lib/base/str.h"
#include "lib/net/http_exchange.h"
#include "lib/net/http_forward.h"

static const char *const http_forward_headers_dropped[] = {
        /* one hop's (RFC 9110, 7.6.1) */
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Expect",
        /* written anew */
        "Host",
        "Content-Length",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Forwarded",
        /* judged here; the daemon behind knows neither our names nor our port */
        "Origin",
        "Sec-Fetch-Site",
        "Sec-Fetch-Mode",
        "Sec-Fetch-Dest",
        "Sec-Fetch-User",
};

bool http_forward_headers_pass(const char *name, const char *connection) {
        size_t n = strlen(name), size;
        const char *word;

        if (strncasecmp(name, "X-Onebox-", 9) == 0)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(http_forward_headers_dropped); i++)
                if (str_eq_fold(name, http_forward_headers_dropped[i]))
                        return false;
        while (connection && str_word(&connection, ", \t", &word, &size))
                if (size == n && strncasecmp(word, name, n) == 0)
                        return false;
        return true;
}

struct http_forward_headers_copy {
        struct buf *out;
        const char *connection;
};

static enum MHD_Result http_forward_headers_copy_one(void *cls, enum MHD_ValueKind kind,
                                                     const char *name, const char *value) {
        struct http_forward_headers_copy *c = cls;

        if (http_forward_headers_pass(name, c->connection))
                buf_printf(c->out, "%s: %s\r\n", name, value ?: "");
        return MHD_YES;
}

/* The target is sent on as it came, but for the prefixes. */
static int http_forward_headers_target(struct http_request *req,
                                       const struct http_forward_target *t, struct buf *out) {
        const char *path = req->path;

        if (t->strip_prefix) {
                path = str_after(path, t->strip_prefix);
                if (!path)
                        return -EINVAL;
        }
        buf_printf(out, "%s ", req->method_name);
        if (t->add_prefix)
                buf_add_str(out, t->add_prefix);
        if (*path != '/' && !t->add_prefix)
                buf_add_char(out, '/');
        buf_add_str(out, path);
        if (*req->query)
                buf_printf(out, "?%s", req->query);
        return buf_add_lit(out, " HTTP/1.1\r\nHost: localhost\r\n");
}

int http_forward_headers_write(struct http_request *req, const struct http_forward_target *t,
                               const struct http_forward_headers *own, struct buf *out) {
        struct http_exchange *x = http_exchange_of(req);
        struct http_forward_headers_copy c = {.out = out,
                                              .connection = http_request_header(req, "Connection")};
        const char *host = http_request_header(req, "Host");
        int r = http_forward_headers_target(req, t, out);

        if (r < 0)
                return r;
        MHD_get_connection_values(x->conn->mhd, MHD_HEADER_KIND, http_forward_headers_copy_one, &c);
        if (x->body_expected == UINT64_MAX)
                buf_add_lit(out, "Transfer-Encoding: chunked\r\n");
        else if (x->body_expected > 0 || (req->method != HTTP_GET && req->method != HTTP_HEAD))
                buf_printf(out, "Content-Length: %" PRIu64 "\r\n", x->body_expected);
        /* Always there, so that the daemon behind can tell a client's request from our own. */
        buf_printf(out, "X-Forwarded-For: %s\r\n",
                   req->peer->kind == HTTP_PEER_TCP ? req->peer->address : "unix");
        if (host)
                buf_printf(out, "X-Forwarded-Host: %s\r\n", host);
        buf_add(out, own->text.data, own->text.len);
        return buf_add_lit(out, "\r\n");
}
