#include "tests/unit/base_test.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"

static void comparing(void **state) {
        (void) state;
        assert_true(str_eq(NULL, NULL));
        assert_false(str_eq("a", NULL));
        assert_true(str_eq_fold("HeLLo", "hEllO"));
        assert_false(str_eq_fold("hello", "hell"));
        assert_false(str_eq_fold("hell", "hello"));
        assert_string_equal(str_after("prefix-x", "prefix-"), "x");
        assert_null(str_after("pre", "prefix"));
        assert_true(str_ends("a.json", ".json"));
        assert_false(str_ends("n", ".json"));
}

static void stripping(void **state) {
        char a[] = " \t x y \r\n", b[] = "   ", c[] = "MiXed-1";

        (void) state;
        assert_string_equal(str_strip(a), "x y");
        assert_string_equal(str_strip(b), "");
        str_lower(c);
        assert_string_equal(c, "mixed-1");
}

static void names(void **state) {
        (void) state;
        assert_true(str_is_name("iris-classification_2.1", 64));
        assert_false(str_is_name("", 64));
        assert_false(str_is_name(NULL, 64));
        assert_false(str_is_name("..", 64));
        assert_false(str_is_name(".", 64));
        assert_false(str_is_name("a/b", 64));
        assert_false(str_is_name("abc", 2));
        assert_false(str_is_name("caf\xc3\xa9", 64));
}

static void integers(void **state) {
        uint64_t u = 7;
        int64_t i = 7;
        int n = 7;

        (void) state;
        assert_int_equal(str_to_i64("-9223372036854775808", &i), 0);
        assert_true(i == INT64_MIN);
        assert_int_equal(str_to_i64("9223372036854775808", &i), -ERANGE);
        assert_int_equal(str_to_u64("18446744073709551615", &u), 0);
        assert_true(u == UINT64_MAX);
        assert_int_equal(str_to_u64("18446744073709551616", &u), -ERANGE);
        assert_int_equal(str_to_u64("-1", &u), -ERANGE);
        assert_int_equal(str_to_i64("", &i), -EINVAL);
        assert_int_equal(str_to_i64("-", &i), -EINVAL);
        assert_int_equal(str_to_i64("1 ", &i), -EINVAL);
        assert_int_equal(str_to_i64(" 1", &i), -EINVAL);
        assert_int_equal(str_to_i64("0x10", &i), -EINVAL);
        assert_int_equal(str_to_int("2147483648", &n), -ERANGE);
        assert_int_equal(n, 7);
}

static void doubles(void **state) {
        double d = 7;

        (void) state;
        assert_int_equal(str_to_f64("-2.5e-3", &d), 0);
        assert_true(d == -2.5e-3);
        assert_int_equal(str_to_f64(".5", &d), 0);
        assert_true(d == 0.5);
        assert_int_equal(str_to_f64("+1.", &d), 0);
        assert_true(d == 1.0);
        assert_int_equal(str_to_f64("nan", &d), -EINVAL);
        assert_int_equal(str_to_f64("inf", &d), -EINVAL);
        assert_int_equal(str_to_f64("0x1", &d), -EINVAL);
        assert_int_equal(str_to_f64("1e", &d), -EINVAL);
        assert_int_equal(str_to_f64(".", &d), -EINVAL);
        assert_int_equal(str_to_f64("1e999", &d), -ERANGE);
        assert_true(d == 1.0);
}

static void booleans(void **state) {
        bool b = false;

        (void) state;
        assert_int_equal(str_to_bool("Yes", &b), 0);
        assert_true(b);
        assert_int_equal(str_to_bool("off", &b), 0);
        assert_false(b);
        assert_int_equal(str_to_bool("maybe", &b), -EINVAL);
        assert_int_equal(str_to_bool("", &b), -EINVAL);
}

static void sizes(void **state) {
        uint64_t n = 7;

        (void) state;
        assert_int_equal(str_to_size("64M", &n), 0);
        assert_int_equal(n, 64 << 20);
        assert_int_equal(str_to_size("1.5k", &n), 0);
        assert_int_equal(n, 1536);
        assert_int_equal(str_to_size("12", &n), 0);
        assert_int_equal(n, 12);
        assert_int_equal(str_to_size("3B", &n), 0);
        assert_int_equal(n, 3);
        assert_int_equal(str_to_size("M", &n), -EINVAL);
        assert_int_equal(str_to_size("1MM", &n), -EINVAL);
        assert_int_equal(str_to_size("1.2.3K", &n), -EINVAL);
        assert_int_equal(str_to_size("-1", &n), -EINVAL);
        assert_int_equal(str_to_size("99999999999T", &n), -ERANGE);
        assert_int_equal(n, 3);
}

