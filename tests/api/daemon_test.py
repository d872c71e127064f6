"""Running our programs in tests: start one with directories of its own, find its port, end it well."""

import ctypes
import http.client
import os
import re
import signal
import socket
import sqlite3
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

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.end()
        text = self.log.read_text()
        assert "Sanitizer" not in text and "runtime error" not in text, text


def short_directory():
    """A directory whose path is short enough for a Unix socket in it."""
    return tempfile.mkdtemp(prefix="onebox-", dir="/tmp")


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
