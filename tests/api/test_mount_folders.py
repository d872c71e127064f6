"""The mount of a hierarchical bucket: directories are folders, and one is renamed by one request."""

import os

import pytest
from bucketd_test import Bucketd
from mount_test import Mount, needs_fuse
from test_mount_model import FOLDERS

pytestmark = needs_fuse


@pytest.fixture
def server():
    with Bucketd("--sync=no") as bucketd:
        bucketd.json("POST", "/storage/v1/b", {"name": "folders", **FOLDERS})
        yield bucketd


@pytest.fixture
def mount(server):
    with Mount(server.url, bucket="folders") as m:
        yield m


def folders(server):
    return sorted(f["name"] for f in server.json("GET", "/storage/v1/b/folders/folders").get("items", []))


def objects(server):
    return {o["name"]: o["generation"] for o in server.json("GET", "/storage/v1/b/folders/o").get("items", [])}


def test_directories_are_folders(server, mount):
    os.makedirs(mount.path / "a/b")
    (mount.path / "a/b/f").write_text("x")
    assert folders(server) == ["a/", "a/b/"]
    assert list(objects(server)) == ["a/b/f"]
    with pytest.raises(OSError):
        os.rmdir(mount.path / "a")
    os.unlink(mount.path / "a/b/f")
    os.rmdir(mount.path / "a/b")
    assert folders(server) == ["a/"]


def test_a_directory_is_renamed_whole(server, mount):
    os.makedirs(mount.path / "a/b")
    for i in range(50):
        (mount.path / f"a/b/{i}").write_text(str(i))
    dirty = open(mount.path / "a/b/open", "w")
    dirty.write("before")
    server.faults({"op": "move", "status": 403}, {"op": "copy", "status": 403}, {"op": "rewrite", "status": 403})
    os.rename(mount.path / "a", mount.path / "z")
    dirty.write(" and after")
    dirty.close()
    assert folders(server) == ["z/", "z/b/"]
    assert len(objects(server)) == 51 and all(name.startswith("z/b/") for name in objects(server))
    assert (mount.path / "z/b/open").read_text() == "before and after"
    assert not (mount.path / "a").exists()


def test_onto_an_empty_directory_only(server, mount):
    for name in ("from", "empty", "full/x"):
        os.makedirs(mount.path / name)
    (mount.path / "from/f").write_text("1")
    with pytest.raises(OSError):
        os.rename(mount.path / "from", mount.path / "full")
    os.rename(mount.path / "from", mount.path / "empty")
    assert folders(server) == ["empty/", "full/", "full/x/"]
    assert (mount.path / "empty/f").read_text() == "1"


def test_what_others_make_is_seen(server, mount):
    server.json("POST", "/storage/v1/b/folders/folders", {"name": "theirs/"})
    server.ask("PUT", "/folders/theirs/f", b"1")
    assert os.listdir(mount.path) == ["theirs"]
    assert (mount.path / "theirs/f").read_bytes() == b"1"
