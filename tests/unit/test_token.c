/* The cache: one fetch at a time, ahead of the end, on every kind of clock, from threads and loops.
 */
#include "tests/unit/gcp_test_server.h"

#include "lib/base/mem.h"
#include "lib/net/loop.h"

#define START_AT (1800000000 * USEC_PER_SEC)

static void expect(struct token *t, const char *text) {
        _cleanup_token_value_ struct token_value v = {};
        struct errmsg em = {};

        if (token_get(t, 20 * USEC_PER_SEC, &v, &em) < 0)
                fail_msg("token_get: %s", em.text);
        assert_string_equal(v.text, text);
}

static void test_static_and_anonymous(void **state) {
        _cleanup_(token_unrefp) struct token *fixed =
                gcp_test_open((struct token_options){.static_token = "abc"});
        _cleanup_(token_unrefp) struct token *none =
                gcp_test_open((struct token_options){.anonymous = true});
        struct token_options two = {.static_token = "abc", .metadata = true}, bad = {};
        struct token_value v = {.expires_at = 7};
        struct errmsg em = {};
        struct token *t;

        expect(fixed, "abc");
        assert_false(token_invalidate(fixed, "abc"));
        expect(fixed, "abc");
        assert_int_equal(token_get(none, 0, &v, &em), 0);
        assert_null(v.text);
        assert_int_equal(v.expires_at, 0);
        assert_int_equal(token_new(&two, &em, &t), -EINVAL);
        bad.static_token = "with blank";
        assert_int_equal(token_new(&bad, &em, &t), -EINVAL);
        assert_null(strstr(em.text, "with blank"));
}

static void test_metadata_once_for_all(void **state) {
        _cleanup_(token_unrefp) struct token *t = gcp_test_open((struct token_options){});

        expect(t, "token-1");
        expect(t, "token-1");
        assert_int_equal(gcp_test.n_calls, 1);
        assert_non_null(strstr(gcp_test.target, "scopes=" TOKEN_SCOPE_CLOUD));
        assert_true(token_invalidate(t, "another"));
        expect(t, "token-1");
        assert_true(token_invalidate(t, "token-1"));
        expect(t, "token-2");
}

static void test_no_expiry(void **state) {
        struct clock_fake clock;
        struct token_value v;

        clock_fake_init(&clock, START_AT);
        gcp_test.expires_in = 0;
        _cleanup_(token_unrefp) struct token *t =
                gcp_test_open((struct token_options){.clock = &clock.clock});
        assert_int_equal(token_get(t, 0, &v, NULL), 0);
        assert_int_equal(v.expires_at, 0);
        token_value_done(&v);
        clock_fake_advance(&clock, 1000 * USEC_PER_DAY);
        expect(t, "token-1");
        assert_int_equal(gcp_test.n_calls, 1);
}

static void test_ahead_of_the_end(void **state) {
        struct clock_fake clock;
        struct token_value v;

        clock_fake_init(&clock, START_AT);
        _cleanup_(token_unrefp) struct token *t =
                gcp_test_open((struct token_options){.clock = &clock.clock});
        assert_int_equal(token_get(t, 0, &v, NULL), 0);
        assert_int_equal(v.expires_at, START_AT + 3600 * USEC_PER_SEC);
        token_value_done(&v);
        clock_fake_advance(&clock, 3600 * USEC_PER_SEC - 230 * USEC_PER_SEC);
        expect(t, "token-1");
        assert_int_equal(gcp_test.n_calls, 1);
        /* Now the next one is due: the old one is given at once while it is fetched. */
        clock_fake_advance(&clock, 10 * USEC_PER_SEC);
        gcp_test.hold = 1;
        expect(t, "token-1");
        gcp_test.hold = 0;
        net_test_wait_for(&gcp_test.n_calls, 2);
        for (unsigned i = 0; i < 2000; i++) {
                assert_int_equal(token_peek(t, &v), 0);
                if (str_eq(v.text, "token-2"))
                        break;
                token_value_done(&v);
                usleep(1000);
        }
        assert_string_equal(v.text, "token-2");
        token_value_done(&v);
        assert_int_equal(gcp_test.n_calls, 2);
}

