/* bench_sqlproxy: both ends of the load of bench_sqlproxy.py.
 *
 * usage: bench_sqlproxy serve PATH            answers on a Unix socket: 8 bytes ask for that many;
 *                                             with the top bit set they announce that many
 *        bench_sqlproxy relay IP PORT AT CRT CA   from AT:PORT through TLS to IP:3307: see
 *                                             bench_sqlproxy_relay.h
 *        bench_sqlproxy pull|push IP PORT BYTES CONNECTIONS
 *        bench_sqlproxy ask IP PORT TIMES CONNECTIONS      64 bytes for 8, one after the other
 *        bench_sqlproxy connect IP PORT TIMES CONNECTIONS  a new connection for each question
 *        bench_sqlproxy idle IP PORT CONNECTIONS           says "open", holds them until stdin ends
 * Prints seconds, and for ask and connect the median's microseconds. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench_sqlproxy_relay.h"

#define TAKE_BIT (UINT64_C(1) << 63)

enum { CHUNK = 256 * 1024, CONNECTIONS_MAX = 4096, ANSWER = 64, TLS_PORT = 3307 };

struct client {
        pthread_t thread;
        uint64_t n;
        double *took_us;
};

static struct sockaddr_in where;
static const char *what;
static char zeros[CHUNK];

static double now_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static void die(const char *why) {
        fprintf(stderr, "bench_sqlproxy: %s: %s: %s\n", what, why, strerror(errno));
        exit(1);
}

static int send_n(int fd, uint64_t n) {
        while (n > 0) {
                ssize_t k = send(fd, zeros, n < CHUNK ? n : CHUNK, MSG_NOSIGNAL);

                if (k <= 0)
                        return -1;
                n -= (uint64_t) k;
        }
        return 0;
}

static int take_n(int fd, uint64_t n, char *buf) {
        while (n > 0) {
                ssize_t k = recv(fd, buf, n < CHUNK ? n : CHUNK, 0);

                if (k <= 0)
                        return -1;
                n -= (uint64_t) k;
        }
        return 0;
}

/* --- the server ------------------------------------------------------------------------------ */

static void *serve_one(void *arg) {
        int fd = (int) (intptr_t) arg;
        char *buf = malloc(CHUNK);
        uint64_t ask;

        while (buf && recv(fd, &ask, sizeof(ask), MSG_WAITALL) == sizeof(ask)) {
                ask = be64toh(ask);
                if ((ask & TAKE_BIT) && take_n(fd, ask & ~TAKE_BIT, buf) < 0)
                        break;
                if (send_n(fd, (ask & TAKE_BIT) ? 1 : ask) < 0)
                        break;
        }
        free(buf);
        close(fd);
        return NULL;
}

static _Noreturn void serve(const char *path) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        pthread_attr_t attr;

        snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
        if (fd < 0 || bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0 || listen(fd, 4096) < 0)
                die(path);
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 64 * 1024);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        puts("listening");
        fflush(stdout);
        for (;;) {
                int c = accept(fd, NULL, NULL);
                pthread_t t;

                if (c < 0 || pthread_create(&t, &attr, serve_one, (void *) (intptr_t) c) != 0)
                        die("accept");
        }
}

/* --- the clients ----------------------------------------------------------------------------- */

static int dial(void) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

        if (fd < 0 || connect(fd, (const struct sockaddr *) &where, sizeof(where)) < 0)
                die("cannot connect");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return fd;
}

static void question(int fd, uint64_t n) {
        n = htobe64(n);
        if (send(fd, &n, sizeof(n), MSG_NOSIGNAL) != sizeof(n))
                die("cannot ask");
}

static void *bulk(void *arg) {
        const struct client *c = arg;
        bool push = strcmp(what, "push") == 0;
        char *buf = malloc(CHUNK);
        int fd = dial();

        if (!buf)
                die("memory");
        question(fd, push ? c->n | TAKE_BIT : c->n);
        if ((push && send_n(fd, c->n) < 0) || take_n(fd, push ? 1 : c->n, buf) < 0)
                die("cut off");
        close(fd);
        free(buf);
        return NULL;
}

