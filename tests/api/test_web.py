"""onebox-web: who gets in, where requests go, and what a browser is told."""

import contextlib
import gzip
import http.server
import json
import re
import shutil
import socket
import socketserver
import threading
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from daemon_test import Daemon, add_user, ask, short_directory, until

PAGES = ["/", "/pipelines", "/pipeline?dag=x", "/run?dag=x&run=y", "/experiments", "/experiment?id=1",
         "/training?run=1", "/models", "/model?name=m", "/connections"]
UI = Path(__file__).resolve().parents[2] / "ui"


class Upstream:
    """A daemon behind the front door that says what it was asked."""

    def __init__(self, path):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                self.server.open.append(self.connection)

            def log_message(self, *args):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen = {"method": self.command, "path": self.path, "size": len(body),
                        "headers": {k.lower(): v for k, v in self.headers.items()}}
                self.server.seen.append(seen)
                text = json.dumps(seen).encode()
                self.send_response(418 if self.path.endswith("/teapot") else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def address_string(self):
                return "unix"

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        self.server = Server(str(path), Handler)
        self.server.seen, self.server.open = [], []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        """Gone, with the connections it has: as a killed daemon."""
        self.server.shutdown()
        self.server.server_close()
        for connection in self.server.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Web:
    def __init__(self, root, *args):
        self.daemon = Daemon("web", root, "--listen", "127.0.0.1:0", *args)
        self.scheduler = Upstream(self.daemon.runtime / "scheduler.sock")
        self.tracking = Upstream(self.daemon.runtime / "tracking.sock")

    def __enter__(self):
        self.daemon.__enter__()
        self.port = int(self.daemon.said(r"on 127\.0\.0\.1:(\d+)"))
        self.socket = self.daemon.runtime / "web.sock"
        add_user(self.daemon.state, "ada", "correct horse", "user")
        add_user(self.daemon.state, "vic", "only looks", "viewer")
        add_user(self.daemon.state, "nob", "nothing at all", "none")
        return self

    def __exit__(self, *error):
        self.daemon.__exit__(*error)
        self.scheduler.close()
        self.tracking.close()

    def ask(self, method, target, body=None, headers=None, where=None):
        return ask(where or self.port, method, target, body, headers)

    def login(self, user="ada", password="correct horse", **fields):
        return self.ask("POST", "/login", urlencode({"username": user, "password": password,
                                                     **fields}),
                        {"Content-Type": "application/x-www-form-urlencoded"})

    def cookie(self, *args):
        return self.login(*args).headers["Set-Cookie"].split(";")[0]


@pytest.fixture(scope="module")
def web():
    root = short_directory()
    with Web(root) as w:
        yield w
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def cookie(web):
    return web.cookie()


# --- getting in ----------------------------------------------------------------------------------

@pytest.mark.parametrize("page", PAGES)
def test_pages_are_the_login_for_strangers(web, page):
    got = web.ask("GET", page)
    assert got.status == 200 and "Sign in" in got.text
    assert 'name="password"' in got.text and got.headers["Cache-Control"] == "no-store"
    wanted = page[1:].replace("&", "&amp;") if page != "/" else "./"
    assert f'value="{wanted}"' in got.text


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_the_frame_for_known_people(web, cookie, page):
    got = web.ask("GET", page, headers={"Cookie": cookie})
    assert got.status == 200 and "ui/onebox.js" in got.text and "Sign in" not in got.text


def test_login_gives_a_careful_cookie(web):
    got = web.login(next="run?dag=x&run=y")
    assert got.status == 303 and got.headers["Location"] == "run?dag=x&run=y"
    words = [w.strip() for w in got.headers["Set-Cookie"].split(";")]
    assert words[0].startswith("onebox_session=") and len(words[0]) > 60
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(words)


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil", "a/b",
                                    "javascript:alert(1)", "x\r\nSet-Cookie: a=b"])
def test_login_never_leads_away(web, target):
    assert web.login(next=target).headers["Location"] == "./"
    page = web.ask("GET", f"/login?next={quote(target)}").text
    assert 'name="next" value="./"' in page


