#include "tests/unit/arena_test.h"

#include "lib/base/yaml.h"
#include "lib/base/yaml_scalar.h"

static struct json resolve(const char *s) {
        struct json j = {};

        if (yaml_scalar_resolve(&arena, s, strlen(s), &j) != 0)
                fail_msg("%s", s);
        return j;
}

/* Pairs as PyYAML's safe_load gives them. */
static void numbers(void **state) {
        static const struct {
                const char *text, *value;
        } rows[] = {
                {"0", "0"},
                {"-0", "0"},
                {"+12", "12"},
                {"-12", "-12"},
                {"1_000", "1000"},
                {"0x1F", "31"},
                {"-0xff", "-255"},
                {"0b101", "5"},
                {"017", "15"},
                {"00", "0"},
                {"0_7", "7"},
                {"1:30", "90"},
                {"-1:30", "-90"},
                {"1:01:01", "3661"},
                {"190:20:30", "685230"},
                {"0x_1", "1"},
                {"12345678901234567890123", "12345678901234567890123"},
                {"1.0", "1.0"},
                {".5", "0.5"},
                {"1.", "1.0"},
                {"-1.5e+3", "-1500.0"},
                {"1.5e-7", "1.5e-07"},
                {"1_0.2_5", "10.25"},
                {"1:30.5", "90.5"},
                {"007.5", "7.5"},
                {"+0.0", "0.0"},
                {"6.8523015e+5", "685230.15"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct json j = resolve(rows[i].text);

                if (j.type != JSON_NUMBER || j.len != strlen(rows[i].value) ||
                    memcmp(j.str, rows[i].value, j.len) != 0)
                        fail_msg("%s: type %u, %.*s, not %s", rows[i].text, j.type, (int) j.len,
                                 j.str, rows[i].value);
        }
}

static void texts_that_only_look_like_numbers(void **state) {
        static const char *const rows[] = {
                "1e5", "1.5e3", "08",   "0o17",  "0x",     "0b",    "0b2", "1:60",   "1:", ":30",
                "+.5", "-",     "+",    ".",     "..",     "1.2.3", "12x", "0x1G",   "_1", "1:2:",
                "+-1", "1 2",   "0:30", "1.5e+", "-.inf.", "0x_",   "0b_", "1:5:60",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct json j = resolve(rows[i]);

                if (j.type != JSON_STRING || j.len != strlen(rows[i]))
                        fail_msg("%s became type %u: %.*s", rows[i], j.type, (int) j.len, j.str);
        }
}

static void words(void **state) {
        static const char *const yes[] = {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "ON"};
        static const char *const no[] = {"no", "No", "NO", "false", "False", "FALSE", "off", "OFF"};
        static const char *const null[] = {"", "~", "null", "Null", "NULL"};
        static const char *const text[] = {"y",    "n",   "Y",    "yES", "tRUE",
                                           "none", "nil", "nULL", "x"};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
                assert_int_equal(resolve(yes[i]).type, JSON_TRUE);
        for (size_t i = 0; i < ARRAY_SIZE(no); i++)
                assert_int_equal(resolve(no[i]).type, JSON_FALSE);
        for (size_t i = 0; i < ARRAY_SIZE(null); i++)
                assert_int_equal(resolve(null[i]).type, JSON_NULL);
        for (size_t i = 0; i < ARRAY_SIZE(text); i++)
                assert_int_equal(resolve(text[i]).type, JSON_STRING);
}

static void dates(void **state) {
        static const struct {
                const char *text;
                unsigned flags;
        } rows[] = {
                {"2026-01-02", YAML_DATE},
                {"2026-1-2", 0},
                {"2026-01-02T03:04:05Z", YAML_TIMESTAMP},
                {"2026-1-2 3:04:05", YAML_TIMESTAMP},
                {"2026-01-02t03:04:05.25", YAML_TIMESTAMP},
                {"2026-01-02 03:04:05.5 +01:00", YAML_TIMESTAMP},
                {"2026-01-02 03:04:05 -5", YAML_TIMESTAMP},
                {"2026-01-02 03:04", 0},
                {"2026-01-02T03:04:05X", 0},
                {"2026-01-02Z", 0},
                {"2026-01-022", 0},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct json j = resolve(rows[i].text);

                assert_int_equal(j.type, JSON_STRING);
                if (j.flags != rows[i].flags)
                        fail_msg("%s: %u", rows[i].text, j.flags);
        }
}

static void refusals(void **state) {
        struct json j = {};
        char digits[2000];

        (void) state;
        assert_int_equal(yaml_scalar_resolve(&arena, ".inf", 4, &j), -EINVAL);
        assert_int_equal(yaml_scalar_resolve(&arena, "-.INF", 5, &j), -EINVAL);
        assert_int_equal(yaml_scalar_resolve(&arena, ".NaN", 4, &j), -EINVAL);
        assert_int_equal(yaml_scalar_resolve(&arena, "0xfffffffffffffffff", 19, &j), -ERANGE);
        assert_int_equal(yaml_scalar_resolve(&arena, "1.0e+999", 8, &j), -ERANGE);
        memset(digits, '1', sizeof(digits));
        assert_int_equal(yaml_scalar_resolve(&arena, digits, sizeof(digits), &j), -ERANGE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                arena_test(numbers),  arena_test(texts_that_only_look_like_numbers),
                arena_test(words),    arena_test(dates),
                arena_test(refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
