#!/usr/bin/env python3
"""The Cloud SQL proxy measured beside Google's (ONEBOX_PEER_SQLPROXY) and beside haproxy doing the same TLS: CPU a GB, a query, a
connection, memory and CPU of idle connections, start. The instance's end is haproxy too, before PostgreSQL and bench_sqlproxy serve.

ONEBOX_BENCH_GB, ONEBOX_BENCH_SECONDS and ONEBOX_BENCH_ROUNDS set how long. CPU is what the proxy's threads used, to the nanosecond."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ONEBOX_BUILD_DIR") or os.environ.get("top_builddir") or ".").resolve()
sys.path.insert(0, str(TOP / "tests/fake"))
try:
    import cloudsql
    import cloudsql_pki as pki
    from cloudsql_db import DATABASE, PASSWORD, USER, find
except ImportError as e:
    print(f"skipped: {e}: the Python environment of the tests is needed (its bin directory first in PATH)")
    sys.exit(0)

PEER = os.environ.get("ONEBOX_PEER_SQLPROXY")
GB = float(os.environ.get("ONEBOX_BENCH_GB", "2"))
SECONDS = os.environ.get("ONEBOX_BENCH_SECONDS", "4")
ROUNDS = int(os.environ.get("ONEBOX_BENCH_ROUNDS", "3"))
LOAD = BUILD / "tests/bench/bench_sqlproxy"
OURS = BUILD / "daemons/sqlproxy/onebox-sqlproxy"
IDLE = 1000
PORTS = {"load": 5000, "pg": 5001}
CIPHER = "TLS_AES_128_GCM_SHA256"

# what, the most ours may take of Google's, and whether less is better
TARGETS = {
    "down: CPU s/GB": 0.55, "up: CPU s/GB": 0.55, "down: MB/s": 1 / 1.15, "up: MB/s": 1 / 1.15,
    "query, 1 client: CPU us": 0.55, "query, 16 clients: CPU us": 0.9, "new connection: CPU ms": 0.65,
}
LIMITS = {"idle connection: KiB": 20, "1000 idle: CPU %": 0.05, "listening: ms": 30}


def cpu(pid):
    """Seconds all threads ran so far."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        except OSError:
            pass
    return total / 1e9


def memory_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(("Private_Clean:", "Private_Dirty:")))


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def load(*args):
    out = subprocess.run([LOAD, *map(str, args)], capture_output=True, text=True, check=False)
    if out.returncode:
        raise OSError(out.stderr)
    return [float(x) for x in out.stdout.split()]


