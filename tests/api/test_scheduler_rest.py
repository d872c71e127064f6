"""Airflow's REST v2 where it asks for many things at once, and for what DAGs were."""
import json

import pytest

from scheduler_calls import box, load, run  # noqa: F401 (box is a fixture)

DAG_RUNS, INSTANCES = "/api/v2/dags/~/dagRuns/list", "/api/v2/dags/~/dagRuns/~/taskInstances/list"


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
    for query, n in (("included_events=trigger_dag_run&included_events=x", 1), ("excluded_events=trigger_dag_run", 0), ("event_pattern=trigger%25", 1),
                     ("before=2020-01-01T00:00:00Z", 0), ("after=2020-01-01T00:00:00Z", 1), ("try_number=7", 0), ("run_id_pattern=manual", 1)):
        assert box.get("/api/v2/eventLogs?dag_id=event1&" + query).json["total_entries"] == n, query
    assert [box.get("/api/v2/eventLogs?" + query).status for query in ("before=soon", "map_index=x")] == [422, 422]
    assert box.get("/api/v2/eventLogs/999999").status == 404 and box.get("/api/v2/eventLogs/x").status == 422


# --- many at once -----------------------------------------------------------------------------------
KINDS = {
    "pools": ("name", lambda n, v: {"name": n, "slots": v}, lambda a: a["slots"]),
    "variables": ("key", lambda n, v: {"key": n, "value": str(v)}, lambda a: int(a["value"])),
    "connections": ("connection_id", lambda n, v: {"connection_id": n, "conn_type": "http", "port": v}, lambda a: a["port"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_many_at_once(box, kind):
    name_key, entity, value = KINDS[kind]
    path = f"/api/v2/{kind}"

    def bulk(*actions):
        a = box.patch(path, {"actions": list(actions)})
        assert a.status == 200, a.body
        return {k: v and (sorted(v["success"]), [e["status_code"] for e in v["errors"]]) for k, v in a.json.items()}

    def values():
        return {x[name_key]: value(x) for x in box.get(path + "?limit=1000").json[kind] if x[name_key].startswith("bulk")}

    def create(names, v, **more):
        return {"action": "create", "entities": [entity(n, v) for n in names], **more}
    none = {"create": None, "update": None, "delete": None}
    assert bulk() == none
    assert bulk(create(["bulk1", "bulk2"], 1)) == {**none, "create": (["bulk1", "bulk2"], [])}
    # one that is there fails the action as a whole, and no other one
    update = {"action": "update", "entities": [entity("bulk1", 5)]}
    assert bulk(create(["bulk3", "bulk2"], 2), update) == {**none, "create": ([], [409]), "update": (["bulk1"], [])}
    assert values() == {"bulk1": 5, "bulk2": 1}
    assert bulk(create(["bulk3", "bulk2"], 3, action_on_existence="skip"))["create"] == (["bulk3"], [])
    assert bulk(create(["bulk4", "bulk2"], 4, action_on_existence="overwrite"))["create"] == (["bulk2", "bulk4"], [])
    box.restart("scheduler")
    box.wait_ready()
    assert values() == {"bulk1": 5, "bulk2": 4, "bulk3": 3, "bulk4": 4}
    # the same for what is not there
    gone = [entity("bulk1", 6), entity("bulk9", 6)]
    assert bulk({"action": "update", "entities": gone})["update"] == ([], [404]) and values()["bulk1"] == 5
    assert bulk({"action": "update", "entities": gone, "action_on_non_existence": "skip"})["update"] == (["bulk1"], [])
    assert bulk({"action": "update", "entities": [entity("bulk1", 7)], "update_mask": ["description"]})["update"] == (["bulk1"], [])
    assert values()["bulk1"] == 6, "what the mask leaves out"
    assert bulk({"action": "delete", "entities": ["bulk1", "bulk9"]})["delete"] == ([], [404])
    assert bulk({"action": "delete", "entities": ["bulk9", "bulk1"], "action_on_non_existence": "skip"},
                {"action": "delete", "entities": ["bulk2", entity("bulk3", 1)]}) == {**none, "delete": (["bulk1", "bulk2", "bulk3"], [])}
    assert values() == {"bulk4": 4}
    # twice in one action: the second meets the first
    assert bulk(create(["bulk5", "bulk5"], 1))["create"] == (["bulk5"], [409])
    assert bulk({"action": "delete", "entities": ["bulk4", "bulk5"]})["delete"][1] == [] and values() == {}
    events = {e["extra"] for e in box.get(f"/api/v2/eventLogs?limit=1000&event={'delete_pool' if kind == 'pools' else 'delete_secret'}").json["event_logs"]}
    assert {"bulk1", "bulk4"} <= events


@pytest.mark.parametrize("body, word", [
    ({}, "actions"), ({"actions": {}}, "actions"), ({"actions": [7]}, "objects"), ({"actions": [{"action": "make", "entities": []}]}, "make"),
    ({"actions": [{"action": "create"}]}, "entities"), ({"actions": [{"action": "create", "entities": ["x"]}]}, "objects"),
    ({"actions": [{"action": "create", "entities": [{"slots": 1}]}]}, "name"), ({"actions": [{"action": "create", "entities": [{"name": "x", "slot": 1}]}]}, "slot"),
    ({"actions": [{"action": "update", "entities": [], "action_on_non_existence": "overwrite"}]}, "overwrite"),
    ({"actions": [{"action": "update", "entities": [], "update_mask": [1]}]}, "update_mask"),
], ids=str)
def test_a_bulk_that_cannot_be_read(box, body, word):
    a = box.patch("/api/v2/pools", body)
    assert a.status == 422 and word in a.json["detail"], a.body


def test_an_entity_that_is_refused_stops_its_action(box):
    a = box.patch("/api/v2/pools", {"actions": [
        {"action": "create", "entities": [{"name": "stops1", "slots": 1}, {"name": "stops2"}, {"name": "stops3", "slots": 1}]},
        {"action": "delete", "entities": ["default_pool"]}, {"action": "delete", "entities": ["stops1"]}]}).json
    assert a["create"]["success"] == ["stops1"] and [e["status_code"] for e in a["create"]["errors"]] == [422]
    assert a["delete"]["success"] == ["stops1"] and "always there" in a["delete"]["errors"][0]["error"]
    a = box.patch("/api/v2/variables", {"actions": [{"action": "create", "entities": [{"key": "a/b", "value": "x"}]}]}).json
    assert a["create"]["errors"][0]["status_code"] == 422


# --- notes ------------------------------------------------------------------------------------------
def test_a_note_of_an_instance(box):
    load(box, "noted", [("a", "exit 3"), ("m", "true", "expand: {X: [1, 2, 3]}", "trigger_rule: all_done")])
    run_id, _ = run(box, "noted")
    path = f"/api/v2/dags/noted/dagRuns/{run_id}/taskInstances"
    assert box.get(path + "/a").json["note"] == "exit code 3"
    a = box.patch(path + "/a", {"note": "the disk was full"})
    assert a.status == 200 and a.json["total_entries"] == 1
    assert [(t["state"], t["note"]) for t in a.json["task_instances"]] == [("failed", "the disk was full")]
    assert box.patch(path + "/a", {"note": "not our fault", "new_state": "success"}).json["task_instances"][0]["state"] == "success"
    box.restart("scheduler")
    box.wait_ready()
    one = box.get(path + "/a").json
    assert (one["state"], one["note"]) == ("success", "not our fault")
    assert box.patch(path + "/a", {}).json["task_instances"] == [one]
    assert box.patch(path + "/a", {"note": ""}).json["task_instances"][0]["note"] is None
    # all instances of a mapped task, or one
    assert {t["note"] for t in box.patch(path + "/m", {"note": "all"}).json["task_instances"]} == {"all"}
    assert box.patch(path + "/m/1", {"note": "one"}).json["total_entries"] == 1
    assert [t["note"] for t in box.get(path + "/m/listMapped").json["task_instances"]] == ["all", "one", "all"]
    a = box.patch(path + "/m", {"new_state": "failed"})
    assert a.status == 200 and [t["state"] for t in a.json["task_instances"]] == ["failed"] * 3
    assert box.patch(path + "/none", {"note": "x"}).status == 404 and box.patch(path + "/a", {"note": 7}).status == 422
    assert "patch_task_instance" in {e["event"] for e in box.get("/api/v2/eventLogs?dag_id=noted").json["event_logs"]}


# --- what a task waits for ----------------------------------------------------------------------------
def test_what_an_instance_waits_for(box):
    load(box, "waits", [("a", "sleep 100"), ("b", "true")])
    run_id = box.trigger("waits")
    path = f"/api/v2/dags/waits/dagRuns/{run_id}"
    box.wait(lambda: box.tasks_of("waits", run_id)["a"]["state"] == "running", 30, "a runs")
    (one,) = box.get(path + "/taskInstances/b/dependencies").json["dependencies"]
    assert one == {"name": "why", "reason": "waits for its upstream tasks (rule all_success): a (running)"}
    assert box.get(path + "/taskInstances/b/-1/dependencies").json["dependencies"] == [one]
    assert box.get(path + "/taskInstances/a/dependencies").json == {"dependencies": []}
    assert box.patch(path, {"state": "failed"}).status == 200
    box.wait_run("waits", run_id)
    assert box.get(path + "/taskInstances/b/dependencies").json == {"dependencies": []}
    for wrong in ("waits/dagRuns/none/taskInstances/b", f"none/dagRuns/{run_id}/taskInstances/b", f"waits/dagRuns/{run_id}/taskInstances/none"):
        assert box.get(f"/api/v2/dags/{wrong}/dependencies").status == 404
    assert box.get(path + "/taskInstances/b/links").json == {"extra_links": {}, "total_entries": 0}
    assert box.get(path + "/hitlDetails").json == {"hitl_details": [], "total_entries": 0}
    assert box.get(path + "/upstreamAssetEvents").json == {"asset_events": [], "total_entries": 0}


# --- pausing many -----------------------------------------------------------------------------------
def test_many_dags_are_paused(box):
    for name in ("stop_a", "stop_b", "go_a"):
        load(box, name, [("a", "true")])

    def paused():
        return [n for n in ("go_a", "stop_a", "stop_b") if box.get("/api/v2/dags/" + n).json["is_paused"]]
    assert paused() == []
    assert box.patch("/api/v2/dags", {"is_paused": True}).json == {"dags": [], "total_entries": 0} and paused() == [], "without a pattern none"
    a = box.patch("/api/v2/dags?dag_id_pattern=stop%25", {"is_paused": True})
    assert a.status == 200 and a.json["total_entries"] == 2
    assert [(d["dag_id"], d["is_paused"]) for d in a.json["dags"]] == [("stop_a", True), ("stop_b", True)] and paused() == ["stop_a", "stop_b"]
    assert {e["dag_id"] for e in box.get("/api/v2/eventLogs?event=pause&dag_id_pattern=stop").json["event_logs"]} == {"stop_a", "stop_b"}
    box.restart("scheduler")
    box.wait_ready()
    assert paused() == ["stop_a", "stop_b"]
    assert box.patch("/api/v2/dags?dag_id_pattern=~&paused=true&limit=1", {"is_paused": False}).json["total_entries"] == 2 and paused() == []
    assert box.patch("/api/v2/dags?dag_id_pattern=~", {"is_paused": 1}).status == 422
