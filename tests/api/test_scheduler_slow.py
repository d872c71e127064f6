"""onebox-scheduler when things take long: a disk that stands still, a launcher that sleeps, a value nobody can read."""
import os
import signal
import socket
import threading

import pytest
from daemon_test import PATIENCE

from box import Box
from scheduler_calls import has_faults, load, own, tries  # noqa: F401 (own is a fixture)
from slow_disk import SlowDisk


def deep(n):
    return "[" * n + "]" * n


def test_a_disk_slower_than_the_clients_patience(own):
    """Each sync takes longer than the client waits for its answer, and it asks again and again, while the ends of
    tasks have to be written all the time: the second answer needs no sync, so it gets one in the end."""
    disk = SlowDisk(own.dir)
    own.start("launcher")
    own.env.update(disk.env())  # the scheduler's alone: reports go on coming
    own.start("scheduler")
    own.wait_ready(PATIENCE)
    load(own, "busy", [("a", "true", f"expand: {{x: {list(range(200))}}}")])
    load(own, "slow", [("a", "echo done")])
    busy = own.trigger("busy")
    disk.sync_takes(2)

    def asked_once():
        try:
            return own.post("/api/v2/dags/slow/dagRuns", {"dag_run_id": "one"}, timeout=1).status
        except (OSError, socket.timeout):
            return None  # it is syncing
    assert own.wait(asked_once, PATIENCE, "an answer") == 409
    assert own.run_of("busy", busy)["state"] == "running", "nothing else was written"
    disk.sync_takes(0)
    assert own.wait_run("slow", "one", PATIENCE)["state"] == "success"
    assert own.get("/api/v2/dags/slow/dagRuns").json["total_entries"] == 1
    assert own.wait_run("busy", busy, PATIENCE)["state"] == "success"


class Asked(threading.Thread):
    """A request whose answer may take as long as the test wants."""

    def __init__(self, call, *args, **kw):
        super().__init__(daemon=True)
        self.ask = lambda: call(*args, timeout=PATIENCE, **kw)
        self.status = None
        self.start()

    def run(self):
        self.status = self.ask().status

    def answered(self):
        self.join(PATIENCE)
        return self.status


def test_who_reads_waits_for_no_sync(own):
    """A sync hangs: what is on the disk is told, all of it; what is not yet is told to nobody, and nothing follows from
    it, until it is."""
    disk = SlowDisk(own.dir)
    own.start("launcher")
    own.env.update(disk.env())
    own.start("scheduler")
    own.wait_ready(PATIENCE)
    ledger = f"{own.dir}/ledger"
    load(own, "calm", [("a", "echo $ONEBOX_RUN_ID >> $LEDGER; echo done", f"env_vars: {{LEDGER: {ledger}}}")])
    load(own, "other", [("a", "true")])
    assert own.post("/api/v2/variables", {"key": "greeting", "value": "hello"}).status == 201
    first = own.trigger("calm")
    assert own.wait_run("calm", first, PATIENCE)["state"] == "success"

    begun = disk.syncs()
    disk.sync_takes(10 * PATIENCE)
    held = Asked(own.post, "/api/v2/dags/calm/dagRuns", {"dag_run_id": "held"})
    own.wait(lambda: disk.syncs() > begun, PATIENCE, "the commit")
    behind = [Asked(own.patch, "/api/v2/dags/other", {"is_paused": True}),
              Asked(own.get, f"/api/onebox/v1/why?dag_id=calm&run_id=held"), Asked(own.get, "/api/v2/pools")]
    runs = "/api/v2/dags/calm/dagRuns"
    told = {path: own.get(path, timeout=PATIENCE) for path in (
        "/api/v2/version", "/api/v2/monitor/health", "/api/v2/dags", "/api/v2/dags/other/details",
        "/api/v2/dags/calm/tasks", runs, f"{runs}/{first}", f"{runs}/{first}/taskInstances",
        f"{runs}/{first}/taskInstances/a/tries", f"{runs}/{first}/taskInstances/a/logs/1", "/api/v2/eventLogs",
        "/api/v2/importErrors", "/api/v2/dagStats", "/api/v2/variables/greeting", "/api/v2/connections",
        "/api/onebox/v1/status", "/api/onebox/v1/night", "/api/onebox/v1/next?dag_id=calm", f"{runs}/held")}
    assert {path: a.status for path, a in told.items() if a.status != 200} == {f"{runs}/held": 404}
    assert [r["dag_run_id"] for r in told[runs].json["dag_runs"]] == [first]
    assert {d["dag_id"]: d["is_paused"] for d in told["/api/v2/dags"].json["dags"]} == {"calm": False, "other": False}
    assert [a.status for a in (held, *behind)] == [None] * 4
    with open(ledger) as f:
        assert f.read().split() == [first]

    disk.sync_takes(0)
    assert [a.answered() for a in (held, *behind)] == [200] * 4
    assert own.wait_run("calm", "held", PATIENCE)["state"] == "success"
    assert own.get("/api/v2/dags/other").json["is_paused"] is True
    with open(ledger) as f:
        assert f.read().split() == [first, "held"]


