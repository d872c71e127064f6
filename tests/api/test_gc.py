"""onebox gc: what was deleted goes for good, with its artifacts; nothing else does."""

import json
import os
import sqlite3
import subprocess

import pytest
from daemon_test import BUILD
from tracking_test import Tracking

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def server():
    with Tracking() as it:
        yield it


def gc(server, *args):
    out = subprocess.run([BUILD / "cli/onebox", "gc", "--state-dir", server.state, "--runtime-dir", server.runtime, *args],
                         capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "NO_COLOR": "1"})
    return out.returncode, out.stdout + out.stderr


def run_with_files(server, experiment="0"):
    run = server.post("runs/create", experiment_id=experiment)["run"]["info"]
    server.post("runs/log-metric", run_id=run["run_id"], key="m", value=1, timestamp=1)
    server.post("runs/set-tag", run_id=run["run_id"], key="t", value="v")
    server.post("runs/log-parameter", run_id=run["run_id"], key="p", value="v")
    path = run["artifact_uri"].split("mlflow-artifacts:/")[1]
    assert server.ask("PUT", f"{PROXY}/{path}/d/f", b"data").status == 200
    return run["run_id"], server.artifacts / path


def rows(server, table, column, value):
    with sqlite3.connect(server.database) as db:
        return db.execute(f"SELECT COUNT(*) FROM {table} WHERE {column} = ?", (value,)).fetchone()[0]


def test_runs(server):
    (kept, kept_dir), (gone, gone_dir) = run_with_files(server), run_with_files(server)
    server.post("runs/delete", run_id=gone)
    code, text = gc(server, "--dry-run")
    assert code == 0 and f"run {gone} would go" in text and "1 would go" in text and gone_dir.exists()
    code, text = gc(server, "--older-than", "1h")
    assert code == 0 and "0 gone" in text and gone_dir.exists()
    code, text = gc(server)
    assert code == 0 and f"run {gone} is gone" in text, text
    assert kept_dir.exists() and not gone_dir.exists()
    for table in ("runs", "metrics", "latest_metrics", "params", "tags"):
        assert rows(server, table, "run_uuid", gone) == 0 and rows(server, table, "run_uuid", kept) > 0, table
    assert server.ask("GET", "runs/get", {"run_id": gone}).status == 404
    assert gc(server) == (0, "0 gone, 0 stay\n")


def test_named_ones(server):
    first, second = run_with_files(server)[0], run_with_files(server)[0]
    code, text = gc(server, "--run-ids", first)
    assert code == 1 and "not in `deleted` lifecycle stage" in text
    code, text = gc(server, "--run-ids", "nope")
    assert code == 1 and "does not exist" in text
    server.post("runs/delete", run_id=first)
    server.post("runs/delete", run_id=second)
    code, text = gc(server, "--run-ids", first, "--older-than", "1h")
    assert code == 1 and "not older than" in text
    code, text = gc(server, "--older-than", "soon")
    assert code != 0 and "30d" in text
    code, text = gc(server, "--run-ids", first, "--json")
    assert code == 0 and [r["run_id"] for r in json.loads(text)["runs"]] == [first]
    assert rows(server, "runs", "run_uuid", second) == 1


def test_experiments_and_models(server):
    experiment = server.post("experiments/create", name="e", tags=[{"key": "a", "value": "b"}])["experiment_id"]
    run, directory = run_with_files(server, experiment)
    model = server.post("logged-models", experiment_id=experiment, name="m", params=[{"key": "a", "value": "b"}],
                        tags=[{"key": "a", "value": "b"}])["model"]["info"]["model_id"]
    server.post("runs/log-metric", run_id=run, model_id=model, key="m", value=2, timestamp=1)
    assert server.ask("DELETE", f"logged-models/{model}").status == 200
    code, text = gc(server)
    assert code == 0 and f"logged model {model} is gone" in text, text
    for table in ("logged_models", "logged_model_params", "logged_model_tags", "logged_model_metrics"):
        assert rows(server, table, "model_id", model) == 0, table
    server.post("experiments/delete", experiment_id=experiment)
    code, text = gc(server, "--experiment-ids", experiment)
    assert code == 0 and f"experiment {experiment} is gone" in text, text
    assert not directory.exists() and rows(server, "runs", "run_uuid", run) == 0
    for table in ("experiments", "experiment_tags"):
        assert rows(server, table, "experiment_id", experiment) == 0, table
    # The name is free again.
    assert server.ask("POST", "experiments/create", {"name": "e"}).status == 200


def test_an_experiment_whose_scorer_guards_stays(server):
    v3 = "/api/3.0/mlflow/"
    experiment = server.post("experiments/create", name="guards")["experiment_id"]
    scorer = server.post(v3 + "scorers/register", experiment_id=experiment, name="s", serialized_scorer="{}")["scorer_id"]
    guardrail = server.post(v3 + "gateway/guardrails/create", name="g", scorer_id=scorer, scorer_version=1, stage="AFTER", action="VALIDATION")["guardrail"]["guardrail_id"]
    server.post("experiments/delete", experiment_id=experiment)
    code, text = gc(server)
    assert code == 1 and "scorers of guardrails" in text, text
    assert server.ask("DELETE", v3 + "gateway/guardrails/delete", {"guardrail_id": guardrail}).status == 200
    assert gc(server)[0] == 0 and rows(server, "scorers", "scorer_id", scorer) == 0


def test_many_and_what_nobody_can_reach(server):
    with sqlite3.connect(server.database) as db:
        db.executemany("INSERT INTO runs (run_uuid, name, status, lifecycle_stage, deleted_time, artifact_uri, experiment_id) "
                       "VALUES (?, 'x', 'FINISHED', 'deleted', 1, ?, 0)",
                       [(f"run{i:04}", f"mlflow-artifacts:/0/run{i:04}/artifacts") for i in range(250)]
                       + [("zzz", "dbfs:/elsewhere/artifacts")])
    code, text = gc(server)
    assert code == 1 and "250 gone, " in text and "zzz stays: The artifacts at 'dbfs:/elsewhere/artifacts' are not served" in text, text
    assert rows(server, "runs", "experiment_id", 0) == 1
