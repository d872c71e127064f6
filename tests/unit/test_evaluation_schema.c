#include "daemons/tracking/evaluation_schema.h"
#include "tests/unit/tracking_test.h"

static const char *update(struct tracking_test *t, const char *existing, const char *records) {
        struct json *j;
        const char *ret;

        assert_int_equal(json_parse_copy(&t->arena, records, strlen(records), &j, NULL), 0);
        assert_int_equal(evaluation_schema_update(existing, j, &t->arena, &ret), 0);
        return ret;
}

static void test_update(void **state) {
        struct tracking_test *t = *state;
        const char *first, *then;

        assert_null(update(t, NULL, "[]"));
        first = update(t, NULL,
                       "[{\"inputs\": {\"a\": 1, \"b\": null}, \"outputs\": {\"o\": [1]}},"
                       " {\"inputs\": {\"a\": \"x\", \"c\": 1.5}, \"expectations\": {\"e\": {}}}]");
        assert_string_equal(
                first, "{\"inputs\": {\"a\": \"integer\", \"b\": \"null\", \"c\": \"float\"}, "
                       "\"outputs\": {\"o\": \"array\"}, \"expectations\": {\"e\": \"object\"}, "
                       "\"version\": \"1.0\"}");
        assert_string_equal(update(t, first, "[]"), first);
        then = update(t, first, "[{\"inputs\": {\"d\": true}, \"outputs\": \"text\"}]");
        assert_non_null(strstr(then, "\"d\": \"boolean\""));
        assert_non_null(strstr(then, "\"outputs\": {\"o\": \"array\"}"));
}

static void test_whole_outputs(void **state) {
        struct tracking_test *t = *state;
        const char *text = update(t, NULL,
                                  "[{\"inputs\": {}, \"outputs\": \"x\"}, {\"outputs\": {\"a\": "
                                  "1}}, {\"outputs\": null}]");

        assert_non_null(strstr(text, "\"outputs\": \"string\""));
        assert_string_equal(update(t, text, "[{\"outputs\": [1]}]"), text);
}

static void test_broken(void **state) {
        struct tracking_test *t = *state;
        const char *ret;

        assert_int_equal(evaluation_schema_update("{", NULL, &t->arena, &ret), -EINVAL);
        assert_null(ret);
        assert_int_equal(evaluation_schema_merge("{", NULL, &t->arena, &ret), -EINVAL);
}

static void test_merge(void **state) {
        struct tracking_test *t = *state;
        static char given[] = "{\"b\": [2], \"c\": 1e2}";
        const char *ret;
        struct json *j;

        assert_int_equal(json_parse(&t->arena, given, strlen(given), &j, NULL), 0);
        assert_int_equal(
                evaluation_schema_merge("{\"a\": 1, \"b\": 1, \"z\": null}", j, &t->arena, &ret),
                0);
        assert_string_equal(ret, "{\"a\": 1, \"b\": [2], \"z\": null, \"c\": 100.0}");
        assert_int_equal(evaluation_schema_merge("null", j, &t->arena, &ret), 0);
        assert_string_equal(ret, "{\"b\": [2], \"c\": 100.0}");
        assert_int_equal(evaluation_schema_merge(NULL, NULL, &t->arena, &ret), 0);
        assert_string_equal(ret, "{}");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_update, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_whole_outputs, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_broken, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_merge, tracking_test_setup,
                                                tracking_test_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
