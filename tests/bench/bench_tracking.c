/* bench_tracking: the load of bench_tracking.py: many clients on one tracking server.
 *
 * usage: bench_tracking PORT EXPERIMENT WHAT CLIENTS REQUESTS
 * WHAT: metric, run, batch, search, search:FILTER:ORDER, get. Each client is a thread with a
 * connection of its own; prints requests per second and the latency's median and 99th percentile in
 * milliseconds. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"

enum { CLIENTS_MAX = 256, BATCH = 1000, TRIES = 100 };

struct client {
        pthread_t thread;
        int fd, number;
        size_t n;
        double *took_ms;
        struct buf out, in;
        char run_id[33];
};

static const char *experiment, *what;
static uint16_t port;

static double now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static void die(const char *why) {
        fprintf(stderr, "bench_tracking: %s\n", why);
        exit(1);
}

static int dial(void) {
        const struct sockaddr_in a = {.sin_family = AF_INET,
                                      .sin_port = htons(port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

        if (fd < 0 || connect(fd, (const struct sockaddr *) &a, sizeof(a)) < 0)
                die("cannot connect");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return fd;
}

/* Bytes of the whole answer in c->in, 0 when it is not all there. */
static size_t complete(const struct client *c) {
        const char *end = c->in.len ? strstr(c->in.data, "\r\n\r\n") : NULL, *length;

        if (!end)
                return 0;
        length = strcasestr(c->in.data, "content-length:");
        if (!length || length > end)
                die("an answer without a length");
        end += 4;
        return c->in.len >= (size_t) (end - c->in.data) + strtoul(length + 15, NULL, 10) ? c->in.len
                                                                                         : 0;
}

/* False: the server closed the connection first. */
static bool exchange(struct client *c) {
        char chunk[65536];
        ssize_t n;

        buf_reset(&c->in);
        for (size_t at = 0; at < c->out.len; at += (size_t) n) {
                n = send(c->fd, c->out.data + at, c->out.len - at, MSG_NOSIGNAL);
                if (n <= 0)
                        return false;
        }
        while (!complete(c)) {
                n = read(c->fd, chunk, sizeof(chunk));
                if (n <= 0)
                        return false;
                buf_add(&c->in, chunk, (size_t) n);
        }
        return true;
}

/* A closed connection is opened again, as every client does: uvicorn ends its workers under load.
 */
static void call(struct client *c, const char *method, const char *path, const struct buf *body) {
        char head[512];

        buf_reset(&c->out);
        snprintf(head, sizeof(head),
                 "%s /api/2.0/mlflow/%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                 "application/json\r\nContent-Length: %zu\r\n\r\n",
                 method, path, body ? body->len : 0);
        buf_add_str(&c->out, head);
        if (body)
                buf_add(&c->out, body->data, body->len);
        for (int tries = 0; !exchange(c); tries++) {
                if (tries == TRIES)
                        die("the server closed without an answer");
                close(c->fd);
                c->fd = dial();
        }
        if (strncmp(c->in.data, "HTTP/1.1 200", 12))
                die(c->in.data);
}

static void create_run(struct client *c, size_t i) {
        _cleanup_buf_ struct buf body = {};
        const char *id;

        buf_printf(&body,
                   "{\"experiment_id\": \"%s\", \"start_time\": %zu, \"tags\": [{\"key\": "
                   "\"mlflow.user\", \"value\": \"bench\"}]}",
                   experiment, i);
        call(c, "POST", "runs/create", &body);
        id = strstr(c->in.data, "\"run_id\": \"");
        if (!id)
                die("no run id");
        memcpy(c->run_id, id + 11, 32);
}

static void log_metric(struct client *c, size_t i) {
        _cleanup_buf_ struct buf body = {};

        buf_printf(&body,
                   "{\"run_id\": \"%s\", \"key\": \"loss\", \"value\": %g, \"timestamp\": %zu, "
                   "\"step\": %zu}",
                   c->run_id, 1.0 / (double) (i + 1), i, i);
        call(c, "POST", "runs/log-metric", &body);
}

