/* Owns the connections to a daemon behind a Unix socket. */
#include "lib/net/http_upstream.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Well below what a server of ours leaves open. */
#define HTTP_UPSTREAM_IDLE_FOR (20 * USEC_PER_SEC)

int http_upstream_init(struct http_upstream *u, struct loop *l, const char *path, unsigned n_idle) {
        *u = (struct http_upstream){.loop = l, .n_idle_max = n_idle, .path = mem_strdup(path)};
        return u->path ? 0 : -ENOMEM;
}

static void http_upstream_close(struct http_upstream_conn *c) {
        loop_source_free(c->io);
        fileio_close(c->fd);
        mem_free(c);
}

static struct http_upstream_conn *http_upstream_pop(struct http_upstream *u) {
        struct http_upstream_conn *c = u->idle;

        if (c) {
                u->idle = c->next;
                u->n_idle--;
        }
        return c;
}

void http_upstream_done(struct http_upstream *u) {
        struct http_upstream_conn *c;

        while ((c = http_upstream_pop(u)))
                http_upstream_close(c);
        u->path = mem_free(u->path);
}

static int http_upstream_connect(const char *path) {
        _cleanup_close_ int fd = -1;
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        int r = str_copy(a.sun_path, sizeof a.sun_path, path);

        if (r >= 0)
                r = fault_at(FAULT_CONNECT);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &a, sizeof a) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* Nothing may come on an idle connection but its end. */
static bool http_upstream_is_alive(const struct http_upstream *u,
                                   const struct http_upstream_conn *c) {
        char byte;

        return loop_now(u->loop, CLOCK_MONOTONIC) - c->since_at < HTTP_UPSTREAM_IDLE_FOR &&
               recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

int http_upstream_get(struct http_upstream *u, bool may_reuse, loop_io_fn *fn, void *ctx,
                      struct http_upstream_conn **ret) {
        struct http_upstream_conn *c = NULL;
        int r;

        while (may_reuse && (c = http_upstream_pop(u))) {
                c->is_reused = true;
                if (http_upstream_is_alive(u, c))
                        break;
                http_upstream_close(c);
        }
        if (!c) {
                c = mem_new(struct http_upstream_conn);
                if (!c)
                        return -ENOMEM;
                c->fd = http_upstream_connect(u->path);
                if (c->fd < 0) {
                        r = c->fd;
                        mem_free(c);
                        return r;
                }
        }
        loop_source_free(c->io);
        c->io = NULL;
        c->events = 0;
        r = loop_io(u->loop, c->fd, EPOLLIN, fn, ctx, &c->io);
        if (r >= 0)
                r = loop_source_set_enabled(c->io, false);
        if (r < 0) {
                http_upstream_close(c);
                return r;
        }
        *ret = c;
        return 0;
}

int http_upstream_ask(struct http_upstream_conn *c, uint32_t events) {
        int r;

        if (c->events == events)
                return 0;
        c->events = events;
        /* Switched off, not asked for nothing: epoll tells of a hang-up in any case. */
        if (events == 0)
                return loop_source_set_enabled(c->io, false);
        r = loop_source_set_events(c->io, events);
        return r < 0 ? r : loop_source_set_enabled(c->io, true);
}

void http_upstream_put(struct http_upstream *u, struct http_upstream_conn *c, bool is_good) {
        if (!c)
                return;
        if (!is_good || u->n_idle >= u->n_idle_max) {
                http_upstream_close(c);
                return;
        }
        /* Its end is noticed when it is taken out again. */
        c->io = loop_source_free(c->io);
        c->since_at = loop_now(u->loop, CLOCK_MONOTONIC);
        c->next = u->idle;
        u->idle = c;
        u->n_idle++;
}
