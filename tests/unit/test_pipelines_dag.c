/* One pipeline: its edges, its keys, and where its mistakes are. */
#include "tests/unit/pipelines_fixture.h"

/* head: keys of the pipeline; tasks: its list. */
static const char *file_of(const char *head, const char *tasks) {
        static char text[4096];

        snprintf(text, sizeof(text), "name: x\npipelines:\n  - pipeline: p\n%s    tasks:\n%s", head,
                 tasks);
        return text;
}

static void expect_shape(const char *tasks, const char *expected) {
        struct pipelines_fixture f;

        pipelines_fixture_one(&f, file_of("", tasks));
        pipelines_fixture_good(&f);
        assert_string_equal(pipelines_fixture_shape(&f, "p"), expected);
        pipelines_fixture_done(&f);
}

#define A "      - {task: a, type: python, cmd: x}\n"
#define B "      - {task: b, type: python, cmd: x}\n"

static void test_edges(void **state) {
        expect_shape("      []\n", "start end<start");
        expect_shape(A B, "start a<start b<a end<b");
        expect_shape(A "      - {task: b, type: python, cmd: x, depends_on: []}\n"
                       "      - {task: c, type: python, cmd: x, depends_on: [a, b]}\n",
                     "start a<start b<start c<a,b end<c");
        expect_shape(A "      - {task: b, type: python, cmd: x, depends_on: start}\n",
                     "start a<start b<start end<a,b");
        expect_shape("      - {task: a, type: python, cmd: x, depends_on: b}\n"
                     "      - {task: b, type: python, cmd: x, depends_on: []}\n",
                     "start a<b b<start end<a");
}

static void expect_error(const char *head, const char *tasks, const char *part) {
        pipelines_fixture_error(file_of(head, tasks), part);
}

static void test_errors_have_their_place(void **state) {
        expect_error("", A "      - {task: b, type: python, cmd: x, depends_on: [aa]}\n",
                     "/p/0/liminal.yml:6:54: there is no task \"aa\": did you mean \"a\"?");
        expect_error("", "      - {task: a, type: python, cmd: x, depends_on: a}\n",
                     "depends on itself");
        expect_error("",
                     "      - {task: a, type: python, cmd: x, depends_on: b}\n"
                     "      - {task: b, type: python, cmd: x, depends_on: a}\n",
                     "/p/0/liminal.yml:4:5: tasks: these wait for each other: a -> b -> a");
        expect_error("    schedule: 61 * * * *\n", A,
                     ":4:5: schedule: cron expression \"61 * * * *\": minute \"61\"");
        expect_error("    schedule_interval: nope\n", A,
                     ":4:5: schedule_interval: cron expression \"nope\"");
        expect_error("    start_date: soon\n", A, ":4:5: start_date: \"soon\" is not a date");
        expect_error("    timeout_minutes: x\n", A, ":4:5: timeout_minutes must be a number");
        expect_error("    catchup: true\n    missed: all\n", A, "say the same");
        expect_error("    shedule: x\n", A, ":4:5: a pipeline has no key \"shedule\"");
        expect_error("", "      - {task: a, type: python, cmd: x, retries: many}\n",
                     ":5:41: retries: must be a whole number, not a string");
        expect_error("    timezone: Mars/Olympus\n", A, ":4:5: unknown time zone \"Mars/Olympus\"");
        expect_error("", "      - {task: a, type: python, cmd: x, resources: {gpu: 100}}\n",
                     ":5:41: resources.gpu: 100 is not between 0 and 64");
        expect_error("    retries: -1\n", A, ":4:5: retries: -1 is not between");
        expect_error("", "      - {task: a b, type: python, cmd: x}\n",
                     ":5:10: \"a b\" is no task name");
        expect_error("", "      - {task: a, type: pyton, cmd: x}\n",
                     ":5:19: there is no task type \"pyton\": did you mean \"python\"?");
        expect_error("", "      - {task: a, type: python}\n", ":5:9: task \"a\" has no \"cmd\"");
        expect_error("", "      - {type: python, cmd: x}\n", "the task has no \"task\"");
        expect_error("", "      - {task: a, cmd: x}\n", "the task has no \"type\"");
        expect_error("", A "      - {task: a, type: python, cmd: x}\n",
                     ":6:9: the task id \"a\" stands twice");
        expect_error("", "      - {task: a, type: python, cmd: x, trigger_rule: al_done}\n",
                     ":5:41: trigger_rule: \"al_done\" is not known: did you mean \"all_done\"?");
        expect_error("", "      - {task: a, type: python, cmd: x, executor: far}\n",
                     "there is no executor \"far\"");
        expect_error("", "      - {task: a, type: python, cmd: x, mounts: [{volume: v}]}\n",
                     "there is no volume \"v\"");
        expect_error("", "      - {task: a, type: python, cmd: x, secrets: [{secret: s}]}\n",
                     "there is no secret \"s\"");
        expect_error("", "      - {task: a, type: python, cmd: x, env_vars: {A: [1]}}\n",
                     "\"A\" must be one value, not a list");
        expect_error("", "      - {task: a, type: python, cmd: x, resources: {gpus: 1}}\n",
                     "did you mean \"gpu\"?");
        pipelines_fixture_error("name: x\npipelines: [{tasks: []}]\n",
                                "the pipeline has no \"pipeline\"");
        pipelines_fixture_error("name: x\npipelines: [{pipeline: \"a/b\", tasks: []}]\n",
                                "is no pipeline name");
}

