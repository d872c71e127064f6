#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "daemons/scheduler/core/placeholder.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"

static const struct dag_pair values[] = {
        {"a", "1"},         {"b", "{{a}}2"},       {"env", "prod"},    {"env_val-prod", "x"},
        {"nested-x", "ok"}, {"self", "{{self}}"},  {"p", "{{q}}"},     {"q", "{{p}}"},
        {"empty", ""},      {"lines", "1\n{{a}}"}, {"a.b-c_d", "dot"}, {"big", "{{a}}{{a}}"},
};

static int find(const void *user, const char *name, struct buf *value) {
        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                if (str_eq(values[i].key, name))
                        return buf_add_str(value, values[i].value);
        return 1;
}

static void expect(const char *text, const char *expected) {
        _cleanup_buf_ struct buf out = {};
        struct errmsg em = {};

        assert_int_equal(buf_add_str(&out, ">"), 0);
        if (placeholder_expand(text, find, NULL, &out, &em) < 0)
                fail_msg("%s: %s", text, em.text);
        assert_string_equal(buf_cstr(&out) + 1, expected);
}

static void expect_error(const char *text, const char *expected) {
        _cleanup_buf_ struct buf out = {};
        struct errmsg em = {};

        assert_int_equal(placeholder_expand(text, find, NULL, &out, &em), -EINVAL);
        assert_int_equal(out.len, 0);
        if (!strstr(em.text, expected))
                fail_msg("\"%s\" does not say \"%s\"", em.text, expected);
}

static void test_values(void **state) {
        expect("", "");
        expect("plain } { text", "plain } { text");
        expect("{{a}}", "1");
        expect("x{{ a }}y{{\ta\n}}z", "x1y1z");
        expect("{{b}}{{empty}}!", "12!");
        expect("{{a.b-c_d}}", "dot");
        expect("{{lines}}\n{{a}}", "1\n1\n1"); /* Liminal's code lost all lines but one */
}

static void test_names_are_built(void **state) {
        expect("something-{{nested-{{env_val-{{env}}}}}}", "something-ok");
        expect("{{env_val-{{nobody}}}}", "{{env_val-{{nobody}}}}");
}

static void test_unknown_stays(void **state) {
        expect("{{ds}} {{ ds_add(ds, 7) }}", "{{ds}} {{ ds_add(ds, 7) }}");
        expect("{{", "{{");
        expect("{{a", "{{a");
        expect("{{ {{a}}", "{{ 1");
        expect("}}{{a}}}}", "}}1}}");
        expect("{{}}", "{{}}");
        expect("{{ a b }}", "{{ a b }}");
        expect("{% if x %}{{{a}}}", "{% if x %}{{{a}}}");
}

static void test_circles_end(void **state) {
        expect_error("{{self}}", "refers to itself");
        expect_error("{{p}}", "refers to itself");
}

static void test_work_is_bounded(void **state) {
        enum { N = 40000 };
        char *text = mem_zalloc(PLACEHOLDER_SIZE_MAX + 2);

        assert_non_null(text);
        for (size_t i = 0; i < N; i++)
                memcpy(text + 2 * i, "{{", 2);
        expect_error(text, "too many");
        for (size_t i = 0; i < N / 2; i++)
                memcpy(text + 4 * i, "{{}}", 4);
        expect_error(text, "too many");
        memset(text, 'x', PLACEHOLDER_SIZE_MAX + 1);
        expect_error(text, "longer");
        mem_free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),          cmocka_unit_test(test_names_are_built),
                cmocka_unit_test(test_unknown_stays),   cmocka_unit_test(test_circles_end),
                cmocka_unit_test(test_work_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
