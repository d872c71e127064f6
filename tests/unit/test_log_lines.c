#include "tests/unit/base_test.h"

#include "daemons/scheduler/log_lines.h"

#define STAMP "2026-01-02T03:04:05.678901Z"

static void assert_line(const char *text, const char *time, char tag, const char *rest) {
        struct log_line line;

        log_lines_parse(text, strlen(text), &line);
        assert_int_equal(line.time_len, strlen(time));
        assert_memory_equal(line.time_len ? line.time : "", time, line.time_len);
        assert_int_equal(line.tag, tag);
        assert_int_equal(line.text_len, strlen(rest));
        assert_memory_equal(line.text, rest, line.text_len);
}

static void lines_and_what_only_looks_like_one(void **state) {
        (void) state;
        assert_line(STAMP " o text", STAMP, 'o', "text");
        assert_line(STAMP " e a b ", STAMP, 'e', "a b ");
        assert_line(STAMP " s ", STAMP, 's', "");
        assert_line(STAMP " o", "", 'o', STAMP " o");
        assert_line(STAMP " x text", "", 'o', STAMP " x text");
        assert_line("2026-01-02 03:04:05.678901Z o x", "", 'o', "2026-01-02 03:04:05.678901Z o x");
        assert_line("", "", 'o', "");
}

static void as_json(void **state) {
        static const char text[] = STAMP " e \"q\" \xff";
        _cleanup_buf_ struct buf b = {};
        struct log_line line;
        struct json_write w;

        (void) state;
        log_lines_parse(text, sizeof(text) - 1, &line);
        json_write_init(&w, &b, 0);
        log_lines_write(&w, &line);
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(b.data,
                            "{\"timestamp\":\"" STAMP "\",\"event\":\"\\\"q\\\" \xef\xbf\xbd\","
                            "\"stream\":\"stderr\",\"level\":\"error\"}");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_and_what_only_looks_like_one),
                cmocka_unit_test(as_json),
        };

        return cmocka_run_group_tests_name("log_lines", tests, NULL, NULL);
}
