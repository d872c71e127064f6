"""The scheduler beside Airflow (LocalExecutor on PostgreSQL), in one run: cost of idling, a chain of tasks, many
tasks at once; with BENCH_STOP=1 also the stop experiment with tasks of 3 s and a minute: all services told to stop,
killed with their tasks (as by a power cut; ours in a booted machine: tests/system/test_system_stop.py),
and told to stop under load. BENCH_ONLY_STOP=1: nothing else.

ONEBOX_PEER_AIRFLOW names the directory with Airflow's programs (apache-airflow-core 3.3, the standard provider and
psycopg2); without it this says so and measures nothing. PostgreSQL is Debian's, new, in a directory of its own.
CPU figures hold on a busy machine, seconds do not.
"""

import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from bench_platform import BUILD, IDLE_FOR, TICK, TOP, Place, answers, ask, cpu_ticks, free_port, pss_kib, until

CHAIN = int(os.environ.get("BENCH_CHAIN", "20"))
MANY = int(os.environ.get("BENCH_MANY", "100"))
DAGS = '''
from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator
import pendulum

start = pendulum.datetime(2026, 1, 1, tz="UTC")
with DAG("chain", schedule=None, start_date=start):
    last = None
    for i in range(%d):
        task = BashOperator(task_id=f"t{i}", bash_command="true")
        if last is not None:
            last >> task
        last = task
with DAG("many", schedule=None, start_date=start, max_active_tasks=1000):
    for i in range(%d):
        BashOperator(task_id=f"t{i}", bash_command="true")
with DAG("sleepers", schedule=None, start_date=start):
    for seconds in (3, 60):
        BashOperator(task_id=f"sleep{seconds}", bash_command=f"sleep {seconds}") >> BashOperator(
            task_id=f"after{seconds}", bash_command="true")
''' % (CHAIN, MANY)


def everything(directory):
    """All that was started with this directory, the tasks and what supervises them too: what a power cut ends."""
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            if str(directory).encode() in (proc / "environ").read_bytes() + (proc / "cmdline").read_bytes():
                found.append(proc)
        except OSError:
            pass
    return found


