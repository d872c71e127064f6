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
        char target[256], range[64], authorization[64], agent[64], body[512];
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

/* Changes, with the bodies they bring. */
static int on_change(struct http_request *req) {
        bucket.n_calls++;
        snprintf(bucket.target, sizeof bucket.target, "%s", req->target);
        snprintf(bucket.authorization, sizeof bucket.authorization, "%s",
                 http_request_header(req, "Authorization") ?: "");
        snprintf(bucket.body, sizeof bucket.body, "%s", req->body ?: "");
        if (bucket.status == 308)
                (void) http_request_set_header(req, "Range", "bytes=0-4");
        if (bucket.status == 200) {
                (void) http_request_set_header(req, "Location", "http://there/s");
                (void) http_request_set_header(req, "x-goog-generation", "9");
        }
        return http_request_reply(req, bucket.status, "text/plain", "no", 2);
}

static const struct http_route rows[] = {
        {.method = HTTP_DELETE, .path = "/storage/v1/b/bkt/o/{object}", .handle = on_change},
        {.method = HTTP_POST, .path = "/upload/storage/v1/b/bkt/o", .handle = on_change},
        {.method = HTTP_PUT, .path = "/session", .handle = on_change},
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
        enum gcs_verb verb;
        int status, error;
        uint64_t n_bytes;
} told;

