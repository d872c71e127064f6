"""Who may use a bucket (IAM policies, access control lists), and the calls that onebox-bucketd refuses by name."""

import json

import pytest
from bucketd_test import Bucketd
from google.api_core import exceptions

BUCKET = "/storage/v1/b/bkt"


@pytest.fixture(scope="module")
def server():
    with Bucketd() as daemon:
        yield daemon


@pytest.fixture
def own():
    """For those that give it a policy, or end it."""
    with Bucketd() as daemon:
        yield daemon


def error(answer, status):
    assert answer.status == status, answer.text
    said = json.loads(answer.text)["error"]
    assert said["code"] == status and said["errors"][0]["message"] == said["message"]
    return said["message"]


def test_googles_client(own):
    bucket = own.client().bucket("bkt")
    policy = bucket.get_iam_policy(requested_policy_version=3)
    assert policy.etag and {b["role"] for b in policy.bindings} == \
        {"roles/storage.legacyBucketOwner", "roles/storage.legacyBucketReader"}
    stale = bucket.get_iam_policy()
    policy.bindings.append({"role": "roles/storage.objectViewer", "members": {"allUsers", "user:a@example.com"}})
    kept = bucket.set_iam_policy(policy)
    assert kept.etag not in (None, stale.etag)
    found = bucket.get_iam_policy(requested_policy_version=3)
    assert found.etag == kept.etag and len(found.bindings) == 3
    assert set(found.bindings[2]["members"]) == {"allUsers", "user:a@example.com"}
    stale["roles/storage.admin"] = {"user:b@example.com"}
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.set_iam_policy(stale)
    asked = ["storage.objects.get", "storage.buckets.delete"]
    assert bucket.test_iam_permissions(asked) == asked
    assert list(bucket.list_notifications()) == []
    with pytest.raises(exceptions.NotFound):
        own.client().bucket("none").get_iam_policy()
    with pytest.raises(exceptions.NotFound):
        own.client().bucket("none").test_iam_permissions(asked)


def test_a_policy_stays(own):
    """With conditions; through a changed and a replaced resource, and a restart."""
    condition = {"title": "t", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}
    bindings = [{"role": "roles/storage.admin", "members": ["user:a@example.com"], "condition": condition}]
    before = own.json("GET", BUCKET)
    made = own.json("PUT", f"{BUCKET}/iam", {"version": 3, "bindings": bindings})
    assert made["bindings"] == bindings and made["version"] == 3 and made["kind"] == "storage#policy"
    assert made["resourceId"] == "projects/_/buckets/bkt"
    assert int(own.json("GET", BUCKET)["metageneration"]) == int(before["metageneration"]) + 1
    own.json("PATCH", BUCKET, {"labels": {"a": "b"}})
    own.json("PUT", BUCKET, {"labels": {"c": "d"}})
    own.end()
    own.start()
    assert own.json("GET", f"{BUCKET}/iam") == made
    assert "policy" not in own.json("GET", BUCKET)
    # None at all is a policy, too.
    assert "bindings" not in own.json("PUT", f"{BUCKET}/iam", {"bindings": []})
    assert "bindings" not in own.json("GET", f"{BUCKET}/iam")


@pytest.mark.parametrize("policy, says", [
    ([], "Parse Error"), ({"bindings": {}}, "must be a list"), ({"bindings": [{}]}, "needs a role"),
    ({"bindings": [{"role": "r", "members": "allUsers"}]}, "members of r"),
    ({"bindings": [{"role": "r", "members": [1]}]}, "members of r"),
    ({"bindings": [{"role": "r", "members": [], "condition": {}}]}, "version 3"),
    ({"version": 2}, "0, 1 or 3"), ({"version": "x"}, "0, 1 or 3")])
def test_bad_policies(server, policy, says):
    before = server.json("GET", f"{BUCKET}/iam")
    assert says in error(server.ask("PUT", f"{BUCKET}/iam", json.dumps(policy)), 400)
    assert server.json("GET", f"{BUCKET}/iam") == before


