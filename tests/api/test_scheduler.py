"""onebox-scheduler with the fork launcher: the API, the engine, the spool, over real sockets."""
import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from urllib.parse import quote

from box import UnixConnection
from scheduler_calls import box, load, log_of, run, tries, yml  # noqa: F401 (box is a fixture)


# --- what a run is ------------------------------------------------------------------------------------
def test_run_and_its_shapes(box):
    load(box, "shapes", [("a", "echo $ONEBOX_DAG_ID/$ONEBOX_TASK_ID/$ONEBOX_TRY; echo no >&2"), ("b", "true")])
    run_id, r = run(box, "shapes", conf={"x": 1}, note="by hand")
    assert r["state"] == "success" and r["conf"] == {"x": 1} and r["note"] == "by hand"
    assert r["run_type"] == "manual" and r["logical_date"] is None and r["duration"] > 0
    tasks = box.tasks_of("shapes", run_id)
    assert {t["state"] for t in tasks.values()} == {"success"}
    assert tasks["a"]["try_number"] == 1 and tasks["a"]["start_date"] <= tasks["a"]["end_date"]
    assert tasks["a"]["end_date"] <= tasks["b"]["start_date"], "b waits for a"
    a = box.get(f"/api/v2/dags/shapes/dagRuns/{run_id}/taskInstances/a/logs/1").json
    assert [(x["event"], x["stream"]) for x in a["content"]] == [("shapes/a/1", "stdout"), ("no", "stderr")]
    again = box.get(f"/api/v2/dags/shapes/dagRuns/{run_id}/taskInstances/a/logs/1?token="
                    + a["continuation_token"]).json
    assert again == {"content": [], "continuation_token": None}
    text = box.get(f"/api/v2/dags/shapes/dagRuns/{run_id}/taskInstances/a/logs/1",
                   headers={"Accept": "text/plain"}).body.decode()
    assert re.fullmatch(r"\S+Z o shapes/a/1\n\S+Z e no\n", text)
    (t,) = tries(box, "shapes", run_id, "a")
    assert t["result"] == "success" and t["exit_code"] == 0 and t["peak_memory_bytes"] > 0
    one = box.get(f"/api/v2/dags/shapes/dagRuns/{run_id}/taskInstances/a/tries/1").json
    assert one["try_id"] == t["try_id"]


def test_dags_and_tasks(box):
    load(box, "lists", [("a", "true"), ("b", "false", "retries: 2")])
    all_dags = box.get("/api/v2/dags?limit=500&order_by=dag_id").json
    ids = [d["dag_id"] for d in all_dags["dags"]]
    assert ids == sorted(ids) and "lists" in ids and all_dags["total_entries"] == len(ids)
    assert box.get("/api/v2/dags?limit=1").json["total_entries"] == len(ids)
    assert [d["dag_id"] for d in box.get("/api/v2/dags?dag_id_pattern=list%25").json["dags"]] == ["lists"]
    details = box.get("/api/v2/dags/lists/details").json
    assert details["timezone"] == "UTC" and details["latest_dag_version"]["version_number"] == 1
    tasks = {t["task_id"]: t for t in box.get("/api/v2/dags/lists/tasks").json["tasks"]}
    assert tasks["b"]["retries"] == 2 and "b" in tasks["a"]["downstream_task_ids"]
    assert box.get("/api/v2/dags/lists/tasks/a").json["task_id"] == "a"
    assert box.get("/api/v2/dags/lists/tasks/zz").status == 404
    assert "zz" in box.get("/api/v2/dags/zz").json["detail"]


# What apache-airflow-client 3.3 refuses an answer without.
NEEDED = {
    "dag": "dag_display_name dag_id file_token fileloc has_import_errors has_task_concurrency_limits is_backfillable is_paused is_stale max_active_tasks "
           "max_consecutive_failed_dag_runs owners tags timetable_partitioned timetable_periodic",
    "version": "created_at dag_display_name dag_id id version_number",
    "run": "dag_display_name dag_id dag_run_id dag_versions run_after run_type state",
    "instance": "dag_display_name dag_id dag_run_id executor_config id map_index max_tries pool pool_slots run_after task_display_name task_id try_number",
    "try": "dag_display_name dag_id dag_run_id executor_config map_index max_tries pool pool_slots task_display_name task_id try_number",
    "task": "depends_on_past extra_links retry_exponential_backoff wait_for_downstream",
}


