/* One task: where its environment comes from, and which of two limits counts. */
#include "tests/unit/pipelines_fixture.h"

#include "lib/base/json_write.h"

#define FILE_OF(head, task)                                                                     \
        "name: x\n" head "pipelines:\n  - pipeline: p\n    execution_timeout: 1h\n    tasks:\n" \
        "      - " task "\n"

static void test_environment(void **state) {
        struct pipelines_fixture f;
        const struct json *env;

        pipelines_fixture_one(
                &f, FILE_OF("variables: {env: prod}\ntask_defaults: {python: {env_vars: {A: d, D: "
                            "d}}}\nvolumes: [{volume: my-vol, local: {path: v}}]\n"
                            "secrets: [{secret: s, local_path_file: /k}]\n",
                            "{task: a, type: python, cmd: x, env: {A: e, B: e}, env_vars: {A: v}, "
                            "mounts: [{volume: my-vol, path: /m}], secrets: [{secret: s, "
                            "remote_path: /r}]}"));
        pipelines_fixture_good(&f);
        env = json_get(pipelines_fixture_task(&f, "p", "a"), "env");
        assert_string_equal(pipelines_fixture_text(env, "A"), "v"); /* env_vars over env */
        assert_string_equal(pipelines_fixture_text(env, "B"), "e");
        assert_string_equal(pipelines_fixture_text(env, "D"), "d");
        assert_string_equal(pipelines_fixture_text(env, "env"), "prod");
        assert_string_equal(pipelines_fixture_text(env, "ONEBOX_VOLUME_MY_VOL"), "/p/0/v");
        assert_string_equal(pipelines_fixture_text(env, "ONEBOX_SECRET_S"), "/k");
        pipelines_fixture_done(&f);
}

static void expect_limit(const char *text, double expected) {
        struct pipelines_fixture f;
        double seconds = 0;
        const struct json *v;

        pipelines_fixture_one(&f, text);
        pipelines_fixture_good(&f);
        v = json_get(pipelines_fixture_task(&f, "p", "a"), "execution_timeout");
        if (json_is(v, JSON_STRING))
                seconds = strcmp(v->str, "1h") == 0 ? 3600 : -1;
        else
                assert_int_equal(json_f64(v, &seconds), 0);
        assert_true(seconds > expected - 0.1 && seconds < expected + 0.1);
        pipelines_fixture_done(&f);
}

static void test_own_limit_wins(void **state) {
        expect_limit(FILE_OF("", "{task: a, type: python, cmd: x}"), 3600);
        expect_limit(FILE_OF("", "{task: a, type: python, cmd: x, timeout: 5}"), 5);
        expect_limit(FILE_OF("", "{task: a, type: python, cmd: x, timeout_minutes: 5}"), 300);
        expect_limit(FILE_OF("", "{task: a, type: python, cmd: x, execution_timeout: 7}"), 7);
}

static void test_own_directory_wins(void **state) {
        struct pipelines_fixture f;

        pipelines_fixture_one(&f, FILE_OF("images: [{image: i, source: src}]\n",
                                          "{task: a, type: python, cmd: x, image: i, cwd: ../w}"));
        pipelines_fixture_good(&f);
        assert_string_equal(pipelines_fixture_text(pipelines_fixture_task(&f, "p", "a"), "cwd"),
                            "/p/w");
        pipelines_fixture_done(&f);
}

static void expect_tracking(const char *pipeline, const char *task, const char *expected) {
        _cleanup_buf_ struct buf out = {};
        struct pipelines_fixture f;
        struct json_write w;
        const struct json *v;
        char text[512];

        snprintf(text, sizeof(text),
                 "name: x\npipelines:\n  - pipeline: p\n%s    tasks:\n"
                 "      - {task: a, type: python, cmd: x%s}\n",
                 pipeline, task);
        pipelines_fixture_one(&f, text);
        pipelines_fixture_good(&f);
        v = json_get(pipelines_fixture_task(&f, "p", "a"), "tracking");
        json_write_init(&w, &out, 0);
        if (v)
                json_write_node(&w, v);
        else
                json_write_str(&w, "none");
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(buf_cstr(&out), expected);
        pipelines_fixture_done(&f);
}

static void test_tracking_lies_over_the_pipelines(void **state) {
        static const char all[] = "    tracking: {experiment: e, project: p}\n";

        expect_tracking("", "", "\"none\"");
        expect_tracking("    tracking: true\n", "", "true");
        expect_tracking("    tracking: true\n", ", tracking: false", "false");
        expect_tracking(all, "", "{\"experiment\":\"e\",\"project\":\"p\"}");
        expect_tracking(all, ", tracking: true", "{\"experiment\":\"e\",\"project\":\"p\"}");
        expect_tracking(all, ", tracking: false", "false");
        expect_tracking(all, ", tracking: {project: q, destination_table: t}",
                        "{\"experiment\":\"e\",\"project\":\"q\",\"destination_table\":\"t\"}");
        expect_tracking("    tracking: false\n", ", tracking: {project: q}", "{\"project\":\"q\"}");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_environment),
                cmocka_unit_test(test_own_limit_wins),
                cmocka_unit_test(test_own_directory_wins),
                cmocka_unit_test(test_tracking_lies_over_the_pipelines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
