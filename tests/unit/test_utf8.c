#include "tests/unit/base_test.h"

#include "lib/base/utf8.h"

static void every_character_round_trips(void **state) {
        (void) state;
        for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
                char text[4];
                uint32_t back;
                size_t n;

                if (cp >= 0xD800 && cp <= 0xDFFF)
                        continue;
                n = utf8_encode(cp, text);
                assert_int_equal(utf8_decode(text, n, &back), n);
                assert_int_equal(back, cp);
                if (n > 1)
                        assert_int_equal(utf8_decode(text, n - 1, &back), -EINVAL);
        }
}

static void bad_forms_are_refused(void **state) {
        static const char *const bad[] = {
                "\x80",
                "\xc0\x80",
                "\xc1\xbf",
                "\xe0\x80\x80",
                "\xed\xa0\x80",
                "\xed\xbf\xbf",
                "\xf0\x80\x80\x80",
                "\xf4\x90\x80\x80",
                "\xf8\x88\x80\x80",
                "\xff",
                "\xc3",
                "\xe2\x82",
                "\xc3\x28",
                "\xe2\x28\xa1",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                char text[32];
                int n = snprintf(text, sizeof(text), "0123456789%s", bad[i]);

                assert_false(utf8_valid(bad[i], strlen(bad[i])));
                assert_int_equal(utf8_valid_len(text, (size_t) n), 10);
        }
        assert_true(utf8_valid("", 0));
        assert_true(utf8_valid("na\xc3\xafve \xf0\x9f\x98\x80 0123456789", 22));
}

static void cutting(void **state) {
        const char *s = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
        static const size_t cut[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10, 10};

        (void) state;
        for (size_t max = 0; max < ARRAY_SIZE(cut); max++)
                assert_int_equal(utf8_cut(s, max), cut[max]);
}

static void counting(void **state) {
        (void) state;
        assert_int_equal(utf8_count("a\xc3\xa9\xf0\x9f\x98\x80", 7), 3);
        assert_int_equal(utf8_width("abc"), 3);
        assert_int_equal(utf8_width("\xe6\x97\xa5\xe6\x9c\xac"), 4);
        assert_int_equal(utf8_width("e\xcc\x81"), 1);
        assert_int_equal(utf8_width("\xf0\x9f\x98\x80"), 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_character_round_trips),
                cmocka_unit_test(bad_forms_are_refused),
                cmocka_unit_test(cutting),
                cmocka_unit_test(counting),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
