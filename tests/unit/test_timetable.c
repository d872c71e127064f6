/* Dates against those of Airflow itself (timetable_table.tsv), and what Airflow has no word for:
 * the other policies for missed runs. */
#include "tests/unit/core_fixture.h"
#include "tests/unit/core_table.h"

#include "daemons/scheduler/core/timetable.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"
#include "lib/base/zone_file.h"

static struct strmap zones;

static void free_zone(void *z) {
        zone_free(z);
}

static const struct zone *get_zone(const char *name) {
        struct zone *z = strmap_get(&zones, name);
        struct errmsg em = {};

        if (!z) {
                if (zone_file_load(name, &z, &em) < 0)
                        fail_msg("%s", em.text);
                assert_int_equal(strmap_add(&zones, name, z), 0);
        }
        return z;
}

static usec_t moment(const struct core_table_row *r, size_t i) {
        long long s = core_table_number(r, i);

        return s < 0 ? USEC_INFINITY : (usec_t) s * USEC_PER_SEC;
}

static void make(struct timetable *tt, const struct dag *like, const char *zone) {
        struct errmsg em = {};

        if (timetable_init(tt, like, get_zone(zone), &em) < 0)
                fail_msg("%s: %s", like->schedule.cron, em.text);
}

static struct dag cron_dag(const char *cron) {
        return (struct dag){.schedule = {.kind = DAG_SCHEDULE_CRON, .cron = cron},
                            .start_at = USEC_INFINITY,
                            .end_at = USEC_INFINITY,
                            .missed = DAG_MISSED_LAST};
}

static void check_ticks(const struct core_table_row *r,
                        int (*step)(const struct timetable *tt, usec_t t, usec_t *ret)) {
        struct dag d = cron_dag(r->columns[1]);
        usec_t at = moment(r, 3);
        struct timetable tt;

        make(&tt, &d, r->columns[2]);
        for (size_t i = 4; i < r->n; i++) {
                assert_int_equal(step(&tt, at, &at), 0);
                if (at != moment(r, i))
                        fail_msg("line %u: %s %s %s: tick %zu is %llu, not %s", r->line,
                                 r->columns[0], r->columns[1], r->columns[2], i - 3,
                                 (unsigned long long) (at / USEC_PER_SEC), r->columns[i]);
        }
}

/* "a|b|c": the text is cut up. */
static size_t split(char *text, const char *ret[DAG_CRONS_MAX]) {
        size_t n = 0;
        char *save = NULL;

        for (char *p = strtok_r(text, "|", &save); p; p = strtok_r(NULL, "|", &save))
                ret[n++] = p;
        return n;
}

/* What else the kinds of the table say about the schedule. */
static void set_kind(const struct core_table_row *r, struct dag_schedule *s) {
        static const char *words[DAG_CRONS_MAX];
        static usec_t events[DAG_CRONS_MAX];
        const char *kind = r->columns[0];

        if (str_starts(kind, "delta")) {
                s->kind = DAG_SCHEDULE_DELTA;
                s->delta_for = (usec_t) core_table_number(r, 1) * USEC_PER_SEC;
        } else if (str_eq(kind, "cron_several")) {
                s->n_more_crons = split(r->columns[1], words) - 1;
                s->cron = words[0];
                s->more_crons = words + 1;
        } else if (str_eq(kind, "events")) {
                s->kind = DAG_SCHEDULE_EVENTS;
                s->n_events = split(r->columns[1], words);
                for (size_t i = 0; i < s->n_events; i++)
                        assert_int_equal(timestamp_parse(words[i], &events[i]), 0);
                s->events = events;
        } else if (str_eq(kind, "once"))
                s->kind = DAG_SCHEDULE_ONCE;
        else if (str_eq(kind, "continuous"))
                s->kind = DAG_SCHEDULE_CONTINUOUS;
        s->interval_for = str_eq(kind, "cron_with_3600") ? USEC_PER_HOUR : 0;
        s->run_immediately = str_eq(kind, "cron_now");
        s->immediately_for = str_eq(kind, "cron_now_5400") ? 5400 * USEC_PER_SEC : 0;
}

