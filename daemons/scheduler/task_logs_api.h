/* task_logs_api.h: which try's log a request means. */
#pragma once

#include "daemons/scheduler/core/world.h"

struct db;
struct http_request;

struct task_logs_api_try {
        char try_id[WORLD_ID_SIZE];
        int64_t number, map_index;
        bool ended;
};

/* The try of a task by its number; number 0: the latest. 0; 1: there is none; -errno. */
int task_logs_api_find(struct db *db, const char *dag_id, const char *run_id, const char *task_id,
                       int64_t map_index, int64_t number, struct task_logs_api_try *ret);
