#!/usr/bin/env python3
"""The tracking server measured: requests per second, latency, CPU a request, memory, start.

Beside the real `mlflow server` when ONEBOX_PEER_MLFLOW names the bin directory of its venv, and beside two limits,
taken right after each load: what the disk gives for commits of as many bytes, and what plain SQLite gives for the
same rows in the same tables (bench_limits.c). ONEBOX_BENCH_RUNS sets the runs of the searches, ONEBOX_BENCH_POINTS
the points of the history, ONEBOX_BENCH_MIB the artifact's size. The start is the median of several. At the end a row
for each promise: measured, its target, the limit when there is one nearer, and whether it is met or how much of the
limit is reached.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from promises import print_promises

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
from daemon_test import end_group  # noqa: E402

BUILD = Path(os.environ.get("ONEBOX_BUILD_DIR") or os.environ.get("top_builddir") or ".")
PEER = os.environ.get("ONEBOX_PEER_MLFLOW")
RUNS = int(os.environ.get("ONEBOX_BENCH_RUNS", "10000"))
POINTS = int(os.environ.get("ONEBOX_BENCH_POINTS", "20000"))
MIB = int(os.environ.get("ONEBOX_BENCH_MIB", "100"))
STARTS = 5
# What people ask besides what was promised; # is a digit that changes from one request to the next. So many of them, of
# which each is asked so often, that a way that suits one of them only is seen.
SEARCHES = (("by a metric", "", "metrics.acc DESC"), ("a param LIKE", "params.p1 LIKE '%#%'", ""),
            ("a tag, newest first", "tags.team = 'team-#'", "attributes.start_time DESC"),
            ("a status, newest first", "attributes.status = 'FAILED'", "attributes.start_time DESC"),
            ("two metrics, by a third", "metrics.m1 > 0.5 AND metrics.m2 < 0.#5", "metrics.m3"))
TICKS = os.sysconf("SC_CLK_TCK")
PAGES = os.sysconf("SC_PAGE_SIZE")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def processes(pid):
    """pid and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += processes(int(child))
    return found


