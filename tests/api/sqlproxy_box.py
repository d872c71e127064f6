"""Black-box checks of a Cloud SQL proxy: a list they put themselves into, what each gets to work with, and one way to
run them all at once. The program may be ours or Google's cloud-sql-proxy: nothing here knows which."""

import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fake"))
import cloudsql  # noqa: E402
import cloudsql_api  # noqa: E402
import cloudsql_pki as pki  # noqa: E402

PATIENCE = 120         # it ends what hangs, and measures nothing: daemon_test's
READY = "ready for new connections"
CHECKS = []


class Check:
    def __init__(self, title, run, needs, ours):
        self.title, self.run, self.needs, self.ours = title, run, needs, ours


def check(title, needs="", ours=False):
    """needs: "root" (mount namespaces) or "fuse"; ours: beyond what Google's proxy promises."""
    def put(run):
        CHECKS.append(Check(title, run, needs, ours))
        return run
    return put


def missing(needs):
    if needs and os.getuid() != 0:
        return "only root can do this"
    if needs == "fuse" and not os.access("/dev/fuse", os.W_OK):
        return "no /dev/fuse"
    if needs and subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        return "no mount namespaces here"
    return None


class Failed(AssertionError):
    pass


def must(condition, *what):
    if not condition:
        raise Failed(" ".join(map(str, what)))


def wait_for(question, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"waited {patience} s in vain for {what}")
        time.sleep(0.02)


# --- one proxy ---------------------------------------------------------------------------------------
class Proxy:
    def __init__(self, argv, env, cwd, under=()):
        self.lines, self.lock = [], threading.Lock()
        self.began_at = time.monotonic()
        self.process = subprocess.Popen([*under, *argv], env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True)
        self.readers = [threading.Thread(target=self.read, args=(pipe, name), daemon=True)
                        for pipe, name in ((self.process.stdout, "out"), (self.process.stderr, "err"))]
        for r in self.readers:
            r.start()

    def read(self, pipe, name):
        for line in pipe:
            with self.lock:
                self.lines.append((name, line.decode(errors="replace").rstrip("\n")))

    def text(self, stream=None):
        with self.lock:
            return "\n".join(line for name, line in self.lines if stream in (None, name))

    def said(self, pattern, stream=None, patience=PATIENCE):
        def look():
            found = re.search(pattern, self.text(stream))
            if not found and self.process.poll() is not None:
                for r in self.readers:
                    r.join(5)
                found = re.search(pattern, self.text(stream))
                if not found:
                    raise Failed(f"ended with {self.process.returncode} without saying {pattern!r}: {self.text()[-1500:]}")
            return found
        try:
            return wait_for(look, f"the proxy to say {pattern!r}", patience)
        except Failed as e:
            raise Failed(f"{e}; it said: {self.text()[-1500:]}") from None

    def ready(self):
        self.said(READY)
        return self

    def wait(self, patience=PATIENCE):
        try:
            rc = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise Failed(f"does not end; it said: {self.text()[-1500:]}") from None
        for r in self.readers:
            r.join(5)
        return rc

    def send(self, signo=signal.SIGTERM):
        self.process.send_signal(signo)

    def end(self, signo=signal.SIGTERM, patience=PATIENCE):
        self.send(signo)
        return self.wait(patience)

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process.poll() is None

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def destroy(self):
        if self.running:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        for r in self.readers:
            r.join(5)
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()


# --- sockets ------------------------------------------------------------------------------------------
def dial(where, port=None, patience=PATIENCE):
    """A TCP address and port, or a Unix socket's path."""
    if port is None:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(patience)
        s.connect(where)
    else:
        s = socket.create_connection((where, port), patience)
    return s


def read_n(sock, n):
    data = bytearray()
    while len(data) < n:
        more = sock.recv(min(1 << 20, n - len(data)))
        if not more:
            raise Failed(f"ended after {len(data)} of {n} bytes")
        data += more
    return bytes(data)


def read_all(sock):
    """(all until the end, "eof" or "reset")"""
    data = bytearray()
    while True:
        try:
            more = sock.recv(1 << 20)
        except ConnectionError:
            return bytes(data), "reset"
        if not more:
            return bytes(data), "eof"
        data += more


def talk(sock, data=b"hello"):
    sock.sendall(data)
    got = read_n(sock, len(data))
    must(got == data, "sent", data[:50], "got", got[:50])


def turned_away(sock, send=b"hello"):
    """Has the proxy closed without a byte?"""
    try:
        if send:
            sock.sendall(send)
        data, _ = read_all(sock)
    except ConnectionError:
        return True
    except TimeoutError:
        raise Failed("neither served nor turned away") from None
    must(not data, "the client got", data[:60])
    return True