static void check_runs(const struct core_table_row *r) {
        struct dag d = cron_dag(r->columns[1]);
        struct timetable_run run, last = {};
        struct timetable tt;
        bool has_last = false;

        assert_true(r->n == 7 + 9 || r->n == 7 + 3);
        set_kind(r, &d.schedule);
        d.schedule.data_interval = str_ends(r->columns[0], "interval");
        d.missed = core_table_number(r, 3) ? DAG_MISSED_ALL : DAG_MISSED_LAST;
        d.start_at = moment(r, 4);
        d.end_at = moment(r, 5);
        make(&tt, &d, r->columns[2]);
        for (size_t i = 7; i < r->n; i += 3) {
                int k = timetable_next(&tt, has_last ? &last : NULL, moment(r, 6), &run);

                if (k != (core_table_number(r, i) < 0))
                        fail_msg("line %u: run %zu: there is %s", r->line, (i - 7) / 3,
                                 k == 0 ? "one" : "none");
                if (k != 0)
                        continue;
                if (run.interval_start_at != moment(r, i) ||
                    run.interval_end_at != moment(r, i + 1) || run.run_after_at != moment(r, i + 2))
                        fail_msg("line %u: run %zu: %llu … %llu, not %s … %s", r->line, (i - 7) / 3,
                                 (unsigned long long) run.interval_start_at / USEC_PER_SEC,
                                 (unsigned long long) run.interval_end_at / USEC_PER_SEC,
                                 r->columns[i], r->columns[i + 1]);
                assert_true(run.logical_at == run.interval_start_at);
                last = run;
                has_last = true;
        }
}

static void check_row(const struct core_table_row *r) {
        if (str_eq(r->columns[0], "after"))
                check_ticks(r, timetable_tick_after);
        else if (str_eq(r->columns[0], "before"))
                check_ticks(r, timetable_tick_before);
        else
                check_runs(r);
}

static void test_airflow_table(void **state) {
        assert_true(core_table_read("timetable_table.tsv", check_row) > 1000);
}

/* --- policies --------------------------------------------------------------------------------- */

static usec_t day(unsigned n, unsigned hour) {
        return CORE_FIXTURE_NOW + n * USEC_PER_DAY + hour * USEC_PER_HOUR;
}

static struct timetable_run point(usec_t at) {
        return (struct timetable_run){at, at, at, at};
}

/* A daily schedule whose last run was on day 0; it is 05:00 of day 5. */
static void check_missed(enum dag_missed missed, usec_t within_for, usec_t expected) {
        struct timetable_run last = point(day(0, 0)), run;
        struct dag d = cron_dag("0 0 * * *");
        struct timetable tt;

        d.missed = missed;
        d.missed_within_for = within_for;
        make(&tt, &d, "UTC");
        assert_int_equal(timetable_next(&tt, &last, day(5, 5), &run), 0);
        assert_true(run.run_after_at == expected);
}

static void test_missed_policies(void **state) {
        check_missed(DAG_MISSED_ALL, 0, day(1, 0));
        check_missed(DAG_MISSED_LAST, 0, day(5, 0));
        check_missed(DAG_MISSED_SKIP, 0, day(6, 0));
        check_missed(DAG_MISSED_WITHIN, 6 * USEC_PER_HOUR, day(5, 0));
        check_missed(DAG_MISSED_WITHIN, 5 * USEC_PER_HOUR, day(5, 0));
        check_missed(DAG_MISSED_WITHIN, 4 * USEC_PER_HOUR, day(6, 0));
        check_missed(DAG_MISSED_WITHIN, 54 * USEC_PER_HOUR, day(3, 0));
        check_missed(DAG_MISSED_WITHIN, 365 * USEC_PER_DAY, day(1, 0));
}