class Airflow:
    """Airflow's services on a database and directories of their own."""

    SERVICES = ("scheduler", "dag-processor", "api-server")

    def __init__(self, programs):
        self.airflow = f"{programs}/airflow"
        self.home = tempfile.mkdtemp(prefix="onebox-bench-airflow-")
        self.port = free_port()
        self.db = subprocess.Popen(["bash", str(TOP / "tests/fake/db_server.sh"), "postgres"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        words = self.db.stdout.readline().split()
        if words[:1] != ["ready"]:
            raise SystemExit("bench: no PostgreSQL here")
        socket_dir, port = words[1], words[2]
        os.makedirs(self.home + "/dags")
        Path(self.home, "dags/bench.py").write_text(DAGS)
        self.env = {**os.environ, "AIRFLOW_HOME": self.home,
                    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN":
                        f"postgresql+psycopg2://onebox@/onebox?host={socket_dir}&port={port}",
                    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor", "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
                    "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
                    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
                    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.port}/execution/",
                    "AIRFLOW__API__WORKERS": "1"}
        self.log = open(self.home + "/log", "wb")
        self.processes = {}
        done = subprocess.run([self.airflow, "db", "migrate"], env=self.env, stdout=self.log, stderr=self.log)
        if done.returncode:
            raise SystemExit(f"bench: airflow db migrate failed: {Path(self.home, 'log').read_text()[-800:]}")

    def start(self):
        began = time.monotonic()
        for service in self.SERVICES:
            more = ["--port", str(self.port)] if service == "api-server" else []
            self.processes[service] = subprocess.Popen([self.airflow, service, *more], env=self.env, stdout=self.log,
                                                       stderr=self.log, stdin=subprocess.DEVNULL, start_new_session=True)
        until(self.healthy, 300, "Airflow is not healthy", 0.5)
        return time.monotonic() - began

    def healthy(self):
        try:
            parts = self.call("GET", "/api/v2/monitor/health")
        except OSError:
            return False
        return all(parts[p]["status"] == "healthy" for p in ("scheduler", "metadatabase", "dag_processor"))

    def call(self, method, path, body=None):
        if not hasattr(self, "token") and not path.endswith("/health"):
            self.token = self.call_raw("GET", "/auth/token", None, None)["access_token"]
        return self.call_raw(method, path, body, getattr(self, "token", None))

    def call_raw(self, method, path, body, token):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def pids(self):
        """All in the sessions of the services: some overwrite their environment with their title."""
        sessions = {p.pid for p in self.processes.values()}
        found = []
        for proc in Path("/proc").glob("[0-9]*"):
            try:
                if int((proc / "stat").read_text().rpartition(")")[2].split()[3]) in sessions:
                    found.append(proc)
            except OSError:
                pass
        return found

    def cpu_seconds(self):
        return sum(cpu_ticks(p) for p in self.pids() if p.exists()) / TICK

    def trigger(self, dag):
        until(lambda: any(d["dag_id"] == dag for d in self.call("GET", "/api/v2/dags?limit=100")["dags"]), 120,
              f"Airflow does not know {dag}", 0.5)
        return self.call("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"]

    def state(self, dag, run):
        return self.call("GET", f"/api/v2/dags/{dag}/dagRuns/{run}")["state"]

    def tasks(self, dag, run):
        found = self.call("GET", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=1000")["task_instances"]
        return {t["task_id"]: (t["state"], t["try_number"]) for t in found}

    def signal_all(self, sig):
        for proc in {*self.pids(), *everything(self.home)} if sig == signal.SIGKILL else [Path("/proc", str(p.pid)) for p in self.processes.values()]:
            try:
                os.kill(int(proc.name), sig)
            except ProcessLookupError:
                pass
        for process in self.processes.values():
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def end(self):
        self.signal_all(signal.SIGKILL)
        self.db.stdin.close()
        self.db.wait(60)
        subprocess.run(["rm", "-rf", self.home], check=True)


YAML = "name: {name}\nowner: bench\npipelines:\n  - pipeline: {name}\n    start_date: 2026-01-01\n    timeout_minutes: 60\n    max_active_tasks: 1000\n    tasks:\n"


class Ours:
    """onebox up, asked in the same words."""

    def __init__(self):
        self.place = Place()
        self.sock = self.place.run / "scheduler.sock"
        self.deploy("chain", [(f"t{i}", "true", None) for i in range(CHAIN)])
        self.deploy("many", [(f"t{i}", "true", []) for i in range(MANY)])
        self.deploy("sleepers", [(f"{w}{s}", f"sleep {s}" if w == "sleep" else "true", [] if w == "sleep" else [f"sleep{s}"])
                                 for s in (3, 60) for w in ("sleep", "after")])

    def deploy(self, name, tasks):
        directory = self.place.state / "pipelines" / name
        directory.mkdir()
        text = YAML.format(name=name)
        for task, cmd, after in tasks:
            text += f"      - task: {task}\n        type: python\n        cmd: '{cmd}'\n"
            text += "" if after is None else f"        depends_on: {json.dumps(after)}\n"
        (directory / "liminal.yml").write_text(text)

    def start(self):
        began = time.monotonic()
        self.up = self.place.start(BUILD / "cli/onebox", "up")
        until(lambda: answers(self.sock, "/api/v2/monitor/health"), 60, "onebox is not healthy", 0.005)
        return time.monotonic() - began

    def pids(self):
        return self.place.processes()

    def cpu_seconds(self):
        return sum(cpu_ticks(p) for p in self.pids() if p.exists()) / TICK

    def trigger(self, dag):
        until(lambda: answers(self.sock, f"/api/v2/dags/{dag}"), 30, f"onebox does not know {dag}", 0.02)
        return ask(self.sock, "POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"]

    def state(self, dag, run):
        return ask(self.sock, "GET", f"/api/v2/dags/{dag}/dagRuns/{run}")["state"]

    def tasks(self, dag, run):
        found = ask(self.sock, "GET", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=1000")["task_instances"]
        return {t["task_id"]: (t["state"], t["try_number"]) for t in found if not t["task_id"].startswith("job_")}

    def signal_all(self, sig):
        if sig != signal.SIGKILL:
            self.up.send_signal(sig)
            self.up.wait(90)
            return
        for proc in everything(self.place.root):
            try:
                os.kill(int(proc.name), sig)
            except ProcessLookupError:
                pass
        self.up.wait(90)

    def end(self):
        self.place.end(self.up)


def children_cpu():
    """CPU seconds of processes that came and went cannot be read any more: the whole machine's, less what is idle."""
    fields = [int(x) for x in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    return (fields[0] + fields[1] + fields[2]) / TICK


def timed(side, dag, n):
    run = side.trigger(dag)
    began, cpu = time.monotonic(), children_cpu()
    until(lambda: side.state(dag, run) in ("success", "failed"), 1200, f"{dag} does not end", 0.05)
    took, used = time.monotonic() - began, children_cpu() - cpu
    if side.state(dag, run) != "success":
        raise SystemExit(f"bench: {dag} failed: {side.tasks(dag, run)}")
    return took / n, used / n


def live(side, run, seconds):
    """Does the task of so many seconds sleep, or has it ended well?"""
    if side.tasks("sleepers", run)[f"sleep{seconds}"][0] == "success":
        return True
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            if (proc / "cmdline").read_bytes() == f"sleep\0{seconds}\0".encode():
                return True
        except OSError:
            pass
    return False


def stop_experiment(side, how, load):
    """Two sleepers run, everything is stopped and started again: when they ran again, how they ended, how long after
    the start. With a load many others run and wait beside them."""
    run = side.trigger("sleepers")
    if load:
        side.trigger("many")
    until(lambda: sum(s == "running" for s, _ in side.tasks("sleepers", run).values()) == 2, 900, "no sleepers", 0.2)
    began = time.monotonic()
    side.signal_all(how)
    stopped = time.monotonic() - began
    side.start()
    back = time.monotonic()
    again = {}
    for seconds in (3, 60):
        end = back + 400  # a task that is not run again is found failed below
        while time.monotonic() < end and not live(side, run, seconds) and side.state("sleepers", run) == "running":
            time.sleep(0.05)
        again[seconds] = time.monotonic() - back if live(side, run, seconds) else None
    until(lambda: side.state("sleepers", run) in ("success", "failed"), 600, "the sleepers do not end", 0.5)
    tasks = side.tasks("sleepers", run)
    return stopped, again, time.monotonic() - back, side.state("sleepers", run), tasks


def measure(side):
    try:
        return measured(side)
    finally:
        side.end()


def measured(side):
    figures = {"healthy after the start, s": side.start()}
    time.sleep(3)
    if not os.environ.get("BENCH_ONLY_STOP"):
        before = side.cpu_seconds()
        time.sleep(IDLE_FOR)
        figures["idle, share of a core, %"] = 100 * (side.cpu_seconds() - before) / IDLE_FOR
        figures["idle, PSS, MB"] = sum(pss_kib(p) for p in side.pids() if p.exists()) / 1024
        figures["chain, s a task"], figures["chain, CPU s a task"] = timed(side, "chain", CHAIN)
        figures["at once, s a task"], figures["at once, CPU s a task"] = timed(side, "many", MANY)
    ends = {}
    if os.environ.get("BENCH_STOP") or os.environ.get("BENCH_ONLY_STOP"):
        for what, how, load in (("SIGTERM to every service", signal.SIGTERM, False),
                                ("SIGKILL to every service and task", signal.SIGKILL, False),
                                ("SIGTERM under load", signal.SIGTERM, True)):
            ends[what] = stop_experiment(side, how, load)
    return figures, ends


def main():
    programs = os.environ.get("ONEBOX_PEER_AIRFLOW")
    if not programs:
        print("  ONEBOX_PEER_AIRFLOW is not set: nothing to compare with")
        return 0
    theirs, their_ends = measure(Airflow(programs))
    ours, our_ends = measure(Ours())
    print(f"  {'':<34} {'Airflow':>10} {'onebox':>10} {'ratio':>9}")
    for what, value in theirs.items():
        print(f"  {what:<34} {value:>10.3f} {ours[what]:>10.3f} {value / max(ours[what], 1e-4):>8.0f}x")
    for what in their_ends:
        for name, (stopped, again, took, state, tasks) in (("Airflow", their_ends[what]), ("onebox", our_ends[what])):
            words = ", ".join(f"{t}: {s} (try {n})" for t, (s, n) in sorted(tasks.items()))
            back = ", ".join(f"sleep {s} " + ("not again" if a is None else f"goes on after {a:.1f} s") for s, a in again.items())
            print(f"  {what}, {name}: stopped in {stopped:.1f} s; {back}; {took:.1f} s after the start the run is {state}: {words}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
