#!/usr/bin/env python3
"""The mount against gcsfuse and rclone mount, on one server, as fast as it answers, with 20 ms a request, and with 20 ms and
100 MB/s a stream. What moves bytes is measured on tests/fake/fast_bucket, which costs next to nothing and keeps nothing; what
needs a bucket that remembers, on onebox-bucketd.

Prints for each work its time, the mount's own CPU time, its requests and its memory, and how ours compares. Wall times on a
busy machine are noise; CPU, requests and ratios hold. The limit of CPU is what curl needs for the same bytes and FUSE alone
(bench_fuse) for handing them over. The limit of speed is curl's where the server is slow; where it is not, who reads, FUSE and
who receives share two processors, and the limit is both at once: bench_fuse answers from one piece of memory while it receives
and drops (or sends) as many bytes of the same server, neither waiting for the other. What moves much goes in rounds, of ROUNDS:
each measures every tool and every limit once, and medians are compared. For small files and appended lines the limit is one
curl on one connection, which makes the same uploads one after the other. rclone says a file is written before any of it is in
the bucket: its writes measure its cache.

At its end what was promised beside what was measured, with the limit where that is nearer.

    ONEBOX_PEER_GCSFUSE  gcsfuse's program (else the one in the PATH, else it is left out); rclone as in the PATH
    ONEBOX_BENCH_ONLY    parts of names of works to run, with commas
    ONEBOX_BENCH_SCALE   0.1 … 1: how much of the work (default 0.25)
    ONEBOX_BENCH_PROFILES  plain,latency,stream: which of the three"""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from promises import print_promises

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("top_builddir") or os.environ.get("ONEBOX_BUILD_DIR") or TOP / "build/check").resolve()
SCALE = float(os.environ.get("ONEBOX_BENCH_SCALE", "0.25"))
ONLY = [word for word in os.environ.get("ONEBOX_BENCH_ONLY", "").split(",") if word]
PROFILES = os.environ.get("ONEBOX_BENCH_PROFILES", "plain,latency,stream").split(",")
MIB = 1 << 20
ROUNDS = 5


def wait(question, what):
    end = time.monotonic() + 60
    while not question():
        if time.monotonic() > end:
            sys.exit(f"bench_mount: waited in vain for {what}")
        time.sleep(0.01)


class Process:
    def cpu(self):
        """Seconds of it: its clock is told by its number (clock_getcpuclockid), and counts no ticks."""
        return time.clock_gettime(~self.pid << 3 | 2)

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


class FastServer(Process):
    """tests/fake/fast_bucket, with the one object `big`; any bucket is that."""

    def __init__(self):
        self.child = subprocess.Popen([BUILD / "tests/fake/fast_bucket", f"big={SEQ}"], stdout=subprocess.PIPE, text=True)
        self.pid = self.child.pid
        self.url = f"http://127.0.0.1:{int(self.child.stdout.readline())}"
        self.rules = []

    def call(self, method, target):
        with urllib.request.urlopen(urllib.request.Request(self.url + target, method=method)) as answer:
            return answer.read()

    def bucket(self, name):
        pass

    def faults(self, *rules):
        both = {key: value for rule in rules for key, value in rule.items()}
        self.rules = list(rules)
        self.call("POST", f"/_fast?latency_ms={both.get('latency_ms', 0)}&bytes_per_s={both.get('bytes_per_s', 0)}")

    def requests(self):
        return int(self.call("GET", "/_fast"))


class Mount(Process):
    def __init__(self, tool, server, bucket, root):
        self.path = root / f"mnt-{tool}-{bucket}"
        self.path.mkdir()
        cache = self.cache = root / f"cache-{tool}-{bucket}"
        cache.mkdir()
        api = f"--custom-endpoint={server.url}/storage/v1/"
        tool, _, uploads = tool.partition(", ")
        command = {
            "ours": [BUILD / "fuse-gcs/fuse-gcs", "--foreground", "--anonymous-access", api, bucket, self.path],
            "gcsfuse": [GCSFUSE, "--foreground", "--anonymous-access", "--implicit-dirs", "--enable-hns=false", api, bucket,
                        self.path],
            "gcsfuse+cache": [GCSFUSE, "--foreground", "--anonymous-access", "--implicit-dirs", "--enable-hns=false",
                              f"--cache-dir={cache}", "--file-cache-max-size-mb=2048", api, bucket, self.path],
            "rclone": ["rclone", "mount", "--config=/dev/null", "--gcs-anonymous", f"--gcs-endpoint={server.url}/storage/v1/",
                       "--gcs-no-check-bucket", "--vfs-cache-mode=writes", f"--cache-dir={cache}", f":gcs:{bucket}", self.path],
        }[tool]
        if uploads:
            command.insert(1, UPLOADS[uploads])
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
        shutil.rmtree(self.cache, ignore_errors=True)


