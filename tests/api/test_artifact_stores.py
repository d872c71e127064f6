"""Artifacts in buckets: through the server and beside it, in constant memory, really deleted."""

import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from daemon_test import Daemon, ask, free_port, short_directory, until
from tracking_test import Tracking

FAKE = Path(__file__).resolve().parents[1] / "fake/fake_s3.py"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


class S3:
    """The make-believe S3 as a process of its own."""

    scheme = "s3"

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, FAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())
        self.env_of_clients = {"MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_ACCESS_KEY_ID": "AKTEST",
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

    def objects(self):
        return set(self.state()["objects"])

    def uploads(self):
        return self.state()["uploads"]

    def fail(self, on):
        self.ask("POST", "/_fault", {"status": 500, "n": 99, "method": "PUT"} if on else {"clear": True})


class Gcs(Daemon):
    """onebox-bucketd."""

    scheme = "gs"

    def __init__(self, *args):
        self.port = free_port()
        super().__init__("bucketd", short_directory(), "--listen", f"127.0.0.1:{self.port}", "--socket", "none", "--sync", "no",
                         "--faults", "yes", "--buckets", "main-bucket other-bucket third-bucket", *args)
        self.env_of_clients = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{self.port}", "AWS_ACCESS_KEY_ID": ""}

    def start(self):
        super().start()

        def there():
            try:
                return ask(self.port, "GET", "/storage/v1/b/main-bucket").status in (200, 401)
            except OSError:
                return False
        until(there, "bucketd")
        return self

    def __exit__(self, *error):
        super().__exit__(*error)
        shutil.rmtree(self.root)

    def objects(self):
        return {f"{b}/{o['name']}" for b in ("main-bucket", "other-bucket", "third-bucket")
                for o in json.loads(ask(self.port, "GET", f"/storage/v1/b/{b}/o").text).get("items", [])}

    def uploads(self):
        return 0  # sessions end by themselves, and are nobody's object

    def fail(self, on):
        rules = [{"op": "insert", "status": 500}] if on else []
        assert ask(self.port, "POST", "/_onebox/faults", json.dumps({"rules": rules})).status == 200


@pytest.fixture(scope="module", params=[S3, Gcs], ids=["s3", "gs"])
def cloud(request):
    with request.param() as it:
        yield it


@pytest.fixture(scope="module")
def server(cloud):
    with Tracking("--artifacts-destination", f"{cloud.scheme}://main-bucket/root", env=cloud.env_of_clients) as it:
        yield it


def blob(n, seed=b"x"):
    """n bytes that repeat nowhere near."""
    out = b"".join(hashlib.sha256(seed + bytes([i % 256, i // 256 % 256, i // 65536])).digest() for i in range(n // 32 + 1))
    return out[:n]


def test_put_get_list_delete(server, cloud):
    for name, data in (("d/a.txt", b"hello"), ("d/e/b", b""), ("d/e/\u00fc x", b"12")):
        assert server.ask("PUT", f"{PROXY}/{quote(name)}", data).status == 200
    answer = server.ask("GET", f"{PROXY}/d/a.txt")
    assert (answer.status, answer.text) == (200, "hello")
    assert answer.headers["Content-Disposition"] == 'attachment; filename=a.txt'
    assert answer.headers["Cache-Control"] == "no-cache"
    assert json.loads(server.ask("GET", f"{PROXY}?path=d").text) == {
        "files": [{"path": "a.txt", "is_dir": False, "file_size": 5}, {"path": "e", "is_dir": True}]}
    assert "main-bucket/root/d/a.txt" in cloud.objects()
    assert server.ask("GET", f"{PROXY}/d/none").status == 404
    assert server.ask("GET", f"{PROXY}/d/e").status == 400
    assert server.ask("DELETE", f"{PROXY}/d").status == 200
    assert not [name for name in cloud.objects() if name.startswith("main-bucket/root/d/")]
    assert server.ask("GET", f"{PROXY}/d/a.txt").status == 404


def test_ranges(server):
    data = blob(3 << 20)
    assert server.ask("PUT", f"{PROXY}/ranges/x", data).status == 200
    for wanted, status, got in (("bytes=0-9", 206, data[:10]), ("bytes=2000000-", 206, data[2000000:]), ("bytes=-7", 206, data[-7:]),
                                ("bytes=9999999-", 416, b"")):
        answer = server.ask("GET", f"{PROXY}/ranges/x", headers={"Range": wanted})
        assert (answer.status, answer.body) == (status, got), wanted


def test_large_and_many(server, cloud):
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
    assert cloud.uploads() == 0


def test_a_client_that_goes_leaves_no_upload(server, cloud):
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    c.putrequest("PUT", f"{PROXY}/gone/x")
    c.putheader("Content-Length", str(40 << 20))
    c.endheaders()
    c.send(bytes(20 << 20))
    c.close()
    until(lambda: cloud.uploads() == 0, "the upload to be dropped")
    assert cloud.uploads() == 0
    assert server.ask("GET", f"{PROXY}/gone/x").status == 404


def test_a_bucket_that_fails(server, cloud):
    cloud.fail(True)
    answer = server.ask("PUT", f"{PROXY}/fails/x", b"1")
    cloud.fail(False)
    assert answer.status == 503 and "TEMPORARILY_UNAVAILABLE" in answer.text


def test_experiment_in_another_bucket(server, cloud):
    experiment = server.post("experiments/create", name="direct", artifact_location=f"{cloud.scheme}://other-bucket/exp")["experiment_id"]
    run = server.post("runs/create", experiment_id=experiment)["run"]["info"]
    assert run["artifact_uri"] == f"{cloud.scheme}://other-bucket/exp/{run['run_id']}/artifacts"
    answer = server.ask("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_id={run['run_id']}&path=m/x.txt", b"direct")
    assert answer.status == 200, answer.text
    assert f"other-bucket/exp/{run['run_id']}/artifacts/m/x.txt" in cloud.objects()
    got = json.loads(server.ask("GET", "artifacts/list", {"run_id": run["run_id"], "path": "m"}).text)
    assert got == {"root_uri": run["artifact_uri"], "files": [{"path": "m/x.txt", "is_dir": False, "file_size": 6}]}
    answer = server.ask("GET", f"/get-artifact?run_id={run['run_id']}&path=m/x.txt")
    assert (answer.status, answer.text) == (200, "direct")


def test_the_client_by_itself(server, cloud, tmp_path):
    """The unmodified client, through the proxy and straight into the bucket, with what it writes read by the server."""
    pytest.importorskip("boto3" if cloud.scheme == "s3" else "google.cloud.storage")
    pytest.importorskip("mlflow")
    (tmp_path / "f.txt").write_text("of the client")
    script = ("import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]); mlflow.set_experiment(sys.argv[2]);\n"
              "with mlflow.start_run() as run: mlflow.log_artifact(sys.argv[3], 'p'); print('id', run.info.run_id)")
    server.post("experiments/create", name="c-direct", artifact_location=f"{cloud.scheme}://third-bucket/x")
    for name in ("c-proxied", "c-direct"):
        run = subprocess.run([sys.executable, "-c", script, server.url, name, tmp_path / "f.txt"], env={**os.environ, **cloud.env_of_clients},
                             check=True, capture_output=True, text=True, timeout=120).stdout.split('id ')[1].split()[0]
        assert server.ask("GET", f"/get-artifact?run_id={run}&path=p/f.txt").text == "of the client"


def test_uploads_in_parts_and_presigned(server, cloud):
    """Clients move the bytes themselves; the server only signs and completes."""
    base = "/api/2.0/mlflow-artifacts"
    if cloud.scheme != "s3":  # nothing to sign with: test_parts_in_a_bucket_of_googles
        assert server.ask("POST", f"{base}/mpu/create/p", {"path": "f", "num_parts": 1}).status == 501
        assert server.ask("GET", f"{base}/presigned/p/f").status == 501
        return
    upload_in_parts(server, cloud)
    assert cloud.uploads() == 0
    links_to_models(server, cloud)


def links_to_models(server, cloud):
    """A model's file as a link into the bucket, for who may read the model: of a logged model, of a version, of a version of a run's."""
    run = server.run()
    model = server.post("logged-models", experiment_id="0", name="signed", source_run_id=run)["model"]["info"]
    root = model["artifact_uri"].removeprefix("mlflow-artifacts:")
    assert server.ask("PUT", f"{PROXY}{root}/MLmodel", "of the model").status == 200
    server.post("registered-models/create", name="signed")
    server.post("model-versions/create", name="signed", source=model["artifact_uri"], model_id=model["model_id"])
    of_run = server.get("runs/get", run_id=run)["run"]["info"]["artifact_uri"].removeprefix("mlflow-artifacts:")
    assert server.ask("PUT", f"{PROXY}{of_run}/m/MLmodel", "of the run").status == 200
    server.post("model-versions/create", name="signed", source=f"runs:/{run}/m", run_id=run)
    files = f"/ajax-api/2.0/mlflow/logged-models/{model['model_id']}/artifacts/files"
    for path, query, content in ((files, {"artifact_file_path": "MLmodel"}, b"of the model"),
                                 ("/model-versions/get-artifact", {"name": "signed", "version": 1, "path": "MLmodel"}, b"of the model"),
                                 ("/model-versions/get-artifact", {"name": "signed", "version": 2, "path": "MLmodel"}, b"of the run")):
        assert server.ask("GET", path, query).body == content
        link = json.loads(server.ask("GET", path, {**query, "presigned": "true"}).text)
        assert link["headers"] == {} and link["file_size"] == len(content), link
        url = urlsplit(link["url"])
        assert ask(cloud.port, "GET", f"{url.path}?{url.query}").body == content
        gone = {k: "none" if v == "MLmodel" else v for k, v in query.items()}
        assert server.ask("GET", path, {**gone, "presigned": "true"}).status == 404


def upload_in_parts(server, cloud):
    base = "/api/2.0/mlflow-artifacts"
    parts = [blob(5 << 20), b"end"]
    got = json.loads(server.ask("POST", f"{base}/mpu/create/p/q", {"path": "C:\\mine\\f x.bin", "num_parts": 2}).text)
    assert [c["part_number"] for c in got["credentials"]] == [1, 2]
    etags = []
    for credential, data in zip(got["credentials"], parts):
        url = urlsplit(credential["url"])
        answer = ask(cloud.port, "PUT", f"{url.path}?{url.query}", data)
        assert answer.status == 200, answer.text
        etags.append({"part_number": credential["part_number"], "etag": answer.headers["ETag"]})
    done = {"path": "f x.bin", "upload_id": got["upload_id"], "parts": etags}
    assert server.ask("POST", f"{base}/mpu/complete/p/q", done).text == "{}"
    assert server.ask("GET", f"{PROXY}/p/q/f%20x.bin").body == b"".join(parts)
    link = json.loads(server.ask("GET", f"{base}/presigned/p/q/f%20x.bin").text)
    assert link["file_size"] == (5 << 20) + 3 and link["headers"] == {}
    url = urlsplit(link["url"])
    assert ask(cloud.port, "GET", f"{url.path}?{url.query}").body == b"".join(parts)
    if cloud.scheme == "s3":  # the fake looks at signatures; those of gs:// are compared with Google's own in test_gcs_sign.c
        assert ask(cloud.port, "GET", f"{url.path}?{url.query}x").status == 403
    assert server.ask("GET", f"{base}/presigned/p/none").status == 404
    assert server.ask("POST", f"{base}/mpu/complete/p/q", done).status == 404
    got = json.loads(server.ask("POST", f"{base}/mpu/create/p", {"path": "g", "num_parts": 1}).text)
    assert cloud.uploads() == (1 if cloud.scheme == "s3" else 0)
    assert server.ask("POST", f"{base}/mpu/abort/p", {"path": "g", "upload_id": got["upload_id"]}).text == "{}"
    url = urlsplit(got["credentials"][0]["url"])
    assert ask(cloud.port, "PUT", f"{url.path}?{url.query}", b"late").status == 404
    for bad in ({"num_parts": 1}, {"path": "..", "num_parts": 1}, {"path": "a/", "num_parts": 1}, {"path": "f", "num_parts": 10001}):
        assert server.ask("POST", f"{base}/mpu/create/p", bad).status == 400, bad


KEY_FILE = """{"type": "service_account", "project_id": "p", "private_key_id": "k", "client_email": "robot@example.test",
"private_key": %s, "token_uri": "http://127.0.0.1:%d/token"}"""


def credentials(kind, google, tmp_path):
    """A credentials file of this kind, with its exchange at the fake; {} for the metadata server."""
    at = f"http://127.0.0.1:{google}"
    if kind == "key":
        key = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], check=True,
                             capture_output=True, text=True).stdout
        text = KEY_FILE % (json.dumps(key), google)
    else:
        user = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r", "token_uri": at + "/token"}
        (tmp_path / "subject").write_text("jwt")
        text = json.dumps({
            "user": user,
            "external": {"type": "external_account", "audience": "//iam/x", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                         "token_url": at + "/sts", "credential_source": {"file": str(tmp_path / "subject")}},
            "impersonated": {"type": "impersonated_service_account", "source_credentials": user, "service_account_impersonation_url":
                             at + "/v1/projects/-/serviceAccounts/t@example.test:generateAccessToken"}}[kind])
    (tmp_path / "c.json").write_text(text)
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "c.json")}


@pytest.mark.parametrize("kind, called", [("key", "/token"), ("user", "/token"), ("external", "/sts"),
                                          ("impersonated", "/v1/projects/-/serviceAccounts/t@example.test:generateAccessToken")])
def test_a_bucket_that_wants_a_token(kind, called, tmp_path):
    """Each kind of credentials brings a token that the bucket takes; a refused one is renewed; a late server is waited for."""
    fake = FAKE.with_name("fake_google.py")
    google = subprocess.Popen([sys.executable, fake, "right"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    (tmp_path / "token").write_text("right")
    try:
        port = int(google.stdout.readline())
        with Gcs("--token-file", tmp_path / "token") as bucket:
            env = {**bucket.env_of_clients, **credentials(kind, port, tmp_path)}
            ask(port, "POST", "/_set", json.dumps({"token": "wrong"}))
            ask(port, "POST", "/_set", json.dumps({"status": 503, "n": 2}))
            with Tracking("--artifacts-destination", "gs://main-bucket", env=env) as t:
                answer = t.ask("PUT", f"{PROXY}/a", b"x")
                assert answer.status == 500, answer.text  # a new token is as wrong
                ask(port, "POST", "/_set", json.dumps({"token": "right"}))
                assert t.ask("PUT", f"{PROXY}/a", b"x").status == 200
                assert t.ask("GET", f"{PROXY}/a").body == b"x"
                calls = json.loads(ask(port, "GET", "/_state").text)["calls"]
                assert 3 <= calls[called] <= 8, calls
                log = t.log.read_text()
            assert "right" not in log and "wrong" not in log and "PRIVATE" not in log and "refresh_token" not in log, log
    finally:
        google.stdin.close()
        google.wait(10)


def test_parts_in_a_bucket_of_googles(tmp_path):
    """With a service account's key to sign with gs:// has uploads in parts, and the unmodified client uses them."""
    google = subprocess.Popen([sys.executable, FAKE.with_name("fake_google.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        port = int(google.stdout.readline())
        with Gcs() as bucket:
            env = {**bucket.env_of_clients, **credentials("key", port, tmp_path)}
            with Tracking("--artifacts-destination", "gs://main-bucket/root", env={**env, "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true"}) as t:
                upload_in_parts(t, bucket)
                (tmp_path / "large.bin").write_bytes(blob(12 << 20))
                run = subprocess.run(
                    [sys.executable, "-c", "import sys, mlflow\nmlflow.start_run()\nmlflow.log_artifact(sys.argv[1])\n"
                     "print('id', mlflow.active_run().info.run_id)\nmlflow.end_run()", str(tmp_path / "large.bin")],
                    env={**os.environ, "MLFLOW_TRACKING_URI": t.url, "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
                         "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(6 << 20), "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 << 20)},
                    check=True, capture_output=True, text=True, timeout=120).stdout.split("id ")[1].split()[0]
                assert t.ask("GET", f"/get-artifact?run_id={run}&path=large.bin").body == blob(12 << 20)
                assert 'path="/api/2.0/mlflow-artifacts/mpu/complete' in t.ask("GET", "/metrics").text
    finally:
        google.stdin.close()
        google.wait(10)


def test_a_root_that_is_a_directory(tmp_path):
    """Locations below --default-artifact-root are served, however they are written; others are not."""
    root = tmp_path / "mlruns x"
    with Tracking("--default-artifact-root", root, "--no-serve-artifacts") as t:
        experiment = t.post("experiments/create", name="e")["experiment_id"]
        run = t.post("runs/create", experiment_id=experiment)["run"]["info"]
        assert run["artifact_uri"].endswith(f"/{run['run_id']}/artifacts"), run
        assert t.ask("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_id={run['run_id']}&path=d/f", b"x").status == 200
        assert (root / experiment / run["run_id"] / "artifacts/d/f").read_bytes() == b"x"
        assert t.ask("GET", f"/get-artifact?run_id={run['run_id']}&path=d/f").text == "x"
        assert t.ask("GET", f"/get-artifact?run_id={run['run_id']}&path=d/../../f").status == 400
        for location, status in ((root.as_uri() + "/other", 200), (f"{root}y", 501), (f"{tmp_path}/elsewhere", 501)):
            experiment = t.post("experiments/create", name=str(location), artifact_location=str(location))["experiment_id"]
            run = t.post("runs/create", experiment_id=experiment)["run"]["info"]
            answer = t.ask("GET", "artifacts/list", {"run_id": run["run_id"]})
            assert answer.status == status, (location, answer.text)
        assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_says_so_in_the_middle():
    """The disk fills up while an upload comes: 503, nothing is left of it, the server goes on."""
    with Tracking(env={"ONEBOX_FAULT": "write:4:ENOSPC:1"}) as t:
        answer = t.ask("PUT", f"{PROXY}/full/x", bytes(3 << 20))
        assert answer.status == 503 and "disk for artifacts is full" in answer.text, answer.text
        assert t.ask("GET", f"{PROXY}/full/x").status == 404
        assert t.ask("PUT", f"{PROXY}/full/x", bytes(3 << 20)).status == 200
        staged = [p for p in t.artifacts.rglob("*") if p.is_file() and p.name != "x"]
        assert not staged, staged
