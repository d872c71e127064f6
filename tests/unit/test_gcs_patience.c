#include "lib/gcp/gcs_patience.h"

#include "tests/unit/base_test.h"

static const struct gcs_patience_options options = {
        .first_for = 20 * USEC_PER_SEC,
        .least_for = 1500 * USEC_PER_MSEC,
        .most_for = 60 * USEC_PER_SEC,
        .n_rises = 15,
        .percentile = 0.99,
};

static void test_none(void **state) {
        struct gcs_patience p;

        gcs_patience_init(&p, &(struct gcs_patience_options){});
        assert_int_equal(gcs_patience_for(&p), 0);
        gcs_patience_saw(&p, USEC_PER_SEC);
        assert_int_equal(gcs_patience_for(&p), 0);
}

static void test_bounds(void **state) {
        struct gcs_patience p;

        gcs_patience_init(&p, &options);
        assert_int_equal(gcs_patience_for(&p), options.first_for);
        /* So many late ones double it. */
        for (int i = 0; i < 15; i++)
                gcs_patience_saw(&p, gcs_patience_for(&p));
        assert_in_range(gcs_patience_for(&p), 39999900, 40000000);
        for (int i = 0; i < 100; i++)
                gcs_patience_saw(&p, USEC_INFINITY);
        assert_int_equal(gcs_patience_for(&p), options.most_for);
        for (int i = 0; i < 20000; i++)
                gcs_patience_saw(&p, USEC_PER_MSEC);
        assert_int_equal(gcs_patience_for(&p), options.least_for);
}

/* Of reads that take up to 10 s, all alike, about one of a hundred is asked for again. */
static void test_percentile(void **state) {
        struct gcs_patience p;
        uint32_t x = 7;

        gcs_patience_init(&p, &options);
        for (int i = 0; i < 100000; i++) {
                x = x * 1664525 + 1013904223;
                gcs_patience_saw(&p, (usec_t) (x >> 8) * 10 * USEC_PER_SEC >> 24);
        }
        assert_in_range(gcs_patience_for(&p), 9 * USEC_PER_SEC, 11 * USEC_PER_SEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_none),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_percentile),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
