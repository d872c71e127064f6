#include <stdio.h>

#include "daemons/tracking/review_check.h"
#include "tests/unit/tracking_test.h"

static void test_users(void **state) {
        struct tracking_test *t = *state;
        const char *given[] = {" Ann", "ÄNNE ", "ann", "bob"}, *many[11];
        struct review_list list;
        char names[11][4];

        assert_int_equal(review_check_users(&t->refusal, given, 4, &list), 0);
        assert_string_equal(review_check_repr(&t->arena, &list), "['ann', 'änne', 'bob']");
        assert_int_equal(review_check_users(&t->refusal, NULL, 0, &list), 0);
        assert_string_equal(review_check_repr(&t->arena, &list), "[]");
        given[3] = " ";
        assert_refused(t, review_check_users(&t->refusal, given, 4, &list),
                       "`user` must be a non-empty string");
        for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
                snprintf(names[i], sizeof(names[i]), "u%zu", i);
                many[i] = names[i];
        }
        assert_refused(t, review_check_users(&t->refusal, many, 11, &list),
                       "at most 10 assigned users; got 11");
}

static void test_items(void **state) {
        struct tracking_test *t = *state;
        const char *given[] = {"a ", "A", "a"};
        struct review_list list;

        assert_int_equal(review_check_items(&t->refusal, given, 3, &list), 0);
        assert_int_equal(list.n, 2);
        assert_string_equal(list.items[1], "A");
        assert_refused(t, review_check_items(&t->refusal, given, 0, &list),
                       "non-empty list; got []");
        given[1] = "123456789012345678901234567890123456789";
        assert_refused(t, review_check_schemas(&t->refusal, given, 2, &list),
                       "at most 36 characters; got 39");
}

static void test_names(void **state) {
        struct tracking_test *t = *state;
        const char *other[] = {"bob"}, *ret;
        struct review_list users, none;

        assert_int_equal(review_check_users(&t->refusal, NULL, 0, &users), 0);
        assert_int_equal(review_check_users(&t->refusal, NULL, 0, &none), 0);
        assert_int_equal(review_check_user_queue(&t->refusal, " Zoë", &users, &none, &ret), 0);
        assert_string_equal(ret, "zoë");
        assert_string_equal(users.items[0], "zoë");
        assert_int_equal(review_check_user_queue(&t->refusal, "ZOË", &users, &none, &ret), 0);
        assert_int_equal(review_check_users(&t->refusal, other, 1, &users), 0);
        assert_refused(t, review_check_user_queue(&t->refusal, "ann", &users, &none, &ret),
                       "name='ann' and users=['bob']");
        assert_refused(t, review_check_user_queue(&t->refusal, "bob", &users, &users, &ret),
                       "explicitly-attached schemas");
        assert_int_equal(review_check_custom_name(&t->refusal, " Mine ", &ret), 0);
        assert_string_equal(ret, "Mine");
        assert_refused(t, review_check_custom_name(&t->refusal, "DEFAULT ", &ret),
                       "`DEFAULT` is a reserved");
        assert_int_equal(review_check_owner(&t->refusal, " Ann ", &ret), 0);
        assert_string_equal(ret, "Ann");
        assert_refused(t, review_check_owner(&t->refusal, "  ", &ret), "`new_owner`");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_users, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_items, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_names, tracking_test_setup,
                                                tracking_test_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
