"""Tests of connections: by a try of the box, with Airflow's answer; what is secret goes nowhere but there."""
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from base64 import b64encode

import pytest

from box import Box, build_dir
from daemon_test import free_port
from db_server import DbServer

SECRET = "tr0ub4dor&3/x"
AT = "/api/v2/connections"
FAKES = os.path.join(os.path.dirname(__file__), "../fake")


@pytest.fixture(scope="module")
def box():
    b = Box("[scheduler]\nstop_grace = 1s\n", env={"AIRFLOW_CONN_FROM_ENV": "fs:///?path=%2Ftmp"}).up()
    yield b
    log = b.end()
    assert SECRET not in log


@pytest.fixture(scope="module")
def web():
    """Answers 200 to the right login and header at /, 401 to others."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            good = "Basic " + b64encode(f"me:{SECRET}".encode()).decode()
            ok = self.headers.get("Authorization") == good and self.headers.get("X-Team") == "ml"
            self.send_response(200 if ok else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self):  # a token for a key
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"access_token": "t", "expires_in": 3600} if self.path == "/token"
                              else {"error": "invalid_grant", "error_description": "the key is gone"}).encode()
            self.send_response(200 if self.path == "/token" else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


def trial(b, conn_type, status=200, **more):
    a = b.post(f"{AT}/test", {"connection_id": "not_kept", "conn_type": conn_type, **more}, timeout=90)
    assert a.status == status, a.body
    if status == 200:
        assert set(a.json) == {"status", "message"}
        assert SECRET not in a.json["message"]
        return a.json["status"], a.json["message"]
    return a.json["detail"]


def test_http(box, web):
    at = {"host": "127.0.0.1", "port": web, "login": "me", "extra": '{"X-Team": "ml"}'}
    assert trial(box, "http", password=SECRET, **at) == (True, "Connection successfully tested")
    good, why = trial(box, "http", password="no" + SECRET, **at)
    assert not good and "answered 401" in why
    assert trial(box, "http", password=SECRET, **{**at, "host": "http://localhost"})[0]
    good, why = trial(box, "http", host="127.0.0.1", port=free_port())
    assert not good and "127.0.0.1" in why and "connect" in why
    assert not trial(box, "http")[0]
    good, why = trial(box, "http", host="no-such-host.invalid")
    assert not good and "no-such-host.invalid" in why


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_databases(box, kind):
    server = DbServer(kind)
    try:
        at = {"host": "127.0.0.1", "port": int(server.port), "login": "onebox", "schema": "onebox", "password": SECRET}
        if kind == "mysql":
            server.sql(f"CREATE USER robot@localhost IDENTIFIED BY '{SECRET}'; GRANT ALL ON onebox.* TO robot@localhost")
            at.update(login="robot", host=None, extra=json.dumps({"unix_socket": server.directory + "/mysql.sock"}))
        good, why = trial(box, kind, **at)
        assert good, why
        good, why = trial(box, kind, **{**at, "schema": "nothing"})
        assert not good and "nothing" in why
        if kind == "mysql":
            good, why = trial(box, kind, **{**at, "password": "wrong"})
            assert not good and "robot" in why
        server.do("stop")
        assert not trial(box, kind, **at)[0]
    finally:
        server.end()


def test_google(box, web, tmp_path):
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA"], capture_output=True, text=True, check=True).stdout
    keyfile = {"type": "service_account", "client_email": "r@p.iam.gserviceaccount.com", "private_key_id": "1",
               "private_key": key, "project_id": "p", "token_uri": f"http://127.0.0.1:{web}/token"}
    good, why = trial(box, "google_cloud_platform", extra=json.dumps({"keyfile_dict": json.dumps(keyfile)}))
    assert good and "r@p.iam.gserviceaccount.com" in why, why
    old = {"extra__google_cloud_platform__keyfile_dict": keyfile}
    assert trial(box, "google_cloud_platform", extra=json.dumps(old))[0]
    keyfile["token_uri"] = f"http://127.0.0.1:{web}/refused"
    (tmp_path / "key.json").write_text(json.dumps(keyfile))
    good, why = trial(box, "google_cloud_platform", extra=json.dumps({"key_path": str(tmp_path / "key.json")}))
    assert not good and "the key is gone" in why, why
    good, why = trial(box, "google_cloud_platform", extra=json.dumps({"keyfile_dict": "{}"}))
    assert not good and why


def test_aws(box):
    s3 = subprocess.Popen([sys.executable, FAKES + "/fake_s3.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        at = json.dumps({"region_name": "us-east-1", "test_endpoint_url": f"http://127.0.0.1:{s3.stdout.readline().strip()}"})
        good, why = trial(box, "aws", login="AKTEST", password="s3cret", extra=at)
        assert good and "arn:aws:iam::1:user/test" in why, why
        good, why = trial(box, "aws", login="AKTEST", password="other", extra=at)
        assert not good and "403" in why and "the signature does not match" in why
    finally:
        s3.stdin.close()
        s3.wait()
    good, why = trial(box, "aws", login="AKTEST", extra='{"region_name": "us-east-1"}')
    assert not good and "secret key" in why


def test_ssh_and_others(box):
    said = b"a word before\r\nSSH-2.0-Test_1.0\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve():
            for text in (said, b"220 mail\r\n", b""):
                c, _ = server.accept()
                c.sendall(text)
                c.close()
        threading.Thread(target=serve, daemon=True).start()
        good, why = trial(box, "ssh", host="127.0.0.1", port=port, login="me")
        assert good and "SSH-2.0-Test_1.0" in why
        good, why = trial(box, "sftp", host="127.0.0.1", port=port)
        assert not good and "no SSH server" in why
        good, why = trial(box, "redis", host="127.0.0.1", port=port, password=SECRET)
        assert good and "login was not tried" in why
    good, why = trial(box, "their_own", host="127.0.0.1")
    assert not good and "no port" in why
    assert not trial(box, "redis", host="127.0.0.1", port=free_port())[0]
    assert trial(box, "fs", extra='{"path": "/tmp"}')[0]
    good, why = trial(box, "fs", extra='{"path": "/none"}')
    assert not good and "/none" in why


def test_what_is_kept_is_tried_where_it_belongs(box, web):
    kept = {"connection_id": "web", "conn_type": "http", "host": "127.0.0.1", "port": web, "login": "me",
            "password": SECRET, "extra": '{"X-Team": "ml"}'}
    shown = box.post(AT, kept).json
    assert shown["password"] == "***"
    # as the page sends it back: masked; and by its name alone
    del shown["team_name"]
    for body in (shown, {"connection_id": "web"}, {"connection_id": "web", "conn_type": "http"}):
        a = box.post(f"{AT}/test", body, timeout=90)
        assert (a.status, a.json) == (200, {"status": True, "message": "Connection successfully tested"})
    # its password is not sent to another place for somebody who does not know it
    for elsewhere in ({"host": "127.0.0.2"}, {"port": free_port()}):
        a = box.post(f"{AT}/test", {**shown, **elsewhere}, timeout=90)
        assert a.status == 400 and "password has to be given" in a.json["detail"]
    a = box.post(f"{AT}/test", {**kept, "host": "localhost"}, timeout=90)
    assert a.json["status"] is True
    assert box.get("/api/v2/eventLogs?event=test_connection").json["total_entries"] > 0
    assert box.post(f"{AT}/test", {"connection_id": "from_env"}, timeout=90).json["status"] is True


def test_refusals(box):
    assert box.post(f"{AT}/test", {"connection_id": "unknown"}).status == 404
    assert box.post(f"{AT}/test", {"conn_type": "http"}).status == 422
    assert box.post(f"{AT}/test", {"connection_id": "x", "conn_type": "http", "what": 1}).status == 422
    assert box.post(f"{AT}/test", {"connection_id": "x", "conn_type": "http", "port": 70000}).status == 422
    # nobody but the try gets what it fetches
    uuid = "01890a5d-ac96-774b-bcce-b302099a8057"
    assert box.get(f"/internal/connection_trials/{uuid}").status == 403
    assert box.post(f"/internal/connection_trials/{uuid}", {"status": True, "message": "x"}).status == 403


def test_cli(box):
    def cli(*args):
        return subprocess.run([build_dir() + "/cli/onebox", "connections", *args, "--state-dir", box.state,
                               "--runtime-dir", box.run], capture_output=True, text=True)
    said = cli("test", "web")
    assert (said.returncode, said.stdout) == (0, "Connection successfully tested\n"), said.stderr
    box.patch(f"{AT}/web", {"conn_type": "http", "password": "wrong"})
    said = cli("test", "web")
    assert said.returncode == 1 and "401" in said.stdout
    assert json.loads(cli("test", "web", "--json").stdout)["status"] is False
    said = cli("test", "unknown")
    assert said.returncode != 0 and "unknown" in said.stderr and not said.stdout
    said = cli("probe")
    assert said.returncode != 0 and "connections test" in said.stderr


def test_the_launcher_away_and_back(box):
    """Who asked is answered once the launcher is there again."""
    box.kill("launcher")
    got = []
    asked = threading.Thread(target=lambda: got.append(trial(box, "fs", extra='{"path": "/tmp"}')))
    asked.start()
    box.start("launcher")
    asked.join(90)
    assert got and got[0][0] is True, got


def test_nothing_is_left(box):
    """Every try is over and acknowledged; the secret stands in no file of the box."""
    spool = box.state + "/tasks"
    ids = [d for d in os.listdir(spool) if len(d) == 36]
    assert ids
    for d in ids:
        box.wait(lambda d=d: os.path.exists(f"{spool}/{d}/acked"), 30, f"the end of {d}")
    for root, _, names in os.walk(box.dir):
        for name in names:
            path = os.path.join(root, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    assert SECRET.encode() not in f.read(), path


def test_a_scheduler_that_is_killed_leaves_no_test_behind(box):
    stuck = socket.create_server(("127.0.0.1", 0))  # takes connections and says nothing
    failed = []

    def ask():
        try:
            box.post(f"{AT}/test", {"connection_id": "x", "conn_type": "ssh", "host": "127.0.0.1",
                                    "port": stuck.getsockname()[1]}, timeout=90)
        except OSError as e:
            failed.append(e)
    asked = threading.Thread(target=ask)
    asked.start()
    c, _ = stuck.accept()
    box.restart("scheduler")
    asked.join(90)
    assert failed
    box.wait_ready()
    box.wait(lambda: not box.shims(), 60, "the end of the try")
    c.close()
    stuck.close()


