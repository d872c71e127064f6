#include "tests/unit/base_test.h"

#include "daemons/bucketd/chaos.h"
#include "lib/base/buf.h"
#include "lib/base/json.h"
#include "lib/net/http_request.h"

static struct chaos *open_chaos(void) {
        struct chaos *c;

        assert_int_equal(chaos_new(&c), 0);
        return c;
}

static int set(struct chaos *c, const char *text, struct errmsg *em) {
        struct arena a;
        struct json *j;
        int r;

        arena_init(&a, 0);
        assert_int_equal(json_parse_copy(&a, text, strlen(text), &j, NULL), 0);
        r = chaos_set(c, j, em);
        arena_done(&a);
        return r;
}

/* Routes whose operation needs no query and no header. */
static const struct http_route compose = {.path = "/storage/v1/b/{bucket}/o/{object}/compose"};
static const struct http_route list = {.path = "/storage/v1/b/{bucket}/o"};
static const struct http_route xml = {.path = "/{bucket}/{object...}"};
static const struct http_route bucket = {.path = "/storage/v1/b/{bucket}"};

static struct http_request request(const struct http_route *route, enum http_method method,
                                   const char *target) {
        return (struct http_request){.route = route,
                                     .method = method,
                                     .method_name = http_route_method_print(method),
                                     .target = target,
                                     .path = target};
}

static void operations(void **state) {
        struct http_request r = request(&compose, HTTP_POST, "/x");

        (void) state;
        assert_string_equal(chaos_op(&r), "compose");
        r = request(&list, HTTP_GET, "/x");
        assert_string_equal(chaos_op(&r), "list");
        r = request(&xml, HTTP_GET, "/x");
        assert_string_equal(chaos_op(&r), "read");
        r = request(&xml, HTTP_HEAD, "/x");
        assert_string_equal(chaos_op(&r), "stat");
        r = request(&xml, HTTP_PUT, "/x");
        assert_string_equal(chaos_op(&r), "insert");
        r = request(&xml, HTTP_DELETE, "/x");
        assert_string_equal(chaos_op(&r), "delete");
        r = request(&bucket, HTTP_GET, "/x");
        assert_string_equal(chaos_op(&r), "other");
}

static void changes(void **state) {
        const struct http_request changing[] = {request(&compose, HTTP_POST, "/x"),
                                                request(&xml, HTTP_PUT, "/x"),
                                                request(&xml, HTTP_DELETE, "/x")};
        const struct http_request reading[] = {
                request(&list, HTTP_GET, "/x"), request(&xml, HTTP_GET, "/x"),
                request(&xml, HTTP_HEAD, "/x"), request(&bucket, HTTP_GET, "/x")};
        struct chaos *c = open_chaos();
        struct chaos_plan p = {};

        (void) state;
        assert_int_equal(set(c, "{\"rules\":[{\"op\":\"change\",\"cut\":1}]}", NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(changing); i++)
                assert_true(chaos_match(c, &changing[i], &p));
        for (size_t i = 0; i < ARRAY_SIZE(reading); i++)
                assert_false(chaos_match(c, &reading[i], &p));
        chaos_free(c);
}

static void counting(void **state) {
        struct http_request read = request(&xml, HTTP_GET, "/b/name");
        struct http_request other = request(&xml, HTTP_GET, "/b/other");
        struct chaos *c = open_chaos();
        static const bool strikes[] = {false, true, true, false, false};

        (void) state;
        assert_int_equal(set(c,
                             "{\"rules\":[{\"op\":\"read\",\"contains\":\"name\",\"skip\":1,"
                             "\"count\":2,\"status\":503},{\"method\":\"PUT\",\"cut\":1}]}",
                             NULL),
                         0);
        for (size_t i = 0; i < ARRAY_SIZE(strikes); i++) {
                struct chaos_plan p = {};

                assert_false(chaos_match(c, &other, &p));
                assert_int_equal(chaos_match(c, &read, &p), strikes[i]);
                assert_int_equal(p.status, strikes[i] ? 503 : 0);
                assert_int_equal(p.cut, 0);
        }
        chaos_free(c);
}

static void chance_and_sums(void **state) {
        struct http_request read = request(&xml, HTTP_GET, "/b/name");
        struct chaos *c = open_chaos();
        _cleanup_buf_ struct buf out = {};
        size_t n = 0;

        (void) state;
        assert_int_equal(
                set(c, "{\"rules\":[{\"percent\":25,\"cut\":1},{\"latency_ms\":20}]}", NULL), 0);
        for (size_t i = 0; i < 1000; i++) {
                struct chaos_plan p = {};

                assert_true(chaos_match(c, &read, &p));
                assert_int_equal(p.latency_ms, 20);
                n += p.cut == 1;
        }
        assert_in_range(n, 200, 300);
        assert_int_equal(chaos_print(c, &out), 0);
        assert_non_null(strstr(out.data, "\"latency_ms\":20,\"matched\":1000,\"struck\":1000"));
        chaos_free(c);
}

static void refusals(void **state) {
        static const struct {
                const char *text, *says;
        } rows[] = {
                {"{}", "rules"},
                {"{\"rules\":[1]}", "object"},
                {"{\"rules\":[{\"latency\":1}]}", "\"latency\""},
                {"{\"rules\":[{\"latency_ms\":-1}]}", "latency_ms"},
                {"{\"rules\":[{\"latency_ms\":\"1\"}]}", "latency_ms"},
                {"{\"rules\":[{\"op\":1}]}", "\"op\""},
        };
        struct http_request read = request(&xml, HTTP_GET, "/b/name");
        struct chaos *c = open_chaos();
        struct chaos_plan p = {};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct errmsg em = {};

                assert_int_equal(set(c, rows[i].text, &em), -EINVAL);
                assert_says(em, rows[i].says);
                assert_false(chaos_match(c, &read, &p));
        }
        chaos_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(operations), cmocka_unit_test(changes),
                cmocka_unit_test(counting),   cmocka_unit_test(chance_and_sums),
                cmocka_unit_test(refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
