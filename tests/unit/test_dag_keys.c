/* Objects read into structs by tables of keys. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "daemons/scheduler/core/dag_keys.h"

struct thing {
        const char *text, *id, *path;
        unsigned count;
        int signed_count;
        bool flag;
        usec_t span, moment;
        uint64_t size;
        struct dag_pairs pairs;
        struct {
                const char *name;
        } * items;
        size_t n_items;
};

static int set_items(struct dag_reader *r, const struct json *v, void *target) {
        static const struct dag_key keys[] = {DAG_KEY_NEEDED("name", STR, struct dag_pair, key)};
        struct thing *t = target;

        return dag_keys_items(r, v, keys, 1, sizeof(struct dag_pair), &t->items, &t->n_items);
}

static const struct dag_key keys[] = {
        DAG_KEY("text", STR, struct thing, text),
        DAG_KEY("id", ID, struct thing, id),
        DAG_KEY("path", PATH, struct thing, path),
        DAG_KEY_RANGE("count", UNSIGNED, struct thing, count, 1, 10),
        DAG_KEY_RANGE("signed_count", INT, struct thing, signed_count, -10, 10),
        DAG_KEY("flag", BOOL, struct thing, flag),
        DAG_KEY("span", SPAN, struct thing, span),
        DAG_KEY("moment", MOMENT, struct thing, moment),
        DAG_KEY("size", SIZE, struct thing, size),
        DAG_KEY("pairs", PAIRS, struct thing, pairs),
        DAG_KEY_BY("items", set_items),
};

static int read(struct arena *a, const char *text, struct thing *t, struct errmsg *em) {
        struct dag_reader r = {.arena = a, .em = em};
        struct json *j;
        int k;

        assert_int_equal(json_parse_copy(a, text, strlen(text), &j, NULL), 0);
        k = dag_keys_read(&r, j, keys, ARRAY_SIZE(keys), t);
        assert_true(k < 0 || r.n_path == 0); /* back where it began */
        return k;
}

static void test_every_type(void **state) {
        struct thing t = {.signed_count = 5};
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(read(&a,
                              "{\"text\":\"x\",\"id\":\"a-b.c\",\"path\":\"/p\",\"count\":10,"
                              "\"signed_count\":null,\"flag\":true,\"span\":1.5,"
                              "\"moment\":\"2026-01-01\",\"size\":\"2K\","
                              "\"pairs\":{\"a\":\"b\",\"n\":1e3,\"t\":true,\"z\":null},"
                              "\"items\":[{\"name\":\"one\"},{\"name\":\"two\"}]}",
                              &t, NULL),
                         0);
        assert_string_equal(t.text, "x");
        assert_int_equal(t.count, 10);
        assert_int_equal(t.signed_count, 5); /* null is as good as none */
        assert_true(t.flag && t.span == 1500000 && t.moment == CORE_FIXTURE_NOW);
        assert_true(t.size == 2048);
        assert_int_equal(t.pairs.n, 4);
        assert_string_equal(t.pairs.items[1].value, "1e3");
        assert_string_equal(t.pairs.items[3].value, "");
        assert_int_equal(t.n_items, 2);
        arena_done(&a);
}

static void expect_error(const char *text, const char *expected) {
        struct errmsg em = {};
        struct thing t = {};
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(read(&a, text, &t, &em), -EINVAL);
        if (strcmp(em.text, expected) != 0)
                fail_msg("\"%s\", not \"%s\"", em.text, expected);
        arena_done(&a);
}

static void test_errors(void **state) {
        expect_error("7", "must be an object, not a number");
        expect_error("{\"txt\":1}", "unknown key \"txt\": did you mean \"text\"?");
        expect_error("{\"completely_else\":1}",
                     "unknown key \"completely_else\": see onebox-dag(5)");
        expect_error("{\"text\":\"\"}", "text: must not be empty");
        expect_error("{\"count\":0}", "count: 0 is not between 1 and 10");
        expect_error("{\"count\":\"3\"}", "count: must be a whole number, not a string");
        expect_error("{\"signed_count\":-11}", "signed_count: -11 is not between -10 and 10");
        expect_error("{\"flag\":1}", "flag: must be true or false, not a number");
        expect_error("{\"span\":-1}", "span: must be between 0 and 1000000000 seconds");
        expect_error("{\"span\":[]}",
                     "span: must be seconds or a span like \"1h 30min\", not an array");
        expect_error("{\"size\":-1}", "size: must be bytes or a size like \"512M\", not a number");
        expect_error("{\"pairs\":{\"a\":{}}}",
                     "pairs.a: must be a string, number or boolean, not an object");
        expect_error("{\"items\":[{\"name\":\"x\"},{}]}", "items[1]: \"name\" is missing");
        expect_error("{\"items\":[{\"name\":7}]}", "items[0].name: must be a string, not a number");
}

/* A path that does not fit is cut, not overrun. */
static void test_long_path(void **state) {
        struct dag_reader r = {};
        size_t mark = 0;

        for (unsigned i = 0; i < 1000; i++)
                mark = dag_keys_enter(&r, "a_key_that_is_rather_long");
        assert_true(r.n_path < DAG_KEYS_PATH_MAX && mark <= r.n_path);
        dag_keys_leave(&r, 0);
        assert_string_equal(r.path, "");
        (void) dag_keys_enter(&r, "list");
        (void) dag_keys_enter_item(&r, 7);
        (void) dag_keys_enter(&r, "x");
        assert_string_equal(r.path, "list[7].x");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_type),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_long_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
