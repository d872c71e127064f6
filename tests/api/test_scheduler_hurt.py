"""onebox-scheduler hurt: killed, left alone by its neighbours, after a power cut, with a spool that lies."""
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

from box import Box
from daemon_test import PATIENCE
from scheduler_calls import has_faults, load, log_of, own, run, tries  # noqa: F401 (own is a fixture)


def start_long(b, name="long", cmd="echo $$; sleep 600; echo done"):
    load(b, name, [("a", cmd), ("b", "true")])
    run_id = b.trigger(name)
    b.wait(lambda: b.tasks_of(name, run_id)["a"]["state"] == "running" and log_of(b, name, run_id, "a"),
           20, "a running task")
    return run_id


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_tasks_outlive_the_scheduler(own, sig):
    own.up()
    go = own.dir + "/go"
    run_id = start_long(own, cmd=f"echo $$; while [ ! -e {go} ]; do sleep 0.05; done; echo done")
    before = tries(own, "long", run_id, "a")
    assert own.kill("scheduler", sig) == (0 if sig == signal.SIGTERM else -sig)
    open(go, "w").close()
    time.sleep(0.3)
    assert own.shims(), "it waits for the scheduler"
    own.start("scheduler")
    own.wait_ready()
    assert own.wait_run("long", run_id)["state"] == "success"
    after = tries(own, "long", run_id, "a")
    assert [t["try_id"] for t in after] == [t["try_id"] for t in before]
    assert log_of(own, "long", run_id, "a")[1:] == ["done"]
    own.wait(lambda: not own.shims(), 10, "the end of the supervisors")


def test_shim_killed_interrupts_and_uses_no_retry(own):
    own.up()
    ledger = own.dir + "/ledger"
    run_id = start_long(own, cmd=f"echo $$; echo $ONEBOX_TRY_ID >> {ledger}; [ $(wc -l < {ledger}) = 2 ] || (setsid sleep 600 & sleep 600)")
    (pid,) = own.shims()
    os.kill(pid, signal.SIGKILL)
    assert own.wait_run("long", run_id)["state"] == "success"
    assert [t["result"] for t in tries(own, "long", run_id, "a")] == ["interrupted", "success"]
    with open(ledger) as f:
        lines = f.read().split()
    assert len(lines) == len(set(lines)) == 2
    left = subprocess.run(["pgrep", "-f", "^sleep 600$"], capture_output=True, text=True).stdout.split()
    for p in left:
        try:
            with open(f"/proc/{p}/environ", "rb") as f:
                assert lines[0].encode() not in f.read(), "left behind"
        except (FileNotFoundError, ProcessLookupError):
            pass


def test_night_of_one_task(own):
    """SIGTERM to the supervisor alone, as a stop of the machine does it."""
    own.up()
    run_id = start_long(own, cmd="echo $$; [ $ONEBOX_TRY = 2 ] || sleep 600")
    (pid,) = own.shims()
    os.kill(pid, signal.SIGTERM)
    assert own.wait_run("long", run_id)["state"] == "success"
    assert [t["result"] for t in tries(own, "long", run_id, "a")] == ["interrupted", "success"]


def test_after_another_boot_everything_handed_out_is_interrupted(own):
    """The power went: no process lives, and what was not fsynced is gone, `started` too."""
    own.up()
    run_id = start_long(own, cmd="echo $$; [ $ONEBOX_TRY = 2 ] || sleep 600")
    own.kill("scheduler")
    (try_id,) = [t["try_id"] for t in own_tries(own)]
    for pid in own.shims():
        os.kill(pid, signal.SIGKILL)
    own.wait(lambda: not own.shims(), 10, "the power cut")
    for name in ("started", "lock", "end.tmp", "spec.json"):
        os.remove(f"{own.state}/tasks/{try_id}/{name}")
    with sqlite3.connect(own.state + "/scheduler/scheduler.db") as db:
        db.execute("UPDATE tries SET boot_id = '00000000-0000-4000-8000-000000000000'")
    own.start("scheduler")
    own.wait_ready()
    assert own.wait_run("long", run_id)["state"] == "success"
    assert [t["result"] for t in tries(own, "long", run_id, "a")] == ["interrupted", "success"]


