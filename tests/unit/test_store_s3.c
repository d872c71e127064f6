/* The store over a make-believe S3 that checks every signature. */
#include <fcntl.h>

#include "tests/unit/store_test_fake.h"
#include "tests/unit/store_test_same.h"

#include "lib/net/http_fetch.h"
#include "lib/store/store_parts.h"
#include "lib/store/store_s3.h"

static struct store_test_fake fake;

static void ask(const char *method, const char *target) {
        struct http_call call = {.address = fake.address, .method = method, .target = target};
        struct http_call_answer a;

        assert_int_equal(http_call(&call, &a, NULL), 0);
        http_call_answer_done(&a);
}

/* ONEBOX_PEER_S3=HOST:PORT: another server, for what needs no faults. */
static int setup(void **state) {
        static const char *const buckets[] = {"/all", "/whole", "/large", "/signed"};
        const char *peer = getenv("ONEBOX_PEER_S3");
        char url[64];

        if (peer)
                (void) str_copy(fake.address, sizeof fake.address, peer);
        else
                store_test_fake_start(&fake, "fake_s3.py");
        for (size_t i = 0; peer && i < ARRAY_SIZE(buckets); i++)
                ask("PUT", buckets[i]);
        snprintf(url, sizeof url, "http://%s/", fake.address);
        setenv("MLFLOW_S3_ENDPOINT_URL", url, 1);
        setenv("AWS_ACCESS_KEY_ID", "AKTEST", 1);
        setenv("AWS_SECRET_ACCESS_KEY", "s3cret", 1);
        setenv("HOME", "/nonexistent", 1);
        unsetenv("AWS_REGION");
        unsetenv("AWS_DEFAULT_REGION");
        unsetenv("AWS_SESSION_TOKEN");
        return 0;
}

static int teardown(void **state) {
        if (fake.pid > 0)
                store_test_fake_stop(&fake);
        return 0;
}

static struct store *open_store(const char *uri) {
        struct errmsg em = {};
        struct store *s = NULL;

        if (store_s3_open(uri, &em, &s) < 0)
                fail_msg("%s", em.text);
        return s;
}

/* Declarations may follow: a block that skips. */
#define NEED_FAKE      \
        if (!fake.pid) \
        skip()

static void fault(const char *json) {
        mem_free(store_test_fake_ask(&fake, "/_fault", json));
}

static void test_as_every_store(void **state) {
        _cleanup_(store_freep) struct store *s = open_store("s3://all/some/path/");

        store_test_same(s);
}

static void test_whole_bucket(void **state) {
        _cleanup_(store_freep) struct store *s = open_store("s3://whole");

        store_test_same(s);
}

static void test_large(void **state) {
        _cleanup_(store_freep) struct store *s = open_store("s3://large");

        store_test_large(s);
        if (fake.pid > 0)
                assert_true(store_test_fake_says(&fake, "\"uploads\": 0"));
}

static void test_abort_leaves_nothing(void **state) {
        NEED_FAKE;
        _cleanup_(store_freep) struct store *s = open_store("s3://aborted");
        _cleanup_free_ char *data = mem_zalloc(9 << 20);
        struct store_info info;
        struct store_put *put;

        assert_int_equal(store_put_begin(s, "x", NULL, &put), 0);
        assert_int_equal(store_put_write(s, put, data, 9 << 20), 0);
        assert_true(store_test_fake_says(&fake, "\"uploads\": 1"));
        store_put_abort(s, put);
        assert_true(store_test_fake_says(&fake, "\"uploads\": 0"));
        assert_int_equal(store_stat(s, "x", NULL, &info), -ENOENT);
}

static void test_busy_and_cut(void **state) {
        NEED_FAKE;
        _cleanup_(store_freep) struct store *s = open_store("s3://busy");
        struct store_info info;
        struct store_get *get;
        struct errmsg em = {};
        char data[16];

        fault("{\"status\": 503, \"n\": 2, \"method\": \"PUT\"}");
        assert_int_equal(store_put(s, "a", "0123456789", 10, &em), 0);
        fault("{\"cut\": true, \"n\": 1, \"method\": \"GET\"}");
        assert_int_equal(store_get_open(s, "a", &em, &info, &get), 0);
        assert_int_equal(store_get_read(s, get, 0, data, sizeof data), 10);
        assert_memory_equal(data, "0123456789", 10);
        store_get_close(s, get);
        fault("{\"status\": 503, \"n\": 6, \"method\": \"PUT\"}");
        assert_int_equal(store_put(s, "b", "x", 1, &em), -EAGAIN);
        assert_non_null(strstr(em.text, "answers 503 SlowDown: come again"));
}

