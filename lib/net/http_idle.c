#include "lib/net/http_idle.h"

#include "lib/base/macros.h"

#define HTTP_IDLE_NAP_FOR                                                       \
        (2 * USEC_PER_SEC) /* less is no suspend that a connection would notice \
                            */

long http_idle_max(struct http_idle *i, usec_t boot_at, usec_t monotonic_at) {
        usec_t ahead_for = boot_at > monotonic_at ? boot_at - monotonic_at : 0, awake_for;

        if (i->is_known && ahead_for > i->ahead_for + HTTP_IDLE_NAP_FOR)
                i->woke_at = monotonic_at;
        i->ahead_for = ahead_for;
        i->is_known = true;
        if (i->woke_at == 0)
                return HTTP_IDLE_MAX_S;
        /* curl compares whole seconds: one that was used just before the sleep must be older. */
        awake_for = (monotonic_at - i->woke_at) / USEC_PER_SEC;
        if (awake_for == 0)
                return -1;
        return (long) MIN(awake_for - 1, (usec_t) HTTP_IDLE_MAX_S);
}
