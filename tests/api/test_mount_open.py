"""Which file an open gives, with another who writes to the bucket, too; and that two files are never taken for one."""

import errno
import json
import os
import subprocess

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
    with Mount(server.url, "--metadata-cache-ttl-secs=3600", "--strong-consistency-on-open") as m:
        yield m


# --- a close that fails -------------------------------------------------------------------------

def inserts(server):
    return server.requests().get(("POST", "/upload/storage/v1/b/{bucket}/o"), 0)


def refused(f):
    with pytest.raises(OSError) as e:
        f.close()
    return e.value.errno


@pytest.fixture
def unhappy(server):
    """The bucket takes nothing once."""
    yield lambda **rule: server.faults({"op": "insert", "status": 403, "count": 1, **rule})
    server.faults()


@pytest.mark.parametrize("before", [None, b"before"])
def test_what_a_close_was_refused_does_not_come_later(server, mount, unhappy, before):
    """Who was told that it is not there may have gone another way."""
    if before:
        server.ask("PUT", "/bkt/refused", before)
    n = inserts(server)
    unhappy()
    f = open(mount / "refused", "wb", buffering=0)
    f.write(b"never there")
    assert refused(f) == errno.EACCES
    until(lambda: "refused: changes are lost at the last close" in mount.log.read_text(), "the last close")
    assert os.path.exists(mount / "refused") == bool(before)
    if before:
        assert (mount / "refused").read_bytes() == before
    mount.end()
    assert inserts(server) == n + 1
    assert server.ask("GET", "/bkt/refused").status == (200 if before else 404)
    if before:
        assert server.ask("DELETE", "/bkt/refused").status == 204


def test_written_again_at_once_after_a_refused_close(server, mount, unhappy):
    for size in (10, 40 << 20):
        for i in range(10):
            unhappy(op="change")
            f = open(mount / "again", "wb", buffering=0)
            with pytest.raises(OSError):
                with f:
                    f.write(bytes(size))
            content = b"%d" % i
            (mount / "again").write_bytes(content)
            assert (mount / "again").read_bytes() == content
            assert server.ask("GET", "/bkt/again").body == content
            os.unlink(mount / "again")


def test_readers_of_what_was_refused(server, mount, unhappy):
    server.ask("PUT", "/bkt/reader", b"before")
    unhappy()
    f = open(mount / "reader", "wb", buffering=0)
    f.write(b"never there")
    with open(mount / "reader", "rb", buffering=0) as reader:
        assert reader.read() == b"never there"
        assert refused(f) == errno.EACCES
        until(lambda: "reader: changes are lost at the last close" in mount.log.read_text(), "the last close")
        until(lambda: os.pread(reader.fileno(), 100, 0) == b"before", "what is there to be read")
    assert server.ask("GET", "/bkt/reader").body == b"before"


def test_another_who_writes_decides(server, mount, unhappy):
    """Both see the same file, and his close says that it is there."""
    unhappy()
    f = open(mount / "both", "wb", buffering=0)
    f.write(b"one, ")
    with open(mount / "both", "ab", buffering=0) as other:
        assert refused(f) == errno.EACCES
        other.write(b"two")
    assert server.ask("GET", "/bkt/both").body == b"one, two"


def test_a_truncate_that_was_refused_does_not_come_later(server, mount, unhappy):
    server.ask("PUT", "/bkt/cut", b"before")
    n = inserts(server)
    unhappy()
    with pytest.raises(OSError) as e:
        os.truncate(mount / "cut", 3)
    assert e.value.errno == errno.EACCES
    assert (mount / "cut").read_bytes() == b"before"
    mount.end()
    assert inserts(server) == n + 1
    assert server.ask("GET", "/bkt/cut").body == b"before"


# --- strong consistency at open ---------------------------------------------------------------

def test_replaced_while_it_is_read(server, mount):
    server.ask("PUT", "/bkt/read", b"first")
    with open(mount / "read", "rb", buffering=0) as f:
        assert f.read() == b"first"
        server.ask("PUT", "/bkt/read", b"second")
        assert (mount / "read").read_bytes() == b"second"
    server.ask("DELETE", "/bkt/read")
    with pytest.raises(FileNotFoundError):
        open(mount / "read", "rb")


@pytest.mark.parametrize("mode", ["rb", "r+b"])
def test_replaced_while_it_is_written(server, mount, mode):
    """Who opens it next has the other's; who wrote first has lost, and hears of it."""
    server.ask("PUT", "/bkt/written", b"first")
    f = open(mount / "written", "wb", buffering=0)
    f.write(b"never there")
    number = os.fstat(f.fileno()).st_ino
    assert (mount / "written").read_bytes() == b"never there"
    server.ask("PUT", "/bkt/written", b"the other's")
    with open(mount / "written", mode, buffering=0) as other:
        assert other.read() == b"the other's"
        assert os.fstat(other.fileno()).st_ino != number
        if mode == "r+b":
            other.write(b", and ours")
    for call in (lambda: os.fsync(f.fileno()), f.close):
        with pytest.raises(OSError) as e:
            call()
        assert e.value.errno == errno.ESTALE
    assert server.ask("GET", "/bkt/written").body == b"the other's" + (b", and ours" if mode == "r+b" else b"")
    assert "not written: it was generation" in mount.log.read_text()


