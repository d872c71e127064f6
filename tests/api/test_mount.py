"""fuse-gcs on onebox-bucketd: what programs do with files, the faults its peer is known for, and a bucket that is away."""

import errno
import fcntl
import json
import mmap
import os
import random
import re
import signal
import subprocess
import threading
import time

import pytest
from bucketd_test import Bucketd
from daemon_test import BUILD, ask, free_port, until
from mount_test import PROGRAM, Mount, is_mounted, needs_fuse

pytestmark = needs_fuse


@pytest.fixture(scope="module")
def server():
    with Bucketd("--sync=no") as daemon:
        yield daemon


@pytest.fixture
def mount(server, request):
    bucket = "m-" + str(abs(hash(request.node.name)))[:12]
    server.json("POST", "/storage/v1/b", {"name": bucket})
    with Mount(server.url, bucket=bucket) as m:
        yield m
    server.ask("DELETE", "/_onebox/faults")


def in_bucket(server, mount, name):
    answer = server.ask("GET", f"/{mount.bucket}/{name}")
    return answer.body if answer.status == 200 else None


# --- what programs do -------------------------------------------------------------------------


def test_shell(mount):
    """Commands as people type them."""
    script = r"""
        set -e
        mkdir -p a/b/c; echo one > a/x; echo two >> a/x; test "$(cat a/x)" = "$(printf 'one\ntwo')"
        cp a/x a/b/y; mv a/b/y a/b/c/z; cmp a/x a/b/c/z; ln -s ../x a/b/link; test "$(cat a/b/link)" = "$(cat a/x)"
        seq 100000 > n; tail -n 1 n | grep -q '^100000$'; sort -rn n | head -1 | grep -q '^100000$'; wc -l < n | grep -q 100000
        dd if=/dev/zero of=n bs=1 seek=500000 count=3 conv=notrunc status=none; cp n n2; cmp n n2
        truncate -s 10 n2; test "$(stat -c %s n2)" = 10; : > n2; test ! -s n2
        mkdir t; tar -C a -cf - . | tar -C t --no-same-owner -xf -; diff -r a t
        sed -i 's/two/three/' a/x; grep -q three a/x; find . -type f | wc -l; ls -lR > /dev/null; du -s . > /dev/null
        touch -d 2020-01-02T03:04:05Z a/x; test "$(stat -c %Y a/x)" = 1577934245
        ! rmdir a 2>/dev/null; rm -r a t; test ! -e a; python3 -c "import sqlite3" ; git init -q r 2>/dev/null || true; rm -rf r
        test "$(ls | tr '\n' ' ')" = 'n n2 '
    """
    done = subprocess.run(["bash", "-c", script], cwd=mount.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("call,code", [
    (lambda p: os.open(p / "none", os.O_RDONLY), errno.ENOENT),
    (lambda p: os.mkdir(p / "f"), errno.EEXIST),
    (lambda p: os.open(p / "f", os.O_CREAT | os.O_EXCL), errno.EEXIST),
    (lambda p: os.rmdir(p / "full"), errno.ENOTEMPTY),
    (lambda p: os.rmdir(p / "f"), errno.ENOTDIR),
    (lambda p: os.unlink(p / "full"), errno.EISDIR),
    (lambda p: os.rename(p / "f", p / "full"), errno.EISDIR),
    (lambda p: os.rename(p / "full", p / "f"), errno.ENOTDIR),
    (lambda p: os.rename(p / "full", p / "full/in"), errno.EINVAL),
    (lambda p: os.open(p / "f/x", os.O_RDONLY), errno.ENOTDIR),
    (lambda p: os.open(p / "full", os.O_WRONLY), errno.EISDIR),
    (lambda p: os.readlink(p / "f"), errno.EINVAL),
])
def test_errors(mount, call, code):
    (mount / "f").write_bytes(b"x")
    (mount / "full").mkdir()
    (mount / "full/g").write_bytes(b"x")
    with pytest.raises(OSError) as error:
        call(mount.path)
    assert error.value.errno == code, errno.errorcode[error.value.errno]


def test_mmap_and_locks(mount):
    data = bytearray(os.urandom(200000))
    (mount / "m").write_bytes(data)
    with open(mount / "m", "r+b") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        with mmap.mmap(f.fileno(), 0) as view:
            assert view[:] == data
            view[1000:1004] = b"mmap"
            data[1000:1004] = b"mmap"
            view.flush()
    assert (mount / "m").read_bytes() == data


def test_many_open_files(mount):
    files = [open(mount / f"f{i}", "w+b") for i in range(300)]
    for i, f in enumerate(files):
        f.write(b"%d" % i)
    for f in files:
        f.close()
    assert len(os.listdir(mount.path)) == 300 and (mount / "f299").read_bytes() == b"299"


def test_foreign_objects(server, mount):
    """What others put there: implicit directories, a name that is both, names no file can have."""
    for name, data in (("deep/er/file", b"1"), ("both", b"2"), ("both/in", b"3"), ("odd//name", b"4"), ("place/", b"")):
        assert server.ask("PUT", f"/{mount.bucket}/{name}", data).status == 200
    mount.restart()
    assert sorted(os.listdir(mount.path)) == ["both", "both\n", "deep", "odd", "place"]
    assert (mount / "deep/er/file").read_bytes() == b"1" and (mount / "both\n").read_bytes() == b"2"
    assert (mount / "both/in").read_bytes() == b"3" and os.listdir(mount / "place") == []


def test_a_large_directory(server, mount):
    """Two pages of a listing and a bit."""
    for i in range(1200):
        server.ask("PUT", f"/{mount.bucket}/big/f{i:04d}", b"x")
    before = server.requests()
    assert sorted(os.listdir(mount / "big")) == [f"f{i:04d}" for i in range(1200)]
    with os.scandir(mount / "big") as entries:
        assert sum(entry.stat().st_size for entry in entries) == 1200
    after = server.requests()
    stats = "GET", "/storage/v1/b/{bucket}/o/{object...}"
    assert after.get(stats, 0) - before.get(stats, 0) < 5


def test_verified_by_fio(mount):
    """Random writes all over a file, each block with its own checksum, read back."""
    done = subprocess.run(
        ["fio", "--name=v", f"--directory={mount.path}", "--size=8m", "--bs=16k", "--rw=randwrite", "--verify=crc32c",
         "--verify_fatal=1", "--do_verify=1", "--verify_state_save=0", "--ioengine=psync", "--end_fsync=1", "--randseed=7", "--minimal"],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def fsx(path, seed, n_steps, limit=400000):
    """One open file as fsx treats it: random reads, writes, truncations and maps, against a copy in memory."""
    chance, copy = random.Random(seed), bytearray()
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    for step in range(n_steps):
        what = chance.choice(("write", "write", "read", "read", "truncate", "map", "sync", "reopen"))
        at, n = chance.randrange(limit), chance.randrange(1, 60000)
        if what == "write":
            data = chance.randbytes(min(n, limit - at) or 1)
            if len(copy) < at:
                copy.extend(bytes(at - len(copy)))
            copy[at:at + len(data)] = data
            assert os.pwrite(fd, data, at) == len(data)
        elif what == "read":
            assert os.pread(fd, n, at) == copy[at:at + n], (seed, step, at, n)
        elif what == "truncate":
            copy = copy[:at] if at < len(copy) else copy + bytes(at - len(copy))
            os.ftruncate(fd, at)
        elif what == "map" and copy:
            with mmap.mmap(fd, len(copy), prot=mmap.PROT_READ) as view:
                assert view[:] == copy, (seed, step)
        elif what == "sync":
            os.fsync(fd)
        elif what == "reopen":
            os.close(fd)
            fd = os.open(path, os.O_RDWR)
        assert os.fstat(fd).st_size == len(copy), (seed, step, what)
    os.close(fd)
    return bytes(copy)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_file_all_ways(server, mount, seed):
    copy = fsx(mount / "fsx", seed, 250)
    assert (mount / "fsx").read_bytes() == copy and in_bucket(server, mount, "fsx") == copy


# --- the peer's known faults ------------------------------------------------------------------


def test_fsync_commits_while_streaming(server, mount):
    with open(mount / "s", "wb", buffering=0) as f:
        f.write(b"a" * 3000000)
        os.fsync(f.fileno())
        assert in_bucket(server, mount, "s") == b"a" * 3000000
        f.write(b"b")
        os.fsync(f.fileno())
        assert in_bucket(server, mount, "s") == b"a" * 3000000 + b"b"


def test_a_renamed_open_file_goes_on(server, mount):
    with open(mount / "tmp", "wb", buffering=0) as f:
        f.write(b"1")
        os.fsync(f.fileno())
        os.rename(mount / "tmp", mount / "final")
        f.write(b"2")
    assert in_bucket(server, mount, "final") == b"12" and in_bucket(server, mount, "tmp") is None


def test_an_unlinked_open_file_goes_on(server, mount):
    (mount / "u").write_bytes(b"u" * 500000)
    with open(mount / "u", "r+b", buffering=0) as f:
        assert f.read(10) == b"u" * 10
        os.unlink(mount / "u")
        assert not os.path.exists(mount / "u") and in_bucket(server, mount, "u") is None
        f.seek(400000)
        assert f.read() == b"u" * 100000
    assert in_bucket(server, mount, "u") is None


@pytest.mark.parametrize("fault", [{"cut": 1}, {"after_status": 503}], ids=["cut", "503"])
def test_an_open_file_is_unlinked_though_the_answer_is_lost(server, mount, fault):
    (mount / "u").write_bytes(b"u" * 1000)
    with open(mount / "u", "rb", buffering=0) as f:
        server.faults({"op": "move", "count": 1, **fault})
        os.unlink(mount / "u")
        assert server.json("GET", "/_onebox/faults")["rules"][0]["struck"] == 1
        assert not os.path.exists(mount / "u") and in_bucket(server, mount, "u") is None
        assert f.read() == b"u" * 1000


def test_mtime_of_streamed_writes(server, mount):
    at = time.time()
    with open(mount / "t", "wb", buffering=0) as f:
        f.write(b"t" * 3000000)
    os.utime(mount / "t", (1600000000, 1600000000))
    assert abs(os.stat(mount / "t").st_mtime - 1600000000) < 1
    mount.restart()
    assert abs(os.stat(mount / "t").st_mtime - 1600000000) < 1
    assert at > 0


def test_overwritten_by_another_within_the_ttl(server, mount):
    (mount / "o").write_bytes(b"old")
    assert (mount / "o").read_bytes() == b"old"
    assert server.ask("PUT", f"/{mount.bucket}/o", b"newer").status == 200
    with open(mount / "o", "rb") as f:
        assert f.read() in (b"old", b"newer")


def test_changed_after_another_changed_it(server, mount):
    """What is known of the object is old, but nobody was overtaken: the change is made to what is there."""
    (mount / "o").write_bytes(b"the old content")
    assert (mount / "o").read_bytes() == b"the old content"
    assert server.ask("PUT", f"/{mount.bucket}/o", b"a newer, longer content").status == 200
    with open(mount / "o", "r+b", buffering=0) as f:
        os.pwrite(f.fileno(), b"A", 0)
        assert os.pread(f.fileno(), 100, 0) == b"A newer, longer content"
    assert in_bucket(server, mount, "o") == b"A newer, longer content"
    # Deleted elsewhere: the call that would change it says so, not the close.
    server.ask("DELETE", f"/{mount.bucket}/o")
    f = open(mount / "o", "r+b", buffering=0)
    with pytest.raises(OSError) as e:
        os.pwrite(f.fileno(), b"x", 1)
    assert e.value.errno == errno.ESTALE
    f.close()


def test_another_changes_what_is_open(server, mount):
    """As with a local file the change is made to what is there, bytes of the other's outside it stay; from the first
    change on the one who comes second is told, and what the first wrote stays."""
    (mount / "o").write_bytes(b"the old content")
    with open(mount / "o", "r+b", buffering=0) as f:
        assert f.read() == b"the old content"
        assert server.ask("PUT", f"/{mount.bucket}/o", b"a newer, longer content").status == 200
        os.pwrite(f.fileno(), b"A", 0)
        os.fsync(f.fileno())
        assert in_bucket(server, mount, "o") == b"A newer, longer content"
        os.pwrite(f.fileno(), b"B", 0)
        assert server.ask("PUT", f"/{mount.bucket}/o", b"the newest").status == 200
        with pytest.raises(OSError) as e:
            os.fsync(f.fileno())
        assert e.value.errno == errno.ESTALE
        assert in_bucket(server, mount, "o") == b"the newest"
        with pytest.raises(OSError) as e:
            f.close()
        assert e.value.errno == errno.ESTALE
    assert in_bucket(server, mount, "o") == b"the newest"
    with open(mount / "o", "rb") as f:
        assert f.read() == b"the newest"


def test_written_anew_after_another_changed_it(server, mount):
    """Within the time in which the old one is known: nobody was overtaken."""
    (mount / "o").write_bytes(b"old")
    assert server.ask("PUT", f"/{mount.bucket}/o", b"newer").status == 200
    (mount / "o").write_bytes(b"ours")
    assert in_bucket(server, mount, "o") == b"ours"
    server.ask("DELETE", f"/{mount.bucket}/o")
    (mount / "o").write_bytes(b"ours again")
    assert in_bucket(server, mount, "o") == b"ours again"


def test_made_by_who_only_reads(server, mount):
    """As flock(1) opens what it locks."""
    for name in ("lock", "other"):
        fd = os.open(mount / name, os.O_RDONLY | os.O_CREAT, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.close(fd)
        assert in_bucket(server, mount, name) == b""
    with pytest.raises(FileExistsError):
        os.mkdir(mount / "lock")
    os.unlink(mount / "other")
    assert sorted(os.listdir(mount.path)) == ["lock"]


def test_deleted_by_another_within_the_ttl(server, mount):
    (mount / "o").write_bytes(b"x" * (3 << 20))
    mount.restart()  # nothing of it is kept here
    assert os.stat(mount / "o").st_size == 3 << 20
    server.ask("DELETE", f"/{mount.bucket}/o")
    with open(mount / "o", "rb") as f, pytest.raises(OSError) as e:
        f.read()
    assert e.value.errno == errno.ESTALE
    # The kernel is told beside the answer.
    until(lambda: not os.path.exists(mount / "o"), "the file to be gone")


def test_a_kept_list_that_is_too_old(server):
    """A program that removes what it listed, and finds that more is there, lists it anew."""
    with Mount(server.url, "--kernel-list-cache-ttl-secs=-1") as m:
        (m / "kept").mkdir()
        (m / "kept/a").write_text("")
        assert os.listdir(m / "kept") == ["a"]
        server.put("kept/b", b"")
        assert os.listdir(m / "kept") == ["a"]
        with pytest.raises(OSError) as e:
            os.rmdir(m / "kept")
        assert e.value.errno == errno.ENOTEMPTY
        assert sorted(os.listdir(m / "kept")) == ["a", "b"]


def test_a_commit_whose_answer_was_lost(server, mount):
    for rule in ({"op": "insert", "after_status": 503, "count": 1}, {"op": "insert", "cut": 1, "count": 1}):
        server.faults(rule)
        (mount / "lost").write_bytes(json.dumps(rule).encode())
        assert server.json("GET", "/_onebox/faults")["rules"][0]["struck"] == 1
        assert in_bucket(server, mount, "lost") == json.dumps(rule).encode()


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGINT])
def test_a_dead_endpoint_holds_nobody(signo):
    """Not the unmount and not SIGTERM, with a read and a write waiting for it."""
    with Bucketd("--sync=no") as server, Mount(server.url) as mount:
        (mount / "f").write_bytes(b"x" * 1000000)
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            def read():
                try:
                    subprocess.run(["dd", f"if={mount / 'other'}", "of=/dev/null"], stderr=subprocess.DEVNULL)
                except OSError:
                    pass

            threads = [threading.Thread(target=read) for _ in range(3)]
            for thread in threads:
                thread.start()
            time.sleep(0.2)
            mount.process.send_signal(signo)
            mount.process.wait(20)
            until(lambda: not is_mounted(mount.path), "the unmount")
            for thread in threads:
                thread.join(10)
                assert not thread.is_alive()
        finally:
            os.kill(server.process.pid, signal.SIGCONT)


# --- the night ---------------------------------------------------------------------------------


def test_the_disk_cache_outlives_a_remount(server, tmp_path):
    server.json("POST", "/storage/v1/b", {"name": "cached"})
    data = os.urandom(3000000)
    server.ask("PUT", "/cached/f", data)
    with Mount(server.url, f"--cache-dir={tmp_path}", "--file-cache-max-size-mb=50", bucket="cached") as mount:
        assert (mount / "f").read_bytes() == data
        time.sleep(1.2)
        mount.restart()
        before = server.requests()
        assert (mount / "f").read_bytes() == data
        after = server.requests()
        reads = [key for key in after if key[1] == "/{bucket}/{object...}" and key[0] == "GET"]
        assert sum(after[key] - before.get(key, 0) for key in reads) == 0
        # Another generation is not taken for the one that is kept.
        server.ask("PUT", "/cached/f", b"new")
        mount.restart()
        assert (mount / "f").read_bytes() == b"new"


def test_only_what_is_included_is_kept_on_the_disk(server, tmp_path):
    for name in ("keep/a", "keep/b.tmp", "other/a"):
        server.ask("PUT", f"/bkt/{name}", os.urandom(300000))
    with Mount(server.url, f"--cache-dir={tmp_path}", "--file-cache-max-size-mb=50",
               "--file-cache-include-regex=^bkt/keep/", "--file-cache-exclude-regex=[.]tmp$") as mount:
        for name in ("keep/a", "keep/b.tmp", "other/a"):
            (mount / name).read_bytes()
        mount.end()
        kept = [f for f in tmp_path.rglob("*") if f.is_file() and f.stat().st_size > 200000]
        assert len(kept) == 1, kept
        mount.start()
    refused = subprocess.run([PROGRAM, "--anonymous-access", "--file-cache-include-regex=(", "bkt", tmp_path],
                             capture_output=True, text=True)
    assert refused.returncode != 0 and "--file-cache-include-regex=(" in refused.stderr


@pytest.mark.parametrize("log, found", [("log", "cwd/log"), ("~/log", "home/log")])
def test_paths_are_those_of_the_command(server, tmp_path, log, found):
    """The child that stays has another working directory."""
    for name in ("cwd", "home", "mnt"):
        (tmp_path / name).mkdir()
    done = subprocess.run([PROGRAM, "--anonymous-access", f"--custom-endpoint={server.url}/storage/v1/", f"--log-file={log}", "bkt", "../mnt"],
                          cwd=tmp_path / "cwd", env={**os.environ, "HOME": str(tmp_path / "home")}, capture_output=True, text=True)
    try:
        assert done.returncode == 0, done.stderr
        assert "File system has been successfully mounted" in (tmp_path / found).read_text()
        assert (tmp_path / f"{found}.stderr").read_bytes() == b""
    finally:
        if is_mounted(tmp_path / "mnt"):
            subprocess.run(["umount", tmp_path / "mnt"], check=True)


def test_requests_are_logged_on_demand(server):
    with Mount(server.url, "--debug_fuse", "--debug_gcs") as mount:
        (mount / "logged").write_bytes(b"x")
        log = mount.log.read_text()
        assert "LOOKUP" in log and "CreateObject: status 200" in log


def test_a_full_log_goes_aside(server, tmp_path):
    """As gcsfuse has it: x.log becomes x-TIME.log, of these the newest are kept."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "x-2026-01-02T03-04-05.678.log.gz").write_bytes(b"the oldest")
    (logs / "other.log").write_bytes(b"not ours")
    with Mount(server.url, "--log-severity=trace", f"--log-file={logs}/x.log", "--log-rotate-max-file-size-mb=1",
               "--log-rotate-backup-file-count=2", "--log-rotate-compress=false") as m:
        def names():
            return sorted(p.name for p in logs.iterdir())

        def full():
            for _ in range(200):
                assert not (m / f"missing {random.random()}").exists()
            return len(names()) == 4 and "x-2026-01-02T03-04-05.678.log.gz" not in names()
        until(full, "two full logs beside the one that is written")
        assert all((logs / n).stat().st_size <= 1 << 20 for n in names()), names()
        assert [re.sub(r"\d", "0", n) for n in names()] == ["other.log"] + 2 * ["x-0000-00-00T00-00-00.000.log"] + ["x.log"]
    for flag, why in (("max-file-size-mb=0", "should be atleast 1"), ("backup-file-count=-1", "or a positive value")):
        done = subprocess.run([PROGRAM, f"--log-rotate-{flag}", "bkt", tmp_path], capture_output=True, text=True)
        assert done.returncode == 1 and why in done.stderr, done.stderr


def test_the_kernels_requests_are_counted_and_told(server, tmp_path):
    port = free_port()
    log = tmp_path / "log"
    with Mount(server.url, f"--prometheus-port={port}", "--log-severity=trace", "--experimental-enable-readdirplus",
               f"--log-file={log}", "--log-format=json", f"--cache-dir={tmp_path}/cache") as m:
        (m / "counted").write_bytes(b"x")
        os.listdir(m.path)
        assert not (m / "missing").exists()
        with pytest.raises(OSError):
            os.setxattr(m / "counted", "user.x", b"y")
        server.ask("PUT", "/bkt/read", bytes(3000))
        assert (m / "read").read_bytes() == bytes(3000)
        text = ask(port, "GET", "/metrics").text
    rows = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    for row in ('fs_ops_count{fs_op="WriteFile"}', 'fs_ops_count{fs_op="ReadDirPlus"}',
                'fs_ops_error_count{fs_op="LookUpInode"}', 'fs_ops_error_count{fs_op="Others"}',
                'fs_ops_latency_count{fs_op="OpenDir"}', 'gcs_request_latencies_count{gcs_method="ListObjects"}'):
        assert int(rows[row]) > 0, row
    assert rows['fs_ops_count{fs_op="ReadDir"}'] == "0"
    assert rows['file_cache_read_bytes_count{read_type="Sequential"}'] == "3000"
    assert rows['file_cache_read_count{cache_hit="false",read_type="Sequential"}'] == "1"
    assert rows['file_cache_read_latencies_count{cache_hit="false"}'] == "1"
    assert rows['gcs_reader_count{io_method="opened"}'] == rows['gcs_reader_count{io_method="closed"}'] == "1"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"timestamp", "severity", "message"} <= lines[0].keys()
    told = [line["message"] for line in lines if line["message"].startswith("fuse_debug: Op 0x")]
    assert any('<- CreateFile (parent 1, name "counted", PID' in t for t in told), told
    assert any(t.endswith("-> OK ()") for t in told) and any("-> Error:" in t for t in told)
    # What reads gcsfuse's log finds a read by these words, and whose it was.
    handle = [re.fullmatch(r"fuse_debug: Op 0x\w+ +connection\.go:\d+\] <- ReadFile "
                           r"\(inode \d+, PID \d+, handle (\d+), offset 0, \d+ bytes\)", t) for t in told]
    [handle] = [found.group(1) for found in handle if found]
    at, [number] = next((n, re.findall(rf"^(\S+) <- FileCache\(bkt:/read, offset: 0, size: \d+ handle: {handle}\)$", line["message"]))
                        for n, line in enumerate(lines) if "FileCache(" in line["message"])
    assert re.fullmatch(rf"{number} -> OK \(isSeq: true, cacheHit: false\) \([\d.]+ms\)", lines[at + 1]["message"])


def test_who_rests_is_told_of(server, tmp_path):
    """And, without a disk cache, each read in the words of gcsfuse's buffered reader."""
    log = tmp_path / "log"
    server.ask("PUT", "/bkt/dir/rests", bytes(3000))
    with Mount(server.url, "--read-inactive-stream-timeout=200ms", "--log-severity=trace", "--only-dir=dir",
               f"--log-file={log}", "--log-format=json") as m:
        with open(m / "rests", "rb") as f:
            f.read(1)
            until(lambda: 'Closing reader for object \\"rests\\" due to inactivity.' in log.read_text(), "the line")
            assert f.read() == bytes(2999)
    told = [json.loads(line)["message"] for line in log.read_text().splitlines()]
    [number, handle] = next(filter(None, (re.match(r"(\S+) <- ReadAt\(bkt:/rests, (\d+), 0, \d+, 0\)$", t) for t in told))).groups()
    assert any(f", handle {handle}, offset 0, " in t for t in told)
    assert any(re.fullmatch(rf"{number} -> ReadAt\(\): Ok\([\d.]+ms\)", t) for t in told)


def onebox(*words):
    answer = subprocess.run([BUILD / "cli/onebox", "bucket", *words], capture_output=True, text=True)
    return answer.returncode, answer.stdout, answer.stderr


def test_onebox_bucket(server, tmp_path):
    server.json("POST", "/storage/v1/b", {"name": "asked"})
    data = os.urandom(3000000)
    server.ask("PUT", "/asked/d/big", data)
    with Mount(server.url, f"--cache-dir={tmp_path}", bucket="asked") as mount:
        def held():
            return json.loads(onebox("stat", "--json", str(mount.path))[1])

        def control(number):
            """The command would close what it inherits: that writes it, too."""
            fd = os.open(mount.path, os.O_RDONLY)
            answer = bytearray(4096)
            fcntl.ioctl(fd, 0x90004f00 | number, answer)
            os.close(fd)
            return json.loads(answer.rstrip(b"\0"))

        with open(mount / "new", "wb", buffering=0) as f:
            f.write(b"not closed")
            assert control(0xb1)["files_to_write"] == 1 and control(0xb1)["bytes_to_write"] == 10
            assert control(0xb2) == {"written": 1, "failed": 0}
            assert server.ask("GET", "/asked/new").body == b"not closed"
            assert control(0xb1)["files_to_write"] == 0
            f.write(b", more")
        assert onebox("flush", str(mount.path))[:2] == (0, "written              0\nfailed               0\n")
        assert server.ask("GET", "/asked/new").body == b"not closed, more"
        assert "1 files, 3000000 bytes" in onebox("cache", "warm", str(mount / "d"))[1]
        until(lambda: held()["disk_cache_bytes"] >= len(data), "the disk cache")
        before = server.requests()
        mount.restart()
        assert (mount / "d/big").read_bytes() == data
        key = ("GET", "/{bucket}/{object...}")
        assert sum(n for k, n in server.requests().items() if k[:2] == key) == \
            sum(n for k, n in before.items() if k[:2] == key)
        assert "1 files, 3000000 bytes stay on the disk" in onebox("cache", "pin", str(mount / "d"))[1]
        assert held()["disk_cache_pinned"] == 1
        mount.restart()
        assert held()["disk_cache_pinned"] == 1 and (mount / "d/big").read_bytes() == data
        assert onebox("cache", "unpin", str(mount / "d"))[0] == 0 and held()["disk_cache_pinned"] == 0
        assert onebox("cache", "pin", str(mount / "d"))[0] == 0
        assert onebox("cache", "drop", str(mount / "d"))[0] == 0
        assert held()["disk_cache_pinned"] == 0
        assert held()["disk_cache_bytes"] < len(data)
        assert (mount / "d/big").read_bytes() == data
    code, _, why = onebox("stat", str(tmp_path))
    assert code != 0 and "not in a bucket" in why
    assert onebox("cache", "cool", "x")[0] != 0


def test_directories_have_a_time(server, mount):
    os.mkdir(mount / "timed")
    made = os.stat(mount / "timed").st_mtime_ns
    assert abs(made / 1e9 - time.time()) < 3600
    time.sleep(0.01)
    (mount / "timed/f").write_bytes(b"x")
    assert os.stat(mount / "timed").st_mtime_ns > made


def test_what_no_directory_can_show_goes_with_it(server, mount):
    os.mkdir(mount / "odd")
    for name in ("odd//x", "odd/./y", "odd/../z"):
        server.json("POST", f"/upload/storage/v1/b/{mount.bucket}/o?uploadType=media&name={name.replace('/', '%2F')}", "x")
    assert os.listdir(mount / "odd") == []
    os.rmdir(mount / "odd")
    assert "items" not in server.json("GET", f"/storage/v1/b/{mount.bucket}/o?prefix=odd/")


def make_tree(m):
    for d in range(10):
        (m / f"d{d}").mkdir()
        for f in range(10):
            (m / f"d{d}/f{f}").write_text("x")


def test_a_tree_made_here_is_asked_for_once(server):
    """New directories and files in them: one request each, but for the first few. Another's object in such a directory is there
    within the time that what is not there is kept; a listing has it at once."""
    server.json("POST", "/storage/v1/b", {"name": "made"})
    with Mount(server.url, "--metadata-cache-negative-ttl-secs=600", bucket="made") as m:
        before = sum(server.requests().values())
        make_tree(m)
        # Beside the 110: names asked for before it is a rush (two requests each).
        assert sum(server.requests().values()) - before < 150
        assert server.ask("PUT", "/made/d9/second", b"2").status == 200
        assert "second" in os.listdir(m / "d9") and (m / "d9/second").read_bytes() == b"2"
    server.json("POST", "/storage/v1/b", {"name": "made-soon"})
    with Mount(server.url, "--metadata-cache-negative-ttl-secs=1", bucket="made-soon") as m:
        make_tree(m)
        assert server.ask("PUT", "/made-soon/d9/foreign", b"1").status == 200
        until(lambda: os.path.exists(m / "d9/foreign"), "another's object to be seen")
