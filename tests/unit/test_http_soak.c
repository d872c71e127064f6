/* Many clients at once that do everything a client may do, politely or not, to a server and to a
 * forwarder in front of it. Afterwards nothing may be left: no connection, no request, no stream,
 * no body. ONEBOX_SOAK = rounds of each client (200). */
#include "tests/unit/net_test_server.h"

#include "lib/base/entropy.h"
#include "lib/net/http_forward.h"

#define CLIENTS 8

/* --- the server ------------------------------------------------------------------------------ */

static atomic_int n_bodies, n_streams;

static int hello(struct http_request *req) {
        return http_request_reply_text(req, 200, "hello");
}

static int echo(struct http_request *req) {
        return http_request_reply(req, 200, "application/octet-stream", req->body, req->body_size);
}

static void *reply_late(void *arg) {
        struct http_request *req = arg;

        usleep(1000);
        if (http_request_reply_text(req, 200, "late") < 0)
                http_request_reply_cut(req);
        return NULL;
}

static int late(struct http_request *req) {
        pthread_attr_t attr;
        pthread_t thread;
        int r;

        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        r = pthread_create(&thread, &attr, reply_late, req);
        pthread_attr_destroy(&attr);
        return r == 0 ? HTTP_LATER : -r;
}

static int up_begin(struct http_request *req) {
        atomic_fetch_add(&n_bodies, 1);
        return 0;
}

static int up_chunk(struct http_request *req, const void *data, size_t size) {
        if (!req->data) {
                req->data = req;
                http_request_body_resume(req);
                return HTTP_PAUSE;
        }
        req->data = NULL;
        return 0;
}

static void up_abort(struct http_request *req) {
        atomic_fetch_sub(&n_bodies, 1);
}

static int up_end(struct http_request *req) {
        atomic_fetch_sub(&n_bodies, 1);
        return http_request_reply_text(req, 200, "taken");
}

static const struct http_body_ops up_ops = {
        .begin = up_begin, .chunk = up_chunk, .abort = up_abort};

/* Says a line whenever its own thread wakes it, 20 times. */
struct ticker {
        atomic_int n_refs;
        atomic_uint n;
        unsigned n_sent;
        struct http_request_waker *waker;
};

static void ticker_unref(struct ticker *t) {
        if (atomic_fetch_sub(&t->n_refs, 1) > 1)
                return;
        http_request_waker_unref(t->waker);
        free(t);
        atomic_fetch_sub(&n_streams, 1);
}

static ssize_t ticker_pull(void *ctx, char *data, size_t size) {
        struct ticker *t = ctx;

        if (t->n_sent == 20)
                return HTTP_STREAM_END;
        if (t->n_sent == atomic_load(&t->n))
                return 0;
        return snprintf(data, size, "%u\n", t->n_sent++);
}

static void ticker_gone(void *ctx) {
        ticker_unref(ctx);
}

static void *ticker_main(void *arg) {
        struct ticker *t = arg;

        for (unsigned i = 0; i < 20; i++) {
                atomic_fetch_add(&t->n, 1);
                http_request_waker_wake(t->waker);
                if (i % 5 == 0)
                        usleep(500);
        }
        ticker_unref(t);
        return NULL;
}

static int ticks(struct http_request *req) {
        struct ticker *t = calloc(1, sizeof *t);
        struct http_request_stream s = {
                .pull = ticker_pull, .gone = ticker_gone, .ctx = t, .size = -1};
        pthread_t thread;

        if (!t)
                return -ENOMEM;
        atomic_init(&t->n_refs, 2);
        atomic_fetch_add(&n_streams, 1);
        if (http_request_reply_stream(req, 200, "text/plain", &s, &t->waker) < 0 ||
            pthread_create(&thread, NULL, ticker_main, t) != 0)
                abort();
        pthread_detach(thread);
        return 0;
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_GET, "/hello", hello, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/worker", hello, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_POST, "/echo", echo, 0, 0, .max_body = 100000),
        HTTP_ROUTE(HTTP_POST, "/small", echo, 0, HTTP_WORKER, .max_body = 100),
        HTTP_ROUTE(HTTP_GET, "/late", late, 0, 0),
        HTTP_ROUTE(HTTP_PUT, "/up", up_end, 0, 0, .max_body = SIZE_MAX, .body = &up_ops),
        HTTP_ROUTE(HTTP_PUT, "/up-worker", up_end, 0, HTTP_WORKER, .max_body = SIZE_MAX,
                   .body = &up_ops),
        HTTP_ROUTE(HTTP_GET, "/ticks", ticks, 0, 0),
};

/* --- the forwarder --------------------------------------------------------------------------- */

static struct http_forward_target target;
static char path[64], address[80];

static const struct http_route front_rows[] = {
        HTTP_ROUTE(HTTP_ANY, "/{rest...}", http_forward_handle, 0, HTTP_KEEP_RAW,
                   .max_body = SIZE_MAX, .body = &http_forward_body, .data = &target),
};

static int front_setup(struct net_test *t) {
        struct http_forward_options o = {
                .loop = t->loop, .socket_path = path, .name = "behind", .remedy = "start it"};

        return http_forward_new(&o, &target.forward);
}

static void front_teardown(struct net_test *t) {
        target.forward = http_forward_free(target.forward);
}

/* --- the clients ----------------------------------------------------------------------------- */

struct client {
        const struct net_test *t;
        struct entropy_fake dice;
        unsigned n_rounds, n_whole;
        pthread_t thread;
};

