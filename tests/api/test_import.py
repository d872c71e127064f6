"""onebox import: an mlruns directory that MLflow itself wrote; what MLflow shows of it we show."""

import json
import os
import shutil

import pytest

mlflow = pytest.importorskip("mlflow")

from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag  # noqa: E402
from test_migrate import onebox  # noqa: E402
from tracking_test import Tracking  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def client_of_files(own_environment):
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # of MLflow's newer versions
    mlflow.set_tracking_uri("http://127.0.0.1:1")  # or its client makes a database where it stands
    yield
    mlflow.set_tracking_uri(None)


def fill(c, root):
    """One of everything that a file store keeps."""
    for i in range(3):
        e = c.create_experiment(f"exp {i}", tags={"team": f"t{i}", "a/b": "nested"})
        for k in range(4):
            r = c.create_run(e, run_name=f"r{k}", tags={"ü": "é\nzwei"}).info.run_id
            c.log_batch(r, [Metric("m/loss", v, 1000 + s, s) for s, v in enumerate((1.5, float("nan"), float("inf"), -1e-300))],
                        [Param("lr", str(k / 3)), Param("deep/er", "x")], [RunTag("t", "1")])
            c.log_metric(r, "acc", k / 7, timestamp=5, step=2)
            (root / "file.txt").write_text(f"{e} {r}")
            c.log_artifact(r, str(root / "file.txt"), "sub dir")
            c.log_inputs(r, [DatasetInput(Dataset("d", f"{k}", "local", "s"), [InputTag("mlflow.data.context", "train")])])
            if k:
                c.set_terminated(r, "FINISHED" if k == 1 else "FAILED", end_time=2000)
        c.delete_run(r)
    c.delete_experiment(e)
    r = c.create_run("0").info.run_id
    c.log_param(r, "default", "1")
    c.create_registered_model("R", tags={"k": "v"}, description="d")
    for _ in range(2):
        c.create_model_version("R", f"{root}/somewhere", r, tags={"t": "u"}, description="x")
    c.set_registered_model_alias("R", "best", "2")
    return e


def shown(c, with_uris):
    """All of it, as the client tells it."""
    told = {}
    for e in c.search_experiments(view_type=3):
        told["experiment", e.name] = (e.experiment_id, e.lifecycle_stage, e.creation_time, e.last_update_time, e.tags,
                                      e.artifact_location if with_uris else None)
        for r in c.search_runs([e.experiment_id], run_view_type=3):
            info = {k: v for k, v in dict(r.info).items() if k != "artifact_uri"}
            told["run", r.info.run_id] = (info, r.data.params, r.data.tags, {k: repr(v) for k, v in r.data.metrics.items()},
                                          sorted(str(i.to_dictionary()) for i in r.inputs.dataset_inputs))
            for key in r.data.metrics:
                told["history", r.info.run_id, key] = sorted((m.timestamp, m.step, repr(m.value)) for m in c.get_metric_history(r.info.run_id, key))
            told["files", r.info.run_id] = [f.path for f in c.list_artifacts(r.info.run_id, "sub dir")]
    for m in c.search_registered_models():
        told["model", m.name] = (m.description, m.tags, m.aliases, m.creation_timestamp)
        told["versions", m.name] = [(str(v.version), v.description, v.tags, v.run_id, v.current_stage, v.status, v.creation_timestamp)
                                    for v in sorted(c.search_model_versions(f"name = '{m.name}'"), key=lambda v: int(v.version))]
    return told


def infinite(told):
    """A database keeps infinity as the greatest double."""
    return {k: eval(str(v).replace("inf'", "1.7976931348623157e+308'")) for k, v in told.items()}  # noqa: S307


