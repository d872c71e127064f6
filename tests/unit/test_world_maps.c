/* Mapped tasks at run time: expanded when their values are there, counted one by one behind. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "daemons/scheduler/core/world_maps.h"

static const char *const tasks[] = {"list", "each<list{\"expand\":{\"x\":{\"xcom\":\"list\"}}}",
                                    "sum<each", NULL};

static struct world_run *start(struct world *w, unsigned n_maps) {
        struct world_run *run;

        core_fixture_n_maps = n_maps;
        assert_int_equal(world_init(w, 9), 0);
        run = core_fixture_run(w, core_fixture_put(w, core_fixture_tasks("d", "", tasks)), "r",
                               CORE_FIXTURE_NOW);
        core_fixture_decide(w, CORE_FIXTURE_NOW);
        return run;
}

static void end(struct world *w, struct world_task *t, enum world_result result) {
        core_fixture_end(w, t, result, CORE_FIXTURE_NOW);
        core_fixture_decide(w, CORE_FIXTURE_NOW);
}

static void clear(struct world *w, struct world_task *t) {
        struct world_event e = {.kind = WORLD_TASK_CLEARED, .at = CORE_FIXTURE_NOW, .task = t};

        assert_int_equal(core_fixture_apply(w, &e), 0);
}

static void test_expands(void **state) {
        struct world_task *each, *sum;
        struct world_run *run;
        struct world w;

        run = start(&w, 3);
        each = core_fixture_task(run, "each");
        sum = core_fixture_task(run, "sum");
        assert_false(each->is_expanded);
        end(&w, core_fixture_task(run, "list"), WORLD_RESULT_SUCCESS);
        assert_true(each->is_expanded);
        assert_int_equal(each->n_maps, 3);
        assert_int_equal(sum->counts.n_upstream, 3);
        assert_int_equal(run->n_unfinished, 4);
        for (unsigned i = 0; i < 3; i++) {
                assert_ptr_equal(world_get_task(run, "each", (int) i), each->maps[i]);
                assert_int_equal(sum->state, TASK_NONE);
                end(&w, each->maps[i], WORLD_RESULT_SUCCESS);
        }
        assert_int_equal(sum->state, TASK_QUEUED);
        assert_null(world_get_task(run, "each", 3));
        world_done(&w);
}

static void test_nothing_is_skipped(void **state) {
        struct world_run *run;
        struct world w;

        run = start(&w, 0);
        end(&w, core_fixture_task(run, "list"), WORLD_RESULT_SUCCESS);
        assert_int_equal(core_fixture_task(run, "each")->state, TASK_SKIPPED);
        assert_int_equal(core_fixture_task(run, "sum")->state, TASK_SKIPPED);
        assert_int_equal(run->state, RUN_SUCCESS);
        world_done(&w);
}

static void test_upstream_fails(void **state) {
        struct world_run *run;
        struct world w;

        run = start(&w, 3);
        end(&w, core_fixture_task(run, "list"), WORLD_RESULT_FAILED);
        assert_int_equal(core_fixture_task(run, "each")->state, TASK_UPSTREAM_FAILED);
        assert_int_equal(run->state, RUN_FAILED);
        world_done(&w);
}

/* Cleared as a whole, with other values: it shrinks, then grows. */
static void test_expands_anew(void **state) {
        struct world_task *each, *list;
        struct world_run *run;
        struct world w;

        run = start(&w, 2);
        each = core_fixture_task(run, "each");
        list = core_fixture_task(run, "list");
        end(&w, list, WORLD_RESULT_SUCCESS);
        end(&w, each->maps[0], WORLD_RESULT_SUCCESS);
        end(&w, each->maps[1], WORLD_RESULT_SUCCESS);
        for (unsigned n = 1; n <= 3; n += 2) {
                clear(&w, list);
                clear(&w, each->maps[0]);
                if (each->maps[1]->state != TASK_REMOVED)
                        clear(&w, each->maps[1]);
                core_fixture_n_maps = n;
                core_fixture_decide(&w, CORE_FIXTURE_NOW);
                end(&w, list, WORLD_RESULT_SUCCESS);
                assert_int_equal(each->maps[0]->state, TASK_QUEUED);
                assert_int_equal(each->maps[1]->state, n == 1 ? TASK_REMOVED : TASK_QUEUED);
                for (unsigned i = 0; i < n; i++)
                        end(&w, each->maps[i], WORLD_RESULT_SUCCESS);
        }
        assert_int_equal(each->n_maps, 3);
        assert_int_equal(core_fixture_task(run, "sum")->counts.n_success, 3);
        world_done(&w);
}

/* One instance alone: the others keep their ends, and their number. */
static void test_clears_one(void **state) {
        struct world_task *each;
        struct world_run *run;
        struct world w;

        run = start(&w, 2);
        each = core_fixture_task(run, "each");
        end(&w, core_fixture_task(run, "list"), WORLD_RESULT_SUCCESS);
        end(&w, each->maps[0], WORLD_RESULT_SUCCESS);
        end(&w, each->maps[1], WORLD_RESULT_FAILED);
        assert_false(world_maps_good(each));
        clear(&w, each->maps[1]);
        core_fixture_n_maps = 9;
        core_fixture_decide(&w, CORE_FIXTURE_NOW);
        assert_int_equal(each->n_maps, 2);
        assert_int_equal(each->maps[1]->try_number, 2);
        end(&w, each->maps[1], WORLD_RESULT_SUCCESS);
        assert_true(world_maps_good(each));
        world_done(&w);
}

/* As read from the database: instances, and whether their number is fixed, come back. */
static void test_restores(void **state) {
        struct world_task *t, *each;
        struct world_dag *wd;
        struct world_run *run;
        struct world w;

        assert_int_equal(world_init(&w, 9), 0);
        wd = core_fixture_put(&w, core_fixture_tasks("d", "", tasks));
        assert_int_equal(world_restore_run(&w, wd, wd->spec, "r", &run), 0);
        run->state = RUN_RUNNING;
        run->when = (struct timetable_run){1, 1, 1, 1};
        core_fixture_task(run, "list")->state = TASK_SUCCESS;
        each = core_fixture_task(run, "each");
        assert_int_equal(world_maps_restore(core_fixture_task(run, "list"), 0, &t), -EINVAL);
        assert_int_equal(world_maps_restore(each, -1, &t), -EINVAL);
        assert_int_equal(world_maps_restore(each, 1, &t), 0);
        t->state = TASK_SUCCESS;
        assert_int_equal(world_maps_restore(each, 0, &t), 0);
        assert_int_equal(world_restore_run_done(&w, run), 0);
        assert_false(each->needs_expand);
        assert_int_equal(core_fixture_task(run, "sum")->counts.n_upstream, 2);
        assert_int_equal(core_fixture_task(run, "sum")->counts.n_success, 1);
        core_fixture_decide(&w, CORE_FIXTURE_NOW);
        assert_int_equal(t->state, TASK_QUEUED);
        world_done(&w);
}

int main(void) {
        const struct CMUnitTest tests_[] = {
                cmocka_unit_test(test_expands),        cmocka_unit_test(test_nothing_is_skipped),
                cmocka_unit_test(test_upstream_fails), cmocka_unit_test(test_expands_anew),
                cmocka_unit_test(test_clears_one),     cmocka_unit_test(test_restores),
        };

        return cmocka_run_group_tests(tests_, NULL, NULL);
}
