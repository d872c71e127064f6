/* dag_runs_api.h: the answer that changes of runs have in common. */
#pragma once

#include "daemons/scheduler/scheduler_api.h"

/* For reply(): the job's run as it is after the change. */
int dag_runs_api_reply(struct scheduler *s, struct scheduler_api_job *j);
