/* What is decided of a request before its body: its length, its row, Host and Origin, its escapes,
 * and whatever the daemon's hook says. */
#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/net/http_exchange.h"
#include "lib/net/http_host.h"
#include "lib/net/http_target.h"

static void http_exchange_check_refuse(struct http_exchange *x, int status, const char *text) {
        if (http_request_reply_text(&x->req, status, text) < 0)
                http_exchange_cut(x);
}

/* Two lengths, or a length beside chunks, is how requests are smuggled past a front; of two Hosts
 * each side may believe another. */
struct http_exchange_check_counts {
        unsigned n_lengths, n_hosts;
};

static enum MHD_Result http_exchange_check_count(void *cls, enum MHD_ValueKind kind,
                                                 const char *key, const char *value) {
        struct http_exchange_check_counts *n = cls;

        n->n_lengths += str_eq_fold(key, "Content-Length") || str_eq_fold(key, "Transfer-Encoding");
        n->n_hosts += str_eq_fold(key, "Host");
        return MHD_YES;
}

/* 0, or -EINVAL when what the header says of host and body is not clear. */
static int http_exchange_check_length(struct http_exchange *x) {
        const char *length = http_request_header(&x->req, "Content-Length");
        const char *coding = http_request_header(&x->req, "Transfer-Encoding");
        struct http_exchange_check_counts n = {};

        MHD_get_connection_values(x->conn->mhd, MHD_HEADER_KIND, http_exchange_check_count, &n);
        if (n.n_lengths > 1 || n.n_hosts > 1)
                return -EINVAL;
        if (coding) {
                if (!str_eq_fold(coding, "chunked"))
                        return -EINVAL;
                x->body_expected = UINT64_MAX;
        } else if (length && str_to_u64(length, &x->body_expected) < 0) {
                return -EINVAL;
        }
        return 0;
}

static int http_exchange_check_params(struct http_exchange *x) {
        for (size_t i = 0; i < x->match.n_params; i++) {
                const char *value = x->match.params[i].value;
                size_t size = x->match.params[i].value_size;
                char *text = arena_alloc(&x->arena, size + 1);
                ssize_t n;

                if (!text)
                        return -ENOMEM;
                n = http_target_decode(text, value, size, false);
                if (n < 0)
                        return -EINVAL;
                x->match.params[i].value = text;
                x->match.params[i].value_size = (size_t) n;
        }
        return 0;
}

/* True when the path with single slashes, or one more at its end where ours has one, is one of
 * ours, and the client was sent there. */
static bool http_exchange_check_slashes(struct http_exchange *x, const char *path,
                                        const char *query) {
        char *merged = arena_alloc(&x->arena, strlen(path) + 2);
        const char *where;
        size_t n = 0;

        if (!merged)
                return false;
        for (const char *p = path; *p; p++)
                if (*p != '/' || p[1] != '/')
                        merged[n++] = *p;
        merged[n] = '\0';
        if (http_route_find(x->server->routes, x->req.method, merged, &x->match) == -ENOENT) {
                memcpy(merged + n, "/", 2);
                if (http_route_find(x->server->routes, x->req.method, merged, &x->match) < 0 ||
                    !str_ends(x->match.route->path, "/"))
                        return false;
        }
        where = *query ? arena_printf(&x->arena, "%s?%s", merged, query) : merged;
        return where && http_request_reply_redirect(&x->req, 308, where) >= 0;
}

/* Another method than those of the path. */
static void http_exchange_check_method(struct http_exchange *x, const char *path) {
        char allowed[96];

        http_route_allowed(x->server->routes, path, allowed, sizeof allowed);
        if (x->req.method == HTTP_OPTIONS && x->server->options.like_flask) {
                const char *all = arena_printf(&x->arena, "%s, OPTIONS", allowed);

                (void) http_request_set_header(&x->req, "Allow", all ? all : allowed);
                if (http_request_reply_empty(&x->req, 204) >= 0)
                        return;
        }
        (void) http_request_set_header(&x->req, "Allow", allowed);
        http_exchange_refuse(x, 405, "The method is not allowed for the requested URL.");
}

/* The target is not one of ours. */
static void http_exchange_check_lost(struct http_exchange *x) {
        const char *path = x->req.path;

        x->is_lost = false;
        x->req.route = NULL;
        if (x->lost == -ENOENT && x->server->options.like_flask &&
            http_exchange_check_slashes(x, path, x->req.query))
                return;
        if (x->lost == -EOPNOTSUPP)
                http_exchange_check_method(x, path);
        else
                http_exchange_refuse(
                        x, 404,
                        "The requested URL was not found on the server. If you entered "
                        "the URL manually please check your spelling and try again.");
}

/* Who may not be told what there is, is not told what there is not: before is asked as for the
 * path's row for GET, where it has one. */
static void http_exchange_check_lose(struct http_exchange *x, int r) {
        const struct http_route *row = x->server->options.unrouted;

        x->lost = r;
        if (!row) {
                http_exchange_check_lost(x);
                return;
        }
        if (http_route_find(x->server->routes, HTTP_GET, x->req.path, &x->match) < 0)
                x->match.route = row;
        x->match.n_params = 0;
        x->req.route = x->match.route;
        x->is_lost = true;
}

