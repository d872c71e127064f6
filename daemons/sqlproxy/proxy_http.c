/* Owns the two HTTP servers: health and metrics at --http-address, and the admin's on localhost.
 * Their rows are those of proxy_routes.def that the flags turn on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/sqlproxy/admin_api.h"
#include "daemons/sqlproxy/counters_api.h"
#include "daemons/sqlproxy/health_api.h"
#include "daemons/sqlproxy/proxy.h"
#include "daemons/sqlproxy/proxy_log.h"
#include "lib/base/str.h"

#define ADDRESS_MAX 300

static const struct {
        size_t flag; /* offset of its switch */
        bool is_admin;
        struct http_route route;
} rows[] = {
#define IS_ADMIN_health_check false
#define IS_ADMIN_prometheus false
#define IS_ADMIN_quitquitquit true
#define IS_ADMIN_debug true
#define ROUTE(flag, method, path, handler, what)        \
        {offsetof(struct flags, flag), IS_ADMIN_##flag, \
         HTTP_ROUTE((method), (path), (handler), 0, HTTP_INLINE)},
#include "daemons/sqlproxy/proxy_routes.def"
#undef ROUTE
};

/* One process, one proxy. */
static struct http_route routes[2][ARRAY_SIZE(rows)];

static size_t choose_rows(const struct flags *f, bool is_admin) {
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].is_admin == is_admin &&
                    *(const bool *) ((const char *) f + rows[i].flag))
                        routes[is_admin][n++] = rows[i].route;
        return n;
}

static const char *format_error(struct http_request *req, int status, const char *message,
                                struct buf *out) {
        buf_add_str(out, status == 404 ? "404 page not found" : message);
        buf_add_char(out, '\n');
        return "text/plain; charset=utf-8";
}

static void print_address(const char *host, const char *port, char text[ADDRESS_MAX]) {
        bool is_v6 = strchr(host, ':') != NULL;

        /* As Go reads ":9090". */
        if (!*host)
                host = "0.0.0.0";
        snprintf(text, ADDRESS_MAX, is_v6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int open_server(struct proxy *p, bool is_admin, size_t n_rows, const char *host,
                       const char *port, struct http_server **ret, struct errmsg *em) {
        struct http_server_options o = {
                .loop = p->loop, .ctx = p, .error_format = format_error, .n_workers = 1};
        struct http_listen_options lo = {.allow_remote = true, .no_host_check = true};
        struct http_listen *listener = NULL;
        char address[ADDRESS_MAX];
        int r;

        print_address(host, port, address);
        r = http_listen_open(address, &lo, &listener, em);
        if (r >= 0)
                r = http_server_new(&o, routes[is_admin], n_rows, ret, em);
        if (r >= 0)
                r = http_server_listen(*ret, TAKE_PTR(listener));
        http_listen_free(listener);
        if (r < 0)
                errmsg_prefix(em, "failed to start HTTP server");
        return r;
}

int proxy_http_init(struct proxy *p, struct errmsg *em) {
        const struct flags *f = &p->flags;
        size_t n = choose_rows(f, false);
        int r = 0;

        if (f->is_set[FLAGS_http_port] && n == 0)
                proxy_log_info(
                        "Ignoring --http-port because --prometheus or --health-check was not "
                        "set");
        if (f->health_check)
                proxy_log_info("Starting health check server at %s:%s", f->http_address,
                               f->http_port);
        if (n > 0)
                r = open_server(p, false, n, f->http_address, f->http_port, &p->health, em);
        n = choose_rows(f, true);
        if (f->quitquitquit)
                proxy_log_info("Enabling quitquitquit endpoint at localhost:%s", f->admin_port);
        if (f->debug)
                proxy_log_info("Enabling pprof endpoints at localhost:%s", f->admin_port);
        if (r >= 0 && n > 0)
                r = open_server(p, true, n, "localhost", f->admin_port, &p->admin, em);
        return r;
}

void proxy_http_done(struct proxy *p) {
        p->health = http_server_free(p->health);
        p->admin = http_server_free(p->admin);
}
