"""Logs in the bucket: uploaded after the end, kept here until then, read back from there; nothing is lost by killed daemons
or a bucket that is away."""
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request

import pytest

from box import Box
from scheduler_calls import load, log_of, run, tries

FAKE_S3 = os.path.join(os.path.dirname(__file__), "../fake/fake_s3.py")


def start(folder, more="", env=None):
    return Box(f"[logging]\nremote_logging = yes\nremote_base_log_folder = {folder}\n{more}",
               names=("launcher", "scheduler", "logship"), env=env)


@pytest.fixture
def boxes(tmp_path):
    made = []

    def make(folder=None, more="", env=None):
        made.append(start(folder or tmp_path / "bucket", more, env).up())
        return made[-1]
    yield make
    for b in made:
        b.end()


def health(b):
    return b.get("/health", sock="logship.sock").json


def spool(b, dag, run_id, task):
    return f"{b.state}/tasks/{tries(b, dag, run_id, task)[0]['try_id']}"


GONE_SOON = "[scheduler]\nkeep_tries = 0s\ntidy_every = 1s\n"


def test_a_log_goes_to_the_bucket_and_is_read_from_there(boxes, tmp_path):
    b = boxes(more=GONE_SOON)
    load(b, "talk", [("say", "for i in $(seq 3000); do echo line $i; done")])
    run_id, _ = run(b, "talk")
    path = tmp_path / f"bucket/dag_id=talk/run_id={run_id}/task_id=say/attempt=1.log"
    b.wait(path.exists, 20, "the log in the bucket")
    b.wait(lambda: not os.path.exists(spool(b, "talk", run_id, "say")), 30, "the end of the one here")
    # in pages, as the pages and `onebox logs` read it
    lines, token = [], ""
    while token is not None:
        a = b.get(f"/api/v2/dags/talk/dagRuns/{run_id}/taskInstances/say/logs/1?token={token}").json
        lines += [line["event"] for line in a["content"]]
        token = a["continuation_token"]
    said = [line for line in lines if line.startswith("line ")]
    assert said == [f"line {i}" for i in range(1, 3001)]
    text = b.get(f"/api/v2/dags/talk/dagRuns/{run_id}/taskInstances/say/logs/1", headers={"Accept": "text/plain"}).body
    assert text.decode() == path.read_text()
    # gone there too: the reason stands where the log would
    path.unlink()
    (line,) = log_of(b, "talk", run_id, "say")
    assert "is not there any more" in line and str(tmp_path) in line
    b.kill("logship")
    (line,) = log_of(b, "talk", run_id, "say")
    assert "onebox-logship" in line and "not there" in line


def test_what_waits_stays_here_and_goes_later(boxes, tmp_path):
    b = boxes(more=GONE_SOON)
    b.kill("logship")
    load(b, "talk", [("say", "echo hello")])
    run_id, _ = run(b, "talk")
    b.restart("scheduler")
    b.wait_ready()
    assert log_of(b, "talk", run_id, "say")[-1:] != [], "it is still here"
    assert os.path.exists(spool(b, "talk", run_id, "say") + "/log")
    shutil.rmtree(b.state + "/logship/queue")  # what no fsync has kept
    b.restart("scheduler")
    b.wait_ready()
    b.start("logship")
    path = tmp_path / f"bucket/dag_id=talk/run_id={run_id}/task_id=say/attempt=1.log"
    b.wait(path.exists, 20, "the log in the bucket")
    assert "hello" in path.read_text()


def test_the_budget_removes_the_oldest(boxes, tmp_path):
    b = boxes(more="local_log_budget = 20K\n[scheduler]\ntidy_every = 1s\n")
    load(b, "fat", [("say", "head -c 9000 /dev/zero | tr '\\0' x; echo")])
    runs = [run(b, "fat")[0] for _ in range(4)]
    b.wait(lambda: health(b)["shipped"] >= 4, 20, "four uploads")

    def here():
        return [os.path.exists(spool(b, "fat", r, "say")) for r in runs]
    b.wait(lambda: here() == [False, False, True, True], 30, "the two oldest to go")
    assert any("xxx" in line for line in log_of(b, "fat", runs[0], "say"))