def test_wrong_passwords(web):
    for user, password in [("ada", "wrong"), ("nobody", "x"), ("", ""), ("ada'--", "x")]:
        got = web.login(user, password, next="models")
        assert got.status == 303 and got.headers["Location"].startswith("login?failed=w")
        assert got.headers["Set-Cookie"] is None
    page = web.ask("GET", "/" + got.headers["Location"]).text
    assert "do not go together" in page or "Too many attempts" in page
    assert 'name="next" value="models"' in page
    assert "<script" not in web.ask("GET", "/login?failed=%3Cscript%3E&next=%22%3E").text


def test_attempts_are_limited():
    root = short_directory()
    with Web(root) as w:
        places = [w.login("vic", f"wrong {i}").headers["Location"] for i in range(30)]
        assert places[0].startswith("login?failed=wrong")
        assert places[-1].startswith("login?failed=wait")
        assert "Too many attempts" in w.ask("GET", "/" + places[-1]).text
    shutil.rmtree(root)


def test_logout_ends_the_session(web):
    cookie = web.cookie("vic", "only looks")
    assert web.ask("GET", "/api/onebox/v1/me", headers={"Cookie": cookie}).status == 200
    got = web.ask("POST", "/logout", headers={"Cookie": cookie})
    assert got.status == 303 and "Max-Age=0" in got.headers["Set-Cookie"]
    until(lambda: web.ask("GET", "/api/onebox/v1/me", headers={"Cookie": cookie}).status == 401,
          "the session to end")


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "%00", "onebox_session=1; onebox_session=2"])
def test_cookies_of_nobody(web, value):
    headers = {"Cookie": f"onebox_session={value}"}
    assert web.ask("GET", "/api/v2/dags", headers=headers).status == 401
    assert "Sign in" in web.ask("GET", "/", headers=headers).text


def test_a_role_is_needed(web):
    cookie = web.cookie("nob", "nothing at all")
    assert web.ask("GET", "/api/v2/dags", headers={"Cookie": cookie}).status == 403


def test_me(web, cookie):
    got = web.ask("GET", "/api/onebox/v1/me", headers={"Cookie": cookie})
    i = json.loads(got.text)
    assert i.pop("version").count(".") >= 1 and i == {"name": "ada", "role": "user", "how": "session"}
    got = web.ask("GET", "/api/onebox/v1/me", where=web.socket)
    assert json.loads(got.text)["how"] == "peer"


def test_pages_do_not_make_the_browser_ask(web):
    headers = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    got = web.ask("GET", "/api/v2/dags", headers=headers)
    assert got.status == 401 and not got.headers["WWW-Authenticate"].startswith("Basic")


# --- starting -------------------------------------------------------------------------------------

@pytest.mark.parametrize("args, env, said, code", [
    (["--listen", "0.0.0.0:0"], {}, "reachable from other machines", 78),
    (["--listen", "nonsense"], {}, '"nonsense" is not an address', 78),
    (["--listen", "127.0.0.1:0"], {"ONEBOX_DATA_DIR": "/nonexistent"}, "/nonexistent/ui/shell.html", 1),
    (["--listen", "127.0.0.1:0", "--allow-cidrs", "10.0.0.0/99"], {}, "10.0.0.0/99", 78),
])
def test_a_wrong_start_says_what_is_wrong(args, env, said, code):
    root = short_directory()
    daemon = Daemon("web", root, *args, env=env).start()
    assert daemon.process.wait(20) == code
    assert said in daemon.log.read_text()
    shutil.rmtree(root)


def test_a_key_everybody_can_read_stops_the_start():
    root = short_directory()
    with Web(root) as w:
        key = w.daemon.state / "auth/token.key"
        assert key.stat().st_mode & 0o007 == 0
    key.chmod(0o644)
    daemon = Daemon("web", root, "--listen", "127.0.0.1:0").start()
    assert daemon.process.wait(20) == 1
    assert "token.key" in daemon.log.read_text()
    shutil.rmtree(root)


def test_beyond_this_machine_only_when_asked():
    root = short_directory()
    daemon = Daemon("web", root, "--listen", "0.0.0.0:0", "--allow-remote=yes",
                    "--allow-cidrs=127.0.0.0/8")
    with daemon:
        port = int(daemon.said(r"on 0\.0\.0\.0:(\d+)"))
        assert ask(port, "GET", "/health").status == 200
    shutil.rmtree(root)


# --- passing on ----------------------------------------------------------------------------------

