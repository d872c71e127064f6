"""Many calls in one request, as Google's client sends them, and what a batch may not hold."""

import pytest
from bucketd_test import Bucketd


@pytest.fixture(scope="module")
def server():
    with Bucketd("--sync=no") as daemon:
        yield daemon


def test_deletes_by_google_client(server):
    names = [f"d/ä {i}" for i in range(150)]  # more than a batch of the client's: it says 100 for itself
    for name in names:
        server.put(name, b"x")
    client = server.client()
    bucket = client.bucket("bkt")
    for at in range(0, len(names), 100):
        with client.batch():
            for name in names[at:at + 100]:
                bucket.blob(name).delete()
    assert list(client.list_blobs("bkt", prefix="d/")) == []


def test_each_has_its_own_end(server):
    from google.cloud.exceptions import NotFound
    server.put("one", b"1")
    client = server.client()
    bucket = client.bucket("bkt")
    with pytest.raises(NotFound):
        with client.batch():
            bucket.blob("none").delete()
            bucket.blob("one").delete()
    assert server.ask("GET", server.object("one")).status == 404, "the second was not done"
    server.put("two", b"2")
    blob = bucket.blob("two")
    with client.batch(raise_exception=False) as batch:
        blob.metadata = {"a": "b"}
        blob.patch()
        bucket.blob("none").delete()
    assert [r.status_code for r in batch._responses] == [200, 404]
    assert server.json("GET", server.object("two"))["metadata"] == {"a": "b"}


def post(server, body, boundary="b", headers=None):
    return server.ask("POST", "/batch/storage/v1", body, {"Content-Type": f"multipart/mixed; boundary={boundary}", **(headers or {})})


def part(line, more=""):
    return f"--b\r\nContent-Type: application/http\r\nContent-ID: <i+1>\r\n\r\n{line} HTTP/1.1\r\n{more}\r\n"


def test_as_apitools_sends_it(server):
    server.put("api", b"x")
    answer = post(server, part("GET https://storage.googleapis.com/storage/v1/b/bkt/o/api?fields=name") + "--b--")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("multipart/mixed; boundary=")
    assert "Content-ID: <response-i+1>" in answer.text and '{"name":"api"}' in answer.text and "HTTP/1.1 200" in answer.text


def test_no_content_goes_by_a_batch(server):
    for target in ("/upload/storage/v1/b/bkt/o?uploadType=media&name=x", "/batch/storage/v1", "/bkt/api",
                   "/storage/v1/b/bkt/o/api?alt=media"):
        answer = post(server, part(f"POST {target}") + "--b--")
        assert answer.status == 200 and "HTTP/1.1 400" in answer.text, target


def test_what_is_no_batch(server):
    for body in ("", "--b", part("GET /storage/v1/b") , part("nonsense") + "--b--", "--c--"):
        assert post(server, body).status == 400, body
    assert server.ask("POST", "/batch/storage/v1", "--b--", {"Content-Type": "text/plain"}).status == 400
    assert post(server, "--b--").status == 200


def test_the_token_is_asked_for(tmp_path):
    (tmp_path / "token").write_text("secret")
    with Bucketd("--sync=no", f"--token-file={tmp_path}/token") as server:
        body = part("GET /storage/v1/b/bkt") + "--b--"
        assert post(server, body).status == 401
        assert "HTTP/1.1 200" in post(server, body, headers={"Authorization": "Bearer secret"}).text
        mixed = part("GET /storage/v1/b/bkt", "Authorization: Bearer wrong\r\n") + "--b--"
        assert "HTTP/1.1 401" in post(server, mixed, headers={"Authorization": "Bearer secret"}).text
