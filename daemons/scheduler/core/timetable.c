#include "daemons/scheduler/core/timetable.h"
#include "lib/base/zone.h"

int timetable_init(struct timetable *tt, const struct dag *d, const struct zone *z,
                   struct errmsg *em) {
        struct timetable t = {
                .schedule = d->schedule,
                .zone = z,
                .start_at = d->start_at,
                .end_at = d->end_at,
                .missed = d->missed,
                .missed_within_for = d->missed_within_for,
        };

        assert(z);
        if (t.schedule.kind == DAG_SCHEDULE_CRON) {
                int r = cron_parse(t.schedule.cron, &t.cron, em);

                assert(t.schedule.n_more_crons < DAG_CRONS_MAX);
                for (size_t i = 0; r == 0 && i < t.schedule.n_more_crons; i++)
                        r = cron_parse(t.schedule.more_crons[i], &t.more[i], em);
                if (r < 0)
                        return r;
        }
        assert(t.schedule.kind != DAG_SCHEDULE_DELTA || t.schedule.delta_for > 0);
        *tt = t;
        return 0;
}

/* --- ticks ------------------------------------------------------------------------------------ */

/* The moment of a local cron time: later by the gap it falls into, the second one of a fold. */
static usec_t moment_of(const struct timetable *tt, int64_t local_s) {
        int64_t utc_s, later_s;

        if (zone_to_utc(tt->zone, local_s, &utc_s, &later_s) == ZONE_FOLD)
                utc_s = later_s;
        return utc_s > 0 ? (usec_t) utc_s * USEC_PER_SEC : 0;
}

static int cron_tick_after(const struct timetable *tt, usec_t t, usec_t *ret) {
        int64_t utc_s = (int64_t) (t / USEC_PER_SEC);
        int64_t local_s = zone_to_local(tt->zone, utc_s), s = local_s;

        do { /* more than once only where a zone does odd things to its clocks */
                if (cron_next(&tt->cron, s, &s) != 0)
                        return 1;
                if (tt->cron.every_hour)
                        *ret = (usec_t) (utc_s + (s - local_s)) * USEC_PER_SEC;
                else
                        *ret = moment_of(tt, s);
        } while (*ret <= t);
        return 0;
}

static int cron_tick_before(const struct timetable *tt, usec_t t, usec_t *ret) {
        int64_t utc_s = (int64_t) ((t + USEC_PER_SEC - 1) / USEC_PER_SEC);
        int64_t local_s = zone_to_local(tt->zone, utc_s), s = local_s;

        /* In a fold the local time before may belong to the second pass, which is yet to come. */
        do {
                if (cron_prev(&tt->cron, s, &s) != 0 || utc_s + (s - local_s) <= 0)
                        return 1;
                if (tt->cron.every_hour)
                        *ret = (usec_t) (utc_s + (s - local_s)) * USEC_PER_SEC;
                else
                        *ret = moment_of(tt, s);
        } while (*ret >= t);
        return 0;
}

/* The i-th expression as a timetable of its own; 0 is the first. */
static void only_cron(const struct timetable *tt, size_t i, struct timetable *ret) {
        assert(i <= tt->schedule.n_more_crons);
        *ret = *tt;
        if (i > 0)
                ret->cron = tt->more[i - 1];
        ret->schedule.n_more_crons = 0;
}

/* The nearest tick of all expressions. */
static int nearest_tick(const struct timetable *tt, bool after, usec_t t, usec_t *ret) {
        bool has = false;

        for (size_t i = 0; i <= tt->schedule.n_more_crons; i++) {
                struct timetable one;
                usec_t at;

                only_cron(tt, i, &one);
                if ((after ? cron_tick_after(&one, t, &at) : cron_tick_before(&one, t, &at)) != 0)
                        continue;
                if (!has || (after ? at < *ret : at > *ret))
                        *ret = at;
                has = true;
        }
        return has ? 0 : 1;
}

