"""A task's try has a run of its own in the tracking server, without a word in its code: real scheduler, launcher, supervisors and
tracking."""

import json
import os
import signal

import pytest
from scheduler_calls import load, tries
from test_run_truth import OPEN, Truth, supervisor

TABLES = ("tracking:", "  experiment: claims", "  source_tables: [risk.raw.policies, risk.raw.claims]", "  destination_table: risk.mart.{{ds_nodash}}_losses")


@pytest.fixture(scope="module")
def truth():
    b = Truth()
    yield b
    b.end()


def own_id(t):
    return t["try_id"].replace("-", "")


def run_of(truth, t):
    """The try's own run once it has ended; its facts as dicts."""
    def ended():
        a = truth.call("GET", f"/api/2.0/mlflow/runs/get?run_id={own_id(t)}", sock="tracking.sock")
        return a.json["run"] if a.status == 200 and a.json["run"]["info"]["status"] != "RUNNING" else None
    run = truth.wait(ended, 120, "the run of " + t["try_id"])
    for what in ("tags", "params", "metrics"):
        run[what] = {x["key"]: x["value"] for x in run["data"].get(what, [])}
    return run


def only_try(truth, dag, run_id, task="a"):
    (t,) = tries(truth, dag, run_id, task)
    return t


def test_what_it_says(truth):
    load(truth, "said", [("a", "echo {{ds}} && true", *TABLES)], "    tags: [etl, 'team:risk']\n    description: Losses\n")
    run_id = truth.trigger("said", logical_date="2026-03-04T05:06:07Z")
    assert truth.wait_run("said", run_id, 120)["state"] == "success"
    t = only_try(truth, "said", run_id)
    run = run_of(truth, t)
    info = run["info"]
    assert (info["run_name"], info["status"], info["user_id"]) == ("a", "FINISHED", "airflow")
    assert run["params"] == {"task_id": "a", "operator": "python", "execution_date": "2026-03-04T05:06:07+00:00", "task_status": "success",
                             "project": "risk", "source_tables": "risk.raw.policies, risk.raw.claims", "destination_table": "risk.mart.20260304_losses"}
    tags = run["tags"]
    assert {k: tags[k] for k in ("mlflow.user", "mlflow.source.name", "mlflow.source.type", "mlflow.runName", "etl", "team", "onebox.dag_tags")} == {
        "mlflow.user": "airflow", "mlflow.source.name": "airflow", "mlflow.source.type": "JOB", "mlflow.runName": "a", "etl": "true", "team": "risk",
        "onebox.dag_tags": "etl,team:risk"}
    assert {k: tags[f"onebox.{k}"] for k in ("dag_id", "run_id", "task_id", "try", "try_id")} == {
        "dag_id": "said", "run_id": run_id, "task_id": "a", "try": "1", "try_id": t["try_id"]}
    assert run["metrics"]["duration_seconds"] == pytest.approx((info["end_time"] - info["start_time"]) / 1000, abs=0.002)
    assert {"system/cpu_time_seconds", "system/memory_peak_bytes"} <= set(run["metrics"])
    data = {(i["dataset"]["name"], i["tags"][0]["value"]) for i in run["inputs"]["dataset_inputs"]}
    assert data == {("risk.raw.policies", "source"), ("risk.raw.claims", "source"), ("risk.mart.20260304_losses", "destination")}
    experiment = truth.ask("GET", "experiments/get-by-name", {"experiment_name": "claims"})["experiment"]
    assert experiment["experiment_id"] == info["experiment_id"]
    listed = truth.ask("GET", "artifacts/list", {"run_id": own_id(t), "path": "task"})["files"]
    assert [f["path"] for f in listed] == ["task/command.sh"]
    text = truth.call("GET", f"/get-artifact?run_uuid={own_id(t)}&path=task/command.sh", sock="tracking.sock")
    assert text.body == b"echo 2026-03-04 && true\n"


@pytest.mark.parametrize("name, cmd, extra, status, state", [
    ("bad", "exit 3", (), "FAILED", "failed"),
    ("killed", "kill -9 $$", (), "FAILED", "failed"),
    ("late", "sleep 600", ("execution_timeout: 10s",), "FAILED", "timed_out"),
    ("left-out", "exit 99", (), "FINISHED", "skipped"),
    ("never", "echo {{a}}", ("variables: {a: '{{b}}', b: '{{a}}'}",), "FAILED", "failed_final"),
])
def test_status_is_the_tasks(truth, name, cmd, extra, status, state):
    """Even of one that never began, for its command cannot be made."""
    load(truth, name, [("a", cmd, "tracking: true", *extra)])
    run_id = truth.trigger(name)
    truth.wait_run(name, run_id, 120)
    run = run_of(truth, only_try(truth, name, run_id))
    assert (run["info"]["status"], run["params"]["task_status"]) == (status, state)
    experiment = truth.ask("GET", "experiments/get", {"experiment_id": run["info"]["experiment_id"]})["experiment"]
    assert experiment["name"] == name  # by default the pipeline's own


