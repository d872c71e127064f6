/* The server's connections: which list they are on, and how they end. */
#include "lib/net/http_conn.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/base/mem.h"
#include "lib/net/http_exchange.h"

static void http_conn_unlink(struct http_conn *c) {
        struct http_server *s = c->server;

        if (!c->prev)
                return;
        if (c->next)
                c->next->prev = c->prev;
        else if (c->is_idle)
                s->idle_tail = c->prev;
        *c->prev = c->next;
        c->prev = NULL;
}

void http_conn_busy(struct http_conn *c) {
        struct http_server *s = c->server;

        http_conn_unlink(c);
        c->is_idle = false;
        c->next = s->busy;
        c->prev = &s->busy;
        if (c->next)
                c->next->prev = &c->next;
        s->busy = c;
}

void http_conn_idle(struct http_conn *c) {
        struct http_server *s = c->server;

        http_conn_unlink(c);
        c->is_idle = true;
        c->since_at = http_server_now();
        c->next = NULL;
        c->prev = s->idle_tail;
        *s->idle_tail = c;
        s->idle_tail = &c->next;
        if (s->is_draining)
                shutdown(c->fd, SHUT_RDWR);
}

void http_conn_cut(struct http_conn *c) {
        http_conn_busy(c);
        shutdown(c->fd, SHUT_RDWR);
}

void http_conn_free(struct http_conn *c) {
        struct http_server *s = c->server;

        http_conn_unlink(c);
        if (c->exchange)
                http_exchange_free(c->exchange);
        s->n_conns--;
        mem_free(c);
}

static bool http_conn_has_unread(const struct http_conn *c) {
        int n = 0;

        return ioctl(c->fd, FIONREAD, &n) == 0 && n > 0;
}

void http_conn_evict(struct http_server *s) {
        usec_t now = http_server_now();

        for (struct http_conn *c = s->idle; c; c = c->next)
                if ((c->has_served || now - c->since_at > USEC_PER_SEC) &&
                    !http_conn_has_unread(c)) {
                        http_conn_cut(c);
                        return;
                }
}

bool http_conn_hung_up(const struct http_conn *c) {
        struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

        return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL));
}

bool http_conn_is_deserted(const struct http_conn *c) {
        const struct http_exchange *x = c->exchange;

        if (x &&
            (x->is_suspended || x->state == HTTP_EXCHANGE_HANDED || x->state == HTTP_EXCHANGE_DONE))
                return false;
        return http_conn_hung_up(c) && !http_conn_has_unread(c);
}
