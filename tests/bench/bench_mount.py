#!/usr/bin/env python3
"""The mount against gcsfuse and rclone mount, on one onebox-bucketd, as fast as it answers, with 20 ms a request, and with
20 ms and 100 MB/s a stream.

Prints for each work its time, the mount's own CPU time, its requests and its memory, and how ours compares. Wall times on a
busy machine are noise; CPU, requests and ratios hold. The ceiling is curl's on the same server. rclone says a file is
written before any of it is in the bucket: its writes measure its cache.

    ONEBOX_PEER_GCSFUSE  gcsfuse's program (else the one in the PATH, else it is left out); rclone as in the PATH
    ONEBOX_BENCH_ONLY    parts of names of works to run, with commas
    ONEBOX_BENCH_SCALE   0.1 … 1: how much of the work (default 0.25)
    ONEBOX_BENCH_PROFILES  plain,latency,stream: which of the three"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("top_builddir") or os.environ.get("ONEBOX_BUILD_DIR") or TOP / "build/check").resolve()
SCALE = float(os.environ.get("ONEBOX_BENCH_SCALE", "0.25"))
ONLY = [word for word in os.environ.get("ONEBOX_BENCH_ONLY", "").split(",") if word]
PROFILES = os.environ.get("ONEBOX_BENCH_PROFILES", "plain,latency,stream").split(",")
TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20


def wait(question, what):
    end = time.monotonic() + 60
    while not question():
        if time.monotonic() > end:
            sys.exit(f"bench_mount: waited in vain for {what}")
        time.sleep(0.01)


class Process:
    def cpu(self):
        """Seconds of it and of its children that ended."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(int(x) for x in fields[11:15]) / TICKS

    def memory(self, key="VmRSS"):
        found = re.search(rf"{key}:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        return int(found.group(1)) / 1024


class Server(Process):
    def __init__(self, root):
        self.root = root
        (root / "run").mkdir(parents=True)
        self.log = root / "bucketd.log"
        self.child = subprocess.Popen(
            [BUILD / "daemons/bucketd/onebox-bucketd", "--listen=127.0.0.1:0", "--socket=none", "--faults=yes", "--sync=no",
             "--state-dir", root, "--runtime-dir", root / "run", "--config", root / "none"], stderr=open(self.log, "wb"))
        self.pid = self.child.pid
        wait(lambda: "listening" in self.log.read_text(), "onebox-bucketd")
        self.url = "http://" + re.search(r"listening on (127.0.0.1:\d+)", self.log.read_text()).group(1)

    def call(self, method, target, body=None):
        with urllib.request.urlopen(urllib.request.Request(self.url + target, body, method=method)) as answer:
            return answer.read()

    def bucket(self, name):
        self.call("POST", "/storage/v1/b", json.dumps({"name": name}).encode())

    def put(self, bucket, name, data):
        self.call("PUT", f"/{bucket}/{name}", data)

    def faults(self, *rules):
        self.call("POST", "/_onebox/faults", json.dumps({"rules": rules}).encode())

    def requests(self):
        text = self.call("GET", "/metrics").decode()
        return sum(int(n) for path, n in re.findall(r'requests_total\{method="\w+",path="([^"]*)",code="\w+"\} (\d+)', text)
                   if path.startswith(("/storage", "/upload", "/download", "/{bucket}")))


class Mount(Process):
    def __init__(self, tool, server, bucket, root):
        self.path = root / f"mnt-{tool}-{bucket}"
        self.path.mkdir()
        cache = root / f"cache-{tool}-{bucket}"
        cache.mkdir()
        api = f"--custom-endpoint={server.url}/storage/v1/"
        command = {
            "ours": [BUILD / "fuse-gcs/fuse-gcs", "--foreground", "--anonymous-access", api, bucket, self.path],
            "gcsfuse": [GCSFUSE, "--foreground", "--anonymous-access", "--implicit-dirs", "--enable-hns=false", api, bucket,
                        self.path],
            "gcsfuse+cache": [GCSFUSE, "--foreground", "--anonymous-access", "--implicit-dirs", "--enable-hns=false",
                              f"--cache-dir={cache}", "--file-cache-max-size-mb=2048", api, bucket, self.path],
            "rclone": ["rclone", "mount", "--config=/dev/null", "--gcs-anonymous", f"--gcs-endpoint={server.url}/storage/v1/",
                       "--gcs-no-check-bucket", "--vfs-cache-mode=writes", f"--cache-dir={cache}", f":gcs:{bucket}", self.path],
        }[tool]
        self.log = open(root / f"{tool}-{bucket}.log", "wb")
        self.child = subprocess.Popen(command, stdout=self.log, stderr=self.log, env={**os.environ, "GCE_METADATA_HOST": "127.0.0.1:9"})
        self.pid = self.child.pid
        wait(lambda: self.child.poll() is not None or os.path.ismount(self.path), f"{tool} to mount")
        if self.child.poll() is not None:
            sys.exit(f"bench_mount: {tool} does not mount: {Path(self.log.name).read_text()[-500:]}")

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        if os.path.ismount(self.path):
            subprocess.run(["umount", "-l", self.path])


# --- works: each prepares the bucket, then does its thing on the mounted directory and says how many units it did ------

def scaled(n, least=1):
    return max(least, int(n * SCALE))


SEQ = scaled(1024) * MIB
BLOCK = os.urandom(MIB)


def fill_big(server, bucket):
    name, part = "big", b"".join([BLOCK] * min(64, SEQ // MIB))
    server.put(bucket, "part", part)
    sources = [{"name": "part"}] * max(1, SEQ // len(part))
    for i in range(0, len(sources), 31):
        have = [{"name": name}] if i else []
        server.call("POST", f"/storage/v1/b/{bucket}/o/{name}/compose", json.dumps({"sourceObjects": have + sources[i:i + 31]}).encode())


def work_read(path):
    n = 0
    with open(path / "big", "rb", buffering=0) as f:
        while chunk := f.read(MIB):
            n += len(chunk)
    return n / MIB


def work_write(path):
    with open(path / "out", "wb", buffering=0) as f:
        for _ in range(SEQ // MIB):
            f.write(BLOCK)
    return SEQ / MIB


def work_create(path):
    n, data = scaled(1000, 50), os.urandom(10240)
    os.mkdir(path / "created")
    for i in range(n):
        with open(path / "created" / f"f{i}", "wb") as f:
            f.write(data)
    return n


def fill_tree(server, bucket):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: server.put(bucket, f"tree/d{i % 20}/f{i}", b"x" * 100), range(scaled(10000, 500))))


def work_list(path):
    subprocess.run(["ls", "-lR", path / "tree"], stdout=subprocess.DEVNULL, check=True)
    return scaled(10000, 500)


def fill_log(server, bucket):
    server.put(bucket, "log", os.urandom(4 * MIB))


def work_append(path):
    n = scaled(200, 20)
    with open(path / "log", "ab", buffering=0) as f:
        for i in range(n):
            f.write(b"a line of a log, number %d\n" % i)
            os.fsync(f.fileno())
    return n


def work_append_close(path):
    n = scaled(200, 20)
    for i in range(n):
        with open(path / "log", "ab", buffering=0) as f:
            f.write(b"a line of a log, number %d\n" % i)
    return n


def fill_small(server, bucket):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: server.put(bucket, f"small/f{i}", os.urandom(10240)), range(scaled(1000, 50))))


def work_small(path):
    names = sorted(os.listdir(path / "small"))
    for name in names:
        (path / "small" / name).read_bytes()
    return len(names)


def random_reads(path, n_threads):
    """Reads of 64 KiB all over one open file, each place once."""
    n, size = scaled(400, 40), SEQ
    step = size // n // 4096 * 4096
    places = [i * step for i in sorted(range(n), key=lambda i: (i * 7919) % n)]
    fd = os.open(path / "big", os.O_RDONLY)
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(lambda at: os.pread(fd, 65536, at), places))
    os.close(fd)
    return n


