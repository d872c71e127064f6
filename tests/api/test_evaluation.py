"""Evaluation datasets, label schemas and review queues: the unmodified client, and who may."""

import hashlib
import json
import os
import sqlite3
from base64 import b64encode

import pytest
from daemon_test import add_user
from tracking_test import Tracking

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
mlflow = pytest.importorskip("mlflow", reason="the mlflow client is not installed")
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.genai import datasets  # noqa: E402


@pytest.fixture(scope="module")
def tracking():
    with Tracking() as t:
        mlflow.set_tracking_uri(t.url)
        yield t


@pytest.fixture(scope="module")
def experiment(tracking):
    return mlflow.set_experiment("evaluation").experiment_id


def test_records_as_python_writes_them(tracking, experiment):
    """NaN, infinite numbers and equal keys pass, as json.loads() and json.dumps() of the peer let them."""
    made = tracking.post("/api/3.0/mlflow/datasets/create", name="odd numbers", experiment_ids=[experiment])["dataset"]["dataset_id"]
    records = f"/api/3.0/mlflow/datasets/{made}/records"
    for text in ('[{"inputs": {"a": NaN}}]', '[{"inputs": {"a": 1, "a": 2}}]', '[{"inputs": {"b": 1e400}, "expectations": {"e": -Infinity}}]'):
        assert tracking.post(records, records=text)["inserted_count"] == 1
    assert tracking.post(records, records='[{"inputs": {"b": Infinity}, "expectations": {"f": NaN}}]')["updated_count"] == 1
    text = tracking.get(records)["records"]
    got = [(r["inputs"], r.get("expectations")) for r in json.loads(text)]
    assert str(sorted(got, key=str)) == str(sorted([({"a": float("nan")}, None), ({"a": 2}, None),
                                                    ({"b": float("inf")}, {"e": float("-inf"), "f": float("nan")})], key=str))
    assert "NaN" in text and "-Infinity" in text
    schema = json.loads(tracking.get(f"/api/3.0/mlflow/datasets/{made}")["dataset"]["schema"])
    assert schema["inputs"] == {"a": "float", "b": "float"}, schema


def test_dataset(tracking, experiment):
    made = datasets.create_dataset(name="questions", experiment_id=experiment, tags={"team": "words"})
    assert made.experiment_ids == [experiment] and made.tags["team"] == "words"
    made.merge_records([{"inputs": {"question": "why?"}, "expectations": {"answer": "so"}, "tags": {"n": "1"}},
                        {"inputs": {"question": "who?"}, "outputs": "me"}])
    made.merge_records([{"inputs": {"question": "why?"}, "expectations": {"length": 2}}])
    got = datasets.get_dataset(dataset_id=made.dataset_id)
    frame = got.to_df()
    assert sorted(frame["inputs"].map(lambda x: x["question"])) == ["who?", "why?"]
    why = frame[frame["inputs"].map(lambda x: x["question"] == "why?")].iloc[0]
    assert why["expectations"] == {"answer": "so", "length": 2} and why["tags"]["n"] == "1"
    assert got.schema and got.profile and got.digest != made.digest
    assert [d.name for d in datasets.search_datasets(experiment_ids=[experiment], filter_string="tags.team = 'words'")] == ["questions"]
    datasets.set_dataset_tags(dataset_id=made.dataset_id, tags={"team": "letters", "kept": "no"})
    datasets.delete_dataset_tag(dataset_id=made.dataset_id, key="kept")
    assert datasets.get_dataset(dataset_id=made.dataset_id).tags["team"] == "letters"
    assert got.delete_records([got.to_df()["dataset_record_id"][0]]) == 1
    assert len(datasets.get_dataset(dataset_id=made.dataset_id).to_df()) == 1
    datasets.delete_dataset(dataset_id=made.dataset_id)
    with pytest.raises(MlflowException, match="not found"):
        datasets.get_dataset(dataset_id=made.dataset_id)


