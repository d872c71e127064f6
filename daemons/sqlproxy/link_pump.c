/* Owns the bytes of an open link, both ways, and its two ends.
 *
 * Reads go to the worker's scratch. What comes from the client is encrypted and sent at once; when
 * the instance's socket is full its records wait inside the TLS connection and the client is not
 * read. What a full client socket does not take waits in `rest`, and the instance is not read. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "daemons/sqlproxy/link.h"
#include "daemons/sqlproxy/proxy_log.h"
#include "daemons/sqlproxy/worker.h"
#include "lib/base/mem.h"

/* Reads of one link before others have their turn. */
#define TURNS_MAX 8

static const char *name_of(const struct link *l) {
        return l->mount->instance->name;
}

/* Says once who ended the connection. */
static void tell_end(struct link *l, const char *who) {
        if (!l->end_is_told)
                proxy_log_info("[%s] %s closed the connection", name_of(l), who);
        l->end_is_told = true;
}

static void abort_link(struct link *l, const char *doing, int r, const char *text) {
        const struct linger reset = {.l_onoff = 1};

        if (!l->end_is_told)
                proxy_log_error("[%s] connection aborted - error %s: %s", name_of(l), doing,
                                text ?: errmsg_strerror(r));
        l->end_is_told = true;
        /* What was cut off shall not look whole. */
        (void) setsockopt(l->client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        link_close(l);
}

/* What is small may be a login. */
static void forget(char *data, size_t len) {
        if (len <= LINK_REPLAY_MAX)
                mem_free_secret(data, len);
        else
                mem_free(data);
}

void link_pump_drop(struct link_rest *rest) {
        if (rest->data)
                forget(rest->data, rest->len);
        rest->data = NULL;
        rest->len = rest->at = 0;
}

static int keep_rest(struct link_rest *rest, const char *data, size_t size) {
        char *grown = mem_alloc(rest->len + size);

        if (!grown)
                return -ENOMEM;
        if (rest->data) {
                memcpy(grown, rest->data, rest->len);
                forget(rest->data, rest->len);
        }
        memcpy(grown + rest->len, data, size);
        rest->data = grown;
        rest->len += size;
        return 0;
}

/* --- to the instance ------------------------------------------------------------------------- */

/* Remembers what the client said in case it has to be said again. */
static void remember(struct link *l, const char *data, size_t size) {
        if (l->has_spoken || l->was_retried)
                return;
        if (l->replay.len + size > LINK_REPLAY_MAX || keep_rest(&l->replay, data, size) < 0) {
                link_pump_drop(&l->replay);
                l->was_retried = true;
        }
}

/* At the first bytes: by which way the client came. */
static int say_mdx(struct link *l) {
        uint8_t request[MDX_REQUEST_SIZE];
        ssize_t n;

        if (l->has_mdx_sent || !l->identity->wants_mdx)
                return 0;
        l->has_mdx_sent = true;
        mdx_request(l->mount->is_unix ? MDX_UNIX : MDX_TCP, request);
        n = tls_mutual_conn_write(l->tls, request, sizeof request);
        return n < 0 ? (int) n : 0;
}

static int say_to_instance(struct link *l, const char *data, size_t size) {
        ssize_t n;
        int r = say_mdx(l);

        if (r < 0)
                return r;
        /* The request fits into any socket's buffer; if it did not, the bytes go behind it. */
        while (size > 0) {
                n = tls_mutual_conn_write(l->tls, data, size);
                if (n < 0)
                        return (int) n;
                data += n;
                size -= (size_t) n;
                atomic_fetch_add_explicit(&l->mount->instance->counters.n_sent,
                                          (unsigned long long) n, memory_order_relaxed);
        }
        return 0;
}

static int end_to_instance(struct link *l) {
        int r = tls_mutual_conn_end(l->tls);

        if (r >= 0 && tls_mutual_conn_unsent(l->tls) == 0)
                (void) shutdown(l->server.fd, SHUT_WR);
        return r;
}

static void read_instance(struct link *l);

/* The instance takes nothing more: what it said before is still the client's. */
static void instance_refuses(struct link *l, int r) {
        l->client_ended = true;
        worker_ask(l->worker, &l->client, 0);
        tls_mutual_conn_ready(l->tls);
        read_instance(l);
        if (l->state == LINK_OPEN && !l->server_ended)
                abort_link(l, "writing to instance", r, NULL);
}

static void client_end(struct link *l) {
        int r;

        l->client_ended = true;
        tell_end(l, "client");
        r = end_to_instance(l);
        if (r < 0)
                abort_link(l, "writing to instance", r, NULL);
}

static void read_client(struct link *l) {
        char *scratch = l->worker->scratch + WORKER_SCRATCH_HEAD;
        ssize_t n;
        int r;

        for (int turns = 0; turns < TURNS_MAX; turns++) {
                n = recv(l->client.fd, scratch, WORKER_SCRATCH, 0);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n < 0)
                        return abort_link(l, "reading from client", -errno, NULL);
                if (n == 0)
                        return client_end(l);
                remember(l, scratch, (size_t) n);
                r = say_to_instance(l, scratch, (size_t) n);
                if (r < 0)
                        return instance_refuses(l, r);
                if ((size_t) n < WORKER_SCRATCH || tls_mutual_conn_unsent(l->tls) > 0)
                        return;
        }
}