static void tried(void *ctx, enum gcs_verb verb, int status, int error, usec_t took_for,
                  uint64_t n_bytes) {
        told.verb = verb;
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
        assert_int_equal(told.verb, GCS_READ);
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

/* What a call brought back. */
struct heard {
        unsigned n;
        struct gcs_answer a;
        char text[GCS_ANSWER_WORDS], body[16], location[32];
};

static void on_done(void *ctx, const struct gcs_answer *a) {
        struct heard *h = ctx;

        h->n++;
        h->a = *a;
        snprintf(h->text, sizeof h->text, "%s", a->text);
        snprintf(h->body, sizeof h->body, "%.*s", (int) a->body_len, a->body);
        snprintf(h->location, sizeof h->location, "%s", a->location ?: "");
}

static int do_call(struct test *t, struct gcs_request *q, struct heard *h) {
        *h = (struct heard){};
        q->done = on_done;
        q->ctx = h;
        q->budget_for = USEC_PER_MINUTE;
        return gcs_direct_call(t->d, q);
}

static void insert(struct gcs_request *q, const struct iovec *data, size_t n) {
        gcs_request_init(q, GCS_INSERT, "a b");
        q->if_generation = 0;
        q->json = "{\"name\":\"a b\"}";
        q->data = data;
        q->n_data = n;
}

static void test_call(void **state) {
        const struct iovec data[] = {{(char *) "con", 3}, {(char *) "tent", 4}};
        struct gcs_request q;
        struct heard h;

        bucket.status = 200;
        insert(&q, data, 2);
        assert_int_equal(do_call(*state, &q, &h), 0);
        assert_int_equal(h.n, 1);
        assert_int_equal(h.a.error, 0);
        assert_int_equal(h.a.status, 200);
        assert_int_equal(h.a.generation, 9);
        assert_int_equal(h.a.n_tries, 1);
        assert_false(h.a.unsure);
        assert_string_equal(h.body, "no");
        assert_string_equal(h.location, "http://there/s");
        assert_string_equal(bucket.authorization, "Bearer tok");
        assert_non_null(
                strstr(bucket.target, "uploadType=multipart&name=a%20b&ifGenerationMatch=0"));
        assert_non_null(strstr(bucket.body, "{\"name\":\"a b\"}\r\n--"));
        assert_non_null(strstr(bucket.body, "\r\n\r\ncontent\r\n--"));
        assert_int_equal(told.verb, GCS_INSERT);
        assert_int_equal(told.status, 200);
        assert_true(told.n_bytes > 7);
}

/* What is no other's to mend is the answer. */
static void test_call_refused(void **state) {
        struct gcs_request q;
        struct heard h;

        bucket.status = 412;
        insert(&q, NULL, 0);
        assert_int_equal(do_call(*state, &q, &h), 0);
        assert_int_equal(h.a.error, -ESTALE);
        assert_string_equal(h.text, "HTTP 412: no");
        bucket.status = 404;
        gcs_request_init(&q, GCS_DELETE, "x");
        assert_int_equal(do_call(*state, &q, &h), 0);
        assert_int_equal(h.a.error, -ENOENT);
        assert_string_equal(bucket.target,
                            "/storage/v1/b/bkt/o/x?prettyPrint=false&userProject=bill");
        assert_string_equal(bucket.body, "");
}

/* Somebody with patience goes on with it, and knows what was tried. */
static void test_call_left(void **state) {
        struct gcs_request q;
        struct heard h;

        has_token = 0;
        insert(&q, NULL, 0);
        assert_int_equal(do_call(*state, &q, &h), 1);
        assert_int_equal(bucket.n_calls, 0);
        has_token = 1;
        bucket.status = 401;
        assert_int_equal(do_call(*state, &q, &h), 1);
        assert_int_equal(bucket.n_calls, 1);
        assert_int_equal(q.n_tried, 0);
        bucket.status = 503;
        assert_int_equal(do_call(*state, &q, &h), 1);
        assert_int_equal(bucket.n_calls, 2);
        assert_int_equal(q.n_tried, 1);
        assert_true(q.was_tried_unsure);
        assert_true(q.budget_for < USEC_PER_MINUTE);
        /* It has enough to do. */
        bucket.status = 200;
        assert_int_equal(do_call(*state, &q, &h), 1);
        assert_int_equal(bucket.n_calls, 2);
        assert_int_equal(h.n, 0);
        gcs_request_init(&q, GCS_READ, "x");
        assert_int_equal(do_call(*state, &q, &h), 1);
}

/* 429 says that nothing was done. */
static void test_call_busy(void **state) {
        struct gcs_request q;
        struct heard h;

        bucket.status = 429;
        insert(&q, NULL, 0);
        assert_int_equal(do_call(*state, &q, &h), 1);
        assert_int_equal(q.n_tried, 1);
        assert_false(q.was_tried_unsure);
}

static void put(struct gcs_request *q, const struct iovec *data, const char *url) {
        gcs_request_init(q, GCS_UPLOAD_PUT, NULL);
        q->data = data;
        q->n_data = 1;
        q->upload_url = url;
        q->only_once = true;
}

/* A session's URL is its own authority, and may be elsewhere; who sends a piece asks how far it got
 * before it sends it again. */
static void test_session(void **state) {
        const struct iovec data = {(char *) "hello", 5};
        struct test *t = *state;
        char url[96], away[96];
        struct gcs_request q;
        struct heard h;

        snprintf(url, sizeof url, "%s/session?id=1", t->endpoint);
        snprintf(away, sizeof away, "%s0/session?id=1", t->endpoint);
        put(&q, &data, away);
        assert_int_equal(do_call(t, &q, &h), 1);
        assert_int_equal(bucket.n_calls, 0);
        has_token = 0;
        bucket.status = 308;
        put(&q, &data, url);
        assert_int_equal(do_call(t, &q, &h), 0);
        assert_int_equal(h.a.error, 0);
        assert_int_equal(h.a.status, 308);
        assert_int_equal(h.a.n_committed, 5);
        assert_string_equal(bucket.body, "hello");
        assert_string_equal(bucket.authorization, "");
        bucket.status = 503;
        put(&q, &data, url);
        assert_int_equal(do_call(t, &q, &h), 0);
        assert_int_equal(h.a.error, -EIO);
        assert_int_equal(h.a.status, 503);
}

static void test_call_stopped(void **state) {
        struct test *t = *state;
        struct gcs_request q;
        struct heard h;

        gcs_direct_stop(t->d);
        insert(&q, NULL, 0);
        assert_int_equal(do_call(t, &q, &h), 0);
        assert_int_equal(h.a.error, -ECANCELED);
        assert_int_equal(bucket.n_calls, 0);
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
                cmocka_unit_test_setup_teardown(test_call, setup, teardown),
                cmocka_unit_test_setup_teardown(test_call_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_call_left, setup, teardown),
                cmocka_unit_test_setup_teardown(test_call_busy, setup, teardown),
                cmocka_unit_test_setup_teardown(test_session, setup, teardown),
                cmocka_unit_test_setup_teardown(test_call_stopped, setup, teardown),
                cmocka_unit_test(test_endpoints),
        };

        return cmocka_run_group_tests_name("gcs_direct", tests, NULL, NULL);
}
