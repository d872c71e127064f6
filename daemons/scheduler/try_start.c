#include "daemons/scheduler/try_start.h"

#include <errno.h>

#include "daemons/scheduler/night_watch.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/spool.h"
#include "daemons/scheduler/try_spec.h"
#include "lib/auth/auth_token.h"
#include "lib/base/mem.h"

/* Longer than any task may take is no harm: the token names its try, and ends with the key. */
#define TOKEN_FOR (30 * USEC_PER_DAY)

static int sign(struct scheduler *s, const struct world_task *task, struct buf *out) {
        const struct dag *d = task->run->spec;
        usec_t now = clock_now(s->clock);

        if (!s->token_key)
                return 0;
        return auth_token_sign(s->token_key,
                               &(struct auth_token_claims){.is_task = true,
                                                           .user = d->user ? d->user : d->owner,
                                                           .role = AUTH_USER,
                                                           .issued_at = now,
                                                           .expires_at = now + TOKEN_FOR,
                                                           .dag_id = d->id,
                                                           .run_id = task->run->id,
                                                           .task_id = task->spec->id,
                                                           .try_id = task->try_id,
                                                           .try_number = (int) task->try_number},
                               out);
}

int try_start_prepare(struct scheduler *s, struct world_task *task, struct errmsg *em) {
        _cleanup_buf_ struct buf token = {}, spec = {};
        _cleanup_free_ char *socket_path = paths_runtime(s->paths, "scheduler.sock");
        int r;

        r = socket_path ? sign(s, task, &token) : -ENOMEM;
        if (r < 0)
                return errmsg_errno(em, r, "cannot make its token");
        r = try_spec_print(&(struct try_spec){.task = task,
                                              .stop_at = night_watch_stop_at(s),
                                              .token = token.len > 0 ? token.data : NULL,
                                              .tracking_url = s->conf->tracking_url,
                                              .state_dir = s->paths->state_dir,
                                              .scheduler_socket = socket_path,
                                              .grace_for = s->conf->stop_grace,
                                              .log_limit = s->conf->task_log_limit},
                           &spec, em);
        if (r < 0)
                return r;
        r = spool_prepare(s->tasks_dir, task->try_id, spec.data, spec.len);
        return r < 0 ? errmsg_errno(em, r, "cannot write its spool") : 0;
}