/* --- to the client --------------------------------------------------------------------------- */

static int say_to_client(struct link *l, const char *data, size_t size) {
        ssize_t n = 0;

        if (!l->rest.data) {
                do
                        n = send(l->client.fd, data, size, MSG_NOSIGNAL);
                while (n < 0 && errno == EINTR);
                if (n < 0 && errno != EAGAIN)
                        return -errno;
                n = MAX(n, (ssize_t) 0);
        }
        return (size_t) n < size ? keep_rest(&l->rest, data + n, size - (size_t) n) : 0;
}

static int flush_client(struct link *l) {
        ssize_t n;

        if (!l->rest.data)
                return 0;
        n = send(l->client.fd, l->rest.data + l->rest.at, l->rest.len - l->rest.at, MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        l->rest.at += (size_t) n;
        if (l->rest.at == l->rest.len)
                link_pump_drop(&l->rest);
        if (!l->rest.data && l->server_ended)
                (void) shutdown(l->client.fd, SHUT_WR);
        return 0;
}

/* Takes the instance's own message out of the first bytes: what is left begins at *data. */
static int filter_mdx(struct link *l, char **data, size_t *size) {
        size_t taken, held;
        int r;

        if (!l->identity->wants_mdx || l->mdx.is_done)
                return 0;
        r = mdx_filter_feed(&l->mdx, (const uint8_t *) *data, *size, &taken, &held);
        if (r < 0)
                return r;
        *data += taken;
        *size -= taken;
        if (held > 0) {
                *data -= held;
                memcpy(*data, MDX_MAGIC, held);
                *size += held;
        }
        return 0;
}

static void client_hears(struct link *l, char *data, size_t size) {
        int r;

        atomic_fetch_add_explicit(&l->mount->instance->counters.n_received, size,
                                  memory_order_relaxed);
        r = filter_mdx(l, &data, &size);
        if (r < 0)
                return abort_link(l, "reading from instance", r,
                                  "MDX Read Format: Response too long");
        l->has_spoken = true;
        if (l->replay.data)
                link_pump_drop(&l->replay);
        if (size == 0)
                return;
        r = say_to_client(l, data, size);
        if (r < 0)
                abort_link(l, "writing to client", r, NULL);
}

static void instance_end(struct link *l) {
        size_t held = mdx_filter_end(&l->mdx);

        l->server_ended = true;
        tell_end(l, "instance");
        if (held > 0 && say_to_client(l, MDX_MAGIC, held) < 0)
                return link_close(l);
        if (!l->rest.data)
                (void) shutdown(l->client.fd, SHUT_WR);
}

static void instance_breaks(struct link *l, int r) {
        int alert = tls_mutual_conn_alert(l->tls);
        bool may_again = r == -ECONNRESET || tls_mutual_alert_is_certificate(alert);
        struct errmsg em = {};

        if (alert >= 0)
                errmsg_set(&em, "remote error: tls: %s", tls_mutual_alert_text(alert));
        else
                errmsg_set(&em, "%s", r == -ECONNRESET ? "unexpected EOF" : errmsg_strerror(r));
        if (!l->has_spoken)
                instance_report(l->mount->instance, r, &em, NULL, 0);
        if (may_again && link_dial_again(l, r, &em))
                return;
        abort_link(l, "reading from instance", r, em.text);
}

static void read_instance(struct link *l) {
        char *scratch = l->worker->scratch + WORKER_SCRATCH_HEAD;
        ssize_t n;

        for (int turns = 0; turns < TURNS_MAX; turns++) {
                n = tls_mutual_conn_read(l->tls, scratch, WORKER_SCRATCH);
                if (n == -EAGAIN)
                        return;
                if (n < 0)
                        return instance_breaks(l, (int) n);
                if (n == 0)
                        return instance_end(l);
                client_hears(l, scratch, (size_t) n);
                if (l->state != LINK_OPEN || l->rest.data)
                        return;
        }
        /* There may be more inside TLS, of which epoll does not know. */
        worker_again(l->worker, l);
}

/* --- both ------------------------------------------------------------------------------------ */

/* After every step: is it over, and what is waited for? */
static void settle(struct link *l) {
        uint32_t client = 0, server = 0;
        bool is_unsent;
        int r;

        if (l->state != LINK_OPEN)
                return;
        is_unsent = tls_mutual_conn_unsent(l->tls) > 0;
        if (l->client_ended && !is_unsent && !l->rest.data &&
            (l->server_ended || l->client.is_hung_up))
                return link_close(l);
        if (!l->client_ended && !is_unsent)
                client |= EPOLLIN;
        if (l->rest.data)
                client |= EPOLLOUT;
        if (!l->server_ended && !l->rest.data)
                server |= EPOLLIN;
        if (is_unsent)
                server |= EPOLLOUT;
        r = worker_ask(l->worker, &l->client, client);
        if (r >= 0)
                r = worker_ask(l->worker, &l->server, server);
        if (r < 0)
                abort_link(l, "waiting", r, NULL);
}

void link_pump_start(struct link *l) {
        int r = 0;

        if (l->replay.len > 0)
                r = say_to_instance(l, l->replay.data, l->replay.len);
        if (r >= 0 && l->client_ended)
                r = end_to_instance(l);
        if (r < 0)
                return abort_link(l, "writing to instance", r, NULL);
        /* The handshake's last bytes may have brought the instance's first. */
        read_instance(l);
        settle(l);
}

void link_pump_client(struct link *l, uint32_t revents) {
        int r;

        if (revents & (EPOLLHUP | EPOLLERR))
                l->client.is_hung_up = true;
        if (revents & EPOLLOUT) {
                r = flush_client(l);
                if (r < 0)
                        return abort_link(l, "writing to client", r, NULL);
                /* What TLS holds already is not seen by epoll. */
                if (!l->rest.data && !l->server_ended)
                        worker_again(l->worker, l);
        }
        if (!l->client_ended && tls_mutual_conn_unsent(l->tls) == 0)
                read_client(l);
        settle(l);
}

void link_pump_server(struct link *l, uint32_t revents) {
        int r;

        if (revents & EPOLLOUT) {
                r = tls_mutual_conn_flush(l->tls);
                if (r < 0 && r != -EAGAIN)
                        return instance_refuses(l, r);
                if (r == 0 && l->client_ended)
                        (void) shutdown(l->server.fd, SHUT_WR);
        }
        if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                tls_mutual_conn_ready(l->tls);
        if (!l->server_ended && !l->rest.data && revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                read_instance(l);
        settle(l);
}

void link_pump_more(struct link *l) {
        if (!l->server_ended && !l->rest.data)
                read_instance(l);
        settle(l);
}