def test_answers_have_what_airflows_client_needs(box):
    load(box, "needed", [("a", "true")])
    run_id, r = run(box, "needed")
    dag, a_run = "/api/v2/dags/needed", f"/api/v2/dags/needed/dagRuns/{run_id}"

    def has(kind, answer):
        assert [k for k in NEEDED[kind].split() if answer.get(k) is None] == [], (kind, answer)
    details = box.get(dag + "/details").json
    has("dag", box.get(dag).json), has("dag", details), has("version", details["latest_dag_version"])
    assert details["dag_run_timeout"] == "PT3600S" and details["is_backfillable"] is False
    has("run", r), has("version", r["dag_versions"][0])
    assert r["dag_versions"][0] == details["latest_dag_version"] and re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", r["dag_versions"][0]["id"])
    one = box.get(a_run + "/taskInstances/a").json
    has("instance", one), has("version", one["dag_version"]), has("task", box.get(dag + "/tasks/a").json)
    has("try", tries(box, "needed", run_id, "a")[0])
    cleared = box.post(dag + "/clearTaskInstances", {"dag_run_id": run_id, "only_failed": False, "dry_run": True}).json["task_instances"]
    assert len(cleared) == 3
    for c in cleared:
        has("instance", c)
    wider = dict.fromkeys(("include_upstream", "include_downstream", "include_future", "include_past"), False)
    assert box.patch(a_run + "/taskInstances/a", {"new_state": "failed", **wider}).status == 200
    assert box.patch(a_run + "/taskInstances/a", {"new_state": "failed", "include_past": True}).status == 422


def test_lists_of_what_is_not_here_are_empty(box):
    for path, key in (("dagWarnings",) * 2, ("jobs",) * 2, ("providers",) * 2, ("plugins",) * 2, ("assets",) * 2, ("assets/aliases", "asset_aliases"),
                      ("assets/events", "asset_events"), ("plugins/importErrors", "import_errors")):
        key = "dag_warnings" if key == "dagWarnings" else key
        assert box.get("/api/v2/" + path).json == {key: [], "total_entries": 0}
    assert box.get("/api/v2/config").status == 403


def test_tags_and_what_tasks_are(box):
    load(box, "tagged1", [("a", "true", "max_active_tis_per_dag: 1", "wait_for_downstream: true"), ("m", "true", "expand: {X: [1, 2]}")],
         "    tags: [zeta, 'team:risk']\n")
    load(box, "tagged2", [("a", "true")], "    tags: [zeta, alpha]\n")
    assert box.get("/api/v2/dagTags").json == {"tags": ["alpha", "team:risk", "zeta"], "total_entries": 3}
    assert box.get("/api/v2/dagTags?order_by=-name&limit=1&offset=1").json == {"tags": ["team:risk"], "total_entries": 3}
    assert box.get("/api/v2/dagTags?tag_name_pattern=et").json == {"tags": ["zeta"], "total_entries": 1}
    assert box.get(f"/api/v2/dagTags?offset={2 ** 63 - 1}").json["tags"] == []
    tasks = {t["task_id"]: t for t in box.get("/api/v2/dags/tagged1/tasks").json["tasks"]}
    assert [tasks[t]["is_mapped"] for t in "am"] == [False, True] and [tasks[t]["wait_for_downstream"] for t in "am"] == [True, False]
    assert [box.get(f"/api/v2/dags/tagged{n}").json["has_task_concurrency_limits"] for n in (1, 2)] == [True, False]


def test_failure_uses_its_retries_and_no_more(box):
    load(box, "fails", [("a", "exit 3", "retries: 2", "retry_delay: 0.05s"), ("b", "echo never")])
    run_id, r = run(box, "fails")
    assert r["state"] == "failed"
    tasks = box.tasks_of("fails", run_id)
    assert (tasks["a"]["state"], tasks["a"]["try_number"]) == ("failed", 3)
    assert tasks["b"]["state"] == "upstream_failed" and tasks["b"]["try_number"] == 0
    assert [t["exit_code"] for t in tries(box, "fails", run_id, "a")] == [3, 3, 3]


def test_retry_that_works(box):
    load(box, "again", [("a", "test $ONEBOX_TRY = 2", "retries: 3", "retry_delay: 0.05s"), ("b", "true")])
    run_id, r = run(box, "again")
    assert r["state"] == "success"
    assert [t["result"] for t in tries(box, "again", run_id, "a")] == ["failed", "success"]


