#include "daemons/scheduler/live_replay.h"

#include <errno.h>

#include "daemons/scheduler/callbacks.h"
#include "daemons/scheduler/live.h"
#include "daemons/scheduler/live_end.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/spool.h"
#include "daemons/scheduler/tries_sql.h"
#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

/* Every live try is remembered; then those without an entry are the spool's orphans. */
static int adopt_all(struct scheduler *s, struct errmsg *em) {
        char boot_id[ENTROPY_UUID_SIZE];
        struct world_task *task;
        int r;

        TAILQ_FOREACH(task, &s->world.live, in_queue) {
                r = tries_sql_get_boot(s->db, task->try_id, boot_id, sizeof(boot_id));
                if (r < 0)
                        return errmsg_errno(em, r, "cannot read try %s", task->try_id);
                if (!live_adopt(s, task, r > 0 || !str_eq(boot_id, s->boot_id)))
                        return errmsg_fail(em, -ENOMEM, "no memory");
        }
        return 0;
}

struct replay_walk {
        struct scheduler *s;
        size_t n_seen, n_live;
};

static int each_try(void *ctx, const char *try_id) {
        struct replay_walk *walk = ctx;
        struct scheduler *s = walk->s;
        struct replay_action action;
        struct replay_fact fact = {};
        struct spool_end end;
        struct arena a;
        int r;

        walk->n_seen++;
        if (spool_is_acked(s->tasks_dir, try_id) || callbacks_look(s, try_id) ||
            live_find(s, try_id))
                return 0; /* that of a live one may be without its spec yet */
        arena_init(&a, 0);
        r = spool_look(s->tasks_dir, try_id, &a, &fact, &end);
        if (r == 0) {
                replay_compare_one(&s->world, &fact, clock_now(s->clock), &action);
                if (!action.task || !str_eq(action.task->try_id, try_id) ||
                    !task_state_is_live(action.task->state))
                        live_end_orphan(s, &action);
        } else if (r < 0) {
                log_errno(r, "the spool of try %s cannot be looked at", try_id);
        }
        arena_done(&a);
        return 0;
}

int live_replay(struct scheduler *s, struct errmsg *em) {
        struct replay_walk walk = {.s = s};
        struct world_task *task;
        int r;

        live_clear(s);
        r = adopt_all(s, em);
        if (r >= 0)
                r = callbacks_replay(s, em);
        if (r < 0)
                return r;
        r = spool_each(s->tasks_dir, each_try, &walk);
        if (r < 0)
                return errmsg_errno(em, r, "cannot read the spool \"%s\"", s->tasks_dir);
        TAILQ_FOREACH(task, &s->world.live, in_queue) {
                walk.n_live++;
                live_look(live_find(s, task->try_id));
                /* a stop that was asked for is asked for again: it may not have gone out */
                if (task->stop != WORLD_STOP_NONE && live_find(s, task->try_id))
                        live_stop(s, task->try_id);
        }
        if (walk.n_live > 0)
                log_info("%zu tries are live, %zu in the spool", walk.n_live, walk.n_seen);
        return 0;
}
