"""Who waits for a bucket that does not answer can be ended; who lives on is not bothered, unless that was asked for."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bucketd_test import Bucketd
from daemon_test import PATIENCE, until
from mount_test import Mount, needs_fuse

pytestmark = needs_fuse

STALLED = 600_000  # ms
SOON = 30  # s; who is not given up is waited for for two minutes
SIGALRM = 1 << signal.SIGALRM - 1

# Says what a stat() comes to while a timer ticks.
TICKING = """
import os, signal, sys
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
try:
    print(os.stat(sys.argv[1]).st_size)
except OSError as e:
    print(os.strerror(e.errno))
"""


# Writes and, once told, closes.
WRITING = """
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(fd, b"told")
print("written", flush=True)
sys.stdin.readline()
os.close(fd)
"""


@pytest.fixture(scope="module")
def server():
    with Bucketd("--sync=no") as daemon:
        for name in ("f", "d/a", "d/b"):
            daemon.put(name, b"content")
        yield daemon


def waits(process):
    """Is it in a request to the mount?"""
    try:
        return "request_wait_answer" in Path(f"/proc/{process.pid}/wchan").read_text()
    except OSError:
        return False


def still_works(mount):
    """Asked after every interrupt, too: libfuse keeps one that came too late until the next request, and would end with it."""
    return sorted(os.listdir(mount.path / "d")) == ["a", "b"] and (mount.path / "f").read_bytes() == b"content"


def heed_interrupts():
    """Whoever started these tests in the background may have had SIGINT ignored, and that is handed on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=heed_interrupts)
    until(lambda: process.poll() is not None or waits(process), "it to wait for the bucket")
    assert process.poll() is None, process.stdout.read()
    return process


@pytest.mark.parametrize("fault", [{"status": 503}, {"latency_ms": STALLED}], ids=["refuses", "stalls"])
@pytest.mark.parametrize("command", [("stat", "f"), ("ls", "d"), ("cat", "f"), ("ls", "-l", ".")], ids=" ".join)
@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_who_ends_does_not_wait(server, fault, command, signo):
    with Mount(server.url, "--stat-cache-ttl=0s") as mount:
        server.faults(fault)
        try:
            process = start(*command[:-1], mount.path / command[-1])
            process.send_signal(signo)
            assert process.wait(SOON) == -signo
        finally:
            server.faults()
        assert still_works(mount)


def test_a_server_that_is_silent_does_not_hold(server):
    """No byte comes back, not even to a new connection."""
    with Mount(server.url, "--stat-cache-ttl=0s") as mount:
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            process = start("ls", mount.path / "d")
            process.terminate()
            assert process.wait(SOON) == -signal.SIGTERM
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        assert still_works(mount)


def has_pending(process, mask):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return any(int(line.split()[1], 16) & mask for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd")))


def test_who_lives_on_is_not_bothered(server):
    with Mount(server.url, "--stat-cache-ttl=0s") as mount:
        server.faults({"status": 503})
        try:
            process = start(sys.executable, "-c", TICKING, mount.path / "f")
            until(lambda: process.poll() is not None or (has_pending(process, SIGALRM) and waits(process)), "the timer to tick in its wait")
            assert process.poll() is None
        finally:
            server.faults()
        assert process.communicate(timeout=PATIENCE)[0] == "7\n"
        assert still_works(mount)


def test_but_where_that_is_asked_for(server):
    with Mount(server.url, "--stat-cache-ttl=0s", "--ignore-interrupts=false") as mount:
        server.faults({"status": 503})
        try:
            process = subprocess.run([sys.executable, "-c", TICKING, mount.path / "f"], stdout=subprocess.PIPE, text=True, timeout=SOON)
            assert process.stdout == "Interrupted system call\n"
        finally:
            server.faults()
        assert still_works(mount)


@pytest.mark.parametrize("flag", ["--ignore-interrupts=true", "--ignore-interrupts=false"])
def test_what_is_written_is_not_given_up(server, flag):
    with Mount(server.url, flag) as mount:
        process = subprocess.Popen([sys.executable, "-c", WRITING, mount.path / flag[-4:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"written\n"
        server.faults({"op": "change", "status": 503})
        try:
            process.stdin.write(b"\n")
            process.stdin.flush()
            until(lambda: process.poll() is not None or waits(process), "it to wait for the bucket")
            process.send_signal(signal.SIGTERM)
            until(lambda: process.poll() is not None or (has_pending(process, 1 << signal.SIGKILL - 1) and waits(process)), "it to be about to end")
            assert process.poll() is None
        finally:
            server.faults()
        assert process.wait(PATIENCE) == -signal.SIGTERM
        assert still_works(mount) and server.ask("GET", f"/bkt/{flag[-4:]}").body == b"told"