def test_a_lost_race_is_the_losers_alone(server):
    """As soon as it is known, though nobody asked for more than the time in which names are believed."""
    with Mount(server.url) as mount:
        f = open(mount / "lost", "wb", buffering=0)
        f.write(b"never there")
        server.ask("PUT", "/bkt/lost", b"the other's")
        with pytest.raises(OSError) as e:
            os.fsync(f.fileno())
        assert e.value.errno == errno.ESTALE
        with open(mount / "lost", "r+b", buffering=0) as other:
            assert other.read() == b"the other's"
            other.write(b", and more")
        with pytest.raises(OSError) as e:
            f.write(b"x")
        assert e.value.errno == errno.ESTALE
        with pytest.raises(OSError) as e:
            f.close()
        assert e.value.errno == errno.ESTALE
        assert server.ask("GET", "/bkt/lost").body == b"the other's, and more"


def test_deleted_while_it_is_written(server, mount):
    server.ask("PUT", "/bkt/gone", b"first")
    f = open(mount / "gone", "wb", buffering=0)
    f.write(b"never there")
    server.ask("DELETE", "/bkt/gone")
    with pytest.raises(FileNotFoundError):
        open(mount / "gone", "rb")
    (mount / "gone").write_bytes(b"made anew")
    with pytest.raises(OSError) as e:
        f.close()
    assert e.value.errno == errno.ESTALE
    assert server.ask("GET", "/bkt/gone").body == b"made anew"


def test_written_by_nobody_else(server, mount):
    """What waits here, in an upload or in none, is what is opened."""
    with open(mount / "own", "wb", buffering=0) as f:
        for size in (10, 40 << 20):
            f.write(bytes(size))
            assert os.stat(mount / "own").st_size == f.tell()
            with open(mount / "own", "rb") as other:
                assert os.fstat(other.fileno()).st_size == f.tell()
        f.truncate(10)
        with open(mount / "own", "ab", buffering=0) as other:
            other.write(b"x")
        os.fsync(f.fileno())
    assert server.ask("GET", "/bkt/own").body == bytes(10) + b"x"


# --- one number, one file ---------------------------------------------------------------------

def test_renamed_and_made_anew(server, mount):
    """diff and cp take files of one number for the same one."""
    (mount / "log").write_bytes(b"yesterday\n")
    os.rename(mount / "log", mount / "log.1")
    (mount / "log").write_bytes(b"today\n")
    assert subprocess.run(["diff", "-q", mount / "log", mount / "log.1"], stdout=subprocess.DEVNULL).returncode == 1
    subprocess.run(["cp", mount / "log", mount / "log.1"], check=True)
    assert (mount / "log.1").read_bytes() == b"today\n"
    numbers = {e.name: e.inode() for e in os.scandir(mount.path)}
    for name in ("log", "log.1"):
        assert numbers[name] == os.stat(mount / name).st_ino
    assert numbers["log"] != numbers["log.1"]


def test_a_renamed_directory_and_a_new_one(server, mount):
    (mount / "d").mkdir()
    (mount / "d/x").write_bytes(b"1")
    before = os.stat(mount / "d/x").st_ino
    os.rename(mount / "d", mount / "e")
    (mount / "d").mkdir()
    (mount / "d/x").write_bytes(b"2")
    assert os.stat(mount / "e/x").st_ino == before != os.stat(mount / "d/x").st_ino
    assert not os.path.samefile(mount / "d", mount / "e")
    with open(mount / "d/x", "rb") as f:
        os.unlink(mount / "d/x")
        (mount / "d/x").write_bytes(b"3")
        assert not os.path.samestat(os.fstat(f.fileno()), os.stat(mount / "d/x"))
        assert f.read() == b"2"


# --- what is only here yet --------------------------------------------------------------------

def test_a_directory_with_a_file_that_is_only_here_is_not_replaced(mount):
    os.makedirs(mount / "moved")
    os.makedirs(mount / "full")
    with open(mount / "full" / "new", "wb", buffering=0) as f:
        f.write(b"not there yet")
        with pytest.raises(OSError) as e:
            os.rename(mount / "moved", mount / "full")
        assert e.value.errno == errno.ENOTEMPTY
        with pytest.raises(OSError) as e:
            os.rmdir(mount / "full")
        assert e.value.errno == errno.ENOTEMPTY
    assert (mount / "full" / "new").read_bytes() == b"not there yet"
    os.unlink(mount / "full" / "new")
    os.rename(mount / "moved", mount / "full")
    assert os.listdir(mount / "full") == []


# --- the trace --------------------------------------------------------------------------------

def test_here_and_there_is_told_of(server, tmp_path):
    log = tmp_path / "log"
    server.ask("PUT", "/bkt/far", bytes(40 << 20))
    with Mount(server.url, "--log-severity=trace", f"--log-file={log}", "--log-format=json") as m:
        fd = os.open(m / "far", os.O_RDONLY | os.O_DIRECT)
        for at in (32, 24, 16, 8):
            assert os.pread(fd, 1024, at << 20) == bytes(1024)
        for at in range(9, 12):
            os.pread(fd, 1 << 20, at << 20)
        os.close(fd)
    told = [json.loads(line)["message"] for line in log.read_text().splitlines()]
    [fallback] = [n for n, t in enumerate(told) if t.startswith('Fallback to another reader for object "far", handle ')]
    [restart] = [n for n, t in enumerate(told) if t.startswith("Restarting buffered reader due to sequential read pattern")]
    assert "Random seek count 4 exceeded threshold 3" in told[fallback]
    assert restart > fallback
