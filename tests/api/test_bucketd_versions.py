"""Buckets with versioning: what is replaced or deleted stays as a version, through kills too, until it is deleted by
its generation; then its content is given back."""

import json
import random
import signal

import pytest
from bucketd_test import Bucketd
from daemon_test import until
from google.api_core import exceptions

LARGE = random.Random(1).randbytes(300000)


@pytest.fixture
def server():
    with Bucketd() as daemon:
        daemon.json("PATCH", "/storage/v1/b/bkt", {"versioning": {"enabled": True}})
        yield daemon


def listed(server, rest=""):
    answer = server.json("GET", f"/storage/v1/b/bkt/o?versions=true{rest}")
    return [(o["name"], o["generation"], "timeDeleted" in o) for o in answer.get("items", [])]


def test_generations(server):
    one, two = server.put("a", b"one"), server.put("a", b"two")
    assert listed(server) == [("a", one["generation"], True), ("a", two["generation"], False)]
    assert [o["generation"] for o in server.json("GET", "/storage/v1/b/bkt/o")["items"]] == [two["generation"]]
    assert server.read("a").body == b"two"
    assert server.read("a", rest=f"?generation={one['generation']}").body == b"one"
    old = server.json("GET", server.object("a", f"?generation={one['generation']}"))
    assert old["md5Hash"] == one["md5Hash"] and old["timeDeleted"] == two["timeCreated"]
    assert server.ask("GET", server.object("a", "?generation=5")).status == 404

    # Preconditions are those of the generation that is meant.
    rest = f"?generation={one['generation']}"
    assert server.ask("GET", server.object("a", f"{rest}&ifMetagenerationMatch=2")).status == 412
    changed = server.json("PATCH", server.object("a", rest), {"metadata": {"k": "v"}})
    assert changed["metageneration"] == "2" and changed["timeDeleted"]
    assert "metadata" not in server.json("GET", server.object("a"))

    # Deleted without a generation: archived; with one: gone.
    assert server.ask("DELETE", server.object("a")).status == 204
    assert server.read("a").status == 404
    assert [deleted for _, _, deleted in listed(server)] == [True, True]
    assert server.ask("DELETE", server.object("a")).status == 404
    assert server.ask("DELETE", "/storage/v1/b/bkt").status == 409
    for generation in (one["generation"], two["generation"]):
        assert server.ask("DELETE", server.object("a", f"?generation={generation}")).status == 204
    assert listed(server) == []
    assert server.ask("DELETE", "/storage/v1/b/bkt").status == 204


def test_deleting_the_live_one_for_good(server):
    one = server.put("a", b"one")
    assert server.ask("DELETE", server.object("a", f"?generation={one['generation']}")).status == 204
    assert listed(server) == []


def test_an_old_one_becomes_live_by_a_copy(server):
    one = server.put("a", LARGE)
    server.put("a", b"two")
    answer = server.json("POST", server.object("a", f"/rewriteTo/b/bkt/o/a?sourceGeneration={one['generation']}"))
    assert answer["resource"]["crc32c"] == one["crc32c"] and "timeDeleted" not in answer["resource"]
    assert server.read("a").body == LARGE and len(listed(server)) == 3


def test_what_is_composed_goes_for_good_what_is_moved_does_not(server):
    for name in "ab":
        server.put(name, name.encode())
    server.json("POST", server.object("a", "/compose"),
                {"sourceObjects": [{"name": "a"}, {"name": "b"}], "deleteSourceObjects": True})
    assert server.read("a").body == b"ab"
    server.json("POST", server.object("a", "/moveTo/o/c"))
    assert [(name, deleted) for name, _, deleted in listed(server)] == \
        [("a", True), ("a", True), ("c", False)]


def test_pages(server):
    made = [(name, server.put(name, b"x")["generation"]) for name in ("a", "d/1", "d/2", "e") for _ in range(3)]
    for size in (1, 2, 5):
        found, token = [], ""
        while token is not None:
            page = server.json("GET", f"/storage/v1/b/bkt/o?versions=true&maxResults={size}&pageToken={token}")
            assert len(page["items"]) <= size
            found += [(o["name"], o["generation"]) for o in page["items"]]
            token = page.get("nextPageToken")
        assert found == made
    page = server.json("GET", "/storage/v1/b/bkt/o?versions=true&delimiter=/")
    assert page["prefixes"] == ["d/"] and [o["name"] for o in page["items"]] == ["a"] * 3 + ["e"] * 3
    assert server.ask("GET", "/storage/v1/b/bkt/o?versions=true&pageToken=!").status == 400


def test_switched_off(server):
    one = server.put("a", b"one")
    server.put("a", b"two")
    server.json("PATCH", "/storage/v1/b/bkt", {"versioning": {"enabled": False}})
    server.put("a", b"three")
    assert [generation for _, generation, deleted in listed(server) if deleted] == [one["generation"]]


