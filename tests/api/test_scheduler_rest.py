"""Airflow's REST v2 where it asks for many things at once, and for what DAGs were."""
import json

import pytest

from box import Box
from scheduler_calls import load, run

DAG_RUNS, INSTANCES = "/api/v2/dags/~/dagRuns/list", "/api/v2/dags/~/dagRuns/~/taskInstances/list"


@pytest.fixture(scope="module")
def box():
    b = Box("[scheduler]\nstop_grace = 1s\n")
    b.up()
    yield b
    b.down()
    log = b.tail(1 << 20)
    b.remove()
    assert "Sanitizer" not in log and "runtime error" not in log, log[-8000:]


# --- batch lists --------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def runs(box):
    """{(dag, day): run} of two DAGs on two days; the second DAG's runs fail."""
    load(box, "batch1", [("a", "true"), ("b", "true")])
    load(box, "batch2", [("a", "exit 3")])
    return {(dag, day): run(box, dag, logical_date=f"2026-03-0{day}T00:00:00Z", conf={"day_is": day})[0]
            for dag in ("batch1", "batch2") for day in (1, 2)}


def ids(answer, key):
    assert answer.status == 200, answer.body
    assert answer.json["total_entries"] >= len(answer.json[key])
    return [x["dag_run_id"] for x in answer.json[key]]


@pytest.mark.parametrize("body, wanted", [
    ({"dag_ids": ["batch1"]}, [("batch1", 1), ("batch1", 2)]),
    ({"dag_ids": ["batch1", "batch2"], "states": ["failed"]}, [("batch2", 1), ("batch2", 2)]),
    ({"dag_ids": ["batch1", "batch2"], "logical_date_gte": "2026-03-02T00:00:00Z", "order_by": "-dag_id"}, [("batch2", 2), ("batch1", 2)]),
    ({"dag_ids": ["batch1", "batch2"], "logical_date_lt": "2026-03-02T00:00:00Z"}, [("batch1", 1), ("batch2", 1)]),
    ({"dag_ids": ["batch1"], "conf_contains": '"day_is":2'}, [("batch1", 2)]),
    ({"dag_ids": ["batch1"], "conf_contains": "day%is"}, []),
    ({"dag_ids": ["batch1"], "duration_gte": 3600}, []),
    ({"dag_ids": ["batch1"], "duration_lt": 3600.5, "duration_gte": None, "states": None}, [("batch1", 1), ("batch1", 2)]),
    ({"dag_ids": ["batch1", "batch2"], "page_limit": 1, "page_offset": 2}, [("batch2", 1)]),
    ({"dag_ids": ["none"]}, []),
], ids=str)
def test_runs_in_a_batch(box, runs, body, wanted):
    assert ids(box.post(DAG_RUNS, body), "dag_runs") == [runs[w] for w in wanted]


def test_runs_by_how_long_they_took(box, runs):
    rows = box.post(DAG_RUNS, {"dag_ids": ["batch1"]}).json["dag_runs"]
    one = max(rows, key=lambda r: r["duration"])
    body = {"dag_ids": ["batch1"], "duration_gte": one["duration"]}
    assert one["dag_run_id"] in ids(box.post(DAG_RUNS, body), "dag_runs")
    assert box.get(f"/api/v2/dags/batch1/dagRuns?duration_gt={one['duration'] + 0.001}").json["dag_runs"] == []
    assert box.get("/api/v2/dags/batch1/dagRuns?conf_contains=day_is").json["total_entries"] == 2


@pytest.mark.parametrize("body, n", [
    ({"dag_ids": ["batch1"]}, 8), ({"dag_ids": ["batch1", "batch2"], "task_ids": ["a"]}, 4), ({"task_ids": ["b"], "state": ["success"]}, 2),
    ({"dag_ids": ["batch2"], "state": ["failed"]}, 2), ({"dag_ids": ["batch1"], "queue": ["default"], "pool": ["default_pool"]}, 8),
    ({"dag_ids": ["batch1"], "queue": ["gpu"]}, 0), ({"dag_ids": ["batch1"], "executor": ["Celery"]}, 0),
    ({"dag_ids": ["batch1"], "logical_date_lte": "2026-03-01T00:00:00Z"}, 4), ({"dag_ids": ["batch1"], "duration_gt": 3600}, 0),
], ids=str)
def test_task_instances_in_a_batch(box, runs, body, n):
    a = box.post(INSTANCES, body)
    assert len(ids(a, "task_instances")) == n and a.json["total_entries"] == n


