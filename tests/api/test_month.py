"""A month of trainings, every day its number: the database, its log and the spool stay within their budgets.

The scheduler is the real one, on a clock of ours that jumps from day to day; the launcher is make-believe: it leaves in
the spool what onebox-task would, with the times of that clock. ONEBOX_MONTH = DAYSxTRAININGS (30x1000 in `check --all`).
"""
import contextlib
import datetime
import json
import os
import socketserver
import sqlite3
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import pytest
from box import Box, build_dir
from daemon_test import PATIENCE

DAYS, A_DAY = (int(n) for n in os.environ.get("ONEBOX_MONTH", "9x40").split("x"))
KEEP_DAYS = 3
LOG = b"2026-01-01T00:00:00.000000Z o epoch 1: loss 0.25\n" * 400
BUDGET_DAYS = 1  # of logs, less than KEEP_DAYS: the budget bites before the age does

PIPELINE = """name: train
pipelines:
  - pipeline: train
    max_active_runs: 100000
    tasks:
      - {task: train, type: python, cmd: 'python train.py | tee log'}
"""


class Clock:
    """Days ahead of the real one, for a program that is not to know."""

    def __init__(self, directory):
        self.shim = os.path.abspath(f"{build_dir()}/tests/fake/clock_shim.so")
        if not os.path.exists(self.shim):
            pytest.skip(f"{self.shim} is not built")
        self.path, self.ahead, self.n_sets = f"{directory}/clock", 0, 0
        self.write()

    def write(self):
        with open(self.path + ".new", "wb") as f:
            f.write(struct.pack("<3q", self.ahead * 10**6, self.ahead * 10**6, self.n_sets))
        if os.path.exists(self.path):  # it is mapped: the bytes change in place
            with open(self.path + ".new", "rb") as f, open(self.path, "r+b") as to:
                to.write(f.read())
        else:
            os.rename(self.path + ".new", self.path)

    def jump(self, seconds):
        self.ahead += seconds
        self.n_sets += 1
        self.write()

    def now(self):
        return time.time() + self.ahead

    def stamp(self):
        return datetime.datetime.fromtimestamp(self.now(), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def env(self):
        options = ":".join(o for o in (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0") if o)
        return {"LD_PRELOAD": self.shim, "ONEBOX_CLOCK_FILE": self.path, "ASAN_OPTIONS": options}


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 256


class Launcher:
    """What onebox-launcher and onebox-task leave behind, without a process."""

    def __init__(self, box, clock):
        self.box, self.clock, self.lock, self.done, self.wrong = box, clock, threading.Lock(), set(), []
        self.pool = ThreadPoolExecutor(8)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self):
                return "unix"

            def log_message(self, *args):
                pass

            def do_POST(self):
                ask = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = b'{"stopping": false}' if self.path == "/stop" else b'{"unit": null, "pid": null}'
                if self.path == "/start":
                    outer.submit(ask["try_id"])
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = Server(f"{box.run}/launcher.sock", Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def run(self, try_id):
        directory = f"{self.box.state}/tasks/{try_id}"
        began = self.clock.stamp()
        try:
            os.mkdir(f"{directory}/xcom")
        except FileExistsError:
            return  # asked for again, which a supervisor refuses
        end = {"version": 1, "try_id": try_id, "how": "exit", "exit_code": 0, "signal": None, "message": None,
               "started_at": began, "ended_at": self.clock.stamp(), "duration_s": 0.1, "cpu_user_s": 0.1, "cpu_system_s": 0.1,
               "peak_memory_bytes": 1, "read_bytes": 0, "written_bytes": 0, "oom": False, "cgroup": False,
               "log_bytes": len(LOG), "log_lost_bytes": 0, "left_behind": 0}
        # its end before its start: nobody holds the lock meanwhile, and a started try would count as cut off; acknowledged
        # by its clock before the scheduler does it by the disk's, which does not jump: what is days old goes
        files = {"log": LOG, "xcom/loss": b"0.25", "acked": b"", "end.json": json.dumps(end).encode(), "started": b"",
                 "lock": b"1 0\n"}
        for name, data in files.items():
            with open(f"{directory}/new", "wb") as f:
                f.write(data)
            os.utime(f"{directory}/new", (self.clock.now(),) * 2)
            os.rename(f"{directory}/new", f"{directory}/{name}")
        while self.box.post(f"/internal/tries/{try_id}", timeout=PATIENCE).status != 200:
            time.sleep(0.01)  # it is being recorded, or the start is
        with self.lock:
            self.done.add(try_id)

    def submit(self, try_id):
        self.pool.submit(self.run, try_id).add_done_callback(lambda f: f.exception() and self.wrong.append(f.exception()))


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def pages(path):
    """Bytes of all its pages, wherever they are."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA page_count").fetchone()[0] * db.execute("PRAGMA page_size").fetchone()[0]


def test_a_month_stays_within_its_budgets():
    budget = BUDGET_DAYS * A_DAY * len(LOG)
    box = Box(f"[scheduler]\nkeep_runs = {KEEP_DAYS}d\nkeep_tries = {KEEP_DAYS}d\ntidy_every = 1h\nparallelism = 64\n"
              f"[logging]\nlocal_log_budget = {budget}\n", names=("scheduler",))
    clock = Clock(box.dir)
    box.env.update(clock.env())
    launcher = Launcher(box, clock)
    database, sizes, wals = f"{box.state}/scheduler/scheduler.db", [], []
    try:
        box.up()
        box.pipeline("train", PIPELINE)
        box.wait_dag("train", PATIENCE)

        def trigger(i):
            answer = box.post("/api/v2/dags/train/dagRuns", {"logical_date": None}, timeout=PATIENCE)
            assert answer.status == 200, answer.body

        def runs(more=""):
            return box.get(f"/api/v2/dags/train/dagRuns?limit=1{more}").json["total_entries"]

        def spool():
            return [d for d in os.listdir(f"{box.state}/tasks") if os.path.exists(f"{box.state}/tasks/{d}/log")]

        for day in range(DAYS):
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(trigger, range(A_DAY)))
            box.wait(lambda d=day: launcher.wrong or len(launcher.done) == (d + 1) * A_DAY, PATIENCE, "the day's trainings")
            assert launcher.wrong == []
            box.wait(lambda: runs("&state=running") + runs("&state=queued") == 0, PATIENCE, "the runs to end")
            sizes.append(pages(database))
            wals.append(size(database + "-wal"))
            clock.jump(86400)
            kept = min(day + 1, KEEP_DAYS - 1)  # the third day back is three days old by now
            box.wait(lambda k=kept: runs() == k * A_DAY, PATIENCE, "old runs to go")
            box.wait(lambda: sum(size(f"{box.state}/tasks/{d}/log") for d in spool()) <= budget, PATIENCE, "old logs to go")
        assert runs("&state=success") == runs()
        assert len(spool()) == BUDGET_DAYS * A_DAY  # and not more than has to
        full = sizes[KEEP_DAYS + 1]
        print(f"{DAYS} days of {A_DAY}: database {[s // 1024 for s in sizes]} KiB, log of it {max(wals) // 1024} KiB, "
              f"{full // (KEEP_DAYS + 1) // A_DAY} bytes a training")
        assert max(sizes[KEEP_DAYS + 1:]) <= 1.2 * full + 64 * 1024, sizes
        assert max(wals) <= 72 * 1024 * 1024, wals
    finally:
        launcher.server.shutdown()
        box.end()
