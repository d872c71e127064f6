/* auth_check.h for who may not wait: a password that would have to be computed is somebody else's.
 */
#include "tests/unit/db_test_dir.h"

#include "lib/auth/auth_check.h"
#include "lib/auth/auth_store.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"

#define RIGHT "Basic Ym9iOmNvcnJlY3QgaG9yc2U=" /* bob:correct horse */
#define WRONG "Basic Ym9iOndyb25nIGhvcnNl"     /* bob:wrong horse */

static int check(struct auth_check *c, bool is_on_loop, const char *authorization,
                 struct auth_check_refusal *ret) {
        const struct auth_check_request req = {.is_on_loop = is_on_loop,
                                               .authorization = authorization};
        struct auth_identity who = {};
        struct arena a;
        int r;

        arena_init(&a, 0);
        r = auth_check_run(c, &req, &a, &who, ret);
        if (r == 0)
                assert_string_equal(who.name, "bob");
        arena_done(&a);
        return r;
}

static void test_no_password_is_computed(void **state) {
        _cleanup_(auth_check_freep) struct auth_check *c = NULL;
        struct auth_check_refusal refusal = {};
        struct test_dir *dir = *state;
        struct entropy_fake entropy;
        struct clock_fake clock;
        struct auth_check_options o = {.clock = &clock.clock, .entropy = &entropy.entropy};
        struct errmsg em = {};

        clock_fake_init(&clock, 1800000000 * USEC_PER_SEC);
        entropy_fake_init(&entropy, 1);
        assert_ok(em,
                  auth_store_open(dir->file, AUTH_STORE_CREATE, o.clock, o.entropy, &em, &o.store));
        assert_ok(em, auth_store_user_insert(o.store, "bob", "correct horse", AUTH_USER, &em));
        assert_int_equal(auth_check_new(&o, &c), 0);
        for (int i = 0; i < 100; i++) { /* none is counted as a check either */
                assert_int_equal(check(c, true, RIGHT, &refusal), AUTH_CHECK_SLOW);
                assert_int_equal(check(c, true, WRONG, &refusal), AUTH_CHECK_SLOW);
        }
        assert_int_equal(check(c, false, RIGHT, &refusal), 0);
        assert_int_equal(check(c, true, RIGHT, &refusal), 0); /* known now */
        for (int i = 0; i < 5; i++)
                assert_int_equal(check(c, false, WRONG, &refusal), AUTH_CHECK_REFUSED);
        assert_int_equal(refusal.status, 401);
        /* who has to wait is told so at once, and bob goes on */
        assert_int_equal(check(c, true, WRONG, &refusal), AUTH_CHECK_REFUSED);
        assert_int_equal(refusal.status, 429);
        assert_int_equal(check(c, true, RIGHT, &refusal), 0);
        auth_store_free(o.store);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_no_password_is_computed, test_dir_setup,
                                                test_dir_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