def test_import(tmp_path):
    old = tmp_path / "mlruns"
    files = MlflowClient(f"file://{old}", f"file://{old}")
    fill(files, tmp_path)
    wanted = shown(files, False)
    assert len([k for k in wanted if k[0] == "run"]) == 13
    before = {p: p.stat().st_mtime_ns for p in old.rglob("*")}
    database, store = f"sqlite:///{tmp_path}/new.db", tmp_path / "artifacts"
    store.mkdir()
    for _ in range(2):  # a second time finds all of it done
        said = onebox("import", old, "--database", database, "--artifacts", store)
        assert "were found again value by value, 12 artifacts" in said, said
    assert {p: p.stat().st_mtime_ns for p in old.rglob("*")} == before  # it was only read
    moved = tmp_path / "elsewhere"
    shutil.move(old, moved)
    with Tracking("--backend-store-uri", database, "--artifacts-destination", str(store)) as t:
        ours = MlflowClient(t.url, t.url)
        got = infinite(shown(ours, False))
        wanted = infinite(wanted)
        assert set(got) == set(wanted)
        for key, value in wanted.items():
            # MLflow's own does not find the files of what it has put into its trash
            assert got[key] == value or (key[0] == "files" and value == []), key
        run = next(k[1] for k, v in wanted.items() if k[0] == "files" and v)
        assert ours.get_run(run).info.artifact_uri.startswith("mlflow-artifacts:/")
        got = ours.download_artifacts(run, "sub dir/file.txt", str(tmp_path))
        assert run in open(got).read()
    # a value that changed behind our back is found
    text = next(moved.glob("*/*/params/lr"))
    text.write_text("changed")
    assert "params is not in the database as it is here" in onebox("import", moved, "--database", database, "--artifacts", store, status=1)


def test_refused(tmp_path):
    (tmp_path / "mlruns/1/r/metrics").mkdir(parents=True)
    (tmp_path / "mlruns/1/meta.yaml").write_text("name: x\nexperiment_id: '1'\nlifecycle_stage: active\nartifact_location: /x\n")
    (tmp_path / "mlruns/1/r/meta.yaml").write_text("run_uuid: r\nstatus: 3\nlifecycle_stage: active\n")
    (tmp_path / "mlruns/1/r/metrics/m").write_text("12 nonsense\n")
    words = ("import", tmp_path / "mlruns", "--database", f"sqlite:///{tmp_path}/new.db", "--keep")
    assert "metrics/m: \"12 nonsense\" is no point of a metric" in onebox(*words, status=1)
    (tmp_path / "mlruns/1/r/metrics/m").write_text("12 0.5 3\n")
    assert "verified" in onebox(*words)


def traces_of(url):
    """Traces with their spans and assessments, and logged models, as the client tells them."""
    mlflow.set_tracking_uri(url)
    client, told = MlflowClient(url, url), {}
    for e in client.search_experiments():
        for t in client.search_traces([e.experiment_id]):
            info = t.info.to_dict()
            info["tags"].pop("mlflow.artifactLocation", None)
            info["assessments"].sort(key=lambda x: x["assessment_id"])
            told[t.info.trace_id] = info, [s.to_dict() for s in t.data.spans]
        for m in client.search_logged_models([e.experiment_id]):
            told[m.model_id] = m.name, m.params, m.tags, m.status, m.source_run_id, [(x.key, x.value, x.step, x.timestamp) for x in m.metrics]
    return told


def test_traces_of_the_client(tmp_path):
    old, database, store = f"file://{tmp_path}/mlruns", f"sqlite:///{tmp_path}/new.db", tmp_path / "artifacts"
    store.mkdir()
    mlflow.set_tracking_uri(old)
    client = MlflowClient(old, old)
    for word in ("a: ü #x", "multi\nline\n", "'q'", "1e5", "~"):
        r = client.create_run("0").info.run_id
        m = client.create_logged_model("0", name="lm", source_run_id=r, tags={"t": word}, params={"p": word})
        client.log_metric(r, "acc", 0.5, step=1, model_id=m.model_id)
        client.finalize_logged_model(m.model_id, "READY")
        root = client.start_trace("root", inputs={"q": word}, tags={"t": word}, experiment_id="0")
        child = client.start_span("child", root.trace_id, root.span_id, inputs=[1, None, word])
        client.end_span(child.trace_id, child.span_id, outputs={"x": word})
        client.end_trace(root.trace_id, outputs=word)
        mlflow.flush_trace_async_logging()
        mlflow.log_feedback(trace_id=root.trace_id, name="good", value={"v": word}, rationale=word, metadata={"k": word})
        mlflow.log_feedback(trace_id=root.trace_id, name="bad", error=ValueError(word))
        mlflow.log_expectation(trace_id=root.trace_id, name="wanted", value=[word, {"n": 1.5}])
    wanted = traces_of(old)
    assert len(wanted) == 10 and all(len(w[0]["assessments"]) == 3 for k, w in wanted.items() if k.startswith("tr-"))
    assert "verified" in onebox("import", tmp_path / "mlruns", "--database", database, "--artifacts", store)
    with Tracking("--backend-store-uri", database, "--artifacts-destination", str(store)) as t:
        assert traces_of(t.url) == wanted


