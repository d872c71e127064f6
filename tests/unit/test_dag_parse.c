/* The DAG JSON form: what it means, and that every mistake is named with its place. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#define HEAD "{\"onebox_dag\":1,\"dag_id\":\"d\","
#define TASKS "\"tasks\":[{\"id\":\"a\",\"cmd\":\"true\"}]}"

static void expect_error(const char *json, const char *expected) {
        struct errmsg em = {};
        struct dag *d = NULL;

        assert_int_equal(dag_parse(json, strlen(json), &d, &em), -EINVAL);
        assert_null(d);
        if (!strstr(em.text, expected))
                fail_msg("\"%s\" does not say \"%s\"", em.text, expected);
}

static void test_defaults(void **state) {
        struct dag *d = core_fixture_dag(HEAD TASKS);

        assert_string_equal(d->owner, "onebox");
        assert_string_equal(d->timezone, "UTC");
        assert_string_equal(d->params, "{}");
        assert_int_equal(d->schedule.kind, DAG_SCHEDULE_NONE);
        assert_int_equal(d->missed, DAG_MISSED_LAST);
        assert_int_equal(d->max_active_runs, 16);
        assert_true(d->start_at == USEC_INFINITY && d->end_at == USEC_INFINITY);
        assert_int_equal(d->n_tasks, 1);
        assert_string_equal(d->tasks[0].pool, "default_pool");
        assert_int_equal(d->tasks[0].rule, RULE_ALL_SUCCESS);
        assert_true(d->tasks[0].retry_delay_for == 5 * USEC_PER_MINUTE);
        assert_int_equal(d->tasks[0].weight, 1);
        dag_unref(d);
}

static void test_all_of_a_dag(void **state) {
        struct dag *d = core_fixture_dag(
                HEAD
                "\"description\":\"x\",\"owner\":\"me\",\"user\":\"joe\",\"tags\":[\"a\",\"b\"],"
                "\"source_file\":\"/p/liminal.yml\",\"schedule\":{\"cron\":\"@daily\","
                "\"data_interval\":true},\"timezone\":\"Europe/Berlin\","
                "\"start_date\":\"2026-01-01\",\"end_date\":\"2026-02-01T00:00:00Z\","
                "\"missed\":{\"within\":\"6h\"},\"max_active_runs\":2,"
                "\"max_active_tasks\":3,\"dagrun_timeout\":90,\"paused\":true,"
                "\"params\":{\"n\":1,\"deep\":{\"x\":2}},\"variables\":{\"v\":1.5,\"t\":true},"
                "\"groups\":[{\"id\":\"g\"},{\"id\":\"h\",\"parent\":\"g\"}]," TASKS);

        assert_int_equal(d->schedule.kind, DAG_SCHEDULE_CRON);
        assert_true(d->schedule.data_interval);
        assert_true(d->start_at == CORE_FIXTURE_NOW);
        assert_int_equal(d->missed, DAG_MISSED_WITHIN);
        assert_true(d->missed_within_for == 6 * USEC_PER_HOUR);
        assert_true(d->dagrun_timeout_for == 90 * USEC_PER_SEC);
        assert_true(d->paused_at_creation);
        assert_string_equal(d->params, "{\"n\":1,\"deep\":{\"x\":2}}");
        assert_int_equal(d->param_texts.n, 1);
        assert_string_equal(d->variables.items[0].value, "1.5");
        assert_string_equal(d->variables.items[1].value, "true");
        assert_int_equal(d->n_tags, 2);
        assert_string_equal(d->groups[1].parent, "g");
        dag_unref(d);
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
        assert_int_equal(t->resources.gpu, 1);
        assert_true(t->mounts[0].read_only && t->n_mounts == 1);
        assert_null(t->secrets[0].source);
        assert_true(t->xcom && !t->tracking && d->uses_past);
        assert_int_equal(dag_get_task(d, "m")->kind, DAG_MARKER);
        assert_null(dag_get_task(d, "nobody"));
        dag_unref(d);
}

static void expect_schedule(const char *schedule, enum dag_schedule_kind kind) {
        char json[512];
        struct dag *d;

        snprintf(json, sizeof(json), HEAD "\"schedule\":%s," TASKS, schedule);
        d = core_fixture_dag(json);
        assert_int_equal(d->schedule.kind, kind);
        dag_unref(d);
}

static void test_schedules(void **state) {
        expect_schedule("null", DAG_SCHEDULE_NONE);
        expect_schedule("\"@none\"", DAG_SCHEDULE_NONE);
        expect_schedule("\"@once\"", DAG_SCHEDULE_ONCE);
        expect_schedule("\"0 3 * * 1-5\"", DAG_SCHEDULE_CRON);
        expect_schedule("\"@every 90s\"", DAG_SCHEDULE_DELTA);
        expect_schedule("{\"every\":\"1h\"}", DAG_SCHEDULE_DELTA);
        expect_schedule("{\"once\":true}", DAG_SCHEDULE_ONCE);
        expect_error(HEAD "\"schedule\":\"61 * * * *\"," TASKS,
                     "schedule: cron expression \"61 * * * *\": minute");
        expect_error(HEAD "\"schedule\":{\"cron\":\"@daily\",\"every\":5}," TASKS, "needs one of");
        expect_error(HEAD "\"schedule\":{}," TASKS, "needs one of");
        expect_error(HEAD "\"schedule\":{\"once\":false}," TASKS, "schedule.once");
        expect_error(HEAD "\"schedule\":\"@every 0s\"," TASKS, "a second at least");
        expect_error(HEAD "\"schedule\":\"@every soon\"," TASKS, "not a span");
        expect_error(HEAD "\"schedule\":\"@continuous\"," TASKS, "@every 1min");
        expect_error(HEAD "\"schedule\":7," TASKS, "schedule: must be");
}

static void test_errors_name_the_path(void **state) {
        expect_error("[]", "must be an object, not an array");
        expect_error("{", "");
        expect_error("{\"dag_id\":\"d\"," TASKS, "\"onebox_dag\" is missing");
        expect_error("{\"onebox_dag\":2,\"dag_id\":\"d\"," TASKS, "version 2");
        expect_error("{\"onebox_dag\":1," TASKS, "\"dag_id\" is missing");
        expect_error(HEAD "\"x\":1}", "unknown key \"x\"");
        expect_error(HEAD "\"ownr\":\"x\"," TASKS, "did you mean \"owner\"?");
        expect_error(HEAD "\"tasks\":{}}", "tasks: must be an array");
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
        expect_error(HEAD "\"start_date\":\"soon\"," TASKS, "start_date: \"soon\" is not a date");
        expect_error(HEAD "\"start_date\":\"2026-02-01\",\"end_date\":\"2026-01-01\"," TASKS,
                     "before start_date");
        expect_error(HEAD "\"missed\":\"some\"," TASKS, "missed: \"some\"");
        expect_error(HEAD "\"missed\":{}," TASKS, "\"within\" is missing");
        expect_error(HEAD "\"params\":[]," TASKS, "params: must be an object");
        expect_error(HEAD "\"groups\":[{\"id\":\"g\",\"parent\":\"h\"}]," TASKS,
                     "there is no group \"h\"");
        expect_error(HEAD "\"groups\":[{\"id\":\"g\",\"parent\":\"h\"},"
                          "{\"id\":\"h\",\"parent\":\"g\"}]," TASKS,
                     "its own parent");
        expect_error(HEAD "\"schedule\":{\"cron\":\"@daily\",\"data_interval\":true},"
                          "\"missed\":\"all\"," TASKS,
                     "start_date: is needed");
}

static void test_references(void **state) {
        struct dag *d = core_fixture_dag(HEAD TASKS);

        assert_ptr_equal(dag_ref(d), d);
        assert_null(dag_unref(d));
        assert_string_equal(d->id, "d");
        assert_null(dag_unref(d));
        assert_null(dag_unref(NULL));
}

static void test_retry_at(void **state) {
        struct dag_task t = {.retry_delay_for = 10 * USEC_PER_SEC, .retry_factor = 1};

        assert_true(dag_retry_at(&t, 1, 1000) == 1000 + 10 * USEC_PER_SEC);
        assert_true(dag_retry_at(&t, 9, 1000) == 1000 + 10 * USEC_PER_SEC);
        t.retry_factor = 2;
        assert_true(dag_retry_at(&t, 1, 0) == 10 * USEC_PER_SEC);
        assert_true(dag_retry_at(&t, 4, 0) == 80 * USEC_PER_SEC);
        assert_true(dag_retry_at(&t, 10000, 0) == USEC_PER_DAY);
        t.retry_max_delay_for = 25 * USEC_PER_SEC;
        assert_true(dag_retry_at(&t, 3, 0) == 25 * USEC_PER_SEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_all_of_a_dag),
                cmocka_unit_test(test_all_of_a_task),
                cmocka_unit_test(test_schedules),
                cmocka_unit_test(test_errors_name_the_path),
                cmocka_unit_test(test_references),
                cmocka_unit_test(test_retry_at),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
