/* Instances of mapped tasks: how many, and with which values. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "lib/base/json.h"
#include "lib/base/str.h"

struct box {
        struct arena a;
        struct dag *d;
        const struct dag_task *t;
        const struct json *values[4];
};

static void make(struct box *b, const char *expand) {
        char task[256];
        const char *tasks[] = {"u", task, NULL};

        snprintf(task, sizeof(task), "t<u{%s}", expand);
        *b = (struct box){};
        arena_init(&b->a, 0);
        b->d = core_fixture_tasks("d", "", tasks);
        b->t = dag_get_task(b->d, "t");
        for (size_t i = 0; i < b->t->n_expand; i++)
                b->values[i] = b->t->expand[i].values;
}

static void give(struct box *b, size_t i, const char *text) {
        struct json *j;

        assert_int_equal(json_parse_copy(&b->a, text, strlen(text), &j, NULL), 0);
        b->values[i] = j;
}

static void done(struct box *b) {
        dag_unref(b->d);
        arena_done(&b->a);
}

static void expect(struct box *b, unsigned index, const char *text) {
        char all[256] = "";
        struct dag_pairs p;
        struct errmsg em = {};

        if (expand_arguments(b->t, b->values, index, &b->a, &p, &em) < 0)
                fail_msg("%s", em.text);
        for (size_t i = 0; i < p.n; i++)
                snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s=%s", i > 0 ? " " : "",
                         p.items[i].key, p.items[i].value);
        assert_string_equal(all, text);
}

static void expect_error(struct box *b, int r, const char *part) {
        struct errmsg em = {};
        unsigned n;

        assert_int_equal(expand_count(b->t, b->values, &n, &em), r);
        assert_non_null(strstr(em.text, part));
}

/* As in Airflow: the product, the last argument changes fastest. */
static void test_written(void **state) {
        struct errmsg em = {};
        struct dag_pairs p;
        struct box b;
        unsigned n;

        make(&b, "\"expand\":{\"x\":[1,\"two\",[3]],\"y\":[true,false]}");
        assert_int_equal(expand_count_written(b.t, &n), 0);
        assert_int_equal(n, 6);
        expect(&b, 0, "y=true x=1");
        expect(&b, 1, "y=false x=1");
        expect(&b, 2, "y=true x=two");
        expect(&b, 5, "y=false x=[3]");
        assert_int_equal(expand_arguments(b.t, b.values, 6, &b.a, &p, &em), -EINVAL);
        done(&b);
}

static void test_from_xcom(void **state) {
        struct box b;
        unsigned n;

        make(&b, "\"expand\":{\"x\":{\"xcom\":\"u\"}}");
        assert_int_equal(expand_count_written(b.t, &n), EXPAND_NEEDS_XCOM);
        assert_string_equal(b.t->expand[0].key, "return_value");
        expect_error(&b, -ENODATA, "left no XCom");
        give(&b, 0, "7");
        expect_error(&b, -EINVAL, "an array is needed");
        give(&b, 0, "[]");
        assert_int_equal(expand_count(b.t, b.values, &n, NULL), 0);
        assert_int_equal(n, 0);
        give(&b, 0, "{\"k\":1,\"l\":[2]}");
        expect(&b, 1, "x=[\"l\",[2]]");
        done(&b);
}

static void test_kwargs(void **state) {
        struct box b;

        make(&b, "\"expand_kwargs\":[{\"a\":1,\"b\":\"x\"},{\"a\":2}]");
        expect(&b, 0, "a=1 b=x");
        expect(&b, 1, "a=2");
        give(&b, 0, "[{},3]");
        expect_error(&b, -EINVAL, "objects with its arguments");
        give(&b, 0, "{\"a\":1}");
        expect_error(&b, -EINVAL, "an array is needed");
        done(&b);
}

static void test_too_many(void **state) {
        char text[4096] = "[0";
        struct box b;
        unsigned n;

        for (unsigned i = 1; i < 200; i++)
                strcat(text, ",0");
        strcat(text, "]");
        make(&b, "\"expand\":{\"x\":{\"xcom\":\"u\"},\"y\":{\"xcom\":\"u\"}}");
        give(&b, 0, text);
        give(&b, 1, text);
        expect_error(&b, -EINVAL, "more than 10000");
        give(&b, 1, "[1]");
        assert_int_equal(expand_count(b.t, b.values, &n, NULL), 0);
        assert_int_equal(n, 200);
        done(&b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_written),
                cmocka_unit_test(test_from_xcom),
                cmocka_unit_test(test_kwargs),
                cmocka_unit_test(test_too_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