def test_time_limit(box):
    load(box, "late", [("a", "sleep 60", "execution_timeout: 0.3s")])
    run_id, r = run(box, "late")
    assert r["state"] == "failed"
    (t,) = tries(box, "late", run_id, "a")
    assert t["result"] == "timed_out" and "limit" in t["message"]
    assert any("time limit" in line for line in log_of(box, "late", run_id, "a"))


def test_placeholders_and_conf(box):
    load(box, "fill", [("a", "echo {{size}} {{run_id}}")], "    params: {size: 3}\n")
    run_id, _ = run(box, "fill", dag_run_id="mine", conf={"size": "seven"})
    assert run_id == "mine"
    assert log_of(box, "fill", "mine", "a") == ["seven mine"]


def test_a_program_that_is_not_there_says_so(box):
    load(box, "nothing", [("a", "no-such-command-here")])
    run_id, r = run(box, "nothing")
    assert r["state"] == "failed"
    assert any("no-such-command-here" in line for line in log_of(box, "nothing", run_id, "a"))
    assert tries(box, "nothing", run_id, "a")[0]["exit_code"] == 127
    a = box.get(f"/api/v2/dags/nothing/dagRuns/{quote(run_id)}/taskInstances/a").json
    assert a["note"] == "exit code 127"
    for path in ("", "&task_id=a"):
        text = box.get(f"/api/onebox/v1/why?dag_id=nothing&run_id={quote(run_id)}{path}").json["text"]
        assert text == 'task "a" failed: exit code 127; its log says more'


def test_why_sends_nobody_to_an_empty_log(box):
    load(box, "mute", [("a", "exit 3")])
    run_id, _ = run(box, "mute")
    assert box.get(f"/api/onebox/v1/why?dag_id=mute&run_id={quote(run_id)}").json["text"] == 'task "a" failed: exit code 3'


# --- people change things -----------------------------------------------------------------------------
def test_pause(box):
    load(box, "pausing", [("a", "true")])
    a = box.patch("/api/v2/dags/pausing", {"is_paused": True})
    assert a.status == 200 and a.json["is_paused"] is True
    run_id = box.trigger("pausing")
    time.sleep(0.4)
    assert box.run_of("pausing", run_id)["state"] == "queued"
    assert "pause" in box.get("/api/onebox/v1/why?dag_id=pausing").json["text"]
    box.patch("/api/v2/dags/pausing", {"is_paused": False})
    assert box.wait_run("pausing", run_id)["state"] == "success"


def test_clear_runs_again_from_there(box):
    load(box, "clearing", [("a", "true"), ("b", "true"), ("c", "true")])
    run_id, _ = run(box, "clearing")
    body = {"dag_run_id": run_id, "task_ids": ["b"], "include_downstream": True, "only_failed": False}
    dry = box.post("/api/v2/dags/clearing/clearTaskInstances", body).json
    assert {"b", "c"} <= {t["task_id"] for t in dry["task_instances"]}
    assert box.run_of("clearing", run_id)["state"] == "success", "a dry run changes nothing"
    box.post("/api/v2/dags/clearing/clearTaskInstances", dict(body, dry_run=False))
    assert box.wait_run("clearing", run_id)["state"] == "success"
    numbers = {t: x["try_number"] for t, x in box.tasks_of("clearing", run_id).items()}
    assert (numbers["a"], numbers["b"], numbers["c"]) == (1, 2, 2)
    a = box.post(f"/api/v2/dags/clearing/dagRuns/{run_id}/clear", {"dry_run": False})
    assert a.status == 200 and a.json["dag_run_id"] == run_id and a.json["state"] in ("queued", "running")
    assert box.wait_run("clearing", run_id)["state"] == "success"
    assert box.tasks_of("clearing", run_id)["a"]["try_number"] == 2


def test_mark_run_failed_stops_its_tasks(box):
    load(box, "stopping", [("a", "echo $$; sleep 600"), ("b", "true")])
    run_id = box.trigger("stopping")
    pid = int(box.wait(lambda: box.tasks_of("stopping", run_id)["a"]["state"] == "running"
                       and log_of(box, "stopping", run_id, "a"), 20, "a running task")[0])
    a = box.patch(f"/api/v2/dags/stopping/dagRuns/{run_id}", {"state": "failed"})
    assert a.status == 200
    assert box.wait_run("stopping", run_id)["state"] == "failed"
    box.wait(lambda: not os.path.exists(f"/proc/{pid}") or b"sleep" not in
             open(f"/proc/{pid}/cmdline", "rb").read(), 20, "the end of the command")
    box.wait(lambda: box.tasks_of("stopping", run_id)["a"]["state"] == "failed", 20, "the task's end")
    (t,) = tries(box, "stopping", run_id, "a")
    assert t["result"] == "stopped"


