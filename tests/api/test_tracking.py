"""onebox-tracking by itself: bad input changes nothing, tasks' runs are closed, flags mean what they mean."""

import json
import os
import re
import socket
import sqlite3
import subprocess

import pytest
from daemon_test import BUILD, TOP, ask, short_directory
from tracking_calls_all import CALLS
from tracking_test import Tracking


@pytest.fixture(scope="module")
def tracking():
    with Tracking() as t:
        yield t


def dump(path):
    """All rows of the database, as text."""
    db = sqlite3.connect(path)
    tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {t: db.execute(f'SELECT * FROM "{t}" ORDER BY 1, 2' if t not in ("sqlite_sequence", "alembic_version") else f'SELECT * FROM "{t}"').fetchall()
            for t in tables}


def raw(port, data, patience=10):
    """What the server says to these bytes, until it closes."""
    data = data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as s:
        s.sendall(data)
        got = b""
        while chunk := s.recv(65536):
            got += chunk
    return got


LOG = "runs/log-metric"
BAD_BODIES = [
    b"{", b"[]", b"5", b"nonsense", b'{"run_id": "x"', b"{'run_id': 'x'}", b'{"run_id": "x", "run_id": "y"}',
    b'{"key": NaN}', b'{"value": 1e}', b"\xff\xfe", b'{"run_id": "\xff"}', b'{"run_id": "\\ud800"}', b'{"run_id": "\\u0000"}',
    b"[" * 100000, b'{"a":' * 5000, b'"just text"', b'"{"',
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
@pytest.mark.parametrize("path", [LOG, "runs/create", "runs/log-batch", "experiments/create", "runs/search",
                                  "registered-models/create", "logged-models", "model-versions/create", "runs/log-inputs"])
def test_body_that_is_no_json(tracking, path, body):
    before = dump(tracking.database)
    answer = tracking.ask("POST", path, body)
    assert answer.status == 400, answer.text
    assert json.loads(answer.text)["error_code"] == "INVALID_PARAMETER_VALUE"
    assert dump(tracking.database) == before


@pytest.mark.parametrize("field, values", [
    ("run_id", [5, [], {}, True]), ("key", [5, [], {}, False]), ("value", [[], {}, "", "x", "0x10", "1e"]),
    ("timestamp", ["x", 1.5, [], {}, True, 2**63, "99999999999999999999"]), ("step", ["x", 0.5, [], True, -2**63 - 1])])
def test_metric_of_wrong_type(tracking, field, values):
    run = tracking.run()
    before = dump(tracking.database)
    for value in values:
        body = {"run_id": run, "key": "k", "value": 1, "timestamp": 1, "step": 0, field: value}
        message = tracking.refused("POST", LOG, body)
        assert field in message, (value, message)
    assert dump(tracking.database) == before


def test_value_beyond_a_double(tracking):
    run = tracking.run()
    for text in ("1e400", "-1e400"):
        body = '{"run_id": "%s", "key": "k", "value": %s, "timestamp": 1}' % (run, text)
        assert "value" in tracking.refused("POST", LOG, body)
    assert "metrics" not in tracking.get("runs/get", run_id=run)["run"]["data"]


def test_values_as_python_writes_them(tracking):
    run = tracking.run()
    values = {"n": float("nan"), "i": float("inf"), "m": float("-inf"), "t": True, "f": False}
    for key, value in values.items():
        assert tracking.ask("POST", LOG, json.dumps({"run_id": run, "key": key, "value": value, "timestamp": 1})).status == 200
    batch = {"run_id": run, "metrics": [{"key": "b" + key, "value": value, "timestamp": 1, "step": 0} for key, value in values.items()]}
    assert tracking.ask("POST", "runs/log-batch", json.dumps(batch)).status == 200
    most = 1.7976931348623157e+308
    got = {m["key"]: (m["value"], m["timestamp"]) for m in tracking.get("runs/get", run_id=run)["run"]["data"]["metrics"]}
    want = {"n": ("NaN", 1), "i": (most, 1), "m": (-most, 1), "t": (1.0, 1), "f": (0.0, 1)}
    assert got == {**want, **{"b" + key: value for key, value in want.items()}}


def test_batch_is_all_or_nothing(tracking):
    run = tracking.run()
    tracking.post("runs/log-parameter", run_id=run, key="p", value="1")
    before = dump(tracking.database)
    tracking.refused("POST", "runs/log-batch", {
        "run_id": run, "metrics": [{"key": "m", "value": 1, "timestamp": 1}], "tags": [{"key": "t", "value": "x"}],
        "params": [{"key": "new", "value": "x"}, {"key": "p", "value": "2"}]})
    assert dump(tracking.database) == before


def test_content_type(tracking):
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        assert "Content-Type must be" in tracking.refused("POST", "runs/create", b"{}", headers=headers)
    answer = tracking.ask("POST", "runs/create", b"{}", {"Content-Type": "application/json; charset=utf-8"})
    assert answer.status == 200


def test_too_large(tracking):
    answer = tracking.ask("POST", LOG, b'{"key": "' + b"x" * (2 << 20) + b'"}')
    assert answer.status == 413
    assert json.loads(answer.text)["message"]


def test_bytes_that_are_no_http(tracking):
    for data in (b"\x00\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"GET /api/2.0/mlflow/runs/get?run_id=%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"):
        got = raw(tracking.port, data)
        assert not got or got.split()[1][:1] in (b"4", b"5"), (data, got)
    assert tracking.ask("GET", "/health").text == "OK"


def test_foreign_pages(tracking):
    answer = ask(tracking.port, "POST", "/api/2.0/mlflow/runs/create", "{}",
                 {"Content-Type": "application/json", "Origin": "https://evil.example"})
    assert (answer.status, answer.text) == (403, "Cross-origin request blocked")
    answer = ask(tracking.port, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", headers={"Host": "evil.example"})
    assert (answer.status, answer.text) == (403, "Invalid Host header - possible DNS rebinding attack detected")
    answer = ask(tracking.port, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", headers={"Host": "localhost:12345"})
    assert answer.status == 200


ESCAPES = ["../x", "..%2fx", "%2e%2e/x", "%2e%2e%2fx", "%252e%252e%252fx", "%25252e%25252e/x", "a/../../x", "a/..%2f../x", "/etc/passwd",
           "%2fetc%2fpasswd", "..%5cx", "..\\x", "a%00b", "file:///etc/passwd", "c:/x", "a%23b", ".%2e/x", "%2e./x", "a/%2e%2e/%2e%2e/x"]


@pytest.mark.parametrize("path", ESCAPES)
def test_paths_that_lead_away(tracking, path):
    outside = tracking.state / "tracking/x"
    before = sorted(p for p in tracking.state.rglob("*") if "mlflow.db" not in p.name)
    for method, body in (("PUT", b"evil"), ("GET", None), ("DELETE", None)):
        got = raw(tracking.port, f"{method} /api/2.0/mlflow-artifacts/artifacts/{path} HTTP/1.1\r\nHost: localhost\r\n"
                  f"Content-Length: {len(body or b'')}\r\n\r\n".encode() + (body or b""))
        assert got.split()[1] == b"400", (method, path, got)
    run = tracking.run()
    for target in (f"/get-artifact?run_id={run}&path={path}", f"/api/2.0/mlflow/artifacts/list?run_id={run}&path={path}",
                   f"/api/2.0/mlflow-artifacts/artifacts?path={path}"):
        assert raw(tracking.port, f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).split()[1] == b"400", target
    assert not outside.exists()
    assert sorted(p for p in tracking.state.rglob("*") if "mlflow.db" not in p.name) == before


def test_links_out_of_the_store_are_not_followed(tracking):
    (tracking.artifacts / "link").symlink_to("/etc")
    answer = tracking.ask("GET", "/api/2.0/mlflow-artifacts/artifacts/link/hostname")
    assert answer.status in (400, 403, 404, 500) and "root" not in answer.text
    (tracking.artifacts / "link").unlink()


def test_ranges(tracking):
    where = "/api/2.0/mlflow-artifacts/artifacts/r/data.bin"
    data = os.urandom(100_000)
    assert ask(tracking.port, "PUT", where, data).status == 200
    whole = ask(tracking.port, "GET", where)
    assert whole.body == data and whole.headers["Accept-Ranges"] == "bytes"
    assert whole.headers["Content-Disposition"].startswith("attachment")
    assert whole.headers["Cache-Control"] == "no-cache"
    part = ask(tracking.port, "GET", where, headers={"Range": "bytes=10-19"})
    assert (part.status, part.body) == (206, data[10:20])
    assert ask(tracking.port, "GET", where, headers={"Range": "bytes=-5"}).body == data[-5:]
    assert ask(tracking.port, "GET", where, headers={"Range": "bytes=200000-"}).status == 416
    assert ask(tracking.port, "GET", where, headers={"If-None-Match": whole.headers["ETag"]}).status == 304
    head = ask(tracking.port, "HEAD", where)
    assert (head.status, head.headers["Content-Length"], head.body) == (200, "100000", b"")


def test_upload_that_breaks_off_leaves_nothing(tracking):
    with socket.create_connection(("127.0.0.1", tracking.port)) as s:
        s.sendall(b"PUT /api/2.0/mlflow-artifacts/artifacts/half/file HTTP/1.1\r\nHost: localhost\r\n"
                  b"Content-Length: 1000000\r\n\r\n" + b"x" * 1000)
    assert tracking.ask("GET", "/api/2.0/mlflow-artifacts/artifacts", {"path": "half"}).text == "{}"
    assert ask(tracking.port, "GET", "/api/2.0/mlflow-artifacts/artifacts/half/file").status == 404


def test_a_try_that_ends_closes_its_runs(tracking):
    def run(try_id, status=None):
        r = tracking.run(tags=[{"key": "onebox.try_id", "value": try_id}])
        if status:
            tracking.post("runs/update", run_id=r, status=status, end_time=5)
        return r

    def status(r):
        return tracking.get("runs/get", run_id=r)["run"]["info"]["status"]

    open_runs, done, other = [run("t1"), run("t1")], run("t1", "FINISHED"), run("t2")
    assert tracking.post("/internal/tries/t1/ended", status="FAILED") == {"closed": 2}
    assert [status(r) for r in (*open_runs, done, other)] == ["FAILED", "FAILED", "FINISHED", "RUNNING"]
    assert tracking.get("runs/get", run_id=open_runs[0])["run"]["info"]["end_time"] > 5
    assert tracking.post("/internal/tries/t1/ended", status="FINISHED") == {"closed": 0}
    tracking.refused("POST", "/internal/tries/t2/ended", {"status": "RUNNING"})
    tracking.refused("POST", "/internal/tries/t2/ended", {"status": "x"})
    # many at once: all of them, or none when one is refused
    third = run("t3")
    for bad in ({"try_id": "t3", "status": "x"}, {"status": "FAILED"}, {"try_id": "", "status": "FAILED"}):
        tracking.refused("POST", "/internal/tries/ended", {"tries": [{"try_id": "t2", "status": "KILLED"}, bad]})
    for bad in ({}, {"tries": "t2"}, {"tries": ["t2"]}, {"tries": [{"try_id": "t2", "status": "KILLED"}] * 1001}):
        tracking.refused("POST", "/internal/tries/ended", bad)
    assert [status(r) for r in (other, third)] == ["RUNNING"] * 2
    assert tracking.post("/internal/tries/ended", tries=[{"try_id": "t2", "status": "KILLED"}, {"try_id": "of nothing", "status": "FAILED"},
                                                        {"try_id": "t3", "status": "FINISHED"}]) == {"closed": 2}
    assert [status(r) for r in (other, third)] == ["KILLED", "FINISHED"]


def test_every_route_is_asked_by_the_script():
    """tracking_routes.def against tracking_calls.py: a row that no call of the comparison reaches fails."""
    rows = re.findall(r'TRACKING_(?:ROUTE|UPLOAD)\((\w+), (\w+), "([^"]+)"', (TOP / "daemons/tracking/tracking_routes.def").read_text())
    assert len(rows) > 70
    asked = {(method, "/api/2.0/mlflow/" + path if not path.startswith("/") else path.replace("/ajax-api/", "/api/"))
             for _, method, path, *_ in CALLS}
    ours_alone = {"/", "/metrics", "/3.0/mlflow/ui-telemetry", "/3.0/mlflow/server-info",
                  "/internal/tries/{try_id}/began", "/internal/tries/{try_id}/ended", "/internal/tries/ended", "/internal/tries/{try_id}/objects", "/internal/gc",
                  "/2.0/mlflow-artifacts/presigned/{path...}", "/2.0/mlflow-artifacts/mpu/complete/{path...}",
                  "/2.0/mlflow-artifacts/mpu/abort/{path...}", "/2.0/mlflow/webhooks/{webhook_id}/deliveries"}
    missing = []
    for served, method, path in rows:
        if re.match(r"/\d.0/mlflow/(users|roles)/", path):  # test_access.py
            continue
        pattern = re.sub(r"\{\w+\.\.\.\}", ".+", ("" if served == "BARE" else "/api") + path)
        pattern = re.sub(r"\{\w+\}", "[^/?]+", pattern) + r"(\?.*)?"
        if path not in ours_alone and not any(m == method and re.fullmatch(pattern, p) for m, p in asked):
            missing.append((method, path))
    assert missing == []


def test_metrics_page(tracking):
    tracking.run()
    text = tracking.ask("GET", "/metrics").text
    assert "onebox_tracking_writes_total" in text and "# TYPE" in text


def test_prefix_and_directories():
    root = short_directory()
    with Tracking("--static-prefix", "/mlflow", "--artifacts-destination", f"{root}/files", "--backend-store-uri",
                  f"sqlite:///{root}/db/m.db", "--default-artifact-root", "s3://bucket/x", root=root) as t:
        assert t.ask("GET", "/health").status == 404
        assert t.ask("GET", "/mlflow/health").text == "OK"
        answer = t.ask("GET", "/mlflow?x=1")
        assert (answer.status, answer.headers["location"]) == (308, "/mlflow/?x=1") and t.ask("GET", "/mlflow/").status == 200
        assert t.ask("GET", "/mlflow/health/").status == t.ask("GET", "/mlfl").status == 404
        made = t.ask("GET", "/mlflow/api/2.0/mlflow/experiments/get", {"experiment_id": "0"})
        assert json.loads(made.text)["experiment"]["artifact_location"] == "s3://bucket/x/0"
        assert os.path.exists(f"{root}/db/m.db") and os.path.isdir(f"{root}/files")


def test_environment_of_mlflow_server():
    root = short_directory()
    env = {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{root}/e.db", "MLFLOW_ARTIFACTS_DESTINATION": f"{root}/a",
           "MLFLOW_STATIC_PREFIX": "/ml", "MLFLOW_WORKERS": "2", "MLFLOW_SERVER_ALLOWED_HOSTS": "one.example,two.example",
           "MLFLOW_SERVER_X_FRAME_OPTIONS": "DENY"}
    with Tracking(root=root, env=env) as t:
        assert os.path.exists(f"{root}/e.db") and os.path.isdir(f"{root}/a")
        answer = t.ask("GET", "/ml/health", headers={"Host": "two.example"})
        assert (answer.status, answer.headers["x-frame-options"]) == (200, "DENY")
        assert t.ask("GET", "/ml/health", headers={"Host": "three.example"}).status == 403


def test_command_line_of_mlflow_server():
    """What means nothing here is taken with a notice, what would be another server is refused."""
    root = short_directory()
    with Tracking("-h", "127.0.0.1", "-w", "1", "--gunicorn-opts", "--timeout 60", "--uvicorn-opts=--x", "--expose-prometheus", f"{root}/p",
                  "--dev", "--x-frame-options", "none", "--serve-artifacts", root=root, env={"MLFLOW_ARTIFACT_URI": f"{root}/b"}) as t:
        assert "x-frame-options" not in t.ask("GET", "/health").headers
        assert "onebox_tracking" in t.ask("GET", "/metrics").text and os.path.isdir(f"{root}/b")
        assert t.log.read_text().count("does nothing") == 4
    done = subprocess.run([BUILD / "daemons/tracking/onebox-tracking", "--artifacts-only"], capture_output=True, text=True)
    assert done.returncode == 78 and "--artifacts-only: " in done.stderr


@pytest.mark.parametrize("args, env", [(["--no-serve-artifacts"], {}), ([], {"MLFLOW_SERVE_ARTIFACTS": "false"})])
def test_without_artifacts(args, env):
    with Tracking(*args, env=env) as t:
        answer = t.ask("GET", "/api/2.0/mlflow-artifacts/artifacts/x")
        assert answer.status == 503 and "--no-serve-artifacts" in answer.text
        assert json.loads(t.ask("GET", "/api/3.0/mlflow/server-info").text)["artifact_serving_enabled"] is False


def test_environment_that_means_another_server_is_refused():
    for name, value in (("MLFLOW_ARTIFACTS_ONLY", "true"), ("MLFLOW_REGISTRY_STORE_URI", "mysql://x:secret@y/z"), ("MLFLOW_TRACE_ARCHIVAL_CONFIG", "/x")):
        done = subprocess.run([BUILD / "daemons/tracking/onebox-tracking"], capture_output=True, text=True, env={**os.environ, name: value})
        assert done.returncode == 78 and name in done.stderr and "secret" not in done.stderr


def test_networks_that_may_connect():
    """Others are hung up on before they have said a word; the Unix socket is not asked where from."""
    with Tracking("--allow-cidrs", "192.0.2.0/24 2001:db8::/32") as t:
        with pytest.raises(OSError):
            t.ask("GET", "/health")
        assert ask(t.runtime / "tracking.sock", "GET", "/health").status == 200
    with Tracking("--allow-cidrs", "127.0.0.0/8") as t:
        assert t.ask("GET", "/health").status == 200


@pytest.mark.parametrize("args, words", [
    (["--backend-store-uri", "sqlite:////proc/nope/m.db"], ["/proc/nope/m.db", "uid"]),
    (["--backend-store-uri", "mssql://x:secret@y"], ["mssql://x:***@y", "sqlite:////"]),
    (["--backend-store-uri", "mysql://x:secret@127.0.0.1:1/y"], ["mysql://x:***@127.0.0.1:1/y", "cannot be reached"]),
    (["--artifacts-destination", "/proc/nope/a"], ["/proc/nope/a"]),
    (["--artifacts-destination", "ftp://x"], ["ftp://x", "director", "s3://"]),
    (["--artifacts-destination", "s3://bucket"], ["s3://bucket", "AWS_ACCESS_KEY_ID"]),
    (["--app-name", "nope"], ["nope", "basic-auth"]), (["--port", "x"], ["x"]), (["--host", "8.8.8.8"], ["8.8.8.8"]),
    (["--allow-cidrs", "10.0.0.0/99"], ["10.0.0.0/99"]), (["--nope"], ["nope"])])
def test_a_start_that_fails_says_why(args, words, tmp_path):
    done = subprocess.run([BUILD / "daemons/tracking/onebox-tracking", *(["--port", "0"] if "--port" not in args else []), *args,
                           "--state-dir", tmp_path / "s", "--runtime-dir", tmp_path / "r", "--config", tmp_path / "c"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr, done.stderr


def test_known_users_only():
    with Tracking("--app-name", "basic-auth") as t:
        assert t.ask("GET", "experiments/get", {"experiment_id": "0"}).status == 401
        assert t.ask("POST", "runs/create", {}).status == 401
        assert t.ask("GET", "/health").status == 200
        assert t.ask("GET", "/api/3.0/mlflow/server-info").status == 200
        answer = t.ask("POST", "runs/create", {}, {"Authorization": "Basic eDp5"})
        assert answer.status == 401 and json.loads(answer.text)["error_code"] == "UNAUTHENTICATED"
        # Who comes through the socket is known by the kernel.
        made = ask(t.runtime / "tracking.sock", "POST", "/api/2.0/mlflow/runs/create", "{}", {"Content-Type": "application/json"})
        assert made.status == 200 and '"mlflow.user"' in made.text


LAB = "/ajax-api/2.0/mlflow/runs/create-promptlab-run"


def test_prompt_lab(tracking):
    body = {"prompt_template": "Say {{ word }}", "prompt_parameters": [{"key": "word", "value": "ä"}, {"key": "n", "value": 2}], "model_route": "r",
            "model_input": "Say ä", "mlflow_version": "3.18.0"}
    for missing in ("experiment_id", *body):
        message = tracking.refused("POST", LAB, {k: v for k, v in {"experiment_id": "0", **body}.items() if k != missing})
        assert message == f"CreatePromptlabRun request must specify {missing}."
    before = dump(tracking.database)
    tracking.refused("POST", LAB, {"experiment_id": "4711", **body}, 404)
    tracking.refused("POST", LAB, {"experiment_id": "0", **body, "model_parameters": [5]})
    assert dump(tracking.database) == before
    run = tracking.post(LAB, experiment_id="0", model_parameters=[{"key": "temperature", "value": 0.1}], model_output="so",
                        model_output_parameters=[{"key": "latency", "value": "7"}], user_id="me", start_time=456, **body)["run"]
    assert (run["info"]["status"], run["info"]["user_id"], run["info"]["start_time"]) == ("FINISHED", "me", 456)
    assert {p["key"]: p["value"] for p in run["data"]["params"]} == {"temperature": "0.1", "model_route": "r", "prompt_template": "Say {{ word }}"}
    table = tracking.ask("GET", "/get-artifact", {"run_id": run["info"]["run_id"], "path": "eval_results_table.json"})
    assert json.loads(table.text) == {"columns": ["word", "n", "prompt", "output", "latency"], "data": [["ä", "2", "Say ä", "so", "7"]]}


def test_relative_location_is_absolute(tracking):
    e = tracking.post("experiments/create", name="relative", artifact_location="some/where")["experiment_id"]
    assert tracking.get("experiments/get", experiment_id=e)["experiment"]["artifact_location"] == f"{os.getcwd()}/some/where"


def test_thousand_names_in_a_query(tracking):
    """More than MHD would have room for in a connection's memory."""
    query = "&".join(f"run_id=id_{i}" for i in range(1000))
    message = tracking.refused("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk?metric_key=key&{query}")
    assert "cannot specify more than" in message
    ours = tracking.run()
    tracking.post(LOG, run_id=ours, key="key", value=1, timestamp=1)
    query = "&".join(f"run_id={'0' * 28}{i:04}" for i in range(99))
    answer = tracking.ask("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk?metric_key=key&{query}&run_id={ours}")
    assert [m["run_id"] for m in json.loads(answer.text)["metrics"]] == [ours]


def test_pattern_of_sources():
    name = "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX"
    with Tracking(env={name: r"^(?:mlflow-artifacts:/\d+/.*|runs:/.*?)$"}) as t:
        t.post("registered-models/create", name="m")
        assert t.refused("POST", "model-versions/create", {"name": "m", "source": "s3://b/x"}) == "Invalid model version source: 's3://b/x'."
        run = t.post("runs/create", experiment_id="0")["run"]["info"]
        t.post("model-versions/create", name="m", source=run["artifact_uri"] + "/m", run_id=run["run_id"])
    for pattern in ("(", "(?!s3)", "(a)\\1"):
        done = subprocess.run([BUILD / "daemons/tracking/onebox-tracking", "--state-dir", short_directory(), "--port", "0"], env={**os.environ, name: pattern},
                              capture_output=True, text=True, timeout=60)
        assert done.returncode != 0 and name in done.stderr


def test_source_that_goes_up_and_comes_back():
    root = short_directory()
    with Tracking("--default-artifact-root", f"{root}/a") as t:
        t.post("registered-models/create", name="m")
        run = t.post("runs/create", experiment_id="0")["run"]["info"]
        v = t.post("model-versions/create", name="m", source=run["artifact_uri"] + "/m/../n", run_id=run["run_id"])["model_version"]["version"]
        os.makedirs(run["artifact_uri"] + "/n")
        with open(run["artifact_uri"] + "/n/f", "w") as f:
            f.write("x")
        assert t.ask("GET", "/model-versions/get-artifact", {"name": "m", "version": v, "path": "f"}).text == "x"
        uri = "file://" + run["artifact_uri"]
        v = t.post("model-versions/create", name="m", source=uri + "/m/%2e%2E/n", run_id=run["run_id"])["model_version"]["version"]
        assert t.ask("GET", "/model-versions/get-artifact", {"name": "m", "version": v, "path": "f"}).text == "x"
        for source in (run["artifact_uri"] + "/../../x", f"{root}/a/0/../1", uri + "/%2e%2e/%2e%2e/x", uri + "/%2e./x", uri + "/m/..%2f../x", f"FILE://{root}/a"):
            assert "To use a local path" in t.refused("POST", "model-versions/create", {"name": "m", "source": source, "run_id": run["run_id"]})


@pytest.mark.parametrize("path, pattern", [("", ""), ("/default", "/<workspace_name>")])
def test_workspaces_are_off(tracking, path, pattern):
    """The client reads this answer as \"not enabled\", not as a server that fails."""
    for method in ("GET", "POST", "DELETE"):
        answer = tracking.ask(method, "/api/3.0/mlflow/workspaces" + path, None if method == "GET" else {})
        assert answer.status == 503 and f"/api/3.0/mlflow/workspaces{pattern} disabled" in answer.text, answer.text


def test_a_chosen_workspace_is_refused(tracking):
    chosen = {"X-MLFLOW-WORKSPACE": "team"}
    assert "not enabled" in tracking.refused("GET", "experiments/get?experiment_id=0", status=500, headers=chosen)
    assert tracking.ask("GET", "experiments/get?experiment_id=0", headers={"X-MLFLOW-WORKSPACE": " "}).status == 200
    assert tracking.ask("GET", "/api/3.0/mlflow/server-info", headers=chosen).status == 200


def test_how_a_download_is_named(tracking):
    for name, named in (("a.txt", "a.txt"), ("a+b%25c.bin", "a+b%c.bin"), ("a%20b.txt", '"a b.txt"')):
        url = f"/api/2.0/mlflow-artifacts/artifacts/named/{name}"
        assert tracking.ask("PUT", url, b"x").status == 200
        assert tracking.ask("GET", url).headers["Content-Disposition"] == "attachment; filename=" + named
    assert tracking.ask("PUT", "/api/2.0/mlflow-artifacts/artifacts/named/mlproject", b"x").status == 200
    assert tracking.ask("GET", "/api/2.0/mlflow-artifacts/artifacts/named/mlproject").headers["Content-Type"].startswith("text/plain")


def test_upload_names_the_path_before_the_data(tracking):
    run = tracking.run()
    assert tracking.refused("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=../x", b"") == "Invalid path"
    assert "data" in tracking.refused("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=x", b"")


def test_source_at_a_host_of_the_clients_choice(tracking):
    tracking.post("registered-models/create", name="hosted")
    for source in ("http://evil/x", "mlflow-artifacts://evil:9000/x", "ftp:///x"):
        assert "addresses a host other than" in tracking.refused("POST", "model-versions/create", {"name": "hosted", "source": source}), source
    with Tracking("--default-artifact-root", "http://store:9000/api/2.0/mlflow-artifacts/artifacts") as t:
        t.post("registered-models/create", name="hosted")
        assert t.post("model-versions/create", name="hosted", source="http://store:9000/x")["model_version"]["version"] == "1"
        assert "addresses a host" in t.refused("POST", "model-versions/create", {"name": "hosted", "source": "http://other:9000/x"})
