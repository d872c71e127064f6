#include "tests/unit/base_test.h"

#include "cli/show.h"

#define NOW (UINT64_C(1767323045) * USEC_PER_SEC) /* 2026-01-02T03:04:05Z */

static void cells(void **state) {
        static const char text[] =
                "{\"s\":\"x\",\"n\":1.50,\"b\":true,\"z\":null,\"from\":\"2026-01-02T03:03:00Z\","
                "\"to\":\"2026-01-02T03:04:00.5+00:00\",\"bad\":\"soon\"}";
        _cleanup_(arena_done) struct arena a;
        struct json *j;

        (void) state;
        arena_init(&a, 0);
        assert_int_equal(json_parse_copy(&a, text, strlen(text), &j, NULL), 0);
        assert_string_equal(show_text(j, "s"), "x");
        assert_string_equal(show_text(j, "n"), "-");
        assert_string_equal(show_text(NULL, "n"), "-");
        assert_string_equal(show_any(&a, j, "n"), "1.50");
        assert_string_equal(show_any(&a, j, "b"), "yes");
        assert_string_equal(show_any(&a, j, "z"), "-");
        assert_string_equal(show_time(&a, j, "from"), "2026-01-02 03:03:00Z");
        assert_string_equal(show_time(&a, j, "bad"), "-");
        assert_string_equal(show_relative(&a, j, "from", NOW), "1min 5s ago");
        assert_string_equal(show_relative(&a, j, "none", NOW), "-");
        assert_string_equal(show_span(&a, j, "from", "to", NOW), "1min");
        assert_string_equal(show_span(&a, j, "from", "none", NOW), "1min 5s");
        assert_string_equal(show_span(&a, j, "to", "from", NOW), "0s");
        assert_string_equal(show_span(&a, j, "none", "to", NOW), "-");
}

/* An instance is TASK[3]; what only looks like one is a name. */
static void instances_have_names(void **state) {
        static const char text[] = "[{\"task_id\":\"a\",\"map_index\":-1},"
                                   "{\"task_id\":\"a\",\"map_index\":12},{\"task_id\":\"b\"}]";
        static const char *const plain[] = {"a",   "",  "a[",    "a[]", "a[x]",
                                            "a[1", "[", "a[1]b", "a1]"};
        _cleanup_(arena_done) struct arena a;
        const char *map_index;
        struct json *j;

        (void) state;
        arena_init(&a, 0);
        assert_int_equal(json_parse_copy(&a, text, strlen(text), &j, NULL), 0);
        assert_string_equal(show_task(&a, json_at(j, 0)), "a");
        assert_string_equal(show_task(&a, json_at(j, 1)), "a[12]");
        assert_string_equal(show_task(&a, json_at(j, 2)), "b");
        assert_string_equal(show_task_split(&a, "a[12]", &map_index), "a");
        assert_string_equal(map_index, "12");
        for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
                assert_string_equal(show_task_split(&a, plain[i], &map_index), plain[i]);
                assert_null(map_index);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(cells),
                cmocka_unit_test(instances_have_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