def test_mark_task(box):
    load(box, "marking", [("a", "exit 1"), ("b", "true")])
    run_id, _ = run(box, "marking")
    a = box.patch(f"/api/v2/dags/marking/dagRuns/{run_id}/taskInstances/a", {"new_state": "success"})
    assert a.status == 200 and [t["state"] for t in a.json["task_instances"]] == ["success"]


def test_delete(box):
    load(box, "deleting", [("a", "sleep 1")])
    run_id = box.trigger("deleting")
    assert box.call("DELETE", f"/api/v2/dags/deleting/dagRuns/{run_id}").status == 409
    box.wait_run("deleting", run_id)
    assert box.call("DELETE", f"/api/v2/dags/deleting/dagRuns/{run_id}").status == 204
    assert box.get(f"/api/v2/dags/deleting/dagRuns/{run_id}").status == 404
    assert box.call("DELETE", f"/api/v2/dags/deleting/dagRuns/{run_id}").status == 404


def test_lists_and_filters(box):
    load(box, "listed", [("a", "true")])
    ids = [run(box, "listed", logical_date=f"2026-02-0{i}T00:00:00Z")[0] for i in (1, 2, 3)]
    got = box.get("/api/v2/dags/listed/dagRuns?order_by=-logical_date&limit=2").json
    assert got["total_entries"] == 3 and [r["dag_run_id"] for r in got["dag_runs"]] == ids[:0:-1]
    got = box.get("/api/v2/dags/listed/dagRuns?logical_date_gte=2026-02-02T00:00:00%2B00:00&state=success&state=failed").json
    assert got["total_entries"] == 2
    assert box.get("/api/v2/dags/~/dagRuns?limit=1").json["total_entries"] > 3
    assert box.get(f"/api/v2/dags/~/dagRuns/~/taskInstances?task_id=a&limit=3").json["total_entries"] >= 3
    stats = {d["dag_id"]: d["stats"] for d in box.get("/api/v2/dagStats").json["dags"]}
    assert {"state": "success", "count": 3} in stats["listed"]
    assert any(e["event"] == "trigger_dag_run" and e["dag_id"] == "listed"
               for e in box.get("/api/v2/eventLogs?dag_id=listed").json["event_logs"])


