/* artifact_flow.h: the threads that carry artifacts, counted: so many at once and no more, and none
 * left when the stores go. Threads: any. */
#pragma once

#include "lib/base/macros.h"

enum { ARTIFACT_FLOW_MAX = 64, ARTIFACT_FLOW_BLOCK = 256 * 1024 /* bytes of a buffer */ };

/* Runs run(arg) on a thread of its own. -EBUSY: there are ARTIFACT_FLOW_MAX already; -EAGAIN. */
int artifact_flow_start(void (*run)(void *arg), void *arg);
/* Until all have ended, at most for_usec: false when some have not. */
bool artifact_flow_wait(usec_t for_usec);
