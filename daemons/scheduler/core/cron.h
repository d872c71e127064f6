/* Cron expressions: 5 fields (minute hour day month weekday) or 6 (a trailing field of seconds, as
 * croniter and therefore Airflow has it), with names, lists, ranges that may wrap around, steps,
 * and in the day field L (last day), nW (weekday nearest to day n), LW; in the weekday field n#k
 * (k-th weekday n of the month) and nL or Ln (the last one). "?" is "*". Presets: @hourly @daily
 * @midnight @weekly @monthly @quarterly @yearly @annually.
 *
 * When both the day and the weekday field are restricted, a day matches by either of them; with
 * n#k, nL or Ln the weekday alone decides, with nW the day, with both of these it has to match
 * both.
 *
 * Works on local wall-clock seconds only; timetable.h adds time zones. Pure. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

#define CRON_TEXT_MAX 512u

struct cron {
        uint64_t seconds; /* bit n: second n matches */
        uint64_t minutes;
        uint32_t hours;
        uint32_t days;    /* bit n: day n of the month */
        uint32_t nearest; /* bit n: nW */
        uint16_t months;  /* bit n: month n */
        uint8_t weekdays; /* bit n: each weekday n, 0 is Sunday */
        uint8_t nth[7];   /* of weekday n: bit k is its k-th in the month (1…5), bit 0 its last */
        bool last_day;    /* L */
        bool last_weekday; /* LW */
        bool any_day;      /* the day field is * */
        bool any_weekday;  /* the weekday field is * */
        bool every_hour;   /* all hours match: it goes on through both halves of a fold */
        bool has_seconds;  /* six fields */
};

/* -EINVAL with the field, the reason and the remedy in *em. */
int cron_parse(const char *text, struct cron *ret, struct errmsg *em);

/* Times are seconds of an unnamed zone since 1970-01-01T00:00:00, as civil_to_seconds() counts
 * them. The first match strictly after local_s. 0, or 1 when there is none within 50 years. */
int cron_next(const struct cron *c, int64_t local_s, int64_t *ret_local_s);

/* The last match strictly before local_s. 0, or 1 when there is none within 50 years. */
int cron_prev(const struct cron *c, int64_t local_s, int64_t *ret_local_s);
