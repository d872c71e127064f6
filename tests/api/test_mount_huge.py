"""A directory of very many objects through the mount: all are listed and asked for, and what the mount holds does not grow with
them. ONEBOX_TEST_OBJECTS says how many (`setup check --all`: a million)."""

import os
import sqlite3
import subprocess

import pytest
from bucketd_test import Bucketd
from daemon_test import BUILD, until
from mount_test import PROGRAM, Mount, needs_fuse

pytestmark = needs_fuse
N = int(os.environ.get("ONEBOX_TEST_OBJECTS", "48000"))
MIB = 1 << 20
NAMES_MAX = 8192  # of files that nobody has open (forgetter.c)
STAT_CACHE = 4    # MiB
# What the program holds, not what a sanitizer keeps of what it gave back.
LEAN = {"ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1:malloc_context_size=1"]))}


def seed(server, n):
    """Rows as the server makes them of an empty object, without n requests."""
    server.put("one", b"")
    server.end()
    db = sqlite3.connect(server.state / "bucketd/index.db")
    with db:
        columns = [c[0] for c in db.execute("SELECT * FROM objects LIMIT 0").description]
        row = db.execute("SELECT * FROM objects WHERE name = 'one'").fetchone()
        at = columns.index("name")
        db.executemany(f"INSERT INTO objects VALUES ({','.join('?' * len(columns))})",
                       ((*row[:at], f"{'few' if i < n // 4 else 'many'}/object-{i:07d}", *row[at + 1:]) for i in range(n + n // 4)))
    db.close()
    server.start()


def resident(mount, key="VmRSS"):
    with open(f"/proc/{mount.process.pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith(key + ":"))


def is_sanitized():
    return b"__asan_init" in PROGRAM.read_bytes()


def inodes(mount):
    """How many names the kernel has the mount remember."""
    said = subprocess.run([BUILD / "cli/onebox", "bucket", "stat", mount.path], capture_output=True, text=True, check=True).stdout
    return int(next(line for line in said.splitlines() if "inodes" in line).split()[1])


def look(mount, name, ask):
    """Lists a directory, asking for each entry's size or not; how many there were, what the mount holds now, and the most names
    that it had to remember."""
    n = most = 0
    with os.scandir(mount / name) as found:
        for entry in found:
            n += 1
            if ask:
                assert entry.stat().st_size == 0
            if n % max(N // 40, 2000) == 0:
                most = max(most, inodes(mount))
    return n, resident(mount), most


# A kernel since 6.18 is asked by number. One that does not know that is asked by name, and root may have it drop all.
@pytest.mark.parametrize("fault", ["", "prune"], ids=["by-number", "by-name"])
def test_memory_does_not_grow_with_a_directory(fault):
    with Bucketd("--sync=no") as server:
        seed(server, N)
        flags = (f"--stat-cache-max-size-mb={STAT_CACHE}", "--metadata-cache-ttl-secs=3600")
        with Mount(server.url, *flags, env={**LEAN, **({"ONEBOX_FAULT": fault} if fault else {})}) as mount:
            idle = resident(mount)
            n, after_few, _ = look(mount, "few", True)
            assert n == N // 4
            n, after_many, _ = look(mount, "many", False)
            assert n == N
            assert after_many < after_few + 16 * MIB, (after_few / MIB, after_many / MIB)
            n, after_all, most = look(mount, "many", True)
            assert n == N
            assert after_all < after_few + 48 * MIB, (after_few / MIB, after_all / MIB)
            # Whatever the kernel would keep: what it has us remember is bounded while somebody looks at everything.
            assert most <= 2 * NAMES_MAX, most
            print(f"{n} names, {most} at most remembered, {idle / MIB:.1f} -> {resident(mount, 'VmHWM') / MIB:.1f} MiB")
            if not is_sanitized():
                assert idle <= 15 * MIB, idle / MIB
                assert resident(mount, "VmHWM") <= (STAT_CACHE + 30) * MIB, resident(mount, "VmHWM") / MIB
            assert "fault" not in mount.log.read_text()  # it knew the name of this one
            # The kernel was asked to forget, and did.
            until(lambda: inodes(mount) <= NAMES_MAX, "the names to be forgotten")
            # What was forgotten is found again.
            assert (mount / f"many/object-{N:07d}").stat().st_size == 0
            assert not (mount / "many/object-none").exists()
