#include "tests/unit/base_test.h"

#include "cli/cli_call.h"

static void paths_are_encoded(void **state) {
        struct cli c = {};
        const char *path;

        (void) state;
        arena_init(&c.arena, 0);
        assert_string_equal(cli_call_path(&c, "api", "dags", "a b/c", "~", NULL),
                            "/api/dags/a%20b%2Fc/~");
        path = cli_call_path(&c, "x", "caf\xc3\xa9+?#%", NULL);
        assert_string_equal(path, "/x/caf%C3%A9%2B%3F%23%25");
        path = cli_call_query(&c, "/x", "a", "1&2");
        path = cli_call_query(&c, path, "b", NULL);
        path = cli_call_query(&c, path, "c", "manual__2026-01-02T03:04:05+00:00");
        assert_string_equal(path, "/x?a=1%262&c=manual__2026-01-02T03%3A04%3A05%2B00%3A00");
        assert_null(cli_call_query(&c, NULL, "a", "b"));
        arena_done(&c.arena);
}

static void nobody_there(void **state) {
        struct cli c = {};
        const struct json *j;

        arena_init(&c.arena, 0);
        assert_int_equal(paths_init(&c.paths, *state, *state, NULL, NULL), 0);
        assert_int_equal(cli_call_get(&c, "tracking", "/health", &j), -ENOENT);
        assert_says(c.em, "onebox-tracking is not running here");
        assert_says(c.em, "onebox up");
        paths_done(&c.paths);
        arena_done(&c.arena);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths_are_encoded),
                dir_test(nobody_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
