/* The states of a task instance and the moves between them. The rows are in task_state.def. Pure.
 */
#pragma once

#include <stdbool.h>

struct state_table;

enum task_state {
#define TASK_STATE(constant, name, rest_name, finished, next) TASK_##constant,
#include "daemons/scheduler/core/task_state.def"
#undef TASK_STATE
        _TASK_STATE_MAX,
};

/* Our name, as stored and shown: "up_for_retry". Never NULL. */
const char *task_state_name(enum task_state s);

/* The name that Airflow's REST v2 uses, NULL for "no state yet". */
const char *task_state_rest_name(enum task_state s);

/* By our name. 0, or 1 when there is no such state. */
int task_state_parse(const char *name, enum task_state *ret);

/* Success, failed, skipped, upstream_failed or removed: nothing more will happen by itself. */
bool task_state_is_finished(enum task_state s);

/* A try exists: queued or running. */
bool task_state_is_live(enum task_state s);

/* May a task go from one state to the other? Clearing and marking by a person included. */
bool task_state_may_move(enum task_state from, enum task_state to);

/* The table itself, for its test. */
const struct state_table *task_state_table(void);
