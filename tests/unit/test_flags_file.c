/* One map from three languages. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/flags_file.h"
#include "lib/base/mem.h"

static void free_value(void *v) {
        mem_free(v);
}

static void expect(const char *kind, const char *text) {
        struct errmsg em = {};
        struct strmap m;

        strmap_init(&m, free_value);
        if (flags_file_parse(kind, text, strlen(text), "f", &m, &em) < 0)
                fail_msg("%s: %s", kind, em.text);
        assert_string_equal(strmap_get(&m, "port"), "5000");
        assert_string_equal(strmap_get(&m, "quiet"), "true");
        assert_string_equal(strmap_get(&m, "token"), "x");
        assert_null(strmap_get(&m, "list"));
        strmap_done(&m);
}

static void test_the_same_in_each(void **state) {
        expect("toml", "Port = 5000\nquiet = true\ntoken = \"x\"\nlist = [1]\n");
        expect("yaml", "Port: 5000\nquiet: yes\ntoken: x\nlist: [1]\n");
        expect("json", "{\"Port\": 5000, \"quiet\": true, \"token\": \"x\", \"list\": [1]}");
}

static void test_mistakes(void **state) {
        struct errmsg em = {};
        struct strmap m;

        strmap_init(&m, free_value);
        assert_true(flags_file_parse("json", "{", 1, "f", &m, &em) < 0);
        assert_true(flags_file_parse("yaml", "- 1", 3, "f", &m, &em) < 0);
        assert_says(em, "keys and values");
        assert_true(flags_file_parse("toml", "x", 1, "f", &m, &em) < 0);
        assert_int_equal(flags_file_parse("yaml", "", 0, "f", &m, &em), 0);
        strmap_done(&m);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_same_in_each),
                cmocka_unit_test(test_mistakes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