# --- works: each prepares the bucket, then does its thing on the mounted directory and says how many units it did ------

def scaled(n, least=1):
    return max(least, int(n * SCALE))


SEQ = scaled(1024) * MIB
BLOCK = os.urandom(MIB)


PIECE = bytearray(MIB)


def work_read(path):
    """Into one piece of memory, as dd does it."""
    n = 0
    with open(path / "big", "rb", buffering=0) as f:
        while size := f.readinto(PIECE):
            n += size
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
WORKS = [  # name, unit, fill (None: on the fast server, which has `big`), work
    ("sequential read", "MiB", None, work_read),
    ("sequential write", "MiB", None, work_write),
    ("create 10 KiB", "files", NOTHING, work_create),
    ("read 10 KiB", "files", fill_small, work_small),
    ("ls -lR", "objects", fill_tree, work_list),
    ("append, fsync", "lines", fill_log, work_append),
    ("append, close", "lines", fill_log, work_append_close),
    ("random 64 KiB, 1 thread", "reads", None, work_random1),
    ("random 64 KiB, 8 threads", "reads", None, work_random8),
    ("untar", "files", NOTHING, work_untar),
]
PROFILE_RULES = {
    "plain": ("as fast as it goes", []),
    "latency": ("20 ms a request", [{"latency_ms": 20}]),
    "stream": ("20 ms a request, 100 MB/s a stream", [{"latency_ms": 20, "bytes_per_s": 100_000_000}]),
}
GCSFUSE = os.environ.get("ONEBOX_PEER_GCSFUSE") or shutil.which("gcsfuse")
TOOLS = ["ours"] + (["gcsfuse", "gcsfuse+cache"] if GCSFUSE else []) + (["rclone"] if shutil.which("rclone") else [])


UPLOADS = {"one upload": "--parallel-uploads-per-file=0", "four uploads": "--parallel-uploads-per-file=4"}