@pytest.mark.parametrize("path, upstream", [
    ("/api/v2/dags?limit=5&order_by=-x", "scheduler"),
    ("/api/v2/dags/a%2Fb/dagRuns/manual__2026-01-01T00%3A00%3A00%2B00%3A00", "scheduler"),
    ("/api/onebox/v1/status", "scheduler"),
    ("/api/2.0/mlflow/runs/get?run_id=1", "tracking"),
    ("/api/3.0/mlflow/server-info", "tracking"),
    ("/ajax-api/2.0/mlflow/experiments/search", "tracking"),
    ("/get-artifact?path=a%20b.txt&run_uuid=1", "tracking"),
    ("/graphql", "tracking"),
])
def test_requests_go_where_they_belong_untouched(web, cookie, path, upstream):
    got = web.ask("GET", path, headers={"Cookie": cookie})
    assert got.status == 200
    seen = json.loads(got.text)
    assert seen["path"] == path and getattr(web, upstream).server.seen[-1] == seen
    assert seen["headers"]["x-onebox-user"] == "ada"
    assert seen["headers"]["x-onebox-role"] == "user"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_methods_and_bodies(web, cookie, method):
    got = web.ask(method, "/api/2.0/mlflow/x", b"y" * 3_000_000, {"Cookie": cookie})
    seen = json.loads(got.text)
    assert (seen["method"], seen["size"]) == (method, 3_000_000)


def test_statuses_come_back(web, cookie):
    assert web.ask("GET", "/api/v2/teapot", headers={"Cookie": cookie}).status == 418


def test_nobody_says_who_they_are_themselves(web, cookie):
    lies = {"X-Onebox-User": "root", "X-Onebox-Role": "admin", "X-Onebox-Task": "x"}
    got = web.ask("GET", "/api/v2/dags", headers={"Cookie": cookie, **lies})
    seen = json.loads(got.text)["headers"]
    assert (seen["x-onebox-user"], seen["x-onebox-role"]) == ("ada", "user")
    assert "x-onebox-task" not in seen
    assert web.ask("GET", "/api/v2/dags", headers=lies).status == 401


def test_what_strangers_may_ask(web):
    for path in ("/api/v2/version", "/api/v2/monitor/health"):
        got = web.ask("GET", path)
        # Said in so many words: the daemon behind must not take us for the one who asks.
        headers = json.loads(got.text)["headers"]
        assert got.status == 200
        assert (headers["x-onebox-user"], headers["x-onebox-role"]) == ("nobody", "none")
    for path in ("/api/v2/dags", "/api/2.0/mlflow/x", "/metrics", "/api/onebox/v1/me", "/graphql"):
        assert web.ask("GET", path).status == 401


def test_the_socket_needs_no_login(web):
    got = web.ask("GET", "/api/v2/dags", where=web.socket)
    assert json.loads(got.text)["headers"]["x-onebox-user"]
    assert "ui/onebox.js" in web.ask("GET", "/", where=web.socket).text


def test_a_cookie_of_another_machine_does_not_hide_the_socket(web):
    stale = {"Cookie": "onebox_session=eyJhbGciOiJIUzI1NiJ9.e30.x"}
    assert "ui/onebox.js" in web.ask("GET", "/", headers=stale, where=web.socket).text
    got = web.ask("GET", "/api/onebox/v1/me", headers=stale, where=web.socket)
    assert json.loads(got.text)["how"] == "peer"
    assert web.ask("GET", "/api/onebox/v1/me", headers=stale).status == 401


def test_unknown_paths(web, cookie):
    for path in ("/nothing", "/ui/nothing.js", "/api/9", "/pipelines/x"):
        assert web.ask("GET", path, headers={"Cookie": cookie}).status == 404
    assert web.ask("PUT", "/pipelines", headers={"Cookie": cookie}).status == 405


# --- hosts and origins ---------------------------------------------------------------------------

@pytest.mark.parametrize("host, status", [
    ("localhost:9999", 200), ("127.0.0.1", 200), ("[::1]:1", 200), ("evil.example", 403),
    ("localhost.evil.example", 403)])
def test_hosts(web, host, status):
    assert web.ask("GET", "/", headers={"Host": host}).status == status


