/* civil: see civil.h. The day count is Howard Hinnant's days_from_civil. */
#include "lib/base/civil.h"

int64_t civil_to_days(int year, int month, int day) {
        int64_t y = (int64_t) year - (month <= 2), era, yoe, doy;

        assert(month >= 1 && month <= 12);

        era = (y >= 0 ? y : y - 399) / 400;
        yoe = y - era * 400;
        doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day) {
        int64_t era, doe, yoe, doy, mp;

        days += 719468;
        era = (days >= 0 ? days : days - 146096) / 146097;
        doe = days - era * 146097;
        yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        mp = (5 * doy + 2) / 153;
        *ret_day = (int) (doy - (153 * mp + 2) / 5 + 1);
        *ret_month = (int) (mp < 10 ? mp + 3 : mp - 9);
        *ret_year = (int) (yoe + era * 400 + (*ret_month <= 2));
}

int civil_weekday(int64_t days) {
        int64_t w = (days + 4) % 7;

        return (int) (w < 0 ? w + 7 : w);
}

bool civil_is_leap(int year) {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int civil_days_in_month(int year, int month) {
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

        assert(month >= 1 && month <= 12);
        return days[month - 1] + (month == 2 && civil_is_leap(year));
}

static bool within(int v, int first, int last) {
        return v >= first && v <= last;
}

bool civil_is_valid(const struct civil *c) {
        return within(c->month, 1, 12) && within(c->hour, 0, 23) && within(c->minute, 0, 59) &&
               within(c->second, 0, 59) && within(c->usec, 0, 999999) &&
               within(c->day, 1, civil_days_in_month(c->year, c->month));
}

int64_t civil_to_seconds(const struct civil *c) {
        return civil_to_days(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 +
               c->second;
}

void civil_from_seconds(int64_t seconds, struct civil *ret) {
        int64_t days = seconds / 86400, rest = seconds % 86400;
        struct civil c = {};

        if (rest < 0) {
                rest += 86400;
                days--;
        }
        civil_from_days(days, &c.year, &c.month, &c.day);
        c.hour = (int) (rest / 3600);
        c.minute = (int) (rest / 60 % 60);
        c.second = (int) (rest % 60);
        c.weekday = civil_weekday(days);
        *ret = c;
}