def child_cpu(command, data=None):
    """Seconds it took, and of CPU."""
    before, at = os.times(), time.monotonic()
    subprocess.run(command, input=data, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return time.monotonic() - at, after.children_user + after.children_system - before.children_user - before.children_system


def fuse_limits(*args):
    """What bench_fuse finds: work -> figure."""
    said = subprocess.run([BUILD / "tests/bench/bench_fuse", *map(str, args)], capture_output=True, text=True).stdout
    return {f"sequential {what}": float(figure) for what, figure in re.findall(r"(read|write): ([0-9.]+) ", said)}


def bulk_limits(server, work):
    """One round of the limits of the work: curl's MiB/s, ms of CPU a MiB of curl's part and of FUSE's, MiB/s of both at once."""
    server.faults()
    port, get, post = server.url.rsplit(":", 1)[1], "bkt/big", "upload/storage/v1/b/bkt/o?name=ceiling&uploadType=media"
    path = Path("/dev/shm/onebox-bench-ceiling")
    if work == "sequential write":
        path.write_bytes(b"".join([BLOCK] * (SEQ // MIB)))
        command = ["curl", "-s", "-H", "Expect:", "-X", "POST", "-T", path, f"{server.url}/{post}"]
    else:
        command = ["curl", "-s", "-o", "/dev/null", f"{server.url}/{get}"]
    try:
        took, cpu = child_cpu(command)
    finally:
        path.unlink(missing_ok=True)
    return {"curl": SEQ / MIB / took, "curl_cpu": cpu * 1000 / (SEQ / MIB), "fuse_cpu": fuse_limits()[work] * 1000 / 1024,
            "both": fuse_limits(port, get, post, SEQ // MIB)[work]}


def median_of(rounds):
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def print_limits(limit):
    print(f"    limit of CPU {limit['curl_cpu'] + limit['fuse_cpu']:.3f} ms/MiB: curl {limit['curl_cpu']:.3f}, FUSE alone {limit['fuse_cpu']:.3f}; "
          f"of speed {limit['both']:.0f} MiB/s: both at once (curl alone {limit['curl']:.0f})")


def curl_rate(commands, root, data):
    """One curl, one connection, one request after the other: (requests a second, ms of CPU each)."""
    sent, config = root / "limit-data", root / "limit-config"
    sent.write_bytes(data)
    config.write_text("next\n".join(f'url = "{url}"\nfail\nsilent\noutput = "/dev/null"\nheader = "Expect:"\n'
                                    f'header = "Content-Type: application/{kind}"\n{data.format(sent)}\n'
                                    for url, kind, data in commands))
    took, cpu = child_cpu(["curl", "--fail-early", "-K", config])
    return len(commands) / took, 1000 * cpu / len(commands)


def small_limits(server, rules, root, number):
    """What one client gets of this server for the works that make many small requests, in units of the work:
    work -> (units a second, ms of CPU a unit)."""
    found = {}
    for name, n, size in (("create 10 KiB", scaled(1000, 50), 10240), ("untar", scaled(400, 40), 2000), ("append", scaled(200, 20), 30)):
        if ONLY and not any(word in work[0] for word in ONLY for work in WORKS if work[0].startswith(name)):
            continue
        bucket = f"limit{number}-{name[:5]}"
        server.faults()
        server.bucket(bucket)
        fill_log(server, bucket)
        server.faults(*rules)
        objects, upload = f"{server.url}/storage/v1/b/{bucket}/o", f"{server.url}/upload/storage/v1/b/{bucket}/o?uploadType=media"
        commands = []
        for i in range(n):
            commands.append((f"{upload}&ifGenerationMatch=0&name=f{i}", "octet-stream", 'data-binary = "@{}"'))
            if name == "append":
                body = '{\\"sourceObjects\\":[{\\"name\\":\\"log\\"},{\\"name\\":\\"f%d\\"}]}' % i
                commands.append((f"{objects}/log/compose", "json", 'data = "' + body.replace("{", "{{").replace("}", "}}") + '"'))
        rate, cpu = curl_rate(commands, root, os.urandom(size))
        each = len(commands) // n
        found[name] = rate / each, cpu * each
        print(f"  {name}: one curl {rate / each:.1f}/s at {cpu * each:.3f} ms of CPU", flush=True)
    server.faults()
    return found


def rounds(tools, n, measure, limit):
    """Each tool, and the limit, once a round: (tool -> its medians, the limit's)."""
    found, limits = {tool: [] for tool in tools}, []
    for again in range(n):
        if limit:
            limits.append(limit())
        for tool in tools:
            found[tool].append(measure(tool, again))
    results = {}
    for tool, all_of_it in found.items():
        good = [r for r in all_of_it if "error" not in r]
        results[tool] = {**median_of(good), "peak": max(r["peak"] for r in good)} if good else all_of_it[0]
    return results, median_of(limits) if limits else None


def one(tool, server, rules, root, number, work, again=0):
    """One work on a fresh mount of a fresh bucket."""
    name, unit, fill, act = work
    bucket = f"b{number}-{again}-{re.sub('[^a-z]', '', tool)}"
    server.faults()
    server.bucket(bucket)
    if fill:
        fill(server, bucket)
    server.faults(*rules)
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


def show(work, results, limit):
    name, unit = work[:2]
    print(f"  {name}")
    for tool, r in results.items():
        if "error" in r:
            print(f"    {tool:18} {r['error']}")
            continue
        line = (f"    {tool:18} {r['n'] / r['s']:9.1f} {unit}/s  CPU {1000 * r['cpu'] / r['n']:8.3f} ms/{unit:7}"
                f" requests {r['requests'] / r['n']:7.3f}/{unit:7} RSS {r['idle']:4.0f} → {r['peak']:4.0f} MiB")
        if limit and tool == "ours":
            line += (f"   speed {100 * r['n'] / r['s'] / limit[0]:.0f} % of the limit, "
                     f"{100 * limit[1] * r['n'] / max(1000 * r['cpu'], 1e-9):.0f} % of the limit of CPU")
        ours = results.get("ours")
        if tool != "ours" and ours and "error" not in ours:
            line += f"   ours: {r['s'] / r['n'] * ours['n'] / ours['s']:.1f}× as fast, {ours['cpu'] / ours['n'] / max(r['cpu'] / r['n'], 1e-9):.2f} of its CPU"
        print(line, flush=True)


def limit_of(limits_now, work):
    return next((limit for name, limit in limits_now.items() if work.startswith(name)), None)


def promises(found):
    """(promise, measured, target or None, limit or None, is more better) of what was run, ours without latency where not said otherwise."""
    def get(work, what, tool="ours", profile="plain"):
        r = found.get((profile, work), {}).get(tool, {"error": ""})
        if "error" in r:
            return None
        return {"rate": r["n"] / r["s"], "cpu": 1000 * r["cpu"] / r["n"], "requests": r["requests"] / r["n"]}.get(what, r.get(what))

    def row(label, work, what, target, limit=None, profile="plain"):
        measured = get(work, what, profile=profile)
        if measured is not None:
            yield label, measured, target, limit, what == "rate"

    def times(work, n, profile="plain"):
        theirs = get(work, "rate", "gcsfuse", profile)
        return theirs and n * theirs

    for work in ("sequential read", "sequential write"):
        speed, cpu, curl = found.get("plain", {}).get(work, (None, None, None))
        theirs = get(work, "cpu", "gcsfuse")
        yield from row(f"{work}, MiB/s: 2.5 x gcsfuse", work, "rate", times(work, 2.5), speed)
        yield from row(f"{work}, MiB/s: 70 % of curl's", work, "rate", curl and 0.7 * curl, speed)
        yield from row(f"{work}, CPU ms/MiB: 1/4 of gcsfuse's", work, "cpu", theirs and theirs / 4, cpu)
    for profile, said in (("plain", ""), ("latency", " at 20 ms"), ("stream", " at 20 ms and 100 MB/s")):
        both = [get("sequential write", "rate", f"ours, {how}", profile) for how in UPLOADS]
        if all(both):
            yield from row(f"sequential write{said}, MiB/s: 90 % of better choice", "sequential write", "rate", 0.9 * max(both), profile=profile)
    for profile, said in (("plain", ""), ("latency", " at 20 ms")):
        limits_now = found.get(profile, {})
        for work, n in (("create 10 KiB", 4), ("untar", 6), ("append, fsync", None)):
            rate = (limit_of(limits_now, work) or (None,))[0]
            yield from row(f"{work}{said}, /s" + (f": {n} x gcsfuse" if n else ": 80 % of one curl's"), work, "rate",
                           times(work, n, profile) if n else rate and 0.8 * rate, rate, profile)
    yield from row("create 10 KiB, requests a file (and two a directory)", "create 10 KiB", "requests", 1 + 2 / scaled(1000, 50))
    yield from row("create 10 KiB, CPU ms a file", "create 10 KiB", "cpu", 1)
    yield from row("ls -lR, CPU s for 10,000: ms each", "ls -lR", "cpu", 0.04)
    for work in ("append, fsync", "append, close"):
        yield from row(f"{work}: requests a commit (and two a mount)", work, "requests", 2 + 2 / scaled(200, 20))
    yield from row("small files at 20 ms, /s: 5 x gcsfuse", "read 10 KiB", "rate", times("read 10 KiB", 5, "latency"), profile="latency")
    one_thread = get("random 64 KiB, 1 thread", "rate", profile="latency")
    yield from row("8 threads at 20 ms, reads/s: 7 x one thread", "random 64 KiB, 8 threads", "rate", one_thread and 7 * one_thread,
                   profile="latency")
    ours = [results["ours"] for results in found.values() if "error" not in results.get("ours", {"error": ""})]
    if ours:
        yield "RSS idle, MiB", max(r["idle"] for r in ours), 15, None, False
        yield "RSS at most, MiB: caches (read 64, names 34) and 30", max(r["peak"] for r in ours), 64 + 34 + 30, None, False


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        print("bench_mount: needs root and /dev/fuse")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what is below ends its servers and frees its memory
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = Path(tempfile.mkdtemp(prefix="onebox-bench-mount-", dir=base))
    server, fast = Server(root / "server"), FastServer()
    number = 0
    try:
        make_tar(root)
        print(f"bench_mount: {', '.join(TOOLS)}; scale {SCALE}")
        found = {}
        for profile in PROFILES:
            title, rules = PROFILE_RULES[profile]
            print(f"{title}:")
            number += 1
            limits_now = small_limits(server, rules, root, number)
            for work in WORKS:
                if ONLY and not any(word in work[0] for word in ONLY):
                    continue
                number += 1
                is_bulk = "sequential" in work[0]
                where = fast if work[2] is None else server
                results, limit = rounds(
                    TOOLS[:1] + [f"ours, {how}" for how in UPLOADS if work[0] == "sequential write"] + TOOLS[1:], ROUNDS if is_bulk else 1,
                    lambda tool, again: one(tool, where, rules, root, number, work, again), (lambda: bulk_limits(where, work[0])) if is_bulk else None)
                if limit:
                    limits_now[work[0]] = limit["both"], limit["curl_cpu"] + limit["fuse_cpu"], limit["curl"]
                show(work, results, limit_of(limits_now, work[0]))
                if limit:
                    print_limits(limit)
                found[profile, work[0]] = results
            found[profile] = limits_now
        print_promises(promises(found))
    finally:
        for child in (server.child, fast.child):
            child.terminate()
            child.wait()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
