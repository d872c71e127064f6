/* What a task of each type runs. */
#include "tests/unit/pipelines_fixture.h"

static const char *argv_of(struct pipelines_fixture *f, const char *id) {
        static char out[2048];
        const struct json *item;
        size_t n = 0;

        out[0] = 0;
        json_each (item, json_get(pipelines_fixture_task(f, "p", id), "argv"))
                n += (size_t) snprintf(out + n, sizeof(out) - n, "%s%s", n > 0 ? "|" : "",
                                       item->str);
        return out;
}

#define FILE_OF(tasks) "name: x\npipelines:\n  - pipeline: p\n    tasks:\n" tasks

static const char spark[] = FILE_OF("      - task: s\n"
                                    "        type: spark\n"
                                    "        master: local\n"
                                    "        class: org.Main\n"
                                    "        application_source: my_app.py\n"
                                    "        env_vars: {A: b}\n"
                                    "        conf:\n"
                                    "          spark:\n"
                                    "            driver: {memory: 1g, maxResultSize: 1g}\n"
                                    "          a.b: true\n"
                                    "        application_arguments:\n"
                                    "          '--query': \"select '{{ds}}'\"\n"
                                    "          '--output': my_table\n");

static void test_spark(void **state) {
        struct pipelines_fixture f;
        const struct json *env;

        pipelines_fixture_one(&f, spark);
        pipelines_fixture_good(&f);
        assert_string_equal(argv_of(&f, "s"),
                            "spark-submit|--master|local|--class|org.Main|--conf|a.b=True|--conf|"
                            "spark.driver.maxResultSize=1g|--conf|spark.driver.memory=1g|my_app.py|"
                            "--query|select '{{ds}}'|--output|my_table");
        env = json_get(pipelines_fixture_task(&f, "p", "s"), "env");
        assert_string_equal(pipelines_fixture_text(env, "SPARK_LOCAL_HOSTNAME"), "localhost");
        assert_string_equal(pipelines_fixture_text(env, "A"), "b");
        pipelines_fixture_done(&f);
}

/* Liminal's code flattens with ":" and forgets the task's own environment. */
static void test_spark_as_the_code_had_it(void **state) {
        struct pipelines_fixture f;

        pipelines_fixture_compile(&f, true, (const char *const[4]){spark});
        assert_non_null(strstr(argv_of(&f, "s"), "|spark:driver:memory=1g|"));
        assert_null(json_get(json_get(pipelines_fixture_task(&f, "p", "s"), "env"), "A"));
        pipelines_fixture_done(&f);
}

static void test_spark_arguments(void **state) {
        struct pipelines_fixture f;

        pipelines_fixture_one(&f, FILE_OF("      - {task: s, type: spark, application_source: w.py,"
                                          " application_arguments: [words.txt, 3]}\n"));
        pipelines_fixture_good(&f);
        assert_string_equal(argv_of(&f, "s"), "spark-submit|w.py|words.txt|3");
        pipelines_fixture_done(&f);
        pipelines_fixture_error(FILE_OF("      - {task: s, type: spark}\n"),
                                "has no \"application_source\"");
        pipelines_fixture_error(FILE_OF("      - {task: s, type: spark, application_source: a,"
                                        " conf: 7}\n"),
                                "conf must be a map");
        pipelines_fixture_error(FILE_OF("      - {task: s, type: spark, application_source: a,"
                                        " conf: {a: [1]}}\n"),
                                "must be one value");
        pipelines_fixture_error(FILE_OF("      - {task: s, type: spark, application_source: a,"
                                        " application_arguments: x}\n"),
                                "must be a list or a map");
}

static void test_python(void **state) {
        struct pipelines_fixture f;

        pipelines_fixture_one(&f, FILE_OF("      - task: a\n        type: python\n        cmd: |\n"
                                          "          one {{ds}}\n          two\n"));
        pipelines_fixture_good(&f);
        assert_string_equal(pipelines_fixture_text(pipelines_fixture_task(&f, "p", "a"), "cmd"),
                            "one {{ds}}\ntwo\n");
        pipelines_fixture_done(&f);
        pipelines_fixture_error(FILE_OF("      - {task: a, type: python, cmd: ''}\n"),
                                "cmd must be a command line, not empty");
        pipelines_fixture_error(FILE_OF("      - {task: a, type: python, cmd: [a]}\n"),
                                "cmd must be a command line, not a list");
}

/* job_start and job_end are always called start and end, and have no process. */
static void test_markers(void **state) {
        struct pipelines_fixture f;
        const struct json *end;

        pipelines_fixture_one(&f, FILE_OF("      []\n"));
        end = pipelines_fixture_task(&f, "p", "end");
        assert_string_equal(pipelines_fixture_text(end, "kind"), "marker");
        assert_null(json_get(end, "cmd"));
        assert_null(json_get(end, "cwd"));
        assert_true(json_is(json_get(end, "fail_if_failed"), JSON_TRUE));
        assert_null(json_get(pipelines_fixture_task(&f, "p", "start"), "fail_if_failed"));
        pipelines_fixture_done(&f);
}

/* It loads, it is said, and it fails with the reason when it is run. */
static void test_what_cannot_run_here(void **state) {
        static const char text[] =
                "name: x\nexecutors: [{executor: far, type: emr, cluster_id: c}]\npipelines:\n"
                "  - pipeline: p\n    tasks:\n"
                "      - {task: c, type: create_cloudformation_stack, stack_name: s}\n"
                "      - {task: q, type: sql, query: select 1}\n"
                "      - {task: e, type: spark, executor: far, application_source: a.py}\n";
        struct pipelines_fixture f;

        pipelines_fixture_one(&f, text);
        pipelines_fixture_good(&f);
        pipelines_fixture_expect(&f, true,
                                 ":6:9: task \"c\" of type create_cloudformation_stack "
                                 "cannot run here");
        pipelines_fixture_expect(&f, true, ":7:9: ");
        pipelines_fixture_expect(&f, true, ":8:9: ");
        assert_non_null(strstr(pipelines_fixture_text(pipelines_fixture_task(&f, "p", "e"), "cmd"),
                               "exit 1"));
        pipelines_fixture_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_spark),
                cmocka_unit_test(test_spark_as_the_code_had_it),
                cmocka_unit_test(test_spark_arguments),
                cmocka_unit_test(test_python),
                cmocka_unit_test(test_markers),
                cmocka_unit_test(test_what_cannot_run_here),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
