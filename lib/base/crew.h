/* crew: several threads go through the indices of a list, each taking the next one. The caller's
 * thread is one of them, so all is done even where no other can be started. */
#pragma once

#include "lib/base/macros.h"

#define CREW_MAX 32 /* threads of one crew */

/* each: from any of the threads; false: no further one is begun. Returns when all that were begun
 * are done. n_threads: the caller's with them; 0 is 1. */
void crew_run(size_t n, size_t n_threads, bool (*each)(void *ctx, size_t index), void *ctx);
