"""What the mount says when the bucket refuses or does not answer: an errno alone tells nobody why."""

import errno
import os
import threading

import pytest
from bucketd_test import Bucketd
from daemon_test import until
from mount_test import Mount, needs_fuse

pytestmark = needs_fuse


@pytest.fixture(scope="module")
def server():
    with Bucketd("--sync=no") as daemon:
        yield daemon


@pytest.fixture
def mount(server):
    with Mount(server.url) as m:
        yield m
    server.ask("DELETE", "/_onebox/faults")


@pytest.mark.parametrize("call, request_is", [
    (lambda m: os.mkdir(m / "made"), "CreateObject made/"),
    (lambda m: (m / "new").write_bytes(b"x"), "CreateObject new"),
    (lambda m: os.unlink(m / "gone"), "DeleteObject gone"),
    (lambda m: os.rename(m / "from", m / "to"), "MoveObject from"),
    (lambda m: os.utime(m / "dated", (1, 1)), "UpdateObject dated"),
    (lambda m: os.truncate(m / "shorter", 1), "CreateObject shorter"),
], ids=lambda p: p.split()[0] if isinstance(p, str) else "")
def test_a_refusal_in_its_own_words(server, mount, call, request_is):
    name = request_is.split()[1]
    server.put(name, b"xyz") if name not in ("made/", "new") else None
    server.faults({"op": "change", "status": 403})
    with pytest.raises(OSError) as error:
        call(mount)
    assert error.value.errno == errno.EACCES
    assert f"warning fuse-gcs: {request_is}: HTTP 403: " in mount.log.read_text()


def test_what_is_not_there_is_no_complaint(server, mount):
    before = len(mount.log.read_text())
    for i in range(20):
        assert not (mount / f"nothing{i}").exists()
    with pytest.raises(OSError) as error, open(mount / "mine", "wb", buffering=0) as f:
        f.write(b"1")
        server.put("mine", b"theirs")
    assert error.value.errno == errno.ESTALE
    said = mount.log.read_text()[before:].splitlines()
    assert all("HTTP" not in line for line in said), said
    assert any("mine: not written: it was" in line for line in said), said


def test_away_and_back(server, mount):
    """It is said once, long before a call's deadline, and so is the end; what waited goes on."""
    server.put("f", b"content")
    server.faults({"status": 503})
    got = []
    readers = [threading.Thread(target=lambda i=i: got.append((i, os.path.exists(mount / f"f{i or ''}")))) for i in range(3)]
    for reader in readers:
        reader.start()
    until(lambda: "has answered nothing of use (HTTP 503)" in mount.log.read_text(), "a word of it")
    server.ask("DELETE", "/_onebox/faults")
    for reader in readers:
        reader.join()
    assert sorted(got) == [(0, True), (1, False), (2, False)]
    text = mount.log.read_text()
    assert text.count("has answered nothing of use") == 1 and text.count("answers again, after") == 1, text