def test_bad_permissions(server):
    tested = f"{BUCKET}/iam/testPermissions"
    assert "permissions" in error(server.ask("GET", tested), 400)
    for asked in ("compute.instances.get", "storage.*"):
        assert asked in error(server.ask("GET", f"{tested}?permissions=storage.buckets.get&permissions={asked}"), 400)


def test_no_access_control_lists(server):
    """As in a bucket with uniform access: what asks for one is told, not ignored."""
    bucket = server.client().bucket("bkt")
    blob = bucket.blob("x")
    blob.upload_from_string("x", predefined_acl="private")
    with pytest.raises(exceptions.BadRequest, match="uniform bucket-level access"):
        blob.make_public()
    with pytest.raises(exceptions.BadRequest, match="predefinedAcl"):
        blob.upload_from_string("y", predefined_acl="publicRead")
    assert blob.download_as_text() == "x"
    for body in ({"acl": [{"entity": "allUsers", "role": "READER"}]}, {"defaultObjectAcl": [{"entity": "allUsers"}]}):
        assert "IAM policy" in error(server.ask("PATCH", BUCKET, json.dumps(body)), 400)
    # In an upload's resource, and in those of copies.
    public = json.dumps({"name": "z", "acl": [{"entity": "allUsers", "role": "READER"}]})
    for path in ("?uploadType=resumable&name=z", "?uploadType=multipart"):
        body, headers = public, {"Content-Type": "application/json"}
        if "multipart" in path:
            body = f"--b\r\nContent-Type: application/json\r\n\r\n{public}\r\n--b\r\nContent-Type: a/b\r\n\r\nz\r\n--b--\r\n"
            headers = {"Content-Type": "multipart/related; boundary=b"}
        assert "Cannot set acl" in error(server.ask("POST", f"/upload{BUCKET}/o{path}", body, headers), 400)
    for path in ("copyTo/b/bkt/o/z", "rewriteTo/b/bkt/o/z", "moveTo/o/z"):
        assert "Cannot set acl" in error(server.ask("POST", f"{BUCKET}/o/x/{path}", public), 400)
    compose = json.dumps({"sourceObjects": [{"name": "x"}], "destination": json.loads(public)})
    assert "Cannot set acl" in error(server.ask("POST", f"{BUCKET}/o/z/compose", compose), 400)
    assert "Cannot set x-goog-acl" in server.ask("PUT", "/bkt/z", "z", {"x-goog-acl": "public-read"}).text
    assert server.ask("GET", f"{BUCKET}/o/z").status == 404
    # Who asks for no more than there is gets it.
    assert server.ask("PUT", "/bkt/w", "w", {"x-goog-acl": "private"}).status == 200
    for rest in ("/acl", "/acl/allUsers", "/defaultObjectAcl", "/o/x/acl", "/o/x/iam"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            assert "IAM policy" in error(server.ask(method, BUCKET + rest, "{}"), 400)


def test_keys_of_clients_are_not_ignored(server):
    """What somebody believes to be encrypted must not lie there in clear."""
    for prefix in ("x-goog-encryption", "x-goog-copy-source-encryption"):
        key = {f"{prefix}-algorithm": "AES256", f"{prefix}-key": "a2V5", f"{prefix}-key-sha256": "c3Vt"}
        for method, path in (("PUT", "/bkt/secret"), ("POST", f"/upload{BUCKET}/o?uploadType=media&name=secret"), ("GET", "/bkt/secret")):
            answer = server.ask(method, path, b"x" if method != "GET" else None, key)
            assert answer.status == 400 and "does not encrypt" in answer.text
    assert server.ask("GET", "/bkt/secret").status == 404


@pytest.mark.parametrize("method, path, resource, says", [
    ("POST", f"{BUCKET}/o/x/compose?destinationKmsKeyName=k", {"sourceObjects": [{"name": "a"}]}, "Cloud KMS"),
    ("PATCH", f"{BUCKET}/o/a", {"kmsKeyName": "k"}, "Cloud KMS"),
    ("PATCH", BUCKET, {"encryption": {"defaultKmsKeyName": "k"}}, "Cloud KMS"),
    ("POST", f"/upload{BUCKET}/o?uploadType=media&name=b&kmsKeyName=k", {}, "Cloud KMS"),
    ("POST", f"/upload{BUCKET}/o?uploadType=resumable&name=b", {"kmsKeyName": "k"}, "Cloud KMS"),
    ("PATCH", BUCKET, {"softDeletePolicy": {"retentionDurationSeconds": "604800"}}, "versioning"),
    ("POST", "/storage/v1/b?project=p&enableObjectRetention=True", {"name": "kept"}, "retentionPolicy"),
    ("PATCH", f"{BUCKET}/o/a", {"retention": {"mode": "Locked", "retainUntilTime": "2099-01-01T00:00:00Z"}}, "hold"),
    ("PATCH", f"{BUCKET}/o/a", {"contexts": {"custom": {"k": {"value": "v"}}}}, "metadata"),
    ("GET", f"{BUCKET}/o?filter=contexts.%22k%22%3A*", None, "matchGlob")])
def test_what_a_client_would_rely_on_is_refused(server, method, path, resource, says):
    """It would be answered as if it were so: encrypted, kept, found by what was said of it."""
    server.put("a", b"x")
    assert says in error(server.ask(method, path, json.dumps(resource) if resource is not None else None), 400)
    # What says that it is not wanted is no wish.
    server.json("PATCH", BUCKET, {"softDeletePolicy": {"retentionDurationSeconds": "0"}, "encryption": None})
    server.json("PATCH", f"{BUCKET}/o/a", {"kmsKeyName": None, "contexts": None, "retention": {}})
    assert "items" in server.json("GET", f"{BUCKET}/o?softDeleted=False&filter=")


@pytest.mark.parametrize("method, path, says", [
    ("GET", "/storage/v1/projects/p/hmacKeys", "token_file"), ("POST", "/storage/v1/projects/p/hmacKeys", "token_file"),
    ("GET", "/storage/v1/projects/p/serviceAccount", "service account"),
    ("POST", f"{BUCKET}/notificationConfigs", "notifies nobody"),
    ("DELETE", f"{BUCKET}/notificationConfigs/1", "notifies nobody"), ("POST", f"{BUCKET}/o/watch", "notifies nobody"),
    ("POST", f"{BUCKET}/o/x/restore?generation=1", "versioning"), ("POST", f"{BUCKET}/managedFolders", "managed folders"),
    ("GET", f"{BUCKET}/managedFolders/a/iam", "managed folders"), ("GET", f"{BUCKET}/anywhereCaches", "file cache"),
    ("GET", f"{BUCKET}/operations", "none to list")])
def test_refused_by_name(server, method, path, says):
    message = error(server.ask(method, path, "{}" if method == "POST" else None), 501)
    assert says in message and message.startswith(f"{method} {path.partition('?')[0]}: ")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/storage/v1", "/storage/v1/nonsense", f"{BUCKET}/nonsense", f"{BUCKET}/o/a/nonsense/b",
                                  "/upload/storage/v1/b/bkt/nonsense"])
def test_unknown_calls(server, method, path):
    if path.startswith(f"{BUCKET}/o/") and method != "POST":
        return  # an object's name with bare slashes
    message = error(server.ask(method, path, "{}" if method in ("POST", "PUT", "PATCH") else None), 404)
    assert f"{method} {path} is no call that this server knows" in message


def test_folders_of_python(server):
    server.json("POST", "/storage/v1/b?project=p", {"name": "tree", "hierarchicalNamespace": {"enabled": True}})
    answer = server.json("POST", "/storage/v1/b/tree/folders?recursive=True", {"name": "a/b/c/"})
    assert answer["name"] == "a/b/c/"
    assert [f["name"] for f in server.json("GET", "/storage/v1/b/tree/folders")["items"]] == ["a/", "a/b/", "a/b/c/"]
    assert server.ask("POST", "/storage/v1/b/tree/folders?recursive=False", '{"name": "x/y/"}').status == 409