static void test_old_one_while_the_server_is_away(void **state) {
        struct clock_fake clock;
        struct token_value v;
        struct errmsg em = {};

        clock_fake_init(&clock, START_AT);
        _cleanup_(token_unrefp) struct token *t =
                gcp_test_open((struct token_options){.clock = &clock.clock});
        expect(t, "token-1");
        gcp_test.n_failing = 1000000;
        clock_fake_advance(&clock, 3500 * USEC_PER_SEC);
        expect(t, "token-1");
        net_test_wait_for(&gcp_test.n_calls, 2);
        expect(t, "token-1");
        clock_fake_advance(&clock, 100 * USEC_PER_SEC);
        assert_int_equal(token_get(t, 100 * USEC_PER_MSEC, &v, &em), -ETIMEDOUT);
        assert_non_null(strstr(em.text, "503"));
        assert_int_equal(token_last_error(t, &em), -EAGAIN);
        gcp_test.n_failing = 0;
        assert_int_equal(token_get(t, 20 * USEC_PER_SEC, &v, &em), 0);
        token_value_done(&v);
        assert_int_equal(token_last_error(t, &em), 0);
}

static void test_clock_jumps(void **state) {
        struct clock_fake clock;

        clock_fake_init(&clock, START_AT);
        _cleanup_(token_unrefp) struct token *t =
                gcp_test_open((struct token_options){.clock = &clock.clock});
        expect(t, "token-1");
        /* Suspended over night: only the wall clock went on. */
        clock_fake_jump(&clock, START_AT + USEC_PER_DAY);
        expect(t, "token-2");
        /* Set back by a day, then an hour of work: the token has ended all the same. */
        clock_fake_jump(&clock, START_AT);
        clock_fake_advance(&clock, 3600 * USEC_PER_SEC);
        clock_fake_jump(&clock, START_AT);
        expect(t, "token-3");
}

static void test_late_server(void **state) {
        _cleanup_(token_unrefp) struct token *t = gcp_test_open((struct token_options){});

        gcp_test.n_failing = 5;
        expect(t, "token-6");
}

static void test_refused_is_told_at_once(void **state) {
        _cleanup_free_ char *url = str_printf("%s/token", gcp_test.base);
        _cleanup_(token_unrefp) struct token *t =
                gcp_test_open((struct token_options){.retry_min_for = 20 * USEC_PER_SEC,
                                                     .retry_max_for = 20 * USEC_PER_SEC,
                                                     .token_url = url});
        struct token_value v;
        struct errmsg em = {};

        gcp_test.fail_status = 400;
        gcp_test.n_failing = 1;
        assert_int_equal(token_get(t, USEC_INFINITY, &v, &em), -EINVAL);
        assert_non_null(strstr(em.text, "invalid_grant: no"));
        /* And is not asked for again before the back-off is over. */
        assert_int_equal(token_get(t, USEC_INFINITY, &v, &em), -EINVAL);
        assert_int_equal(token_peek(t, &v), 1);
        assert_int_equal(gcp_test.n_calls, 1);
}

/* --- threads and loops --------------------------------------------------------------------------
 */

static void *get_main(void *arg) {
        struct token_value v = {};

        assert(token_get(arg, 20 * USEC_PER_SEC, &v, NULL) == 0);
        assert(str_eq(v.text, "token-1"));
        token_value_done(&v);
        return NULL;
}

static void test_single_flight(void **state) {
        _cleanup_(token_unrefp) struct token *t = gcp_test_open((struct token_options){});
        pthread_t threads[16];

        gcp_test.hold = 1;
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, get_main, t), 0);
        net_test_wait_for(&gcp_test.n_calls, 1);
        gcp_test.hold = 0;
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                pthread_join(threads[i], NULL);
        assert_int_equal(gcp_test.n_calls, 1);
}

struct seen {
        unsigned n;
        int r;
        char text[64], why[512];
};