# --- bad input: a clear refusal, nothing changed ------------------------------------------------------
BAD = [
    ("POST", "/api/v2/dags/bad/dagRuns", "{", 400, "JSON"),
    ("POST", "/api/v2/dags/bad/dagRuns", "[]", 422, "object"),
    ("POST", "/api/v2/dags/bad/dagRuns", {"conf": "x"}, 422, "conf"),
    ("POST", "/api/v2/dags/bad/dagRuns", {"config": {}}, 422, "conf"),
    ("POST", "/api/v2/dags/bad/dagRuns", {"logical_date": "soon"}, 422, "logical_date"),
    ("POST", "/api/v2/dags/bad/dagRuns", {"logical_date": 7}, 422, "logical_date"),
    ("POST", "/api/v2/dags/bad/dagRuns", {"dag_run_id": ""}, 422, "dag_run_id"),
    ("POST", "/api/v2/dags/bad/dagRuns", {"dag_run_id": "a/b"}, 422, "dag_run_id"),
    ("POST", "/api/v2/dags/bad/dagRuns", {"dag_run_id": "x" * 300}, 422, "dag_run_id"),
    ("POST", "/api/v2/dags/bad/dagRuns", {"data_interval_start": "2026-01-01"}, 422, "data_interval_end"),
    ("POST", "/api/v2/dags/nope/dagRuns", {}, 404, "nope"),
    ("PATCH", "/api/v2/dags/bad", {"is_paused": "yes"}, 422, "is_paused"),
    ("PATCH", "/api/v2/dags/bad", {"paused": True}, 422, "is_paused"),
    ("PATCH", "/api/v2/dags/bad", {}, 422, "is_paused"),
    ("PATCH", "/api/v2/dags/nope", {"is_paused": True}, 404, "nope"),
    ("PATCH", "/api/v2/dags/bad/dagRuns/none", {"state": "success"}, 404, "none"),
    ("PATCH", "/api/v2/dags/bad/dagRuns/none", {"state": "running"}, 422, "state"),
    ("POST", "/api/v2/dags/bad/clearTaskInstances", {"task_ids": [7], "dag_run_id": "none"}, 404, "none"),
    ("POST", "/api/v2/dags/nope/clearTaskInstances", {"task_ids": ["a"], "dag_run_id": "x"}, 404, "nope"),
    ("POST", "/api/v2/dags/bad/clearTaskInstances", {"dag_run_id": "none", "task_ids": "a"}, 422, "task_ids"),
    ("GET", "/api/v2/dags?limit=x", None, 422, "limit"),
    ("GET", "/api/v2/dags?offset=-1", None, 422, "offset"),
    ("GET", "/api/v2/dags?paused=maybe", None, 422, "paused"),
    ("GET", "/api/v2/dags/bad/dagRuns?order_by=nope", None, 400, "nope"),
    ("GET", "/api/v2/dags/bad/dagRuns?start_date_gte=nope", None, 422, "start_date_gte"),
    ("GET", "/api/v2/dags/bad/dagRuns/none", None, 404, "none"),
    ("GET", "/api/v2/dags/bad/dagRuns/none/taskInstances/a/logs/1", None, 404, "a"),
    ("GET", "/api/v2/dags/bad/dagRuns/none/taskInstances/a/logs/x", None, 422, "number"),
    ("GET", "/api/v2/importErrors/999999", None, 404, "999999"),
    ("GET", "/api/v2/pools/none", None, 404, "none"),
    ("GET", "/api/onebox/v1/why", None, 422, "dag_id"),
    ("GET", "/api/onebox/v1/why?dag_id=nope", None, 404, "nope"),
    ("GET", "/api/onebox/v1/next?dag_id=bad&count=0", None, 422, "count"),
    ("GET", "/api/onebox/v1/logs?dag_id=bad", None, 422, "run_id"),
    ("POST", "/api/onebox/v1/pipelines/compile", {"files": "x"}, 422, "files"),
    ("POST", "/api/onebox/v1/pipelines/compile", {"files": [{"path": "/x"}]}, 422, "text"),
    ("POST", "/internal/tries/nope", None, 422, "nope"),
    ("GET", "/api/v2/nothing", None, 404, ""),
    ("DELETE", "/api/v2/dags", None, 405, ""),
]


@pytest.mark.parametrize("method, path, body, status, word", BAD, ids=[f"{i}" for i in range(len(BAD))])
def test_bad_input(box, method, path, body, status, word):
    load(box, "bad", [("a", "true")])
    before = box.get("/api/v2/dags/bad/dagRuns").json, box.get("/api/v2/dags/bad").json
    a = box.call(method, path, body)
    assert a.status == status, (a.status, a.body)
    assert word in a.json["detail"], a.body
    assert (box.get("/api/v2/dags/bad/dagRuns").json, box.get("/api/v2/dags/bad").json) == before


def test_same_run_id_twice(box):
    load(box, "twice", [("a", "true")])
    run(box, "twice", dag_run_id="one")
    a = box.post("/api/v2/dags/twice/dagRuns", {"dag_run_id": "one"})
    assert a.status == 409 and "one" in a.json["detail"]


def test_invalid_utf8_and_oversize(box):
    assert box.call("POST", "/api/v2/dags/bad/dagRuns", b'{"note": "\xff"}').status == 400
    assert box.call("POST", "/api/v2/dags/bad/dagRuns", b" " * (5 << 20)).status == 413


# --- pipelines ----------------------------------------------------------------------------------------
def test_a_change_makes_a_version_and_running_runs_keep_theirs(box):
    load(box, "versions", [("a", "sleep 1"), ("b", "echo old")])
    run_id = box.trigger("versions")
    box.pipeline("versions", yml("versions", [("a", "true"), ("b", "echo new"), ("c", "true")]))
    box.wait(lambda: box.get("/api/v2/dags/versions/details").json["latest_dag_version"]["version_number"] == 2,
             20, "version 2")
    box.wait_run("versions", run_id)
    assert log_of(box, "versions", run_id, "b") == ["old"]
    assert "c" not in box.tasks_of("versions", run_id)
    new_id, _ = run(box, "versions")
    assert log_of(box, "versions", new_id, "b") == ["new"]


