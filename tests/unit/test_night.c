#include "tests/unit/base_test.h"

#include "daemons/scheduler/core/night.h"

#define MINUTE USEC_PER_MINUTE
#define NOW (UINT64_C(1800000000) * USEC_PER_SEC)

static const struct night_settings settings = {
        .idle_stop_for = 30 * MINUTE,
        .idle_next_for = 60 * MINUTE,
        .close_for = 2 * MINUTE,
        .wake_before_for = 5 * MINUTE,
};

static struct night_facts quiet(void) {
        return (struct night_facts){
                .now = NOW,
                .planned_at = USEC_INFINITY,
                .notice_at = USEC_INFINITY,
                .next_due_at = NOW + 600 * MINUTE,
                .busy_at = NOW - 60 * MINUTE,
        };
}

static struct night_decision decide(const struct night_facts *f) {
        struct night_decision d;

        night_decide(&settings, f, &d);
        return d;
}

static void idle_stops_and_says_when_it_is_wanted(void **state) {
        struct night_facts f = quiet();
        struct night_decision d = decide(&f);

        (void) state;
        assert_true(d.power_off && d.is_closed);
        assert_int_equal(d.why, NIGHT_IDLE);
        assert_int_equal(d.reasons, 0);
        assert_int_equal(d.wake_at, NOW + 595 * MINUTE);
        f.busy_at = NOW - 10 * MINUTE;
        d = decide(&f);
        assert_false(d.power_off || d.is_closed);
        assert_int_equal(d.reasons, NIGHT_RECENT);
        assert_int_equal(d.stop_at, NOW + 20 * MINUTE);
        assert_int_equal(d.look_at, NOW + 20 * MINUTE);
        f.next_due_at = USEC_INFINITY;
        assert_int_equal(decide(&f).wake_at, USEC_INFINITY);
}

static void each_need_keeps_it_on(void **state) {
        struct night_facts f;

        (void) state;
        f = quiet(), f.n_tasks = 1, f.n_runs = 1;
        assert_int_equal(decide(&f).reasons, NIGHT_TASKS);
        assert_false(decide(&f).power_off);
        f = quiet(), f.n_runs = 1;
        assert_int_equal(decide(&f).reasons, NIGHT_RUNS);
        f = quiet(), f.n_people = 2;
        assert_int_equal(decide(&f).reasons, NIGHT_PEOPLE);
        f = quiet(), f.next_due_at = NOW + 60 * MINUTE;
        assert_int_equal(decide(&f).reasons, NIGHT_SOON);
        assert_false(decide(&f).power_off);
        f = quiet(), f.next_due_at = NOW + 61 * MINUTE;
        assert_true(decide(&f).power_off);
        f = quiet(), f.stay_until = NOW + MINUTE;
        assert_int_equal(decide(&f).reasons, NIGHT_STAY);
        assert_int_equal(decide(&f).look_at, NOW + MINUTE);
        assert_int_equal(decide(&f).stop_at, USEC_INFINITY);
}

static void the_planned_hour(void **state) {
        struct night_facts f = quiet();
        struct night_decision d;

        (void) state;
        f.n_tasks = 3;
        f.planned_at = NOW + 10 * MINUTE;
        d = decide(&f);
        assert_false(d.is_closed || d.power_off);
        assert_int_equal(d.why, NIGHT_PLANNED);
        assert_int_equal(d.stop_at, NOW + 10 * MINUTE);
        assert_int_equal(d.look_at, NOW + 8 * MINUTE);
        f.planned_at = NOW + 2 * MINUTE;
        d = decide(&f);
        assert_true(d.is_closed && !d.power_off);
        assert_int_equal(d.look_at, NOW + 2 * MINUTE);
        f.planned_at = NOW;
        assert_true(decide(&f).power_off);
        f.planned_at = NOW - NIGHT_LATE_FOR;
        assert_true(decide(&f).power_off);
        f.planned_at = NOW - NIGHT_LATE_FOR - 1; /* slept through */
        assert_false(decide(&f).power_off || decide(&f).is_closed);
        f.planned_at = NOW + MINUTE;
        f.stay_until = NOW + 2 * MINUTE; /* it passes over the hour */
        d = decide(&f);
        assert_false(d.is_closed);
        assert_int_equal(d.stop_at, USEC_INFINITY);
}

static void a_notice_holds_whatever_was_asked(void **state) {
        struct night_facts f = quiet();
        struct night_decision d;

        (void) state;
        f.stay_until = NOW + 100 * MINUTE;
        f.notice_at = NOW + MINUTE / 2;
        d = decide(&f);
        assert_true(d.is_closed && !d.power_off);
        assert_int_equal(d.why, NIGHT_NOTICE);
        assert_int_equal(d.stop_at, NOW + MINUTE / 2);
        f.stay_until = 0;
        f.planned_at = NOW; /* what is due sooner comes sooner */
        f.n_tasks = 1;
        d = decide(&f);
        assert_true(d.power_off);
        assert_int_equal(d.why, NIGHT_PLANNED);
}

static void without_idle_stop(void **state) {
        struct night_settings s = settings;
        struct night_facts f = quiet();
        struct night_decision d;

        (void) state;
        s.idle_stop_for = USEC_INFINITY;
        night_decide(&s, &f, &d);
        assert_false(d.power_off);
        assert_int_equal(d.reasons, NIGHT_NEVER);
        assert_int_equal(d.stop_at, USEC_INFINITY);
        assert_int_equal(d.look_at, USEC_INFINITY);
}

static void names(void **state) {
        (void) state;
        assert_string_equal(night_stop_name(NIGHT_IDLE), "idle");
        for (unsigned bit = 0; 1u << bit <= NIGHT_NEVER; bit++)
                assert_true(*night_reason_name(1u << bit));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(idle_stops_and_says_when_it_is_wanted),
                cmocka_unit_test(each_need_keeps_it_on),
                cmocka_unit_test(the_planned_hour),
                cmocka_unit_test(a_notice_holds_whatever_was_asked),
                cmocka_unit_test(without_idle_stop),
                cmocka_unit_test(names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
