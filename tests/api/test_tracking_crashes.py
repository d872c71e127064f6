"""The disk fails or the power goes in the middle of every mutation: nothing that was acknowledged is lost, nothing
is there by half, and the server goes on.

Every mutating route of tracking_routes.def is found by walking the calls of the comparison (tracking_calls.py) and a few
of our own. A route that is neither walked nor in the table of those that need none fails the first test. The first call of
a route that changes something is sent again and again to the one server that runs, armed by Faults, until no page is left
at which something could happen:
  power       the server stands still before the Nth page is written: what is in its files then is what a kill would leave.
              Taken as they are and recovered by SQLite they are, byte for byte, the database before the call
  disk full   it goes on, and that page fails with ENOSPC: 5xx, it says why, and the database is as before
  disk broken the same with EIO
  answered    at last the call goes through: what its files hold at that moment is whole, and all that the server shows
Now and then, and at the end, the server is really killed and started again; ONEBOX_LONG does so at every page of each route,
and all the rest with all calls of the comparison that change something, not the first of a route alone.
"""

import base64
import http.client
import itertools
import json
import os
import re
import select
import shutil
import signal
import sqlite3
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
from daemon_test import PATIENCE, TOP, Answer, Faults, add_user, ask, until
from mlflow_peer import Side
from tracking_calls import API
from tracking_calls_all import CALLS as ALL
from tracking_test import Tracking

LONG = bool(os.environ.get("ONEBOX_LONG"))
# Not in the database: artifacts (lib/store has its own crash tests), signed URLs; and what only looks.
ELSEWHERE = re.compile(r"/mlflow-artifacts/|upload-artifact|/search|get-history|/graphql|batch-get|batchGet|/analytics|ui-telemetry|"
                       r"get-online|gateway-proxy|/query|calculate|get-latest|invoke|webhooks/.*/test|/presigned-|/traces/metrics$")
V3 = "/api/3.0/mlflow/"
# Routes that the comparison does not reach, or never with a change.
OWN = [
    ("run of a try", "POST", "runs/create", {"experiment_id": "0", "tags": [{"key": "onebox.try_id", "value": "t1"}]}, {"own": ("run", "info", "run_id")}),
    ("a try's beginning", "POST", "/internal/tries/01890a5d-ac96-774b-bcce-000000000001/began",
     {"experiment": "of a pipeline", "name": "a", "user": "airflow", "start_time": 5, "params": [{"key": "task_id", "value": "a"}]}),
    ("what a try read", "POST", "/internal/tries/t1/objects", {"objects": [{"bucket": "b", "name": "n", "generation": "1"}]}),
    ("a try's end", "POST", "/internal/tries/t1/ended", {"status": "FAILED"}),
    ("another run of a try", "POST", "runs/create", {"experiment_id": "0", "tags": [{"key": "onebox.try_id", "value": "t2"}]}),
    ("ends of tries", "POST", "/internal/tries/ended", {"tries": [{"try_id": "t1", "status": "FAILED"}, {"try_id": "t2", "status": "KILLED"}]}),
    ("run to be gone", "POST", "runs/delete", {"run_id": "{own}"}),
    ("gc", "POST", "/internal/gc", {"run_ids": ["{own}"]}),
    ("dataset", "POST", V3 + "datasets/create", {"name": "of the walk"}, {"dw": ("dataset", "dataset_id")}),
    ("record", "POST", V3 + "datasets/{dw}/records", {"records": json.dumps([{"inputs": {"q": 1}}])}),
    ("its id", "GET", V3 + "datasets/{dw}/records", None, {"record": ("records",)}),
    ("record to be gone", "DELETE", V3 + "datasets/{dw}/records", {"dataset_record_ids": ["{record}"]}),
]
FORM = "/api/2.0/mlflow/users/create-ui"
ADMIN = ("admin", "password1234x")
LOGIN = {"Authorization": "Basic " + base64.b64encode(":".join(ADMIN).encode()).decode()}


class Text(str):
    """A body with headers of its own."""


def signup(walk):
    """What the form for a new user sends."""
    page = ask(walk.port, "GET", "/signup", None, LOGIN)
    token = re.search(r'name="csrf_token" value="(\S+)"', page.text)[1]
    text = Text(urlencode({"csrf_token": token, "username": "fay", "password": "long enough 3"}))
    text.headers = {**LOGIN, "Content-Type": "application/x-www-form-urlencoded"}
    return text


