#include "daemons/tracking/artifact_uri.h"

#include <unistd.h>

#include "tests/unit/tracking_test.h"

static void test_append(void **state) {
        struct arena *a = &((struct tracking_test *) *state)->arena;

        assert_string_equal(artifact_uri_append(a, "mlflow-artifacts:/", "0"),
                            "mlflow-artifacts:/0");
        assert_string_equal(artifact_uri_append(a, "mlflow-artifacts:/1", "r/artifacts"),
                            "mlflow-artifacts:/1/r/artifacts");
        assert_string_equal(artifact_uri_append(a, "s3://b/x?y=z#f", "/p"), "s3://b/x/p?y=z#f");
        assert_string_equal(artifact_uri_append(a, "/dir", "p"), "/dir/p");
        assert_string_equal(artifact_uri_append(a, "/d?r", "p"), "/d?r/p");
        assert_string_equal(artifact_uri_append(a, "", "p"), "p");
        assert_string_equal(artifact_uri_append(a, "s3://b", "p"), "s3://b/p");
        assert_string_equal(artifact_uri_append(a, "S3://B?q", "p"), "s3://B/p?q");
        assert_string_equal(artifact_uri_append(a, "dbfs:", "p"), "dbfs:p");
        assert_string_equal(artifact_uri_append(a, "s3://", "p"), "s3:p");
        assert_string_equal(artifact_uri_append(a, "dbfs:///x", "p"), "dbfs:/x/p");
        assert_string_equal(artifact_uri_append(a, "file:///x", "p"), "file:///x/p");
        assert_string_equal(artifact_uri_append(a, "file:/x/", "p"), "file:///x/p");
}

static void test_store_name(void **state) {
        struct arena *a = &((struct tracking_test *) *state)->arena;
        bool oom;

        assert_string_equal(artifact_uri_store_name(a, "mlflow-artifacts:/1/r/artifacts", &oom),
                            "1/r/artifacts");
        assert_string_equal(artifact_uri_store_name(a, "mlflow-artifacts://host:5000/1/r/", &oom),
                            "1/r");
        assert_string_equal(artifact_uri_store_name(a, "mlflow-artifacts:/", &oom), "");
        assert_string_equal(
                artifact_uri_store_name(a, "http://h/api/2.0/mlflow-artifacts/artifacts/1/r", &oom),
                "1/r");
        assert_null(artifact_uri_store_name(a, "http://h/x", &oom));
        assert_null(artifact_uri_store_name(a, "s3://b/x", &oom));
        assert_null(artifact_uri_store_name(a, "/dir", &oom));
        assert_false(oom);
}

static void test_check_path(void **state) {
        struct tracking_test *t = *state;
        static const char *const bad[] = {
                "..",         "../x",     "a/../b",      "a/..",         "/etc",
                "//x",        "%2e%2e/x", "%2E%2e%2fx",  "%252e%252e/x", "%25252e%25252e/x",
                "a%2f..%2fb", "..%2f",    "a#b",         "a%23b",        "\\x",
                "a\\..\\b",   "c:/x",     "file:///etc", "%2fetc",       "a%00b",
                "..%5cx",
        };
        static const struct {
                const char *path, *expected;
        } good[] = {{"", ""},          {"a/b c.txt", "a/b c.txt"},
                    {"a%20b", "a b"},  {"..a/b..", "..a/b.."},
                    {"é", "é"},        {"%C3%A9", "é"},
                    {"a\nb", "a%0ab"}, {"100%", "100%"},
                    {"a:b", "a:b"}};
        const char *got;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_refused(t, artifact_uri_check_path(&t->refusal, bad[i], &got),
                               "Invalid path");
        for (size_t i = 0; i + 1 < ARRAY_SIZE(good); i++) {
                assert_int_equal(artifact_uri_check_path(&t->refusal, good[i].path, &got), 0);
                assert_string_equal(got, good[i].expected);
        }
}

static void test_join(void **state) {
        struct arena *a = &((struct tracking_test *) *state)->arena;

        assert_string_equal(artifact_uri_join(a, "a/b", "c"), "a/b/c");
        assert_string_equal(artifact_uri_join(a, "a//b/./", "/c/"), "a/b/c");
        assert_string_equal(artifact_uri_join(a, NULL, "c"), "c");
        assert_string_equal(artifact_uri_join(a, "", NULL), "");
        assert_string_equal(artifact_uri_base("a/b.txt"), "b.txt");
        assert_string_equal(artifact_uri_base("b.txt"), "b.txt");
}

static void test_local(void **state) {
        struct arena *a = &((struct tracking_test *) *state)->arena;

        assert_true(artifact_uri_is_local("/x"));
        assert_true(artifact_uri_is_local("rel/x"));
        assert_true(artifact_uri_is_local("file:///x"));
        assert_false(artifact_uri_is_local("s3://b"));
        assert_string_equal(artifact_uri_local_path("file:///x/y"), "/x/y");
        assert_string_equal(artifact_uri_local_path("file:/x"), "/x");
        assert_string_equal(artifact_uri_scheme(a, "S3://b"), "s3");
        assert_string_equal(artifact_uri_scheme(a, "/a:b"), "");
}

static void test_absolute(void **state) {
        struct arena *a = &((struct tracking_test *) *state)->arena;
        char cwd[4096];

        assert_non_null(getcwd(cwd, sizeof(cwd)));
        assert_string_equal(artifact_uri_absolute(a, "/x"), "/x");
        assert_string_equal(artifact_uri_absolute(a, "file:///x"), "file:///x");
        assert_string_equal(artifact_uri_absolute(a, "x/y"), arena_printf(a, "%s/x/y", cwd));
        assert_string_equal(artifact_uri_absolute(a, "file:x"),
                            arena_printf(a, "file://%s/x", cwd));
        assert_string_equal(artifact_uri_absolute(a, "file:"), arena_printf(a, "file://%s", cwd));
        assert_string_equal(artifact_uri_absolute(a, "./a%20b//../c/"),
                            arena_printf(a, "%s/a b/../c", cwd));
}

static void test_normal_path(void **state) {
        struct arena *a = &((struct tracking_test *) *state)->arena;
        static const char *const rows[][2] = {
                {"/a/b", "/a/b"},
                {"file:///a//b/", "/a/b"},
                {"/a/./b/.", "/a/b"},
                {"/a/b/..", "/a"},
                {"/a/../b", "/b"},
                {"/..", "/"},
                {"/../../etc", "/etc"},
                {"/a/b/../..", "/"},
                {"/a/..b/c..", "/a/..b/c.."},
                {"/a/b/../../../c", "/c"},
                {"file:///a/%2e%2E/b", "/b"},
                {"file:///a%2f..%2f..", "/"},
                {"file:///a/%252e%252e", "/a/%2e%2e"},
                {"/a/%2e%2e/b", "/a/%2e%2e/b"},
                {"file:///a/%zz%2", "/a/%zz%2"},
                {"file:///a%00b", "/a%00b"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_string_equal(artifact_uri_normal_path(a, rows[i][0]), rows[i][1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_append),      tracking_test(test_store_name),
                tracking_test(test_check_path),  tracking_test(test_join),
                tracking_test(test_local),       tracking_test(test_absolute),
                tracking_test(test_normal_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