class Server:
    def __init__(self, name, root, argv, env=None):
        self.name, self.root, self.port = name, root, free_port()
        started = time.monotonic()
        self.process = subprocess.Popen([a.format(port=self.port, root=root) for a in argv], stdin=subprocess.DEVNULL,
                                        stdout=open(root / "log", "wb"), stderr=subprocess.STDOUT,
                                        start_new_session=True, env={**os.environ, **(env or {})})
        while True:
            try:
                if self.call("GET", "/health") is not None:
                    break
            except OSError:
                if self.process.poll() is not None:
                    sys.exit((root / "log").read_text())
                time.sleep(0.001)
        self.start_ms = (time.monotonic() - started) * 1e3

    def call(self, method, path, body=None):
        """The peer drops a connection now and then (a worker that is replaced): asked again, three times."""
        for again in (True, True, True, False):
            try:
                return self.call_once(method, path, body)
            except http.client.RemoteDisconnected:
                if not again:
                    raise

    def call_once(self, method, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=900)
        try:
            connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body,
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            data = answer.read()
            if answer.status != 200:
                sys.exit(f"{self.name}: {path}: {answer.status} {data[:300]}")
            return data
        finally:
            connection.close()

    def cpu(self):
        ticks = 0
        for pid in processes(self.process.pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def bytes_written(self):
        total = 0
        for pid in processes(self.process.pid):
            for line in Path(f"/proc/{pid}/io").read_text().splitlines():
                if line.startswith("write_bytes:"):
                    total += int(line.split()[1])
        return total

    def memory(self, kind="Pss"):
        """MiB; proportional: what several processes share counts once. Rss of one is more than that."""
        kib = 0
        for pid in processes(self.process.pid):
            kib += sum(int(line.split()[1]) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                       if line.startswith(kind + ":"))
        return kib / 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end_group(self.process)

    def load(self, experiment, what, clients, requests):
        """(per second, median ms, p99 ms, CPU ms a request); self.written: bytes to the disk a request"""
        before, written = self.cpu(), self.bytes_written()
        out = subprocess.run([BUILD / "tests/bench/bench_tracking", str(self.port), experiment, what, str(clients), str(requests)],
                             capture_output=True, text=True, check=False)
        if out.returncode:
            sys.exit(out.stderr)
        rate, median, p99 = map(float, out.stdout.split())
        self.written = (self.bytes_written() - written) / requests
        return rate, median, p99, (self.cpu() - before) * 1e3 / requests


def fsyncs(root, size=4096):
    """fdatasync a second of appends of that size: what no durable server beats with one commit at a time."""
    fd = os.open(root / "probe", os.O_CREAT | os.O_WRONLY)
    start, n = time.monotonic(), 0
    while time.monotonic() - start < 1:
        os.write(fd, b"x" * size)
        os.fdatasync(fd)
        n += 1
    os.close(fd)
    return n


def plain_sqlite(root, database, what, commits, each):
    """(requests a second, CPU ms a request) of SQLite alone, on a copy of the database without its points and runs."""
    copy = root / "limit.db"
    for left in root.glob("limit.db*"):
        left.unlink()
    there, source = sqlite3.connect(copy), sqlite3.connect(database)
    for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type = 'table' DESC"):
        there.execute(sql)
    there.execute("INSERT INTO experiments (experiment_id, name, lifecycle_stage, workspace) VALUES (0, 'Default', 'active', 'default')")
    there.commit()
    there.close()
    source.close()
    out = subprocess.run([BUILD / "tests/bench/bench_limits", copy, what, str(commits), str(each)], capture_output=True, text=True, check=True).stdout
    rate, cpu_us = map(float, out.split())
    return rate, cpu_us / 1e3


def fill(database, experiment):
    """Runs with ten metrics and five params each, written straight into the tables."""
    db = sqlite3.connect(database)
    with db:
        for i in range(RUNS):
            run = f"{i:032x}"
            db.execute("INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, "
                       "source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES (?, ?, 'UNKNOWN', '', '', 'u', "
                       "?, ?, '', 'active', ?, ?)", (run, f"run-{i}", "FAILED" if i % 50 == 0 else "FINISHED", i, f"mlflow-artifacts:/{experiment}/{run}", experiment))
            db.executemany("INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, 1, 0, 0, ?)",
                           [("acc" if k == 0 else f"m{k}", (i * 7919 + k) % 10007 / 10007, run) for k in range(10)])
            db.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
                           [("lr" if k == 0 else f"p{k}", str((i // 3 + k) % 10), run) for k in range(5)])
            db.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)",
                           [("mlflow.runName", f"run-{i}", run), ("team", f"team-{i // 7 % 10}", run)])
    db.close()


def transfer(server, limits):
    """MiB/s up and down of one file, and what the disk and a loopback connection give for as much."""
    import bench_artifacts as artifacts  # which takes its Server from here
    source = server.root / "source"
    with open(source, "wb") as f:
        for _ in range(MIB):
            f.write(os.urandom(1 << 20))
        f.flush()
        os.fsync(f.fileno())  # what is measured shares the disk with nothing
    got = {f"artifact of {MIB} MiB {what}, MiB/s": (rate, "more") for what, (rate, _) in artifacts.measure(server, source).items()}
    if limits:
        loopback = artifacts.loopback(source)
        got["loopback's limit, MiB/s"] = (loopback, "more")
        got["disk's limit, MiB/s"] = (max(artifacts.disk(source, server.root / "probe") for _ in range(2)), "more")
    source.unlink()
    return got


def history(server, experiment, points):
    """(seconds, the run)"""
    run = json.loads(server.call("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": experiment}))["run"]["info"]["run_id"]
    for at in range(0, points, 1000):
        server.call("POST", "/api/2.0/mlflow/runs/log-batch", {"run_id": run, "metrics": [
            {"key": "h", "value": i / 7, "timestamp": i, "step": i} for i in range(at, at + 1000)]})
    start = time.monotonic()
    server.call("GET", f"/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=h")
    return time.monotonic() - start, run


def history_limit(database, run):
    """Milliseconds for the same rows from SQLite alone and as many bytes through loopback."""
    return float(subprocess.run([BUILD / "tests/bench/bench_limits", database, "history", run, "h"], capture_output=True, text=True, check=True).stdout.split()[0])


def measure(server, database, scale):
    got = {"memory at start, MiB": (server.memory(), "less"), "RSS at start, MiB": (server.memory("Rss"), "less")}
    experiment = json.loads(server.call("POST", "/api/2.0/mlflow/experiments/create", {"name": "bench"}))["experiment_id"]
    for label, what, clients, requests in (("log-metric, 1 client", "metric", 1, 1000), ("log-metric, 16 clients", "metric", 16, 16000),
                                           ("create-run, 1 client", "run", 1, 500), ("create-run, 16 clients", "run", 16, 8000),
                                           ("get-run, 16 clients", "get", 16, 16000)):
        rate, median, p99, cpu = server.load(experiment, what, clients, max(clients * 4, requests // scale))
        got[label + ", /s"] = (rate, "more")
        got[label + ", p99 ms"] = (p99, "less")
        got[label + ", CPU ms"] = (cpu, "less")
        if what != "get" and scale == 1:  # each client waits for its commit: one of all of them at a time is the best there is
            got[label + ", disk's limit /s"] = (clients * fsyncs(server.root, max(4096, int(server.written * clients))), "more")
            rate, cpu = plain_sqlite(server.root, database, what, requests // clients, clients)
            got[label + ", SQLite's limit /s"] = (rate, "more")
            got[label + ", SQLite's CPU ms"] = (cpu, "less")
    rate, _, p99, cpu = server.load(experiment, "batch", 1, max(5, 200 // scale))
    got["log-batch of 1,000, metrics/s"] = (rate * 1000, "more")
    got["log-batch of 1,000, p99 ms"] = (p99, "less")
    got["log-batch of 1,000, CPU ms"] = (cpu, "less")
    if scale == 1:
        rate, cpu = plain_sqlite(server.root, database, "batch", 200, 1000)
        got["log-batch of 1,000, SQLite's limit metrics/s"] = (rate, "more")
        got["log-batch of 1,000, SQLite's CPU ms"] = (cpu * 1e3, "less")  # of a thousand
    took, run = history(server, experiment, POINTS)
    got[f"history of {POINTS} points, ms"] = (took * 1e3, "less")
    if scale == 1:
        got["history, SQLite's and loopback's limit, ms"] = (history_limit(database, run), "less")
    got.update(transfer(server, scale == 1))
    second = json.loads(server.call("POST", "/api/2.0/mlflow/experiments/create", {"name": "large"}))["experiment_id"]
    fill(database, int(second))
    _, median, p99, cpu = server.load(second, "search", 1, 60 if scale == 1 else 2)
    got[f"search over {RUNS} runs, filter and order, ms"] = (median, "less")
    got[f"search over {RUNS} runs, p99 ms"] = (p99, "less")
    got[f"search over {RUNS} runs, CPU ms"] = (cpu, "less")
    for name, filter_, order in SEARCHES if scale == 1 else ():
        _, median, p99, cpu = server.load(second, f"search:{filter_}:{order}", 1, 40)
        got[f"search: {name}, ms"] = (median, "less")
        got[f"search: {name}, p99 ms"] = (p99, "less")
        got[f"search: {name}, CPU ms"] = (cpu, "less")
    got["memory at the end, MiB"] = (server.memory(), "less")
    got["RSS at the end, MiB"] = (server.memory("Rss"), "less")
    return got


def promises(our, their):
    """(promise, measured, target or None, limit or None, is more better) of each that the server was made with."""
    def value(label, of=our):
        return of[label][0] if label in of else None

    def times(label, n):
        theirs = value(label, their)
        return None if theirs is None else theirs * n if our[label][1] == "more" else theirs / n

    def row(label, n, limit=None):
        return f"{label}: {n:,} x" if n >= 1 else label, value(label), times(label, n), limit, our[label][1] == "more"
    for what in ("log-metric", "create-run"):
        label = f"{what}, 16 clients"
        yield row(label + ", /s", 100, min(value(label + ", disk's limit /s"), value(label + ", SQLite's limit /s")))
        yield row(label + ", CPU ms", 100, value(label + ", SQLite's CPU ms"))
    yield row("log-batch of 1,000, metrics/s", 40, value("log-batch of 1,000, SQLite's limit metrics/s"))
    search = f"search over {RUNS} runs, filter and order, ms"
    yield row(search, 1000)
    yield search, value(search), 20, None, False
    for name, _, _ in SEARCHES:
        yield f"search: {name}, p99 ms", value(f"search: {name}, p99 ms"), 100, None, False
    yield row(f"history of {POINTS} points, ms", 30, value("history, SQLite's and loopback's limit, ms"))
    loopback, disk = value("loopback's limit, MiB/s"), value("disk's limit, MiB/s")
    for what, limit in (("up", min(loopback, disk)), ("down", loopback)):
        label = f"artifact of {MIB} MiB {what}, MiB/s"
        yield row(label, 3, limit)
        yield f"{label}: 80 % of disk and loopback", value(label), 0.8 * limit, None, True
    yield "start to first answer, ms", value("start to first answer, ms"), 30, None, False
    yield "RSS at start, MiB", value("RSS at start, MiB"), 20, None, False
    yield "RSS at the end, MiB", value("RSS at the end, MiB"), 64, None, False


def started(name, root, argv, times=1):
    """A server on a database that is there already, as every start but the first finds it; its start_ms is the median of
    so many starts."""
    with Server(name, root, argv):
        pass
    took = []
    while True:
        server = Server(name, root, argv)
        took.append(server.start_ms)
        if len(took) == times:
            server.start_ms = statistics.median(took)
            return server
        server.__exit__()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    root = Path(tempfile.mkdtemp(prefix="onebox-bench-"))
    try:
        for name in ("ours", "peer"):
            (root / name).mkdir()
        ours = started("onebox", root / "ours", [str(BUILD / "daemons/tracking/onebox-tracking"), "--port", "{port}", "--socket", "none",
                                                "--state-dir", "{root}/state", "--runtime-dir", "{root}/run", "--config", "{root}/c"], STARTS)
        with ours:
            our = {"start to first answer, ms": (ours.start_ms, "less"), **measure(ours, root / "ours/state/tracking/mlflow.db", 1)}
        their = {}
        if PEER:
            peer = started("mlflow", root / "peer", [f"{PEER}/mlflow", "server", "--port", "{port}", "--backend-store-uri",
                                                    "sqlite:///{root}/mlflow.db", "--artifacts-destination", "{root}/artifacts"])
            with peer:
                their = {"start to first answer, ms": (peer.start_ms, "less"), **measure(peer, root / "peer/mlflow.db", 40)}
        print(f"fdatasync on this disk: {fsyncs(root)} a second")
        print(f"{'':46}{'onebox':>12}" + (f"{'mlflow':>12}{'times':>9}" if PEER else ""))
        for label, (value, better) in our.items():
            line = f"{label:46}{value:12,.2f}"
            if label in their and value:
                theirs = their[label][0]
                line += f"{theirs:12,.2f}{(value / theirs if better == 'more' else theirs / value):8.1f}x"
            print(line)
        print_promises(promises(our, their))
        if not PEER:
            print("ONEBOX_PEER_MLFLOW is not set: no real server beside")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
