/* Stepping through the matches of an expression: the day first, then the time of the day. */
#include "daemons/scheduler/core/cron.h"

#include <string.h>

#include "lib/base/civil.h"

#define SECONDS_PER_DAY 86400
#define DAYS_LOOKED_AT (50 * 366)

/* The day of the month that nW means in this month: the nearest Monday to Friday, never in another
 * month; a day beyond the month's end counts as its last. */
static int nearest_weekday(int day, int days_in_month, int weekday_of_first) {
        int weekday;

        assert(day >= 1 && day <= 31);
        day = MIN(day, days_in_month);
        weekday = (weekday_of_first + day - 1) % 7;
        if (weekday == 6)
                return day > 1 ? day - 1 : day + 2;
        if (weekday == 0)
                return day < days_in_month ? day + 1 : day - 2;
        return day;
}

static bool matches_nearest(const struct cron *c, int day, int days_in_month, int first) {
        for (int n = 1; n <= 31; n++)
                if (c->nearest >> n & 1 && nearest_weekday(n, days_in_month, first) == day)
                        return true;
        return c->last_weekday && nearest_weekday(31, days_in_month, first) == day;
}

static bool matches_month_day(const struct cron *c, int day, int days_in_month, int weekday) {
        int first = ((weekday - (day - 1)) % 7 + 7) % 7;

        if (c->days >> day & 1 || (c->last_day && day == days_in_month))
                return true;
        return (c->nearest || c->last_weekday) && matches_nearest(c, day, days_in_month, first);
}

static bool matches_weekday(const struct cron *c, int day, int days_in_month, int weekday) {
        uint8_t nth = c->nth[weekday];

        if (c->weekdays >> weekday & 1 || nth >> ((day - 1) / 7 + 1) & 1)
                return true;
        return nth & 1 && day + 7 > days_in_month;
}

static bool has_nth_alone(const struct cron *c) {
        static const uint8_t none[7];

        return !c->weekdays && memcmp(c->nth, none, sizeof(none)) != 0;
}

/* As croniter, and so Airflow: either of them, but what is written with # (or as a last weekday) or
 * with W has to hold in any case, and then the other field alone is not enough. */
static bool matches_either(const struct cron *c, int day, int n, int weekday) {
        bool by_day = matches_month_day(c, day, n, weekday);
        bool by_weekday = matches_weekday(c, day, n, weekday);
        bool has_nth = has_nth_alone(c), has_nearest = c->nearest && !c->days && !c->last_day;

        if (has_nth && has_nearest)
                return by_day && by_weekday;
        if (has_nth || has_nearest)
                return has_nth ? by_weekday : by_day;
        return by_day || by_weekday;
}

/* Does the day, counted since 1970, match the three fields of days? */
static bool matches_day(const struct cron *c, int64_t days) {
        int year, month, day, weekday = civil_weekday(days), n;

        civil_from_days(days, &year, &month, &day);
        assert(month >= 1 && month <= 12 && day >= 1 && day <= 31);
        if (!(c->months >> month & 1))
                return false;

        n = civil_days_in_month(year, month);
        if (c->any_day && c->any_weekday)
                return true;
        if (c->any_weekday)
                return matches_month_day(c, day, n, weekday);
        if (c->any_day)
                return matches_weekday(c, day, n, weekday);
        return matches_either(c, day, n, weekday);
}

/* The first bit at or after `from`; -1 when there is none. */
static int bit_from(uint64_t set, int from) {
        assert(from >= 0);
        if (from >= 64 || !(set >> from))
                return -1;
        return from + __builtin_ctzll(set >> from);
}

/* The last bit at or before `to`; -1 when there is none. */
static int bit_to(uint64_t set, int to) {
        assert(to < 63);
        if (to < 0 || !(set & ((UINT64_C(1) << (to + 1)) - 1)))
                return -1;
        return 63 - __builtin_clzll(set & ((UINT64_C(1) << (to + 1)) - 1));
}

/* The first matching second of a day at or after `from`; -1 when there is none. */
static int time_from(const struct cron *c, int from) {
        int h = from / 3600, m = from / 60 % 60, s = from % 60;
        int hour = bit_from(c->hours, h), minute, second;

        for (; hour >= 0; hour = bit_from(c->hours, hour + 1)) {
                minute = bit_from(c->minutes, hour == h ? m : 0);
                for (; minute >= 0; minute = bit_from(c->minutes, minute + 1)) {
                        second = bit_from(c->seconds, hour == h && minute == m ? s : 0);
                        if (second >= 0)
                                return hour * 3600 + minute * 60 + second;
                }
        }
        return -1;
}

/* The last matching second of a day at or before `to`; -1 when there is none. */
static int time_to(const struct cron *c, int to) {
        int h = to / 3600, m = to / 60 % 60, s = to % 60;
        int hour = bit_to(c->hours, h), minute, second;

        for (; hour >= 0; hour = bit_to(c->hours, hour - 1)) {
                minute = bit_to(c->minutes, hour == h ? m : 59);
                for (; minute >= 0; minute = bit_to(c->minutes, minute - 1)) {
                        second = bit_to(c->seconds, hour == h && minute == m ? s : 59);
                        if (second >= 0)
                                return hour * 3600 + minute * 60 + second;
                }
        }
        return -1;
}

/* Splits seconds since 1970, which may be negative, into day and second of the day. */
static void split(int64_t local_s, int64_t *ret_days, int *ret_second) {
        int64_t rest = local_s % SECONDS_PER_DAY;

        if (rest < 0)
                rest += SECONDS_PER_DAY;
        *ret_days = (local_s - rest) / SECONDS_PER_DAY;
        *ret_second = (int) rest;
}

int cron_next(const struct cron *c, int64_t local_s, int64_t *ret_local_s) {
        int64_t day;
        int from, t;

        assert(c->minutes && c->hours && c->seconds && c->months);
        split(local_s + 1, &day, &from);
        for (int n = 0; n < DAYS_LOOKED_AT; n++, day++, from = 0) {
                if (!matches_day(c, day))
                        continue;
                t = time_from(c, from);
                if (t < 0)
                        continue;
                *ret_local_s = day * SECONDS_PER_DAY + t;
                assert(*ret_local_s > local_s);
                return 0;
        }
        return 1;
}

int cron_prev(const struct cron *c, int64_t local_s, int64_t *ret_local_s) {
        int64_t day;
        int to, t;

        assert(c->minutes && c->hours && c->seconds && c->months);
        split(local_s - 1, &day, &to);
        for (int n = 0; n < DAYS_LOOKED_AT; n++, day--, to = SECONDS_PER_DAY - 1) {
                if (!matches_day(c, day))
                        continue;
                t = time_to(c, to);
                if (t < 0)
                        continue;
                *ret_local_s = day * SECONDS_PER_DAY + t;
                assert(*ret_local_s < local_s);
                return 0;
        }
        return 1;
}
