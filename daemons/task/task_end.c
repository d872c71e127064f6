#include "daemons/task/task_end.h"

#include <assert.h>
#include <sys/wait.h>

#include "lib/base/json_write.h"
#include "lib/base/timestamp.h"

const char *task_end_how_name(enum task_end_how how) {
        static const char *const names[] = {
                [TASK_END_EXIT] = "exit",       [TASK_END_SIGNAL] = "signal",
                [TASK_END_TIMEOUT] = "timeout", [TASK_END_STOPPED] = "stopped",
                [TASK_END_ERROR] = "error",
        };

        assert(how < _TASK_END_MAX);
        return names[how];
}

static void write_status(struct json_write *w, const struct task_end *end) {
        if (end->has_status && WIFEXITED(end->wait_status))
                json_write_kv_i64(w, "exit_code", WEXITSTATUS(end->wait_status));
        else
                json_write_kv_null(w, "exit_code");
        if (end->has_status && WIFSIGNALED(end->wait_status))
                json_write_kv_i64(w, "signal", WTERMSIG(end->wait_status));
        else
                json_write_kv_null(w, "signal");
        json_write_kv_str(w, "message", end->message.text[0] ? end->message.text : NULL);
}

static void write_times(struct json_write *w, const struct task_end *end) {
        char stamp[TIMESTAMP_SIZE];

        json_write_kv_str(w, "started_at", timestamp_print(end->started_at, TIMESTAMP_USEC, stamp));
        json_write_kv_str(w, "ended_at", timestamp_print(end->ended_at, TIMESTAMP_USEC, stamp));
        json_write_kv_f64(w, "duration_s", (double) end->ran_for / 1e6);
}

static void write_usage(struct json_write *w, const struct task_usage *u) {
        json_write_kv_f64(w, "cpu_user_s", (double) u->cpu_user_usec / 1e6);
        json_write_kv_f64(w, "cpu_system_s", (double) u->cpu_system_usec / 1e6);
        json_write_kv_u64(w, "peak_memory_bytes", u->peak_memory_bytes);
        json_write_kv_u64(w, "read_bytes", u->read_bytes);
        json_write_kv_u64(w, "written_bytes", u->written_bytes);
        json_write_kv_bool(w, "oom", u->oom);
        json_write_kv_u64(w, "forks_refused", u->forks_refused);
        json_write_kv_bool(w, "cgroup", u->cgroup);
}

int task_end_print(const struct task_end *end, struct buf *out) {
        struct json_write w;

        json_write_init(&w, out, 0);
        json_write_object(&w);
        json_write_kv_i64(&w, "version", 1);
        json_write_kv_str(&w, "try_id", end->try_id);
        json_write_kv_str(&w, "how", task_end_how_name(end->how));
        write_status(&w, end);
        write_times(&w, end);
        write_usage(&w, &end->usage);
        json_write_kv_u64(&w, "log_bytes", end->log_bytes);
        json_write_kv_u64(&w, "log_lost_bytes", end->log_lost_bytes);
        json_write_kv_u64(&w, "left_behind", end->left_behind);
        json_write_end(&w);
        return json_write_finish(&w);
}
