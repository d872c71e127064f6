/* launcher_exec.h: how tasks are started, stopped and listed: one contract, two ways.
 *
 * Threads: all on the loop's. Each call answers its request exactly once, at once or later; what it
 * needs of `ask` after returning it copies. Nothing is remembered between requests. */
#pragma once

#include "daemons/launcher/launcher_ask.h"
#include "lib/base/conf.h"
#include "lib/base/paths.h"

struct http_request;
struct loop;

struct launcher_conf {
#define CONF_KEY CONF_FIELD
#include "config/launcher.def"
#undef CONF_KEY
};

struct launcher_exec {
        /* Starts onebox-task for the try: 200 {"unit": "…" | null, "pid": N | null}. Asking again
         * for a try whose shim lives is 200 as well. `user` was checked. Returns as a handler. */
        int (*start)(struct launcher_exec *x, struct http_request *req,
                     const struct launcher_ask *ask, const char *user);

        /* Tells the try to end; what a dead shim left behind is killed: 200 {"stopping": bool},
         * false: there was nothing to stop, and nothing of the try runs any more. */
        int (*stop)(struct launcher_exec *x, struct http_request *req,
                    const struct launcher_ask *ask);

        /* 200 {"units": [{"try_id": "…", "pid": N, …}, …]}. */
        int (*list)(struct launcher_exec *x, struct http_request *req);

        /* A shutdown waits for the scheduler (wanted), or does not any more: see
         * launcher_inhibit.h. */
        int (*hold)(struct launcher_exec *x, struct http_request *req, bool wanted);

        void (*free)(struct launcher_exec *x);
};

/* -errno with *em set. conf and paths are borrowed for the life of the result. */
int launcher_fork_new(struct loop *loop, const struct launcher_conf *conf,
                      const struct paths *paths, struct launcher_exec **ret, struct errmsg *em);
int launcher_systemd_new(struct loop *loop, const struct launcher_conf *conf,
                         const struct paths *paths, struct launcher_exec **ret, struct errmsg *em);
