/* Route rows: precedence, parameters, methods, bad rows. */
#include "tests/unit/net_test_cmocka.h"

#include "lib/net/http_route.h"

static int handle(struct http_request *req) {
        return 0;
}

#define R(m, p) HTTP_ROUTE(m, p, handle, 0, 0)

static const struct http_route rows[] = {
        R(HTTP_GET, "/"),           R(HTTP_GET, "/a"),
        R(HTTP_POST, "/a"),         R(HTTP_GET, "/a/"),
        R(HTTP_GET, "/a/{id}"),     R(HTTP_GET, "/a/b"),
        R(HTTP_GET, "/a/{id}/c"),   R(HTTP_DELETE, "/a/{other}/c"),
        R(HTTP_GET, "/a/{all...}"), R(HTTP_ANY, "/f/{rest...}"),
        R(HTTP_GET, "/f/own"),      R(HTTP_GET, "/p/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h...}"),
};

static struct http_route_table *table;

static int setup(void **state) {
        return http_route_table_new(rows, ARRAY_SIZE(rows), &table, NULL);
}

static int teardown(void **state) {
        table = http_route_table_free(table);
        return 0;
}

/* The row's path, or "404" or "405"; *m keeps the match. */
static const char *find(enum http_method method, const char *path, struct http_route_match *m) {
        int r = http_route_find(table, method, path, m);

        return r == -ENOENT ? "404" : r == -EOPNOTSUPP ? "405" : m->route->path;
}

static void test_precedence(void **state) {
        struct http_route_match m;

        assert_string_equal(find(HTTP_GET, "/", &m), "/");
        assert_string_equal(find(HTTP_GET, "/a", &m), "/a");
        assert_string_equal(find(HTTP_GET, "/a/", &m), "/a/");
        assert_string_equal(find(HTTP_GET, "/a/b", &m), "/a/b");
        assert_string_equal(find(HTTP_GET, "/a/x", &m), "/a/{id}");
        assert_string_equal(find(HTTP_GET, "/a/x/c", &m), "/a/{id}/c");
        assert_string_equal(find(HTTP_GET, "/a/b/c", &m), "/a/{id}/c");
        assert_string_equal(find(HTTP_GET, "/a/b/d", &m), "/a/{all...}");
        assert_string_equal(find(HTTP_GET, "/f/own", &m), "/f/own");
        assert_string_equal(find(HTTP_POST, "/f/own", &m), "/f/{rest...}");
        assert_string_equal(find(HTTP_OTHER, "/f/own", &m), "/f/{rest...}");
}

static void test_not_found(void **state) {
        struct http_route_match m;

        assert_string_equal(find(HTTP_GET, "/b", &m), "404");
        assert_string_equal(find(HTTP_GET, "//a", &m), "404");
        assert_string_equal(find(HTTP_GET, "", &m), "404");
        assert_string_equal(find(HTTP_GET, "a", &m), "404");
        assert_string_equal(find(HTTP_GET, "/f/", &m), "404");
        assert_string_equal(find(HTTP_GET, "/f", &m), "404");
        assert_string_equal(find(HTTP_PUT, "/a", &m), "405");
        assert_string_equal(find(HTTP_OTHER, "/a", &m), "405");
        assert_string_equal(find(HTTP_HEAD, "/a", &m), "/a");
}

static void check_param(const struct http_route_match *m, size_t i, const char *name,
                        const char *value) {
        assert_int_equal(m->params[i].name_size, strlen(name));
        assert_memory_equal(m->params[i].name, name, strlen(name));
        assert_int_equal(m->params[i].value_size, strlen(value));
        assert_memory_equal(m->params[i].value, value, strlen(value));
}

