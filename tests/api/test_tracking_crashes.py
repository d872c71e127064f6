"""The disk fails or the power goes in the middle of every mutation: nothing that was acknowledged is lost, nothing
is there by half, and the server goes on.

Every mutating route of tracking_routes.def is found by walking the calls of the comparison (tracking_calls.py) and a few
of our own: before the first call of a route that succeeds, the database is kept. A route that is neither walked nor in
the table of those that need none fails the first test. Then, on a copy of the database each time:
  disk full   the Nth page that is written fails with ENOSPC: 5xx, the database is as before; the same call then works
  power       the server dies by SIGKILL at the Nth page: the database is as before, and whole
  answered    it is killed right after the answer: everything is there
ONEBOX_LONG tries every page of each; else the first pages.
"""

import base64
import json
import os
import re
import shutil
import signal
import sqlite3

import pytest
from daemon_test import TOP, add_user, ask
from test_differential import Side
from tracking_calls import API
from tracking_calls_all import CALLS as ALL
from tracking_test import KEK, Tracking

LONG = bool(os.environ.get("ONEBOX_LONG"))
# Not in the database: artifacts (lib/store has its own crash tests), signed URLs; and what only looks.
ELSEWHERE = re.compile(r"/mlflow-artifacts/|upload-artifact|/search|get-history|/graphql|batch-get|batchGet|/analytics|ui-telemetry|"
                       r"get-online|/query|calculate|get-latest|invoke|webhooks/.*/test|/presigned-|/traces/metrics$")
V3 = "/api/3.0/mlflow/"
# Routes that the comparison does not reach, or never with a change.
OWN = [
    ("run of a try", "POST", "runs/create", {"experiment_id": "0", "tags": [{"key": "onebox.try_id", "value": "t1"}]}, {"own": ("run", "info", "run_id")}),
    ("a try's beginning", "POST", "/internal/tries/01890a5d-ac96-774b-bcce-000000000001/began",
     {"experiment": "of a pipeline", "name": "a", "user": "airflow", "start_time": 5, "params": [{"key": "task_id", "value": "a"}]}),
    ("what a try read", "POST", "/internal/tries/t1/objects", {"objects": [{"bucket": "b", "name": "n", "generation": "1"}]}),
    ("a try's end", "POST", "/internal/tries/t1/ended", {"status": "FAILED"}),
    ("run to be gone", "POST", "runs/delete", {"run_id": "{own}"}),
    ("gc", "POST", "/internal/gc", {"run_ids": ["{own}"]}),
    ("dataset", "POST", V3 + "datasets/create", {"name": "of the walk"}, {"dw": ("dataset", "dataset_id")}),
    ("record", "POST", V3 + "datasets/{dw}/records", {"records": json.dumps([{"inputs": {"q": 1}}])}),
    ("its id", "GET", V3 + "datasets/{dw}/records", None, {"record": ("records",)}),
    ("record to be gone", "DELETE", V3 + "datasets/{dw}/records", {"dataset_record_ids": ["{record}"]}),
]
ADMIN = ("admin", "password1234x")
LOGIN = {"Authorization": "Basic " + base64.b64encode(":".join(ADMIN).encode()).decode()}
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


class Prepared:
    """A call that mutates, ready to be sent, and the database as it is before."""

    def __init__(self, world, route, method, target, body, headers, database):
        self.world, self.route, self.method, self.target, self.body, self.database = world, route, method, target, body, database
        self.headers = {"Content-Type": "application/json", **world.headers, **headers}

    def send(self, server):
        return ask(server.port, self.method, self.target, self.body, self.headers)


def copy_of(database, path):
    source, there = sqlite3.connect(database), sqlite3.connect(path)
    source.backup(there)
    there.execute("PRAGMA journal_mode=" + source.execute("PRAGMA journal_mode").fetchone()[0])
    source.close()
    there.close()
    return dump(path)


class Filled(Side):
    """Ids that are numbers go into a body as such; that of a record stands in a text of JSON."""

    def fill(self, x):
        value = self.saved.get(x[1:-1]) if isinstance(x, str) and re.fullmatch(r"\{\w+\}", x) else None
        if isinstance(value, str) and value.startswith("[{"):
            return json.loads(value)[0]["dataset_record_id"]
        return value if isinstance(value, int) else super().fill(x)


