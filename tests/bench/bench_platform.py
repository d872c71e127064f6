"""The whole platform, measured: idle cost, tracking's first answer, a chain of fifty tasks.

Starts the build of $top_builddir by `onebox up` on directories of its own and prints a table.
"""

import http.client
import json
import os
import re
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.parse
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


def limit(place):
    """Milliseconds of a bare start and end of `true`, and of a bare durable write: what a task has to cost."""
    path, n = place.root / "limit", 50
    program = shutil.which("true")
    began, cpu = time.monotonic(), os.times()
    for _ in range(n):
        os.waitpid(os.posix_spawn(program, [program], os.environ), 0)
    bare, now = (time.monotonic() - began) * 1000 / n, os.times()
    used = (now.children_user + now.children_system - cpu.children_user - cpu.children_system) * 1000 / n
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    began = time.monotonic()
    for i in range(n):
        os.pwrite(fd, bytes(8192), 8192 * i)
        os.fdatasync(fd)
    durable = (time.monotonic() - began) * 1000 / n
    os.close(fd)
    return bare, used, durable


def live_log(place, readers):
    """How long after it was written a line of a running task is with its readers, in ms: median and longest."""
    name = f"live{readers}"
    directory = place.state / "pipelines" / name
    directory.mkdir()
    (directory / "liminal.yml").write_text(
        f"name: {name}\npipelines:\n  - pipeline: {name}\n    tasks:\n      - task: t\n        type: python\n        cmd: |\n"
        "          for i in $(seq 30); do sleep 0.1; echo at $EPOCHREALTIME; done\n")
    scheduler = place.run / "scheduler.sock"
    until(lambda: answers(scheduler, f"/api/v2/dags/{name}"), 60, "the task is not taken", 0.02)
    run = ask(scheduler, "POST", f"/api/v2/dags/{name}/dagRuns", {"logical_date": None})["dag_run_id"]
    until(lambda: ask(scheduler, "GET", f"/api/v2/dags/{name}/dagRuns/{run}/taskInstances/t")["state"] == "running", 60,
          "the task does not start", 0.02)
    late, socks = [], {}
    chosen = selectors.DefaultSelector()
    target = f"/api/onebox/v1/logs?dag_id={name}&run_id={urllib.parse.quote(run)}&task_id=t&try_number=1"
    for _ in range(readers):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(scheduler))
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode())
        chosen.register(s, selectors.EVENT_READ)
        socks[s] = [b"", time.time()]
    while socks:
        for key, _ in chosen.select(60):
            s, now = key.fileobj, time.time()
            data = s.recv(65536)
            held = socks[s]
            held[0] += data
            *lines, held[0] = held[0].split(b"\n")
            for line in lines:
                at = re.search(rb"at (\d+[.,]\d+)", line)
                if at and float(at[1].replace(b",", b".")) > held[1]:  # not what was written before we came
                    late.append((now - float(at[1].replace(b",", b"."))) * 1000)
            if not data or b"event: end" in lines:
                chosen.unregister(s)
                s.close()
                del socks[s]
    if len(late) < readers:
        raise SystemExit(f"bench: {len(late)} lines for {readers} readers of {target}")
    return statistics.median(late), max(late)


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
        bare, bare_cpu, durable = limit(place)
        live = {n: live_log(place, n) for n in (1, 100)}
        print(f"  {'idle, by process:':<52} " + ", ".join(f"{n} {v:.1f}" for n, v in sorted(pss.items())))
        good.append(row("idle, all daemons, PSS", sum(pss.values()), 30, "MB"))
        good.append(row("idle, all daemons, share of a core", 100 * used / TICK / IDLE_FOR, 0.2, "%"))
        good.append(row("tracking's first answer after exec", again, 50, "ms"))
        row("  the same with a new database", fresh, 2000, "ms")
        good.append(row(f"a chain of {CHAIN} tasks of true, a task", per_task, 20, "ms"))
        row("independent tasks of true, a task (500 a second)", wall, 2, "ms")  # of an idle machine
        good.append(row("  CPU over all processes, true with it", cpu, 4, "ms"))
        print(f"  {'  the limit: a bare start of true, its CPU; a durable write':<52} {bare:>9.2f} ms, {bare_cpu:.2f} ms; {durable:.2f} ms;"
              f" ours is {cpu / max(bare_cpu, 0.01):.1f} times its CPU, the chain {per_task / (bare + durable):.1f} times both")
        for n, (median, most) in live.items():
            row(f"a line of a log with its {n} reader{'s' if n > 1 else ''}, median {median:.1f} ms, the last", most, 100, "ms")
    finally:
        place.end(up)
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