# Users and roles: they are in auth.db.
ACCESS = [
    ("user", "POST", "users/create", {"username": "eve", "password": "correct horse"}),
    ("password", "PATCH", "users/update-password", {"username": "eve", "password": "battery staple"}),
    ("admin", "PATCH", "users/update-admin", {"username": "eve", "is_admin": True}),
    ("role", "POST", V3 + "roles/create", {"workspace": "default", "name": "r", "description": "d"}, {"role": ("role", "id")}),
    ("role's name", "PATCH", V3 + "roles/update", {"role_id": "{role}", "name": "s"}),
    ("permission", "POST", V3 + "roles/permissions/add",
     {"role_id": "{role}", "resource_type": "experiment", "resource_pattern": "*", "permission": "EDIT"}, {"permission": ("role_permission", "id")}),
    ("permission's kind", "PATCH", V3 + "roles/permissions/update", {"role_permission_id": "{permission}", "permission": "READ"}),
    ("assign", "POST", V3 + "roles/assign", {"username": "eve", "role_id": "{role}"}),
    ("unassign", "DELETE", V3 + "roles/unassign", {"username": "eve", "role_id": "{role}"}),
    ("no permission", "DELETE", V3 + "roles/permissions/remove", {"role_permission_id": "{permission}"}),
    ("no role", "DELETE", V3 + "roles/delete", {"role_id": "{role}"}),
    ("grant", "POST", V3 + "users/permissions/grant", {"username": "eve", "resource_type": "experiment", "resource_id": "0", "permission": "READ"}),
    ("revoke", "POST", V3 + "users/permissions/revoke", {"username": "eve", "resource_type": "experiment", "resource_id": "0"}),
    ("no user", "DELETE", "users/delete", {"username": "eve"}),
    ("user by the form", "POST", FORM, signup),
]


def mutating():
    """(method, pattern of the path) of each route that writes."""
    text = (TOP / "daemons/tracking/tracking_routes.def").read_text()
    for served, method, path in re.findall(r'TRACKING_(?:ROUTE|UPLOAD)\((\w+), (\w+), "([^"]+)"', text):
        if method != "GET" and not ELSEWHERE.search(path):
            pattern = re.sub(r"\{\w+(\.\.\.)?\}", lambda m: ".+" if m[1] else "[^/?]+", ("" if served == "BARE" else "/api") + path)
            yield method, path, re.compile(pattern + r"(\?.*)?$")


def dump(path):
    """All rows of all tables, and the file is sound."""
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    rows = {t: sorted(map(repr, db.execute(f'SELECT * FROM "{t}"'))) for (t,) in
            db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()}
    db.close()
    return rows


class World:
    """A server's arguments, its database and what is asked of it."""

    def __init__(self, calls, file, *args, headers=None):
        self.calls, self.file, self.args, self.headers = calls, file, args, headers or {}


MAIN = "tracking/mlflow.db"
WORLDS = [World([*ALL, *OWN], MAIN), World(ACCESS, "auth/auth.db", "--app-name", "basic-auth", headers=LOGIN)]


class Body(dict):
    """A body with headers of its own."""


class Image:
    """What a kill right now would leave of a database, recovered by SQLite. The server stands still. `file` is the database, open:
    to close it would drop the locks that this process has on it."""

    def __init__(self, file, keep):
        copy = keep / "image.db"
        copy.write_bytes(os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0))
        for end in ("-wal", "-journal"):
            there, here = f"{file.name}{end}", f"{copy}{end}"
            if os.path.exists(there):
                shutil.copyfile(there, here)
            elif os.path.exists(here):
                os.unlink(here)
        db = sqlite3.connect(copy)
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # a journal is played back when one looks
        db.close()
        self.bytes = copy.read_bytes()

    def __eq__(self, other):
        return self.bytes == other.bytes

    def dump(self, keep):
        """As dump() of a file."""
        path = keep / "dump.db"
        path.write_bytes(self.bytes)
        return dump(path)


