/* What a task's return value decides about the tasks after it: which of them are skipped, as
 * Airflow's branch and short-circuit operators have it. Pure. */
#pragma once

#include "daemons/scheduler/core/dag.h"

/* value: the return value, NULL when there is none. *ret (from mem_alloc, NULL when nothing is
 * skipped) are indexes of tasks. 0; -EINVAL with *em: the value names no task that may follow;
 * -ENOMEM. */
int branch_skips(const struct dag *d, const struct dag_task *t, const struct json *value,
                 unsigned **ret, size_t *ret_n, struct errmsg *em);

/* Is the value one that Python takes for false, or its text? "", "false", "0", "none", null, []. */
bool branch_is_false(const struct json *value);