static void test_keys_of_a_pipeline(void **state) {
        struct pipelines_fixture f;
        const struct json *d;

        pipelines_fixture_one(
                &f, file_of("    schedule: \"@every 90s\"\n    timezone: Europe/Berlin\n"
                            "    start_date: 2026-01-01\n    end_date: 2027-01-01\n"
                            "    missed: {within: 6h}\n    max_active_runs: 2\n"
                            "    timeout: 1h\n    description: \"{{who}} runs\"\n"
                            "    tags: [x, y]\n    params: {n: 1}\n    paused: true\n"
                            "    variables: {v: true}\n    retries: 3\n    retry_delay: 10s\n",
                            A));
        pipelines_fixture_good(&f);
        d = pipelines_fixture_dag(&f, "p");
        assert_string_equal(pipelines_fixture_text(d, "schedule"), "@every 90s");
        assert_string_equal(pipelines_fixture_text(d, "dagrun_timeout"), "1h");
        assert_string_equal(pipelines_fixture_text(d, "description"), "{{who}} runs");
        assert_string_equal(pipelines_fixture_text(json_get(d, "variables"), "v"), "True");
        assert_string_equal(
                pipelines_fixture_text(pipelines_fixture_task(&f, "p", "a"), "retry_delay"), "10s");
        pipelines_fixture_done(&f);

        pipelines_fixture_one(&f, file_of("    schedule: \"@daily\"\n    data_interval: true\n"
                                          "    catchup: true\n    start_date: 2026-01-01\n"
                                          "    depends_on_past: true\n",
                                          A));
        pipelines_fixture_good(&f);
        d = pipelines_fixture_dag(&f, "p");
        assert_string_equal(pipelines_fixture_text(json_get(d, "schedule"), "cron"), "@daily");
        assert_string_equal(pipelines_fixture_text(d, "missed"), "all");
        assert_non_null(json_get(pipelines_fixture_task(&f, "p", "a"), "depends_on_past"));
        pipelines_fixture_done(&f);
}