static void *small(void *arg) {
        const struct client *c = arg;
        bool anew = strcmp(what, "connect") == 0;
        char buf[ANSWER];
        int fd = -1;

        for (uint64_t i = 0; i < c->n; i++) {
                double began = now_us();

                if (fd < 0)
                        fd = dial();
                question(fd, ANSWER);
                if (recv(fd, buf, ANSWER, MSG_WAITALL) != ANSWER)
                        die("cut off");
                if (anew) {
                        close(fd);
                        fd = -1;
                }
                c->took_us[i] = now_us() - began;
        }
        if (fd >= 0)
                close(fd);
        return NULL;
}

static int idle(size_t n) {
        static int fds[CONNECTIONS_MAX];
        char buf[ANSWER];

        for (size_t i = 0; i < n; i++) {
                fds[i] = dial();
                question(fds[i], ANSWER);
                if (recv(fds[i], buf, ANSWER, MSG_WAITALL) != ANSWER)
                        die("cut off");
        }
        puts("open");
        fflush(stdout);
        while (getchar() != EOF)
                ;
        for (size_t i = 0; i < n; i++)
                close(fds[i]);
        return 0;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return x < y ? -1 : x > y;
}

static int run(uint64_t n, size_t n_clients) {
        static struct client clients[CONNECTIONS_MAX];
        bool few = strcmp(what, "ask") == 0 || strcmp(what, "connect") == 0;
        double *took = few ? calloc(n, sizeof(*took)) : NULL, began = now_us();
        uint64_t each = n / n_clients;

        if (few && !took)
                die("memory");
        for (size_t i = 0; i < n_clients; i++) {
                clients[i] = (struct client){.n = each, .took_us = few ? took + i * each : NULL};
                if (pthread_create(&clients[i].thread, NULL, few ? small : bulk, &clients[i]) != 0)
                        die("thread");
        }
        for (size_t i = 0; i < n_clients; i++)
                pthread_join(clients[i].thread, NULL);
        printf("%.6f", (now_us() - began) / 1e6);
        if (few) {
                qsort(took, each * n_clients, sizeof(*took), compare);
                printf(" %.1f", took[each * n_clients / 2]);
        }
        putchar('\n');
        free(took);
        return 0;
}

static _Noreturn void relay(const char *at, const char *crt, const char *ca) {
        struct sockaddr_in here = where, to = where;

        to.sin_port = htons(TLS_PORT);
        if (inet_pton(AF_INET, at, &here.sin_addr) != 1)
                die(at);
        bench_sqlproxy_relay(&here, &to, crt, ca);
}

static int usage(void) {
        fputs("usage: bench_sqlproxy serve PATH | pull|push|ask|connect IP PORT N CONNECTIONS | "
              "idle IP PORT CONNECTIONS | relay IP PORT AT CRT CA\n",
              stderr);
        return 2;
}

int main(int argc, char **argv) {
        struct rlimit most;

        if (argc < 3)
                return usage();
        what = argv[1];
        if (getrlimit(RLIMIT_NOFILE, &most) == 0) {
                most.rlim_cur = most.rlim_max;
                setrlimit(RLIMIT_NOFILE, &most);
        }
        if (strcmp(what, "serve") == 0)
                serve(argv[2]);
        if (argc < 5)
                return usage();
        where.sin_family = AF_INET;
        where.sin_port = htons((uint16_t) atoi(argv[3]));
        if (inet_pton(AF_INET, argv[2], &where.sin_addr) != 1)
                return usage();
        if (strcmp(what, "relay") == 0 && argc == 7)
                relay(argv[4], argv[5], argv[6]);
        if (strcmp(what, "idle") == 0)
                return idle(strtoul(argv[4], NULL, 10) % CONNECTIONS_MAX);
        return argc < 6 ? usage()
                        : run(strtoull(argv[4], NULL, 10),
                              strtoul(argv[5], NULL, 10) % CONNECTIONS_MAX);
}
