/* next_schedule: the next runs of a schedule that need not belong to a pipeline. */
#pragma once

#include "cli/cli.h"

struct next_schedule {
        const char *schedule; /* cron expression or preset; NULL: delta_for */
        usec_t delta_for;
        const char *zone;  /* NULL: UTC */
        const char *start; /* NULL: none */
        const char *end;   /* NULL: none */
        const char *now;   /* NULL: the clock's */
        uint64_t count;
        bool interval; /* runs cover intervals */
        bool catchup;  /* missed runs count */
};

/* Prints a table, or with c->json an array of [logical date, data interval start, data interval
 * end, run time]. Answers as a verb. */
int next_schedule_show(struct cli *c, const struct next_schedule *ask);