def test_a_broken_file_keeps_what_it_gave_and_says_where(box):
    load(box, "broken", [("a", "true")])
    box.pipeline("broken", yml("broken", [("a", "true")]) + "      - task: b\n       type: python\n")

    def errors():
        return [e for e in box.get("/api/v2/importErrors").json["import_errors"] if "/broken/" in e["filename"]]
    (e,) = box.wait(errors, 20, "the import error")
    assert re.search(r"broken/liminal\.yml:\d+", e["stack_trace"])
    assert box.get(f"/api/v2/importErrors/{e['import_error_id']}").json == e
    assert run(box, "broken")[1]["state"] == "success"
    box.pipeline("broken", yml("broken", [("a", "true")]))
    box.wait(lambda: not errors(), 20, "the error's end")


def test_a_file_that_goes_takes_its_dag_along(box):
    load(box, "leaving", [("a", "true")])
    run_id, _ = run(box, "leaving")
    os.remove(f"{box.state}/pipelines/leaving/liminal.yml")
    box.wait(lambda: box.get("/api/v2/dags/leaving").json["is_stale"], 20, "a stale DAG")
    assert box.post("/api/v2/dags/leaving/dagRuns", {}).status == 404
    assert box.run_of("leaving", run_id)["state"] == "success"
    assert "leaving" not in [d["dag_id"] for d in box.get("/api/v2/dags?limit=500").json["dags"]]


def test_compile(box):
    a = box.post("/api/onebox/v1/pipelines/compile",
                 {"files": [{"path": "/x/liminal.yml", "text": yml("comp", [("a", "true")])}]}).json
    assert [d["dag_id"] for d in a["dags"]] == ["comp"] and a["errors"] == []
    a = box.post("/api/onebox/v1/pipelines/compile", {"files": [{"path": "/x/liminal.yml", "text": "a: [b"}]}).json
    assert a["dags"] == [] and "/x/liminal.yml:" in a["errors"][0]


def test_schedule(box):
    load(box, "ticking", [("a", "true")], "    schedule: '* * * * * *'\n    max_active_runs: 3\n")

    def runs():
        got = box.get("/api/v2/dags/ticking/dagRuns?order_by=logical_date&limit=100").json["dag_runs"]
        return got if len(got) >= 3 else None
    got = box.wait(runs, 30, "three runs by the second")
    box.patch("/api/v2/dags/ticking", {"is_paused": True})
    assert {r["run_type"] for r in got} == {"scheduled"}
    assert len({r["logical_date"] for r in got}) == len(got)
    nxt = box.get("/api/onebox/v1/next?dag_id=ticking&count=3").json["runs"]
    assert len(nxt) == 3 and nxt[0]["logical_date"] < nxt[1]["logical_date"]


# --- live -----------------------------------------------------------------------------------------------
class Stream:
    """Server-sent events, with the moment each arrived."""

    def __init__(self, box, path):
        self.c = UnixConnection(box.run + "/scheduler.sock", 30)
        self.c.request("GET", path)
        self.r = self.c.getresponse()
        assert self.r.status == 200, self.r.read()

    def next(self):
        event = {}
        while True:
            line = self.r.readline().decode().rstrip("\n")
            if not line and event:
                return event, time.time()
            if line and not line.startswith(":"):
                key, _, value = line.partition(": ")
                event[key] = value


def test_live_log_within_100_ms(box):
    load(box, "live", [("a", "for i in 1 2 3; do sleep 0.4; date +%s.%N; done; printf half; sleep 0.5; echo")])
    run_id = box.trigger("live")
    box.wait(lambda: box.tasks_of("live", run_id)["a"]["state"] == "running", 20, "a running task")
    s = Stream(box, f"/api/onebox/v1/logs?dag_id=live&run_id={quote(run_id)}&task_id=a")
    lines, late, partial = [], [], False
    while True:
        event, at = s.next()
        if event.get("event") == "end":
            break
        data = json.loads(event["data"])
        if event.get("event") == "partial":
            partial = partial or data["event"] == "half"
            continue
        lines.append(data["event"])
        if data["event"][:1].isdigit():
            late.append(at - float(data["event"]))
    assert len(lines) == 4 and lines[3] == "half" and partial
    assert sorted(late)[1] < 0.1, late