def test_records_from_traces(tracking, experiment):
    with mlflow.start_span("ask") as span:
        span.set_inputs({"question": "when?"})
        span.set_outputs({"answer": "now"})
    mlflow.flush_trace_async_logging()
    trace = mlflow.get_trace(span.trace_id)
    made = datasets.create_dataset(name="traced", experiment_id=experiment)
    made.merge_records([trace])
    record = datasets.get_dataset(dataset_id=made.dataset_id).to_df().iloc[0]
    assert record["inputs"] == {"question": "when?"} and record["source_id"] == span.trace_id and record["source_type"] == "TRACE"
    # A page after the other, each record once.
    made.merge_records([{"inputs": {"n": n}} for n in range(25)])
    seen, token = [], None
    while True:
        page = tracking.get(f"/api/3.0/mlflow/datasets/{made.dataset_id}/records", max_results=7, **({"page_token": token} if token else {}))
        seen += [r["dataset_record_id"] for r in json.loads(page["records"])]
        token = page.get("next_page_token")
        if not token:
            break
    assert len(seen) == len(set(seen)) == 26


def test_rows_are_mlflows(tracking, experiment):
    """What the peer would have written: JSON columns in Python's form, null as JSON, the hash of sorted inputs."""
    made = datasets.create_dataset(name="rows", experiment_id=experiment)
    tracking.post(f"/api/3.0/mlflow/datasets/{made.dataset_id}/records", records='[{"inputs":{"b":1.50,"a":"ä"}}]')
    with sqlite3.connect(f"file:{tracking.database}?mode=ro", uri=True) as db:
        row = db.execute("SELECT inputs, outputs, expectations, tags, source, input_hash FROM evaluation_dataset_records WHERE dataset_id = ?", (made.dataset_id,)).fetchone()
    assert row[:5] == ('{"b": 1.5, "a": "\\u00e4"}', '{"mlflow_wrapped": {}}', "null", "{}", "null")
    assert row[5] == hashlib.sha256(b'{"a": "\\u00e4", "b": 1.5}').hexdigest()


def test_refusals(tracking):
    V = "/api/3.0/mlflow/"
    assert "not found" in tracking.refused("POST", V + "datasets/d-0/records", {"records": '[{"inputs": {}}]'}, status=404)
    made = tracking.post(V + "datasets/create", name="odd")["dataset"]["dataset_id"]
    for records, words in (("{", "not JSON"), ("{}", "JSON list"), ("[1]", "must be an object"), ('[{"inputs": 1}]', "inputs"), ('[{"inputs": null}]', "inputs"),
                           ('[{"inputs": {"a": -NaN}}]', "not JSON"), ('[{"inputs": {}, "source": {"source_type": 1}}]', "source_type")):
        assert words in tracking.refused("POST", V + f"datasets/{made}/records", {"records": records}), records
    for tags in ("{", "[]", "5"):
        tracking.refused("PATCH", V + f"datasets/{made}/tags", {"tags": tags})
    tracking.refused("GET", V + f"datasets/{made}/records", {"page_token": "nothing"})
    assert tracking.get(V + f"datasets/{made}/records") == {"records": "[]"}


def test_who_may():
    """MLflow's rules: a dataset is its experiments'; a queue its managers', its owner's and its users'."""
    with Tracking("--app-name", "basic-auth") as t:
        add_user(t.state, "admin", "admin password 1", "admin")

        def call(user, method, path, body=None):
            password = "admin password 1" if user == "admin" else "secret password"
            return t.ask(method, path, body, {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()})

        def made(answer, *keys):
            assert answer.status == 200, answer.text
            value = json.loads(answer.text)
            for key in keys:
                value = value[key]
            return value

        for user in ("ann", "bob", "eve"):
            made(call("admin", "POST", "users/create", {"username": user, "password": "secret password"}))
        V = "/api/3.0/mlflow/"
        e = made(call("ann", "POST", "experiments/create", {"name": "anns"}), "experiment_id")
        for user, permission in (("bob", "EDIT"), ("eve", "DENY")):
            made(call("admin", "POST", V + "users/permissions/grant", {"username": user, "resource_type": "experiment", "resource_id": e, "permission": permission}))
        d = made(call("ann", "POST", V + "datasets/create", {"name": "d", "experiment_ids": [e]}), "dataset", "dataset_id")
        assert call("eve", "GET", V + f"datasets/{d}").status == 403
        assert call("eve", "POST", V + "datasets/create", {"name": "d", "experiment_ids": [e]}).status == 403
        assert call("eve", "POST", V + "datasets/search", {}).status == 403
        assert call("bob", "POST", V + f"datasets/{d}/records", {"records": '[{"inputs": {}}]'}).status == 200
        assert call("bob", "DELETE", V + f"datasets/{d}").status == 403
        assert call("bob", "POST", V + "label-schemas/create", {"experiment_id": e, "name": "n", "type": "FEEDBACK", "input": {"text": {}}}).status == 403
        assert call("ann", "POST", V + "label-schemas/create", {"experiment_id": e, "name": "n", "type": "FEEDBACK", "input": {"text": {}}}).status == 200
        assert call("eve", "GET", V + "label-schemas/list", {"experiment_id": e}).status == 403
        q = made(call("bob", "POST", V + "review-queues/create", {"experiment_id": e, "name": "q", "queue_type": "CUSTOM", "users": ["ann"]}), "review_queue")
        assert q["created_by"] == "bob"
        assert "registered user" in call("bob", "POST", V + "review-queues/create", {"experiment_id": e, "name": "ANN", "queue_type": "CUSTOM"}).text
        assert call("eve", "GET", V + "review-queues/get", {"queue_id": q["queue_id"]}).status == 403
        assert call("bob", "POST", V + "review-queues/update", {"queue_id": q["queue_id"], "new_owner": "eve"}).status == 403
        assert call("ann", "POST", V + "review-queues/update", {"queue_id": q["queue_id"], "new_owner": "ann"}).status == 200
        assert call("bob", "POST", V + "review-queues/delete", {"queue_id": q["queue_id"]}).status == 403
        assert call("ann", "POST", V + "review-queues/delete", {"queue_id": q["queue_id"]}).status == 200
        assert call("ann", "DELETE", V + f"datasets/{d}").status == 200


