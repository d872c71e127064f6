/* Owns the server: its MHD daemon, listeners, connections and the turn of the loop.
 *
 * MHD runs without threads and without a listening socket of its own: we accept, so that one server
 * has many listeners, knows each peer and can close the longest idle connection when it is full.
 * MHD's epoll fd is one source of the loop; its resume signal is part of that fd. */
#include "lib/net/http_server.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/net/http_exchange.h"

#define HTTP_SERVER_MEMORY (32 * 1024) /* a connection's; also bounds the header */
#define HTTP_SERVER_ACCEPTS 32         /* connections taken in one turn */
#define HTTP_SERVER_RUNS 8             /* of MHD in one turn, while it has bytes to move */
#define HTTP_SERVER_SWEEP_FOR USEC_PER_SEC

usec_t http_server_now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / NSEC_PER_USEC;
}

/* --- accepting ------------------------------------------------------------------------------- */

static void http_server_set_accepting(struct http_server *s, bool on) {
        if (s->is_full == !on)
                return;
        s->is_full = !on;
        for (size_t i = 0; i < s->n_listeners; i++)
                if (s->listeners[i].io) /* else closed */
                        (void) loop_source_set_enabled(s->listeners[i].io, on);
}

static void http_server_on_conn(void *cls, struct MHD_Connection *mhd, void **ctx,
                                enum MHD_ConnectionNotificationCode what) {
        struct http_server *s = cls;
        struct http_conn *c = *ctx;

        if (what == MHD_CONNECTION_NOTIFY_STARTED) {
                int fd =
                        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
                struct http_conn **p = &s->adding;

                while (*p && (*p)->fd != fd)
                        p = &(*p)->next;
                assert(*p);
                c = *p;
                *p = c->next;
                c->mhd = mhd;
                *ctx = c;
                http_conn_idle(c);
        } else {
                *ctx = NULL;
                http_conn_free(c);
                if (!s->is_freeing)
                        http_server_set_accepting(s, true);
        }
}

static int http_server_arm_sweep(struct http_server *s) {
        if (s->sweep_armed || s->is_freeing)
                return 0;
        s->sweep_armed = true;
        return loop_source_arm_in(s->sweep, HTTP_SERVER_SWEEP_FOR);
}

static void http_server_add(struct http_server *s, struct http_listen *l, int fd,
                            const struct http_peer *peer) {
        static const struct sockaddr nowhere = {.sa_family = AF_UNIX};
        struct http_conn *c = mem_new(struct http_conn);

        if (!c) {
                close(fd);
                return;
        }
        *c = (struct http_conn){.server = s, .listener = l, .peer = *peer, .fd = fd};
        c->next = s->adding;
        s->adding = c;
        s->n_conns++;
        /* On failure MHD has closed the socket and announced nothing. */
        if (MHD_add_connection(s->mhd, fd, &nowhere, sizeof nowhere) != MHD_YES) {
                struct http_conn **p = &s->adding;

                while (*p && *p != c)
                        p = &(*p)->next;
                if (*p) {
                        *p = c->next;
                        s->n_conns--;
                        mem_free(c);
                }
        }
        http_server_arm_sweep(s);
}

static int http_server_on_accept(struct loop_source *io, int fd, uint32_t revents, void *ctx) {
        struct http_server *s = ctx;
        struct http_listen *l = NULL;

        for (size_t i = 0; i < s->n_listeners; i++)
                if (s->listeners[i].io == io)
                        l = s->listeners[i].listener;
        for (unsigned i = 0; i < HTTP_SERVER_ACCEPTS; i++) {
                struct http_peer peer;
                int r, conn_fd;

                if (s->n_conns >= s->options.n_connections) {
                        http_conn_evict(s);
                        http_server_set_accepting(s, false);
                        break;
                }
                r = http_listen_accept(l, &conn_fd, &peer);
                if (r == -EACCES)
                        continue;
                if (r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS) {
                        /* Out of descriptors or memory: the sweep tries again. */
                        http_conn_evict(s);
                        http_server_set_accepting(s, false);
                        http_server_arm_sweep(s);
                }
                if (r < 0)
                        break;
                http_server_add(s, l, conn_fd, &peer);
        }
        http_server_run_soon(s);
        return 0;
}