def test_every_try_has_its_own(truth):
    load(truth, "again", [("a", 'test "$ONEBOX_TRY" = 2', "tracking: true", "retries: 1", "retry_delay: 0")])
    run_id = truth.trigger("again")
    assert truth.wait_run("again", run_id, 120)["state"] == "success"
    runs = [run_of(truth, t) for t in tries(truth, "again", run_id, "a")]
    assert [(r["tags"]["onebox.try"], r["info"]["status"]) for r in runs] == [("1", "FAILED"), ("2", "FINISHED")]


def test_a_night_is_told_as_one(truth):
    load(truth, "cut", [("a", f"[ -e {truth.dir}/second ] || {{ : >{truth.dir}/second; : >{truth.dir}/there; sleep 600; }}", "tracking: true")])
    run_id = truth.trigger("cut")
    truth.wait(lambda: os.path.exists(truth.dir + "/there"), 120, "the task")
    os.kill(supervisor(truth, "cut", run_id, "a"), signal.SIGTERM)
    assert truth.wait_run("cut", run_id, 120)["state"] == "success"
    first, second = [run_of(truth, t) for t in tries(truth, "cut", run_id, "a")]
    assert (first["info"]["status"], first["params"]["task_status"]) == ("KILLED", "interrupted")
    assert second["info"]["status"] == "FINISHED"


def test_what_is_asked_again_leaves_one_run(truth):
    """A task that is not ready yet is asked again by a process of its own each time: that is no try that failed."""
    load(truth, "poke", [("a", f"[ -e {truth.dir}/poked ] || {{ : >{truth.dir}/poked; exit 98; }}", "tracking: true", "poke_interval: 1s")])
    run_id = truth.trigger("poke")
    assert truth.wait_run("poke", run_id, 120)["state"] == "success"
    assert run_of(truth, tries(truth, "poke", run_id, "a")[-1])["info"]["status"] == "FINISHED"
    experiment = truth.ask("GET", "experiments/get-by-name", {"experiment_name": "poke"})["experiment"]
    found = truth.ask("POST", "runs/search", {"experiment_ids": [experiment["experiment_id"]], "run_view_type": "ACTIVE_ONLY"})
    assert len(found["runs"]) == 1


def test_runs_of_its_own_are_below_it(truth):
    """What the task's code opens are children of the task's run, and stay where the code wants them."""
    load(truth, "below", [("a", OPEN.format(truth.dir), "tracking: true")])
    run_id = truth.trigger("below")
    assert truth.wait_run("below", run_id, 120)["state"] == "success"
    t = only_try(truth, "below", run_id)
    own = run_of(truth, t)
    (child,) = truth.closed("below")
    assert child["experiment_id"] == "0" != own["info"]["experiment_id"]
    assert child["status"] == "FINISHED" and child["tags"]["mlflow.parentRunId"] == own_id(t)
    assert "mlflow.parentRunId" not in own["tags"]


def test_off_unless_asked_for(truth):
    load(truth, "quiet", [("a", "true"), ("b", "true", "tracking: false"), ("c", "true", "tracking: true")])
    run_id = truth.trigger("quiet")
    assert truth.wait_run("quiet", run_id, 120)["state"] == "success"
    run_of(truth, only_try(truth, "quiet", run_id, "c"))
    for task in "ab":
        t = only_try(truth, "quiet", run_id, task)
        assert truth.call("GET", f"/api/2.0/mlflow/runs/get?run_id={own_id(t)}", sock="tracking.sock").status == 404


def test_a_pipeline_says_it_for_its_tasks(truth):
    """What a task says lies over what its pipeline says; each instance of a mapped task has its run."""
    load(truth, "shared", [("a", "true"), ("b", "true", "tracking: {destination_table: q.d.t}", "expand: {n: [1, 2]}"), ("c", "true", "tracking: false")],
         "    tracking: {experiment: all-of-it, project: q9}\n")
    run_id = truth.trigger("shared")
    assert truth.wait_run("shared", run_id, 120)["state"] == "success"
    run_of(truth, only_try(truth, "shared", run_id, "a"))
    experiment = truth.ask("GET", "experiments/get-by-name", {"experiment_name": "all-of-it"})["experiment"]["experiment_id"]

    def all_there():
        runs = truth.ask("POST", "runs/search", {"experiment_ids": [experiment]}).get("runs", [])
        return runs if len(runs) == 3 and all(r["info"]["status"] == "FINISHED" for r in runs) else None
    runs = truth.wait(all_there, 120, "the runs")
    found = {r["info"]["run_name"]: {p["key"]: p["value"] for p in r["data"]["params"]} for r in runs}
    assert set(found) == {"a", "b[0]", "b[1]"} and {p["project"] for p in found.values()} == {"q9"}
    assert [found[n].get("destination_table") for n in ("a", "b[0]", "b[1]")] == [None, "q.d.t", "q.d.t"]


