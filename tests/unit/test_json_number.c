#include "tests/unit/base_test.h"

#include <float.h>
#include <math.h>

#include "lib/base/entropy.h"
#include "lib/base/json_number.h"

static void assert_prints(double v, const char *text) {
        char out[JSON_NUMBER_SIZE];
        size_t n = json_number_print_f64(v, out);

        assert_string_equal(out, text);
        assert_int_equal(n, strlen(text));
}

/* Pairs as Python's repr() gives them. */
static void as_python_prints(void **state) {
        static const struct {
                double v;
                const char *text;
        } rows[] = {
                {0.0, "0.0"},
                {-0.0, "-0.0"},
                {1.0, "1.0"},
                {-1.5, "-1.5"},
                {0.1, "0.1"},
                {0.3, "0.3"},
                {0.1 + 0.2, "0.30000000000000004"},
                {1e15, "1000000000000000.0"},
                {9007199254740991.0, "9007199254740991.0"},
                {9007199254740992.0, "9007199254740992.0"},
                {9007199254740993.0, "9007199254740992.0"},
                {9999999999999998.0, "9999999999999998.0"},
                {1e16, "1e+16"},
                {1.2345e16, "1.2345e+16"},
                {123456789012345680.0, "1.2345678901234568e+17"},
                {1e22, "1e+22"},
                {1e23, "1e+23"},
                {0.0001, "0.0001"},
                {0.00012345, "0.00012345"},
                {0.00001, "1e-05"},
                {1.5e-7, "1.5e-07"},
                {1e-100, "1e-100"},
                {5e-324, "5e-324"},
                {1.5e-323, "1.5e-323"},
                {DBL_MIN, "2.2250738585072014e-308"},
                {2.225073858507201e-308, "2.225073858507201e-308"},
                {DBL_MAX, "1.7976931348623157e+308"},
                {DBL_EPSILON, "2.220446049250313e-16"},
                {0x1p-1074 * 12345, "6.099e-320"},
                {4.35, "4.35"},
                {2.0 / 3, "0.6666666666666666"},
                {100.0 / 3, "33.333333333333336"},
                {1.7e308, "1.7e+308"},
                {9.5367431640625e-07, "9.5367431640625e-07"},
                {INFINITY, "Infinity"},
                {-INFINITY, "-Infinity"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_prints(rows[i].v, rows[i].text);
        assert_prints(NAN, "NaN");
}

/* Is there a shorter text? %.*e with one digit less must not read back. */
static void assert_shortest(double v, const char *text) {
        char shorter[40];
        int n_digits = 0;

        for (const char *p = text; *p && *p != 'e'; p++)
                n_digits += *p >= '0' && *p <= '9' && (n_digits > 0 || *p != '0');
        if (strstr(text, ".0") && !strchr(text, 'e'))
                return; /* whole numbers carry zeros */
        if (n_digits < 2)
                return;
        (void) snprintf(shorter, sizeof(shorter), "%.*e", n_digits - 2, v);
        if (strtod(shorter, NULL) == v)
                fail_msg("%s is longer than %s", text, shorter);
}

static void assert_round_trip(double v) {
        char out[JSON_NUMBER_SIZE];
        size_t n = json_number_print_f64(v, out);
        double back = 0;

        assert_int_equal(json_number_parse_f64(out, n, &back), 0);
        if (memcmp(&back, &v, sizeof(v)) != 0)
                fail_msg("%a printed as %s reads back as %a", v, out, back);
        if (strtod(out, NULL) != v)
                fail_msg("strtod disagrees on %s", out);
        assert_shortest(v, out);
}

static void random_bits_round_trip(void **state) {
        struct entropy_fake dice;

        (void) state;
        entropy_fake_init(&dice, 7);
        for (int i = 0; i < 200000; i++) {
                uint64_t bits;
                double v;

                assert_int_equal(entropy_fill(&dice.entropy, &bits, sizeof(bits)), 0);
                if (i % 4 == 1)
                        bits &= UINT64_C(0x800FFFFFFFFFFFFF); /* subnormal */
                memcpy(&v, &bits, sizeof(v));
                if (isfinite(v))
                        assert_round_trip(v);
        }
}

static void powers_and_their_neighbours(void **state) {
        (void) state;
        for (int e = -1074; e <= 1023; e++) {
                double v = ldexp(1.0, e);

                assert_round_trip(v);
                assert_round_trip(nextafter(v, INFINITY));
                assert_round_trip(nextafter(v, 0) > 0 ? nextafter(v, 0) : v);
        }
        for (int e = -307; e <= 308; e++) {
                char text[16];
                double v;

                (void) snprintf(text, sizeof(text), "1e%d", e);
                v = strtod(text, NULL);
                assert_round_trip(v);
                assert_round_trip(nextafter(v, INFINITY));
                assert_round_trip(nextafter(v, 0));
        }
}

static void decimal_texts_as_strtod(void **state) {
        struct entropy_fake dice;

        (void) state;
        entropy_fake_init(&dice, 9);
        for (int i = 0; i < 100000; i++) {
                uint64_t digits = 0, places = 0, exponent = 0;
                char text[64];
                double v = 0;
                int n;

                (void) entropy_fill(&dice.entropy, &digits, sizeof(digits));
                (void) entropy_below(&dice.entropy, 64, &places);
                (void) entropy_below(&dice.entropy, 60, &exponent);
                digits >>= places;
                n = snprintf(text, sizeof(text), "%llu.%llue%d", (unsigned long long) digits / 1000,
                             (unsigned long long) digits % 1000, (int) exponent - 30);
                assert_int_equal(json_number_parse_f64(text, (size_t) n, &v), 0);
                if (v != strtod(text, NULL))
                        fail_msg("%s: %a", text, v);
        }
}

static void integers(void **state) {
        char out[JSON_NUMBER_SIZE];
        uint64_t u = 7;
        int64_t i = 7;

        (void) state;
        assert_int_equal(json_number_print_i64(INT64_MIN, out), 20);
        assert_string_equal(out, "-9223372036854775808");
        assert_int_equal(json_number_parse_i64(out, 20, &i), 0);
        assert_true(i == INT64_MIN);
        json_number_print_u64(UINT64_MAX, out);
        assert_string_equal(out, "18446744073709551615");
        json_number_print_i64(0, out);
        assert_string_equal(out, "0");
        json_number_print_i64(-10, out);
        assert_string_equal(out, "-10");
        assert_int_equal(json_number_parse_i64("1.0", 3, &i), -EINVAL);
        assert_int_equal(json_number_parse_i64("1e3", 3, &i), -EINVAL);
        assert_int_equal(json_number_parse_i64("9223372036854775808", 19, &i), -ERANGE);
        assert_int_equal(json_number_parse_u64("-1", 2, &u), -ERANGE);
        assert_int_equal(json_number_parse_u64("-0", 2, &u), 0);
        assert_int_equal(u, 0);
        for (uint64_t p = 1; p < UINT64_MAX / 10; p *= 10) {
                char want[32];

                (void) snprintf(want, sizeof(want), "%llu", (unsigned long long) p - 1);
                json_number_print_u64(p - 1, out);
                assert_string_equal(out, want);
        }
}

static void too_great_and_too_long(void **state) {
        char text[JSON_NUMBER_LEN_MAX + 2];
        double v = 7;

        (void) state;
        assert_int_equal(json_number_parse_f64("1e309", 5, &v), -ERANGE);
        assert_int_equal(json_number_parse_f64("1e99999999999", 13, &v), -ERANGE);
        memset(text, '1', sizeof(text));
        assert_int_equal(json_number_parse_f64(text, JSON_NUMBER_LEN_MAX + 1, &v), -ERANGE);
        assert_true(v == 7);
        memset(text, '0', sizeof(text));
        text[1] = '.';
        text[900] = '1';
        assert_int_equal(json_number_parse_f64(text, 901, &v), 0);
        assert_true(v == 0);
        assert_int_equal(json_number_parse_f64("1e-99999999999", 14, &v), 0);
        assert_true(v == 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(as_python_prints),
                cmocka_unit_test(random_bits_round_trip),
                cmocka_unit_test(powers_and_their_neighbours),
                cmocka_unit_test(decimal_texts_as_strtod),
                cmocka_unit_test(integers),
                cmocka_unit_test(too_great_and_too_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
