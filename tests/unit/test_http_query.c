/* Queries. */
#include "tests/unit/net_test_cmocka.h"

#include "lib/net/http_query.h"

static void test_pairs(void **state) {
        struct arena a;
        struct http_query_pair *p;
        size_t n;

        arena_init(&a, 0);
        assert_int_equal(http_query_parse("a=1&&b&c=x=y&a=%26+&=v&", &a, &p, &n), 0);
        assert_int_equal(n, 5);
        assert_string_equal(p[0].key, "a");
        assert_string_equal(p[0].value, "1");
        assert_string_equal(p[1].key, "b");
        assert_string_equal(p[1].value, "");
        assert_string_equal(p[2].key, "c");
        assert_string_equal(p[2].value, "x=y");
        assert_string_equal(p[3].value, "& ");
        assert_string_equal(p[4].key, "");
        assert_string_equal(p[4].value, "v");
        assert_int_equal(http_query_parse("", &a, &p, &n), 0);
        assert_int_equal(n, 0);
        arena_done(&a);
}

static void test_bad(void **state) {
        static char many[2 * (HTTP_QUERY_PAIRS_MAX + 1) + 1];
        struct arena a;
        struct http_query_pair *p;
        size_t n;

        arena_init(&a, 0);
        assert_int_equal(http_query_parse("a=%", &a, &p, &n), 0); /* stands for itself */
        assert_int_equal(http_query_parse("%00=1", &a, &p, &n), -EINVAL);
        assert_int_equal(http_query_parse("a=%ff", &a, &p, &n), -EINVAL);
        for (size_t i = 0; i < HTTP_QUERY_PAIRS_MAX; i++)
                strcat(many + 2 * i, "a&");
        assert_int_equal(http_query_parse(many, &a, &p, &n), 0);
        strcat(many, "b");
        assert_int_equal(http_query_parse(many, &a, &p, &n), -E2BIG);
        arena_done(&a);
}

static void test_no_memory(void **state) {
        struct arena a;
        struct http_query_pair *p;
        size_t n;

        arena_init(&a, 1);
        assert_int_equal(http_query_parse("a=1", &a, &p, &n), -ENOMEM);
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pairs),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
