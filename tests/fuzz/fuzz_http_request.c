/* fuzz_http_request: raw bytes into a real server with every kind of route, over a Unix socket in
 * this process. Whatever comes, the server answers or closes, and is fit for the next connection.
 *
 * The first byte says how the bytes are split: into pieces, with turns of the loop between. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/utf8.h"
#include "lib/net/http_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_open; /* streamed bodies begun and not ended */

static void check_text(const char *s) {
        assert(!s || utf8_valid(s, strlen(s)));
}

static int echo(struct http_request *req) {
        const char *key, *value;

        for (size_t i = 0; http_request_query_pair(req, &i, &key, &value);) {
                check_text(key);
                check_text(value);
        }
        check_text(http_request_param(req, "id"));
        check_text(http_request_param(req, "rest"));
        (void) http_request_cookie(req, "session");
        (void) http_request_content_type(req);
        assert(strlen(req->body) <= req->body_size);
        return http_request_reply(req, 200, "text/plain", req->body, req->body_size);
}

static int up_begin(struct http_request *req) {
        n_open++;
        return 0;
}

static int up_chunk(struct http_request *req, const void *data, size_t size) {
        assert(size > 0);
        if (*(const char *) data == '!')
                return -EIO;
        if (*(const char *) data == '?' && !req->data) {
                req->data = req;
                http_request_body_resume(req);
                return HTTP_PAUSE;
        }
        req->data = NULL;
        return 0;
}

static void up_abort(struct http_request *req) {
        n_open--;
}

static int up_end(struct http_request *req) {
        n_open--;
        return http_request_reply_text(req, 200, "ok");
}

static const struct http_body_ops up_ops = {
        .begin = up_begin, .chunk = up_chunk, .abort = up_abort};

static ssize_t pull(void *ctx, char *data, size_t size) {
        unsigned *n = ctx;

        return *n == 3 ? HTTP_STREAM_END : (ssize_t) snprintf(data, size, "%u\n", (*n)++);
}

static int stream(struct http_request *req) {
        struct http_request_stream s = {
                .pull = pull, .gone = free, .ctx = calloc(1, sizeof(unsigned)), .size = -1};

        return http_request_reply_stream(req, 200, "text/plain", &s, NULL);
}

static int file(struct http_request *req) {
        struct http_request_file f = {.fd = memfd_create("fuzz", MFD_CLOEXEC),
                                      .size = 10,
                                      .etag = "v1",
                                      .modified_at_s = 1000000000,
                                      .filename = "x"};

        if (f.fd < 0 || write(f.fd, "0123456789", 10) != 10)
                return -EIO;
        return http_request_reply_file(req, &f);
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_GET, "/", echo, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/a/{id}", echo, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/a/{id}/{rest...}", echo, 0, 0),
        HTTP_ROUTE(HTTP_POST, "/echo", echo, 0, 0, .max_body = 1000),
        HTTP_ROUTE(HTTP_PUT, "/up", up_end, 0, 0, .max_body = 5000, .body = &up_ops),
        HTTP_ROUTE(HTTP_GET, "/stream", stream, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/file", file, 0, 0),
};

static struct loop *loop;
static struct http_server *server;
static char path[64];

static void stop(void) {
        char lock[80];

        http_server_free(server);
        loop_free(loop);
        snprintf(lock, sizeof lock, "%s.lock", path);
        unlink(lock);
}

static void start(void) {
        struct http_server_options o = {};
        struct http_listen *l;
        char address[80];

        assert(loop_new(&loop) == 0);
        o.loop = loop;
        assert(http_server_new(&o, rows, ARRAY_SIZE(rows), &server, NULL) == 0);
        snprintf(path, sizeof path, "/tmp/onebox-fuzz-%d.sock", (int) getpid());
        snprintf(address, sizeof address, "unix:%s", path);
        assert(http_listen_open(address, NULL, &l, NULL) == 0);
        assert(http_server_listen(server, l) == 0);
        atexit(stop);
}

static int dial(void) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        assert(fd >= 0 && connect(fd, (struct sockaddr *) &a, sizeof a) == 0);
        return fd;
}

/* Turns until the server has nothing to do, reading what it says. */
static void settle(int fd) {
        char answer[4096];

        do {
                while (recv(fd, answer, sizeof answer, 0) > 0)
                        ;
        } while (loop_turn(loop, 0) > 0);
}

static size_t n_connections(void) {
        struct http_server_stats n;

        http_server_stats(server, &n);
        return n.n_connections;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        size_t step;
        int fd;

        if (!server)
                start();
        if (size == 0)
                return 0;
        step = data[0] < 128 ? size : (size_t) data[0] - 127;
        fd = dial();
        for (size_t at = 1; at < size; at += step) {
                if (send(fd, data + at, MIN(step, size - at), MSG_NOSIGNAL) < 0)
                        break;
                settle(fd);
        }
        settle(fd);
        close(fd);
        for (unsigned i = 0; i < 100 && n_connections() > 0; i++)
                assert(loop_turn(loop, 10000) >= 0);
        assert(n_connections() == 0);
        assert(n_open == 0);
        return 0;
}
