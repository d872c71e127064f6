#include "daemons/tracking/mlruns_point.h"

#include <float.h>

#include "tests/unit/tracking_test.h"

static void test_lines(void **state) {
        static const struct {
                const char *line;
                bool good;
                struct mlruns_point point;
        } rows[] = {
                {"12 0.5 3", true, {12, 3, 0.5, false}},
                {"12 0.5", true, {12, 0, 0.5, false}},
                {"-1 -1e-300 -7 run data", true, {-1, -7, -1e-300, false}},
                {"1 nan 2", true, {1, 2, 0, true}},
                {"1 inf 2", true, {1, 2, DBL_MAX, false}},
                {"1 -inf 2", true, {1, 2, -DBL_MAX, false}},
                {"", false, {}},
                {"1", false, {}},
                {"x 1 2", false, {}},
                {"1 x 2", false, {}},
                {"1 2 x", false, {}},
                {"1.5 2 3", false, {}},
                {"99999999999999999999 1 1", false, {}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct mlruns_point p = {};

                assert_int_equal(mlruns_point_parse(rows[i].line, &p), rows[i].good);
                assert_int_equal(p.at_ms, rows[i].point.at_ms);
                assert_int_equal(p.step, rows[i].point.step);
                assert_true(p.value == rows[i].point.value);
                assert_int_equal(p.is_nan, rows[i].point.is_nan);
        }
}

static void test_later(void **state) {
        const struct mlruns_point a = {5, 1, 9, false}, b = {1, 2, 0, false}, c = {2, 2, 0, false},
                                  d = {2, 2, 1, false};

        assert_true(mlruns_point_is_later(&b, &a));
        assert_true(mlruns_point_is_later(&c, &b));
        assert_true(mlruns_point_is_later(&d, &c));
        assert_false(mlruns_point_is_later(&d, &d));
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines),
                                           cmocka_unit_test(test_later)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
