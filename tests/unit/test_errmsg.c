#include "tests/unit/base_test.h"

#include "lib/base/utf8.h"

static void null_is_fine(void **state) {
        (void) state;
        errmsg_set(NULL, "%s", "x");
        errmsg_prefix(NULL, "x");
        assert_int_equal(errmsg_fail(NULL, -EINVAL, "x"), -EINVAL);
        assert_int_equal(errmsg_errno(NULL, -EIO, "x"), -EIO);
}

static void words(void **state) {
        struct errmsg em;

        (void) state;
        assert_int_equal(errmsg_fail(&em, -EINVAL, "bad %d", 5), -EINVAL);
        assert_string_equal(em.text, "bad 5");
        errmsg_prefix(&em, "file:%d", 3);
        assert_string_equal(em.text, "file:3: bad 5");
        assert_int_equal(errmsg_errno(&em, -ENOENT, "a/b"), -ENOENT);
        assert_string_equal(em.text, "a/b: No such file or directory");
        assert_string_equal(errmsg_strerror(EIO), errmsg_strerror(-EIO));
        assert_string_equal(errmsg_strerror(-99999), "unknown error");
}

static void long_texts_are_cut_between_characters(void **state) {
        struct errmsg em;
        char text[2000];

        (void) state;
        for (size_t shift = 0; shift < 3; shift++) {
                memset(text, 'x', shift);
                for (size_t i = shift; i + 3 < sizeof(text); i += 3)
                        memcpy(text + i, "\xe2\x82\xac", 4);
                errmsg_set(&em, "%s", text);
                assert_true(utf8_valid(em.text, strlen(em.text)));
                assert_in_range(strlen(em.text), sizeof(em.text) - 4, sizeof(em.text) - 1);
                errmsg_prefix(&em, "in front");
                assert_true(utf8_valid(em.text, strlen(em.text)));
        }
}

static void hostile_bytes_are_tamed(void **state) {
        struct errmsg em;

        (void) state;
        errmsg_set(&em, "a\x1b[31m\xff\xfe b\nc");
        assert_string_equal(em.text, "a [31m?? b c");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(null_is_fine),
                cmocka_unit_test(words),
                cmocka_unit_test(long_texts_are_cut_between_characters),
                cmocka_unit_test(hostile_bytes_are_tamed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