def test_models_and_traces(tmp_path):
    """Written by hand as MLflow's file store writes them."""
    def put(path, text):
        (tmp_path / "mlruns" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mlruns" / path).write_text(text)

    put("7/meta.yaml", "name: seven\nexperiment_id: '7'\nlifecycle_stage: active\nartifact_location: /gone/mlruns/7\n")
    put("7/r/meta.yaml", "run_uuid: r\nstatus: 3\nlifecycle_stage: active\nartifact_uri: s3://bucket/x\n")
    put("7/models/m-1/meta.yaml", "model_id: m-1\nname: lm\nstatus: 2\nartifact_location: /gone/mlruns/7/models/m-1/artifacts\n"
        "creation_timestamp: 5\nlast_updated_timestamp: 6\nsource_run_id: r\n")
    put("7/models/m-1/params/p", "1")
    put("7/models/m-1/tags/t", "x")
    put("7/models/m-1/metrics/acc", "10 0.5 1 r\n11 0.75 2 r d 9\n")
    put("7/models/m-1/artifacts/MLmodel", "model")
    put("7/traces/tr-1/trace_info.yaml", "trace_id: tr-1\nstate: OK\nrequest_time: '2025-11-24T16:00:00.250Z'\nexecution_duration_ms: 30\n"
        "request_preview: hello\n")
    put("7/traces/tr-1/tags/mlflow.traceName", "name of it")
    put("7/traces/tr-1/tags/k", "v")
    put("7/traces/tr-1/request_metadata/mlflow.trace.session", "s1")
    put("7/traces/tr-1/request_metadata/mlflow.trace.tokenUsage", '{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}')
    put("7/traces/tr-1/request_metadata/m", "n")
    put("7/traces/tr-1/assessments/a-1.yaml", "assessment_id: a-1\nassessment_name: good\nfeedback:\n  value: 0.5\nsource:\n  source_type: HUMAN\n"
        "  source_id: me\ncreate_time_ms: 1\nlast_update_time_ms: 2\nmetadata:\n  why: because\nvalid: true\n")
    put("7/traces/tr-1/assessments/a-2.yaml", "assessment_id: a-2\nassessment_name: wanted\nexpectation:\n  serialized_value:\n"
        "    serialization_format: JSON_FORMAT\n    value: '[\"a\", {\"b\": 1.5}]'\nsource:\n  source_type: HUMAN\n  source_id: me\n"
        "create_time: '2025-11-24T16:00:01.125Z'\nlast_update_time: '2025-11-24T16:00:02.5Z'\nvalid: true\n")
    database, store = f"sqlite:///{tmp_path}/new.db", tmp_path / "artifacts"
    store.mkdir()
    for _ in range(2):
        said = onebox("import", tmp_path / "mlruns", "--database", database, "--artifacts", store)
        assert "trace_info: 1 rows" in said and "1 artifacts of 5 bytes" in said, said
    with Tracking("--backend-store-uri", database, "--artifacts-destination", str(store)) as t:
        model = t.get("logged-models/m-1")["model"]
        assert model["info"]["artifact_uri"] == "mlflow-artifacts:/7/models/m-1/artifacts"
        assert model["info"]["status"] == "LOGGED_MODEL_READY"
        assert [m["value"] for m in model["data"]["metrics"]] == [0.5, 0.75]
        assert t.ask("GET", "/api/2.0/mlflow-artifacts/artifacts/7/models/m-1/artifacts/MLmodel").text == "model"
        told = json.loads(t.ask("GET", "/api/3.0/mlflow/traces/tr-1").text)["trace"]["trace_info"]
        assert told["request_time"] == "2025-11-24T16:00:00.250Z" and told["state"] == "OK" and told["request_preview"] == "hello"
        assert told["tags"]["mlflow.traceName"] == "name of it" and told["tags"]["k"] == "v"
        assert told["trace_metadata"]["mlflow.trace.session"] == "s1" and told["trace_metadata"]["m"] == "n"
        assert json.loads(told["trace_metadata"]["mlflow.trace.tokenUsage"])["total_tokens"] == 7
        a, wanted = sorted(told["assessments"], key=lambda x: x["assessment_id"])
        assert (wanted["create_time"], wanted["last_update_time"]) == ("2025-11-24T16:00:01.125Z", "2025-11-24T16:00:02.500Z")
        assert json.loads(wanted["expectation"]["serialized_value"]["value"]) == ["a", {"b": 1.5}]
        assert a["assessment_name"] == "good" and a["feedback"]["value"] == 0.5 and a["metadata"] == {"why": "because"}
