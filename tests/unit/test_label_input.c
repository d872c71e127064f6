#include "daemons/tracking/label_input.h"
#include "tests/unit/tracking_test.h"

static int read_input(struct tracking_test *t, const char *text, struct label_input *ret) {
        struct json *j;

        assert_int_equal(json_parse_copy(&t->arena, text, strlen(text), &j, NULL), 0);
        return label_input_read(&t->refusal, j, ret);
}

/* What is read comes back from the database and goes into answers as it came. */
static void test_round_trip(void **state) {
        static const char *const rows[][3] = {
                {"pass_fail", "{\"pass_fail\":{\"positive_label\":\"y\",\"negative_label\":\"n\"}}",
                 "{\"positive_label\": \"y\", \"negative_label\": \"n\"}"},
                {"categorical",
                 "{\"categorical\":{\"options\":[\"a\",\"b\"],\"multi_select\":true}}",
                 "{\"options\": [\"a\", \"b\"], \"multi_select\": true}"},
                {"numeric", "{\"numeric\":{\"max_value\":2.0}}",
                 "{\"min_value\": null, \"max_value\": 2.0}"},
                {"text", "{\"text\":{}}", "{\"max_length\": null}"},
                {"text", "{\"text\":{\"max_length\":7}}", "{\"max_length\": 7}"},
        };
        struct tracking_test *t = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_buf_ struct buf out = {};
                struct label_input x, y;
                struct json_write w;
                const char *kept;

                assert_int_equal(read_input(t, rows[i][1], &x), 0);
                assert_string_equal(label_input_kind_print(x.kind), rows[i][0]);
                kept = label_input_print(&t->arena, &x);
                assert_string_equal(kept, rows[i][2]);
                assert_int_equal(label_input_parse(&t->arena, rows[i][0], kept, &y), 0);
                assert_int_equal(label_input_check_change(&t->refusal, &x, &y), 0);
                json_write_init(&w, &out, 0);
                json_write_object(&w);
                label_input_write(&w, &y);
                json_write_end(&w);
                assert_int_equal(json_write_finish(&w), 0);
                assert_memory_equal(buf_cstr(&out) + strlen("{\"input\":"), rows[i][1],
                                    strlen(rows[i][1]));
        }
}

static void test_refused(void **state) {
        static const char *const rows[][2] = {
                {"{}", "empty oneof"},
                {"{\"text\":{},\"numeric\":{}}", "exactly one"},
                {"{\"pass_fail\":{\"positive_label\":\"y\"}}", "negative_label"},
                {"{\"pass_fail\":{\"positive_label\":\"y\",\"negative_label\":\"y\"}}",
                 "got 'y' for both"},
                {"{\"categorical\":{\"options\":[]}}", "got []"},
                {"{\"categorical\":{\"options\":[\"a\",\"a\"]}}", "'a' appears twice"},
                {"{\"numeric\":{\"min_value\":2,\"max_value\":\"1.5\"}}", "got min=2.0, max=1.5"},
                {"{\"text\":{\"max_length\":0}}", "at least 1; got 0"},
        };
        struct tracking_test *t = *state;
        struct label_input x;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_refused(t, read_input(t, rows[i][0], &x), rows[i][1]);
}

static void test_change(void **state) {
        struct tracking_test *t = *state;
        struct label_input text, many, one;

        assert_int_equal(read_input(t, "{\"text\":{}}", &text), 0);
        assert_int_equal(read_input(t,
                                    "{\"categorical\":{\"options\":[\"a\"],\"multi_select\":true}}",
                                    &many),
                         0);
        assert_int_equal(read_input(t, "{\"categorical\":{\"options\":[\"b\"]}}", &one), 0);
        assert_refused(t, label_input_check_change(&t->refusal, &text, &one), "InputCategorical");
        assert_refused(t, label_input_check_change(&t->refusal, &many, &one), "multi_select");
}

static void test_broken_rows(void **state) {
        struct tracking_test *t = *state;
        struct label_input x;

        assert_int_equal(label_input_parse(&t->arena, "text", "{", &x), -EINVAL);
        assert_int_equal(label_input_parse(&t->arena, "text_list", "{}", &x), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_round_trip, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_refused, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_change, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_broken_rows, tracking_test_setup,
                                                tracking_test_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
