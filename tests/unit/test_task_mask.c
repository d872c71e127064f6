#include "tests/unit/base_test.h"

#include "daemons/task/task_mask.h"

static void add(struct task_mask *m, const char *value) {
        assert_int_equal(task_mask_add(m, value, strlen(value)), 0);
}

static void assert_masked(const struct task_mask *m, const char *text, const char *want) {
        char out[4096];
        size_t n = strlen(text);

        memcpy(out, text, n);
        n = task_mask_apply(m, out, n);
        out[n] = 0;
        assert_string_equal(out, want);
}

static void forms_of_a_secret(void **state) {
        struct task_mask m = {};

        add(&m, "tr0ub/\"dor\"&3 \xc3\xa4");
        assert_masked(&m, "it is tr0ub/\"dor\"&3 \xc3\xa4!", "it is ***!");
        assert_masked(&m, "x=tr0ub%2F%22dor%22%263%20%C3%A4&y", "x=***&y"); /* quote(safe='') */
        assert_masked(&m, "x=tr0ub/%22dor%22%263%20%C3%A4&y", "x=***&y");   /* quote() */
        assert_masked(&m, "x=tr0ub%2F%22dor%22%263+%C3%A4&y", "x=***&y");   /* a form */
        assert_masked(&m, "{\"p\": \"tr0ub/\\\"dor\\\"&3 \xc3\xa4\"}", "{\"p\": \"***\"}");
        assert_masked(&m, "{\"p\": \"tr0ub/\\\"dor\\\"&3 \\u00e4\"}", "{\"p\": \"***\"}");
        assert_masked(&m, "tr0ub/", "tr0ub/");
        task_mask_done(&m);
}

static void short_ones_are_no_secrets(void **state) {
        struct task_mask m = {};

        add(&m, "1234");
        add(&m, "");
        assert_int_equal(m.n, 0);
        assert_masked(&m, "1234", "1234");
        add(&m, "12345");
        assert_masked(&m, "123456", "***6");
        task_mask_done(&m);
}

static void the_longest_wins(void **state) {
        struct task_mask m = {};

        add(&m, "secret");
        add(&m, "secret-longer");
        assert_masked(&m, "secret-longer secret-lon", "*** ***-lon");
        task_mask_done(&m);
}

static void lines_of_a_key(void **state) {
        struct task_mask m = {};

        add(&m, "-----BEGIN KEY-----\nMIIEvgIBADANBg\nab\n-----END KEY-----\n");
        assert_masked(&m, "MIIEvgIBADANBg", "***");
        assert_masked(&m, "ab", "ab");
        assert_masked(&m, "\"-----BEGIN KEY-----\\nMIIEvgIBADANBg\\nab\\n-----END KEY-----\\n\"",
                      "\"***\"");
        task_mask_done(&m);
        add(&m, "one-line-and-its-end\n");
        assert_masked(&m, "<one-line-and-its-end>", "<***>");
        task_mask_done(&m);
}

static void what_may_become_one_is_not_ready(void **state) {
        struct task_mask m = {};

        assert_int_equal(task_mask_ready(&m, "abc", 3), 3);
        add(&m, "secret");
        add(&m, "secret-longer");
        assert_int_equal(task_mask_ready(&m, "the sec", 7), 4);
        assert_int_equal(task_mask_ready(&m, "the secx", 8), 8);
        assert_int_equal(task_mask_ready(&m, "the secret", 10), 4); /* a longer one may come */
        assert_int_equal(task_mask_ready(&m, "the secret!", 11), 11);
        assert_int_equal(task_mask_ready(&m, "s", 1), 0);
        task_mask_done(&m);
}

static void a_very_long_one(void **state) {
        struct task_mask m = {};
        static char value[3 * TASK_MASK_PIECE_MAX + 100], text[sizeof(value) + 2];

        for (size_t i = 0; i < sizeof(value); i++)
                value[i] = "abcdefghijklmnopqrs"[i * i % 19];
        assert_int_equal(task_mask_add(&m, value, sizeof(value)), 0);
        memcpy(text + 1, value, sizeof(value));
        text[0] = text[sizeof(text) - 1] = '!';
        assert_int_equal(task_mask_apply(&m, text, sizeof(text)), 2 + 4 * 3);
        assert_memory_equal(text, "!************!", 14);
        task_mask_done(&m);
}

static void there_is_a_limit(void **state) {
        struct task_mask m = {};
        char value[32];
        int r = 0;

        for (int i = 0; i <= TASK_MASK_MAX && r == 0; i++) {
                snprintf(value, sizeof(value), "%x-%d", i % 251, i + 100000);
                r = task_mask_add(&m, value, strlen(value));
        }
        assert_int_equal(r, -ENOSPC);
        assert_int_equal(m.n, TASK_MASK_MAX);
        assert_masked(&m, "<1-100001>", "<***>");
        task_mask_done(&m);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(forms_of_a_secret),
                cmocka_unit_test(short_ones_are_no_secrets),
                cmocka_unit_test(the_longest_wins),
                cmocka_unit_test(lines_of_a_key),
                cmocka_unit_test(what_may_become_one_is_not_ready),
                cmocka_unit_test(a_very_long_one),
                cmocka_unit_test(there_is_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
