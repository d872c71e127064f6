/* The throttle and the cache of passwords: pure, time is an argument. */
#include "tests/unit/db_test_dir.h"

#include "lib/auth/auth_cache.h"
#include "lib/auth/auth_throttle.h"
#include "lib/base/entropy.h"

#define T0 (1000 * USEC_PER_SEC)

static struct auth_throttle t;

static void test_a_few_failures_are_free(void **state) {
        auth_throttle_init(&t, 7, T0);
        for (int i = 0; i < AUTH_THROTTLE_FREE; i++) {
                assert_int_equal(auth_throttle_take(&t, "bob", T0), 0);
                auth_throttle_failed(&t, "bob", T0);
        }
        assert_int_equal(auth_throttle_take(&t, "bob", T0), USEC_PER_SEC);
        assert_int_equal(auth_throttle_take(&t, "alice", T0), 0); /* only bob waits */
        assert_int_equal(auth_throttle_take(&t, "bob", T0 + USEC_PER_SEC), 0);
}

static void test_the_wait_doubles_to_a_minute(void **state) {
        usec_t now_at = T0, wait_for = 0, last_for = 0;

        auth_throttle_init(&t, 7, T0);
        for (int i = 0; i < 20; i++) {
                wait_for = auth_throttle_take(&t, "bob", now_at);
                assert_true(wait_for == 0 || wait_for >= last_for);
                assert_true(wait_for <= AUTH_THROTTLE_WAIT_MAX);
                last_for = wait_for;
                now_at += wait_for;
                assert_int_equal(auth_throttle_take(&t, "bob", now_at), 0);
                auth_throttle_failed(&t, "bob", now_at);
        }
        assert_int_equal(wait_for, AUTH_THROTTLE_WAIT_MAX);
        assert_int_equal(auth_throttle_take(&t, "bob", now_at + AUTH_THROTTLE_FORGET_FOR), 0);
        auth_throttle_failed(&t, "bob", now_at + AUTH_THROTTLE_FORGET_FOR);
        assert_int_equal(auth_throttle_take(&t, "bob", now_at + AUTH_THROTTLE_FORGET_FOR), 0);
}

static void test_a_success_forgives(void **state) {
        auth_throttle_init(&t, 7, T0);
        for (int i = 0; i < AUTH_THROTTLE_FREE; i++)
                auth_throttle_failed(&t, "bob", T0);
        assert_true(auth_throttle_take(&t, "bob", T0) > 0);
        auth_throttle_passed(&t, "bob");
        assert_int_equal(auth_throttle_take(&t, "bob", T0), 0);
}

static void test_all_names_together(void **state) {
        usec_t wait_for = 0;
        char name[16];
        int n = 0;

        auth_throttle_init(&t, 7, T0);
        for (; wait_for == 0; n++) {
                (void) snprintf(name, sizeof(name), "u%d", n);
                wait_for = auth_throttle_take(&t, name, T0);
        }
        assert_int_equal(n - 1, AUTH_THROTTLE_BURST);
        assert_int_equal(wait_for, USEC_PER_SEC / AUTH_THROTTLE_PER_SEC);
        assert_int_equal(auth_throttle_peek(&t, "x", T0), wait_for);
        for (int i = 0; i < 3; i++) /* a look takes nothing */
                assert_int_equal(auth_throttle_peek(&t, "x", T0 + wait_for), 0);
        assert_int_equal(auth_throttle_take(&t, "x", T0 + wait_for), 0);
        assert_true(auth_throttle_take(&t, "y", T0 + wait_for) > 0);
}

static void test_the_table_is_bounded(void **state) {
        char name[16];

        auth_throttle_init(&t, 7, T0);
        for (int i = 0; i < 100000; i++) {
                (void) snprintf(name, sizeof(name), "u%d", i);
                auth_throttle_failed(&t, name, T0 + (usec_t) i);
        }
        for (int i = 0; i < AUTH_THROTTLE_FREE; i++)
                auth_throttle_failed(&t, "bob", T0 + 200000);
        assert_true(auth_throttle_take(&t, "bob", T0 + 200000) > 0);
}

static void test_cache(void **state) {
        static struct auth_cache c;
        struct entropy_fake e;
        char password[32];
        int n_known = 0;

        entropy_fake_init(&e, 1);
        assert_int_equal(auth_cache_init(&c, &e.entropy), 0);
        assert_false(auth_cache_has(&c, "hash", "pw", T0));
        auth_cache_add(&c, "hash", "pw", T0);
        assert_true(auth_cache_has(&c, "hash", "pw", T0));
        assert_false(auth_cache_has(&c, "hash", "pW", T0));
        assert_false(auth_cache_has(&c, "hash2", "pw", T0)); /* the password was changed */
        assert_false(auth_cache_has(&c, "hashp", "w", T0));
        assert_true(auth_cache_has(&c, "hash", "pw", T0 + AUTH_CACHE_FOR - 1));
        assert_false(auth_cache_has(&c, "hash", "pw", T0 + AUTH_CACHE_FOR));
        for (int i = 0; i < 10000; i++) {
                (void) snprintf(password, sizeof(password), "pw%d", i);
                auth_cache_add(&c, "hash", password, T0 + (usec_t) i);
        }
        for (int i = 0; i < 10000; i++) {
                (void) snprintf(password, sizeof(password), "pw%d", i);
                n_known += auth_cache_has(&c, "hash", password, T0 + 10000);
        }
        assert_int_equal(n_known, AUTH_CACHE_SETS * AUTH_CACHE_WAYS);
        auth_cache_done(&c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_few_failures_are_free),
                cmocka_unit_test(test_the_wait_doubles_to_a_minute),
                cmocka_unit_test(test_a_success_forgives),
                cmocka_unit_test(test_all_names_together),
                cmocka_unit_test(test_the_table_is_bounded),
                cmocka_unit_test(test_cache),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
