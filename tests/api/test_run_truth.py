"""Runs tell the truth: what a task leaves open is closed with what became of the task, and what a
later try goes on with keeps one history. Real scheduler, launcher, supervisors and tracking."""

import os
import re
import signal
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest
from box import TOP, Box
from scheduler_calls import load, tries

# A training as people write it, but for the client's library: resumes its run and its checkpoint.
TRAINING = """
import json, os, sys, time, urllib.request
place, last, stop_at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def call(method, path, body):
    r = urllib.request.Request(os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/" + path, json.dumps(body).encode(), method=method,
        headers={"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]})
    return json.load(urllib.request.urlopen(r))
kept = os.path.join(place, "checkpoint")
if os.path.exists(kept):
    run, first = json.load(open(kept))
    call("POST", "runs/update", {"run_id": run, "status": "RUNNING"})
else:
    run, first = call("POST", "runs/create", {"experiment_id": "0", "run_name": "training"})["run"]["info"]["run_id"], 0
for step in range(first, last + 1):
    now = int(time.time() * 1000)
    loss = 1 / (step + 1) + int(os.environ["ONEBOX_TRY"]) / 1000
    if step % 2:
        call("POST", "runs/log-metric", {"run_id": run, "key": "loss", "value": loss, "step": step, "timestamp": now})
    else:
        call("POST", "runs/log-batch", {"run_id": run, "metrics": [{"key": k, "value": loss, "step": step, "timestamp": now} for k in ("loss", "even")]})
    if step % 4 == 0:
        json.dump([run, step], open(kept + ".tmp", "w"))
        os.rename(kept + ".tmp", kept)
    if step == stop_at and os.environ["ONEBOX_TRY"] == "1":
        open(os.path.join(place, "there"), "w").close()
        time.sleep(600)
"""
# The same with the unmodified client.
CLIENT = (Path(TOP) / "tests/fake/training.py").read_text()
OPEN = "python3 {0}/open.py"
OPENING = """
import json, os, urllib.request
r = urllib.request.Request(os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/create", json.dumps({"experiment_id": "0"}).encode(),
    headers={"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]})
urllib.request.urlopen(r)
"""


class Truth(Box):
    """Scheduler and tracking, which knows its port before the first task does."""

    def __init__(self):
        super().__init__("[scheduler]\nstop_grace = 1s\n")
        for name, text in (("open.py", OPENING), ("training.py", TRAINING), ("client.py", CLIENT)):
            Path(self.dir, name).write_text(text)
        self.start("tracking", "--access-control=yes", "--port=0")  # by that it knows the tasks' tokens
        self.port = int(self.wait(lambda: re.search(r"listening on 127\.0\.0\.1:(\d+)", self.tail(1 << 20)), 120, "tracking")[1])
        with open(self.conf, "a") as f:
            f.write(f"tracking_url = http://127.0.0.1:{self.port}\n")
        self.up()
        self.names = (*self.names, "tracking")  # it ends with the others

    def ask(self, method, path, body=None):
        if method == "GET":
            path, body = path + "?" + urlencode(body), None
        a = self.call(method, "/api/2.0/mlflow/" + path, body, sock="tracking.sock")
        assert a.status == 200, (path, a.body)
        return a.json

    def runs(self, dag):
        found = self.ask("POST", "runs/search", {"experiment_ids": ["0"], "filter": f"tags.`onebox.dag_id` = '{dag}'", "order_by": ["start_time"]})
        return [{**r["info"], "tags": {t["key"]: t["value"] for t in r["data"]["tags"]}} for r in found.get("runs", [])]

    def closed(self, dag, n=1):
        """The DAG's runs once all are closed; the scheduler tells of it after the end."""
        def all_closed():
            runs = self.runs(dag)
            return runs if len(runs) == n and all(r["status"] != "RUNNING" for r in runs) else None
        return self.wait(all_closed, 120, f"the runs of {dag}")

    def history(self, run_id, key):
        points = self.ask("GET", "metrics/get-history", {"run_id": run_id, "metric_key": key})["metrics"]
        return [(p["step"], round(p["value"] - 1 / (p["step"] + 1), 3)) for p in points]


@pytest.fixture(scope="module")
def truth():
    b = Truth()
    yield b
    b.end()


@pytest.mark.parametrize("name, cmd, extra, status", [
    ("well", "true", (), "FINISHED"),
    ("badly", "exit 3", (), "FAILED"),
    ("killed", "kill -9 $$", (), "FAILED"),
    ("late", "sleep 600", ("execution_timeout: 15s",), "FAILED"),
])
def test_closed_as_the_task_ended(truth, name, cmd, extra, status):
    load(truth, name, [("a", f"{OPEN.format(truth.dir)}; {cmd}", *extra)])
    truth.wait_run(name, truth.trigger(name), 120)
    (run,) = truth.closed(name)
    assert run["status"] == status and run["end_time"] >= run["start_time"]
    assert run["tags"]["onebox.task_id"] == "a" and run["tags"]["onebox.try"] == "1"


