/* refresh: when an instance's certificate is fetched anew. A pure function of facts and the time.
 *
 * The wall clock decides about certificates (so a suspend or a step is seen), the boot clock about
 * rates and back-off (so a step does not hammer the API). */
#pragma once

#include <stdbool.h>

#include "lib/base/macros.h"
#include "lib/base/state_table.h"

enum refresh_state {
#define STATE(name, text, next) REFRESH_##name,
#include "daemons/sqlproxy/refresh_states.def"
#undef STATE
        REFRESH_N_STATES,
};
extern const struct state_table refresh_states;

struct refresh_facts {
        enum refresh_state state;
        bool is_lazy;   /* nobody refreshes ahead */
        bool is_wanted; /* a client waits, or a dial failed */
        bool has_identity;
        usec_t fetched_at;   /* wall clock, of the identity */
        usec_t expires_at;   /* wall clock; USEC_INFINITY = never */
        unsigned n_failures; /* in a row */
        usec_t ended_at;     /* boot clock: the last attempt's end; 0 = none was made */
        usec_t rate_at;      /* boot clock: the bucket of timed attempts is full from here on */
        usec_t asked_at;     /* the same for attempts after a failure that somebody asked for */
};

struct refresh_now {
        usec_t wall_at, boot_at;
};

/* What to do. */
struct refresh_plan {
        bool start;    /* now */
        usec_t in_for; /* else: look again after this span; USEC_INFINITY = when asked */
};
struct refresh_plan refresh_plan(const struct refresh_facts *f, struct refresh_now now);

/* A refresh begins, ended well or failed. Moves the state and keeps the bucket's account. */
void refresh_begin(struct refresh_facts *f, struct refresh_now now);
void refresh_succeed(struct refresh_facts *f, struct refresh_now now, usec_t expires_at);
void refresh_fail(struct refresh_facts *f, struct refresh_now now);
/* What is known counts no more: the next attempt is made at once. */
void refresh_forget(struct refresh_facts *f);
/* How long after failure number n (from 1) the next attempt waits when nobody asks. */
usec_t refresh_backoff(unsigned n);
