"""Clients that want the same at the same moment: one has it, the others are told so, and nothing is there twice. On
PostgreSQL and MariaDB they ask two servers on one database."""

import json
import threading
from collections import Counter
from contextlib import ExitStack

import pytest
from db_server import KINDS, DbServer
from tracking_test import Tracking

CLIENTS = 16
V3 = "/api/3.0/mlflow/"


class Crowd:
    def __init__(self, servers):
        self.servers = servers
        self.first = servers[0]

    def ask(self, method, path, body_of):
        """The answers to as many requests at once; body_of(n): the n-th one's body."""
        answers, begin = [None] * CLIENTS, threading.Barrier(CLIENTS)

        def one(n):
            begin.wait()
            answers[n] = self.servers[n % len(self.servers)].ask(method, path, body_of(n))

        threads = [threading.Thread(target=one, args=(n,)) for n in range(CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return answers

    def all_of(self, path, body_of, method="POST"):
        """Their JSON: nobody is refused."""
        answers = self.ask(method, path, body_of)
        assert {a.status for a in answers} == {200}, Counter((a.status, a.text) for a in answers)
        return [json.loads(a.text) for a in answers]

    def one_of(self, path, body, code, method="POST", status=400):
        """Which one had it: the others are refused with this error."""
        answers = self.ask(method, path, (lambda n: body(n)) if callable(body) else lambda n: body)
        told = Counter(a.status if a.status == 200 else (a.status, json.loads(a.text).get("error_code")) for a in answers)
        assert told == {200: 1, (status, code): CLIENTS - 1}, Counter((a.status, a.text) for a in answers)
        return [a.status for a in answers].index(200)


@pytest.fixture(scope="module", params=("sqlite", *KINDS))
def crowd(request):
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield Crowd([stack.enter_context(Tracking())])
            return
        database = DbServer(request.param)
        stack.callback(database.end)
        uri = database.uri(database.fresh())
        yield Crowd([stack.enter_context(Tracking("--backend-store-uri", uri)) for _ in range(2)])


def test_one_name(crowd):
    for round_ in range(5):
        crowd.one_of("experiments/create", {"name": f"one{round_}"}, "RESOURCE_ALREADY_EXISTS")
        crowd.one_of("registered-models/create", {"name": f"one{round_}"}, "RESOURCE_ALREADY_EXISTS")
    t = crowd.first
    e = t.post("experiments/create", name="renamed")["experiment_id"]
    names = [t.post("experiments/create", name=f"from{n}")["experiment_id"] for n in range(CLIENTS)]
    crowd.one_of("experiments/update", lambda n: {"experiment_id": names[n], "new_name": "to"}, "RESOURCE_ALREADY_EXISTS")
    assert t.get("experiments/get", experiment_id=e)["experiment"]["name"] == "renamed"
    for n in range(CLIENTS):
        t.post("registered-models/create", name=f"m{n}")
    crowd.one_of("registered-models/rename", lambda n: {"name": f"m{n}", "new_name": "taken"}, "RESOURCE_ALREADY_EXISTS")


def test_numbers_of_versions(crowd):
    t = crowd.first
    t.post("registered-models/create", name="versions")
    made = crowd.all_of("model-versions/create", lambda n: {"name": "versions", "source": "s3://b/m"})
    assert sorted(int(a["model_version"]["version"]) for a in made) == list(range(1, CLIENTS + 1))
    e = t.post("experiments/create", name="scorers")["experiment_id"]
    made = crowd.all_of(V3 + "scorers/register", lambda n: {"experiment_id": e, "name": "s", "serialized_scorer": json.dumps({"name": "s", "n": n})})
    assert sorted(a["version"] for a in made) == list(range(1, CLIENTS + 1))
    assert len({a["scorer_id"] for a in made}) == 1
    # Whoever comes last is in production, alone.
    crowd.all_of("model-versions/transition-stage", lambda n: {"name": "versions", "version": str(n + 1), "stage": "Production", "archive_existing_versions": True})
    stages = Counter(v["current_stage"] for v in t.get("model-versions/search", filter="name = 'versions'", max_results=100)["model_versions"])
    assert stages == {"Production": 1, "Archived": CLIENTS - 1}
    crowd.all_of("registered-models/alias", lambda n: {"name": "versions", "alias": "a", "version": str(n + 1)})
    assert len(t.get("registered-models/get", name="versions")["registered_model"]["aliases"]) == 1


def test_one_value(crowd):
    t = crowd.first
    for round_ in range(5):
        r = t.run()
        won = crowd.one_of("runs/log-parameter", lambda n: {"run_id": r, "key": "p", "value": f"v{n}"}, "INVALID_PARAMETER_VALUE")
        crowd.all_of("runs/log-parameter", lambda n: {"run_id": r, "key": "q", "value": "same"})
        crowd.all_of("runs/set-tag", lambda n: {"run_id": r, "key": "t", "value": str(n)})
        crowd.all_of("runs/log-batch", lambda n: {"run_id": r, "params": [{"key": "b", "value": "same"}], "tags": [{"key": "u", "value": str(n)}],
                                                  "metrics": [{"key": "m", "value": n, "timestamp": 1, "step": n}]})
        data = t.get("runs/get", run_id=r)["run"]["data"]
        assert {x["key"]: x["value"] for x in data["params"]} == {"p": f"v{won}", "q": "same", "b": "same"}
        assert sorted(x["key"] for x in data["tags"] if not x["key"].startswith("mlflow.")) == ["t", "u"]
        assert [(m["value"], m["step"]) for m in data["metrics"]] == [(CLIENTS - 1, CLIENTS - 1)]
        assert len(t.get("metrics/get-history", run_id=r, metric_key="m")["metrics"]) == CLIENTS
    r = t.run()
    crowd.all_of("experiments/set-experiment-tag", lambda n: {"experiment_id": "0", "key": "t", "value": str(n)})
    crowd.all_of("runs/log-inputs", lambda n: {"run_id": r, "datasets": [{"dataset": {"name": "d", "digest": "x", "source_type": "local", "source": "s"}}]})
    assert len(t.get("runs/get", run_id=r)["run"]["inputs"]["dataset_inputs"]) == 1


def test_one_end(crowd):
    t = crowd.first
    e = t.post("experiments/create", name="ends")["experiment_id"]
    r = t.run(e)
    crowd.all_of("runs/delete", lambda n: {"run_id": r})
    t.post("registered-models/create", name="ends")
    t.post("model-versions/create", name="ends", source="s3://b/m")
    for method, path, body in (("POST", "experiments/delete", {"experiment_id": e}), ("DELETE", "model-versions/delete", {"name": "ends", "version": "1"}),
                               ("DELETE", "registered-models/delete", {"name": "ends"})):
        told = Counter(a.status for a in crowd.ask(method, path, lambda n: body))
        # Two servers may both have seen it.
        assert set(told) == {200, 404} and told[200] <= len(crowd.servers), told


def test_traces(crowd):
    t = crowd.first
    e = t.post("experiments/create", name="traces")["experiment_id"]
    info = {"trace": {"trace_info": {"trace_id": "tr-" + "1" * 32, "request_time": "2025-11-24T16:00:00Z", "state": "OK",
                                     "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": e}}}}}
    crowd.all_of(V3 + "traces", lambda n: info)
    crowd.all_of(V3 + "traces/tr-" + "1" * 32 + "/tags", lambda n: {"key": "t", "value": str(n)}, method="PATCH")
    crowd.all_of(V3 + "traces/tr-" + "1" * 32 + "/assessments", lambda n: {"assessment": {"assessment_name": f"a{n}", "source": {"source_type": "HUMAN", "source_id": "me"}, "feedback": {"value": n}}})
    got = t.ask("GET", V3 + "traces/tr-" + "1" * 32)
    trace = json.loads(got.text)["trace"]["trace_info"]
    assert len(trace["assessments"]) == CLIENTS and "t" in trace["tags"]


def test_a_dataset_of_many(crowd):
    t = crowd.first
    e = t.post("experiments/create", name="datasets")["experiment_id"]
    d = t.post(V3 + "datasets/create", name="d", experiment_ids=[e])["dataset"]["dataset_id"]
    records = [{"inputs": {"q": n}, "expectations": {"a": n}} for n in range(10)]
    crowd.all_of(V3 + f"datasets/{d}/records", lambda n: {"records": json.dumps(records)})
    got = t.ask("GET", V3 + f"datasets/{d}/records", {"max_results": 1000})
    assert len(json.loads(json.loads(got.text)["records"])) == len(records)


def test_names_of_the_gateway(crowd):
    crowd.one_of(V3 + "gateway/secrets/create", lambda n: {"secret_name": "s", "secret_value": {"api_key": f"k{n}"}, "provider": "openai"}, "RESOURCE_ALREADY_EXISTS")
