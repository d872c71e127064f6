"""What flags of the mount have the kernel and the readers do: names that are kept, directories with attributes, reading ahead."""

import os
import re
import time

import pytest
from bucketd_test import Bucketd
from daemon_test import until
from mount_test import Mount, needs_fuse

pytestmark = needs_fuse


@pytest.fixture(scope="module")
def server():
    with Bucketd("--sync=no") as daemon:
        yield daemon


@pytest.mark.parametrize("flags, plus, keeps", [
    ([], True, True),
    (["--experimental-enable-dentry-cache"], True, True),
    (["--experimental-enable-dentry-cache=false"], True, False),
    (["--experimental-enable-readdirplus"], True, False),
    (["--experimental-enable-readdirplus", "--experimental-enable-dentry-cache"], True, True),
    (["--experimental-enable-readdirplus=false", "--experimental-enable-dentry-cache"], False, True),
])
def test_what_the_kernel_keeps_of_names(server, tmp_path, flags, plus, keeps):
    """As long as they are known, unless the flags say that it is to ask for each one."""
    log = tmp_path / "log"
    server.ask("PUT", "/bkt/here", b"x")
    with Mount(server.url, "--log-severity=trace", f"--log-file={log}", "--log-format=text", *flags) as m:
        def n_lookups(name):
            text = log.read_text()
            return text.count(f'LookUpInode (parent 1, name "{name}"')
        for _ in range(3):
            assert (m / "here").exists() and not (m / "gone").exists()
        assert (n_lookups("here"), n_lookups("gone")) == ((1, 1) if keeps else (3, 3))
        assert all(e.stat().st_size >= 0 for e in os.scandir(m.path))
        assert ("ReadDirPlus (" in log.read_text()) == plus


def read_ahead(dev):
    with open(f"/sys/class/bdi/{os.major(dev)}:{os.minor(dev)}/read_ahead_kb") as f:
        return int(f.read())


@pytest.mark.parametrize("flags, kb", [([], 4080), (["--max-read-ahead-kb=512"], 512), (["--enable-kernel-reader=false"], 128)])
def test_the_kernels_read_ahead(server, flags, kb):
    with Mount(server.url, *flags) as m:
        dev = os.stat(m.path).st_dev
        until(lambda: read_ahead(dev) == kb, "the mount to say how far")  # it is mounted a moment before


def test_a_pool_without_room_reads_nothing_ahead(server, tmp_path):
    log = tmp_path / "log"
    server.ask("PUT", "/bkt/large", bytes(6 << 20))
    with Mount(server.url, "--log-severity=trace", f"--log-file={log}", "--log-format=text", "--read-global-max-blocks=1",
               "--read-min-blocks-per-handle=2", "--max-read-ahead-kb=128") as m:
        with open(m / "large", "rb", buffering=0) as f:
            assert f.read(1000) == bytes(1000)
        time.sleep(0.5)
        read = re.findall(r"NewReader: status 206.* (\d+) bytes", log.read_text())
        assert sum(map(int, read)) <= 2 << 20, read
        text = log.read_text()
        assert text.count("Failed to create bufferedReader: ") == 1 and "ReadAt(" not in text
