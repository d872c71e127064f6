#include "daemons/scheduler/core/poke.h"

usec_t poke_since(const struct world_task *t, usec_t at) {
        if (t->poking_since != USEC_INFINITY)
                return t->poking_since;
        return t->started_at != USEC_INFINITY ? t->started_at : at;
}

enum world_result poke_result(const struct world_task *t, usec_t at) {
        usec_t limit_for = t->spec->poke_timeout_for, since = poke_since(t, at);

        if (limit_for == 0 || at <= since || at - since <= limit_for)
                return WORLD_RESULT_RESCHEDULED;
        return t->spec->soft_fail ? WORLD_RESULT_SKIPPED : WORLD_RESULT_FAILED_FINAL;
}
