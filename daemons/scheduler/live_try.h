/* live_try.h: what live.c and live_end.c remember of one try. */
#pragma once

#include "daemons/scheduler/core/world.h"
#include "daemons/scheduler/engine.h"
#include "lib/base/strmap.h"

struct scheduler;

struct live {
        struct strmap tries;            /* try id → struct live_try */
        TAILQ_HEAD(, live_try) waiting; /* to be looked at when the world is the disk's again */
        struct engine_wait landing;
        bool waits;
};

struct live_try {
        struct scheduler *s;
        char try_id[WORLD_ID_SIZE];
        char *dag_id, *run_id, *task_id;
        int map_index;
        bool other_boot; /* handed out before this boot: what has no end was cut off */
        bool swept;      /* nothing of it runs any more */
        bool ending;     /* a job that records its end is under way */
        usec_t asked_at; /* monotonic, of the last start asked for */
        int pidfd;       /* of its shim, -1 */
        struct loop_source *watch, *timer;
        bool is_waiting;
        TAILQ_ENTRY(live_try) in_waiting;
};

/* The task whose current try it is; NULL when it has another one by now. */
struct world_task *live_try_task(const struct live_try *t);
