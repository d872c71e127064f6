/* SPDX-License-Identifier: Apache-2.0 */
/* Cron expressions: 5 fields (minute hour day month weekday) or 6 (a trailing seconds field, as
 * croniter has it), names, lists, ranges, steps, L, W, #, and the presets @hourly @daily @weekly
 * @monthly @quarterly @yearly. Works on local wall-clock fields only; timetable.h adds time zones.
 * Pure. */
#pragma once

#include "lib/base/errmsg.h"
#include <stdbool.h>
#include <stdint.h>

struct cron {
        uint64_t seconds; /* bit n: second n matches */
        uint64_t minutes;
        uint32_t hours;
        uint32_t days;     /* bit n: day n of the month */
        uint16_t months;   /* bit n: month n */
        uint8_t weekdays;  /* bit n: weekday n, 0 = Sunday */
        uint8_t nth[7];    /* weekday n: bit k = its k-th occurrence in the month (1…5) */
        uint8_t last;      /* bit n: the last weekday n of the month */
        uint32_t nearest;  /* bit n: the weekday nearest to day n (nW) */
        bool last_day;     /* L in the day field */
        bool last_weekday; /* LW */
        bool days_any;     /* the day field is * */
        bool weekdays_any; /* the weekday field is * */
        bool has_seconds;  /* six fields */
        bool each_hour;    /* the hour field is * or a step: it fires in both halves of a fold */
};

/* -EINVAL with the field, the reason and the remedy in *em. */
int cron_parse(const char *text, struct cron *ret, struct errmsg *em);

/* Times are seconds of an unnamed zone since 1970-01-01T00:00:00, as civil_to_seconds() counts them.
 * The first match strictly after local_s. 0, or 1 when there is none in the 100 years after it. */
int cron_next(const struct cron *c, int64_t local_s, int64_t *ret_local_s);

/* The last match strictly before local_s. 0, or 1 when there is none since 1970. */
int cron_prev(const struct cron *c, int64_t local_s, int64_t *ret_local_s);
