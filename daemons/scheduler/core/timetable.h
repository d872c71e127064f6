/* SPDX-License-Identifier: Apache-2.0 */
/* When runs are due: schedule + zone + start and end, as Airflow's timetables compute it. Pure. */
#pragma once

#include "daemons/scheduler/core/cron.h"
#include "daemons/scheduler/core/dag.h"

struct zone;

struct timetable {
        struct dag_schedule schedule;
        struct cron cron;        /* for DAG_SCHEDULE_CRON */
        const struct zone *zone; /* borrowed, outlives this */
        usec_t start_at;         /* USEC_INFINITY: none */
        usec_t end_at;           /* USEC_INFINITY: none */
        enum dag_missed missed;
        usec_t missed_within_for;
};

/* One run to come. All moments in µs since 1970 UTC. */
struct timetable_run {
        usec_t logical_at;
        usec_t interval_start_at;
        usec_t interval_end_at;
        usec_t run_after_at; /* due from then on */
};

/* -EINVAL with the reason in *em when the cron expression does not parse. */
int timetable_init(struct timetable *tt, const struct dag *d, const struct zone *z, struct errmsg *em);

/* The run after the last automated one (NULL: there was none), following the missed-run policy as
 * seen at `now`. 0, or 1 when no further run will come. */
int timetable_next(const struct timetable *tt, const struct timetable_run *last, usec_t now,
                   struct timetable_run *ret);

/* The data interval of a run asked for by hand at a logical moment. */
void timetable_manual(const struct timetable *tt, usec_t logical_at, struct timetable_run *ret);

/* Plain stepping, no policy: the first tick strictly after t, the last strictly before t.
 * 0, or 1 when there is none. */
int timetable_tick_after(const struct timetable *tt, usec_t t, usec_t *ret);
int timetable_tick_before(const struct timetable *tt, usec_t t, usec_t *ret);
