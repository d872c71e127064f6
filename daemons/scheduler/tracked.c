#include "daemons/scheduler/tracked.h"

#include <errno.h>

#include "daemons/scheduler/core/dag_tracking.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/tracked_body.h"
#include "daemons/scheduler/tracked_sql.h"
#include "daemons/scheduler/try_start.h"
#include "lib/base/arena.h"
#include "lib/base/mem.h"

bool tracked_is_on(const struct scheduler *s, const struct world_task *task) {
        return dag_tracking_is_on(task->spec, s->conf->track_tasks);
}

/* NULL when it cannot be made, which has ended or will end the try. */
static int spec_of(struct scheduler *s, struct world_task *task, struct arena *a,
                   const struct json **ret) {
        _cleanup_buf_ struct buf text = {};
        struct errmsg em;
        struct json *j;
        int r = try_start_print(s, task, &text, &em);

        *ret = NULL;
        if (r == -EINVAL || r == -EAGAIN)
                return 0;
        if (r >= 0)
                r = json_parse_copy(a, text.data, text.len, &j, &em);
        if (r >= 0)
                *ret = j;
        return r;
}

int tracked_note(struct scheduler *s, struct world_task *task, usec_t at) {
        _cleanup_buf_ struct buf body = {};
        struct tracked_body b = {.task = task, .user = s->conf->tracking_user, .at = at};
        struct arena a;
        int r;

        if (!tracked_is_on(s, task))
                return 0;
        arena_init(&a, 0);
        r = spec_of(s, task, &a, &b.spec);
        if (r >= 0)
                r = tracked_body_print(&b, &body);
        arena_done(&a);
        return r < 0 ? r : tracked_sql_insert(s->db, task->try_id, buf_cstr(&body));
}
