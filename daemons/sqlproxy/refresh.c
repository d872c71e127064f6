/* See refresh.h. The rules of time (Google's, and where they would make a client wait, ours):
 *   remaining life ≥ 1 h: at half of it; ≥ 4 min: 4 min before the end; less: at once, but no more
 *   often than two at first and then one in 30 s, unless the certificate would end before; then at
 *   half of what it has left. */
#include "daemons/sqlproxy/refresh.h"

#include <assert.h>

#define AHEAD_FOR (4 * USEC_PER_MINUTE)
#define RATE_FOR (30 * USEC_PER_SEC)
#define RATE_BURST 2
/* After a failure whoever asks gets an attempt: a few at once, then one in this span. */
#define ASKED_FOR (1 * USEC_PER_SEC)
#define ASKED_BURST 5
#define BACKOFF_MAX_FOR (30 * USEC_PER_SEC)
/* A timer of the boot clock does not see the wall clock step: it never sleeps longer than this. */
#define LOOK_AGAIN_FOR (1 * USEC_PER_HOUR)

#define TO(x) STATE_TABLE_BIT(REFRESH_##x)
static const struct state_table_row rows[] = {
#define STATE(name, text, next) {text, next},
#include "daemons/sqlproxy/refresh_states.def"
#undef STATE
};
#undef TO
const struct state_table refresh_states = {"refresh", rows, REFRESH_N_STATES};

static void move(struct refresh_facts *f, enum refresh_state to) {
        assert(state_table_allows(&refresh_states, f->state, to));
        f->state = to;
}

usec_t refresh_backoff(unsigned n) {
        usec_t for_usec = USEC_PER_SEC;

        while (n-- > 1 && for_usec < BACKOFF_MAX_FOR)
                for_usec *= 2;
        return MIN(for_usec, BACKOFF_MAX_FOR);
}

static usec_t left(usec_t until, usec_t now) {
        return until > now ? until - now : 0;
}

/* How long the identity we have may go on before it is renewed, by the clocks alone. */
static usec_t due_in(const struct refresh_facts *f, struct refresh_now now) {
        usec_t life = left(f->expires_at, f->fetched_at);
        usec_t remaining = left(f->expires_at, now.wall_at);
        usec_t rate, half_at;

        if (f->expires_at == USEC_INFINITY)
                return USEC_INFINITY;
        /* A clock that went back makes nothing younger: not later than a life from now. */
        if (now.wall_at < f->fetched_at)
                return 0;
        if (life >= USEC_PER_HOUR)
                return left(f->fetched_at + life / 2, now.wall_at);
        if (life >= AHEAD_FOR)
                return left(f->expires_at - AHEAD_FOR, now.wall_at);
        rate = left(f->rate_at, now.boot_at + RATE_FOR * (RATE_BURST - 1));
        half_at = f->fetched_at + MAX(life / 2, (usec_t) 1);
        return MIN(rate, remaining > 0 ? left(half_at, now.wall_at) : 0);
}

static bool is_busy(const struct refresh_facts *f) {
        return f->state == REFRESH_FETCHING || f->state == REFRESH_RENEWING;
}

struct refresh_plan refresh_plan(const struct refresh_facts *f, struct refresh_now now) {
        struct refresh_plan p = {.in_for = USEC_INFINITY};
        usec_t since_for = now.boot_at - f->ended_at;

        if (is_busy(f))
                return p;
        if (f->is_wanted) {
                p.in_for = f->n_failures > 0
                                   ? left(f->asked_at, now.boot_at + ASKED_FOR * (ASKED_BURST - 1))
                                   : 0;
        } else if (f->is_lazy && f->has_identity) {
                return p;
        } else if (f->n_failures > 0) {
                p.in_for = f->is_lazy ? USEC_INFINITY
                                      : left(refresh_backoff(f->n_failures), since_for);
        } else if (f->has_identity) {
                p.in_for = due_in(f, now);
        } else {
                p.in_for = 0;
        }
        p.start = p.in_for == 0;
        if (p.in_for != USEC_INFINITY)
                p.in_for = MIN(p.in_for, LOOK_AGAIN_FOR);
        return p;
}

void refresh_begin(struct refresh_facts *f, struct refresh_now now) {
        move(f, f->has_identity ? REFRESH_RENEWING : REFRESH_FETCHING);
        if (f->is_wanted && f->n_failures > 0)
                f->asked_at = MAX(f->asked_at, now.boot_at) + ASKED_FOR;
        f->is_wanted = false;
        f->rate_at = MAX(f->rate_at, now.boot_at) + RATE_FOR;
}

void refresh_succeed(struct refresh_facts *f, struct refresh_now now, usec_t expires_at) {
        move(f, REFRESH_FRESH);
        f->is_wanted = false;
        f->has_identity = true;
        f->n_failures = 0;
        f->fetched_at = now.wall_at;
        f->expires_at = expires_at;
        f->ended_at = now.boot_at;
}

void refresh_fail(struct refresh_facts *f, struct refresh_now now) {
        move(f, f->has_identity ? REFRESH_STALE : REFRESH_DOWN);
        f->is_wanted = false;
        f->n_failures++;
        f->ended_at = now.boot_at;
}

void refresh_forget(struct refresh_facts *f) {
        move(f, REFRESH_EMPTY);
        f->has_identity = false;
        f->n_failures = 0;
        f->is_wanted = true;
}
