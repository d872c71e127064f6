/* The kernel's requests, counted: good ones, failed ones, how long they took, and what is printed.
 */
#include "fuse-gcs/op_meter.h"

#include <errno.h>
#include <string.h>

#include "lib/base/buf.h"
#include "tests/unit/base_test.h"

static void call(enum op_meter_op op, int error) {
        struct op_meter_call c;

        op_meter_begin(&c, op, "inode %d", 7);
        if (error)
                op_meter_failed(error);
        op_meter_end(&c);
}

static void assert_prints(const char *line, bool wanted) {
        _cleanup_buf_ struct buf b = {};

        op_meter_print(&b);
        assert_int_equal(buf_error(&b), 0);
        if ((strstr(b.data, line) != NULL) != wanted)
                fail_msg("%s is %s in:\n%s", line, wanted ? "not" : "there", b.data);
}

static void test_nobody_asks(void **state) {
        op_meter_set(false, false);
        call(OP_METER_read, 0);
        assert_prints("fs_ops_count{fs_op=\"ReadFile\"} 0\n", true);
}

static void test_counts(void **state) {
        struct op_meter_call outer;

        op_meter_set(true, false);
        call(OP_METER_lookup, 0);
        call(OP_METER_lookup, ENOENT);
        assert_prints("fs_ops_count{fs_op=\"LookUpInode\"} 2\n", true);
        assert_prints("fs_ops_error_count{fs_op=\"LookUpInode\"} 1\n", true);
        assert_prints("fs_ops_latency_count{fs_op=\"LookUpInode\"} 2\n", true);
        assert_prints("fs_ops_latencies_count{fs_op=\"LookUpInode\"} 2\n", true);
        assert_prints("fs_ops_latency_bucket{fs_op=\"LookUpInode\",le=\"+Inf\"} 2\n", true);
        /* Outside of a request nothing is anybody's. */
        op_meter_failed(EIO);
        /* One inside another: each has its own end. */
        op_meter_begin(&outer, OP_METER_open, "inode %d", 7);
        call(OP_METER_getattr, EIO);
        op_meter_end(&outer);
        assert_prints("fs_ops_error_count{fs_op=\"OpenFile\"} 0\n", true);
        assert_prints("fs_ops_error_count{fs_op=\"GetInodeAttributes\"} 1\n", true);
        /* Two names are never one row: Prometheus takes no text that says a thing twice. */
        assert_prints("fs_op=\"\"", false);
}

static void test_times(void **state) {
        _cleanup_buf_ struct buf b = {};
        struct op_meter_times t = {};

        op_meter_times_add(&t, 1);
        op_meter_times_add(&t, 10);
        op_meter_times_add(&t, 11);
        op_meter_times_add(&t, 40 * USEC_PER_SEC);
        op_meter_times_print(&t, "x", "l=\"a\"", &b);
        assert_int_equal(buf_error(&b), 0);
        assert_non_null(strstr(b.data, "x_bucket{l=\"a\",le=\"10\"} 2\n"));
        assert_non_null(strstr(b.data, "x_bucket{l=\"a\",le=\"20\"} 3\n"));
        assert_non_null(strstr(b.data, "x_bucket{l=\"a\",le=\"30000000\"} 3\n"));
        assert_non_null(strstr(b.data, "x_bucket{l=\"a\",le=\"+Inf\"} 4\n"));
        assert_non_null(strstr(b.data, "x_sum{l=\"a\"} 40000022\n"));
        assert_non_null(strstr(b.data, "x_count{l=\"a\"} 4\n"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nobody_asks),
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_times),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
