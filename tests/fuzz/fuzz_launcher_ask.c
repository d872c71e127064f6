/* fuzz_launcher_ask: whatever is asked, what gets through is a UUID and limits in their ranges. */
#include <stdlib.h>
#include <string.h>

#include "daemons/launcher/launcher_ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct launcher_ask *ask) {
        const struct launcher_limits *l = &ask->limits;

        if (!entropy_is_uuid(ask->try_id) || ask->grace_for > 3600 * USEC_PER_SEC)
                abort();
        if (l->cpu_weight > 10000 || l->io_weight > 10000 || l->cpu_quota_percent > 100000)
                abort();
        for (size_t i = 0; i < ask->carry.n_binds; i++)
                if (!launcher_carry_is_path(ask->carry.binds[i].source) ||
                    !launcher_carry_is_path(ask->carry.binds[i].path))
                        abort();
        for (size_t i = 0; i < ask->carry.n_secrets; i++)
                if (strchr(ask->carry.secrets[i].name, '/') ||
                    !launcher_carry_is_path(ask->carry.secrets[i].source))
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct launcher_ask ask;
        struct errmsg em;

        for (int stop = 0; stop < 2; stop++) {
                struct arena a;
                char *text;
                int r;

                em.text[0] = 0;
                arena_init(&a, 0);
                text = arena_memdup(&a, data, size);
                if (!text)
                        abort();
                r = stop ? launcher_ask_parse_stop(&a, text, size, &ask, &em)
                         : launcher_ask_parse_start(&a, text, size, &ask, &em);
                if (r == 0)
                        check(&ask);
                else if (!em.text[0])
                        abort();
                arena_done(&a);
        }
        return 0;
}
