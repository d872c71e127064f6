"""What the mount does with the bytes themselves: corrupted ones are noticed, and every request is answered."""

import errno
import json
import mmap
import os
import random
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from bucketd_test import Bucketd
from daemon_test import until
from mount_test import PROGRAM, Mount, is_mounted, needs_fuse

pytestmark = needs_fuse
MIB = 1 << 20


@pytest.fixture(scope="module")
def server():
    with Bucketd("--sync=no") as daemon:
        yield daemon


def content(n, seed=1):
    return random.Random(seed).randbytes(n)


@pytest.fixture
def mount(server, request, tmp_path):
    with Mount(server.url, f"--cache-dir={tmp_path}") as m:
        yield m
    server.ask("DELETE", "/_onebox/faults")


def put(server, name, data):
    assert server.ask("PUT", f"/bkt/{name}", data).status == 200


# --- corrupted on the way ---------------------------------------------------------------------

@pytest.mark.parametrize("size", [2, 300, 200_000, MIB])
def test_small_is_fetched_again(server, mount, size):
    """What comes with one request is checked before anybody sees a byte."""
    data = content(size)
    put(server, f"small{size}", data)
    server.faults({"op": "read", "count": 1, "corrupt_at": size // 2})
    assert (mount.path / f"small{size}").read_bytes() == data
    assert server.json("GET", "/_onebox/faults")["rules"][0]["struck"] == 1
    until(lambda: "checksum" in mount.log.read_text(), "the log to say so")


@pytest.mark.parametrize("which", [0, 2])
def test_large_is_an_error_and_then_right(server, mount, which):
    """Of a large object some was handed out before all of it was there: the reader is told, and nothing wrong is kept, in
    memory, on the disk or by the kernel."""
    data, name = content(20 * MIB), f"large{which}"
    put(server, name, data)
    server.faults({"op": "read", "skip": which, "count": 1, "corrupt_at": 1000})
    with pytest.raises(OSError) as error:
        (mount.path / name).read_bytes()
    assert error.value.errno == errno.EIO
    until(lambda: f"{name}: generation" in mount.log.read_text(), "the log to say so")
    assert (mount.path / name).read_bytes() == data
    mount.restart()
    assert (mount.path / name).read_bytes() == data


def test_always_wrong_ends(server, mount):
    put(server, "never", content(5000))
    server.faults({"op": "read", "corrupt_at": 10, "contains": "never"})
    with pytest.raises(OSError) as error:
        (mount.path / "never").read_bytes()
    assert error.value.errno == errno.EIO
    server.ask("DELETE", "/_onebox/faults")
    assert (mount.path / "never").read_bytes() == content(5000)


# --- on the disk ------------------------------------------------------------------------------

@pytest.mark.parametrize("flags, at, kept", [
    ([], 4 * MIB, None),
    (["--file-cache-cache-file-for-range-read"], 4 * MIB, (0, 5 * MIB)),
    (["--file-cache-enable-parallel-downloads"], 0, (0, 5 * MIB)),
    (["--file-cache-enable-parallel-downloads=false"], 0, (0, 5 * MIB)),
    (["--file-cache-experimental-enable-chunk-cache=false"], 0, (0, 5 * MIB)),
    (["--file-cache-experimental-enable-chunk-cache", "--file-cache-download-chunk-size-mb=2", "--file-cache-max-size-mb=3"],
     3 * MIB, (2 * MIB, 4 * MIB)),
])
def test_the_cache_has_objects_as_files(server, tmp_path, flags, at, kept):
    """What was read at its place, beside holes; more of it for who asks for more."""
    data = content(5 * MIB)
    put(server, "dir/file", data)
    with Mount(server.url, f"--cache-dir={tmp_path}", *flags) as m:
        with open(m / "dir/file", "rb", buffering=0) as f:
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            assert os.pread(f.fileno(), 10, at) == data[at:at + 10]
        file = tmp_path / "gcsfuse-file-cache/bkt/dir/file"
        until(lambda: file.exists() and file.stat().st_size == len(data), "the file")
        begin, end = kept or (at, at + 10)
        until(lambda: file.read_bytes()[begin:end] == data[begin:end], "its bytes")
        assert kept == (0, 5 * MIB) or file.stat().st_blocks * 512 < len(data)


def test_only_whole_objects_where_that_is_asked_for(server, tmp_path):
    """Who names a flag of gcsfuse's file cache has its rules: what is read at another place first is
    not kept, and an object that another one took the room of is not, until it is opened again."""
    data = content(5 * MIB)
    for name in "ab":
        put(server, name, data)
    files = [tmp_path / f"gcsfuse-file-cache/bkt/{name}" for name in "ab"]
    with Mount(server.url, f"--cache-dir={tmp_path}", "--file-cache-enable-parallel-downloads=false", "--file-cache-max-size-mb=8") as m:
        a, b = (os.open(m / name, os.O_RDONLY) for name in "ab")
        assert os.pread(a, 100, 4 * MIB) == data[4 * MIB:4 * MIB + 100]
        assert not files[0].exists()
        assert os.pread(a, 100, 0) == data[:100]
        until(lambda: files[0].exists() and files[0].read_bytes() == data, "all of the first")
        assert os.pread(b, 100, 0) == data[:100]
        until(lambda: files[1].exists() and files[1].read_bytes() == data, "all of the second")
        assert not files[0].exists()
        for k in range(5):
            os.posix_fadvise(a, 0, 0, os.POSIX_FADV_DONTNEED)
            assert os.pread(a, 100, k * MIB) == data[k * MIB:k * MIB + 100]
        assert not files[0].exists() and files[1].exists()
        os.close(a), os.close(b)
        with open(m / "a", "rb", buffering=0) as again:
            assert again.read(100) == data[:100]
        until(lambda: files[0].exists() and files[0].read_bytes() == data, "the first, opened again")
        assert not files[1].exists()


def test_directories_of_a_bucket_share_a_cache(server, tmp_path):
    """A file is there under the object's whole name: mounts of two directories do not take each other's place, and who mounts
    all of the bucket finds what they read."""
    data = {side: content(3 * MIB, seed) for seed, side in enumerate(("left", "right"))}
    files = {side: tmp_path / f"gcsfuse-file-cache/bkt/{side}/same" for side in data}
    for side in data:
        put(server, f"{side}/same", data[side])
    with Mount(server.url, f"--cache-dir={tmp_path}", "--only-dir=left") as left, \
            Mount(server.url, f"--cache-dir={tmp_path}", "--only-dir=right") as right:
        for side, m in (("left", left), ("right", right)):
            assert (m / "same").read_bytes() == data[side]
            until(lambda: files[side].exists() and files[side].read_bytes() == data[side], "its file")
    with Mount(server.url, f"--cache-dir={tmp_path}") as m:
        server.faults({"op": "read", "count": 99, "status": 404})
        try:
            assert {side: (m / side / "same").read_bytes() for side in data} == data
            assert server.json("GET", "/_onebox/faults")["rules"][0]["struck"] == 0
        finally:
            server.ask("DELETE", "/_onebox/faults")
    assert {side: file.read_bytes() for side, file in files.items()} == data


@pytest.mark.parametrize("change", ["write", "truncate"])
@pytest.mark.parametrize("flags", [[], ["--write-block-size-mb=1", "--write-max-blocks-per-file=1"]])
def test_what_is_changed_again_is_no_object_before_the_end(server, flags, change):
    """Unless it was sent already: then what was written up to there is one, and the change comes with the close."""
    data = bytearray(content(5 * MIB))
    with Mount(server.url, *flags) as m:
        with open(m / f"again-{change}-{len(flags)}", "wb", buffering=0) as f:
            for at in range(0, len(data), MIB):
                f.write(data[at:at + MIB])
            if change == "write":
                os.pwrite(f.fileno(), b"changed", 100)
            else:
                f.truncate(MIB)
            seen = server.ask("GET", f"/bkt/{os.path.basename(f.name)}")
            assert (seen.status, seen.body) == (200, bytes(data)) if flags else seen.status == 404
        if change == "write":
            data[100:107] = b"changed"
        else:
            del data[MIB:]
        assert server.ask("GET", f"/bkt/{os.path.basename(f.name)}").body == bytes(data)


# --- every request is answered ----------------------------------------------------------------

class Readers:
    """Threads that read here and there; each read must give what is there, or an error."""

    def __init__(self, path, data, n):
        self.path, self.data, self.stop = path, data, False
        self.n_reads, self.wrong, self.errors = 0, [], set()
        self.threads = [threading.Thread(target=self.read, args=(seed,)) for seed in range(n)]
        for thread in self.threads:
            thread.start()

    def read(self, seed):
        chance = random.Random(seed)
        try:
            fd = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            self.errors.add(error.errno)
            return
        while not self.stop:
            at, n = chance.randrange(len(self.data)), chance.choice((1, 4096, 70_000))
            try:
                got = os.pread(fd, n, at)
                # What fails behind its first page is a short read.
                if not got or got != self.data[at:at + len(got)]:
                    self.wrong.append((at, n, len(got)))
                self.n_reads += 1
            except OSError as error:
                self.errors.add(error.errno)
                if error.errno in (errno.ENOTCONN, errno.ECONNABORTED):
                    break
        try:
            os.close(fd)
        except OSError as error:
            self.errors.add(error.errno)

    def end(self):
        self.stop = True
        for thread in self.threads:
            thread.join(120)
        assert not [thread for thread in self.threads if thread.is_alive()], "a request was never answered"


def test_interrupted_callers(server, mount):
    """Signals to the callers make the kernel send INTERRUPT for what is under way, while the service fails every tenth time."""
    data = content(8 * MIB, 3)
    put(server, "stress", data)
    server.faults({"op": "read", "percent": 10, "status": 503, "latency_ms": 2}, {"op": "read", "percent": 5, "cut_after": 30_000})
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        readers = Readers(mount.path / "stress", data, 12)
        while readers.n_reads < 400 and not readers.wrong:
            for thread in readers.threads:
                if thread.is_alive():
                    signal.pthread_kill(thread.ident, signal.SIGUSR1)
            time.sleep(0.005)
        readers.end()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not readers.wrong and readers.errors <= {errno.EINTR, errno.EIO}


@pytest.mark.parametrize("round_", range(3))
def test_told_to_go_meanwhile(server, round_):
    """SIGTERM while requests are being worked on: all are answered, nobody hangs, and it ends."""
    data = content(8 * MIB, 4)
    put(server, "going", data)
    server.faults({"op": "read", "latency_ms": 20})
    with Mount(server.url) as m:
        readers = Readers(m.path / "going", data, 12)
        while readers.n_reads < 20 * (round_ + 1) and not readers.wrong:
            time.sleep(0.005)
        assert m.end() == 0
        readers.end()
        assert "Bad file descriptor" not in m.log.read_text()
    server.ask("DELETE", "/_onebox/faults")
    assert not readers.wrong


def test_open_files_are_committed_at_the_end(server):
    """SIGTERM while many files are open and written: each is in the bucket."""
    with Mount(server.url) as m:
        files = [open(m.path / f"end{i}", "wb", buffering=0) for i in range(200)]
        for i, f in enumerate(files):
            f.write(b"%d" % i)
        m.end()
        for f in files:
            try:
                f.close()
            except OSError:
                pass
    for i in range(200):
        assert server.ask("GET", f"/bkt/end{i}").body == b"%d" % i


def ours(server):
    """What fuse-gcs keeps in the bucket for itself."""
    listed = server.json("GET", "/storage/v1/b/bkt/o?fields=items(name)").get("items", [])
    return [item["name"] for item in listed if item["name"].startswith((".fuse_gcs", ".gcsfuse"))]


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
@pytest.mark.parametrize("how", ["told", "unmounted"])
def test_nothing_of_a_deleted_file_is_left(server, how, closed):
    """It was deleted while it was open: its content is gone when the mount has ended, also where the service refuses that at first."""
    put(server, "deleted", b"x" * 1000)
    with Mount(server.url) as m:
        f = open(m.path / "deleted", "rb")
        os.unlink(m.path / "deleted")
        assert len(ours(server)) == 1 and f.read(3) == b"xxx"
        server.faults({"op": "delete", "status": 503, "count": 2})
        if closed:
            f.close()
        if how == "told":
            m.process.send_signal(signal.SIGTERM)
        else:
            subprocess.run(["umount", *([] if closed else ["-l"]), m.path], check=True)
        f.close()
        assert m.process.wait(30) == 0
    server.faults()
    assert ours(server) == []


def test_what_a_mapping_wrote_is_there_after_an_unmount(server):
    """Its last close comes to the mount while the kernel unmounts already, and the service is slow."""
    put(server, "mapped", b"x" * 10000)
    with Mount(server.url) as m:
        with open(m.path / "mapped", "r+b") as f:
            mapped = mmap.mmap(f.fileno(), 10000)
        server.faults({"op": "insert", "latency_ms": 1500, "count": 1})
        mapped[5000:5004] = b"anew"
        mapped.close()
        subprocess.run(["umount", m.path], check=True)
        assert m.process.wait(30) == 0
    server.faults()
    assert server.read("mapped").body == b"x" * 5000 + b"anew" + b"x" * 4996


@pytest.mark.parametrize("status", [501, 405, 400])
def test_a_service_that_knows_no_move_copies(server, status):
    server.json("POST", "/storage/v1/b", {"name": f"old-{status}"})
    server.faults({"op": "move", "status": status})
    with Mount(server.url, bucket=f"old-{status}") as mount:
        (mount.path / "a").write_bytes(b"1" * 1000)
        (mount.path / "b").write_bytes(b"2")
        os.rename(mount.path / "a", mount.path / "c")
        os.rename(mount.path / "b", mount.path / "d")
        assert os.listdir(mount.path) == ["c", "d"] and (mount.path / "c").read_bytes() == b"1" * 1000
    assert [r["struck"] for r in server.json("GET", "/_onebox/faults")["rules"]] == [1]  # asked once, not again for minutes
    server.faults()


def test_told_to_go_while_nobody_answers(server):
    """SIGTERM while files are written and no answer comes: the end is not the server's to choose."""
    with Mount(server.url) as m:
        files = [open(m.path / f"silent{i}", "wb", buffering=0) for i in range(3)]
        for f in files:
            f.write(b"never there")
        server.faults({"op": "change", "latency_ms": 120_000})
        m.process.send_signal(signal.SIGTERM)
        assert m.process.wait(40) == 0  # the service may think for a minute
        assert "could not be brought to the bucket before the end" in m.log.read_text()
        m.clear()
        server.ask("DELETE", "/_onebox/faults")
        for f in files:
            with pytest.raises(OSError):
                f.close()


class Tokens(BaseHTTPRequestHandler):
    """A metadata server that is well, or not."""
    status = 200

    def do_GET(self):
        body = json.dumps({"access_token": "good", "expires_in": 1, "token_type": "Bearer"}).encode()
        self.send_response(self.status)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def test_a_call_without_a_token_ends_in_its_time(tmp_path):
    """The metadata server is asked for longer than the call has."""
    tokens = ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
    threading.Thread(target=tokens.serve_forever, daemon=True).start()
    (tmp_path / "token").write_text("good")
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "mnt").mkdir()
    env = {**os.environ, "GCE_METADATA_HOST": f"127.0.0.1:{tokens.server_port}", "HOME": "/nonexistent"}
    env.pop("GOOGLE_APPLICATION_CREDENTIALS", None)
    with Bucketd("--sync=no", f"--token-file={tmp_path}/token") as server, open(tmp_path / "log", "wb") as log:
        mount = subprocess.Popen([PROGRAM, "--foreground", "--log-format=text", f"--custom-endpoint={server.url}/storage/v1/", "--metadata-cache-ttl-secs=0",
                                  "--max-retry-duration=2s", "bkt", tmp_path / "mnt"], env=env, stderr=log)
        try:
            until(lambda: mount.poll() is not None or is_mounted(tmp_path / "mnt"), "the mount")
            assert subprocess.run(["ls", tmp_path / "mnt"]).returncode == 0
            Tokens.status = 503
            until(lambda: subprocess.run(["ls", tmp_path / "mnt"], stderr=subprocess.DEVNULL, timeout=20).returncode != 0, "the token to be old")
            assert "no token" in (tmp_path / "log").read_text()
            Tokens.status = 200
            until(lambda: subprocess.run(["ls", tmp_path / "mnt"], stderr=subprocess.DEVNULL).returncode == 0, "it to be well again")
        finally:
            mount.terminate()
            mount.wait()
            if is_mounted(tmp_path / "mnt"):
                subprocess.run(["umount", "-l", tmp_path / "mnt"])
            tokens.shutdown()
            tokens.server_close()
    assert "Sanitizer" not in (tmp_path / "log").read_text()
