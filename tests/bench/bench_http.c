/* bench_http: what a request costs the server, in CPU and in time, by kind of route.
 *
 * usage: bench_http [REQUESTS]    The server is a child process: its rusage is the figure. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/macros.h"
#include "lib/net/http_forward.h"
#include "lib/net/http_server.h"

#define BENCH_CONNECTIONS 16

static const char json[] =
        "{\"run\": {\"info\": {\"run_id\": \"0123456789abcdef0123456789abcdef\", "
        "\"status\": \"RUNNING\"}}}";

static int small(struct http_request *req) {
        return http_request_reply(req, 200, "application/json", json, sizeof json - 1);
}

static int file_fd = -1; /* 1 MiB */

static int file(struct http_request *req) {
        struct http_request_file f = {.fd = dup(file_fd), .size = 1 << 20};

        return f.fd < 0 ? -errno : http_request_reply_file(req, &f);
}

static int file_make(void) {
        static const char zeros[1 << 20];

        file_fd = memfd_create("bench", MFD_CLOEXEC);
        if (file_fd < 0 || write(file_fd, zeros, sizeof zeros) != sizeof zeros)
                return -errno;
        return 0;
}

static struct http_forward_target behind;

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_GET, "/api/2.0/bench/inline", small, 0, HTTP_INLINE),
        HTTP_ROUTE(HTTP_POST, "/api/2.0/bench/inline", small, 0, HTTP_INLINE),
        HTTP_ROUTE(HTTP_POST, "/api/2.0/bench/worker", small, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_GET, "/api/2.0/bench/file", file, 0, HTTP_INLINE),
        HTTP_ROUTE(HTTP_ANY, "/f/{rest...}", http_forward_handle, 0, HTTP_KEEP_RAW,
                   .max_body = SIZE_MAX, .body = &http_forward_body, .data = &behind),
};

struct bench {
        const char *name, *head, *body;
        bool forward;
};

#define HEAD(method, path)                                                                     \
        method " " path " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n" \
               "Content-Type: application/json\r\n"

static const struct bench benches[] = {
        {"inline GET", HEAD("GET", "/api/2.0/bench/inline") "\r\n", "", false},
        {"inline POST 200 B", HEAD("POST", "/api/2.0/bench/inline") "Content-Length: 200\r\n\r\n",
         "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
         "8901234567890123456789012345678901234567890123456789012345678901234567890123456789012345"
         "678901234567890123456789",
         false},
        {"worker POST", HEAD("POST", "/api/2.0/bench/worker") "Content-Length: 2\r\n\r\n", "{}",
         false},
        {"file 1 MiB", HEAD("GET", "/api/2.0/bench/file") "\r\n", "", false},
        {"forward GET", HEAD("GET", "/f/api/2.0/bench/inline") "\r\n", "", true},
};

/* --- the server's process -------------------------------------------------------------------- */

static void die(const char *what, int r) {
        fprintf(stderr, "bench_http: %s: %s\n", what, strerror(-r));
        _exit(1);
}

static int serve(const char *address, const char *forward_to, int ready_fd) {
        struct http_server_options o = {};
        struct http_server *s;
        struct http_listen *l;
        struct errmsg em = {};
        uint16_t port;
        int r = loop_new(&o.loop);

        if (r >= 0)
                r = file_make();
        if (r >= 0)
                r = loop_signals_quit(o.loop);
        if (r >= 0 && forward_to) {
                struct http_forward_options f = {
                        .loop = o.loop, .socket_path = forward_to, .name = "bench", .n_idle = 32};

                behind.strip_prefix = "/f";
                r = http_forward_new(&f, &behind.forward);
        }
        if (r >= 0)
                r = http_server_new(&o, rows, ARRAY_SIZE(rows), &s, &em);
        if (r >= 0)
                r = http_listen_open(address, NULL, &l, &em);
        if (r < 0)
                die(em.text, r);
        port = http_listen_port(l);
        r = http_server_listen(s, l);
        if (r < 0 || write(ready_fd, &port, sizeof port) != sizeof port)
                die("listen", r);
        r = loop_run(o.loop);
        http_server_free(s);
        http_forward_free(behind.forward);
        loop_free(o.loop);
        return r < 0 ? 1 : 0;
}

