/* pipelines_service: one service of a file as onebox-serving's JSON. Pure. */
#pragma once

#include "daemons/scheduler/pipelines_context.h"

/* Adds it to the result. 0, PIPELINES_BAD, -ENOMEM. */
int pipelines_service_compile(struct pipelines_context *c, const struct pipelines_config *config,
                              const struct pipelines_node *service);
