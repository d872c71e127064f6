"""onebox-scheduler when things take long: a disk that stands still, a launcher that sleeps, a value nobody can read."""
import os
import signal
import socket

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
        b.remove()


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
