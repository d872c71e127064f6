#include "daemons/tracking/tracking.h"

#include "lib/base/clock.h"

int64_t tracking_now_ms(const struct tracking *t) {
        return (int64_t) (clock_now(t->clock) / USEC_PER_MSEC);
}
