/* fault: the seams where tests make the world fail. A point that is not armed costs one load.
 *
 * Tests arm points by fault_arm(). In builds with --enable-faults the daemons also read
 * ONEBOX_FAULT, e.g. "fsync:3" (the third fsync fails), "write:1:ENOSPC:2" (two failures),
 * "rename:2:kill" (the process dies by SIGKILL at the second rename).
 * Threads: any; the counters are atomic. */
#pragma once

#include <errno.h>

#include "lib/base/macros.h"

enum fault_point {
#define FAULT(name, text, error) FAULT_##name,
#include "lib/base/fault.def"
#undef FAULT
        FAULT_N_POINTS,
};

#define FAULT_KILL (-1) /* as error_code: die by SIGKILL instead of failing */

extern bool fault_armed; /* is any point armed? read by fault_at() only */

/* The nth (from 1) pass over `point` and the n_times - 1 after it fail with -error_code
 * (0: the point's own default). n_times = 0: all from then on. */
void fault_arm(enum fault_point point, unsigned nth, int error_code, unsigned n_times);
/* Arms what `text` says (see above). 0, or -EINVAL when it names no point or no error. */
int fault_arm_text(const char *text);
/* Nothing is armed any more; counters are zero. */
void fault_reset(void);
/* How often the point was passed since fault_arm(). */
unsigned fault_count(enum fault_point point);

int fault_hit(enum fault_point point);

/* 0: go on; negative: behave as if the call had failed so. */
static inline int fault_at(enum fault_point point) {
        return unlikely(fault_armed) ? fault_hit(point) : 0;
}