static void test_params(void **state) {
        struct http_route_match m;

        assert_string_equal(find(HTTP_DELETE, "/a/x%20y/c", &m), "/a/{other}/c");
        assert_int_equal(m.n_params, 1);
        check_param(&m, 0, "other", "x%20y");
        assert_string_equal(find(HTTP_GET, "/a/x/c", &m), "/a/{id}/c");
        check_param(&m, 0, "id", "x");
        assert_string_equal(find(HTTP_GET, "/a/x/y/z", &m), "/a/{all...}");
        check_param(&m, 0, "all", "x/y/z");
        assert_string_equal(find(HTTP_GET, "/p/1/2/3/4/5/6/7/8/9", &m), rows[11].path);
        assert_int_equal(m.n_params, 8);
        check_param(&m, 6, "g", "7");
        check_param(&m, 7, "h", "8/9");
}

static void test_encoded_literals(void **state) {
        struct http_route_match m;

        assert_string_equal(find(HTTP_GET, "/%61", &m), "/a");
        assert_string_equal(find(HTTP_GET, "/a/%62", &m), "/a/b");
        /* An encoded slash is no separator. */
        assert_string_equal(find(HTTP_GET, "/a%2Fb", &m), "404");
        assert_string_equal(find(HTTP_GET, "/%zz", &m), "404");
}

static void test_deep_path(void **state) {
        struct http_route_match m;
        char path[2048] = "/f";

        for (size_t i = 0; i < 500; i++)
                strcat(path, "/x");
        assert_string_equal(find(HTTP_GET, path, &m), "/f/{rest...}");
        assert_int_equal(m.params[0].value_size, 999);
}

static void test_allowed(void **state) {
        char text[96], tiny[8];

        http_route_allowed(table, "/a", text, sizeof text);
        assert_string_equal(text, "GET, HEAD, POST");
        http_route_allowed(table, "/a/x/c", text, sizeof text);
        assert_string_equal(text, "GET, HEAD, DELETE");
        http_route_allowed(table, "/nothing", text, sizeof text);
        assert_string_equal(text, "");
        http_route_allowed(table, "/a", tiny, sizeof tiny);
        assert_string_equal(tiny, "GET");
}

static void check_bad(enum http_method method, const char *path) {
        const struct http_route bad[] = {R(HTTP_GET, "/fine"), R(method, path)}, *at = NULL;
        struct http_route_table *t = NULL;

        assert_int_equal(http_route_table_new(bad, 2, &t, &at), -EINVAL);
        assert_ptr_equal(at, &bad[1]);
        assert_null(t);
}

static void test_bad_rows(void **state) {
        const struct http_route twice[] = {R(HTTP_GET, "/x/{a}"), R(HTTP_GET, "/x/{b}")},
                                *at = NULL;
        struct http_route_table *t = NULL;

        check_bad(HTTP_GET, "no-slash");
        check_bad(HTTP_GET, "/{rest...}/more");
        check_bad(HTTP_GET, "/a{b}");
        check_bad(HTTP_GET, "/{b}c");
        check_bad(HTTP_GET, "/{}");
        check_bad(HTTP_GET, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}");
        check_bad(HTTP_OTHER, "/x");
        check_bad(HTTP_GET, NULL);
        assert_int_equal(http_route_table_new(twice, 2, &t, &at), -EEXIST);
        assert_ptr_equal(at, &twice[1]);
}

static void test_methods(void **state) {
        for (enum http_method m = HTTP_GET; m <= HTTP_OPTIONS; m++)
                assert_int_equal(http_route_method_parse(http_route_method_print(m)), m);
        assert_int_equal(http_route_method_parse("get"), HTTP_OTHER);
        assert_int_equal(http_route_method_parse(""), HTTP_OTHER);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_precedence), cmocka_unit_test(test_not_found),
                cmocka_unit_test(test_params),     cmocka_unit_test(test_encoded_literals),
                cmocka_unit_test(test_deep_path),  cmocka_unit_test(test_allowed),
                cmocka_unit_test(test_bad_rows),   cmocka_unit_test(test_methods),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
