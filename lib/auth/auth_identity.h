/* auth_identity.h: who makes a request, and how we know. Strings live in the request's arena. */
#pragma once

#include <sys/types.h>

#include "lib/auth/auth_role.h"

enum auth_how {
        AUTH_BY_NOTHING,   /* authentication is switched off */
        AUTH_BY_PEER,      /* the credentials of a Unix socket */
        AUTH_BY_PASSWORD,  /* Basic */
        AUTH_BY_TOKEN,     /* a personal access token */
        AUTH_BY_SESSION,   /* a signed token of a login: cookie or Bearer */
        AUTH_BY_TASK,      /* a running task's token */
        AUTH_BY_FORWARDER, /* a trusted daemon says so */
        AUTH_HOW_N,
};

struct auth_identity {
        const char *name; /* never NULL; the user, for a task the user it runs as */
        uid_t uid;        /* of the peer; (uid_t) -1 over TCP */
        enum auth_role role;
        enum auth_how how;

        /* AUTH_BY_TASK (also through a forwarder): all set; else NULL and 0. */
        const char *dag_id, *run_id, *task_id, *try_id;
        int try_number;
};

/* "peer", "password", … as the audit log has it. */
const char *auth_identity_how_print(enum auth_how how);
