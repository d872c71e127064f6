#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/core/template.h"
#include "lib/base/buf.h"

static struct world w;
static struct world_task *task;

static void expect(const struct template_context *c, const char *text, const char *expected) {
        _cleanup_buf_ struct buf out = {};
        struct errmsg em = {};

        if (template_render(text, c, &out, &em) < 0)
                fail_msg("%s: %s", text, em.text);
        assert_string_equal(buf_cstr(&out), expected);
}

/* conf, task, DAG, server: the nearer one wins. */
static void test_order_of_lookup(void **state) {
        struct dag_pair conf[] = {{"in_conf", "conf"}},
                        server[] = {{"in_dag", "server"}, {"in_server", "server"}};
        struct template_context c = {.task = task, .conf = {conf, 1}, .variables = {server, 2}};

        expect(&c, "{{in_conf}} {{in_task}} {{in_dag}} {{in_server}} {{nowhere}}",
               "conf task dag server {{nowhere}}");
        expect(&c, "{{params.in_conf}} {{dag_run.conf.in_conf}} {{params.p}}", "conf conf 7");
        expect(&c, "{{params.in_task}}", "{{params.in_task}}");
        c.conf = (struct dag_pairs){};
        expect(&c, "{{in_conf}}", "dag");
}

static void test_names_of_the_context(void **state) {
        struct template_context c = {.task = task};

        expect(&c, "{{ds}} {{ds_nodash}} {{yesterday_ds}} {{tomorrow_ds}}",
               "2026-01-01 20260101 2025-12-31 2026-01-02");
        expect(&c, "{{ts}} {{ts_nodash}}", "2026-01-01T00:00:00+00:00 20260101T000000");
        expect(&c, "{{run_id}} {{dag.dag_id}} {{task.task_id}} {{ti.try_number}} {{dag.owner}}",
               "r1 d t 0 onebox");
        expect(&c, "{{data_interval_end}}", "2026-01-01T00:00:00+00:00");
        task->run->when.logical_at =
                USEC_INFINITY; /* a run without a date: when it was asked for */
        expect(&c, "{{ds}} {{ts_nodash}}", "2026-01-01 20260101T000000");
        task->run->when.run_after_at = USEC_INFINITY;
        expect(&c, "{{ds}} {{yesterday_ds}}", "{{ds}} {{yesterday_ds}}");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order_of_lookup),
                cmocka_unit_test(test_names_of_the_context),
        };
        struct world_dag *wd;
        int r;

        assert_int_equal(world_init(&w, 1), 0);
        wd = core_fixture_put(
                &w,
                core_fixture_dag("{\"onebox_dag\":1,\"dag_id\":\"d\",\"variables\":{\"in_conf\":"
                                 "\"dag\",\"in_task\":\"dag\",\"in_dag\":\"dag\"},\"params\":"
                                 "{\"p\":7},\"tasks\":[{\"id\":\"t\",\"cmd\":\"x\","
                                 "\"variables\":{\"in_conf\":\"dag\",\"in_task\":\"task\"}}]}"));
        task = core_fixture_task(core_fixture_run(&w, wd, "r1", CORE_FIXTURE_NOW), "t");
        r = cmocka_run_group_tests(tests, NULL, NULL);
        world_done(&w);
        return r;
}