def test_foreign_pages_change_nothing(web, cookie):
    headers = {"Cookie": cookie, "Origin": "https://evil.example"}
    n = len(web.scheduler.server.seen)
    assert web.ask("POST", "/api/v2/dags/x/dagRuns", "{}", headers).status == 403
    assert web.ask("POST", "/logout", "", headers).status == 403
    assert web.ask("POST", "/login", "username=ada", headers).status == 403
    assert len(web.scheduler.server.seen) == n
    own = {"Cookie": cookie, "Origin": "http://localhost:5555", "Host": "localhost:5555"}
    assert web.ask("POST", "/api/v2/dags/x/dagRuns", "{}", own).status == 200


# --- files ---------------------------------------------------------------------------------------

def test_every_file_of_the_pages(web):
    names = [p.relative_to(UI).as_posix() for p in UI.rglob("*") if p.suffix in (".js", ".css", ".svg")]
    assert len(names) > 15
    for name in names:
        got = web.ask("GET", f"/ui/{name}")
        assert got.status == 200 and got.body == (UI / name).read_bytes(), name
        again = web.ask("GET", f"/ui/{name}", headers={"If-None-Match": got.headers["ETag"]})
        assert again.status == 304 and again.body == b""
    got = web.ask("GET", "/ui/onebox.js", headers={"Accept-Encoding": "gzip"})
    assert got.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(got.body) == (UI / "onebox.js").read_bytes()


@pytest.mark.parametrize("path", ["/ui/../config.h", "/ui/%2e%2e/config.h", "/ui/..%2fconfig.h",
                                  "/ui//etc/passwd", "/ui/%00", "/ui/shared"])
def test_files_stay_inside(web, path):
    assert web.ask("GET", path).status in (400, 404)


@pytest.mark.parametrize("path", ["/", "/login", "/ui/onebox.js", "/nothing", "/health"])
def test_headers_of_every_answer(web, path):
    headers = web.ask("GET", path).headers
    policy = headers["Content-Security-Policy"]
    if path != "/nothing":
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
    assert headers.get_all("X-Content-Type-Options") == ["nosniff"]


def test_no_page_has_anything_inline():
    for name in ("shell.html", "login.html"):
        text = (UI / name).read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style|javascript:", text)
        assert not re.search(r"(src|href|action)=\"(/|https?:)", text), "relative addresses only"


# --- health --------------------------------------------------------------------------------------

def test_health_and_ready():
    root = short_directory()
    with Web(root) as w:
        assert w.ask("GET", "/health").status == 200
        assert json.loads(w.ask("GET", "/ready").text) == {
            "status": "ready", "upstreams": {"onebox-scheduler": "ok", "onebox-tracking": "ok"}}
        w.tracking.close()
        (w.daemon.runtime / "tracking.sock").unlink()
        got = w.ask("GET", "/ready")
        assert got.status == 503
        assert "tracking.sock" in json.loads(got.text)["upstreams"]["onebox-tracking"]
        got = w.ask("GET", "/api/2.0/mlflow/x", headers={"Cookie": w.cookie()})
        assert got.status == 503 and "onebox up" in got.text
        w.tracking = Upstream(w.daemon.runtime / "tracking.sock")
        assert w.ask("GET", "/ready").status == 200, "back by itself"
    shutil.rmtree(root)


def test_an_upstream_that_never_answers_is_not_waited_for():
    root = short_directory()
    with Web(root) as w:
        w.tracking.close()
        path = w.daemon.runtime / "tracking.sock"
        path.unlink()
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(str(path))
            deaf.listen()
            got = w.ask("GET", "/ready")
            assert got.status == 503
        path.unlink()
        w.tracking = Upstream(path)
    shutil.rmtree(root)


def test_metrics(web, cookie):
    got = web.ask("GET", "/metrics", headers={"Cookie": cookie})
    assert got.status == 200 and "# TYPE onebox_http_requests_active gauge" in got.text


def test_logins_are_in_the_audit_log(web):
    web.login()
    path = web.daemon.state / "auth/audit-web.log"
    lines = until(lambda: [json.loads(line) for line in path.read_text().splitlines()
                           if '"log in"' in line], "a line in the audit log")
    assert {"ok", "refused"} >= {line["result"] for line in lines}
    assert any(line["user"] == "ada" and line["result"] == "ok" for line in lines)
    assert "correct horse" not in path.read_text()
