"""Running our programs in tests: start one with directories of its own, find its port, end it well."""

import atexit
import ctypes
import errno
import http.client
import mmap
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ONEBOX_BUILD_DIR") or TOP / "build/check")
PATIENCE = 120  # ends what hangs; a first prediction imports a whole model library from a cold disk


def until(question, what="it"):
    """Asks until there is a true answer, and gives that."""
    end = time.monotonic() + PATIENCE
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE} s in vain for {what}")
        time.sleep(0.02)


def end_group(process):
    """A process that leads a session of its own, told to end and waited for; its helpers end with it."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)  # its helpers outlive it
    except ProcessLookupError:
        pass
    process.wait()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=PATIENCE):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, got):
        self.status = got.status
        self.headers = got.headers
        self.body = got.read()
        self.text = self.body.decode("utf-8", "replace")


def ask(where, method, target, body=None, headers=None):
    """One request on a connection of its own; where is a port or the path of a socket."""
    if isinstance(where, int):
        connection = http.client.HTTPConnection("127.0.0.1", where, timeout=PATIENCE)
    else:
        connection = UnixConnection(where)
    try:
        connection.request(method, target, body, headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Daemon:
    """One of our daemons with state and runtime directories in root; its log is root/NAME.log."""

    def __init__(self, name, root, *args, env=None):
        self.name, self.root = name, Path(root)
        self.state, self.runtime = self.root / "state", self.root / "run"
        for directory in (self.state, self.runtime):
            directory.mkdir(exist_ok=True)
        self.args, self.env = args, env or {}
        self.log = self.root / f"onebox-{name}.log"
        self.process = None

    def start(self):
        program = BUILD / f"daemons/{self.name}/onebox-{self.name}"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [program, *map(str, self.args), "--state-dir", self.state, "--runtime-dir",
                 self.runtime, "--config", self.root / "onebox.conf"],
                stderr=log, stdout=log, stdin=subprocess.DEVNULL,
                env={**os.environ, "ONEBOX_DATA_DIR": str(TOP), **self.env})
        return self

    def said(self, pattern):
        """Waits for a line of its log."""
        def look():
            found = re.findall(pattern, self.log.read_text())
            if not found and self.process.poll() is not None:
                raise AssertionError(f"onebox-{self.name} ended: {self.log.read_text()}")
            return found
        return until(look, f"onebox-{self.name} to say {pattern!r}")[-1]

    def end(self, signo=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(signo)
        return self.process.wait(PATIENCE)

    def has_stopped(self, how=os.WNOHANG):
        """Has it come to stand still (once for each stop)?"""
        return bool(os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | how))

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)
        self.has_stopped(0)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.end()
        text = self.log.read_text()
        assert "Sanitizer" not in text and "runtime error" not in text, text


class Faults:
    """The cells of lib/base/fault.h in a file: a daemon with .env that runs is armed by them, when it was built with --enable-faults."""
    CELL = struct.Struct("=IIIi")  # passes, nth, how often, error
    KILL, STOP = -1, -2

    def __init__(self, path):
        self.points = re.findall(r'^FAULT\(\w+, "([^"]+)"', (TOP / "lib/base/fault.def").read_text(), re.M)
        with open(path, "w+b") as f:
            f.truncate(self.CELL.size * len(self.points))
            self.cells = mmap.mmap(f.fileno(), 0)
        self.env = {"ONEBOX_FAULT_FILE": str(path)}

    def at(self, point):
        return self.points.index(point) * self.CELL.size

    def arm(self, point, nth, error, times=1):
        """error: a name of errno, KILL or STOP."""
        self.disarm(point)
        self.turn(point, error)
        struct.pack_into("=I", self.cells, self.at(point), 0)
        struct.pack_into("=I", self.cells, self.at(point) + 8, times)
        struct.pack_into("=I", self.cells, self.at(point) + 4, nth)

    def turn(self, point, error):
        """Another error from now on: of a daemon that has stopped, what it does when it goes on."""
        struct.pack_into("=i", self.cells, self.at(point) + 12, error if isinstance(error, int) else getattr(errno, error))

    def disarm(self, point):
        struct.pack_into("=I", self.cells, self.at(point) + 4, 0)

    def passes(self, point):
        return struct.unpack_from("=I", self.cells, self.at(point))[0]


def free_port():
    """A port that nobody has, for a program that cannot take 0 and say which it got: below those the kernel gives away, so that
    no connection of another test's takes it meanwhile."""
    while True:
        port = random.SystemRandom().randrange(16000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def short_directory():
    """A directory whose path is short enough for a Unix socket in it; gone at the end, if not before."""
    made.append(tempfile.mkdtemp(prefix="onebox-", dir="/tmp"))
    return made[-1]


made = []


@atexit.register
def remove_directories():
    while made:
        shutil.rmtree(made.pop(), ignore_errors=True)


def add_user(state, name, password, role):
    """Puts a user into auth.db, as `onebox user add` does."""
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    hashed = crypt(password.encode(), b"$y$j75$abcdefghijklmnop$").decode()
    db = sqlite3.connect(Path(state) / "auth/auth.db")
    with db:
        db.execute("INSERT INTO users(name, hash, role, created_at, sessions_from_at) "
                   "VALUES (?, ?, ?, 0, 0)", (name, hashed, role))
    db.close()