def test_stopped_by_hand(truth):
    load(truth, "hand", [("a", f"{OPEN.format(truth.dir)}; sleep 600")])
    run_id = truth.trigger("hand")
    truth.wait(lambda: truth.runs("hand"), 120, "the run")
    assert truth.patch(f"/api/v2/dags/hand/dagRuns/{run_id}", {"state": "failed"}).status == 200
    (run,) = truth.closed("hand")
    assert run["status"] in ("KILLED", "FAILED")


def training(truth, name, stop_at, program="training.py"):
    place = Path(truth.dir, name)
    place.mkdir()
    load(truth, name, [("train", f"exec {sys.executable} {truth.dir}/{program} {place} 11 {stop_at}")])
    run_id = truth.trigger(name)
    truth.wait(lambda: (place / "there").exists(), 120, "the training")
    return run_id


def supervisor(truth, dag, run_id, task="train"):
    (t,) = [t for t in tries(truth, dag, run_id, task) if not t.get("result")]
    return int(Path(truth.state, "tasks", t["try_id"], "lock").read_text().split()[0])  # its holder, and the command


def one_history(truth, run):
    """Steps 0–3 are the first try's, from the checkpoint at 4 on all is the second's: each step once."""
    assert truth.history(run["run_id"], "loss") == [(s, 0.001 if s < 4 else 0.002) for s in range(12)]
    assert truth.history(run["run_id"], "even") == [(s, 0.001 if s < 4 else 0.002) for s in range(0, 12, 2)]
    latest = truth.ask("GET", "runs/get", {"run_id": run["run_id"]})["run"]["data"]["metrics"]
    assert {m["key"]: m["step"] for m in latest if not m["key"].startswith("system/")} == {"loss": 11, "even": 10}


def test_interrupted_and_resumed_has_one_history(truth):
    """A night: the supervisor is told to stop, the task runs again and goes on from its checkpoint."""
    run_id = training(truth, "night", 6)
    before = truth.runs("night")[0]
    assert [s for s, _ in truth.history(before["run_id"], "loss")] == list(range(7))
    os.kill(supervisor(truth, "night", run_id), signal.SIGTERM)
    assert truth.wait_run("night", run_id, 120)["state"] == "success"
    assert [t["result"] for t in tries(truth, "night", run_id, "train")] == ["interrupted", "success"]
    (run,) = truth.closed("night")
    assert run["run_id"] == before["run_id"] and run["status"] == "FINISHED"
    assert run["tags"]["onebox.try"] == "2" and run["tags"]["onebox.try_id"] != before["tags"]["onebox.try_id"]
    one_history(truth, run)


def test_a_night_with_the_client(truth):
    """The unmodified client's training: told to stop, run again, goes on by MLFLOW_RUN_ID."""
    pytest.importorskip("mlflow")
    run_id = training(truth, "client_night", 6, "client.py")
    before = truth.runs("client_night")[0]
    os.kill(supervisor(truth, "client_night", run_id), signal.SIGTERM)
    assert truth.wait_run("client_night", run_id, 240)["state"] == "success"
    (run,) = truth.closed("client_night")
    assert run["run_id"] == before["run_id"] and run["status"] == "FINISHED"
    one_history(truth, run)


def test_killed_as_for_memory_with_the_client(truth):
    """SIGKILL, as the kernel gives it to who needs too much memory: the run has failed, until the task is run again and goes on with it."""
    pytest.importorskip("mlflow")
    run_id = training(truth, "client_killed", 6, "client.py")
    before = truth.runs("client_killed")[0]
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                argv = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if f"{truth.dir}/client.py".encode() in argv and b"client_killed" in argv and argv.startswith(sys.executable.encode()):
                os.kill(int(process.name), signal.SIGKILL)
    assert truth.wait_run("client_killed", run_id, 240)["state"] == "failed"
    (failed,) = truth.closed("client_killed")
    assert failed["status"] == "FAILED" and failed["end_time"] >= failed["start_time"]
    again = {"dag_run_id": run_id, "task_ids": ["train"], "include_downstream": True, "only_failed": False, "dry_run": False}
    assert truth.post("/api/v2/dags/client_killed/clearTaskInstances", again).status == 200
    results = ["failed", "success"]
    truth.wait(lambda: [t["result"] for t in tries(truth, "client_killed", run_id, "train")] == results, 240, "the second try's end")
    assert truth.wait_run("client_killed", run_id, 120)["state"] == "success"
    truth.wait(lambda: truth.runs("client_killed")[0]["status"] == "FINISHED", 120, "what the run became")
    (run,) = truth.closed("client_killed")
    assert run["run_id"] == before["run_id"] and run["status"] == "FINISHED"
    one_history(truth, run)
