#!/usr/bin/env python3
"""Artifacts of 1 GiB up and down through the tracking server, beside the limits and the real server.

The limits, measured in the same run: writing as much to the same file system with an fsync at the end, and
moving as much through a loopback connection. Ours is durable when it answers; the peer's is not (it has no fsync).
ONEBOX_BENCH_MIB sets the size, ONEBOX_PEER_MLFLOW the bin directory of the peer's venv.
"""

import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench_tracking import BUILD, PEER, Server

MIB = int(os.environ.get("ONEBOX_BENCH_MIB", "1024"))
PATH = "/api/2.0/mlflow-artifacts/artifacts/bench/"
CHUNK = 1 << 20


def receive(s, n):
    """Takes n bytes and forgets them."""
    room = memoryview(bytearray(CHUNK))
    while n > 0:
        got = s.recv_into(room[:min(n, CHUNK)])
        if got == 0:
            sys.exit("the connection broke off")
        n -= got


def head_of(s):
    text = b""
    while b"\r\n\r\n" not in text:
        text += s.recv(65536)
    head, rest = text.split(b"\r\n\r\n", 1)
    return head.decode("latin1"), rest


def up(port, name, source):
    with socket.create_connection(("127.0.0.1", port)) as s, open(source, "rb") as f:
        start = time.monotonic()
        s.sendall(f"PUT {PATH}{name} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {MIB << 20}\r\n\r\n".encode())
        s.sendfile(f)
        head, _ = head_of(s)
        assert " 200 " in head.split("\r\n")[0], head
        return MIB / (time.monotonic() - start)


def down(port, name):
    with socket.create_connection(("127.0.0.1", port)) as s:
        start = time.monotonic()
        s.sendall(f"GET {PATH}{name} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        head, rest = head_of(s)
        assert " 200 " in head.split("\r\n")[0], head
        receive(s, (MIB << 20) - len(rest))
        return MIB / (time.monotonic() - start)


def disk(source, target):
    """MiB/s of the same bytes written and made durable by one plain loop."""
    block = open(source, "rb").read(8 * CHUNK)
    start = time.monotonic()
    with open(target, "wb", buffering=0) as f:
        for _ in range(MIB // 8):
            f.write(block)
        os.fsync(f.fileno())
    took = time.monotonic() - start
    os.unlink(target)
    return MIB / took


def loopback(source):
    listener = socket.create_server(("127.0.0.1", 0))

    def sink():
        s, _ = listener.accept()
        with s:
            receive(s, MIB << 20)
            s.sendall(b"x")

    thread = threading.Thread(target=sink)
    thread.start()
    with socket.create_connection(listener.getsockname()) as s, open(source, "rb") as f:
        start = time.monotonic()
        s.sendfile(f)
        s.recv(1)
        took = time.monotonic() - start
    thread.join()
    return MIB / took


def measure(server, source):
    """name: (MiB/s, CPU s per GiB); the better of two rounds."""
    got = {}
    for i in range(2):
        for what, go in (("up", lambda: up(server.port, f"f{i}", source)), ("down", lambda: down(server.port, f"f{i}"))):
            before = server.cpu()
            rate = go()
            cpu = (server.cpu() - before) * 1024 / MIB
            if rate > got.get(what, (0, 0))[0]:
                got[what] = (rate, cpu)
    return got


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    root = Path(tempfile.mkdtemp(prefix="onebox-bench-"))
    try:
        source = root / "source"
        with open(source, "wb") as f:
            block = os.urandom(CHUNK)
            for _ in range(MIB):
                f.write(block)
            f.flush()
            os.fsync(f.fileno())  # what is measured shares the disk with nothing
        for name in ("ours", "peer"):
            (root / name).mkdir()
        program = str(BUILD / "daemons/tracking/onebox-tracking")
        with Server("onebox", root / "ours", [program, "--port", "{port}", "--socket", "none", "--state-dir", "{root}/state",
                                              "--runtime-dir", "{root}/run", "--config", "{root}/c"]) as ours:
            our = measure(ours, source)
            memory = ours.memory()
        limits = {"up": min(max(disk(source, root / "probe") for _ in range(2)), loopback(source)), "down": loopback(source)}
        their = {}
        if PEER:
            with Server("mlflow", root / "peer", [f"{PEER}/mlflow", "server", "--port", "{port}", "--backend-store-uri",
                                                  "sqlite:///{root}/mlflow.db", "--artifacts-destination", "{root}/artifacts"]) as peer:
                their = measure(peer, source)
        print(f"{MIB} MiB{'':12}{'limit':>10}{'onebox':>10}{'of limit':>10}{'CPU s/GiB':>11}"
              + (f"{'mlflow':>10}{'times':>8}{'CPU s/GiB':>11}" if PEER else ""))
        for what, (rate, cpu) in our.items():
            line = f"{what + ', MiB/s':20}{limits[what]:10,.0f}{rate:10,.0f}{rate / limits[what]:10.0%}{cpu:11.2f}"
            if what in their:
                line += f"{their[what][0]:10,.0f}{rate / their[what][0]:7.1f}x{their[what][1]:11.2f}"
            print(line)
        print(f"memory after it: {memory:.1f} MiB")
        if not PEER:
            print("ONEBOX_PEER_MLFLOW is not set: no real server beside")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
