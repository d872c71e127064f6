/* pipelines_keys: which keys a map of a pipeline file may have; see pipelines_keys.def. Pure. */
#pragma once

#include "daemons/scheduler/pipelines_context.h"

enum pipelines_keys_of {
        PIPELINES_KEYS_ROOT,
        PIPELINES_KEYS_PIPELINE,
        PIPELINES_KEYS_TASK,
        PIPELINES_KEYS_IMAGE,
        PIPELINES_KEYS_EXECUTOR,
        PIPELINES_KEYS_VOLUME,
        PIPELINES_KEYS_SECRET,
        PIPELINES_KEYS_MOUNT,
        PIPELINES_KEYS_TASK_SECRET,
        PIPELINES_KEYS_SERVICE,
        _PIPELINES_KEYS_MAX,
};

/* The map is one, and its keys are known: else an error or a warning. what: "a task". */
int pipelines_keys_check(struct pipelines_context *c, const struct pipelines_node *map,
                         enum pipelines_keys_of of, const char *what);

/* The same for every map of a list; NULL is an empty list. */
int pipelines_keys_check_list(struct pipelines_context *c, const struct pipelines_node *list,
                              enum pipelines_keys_of of, const char *what);
