/* Reads, counted by whether they went on and whether the bucket was waited for. */
#include "fuse-gcs/read_meter.h"

#include <string.h>

#include "tests/unit/base_test.h"

static void assert_prints(const char *line) {
        _cleanup_buf_ struct buf b = {};

        read_meter_print(&b);
        assert_int_equal(buf_error(&b), 0);
        if (!strstr(b.data, line))
                fail_msg("%s is not in:\n%s", line, b.data);
}

static void test_nobody_asks(void **state) {
        read_meter_set(false, false);
        assert_int_equal(read_meter_begin(), 0);
        assert_prints("file_cache_read_count{cache_hit=\"true\",read_type=\"Random\"} 0\n");
        assert_prints("file_cache_read_latencies_count{cache_hit=\"true\"} 0\n");
}

static void test_counts(void **state) {
        read_meter_set(true, false);
        assert_true(read_meter_begin() > 0);
        read_meter_end(read_meter_begin(), true, false, 1000);
        read_meter_end(read_meter_begin(), true, true, 24);
        read_meter_end(read_meter_begin(), false, true, 7);
        assert_prints("file_cache_read_bytes_count{read_type=\"Sequential\"} 1024\n");
        assert_prints("file_cache_read_bytes_count{read_type=\"Random\"} 7\n");
        assert_prints("file_cache_read_count{cache_hit=\"false\",read_type=\"Sequential\"} 1\n");
        assert_prints("file_cache_read_count{cache_hit=\"true\",read_type=\"Sequential\"} 1\n");
        assert_prints("file_cache_read_count{cache_hit=\"true\",read_type=\"Random\"} 1\n");
        assert_prints("file_cache_read_count{cache_hit=\"false\",read_type=\"Random\"} 0\n");
        assert_prints("file_cache_read_latencies_count{cache_hit=\"false\"} 1\n");
        assert_prints("file_cache_read_latencies_count{cache_hit=\"true\"} 2\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nobody_asks),
                cmocka_unit_test(test_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