/* Replies when the target is not one of ours. */
static void http_exchange_check_route(struct http_exchange *x) {
        char *target = arena_strdup(&x->arena, x->req.target);
        bool like_flask = x->server->options.like_flask;
        char *path, *query;
        int r;

        if (!target || http_target_split(target, &path, &query) < 0) {
                http_exchange_refuse(x, 400, "The request target is malformed.");
                return;
        }
        while (like_flask && path[0] == '/' && path[1] == '/')
                path++;
        x->req.path = path;
        x->req.query = query;
        r = http_route_find(x->server->routes, x->req.method, path, &x->match);
        if (r < 0)
                http_exchange_check_lose(x, r);
        else
                x->req.route = x->match.route;
}

/* A connection through `ssh -L` to a Unix socket comes from a browser, too: all kinds are checked.
 */
static void http_exchange_check_host(struct http_exchange *x) {
        const struct http_listen_options *policy = http_listen_policy(x->conn->listener);
        const char *hosts = x->server->options.allowed_hosts;
        const char *host = http_request_header(&x->req, "Host");

        if (policy->no_host_check)
                return;
        if (!http_host_allowed(host, hosts))
                http_exchange_check_refuse(
                        x, 403, "Invalid Host header - possible DNS rebinding attack detected");
        else if (!(x->req.route && x->req.route->flags & HTTP_ANY_ORIGIN) &&
                 !http_host_origin_allowed(x->req.method, host,
                                           http_request_header(&x->req, "Origin"),
                                           http_request_header(&x->req, "Sec-Fetch-Site"), hosts))
                http_exchange_check_refuse(x, 403, "Cross-origin request blocked");
}

static int http_exchange_check_decode(struct http_exchange *x) {
        int r;

        if (x->match.route->flags & HTTP_KEEP_RAW)
                return 0;
        r = *x->req.query ? http_query_parse(x->req.query, &x->arena, &x->query, &x->n_query) : 0;
        return r < 0 ? r : http_exchange_check_params(x);
}

/* Identity and whatever else the daemon asks. */
static int http_exchange_check_before(struct http_exchange *x) {
        int r = x->server->options.before ? x->server->options.before(&x->req) : 0;

        assert(r != HTTP_SLOW || !x->req.may_block);
        assert(r <= 0 || r == HTTP_SLOW || atomic_load(&x->replied));
        return r;
}

static void http_exchange_check_over(struct loop_task *t) {
        struct http_exchange *x = container_of(t, struct http_exchange, check_task);

        x->is_checking = false;
        http_exchange_resume(x);
}

/* The connection is suspended until check_task has run: this thread alone has the request. */
void http_exchange_check_slowly(struct http_exchange *x, int worker) {
        x->req.may_block = true;
        x->check_result = http_exchange_check_before(x);
        x->check_task.run = http_exchange_check_over;
        loop_post_task(x->server->loop, &x->check_task);
}

static void http_exchange_check_later(struct http_exchange *x) {
        x->headers = NULL;
        if (http_worker_submit(x->server->check, x) >= 0) {
                x->state = HTTP_EXCHANGE_CHECKING;
                x->is_checking = true;
                return;
        }
        (void) http_request_set_header(&x->req, "Retry-After", "1");
        http_exchange_refuse(
                x, 503, "The server is busy: too many passwords wait to be checked. Try again.");
}

/* What before has said, and the last that can be said without the body. */
static void http_exchange_check_last(struct http_exchange *x, int r) {
        if (r < 0)
                http_exchange_fail(x, r);
        else if (!x->ready && x->is_lost)
                http_exchange_check_lost(x);
        else if (!x->ready && x->body_expected != UINT64_MAX &&
                 x->body_expected > http_exchange_body_max(x))
                http_exchange_body_refuse_size(x);
}

void http_exchange_check_end(struct http_exchange *x) {
        assert(x->state == HTTP_EXCHANGE_CHECKING && !x->is_checking);
        http_exchange_check_last(x, x->check_result);
}

/* All that can be said before the body. Afterwards either there is a reply or the row may have it.
 */
void http_exchange_check(struct http_exchange *x) {
        int r = http_exchange_check_length(x);

        if (r < 0) {
                x->body_expected = UINT64_MAX;
                http_exchange_refuse(
                        x, 400, "The request's Host, or the length of its body, is not clear.");
        }
        if (!x->ready)
                http_exchange_check_route(x);
        if (!x->ready)
                http_exchange_check_host(x);
        if (x->ready)
                return;
        r = http_exchange_check_decode(x);
        if (r == -EINVAL)
                http_exchange_refuse(x, 400, "The URL has a bad %-escape or is not UTF-8.");
        else if (r >= 0)
                r = http_exchange_check_before(x);
        if (r == HTTP_SLOW)
                http_exchange_check_later(x);
        else
                http_exchange_check_last(x, r);
}
