/* Counted resources: held by one try each, told to people, kept over a restart. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "daemons/scheduler/core/why.h"
#include "daemons/scheduler/core/world_leases.h"

static const char *const tasks[] = {"a{\"resources\":{\"gpu\":1}}",
                                    "b{\"resources\":{\"gpu\":2,\"leases\":{\"seat\":1}}}",
                                    "c{\"resources\":{\"leases\":{\"boat\":1}}}", NULL};

static void test_holds_and_tells(void **state) {
        char text[WHY_TEXT_SIZE], leases[WORLD_LEASES_TEXT_SIZE];
        struct world_task *a, *b, *c;
        struct world_run *run;
        struct world w;

        assert_int_equal(world_init(&w, 9), 0);
        assert_int_equal(world_put_resource(&w, "gpu", 2), 0);
        assert_int_equal(world_put_resource(&w, "seat", 1), 0);
        run = core_fixture_run(&w, core_fixture_put(&w, core_fixture_tasks("d", "", tasks)), "r",
                               CORE_FIXTURE_NOW);
        core_fixture_decide(&w, CORE_FIXTURE_NOW);
        a = core_fixture_task(run, "a");
        b = core_fixture_task(run, "b");
        c = core_fixture_task(run, "c");
        assert_int_equal(a->state, TASK_QUEUED);
        assert_string_equal(world_leases_print(a, leases), "gpu=0");
        assert_int_equal(b->state, TASK_SCHEDULED);
        why_task(&w, b, CORE_FIXTURE_NOW, text);
        assert_string_equal(text, "waits for gpu: it needs 2, 1 of 2 are held by d/r/a");
        why_task(&w, c, CORE_FIXTURE_NOW, text);
        assert_non_null(strstr(text, "needs 1 of the resource boat, and this machine has 0"));

        core_fixture_end(&w, a, WORLD_RESULT_SUCCESS, CORE_FIXTURE_NOW);
        assert_string_equal(world_leases_print(a, leases), "");
        core_fixture_decide(&w, CORE_FIXTURE_NOW);
        assert_string_equal(world_leases_print(b, leases), "gpu=0,1 seat=0");
        core_fixture_start(&w, b, CORE_FIXTURE_NOW);
        assert_true(world_get_resource(&w, "gpu")->used == 3);
        world_done(&w);
}

static void test_parse(void **state) {
        struct dag *d = core_fixture_tasks("d", "", tasks);
        struct world_task t = {.spec = dag_get_task(d, "b")};
        char text[WORLD_LEASES_TEXT_SIZE];

        assert_int_equal(world_leases_parse(&t, "gpu=1,63 seat=0"), 0);
        assert_true(t.leases[0] == ((UINT64_C(1) << 63) | 2) && t.leases[1] == 1);
        assert_string_equal(world_leases_print(&t, text), "gpu=1,63 seat=0");
        assert_int_equal(world_leases_parse(&t, ""), 0);
        assert_int_equal(world_leases_parse(&t, "gpu"), -EINVAL);
        assert_int_equal(world_leases_parse(&t, "gpu=64"), -EINVAL);
        assert_int_equal(world_leases_parse(&t, "boat=1"), -EINVAL);
        dag_unref(d);
}

int main(void) {
        const struct CMUnitTest tests_[] = {
                cmocka_unit_test(test_holds_and_tells),
                cmocka_unit_test(test_parse),
        };

        return cmocka_run_group_tests(tests_, NULL, NULL);
}
