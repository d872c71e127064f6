#include "tests/unit/pipelines_fixture.h"

#define TASK(keys)                                                            \
        "name: x\npipelines:\n  - pipeline: p\n    tasks:\n"                  \
        "      - {task: a, type: python, cmd: x}\n"                           \
        "      - {task: train, type: python, cmd: \"fit {{C}}\", " keys "}\n" \
        "      - {task: z, type: python, cmd: x}\n"

static void test_product(void **state) {
        struct pipelines_fixture f;
        const struct json *t, *env;

        pipelines_fixture_one(&f, TASK("matrix: {C: [0.1, 10], l1-ratio: [0, yes, \"x y\"]}"));
        pipelines_fixture_good(&f);
        assert_string_equal(
                pipelines_fixture_shape(&f, "p"),
                "start a<start train__0<a train__1<a train__2<a train__3<a train__4<a train__5<a "
                "z<train__0,train__1,train__2,train__3,train__4,train__5 end<z");
        t = pipelines_fixture_task(&f, "p", "train__4");
        env = json_get(t, "env");
        assert_string_equal(pipelines_fixture_text(env, "C"), "10"); /* the first turns slowest */
        assert_string_equal(pipelines_fixture_text(env, "L1_RATIO"), "True");
        assert_string_equal(pipelines_fixture_text(env, "INDEX"), "4");
        assert_string_equal(pipelines_fixture_text(env, "COUNT"), "6");
        assert_string_equal(pipelines_fixture_text(json_get(t, "variables"), "C"), "10");
        assert_string_equal(pipelines_fixture_text(json_get(t, "variables"), "l1-ratio"), "True");
        assert_string_equal(pipelines_fixture_text(t, "mapped_from"), "train");
        assert_string_equal(pipelines_fixture_text(t, "group"), "train");
        assert_string_equal(
                pipelines_fixture_text(json_get(pipelines_fixture_task(&f, "p", "train__5"), "env"),
                                       "L1_RATIO"),
                "x y");
        pipelines_fixture_done(&f);
}

static void test_copies(void **state) {
        struct pipelines_fixture f;

        pipelines_fixture_one(&f, TASK("executors: 2"));
        pipelines_fixture_good(&f);
        assert_string_equal(pipelines_fixture_shape(&f, "p"),
                            "start a<start train__0<a train__1<a z<train__0,train__1 end<z");
        assert_string_equal(
                pipelines_fixture_text(json_get(pipelines_fixture_task(&f, "p", "train__1"), "env"),
                                       "INDEX"),
                "1");
        pipelines_fixture_done(&f);
}

static void test_errors(void **state) {
        pipelines_fixture_error(TASK("matrix: {}"), "an empty one");
        pipelines_fixture_error(TASK("matrix: [1]"), "must be a map of lists");
        pipelines_fixture_error(TASK("matrix: {C: 1}"), "\"C\" must be a list of values");
        pipelines_fixture_error(TASK("matrix: {C: []}"), "\"C\" must be a list of values, not an "
                                                         "empty one");
        pipelines_fixture_error(TASK("matrix: {C: [{}]}"), "must be one value, not a map");
        pipelines_fixture_error(TASK("matrix: {C: [1]}, executors: 2"), "either matrix or");
        pipelines_fixture_error(TASK("executors: 0"), "between 1 and 1000");
        pipelines_fixture_error(TASK("executors: many"), "not \"many\"");
        pipelines_fixture_error(TASK("matrix: {a: [0,1,2,3,4,5,6,7,8,9], b: [0,1,2,3,4,5,6,7,8,9], "
                                     "c: [0,1,2,3,4,5,6,7,8,9], d: [0,1]}"),
                                "more than 1000");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_product),
                cmocka_unit_test(test_copies),
                cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
