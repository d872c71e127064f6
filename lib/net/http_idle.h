/* http_idle: which of its idle connections a client may use again.
 *
 * The other end may have forgotten those that slept through a suspend, and no word comes back on
 * them. A suspend shows by the boot clock, which goes on meanwhile, while the monotonic one stands.
 * Pure: time is an argument. */
#pragma once

#include <stdbool.h>

#include "lib/base/clock.h"

#define HTTP_IDLE_MAX_S 118 /* curl's own */

struct http_idle {
        bool is_known;
        usec_t ahead_for; /* the boot clock's, of the monotonic one */
        usec_t woke_at;   /* monotonic; 0: has not slept */
};

/* So many whole seconds a connection may have been idle; -1: none may be used again. */
long http_idle_max(struct http_idle *i, usec_t boot_at, usec_t monotonic_at);
