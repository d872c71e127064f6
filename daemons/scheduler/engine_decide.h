/* engine_decide.h: what core/plan.c decides, applied: inside the transaction of a batch, pass after
 * pass until nothing is left to decide, or ENGINE_PASSES_MAX were made. Threads: the loop's. */
#pragma once

#include "lib/base/macros.h"

struct plan;
struct scheduler;

int engine_decide(struct scheduler *s, struct plan *plan, usec_t now);
