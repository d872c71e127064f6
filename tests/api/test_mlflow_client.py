"""The unmodified mlflow client against onebox-tracking: what people's programs do all day."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tracking_test import Tracking

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
mlflow = pytest.importorskip("mlflow", reason="the mlflow client is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")

import matplotlib  # noqa: E402
import numpy  # noqa: E402
import pandas  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.linear_model import ElasticNet, LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, train_test_split  # noqa: E402

matplotlib.use("Agg")
N_FILES = 1000


@pytest.fixture(scope="module")
def tracking(own_environment):
    with Tracking() as t:
        mlflow.set_tracking_uri(t.url)
        mlflow.set_registry_uri(t.url)
        yield t
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)


@pytest.fixture
def client(tracking):
    return MlflowClient(tracking.url)


@pytest.fixture(autouse=True)
def no_run_left():
    yield
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.sklearn.autolog(disable=True)


def test_experiment(tracking, client):
    made = mlflow.set_experiment("iris")
    assert mlflow.set_experiment("iris").experiment_id == made.experiment_id
    client.set_experiment_tag(made.experiment_id, "team", "flowers")
    got = client.get_experiment_by_name("iris")
    assert got.tags == {"team": "flowers"} and got.artifact_location == f"mlflow-artifacts:/{got.experiment_id}"
    client.rename_experiment(got.experiment_id, "irises")
    assert [e.name for e in client.search_experiments(filter_string="name LIKE 'iris%'")] == ["irises"]
    client.delete_experiment(got.experiment_id)
    assert client.get_experiment(got.experiment_id).lifecycle_stage == "deleted"
    client.restore_experiment(got.experiment_id)
    assert client.get_experiment(got.experiment_id).lifecycle_stage == "active"


def test_run_with_everything(tracking, client):
    mlflow.set_experiment("everything")
    with mlflow.start_run(run_name="one", tags={"a": "b"}, description="note") as run:
        mlflow.log_params({"lr": 0.1, "kind": "x"})
        for step in range(50):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"acc": 0.5, "nan": float("nan"), "inf": float("inf")}, step=3)
        mlflow.set_tags({"c": "d", "mlflow.source.name": "me.py"})
        with mlflow.start_run(nested=True, run_name="child"):
            mlflow.log_param("p", 1)
    got = client.get_run(run.info.run_id)
    assert got.info.status == "FINISHED" and got.info.run_name == "one" and got.info.end_time >= got.info.start_time
    assert got.data.params == {"lr": "0.1", "kind": "x"}
    assert got.data.metrics["loss"] == 1 / 50 and numpy.isnan(got.data.metrics["nan"])
    assert got.data.metrics["inf"] == sys.float_info.max
    assert got.data.tags["mlflow.note.content"] == "note" and got.data.tags["mlflow.user"]
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(s, 1 / (s + 1)) for s in range(50)]
    children = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'",
                                  experiment_names=["everything"])
    assert list(children["tags.mlflow.runName"]) == ["child"]
    with pytest.raises(MlflowException, match="Changing param values is not allowed"):
        client.log_param(run.info.run_id, "lr", "0.2")


def test_run_that_fails(tracking, client):
    with pytest.raises(ZeroDivisionError), mlflow.start_run() as run:
        1 / 0  # noqa: B018
    assert client.get_run(run.info.run_id).info.status == "FAILED"


def test_autolog_and_registry(tracking, client):
    x, y = load_iris(return_X_y=True, as_frame=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
    mlflow.set_experiment("autolog")
    mlflow.sklearn.autolog(log_models=True)
    model = ElasticNet(alpha=0.1).fit(x_train, y_train)  # a run of its own
    with mlflow.start_run() as run:
        search = GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0]}, cv=2).fit(x_train, y_train)
        mlflow.log_metric("test_score", search.score(x_test, y_test))
    mlflow.sklearn.autolog(disable=True)

    runs = mlflow.search_runs(experiment_names=["autolog"], filter_string="params.alpha = '0.1'")
    assert len(runs) == 1 and runs.iloc[0]["metrics.training_r2_score"] == pytest.approx(model.score(x_train, y_train))
    children = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    assert {c.data.params["C"] for c in children} == {"0.1", "1.0"}
    got = client.get_run(run.info.run_id)
    assert got.data.metrics["test_score"] > 0.8
    assert got.inputs.dataset_inputs[0].dataset.name == "dataset"
    best = mlflow.search_runs(experiment_names=["autolog"], filter_string="metrics.test_score > 0",
                              order_by=["metrics.test_score DESC"])
    assert list(best.run_id) == [run.info.run_id]

    outputs = got.outputs.model_outputs
    assert outputs
    version = mlflow.register_model(f"models:/{outputs[0].model_id}", "iris-model", tags={"t": "1"})
    client.set_registered_model_alias("iris-model", "champion", version.version)
    assert client.get_model_version_by_alias("iris-model", "champion").version == version.version
    loaded = mlflow.pyfunc.load_model("models:/iris-model@champion")
    predicted = loaded.predict(x_test)
    assert len(predicted) == len(x_test)
    again = mlflow.sklearn.load_model(f"models:/iris-model/{version.version}")
    assert (again.predict(x_test) == predicted).all()
    client.transition_model_version_stage("iris-model", version.version, "Production")
    assert [v.version for v in client.get_latest_versions("iris-model", ["Production"])] == [version.version]
    client.set_model_version_tag("iris-model", version.version, "checked", "yes")
    client.update_model_version("iris-model", version.version, "described")
    found = client.search_model_versions("name = 'iris-model' AND tags.checked = 'yes'")
    assert [(v.version, v.description) for v in found] == [(version.version, "described")]
    assert [m.name for m in client.search_registered_models("name ILIKE 'IRIS%'")] == ["iris-model"]
    assert client.get_registered_model("iris-model").aliases == {"champion": version.version}
    logged = mlflow.search_logged_models([run.info.experiment_id], output_format="list")
    assert outputs[0].model_id in [m.model_id for m in logged]
    client.delete_registered_model_alias("iris-model", "champion")
    client.delete_model_version("iris-model", version.version)
    client.delete_registered_model("iris-model")
    assert client.search_registered_models() == []


def test_log_model_by_hand(tracking, client):
    x, y = load_iris(return_X_y=True)
    mlflow.set_experiment("by hand")
    model = LogisticRegression(max_iter=300).fit(x, y)
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="clf", input_example=x[:2], registered_model_name="hand")
        mlflow.log_metric("f1", 0.9, model_id=info.model_id)
    assert (mlflow.sklearn.load_model(info.model_uri).predict(x) == model.predict(x)).all()
    assert (mlflow.pyfunc.load_model("models:/hand/1").predict(x) == model.predict(x)).all()
    logged = client.get_logged_model(info.model_id)
    assert logged.status.value == "READY" and logged.source_run_id == run.info.run_id
    assert [(m.key, m.value) for m in logged.metrics] == [("f1", 0.9)]
    best = mlflow.search_logged_models([run.info.experiment_id], filter_string="metrics.f1 > 0.5",
                                       order_by=[{"field_name": "metrics.f1", "ascending": False}], output_format="list")
    assert [m.model_id for m in best] == [info.model_id]


def test_artifact_tree(tracking, client, tmp_path):
    tree = tmp_path / "tree"
    for n in range(N_FILES):
        file = tree / f"d{n % 10}" / f"é {n}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content {n}\n" * (n % 7))
    (tree / "big.bin").write_bytes(os.urandom(5 << 20))
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(tree), "top")
    assert sorted(a.path for a in client.list_artifacts(run.info.run_id, "top")) == \
        ["top/big.bin", *(f"top/d{n}" for n in range(10))]
    assert len(client.list_artifacts(run.info.run_id, "top/d3")) == N_FILES // 10
    got = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="top", dst_path=str(tmp_path / "got")))
    ours = {p.relative_to(tree): p.read_bytes() for p in tree.rglob("*") if p.is_file()}
    assert {p.relative_to(got): p.read_bytes() for p in got.rglob("*") if p.is_file()} == ours
    stored = tracking.artifacts / run.info.experiment_id / run.info.run_id / "artifacts/top"
    assert {p.relative_to(stored): p.read_bytes() for p in stored.rglob("*") if p.is_file()} == ours


def test_pictures_tables_and_data(tracking, client):
    import matplotlib.pyplot as plt

    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    with mlflow.start_run() as run:
        mlflow.log_text("text é", "notes/a.txt")
        mlflow.log_dict({"k": [1, 2]}, "d.json")
        mlflow.log_image(numpy.zeros((4, 4, 3), dtype=numpy.uint8), "image.png")
        mlflow.log_image(numpy.zeros((4, 4, 3), dtype=numpy.uint8), key="steps", step=1)
        figure, axes = plt.subplots()
        axes.plot([1, 2])
        mlflow.log_figure(figure, "figure.png")
        plt.close(figure)
        mlflow.log_table(frame, "table.json")
        mlflow.log_input(mlflow.data.from_pandas(frame, name="frame", targets="a"), context="training", tags={"k": "v"})
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/a.txt") == "text é"
    assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/d.json") == {"k": [1, 2]}
    assert mlflow.artifacts.load_image(f"runs:/{run.info.run_id}/image.png").size == (4, 4)
    table = mlflow.load_table("table.json", run_ids=[run.info.run_id])
    assert table.to_dict("list") == frame.to_dict("list")
    data = client.get_run(run.info.run_id).inputs.dataset_inputs[0]
    assert data.dataset.name == "frame" and {t.key: t.value for t in data.tags} == {"mlflow.data.context": "training", "k": "v"}
    found = client.search_runs([run.info.experiment_id], "dataset.name = 'frame' AND dataset.context = 'training'")
    assert [r.info.run_id for r in found] == [run.info.run_id]


def test_delete_and_restore(tracking, client):
    with mlflow.start_run() as run:
        mlflow.set_tag("t", "x")
        client.delete_tag(run.info.run_id, "t")
    client.delete_run(run.info.run_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.log_metric(run.info.run_id, "x", 1)
    client.restore_run(run.info.run_id)
    client.log_metric(run.info.run_id, "x", 1)
    client.update_run(run.info.run_id, status="KILLED", name="renamed")
    assert client.get_run(run.info.run_id).info.status == "KILLED"


def test_pages_of_runs(tracking, client):
    experiment = client.create_experiment("pages")
    for n in range(25):
        client.log_batch(client.create_run(experiment, start_time=n).info.run_id,
                         metrics=[mlflow.entities.Metric("m", n % 5, 0, 0)] if n % 4 else [])
    seen, token = [], None
    while True:
        page = client.search_runs([experiment], order_by=["metrics.m DESC"], max_results=4, page_token=token)
        seen += [(r.data.metrics.get("m", -1), r.info.start_time) for r in page]
        token = page.token
        if not token:
            break
    assert seen == sorted(seen, key=lambda mt: (-mt[0], -mt[1])) and len(seen) == 25


def test_many_processes(tracking, client):
    """Programs that log at once into one run: nothing is lost, the latest value is the latest."""
    run = client.create_run("0").info.run_id
    program = ("import sys; from mlflow import MlflowClient\n"
               "c = MlflowClient(sys.argv[1])\n"
               "for i in range(40): c.log_metric(sys.argv[2], 'm', int(sys.argv[3]) * 100 + i, timestamp=i, step=int(sys.argv[3]))")
    jobs = [subprocess.Popen([sys.executable, "-c", program, tracking.url, run, str(n)]) for n in range(4)]
    assert [j.wait(120) for j in jobs] == [0] * 4
    history = client.get_metric_history(run, "m")
    assert sorted(m.value for m in history) == sorted(n * 100 + i for n in range(4) for i in range(40))
    assert client.get_run(run).data.metrics["m"] == 339
