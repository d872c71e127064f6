"""A box of our own: scheduler and launcher on a temporary state directory, under a subreaper, and a
small HTTP client over their Unix sockets. For the API tests, the kill rounds and the benches.

The programs are taken from $ONEBOX_BUILD_DIR (default: build/check of the source tree)."""
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

PR_SET_CHILD_SUBREAPER = 36


TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def build_dir():
    return os.environ.get("ONEBOX_BUILD_DIR") or os.path.join(TOP, "build", "check")


def become_subreaper():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Answer:
    def __init__(self, status, body, headers):
        self.status, self.body, self.headers = status, body, headers

    @property
    def json(self):
        return json.loads(self.body)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Box:
    """Daemons by name; each may be killed and started at any time."""

    def __init__(self, conf="", names=("launcher", "scheduler"), env=None):
        become_subreaper()
        self.dir = tempfile.mkdtemp(prefix="onebox-box-")
        self.state, self.run = self.dir + "/state", self.dir + "/run"
        os.makedirs(self.state + "/pipelines")
        os.makedirs(self.run)
        self.conf = self.dir + "/onebox.conf"
        with open(self.conf, "w") as f:
            f.write("[launcher]\nmode = fork\n" + conf)
        self.procs = {}
        self.names = names
        self.env = dict(os.environ, ONEBOX_LIBEXEC_DIR=build_dir(), ONEBOX_DATA_DIR=TOP, **(env or {}))
        self.log = open(self.dir + "/log", "ab")
        self.reaper_stop = threading.Event()

    # --- daemons --------------------------------------------------------------------------------
    def program(self, name):
        name = name.partition("@")[0]  # scheduler@2 is one more scheduler
        return f"{build_dir()}/daemons/{name}/onebox-{name}"

    def start(self, name, *args):
        argv = [self.program(name), "--state-dir", self.state, "--runtime-dir", self.run,
                "--config", self.conf, *args]
        self.procs[name] = subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL,
                                            stdout=self.log, stderr=self.log)

    def up(self):
        for name in self.names:
            self.start(name)
        self.wait_ready()
        return self

    def wait_ready(self, timeout=60):
        self.wait(lambda: self.try_get("/api/v2/monitor/health"), timeout, "the scheduler")

    def kill(self, name, sig=signal.SIGKILL):
        p = self.procs[name]
        p.send_signal(sig)
        return p.wait(60)

    def restart(self, name, sig=signal.SIGKILL):
        self.kill(name, sig)
        self.start(name)

    def down(self):
        for name in reversed(self.names):
            p = self.procs.get(name)
            if p and p.poll() is None:
                p.terminate()
                try:
                    p.wait(20)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()
        for pid in self.shims():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.reap()

    def remove(self):
        self.down()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def end(self):
        """Stops and removes it. What its daemons said to their very ends, no sanitizer's complaint, is the answer."""
        self.down()
        log = self.tail(1 << 20)
        self.remove()
        assert "Sanitizer" not in log and "runtime error" not in log, log[-8000:]
        return log

    def reap(self):
        """Orphans come to us, the subreaper; our own children are Popen's."""
        own = {p.pid for p in self.procs.values()}
        for pid in children_of(os.getpid()) - own:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass

    def task_processes(self):
        """(pid, argv) of each onebox-task of this box."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    argv = f.read().split(b"\0")
            except OSError:
                continue
            if argv[0].endswith(b"onebox-task") and self.state.encode() in argv:
                yield int(pid), argv

    def shims(self):
        """The tasks' supervisors; not what forks them."""
        found = [pid for pid, argv in self.task_processes() if not {b"--serve", b"--ready"} & set(argv)]
        # a child that has not become the command yet still looks like its supervisor
        return [p for p in found if parent_of(p) not in found]

    def shim_servers(self):
        return [pid for pid, argv in self.task_processes() if b"--serve" in argv]

    def shims_ready(self):
        """Forked in advance, and without a try yet."""
        return [pid for pid, argv in self.task_processes() if b"--ready" in argv]

    def whereabouts(self):
        """What each daemon is at: ended and how, or where its threads wait. For what hangs."""
        said = []
        for name, p in self.procs.items():
            said.append(f"{name} ({p.pid}): " + ("runs" if p.poll() is None else f"ended with {p.returncode}"))
            for tid in threads_of(p.pid):
                said.append(f"  {tid} {of_thread(p.pid, tid, 'comm')} {of_thread(p.pid, tid, 'wchan')} "
                            f"{of_thread(p.pid, tid, 'syscall').split(' ')[0]}")
                said.append("    " + of_thread(p.pid, tid, "stack").replace("\n", " "))
        return "\n".join(said)

    # --- pipelines ------------------------------------------------------------------------------
    def pipeline(self, name, text):
        path = f"{self.state}/pipelines/{name}"
        os.makedirs(path, exist_ok=True)
        with open(path + "/liminal.yml.tmp", "w") as f:
            f.write(text)
        os.rename(path + "/liminal.yml.tmp", path + "/liminal.yml")

    def wait_dag(self, dag_id, timeout=30):
        return self.wait(lambda: self.try_get(f"/api/v2/dags/{dag_id}"), timeout, f"DAG {dag_id}")

    def trigger(self, dag_id, **body):
        a = self.post(f"/api/v2/dags/{dag_id}/dagRuns", body)
        assert a.status == 200, (a.status, a.body)
        return a.json["dag_run_id"]

    def run_of(self, dag_id, run_id):
        return self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}").json

    def tasks_of(self, dag_id, run_id):
        a = self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=1000")
        return {t["task_id"]: t for t in a.json["task_instances"]}

    def wait_run(self, dag_id, run_id, timeout=60):
        def ended():
            run = self.run_of(dag_id, run_id)
            return run if run["state"] in ("success", "failed") else None
        return self.wait(ended, timeout, f"run {run_id}")

    # --- http -----------------------------------------------------------------------------------
    def call(self, method, path, body=None, headers=None, sock="scheduler.sock", timeout=30):
        c = UnixConnection(f"{self.run}/{sock}", timeout)
        data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        h = {"Content-Type": "application/json"} if data is not None else {}
        h.update(headers or {})
        try:
            c.request(method, path, data, h)
            r = c.getresponse()
            return Answer(r.status, r.read(), r.headers)
        finally:
            c.close()

    def get(self, path, **kw):
        return self.call("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.call("POST", path, {} if body is None else body, **kw)

    def patch(self, path, body, **kw):
        return self.call("PATCH", path, body, **kw)

    def try_get(self, path):
        """The answer's JSON, or None while the daemon is away or says no."""
        try:
            a = self.get(path)
        except OSError:
            return None
        except http.client.HTTPException:
            return None
        return a.json if a.status == 200 else None

    def wait(self, probe, timeout, what):
        """Polls until probe() is true; its value."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = probe()
            if value:
                return value
            self.reap()
            time.sleep(0.02)
        raise AssertionError(f"{what}: not within {timeout} s; {self.tail()}")

    def tail(self, n=3000):
        with open(self.dir + "/log", "rb") as f:
            f.seek(0, os.SEEK_END)
            f.seek(max(0, f.tell() - n))
            return f.read().decode(errors="replace")


def threads_of(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def of_thread(pid, tid, what):
    try:
        with open(f"/proc/{pid}/task/{tid}/{what}") as f:
            return f.read().strip()
    except OSError:
        return "?"


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return int(f.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def children_of(pid):
    found = set()
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/children") as f:
                found.update(int(p) for p in f.read().split())
    except OSError:
        pass
    return found
