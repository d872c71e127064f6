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
        expect_schedule("\"@continuous\"", DAG_SCHEDULE_CONTINUOUS);
        expect_error(HEAD "\"max_active_runs\":2,\"schedule\":{\"continuous\":true}," TASKS,
                     "must be 1");
        expect_schedule("[\"@daily\",\"0 12 * * *\"]", DAG_SCHEDULE_CRON);
        expect_schedule("{\"events\":[\"2026-01-02\",\"2026-01-01\",\"2026-01-02\"]}",
                        DAG_SCHEDULE_EVENTS);
        expect_error(HEAD "\"schedule\":[]," TASKS, "1 to 16");
        expect_error(HEAD "\"schedule\":[\"@daily\",\"bad\"]," TASKS, "schedule[1]: cron");
        expect_error(HEAD "\"schedule\":{\"events\":[\"soon\"]}," TASKS, "schedule.events[0]");
        expect_error(
                HEAD
                "\"schedule\":{\"cron\":[\"@daily\",\"@hourly\"],\"data_interval\":true}," TASKS,
                "no data intervals");
        expect_error(HEAD "\"schedule\":{\"cron\":\"@daily\",\"data_interval\":true,"
                          "\"interval\":\"1d\"}," TASKS,
                     "\"interval\" is for");
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_all_of_a_dag),
                cmocka_unit_test(test_schedules),
                cmocka_unit_test(test_errors_name_the_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
