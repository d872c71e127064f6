/* Supers, defaults, before and after. */
#include "tests/unit/pipelines_fixture.h"

static const char high[] = "name: high\ntype: super\n"
                           "variables: {who: high, only_high: 1}\n"
                           "volumes: [{volume: v, local: {path: data}}]\n"
                           "secrets: [{secret: s}]\n"
                           "pipeline_defaults:\n"
                           "  timeout_minutes: 10\n"
                           "  retries: 4\n"
                           "  before_tasks: [{task: b1, type: python, cmd: b1}]\n"
                           "  after_tasks: [{task: e2, type: python, cmd: e2}]\n";
static const char low[] = "name: low\nsuper: high\n"
                          "variables: {who: low}\n"
                          "pipeline_defaults:\n"
                          "  before_tasks: [{task: b2, type: python, cmd: b2}]\n"
                          "  after_tasks: [{task: e1, type: python, cmd: e1}]\n"
                          "pipelines:\n"
                          "  - pipeline: p\n"
                          "    timeout_minutes: 20\n"
                          "    tasks:\n"
                          "      - {task: t, type: python, cmd: t, retries: 1,\n"
                          "         mounts: [{volume: v, path: /m}],\n"
                          "         secrets: [{secret: s, remote_path: /run/s}]}\n";

/* before: outermost first; after: innermost first. */
static void test_onion(void **state) {
        struct pipelines_fixture f;

        pipelines_fixture_compile(&f, false, (const char *const[4]){low, high});
        pipelines_fixture_good(&f);
        assert_string_equal(pipelines_fixture_shape(&f, "p"),
                            "start b1<start b2<b1 t<b2 e1<t e2<e1 end<e2");
        pipelines_fixture_done(&f);

        /* Liminal's code does not read a sub file's own before and after */
        pipelines_fixture_compile(&f, true, (const char *const[4]){low, high});
        assert_string_equal(pipelines_fixture_shape(&f, "p"), "start b1<start t<b1 e2<t end<e2");
        pipelines_fixture_done(&f);
}

static void test_lower_wins(void **state) {
        struct pipelines_fixture f;
        const struct json *d, *t;
        int64_t n;
        double x;

        pipelines_fixture_compile(&f, false, (const char *const[4]){low, high});
        d = pipelines_fixture_dag(&f, "p");
        assert_int_equal(json_f64(json_get(d, "dagrun_timeout"), &x), 0);
        assert_true(x > 1199 && x < 1201);
        assert_string_equal(pipelines_fixture_text(json_get(d, "variables"), "who"), "low");
        assert_string_equal(pipelines_fixture_text(json_get(d, "variables"), "only_high"), "1");
        t = pipelines_fixture_task(&f, "p", "t");
        assert_int_equal(json_i64(json_get(t, "retries"), &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(json_i64(json_get(pipelines_fixture_task(&f, "p", "b1"), "retries"), &n),
                         0);
        assert_int_equal(n, 4); /* of the pipeline's defaults */
        /* a path is meant from the file it is written in */
        assert_string_equal(pipelines_fixture_text(json_at(json_get(t, "mounts"), 0), "source"),
                            "/p/1/data");
        assert_string_equal(pipelines_fixture_text(json_at(json_get(t, "secrets"), 0), "source"),
                            "/p/1/credentials-s.txt");
        pipelines_fixture_done(&f);
}

/* `type: pipeline` among the defaults' tasks is where the pipeline's own go. */
static void test_frame(void **state) {
        static const char frame[] = "name: f\ntype: super\npipeline_defaults:\n  tasks:\n"
                                    "    - {task: pre, type: python, cmd: x}\n"
                                    "    - {task: own, type: pipeline}\n"
                                    "    - {task: post, type: python, cmd: x}\n";
        static const char sub[] = "name: s\nsuper: f\npipelines:\n"
                                  "  - {pipeline: p, tasks: [{task: t, type: python, cmd: x}]}\n";
        static const char none[] = "name: n\nsuper: g\npipelines:\n  - {pipeline: q}\n";
        static const char plain[] = "name: g\ntype: super\npipeline_defaults:\n  tasks:\n"
                                    "    - {task: only, type: python, cmd: x}\n";
        struct pipelines_fixture f;

        pipelines_fixture_compile(&f, false, (const char *const[4]){frame, sub, none, plain});
        pipelines_fixture_good(&f);
        assert_string_equal(pipelines_fixture_shape(&f, "p"),
                            "start pre<start t<pre post<t end<post");
        assert_string_equal(pipelines_fixture_shape(&f, "q"), "start only<start end<only");
        pipelines_fixture_done(&f);

        pipelines_fixture_compile(&f, true, (const char *const[4]){frame, sub});
        assert_string_equal(pipelines_fixture_shape(&f, "p"), "start t<start end<t");
        pipelines_fixture_done(&f);
}

static void test_images_merge_by_name(void **state) {
        static const char super[] = "name: u\ntype: super\nimages:\n"
                                    "  - {image: i, type: python, source: old}\n"
                                    "  - {image: j, type: python, source: j}\n";
        static const char sub[] = "name: s\nsuper: u\nimages:\n  - {image: i, source: new}\n"
                                  "pipelines:\n  - pipeline: p\n    tasks:\n"
                                  "      - {task: a, type: python, cmd: x, image: i}\n"
                                  "      - {task: b, type: python, cmd: x, image: j}\n";
        struct pipelines_fixture f;

        pipelines_fixture_compile(&f, false, (const char *const[4]){sub, super});
        pipelines_fixture_good(&f);
        assert_string_equal(pipelines_fixture_text(pipelines_fixture_task(&f, "p", "a"), "cwd"),
                            "/p/0/new");
        assert_string_equal(pipelines_fixture_text(pipelines_fixture_task(&f, "p", "b"), "cwd"),
                            "/p/1/j");
        pipelines_fixture_done(&f);
}

static void test_supers_that_are_not_there(void **state) {
        struct pipelines_fixture f;

        pipelines_fixture_error("name: s\nsuper: nobody\npipelines: []\n",
                                ":2:1: there is no super \"nobody\": add a file of that name");
        pipelines_fixture_compile(&f, false,
                                  (const char *const[4]){"name: s\nsuper: basics\npipelines: []\n",
                                                         "name: basic\ntype: super\n"});
        pipelines_fixture_expect(&f, false, "did you mean \"basic\"?");
        pipelines_fixture_done(&f);
        pipelines_fixture_compile(
                &f, false,
                (const char *const[4]){"name: s\nsuper: a\npipelines: []\n",
                                       "name: a\ntype: super\nsuper: b\n",
                                       "name: b\ntype: super\nsuper: a\n",
                                       "name: t\npipelines: [{pipeline: ok, tasks: []}]\n"});
        pipelines_fixture_expect(&f, false, "do they inherit from each other?");
        assert_int_equal(f.result.n_dags, 1);
        pipelines_fixture_done(&f);
}

static void test_super_base_is_built_in(void **state) {
        struct pipelines_fixture f;

        pipelines_fixture_one(&f, "name: s\nsuper: base\npipelines: [{pipeline: p, tasks: []}]\n");
        pipelines_fixture_good(&f);
        assert_string_equal(pipelines_fixture_shape(&f, "p"), "start end<start");
        pipelines_fixture_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_onion),
                cmocka_unit_test(test_lower_wins),
                cmocka_unit_test(test_frame),
                cmocka_unit_test(test_images_merge_by_name),
                cmocka_unit_test(test_supers_that_are_not_there),
                cmocka_unit_test(test_super_base_is_built_in),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
