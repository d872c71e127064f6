"""The whole platform, measured: idle cost, tracking's first answer, a chain of fifty tasks.

Starts the build of $top_builddir by `onebox up` on directories of its own and prints a table.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

BUILD = Path(os.environ.get("top_builddir", "."))
TOP = Path(os.environ.get("top_srcdir") or Path(__file__).resolve().parents[2])
IDLE_FOR = float(os.environ.get("BENCH_IDLE_SECONDS", "20"))
CHAIN = 50
TICK = os.sysconf("SC_CLK_TCK")


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(sock, method, path, body=None):
    connection = Unix(sock)
    try:
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text) if text[:1] in (b"{", b"[") else text
    finally:
        connection.close()


def answers(sock, path):
    try:
        ask(sock, "GET", path)
        return True
    except (OSError, RuntimeError, http.client.HTTPException):
        return False


def until(condition, seconds, what, every=0.001):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: after {seconds} s: {what}")
        time.sleep(every)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Place:
    """Directories and a configuration of its own."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="onebox-bench-"))
        self.state, self.run = self.root / "state", self.root / "run"
        for directory in (self.state / "pipelines", self.run):
            directory.mkdir(parents=True)
        self.config = self.root / "onebox.conf"
        self.config.write_text(f"[web]\nlisten = 127.0.0.1:{free_port()}\n"
                               f"[tracking]\nlisten = 127.0.0.1:{free_port()}\n")
        self.env = {**os.environ, "ONEBOX_STATE_DIR": str(self.state), "ONEBOX_RUNTIME_DIR":
                    str(self.run), "ONEBOX_CONFIG": str(self.config), "ONEBOX_LIBEXEC_DIR":
                    str(BUILD.resolve()), "ONEBOX_DATA_DIR": str(TOP)}
        self.log = open(self.root / "log", "wb")

    def start(self, *command):
        return subprocess.Popen([str(c) for c in command], env=self.env, stdin=subprocess.DEVNULL,
                                stdout=self.log, stderr=self.log, start_new_session=True)

    def processes(self):
        """Pids of everything that was started with these directories."""
        mine = f"ONEBOX_STATE_DIR={self.state}".encode()
        found = []
        for proc in Path("/proc").glob("[0-9]*"):
            try:
                if mine in (proc / "environ").read_bytes().split(b"\0"):
                    found.append(proc)
            except OSError:
                pass
        return found

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        for proc in self.processes():
            os.kill(int(proc.name), signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)


def pss_kib(proc):
    for line in (proc / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def cpu_ticks(proc):
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def all_ticks(proc):
    """With the children it has reaped."""
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    return sum(int(f) for f in fields[11:15])


def row(what, value, limit, unit):
    verdict = "ok" if value <= limit else "OVER"
    print(f"  {what:<52} {value:>9.2f} {unit:<6} at most {limit:>6g}  {verdict}")
    return value <= limit


def first_answer():
    """From exec of onebox-tracking to its first 200, with a database that is there."""
    place = Place()
    program = BUILD / "daemons/tracking/onebox-tracking"
    times = []
    for _ in range(11):
        began = time.monotonic()
        process = place.start(program)
        until(lambda: answers(place.run / "tracking.sock", "/health"), 20, "tracking does not answer")
        times.append(time.monotonic() - began)
        process.terminate()
        process.wait(20)
    place.end(place.start("true"))
    return times[0] * 1000, statistics.median(times[1:]) * 1000


def chain(place):
    tasks = "".join(f"      - task: t{i:02}\n        type: python\n        cmd: 'true'\n"
                    for i in range(CHAIN))
    directory = place.state / "pipelines/chain"
    directory.mkdir()
    (directory / "liminal.yml").write_text(
        "name: chain\nowner: bench\npipelines:\n  - pipeline: chain\n    start_date: 2026-01-01\n"
        "    timeout_minutes: 10\n    tasks:\n" + tasks)
    scheduler = place.run / "scheduler.sock"
    until(lambda: answers(scheduler, "/api/v2/dags/chain"), 20, "the chain is not taken", 0.02)
    took = []
    for _ in range(3):
        began = time.monotonic()
        run = ask(scheduler, "POST", "/api/v2/dags/chain/dagRuns", {"logical_date": None})["dag_run_id"]
        path = f"/api/v2/dags/chain/dagRuns/{run}"
        until(lambda: ask(scheduler, "GET", path)["state"] in ("success", "failed"), 120,
              "the chain does not end", 0.01)
        took.append(time.monotonic() - began)
        if ask(scheduler, "GET", path)["state"] != "success":
            raise SystemExit("bench: the chain failed")
    return min(took) * 1000 / CHAIN


def many(place):
    """Independent tasks: how many a second, and what one of them costs in CPU over all processes."""
    count = int(os.environ.get("BENCH_TASKS", "1000"))
    directory = place.state / "pipelines/many"
    directory.mkdir()
    (directory / "liminal.yml").write_text(
        "name: many\npipelines:\n  - pipeline: many\n    max_active_tasks: 10000\n    tasks:\n" + "".join(
            f"      - {{task: t{i}, type: python, cmd: 'true', depends_on: []}}\n" for i in range(count)))
    scheduler = place.run / "scheduler.sock"
    until(lambda: answers(scheduler, "/api/v2/dags/many"), 60, "the tasks are not taken", 0.02)
    before = sum(all_ticks(p) for p in place.processes())
    began = time.monotonic()
    run = ask(scheduler, "POST", "/api/v2/dags/many/dagRuns", {"logical_date": None})["dag_run_id"]
    path = f"/api/v2/dags/many/dagRuns/{run}"
    until(lambda: ask(scheduler, "GET", path)["state"] in ("success", "failed"), 300, "the tasks do not end", 0.02)
    took = time.monotonic() - began
    ticks = sum(all_ticks(p) for p in place.processes()) - before
    if ask(scheduler, "GET", path)["state"] != "success":
        raise SystemExit("bench: one of the tasks failed")
    return took * 1000 / count, ticks * 1000 / TICK / count


def main():
    good = []
    fresh, again = first_answer()
    place = Place()
    up = place.start(BUILD / "cli/onebox", "up")
    try:
        for sock, path in (("scheduler", "/api/v2/monitor/health"), ("tracking", "/health"),
                           ("web", "/health")):
            until(lambda s=sock, p=path: answers(place.run / f"{s}.sock", p), 30,
                  f"{sock} does not answer", 0.02)
        time.sleep(2)
        before = {p: cpu_ticks(p) for p in place.processes()}
        time.sleep(IDLE_FOR)
        used = sum(cpu_ticks(p) - ticks for p, ticks in before.items() if p.exists())
        pss = {(p / "comm").read_text().strip(): pss_kib(p) / 1024 for p in place.processes()}
        per_task = chain(place)
        wall, cpu = many(place)
        print(f"  {'idle, by process:':<52} " + ", ".join(f"{n} {v:.1f}" for n, v in sorted(pss.items())))
        good.append(row("idle, all daemons, PSS", sum(pss.values()), 30, "MB"))
        good.append(row("idle, all daemons, share of a core", 100 * used / TICK / IDLE_FOR, 0.2, "%"))
        good.append(row("tracking's first answer after exec", again, 50, "ms"))
        row("  the same with a new database", fresh, 2000, "ms")
        good.append(row(f"a chain of {CHAIN} tasks of true, a task", per_task, 20, "ms"))
        row("independent tasks of true, a task (500 a second)", wall, 2, "ms")  # of an idle machine
        good.append(row("  CPU over all processes, bash with it", cpu, 4, "ms"))
    finally:
        place.end(up)
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
