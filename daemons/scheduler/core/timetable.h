/* When runs are due: schedule + zone + start and end + the policy for missed runs, as Airflow 3.3's
 * timetables compute it. Pure.
 *
 * Without data intervals (CronTriggerTimetable, DeltaTriggerTimetable) a run's logical date, its
 * interval and the moment it is due are one point. With them (CronDataIntervalTimetable,
 * DeltaDataIntervalTimetable) a run covers the interval that has just ended.
 *
 * DST, as Airflow decides it: a cron time that the clocks skip runs as much later as they skipped;
 * one that comes twice runs the second time; an expression whose hour field is "*" counts elapsed
 * time instead, so it runs in both. A cron tick found from a moment t with such an expression is
 * t plus the wall-clock distance, which over several days and a change of the clocks lands an hour
 * beside the wall-clock time: kept, because dates must be Airflow's.
 *
 * Several cron expressions are MultipleCronTriggerTimetable, listed dates EventsTimetable: of dates
 * that were missed "last" takes the latest, where Airflow takes the one it had stored. @continuous
 * is ContinuousTimetable, with a second at least from one run to the next. */
#pragma once

#include "daemons/scheduler/core/cron.h"
#include "daemons/scheduler/core/dag.h"

struct zone;

/* A run this late is not missed yet, for DAG_MISSED_SKIP. */
#define TIMETABLE_TOLERANCE_FOR USEC_PER_MINUTE
/* From the end of one run's interval to the next, for DAG_SCHEDULE_CONTINUOUS. */
#define TIMETABLE_CONTINUOUS_FOR USEC_PER_SEC

struct timetable {
        struct dag_schedule schedule;
        struct cron cron;                    /* for DAG_SCHEDULE_CRON */
        struct cron more[DAG_CRONS_MAX - 1]; /* further ones: schedule.n_more_crons */
        const struct zone *zone;             /* borrowed, outlives this */
        usec_t start_at;                     /* USEC_INFINITY: none */
        usec_t end_at;                       /* USEC_INFINITY: none */
        enum dag_missed missed;
        usec_t missed_within_for;
};

/* One run to come. */
struct timetable_run {
        usec_t logical_at;
        usec_t interval_start_at;
        usec_t interval_end_at;
        usec_t run_after_at; /* due from then on */
};

/* -EINVAL with the reason in *em when the cron expression does not parse. */
int timetable_init(struct timetable *tt, const struct dag *d, const struct zone *z,
                   struct errmsg *em);

/* The run after the last automated one (NULL: there was none), with missed runs treated as seen at
 * `now`; the answer may lie in the past, then it is due. 0, or 1 when no further run will come. */
int timetable_next(const struct timetable *tt, const struct timetable_run *last, usec_t now,
                   struct timetable_run *ret);

/* The data interval of a run asked for by hand at a logical moment. */
void timetable_manual(const struct timetable *tt, usec_t logical_at, struct timetable_run *ret);

/* Plain stepping, no policy: the first tick strictly after t, the last strictly before t.
 * 0, or 1 when there is none. */
int timetable_tick_after(const struct timetable *tt, usec_t t, usec_t *ret);
int timetable_tick_before(const struct timetable *tt, usec_t t, usec_t *ret);
