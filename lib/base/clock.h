/* clock: the only way to the time, so that tests and the simulator own it. */
#pragma once

#include "lib/base/macros.h"

struct clock {
        /* Microseconds since 1970-01-01 UTC; may jump. Any thread. */
        usec_t (*realtime)(const struct clock *c);
        /* Microseconds since some moment; never goes back, stops during suspend. Any thread. */
        usec_t (*monotonic)(const struct clock *c);
};

const struct clock *clock_system(void);

static inline usec_t clock_now(const struct clock *c) {
        return c->realtime(c);
}

static inline usec_t clock_mono(const struct clock *c) {
        return c->monotonic(c);
}

/* A clock that goes when told. Use &fake.clock. */
struct clock_fake {
        struct clock clock;
        usec_t now_at;
        usec_t mono_at;
};

void clock_fake_init(struct clock_fake *f, usec_t now_at);
/* Both times go forward. */
void clock_fake_advance(struct clock_fake *f, usec_t by_for);
/* Only the wall clock jumps. */
void clock_fake_jump(struct clock_fake *f, usec_t now_at);