def work_random1(path):
    return random_reads(path, 1)


def work_random8(path):
    return random_reads(path, 8)


def make_tar(root):
    tree = root / "tree-to-pack"
    for i in range(scaled(400, 40)):
        (tree / f"d{i % 8}").mkdir(parents=True, exist_ok=True)
        (tree / f"d{i % 8}" / f"f{i}").write_bytes(os.urandom(2000))
    subprocess.run(["tar", "-C", tree, "-cf", root / "tree.tar", "."], check=True)


def work_untar(path):
    (path / "un").mkdir()
    subprocess.run(["tar", "-C", path / "un", "--no-same-owner", "-xf", path.parent / "tree.tar"], check=True)
    return scaled(400, 40)


NOTHING = lambda server, bucket: None
WORKS = [  # name, unit, fill, work
    ("sequential read", "MiB", fill_big, work_read),
    ("sequential write", "MiB", NOTHING, work_write),
    ("create 10 KiB", "files", NOTHING, work_create),
    ("read 10 KiB", "files", fill_small, work_small),
    ("ls -lR", "objects", fill_tree, work_list),
    ("append, fsync", "lines", fill_log, work_append),
    ("append, close", "lines", fill_log, work_append_close),
    ("random 64 KiB, 1 thread", "reads", fill_big, work_random1),
    ("random 64 KiB, 8 threads", "reads", fill_big, work_random8),
    ("untar", "files", NOTHING, work_untar),
]
PROFILE_RULES = {
    "plain": ("as fast as it goes", []),
    "latency": ("20 ms a request", [{"latency_ms": 20}]),
    "stream": ("20 ms a request, 100 MB/s a stream", [{"latency_ms": 20, "bytes_per_s": 100_000_000}]),
}
GCSFUSE = os.environ.get("ONEBOX_PEER_GCSFUSE") or shutil.which("gcsfuse")
TOOLS = ["ours"] + (["gcsfuse", "gcsfuse+cache"] if GCSFUSE else []) + (["rclone"] if shutil.which("rclone") else [])


