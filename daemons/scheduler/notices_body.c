#include "daemons/scheduler/notices_body.h"

#include "lib/base/json_write.h"

/* The status of the runs a try leaves open, in MLflow's words. That a task is to be asked again is
 * no failure. */
static const char *run_status(enum world_result r) {
        switch (r) {
        case WORLD_RESULT_SUCCESS:
        case WORLD_RESULT_SKIPPED:
        case WORLD_RESULT_RESCHEDULED:
        case WORLD_RESULT_DEFERRED:
                return "FINISHED";
        case WORLD_RESULT_INTERRUPTED:
        case WORLD_RESULT_STOPPED:
                return "KILLED";
        default:
                return "FAILED";
        }
}

static void put_metric(struct json_write *w, const char *key, double value) {
        if (value < 0)
                return;
        json_write_object(w);
        json_write_kv_str(w, "key", key);
        json_write_kv_f64(w, "value", value);
        json_write_end(w);
}

static void put_metrics(struct json_write *w, const struct tries_sql_untold *row) {
        bool lasted = row->started_at != USEC_INFINITY && row->ended_at >= row->started_at &&
                      row->ended_at != USEC_INFINITY;

        json_write_kv_array(w, "metrics");
        put_metric(w, "duration_seconds",
                   lasted ? (double) (row->ended_at - row->started_at) / USEC_PER_SEC : -1);
        put_metric(w, "system/cpu_time_seconds", row->cpu_s);
        put_metric(w, "system/memory_peak_bytes", (double) row->peak_memory_bytes);
        put_metric(w, "system/disk_read_bytes", (double) row->read_bytes);
        put_metric(w, "system/disk_written_bytes", (double) row->written_bytes);
        json_write_end(w);
}

void notices_body_write(struct json_write *w, const struct tries_sql_untold *row) {
        enum world_result result = WORLD_RESULT_FAILED;

        (void) world_apply_result_parse(row->result, &result);
        json_write_object(w);
        json_write_kv_str(w, "try_id", row->try_id);
        json_write_kv_str(w, "status", run_status(result));
        json_write_kv_str(w, "state", row->result);
        json_write_kv_str(w, "dag_id", row->dag_id);
        json_write_kv_str(w, "run_id", row->run_id);
        json_write_kv_str(w, "task_id", row->task_id);
        json_write_kv_i64(w, "try_number", row->try_number);
        if (row->started_at != USEC_INFINITY)
                json_write_kv_u64(w, "start_time", row->started_at / USEC_PER_MSEC);
        if (row->ended_at != USEC_INFINITY)
                json_write_kv_u64(w, "end_time", row->ended_at / USEC_PER_MSEC);
        put_metrics(w, row);
        json_write_kv_array(w, "params");
        json_write_object(w);
        json_write_kv_str(w, "key", "task_status");
        json_write_kv_str(w, "value", row->result);
        json_write_end(w);
        json_write_end(w);
        json_write_end(w);
}

int notices_body_print(const struct tries_sql_untold *row, struct buf *out) {
        struct json_write w;

        json_write_init(&w, out, 0);
        notices_body_write(&w, row);
        return json_write_finish(&w);
}
