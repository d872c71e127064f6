"""A bucket's retention policy: what was made in it stays until its time is over, also when the policy is locked."""

import json
import time

import pytest
from bucketd_test import Bucketd
from google.api_core import exceptions

BUCKET = "/storage/v1/b/bkt"
DAY = 86400


@pytest.fixture
def server():
    with Bucketd() as daemon:
        yield daemon


def refused(answer):
    assert answer.status == 403, answer.text
    said = json.loads(answer.text)["error"]
    assert said["errors"][0]["reason"] == "retentionPolicyNotMet" and "retention policy" in said["message"]


def test_objects_stay(server):
    made = server.put("a", b"one")
    assert "retentionExpirationTime" not in made
    policy = server.json("PATCH", BUCKET, {"retentionPolicy": {"retentionPeriod": str(DAY)}})["retentionPolicy"]
    assert policy["retentionPeriod"] == str(DAY) and policy["effectiveTime"] and "isLocked" not in policy
    # Those that were there before, too; they are read, listed and described as before.
    until = server.json("GET", f"{BUCKET}/o/a")["retentionExpirationTime"]
    assert until[:4] >= made["timeCreated"][:4] and until > made["timeCreated"]
    assert server.json("GET", f"{BUCKET}/o")["items"][0]["retentionExpirationTime"] == until
    refused(server.ask("DELETE", f"{BUCKET}/o/a"))
    refused(server.ask("DELETE", f"{BUCKET}/o/a?generation={made['generation']}"))
    refused(server.ask("POST", f"/upload{BUCKET}/o?uploadType=media&name=a", b"two"))
    refused(server.ask("POST", f"{BUCKET}/o/a/moveTo/o/b", "{}"))
    assert server.ask("PUT", "/bkt/a", b"two").status == 403 and server.ask("DELETE", "/bkt/a").status == 403
    server.put("b", b"new")
    refused(server.ask("POST", f"{BUCKET}/o/b/rewriteTo/b/bkt/o/a", "{}"))
    refused(server.ask("POST", f"{BUCKET}/o/a/compose", json.dumps({"sourceObjects": [{"name": "b"}]})))
    assert server.json("PATCH", f"{BUCKET}/o/a", {"metadata": {"k": "v"}})["metadata"] == {"k": "v"}
    assert server.ask("GET", "/bkt/a").body == b"one"
    # Labels and a restart change nothing of it; without it they go.
    server.json("PATCH", BUCKET, {"labels": {"x": "y"}})
    server.end()
    server.start()
    assert server.json("GET", BUCKET)["retentionPolicy"] == policy
    refused(server.ask("DELETE", f"{BUCKET}/o/a"))
    assert "retentionPolicy" not in server.json("PATCH", BUCKET, {"retentionPolicy": None})
    assert server.ask("DELETE", f"{BUCKET}/o/a").status == 204


def test_its_time_is_over(server):
    server.json("PATCH", BUCKET, {"retentionPolicy": {"retentionPeriod": 1}})
    server.put("a", b"one")
    time.sleep(1.1)
    server.put("a", b"two")
    time.sleep(1.1)
    assert server.ask("DELETE", f"{BUCKET}/o/a").status == 204


def test_versions(server):
    """What is replaced or deleted stays as a version, and that is what must not go."""
    server.json("PATCH", BUCKET, {"versioning": {"enabled": True}, "retentionPolicy": {"retentionPeriod": DAY}})
    first = server.put("a", b"one")
    server.put("a", b"two")
    assert server.ask("DELETE", f"{BUCKET}/o/a").status == 204
    refused(server.ask("DELETE", f"{BUCKET}/o/a?generation={first['generation']}"))
    assert server.ask("GET", f"/bkt/a?generation={first['generation']}").body == b"one"


def test_locked(server):
    bucket = server.json("PATCH", BUCKET, {"retentionPolicy": {"retentionPeriod": str(DAY), "isLocked": True}})
    assert "isLocked" not in bucket["retentionPolicy"]  # a word of the server's
    lock = f"{BUCKET}/lockRetentionPolicy"
    assert server.ask("POST", lock).status == 400
    assert server.ask("POST", f"{lock}?ifMetagenerationMatch=99").status == 412
    locked = server.json("POST", f"{lock}?ifMetagenerationMatch={bucket['metageneration']}")
    assert locked["retentionPolicy"] == {**bucket["retentionPolicy"], "isLocked": True}
    for change in ({"retentionPolicy": None}, {"retentionPolicy": {"retentionPeriod": str(DAY - 1)}}):
        assert server.ask("PATCH", BUCKET, json.dumps(change)).status == 403
    assert server.ask("PUT", BUCKET, "{}").status == 403
    longer = server.json("PATCH", BUCKET, {"retentionPolicy": {"retentionPeriod": str(2 * DAY)}})["retentionPolicy"]
    assert longer["isLocked"] and longer["retentionPeriod"] == str(2 * DAY)
    server.put("a", b"x")
    assert server.ask("DELETE", BUCKET).status == 409


def test_googles_client(server):
    client = server.client()
    bucket = client.get_bucket("bkt")
    nothing = server.ask("POST", f"{BUCKET}/lockRetentionPolicy?ifMetagenerationMatch={bucket.metageneration}")
    assert nothing.status == 400 and "no retention policy" in nothing.text
    bucket.retention_period = 3600
    bucket.patch()
    bucket = client.get_bucket("bkt")
    assert bucket.retention_period == 3600 and not bucket.retention_policy_locked
    assert bucket.retention_policy_effective_time is not None
    blob = bucket.blob("x")
    blob.upload_from_string("one")
    assert (blob.retention_expiration_time - blob.time_created).total_seconds() == 3600
    with pytest.raises(exceptions.Forbidden):
        blob.delete()
    blob.event_based_hold = True
    blob.patch()
    assert blob.retention_expiration_time is None
    bucket.lock_retention_policy()
    assert bucket.retention_policy_locked
    made = client.create_bucket(client.bucket("other"))
    assert made.retention_period is None
    for period in (-1, 10**12):
        made.retention_period = period
        with pytest.raises(exceptions.BadRequest):
            made.patch()
