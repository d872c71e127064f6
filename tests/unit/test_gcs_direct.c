#include "lib/gcp/gcs_direct.h"

#include <inttypes.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/net_test_server.h"

static const char content[] = "0123456789abcdefghij";

/* What the bucket answers with, and has seen. */
static struct {
        atomic_int status;
        atomic_uint n_calls;
        char target[256], range[64], authorization[64], agent[64];
} bucket;

static int on_get(struct http_request *req) {
        const char *range = http_request_header(req, "Range") ?: "";
        uint64_t from = 0, last = 0;
        int status = bucket.status;

        bucket.n_calls++;
        snprintf(bucket.target, sizeof bucket.target, "%s", req->target);
        snprintf(bucket.range, sizeof bucket.range, "%s", range);
        snprintf(bucket.authorization, sizeof bucket.authorization, "%s",
                 http_request_header(req, "Authorization") ?: "");
        snprintf(bucket.agent, sizeof bucket.agent, "%s",
                 http_request_header(req, "User-Agent") ?: "");
        if (status != 206)
                return http_request_reply(req, status, "text/plain", "no", 2);
        assert_int_equal(sscanf(range, "bytes=%" SCNu64 "-%" SCNu64, &from, &last), 2);
        return http_request_reply(req, 206, "text/plain", content + from, last + 1 - from);
}

static const struct http_route rows[] = {
        {.method = HTTP_GET, .path = "/{bucket}/{object}", .handle = on_get},
};

struct place {
        char data[32];
        size_t n;
        int error;
};

static size_t rooms(void *ctx, struct iovec *v, size_t n_max) {
        struct place *p = ctx;
        size_t n = 0;

        for (; n < MIN(n_max, (size_t) 2); n++)
                v[n] = (struct iovec){p->data + p->n + 3 * n, 3};
        return n;
}

static int took(void *ctx, size_t n) {
        struct place *p = ctx;

        p->n += n;
        return p->error;
}

static struct {
        unsigned n;
        int status, error;
        uint64_t n_bytes;
} told;

static void tried(void *ctx, enum gcs_verb verb, int status, int error, usec_t took_for,
                  uint64_t n_bytes) {
        assert_int_equal(verb, GCS_READ);
        told.n++;
        told.status = status;
        told.error = error;
        told.n_bytes = n_bytes;
}

static int has_token = 1;

static int token(void *ctx, char **ret) {
        if (has_token)
                *ret = mem_strdup("tok");
        return has_token ? 0 : 1;
}

struct test {
        struct net_test net;
        struct gcs_direct *d;
        char endpoint[64];
};

static int setup(void **state) {
        struct test *t = mem_new(struct test);
        struct gcs_direct_options o = {.endpoint = t->endpoint,
                                       .bucket = "bkt",
                                       .project = "bill",
                                       .user_agent = "me/1",
                                       .token = token,
                                       .tried = tried};

        t->net.rows = rows;
        t->net.n_rows = ARRAY_SIZE(rows);
        net_test_start(&t->net);
        snprintf(t->endpoint, sizeof t->endpoint, "http://127.0.0.1:%u", t->net.port);
        assert_int_equal(gcs_direct_new(&o, &t->d), 0);
        memset(&told, 0, sizeof told);
        bucket.status = 206;
        bucket.n_calls = 0;
        has_token = 1;
        *state = t;
        return 0;
}

static int teardown(void **state) {
        struct test *t = *state;

        gcs_direct_free(t->d);
        net_test_stop(&t->net);
        mem_free(t);
        return 0;
}

static int do_read(struct test *t, struct place *p, struct gcs_request *q) {
        const struct gcs_direct_sink sink = {rooms, took, p};

        gcs_request_init(q, GCS_READ, "a b");
        q->generation = 7;
        q->offset = 2;
        q->length = 10;
        return gcs_direct_read(t->d, q, &sink);
}

static void test_all(void **state) {
        struct place p = {};
        struct gcs_request q;

        assert_int_equal(do_read(*state, &p, &q), 0);
        assert_int_equal(p.n, 10);
        assert_memory_equal(p.data, content + 2, 10);
        assert_string_equal(bucket.range, "bytes=2-11");
        assert_string_equal(bucket.authorization, "Bearer tok");
        assert_string_equal(bucket.agent, "me/1");
        assert_string_equal(bucket.target, "/bkt/a%20b?generation=7&userProject=bill");
        assert_int_equal(told.n, 1);
        assert_int_equal(told.status, 206);
        assert_int_equal(told.n_bytes, 10);
}

/* Somebody with patience does it: all that is needed for that is in the request. */
static void test_left(void **state) {
        struct place p = {};
        struct gcs_request q;

        bucket.status = 404;
        assert_int_equal(do_read(*state, &p, &q), 1);
        assert_int_equal(told.status, 404);
        assert_int_equal(p.n, 0);
        assert_int_equal(q.offset, 2);
        assert_int_equal(q.length, 10);
        has_token = 0;
        assert_int_equal(do_read(*state, &p, &q), 1);
        assert_int_equal(bucket.n_calls, 1);
        has_token = 1;
        bucket.status = 206;
        assert_int_equal(do_read(*state, &p, &q), 0);
        /* It has enough to do: it is not asked twice for everything. */
        bucket.status = 503;
        assert_int_equal(do_read(*state, &p, &q), 1);
        assert_int_equal(bucket.n_calls, 3);
        assert_int_equal(do_read(*state, &p, &q), 1);
        assert_int_equal(bucket.n_calls, 3);
}

static void test_ended(void **state) {
        struct test *t = *state;
        struct place p = {.error = -EBADMSG};
        struct gcs_request q;

        assert_int_equal(do_read(t, &p, &q), -EBADMSG);
        gcs_direct_stop(t->d);
        gcs_direct_stop(NULL);
        assert_int_equal(do_read(t, &p, &q), -ECANCELED);
        gcs_request_init(&q, GCS_LIST, NULL);
        assert_int_equal(gcs_direct_read(t->d, &q, NULL), 1);
}

static void test_endpoints(void **state) {
        struct gcs_direct_options o = {.endpoint = "http://h:1/prefix", .bucket = "bkt"};
        struct gcs_direct *d = NULL;

        assert_int_equal(gcs_direct_new(&o, &d), 0);
        gcs_direct_free(d);
        o.endpoint = "http://who:what@h";
        assert_int_equal(gcs_direct_new(&o, &d), -EINVAL);
        o.endpoint = "h";
        assert_int_equal(gcs_direct_new(&o, &d), -EINVAL);
        assert_null(gcs_direct_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_all, setup, teardown),
                cmocka_unit_test_setup_teardown(test_left, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ended, setup, teardown),
                cmocka_unit_test(test_endpoints),
        };

        return cmocka_run_group_tests_name("gcs_direct", tests, NULL, NULL);
}
