#include "daemons/tracking/experiment_location.h"

#include "lib/base/str.h"
#include "tests/unit/tracking_test.h"

static void test_check(void **state) {
        static const struct {
                const char *location;
                bool good;
        } rows[] = {
                {NULL, true},
                {"", true},
                {"/a/../b", true},
                {"/a;b/c", true},
                {"/a/b;", true},
                {"x#", true},
                {"s3://b/x;y", true},
                {"s3://b/x?y=a.b", true},
                {"mlflow-artifacts:/x", true},
                {"/a/b;c", false},
                {"a;b?c", false},
                {"x#y", false},
                {"s3://b/x#y", false},
                {"s3://b/x?y=..", false},
                {"s3://b/x?y=%252e%252e", false},
                {"http://h/x", false},
                {"mlflow-artifacts://h/x", false},
                {"runs:/x", false},
        };
        struct tracking_test *t = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(experiment_location_check(&t->refusal, rows[i].location, NULL),
                                 rows[i].good ? 0 : REFUSED);
        assert_int_equal(experiment_location_check(&t->refusal, "http://h/x", "http://h/"), 0);
}

static void test_resolve(void **state) {
        struct tracking_test *t = *state;
        static const char *const kept[] = {"", "/x/./y", "s3://b/x", "file:///x",
                                           "file://localhost/x"};
        const char *location;

        for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
                location = kept[i];
                assert_int_equal(experiment_location_resolve(&t->refusal, &location), 0);
                assert_string_equal(location, kept[i]);
        }
        location = "x/./y";
        assert_int_equal(experiment_location_resolve(&t->refusal, &location), 0);
        assert_true(str_starts(location, "/") && str_ends(location, "/x/y"));
        location = "file://host/a";
        assert_refused(t, experiment_location_resolve(&t->refusal, &location),
                       "file://host/a is not a valid remote uri.");
}

int main(void) {
        const struct CMUnitTest tests[] = {tracking_test(test_check), tracking_test(test_resolve)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