class World:
    """API, certificates, the instances' ends in haproxy, PostgreSQL and the answering program."""

    def __init__(self, cloud):
        self.cloud, self.dir = cloud, tempfile.mkdtemp(prefix="onebox-bench-", dir="/tmp")
        self.answers = f"{self.dir}/answers.sock"
        self.server = subprocess.Popen([LOAD, "serve", self.answers], stdout=subprocess.PIPE)
        self.server.stdout.readline()
        self.postgres = cloud.database("postgres")
        self.instances = {"load": cloud.add("bench:europe-west1:load"), "pg": cloud.add("bench:europe-west1:pg")}
        conf = ["global", "  maxconn 8000", "  nbthread 2", "defaults", "  mode tcp", "  timeout connect 10s", "  timeout client 1h",
                "  timeout server 1h"]
        for name, path in (("load", self.answers), ("pg", self.postgres.socket)):
            i = self.instances[name]
            i.stop_listening()
            i.server_ca = pki.Authority("Make-believe RSA CA", key=pki.shared_rsa_key())
            i.serve_as(rsa_key=True)
            self.write(f"{name}-ca.pem", i.server_ca.pem)
            ca = self.write(f"{name}-client-ca.pem", i.client_ca.pem)
            conf += [f"listen {name}-plain", f"  bind {i.ip}:{PORTS[name]}", f"  server s unix@{path}"]
            conf += [f"listen {name}", f"  bind {i.ip}:3307 ssl crt {i.server_pem} ca-file {ca} verify required ssl-min-ver TLSv1.3 "
                     f"ciphersuites {CIPHER} no-tls-tickets", f"  server s unix@{path}"]
        self.far = self.haproxy("far", conf)

    def write(self, name, text):
        path = f"{self.dir}/{name}"
        with open(path, "w") as f:
            f.write(text)
        return path

    def haproxy(self, name, lines):
        path = self.write(f"{name}.cfg", "\n".join(lines) + "\n")
        return subprocess.Popen(["haproxy", "-db", "-q", "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def client_crt(self, whose, name):
        """A file with an RSA key and a certificate for it, from the hand that signs the proxies'."""
        key = pki.new_key("rsa")
        crt = self.write(f"{whose}-{name}.pem", pki.cert_pem(self.instances[name].client_ca.issue(key.public_key(), whose)) + pki.key_pem(key))
        os.chmod(crt, 0o600)
        return crt

    def near_haproxy(self, address):
        """haproxy in the proxy's place, with a certificate from the same hand."""
        conf = ["global", "  maxconn 8000", "  nbthread 2", "defaults", "  mode tcp", "  timeout connect 10s", "  timeout client 1h",
                "  timeout server 1h"]
        for name, port in PORTS.items():
            i, crt = self.instances[name], self.client_crt("near", name)
            conf += [f"listen {name}", f"  bind {address}:{port}",
                     f"  server s {i.ip}:3307 ssl crt {crt} ca-file {self.dir}/{name}-ca.pem verify required ssl-min-ver TLSv1.3 "
                     f"ciphersuites {CIPHER} no-ssl-reuse"]
        return self.haproxy("near", conf)

    def relay(self, address, name):
        """The same bytes through the same library in the fewest calls: see bench_sqlproxy_relay.h."""
        i = self.instances[name]
        p = subprocess.Popen([LOAD, "relay", i.ip, str(PORTS[name]), address, self.client_crt("relay", name), f"{self.dir}/{name}-ca.pem"],
                             stdout=subprocess.PIPE)
        p.stdout.readline()
        return p

    def close(self):
        for p in (self.far, self.server):
            p.kill()
            p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Proxy:
    def __init__(self, name, world, program=None):
        self.name, self.world, self.program = name, world, program
        self.address = world.cloud.address()
        self.process, self.figures = None, {}

    def start(self):
        """Milliseconds until somebody listens."""
        began = time.monotonic()
        if self.program:
            env = {**os.environ, "CSQL_PROXY_ENABLE_BUILTIN_METRICS": "false", "STATE_DIRECTORY": self.world.dir}
            names = [self.world.instances[n].name for n in ("load", "pg")]
            self.process = subprocess.Popen([self.program, "--token", "good-token", "--sqladmin-api-endpoint", self.world.cloud.url, "--address",
                                             self.address, "--port", "5000", *names], env=env, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
        else:
            self.process = self.world.near_haproxy(self.address)
            began = time.monotonic()
        while True:
            try:
                socket.create_connection((self.address, 5001), 5).close()
                break
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    raise OSError(f"{self.name} ended with {self.process.returncode}") from None
                time.sleep(0.0005)
        took = (time.monotonic() - began) * 1e3
        load("ask", self.address, 5000, 10, 1)
        return took

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)

    def note(self, what, value):
        self.figures.setdefault(what, []).append(value)

    def spent(self, work):
        before = cpu(self.process.pid)
        value = work()
        return cpu(self.process.pid) - before, value

    # --- measures -------------------------------------------------------------------------------------------
    def bulk(self):
        for what, word in (("down", "pull"), ("up", "push")):
            used, (took,) = self.spent(lambda w=word: load(w, self.address, 5000, int(GB * 1e9), 1))
            self.note(f"{what}: CPU s/GB", used / GB)
            self.note(f"{what}: MB/s", GB * 1e3 / took)

    def queries(self):
        for clients in (1, 16):
            argv = [find("pgbench", "/usr/lib/postgresql/*/bin"), "-h", self.address, "-p", "5001", "-U", USER, "-n", "-S", "-M", "prepared", "-T",
                    SECONDS, "-c", str(clients), "-j", "1", DATABASE]
            used, out = self.spent(lambda a=argv: subprocess.run(a, capture_output=True, text=True, check=True, env={**os.environ, "PGPASSWORD": PASSWORD}))
            n = int(out.stdout.split("actually processed: ")[1].split()[0].split("/")[0])
            self.note(f"query, {clients} client{'s' * (clients > 1)}: CPU us", used / n * 1e6)
            self.note(f"query, {clients} client{'s' * (clients > 1)}: tps", float(out.stdout.split("tps = ")[1].split()[0]))

    def connections(self):
        n = 600
        used, (_, median) = self.spent(lambda: load("connect", self.address, 5000, n, 2))
        self.note("new connection: CPU ms", used / n * 1e3)
        self.note("new connection: median ms", median / 1e3)

    def idle(self):
        before, rss_before = memory_kib(self.process.pid), rss_kib(self.process.pid)
        p = subprocess.Popen([LOAD, "idle", self.address, "5000", str(IDLE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        p.stdout.readline()
        time.sleep(1)
        self.note("idle connection: KiB", (memory_kib(self.process.pid) - before) / IDLE)
        used, _ = self.spent(lambda: time.sleep(5))
        self.note("1000 idle: CPU %", used / 5 * 100)
        p.stdin.close()
        p.wait()
        time.sleep(2)
        self.note("after they closed: KiB more", rss_kib(self.process.pid) - rss_before)


class Limit(Proxy):
    """A relay that does nothing but what any proxy must: TLS by the same library, and the copies."""

    def start(self):
        self.processes = [self.world.relay(self.address, name) for name in PORTS]
        self.process = self.processes[0]
        return 0

    def stop(self):
        for p in self.processes:
            p.kill()
            p.wait()

    def queries(self):
        self.process = self.processes[1]
        super().queries()
        self.process = self.processes[0]

    def idle(self):
        pass


def verdict(what, lowest, ours, theirs, limit):
    """Beside Google's, and whether that is what was asked: the target, or four fifths of the limit where that is nearer."""
    if ours is None:
        return ""
    row, met = f"{ours / theirs:13.2f}x" if theirs else f"{'':14}", []
    if what in TARGETS:
        row += f"   {'at most' if lowest else 'at least'} {TARGETS[what] if lowest else 1 / TARGETS[what]:.2f}x"
        if theirs:
            met.append((ours / theirs if lowest else theirs / ours) <= TARGETS[what])
        if limit:
            reached = limit / ours if lowest else ours / limit
            row += f"; {reached * 100:.0f} % of the limit reached"
            met.append(reached >= 0.8)
    if what in LIMITS:
        row += f"   at most {LIMITS[what]}"
        met.append(ours <= LIMITS[what])
    return row + (": met" if any(met) else ": missed" if met else "")


def table(proxies):
    names = []
    for p in proxies:
        names += [w for w in p.figures if w not in names]
    print(f"\n{'':28}" + "".join(f"{p.name:>18}" for p in proxies) + "   ours/Google's   limit")
    for what in names:
        lowest = "MB/s" not in what and "tps" not in what
        best = {p.name: (min if lowest else max)(p.figures[what]) if what in p.figures else None for p in proxies}
        row = f"{what:28}" + "".join(f"{best[p.name]:18.2f}" if best[p.name] is not None else f"{'':18}" for p in proxies)
        print(row + verdict(what, lowest, best.get("onebox-sqlproxy"), best.get("cloud-sql-proxy"), best.get("the limit")))


def measure(proxies, wanted):
    for _ in range(ROUNDS):
        for p in proxies:
            if isinstance(p, Limit):
                continue
            p.note("listening: ms", p.start())
            p.note("at start: RSS MiB", rss_kib(p.process.pid) / 1024)
            p.stop()
    for p in proxies:
        p.start()
    for what in wanted:
        for _ in range(1 if what == "idle" else ROUNDS):
            for p in proxies:  # side by side in time: what disturbs one disturbs the others
                getattr(p, what)()


def main():
    for program in ("haproxy", find("postgres", "/usr/lib/postgresql/*/bin") or "postgres"):
        if not shutil.which(program):
            print(f"skipped: {program} is not installed")
            return
    wanted = sys.argv[1:] or ["bulk", "queries", "connections", "idle"]
    with cloudsql.Cloud() as cloud:
        world = World(cloud)
        proxies = [Proxy("onebox-sqlproxy", world, OURS), Proxy("haproxy", world), Limit("the limit", world)]
        if PEER:
            proxies.insert(1, Proxy("cloud-sql-proxy", world, PEER))
        try:
            subprocess.run([find("pgbench", "/usr/lib/postgresql/*/bin"), "-h", world.postgres.root, "-U", "admin", "-i", "-q", "-s", "5", DATABASE],
                           check=True, capture_output=True)
            world.postgres.sql(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {USER}", DATABASE)
            measure(proxies, wanted)
            table(proxies)
        finally:
            for p in proxies:
                p.stop()
            world.close()


if __name__ == "__main__":
    main()
