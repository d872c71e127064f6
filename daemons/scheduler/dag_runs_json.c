#include "daemons/scheduler/dag_runs_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemons/scheduler/rest.h"
#include "lib/base/fnv.h"
#include "lib/base/str.h"

/* Airflow's words for who made a run. */
static const char *triggered_by(const struct dag_runs_sql_row *row) {
        return row->type == RUN_TYPE_SCHEDULED  ? "timetable"
               : row->type == RUN_TYPE_BACKFILL ? "backfill"
                                                : "rest_api";
}

void dag_runs_json_version(struct json_write *w, const char *dag_id, int64_t version,
                           usec_t created_at) {
        uint64_t a = fnv_add_text(FNV_EMPTY, dag_id), b = fnv_add_text(a, "version");
        char id[40];

        a = (a ^ (uint64_t) version) * FNV_PRIME;
        (void) snprintf(id, sizeof(id), "%08x-%04x-8%03x-8%03x-%012" PRIx64, (unsigned) (a >> 32),
                        (unsigned) (a >> 16 & 0xFFFF), (unsigned) (a & 0xFFF),
                        (unsigned) (b >> 48 & 0xFFF), b & UINT64_C(0xFFFFFFFFFFFF));
        json_write_object(w);
        json_write_kv_str(w, "id", id);
        json_write_kv_i64(w, "version_number", version);
        json_write_kv_str(w, "dag_id", dag_id);
        json_write_kv_str(w, "dag_display_name", dag_id);
        json_write_kv_str(w, "bundle_name", "pipelines");
        json_write_kv_null(w, "bundle_version");
        json_write_kv_null(w, "bundle_url");
        rest_kv_at(w, "created_at", created_at);
        json_write_end(w);
}

void dag_runs_json_write(struct json_write *w, const struct dag_runs_sql_row *row) {
        json_write_object(w);
        json_write_kv_str(w, "dag_run_id", row->run_id);
        json_write_kv_str(w, "dag_id", row->dag_id);
        json_write_kv_str(w, "dag_display_name", row->dag_id);
        rest_kv_at(w, "logical_date", row->when.logical_at);
        rest_kv_at(w, "queued_at", row->queued_at);
        rest_kv_at(w, "start_date", row->started_at);
        rest_kv_at(w, "end_date", row->ended_at);
        rest_kv_duration(w, "duration", row->started_at, row->ended_at);
        rest_kv_at(w, "data_interval_start", row->when.interval_start_at);
        rest_kv_at(w, "data_interval_end", row->when.interval_end_at);
        rest_kv_at(w, "run_after",
                   row->when.run_after_at != USEC_INFINITY ? row->when.run_after_at
                                                           : row->queued_at);
        json_write_kv_null(w, "last_scheduling_decision");
        json_write_kv_str(w, "run_type", run_state_type_name(row->type));
        json_write_kv_str(w, "state", run_state_name(row->state));
        json_write_kv_str(w, "triggered_by", triggered_by(row));
        json_write_kv_str(w, "triggering_user_name", row->triggered_by);
        rest_kv_raw(w, "conf", row->conf ? row->conf : "{}");
        json_write_kv_str(w, "note", row->note);
        json_write_kv_array(w, "dag_versions");
        dag_runs_json_version(w, row->dag_id, row->version, row->version_at);
        json_write_end(w);
        json_write_kv_null(w, "bundle_version");
        json_write_kv_null(w, "partition_key");
        json_write_end(w);
}
