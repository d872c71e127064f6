-- What onebox adds to MLflow's tables: indexes only, so that MLflow's own server does not notice.
-- Each serves one question that its tables answer by reading everything.

-- the newest runs of an experiment
CREATE INDEX IF NOT EXISTS onebox_runs_newest ON runs (experiment_id, lifecycle_stage, start_time DESC, run_uuid);

-- runs by a metric, in order
CREATE INDEX IF NOT EXISTS onebox_latest_metrics_value ON latest_metrics ("key", is_nan, value, run_uuid);

-- runs by the value of a param or tag
CREATE INDEX IF NOT EXISTS onebox_params_value ON params ("key", value, run_uuid);
CREATE INDEX IF NOT EXISTS onebox_tags_value ON tags ("key", value, run_uuid);

-- what belongs to one experiment, logged model or model version
CREATE INDEX IF NOT EXISTS onebox_experiment_tags ON experiment_tags (experiment_id);
CREATE INDEX IF NOT EXISTS onebox_logged_models ON logged_models (experiment_id, creation_timestamp_ms DESC, model_id);
CREATE INDEX IF NOT EXISTS onebox_model_versions_updated ON model_versions (workspace, last_updated_time DESC);
