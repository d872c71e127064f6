/* pipelines_command: what a task of each type runs. Pure. */
#pragma once

#include "daemons/scheduler/pipelines_task.h"

/* "start" and "end" for job_start and job_end, as Liminal has it; NULL for others. */
const char *pipelines_command_fixed_id(const char *type);

/* What the type itself puts into the environment. */
int pipelines_command_add_env(struct pipelines_context *c, const char *type, struct strmap *env);

/* Its kind and command. */
int pipelines_command_emit(struct pipelines_context *c, const struct pipelines_config *config,
                           const struct pipelines_task *t, struct json_write *w,
                           bool *ret_is_marker);
