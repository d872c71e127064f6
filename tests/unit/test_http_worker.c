/* The pool: its bound, its answer when full, and a server freed with work in it. */
#include "tests/unit/net_test_server.h"

static sem_t gate, entered;

static int wait_at_gate(struct http_request *req) {
        assert_in_range(req->worker, 0, 1);
        sem_post(&entered);
        sem_wait(&gate);
        return http_request_reply_text(req, 200, "through");
}

static int queued(struct http_request *req) {
        struct http_server_stats n;
        char *text;

        http_server_stats(req->server, &n);
        text = arena_printf(req->arena, "%zu", n.n_worker_queue);
        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_GET, "/gate", wait_at_gate, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_GET, "/queued", queued, 0, 0),
};

#define GATE "GET /gate HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define QUEUED "GET /queued HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void start(struct net_test *t) {
        *t = (struct net_test){.rows = rows,
                               .n_rows = ARRAY_SIZE(rows),
                               .options.n_workers = 2,
                               .options.n_worker_queue = 3};
        sem_init(&gate, 0, 0);
        sem_init(&entered, 0, 0);
        net_test_start(t);
}

static sem_t rested;

static void rest(void *ctx) {
        sem_post(&rested);
}

static int nothing(struct http_request *req) {
        return http_request_reply_text(req, 200, "");
}

/* Once after work, on the thread that worked; not while there is more, and not again. */
static void test_rest(void **state) {
        static const struct http_route one[] = {
                HTTP_ROUTE(HTTP_GET, "/", nothing, 0, HTTP_WORKER),
        };
        struct net_test t = {
                .rows = one, .n_rows = 1, .options.n_workers = 2, .options.rest = rest};
        int n;

        sem_init(&rested, 0, 0);
        net_test_start(&t);
        for (int i = 0; i < 2; i++) {
                struct net_test_answer a =
                        net_test_ask(&t, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

                net_test_answer_done(&a);
        }
        sem_wait(&rested);
        net_test_stop(&t);
        sem_getvalue(&rested, &n);
        assert_in_range(n, 0, 1); /* of the other thread, if both had work */
}

/* Two at the gate, three in the queue: the sixth is told to come again, the loop goes on. */
static void test_full_queue(void **state) {
        struct net_test t;
        int fds[5];

        start(&t);
        for (unsigned i = 0; i < 2; i++) {
                fds[i] = net_test_connect(&t);
                net_test_send(fds[i], GATE);
                sem_wait(&entered);
        }
        for (unsigned i = 2; i < 5; i++) {
                fds[i] = net_test_connect(&t);
                net_test_send(fds[i], GATE);
        }
        for (unsigned tries = 0, n = 0; n < 3; tries++) {
                struct net_test_answer a = net_test_ask(&t, QUEUED);

                n = (unsigned) atoi(a.body);
                net_test_answer_done(&a);
                assert_true(tries < 1000);
        }
        {
                struct net_test_answer a = net_test_ask(&t, GATE);

                assert_int_equal(a.status, 503);
                assert_string_equal(net_test_header(&a, "Retry-After"), "1");
                net_test_answer_done(&a);
        }
        for (unsigned i = 0; i < 5; i++)
                sem_post(&gate);
        for (unsigned i = 0; i < 5; i++) {
                struct net_test_answer a;
                struct buf rest = {};

                net_test_read(fds[i], &rest, false, &a);
                assert_string_equal(a.body, "through");
                net_test_answer_done(&a);
                buf_done(&rest);
                close(fds[i]);
        }
        net_test_stop(&t);
}

static void *open_gate(void *arg) {
        usleep(20000);
        sem_post(&gate);
        sem_post(&gate);
        return NULL;
}

/* Handlers under way are waited for; what only queues is dropped with its connection. */
static void test_freed_with_work(void **state) {
        pthread_t thread;
        struct net_test t;
        char byte;
        int fds[4];

        start(&t);
        for (unsigned i = 0; i < 4; i++) {
                fds[i] = net_test_connect(&t);
                net_test_send(fds[i], GATE);
                if (i < 2)
                        sem_wait(&entered);
        }
        assert_int_equal(pthread_create(&thread, NULL, open_gate, NULL), 0);
        net_test_stop(&t);
        pthread_join(thread, NULL);
        for (unsigned i = 0; i < 4; i++) {
                while (recv(fds[i], &byte, 1, 0) == 1)
                        ;
                close(fds[i]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_full_queue),
                cmocka_unit_test(test_freed_with_work),
                cmocka_unit_test(test_rest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