OF_EVE = """\
name: {0}
owner: eve
pipelines:
  - pipeline: {0}
    start_date: 2026-01-01
    timeout_minutes: 60
    tracking: {{experiment: {1}}}
    tasks:
      - task: a
        type: python
        cmd: "true"
"""


def test_it_is_written_where_the_pipelines_user_may(truth):
    """Not with the scheduler's own rights: refused with a reason where people look, the task itself not hindered; what is made for
    her is hers."""
    def v3(method, path, body):
        a = truth.call(method, "/api/3.0/mlflow/" + path, body, sock="tracking.sock")
        assert a.status == 200, a.body
        return a.json

    def ran(name, experiment):
        truth.pipeline(name, OF_EVE.format(name, experiment))
        truth.wait_dag(name, 120)
        run_id = truth.trigger(name)
        assert truth.wait_run(name, run_id, 120)["state"] == "success"
        return only_try(truth, name, run_id)
    truth.ask("POST", "users/create", {"username": "eve", "password": "eve's own password"})
    vault = truth.ask("POST", "experiments/create", {"name": "vault"})["experiment_id"]
    grant = {"username": "eve", "resource_type": "experiment", "resource_id": vault}
    v3("POST", "users/permissions/grant", grant | {"permission": "DENY"})

    t = ran("eves", "vault")
    (event,) = truth.wait(lambda: truth.get("/api/v2/eventLogs?event=tracking_refused").json["event_logs"], 120, "the refusal")
    assert (event["dag_id"], event["task_id"]) == ("eves", "a")
    assert "eve, may not write into the experiment \"vault\"" in event["extra"] and "EDIT" in event["extra"]
    assert truth.call("GET", f"/api/2.0/mlflow/runs/get?run_id={own_id(t)}", sock="tracking.sock").status == 404

    v3("POST", "users/permissions/revoke", grant)
    assert run_of(truth, ran("eves", "vault"))["info"]["experiment_id"] == vault
    made = run_of(truth, ran("eves2", "eves own"))["info"]["experiment_id"]
    got = truth.call("GET", f"/api/3.0/mlflow/users/permissions/get?username=eve&resource_type=experiment&resource_id={made}", sock="tracking.sock")
    assert got.json["permission"] == "MANAGE", got.body


def test_told_later_and_once(truth):
    """Tracking is away while tasks begin and end, and the scheduler is killed meanwhile: they are not hindered, and when both are back
    each try has one run, with the times that were."""
    load(truth, "away", [("a", f"until [ -e {truth.dir}/go ]; do sleep 0.1; done", "tracking: true"), ("b", "exit 1", "tracking: true")])
    truth.kill("tracking")
    run_id = truth.trigger("away")
    truth.wait(lambda: truth.tasks_of("away", run_id)["a"]["state"] == "running", 120, "the task")
    truth.restart("scheduler")
    truth.wait_ready(120)
    with open(truth.dir + "/go", "w"):
        pass
    assert truth.wait_run("away", run_id, 120)["state"] == "failed"
    truth.restart("scheduler")
    truth.wait_ready(120)
    truth.start("tracking", "--access-control=yes", f"--port={truth.port}")
    for task, status in (("a", "FINISHED"), ("b", "FAILED")):
        t = only_try(truth, "away", run_id, task)
        run = run_of_later(truth, t)
        assert run["info"]["status"] == status and run["info"]["end_time"] >= run["info"]["start_time"]
        assert run["metrics"]["duration_seconds"] == pytest.approx((run["info"]["end_time"] - run["info"]["start_time"]) / 1000, abs=0.002)
    experiment = truth.ask("GET", "experiments/get-by-name", {"experiment_name": "away"})["experiment"]["experiment_id"]
    assert len(truth.ask("POST", "runs/search", {"experiment_ids": [experiment]})["runs"]) == 2


def run_of_later(truth, t):
    def is_up():
        try:
            return truth.call("GET", "/health", sock="tracking.sock").status == 200
        except OSError:
            return False
    truth.wait(is_up, 120, "tracking")
    return run_of(truth, t)


