/* fault: the seams where tests make the world fail. A point that is not armed costs one load.
 *
 * Tests arm points by fault_arm(). In builds with --enable-faults the daemons also read
 * ONEBOX_FAULT, e.g. "fsync:3" (the third fsync fails), "write:1:ENOSPC:2" (two failures),
 * "rename:2:kill" (the process dies by SIGKILL at the second rename), "db-write:1:stop:0" (it stops
 * before each page until somebody continues it); and ONEBOX_FAULT_FILE, by which a test arms a
 * daemon that runs (fault_share()).
 * Threads: any; all that is shared is atomic. */
#pragma once

#include <errno.h>
#include <stdint.h>

#include "lib/base/macros.h"

struct errmsg;

enum fault_point {
#define FAULT(name, text, error) FAULT_##name,
#include "lib/base/fault.def"
#undef FAULT
        FAULT_N_POINTS,
};

/* As error_code: die by SIGKILL instead of failing; or stop by SIGSTOP, and once continued do what
 * the cell says then, which is to go on as if nothing were unless somebody has changed it. */
enum { FAULT_KILL = -1, FAULT_STOP = -2 };

/* How a point is armed. Tests write the cells of another process through a file. */
struct fault_cell {
        _Atomic uint32_t count; /* passes since it was armed */
        _Atomic uint32_t nth;   /* 0: not armed; to be written last */
        _Atomic uint32_t n_times;
        _Atomic int32_t error_code;
};

extern bool fault_armed; /* may any point be armed? read by fault_at() only */

/* The nth (from 1) pass over `point` and the n_times - 1 after it fail with -error_code
 * (0: the point's own default). n_times = 0: all from then on. */
void fault_arm(enum fault_point point, unsigned nth, int error_code, unsigned n_times);
/* Arms what `text` says (see above). 0, or -EINVAL when it names no point or no error. */
int fault_arm_text(const char *text);
/* Arms what the environment says (see above), in builds that listen to it: when a program starts.
 * -EINVAL or -errno; `em` names the variable. */
int fault_arm_environment(struct errmsg *em);
/* From now on the cells are those of the file, in the order of fault.def. It must hold them all: a
 * struct fault_cell each. Before there are threads. 0, -EINVAL when it is too short, -errno. */
int fault_share(const char *path);
/* Nothing is armed any more, counters are zero, and no file is looked at. */
void fault_reset(void);
/* How often the point was passed since fault_arm(). */
unsigned fault_count(enum fault_point point);

int fault_hit(enum fault_point point);

/* 0: go on; negative: behave as if the call had failed so. */
static inline int fault_at(enum fault_point point) {
        return unlikely(fault_armed) ? fault_hit(point) : 0;
}
