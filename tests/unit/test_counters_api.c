/* The text Prometheus reads. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/counters_api.h"

static void test_text(void **state) {
        _cleanup_buf_ struct buf out = {};
        struct instance *list[1];
        struct loop *l;

        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(instance_new(l, "p:r:i", false, false, list), 0);
        assert_int_equal(counters_api_print(list, 1, "", "ID", &out), 0);
        assert_string_equal(buf_cstr(&out), "");
        atomic_store(&list[0]->counters.n_sent, 12);
        instance_report(list[0], 0, NULL, "CIPHER", 7 * USEC_PER_MSEC);
        assert_int_equal(counters_api_print(list, 1, "my-ns", "I\"D", &out), 0);
        assert_non_null(strstr(out.data,
                               "# TYPE my_ns_cloudsqlconn_bytes_sent counter\n"
                               "my_ns_cloudsqlconn_bytes_sent{cloudsql_dialer_id=\"I\\\"D\","
                               "cloudsql_instance=\"p:r:i\"} 12\n"));
        assert_non_null(strstr(out.data, "open_connections{cloudsql_dialer_id=\"I\\\"D\","
                                         "cloudsql_instance=\"p:r:i\"} 0\n"));
        assert_non_null(strstr(out.data, "le=\"5\"} 0\n"));
        assert_non_null(strstr(out.data, "le=\"25\"} 1\n"));
        assert_non_null(strstr(out.data, "le=\"+Inf\"} 1\n"));
        assert_non_null(strstr(out.data, "dial_latency_sum{cloudsql_dialer_id=\"I\\\"D\","
                                         "cloudsql_instance=\"p:r:i\"} 7\n"));
        assert_null(strstr(out.data, "bytes_received"));
        loop_post_flush(l);
        instance_free(list[0]);
        loop_free(l);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