static unsigned roll(struct client *c, unsigned bound) {
        uint64_t v = 0;

        (void) entropy_below(&c->dice.entropy, bound, &v);
        return (unsigned) v;
}

static size_t add_request(struct client *c, struct buf *b) {
        static const char *const gets[] = {"/hello", "/worker", "/late", "/ticks", "/missing"};
        static const char *const posts[] = {"POST /echo", "POST /small", "PUT /up",
                                            "PUT /up-worker"};
        unsigned n = roll(c, 20000);

        if (roll(c, 3) > 0) {
                buf_printf(b, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                           gets[roll(c, ARRAY_SIZE(gets))]);
        } else if (roll(c, 2) > 0) {
                buf_printf(b, "%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %u\r\n\r\n",
                           posts[roll(c, ARRAY_SIZE(posts))], n);
                buf_add_fill(b, 'x', n);
        } else {
                buf_printf(b,
                           "%s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "%x\r\n",
                           posts[roll(c, ARRAY_SIZE(posts))], n + 1);
                buf_add_fill(b, 'y', n + 1);
                buf_add_str(b, "\r\n0\r\n\r\n");
        }
        return b->len;
}

/* Sends what it can of b: false when the server had enough of us. */
static bool send_all(int fd, const struct buf *b, size_t size) {
        for (size_t at = 0; at < size;) {
                ssize_t n = send(fd, b->data + at, size - at, MSG_NOSIGNAL);

                if (n <= 0)
                        return false;
                at += (size_t) n;
        }
        return true;
}

static void round_of(struct client *c) {
        unsigned n_requests = 1 + roll(c, 3), manner = roll(c, 6);
        struct buf b = {}, rest = {};
        int fd = net_test_connect(c->t);
        size_t size = 0;

        for (unsigned i = 0; i < n_requests; i++)
                size = add_request(c, &b);
        if (manner == 0)
                size = roll(c, (unsigned) size); /* breaks off somewhere */
        if (send_all(fd, &b, size) && manner > 1) {
                for (unsigned i = 0; i < n_requests; i++) {
                        struct net_test_answer a;

                        net_test_read(fd, &rest, false, &a);
                        c->n_whole++;
                        assert_true(a.status == 200 || a.status == 404 || a.status == 413);
                        net_test_answer_done(&a);
                }
        } else if (manner == 1 && roll(c, 2)) {
                (void) net_test_more(fd, &rest, 5); /* reads a little, then leaves */
        }
        buf_done(&b);
        buf_done(&rest);
        close(fd);
}

static void *client_main(void *arg) {
        struct client *c = arg;

        for (unsigned i = 0; i < c->n_rounds; i++)
                round_of(c);
        return NULL;
}

/* --- the test -------------------------------------------------------------------------------- */

struct looked {
        struct net_test *t;
        struct http_server_stats stats;
        sem_t done;
};

static void look(void *arg) {
        struct looked *l = arg;

        http_server_stats(l->t->server, &l->stats);
        sem_post(&l->done);
}

static void check_empty(struct net_test *t, size_t n_connections) {
        usec_t until = net_test_now() + 30 * USEC_PER_SEC;
        struct looked l = {.t = t};

        sem_init(&l.done, 0, 0);
        do {
                usleep(10000);
                assert_int_equal(loop_post(t->loop, look, &l), 0);
                sem_wait(&l.done);
        } while ((l.stats.n_requests_active > 0 || l.stats.n_connections > n_connections) &&
                 net_test_now() < until);
        assert_int_equal(l.stats.n_requests_active, 0);
        assert_int_equal(l.stats.n_streams, 0);
        assert_true(l.stats.n_connections <= n_connections);
        sem_destroy(&l.done);
}

static void soak(struct net_test *t, uint64_t seed) {
        const char *rounds = getenv("ONEBOX_SOAK");
        struct client clients[CLIENTS] = {};
        unsigned n_whole = 0;

        for (size_t i = 0; i < CLIENTS; i++) {
                clients[i].t = t;
                clients[i].n_rounds = rounds ? (unsigned) atoi(rounds) : 200;
                entropy_fake_init(&clients[i].dice, seed + i);
                assert_int_equal(pthread_create(&clients[i].thread, NULL, client_main, &clients[i]),
                                 0);
        }
        for (size_t i = 0; i < CLIENTS; i++) {
                pthread_join(clients[i].thread, NULL);
                n_whole += clients[i].n_whole;
        }
        assert_true(n_whole > CLIENTS * 10);
}

static void test_soak(void **state) {
        struct net_test behind = {.rows = rows, .n_rows = ARRAY_SIZE(rows), .address = address};
        struct net_test front = {.rows = front_rows,
                                 .n_rows = ARRAY_SIZE(front_rows),
                                 .setup = front_setup,
                                 .teardown = front_teardown};

        snprintf(path, sizeof path, "/tmp/onebox-test-soak-%d.sock", (int) getpid());
        snprintf(address, sizeof address, "unix:%s", path);
        net_test_start(&behind);
        net_test_start(&front);
        soak(&behind, 1);
        check_empty(&behind, 0);
        soak(&front, 1000);
        check_empty(&front, 0);
        /* Kept by the forwarder for reuse. */
        check_empty(&behind, 8);
        for (usec_t until = net_test_now() + 20 * USEC_PER_SEC;
             atomic_load(&n_streams) > 0 && net_test_now() < until;)
                usleep(1000);
        assert_int_equal(atomic_load(&n_bodies), 0);
        assert_int_equal(atomic_load(&n_streams), 0);
        net_test_stop(&front);
        net_test_stop(&behind);
        strcat(path, ".lock");
        unlink(path);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_soak)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