int http_server_listen(struct http_server *s, struct http_listen *l) {
        struct http_server_listener *grown =
                mem_realloc_array(s->listeners, s->n_listeners + 1, sizeof *grown);
        int r;

        if (!grown) {
                http_listen_free(l);
                return -ENOMEM;
        }
        s->listeners = grown;
        grown[s->n_listeners] = (struct http_server_listener){.listener = l};
        r = loop_io(s->loop, http_listen_fd(l), EPOLLIN, http_server_on_accept, s,
                    &grown[s->n_listeners].io);
        if (r < 0) {
                http_listen_free(l);
                return r;
        }
        s->n_listeners++;
        return 0;
}

/* Connections that are open refer to their listeners: these stay until MHD has stopped. */
static void http_server_close_listeners(struct http_server *s) {
        for (size_t i = 0; i < s->n_listeners; i++) {
                s->listeners[i].io = loop_source_free(s->listeners[i].io);
                http_listen_close(s->listeners[i].listener);
        }
}

static void http_server_free_listeners(struct http_server *s) {
        for (size_t i = 0; i < s->n_listeners; i++)
                http_listen_free(s->listeners[i].listener);
        mem_free(s->listeners);
}

/* --- the turn -------------------------------------------------------------------------------- */

/* The owner may free the server in drained(): nothing may follow. */
static void http_server_check_drained(struct http_server *s) {
        void (*drained)(void *ctx) = s->drained;

        if (!s->is_draining || s->n_active > 0 || !drained)
                return;
        s->drained = NULL;
        drained(s->drained_ctx);
}

/* Of MHD's timeouts only "at once" matters: the others are the sweep's. */
static bool http_server_has_more(struct http_server *s) {
        MHD_UNSIGNED_LONG_LONG timeout;

        return MHD_get_timeout(s->mhd, &timeout) == MHD_YES && timeout == 0;
}

static int http_server_run(struct http_server *s) {
        unsigned n = 0;

        do
                MHD_run(s->mhd);
        while (++n < HTTP_SERVER_RUNS && http_server_has_more(s));
        if (n == HTTP_SERVER_RUNS)
                http_server_run_soon(s);
        http_server_check_drained(s);
        return 0;
}

void http_server_run_soon(struct http_server *s) {
        if (!s->is_freeing)
                (void) loop_source_set_once(s->run_again);
}

static int http_server_on_mhd(struct loop_source *io, int fd, uint32_t revents, void *ctx) {
        return http_server_run(ctx);
}

static int http_server_on_again(struct loop_source *d, void *ctx) {
        return http_server_run(ctx);
}

static int http_server_on_sweep(struct loop_source *t, usec_t now, void *ctx) {
        struct http_server *s = ctx;

        s->sweep_armed = false;
        now = http_server_now();
        while (s->idle && now - s->idle->since_at >= s->options.idle_for)
                http_conn_cut(s->idle);
        http_exchange_sweep(s, now);
        for (struct http_conn *c = s->busy; c; c = c->next)
                if (http_conn_is_deserted(c) ||
                    (c->exchange && http_exchange_dribbles(c->exchange, now)))
                        shutdown(c->fd, SHUT_RDWR);
        for (struct http_conn *c = s->idle; c; c = c->next)
                if (http_conn_is_deserted(c))
                        shutdown(c->fd, SHUT_RDWR);
        http_server_set_accepting(s, s->n_conns < s->options.n_connections);
        /* Also lets MHD see its own timeouts. */
        http_server_run_soon(s);
        return s->n_conns > 0 ? http_server_arm_sweep(s) : 0;
}