def own_tries(b):
    with sqlite3.connect(b.state + "/scheduler/scheduler.db") as db:
        return [{"try_id": r[0]} for r in db.execute("SELECT try_id FROM tries WHERE result IS NULL")]


def test_launcher_away(own):
    """Starts wait; a run marked failed meanwhile is over although nothing ever began."""
    own.names = ("scheduler",)
    own.up()
    load(own, "wait", [("a", "echo ran")])
    run_id, gone_id = own.trigger("wait"), own.trigger("wait", dag_run_id="gone")
    own.wait(lambda: own.get("/api/onebox/v1/status").json["launcher_trouble"], 20, "trouble")
    own.patch("/api/v2/dags/wait/dagRuns/gone", {"state": "failed"})
    assert own.wait_run("wait", "gone")["state"] == "failed"
    own.names = ("launcher", "scheduler")
    own.start("launcher")
    assert own.wait_run("wait", run_id)["state"] == "success"
    assert own.get("/api/v2/dags/wait/dagRuns/gone/taskInstances/a/logs/0").status in (200, 404)
    with sqlite3.connect(own.state + "/scheduler/scheduler.db") as db:
        (exit_code,) = db.execute("SELECT y.exit_code FROM tries y JOIN dag_runs r ON r.id = y.dag_run "
                                  "WHERE r.run_id = 'gone'").fetchone()
    assert exit_code is None, "it never ran"


def test_a_spool_nobody_knows_goes_to_lost_and_found(own):
    try_id = "01890a5d-ac96-774b-bcce-b302099a8057"
    os.makedirs(f"{own.state}/tasks/{try_id}")
    with open(f"{own.state}/tasks/{try_id}/spec.json", "w") as f:
        f.write("{torn")
    own.up()
    assert os.path.exists(f"{own.state}/tasks/lost+found/{try_id}/spec.json")
    assert not os.path.exists(f"{own.state}/tasks/{try_id}")


def test_a_start_cut_off_before_its_spec_is_begun_again(own):
    """Its directory is there and nothing in it: the scheduler was killed in between."""
    own.names = ("scheduler",)
    own.up()
    load(own, "cut", [("a", "echo ran")])
    run_id = own.trigger("cut")
    ((try_id,),) = own.wait(lambda: [(t["try_id"],) for t in own_tries(own)], 20, "the try")
    own.wait(lambda: os.path.exists(f"{own.state}/tasks/{try_id}/spec.json"), 20, "its spec")
    own.kill("scheduler")
    os.remove(f"{own.state}/tasks/{try_id}/spec.json")
    own.names = ("launcher", "scheduler")
    own.start("scheduler")
    own.start("launcher")
    own.wait_ready()
    assert own.wait_run("cut", run_id)["state"] == "success"
    assert not os.path.exists(f"{own.state}/tasks/lost+found")
    assert [t["result"] for t in tries(own, "cut", run_id, "a")] == ["success"]


def test_reports_that_mean_nothing(own):
    own.up()
    a = own.post("/internal/tries/01890a5d-ac96-774b-bcce-b302099a8057")
    assert a.status == 200, "nothing to record: the shim may go"


def test_one_scheduler_a_state_directory(own):
    own.up()
    p = subprocess.run([own.program("scheduler"), "--state-dir", own.state, "--runtime-dir", own.dir,
                        "--config", own.conf], capture_output=True, text=True, timeout=30)
    assert p.returncode == 1 and "another onebox-scheduler" in p.stderr


def test_a_standby_takes_over_in_seconds(own):
    """Two at once on one state directory: the second decides nothing until the first is gone, then it goes on with what
    runs, and nothing is started twice."""
    own.up()
    go = own.dir + "/go"
    ledger = own.dir + "/ledger"
    run_id = start_long(own, cmd=f"echo $ONEBOX_TRY_ID >> {ledger}; echo $$; while [ ! -e {go} ]; do sleep 0.05; done")
    first = own.procs["scheduler"]
    own.start("scheduler", "--standby=yes")
    second = own.procs["scheduler"]
    own.wait(lambda: "standing by" in own.tail(), 20, "the standby")
    assert own.run_of("long", run_id)["state"] == "running", "the first one still answers"
    first.kill()
    first.wait()
    began = time.monotonic()
    own.wait_ready()
    assert time.monotonic() - began < 30 and second.poll() is None
    assert "taking over" in own.tail()
    open(go, "w").close()
    assert own.wait_run("long", run_id)["state"] == "success"
    assert [t["result"] for t in tries(own, "long", run_id, "a")] == ["success"]
    with open(ledger) as f:
        assert len(f.read().split()) == 1
    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0