def test_told_twice_is_told_once(truth):
    """A scheduler that died before it wrote down that it was heard tells it again."""
    t = "01890a5d-ac96-774b-bcce-b302099a8057"
    began = {"experiment": "twice", "name": "a", "user": "airflow", "start_time": 5, "params": [{"key": "task_id", "value": "a"}, {"key": "no$", "value": "x"}]}
    ended = {"status": "FAILED", "state": "failed", "start_time": 7, "end_time": 1007, "metrics": [{"key": "duration_seconds", "value": 1}]}
    for what, body in (("began", began), ("began", began), ("ended", ended), ("ended", ended), ("began", began)):
        a = truth.call("POST", f"/internal/tries/{t}/{what}", body, sock="tracking.sock")
        assert a.status == 200, a.body
    run = run_of(truth, {"try_id": t})
    assert run["info"]["status"] == "FAILED" and (run["info"]["start_time"], run["info"]["end_time"]) == (7, 1007)
    assert run["params"] == {"task_id": "a"}  # what cannot be a param is left out
    assert len(truth.ask("GET", "metrics/get-history", {"run_id": own_id({"try_id": t}), "metric_key": "duration_seconds"})["metrics"]) == 1


@pytest.mark.parametrize("body", [{}, {"experiment": "e"}, {"experiment": "e", "name": "n"}, {"experiment": "e", "name": "n", "start_time": "soon"},
                                  {"experiment": "e", "name": "n", "start_time": 1, "datasets": "x"}, [], "x"])
def test_nonsense_is_refused(truth, body):
    path = "/internal/tries/01890a5d-ac96-774b-bcce-000000000001/began"
    assert truth.call("POST", path, json.dumps(body), sock="tracking.sock").status == 400


def test_no_try_no_run(truth):
    good = {"experiment": "e", "name": "n", "start_time": 1}
    assert truth.call("POST", "/internal/tries/x/began", good, sock="tracking.sock").status == 400
    assert truth.call("POST", "/internal/tries/x/ended", {"status": "FAILED"}, sock="tracking.sock").json == {"closed": 0}


def test_a_deleted_experiment_takes_no_runs(truth):
    """Nor does it hold up what is told of others."""
    load(truth, "gone", [("a", "true", "tracking: true")])
    run_id = truth.trigger("gone")
    truth.wait_run("gone", run_id, 120)
    run = run_of(truth, only_try(truth, "gone", run_id))
    truth.ask("POST", "experiments/delete", {"experiment_id": run["info"]["experiment_id"]})
    run_id = truth.trigger("gone")
    assert truth.wait_run("gone", run_id, 120)["state"] == "success"
    truth.wait(lambda: "tracking refused to hear of try " + only_try(truth, "gone", run_id)["try_id"] in truth.tail(1 << 20), 120, "the warning")
    load(truth, "other", [("a", "true", "tracking: true")])
    run_id = truth.trigger("other")
    truth.wait_run("other", run_id, 120)
    assert run_of(truth, only_try(truth, "other", run_id))["info"]["status"] == "FINISHED"


REGISTER = """
import json, os, urllib.request
def call(path, body):
    r = urllib.request.Request(os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/" + path, json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]})
    return json.load(urllib.request.urlopen(r))
info = call("runs/create", {"experiment_id": "0"})["run"]["info"]
call("registered-models/create", {"name": "premium"})
call("model-versions/create", {"name": "premium", "source": info["artifact_uri"] + "/model", "run_id": info["run_id"], "tags": [{"key": "mine", "value": "1"}]})
"""


def test_a_model_and_its_pipeline_find_each_other(truth):
    """A version that comes of a task's run, registered by it or by somebody else, is found by the pipeline's name, and says it."""
    with open(truth.dir + "/register.py", "w") as f:
        f.write(REGISTER)
    load(truth, "pricing", [("fit", f"python3 {truth.dir}/register.py", "tracking: true")])
    run_id = truth.trigger("pricing")
    assert truth.wait_run("pricing", run_id, 120)["state"] == "success"
    (run,) = truth.closed("pricing")
    later = {"name": "premium", "source": run["artifact_uri"] + "/model", "run_id": run["run_id"]}
    truth.ask("POST", "model-versions/create", later)
    truth.ask("POST", "registered-models/create", {"name": "by-hand"})
    other = truth.ask("POST", "runs/create", {"experiment_id": "0"})["run"]["info"]
    truth.ask("POST", "model-versions/create", {"name": "by-hand", "source": other["artifact_uri"] + "/x", "run_id": other["run_id"]})
    found = truth.ask("GET", "model-versions/search", {"filter": "tags.`onebox.dag_id` = 'pricing'"})["model_versions"]
    assert sorted((v["name"], v["version"]) for v in found) == [("premium", "1"), ("premium", "2")]
    for v in found:
        tags = {t["key"]: t["value"] for t in v["tags"]}
        assert {k: tags[f"onebox.{k}"] for k in ("dag_id", "run_id", "task_id", "try")} == {"dag_id": "pricing", "run_id": run_id, "task_id": "fit", "try": "1"}
        assert ("mine" in tags) == (v["version"] == "1")