static void on_token(void *ctx, int r, const struct token_value *v, const struct errmsg *why) {
        struct seen *s = ctx;

        s->n++;
        s->r = r;
        snprintf(s->text, sizeof s->text, "%s", v && v->text ? v->text : "");
        snprintf(s->why, sizeof s->why, "%s", why ? why->text : "");
}

static void turn_until(struct loop *l, const struct seen *s) {
        for (unsigned i = 0; i < 20000 && s->n == 0; i++)
                assert_true(loop_turn(l, USEC_PER_MSEC) >= 0);
        assert_int_equal(s->n, 1);
}

static void test_on_a_loop(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        _cleanup_(token_unrefp) struct token *t = gcp_test_open((struct token_options){});
        struct seen first = {}, second = {}, third = {};

        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(token_get_start(t, l, 0, on_token, &first, NULL), 0);
        assert_int_equal(token_get_start(t, l, 0, on_token, &second, NULL), 0);
        assert_int_equal(first.n, 0);
        turn_until(l, &first);
        turn_until(l, &second);
        assert_string_equal(first.text, "token-1");
        assert_string_equal(second.text, "token-1");
        assert_int_equal(token_get_start(t, l, 0, on_token, &third, NULL), 0);
        assert_int_equal(third.n, 0);
        turn_until(l, &third);
        assert_string_equal(third.text, "token-1");
        assert_int_equal(gcp_test.n_calls, 1);
}

static void test_loop_deadline_and_cancel(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        _cleanup_(token_unrefp) struct token *t = gcp_test_open((struct token_options){});
        struct seen late = {}, cancelled = {}, posted = {};
        struct token_value v;
        struct token_wait *w;

        assert_int_equal(loop_new(&l), 0);
        gcp_test.n_failing = 1000000;
        assert_int_equal(token_get_start(t, l, 0, on_token, &cancelled, &w), 0);
        assert_int_equal(token_get_start(t, l, 50 * USEC_PER_MSEC, on_token, &late, NULL), 0);
        turn_until(l, &late);
        assert_int_equal(late.r, -ETIMEDOUT);
        assert_non_null(strstr(late.why, "503"));
        token_wait_cancel(w);
        gcp_test.n_failing = 0;
        assert_int_equal(token_get(t, 0, &v, NULL), 0);
        token_value_done(&v);
        /* Cancelled when it is on its way already. */
        assert_int_equal(token_get_start(t, l, 0, on_token, &posted, &w), 0);
        token_wait_cancel(w);
        assert_true(loop_turn(l, 0) >= 0);
        assert_int_equal(cancelled.n + posted.n, 0);
}

static void test_free_while_fetching(void **state) {
        struct token *t = gcp_test_open((struct token_options){});
        struct token_value v;

        gcp_test.hold = 1;
        assert_int_equal(token_peek(t, &v), 1);
        net_test_wait_for(&gcp_test.n_calls, 1);
        token_unref(t);
        gcp_test.hold = 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_static_and_anonymous, gcp_test_reset),
                cmocka_unit_test_setup(test_metadata_once_for_all, gcp_test_reset),
                cmocka_unit_test_setup(test_no_expiry, gcp_test_reset),
                cmocka_unit_test_setup(test_ahead_of_the_end, gcp_test_reset),
                cmocka_unit_test_setup(test_old_one_while_the_server_is_away, gcp_test_reset),
                cmocka_unit_test_setup(test_clock_jumps, gcp_test_reset),
                cmocka_unit_test_setup(test_late_server, gcp_test_reset),
                cmocka_unit_test_setup(test_refused_is_told_at_once, gcp_test_reset),
                cmocka_unit_test_setup(test_single_flight, gcp_test_reset),
                cmocka_unit_test_setup(test_on_a_loop, gcp_test_reset),
                cmocka_unit_test_setup(test_loop_deadline_and_cancel, gcp_test_reset),
                cmocka_unit_test_setup(test_free_while_fetching, gcp_test_reset),
        };

        return cmocka_run_group_tests(tests, gcp_test_setup, gcp_test_teardown);
}
