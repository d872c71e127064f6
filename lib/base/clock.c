/* clock: see clock.h. */
#include "lib/base/clock.h"

#include <time.h>

static usec_t read_clock(clockid_t id) {
        struct timespec ts;
        int r = clock_gettime(id, &ts);

        assert(r == 0);
        (void) r;
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / NSEC_PER_USEC;
}

static usec_t system_realtime(const struct clock *c) {
        (void) c;
        return read_clock(CLOCK_REALTIME);
}

static usec_t system_monotonic(const struct clock *c) {
        (void) c;
        return read_clock(CLOCK_MONOTONIC);
}

const struct clock *clock_system(void) {
        static const struct clock c = {.realtime = system_realtime, .monotonic = system_monotonic};

        return &c;
}

static usec_t fake_realtime(const struct clock *c) {
        return container_of(c, const struct clock_fake, clock)->now_at;
}

static usec_t fake_monotonic(const struct clock *c) {
        return container_of(c, const struct clock_fake, clock)->mono_at;
}

void clock_fake_init(struct clock_fake *f, usec_t now_at) {
        *f = (struct clock_fake){
                .clock = {.realtime = fake_realtime, .monotonic = fake_monotonic},
                .now_at = now_at,
                .mono_at = USEC_PER_SEC,
        };
}

void clock_fake_advance(struct clock_fake *f, usec_t by_for) {
        f->now_at += by_for;
        f->mono_at += by_for;
}

void clock_fake_jump(struct clock_fake *f, usec_t now_at) {
        f->now_at = now_at;
}