def test_refused(server):
    both = {"name": "both", "versioning": {"enabled": True}, "hierarchicalNamespace": {"enabled": True}}
    answer = server.ask("POST", "/storage/v1/b?project=p", json.dumps(both))
    assert answer.status == 400 and "hierarchical" in answer.text
    answer = server.ask("GET", "/storage/v1/b/bkt/o?softDeleted=true")
    assert answer.status == 400 and "versions=true" in answer.text


def test_googles_client(server):
    client = server.client()
    bucket = client.get_bucket("bkt")
    assert bucket.versioning_enabled
    blob = bucket.blob("x")
    blob.upload_from_string("one")
    first = blob.generation
    blob.upload_from_string("two")
    assert bucket.blob("x", generation=first).download_as_bytes() == b"one"
    assert [b.generation == first for b in client.list_blobs(bucket, versions=True)] == [True, False]
    bucket.copy_blob(blob, bucket, "x", source_generation=first)
    assert bucket.blob("x").download_as_bytes() == b"one"
    bucket.delete_blob("x", generation=first)
    with pytest.raises(exceptions.NotFound):
        bucket.blob("x", generation=first).download_as_bytes()
    bucket.labels = {"a": "1", "b": "2"}
    bucket.patch()
    bucket.labels = {"b": "3"}
    bucket.patch()
    assert client.get_bucket("bkt").labels == {"b": "3"} and client.get_bucket("bkt").versioning_enabled
    bucket.add_lifecycle_delete_rule(age=30)
    bucket.cors = [{"origin": ["*"], "maxAgeSeconds": 60}]
    bucket.patch()
    again = client.get_bucket("bkt")
    assert next(iter(again.lifecycle_rules))["condition"] == {"age": 30} and again.cors == bucket.cors
    again.update()
    assert client.get_bucket("bkt").labels == {"b": "3"}
    bucket.delete(force=True)


def test_kills(server):
    """Each write that was acknowledged is there as a version, whole; deleted ones give their files back."""
    chance = random.Random(2)
    known = []
    for _ in range(3):
        for _ in range(12):
            data = LARGE[:chance.choice((0, 10, 70000, 300000))]
            known.append((server.put("v", data)["generation"], data))
        if chance.random() < 0.5:
            assert server.ask("DELETE", server.object("v")).status == 204
        server.end(signal.SIGKILL)
        server.start()
        assert [generation for _, generation, _ in listed(server)] == [generation for generation, _ in known]
        for generation, data in known:
            assert server.read("v", rest=f"?generation={generation}").body == data
    for generation, _ in known:
        assert server.ask("DELETE", server.object("v", f"?generation={generation}")).status == 204
    files = server.state / "bucketd/data"
    until(lambda: not list(files.glob("*/*")), "the files of deleted versions to go")


def test_moving_an_old_one(server):
    """Its generation goes, and only that: the live one of its name stays."""
    one, two = server.put("a", LARGE), server.put("a", b"two")
    moved = server.json("POST", server.object("a", f"/moveTo/o/b?sourceGeneration={one['generation']}"))
    assert server.read("b").body == LARGE and server.read("a").body == b"two"
    assert listed(server) == [("a", two["generation"], False), ("b", moved["generation"], False)]
    assert server.ask("POST", server.object("a", f"/moveTo/o/c?sourceGeneration={one['generation']}")).status == 404
    # Named by its generation the live one is moved as it is without: it leaves a version.
    server.json("POST", server.object("a", f"/moveTo/o/c?sourceGeneration={two['generation']}"))
    assert server.read("c").body == b"two" and ("a", two["generation"], True) in listed(server)
    # Onto its own name: live again, once.
    back = server.json("POST", server.object("a", f"/moveTo/o/a?sourceGeneration={two['generation']}"))
    assert [entry for entry in listed(server) if entry[0] == "a"] == [("a", back["generation"], False)]
    assert server.read("a").body == b"two"


def test_composing_old_ones(server):
    one, two, three = (server.put("a", data) for data in (b"one", b"two", b"three"))
    server.put("b", b"b")
    sources = [{"name": "a", "generation": one["generation"]}, {"name": "a", "generation": two["generation"]},
               {"name": "a", "generation": one["generation"]}, {"name": "b"}]
    server.json("POST", server.object("all", "/compose"), {"sourceObjects": sources, "deleteSourceObjects": True})
    assert server.read("all").body == b"onetwooneb" and server.read("a").body == b"three"
    assert [(name, deleted) for name, _, deleted in listed(server)] == [("a", False), ("all", False)]
    # Onto the name of its sources: what was live stays as a version, the old one that was read goes.
    four = server.put("a", b"four")
    sources = [{"name": "a", "generation": three["generation"]}, {"name": "a"}]
    made = server.json("POST", server.object("a", "/compose"), {"sourceObjects": sources, "deleteSourceObjects": True})
    assert server.read("a").body == b"threefour"
    assert [entry for entry in listed(server) if entry[0] == "a"] == \
        [("a", four["generation"], True), ("a", made["generation"], False)]
