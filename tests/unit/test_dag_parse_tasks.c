/* The keys of a task. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#define HEAD "{\"onebox_dag\":1,\"dag_id\":\"d\","

static void expect_error(const char *json, const char *expected) {
        struct errmsg em = {};
        struct dag *d = NULL;

        assert_int_equal(dag_parse(json, strlen(json), &d, &em), -EINVAL);
        assert_null(d);
        if (!strstr(em.text, expected))
                fail_msg("\"%s\" does not say \"%s\"", em.text, expected);
}

static void test_all_of_a_task(void **state) {
        struct dag *d = core_fixture_dag(
                HEAD "\"groups\":[{\"id\":\"g\"}],\"tasks\":[{\"id\":\"a\",\"kind\":\"command\","
                     "\"argv\":[\"ls\",\"-l\"],\"cwd\":\"/tmp\",\"env\":{\"A\":\"1\"},"
                     "\"variables\":{\"x\":\"y\"},\"trigger_rule\":\"one_done\","
                     "\"depends_on_past\":true,\"retries\":3,\"retry_delay\":\"10s\","
                     "\"retry_exponential\":true,\"retry_max_delay\":60,"
                     "\"execution_timeout\":\"1h\",\"pool\":\"p\",\"pool_slots\":2,"
                     "\"priority_weight\":-5,\"weight_rule\":\"absolute\",\"resources\":"
                     "{\"memory_max\":\"512M\",\"cpu_quota\":150,\"gpu\":1},\"group\":\"g\","
                     "\"mounts\":[{\"volume\":\"v\",\"source\":\"/s\",\"path\":\"/m\","
                     "\"read_only\":true}],\"secrets\":[{\"secret\":\"s\",\"path\":\"/k\"}],"
                     "\"xcom\":true,\"tracking\":false,\"type\":\"python\",\"image\":\"i\"},"
                     "{\"id\":\"m\",\"kind\":\"marker\",\"fail_if_failed\":true}]}");
        const struct dag_task *t = dag_get_task(d, "a");

        assert_int_equal(t->n_argv, 2);
        assert_null(t->argv[2]);
        assert_null(t->cmd);
        assert_int_equal(t->rule, RULE_ONE_DONE);
        assert_true(t->retry_factor > 1.9 && t->retry_factor < 2.1);
        assert_true(t->execution_timeout_for == USEC_PER_HOUR);
        assert_int_equal(t->weight, -5);
        assert_true(t->resources.memory_max_bytes == 512u << 20);
        assert_int_equal(t->resources.n_leases, 1);
        assert_string_equal(t->resources.leases[0].name, "gpu");
        assert_true(t->mounts[0].read_only && t->n_mounts == 1);
        assert_null(t->secrets[0].source);
        assert_true(t->xcom && t->tracking.on == DAG_TRACKING_OFF && d->uses_past);
        assert_int_equal(dag_get_task(d, "m")->kind, DAG_MARKER);
        assert_null(dag_get_task(d, "nobody"));
        dag_unref(d);
}

static void test_errors_name_the_path(void **state) {
        expect_error(HEAD "\"tasks\":[{\"id\":\"a b\",\"cmd\":\"x\"}]}",
                     "tasks[0].id: \"a b\" is not an id");
        expect_error(HEAD "\"tasks\":[{\"cmd\":\"x\"}]}", "tasks[0]: \"id\" is missing");
        expect_error(HEAD "\"tasks\":[{\"id\":\"a\"}]}", "either \"cmd\" or \"argv\"");
        expect_error(HEAD "\"tasks\":[{\"id\":\"a\",\"cmd\":\"x\",\"argv\":[\"y\"]}]}", "either");
        expect_error(HEAD "\"tasks\":[{\"id\":\"a\",\"argv\":[]}]}", "the program at least");
        expect_error(HEAD "\"tasks\":[{\"id\":\"a\",\"argv\":[\"x\",1]}]}", "tasks[0].argv[1]");
        expect_error(HEAD "\"tasks\":[{\"id\":\"a\",\"kind\":\"marker\",\"cmd\":\"x\"}]}",
                     "runs nothing");
        expect_error(HEAD "\"tasks\":[{\"id\":\"a\",\"cmd\":\"x\",\"retries\":-1}]}",
                     "tasks[0].retries: -1 is not between 0 and 10000");
        expect_error(HEAD "\"tasks\":[{\"id\":\"a\",\"cmd\":\"x\",\"retries\":1.5}]}",
                     "must be a whole number");
        expect_error(HEAD "\"tasks\":[{\"id\":\"a\",\"cmd\":\"x\",\"trigger_rule\":\"al_done\"}]}",
                     "did you mean \"all_done\"?");
        expect_error(HEAD "\"tasks\":[{\"id\":\"a\",\"cmd\":\"x\",\"resources\":{\"gpus\":1}}]}",
                     "tasks[0].resources: unknown key \"gpus\": did you mean \"gpu\"?");
        expect_error(HEAD "\"tasks\":[{\"id\":\"a\",\"cmd\":\"x\",\"env\":{\"A\":[]}}]}",
                     "tasks[0].env.A: must be a string, number or boolean");
        expect_error(HEAD "\"tasks\":[{\"id\":\"a\",\"cmd\":\"x\",\"cwd\":\"rel\"}]}",
                     "must be an absolute path");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_of_a_task),
                cmocka_unit_test(test_errors_name_the_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