def http(where, path, port, method="GET"):
    """(status, body)"""
    host = f"[{where}]" if ":" in where else where
    request = urllib.request.Request(f"http://{host}:{port}{path}", method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read().decode()


def http_or_none(*args):
    try:
        return http(*args)
    except OSError:
        return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# --- what a check works with ----------------------------------------------------------------------------
class Desk:
    """One check's cloud corner, address, directory and processes."""
    counter, counter_lock = 0, threading.Lock()

    def __init__(self, cloud, program):
        self.cloud, self.program = cloud, os.path.abspath(program)
        with Desk.counter_lock:
            Desk.counter += 1
            self.number = Desk.counter
        self.address = cloud.address()
        self.dir = tempfile.mkdtemp(prefix="sqp-", dir="/tmp")
        self.proxies, self.sockets, self.n, self.others = [], [], 0, []
        self.home = self.dir + "/home"
        os.mkdir(self.home)
        self.endpoint = cloud.url

    def instance(self, name=None, **switches):
        self.n += 1
        return self.cloud.add(name or f"proj-{self.number}:europe-west1:db{self.n}", **switches)

    def own_cloud(self):
        """For checks that change what all instances share."""
        self.cloud = cloudsql.Cloud()
        self.others.append(self.cloud.close)
        self.endpoint = self.cloud.url
        return self.cloud

    def environment(self, **more):
        env = {"PATH": os.environ["PATH"], "HOME": self.home, "CSQL_PROXY_ENABLE_BUILTIN_METRICS": "false", "LANG": "C.UTF-8",
               "STATE_DIRECTORY": self.dir + "/state", "NO_GCE_CHECK": "true"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        env.update({k: str(v) for k, v in more.items() if v is not None})
        os.makedirs(self.dir + "/state", exist_ok=True)
        return env

    def bare(self, *args, env=None, under=()):
        """Nothing but these arguments."""
        p = Proxy([self.program, *map(str, args)], self.environment(**(env or {})), self.dir, under)
        self.proxies.append(p)
        return p

    def start(self, *args, token="good-token", env=None, under=(), address=None):
        """With endpoint, token and an address of its own."""
        more = ["--sqladmin-api-endpoint", self.endpoint]
        if token:
            more += ["--token", token]
        if address is None and not any(str(a).split("=")[0] in ("-u", "--unix-socket", "-a", "--address", "--fuse") for a in args):
            more += ["--address", self.address]
        return self.bare(*more, *[getattr(a, "name", a) for a in args], env=env, under=under)

    def up(self, *args, **kw):
        return self.start(*args, **kw).ready()

    def dial(self, port=None, where=None):
        s = dial(where or self.address, port) if port is not None else dial(where)
        self.sockets.append(s)
        return s

    def echoes(self, port=5000, where=None, data=b"hello"):
        s = self.dial(port, where)
        talk(s, data)
        return s

    def refused(self, port=5000, where=None):
        s = self.dial(port, where)
        turned_away(s)
        return s

    def recovers(self, port=5000, tries=6):
        """How many client connections it took until one was served."""
        for n in range(1, tries + 1):
            s = self.dial(port)
            try:
                talk(s)
                return n
            except (OSError, Failed):
                s.close()
                time.sleep(0.25)
        raise Failed(f"not served in {tries} tries")

    def served(self, port=5000):
        """A client that comes again and again until it is served."""
        def attempt():
            try:
                return self.echoes(port)
            except (OSError, Failed):
                time.sleep(0.2)
                return None
        return wait_for(attempt, "a client to be served")

    def not_listening(self, port, where=None):
        try:
            dial(where or self.address, port, 3).close()
        except ConnectionRefusedError:
            return True
        raise Failed(f"somebody listens at {port}")

    def given_up(self, port):
        """A socket that this process had, too: whoever forks here just now holds it until its exec."""
        def attempt():
            try:
                return self.not_listening(port)
            except Failed:
                return False
        return wait_for(attempt, f"nobody to listen at {port}")

    def https(self, name="sqladmin.test"):
        """The same API over TLS: (its address, the file of the CA that vouches for it)."""
        ca = pki.Authority("Make-believe web CA")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca.issue_server(self.dir, name, [name, "*.googleapis.com"]))
        server = cloudsql_api.serve(self.cloud, "127.0.0.1", 0, context)
        self.others += [server.shutdown, server.server_close]
        return server.server_address[:2], self.file("web-ca.pem", ca.pem)

    def file(self, name, text):
        path = f"{self.dir}/{name}"
        with open(path, "w") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))
        return path

    def exits(self, proxy, rc=1, *words):
        got = proxy.wait()
        must(got == rc, f"exit {got}, not {rc}; it said: {proxy.text()[-800:]}")
        for word in words:
            must(word.lower() in proxy.text().lower(), f"{word!r} is not in: {proxy.text()[-800:]}")

    def close_one(self, proxy):
        self.proxies.remove(proxy)
        proxy.destroy()

    def close(self):
        for s in self.sockets:
            s.close()
        for p in self.proxies:
            p.destroy()
            said = p.text()
            if "Sanitizer" in said or "runtime error:" in said:
                where = min(i for i in (said.find("Sanitizer"), said.find("runtime error:")) if i >= 0)
                raise Failed("the sanitizer: " + said[max(0, where - 200):where + 3000])
        for f in self.others:
            f()
        subprocess.run(["umount", "-l", self.dir + "/fuse"], check=False, capture_output=True)
        shutil.rmtree(self.dir, ignore_errors=True)


class Result:
    def __init__(self, check_, outcome, why, seconds):
        self.title, self.outcome, self.why, self.seconds = check_.title, outcome, why, seconds


def run_one(check_, cloud, program):
    why = missing(check_.needs)
    if why:
        return Result(check_, "skipped", why, 0)
    began = time.monotonic()
    try:
        desk = Desk(cloud, program)
        try:
            check_.run(desk)
        finally:
            desk.close()
        return Result(check_, "passed", "", time.monotonic() - began)
    except Failed as e:
        return Result(check_, "failed", str(e), time.monotonic() - began)
    except Exception:  # pylint: disable=broad-except # a check that breaks has failed
        return Result(check_, "failed", traceback.format_exc(limit=-3), time.monotonic() - began)


def run_all(program, chosen, workers=12, said=lambda r: None):
    """Results in the order of the list. The slow ones mostly wait: all run side by side."""
    with cloudsql.Cloud() as cloud, concurrent.futures.ThreadPoolExecutor(workers) as pool:
        waiting = {pool.submit(run_one, c, cloud, program): c for c in chosen}
        results = {}
        for done in concurrent.futures.as_completed(waiting):
            results[waiting[done].title] = done.result()
            said(done.result())
    return [results[c.title] for c in chosen]