/* What the file's variables know is filled in where the compiler needs it; commands keep theirs. */
static void test_placeholders(void **state) {
        static const char text[] = "name: x\n"
                                   "variables: {n: 3, img: box, cmd_arg: 7, flag: yes}\n"
                                   "images: [{image: box, type: python, source: src}]\n"
                                   "pipelines:\n"
                                   "  - pipeline: p\n"
                                   "    tasks:\n"
                                   "      - task: a\n"
                                   "        type: python\n"
                                   "        image: \"{{img}}\"\n"
                                   "        retries: \"{{n}}\"\n"
                                   "        env_vars: {K: \"{{cmd_arg}}\", F: yes, N: 1.50}\n"
                                   "        cmd: run {{cmd_arg}} {{yesterday_ds}}\n";
        struct pipelines_fixture f;
        const struct json *t, *d;

        pipelines_fixture_one(&f, text);
        pipelines_fixture_good(&f);
        t = pipelines_fixture_task(&f, "p", "a");
        assert_string_equal(pipelines_fixture_text(t, "cwd"), "/p/0/src");
        assert_string_equal(pipelines_fixture_text(t, "cmd"), "run {{cmd_arg}} {{yesterday_ds}}");
        assert_string_equal(pipelines_fixture_text(json_get(t, "env"), "K"), "{{cmd_arg}}");
        assert_string_equal(pipelines_fixture_text(json_get(t, "env"), "F"), "True");
        d = json_get(pipelines_fixture_dag(&f, "p"), "variables");
        assert_string_equal(pipelines_fixture_text(d, "flag"), "True");
        assert_string_equal(pipelines_fixture_text(d, "n"), "3");
        pipelines_fixture_done(&f);
        pipelines_fixture_error("name: x\nvariables: {a: \"{{b}}\", b: \"{{a}}\"}\npipelines:\n"
                                "  - {pipeline: \"{{a}}\", tasks: []}\n",
                                "refers to itself");
}

static void test_undeclared_image(void **state) {
        struct pipelines_fixture f;

        pipelines_fixture_one(
                &f, file_of("", "      - {task: a, type: python, cmd: x, image: far/away}\n"));
        pipelines_fixture_good(&f);
        pipelines_fixture_expect(&f, true, ":5:41: image \"far/away\" is not declared");
        assert_string_equal(pipelines_fixture_text(pipelines_fixture_task(&f, "p", "a"), "cwd"),
                            "/p/0");
        pipelines_fixture_done(&f);
}

static void test_variables_of_a_task(void **state) {
        static const char text[] =
                "name: x\nvariables: {sizes: {small: 1}}\npipelines:\n  - pipeline: p\n    tasks:\n"
                "      - {task: a, type: python, cmd: x, variables: sizes}\n"
                "      - {task: b, type: python, cmd: x, variables: {big: 2}}\n"
                "      - {task: c, type: python, cmd: x, variables: nobody}\n";
        struct pipelines_fixture f;

        pipelines_fixture_one(&f, text);
        pipelines_fixture_expect(&f, false, ":8:41: variables must be a map, or the name of a map");
        pipelines_fixture_done(&f);
}

static void test_always_run(void **state) {
        struct pipelines_fixture f;

        pipelines_fixture_one(&f,
                              "name: x\nalways_run: true\npipelines:\n  - pipeline: p\n"
                              "    tasks:\n" A
                              "      - {task: b, type: python, cmd: x, trigger_rule: always}\n");
        pipelines_fixture_good(&f);
        assert_string_equal(
                pipelines_fixture_text(pipelines_fixture_task(&f, "p", "a"), "trigger_rule"),
                "all_done");
        assert_string_equal(
                pipelines_fixture_text(pipelines_fixture_task(&f, "p", "b"), "trigger_rule"),
                "always");
        assert_true(json_is(json_get(pipelines_fixture_task(&f, "p", "end"), "fail_if_failed"),
                            JSON_TRUE));
        pipelines_fixture_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_edges),
                cmocka_unit_test(test_errors_have_their_place),
                cmocka_unit_test(test_keys_of_a_pipeline),
                cmocka_unit_test(test_placeholders),
                cmocka_unit_test(test_undeclared_image),
                cmocka_unit_test(test_variables_of_a_task),
                cmocka_unit_test(test_always_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