def test_task_instances_of_named_runs(box, runs):
    body = {"dag_run_ids": [runs["batch1", 2]], "dag_ids": ["batch1"], "order_by": "-task_id"}
    assert [t["task_id"] for t in box.post(INSTANCES, body).json["task_instances"]] == ["start", "end", "b", "a"]


def test_a_batch_names_many(box, runs):
    many = [f"none{i}" for i in range(250)]
    assert len(ids(box.post(DAG_RUNS, {"dag_ids": many + ["batch1"]}), "dag_runs")) == 2
    a = box.post(DAG_RUNS, {"dag_ids": [f"none{i}" for i in range(300)]})
    assert a.status == 422 and "too many" in a.json["detail"]


@pytest.mark.parametrize("path", [DAG_RUNS, INSTANCES])
@pytest.mark.parametrize("body, status, word", [
    ({"dag_ids": "batch1"}, 422, "dag_ids"), ({"dag_ids": [7]}, 422, "dag_ids"), ({"page_limit": "x"}, 422, "page_limit"),
    ({"page_limit": -1}, 422, "page_limit"), ({"order_by": "nope"}, 400, "nope"), ({"start_date_gte": "soon"}, 422, "start_date_gte"),
    ({"duration_gte": "long"}, 422, "duration_gte"), ({"duration_gte": 1e300}, 422, "duration_gte"), ({"nonsense": 1}, 422, "nonsense"), ([], 422, "object"),
], ids=str)
def test_a_batch_that_cannot_be_read(box, path, body, status, word):
    a = box.post(path, body)
    assert a.status == status and word in a.json["detail"], a.body


# --- versions and sources ---------------------------------------------------------------------------
def test_versions_and_what_they_were(box):
    load(box, "versioned", [("a", "echo one")])
    first = box.get("/api/v2/dags/versioned/details").json["latest_dag_version"]
    load(box, "versioned", [("a", "echo two")])
    box.wait(lambda: box.get("/api/v2/dags/versioned/details").json["latest_dag_version"]["version_number"] == 2, 30, "the second version")
    listed = box.get("/api/v2/dags/versioned/dagVersions").json
    assert listed["total_entries"] == 2 and listed["dag_versions"][0] == first
    assert [v["version_number"] for v in box.get("/api/v2/dags/versioned/dagVersions?order_by=-version_number").json["dag_versions"]] == [2, 1]
    assert box.get("/api/v2/dags/versioned/dagVersions?version_number=2").json["total_entries"] == 1
    assert box.get("/api/v2/dags/~/dagVersions?limit=1").json["total_entries"] >= 2
    assert box.get("/api/v2/dags/versioned/dagVersions/1").json == first
    for path in ("versioned/dagVersions/9", "none/dagVersions", "none/dagVersions/1"):
        assert box.get("/api/v2/dags/" + path).status == 404
    assert box.get("/api/v2/dags/versioned/dagVersions/x").status == 422
    source = box.get("/api/v2/dagSources/versioned").json
    assert source["version_number"] == 2 and source["dag_display_name"] == "versioned"
    assert [t["cmd"] for t in json.loads(source["content"])["tasks"] if t["id"] == "a"] == ["echo two"]
    old = box.get("/api/v2/dagSources/versioned?version_number=1", headers={"Accept": "text/plain"})
    assert "echo one" in old.body.decode() and "\n  " in old.body.decode()
    assert box.get("/api/v2/dagSources/none").status == 404 and box.get("/api/v2/dagSources/versioned?version_number=7").status == 404


def test_one_event(box):
    load(box, "event1", [("a", "true")])
    run(box, "event1")
    one = box.get("/api/v2/eventLogs?dag_id=event1&event=trigger_dag_run").json["event_logs"][0]
    assert box.get(f"/api/v2/eventLogs/{one['event_log_id']}").json == one
    assert {"map_index", "try_number", "logical_date", "task_display_name"} <= set(one)
    assert box.get("/api/v2/eventLogs/999999").status == 404 and box.get("/api/v2/eventLogs/x").status == 422