def test_what_stands_is_said_while_nothing_can_be_written():
    """A run that is there needs no write to be known."""
    if not has_faults():
        pytest.skip("the build has no --enable-faults")
    b = Box(env={"ONEBOX_FAULT": "commit:20:ENOSPC:0"})
    try:
        b.up()
        load(b, "full", [("a", "true")])
        b.patch("/api/v2/dags/full", {"is_paused": True})

        def trigger(i):
            return b.post("/api/v2/dags/full/dagRuns", {"dag_run_id": f"run{i}"}).status
        taken = 0
        while (status := trigger(taken)) == 200:
            taken += 1
        assert (taken > 0, status) == (True, 503)
        assert [trigger(i) for i in (0, taken - 1, taken)] == [409, 409, 503]
    finally:
        b.end()


def test_a_start_that_is_asked_for_again_begins_once(own):
    """What forks the supervisors sleeps, so that nothing of a try is seen: its start is asked for again."""
    own.up()
    load(own, "late", [("a", "echo $ONEBOX_TRY_ID >> $LEDGER; echo done", f"env_vars: {{LEDGER: {own.dir}/ledger}}")])
    first = own.trigger("late")  # it is there from the first start on
    assert own.wait_run("late", first, PATIENCE)["state"] == "success"
    (server,) = own.shim_servers()
    os.kill(server, signal.SIGSTOP)
    try:
        run_id = own.trigger("late")
        own.kill("scheduler")  # and a new one asks as well
        own.start("scheduler")
        own.wait_ready(PATIENCE)
        own.kill("scheduler")
        own.start("scheduler")
        own.wait_ready(PATIENCE)
    finally:
        os.kill(server, signal.SIGCONT)
    assert own.wait_run("late", run_id, PATIENCE)["state"] == "success"
    with open(f"{own.dir}/ledger") as f:
        ran = f.read().split()
    assert ran == [t["try_id"] for r in (first, run_id) for t in tries(own, "late", r, "a")]


def test_a_value_nobody_can_read_fails_its_task_alone(own):
    """Each value alone may be as deep as JSON may be here; all of a mapped task's together are deeper."""
    own.up()
    load(own, "deep", [
        ("each", f"echo '{deep(128)}' > $ONEBOX_XCOM_DIR/return_value.json", "expand: {x: [1, 2]}"),
        ("over", "echo {{y}}", "expand: {y: {xcom: each}}")])
    load(own, "other", [("a", "echo done")])
    run_id = own.trigger("deep")
    assert own.wait_run("deep", run_id, 30)["state"] == "failed"
    text = own.get(f"/api/onebox/v1/why?dag_id=deep&run_id={run_id}&task_id=over".replace("+", "%2B")).json["text"]
    assert "cannot be read" in text
    assert own.wait_run("other", own.trigger("other"), PATIENCE)["state"] == "success"


def test_an_end_that_cannot_be_written_holds_up_no_other(own):
    """Its value is too large for the database, and where such values go is no directory."""
    with open(own.conf, "a") as f:
        f.write("xcom_spill_threshold = 1000\n")
    own.up()
    load(own, "big", [("a", "echo $ONEBOX_TRY_ID >> $LEDGER; seq 1000 > $ONEBOX_XCOM_DIR/return_value",
                       f"env_vars: {{LEDGER: {own.dir}/ledger}}")])
    load(own, "other", [("a", "echo done"), ("b", "echo done")])
    in_the_way = f"{own.state}/scheduler/xcom"
    open(in_the_way, "w").close()
    run_id = own.trigger("big")
    own.wait(lambda: "could not be written" in own.tail(1 << 20), PATIENCE, "the lost batch")

    def triggered():
        return own.post("/api/v2/dags/other/dagRuns", {"dag_run_id": "one"}).status in (200, 409)
    own.wait(triggered, PATIENCE, "a trigger that is taken")
    assert own.wait_run("other", "one", PATIENCE)["state"] == "success"
    assert own.run_of("big", run_id)["state"] == "running"
    os.remove(in_the_way)
    assert own.wait_run("big", run_id, PATIENCE)["state"] == "success"
    with open(f"{own.dir}/ledger") as f:
        assert f.read().split() == [t["try_id"] for t in tries(own, "big", run_id, "a")]