/* A run that is late by moments only is not missed. */
static void test_skip_is_tolerant(void **state) {
        struct timetable_run last = point(day(0, 0)), run;
        struct dag d = cron_dag("0 0 * * *");
        struct timetable tt;

        d.missed = DAG_MISSED_SKIP;
        make(&tt, &d, "UTC");
        assert_int_equal(timetable_next(&tt, &last, day(1, 0) + 59 * USEC_PER_SEC, &run), 0);
        assert_true(run.run_after_at == day(1, 0));
        assert_int_equal(timetable_next(&tt, &last, day(1, 0) + 61 * USEC_PER_SEC, &run), 0);
        assert_true(run.run_after_at == day(2, 0));
}

/* A delta keeps to the grid of its last run, whichever moment the night leaves it at. */
static void test_delta_keeps_its_grid(void **state) {
        struct timetable_run last = point(day(0, 0)), run;
        struct dag d = cron_dag(NULL);
        struct timetable tt;

        d.schedule = (struct dag_schedule){.kind = DAG_SCHEDULE_DELTA, .delta_for = 600000000};
        make(&tt, &d, "UTC");
        assert_int_equal(timetable_next(&tt, &last, day(0, 0) + 1, &run), 0);
        assert_true(run.run_after_at == day(0, 0) + 10 * USEC_PER_MINUTE);
        assert_int_equal(timetable_next(&tt, &last, day(0, 9) + 123456, &run), 0);
        assert_true(run.run_after_at == day(0, 9));

        d.missed = DAG_MISSED_SKIP;
        make(&tt, &d, "UTC");
        assert_int_equal(timetable_next(&tt, &last, day(0, 9) + 2 * USEC_PER_MINUTE, &run), 0);
        assert_true(run.run_after_at == day(0, 9) + 10 * USEC_PER_MINUTE);
}

static void test_once(void **state) {
        struct timetable_run run;
        struct dag d = cron_dag(NULL);
        struct timetable tt;

        d.schedule = (struct dag_schedule){.kind = DAG_SCHEDULE_ONCE};
        make(&tt, &d, "UTC");
        assert_int_equal(timetable_next(&tt, NULL, day(3, 1), &run), 0);
        assert_true(run.run_after_at == day(3, 1));
        assert_int_equal(timetable_next(&tt, &run, day(4, 0), &run), 1);

        d.start_at = day(7, 0);
        make(&tt, &d, "UTC");
        assert_int_equal(timetable_next(&tt, NULL, day(3, 1), &run), 0);
        assert_true(run.logical_at == day(7, 0));
}

static void test_none_never_comes(void **state) {
        struct timetable_run run;
        struct dag d = cron_dag(NULL);
        struct timetable tt;
        usec_t t;

        d.schedule = (struct dag_schedule){.kind = DAG_SCHEDULE_NONE};
        make(&tt, &d, "UTC");
        assert_int_equal(timetable_next(&tt, NULL, day(0, 0), &run), 1);
        assert_int_equal(timetable_tick_after(&tt, day(0, 0), &t), 1);
        assert_int_equal(timetable_tick_before(&tt, day(0, 0), &t), 1);
}

/* Listed dates: nights take the latest one missed; by hand the event before may give the date. */
static void test_events(void **state) {
        const usec_t events[] = {day(1, 0), day(2, 0), day(9, 0)};
        struct timetable_run last = point(day(0, 0)), run;
        struct dag d = cron_dag(NULL);
        struct timetable tt;
        usec_t t;

        d.schedule = (struct dag_schedule){.kind = DAG_SCHEDULE_EVENTS,
                                           .events = events,
                                           .n_events = ARRAY_SIZE(events),
                                           .restrict_to_events = true};
        make(&tt, &d, "UTC");
        assert_int_equal(timetable_next(&tt, &last, day(5, 0), &run), 0);
        assert_true(run.run_after_at == day(2, 0));
        assert_int_equal(timetable_next(&tt, &run, day(5, 0), &run), 0);
        assert_true(run.run_after_at == day(9, 0));
        assert_int_equal(timetable_next(&tt, &run, day(9, 1), &run), 1);
        assert_int_equal(timetable_tick_after(&tt, day(2, 0), &t), 0);
        assert_true(t == day(9, 0));
        assert_int_equal(timetable_tick_before(&tt, day(1, 0), &t), 1);
        timetable_manual(&tt, day(4, 0), &run);
        assert_true(run.interval_end_at == day(2, 0) && run.logical_at == day(4, 0));

        tt.missed = DAG_MISSED_SKIP;
        assert_int_equal(timetable_next(&tt, &last, day(1, 0) + USEC_PER_SEC, &run), 0);
        assert_true(run.run_after_at == day(1, 0));
        assert_int_equal(timetable_next(&tt, &last, day(5, 0), &run), 0);
        assert_true(run.run_after_at == day(9, 0));
        tt.missed = DAG_MISSED_ALL;
        assert_int_equal(timetable_next(&tt, &last, day(5, 0), &run), 0);
        assert_true(run.run_after_at == day(1, 0));
}