def test_events(box):
    load(box, "events", [("a", "true")])
    s = Stream(box, "/api/onebox/v1/events?dag_id=events")
    assert s.next()[0]["event"] == "hello"
    run_id = box.trigger("events")
    seen = []
    while ("dag_run", "success") not in seen:
        event, _ = s.next()
        data = json.loads(event["data"])
        assert data["dag_id"] == "events"
        seen.append((data["type"], data.get("state")))
        last = event["id"]
    assert ("task", "queued") in seen and ("task", "success") in seen
    s = Stream(box, f"/api/onebox/v1/events?dag_id=events&after={int(last) - 1}")
    s.next()
    assert json.loads(s.next()[0]["data"])["dag_run_id"] == run_id


def test_why(box):
    load(box, "whys", [("a", "sleep 1"), ("b", "true")])
    run_id = box.trigger("whys")
    text = box.get(f"/api/onebox/v1/why?dag_id=whys&run_id={quote(run_id)}&task_id=b").json["text"]
    assert text and "a" in text
    box.wait_run("whys", run_id)
    assert "success" in box.get(f"/api/onebox/v1/why?dag_id=whys&run_id={quote(run_id)}").json["text"]


def test_status_health_version(box):
    assert box.get("/api/v2/monitor/health").json["scheduler"]["status"] == "healthy"
    assert box.get("/api/v2/version").json["version"]
    s = box.get("/api/onebox/v1/status").json
    assert s["dags"] > 0 and s["launcher_trouble"] is None
    assert box.get("/api/v2/pools/default_pool").json["slots"] == 128


# --- identity -------------------------------------------------------------------------------------------
def test_roles(box):
    """Another user of the machine is nobody; a task's token is a user."""
    if os.getuid() != 0:
        pytest.skip("needs root to become somebody else")
    os.chmod(box.dir, 0o755)
    code = ("import sys; sys.path.insert(0, %r); from box import UnixConnection as U\n"
            "def ask(m, p, b=None):\n c = U(%r); c.request(m, p, b); r = c.getresponse(); r.read(); print(r.status)\n"
            "ask('GET', '/api/v2/version'); ask('GET', '/api/v2/dags'); ask('PATCH', '/api/v2/dags/bad', '{\"is_paused\": true}')"
            % (os.path.dirname(os.path.abspath(__file__)), box.run + "/scheduler.sock"))
    got = subprocess.run(["python3", "-c", code], user=65534, group=65534, capture_output=True, text=True,
                         env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"})
    assert got.stdout.split() in (["200", "403", "403"], ["200", "401", "401"]), got
    kept = Path(box.dir) / "token"
    load(box, "token", [("a", f"printf %s $MLFLOW_TRACKING_TOKEN >{kept}; echo $MLFLOW_TRACKING_TOKEN")])
    run_id, _ = run(box, "token")
    token = kept.read_text()
    assert log_of(box, "token", run_id, "a") == ["***"]
    assert token.count(".") == 2
    bearer = {"Authorization": "Bearer " + token}
    assert box.get("/api/v2/dags", headers=bearer).status == 200
    assert box.call("DELETE", f"/api/v2/dags/token/dagRuns/{run_id}", headers=bearer).status == 403
    assert box.get("/api/v2/dags", headers={"Authorization": "Bearer " + token[:-2]}).status == 401


def test_launcher_refuses_strangers_and_nonsense(box):
    def start(body):
        return box.call("POST", "/start", body, sock="launcher.sock")
    good = "01890a5d-ac96-774b-bcce-b302099a8057"
    for body, word in [("x", ""), ([], "object"), ({}, "try_id"), ({"try_id": "../../x"}, "UUID"),
                       ({"try_id": good.upper()}, "UUID"), ({"try_id": good, "cmd": "id"}, "cmd"),
                       ({"try_id": good, "limits": {"memory_max_bytes": 5}}, "memory_max_bytes"),
                       ({"try_id": good, "grace_s": -1}, "grace_s"),
                       ({"try_id": good, "limits": {"Slice": "x"}}, "Slice")]:
        a = start(body)
        assert a.status == 400 and word in a.json["detail"], (body, a.body)
    a = start({"try_id": good, "user": "nobody"})
    assert a.status == 403 and "nobody" in a.json["detail"]
    assert start(b"x" * 100000).status == 413
    assert isinstance(box.get("/units", sock="launcher.sock").json["units"], list)
    assert box.call("POST", "/stop", {"try_id": good}, sock="launcher.sock").json == {"stopping": False}
