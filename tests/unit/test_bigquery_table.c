/* Names of tables as people write them, the URL of tables.get, and what it answers. */
#include "tests/unit/base_test.h"

#include <errno.h>
#include <string.h>

#include "lib/gcp/bigquery_table.h"

static void names_and_urls(void **state) {
        static const struct {
                const char *name, *path; /* NULL: no name */
        } rows[] = {
                {"p.d.t", "projects/p/datasets/d/tables/t"},
                {"my-proj1.d_1.t-2", "projects/my-proj1/datasets/d_1/tables/t-2"},
                {"p:d.t", "projects/p/datasets/d/tables/t"},
                {"example.com:p.d.t", "projects/example.com%3Ap/datasets/d/tables/t"},
                {"`p.d.t`", "projects/p/datasets/d/tables/t"},
                {"p.d.t$20260101", "projects/p/datasets/d/tables/t"},
                {"p.d.t@-3600000", "projects/p/datasets/d/tables/t"},
                {"p.d.a b", "projects/p/datasets/d/tables/a%20b"},
                {"p.d.\xc3\xa4", "projects/p/datasets/d/tables/%C3%A4"},
                {"d.t", NULL},
                {"t", NULL},
                {"", NULL},
                {NULL, NULL},
                {"p..t", NULL},
                {"p.d.", NULL},
                {".d.t", NULL},
                {"p.d.t/../x", NULL},
                {"p.d.t?x", NULL},
                {"p.d.t#x", NULL},
                {"p.d\n.t", NULL},
                {"p/q.d.t", NULL},
                {"`", NULL},
                {"``", NULL},
                {"$", NULL},
                {"p.d.$1", NULL},
                {"p.d:t", NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_buf_ struct buf out = {};
                char expected[256];

                assert_int_equal(bigquery_table_is_name(rows[i].name), rows[i].path != NULL);
                if (!rows[i].path) {
                        if (rows[i].name)
                                assert_int_equal(bigquery_table_url("http://h", rows[i].name, &out),
                                                 -EINVAL);
                        continue;
                }
                assert_int_equal(bigquery_table_url("http://h/", rows[i].name, &out), 0);
                snprintf(expected, sizeof(expected),
                         "http://h/bigquery/v2/%s?fields=numBytes,numRows,creationTime,"
                         "lastModifiedTime",
                         rows[i].path);
                assert_string_equal(buf_cstr(&out), expected);
        }
}

static int parse(struct arena *a, const char *text, struct bigquery_table *ret) {
        struct errmsg em = {};

        return bigquery_table_parse(a, text, strlen(text), ret, &em);
}

static void answers(void **state) {
        struct bigquery_table t;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(parse(&a,
                               "{\"numBytes\":\"1099511627776\",\"numRows\":\"150321\","
                               "\"creationTime\":\"1767225600500\",\"lastModifiedTime\":"
                               "1767225601000,\"more\":[]}",
                               &t),
                         0);
        assert_true(t.size_bytes == 1099511627776.0 && t.n_rows == 150321);
        assert_true(t.created_s == 1767225600.5 && t.modified_s == 1767225601);
        assert_int_equal(
                parse(&a, "{\"numBytes\":\"many\",\"numRows\":-1,\"creationTime\":null}", &t),
                0); /* a view has none of them */
        assert_true(t.size_bytes == -1 && t.n_rows == -1 && t.created_s == -1);
        assert_true(t.modified_s == -1);
        assert_int_equal(parse(&a, "[]", &t), -EINVAL);
        assert_int_equal(parse(&a, "<html>", &t), -EINVAL);
        assert_string_equal(bigquery_table_reason(&a, "{\"error\":{\"message\":\"no\"}}", 26),
                            "no");
        assert_null(bigquery_table_reason(&a, "{}", 2));
        assert_null(bigquery_table_reason(&a, "x", 1));
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_and_urls),
                cmocka_unit_test(answers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
