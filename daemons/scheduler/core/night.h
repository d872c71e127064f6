/* When this machine stops, and why it is on. Pure: facts and the time go in, the decision comes
 * out.
 *
 * It stops for one of three reasons: the hour of the plan has come ([night] stop), nothing has
 * needed it for long enough ([night] idle_stop), or the cloud takes it away (a notice: then only
 * the starts end, the power is the cloud's business). Shortly before a stop nothing new starts.
 * `stay` holds off the first two until a given time. */
#pragma once

#include "lib/base/macros.h"

/* A planned hour that passed longer ago than this was slept through: it is over. */
#define NIGHT_LATE_FOR (10 * USEC_PER_MINUTE)

struct night_settings {
        usec_t idle_stop_for;   /* USEC_INFINITY: idleness stops nothing */
        usec_t idle_next_for;   /* idle only when the next run is at least so far away */
        usec_t close_for;       /* nothing starts so long before a planned stop */
        usec_t wake_before_for; /* the machine is wanted so long before the next run */
};

struct night_facts {
        usec_t now;
        usec_t planned_at;  /* the next planned stop; USEC_INFINITY: none is planned */
        usec_t notice_at;   /* the cloud takes the machine then; USEC_INFINITY: no notice */
        usec_t stay_until;  /* 0: nobody asked */
        usec_t next_due_at; /* of all schedules; USEC_INFINITY: none */
        usec_t busy_at;     /* the last moment at which something ran or somebody was here */
        unsigned n_tasks;   /* that run */
        unsigned n_runs;    /* that are not over */
        unsigned n_people;  /* sessions and open pages */
};

enum night_stop {
        NIGHT_NO_STOP,
        NIGHT_PLANNED,
        NIGHT_IDLE,
        NIGHT_NOTICE,
        _NIGHT_STOP_MAX,
};

/* Bits: why the machine is on. None: nothing needs it. */
enum night_reason {
        NIGHT_TASKS = 1 << 0,  /* tasks run */
        NIGHT_RUNS = 1 << 1,   /* runs wait for retries, slots or time */
        NIGHT_SOON = 1 << 2,   /* a run is due within idle_next_for */
        NIGHT_PEOPLE = 1 << 3, /* somebody is logged in or looks at a page */
        NIGHT_STAY = 1 << 4,   /* somebody asked for it */
        NIGHT_RECENT = 1 << 5, /* it was needed a moment ago */
        NIGHT_NEVER = 1 << 6,  /* idleness stops nothing here */
};

struct night_decision {
        bool is_closed;      /* start nothing */
        bool power_off;      /* stop the machine now */
        enum night_stop why; /* of what comes next, or of what happens now */
        usec_t stop_at;      /* when it will stop as far as is known; USEC_INFINITY */
        usec_t wake_at;   /* when it is wanted again, were it to stop now; USEC_INFINITY: by hand */
        unsigned reasons; /* enum night_reason */
        usec_t look_at;   /* decide again then at the latest; USEC_INFINITY */
};

void night_decide(const struct night_settings *s, const struct night_facts *f,
                  struct night_decision *ret);

const char *night_stop_name(enum night_stop why); /* "planned", … */
/* "tasks", … of one bit. */
const char *night_reason_name(enum night_reason one);
