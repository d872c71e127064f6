/* task_end.h: how a try ended, and its text end.json. Pure.
 *
 *      {"version": 1, "try_id": "…",
 *       "how": "exit" | "signal" | "timeout" | "stopped" | "error",
 *       "exit_code": 0 | null, "signal": null | 9, "message": null | "…",
 *       "started_at": "…Z", "ended_at": "…Z", "duration_s": 1.5,
 *       "cpu_user_s": …, "cpu_system_s": …, "peak_memory_bytes": …, "read_bytes": …,
 *       "written_bytes": …, "oom": false, "cgroup": false,
 *       "log_bytes": …, "log_lost_bytes": …, "left_behind": 0}
 *
 * timeout: its time limit was over and it was told to end. stopped: the shim was told to stop
 * (night, or the scheduler's wish). error: the command could not be started, message says why. */
#pragma once

#include "daemons/task/task_usage.h"
#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

enum task_end_how {
        TASK_END_EXIT,
        TASK_END_SIGNAL,
        TASK_END_TIMEOUT,
        TASK_END_STOPPED,
        TASK_END_ERROR,
        _TASK_END_MAX,
};

struct task_end {
        const char *try_id;
        enum task_end_how how;
        bool has_status; /* wait_status is what waitpid() said of the command */
        int wait_status;
        struct errmsg message;
        usec_t started_at, ended_at; /* wall clock */
        usec_t ran_for;              /* monotonic */
        struct task_usage usage;
        uint64_t log_bytes, log_lost_bytes;
        unsigned left_behind; /* processes that could not be ended */
};

const char *task_end_how_name(enum task_end_how how);

/* Adds the text to `out`. 0 or the buf's error. */
int task_end_print(const struct task_end *end, struct buf *out);