int http_server_drain(struct http_server *s, void (*drained)(void *ctx), void *ctx) {
        http_server_close_listeners(s);
        s->is_draining = true;
        s->drained = drained;
        s->drained_ctx = ctx;
        for (struct http_conn *c = s->idle; c; c = c->next)
                shutdown(c->fd, SHUT_RDWR);
        http_exchange_sweep(s, http_server_now());
        http_server_run_soon(s);
        return 0;
}

/* --- making and freeing ---------------------------------------------------------------------- */

static void http_server_fill_options(struct http_server *s, const struct http_server_options *o) {
        s->options = *o;
        if (o->n_workers == 0)
                s->options.n_workers = 4;
        if (o->n_worker_queue == 0)
                s->options.n_worker_queue = 256;
        if (o->n_connections == 0)
                s->options.n_connections = 1024;
        if (o->max_body == 0)
                s->options.max_body = 1 << 20;
        if (o->idle_for == 0)
                s->options.idle_for = 75 * USEC_PER_SEC;
        if (o->stall_for == 0)
                s->options.stall_for = 60 * USEC_PER_SEC;
}

/* "/%41" is ours to decode, once and strictly. */
static size_t http_server_keep_escapes(void *cls, struct MHD_Connection *mhd, char *s) {
        return strlen(s);
}

static int http_server_start_mhd(struct http_server *s) {
        /* sendfile() knows no MSG_NOSIGNAL. */
        struct sigaction ignore = {.sa_handler = SIG_IGN};
        unsigned stall_s = (unsigned) (s->options.stall_for / USEC_PER_SEC);

        sigaction(SIGPIPE, &ignore, NULL);
        s->mhd = MHD_start_daemon(
                MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                http_exchange_on_request, s, MHD_OPTION_URI_LOG_CALLBACK, http_exchange_on_uri, s,
                MHD_OPTION_UNESCAPE_CALLBACK, http_server_keep_escapes, NULL,
                MHD_OPTION_NOTIFY_COMPLETED, http_exchange_on_completed, s,
                MHD_OPTION_NOTIFY_CONNECTION, http_server_on_conn, s,
                MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) HTTP_SERVER_MEMORY,
                MHD_OPTION_CONNECTION_LIMIT, s->options.n_connections + 16,
                MHD_OPTION_CONNECTION_TIMEOUT, stall_s > 0 ? stall_s : 1,
                MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
                MHD_OPTION_END);
        return s->mhd ? 0 : -ENOMEM;
}

static int http_server_start_sources(struct http_server *s) {
        int fd = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
        int r = loop_io(s->loop, fd, EPOLLIN, http_server_on_mhd, s, &s->mhd_io);

        if (r >= 0)
                r = loop_defer(s->loop, http_server_on_again, s, &s->run_again);
        if (r >= 0)
                r = loop_timer(s->loop, CLOCK_MONOTONIC, USEC_INFINITY, USEC_PER_SEC / 4,
                               http_server_on_sweep, s, &s->sweep);
        return r;
}

static int http_server_start_pool(struct http_server *s) {
        const struct http_worker_options slow = {
                .n_threads = 1,
                .n_queue = HTTP_SERVER_SLOW_MAX,
                .run = http_exchange_check_slowly,
        };
        const struct http_worker_options workers = {
                .n_threads = s->options.n_workers,
                .n_queue = s->options.n_worker_queue,
                .run = http_exchange_run,
                .rest = s->options.rest,
                .ctx = s->options.ctx,
                .quiet_for = HTTP_SERVER_QUIET_FOR,
        };
        int r = s->options.has_slow_before ? http_worker_new(&slow, &s->check) : 0;

        if (r < 0)
                return r;
        for (size_t i = 0; i < s->n_rows; i++)
                if (s->rows[i].flags & HTTP_WORKER)
                        return http_worker_new(&workers, &s->pool);
        return 0;
}

