/* effects.h: what has to be done once a batch is committed. Each effect may be done twice without
 * harm: a restart repeats those that a crash swallowed. Threads: the loop's. */
#pragma once

#include "daemons/scheduler/core/world.h"

struct scheduler;

enum effect_kind {
        EFFECT_START, /* have the try started */
        EFFECT_STOP,  /* have it stopped */
        EFFECT_TELL,  /* tracking, that it began or ended */
        EFFECT_SWEEP, /* a run has finished: the memory may forget it */
};

struct effect {
        enum effect_kind kind;
        struct world_dag *dag;
        struct world_task *task; /* of a try */
        char try_id[WORLD_ID_SIZE];
};

/* More is not kept for the next burst. */
enum { EFFECTS_KEPT = 64 };

/* Begins zeroed. */
struct effects {
        struct effect *list;
        size_t n, n_allocated;
};

int effects_add_try(struct effects *x, enum effect_kind kind, struct world_task *t,
                    const char *try_id);
int effects_add_sweep(struct effects *x, struct world_dag *dag);
/* Does them all; the list is empty then. */
void effects_run(struct scheduler *s, struct effects *x);
/* Forgets them and the memory. */
void effects_clear(struct effects *x);