@pytest.fixture
def s3():
    fake = subprocess.Popen([sys.executable, FAKE_S3], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = int(fake.stdout.readline())
    yield f"http://127.0.0.1:{port}"
    fake.stdin.close()
    fake.wait(20)


def fault(s3, **what):
    urllib.request.urlopen(urllib.request.Request(s3 + "/_fault", json.dumps(what).encode(), method="POST")).read()


def test_a_bucket_of_s3_that_is_away_and_comes_back(boxes, s3):
    b = boxes("s3://logs/airflow", more=GONE_SOON, env={
        "AWS_ENDPOINT_URL": s3, "AWS_ACCESS_KEY_ID": "AKTEST", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_REGION": "us-east-1"})
    fault(s3, status=403, n=1, method="PUT")
    load(b, "talk", [("say", "echo hello")])
    run_id, _ = run(b, "talk")
    b.wait(lambda: health(b)["trouble"], 30, "the refusal to be told")
    assert health(b)["queued"] == 1 and os.path.exists(spool(b, "talk", run_id, "say") + "/log")
    b.wait(lambda: health(b)["shipped"] == 1, 60, "the second attempt")
    assert health(b)["trouble"] is None
    b.wait(lambda: not os.path.exists(spool(b, "talk", run_id, "say")), 30, "the end of the one here")
    assert "hello" in log_of(b, "talk", run_id, "say")
    assert "s3cret" not in b.tail(1 << 20)


def put(b, name, **connection):
    a = b.patch(f"/api/v2/connections/{name}", connection)
    if a.status == 404:
        a = b.post("/api/v2/connections", {"connection_id": name, **connection})
    assert a.status in (200, 201), a.body


def test_the_credentials_of_a_connection(boxes, s3):
    """remote_log_conn_id: nothing in the environment; a wrong key is told, and a right one taken up without a restart."""
    b = boxes("s3://logs/airflow", more="remote_log_conn_id = log_bucket\n" + GONE_SOON)
    at = {"conn_type": "aws", "extra": json.dumps({"endpoint_url": s3, "region_name": "us-east-1"})}
    put(b, "log_bucket", login="AKTEST", password="no_g00d", **at)
    load(b, "talk", [("say", "echo hello")])
    run_id, _ = run(b, "talk")
    b.wait(lambda: health(b)["trouble"], 30, "the refusal to be told")
    put(b, "log_bucket", login="AKTEST", password="s3cret", **at)
    b.wait(lambda: health(b)["shipped"] == 1, 90, "the upload")
    assert health(b)["trouble"] is None
    b.wait(lambda: not os.path.exists(spool(b, "talk", run_id, "say")), 30, "the end of the one here")
    b.restart("logship")  # reading alone opens it too
    b.wait(lambda: "hello" in log_of(b, "talk", run_id, "say"), 30, "the log from the bucket")
    put(b, "log_bucket", conn_type="http", host="h")
    b.restart("logship")
    b.wait(lambda: any("connection of type aws" in line for line in log_of(b, "talk", run_id, "say")), 30, "the reason")
    assert "s3cret" not in b.tail(1 << 20) and "no_g00d" not in b.tail(1 << 20)


def test_the_connection_is_not_there(boxes, s3):
    """As in Airflow: the machine's own credentials; and who is no onebox-logship gets nothing."""
    b = boxes("s3://logs/airflow", more="remote_log_conn_id = nobody_made_it\n", env={
        "AWS_ENDPOINT_URL": s3, "AWS_ACCESS_KEY_ID": "AKTEST", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_REGION": "us-east-1"})
    load(b, "talk", [("say", "echo hello")])
    run(b, "talk")
    b.wait(lambda: health(b)["shipped"] == 1, 60, "the upload")
    assert b.tail(1 << 20).count("there is no connection \"nobody_made_it\"") == 1
    assert b.get("/internal/log_connection").status == 404


def google_key(tmp_path, port):
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA"], check=True, capture_output=True, text=True).stdout
    return {"type": "service_account", "project_id": "p", "private_key_id": "k", "private_key": key,
            "client_email": "robot@example.test", "token_uri": f"http://127.0.0.1:{port}/token"}


def test_the_key_of_a_connection_opens_a_bucket_of_google(boxes, tmp_path):
    google = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(FAKE_S3), "fake_google.py"), "right"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    (tmp_path / "token").write_text("right")
    bucket = Box(f"[bucketd]\nbuckets = logs\nlisten = 127.0.0.1:0\nsocket = none\ntoken_file = {tmp_path}/token\n", names=("bucketd",))
    try:
        key = google_key(tmp_path, google.stdout.readline().strip())
        bucket.start("bucketd")
        bucket.wait(lambda: re.search(r"127\.0\.0\.1:(\d+)", bucket.tail()), 20, "its port")
        port = re.search(r"127\.0\.0\.1:(\d+)", bucket.tail()).group(1)
        b = boxes("gs://logs/airflow", more="remote_log_conn_id = gcp\n", env={"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"})
        put(b, "gcp", conn_type="google_cloud_platform", extra=json.dumps({"keyfile_dict": json.dumps(key)}))
        load(b, "talk", [("say", "echo hello")])
        run(b, "talk")
        b.wait(lambda: health(b)["shipped"] == 1, 60, "the upload")
        assert "PRIVATE KEY" not in b.tail(1 << 20)
    finally:
        bucket.end()
        google.stdin.close()
        google.wait(20)


def test_a_bucket_of_google(boxes, tmp_path):
    """With onebox-bucketd in Google's place: a restart of it is ridden out."""
    bucket = Box("[bucketd]\nbuckets = logs\nlisten = 127.0.0.1:0\nsocket = none\n", names=("bucketd",))
    try:
        bucket.start("bucketd")
        bucket.wait(lambda: re.search(r"127\.0\.0\.1:(\d+)", bucket.tail()), 20, "its port")
        port = re.search(r"127\.0\.0\.1:(\d+)", bucket.tail()).group(1)
        b = boxes("gs://logs/airflow", more=GONE_SOON, env={"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"})
        load(b, "talk", [("say", "echo hello")])
        run_id, _ = run(b, "talk")
        b.wait(lambda: health(b)["shipped"] == 1, 60, "the upload")
        b.wait(lambda: not os.path.exists(spool(b, "talk", run_id, "say")), 30, "the end of the one here")
        assert "hello" in log_of(b, "talk", run_id, "say")
    finally:
        bucket.end()


def test_switched_off_and_wrong(tmp_path):
    b = Box("[logging]\nremote_logging = no\n")
    try:
        b.start("logship", "enabled")
        assert b.procs["logship"].wait(20) == 1
        b.start("logship")
        assert b.procs["logship"].wait(20) == 78 and "switched off" in b.tail()
        with open(b.conf, "a") as f:
            f.write("remote_logging = yes\n")
        b.start("logship")
        assert b.procs["logship"].wait(20) == 78 and "remote_base_log_folder" in b.tail()
    finally:
        b.end()
