"""Who is let in, as whom, and what it may do: scheduler, tracking and web with one users file."""

import base64
import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
from daemon_test import BUILD, Daemon, ask, short_directory, until

SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
DAGS = "/api/v2/dags"
PASSWORD = "correct horse"


def basic(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def post(where, target, body, headers=None):
    return ask(where, "POST", target, json.dumps(body),
               {"Content-Type": "application/json", **(headers or {})})


class Box:
    """Three daemons on one state directory, and the onebox command on it."""

    def __init__(self, root):
        self.root = Path(root)
        self.web = Daemon("web", root, "--listen", "127.0.0.1:0")
        self.scheduler = Daemon("scheduler", root)
        self.tracking = Daemon("tracking", root, "--access-control=yes", "--port=0")
        self.state, self.runtime = self.web.state, self.web.runtime

    def __enter__(self):
        with ExitStack() as stack:
            for daemon in (self.scheduler, self.tracking, self.web):
                stack.enter_context(daemon)
            self.web_port = int(self.web.said(r"on 127\.0\.0\.1:(\d+)"))
            self.port = int(self.tracking.said(r"on 127\.0\.0\.1:(\d+)"))
            self.scheduler.said(r"on unix:")
            until(lambda: self.command("user", "list").returncode == 0, "auth.db")
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        self.stack.__exit__(*error)

    def command(self, *words, text=None):
        return subprocess.run([BUILD / "cli/onebox", *words, "--state-dir", self.state,
                               "--runtime-dir", self.runtime, "--config", self.root / "onebox.conf"],
                              input=text, capture_output=True, text=True, timeout=60,
                              env={**os.environ, "NO_COLOR": "1"})

    def onebox(self, *words, text=None):
        done = self.command(*words, text=text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def audit(self, name):
        text = (self.state / f"auth/audit-{name}.log").read_text()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def box():
    root = short_directory()
    with Box(root) as b:
        for name, role in (("bob", "user"), ("vic", "viewer"), ("ada", "admin")):
            b.onebox("user", "add", name, "--role", role, text=PASSWORD + "\n")
        yield b
    shutil.rmtree(root)


def test_nobody_is_refused_with_a_challenge_and_a_remedy(box):
    for where, target in ((box.port, SEARCH), (box.web_port, SEARCH), (box.web_port, DAGS)):
        answer = ask(where, "GET", target)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert "onebox token" in answer.text
    page = ask(box.web_port, "GET", SEARCH, headers={"Sec-Fetch-Mode": "cors"})
    assert page.status == 401 and not page.headers["WWW-Authenticate"].startswith("Basic ")


def test_what_asks_for_nobody_is_there_for_everybody(box):
    assert ask(box.web_port, "GET", "/api/v2/version").status == 200
    assert ask(box.port, "GET", "/health").status == 200


@pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Basic Ym9i", "Bearer", "Bearer a.b.c", "Digest x=y",
                                    "Bearer onebox_" + "A" * 43,
                                    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.", "x" * 5000])
def test_wrong_credentials_are_never_passed_over(box, header):
    assert ask(box.port, "GET", SEARCH, headers={"Authorization": header}).status == 401
    # not even over a socket whose peer would be let in
    socket = box.runtime / "tracking.sock"
    assert ask(socket, "GET", SEARCH).status == 200
    assert ask(socket, "GET", SEARCH, headers={"Authorization": header}).status == 401


def test_a_password_over_every_door(box):
    for where, target in ((box.port, SEARCH), (box.web_port, SEARCH), (box.web_port, DAGS),
                          (box.runtime / "scheduler.sock", DAGS)):
        assert ask(where, "GET", target, headers=basic("bob", PASSWORD)).status == 200
    who = json.loads(ask(box.web_port, "GET", "/api/onebox/v1/me", headers=basic("bob", PASSWORD)).text)
    assert (who["name"], who["role"], who["how"]) == ("bob", "user", "password")


def test_roles(box):
    create = "/api/2.0/mlflow/experiments/create"
    refused = post(box.port, create, {"name": "by-vic"}, basic("vic", PASSWORD))
    assert refused.status == 403
    assert "vic has the role viewer, this needs user" in refused.text
    assert "onebox user role vic --role=user" in refused.text
    assert post(box.port, create, {"name": "by-bob"}, basic("bob", PASSWORD)).status == 200
    assert post(box.web_port, create, {"name": "by-web"}, basic("vic", PASSWORD)).status == 403
    pause = ask(box.web_port, "PATCH", DAGS + "/x", '{"is_paused": true}',
                {"Content-Type": "application/json", **basic("vic", PASSWORD)})
    assert pause.status == 403
    names = ask(box.port, "GET", "/api/2.0/mlflow/experiments/search?max_results=10",
                headers=basic("vic", PASSWORD)).text
    assert "by-bob" in names and "by-vic" not in names and "by-web" not in names


def test_a_role_changes_at_once(box):
    create = "/api/2.0/mlflow/experiments/create"
    box.onebox("user", "add", "kim", "--role", "viewer", text=PASSWORD + "\n")
    assert post(box.port, create, {"name": "kim-1"}, basic("kim", PASSWORD)).status == 403
    box.onebox("user", "role", "kim", "--role", "user")
    assert post(box.port, create, {"name": "kim-1"}, basic("kim", PASSWORD)).status == 200
    box.onebox("passwd", "kim", text="another horse\n")
    assert ask(box.port, "GET", SEARCH, headers=basic("kim", PASSWORD)).status == 401
    assert ask(box.port, "GET", SEARCH, headers=basic("kim", "another horse")).status == 200
    box.onebox("user", "remove", "kim")
    assert ask(box.port, "GET", SEARCH, headers=basic("kim", "another horse")).status == 401


def test_personal_tokens(box):
    token = box.onebox("token", "add", "bob", "--label", "ci").split()[-1]
    assert ask(box.port, "GET", SEARCH, headers=bearer(token)).status == 200
    assert ask(box.web_port, "GET", DAGS, headers=bearer(token)).status == 200
    assert ask(box.port, "GET", SEARCH, headers=basic("bob", token)).status == 200
    assert ask(box.port, "GET", SEARCH, headers=basic("vic", token)).status == 401
    rows = json.loads(box.onebox("token", "list", "bob", "--json"))
    assert token not in json.dumps(rows)
    box.onebox("token", "remove", str(rows[-1]["id"]))
    assert ask(box.port, "GET", SEARCH, headers=bearer(token)).status == 401


def test_airflows_token(box):
    answer = post(box.web_port, "/auth/token", {"username": "bob", "password": PASSWORD})
    assert answer.status == 201
    token = json.loads(answer.text)["access_token"]
    assert ask(box.web_port, "GET", DAGS, headers=bearer(token)).status == 200
    assert ask(box.port, "GET", SEARCH, headers=bearer(token)).status == 200
    assert post(box.web_port, "/auth/token", {"username": "bob", "password": "x"}).status == 401
    head, claims, signature = token.split(".")
    other = json.loads(base64.urlsafe_b64decode(claims + "=="))
    other["sub"], other["role"] = "ada", "admin"
    forged = base64.urlsafe_b64encode(json.dumps(other).encode()).decode().rstrip("=")
    assert ask(box.port, "GET", SEARCH, headers=bearer(f"{head}.{forged}.{signature}")).status == 401


def test_identity_headers_of_clients_do_not_count(box):
    forged = {"X-Onebox-User": "ada", "X-Onebox-Role": "admin"}
    assert ask(box.port, "GET", SEARCH, headers=forged).status == 401
    assert ask(box.web_port, "GET", DAGS, headers=forged).status == 401
    create = "/api/2.0/mlflow/experiments/create"
    assert post(box.web_port, create, {"name": "forged"}, {**forged, **basic("vic", PASSWORD)}).status == 403


def test_a_session_ends_for_good(box):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    login = ask(box.web_port, "POST", "/login", "username=bob&password=correct+horse", form)
    cookie = login.headers["Set-Cookie"].split(";")[0]
    assert cookie.startswith("onebox_session=") and "HttpOnly" in login.headers["Set-Cookie"]
    assert ask(box.web_port, "GET", DAGS, headers={"Cookie": cookie}).status == 200
    foreign = {"Cookie": cookie, "Origin": "http://elsewhere.example"}
    assert ask(box.web_port, "POST", "/logout", headers=foreign).status == 403
    assert ask(box.web_port, "GET", DAGS, headers={"Cookie": cookie}).status == 200
    ask(box.web_port, "POST", "/logout", headers={"Cookie": cookie})
    assert ask(box.web_port, "GET", DAGS, headers={"Cookie": cookie}).status == 401


def test_guessing_is_slowed_down_and_locks_nobody_out(box):
    box.onebox("user", "add", "gus", "--role", "viewer", text=PASSWORD + "\n")
    assert ask(box.port, "GET", SEARCH, headers=basic("gus", PASSWORD)).status == 200
    answers = [ask(box.port, "GET", SEARCH, headers=basic("gus", f"guess {i}")) for i in range(8)]
    assert [a.status for a in answers[:5]] == [401] * 5
    assert answers[-1].status == 429 and int(answers[-1].headers["Retry-After"]) >= 1
    assert ask(box.port, "GET", SEARCH, headers=basic("gus", PASSWORD)).status == 200


def test_secrets_are_nowhere_in_clear(box):
    token = box.onebox("token", "add", "bob").split()[-1]
    for path in (box.state / "auth").iterdir():
        data = path.read_bytes()
        assert PASSWORD.encode() not in data and token.encode() not in data, path
        assert path.stat().st_mode & 0o007 == 0, path
    for log in box.root.glob("*.log"):
        assert PASSWORD not in log.read_text() and token not in log.read_text()
    db = sqlite3.connect(box.state / "auth/auth.db")
    assert all(h.startswith("$y$") for (h,) in db.execute("SELECT hash FROM users WHERE hash IS NOT NULL"))
    db.close()


def test_the_audit_log_names_who_did_what(box):
    post(box.port, "/api/2.0/mlflow/experiments/create", {"name": "audited"}, basic("bob", PASSWORD))
    last = [e for e in box.audit("tracking") if "experiments/create" in e["action"]][-1]
    assert (last["user"], last["how"], last["result"]) == ("bob", "password", "200")
    added = [e for e in box.audit("cli") if e["action"] == "user add"]
    assert {"bob", "vic", "ada"} <= {e["object"] for e in added}
    assert all(e["at"].endswith("Z") for e in added)