/* The first listed date at or after t; n_events when there is none. */
static size_t event_from(const struct timetable *tt, usec_t t) {
        size_t lo = 0, hi = tt->schedule.n_events;

        while (lo < hi) {
                size_t mid = lo + (hi - lo) / 2;

                if (tt->schedule.events[mid] < t)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

static int event_tick(const struct timetable *tt, bool after, usec_t t, usec_t *ret) {
        size_t i = event_from(tt, after ? t + 1 : t);

        if (after ? i == tt->schedule.n_events : i == 0)
                return 1;
        *ret = tt->schedule.events[after ? i : i - 1];
        return 0;
}

int timetable_tick_after(const struct timetable *tt, usec_t t, usec_t *ret) {
        if (tt->schedule.kind == DAG_SCHEDULE_CRON && tt->schedule.n_more_crons > 0)
                return nearest_tick(tt, true, t, ret);
        if (tt->schedule.kind == DAG_SCHEDULE_CRON)
                return cron_tick_after(tt, t, ret);
        if (tt->schedule.kind == DAG_SCHEDULE_EVENTS)
                return event_tick(tt, true, t, ret);
        if (tt->schedule.kind != DAG_SCHEDULE_DELTA ||
            __builtin_add_overflow(t, tt->schedule.delta_for, ret))
                return 1;
        return 0;
}

int timetable_tick_before(const struct timetable *tt, usec_t t, usec_t *ret) {
        if (tt->schedule.kind == DAG_SCHEDULE_CRON && tt->schedule.n_more_crons > 0)
                return nearest_tick(tt, false, t, ret);
        if (tt->schedule.kind == DAG_SCHEDULE_CRON)
                return cron_tick_before(tt, t, ret);
        if (tt->schedule.kind == DAG_SCHEDULE_EVENTS)
                return event_tick(tt, false, t, ret);
        if (tt->schedule.kind != DAG_SCHEDULE_DELTA || t < tt->schedule.delta_for)
                return 1;
        *ret = t - tt->schedule.delta_for;
        return 0;
}

/* t itself when it is a tick, else the one after it. Every moment is a tick of a delta. */
static int align_next(const struct timetable *tt, usec_t t, usec_t *ret) {
        usec_t next, prev;

        if (tt->schedule.kind == DAG_SCHEDULE_DELTA) {
                *ret = t;
                return 0;
        }
        if (timetable_tick_after(tt, t, &next) != 0)
                return 1;
        *ret = timetable_tick_before(tt, next, &prev) == 0 && prev == t ? t : next;
        return 0;
}

/* t itself when it is a tick, else the one before it. */
static int align_prev(const struct timetable *tt, usec_t t, usec_t *ret) {
        usec_t next, prev;

        if (tt->schedule.kind == DAG_SCHEDULE_DELTA) {
                *ret = t;
                return 0;
        }
        if (timetable_tick_before(tt, t, &prev) != 0)
                return 1;
        *ret = timetable_tick_after(tt, prev, &next) == 0 && next == t ? t : prev;
        return 0;
}

/* --- runs ------------------------------------------------------------------------------------- */

static void set_point(struct timetable_run *ret, usec_t at, usec_t back_for) {
        usec_t start_at = at - MIN(at, back_for);

        *ret = (struct timetable_run){start_at, start_at, at, at};
}

static void set_interval(struct timetable_run *ret, usec_t start_at, usec_t end_at) {
        assert(start_at <= end_at);
        *ret = (struct timetable_run){start_at, start_at, end_at, end_at};
}

/* The oldest moment at which a missed run still counts. */
static usec_t horizon(const struct timetable *tt, usec_t now) {
        usec_t for_usec =
                tt->missed == DAG_MISSED_WITHIN ? tt->missed_within_for : TIMETABLE_TOLERANCE_FOR;

        return now > for_usec ? now - for_usec : 0;
}

/* How old the tick just past may be for a first run of a DAG without start date. */
static usec_t immediately_for(const struct timetable *tt, usec_t distance) {
        if (tt->schedule.immediately_for > 0)
                return tt->schedule.immediately_for;
        return MAX(distance / 10, 5 * USEC_PER_MINUTE);
}

/* A first run of a DAG without start date: the tick just past, if it is only just past. */
static int first_point(const struct timetable *tt, usec_t now, usec_t *ret) {
        usec_t past, next;

        if (align_prev(tt, now, &past) != 0)
                return align_next(tt, now, ret);
        if (tt->schedule.kind == DAG_SCHEDULE_DELTA || tt->schedule.run_immediately ||
            align_next(tt, now, &next) != 0 || now - past <= immediately_for(tt, next - past)) {
                *ret = past;
                return 0;
        }
        *ret = next;
        return 0;
}

/* The latest tick at or before now; for a delta the latest on the grid that begins at `last`. */
static int latest_point(const struct timetable *tt, const struct timetable_run *last, usec_t now,
                        usec_t *ret) {
        usec_t delta = tt->schedule.delta_for;

        if (tt->schedule.kind == DAG_SCHEDULE_DELTA && last && last->interval_end_at <= now) {
                *ret = now - (now - last->interval_end_at) % delta;
                return 0;
        }
        return align_prev(tt, now, ret);
}

/* The first tick that the policy does not give up as missed. */
static int policy_point(const struct timetable *tt, const struct timetable_run *last, usec_t now,
                        usec_t *ret) {
        usec_t at = horizon(tt, now);

        if (tt->missed == DAG_MISSED_LAST)
                return latest_point(tt, last, now, ret);
        if (tt->schedule.kind != DAG_SCHEDULE_DELTA)
                return align_next(tt, at, ret);
        if (!last)
                *ret = now;
        else if (at <= last->interval_end_at)
                *ret = last->interval_end_at;
        else /* up to the grid that begins at the last run */
                *ret = at + (tt->schedule.delta_for -
                             (at - last->interval_end_at) % tt->schedule.delta_for) %
                                    tt->schedule.delta_for;
        return 0;
}

/* r is how the candidate was found: nothing is raised when it was not. */
static int raise_to(usec_t *at, bool *has, int r, const usec_t *candidate) {
        if (r != 0)
                return r;
        *at = *has ? MAX(*at, *candidate) : *candidate;
        *has = true;
        return 0;
}

static int next_point(const struct timetable *tt, const struct timetable_run *last, usec_t now,
                      struct timetable_run *ret) {
        bool has_start = tt->start_at != USEC_INFINITY, has = false;
        usec_t at = 0, c = 0;
        int r = 0;

        if (tt->missed != DAG_MISSED_ALL && policy_point(tt, last, now, &c) == 0)
                r = raise_to(&at, &has, 0, &c);
        if (r == 0 && last)
                r = raise_to(&at, &has, timetable_tick_after(tt, last->interval_end_at, &c), &c);
        else if (r == 0 && !has_start)
                r = raise_to(&at, &has, first_point(tt, now, &c), &c);
        if (r == 0 && has_start && !(tt->missed == DAG_MISSED_ALL && last))
                r = raise_to(&at, &has, align_next(tt, tt->start_at, &c), &c);
        if (r != 0 || !has || at > tt->end_at)
                return 1;
        set_point(ret, at, tt->schedule.interval_for);
        return 0;
}

/* The start of the latest complete interval as Airflow skips to it: for cron an interval that ends
 * right now counts as complete. */
static int latest_interval(const struct timetable *tt, usec_t now, usec_t *ret) {
        usec_t last_start, next_start, round;

        if (tt->schedule.kind == DAG_SCHEDULE_DELTA) {
                round = now - now % tt->schedule.delta_for;
                return timetable_tick_before(tt, round, ret);
        }
        if (timetable_tick_before(tt, now, &last_start) != 0 ||
            timetable_tick_after(tt, last_start, &next_start) != 0)
                return 1;
        if (next_start == now) {
                *ret = last_start;
                return 0;
        }
        return timetable_tick_before(tt, last_start, ret);
}

/* The start of the first interval that the policy does not give up as missed. */
static int policy_interval(const struct timetable *tt, usec_t now, usec_t *ret) {
        usec_t end;

        if (tt->missed == DAG_MISSED_LAST)
                return latest_interval(tt, now, ret);
        if (tt->schedule.kind == DAG_SCHEDULE_DELTA) {
                usec_t at = horizon(tt, now), delta = tt->schedule.delta_for;

                end = at + (delta - at % delta) % delta;
        } else if (align_next(tt, horizon(tt, now), &end) != 0)
                return 1;
        return timetable_tick_before(tt, end, ret);
}

static int earliest_interval(const struct timetable *tt, usec_t now, bool *ret_has, usec_t *ret) {
        usec_t c = 0;
        int r;

        *ret_has = false;
        if (tt->missed != DAG_MISSED_ALL && policy_interval(tt, now, &c) == 0)
                (void) raise_to(ret, ret_has, 0, &c);
        if (tt->start_at == USEC_INFINITY)
                return 0;
        r = align_next(tt, tt->start_at, &c);
        return raise_to(ret, ret_has, r, &c);
}

static int next_interval(const struct timetable *tt, const struct timetable_run *last, usec_t now,
                         struct timetable_run *ret) {
        usec_t start = 0, end, after;
        bool has;

        if (earliest_interval(tt, now, &has, &start) != 0)
                return 1;
        if (last) {
                int r = align_prev(tt, last->interval_end_at, &after);

                if (raise_to(&start, &has, r, &after) != 0)
                        return 1;
                if (start <= last->interval_start_at && timetable_tick_after(tt, start, &start))
                        return 1;
                if (start <= last->interval_start_at)
                        return 1;
        }
        if (!has || (tt->end_at != USEC_INFINITY && start > tt->end_at) ||
            timetable_tick_after(tt, start, &end) != 0)
                return 1;
        assert(!last || start > last->interval_start_at);
        set_interval(ret, start, end);
        return 0;
}

/* Of several expressions: with every missed run the earliest; else the latest that is due, or the
 * earliest to come. */
static int next_of_several(const struct timetable *tt, const struct timetable_run *last, usec_t now,
                           struct timetable_run *ret) {
        bool has = false;

        for (size_t i = 0; i <= tt->schedule.n_more_crons; i++) {
                struct timetable_run run;
                struct timetable one;
                bool better;

                only_cron(tt, i, &one);
                if (next_point(&one, last, now, &run) != 0)
                        continue;
                better = has && run.logical_at < ret->logical_at;
                if (has && tt->missed == DAG_MISSED_LAST &&
                    (run.logical_at <= now || ret->logical_at <= now))
                        better = run.logical_at <= now &&
                                 (ret->logical_at > now || run.logical_at > ret->logical_at);
                if (!has || better)
                        *ret = run;
                has = true;
        }
        return has ? 0 : 1;
}

static int next_event(const struct timetable *tt, const struct timetable_run *last, usec_t now,
                      struct timetable_run *ret) {
        const struct dag_schedule *s = &tt->schedule;
        usec_t from = tt->start_at == USEC_INFINITY ? 0 : tt->start_at;
        size_t i;

        if (last)
                from = MAX(from, last->interval_end_at + 1);
        if (tt->missed != DAG_MISSED_ALL && (!last || tt->missed != DAG_MISSED_LAST))
                from = MAX(from, !last && tt->missed == DAG_MISSED_LAST ? now : horizon(tt, now));
        i = event_from(tt, from);
        while (last && tt->missed == DAG_MISSED_LAST && i + 1 < s->n_events &&
               s->events[i + 1] <= now)
                i++;
        if (i == s->n_events || s->events[i] > tt->end_at)
                return 1;
        assert(!last || s->events[i] > last->interval_end_at);
        set_point(ret, s->events[i], 0);
        return 0;
}

static int next_continuous(const struct timetable *tt, const struct timetable_run *last, usec_t now,
                           struct timetable_run *ret) {
        usec_t start = tt->start_at == USEC_INFINITY ? now : tt->start_at, end = MAX(start, now);

        if (last) {
                start = last->interval_end_at;
                end = MAX(now, start + TIMETABLE_CONTINUOUS_FOR);
        }
        if (end > tt->end_at)
                return 1;
        assert(!last || end > last->interval_end_at);
        set_interval(ret, start, end);
        return 0;
}

static int next_once(const struct timetable *tt, const struct timetable_run *last, usec_t now,
                     struct timetable_run *ret) {
        usec_t at = tt->start_at == USEC_INFINITY ? now : tt->start_at;

        if (last || at > tt->end_at)
                return 1;
        set_point(ret, at, 0);
        return 0;
}

int timetable_next(const struct timetable *tt, const struct timetable_run *last, usec_t now,
                   struct timetable_run *ret) {
        switch (tt->schedule.kind) {
        case DAG_SCHEDULE_ONCE:
                return next_once(tt, last, now, ret);
        case DAG_SCHEDULE_EVENTS:
                return next_event(tt, last, now, ret);
        case DAG_SCHEDULE_CONTINUOUS:
                return next_continuous(tt, last, now, ret);
        case DAG_SCHEDULE_CRON:
        case DAG_SCHEDULE_DELTA:
                if (tt->schedule.n_more_crons > 0)
                        return next_of_several(tt, last, now, ret);
                return tt->schedule.data_interval ? next_interval(tt, last, now, ret)
                                                  : next_point(tt, last, now, ret);
        default:
                assert(tt->schedule.kind == DAG_SCHEDULE_NONE);
                return 1;
        }
}

void timetable_manual(const struct timetable *tt, usec_t logical_at, struct timetable_run *ret) {
        const struct dag_schedule *s = &tt->schedule;
        usec_t start, end;

        set_point(ret, logical_at, 0);
        if (s->data_interval && align_prev(tt, logical_at, &end) == 0 &&
            timetable_tick_before(tt, end, &start) == 0) {
                ret->interval_start_at = start;
                ret->interval_end_at = end;
        } else if (!s->data_interval && s->interval_for > 0) {
                ret->interval_start_at = logical_at - MIN(logical_at, s->interval_for);
        } else if (s->restrict_to_events && s->n_events > 0) {
                size_t i = event_from(tt, logical_at + 1);

                ret->interval_start_at = ret->interval_end_at = s->events[i > 0 ? i - 1 : 0];
        }
}