def ceiling(server):
    """What curl does on the same server."""
    server.bucket("ceiling")
    fill_big(server, "ceiling")
    for what, command in (("read", ["curl", "-s", "-o", "/dev/null", f"{server.url}/ceiling/big"]),
                          ("write", ["curl", "-s", "-o", "/dev/null", "-T", "/dev/stdin", f"{server.url}/ceiling/out"])):
        data = b"".join([BLOCK] * (SEQ // MIB)) if what == "write" else None
        at = time.monotonic()
        subprocess.run(command, input=data, check=True)
        took = time.monotonic() - at
        print(f"  curl, {what}: {SEQ / MIB / took:.0f} MiB/s", flush=True)


def one(tool, server, root, number, work):
    """One work on a fresh mount of a fresh bucket."""
    name, unit, fill, act = work
    bucket = f"b{number}-{re.sub('[^a-z]', '', tool)}"
    rules = json.loads(server.call("GET", "/_onebox/faults"))["rules"]
    server.faults()
    server.bucket(bucket)
    fill(server, bucket)
    server.faults(*[{k: v for k, v in rule.items() if k not in ("matched", "struck")} for rule in rules])
    mount = Mount(tool, server, bucket, root)
    try:
        idle = mount.memory()
        requests, cpu, server_cpu, at = server.requests(), mount.cpu(), server.cpu(), time.monotonic()
        try:
            n = act(mount.path)
        except OSError as error:
            return {"error": str(error)}
        took = time.monotonic() - at
        return {"n": n, "s": took, "cpu": mount.cpu() - cpu, "server_cpu": server.cpu() - server_cpu,
                "requests": server.requests() - requests, "idle": idle, "peak": mount.memory("VmHWM")}
    finally:
        mount.end()


def show(work, results):
    name, unit = work[:2]
    print(f"  {name}")
    for tool, r in results.items():
        if "error" in r:
            print(f"    {tool:14} {r['error']}")
            continue
        line = (f"    {tool:14} {r['n'] / r['s']:9.1f} {unit}/s  CPU {1000 * r['cpu'] / r['n']:8.3f} ms/{unit:7}"
                f" requests {r['requests'] / r['n']:7.3f}/{unit:7} RSS {r['idle']:4.0f} → {r['peak']:4.0f} MiB")
        ours = results.get("ours")
        if tool != "ours" and ours and "error" not in ours:
            line += f"   ours: {r['s'] / r['n'] * ours['n'] / ours['s']:.1f}× as fast, {ours['cpu'] / ours['n'] / max(r['cpu'] / r['n'], 1e-9):.2f} of its CPU"
        print(line, flush=True)


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        print("bench_mount: needs root and /dev/fuse")
        return
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = Path(tempfile.mkdtemp(prefix="onebox-bench-mount-", dir=base))
    server = Server(root / "server")
    number = 0
    try:
        make_tar(root)
        print(f"bench_mount: {', '.join(TOOLS)}; scale {SCALE}")
        ceiling(server)
        for profile in PROFILES:
            title, rules = PROFILE_RULES[profile]
            print(f"{title}:")
            for work in WORKS:
                if ONLY and not any(word in work[0] for word in ONLY):
                    continue
                results = {}
                for tool in TOOLS:
                    server.faults(*rules)
                    number += 1
                    results[tool] = one(tool, server, root, number, work)
                show(work, results)
        server.faults()
    finally:
        server.child.terminate()
        server.child.wait()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