class Walk(Side):
    """The calls of a world, sent to one server. What is not as it must be is noted in .wrong, under the promise it breaks."""
    EVERY = 25  # a server is killed at every so many-th route

    def __init__(self, world, routes, keep):
        super().__init__(None)
        self.world, self.routes, self.keep = world, routes, keep
        self.faults = Faults(keep / "faults")
        self.wrong = {"power": [], "disk": [], "answered": [], "killed": []}
        self.pages, self.n_kills, self.n_calls, self.n_pages = {}, 0, 0, 0
        with Tracking(*world.args, env=self.faults.env) as self.server:
            self.port, self.database = self.server.port, self.server.state / world.file
            self.file, self.watch = open(self.database, "rb"), sqlite3.connect(self.database)
            if world.headers:
                add_user(self.server.state, *ADMIN, "admin")
            for call in world.calls:
                name, method, path, body, saves = (*call, None)[:5]
                if callable(body):
                    body = body(self)
                elif world.headers:
                    body = Body(body)
                    body.headers = world.headers
                self.call(method, path, body, saves)
            self.kill_at_the_end()
            self.watch.close()
            self.file.close()

    def fill(self, x):
        """Ids that are numbers go into a body as such; that of a record stands in a text of JSON."""
        value = self.saved.get(x[1:-1]) if isinstance(x, str) and re.fullmatch(r"\{\w+\}", x) else None
        if isinstance(value, str) and value.startswith("[{"):
            return json.loads(value)[0]["dataset_record_id"]
        return value if isinstance(value, int) else super().fill(x)

    def ask(self, method, target, body, headers):
        route = next(((m, p) for m, p, pattern in self.routes if m == method and pattern.match(target.replace("/ajax-api/", "/api/"))), None)
        if not route or (route in self.pages and not LONG):
            return super().ask(method, target, body, headers)
        return self.everywhere(route, (method, target, body, headers))

    def note(self, promise, right, *what):
        if not right:
            self.wrong[promise].append(" ".join(map(str, what)))

    def send(self, request):
        """Sends it. The answer, or None: the server stands still before a page."""
        connection = self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(*request)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.server.has_stopped():
                return None
            if select.select([connection.sock], [], [], 0.0005)[0]:
                return self.answer()
        raise AssertionError(f"{request}: neither an answer nor a page in {PATIENCE} s")

    def answer(self):
        try:
            return Answer(self.connection.getresponse())
        finally:
            self.connection.close()

    def image(self):
        self.server.stop()
        try:
            return Image(self.file, self.keep)
        finally:
            self.server.go_on()

    def settle(self):
        """All pages from the log into the file, so that the server has no reason to do it now."""
        until(lambda: self.watch.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "the log to be empty")
        self.settled = self.version()

    def everywhere(self, route, request):
        """A call's answer, after it has failed at every page it writes."""
        self.settle()
        before = self.image()
        for n in itertools.count(1):
            self.faults.arm("db-write", n, Faults.STOP)
            answer = self.send(request)
            if answer:
                break
            self.note("power", Image(self.file, self.keep) == before, route, "page", n)
            self.faults.turn("db-write", "ENOSPC")
            self.server.go_on()
            self.failed(self.answer(), before, route, n, "disk is full")
            self.faults.arm("db-write", n, "EIO")
            self.failed(super().ask(*request), before, route, n, "")
            # another server would not know the form it gave out
            if route not in self.pages and request[1] != FORM and (LONG or (n == 2 and len(self.pages) % self.EVERY == 0)):
                before = self.kill(request, before, route, n)
        self.faults.disarm("db-write")
        assert not self.server.has_stopped(), f"{route} writes after its answer"
        if n > 1 or answer.status == 200:
            self.answered(answer, before, route, n - 1)
        return answer

    def failed(self, answer, before, route, n, why):
        self.note("disk", answer.status >= 500 and why in answer.text, route, "page", n, answer.status, answer.text)
        self.note("disk", self.version() == self.settled or self.image() == before, route, "page", n, "left something")

    def version(self):
        """Another one after every commit of the server's."""
        return self.watch.execute("PRAGMA data_version").fetchone()

    def answered(self, answer, before, route, n_pages):
        """It went through: all of it is in the files, and the server shows what they hold."""
        after = self.image()
        if n_pages == 0:
            self.note("answered", after == before, route, "changed something and wrote nothing")
            return
        self.pages.setdefault(route, n_pages)
        self.n_calls += 1
        self.n_pages += n_pages
        self.note("answered", answer.status == 200, route, answer.status, answer.text)
        self.note("answered", after != before, route, "changed nothing")
        self.note("answered", after.dump(self.keep) == dump(self.database), route, "shows what is not in its files")

    def kill(self, request, before, route, n):
        """The server dies at the page and comes again: the image of what is there then."""
        self.faults.arm("db-write", n, Faults.KILL)
        with pytest.raises((OSError, http.client.HTTPException)):
            super().ask(*request)
        self.server.process.wait(PATIENCE)
        self.faults.disarm("db-write")
        self.again()
        self.settle()
        after = self.image()
        self.note("killed", after.dump(self.keep) == before.dump(self.keep), route, "page", n)
        return after

    def again(self):
        self.n_kills += 1
        self.server.start()
        self.port = self.server.port
        answer = ask(self.port, "GET", API + "experiments/get?experiment_id=0", None, self.world.headers)
        assert answer.status == 200, answer.text

    def kill_at_the_end(self):
        before = dump(self.database)
        self.server.end(signal.SIGKILL)
        self.again()
        self.note("killed", dump(self.database) == before, "at the end")


@pytest.fixture(scope="module")
def walks():
    routes = list(mutating())
    with tempfile.TemporaryDirectory(prefix="onebox-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as keep:
        return [Walk(world, routes, Path(keep)) for world in WORLDS]


def test_every_mutation_is_reached(walks):
    missing = {f"{m} {p}" for m, p, _ in mutating()} - {f"{m} {p}" for w in walks for m, p in w.pages}
    assert missing == set(), "no call of the walk makes these change anything: add one to OWN or ACCESS: " + ", ".join(sorted(missing))
    assert sum(len(w.pages) for w in walks) >= 90
    assert min(n for w in walks for n in w.pages.values()) >= 2, "a commit is two writes at least"
    print(*(f"{w.n_calls} calls, {w.n_pages} pages, {w.n_kills} kills" for w in walks), sep="; ")


def test_power_goes(walks):
    assert [w.wrong["power"] for w in walks] == [[], []]


def test_disk_full(walks):
    assert [w.wrong["disk"] for w in walks] == [[], []]


def test_answered_is_there(walks):
    assert [w.wrong["answered"] for w in walks] == [[], []]


def test_killed(walks):
    assert [w.wrong["killed"] for w in walks] == [[], []]
    assert all(w.n_kills >= 2 for w in walks)
