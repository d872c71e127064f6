/* Roles and their names in the three vocabularies. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>

#include "lib/auth/auth_identity.h"
#include "lib/auth/auth_role.h"

static void test_round_trip(void **state) {
        for (int i = AUTH_NONE; i <= AUTH_ADMIN; i++) {
                enum auth_role role = AUTH_NONE;

                assert_int_equal(auth_role_parse(auth_role_print((enum auth_role) i), &role), 0);
                assert_int_equal(role, i);
        }
}

static void test_other_vocabularies(void **state) {
        enum auth_role role = AUTH_ADMIN;

        assert_int_equal(auth_role_parse("Op", &role), 0);
        assert_int_equal(role, AUTH_OP);
        assert_int_equal(auth_role_parse("Public", &role), 0);
        assert_int_equal(role, AUTH_NONE);
        assert_int_equal(auth_role_parse_mlflow("EDIT", &role), 0);
        assert_int_equal(role, AUTH_USER);
        assert_int_equal(auth_role_parse_mlflow("MANAGE", &role), 0);
        assert_int_equal(role, AUTH_OP);
        assert_int_equal(auth_role_parse_mlflow("USE", &role), 0);
        assert_int_equal(role, AUTH_VIEWER);
        assert_string_equal(auth_role_print_mlflow(AUTH_NONE), "NO_PERMISSIONS");
        assert_string_equal(auth_role_group(AUTH_ADMIN), "onebox-admin");
        assert_null(auth_role_group(AUTH_NONE));
}

static void test_what_is_no_role(void **state) {
        enum auth_role role = AUTH_USER;

        assert_int_equal(auth_role_parse("root", &role), -EINVAL);
        assert_int_equal(auth_role_parse("", &role), -EINVAL);
        assert_int_equal(auth_role_parse_mlflow("edit", &role), -EINVAL);
        assert_int_equal(role, AUTH_USER); /* untouched */
}

static void test_how(void **state) {
        for (int i = 0; i < AUTH_HOW_N; i++)
                assert_true(strlen(auth_identity_how_print((enum auth_how) i)) > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_other_vocabularies),
                cmocka_unit_test(test_what_is_no_role),
                cmocka_unit_test(test_how),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
