/* auth_identity.c: see auth_identity.h. */
#include "lib/auth/auth_identity.h"

const char *auth_identity_how_print(enum auth_how how) {
        static const char *const names[AUTH_HOW_N] = {
                [AUTH_BY_NOTHING] = "nothing",     [AUTH_BY_PEER] = "peer",
                [AUTH_BY_PASSWORD] = "password",   [AUTH_BY_TOKEN] = "token",
                [AUTH_BY_SESSION] = "session",     [AUTH_BY_TASK] = "task",
                [AUTH_BY_FORWARDER] = "forwarder",
        };

        assert(how < AUTH_HOW_N);
        return names[how];
}