def walk(world, routes, keep):
    """{route: its first call that changes something} of the world's calls."""
    found = {}
    with Tracking(*world.args) as t:
        if world.headers:
            add_user(t.state, *ADMIN, "admin")
        side = Filled(t.port)
        for call in world.calls:
            name, method, path, body, saves = (*call, None)[:5]
            headers = {**world.headers, **side.fill(getattr(body, "headers", {}))}
            target, filled = side.fill(path), side.fill(body)
            target = target if target.startswith("/") else API + target
            if world.headers:
                body = Body(body)
                body.headers = world.headers
            route = next(((m, p) for m, p, pattern in routes if m == method and pattern.match(target.replace("/ajax-api/", "/api/"))), None)
            if not route or route in found:
                side.call(method, path, body, saves)
                continue
            copy = keep / f"{world.file.replace('/', '-')}-{len(found)}.db"
            before = copy_of(t.state / world.file, copy)
            if world.file != MAIN:  # or a start would make it first
                copy_of(t.database, copy.with_suffix(".main"))
            answer = side.call(method, path, body, saves)
            after = keep / "after.db"
            if answer.status == 200 and copy_of(t.state / world.file, after) != before:
                text = json.dumps(filled) if isinstance(filled, dict) else filled
                found[route] = Prepared(world, route, method, target, text, headers, copy)
            after.unlink(missing_ok=True)
    return found


class Body(dict):
    """A body with headers of its own."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """One for each mutating route that some call reaches, and the routes that none does."""
    keep = tmp_path_factory.mktemp("databases")
    routes, found = list(mutating()), {}
    for world in WORLDS:
        found = {**walk(world, routes, keep), **found}
    return list(found.values()), {f"{m} {p}" for m, p, _ in routes} - {f"{m} {p}" for m, p in found}


class Hurt(Tracking):
    """A server on a copy of a database, with a fault armed."""

    def __init__(self, prepared, fault=None):
        super().__init__(*prepared.world.args, env={"ONEBOX_FAULT": fault} if fault else {})
        self.kept = self.state / prepared.world.file
        self.kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(prepared.database, self.kept)
        if prepared.world.file != MAIN:
            self.database.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(prepared.database.with_suffix(".main"), self.database)

    def restart(self):
        self.end(signal.SIGKILL) if self.process.poll() is None else self.process.wait()
        self.env = KEK
        self.log.write_text("")
        self.start()


def test_every_mutation_is_reached(prepared):
    calls, missing = prepared
    assert missing == set(), "no call of the walk makes these change anything: add one to OWN or ACCESS: " + ", ".join(sorted(missing))
    assert len(calls) >= 90


@pytest.fixture(scope="module")
def base(prepared):
    """How many pages a start of each world writes, up to its first answer."""
    counts = {}
    for world in WORLDS:
        p = next(p for p in prepared[0] if p.world is world)
        counts[world] = next(n for n in range(100) if starts(p, n + 1))
    return counts


def starts(p, n):
    """Does a server that would die at its nth page start and answer?"""
    t = Hurt(p, f"db-write:{n}:kill")
    try:
        t.start()
        return ask(t.port, "GET", API + "experiments/get?experiment_id=0", None, p.headers).status == 200
    except (AssertionError, OSError):
        return False
    finally:
        t.__exit__()


def steps(p, base):
    """How many pages the call writes."""
    for n in range(1, 200):
        with Hurt(p, f"db-write:{base[p.world] + n}:ENOSPC") as t:
            if p.send(t).status == 200:
                return n - 1
    raise AssertionError(p.route)


def test_disk_full(prepared, base):
    for p in prepared[0]:
        before = dump(p.database)
        last = steps(p, base) if LONG else 1
        assert last > 0, p.route
        for n in range(1, last + 1):
            with Hurt(p, f"db-write:{base[p.world] + n}:ENOSPC") as t:
                answer = p.send(t)
                assert answer.status >= 500, (p.route, n, answer.status, answer.text)
                assert "disk is full" in answer.text, answer.text
                assert dump(t.kept) == before, (p.route, n)
                assert p.send(t).status == 200, p.route  # there is room again
                assert dump(t.kept) != before, p.route


def test_power_goes(prepared, base):
    for p in prepared[0]:
        before = dump(p.database)
        pages = range(1, steps(p, base) + 1) if LONG else (2,)
        for n in pages:
            with Hurt(p, f"db-write:{base[p.world] + n}:kill") as t:
                with pytest.raises(OSError):
                    p.send(t)
                t.process.wait()
                t.restart()
                assert ask(t.port, "GET", API + "experiments/get?experiment_id=0", None, p.headers).status == 200
                assert dump(t.kept) == before, (p.route, n)


def test_answered_is_there(prepared):
    for p in prepared[0]:
        before = dump(p.database)
        with Hurt(p) as t:
            assert p.send(t).status == 200, p.route
            t.end(signal.SIGKILL)
            after = dump(t.kept)
            assert after != before, p.route
            t.log.write_text("")
            t.start()
            assert dump(t.kept) == after, p.route
