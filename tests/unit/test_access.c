/* What grants come to. */
#include "daemons/tracking/access.h"

#include "daemons/tracking/search_sql.h"
#include "lib/auth/auth_grants.h"
#include "tests/unit/tracking_test.h"

static const struct auth_grant grants[] = {
        {.type = "experiment", .pattern = "1", .permission = "EDIT"},
        {.type = "experiment", .pattern = "2", .permission = "DENY"},
        {.type = "experiment", .pattern = "3", .permission = "READ"},
        {.type = "registered_model", .pattern = "*", .permission = "MANAGE"},
        {.type = "registered_model", .pattern = "m", .permission = "NO_PERMISSIONS"},
};

static struct access make(enum access_level level) {
        return (struct access){.needed = ACCESS_READ,
                               .default_level = level,
                               .grants = grants,
                               .n_grants = ARRAY_SIZE(grants)};
}

static void test_levels(void **state) {
        struct access a = make(ACCESS_READ);

        assert_int_equal(access_level_on(&a, "experiment", "1"), ACCESS_EDIT);
        assert_int_equal(access_level_on(&a, "experiment", "2"), ACCESS_NOTHING);
        assert_int_equal(access_level_on(&a, "experiment", "3"), ACCESS_READ);
        assert_int_equal(access_level_on(&a, "experiment", "4"), ACCESS_READ);
        assert_int_equal(access_level_on(&a, "registered_model", "x"), ACCESS_MANAGE);
        assert_int_equal(access_level_on(&a, "registered_model", "m"), ACCESS_NOTHING);
        /* A grant does not lower what all have; a denial does. */
        a = make(ACCESS_MANAGE);
        assert_int_equal(access_level_on(&a, "experiment", "3"), ACCESS_MANAGE);
        assert_int_equal(access_level_on(&a, "experiment", "2"), ACCESS_NOTHING);
        a = make(ACCESS_NOTHING);
        assert_int_equal(access_level_on(&a, "experiment", "4"), ACCESS_NOTHING);
        assert_int_equal(access_level_on(NULL, "experiment", "4"), ACCESS_MANAGE);
}

static void test_manager(void **state) {
        static const struct auth_grant own[] = {
                {.type = "experiment", .pattern = "2", .permission = "DENY"},
                {.type = "workspace", .pattern = "*", .permission = "MANAGE"},
                {.type = "workspace", .pattern = "*", .permission = "USE"},
        };
        struct access a = {.default_level = ACCESS_READ, .grants = own, .n_grants = 2};

        assert_true(access_is_manager(&a));
        assert_int_equal(access_level_on(&a, "experiment", "2"), ACCESS_MANAGE);
        assert_int_equal(access_level_on(&a, "prompt", "p"), ACCESS_MANAGE);
        a.grants = &own[2]; /* who may use it may no more with what is in it */
        a.n_grants = 1;
        assert_false(access_is_manager(&a));
        assert_int_equal(access_level_on(&a, "prompt", "p"), ACCESS_READ);
        assert_false(access_is_manager(NULL));
}

static void test_check(void **state) {
        struct tracking_test *t = *state;
        struct access a = make(ACCESS_READ);

        assert_int_equal(access_check_experiment(&t->refusal, 2), 0); /* nobody asks */
        t->refusal.access = &a;
        assert_int_equal(access_check_experiment(&t->refusal, 1), 0);
        assert_refused(t, access_check_experiment(&t->refusal, 2), "Permission denied.");
        a.needed = ACCESS_EDIT;
        assert_int_equal(access_check_experiment(&t->refusal, 1), 0);
        assert_refused(t, access_check_experiment(&t->refusal, 3), "Permission denied.");
}

static void restricted(struct tracking_test *t, enum access_level level, const char *type,
                       bool number, const char *expected) {
        struct search_sql sql;
        struct access a = make(level);

        search_sql_init(&sql, &t->arena);
        access_restrict(&a, type, "c", number, &sql);
        assert_string_equal(buf_cstr(&sql.text), expected);
        search_sql_done(&sql);
}

static void test_searches(void **state) {
        struct tracking_test *t = *state;
        struct access a = make(ACCESS_READ);
        int64_t ids[] = {1, 2, 3, 4};

        restricted(t, ACCESS_READ, "experiment", true, " AND c NOT IN (?)");
        restricted(t, ACCESS_NOTHING, "experiment", true, " AND c IN (?,?)");
        restricted(t, ACCESS_READ, "prompt", false, " AND 1 = 1");
        restricted(t, ACCESS_NOTHING, "prompt", false, " AND 1 = 0");
        restricted(t, ACCESS_NOTHING, "registered_model", false, " AND c NOT IN (?)");
        assert_int_equal(access_keep_readable(&a, ids, 4), 3);
        assert_int_equal(ids[1], 3);
        assert_int_equal(access_keep_readable(NULL, ids, 3), 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_levels),
                tracking_test(test_manager),
                tracking_test(test_check),
                tracking_test(test_searches),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