static void test_wrong_secret(void **state) {
        NEED_FAKE;
        struct errmsg em = {};
        struct store *s;

        setenv("AWS_SECRET_ACCESS_KEY", "another", 1);
        s = open_store("s3://secret");
        assert_int_equal(store_put(s, "a", "x", 1, &em), -EACCES);
        assert_non_null(strstr(em.text, "SignatureDoesNotMatch"));
        store_free(s);
        unsetenv("AWS_SECRET_ACCESS_KEY");
        assert_int_equal(store_s3_open("s3://secret", &em, &s), -EINVAL);
        unsetenv("AWS_ACCESS_KEY_ID");
        assert_int_equal(store_s3_open("s3://secret", &em, &s), -EACCES);
        assert_non_null(strstr(em.text, "set AWS_ACCESS_KEY_ID"));
        setenv("AWS_ACCESS_KEY_ID", "AKTEST", 1);
        setenv("AWS_SECRET_ACCESS_KEY", "s3cret", 1);
        assert_int_equal(store_s3_open("s3://no", &em, &s), -EINVAL);
        assert_int_equal(store_s3_open("gs://bucket", &em, &s), -EINVAL);
}

/* --- what clients do by themselves ---------------------------------------------------------------
 */

static void put_part(const char *url, const char *data, size_t n, char etag[128]) {
        _cleanup_(http_fetch_freep) struct http_fetch *http = NULL;
        struct http_fetch_call call = {
                .method = "PUT", .url = url, .content_type = "", .body = data, .body_size = n};
        struct http_fetch_answer a;
        struct errmsg em = {};

        assert_int_equal(http_fetch_new(NULL, &http), 0);
        assert_int_equal(http_fetch(http, &call, &a, &em), 0);
        assert_int_equal(a.status, 200);
        assert_int_equal(http_fetch_answer_header(&a, "etag", etag, 128), 0);
        http_fetch_answer_done(&a);
}

static void test_presigned(void **state) {
        _cleanup_(store_freep) struct store *s = open_store("s3://signed/p");
        _cleanup_(http_fetch_freep) struct http_fetch *http = NULL;
        _cleanup_free_ char *id = NULL, *first = NULL, *second = NULL, *get = NULL;
        _cleanup_free_ char *data = mem_zalloc(5 << 20);
        char etags[2][128];
        struct store_part parts[] = {{1, etags[0]}, {2, etags[1]}};
        struct http_fetch_answer a;
        struct errmsg em = {};

        assert_true(store_parts_can_put(s) && store_parts_can_get(s));
        assert_int_equal(store_parts_create(s, "d/x y", &id, &em), 0);
        assert_int_equal(store_parts_url(s, "d/x y", id, 1, USEC_PER_HOUR, &first, &em), 0);
        assert_int_equal(store_parts_url(s, "d/x y", id, 2, USEC_PER_HOUR, &second, &em), 0);
        put_part(first, data, 5 << 20, etags[0]);
        put_part(second, "end", 3, etags[1]);
        assert_int_equal(store_parts_complete(s, "d/x y", id, parts, 2, &em), 0);
        assert_int_equal(store_parts_get_url(s, "d/x y", USEC_PER_HOUR, &get, &em), 0);
        assert_int_equal(http_fetch_new(NULL, &http), 0);
        assert_int_equal(http_fetch(http, &(struct http_fetch_call){.url = get}, &a, &em), 0);
        assert_int_equal(a.status, 200);
        assert_int_equal(a.body.len, (5 << 20) + 3);
        http_fetch_answer_done(&a);
        if (fake.pid > 0) /* S3 itself and some others take the same completion twice */
                assert_int_equal(store_parts_complete(s, "d/x y", id, parts, 2, &em), -ENOENT);
        assert_int_equal(store_parts_abort(s, "d/x y", id, &em), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_as_every_store), cmocka_unit_test(test_whole_bucket),
                cmocka_unit_test(test_large),          cmocka_unit_test(test_abort_leaves_nothing),
                cmocka_unit_test(test_busy_and_cut),   cmocka_unit_test(test_wrong_secret),
                cmocka_unit_test(test_presigned),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
