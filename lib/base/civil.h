/* civil: the proleptic Gregorian calendar, without zones. Pure. */
#pragma once

#include "lib/base/macros.h"

struct civil {
        int year;
        int month;   /* 1-12 */
        int day;     /* 1-31 */
        int hour;    /* 0-23 */
        int minute;  /* 0-59 */
        int second;  /* 0-59 */
        int usec;    /* 0-999999 */
        int weekday; /* 0 Sunday - 6; out only */
};

/* Days since 1970-01-01; month may be 1-12 only, day any number (counted on). */
int64_t civil_to_days(int year, int month, int day);
void civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day);
/* 0 Sunday - 6. */
int civil_weekday(int64_t days);
bool civil_is_leap(int year);
int civil_days_in_month(int year, int month);
/* All fields in their ranges, the day in its month? */
bool civil_is_valid(const struct civil *c);
/* Seconds since 1970-01-01T00:00:00 of the same (unnamed) zone; usec is dropped. */
int64_t civil_to_seconds(const struct civil *c);
void civil_from_seconds(int64_t seconds, struct civil *ret);
