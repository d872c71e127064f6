"""Two schedulers on one PostgreSQL: one works, the other takes over, and no task begins twice."""
import collections
import os
import signal
import socket
import struct
import subprocess
import threading

import pytest
from box import Box, build_dir
from daemon_test import PATIENCE
from db_server import DbServer

PIPELINE = """name: {name}
pipelines:
  - pipeline: {name}
    max_active_runs: 100
    timeout_minutes: 30
    tasks:
      - {{task: a, type: python, depends_on: [], cmd: 'echo "$ONEBOX_TRY_ID" >> {ledger}; true'}}
      - {{task: b, type: python, depends_on: [a], cmd: 'echo "$ONEBOX_TRY_ID" >> {ledger}; sleep 0.3'}}
      - {{task: c, type: python, depends_on: [b], cmd: 'echo "$ONEBOX_TRY_ID" >> {ledger}; true'}}
"""


class Wire:
    """A Unix socket before the server's, which can be cut."""

    def __init__(self, directory, server, port):
        os.mkdir(directory)
        self.path, self.server = f"{directory}/.s.PGSQL.{port}", f"{server}/.s.PGSQL.{port}"
        self.open, self.ends, self.lock = True, [], threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if not self.open:
                    one.close()
                    continue
                other = socket.socket(socket.AF_UNIX)
                try:
                    other.connect(self.server)
                except OSError:
                    one.close()
                    continue
                self.ends += [one, other]
            for a, b in ((one, other), (other, one)):
                threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    @staticmethod
    def carry(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            self.open = False
            for s in self.ends:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.ends.clear()

    def heal(self):
        with self.lock:
            self.open = True

    def close(self):
        self.cut()
        self.listener.close()


@pytest.fixture(scope="module")
def server():
    s = DbServer("postgres")
    yield s
    s.end()


class Pair(Box):
    """A box with two schedulers, one and two, each with a wire of its own to the database."""

    def __init__(self, server, env_of=None):
        super().__init__("", names=("launcher",))
        self.database, self.env_of, self.wires = server.fresh(), env_of or {}, {}
        self.server = server
        self.ledger = self.dir + "/ledger"
        for name in ("one", "two"):
            self.wires[name] = Wire(f"{self.dir}/{name}", server.directory, server.port)
            with open(f"{self.dir}/{name}.conf", "w") as f:
                f.write(f"[launcher]\nmode = fork\n[scheduler]\nparallelism = 16\ndatabase = postgresql://onebox@/{self.database}"
                        f"?host={self.dir}/{name}&port={server.port}\n")

    def start_scheduler(self, name):
        argv = [f"{build_dir()}/daemons/scheduler/onebox-scheduler", "--state-dir", self.state, "--runtime-dir",
                self.run, "--config", f"{self.dir}/{name}.conf"]
        self.procs[name] = subprocess.Popen(argv, env={**self.env, **self.env_of.get(name, {})},
                                            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def holder(self):
        return self.server.sql("SELECT holder, epoch FROM onebox_lease", self.database)[0]

    def epoch(self):
        return int(self.holder()[1])

    def down(self):
        for wire in self.wires.values():
            wire.heal()
        self.names = ("launcher", "one", "two")
        super().down()

    def remove(self):
        super().remove()
        for wire in self.wires.values():
            wire.close()

    def check(self, runs):
        for run in runs:
            assert self.wait_run("p", run, PATIENCE)["state"] == "success", self.tail()
            tasks = self.tasks_of("p", run)
            assert [tasks[t]["try_number"] for t in "abc"] == [1, 1, 1], (run, tasks)
        with open(self.ledger) as f:
            count = collections.Counter(line.strip() for line in f)
        assert [t for t, n in count.items() if n > 1] == []
        assert len(count) == 3 * len(runs)


@pytest.fixture
def pair(server):
    p = Pair(server)
    p.start("launcher")
    p.start_scheduler("one")
    p.wait_ready(PATIENCE)
    p.start_scheduler("two")
    p.pipeline("p", PIPELINE.format(name="p", ledger=p.ledger))
    p.wait_dag("p", PATIENCE)
    p.wait(lambda: "standing by" in p.tail(100000), PATIENCE, "the second to stand by")
    yield p
    p.end()


def trigger(p, run_id):
    def ask():
        try:
            return p.post("/api/v2/dags/p/dagRuns", {"dag_run_id": run_id}).status in (200, 409)
        except Exception:  # cut off in the middle
            return False
    p.wait(ask, PATIENCE, f"{run_id} to be taken")
    return run_id


def test_one_works_and_all_is_there(pair):
    runs = [trigger(pair, f"r{i}") for i in range(4)]
    pair.check(runs)
    assert pair.epoch() == 1
    listed = pair.get("/api/v2/dags/p/dagRuns?run_id_pattern=R1&order_by=-run_id&limit=10").json
    assert [r["dag_run_id"] for r in listed["dag_runs"]] == ["r1"]
    assert pair.get("/api/v2/importErrors").json["total_entries"] == 0
    assert pair.get("/api/v2/eventLogs").status == 200
    assert pair.get(f"/api/v2/dags/p/dagRuns/{runs[0]}/taskInstances/a/tries").json["total_entries"] == 1
    assert pair.procs["two"].poll() is None


def test_the_other_takes_over_after_kill_9(pair):
    runs = []
    for i, (name, other) in enumerate((("one", "two"), ("two", "one"), ("one", "two"))):
        runs += [trigger(pair, f"r{i}-{n}") for n in range(5)]
        pair.kill(name)
        pair.wait(lambda e=i: pair.epoch() == e + 2, PATIENCE, f"{other} to take over")
        runs += [trigger(pair, f"s{i}-{n}") for n in range(3)]
        pair.start_scheduler(name)
    pair.check(runs)


def test_one_that_is_cut_off_writes_no_more(pair):
    runs = [trigger(pair, f"r{n}") for n in range(6)]
    pair.wires["one"].cut()
    pair.wait(lambda: pair.epoch() == 2, PATIENCE, "the second to take over")
    pair.wires["one"].heal()
    assert pair.procs["one"].wait(PATIENCE) == 1  # it found out, and ended
    runs += [trigger(pair, f"s{n}") for n in range(3)]
    pair.start_scheduler("one")  # as its unit would
    pair.check(runs)
    assert pair.epoch() == 2


def test_one_that_slept_writes_no_more(pair):
    """Stopped in the middle, and its connection gone: what it goes on with then is refused."""
    runs = [trigger(pair, f"r{n}") for n in range(6)]
    os.kill(pair.procs["one"].pid, signal.SIGSTOP)
    pair.wires["one"].cut()
    pair.wires["one"].heal()
    pair.wait(lambda: pair.epoch() == 2, PATIENCE, "the second to take over")
    os.kill(pair.procs["one"].pid, signal.SIGCONT)
    assert pair.procs["one"].wait(PATIENCE) == 1
    runs += [trigger(pair, f"s{n}") for n in range(3)]
    pair.check(runs)


def test_the_database_may_go_and_come(pair):
    runs = [trigger(pair, f"r{n}") for n in range(4)]
    for wire in pair.wires.values():
        wire.cut()
    for wire in pair.wires.values():
        wire.heal()
    runs += [trigger(pair, f"s{n}") for n in range(3)]
    pair.start_scheduler("one") if pair.procs["one"].poll() is not None else None
    pair.check(runs)


def hour_ahead(directory):
    """The environment of a program whose wall clock is an hour ahead."""
    shim = os.path.abspath(f"{build_dir()}/tests/fake/clock_shim.so")
    if not os.path.exists(shim):
        pytest.skip(f"{shim} is not built")
    path = f"{directory}/clock"
    with open(path, "wb") as f:
        f.write(struct.pack("<3q", 3600 * 10**6, 0, 0))
    options = ":".join(o for o in (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0") if o)
    return {"LD_PRELOAD": shim, "ONEBOX_CLOCK_FILE": path, "ASAN_OPTIONS": options}


def test_clocks_that_differ(pair):
    """The second's clock is an hour ahead, then the first's works again: nobody compares them."""
    pair.kill("two", signal.SIGTERM)
    pair.env_of["two"] = hour_ahead(pair.dir)
    pair.start_scheduler("two")
    runs = []
    for i, name in enumerate(("one", "two")):
        runs += [trigger(pair, f"r{i}-{n}") for n in range(4)]
        pair.kill(name)
        pair.wait(lambda e=i: pair.epoch() == e + 2, PATIENCE, "the other to take over")
        pair.start_scheduler(name)
    runs += [trigger(pair, f"s{n}") for n in range(3)]
    pair.check(runs)


def test_a_database_that_is_none(server):
    box = Box("[scheduler]\ndatabase = mysql://x@y/z\n", names=("scheduler",))
    try:
        box.start("scheduler")
        assert box.procs["scheduler"].wait(PATIENCE) == 78
        assert "database in [scheduler]: mysql://x@y/z is no database that can be used here: use postgresql://" in box.tail()
    finally:
        box.end()
