/* What goes with a choice of tasks, as Airflow's partial_subset() has it. */
#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/core/subset.h"

static struct dag *d;

static const char *subset(const char *id, bool up, bool down) {
        static char text[256];
        bool chosen[16] = {}, ret[16];

        assert_true(d->n_tasks <= 16);
        chosen[dag_get_task(d, id)->index] = true;
        assert_int_equal(subset_of(d, chosen, up, down, ret), 0);
        text[0] = 0;
        for (size_t i = 0; i < d->n_tasks; i++)
                if (ret[i])
                        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
                                 text[0] ? "," : "", d->tasks[i].id);
        return text;
}

static void test_plain(void **state) {
        static const char *const tasks[] = {"a", "b<a", "c<b", "x<a", NULL};

        d = core_fixture_tasks("d", "", tasks);
        assert_string_equal(subset("b", false, false), "b");
        assert_string_equal(subset("b", true, false), "a,b");
        assert_string_equal(subset("b", false, true), "b,c");
        assert_string_equal(subset("b", true, true), "a,b,c");
        dag_unref(d);
}

/* A task is cleared with the setup it stands on, and with what that has to be torn down by. */
static void test_setups(void **state) {
        static const char *const tasks[] = {"s{\"setup\":true}",        "a<s", "b<a",
                                            "t<b,s{\"teardown\":true}", "c<t", NULL};

        d = core_fixture_tasks("d", "", tasks);
        assert_string_equal(subset("b", false, false), "s,b,t");
        assert_string_equal(subset("a", false, true), "s,a,b,t,c");
        assert_string_equal(subset("c", false, false), "c");
        assert_string_equal(subset("s", false, false), "s,t");
        assert_string_equal(subset("t", false, false), "t");
        assert_string_equal(subset("b", true, false), "s,a,b,t");
        dag_unref(d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_setups),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