def test_a_link_in_the_spool_shows_nothing(own):
    """The task's user owns its directory: what it puts there is not followed."""
    own.up()
    secret = own.dir + "/secret"
    with open(secret, "w") as f:
        f.write("2026-01-01T00:00:00.000000Z o secret\n")
    load(own, "evil", [("a", f"cd {own.state}/tasks/$ONEBOX_TRY_ID && rm log && ln -s {secret} log")])
    run_id, r = run(own, "evil")
    a = own.get(f"/api/v2/dags/evil/dagRuns/{run_id}/taskInstances/a/logs/1")
    assert b"secret" not in a.body


def test_restart_with_much_history(own):
    own.up()
    load(own, "many", [("a", "true")], "    max_active_runs: 32\n")
    ids = [own.trigger("many") for _ in range(40)]
    for run_id in ids:
        own.wait_run("many", run_id)
    own.restart("scheduler")
    own.wait_ready()
    s = own.get("/api/onebox/v1/status").json
    assert s["runs_running"] == s["runs_queued"] == s["tasks_live"] == 0
    assert own.get("/api/v2/dags/many/dagRuns?state=success").json["total_entries"] == 40


@pytest.mark.parametrize("takes_many", [True, False])
def test_tracking_hears_of_every_end(own, takes_many):
    """It says 503 first: it is told again. Ends that come together are told together; refused, each by itself."""
    got, n_many, n_503 = {}, 0, 0
    server = socket.socket(socket.AF_UNIX)
    server.bind(own.run + "/tracking.sock")
    server.listen(16)
    server.settimeout(PATIENCE)

    def ask_of(c):
        data = b""
        while True:
            head, end, body = data.partition(b"\r\n\r\n")
            if end and len(body) >= int(re.search(rb"(?i)content-length: (\d+)", head)[1]):
                return head.split()[1].decode(), json.loads(body)
            more = c.recv(65536)
            assert more, data
            data += more

    def serve():
        nonlocal n_many, n_503
        while len(got) < 6:
            c, _ = server.accept()
            path, body = ask_of(c)
            if n_503 < 2:
                n_503 += 1
                status = b"503 Later"
            elif path == "/internal/tries/ended":
                n_many += 1
                status = b"200 OK" if takes_many else b"400 No"
                got.update({t["try_id"]: t["status"] for t in body["tries"] if takes_many})
            else:
                status = b"200 OK"
                got[re.fullmatch("/internal/tries/([0-9a-f-]+)/ended", path)[1]] = body["status"]
            c.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            c.close()
    t = threading.Thread(target=serve)
    t.start()
    own.up()
    load(own, "told", [(f"a{i}", "true", "depends_on: []") for i in range(4)] + [(f"b{i}", "exit 2", "depends_on: []") for i in range(2)])
    run_id, _ = run(own, "told")
    t.join(PATIENCE)
    server.close()
    want = {x["try_id"]: s for task, s in [(f"a{i}", "FINISHED") for i in range(4)] + [(f"b{i}", "FAILED") for i in range(2)]
            for x in tries(own, "told", run_id, task)}
    assert got == want and n_503 == 2 and n_many
    own.wait(lambda: own.get("/api/onebox/v1/status").json["at_rest"], PATIENCE, "rest")