/* Runs follow one another without a gap, a second apart at least. */
static void test_continuous(void **state) {
        struct timetable_run run, next;
        struct dag d = cron_dag(NULL);
        struct timetable tt;

        d.schedule = (struct dag_schedule){.kind = DAG_SCHEDULE_CONTINUOUS};
        make(&tt, &d, "UTC");
        assert_int_equal(timetable_next(&tt, NULL, day(0, 1), &run), 0);
        assert_true(run.run_after_at == day(0, 1));
        assert_int_equal(timetable_next(&tt, &run, day(0, 1), &next), 0);
        assert_true(next.run_after_at == day(0, 1) + USEC_PER_SEC);
        assert_int_equal(timetable_next(&tt, &run, day(0, 2), &next), 0);
        assert_true(next.interval_start_at == day(0, 1) && next.interval_end_at == day(0, 2));
}

static void test_manual_interval(void **state) {
        struct dag d = cron_dag("0 0 * * *");
        struct timetable_run run;
        struct timetable tt;

        make(&tt, &d, "UTC");
        timetable_manual(&tt, day(2, 1), &run);
        assert_true(run.interval_start_at == day(2, 1) && run.interval_end_at == day(2, 1));

        d.schedule.data_interval = true; /* the last complete day */
        make(&tt, &d, "UTC");
        timetable_manual(&tt, day(2, 1), &run);
        assert_true(run.interval_start_at == day(1, 0) && run.interval_end_at == day(2, 0));
        assert_true(run.logical_at == day(2, 1));
}

/* Whatever the zone: ticks go on for ever, forward and back again. */
static void test_ticks_are_monotonic(void **state) {
        static const char *const crons[] = {"*/10 * * * *", "30 2 * * *", "15,45 1-3 * * *"};
        static const char *const names[] = {"Europe/Berlin", "America/New_York",
                                            "Australia/Lord_Howe"};

        for (size_t i = 0; i < ARRAY_SIZE(crons) * ARRAY_SIZE(names); i++) {
                struct dag d = cron_dag(crons[i / 3]);
                usec_t t = day(60, 0), next, prev;
                struct timetable tt;

                make(&tt, &d, names[i % 3]);
                for (unsigned n = 0; n < 3000; n++) {
                        assert_int_equal(timetable_tick_after(&tt, t, &next), 0);
                        assert_true(next > t);
                        assert_int_equal(timetable_tick_before(&tt, next, &prev), 0);
                        assert_true(prev < next);
                        t = next;
                }
        }
}

static int teardown(void **state) {
        strmap_done(&zones);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_airflow_table),
                cmocka_unit_test(test_missed_policies),
                cmocka_unit_test(test_skip_is_tolerant),
                cmocka_unit_test(test_delta_keeps_its_grid),
                cmocka_unit_test(test_once),
                cmocka_unit_test(test_none_never_comes),
                cmocka_unit_test(test_events),
                cmocka_unit_test(test_continuous),
                cmocka_unit_test(test_manual_interval),
                cmocka_unit_test(test_ticks_are_monotonic),
        };

        strmap_init(&zones, free_zone);
        return cmocka_run_group_tests(tests, NULL, teardown);
}
