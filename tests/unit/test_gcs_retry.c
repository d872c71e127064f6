#include "lib/gcp/gcs_retry.h"

#include "tests/unit/base_test.h"

static void test_meaning(void **state) {
        assert_true(gcs_retry_status_helps(408));
        assert_true(gcs_retry_status_helps(429));
        assert_true(gcs_retry_status_helps(503));
        assert_true(gcs_retry_status_helps(599));
        assert_false(gcs_retry_status_helps(501));
        assert_false(gcs_retry_status_helps(404));
        assert_false(gcs_retry_status_helps(412));
        assert_true(gcs_retry_error_helps(-ECONNRESET));
        assert_true(gcs_retry_error_helps(-ETIMEDOUT));
        assert_false(gcs_retry_error_helps(-ECANCELED));
        assert_false(gcs_retry_error_helps(-EKEYREJECTED));
        /* Who takes the bytes says that they are wrong: going on behind them helps nobody. */
        assert_false(gcs_retry_error_helps(-EBADMSG));
        assert_false(gcs_retry_error_helps(0));
        assert_int_equal(gcs_retry_status_errno(200), 0);
        assert_int_equal(gcs_retry_status_errno(308), 0);
        assert_int_equal(gcs_retry_status_errno(404), -ENOENT);
        assert_int_equal(gcs_retry_status_errno(412), -ESTALE);
        assert_int_equal(gcs_retry_status_errno(403), -EACCES);
        assert_int_equal(gcs_retry_status_errno(599), -EIO);
}

static void test_wait(void **state) {
        const struct gcs_retry_policy p = {
                .min_for = USEC_PER_SEC, .max_for = 30 * USEC_PER_SEC, .multiplier = 2};

        assert_int_equal(gcs_retry_wait(&p, 1, 0), 0);
        /* The greatest chance gives all but the bound. */
        assert_in_range(gcs_retry_wait(&p, 1, UINT64_MAX), 999990, USEC_PER_SEC);
        assert_in_range(gcs_retry_wait(&p, 3, UINT64_MAX), 3999990, 4 * USEC_PER_SEC);
        assert_in_range(gcs_retry_wait(&p, 1000, UINT64_MAX), 29999990, 30 * USEC_PER_SEC);
        assert_in_range(gcs_retry_wait(&p, 2, UINT64_MAX / 2), 999990, USEC_PER_SEC + 10);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_meaning),
                cmocka_unit_test(test_wait),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