static void spans(void **state) {
        static const struct {
                const char *text;
                usec_t usec;
        } good[] = {
                {"15s", 15 * USEC_PER_SEC},
                {"15", 15 * USEC_PER_SEC},
                {"1h 30min", 90 * USEC_PER_MINUTE},
                {"1h30min", 90 * USEC_PER_MINUTE},
                {"250ms", 250 * USEC_PER_MSEC},
                {"2 days", 2 * USEC_PER_DAY},
                {"1w", 7 * USEC_PER_DAY},
                {"0.5s", 500 * USEC_PER_MSEC},
                {"7us", 7},
                {"infinity", USEC_INFINITY},
                {"0", 0},
        };
        static const char *const bad[] = {"",   "s",     "1x",  "-1s", "1 2x",
                                          "s1", "1..5s", " 1s", "1s s"};
        usec_t v = 99;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                assert_int_equal(str_to_span(good[i].text, &v), 0);
                assert_int_equal(v, good[i].usec);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(str_to_span(bad[i], &v), -EINVAL);
        assert_int_equal(str_to_span("99999999999999w", &v), -ERANGE);
}

static void copying(void **state) {
        _cleanup_free_ char *s = str_printf("%s=%d", "n", 5);
        char small[4];

        (void) state;
        assert_string_equal(s, "n=5");
        assert_int_equal(str_copy(small, sizeof(small), "abc"), 0);
        assert_string_equal(small, "abc");
        assert_int_equal(str_copy(small, sizeof(small), "abcd"), -E2BIG);
        assert_string_equal(small, "");
}

static void lists(void **state) {
        _cleanup_(str_free_listp) char **list = str_split("  a bb,,ccc ", " ,");

        (void) state;
        assert_int_equal(str_count(list), 3);
        assert_string_equal(list[2], "ccc");
        assert_true(str_in("bb", list));
        assert_false(str_in("b", list));
        assert_int_equal(str_list_add(&list, "d"), 0);
        assert_int_equal(str_count(list), 4);
        assert_false(str_in("x", NULL));
        assert_int_equal(str_count(NULL), 0);
}

static void a_failing_split_leaks_nothing(void **state) {
        (void) state;
        for (unsigned nth = 1; nth <= 7; nth++) {
                fault_arm(FAULT_ALLOC, nth, 0, 1);
                assert_null(str_split("a b c", " "));
        }
}

static void words(void **state) {
        (void) state;
        assert_true(str_has_word("a,bc", ",", "a"));
        assert_true(str_has_word("a,bc", ",", "bc"));
        assert_true(str_has_word(", bc ,", ", ", "bc"));
        assert_false(str_has_word("a,bc", ",", "b"));
        assert_false(str_has_word("a,bc", ",", "bcd"));
        assert_false(str_has_word("", ",", "a"));
        assert_false(str_has_word("a", ",", ""));
}

static void nearest(void **state) {
        static const char *const names_[] = {"listen", "max_body", "timeout"};

        (void) state;
        assert_int_equal(str_distance("", "abc"), 3);
        assert_int_equal(str_distance("kitten", "sitting"), 3);
        assert_int_equal(str_distance("ab", "ba"), 1);
        assert_string_equal(str_nearest("lisen", names_, 3), "listen");
        assert_string_equal(str_nearest("tiemout", names_, 3), "timeout");
        assert_null(str_nearest("zzzz", names_, 3));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(comparing),
                cmocka_unit_test(stripping),
                cmocka_unit_test(names),
                cmocka_unit_test(integers),
                cmocka_unit_test(doubles),
                cmocka_unit_test(booleans),
                cmocka_unit_test(sizes),
                cmocka_unit_test(spans),
                cmocka_unit_test(copying),
                cmocka_unit_test(lists),
                cmocka_unit_test_teardown(a_failing_split_leaks_nothing, base_test_no_faults),
                cmocka_unit_test(words),
                cmocka_unit_test(nearest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
