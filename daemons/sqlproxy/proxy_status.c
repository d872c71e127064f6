/* Says in one line how it stands: STATUS= of the service. */
#include <string.h>

#include "daemons/sqlproxy/proxy.h"
#include "lib/base/clock.h"
#include "lib/base/timestamp.h"
#include "lib/net/loop_notify.h"

/* "p:r:i at 10.0.0.3, TLS 1.3, certificate until 2026-…", or what is wrong with it. */
static void describe(struct proxy *p, struct instance *i, char *ret, size_t size) {
        char at[TIMESTAMP_SIZE];
        const char *cipher = atomic_load(&i->cipher);
        struct errmsg em = {};

        if (!instance_is_ready(i, &em))
                snprintf(ret, size, "%s", em.text);
        else if (!i->facts.has_identity)
                snprintf(ret, size, "%s: %s", i->name,
                         state_table_name(&refresh_states, i->facts.state));
        else
                snprintf(ret, size, "%s at %s, %s, certificate until %s%s", i->name,
                         i->settings.address, cipher ?: "not dialed yet",
                         timestamp_print(i->facts.expires_at, TIMESTAMP_SECONDS, at),
                         i->facts.state == REFRESH_STALE ? ", not renewed yet" : "");
}

void proxy_status_tell(struct proxy *p) {
        char text[sizeof p->status] = "", one[600];
        size_t len, room;

        snprintf(text, sizeof text, "%s; ", state_table_name(&proxy_phases, p->phase));
        for (size_t i = 0; i < p->n_instances; i++) {
                describe(p, p->instances[i], one, sizeof one);
                len = strlen(text);
                room = sizeof text - len;
                snprintf(text + len, room, "%s%.*s", i ? "; " : "", (int) room, one);
        }
        if (strcmp(text, p->status) == 0)
                return;
        memcpy(p->status, text, sizeof text);
        (void) loop_notify_status("%s", text);
}