static int http_server_start_routes(struct http_server *s, struct errmsg *em) {
        const struct http_route *bad = NULL;
        int r = http_route_table_new(s->rows, s->n_rows, &s->routes, &bad);

        if (bad)
                errmsg_set(em, "route %s %s: %s", http_route_method_print(bad->method),
                           bad->path ?: "(none)",
                           r == -EEXIST ? "stands twice" : "is not a path of segments and {names}");
        return r;
}

int http_server_new(const struct http_server_options *o, const struct http_route *rows,
                    size_t n_rows, struct http_server **ret, struct errmsg *em) {
        _cleanup_(http_server_freep) struct http_server *s = mem_new(struct http_server);
        int r;

        if (!s)
                return -ENOMEM;
        http_server_fill_options(s, o);
        s->loop = o->loop;
        s->thread = pthread_self();
        s->idle_tail = &s->idle;
        s->rows = rows;
        s->n_rows = n_rows;
        if (o->allowed_hosts && !(s->allowed_hosts = mem_strdup(o->allowed_hosts)))
                return -ENOMEM;
        s->options.allowed_hosts = s->allowed_hosts;
        r = http_server_start_routes(s, em);
        if (r < 0)
                return r;
        r = http_metrics_init(&s->metrics, rows, n_rows);
        if (r >= 0)
                r = http_server_start_mhd(s);
        if (r >= 0)
                r = http_server_start_sources(s);
        if (r >= 0)
                r = http_server_start_pool(s);
        if (r < 0)
                return errmsg_errno(em, r, "cannot start the HTTP server");
        *ret = TAKE_PTR(s);
        return 0;
}

void http_server_trim(struct http_server *s) {
        struct http_exchange *x;

        while ((x = s->spare)) {
                s->spare = x->next;
                s->n_spare--;
                arena_done(&x->arena);
                mem_free(x);
        }
}

struct http_server *http_server_free(struct http_server *s) {
        struct http_exchange *x;

        if (!s)
                return NULL;
        s->is_freeing = true;
        http_server_close_listeners(s);
        http_worker_free(s->pool);
        http_worker_free(s->check);
        if (s->loop)
                loop_post_flush(s->loop);
        while ((x = s->suspended)) {
                x->is_abandoned = true;
                http_exchange_resume(x);
        }
        if (s->mhd) {
                /* MHD must have no connection suspended when it stops. */
                MHD_run(s->mhd);
                MHD_stop_daemon(s->mhd);
        }
        if (s->loop)
                loop_post_flush(s->loop);
        http_server_trim(s);
        loop_source_free(s->mhd_io);
        loop_source_free(s->run_again);
        loop_source_free(s->sweep);
        http_route_table_free(s->routes);
        http_metrics_done(&s->metrics);
        http_server_free_listeners(s);
        mem_free(s->allowed_hosts);
        return mem_free(s);
}

void http_server_stats(const struct http_server *s, struct http_server_stats *ret) {
        *ret = (struct http_server_stats){
                .n_connections = s->n_conns,
                .n_requests_active = s->n_active,
                .n_requests_total = s->n_requests,
                .n_streams = s->n_streams,
                .n_worker_queue = s->pool ? http_worker_queued(s->pool) : 0,
        };
}

int http_server_metrics(const struct http_server *s, struct buf *out) {
        struct http_server_stats n;

        http_server_stats(s, &n);
        buf_printf(out,
                   "# TYPE onebox_http_connections gauge\nonebox_http_connections %zu\n"
                   "# TYPE onebox_http_requests_active gauge\nonebox_http_requests_active %zu\n"
                   "# TYPE onebox_http_streams gauge\nonebox_http_streams %zu\n"
                   "# TYPE onebox_http_worker_queue gauge\nonebox_http_worker_queue %zu\n",
                   n.n_connections, n.n_requests_active, n.n_streams, n.n_worker_queue);
        return http_metrics_print(&s->metrics, out);
}
