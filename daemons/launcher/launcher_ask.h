/* launcher_ask.h: what the scheduler may ask for, read and checked. Pure.
 *
 *      POST /start {"try_id": UUID, "user": "name" | null, "grace_s": 10,
 *                   "limits": {"memory_max_bytes", "cpu_quota_percent", "cpu_weight", "io_weight",
 *                              "tasks_max"}}            each optional, 0: none
 *      POST /stop  {"try_id": UUID}
 *
 * Anything else is refused: this is the one privileged piece. */
#pragma once

#include "daemons/launcher/launcher_carry.h"
#include "lib/base/arena.h"
#include "lib/base/entropy.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct launcher_limits {
        uint64_t memory_max_bytes;
        uint64_t cpu_quota_percent; /* 100: one core */
        uint64_t cpu_weight;        /* 1 … 10000 */
        uint64_t io_weight;         /* 1 … 10000 */
        uint64_t tasks_max;
};

struct launcher_ask {
        char try_id[ENTROPY_UUID_SIZE];
        const char *user; /* in the body; NULL: the configured one */
        usec_t grace_for;
        struct launcher_limits limits;
        struct launcher_carry carry; /* in the arena of the request */
};

/* body is parsed in place. -EINVAL with *em naming the key; -ENOMEM. */
int launcher_ask_parse_start(struct arena *a, char *body, size_t len, struct launcher_ask *ret,
                             struct errmsg *em);
int launcher_ask_parse_stop(struct arena *a, char *body, size_t len, struct launcher_ask *ret,
                            struct errmsg *em);

/* Is `user` one that tasks may run as? "root" never is. */
bool launcher_ask_user_allowed(const char *user, const char *default_user, char *const *users);
