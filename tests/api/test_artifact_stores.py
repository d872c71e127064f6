"""Artifacts in buckets: through the server and beside it, in constant memory, really deleted."""

import hashlib
import http.client
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import pytest
from tracking_test import Tracking

FAKE = Path(__file__).resolve().parents[1] / "fake/fake_s3.py"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


class S3:
    """The make-believe S3 as a process of its own."""

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, FAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())
        self.env = {"MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_ACCESS_KEY_ID": "AKTEST",
                    "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_REGION": "us-east-1"}
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.wait(10)

    def ask(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request(method, path, json.dumps(body) if body else None)
        return c.getresponse().read()

    def state(self):
        return json.loads(self.ask("GET", "/_state"))

    def fault(self, **fault):
        self.ask("POST", "/_fault", fault)


@pytest.fixture(scope="module")
def s3():
    with S3() as it:
        yield it


@pytest.fixture(scope="module")
def server(s3):
    with Tracking("--artifacts-destination", "s3://main/root", env=s3.env) as it:
        yield it


def blob(n, seed=b"x"):
    """n bytes that repeat nowhere near."""
    out = b"".join(hashlib.sha256(seed + bytes([i % 256, i // 256 % 256, i // 65536])).digest() for i in range(n // 32 + 1))
    return out[:n]


def test_put_get_list_delete(server, s3):
    for name, data in (("d/a.txt", b"hello"), ("d/e/b", b""), ("d/e/\u00fc x", b"12")):
        assert server.ask("PUT", f"{PROXY}/{quote(name)}", data).status == 200
    answer = server.ask("GET", f"{PROXY}/d/a.txt")
    assert (answer.status, answer.text) == (200, "hello")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a.txt"'
    assert json.loads(server.ask("GET", f"{PROXY}?path=d").text) == {
        "files": [{"path": "a.txt", "is_dir": False, "file_size": 5}, {"path": "e", "is_dir": True}]}
    assert "main/root/d/a.txt" in s3.state()["objects"]
    assert server.ask("GET", f"{PROXY}/d/none").status == 404
    assert server.ask("GET", f"{PROXY}/d/e").status == 400
    assert server.ask("DELETE", f"{PROXY}/d").status == 200
    assert not [name for name in s3.state()["objects"] if name.startswith("main/root/d")]
    assert server.ask("GET", f"{PROXY}/d/a.txt").status == 404


def test_ranges(server):
    data = blob(3 << 20)
    assert server.ask("PUT", f"{PROXY}/ranges/x", data).status == 200
    for wanted, status, got in (("bytes=0-9", 206, data[:10]), ("bytes=2000000-", 206, data[2000000:]), ("bytes=-7", 206, data[-7:]),
                                ("bytes=9999999-", 416, b"")):
        answer = server.ask("GET", f"{PROXY}/ranges/x", headers={"Range": wanted})
        assert (answer.status, answer.body) == (status, got), wanted


def test_large_and_many(server, s3):
    data = blob(24 << 20)
    failed = []

    def go(i):
        mine = data[i:]
        if server.ask("PUT", f"{PROXY}/large/{i}", mine).status != 200 or server.ask("GET", f"{PROXY}/large/{i}").body != mine:
            failed.append(i)

    threads = [threading.Thread(target=go, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed
    assert s3.state()["uploads"] == 0


def test_a_client_that_goes_leaves_no_upload(server, s3):
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    c.putrequest("PUT", f"{PROXY}/gone/x")
    c.putheader("Content-Length", str(40 << 20))
    c.endheaders()
    c.send(bytes(20 << 20))
    c.close()
    for _ in range(1000):
        if s3.state()["uploads"] == 0 and s3.state()["counts"].get("POST", 0) > 0:
            break
    assert s3.state()["uploads"] == 0
    assert server.ask("GET", f"{PROXY}/gone/x").status == 404


def test_a_bucket_that_fails(server, s3):
    s3.fault(status=500, n=99, method="PUT")
    answer = server.ask("PUT", f"{PROXY}/fails/x", b"1")
    s3.fault(clear=True)
    assert answer.status == 503 and "TEMPORARILY_UNAVAILABLE" in answer.text


def test_experiment_in_another_bucket(server, s3):
    experiment = server.post("experiments/create", name="direct", artifact_location="s3://other/exp")["experiment_id"]
    run = server.post("runs/create", experiment_id=experiment)["run"]["info"]
    assert run["artifact_uri"] == f"s3://other/exp/{run['run_id']}/artifacts"
    answer = server.ask("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_id={run['run_id']}&path=m/x.txt", b"direct")
    assert answer.status == 200, answer.text
    assert f"other/exp/{run['run_id']}/artifacts/m/x.txt" in s3.state()["objects"]
    got = json.loads(server.ask("GET", "artifacts/list", {"run_id": run["run_id"], "path": "m"}).text)
    assert got == {"root_uri": run["artifact_uri"], "files": [{"path": "m/x.txt", "is_dir": False, "file_size": 6}]}
    answer = server.ask("GET", f"/get-artifact?run_id={run['run_id']}&path=m/x.txt")
    assert (answer.status, answer.text) == (200, "direct")


def test_the_client_by_itself(server, s3, tmp_path):
    """The unmodified client, through the proxy and straight into the bucket, with what it writes read by the server."""
    pytest.importorskip("boto3")
    pytest.importorskip("mlflow")
    (tmp_path / "f.txt").write_text("of the client")
    script = ("import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]); mlflow.set_experiment(sys.argv[2]);\n"
              "with mlflow.start_run() as run: mlflow.log_artifact(sys.argv[3], 'p'); print('id', run.info.run_id)")
    server.post("experiments/create", name="c-direct", artifact_location="s3://third/x")
    for name in ("c-proxied", "c-direct"):
        run = subprocess.run([sys.executable, "-c", script, server.url, name, tmp_path / "f.txt"], env={**os.environ, **s3.env},
                             check=True, capture_output=True, text=True, timeout=120).stdout.split('id ')[1].split()[0]
        assert server.ask("GET", f"/get-artifact?run_id={run}&path=p/f.txt").text == "of the client"
