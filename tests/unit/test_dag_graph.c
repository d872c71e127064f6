/* Edges, cycles, weights. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

static void expect_error(const char *tasks, const char *expected) {
        struct errmsg em = {};
        struct dag *d = NULL;
        char json[2048];

        snprintf(json, sizeof(json), "{\"onebox_dag\":1,\"dag_id\":\"d\",\"tasks\":[%s]}", tasks);
        assert_int_equal(dag_parse(json, strlen(json), &d, &em), -EINVAL);
        if (!strstr(em.text, expected))
                fail_msg("\"%s\" does not say \"%s\"", em.text, expected);
}

#define T(id, up) "{\"id\":\"" id "\",\"cmd\":\"x\",\"upstream\":[" up "]}"

static void test_edges(void **state) {
        static const char *const tasks[] = {"d<c,b", "a", "b<a", "c<a", NULL};
        struct dag *d = core_fixture_tasks("x", "", tasks);
        const struct dag_task *a = dag_get_task(d, "a"), *last = dag_get_task(d, "d");

        assert_int_equal(last->n_upstream, 2);
        assert_int_equal(last->upstream[0], dag_get_task(d, "b")->index);
        assert_int_equal(last->upstream[1], dag_get_task(d, "c")->index);
        assert_int_equal(a->n_downstream, 2);
        assert_int_equal(d->n_leaves, 1);
        assert_int_equal(d->leaves[0], last->index);
        assert_int_equal(last->n_downstream, 0);
        dag_unref(d);
}

static void test_repeated_edges_count_once(void **state) {
        static const char *const tasks[] = {"a", "b<a,a,a", NULL};
        struct dag *d = core_fixture_tasks("x", "", tasks);

        assert_int_equal(dag_get_task(d, "b")->n_upstream, 1);
        assert_int_equal(dag_get_task(d, "a")->n_downstream, 1);
        dag_unref(d);
}

static void test_errors(void **state) {
        expect_error(T("a", "\"b\"") "," T("b", "\"c\"") "," T("c", "\"a\""),
                     "tasks: these wait for each other: a -> c -> b -> a");
        expect_error(T("r", "") "," T("a", "\"r\",\"b\"") "," T("b", "\"a\"") "," T("z", "\"b\""),
                     "wait for each other: ");
        expect_error(T("a", "\"a\""), "tasks[0].upstream[0]: task \"a\" cannot depend on itself");
        expect_error(T("train", "") "," T("b", "\"trian\""),
                     "tasks[1].upstream[0]: there is no task \"trian\": did you mean \"train\"?");
        expect_error(T("a", "7"), "tasks[0].upstream[0]: must be a task's id, not a number");
        expect_error(T("a", "") "," T("a", ""), "tasks[1]: the task id \"a\" stands twice");
        expect_error("{\"id\":\"a\",\"cmd\":\"x\",\"upstream\":\"b\"}",
                     "tasks[0].upstream: must be an array");
}

static void test_weights(void **state) {
        static const char *const down[] = {"a{\"priority_weight\":3}", "b<a", "c<a", "d<b,c", NULL};
        static const char *const up[] = {
                "a{\"weight_rule\":\"upstream\"}", "b<a{\"weight_rule\":\"upstream\"}",
                "c<b{\"weight_rule\":\"absolute\",\"priority_weight\":9}", NULL};
        struct dag *d = core_fixture_tasks("x", "", down);

        assert_int_equal(dag_get_task(d, "a")->weight, 6); /* d is counted once */
        assert_int_equal(dag_get_task(d, "b")->weight, 2);
        assert_int_equal(dag_get_task(d, "d")->weight, 1);
        dag_unref(d);

        d = core_fixture_tasks("x", "", up);
        assert_int_equal(dag_get_task(d, "a")->weight, 1);
        assert_int_equal(dag_get_task(d, "b")->weight, 2);
        assert_int_equal(dag_get_task(d, "c")->weight, 9);
        dag_unref(d);
}

/* As deep as a DAG may be, without recursion. */
static void test_longest_chain(void **state) {
        size_t n = 0, size = DAG_TASKS_MAX * 64u;
        char *json = mem_alloc(size);
        struct dag *d;

        assert_non_null(json);
        n += (size_t) snprintf(json, size, "{\"onebox_dag\":1,\"dag_id\":\"d\",\"tasks\":[");
        for (unsigned i = 0; i < DAG_TASKS_MAX; i++)
                n += (size_t) snprintf(json + n, size - n,
                                       i == 0 ? "{\"id\":\"t%u\",\"cmd\":\"x\"}"
                                              : ",{\"id\":\"t%u\",\"cmd\":\"x\",\"upstream\":"
                                                "[\"t%u\"]}",
                                       i, i - 1);
        snprintf(json + n, size - n, "]}");
        d = core_fixture_dag(json);
        assert_int_equal(d->tasks[0].weight, DAG_TASKS_MAX);
        assert_int_equal(d->leaves[0], DAG_TASKS_MAX - 1);
        dag_unref(d);
        mem_free(json);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_edges),
                cmocka_unit_test(test_repeated_edges_count_once),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_weights),
                cmocka_unit_test(test_longest_chain),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
