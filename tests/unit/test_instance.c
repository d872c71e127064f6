/* What workers get of an instance: the identity, a wait, or the reason why not. No API: refreshes
 * are ended by hand. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/fetch.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"

static struct loop *loop;

static struct identity *identity_for(usec_t life_for) {
        struct identity *id = identity_new();

        id->expires_at =
                life_for == USEC_INFINITY ? life_for : clock_now(clock_system()) + life_for;
        assert_int_equal(str_list_add(&id->public_host, "10.0.0.3"), 0);
        return id;
}

static int setup(void **state) {
        struct instance *i;

        assert_int_equal(loop_new(&loop), 0);
        assert_int_equal(instance_new(loop, "p:r:i", false, false, &i), 0);
        *state = i;
        return 0;
}

static int teardown(void **state) {
        struct instance *i = *state;

        /* What workers asked for stays unasked: there is no API here. */
        i->facts.state = REFRESH_FETCHING;
        loop_post_flush(loop);
        instance_free(i);
        loop_free(loop);
        return 0;
}

static void ended(struct instance *i, int r, struct identity *id) {
        struct errmsg why = {};

        errmsg_set(&why, "the reason");
        if (!i->facts.has_identity && i->facts.state != REFRESH_FETCHING)
                refresh_begin(&i->facts, (struct refresh_now){clock_now(clock_system()), 1});
        else if (i->facts.state != REFRESH_FETCHING)
                refresh_begin(&i->facts, (struct refresh_now){clock_now(clock_system()), 1});
        instance_fetched(i, r, id, &why);
}

static void test_waits_and_then_has_it(void **state) {
        struct instance *i = *state;
        struct instance_ticket t = {};
        struct identity *id = NULL;
        struct errmsg em = {};

        assert_int_equal(instance_take(i, &t, &id, &em), 1);
        assert_int_equal(instance_take(i, &t, &id, &em), 1);
        ended(i, 0, identity_for(USEC_PER_HOUR));
        assert_int_equal(instance_take(i, &t, &id, &em), 0);
        assert_int_equal(id->serial, 1);
        assert_true(instance_is_ready(i, &em));
        identity_unref(id);
}

static void test_one_that_did_not_work(void **state) {
        struct instance *i = *state;
        struct instance_ticket t = {.newer_than = 1};
        struct identity *id = NULL;
        struct errmsg em = {};

        ended(i, 0, identity_for(USEC_PER_HOUR));
        assert_int_equal(instance_take(i, &t, &id, &em), 1);
        ended(i, 0, identity_for(USEC_PER_HOUR));
        assert_int_equal(instance_take(i, &t, &id, &em), 0);
        assert_int_equal(id->serial, 2);
        identity_unref(id);
        /* The next one who finds it does not work either does not get another at once. */
        t = (struct instance_ticket){.newer_than = 2};
        assert_int_equal(instance_take(i, &t, &id, &em), -EAGAIN);
}

static void test_expired_by_the_wall_clock(void **state) {
        struct instance *i = *state;
        struct instance_ticket t = {};
        struct identity *id = NULL;
        struct errmsg em = {};

        ended(i, 0, identity_for(USEC_PER_HOUR));
        i->current->expires_at = 1;
        assert_int_equal(instance_take(i, &t, &id, &em), 1);
        ended(i, -EAGAIN, NULL);
        assert_int_equal(instance_take(i, &t, &id, &em), -EAGAIN);
        assert_says(em, "the reason");
        assert_false(instance_is_ready(i, &em));
        assert_says(em, "[p:r:i] the reason");
}

static void test_a_failed_refresh_leaves_the_good_one(void **state) {
        struct instance *i = *state;
        struct instance_ticket t = {};
        struct identity *id = NULL;
        struct errmsg em = {};

        ended(i, 0, identity_for(USEC_INFINITY));
        ended(i, -EACCES, NULL);
        assert_int_equal(instance_take(i, &t, &id, &em), 0);
        identity_unref(id);
        assert_true(instance_is_ready(i, &em));
}

static void test_dials_are_remembered(void **state) {
        struct instance *i = *state;
        struct errmsg em = {}, why = {};

        ended(i, 0, identity_for(USEC_PER_HOUR));
        errmsg_set(&why, "nobody there");
        instance_report(i, -ECONNREFUSED, &why, NULL, 0);
        assert_false(instance_is_ready(i, &em));
        assert_says(em, "nobody there");
        instance_report(i, 0, NULL, "CIPHER", 30 * USEC_PER_MSEC);
        assert_true(instance_is_ready(i, &em));
        assert_int_equal(atomic_load(&i->counters.n_dials), 1);
        assert_int_equal(atomic_load(&i->counters.latency[2]), 1);
        assert_int_equal(atomic_load(&i->counters.latency_sum), 30);
}

#define one_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                one_test(test_waits_and_then_has_it),
                one_test(test_one_that_did_not_work),
                one_test(test_expired_by_the_wall_clock),
                one_test(test_a_failed_refresh_leaves_the_good_one),
                one_test(test_dials_are_remembered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
