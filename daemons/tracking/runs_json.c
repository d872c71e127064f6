#include "daemons/tracking/runs_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemons/tracking/inputs_sql.h"
#include "daemons/tracking/metrics_sql.h"
#include "daemons/tracking/params_sql.h"
#include "daemons/tracking/tags_sql.h"

void runs_json_write_info(struct json_write *w, const struct run *run) {

        json_write_kv_str(w, "run_uuid", run->id);
        json_write_kv_i64_text(w, "experiment_id", run->experiment_id);
        json_write_kv_str(w, "run_name", run->name);
        json_write_kv_str(w, "user_id", run->user_id);
        json_write_kv_str(w, "status", run->status);
        json_write_kv_i64(w, "start_time", run->start_at_ms);
        if (run->end_at_ms)
                json_write_kv_i64(w, "end_time", run->end_at_ms);
        if (*run->artifact_uri)
                json_write_kv_str(w, "artifact_uri", run->artifact_uri);
        json_write_kv_str(w, "lifecycle_stage", run->is_active ? "active" : "deleted");
        json_write_kv_str(w, "run_id", run->id);
}

void runs_json_write_metric(struct json_write *w, const char *key, double value, int64_t at_ms,
                            int64_t step) {
        json_write_kv_str(w, "key", key);
        json_write_kv_f64(w, "value", value);
        json_write_kv_i64(w, "timestamp", at_ms);
        json_write_kv_i64(w, "step", step);
}

static int write_metrics(struct json_write *w, struct db *db, const char *run_id) {
        DB_USE struct db_stmt *s = metrics_sql_latest(db, run_id);
        int r;

        json_write_kv_items(w, "metrics");
        while ((r = db_step(s)) == DB_ROW) {
                struct metric m = metrics_sql_read(s);

                json_write_object(w);
                runs_json_write_metric(w, m.key, m.value, m.at_ms, m.step);
                json_write_end(w);
        }
        json_write_end(w);
        return r;
}

int runs_json_write_pairs(struct json_write *w, const char *name, struct db_stmt *stmt) {
        DB_USE struct db_stmt *s = stmt;
        int r;

        json_write_kv_items(w, name);
        while ((r = db_step(s)) == DB_ROW) {
                const char *value = db_col_text(s, 1);

                json_write_object(w);
                json_write_kv_str(w, "key", db_col_text(s, 0));
                json_write_kv_str(w, "value", value ? value : "");
                json_write_end(w);
        }
        json_write_end(w);
        return r;
}

static int write_data(struct json_write *w, struct db *db, const char *run_id, bool is_new) {
        int r;

        json_write_kv_object(w, "data");
        r = is_new ? 0 : write_metrics(w, db, run_id);
        if (r == 0 && !is_new)
                r = runs_json_write_pairs(w, "params", params_sql_list(db, run_id));
        if (r == 0)
                r = runs_json_write_pairs(w, "tags", tags_sql_list(db, run_id));
        json_write_end(w);
        return r;
}

static void write_text(struct json_write *w, const char *key, const char *text, bool always) {
        if (always || (text && *text))
                json_write_kv_str(w, key, text ? text : "");
}

static int write_datasets(struct json_write *w, struct db *db, const char *run_id) {
        DB_USE struct db_stmt *s = inputs_sql_datasets(db, run_id);
        int r;

        json_write_kv_items(w, "dataset_inputs");
        while ((r = db_step(s)) == DB_ROW) {
                json_write_object(w);
                r = runs_json_write_pairs(w, "tags", inputs_sql_tags(db, db_col_text(s, 0)));
                if (r < 0)
                        return r;
                json_write_kv_object(w, "dataset");
                write_text(w, "name", db_col_text(s, 1), true);
                write_text(w, "digest", db_col_text(s, 2), true);
                write_text(w, "source_type", db_col_text(s, 3), true);
                write_text(w, "source", db_col_text(s, 4), true);
                write_text(w, "schema", db_col_text(s, 5), false);
                write_text(w, "profile", db_col_text(s, 6), false);
                json_write_end(w);
                json_write_end(w);
        }
        json_write_end(w);
        return r;
}

static int write_models(struct json_write *w, struct db_stmt *stmt, const char *name, bool steps) {
        DB_USE struct db_stmt *s = stmt;
        int r;

        json_write_kv_items(w, name);
        while ((r = db_step(s)) == DB_ROW) {
                json_write_object(w);
                json_write_kv_str(w, "model_id", db_col_text(s, 0));
                if (steps)
                        json_write_kv_i64(w, "step", db_col_i64(s, 1));
                json_write_end(w);
        }
        json_write_end(w);
        return r;
}

int runs_json_write(struct json_write *w, struct db *db, const struct run *run, unsigned parts) {
        bool is_new = parts & RUNS_JSON_NEW;
        int r;

        json_write_kv_object(w, "info");
        runs_json_write_info(w, run);
        json_write_end(w);
        r = write_data(w, db, run->id, is_new);
        if (r < 0)
                return r;
        json_write_kv_object(w, "inputs");
        r = is_new ? 0 : write_datasets(w, db, run->id);
        if (r == 0 && parts & RUNS_JSON_MODEL_INPUTS)
                r = write_models(w, inputs_sql_model_inputs(db, run->id), "model_inputs", false);
        json_write_end(w);
        if (r < 0 || !(parts & RUNS_JSON_OUTPUTS))
                return r;
        json_write_kv_object(w, "outputs");
        r = write_models(w, inputs_sql_model_outputs(db, run->id), "model_outputs", true);
        json_write_end(w);
        return r;
}

int runs_json_write_run(struct json_write *w, struct db *db, const struct run *run,
                        unsigned parts) {
        int r;

        json_write_kv_object(w, "run");
        r = runs_json_write(w, db, run, parts);
        json_write_end(w);
        return r;
}