def test_scorers(tracking, experiment):
    """Kept in versions, and not run; those that bring code are taken where it is said to be safe."""
    V = "/api/3.0/mlflow/scorers/"
    judge = {"experiment_id": experiment, "name": "judge"}
    assert [tracking.post(V + "register", **judge, serialized_scorer=text)["version"] for text in ("{}", '{"a": 1}')] == [1, 2]
    assert [s["scorer_version"] for s in tracking.get(V + "versions", **judge)["scorers"]] == [1, 2]
    listed = tracking.get(V + "list", experiment_id=experiment)["scorers"]
    assert [s["scorer_version"] for s in listed] == [2]
    asked = f"{V}online-configs?scorer_ids={listed[0]['scorer_id']}"
    assert tracking.ask("GET", asked).text == '{"configs": []}'
    with sqlite3.connect(tracking.database) as db:  # as a server of MLflow's writes it
        db.execute("INSERT INTO online_scoring_configs VALUES ('o1', ?, 0.5, ?, ?)", (listed[0]["scorer_id"], experiment, "status = 'OK'"))
    assert tracking.get(asked + "&scorer_ids=x&scorer_ids=" + listed[0]["scorer_id"])["configs"] == [
        {"online_scoring_config_id": "o1", "scorer_id": listed[0]["scorer_id"], "sample_rate": 0.5, "experiment_id": experiment, "filter_string": "status = 'OK'"}]
    online = {"experiment_id": experiment, "name": "judge", "sample_rate": 0, "filter_string": "status = 'OK'"}
    made = json.loads(tracking.ask("PUT", V + "online-config", online).text)["config"]
    assert made == {"online_scoring_config_id": made["online_scoring_config_id"], "scorer_id": listed[0]["scorer_id"], "sample_rate": 0.0,
                    "experiment_id": experiment, "filter_string": "status = 'OK'"}
    assert json.loads(tracking.ask("GET", asked).text)["configs"] == [made]  # in place of the other
    assert "does not use a gateway model" in tracking.refused("PUT", V + "online-config", {**online, "sample_rate": 0.5})
    for code in ('{"call_source": "x"}', '{"a": [{"call_source": "x"}]}'):
        assert "MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS" in tracking.refused("POST", V + "register", {**judge, "serialized_scorer": code})
    assert tracking.ask("DELETE", V + "delete", {**judge, "version": 2}).status == 200
    assert tracking.get(V + "get", **judge)["scorer"]["serialized_scorer"] == "{}"
    assert tracking.ask("DELETE", V + "delete", judge).status == 200
    assert "not found" in tracking.refused("GET", V + "get", judge, status=404)
    mlflow.genai.judges.make_judge(name="asks", instructions="Is {{ outputs }} good?", model="openai:/m").register(experiment_id=experiment)
    assert [s.name for s in mlflow.genai.list_scorers(experiment_id=experiment)] == ["asks"]
    with Tracking(env={"MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS": "true"}) as t:
        assert t.post(V + "register", experiment_id="0", name="own", serialized_scorer='{"call_source": "x"}')["version"] == 1
