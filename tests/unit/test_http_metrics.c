/* Counters and their text. */
#include "tests/unit/net_test_cmocka.h"

#include "lib/net/http_metrics.h"

static int handle(struct http_request *req) {
        return 0;
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_GET, "/a/{id}", handle, 0, 0),
        HTTP_ROUTE(HTTP_POST, "/b", handle, 0, 0),
        HTTP_ROUTE(HTTP_ANY, "/c", handle, 0, 0),
};

static void test_text(void **state) {
        _cleanup_buf_ struct buf out = {};
        struct http_metrics m;

        assert_int_equal(http_metrics_init(&m, rows, ARRAY_SIZE(rows)), 0);
        http_metrics_count(&m, &rows[0], 200, 50);
        http_metrics_count(&m, &rows[0], 404, 400);
        http_metrics_count(&m, &rows[2], 200, 60 * USEC_PER_SEC);
        http_metrics_count(&m, NULL, 404, 10);
        assert_int_equal(http_metrics_print(&m, &out), 0);
        assert_non_null(strstr(out.data,
                               "requests_total{method=\"GET\",path=\"/a/{id}\",code=\"2xx\"} 1\n"));
        assert_non_null(strstr(out.data,
                               "requests_total{method=\"GET\",path=\"/a/{id}\",code=\"4xx\"} 1\n"));
        assert_non_null(
                strstr(out.data, "bucket{method=\"GET\",path=\"/a/{id}\",le=\"0.0001\"} 1\n"));
        assert_non_null(
                strstr(out.data, "bucket{method=\"GET\",path=\"/a/{id}\",le=\"0.0005\"} 2\n"));
        assert_non_null(strstr(out.data, "sum{method=\"GET\",path=\"/a/{id}\"} 0.000450\n"));
        assert_non_null(strstr(out.data, "bucket{method=\"*\",path=\"/c\",le=\"10\"} 0\n"));
        assert_non_null(strstr(out.data, "bucket{method=\"*\",path=\"/c\",le=\"+Inf\"} 1\n"));
        assert_non_null(strstr(out.data, "requests_total{method=\"\",path=\"\",code=\"4xx\"} 1\n"));
        assert_null(strstr(out.data, "/b"));
        http_metrics_done(&m);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_text)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
