"""Other people's suites on the mount: fsx and pjdfstest, where somebody installed them (on the PATH or in
$ONEBOX_SUITES; `setup check --all` does, when there is a cargo new enough). What pjdfstest may fail is listed here,
with the reason; any other failure is an error.

ONEBOX_EMULATOR is the URL of another server of buckets (fake-gcs-server, for one) that they run over in place of
onebox-bucketd."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace

import pytest
from bucketd_test import Bucketd
from mount_test import Mount, needs_fuse

pytestmark = needs_fuse

SUITES = os.environ.get("ONEBOX_SUITES", "")
EMULATOR = os.environ.get("ONEBOX_EMULATOR", "").rstrip("/")
STEPS = os.environ.get("ONEBOX_FSX_STEPS", "1000")

# (tests, why): patterns of names, first hit counts.
DIFFERENCES = (
    ("*::fifo", "a bucket has files, directories and symlinks"),
    ("*::block", "a bucket has files, directories and symlinks"),
    ("*::char", "a bucket has files, directories and symlinks"),
    ("*::socket", "a bucket has files, directories and symlinks"),
    ("mkfifo::*", "a bucket has files, directories and symlinks"),
    ("mknod::*", "a bucket has files, directories and symlinks"),
    ("open::fifo_nonblock_wronly", "a bucket has files, directories and symlinks"),
    ("open::socket_error", "a bucket has files, directories and symlinks"),
    ("link::*", "an object has one name"),
    ("unlink::unchanged_ctime_failed::*", "an object has one name: the test makes a hard link"),
    ("unlink::update_ctime_success::*", "an object has one name: the test makes a hard link"),
    ("rename::preserve_metadata::*", "an object has one name: the test makes a hard link"),
    ("rename::to_multiply_linked::*", "an object has one name: the test makes a hard link"),
    ("rename::updates_link_parent", "a directory does not count those in it"),
    ("chmod::*", "owner and mode are the mount's"),
    ("chown::*", "owner and mode are the mount's"),
    ("*::uid_gid_eq_euid_egid", "owner and mode are the mount's"),
    ("*::permission_bits_from_mode", "owner and mode are the mount's"),
    ("rename::unchanged_ctime_failed::*", "owner and mode are the mount's: the other user may"),
    ("truncate::unchanged_ctime_failed", "owner and mode are the mount's: the other user may"),
    ("ftruncate::affected_create_flags_only", "owner and mode are the mount's"),
    ("*::enametoolong_component", "the bucket's limit is of the whole path: one part may have all of it"),
    ("*::enametoolong_path", "a path of more than 1024 bytes is no object's name"),
    ("open::etxtbsy", "who cuts a file with its open is not asked whether it runs (FUSE_ATOMIC_O_TRUNC)"),
)
FAMILIES = ("ftruncate", "mkdir", "open", "rename", "rmdir", "symlink", "truncate", "unlink", "utimensat")


def suite(name):
    found = shutil.which(name, path=f"{SUITES}/bin:{os.environ['PATH']}")
    if not found:
        pytest.skip(f"{name} is not installed: cargo install {name}")
    return found


@pytest.fixture(scope="module")
def server():
    if EMULATOR:
        made = urllib.request.Request(f"{EMULATOR}/storage/v1/b?project=p", json.dumps({"name": "bkt"}).encode(),
                                      {"Content-Type": "application/json"})
        urllib.request.urlopen(made).close()
        yield SimpleNamespace(url=EMULATOR)
        return
    with Bucketd("--sync=no") as daemon:
        yield daemon


@pytest.mark.parametrize("flags, length", [((), 1 << 20), (("--write-block-size-mb=1", "--read-cache-size-mb=8"), 8 << 20),
                                           (("--read-cache-size-mb=4", "--cache-dir={}/cache"), 8 << 20)],
                         ids=["whole", "streamed", "cached"])
def test_fsx(server, tmp_path, flags, length):
    config = tmp_path / "fsx.toml"
    config.write_text(f"flen = {length}\n[weights]\nclose_open = 2\ninvalidate = 1\ntruncate = 1\nfsync = 1\nfdatasync = 1\n"
                      "read = 10\nwrite = 10\nmapread = 10\nmapwrite = 10\npunch_hole = 0\nposix_fallocate = 0\n"
                      "[opsize]\nmin = 1\nmax = 200000\n")
    with Mount(server.url, *(flag.format(tmp_path) for flag in flags)) as m:
        for seed in (1, 2):
            done = subprocess.run([suite("fsx"), "-q", "-N", STEPS, "-S", str(seed), "-f", config, m / f"fsx{seed}"],
                                  cwd=tmp_path, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize("family", FAMILIES)
def test_pjdfstest(server, tmp_path, family):
    config = tmp_path / "pjdfstest.toml"
    config.write_text('[features]\n[settings]\nnaptime = 0.01\nallow_remount = false\nexpected_failures = []\n'
                      '[dummy_auth]\nentries = [["nobody", "nogroup"], ["daemon", "daemon"]]\n')
    with Mount(server.url, "-o", "allow_other", "--dir-mode=777", "--file-mode=755") as m:
        Path(m.root).chmod(0o755)
        done = subprocess.run([suite("pjdfstest"), "-c", config, "-p", m.path, f"{family}::"], capture_output=True, text=True)
    results = dict(re.findall(r"^(\S+::\S+)\s+(ok|FAILED|skipped)\b", done.stdout, re.MULTILINE))
    assert results or family == "utimensat", done.stdout[-3000:] + done.stderr[-3000:]
    unexplained = [name for name, end in results.items()
                   if end == "FAILED" and not any(fnmatch(name, pattern) for pattern, why in DIFFERENCES)]
    assert not unexplained, (unexplained, done.stdout[-5000:])
