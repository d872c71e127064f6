/* Instance connection names as Google's expression finds them, and DNS names. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/conn_name.h"

static void expect(const char *text, const char *project, const char *region, const char *name) {
        struct conn_name n = {};
        struct errmsg em = {};

        if (conn_name_parse(text, &n, &em) < 0)
                fail_msg("%s: %s", text, em.text);
        assert_string_equal(n.project, project);
        assert_string_equal(n.region, region);
        assert_string_equal(n.name, name);
        assert_string_equal(n.domain, "");
}

static void test_names(void **state) {
        expect("p:r:i", "p", "r", "i");
        expect("my-project:europe-west1:db", "my-project", "europe-west1", "db");
        expect("example.com:p:r:i", "example.com:p", "r", "i");
        /* The expression is not anchored. */
        expect("a:b:c:d:e", "a:b", "c", "d");
        expect(":p:r:i", "p", "r", "i");
        expect("x::p:r:i", "p", "r", "i");
        expect("p:r:i:", "p", "r", "i");
}

static void test_no_names(void **state) {
        static const char *const none[] = {"", "p", "p:i", ":::", "p::r:i", "a:b::c:d"};
        struct conn_name n;

        for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
                struct errmsg em = {};

                assert_int_equal(conn_name_parse(none[i], &n, &em), -EINVAL);
                assert_says(em, "expected PROJECT:REGION:INSTANCE");
        }
}

static void test_a_part_too_long(void **state) {
        char text[2 * CONN_NAME_PART_MAX];
        struct errmsg em = {};
        struct conn_name n;

        memset(text, 'a', sizeof text);
        memcpy(text + sizeof text - 5, ":r:i", 5);
        assert_int_equal(conn_name_parse(text, &n, &em), -ENAMETOOLONG);
        assert_says(em, "too long");
}

static void test_print_and_equal(void **state) {
        struct conn_name a = {"p", "r", "i", ""}, b = {"p", "r", "i", "db.example.com"};
        char text[CONN_NAME_TEXT_MAX];

        assert_string_equal(conn_name_print(&a, text), "p:r:i");
        assert_string_equal(conn_name_print(&b, text), "db.example.com -> p:r:i");
        assert_true(conn_name_equal(&a, &a));
        assert_false(conn_name_equal(&a, &b));
}

static void test_domains(void **state) {
        static const char *const yes[] = {"prod-db.mycompany.example.com", "example.com.",
                                          "_db.example.com", "a.b", "a.b9-x"};
        static const char *const no[] = {
                "-example.com", "example", "127.0.0.1", "0:0:0:0:0:0:0:1", "",       ".",
                "a..b",         "A.com",   "a.com-",    "a.-com",          "a_.com", "a.9b"};

        for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
                if (!conn_name_is_domain(yes[i]))
                        fail_msg("%s is one", yes[i]);
        for (size_t i = 0; i < ARRAY_SIZE(no); i++)
                if (conn_name_is_domain(no[i]))
                        fail_msg("%s is none", no[i]);
}

static void test_googs(void **state) {
        char region[CONN_NAME_PART_MAX];

        assert_true(conn_name_is_goog("i.p.europe-west1.sql.goog", region));
        assert_string_equal(region, "europe-west1");
        assert_true(conn_name_is_goog("I.P.US-East1.sql-psa.goog.", region));
        assert_string_equal(region, "us-east1");
        assert_true(conn_name_is_goog("i.p.r.sql-psc.goog", region));
        assert_false(conn_name_is_goog("i.p.global.sql.goog", region));
        assert_false(conn_name_is_goog("i.p.sql.goog", region));
        assert_false(conn_name_is_goog("x.i.p.r.sql.goog", region));
        assert_false(conn_name_is_goog("i.p.r.sql.goog.example", region));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),           cmocka_unit_test(test_no_names),
                cmocka_unit_test(test_a_part_too_long), cmocka_unit_test(test_print_and_equal),
                cmocka_unit_test(test_domains),         cmocka_unit_test(test_googs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
