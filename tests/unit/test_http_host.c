/* Host and Origin rules. */
#include "tests/unit/net_test_cmocka.h"

#include "lib/net/http_host.h"

static void test_local_names(void **state) {
        static const char *const good[] = {"localhost",  "localhost:5000",  "LOCALHOST:1",
                                           "127.0.0.1",  "127.0.0.1:65535", "[::1]",
                                           "[::1]:8080", "localhost:"};
        static const char *const bad[] = {"",
                                          "evil.example",
                                          "localhost.evil.example",
                                          "localhost:80:80",
                                          "localhost:80x",
                                          "localhost:123456",
                                          "127.0.0.2",
                                          "127.0.0.1.evil.example",
                                          "::1",
                                          "[::1",
                                          "[::1]x",
                                          ":80",
                                          " localhost",
                                          "localhost ",
                                          "user@localhost"};

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_true(http_host_allowed(good[i], NULL));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(http_host_allowed(bad[i], NULL));
        assert_false(http_host_allowed(NULL, "*"));
}

static void test_configured_names(void **state) {
        const char *list = "ml.example.org .corp.example box:8080";

        assert_true(http_host_allowed("ml.example.org", list));
        assert_true(http_host_allowed("ML.example.org:99", list));
        assert_false(http_host_allowed("x.ml.example.org", list));
        assert_true(http_host_allowed("a.corp.example", list));
        assert_true(http_host_allowed("corp.example", list));
        assert_false(http_host_allowed("evilcorp.example", list));
        assert_true(http_host_allowed("box:8080", list));
        assert_false(http_host_allowed("box:8081", list));
        assert_true(http_host_allowed("anything", "*"));
        assert_false(http_host_allowed("", "*"));
}

static void test_origin(void **state) {
        const char *host = "localhost:5000";

        assert_true(http_host_origin_allowed(HTTP_GET, host, "http://evil", "cross-site", NULL));
        assert_true(http_host_origin_allowed(HTTP_POST, host, NULL, NULL, NULL));
        assert_true(http_host_origin_allowed(HTTP_POST, host, NULL, "same-origin", NULL));
        assert_false(http_host_origin_allowed(HTTP_POST, host, NULL, "cross-site", NULL));
        assert_true(http_host_origin_allowed(HTTP_POST, host, "http://localhost:3000", NULL, NULL));
        assert_true(http_host_origin_allowed(HTTP_PUT, "a.b:1", "https://a.b:1", NULL, NULL));
        assert_false(http_host_origin_allowed(HTTP_PUT, "a.b:1", "https://a.b:2", NULL, NULL));
        assert_true(http_host_origin_allowed(HTTP_PUT, host, "https://a.b:2", NULL, "a.b"));
        assert_false(http_host_origin_allowed(HTTP_DELETE, host, "http://evil", NULL, NULL));
        assert_false(http_host_origin_allowed(HTTP_PATCH, host, "null", NULL, NULL));
        assert_false(http_host_origin_allowed(HTTP_OTHER, host, "", NULL, NULL));
        assert_false(
                http_host_origin_allowed(HTTP_POST, host, "http://localhost.evil", NULL, NULL));
        assert_false(http_host_origin_allowed(HTTP_POST, host, "http://x@localhost", NULL, NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_local_names),
                cmocka_unit_test(test_configured_names),
                cmocka_unit_test(test_origin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
