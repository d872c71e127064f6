/* launcher_shims.h: the launcher's side of `onebox-task --serve` (daemons/task/task_server.h),
 * which starts shims by forking itself. Started when first needed, and anew when it is gone; those
 * who waited for it then are told so, and ask again. Threads: all on the loop's. */
#pragma once

#include "lib/base/errmsg.h"

struct http_request;
struct launcher_shims;
struct loop;

struct launcher_shims_options {
        struct loop *loop;
        const char *program, *state_dir, *runtime_dir; /* borrowed */
        const char *const *envp;
};

/* -ENOMEM. */
int launcher_shims_new(const struct launcher_shims_options *o, struct launcher_shims **ret);
struct launcher_shims *launcher_shims_free(struct launcher_shims *s);

/* Has a shim started for the try; answers `req` with its pid or why not. Returns as a handler. */
int launcher_shims_start(struct launcher_shims *s, const char *try_id, struct http_request *req);

/* 200 {"unit": null, "pid": N}. */
int launcher_shims_reply(struct http_request *req, int pid);
