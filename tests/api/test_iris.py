"""examples/iris as it is shipped: its scripts by hand against onebox-tracking, then its service."""

import json
import os
import subprocess
import sys

import pytest
from daemon_test import TOP, Daemon, ask, until
from tracking_test import Tracking

pytest.importorskip("mlflow", reason="the mlflow client is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")

IRIS = TOP / "examples/iris"
GRID = [("0.01", "1"), ("1", "0"), ("10", "1")]  # the first one is far too weak


@pytest.fixture(scope="module")
def tracking():
    with Tracking() as t:
        yield t


def script(tracking, name, run_id="first", task_id="by-hand", ok=True, **env):
    done = subprocess.run(
        [sys.executable, name], cwd=IRIS, capture_output=True, text=True, timeout=300,
        env={**os.environ, "MLFLOW_TRACKING_URI": tracking.url, "PYTHONDONTWRITEBYTECODE": "1",
             "ONEBOX_DAG_ID": "iris", "ONEBOX_RUN_ID": run_id, "ONEBOX_TASK_ID": task_id, **env})
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def trained(tracking):
    assert "150 rows" in script(tracking, "fetch.py", task_id="fetch")
    for i, (c, l1_ratio) in enumerate(GRID):
        script(tracking, "train.py", task_id=f"train__{i}", C=c, L1_RATIO=l1_ratio)
    return tracking


def search(tracking, filter_string):
    experiment = tracking.get("experiments/get-by-name", experiment_name="iris")["experiment"]
    return tracking.post("runs/search", experiment_ids=[experiment["experiment_id"]],
                         filter=filter_string).get("runs", [])


def test_every_training_is_a_run_that_knows_its_task(trained):
    runs = search(trained, "tags.step = 'train'")
    assert len(runs) == len(GRID)
    for run in runs:
        tags = {t["key"]: t["value"] for t in run["data"]["tags"]}
        params = {p["key"]: p["value"] for p in run["data"]["params"]}
        metrics = {m["key"] for m in run["data"]["metrics"]}
        number = int(tags["onebox.task_id"].removeprefix("train__"))
        assert (tags["onebox.dag_id"], tags["onebox.run_id"]) == ("iris", "first")
        assert (float(params["C"]), float(params["l1_ratio"])) == tuple(map(float, GRID[number]))
        assert {"accuracy", "log_loss", "training_f1_score"} <= metrics
        assert run["info"]["status"] == "FINISHED" and run["outputs"]["model_outputs"]


def test_a_threshold_that_is_not_reached_stops_the_pipeline(trained):
    said = script(trained, "validate.py", ok=False, MIN_ACCURACY="0.999")
    assert "below the threshold 0.999" in said
    assert not search(trained, "tags.validated = 'yes'")
    assert "has been validated" in script(trained, "promote.py", ok=False)


def test_another_run_of_the_pipeline_sees_nothing_of_this_one(trained):
    assert "belongs to second" in script(trained, "validate.py", run_id="second", ok=False)


def test_the_best_is_promoted_and_served(trained):
    assert "best of 3: C=10 l1_ratio=1" in script(trained, "validate.py")
    assert "iris version 1 is in production" in script(trained, "promote.py")
    model = trained.get("registered-models/get", name="iris")["registered_model"]
    assert model["aliases"] == [{"alias": "production", "version": "1"}]

    endpoints = [{"endpoint": f"/{n}", "module": "serving", "function": n}
                 for n in ("predict", "healthcheck", "version")]
    services = trained.state / "services"
    services.mkdir()
    (services / "iris.json").write_text(json.dumps({
        "name": "iris", "port": 0, "cwd": str(IRIS), "python": sys.executable, "workers": 1,
        "endpoints": endpoints, "env": {"MODEL": "iris", "PYTHONDONTWRITEBYTECODE": "1"}}))
    with Daemon("serving", trained.root, "iris", "--tracking-url", trained.url) as serving:
        port = int(serving.said(r"on 127\.0\.0\.1:(\d+)"))
        assert ask(port, "GET", "/healthcheck").text == "Server is up!"
        got = ask(port, "POST", "/predict", '{"petal_width": "2.1"}')
        assert (got.status, json.loads(got.text)) == (200, {"result": "virginica", "version": "1"})
        got = ask(port, "POST", "/predict", '{"petal_width": 0.2}')
        assert json.loads(got.text)["result"] == "setosa"
        for wrong in ("", "[]", "{}", '{"petal_width": "wide"}', '{"petal_width": null}'):
            got = ask(port, "POST", "/predict", wrong)
            assert got.status == 400 and "petal_width" in json.loads(got.text)["error"]
        # The alias moves: the service follows by itself.
        script(trained, "promote.py")
        until(lambda: ask(port, "GET", "/version").text == "2", "the service to see version 2")
        assert json.loads(ask(port, "POST", "/predict", '{"petal_width": "2.1"}').text) == {
            "result": "virginica", "version": "2"}


def test_the_pipeline_file_compiles():
    """Checked here by its shape; the scheduler's own tests compile it for real."""
    yaml = pytest.importorskip("yaml")
    whole = yaml.safe_load((IRIS / "liminal.yml").read_text())
    train = next(t for t in whole["pipelines"][0]["tasks"] if t["task"] == "train")
    sizes = [len(values) for values in train["matrix"].values()]
    assert sizes[0] * sizes[1] >= 12
    for task in whole["pipelines"][0]["tasks"]:
        assert (IRIS / task["cmd"].split()[-1]).is_file()
