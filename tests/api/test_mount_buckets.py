"""A mount without a bucket: each bucket is a directory of the root as soon as somebody names it."""

import errno
import os
import shutil
import subprocess

import pytest
from bucketd_test import Bucketd
from mount_test import PROGRAM, Mount, needs_fuse

pytestmark = needs_fuse


@pytest.fixture(scope="module")
def server():
    with Bucketd("--sync=no") as bucketd:
        for name in ("one", "two"):
            bucketd.json("POST", "/storage/v1/b", {"name": name})
        yield bucketd


@pytest.fixture(params=["_", "", None], ids=["underscore", "empty", "none"])
def mount(server, request):
    with Mount(server.url, bucket=request.param) as m:
        yield m


def content(server, bucket, name):
    return server.ask("GET", f"/storage/v1/b/{bucket}/o/{name}?alt=media").text


def error(call, *args):
    with pytest.raises(OSError) as e:
        call(*args)
    return e.value.errno


def test_buckets_by_name(server, mount):
    (mount / "one/f").write_text("in one")
    (mount / "two/f").write_text("in two")
    assert content(server, "one", "f") == "in one"
    assert content(server, "two", "f") == "in two"
    assert (mount / "one/f").read_text() == "in one"
    assert os.listdir(mount / "one") == ["f"]
    # Two files of one device: tools tell them apart by their numbers.
    assert not os.path.samefile(mount / "one/f", mount / "two/f")
    assert os.stat(mount / "one").st_ino != os.stat(mount / "two").st_ino
    assert {e.name: e.inode() for e in os.scandir(mount / "one")} == {"f": os.stat(mount / "one/f").st_ino}
    assert not (mount / "three").exists() and not (mount / "No Bucket").exists()
    assert error(os.listdir, mount.path) == errno.ENOTSUP
    os.unlink(mount / "one/f")
    os.unlink(mount / "two/f")


def test_the_root_is_nobodys(server, mount):
    for call in (os.mkdir, os.rmdir, os.unlink, lambda p: open(p, "w"), lambda p: os.symlink("x", p),
                 lambda p: os.mkfifo(p), lambda p: os.rename(p, mount / "other")):
        assert error(call, mount / "three") in (errno.EPERM, errno.ENOENT)
    assert error(os.mkdir, mount / "one") == errno.EEXIST
    assert error(os.rmdir, mount / "one") == errno.EPERM
    assert error(os.rename, mount / "one", mount / "other") == errno.EPERM
    # A refusal there says nothing of the directories below.
    (mount / "one/d").mkdir()
    (mount / "one/d/f").write_text("x")
    shutil.rmtree(mount / "one/d")
    assert "three" not in [b["name"] for b in server.json("GET", "/storage/v1/b?project=p")["items"]]


def test_between_buckets(server, mount):
    (mount / "one/f").write_text("moved")
    assert error(os.rename, mount / "one/f", mount / "two/f") == errno.EXDEV
    subprocess.run(["mv", mount / "one/f", mount / "two/f"], check=True)
    assert content(server, "two", "f") == "moved" and not (mount / "one/f").exists()
    os.unlink(mount / "two/f")


def test_a_bucket_made_meanwhile(server):
    with Mount(server.url, "--metadata-cache-negative-ttl-secs=0", bucket="_") as m:
        assert not (m / "later").exists()
        server.json("POST", "/storage/v1/b", {"name": "later"})
        (m / "later/f").write_text("x")
        assert content(server, "later", "f") == "x"


def test_what_is_open_at_the_end_is_written(server, tmp_path):
    with Mount(server.url, f"--cache-dir={tmp_path}", "--only-dir=below", bucket="_") as m:
        files = [open(m / name / "open", "w", buffering=1) for name in ("one", "two")]
        for f in files:
            f.write("to be kept\n")
        assert m.end() == 0
        for name, f in zip(("one", "two"), files):
            assert content(server, name, "below%2Fopen") == "to be kept\n"
            with pytest.raises(OSError):
                f.close()
        m.start()
        assert (m / "one/open").read_text() == "to be kept\n"
    assert sorted(p.name for p in (tmp_path / "gcsfuse-file-cache").iterdir()) == [".sums", "one", "two"]


def test_the_command_line(tmp_path):
    for words in ([], ["a", "b", "c"]):
        done = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
        assert done.returncode != 0 and "[BUCKET] MOUNTPOINT" in done.stderr
    done = subprocess.run([PROGRAM, tmp_path / "missing"], capture_output=True, text=True)
    assert done.returncode != 0 and "missing: no such file or directory" in done.stderr
    done = subprocess.run([PROGRAM, "--key-file", tmp_path / "none", "bkt", tmp_path], capture_output=True, text=True)
    assert done.returncode != 0 and "none: no such file or directory" in done.stderr