static pid_t start(const char *address, const char *forward_to, uint16_t *ret_port) {
        int fds[2];
        pid_t pid;

        if (pipe(fds) < 0)
                die("pipe", -errno);
        pid = fork();
        if (pid < 0)
                die("fork", -errno);
        if (pid == 0)
                _exit(serve(address, forward_to, fds[1]));
        close(fds[1]);
        if (read(fds[0], ret_port, sizeof *ret_port) != sizeof *ret_port)
                exit(1);
        close(fds[0]);
        return pid;
}

/* User and system µs of the process, which ends. */
static double stop(pid_t pid) {
        struct rusage u;
        int status;

        kill(pid, SIGTERM);
        if (wait4(pid, &status, 0, &u) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
                die("the server ended badly", -EIO);
        return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
               (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* --- the client ------------------------------------------------------------------------------ */

static int dial(uint16_t port) {
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || connect(fd, (struct sockaddr *) &a, sizeof a) < 0)
                die("connect", -errno);
        return fd;
}

/* Reads one answer with a Content-Length; nothing follows it. */
static void take(int fd) {
        static char data[1 << 16];
        size_t n = 0, want = SIZE_MAX;

        while (n < want) {
                size_t keep = want == SIZE_MAX ? n : 0;
                ssize_t k = recv(fd, data + keep, sizeof data - 1 - keep, 0);

                if (k <= 0)
                        die("recv", -errno);
                n += (size_t) k;
                if (want == SIZE_MAX) {
                        char *end, *length;

                        data[n] = '\0';
                        end = strstr(data, "\r\n\r\n");
                        length = strcasestr(data, "Content-Length: ");
                        if (!end || !length)
                                continue;
                        if (strncmp(data, "HTTP/1.1 200", 12) != 0)
                                die(data, -EPROTO);
                        want = (size_t) (end + 4 - data) + strtoul(length + 16, NULL, 10);
                }
        }
}

static double now_s(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static void run(const struct bench *b, unsigned n) {
        char path[64], address[80], text[1024];
        int fds[BENCH_CONNECTIONS];
        uint16_t port, none;
        pid_t pid, back = 0;
        double began, took, cpu, back_cpu = 0;
        int size = snprintf(text, sizeof text, "%s%s", b->head, b->body);

        snprintf(path, sizeof path, "/tmp/onebox-bench-%d.sock", (int) getpid());
        snprintf(address, sizeof address, "unix:%s", path);
        if (b->forward)
                back = start(address, NULL, &none);
        pid = start("127.0.0.1:0", b->forward ? path : NULL, &port);
        for (unsigned i = 0; i < BENCH_CONNECTIONS; i++)
                fds[i] = dial(port);
        began = now_s();
        for (unsigned i = 0; i < n; i += BENCH_CONNECTIONS) {
                for (unsigned k = 0; k < BENCH_CONNECTIONS; k++)
                        if (send(fds[k], text, (size_t) size, 0) != size)
                                die("send", -errno);
                for (unsigned k = 0; k < BENCH_CONNECTIONS; k++)
                        take(fds[k]);
        }
        took = now_s() - began;
        for (unsigned i = 0; i < BENCH_CONNECTIONS; i++)
                close(fds[i]);
        cpu = stop(pid);
        if (back)
                back_cpu = stop(back);
        strcat(path, ".lock");
        unlink(path);
        printf("%-20s %10.1f %12.0f", b->name, cpu / n, n / took);
        if (back)
                printf("   (and %.1f in the daemon behind)", back_cpu / n);
        printf("\n");
}

int main(int argc, char **argv) {
        unsigned n = argc > 1 ? (unsigned) atoi(argv[1]) : 100000;

        printf("%-20s %10s %12s\n", "route", "CPU us/req", "req/s");
        for (size_t i = 0; i < ARRAY_SIZE(benches); i++) {
                fflush(stdout);
                run(&benches[i], strstr(benches[i].name, "MiB") ? n / 50 : n);
        }
        return 0;
}