def test_a_version_that_cannot_be_read_stops_nothing(own):
    """Its DAG comes anew from its file; its finished runs stay; a run that began with it is left alone."""
    own.up()
    load(own, "odd", [("a", "true")])
    load(own, "fine", [("a", "true")])
    run_id, _ = run(own, "odd")
    own.kill("scheduler")
    with sqlite3.connect(own.state + "/scheduler/scheduler.db") as db:
        db.execute("UPDATE dag_versions SET body = '{}' WHERE dag_id = 'odd'")
        db.execute("INSERT INTO dag_runs (dag_id, run_id, version, state, run_type) "
                   "VALUES ('odd', 'stuck', 1, 'running', 'manual')")
    own.start("scheduler")
    own.wait_ready()
    assert own.wait_dag("odd") and own.run_of("odd", run_id)["state"] == "success"
    own.wait(lambda: own.get("/api/v2/dags/odd/details").json["latest_dag_version"]["version_number"] == 2,
             20, "version 2")
    assert run(own, "odd", dag_run_id="new")[1]["state"] == "success"
    assert run(own, "fine")[1]["state"] == "success"
    assert own.patch("/api/v2/dags/odd/dagRuns/stuck", {"state": "failed"}).status == 409
    assert "left out" in own.tail(1 << 20)


def test_a_directory_that_cannot_be_read_takes_nothing_away(own):
    """What it gave stays, and the error goes by itself."""
    own.up()
    load(own, "kept", [("a", "true")])
    directory = own.state + "/pipelines"
    os.rename(directory, directory + ".away")
    with open(directory, "w") as f:
        f.write("no directory")
    own.wait(lambda: own.get("/api/v2/importErrors").json["total_entries"], 90, "the error")
    assert not own.get("/api/v2/dags/kept").json["is_stale"]
    os.remove(directory)
    os.rename(directory + ".away", directory)
    own.wait(lambda: own.get("/api/v2/importErrors").json["total_entries"] == 0, 20, "the error's end")
    assert run(own, "kept")[1]["state"] == "success"


@pytest.mark.parametrize("nth", range(3, 10))
def test_a_commit_that_fails_loses_nothing(nth):
    """The batch is lost as a whole, the world is read anew, and the spool says what had happened."""
    if not has_faults():
        pytest.skip("the build has no --enable-faults")
    b = Box(env={"ONEBOX_FAULT": f"commit:{nth}:ENOSPC:2"})
    ledger = b.dir + "/ledger"
    try:
        b.up()
        load(b, "full", [("a", f"echo $ONEBOX_TRY_ID >> {ledger}"), ("b", f"echo $ONEBOX_TRY_ID >> {ledger}; test $ONEBOX_TRY = 2",
                                                                     "retries: 1", "retry_delay: 0.05s")])
        b.wait(lambda: b.post("/api/v2/dags/full/dagRuns", {"dag_run_id": "one"}).status in (200, 409),
               20, "a trigger that is taken")
        assert b.wait_run("full", "one")["state"] == "success"
        assert [t["result"] for t in tries(b, "full", "one", "b")] == ["failed", "success"]
        with open(ledger) as f:
            lines = f.read().split()
        assert len(lines) == len(set(lines)) == 3
        b.wait(lambda: not b.shims(), 20, "the end of the supervisors")
    finally:
        log = b.end()
    assert "could not be written" in log, "the fault was not met"


def test_old_runs_go_and_the_latest_stays():
    b = Box("[scheduler]\nkeep_runs = 2s\ntidy_every = 1s\n")
    try:
        b.up()
        load(b, "often", [("a", "echo hello")])
        load(b, "once", [("a", "true")])
        runs = [run(b, "often")[0] for _ in range(3)]
        alone, _ = run(b, "once")
        b.wait(lambda: b.get("/api/v2/dags/often/dagRuns").json["total_entries"] == 1, 30, "the old ones to go")
        assert b.run_of("often", runs[-1])["state"] == "success" and b.run_of("once", alone)["state"] == "success"
        assert b.get(f"/api/v2/dags/often/dagRuns/{runs[0]}").status == 404
        with sqlite3.connect(b.state + "/scheduler/scheduler.db") as db:
            for table in ("dag_runs", "task_instances", "tries"):
                key = "id" if table == "dag_runs" else "dag_run"
                assert db.execute(f"SELECT COUNT(DISTINCT {key}) FROM {table}").fetchone()[0] == 2, table
            assert db.execute("SELECT COUNT(*) FROM event_logs").fetchone()[0] <= 4
        again, _ = run(b, "often")
        assert b.run_of("often", again)["state"] == "success"
    finally:
        b.end()
