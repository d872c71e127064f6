/* When certificates are renewed: a pure function of facts and two clocks. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/refresh.h"

#define T0 (UINT64_C(1790000000) * USEC_PER_SEC)

static struct refresh_now at(usec_t for_usec) {
        return (struct refresh_now){T0 + for_usec, USEC_PER_HOUR + for_usec};
}

/* A first certificate of this life, fetched at T0. */
static struct refresh_facts fetched(usec_t life_for) {
        struct refresh_facts f = {};

        assert_true(refresh_plan(&f, at(0)).start);
        refresh_begin(&f, at(0));
        refresh_succeed(&f, at(0), T0 + life_for);
        return f;
}

static void test_states_are_sound(void **state) {
        struct errmsg em = {};

        if (state_table_validate(&refresh_states, REFRESH_EMPTY, &em) < 0)
                fail_msg("%s", em.text);
}

static void test_ahead(void **state) {
        struct refresh_facts hour = fetched(USEC_PER_HOUR), ten = fetched(10 * USEC_PER_MINUTE);

        assert_int_equal(refresh_plan(&hour, at(0)).in_for, 30 * USEC_PER_MINUTE);
        assert_false(refresh_plan(&hour, at(29 * USEC_PER_MINUTE)).start);
        assert_true(refresh_plan(&hour, at(30 * USEC_PER_MINUTE)).start);
        assert_int_equal(refresh_plan(&ten, at(0)).in_for, 6 * USEC_PER_MINUTE);
        assert_true(refresh_plan(&ten, at(6 * USEC_PER_MINUTE)).start);
}

static void test_a_static_token_has_no_end(void **state) {
        struct refresh_facts f = fetched(0);

        f.expires_at = USEC_INFINITY;
        assert_false(refresh_plan(&f, at(10 * USEC_PER_DAY)).start);
}

/* Two minutes of life: renewed at once, and then every 30 s. */
static void test_short_lives_are_renewed_in_a_bucket(void **state) {
        struct refresh_facts f = fetched(2 * USEC_PER_MINUTE);

        assert_true(refresh_plan(&f, at(0)).start);
        refresh_begin(&f, at(0));
        refresh_succeed(&f, at(0), T0 + 2 * USEC_PER_MINUTE);
        assert_int_equal(refresh_plan(&f, at(0)).in_for, 30 * USEC_PER_SEC);
        assert_true(refresh_plan(&f, at(30 * USEC_PER_SEC)).start);
}

/* Ten seconds of life: half of it, so that no client ever waits for the bucket. */
static void test_very_short_lives(void **state) {
        struct refresh_facts f = fetched(10 * USEC_PER_SEC);

        refresh_begin(&f, at(0));
        refresh_succeed(&f, at(0), T0 + 10 * USEC_PER_SEC);
        assert_int_equal(refresh_plan(&f, at(0)).in_for, 5 * USEC_PER_SEC);
        assert_true(refresh_plan(&f, at(5 * USEC_PER_SEC)).start);
}

/* Asleep over the end: at the first look afterwards. */
static void test_suspend_and_clock_steps(void **state) {
        struct refresh_facts f = fetched(USEC_PER_HOUR);
        struct refresh_now woken = {T0 + USEC_PER_DAY, USEC_PER_HOUR + USEC_PER_MINUTE};
        struct refresh_now set_back = {T0 - USEC_PER_DAY, USEC_PER_HOUR + USEC_PER_MINUTE};

        assert_true(refresh_plan(&f, woken).start);
        /* One fetched in the future says nothing any more. */
        assert_true(refresh_plan(&f, set_back).start);
}

static void test_one_at_a_time(void **state) {
        struct refresh_facts f = {};

        refresh_begin(&f, at(0));
        f.is_wanted = true;
        assert_false(refresh_plan(&f, at(0)).start);
        assert_int_equal(refresh_plan(&f, at(0)).in_for, USEC_INFINITY);
}

static void test_backoff(void **state) {
        struct refresh_facts f = {};
        usec_t t = 0, sum = 0;

        for (unsigned i = 1; i <= 8; i++) {
                struct refresh_plan p;

                refresh_begin(&f, at(t));
                refresh_fail(&f, at(t));
                p = refresh_plan(&f, at(t));
                assert_false(p.start);
                assert_int_equal(p.in_for, refresh_backoff(i));
                sum += p.in_for;
                t += p.in_for;
                assert_true(refresh_plan(&f, at(t)).start);
        }
        assert_int_equal(refresh_backoff(1), USEC_PER_SEC);
        assert_int_equal(refresh_backoff(100), 30 * USEC_PER_SEC);
        assert_int_equal(sum, (1 + 2 + 4 + 8 + 16 + 30 + 30 + 30) * USEC_PER_SEC);
}

/* Whoever asks gets an attempt at once, five times; then one a second. */
static void test_who_asks_is_served_from_a_bucket(void **state) {
        struct refresh_facts f = {};
        unsigned n = 0;

        refresh_begin(&f, at(0));
        refresh_fail(&f, at(0));
        for (usec_t t = 0; t < 10 * USEC_PER_SEC; t += 100 * USEC_PER_MSEC) {
                f.is_wanted = true;
                if (!refresh_plan(&f, at(t)).start)
                        continue;
                n++;
                refresh_begin(&f, at(t));
                refresh_fail(&f, at(t));
        }
        assert_in_range(n, 12, 15);
}

static void test_lazy_sleeps(void **state) {
        struct refresh_facts f = {.is_lazy = true};

        assert_true(refresh_plan(&f, at(0)).start);
        refresh_begin(&f, at(0));
        refresh_succeed(&f, at(0), T0 + USEC_PER_HOUR);
        assert_int_equal(refresh_plan(&f, at(USEC_PER_DAY)).in_for, USEC_INFINITY);
        f.is_wanted = true;
        assert_true(refresh_plan(&f, at(USEC_PER_DAY)).start);
}

static void test_stale_serves_on_and_forget_begins_anew(void **state) {
        struct refresh_facts f = fetched(USEC_PER_HOUR);

        refresh_begin(&f, at(30 * USEC_PER_MINUTE));
        assert_int_equal(f.state, REFRESH_RENEWING);
        refresh_fail(&f, at(30 * USEC_PER_MINUTE));
        assert_int_equal(f.state, REFRESH_STALE);
        assert_true(f.has_identity);
        refresh_forget(&f);
        assert_int_equal(f.state, REFRESH_EMPTY);
        assert_true(refresh_plan(&f, at(30 * USEC_PER_MINUTE)).start);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_states_are_sound),
                cmocka_unit_test(test_ahead),
                cmocka_unit_test(test_a_static_token_has_no_end),
                cmocka_unit_test(test_short_lives_are_renewed_in_a_bucket),
                cmocka_unit_test(test_very_short_lives),
                cmocka_unit_test(test_suspend_and_clock_steps),
                cmocka_unit_test(test_one_at_a_time),
                cmocka_unit_test(test_backoff),
                cmocka_unit_test(test_who_asks_is_served_from_a_bucket),
                cmocka_unit_test(test_lazy_sleeps),
                cmocka_unit_test(test_stale_serves_on_and_forget_begins_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