static void log_batch(struct client *c, size_t i) {
        _cleanup_buf_ struct buf body = {};

        buf_printf(&body, "{\"run_id\": \"%s\", \"metrics\": [", c->run_id);
        for (size_t k = 0; k < BATCH; k++)
                buf_printf(
                        &body,
                        "%s{\"key\": \"m%zu\", \"value\": %g, \"timestamp\": %zu, \"step\": %zu}",
                        k ? ", " : "", k % 10, 1.0 / (double) (k + 1), i, i * BATCH + k);
        buf_add_str(&body, "]}");
        call(c, "POST", "runs/log-batch", &body);
}

/* "search", or "search:FILTER:ORDER" of which either may be empty; # in them is a digit that
 * changes from one request to the next. */
static void search(struct client *c, size_t i) {
        const char *filter = "metrics.acc > 0.5 AND params.lr = '#'", *order = "metrics.acc DESC";
        _cleanup_buf_ struct buf body = {};
        char *colon, *asked = strdup(what);

        if (!asked)
                die("no memory");
        if ((colon = strchr(asked, ':'))) {
                filter = colon + 1;
                colon = strchr(filter, ':');
                if (!colon)
                        die("search:FILTER:ORDER");
                *colon = '\0';
                order = colon + 1;
        }
        buf_printf(&body, "{\"experiment_ids\": [\"%s\"], \"filter\": \"", experiment);
        for (; *filter; filter++)
                buf_add_char(&body, *filter == '#' ? (char) ('0' + i % 10) : *filter);
        buf_printf(&body, "\", \"order_by\": [%s%s%s], \"max_results\": 100}", *order ? "\"" : "",
                   order, *order ? "\"" : "");
        free(asked);
        call(c, "POST", "runs/search", &body);
}

static void get_run(struct client *c, size_t i) {
        char path[64];

        snprintf(path, sizeof(path), "runs/get?run_id=%s", c->run_id);
        call(c, "GET", path, NULL);
}

static void *run(void *arg) {
        static const struct {
                const char *name;
                void (*call)(struct client *c, size_t i);
        } calls[] = {{"metric", log_metric},
                     {"run", create_run},
                     {"batch", log_batch},
                     {"search", search},
                     {"get", get_run}};
        struct client *c = arg;

        for (size_t k = 0; k < ARRAY_SIZE(calls); k++) {
                if (strncmp(calls[k].name, what, strcspn(what, ":")))
                        continue;
                for (size_t i = 0; i < c->n; i++) {
                        double start = now_ms();

                        calls[k].call(c, i);
                        c->took_ms[i] = now_ms() - start;
                }
                return NULL;
        }
        die("no such load");
        return NULL;
}

static int by_time(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

int main(int argc, char **argv) {
        static struct client clients[CLIENTS_MAX];
        size_t n_clients, n_each;
        double *took, start, end;

        if (argc != 6)
                die("usage: bench_tracking PORT EXPERIMENT WHAT CLIENTS REQUESTS");
        port = (uint16_t) atoi(argv[1]);
        experiment = argv[2];
        what = argv[3];
        n_clients = (size_t) atoi(argv[4]);
        if (n_clients < 1 || n_clients > CLIENTS_MAX)
                die("from 1 to 256 clients");
        n_each = ((size_t) atoi(argv[5]) + n_clients - 1) / n_clients;
        took = calloc(n_clients * n_each, sizeof(*took));
        if (!took)
                die("no memory");
        for (size_t i = 0; i < n_clients; i++) {
                struct client *c = &clients[i];

                c->fd = dial();
                c->n = n_each;
                c->took_ms = took + i * n_each;
                if (strncmp(what, "search", 6))
                        create_run(c, i);
        }
        start = now_ms();
        for (size_t i = 0; i < n_clients; i++)
                if (pthread_create(&clients[i].thread, NULL, run, &clients[i]))
                        die("no thread");
        for (size_t i = 0; i < n_clients; i++)
                pthread_join(clients[i].thread, NULL);
        end = now_ms();
        qsort(took, n_clients * n_each, sizeof(*took), by_time);
        printf("%.1f %.3f %.3f\n", (double) (n_clients * n_each) / (end - start) * 1e3,
               took[n_clients * n_each / 2], took[n_clients * n_each * 99 / 100]);
        free(took);
        return 0;
}
