/* See admin_api.h. The paths are those of Go's net/http/pprof, so that what asks for them finds
 * something; the profiles themselves are Go's and have no counterpart here. */
#include "daemons/sqlproxy/admin_api.h"

#include <errno.h>
#include <malloc.h>

#include "daemons/sqlproxy/proxy.h"
#include "daemons/sqlproxy/worker.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"

/* Long enough for the answer to leave. */
#define QUIT_AFTER_FOR (20 * USEC_PER_MSEC)
#define CMDLINE_MAX ((size_t) 1 << 20)

static int on_quit(struct loop_source *s, usec_t now, void *ctx) {
        proxy_stop_begin(ctx, "/quitquitquit received request", 0);
        return 0;
}

int admin_api_quit(struct http_request *req) {
        struct proxy *p = req->ctx;
        int r;

        if (req->method != HTTP_GET && req->method != HTTP_POST)
                return http_request_reply_empty(req, 400);
        if (p->phase < PROXY_STOPPING) {
                r = loop_timer_in(p->loop, QUIT_AFTER_FOR, 0, on_quit, p, NULL);
                if (r < 0)
                        return r;
        }
        return http_request_reply_empty(req, 200);
}

int admin_api_index(struct http_request *req) {
        static const char page[] = "<html><head><title>/debug/pprof/</title></head><body>\n"
                                   "<p>onebox-sqlproxy</p>\n"
                                   "<p><a href=\"cmdline\">cmdline</a></p>\n"
                                   "<p><a href=\"heap\">heap</a></p>\n"
                                   "<p><a href=\"connections\">connections</a></p>\n"
                                   "</body></html>\n";

        return http_request_reply_static(req, 200, "text/html; charset=utf-8", page,
                                         sizeof page - 1);
}

int admin_api_cmdline(struct http_request *req) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = fileio_read("/proc/self/cmdline", CMDLINE_MAX, &text, &len);

        if (r < 0)
                return r;
        return http_request_reply(req, 200, "text/plain; charset=utf-8", text, len);
}

int admin_api_heap(struct http_request *req) {
        struct mallinfo2 m = mallinfo2();
        struct buf out = {};

        buf_printf(&out,
                   "in use: %zu bytes\nfree: %zu bytes\nfrom the kernel: %zu bytes\nmapped: %zu "
                   "bytes\n",
                   m.uordblks, m.fordblks, m.arena, m.hblkhd);
        return http_request_reply_buf(req, 200, "text/plain; charset=utf-8", &out);
}

int admin_api_connections(struct http_request *req) {
        const struct proxy *p = req->ctx;
        struct buf out = {};

        for (size_t i = 0; i < p->n_instances; i++) {
                const struct instance *in = p->instances[i];

                buf_printf(&out, "%s: %llu open, %llu dials, %llu failed, certificate %s\n",
                           in->name, (unsigned long long) atomic_load(&in->counters.n_open),
                           (unsigned long long) atomic_load(&in->counters.n_dials),
                           (unsigned long long) atomic_load(&in->counters.n_dial_failures),
                           state_table_name(&refresh_states, in->facts.state));
        }
        for (unsigned i = 0; i < p->dataplane->n_workers; i++)
                buf_printf(&out, "thread %u: %u connections\n", i,
                           atomic_load(&p->dataplane->workers[i].n_links));
        return http_request_reply_buf(req, 200, "text/plain; charset=utf-8", &out);
}
