"""Checks: logs, health, metrics, the admin server, signals and drains, subcommands, systemd, the on-demand directory."""

import json
import os
import re
import signal
import socket
import time

from sqlproxy_box import PATIENCE, check, dial, free_port, http, http_or_none, must, talk, turned_away, wait_for


def healthy(t, *args, **kw):
    p = t.up("--health-check", "--http-address", t.address, "--http-port", 9090, *args, **kw)
    wait_for(lambda: http_or_none(t.address, "/liveness", 9090), "the health server")
    return p


# --- logs ------------------------------------------------------------------------------------------------------
@check("logs: who comes and goes, with the instance's name")
def _(t):
    i = t.instance()
    p = t.up("--port", 5000, i)
    s = t.echoes()
    p.said(rf"\[{i.name}\] Accepted connection from 127\.")
    s.close()
    p.said(rf"\[{i.name}\] client closed the connection")


@check("logs: what goes well is on stdout, what fails on stderr")
def _(t):
    a, b = t.instance(), t.instance(door="closed")
    p = t.up("--port", 5000, a, b)
    t.echoes()
    turned_away(t.dial(5001))
    p.said("failed to connect to instance", "err")
    must("Accepted connection" in p.text("out") and "Accepted connection" not in p.text("err"), "streams are mixed up")
    must("failed to connect" not in p.text("out"), "a failure on stdout")


@check("logs: --structured-logs are JSON with severity, timestamp and message")
def _(t):
    i = t.instance(door="closed")
    p = t.up("--port", 5000, "--structured-logs", i)
    t.refused()
    p.said("failed to connect", "err")
    for stream, severity in (("out", "INFO"), ("err", "ERROR")):
        rows = [json.loads(line) for line in p.text(stream).splitlines()]
        must(rows and all({"severity", "timestamp", "message"} <= set(r) for r in rows), rows[:2])
        must(any(r["severity"] == severity for r in rows), f"no {severity}: {rows[:3]}")
        must(all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", r["timestamp"]) for r in rows), rows[0]["timestamp"])


@check("logs: --structured-logs with odd bytes in them are still JSON")
def _(t):
    i = t.instance(always={"settings": {"region": 'a"b\\c\n\x01ü'}})
    p = t.up("--port", 5000, "-l", i)
    t.refused()
    p.said("failed to connect", "err")
    for line in p.text().splitlines():
        json.loads(line)


@check("logs: --quiet leaves the failures")
def _(t):
    i = t.instance(door="closed")
    t.start("--port", 5000, "--quiet", i)
    wait_for(lambda: listens(t, 5000), "it to listen")
    t.refused()
    p = t.proxies[0]
    p.said("failed to connect to instance", "err")
    must(not p.text("out"), p.text("out")[:300])
    must("Accepted" not in p.text() and "Listening" not in p.text(), p.text()[:300])


@check("logs: --quiet with --structured-logs")
def _(t):
    i = t.instance(door="closed")
    p = t.start("--port", 5000, "--quiet", "-l", i)
    wait_for(lambda: listens(t, 5000), "it to listen")
    t.refused()
    p.said("failed to connect to instance", "err")
    must(json.loads(p.text("err").splitlines()[0])["severity"] == "ERROR" and not p.text("out"), p.text()[:300])


@check("logs: no token is ever in them")
def _(t):
    i = t.instance(always={"settings": 403})
    p = t.up("--port", 5000, "--debug-logs", i)
    t.refused()
    p.said("failed to connect", "err")
    must("good-token" not in p.text(), "the token is in the log")


def listens(t, port):
    try:
        dial(t.address, port, 3).close()
        return True
    except OSError:
        return False


# --- health -----------------------------------------------------------------------------------------------------
for path in ("/startup", "/readiness", "/liveness"):
    def fine(t, path=path):
        healthy(t, "--port", 5000, t.instance())
        t.echoes()
        must(wait_for(lambda: http(t.address, path, 9090) == (200, "ok"), f"200 ok; {http(t.address, path, 9090)}"))
    check(f"health: {path} says ok")(fine)


@check("health: an unknown path is 404")
def _(t):
    healthy(t, "--port", 5000, t.instance())
    must(http(t.address, "/healthz", 9090)[0] == 404, "not 404")


@check("health: nobody serves it without --health-check")
def _(t):
    t.up("--port", 5000, "--http-address", t.address, "--http-port", 9090, t.instance())
    time.sleep(0.3)
    t.not_listening(9090)


@check("health: localhost, when no address is given")
def _(t):
    port = free_port()
    t.up("--health-check", "--http-port", port, "--port", 5000, t.instance())
    wait_for(lambda: http_or_none("localhost", "/startup", port) == (200, "ok"), "the health server on localhost")


@check("health: a port in use ends with 1")
def _(t):
    with socket.socket() as s:
        s.bind((t.address, 9090))
        s.listen()
        t.exits(t.start("--health-check", "--http-address", t.address, "--http-port", 9090, "--port", 5000, t.instance()), 1)


@check("health: readiness at --max-connections says how many")
def _(t):
    healthy(t, "--port", 5000, "--max-connections", 1, t.instance())
    s = t.echoes()
    must(http(t.address, "/readiness", 9090) == (503, "max connections reached (open = 1, max = 1)"), http(t.address, "/readiness", 9090))
    must(http(t.address, "/liveness", 9090)[0] == 200, "not alive")
    s.close()
    wait_for(lambda: http(t.address, "/readiness", 9090)[0] == 200, "readiness again")


@check("health: an empty --http-address is every one")
def _(t):
    port = free_port()
    t.up("--health-check", "--http-address", "", "--http-port", port, "--port", 5000, t.instance())
    must(http(t.address, "/startup", port)[0] == 200, "not there")
    must(http("127.0.0.1", "/liveness", port)[0] == 200, "not there")


@check("health: readiness while draining")
def _(t):
    p = healthy(t, "--port", 5000, "--max-sigterm-delay", "1h", t.instance())
    s = t.echoes()
    p.send()
    wait_for(lambda: http(t.address, "/readiness", 9090) == (503, "proxy has stopped"), "not ready")
    must(http(t.address, "/liveness", 9090)[0] == 200, "not alive")
    s.close()
    p.wait()


@check("health: readiness tells of a dead instance")
def _(t):
    i = t.instance()
    healthy(t, "--port", 5000, i)
    t.echoes()
    i.stop_listening()
    t.refused()
    wait_for(lambda: http(t.address, "/readiness", 9090)[0] == 503, "503 for a dead instance")


@check("health: readiness names the dead instance and why, and recovers", ours=True)
def _(t):
    a, b = t.instance(), t.instance()
    healthy(t, "--port", 5000, a, b)
    t.echoes(5000)
    t.echoes(5001)
    b.stop_listening()
    turned_away(t.dial(5001))
    status, body = wait_for(lambda: (lambda r: r[0] == 503 and r)(http(t.address, "/readiness", 9090)), "503 for a dead instance")
    must(b.name in body and a.name not in body, body)
    b.come_back()
    t.recovers(5001)
    wait_for(lambda: http(t.address, "/readiness", 9090)[0] == 200, "readiness again")
    del status


@check("health: asking often dials nobody")
def _(t):
    i = t.instance()
    healthy(t, "--port", 5000, i)
    for _ in range(30):
        http(t.address, "/readiness", 9090)
    must(len(i.sessions) <= 1 and len(i.calls()) <= 2, f"{len(i.sessions)} connections, {len(i.calls())} calls")


# --- metrics ----------------------------------------------------------------------------------------------------
def metrics(t, port=9090):
    status, text = wait_for(lambda: http_or_none(t.address, "/metrics", port), "metrics")
    must(status == 200, status)
    return text


def value(text, name, instance=None):
    total = None
    for line in text.splitlines():
        if re.match(rf"{name}(\{{|\s)", line) and (instance is None or instance in line):
            total = (total or 0) + float(line.rsplit(" ", 1)[1])
    return total


@check("metrics: connections, bytes, refreshes and dials are counted")
def _(t):
    i = t.instance()
    t.up("--port", 5000, "--prometheus", "--http-address", t.address, "--http-port", 9090, i)
    s = t.echoes(data=b"x" * 1000)
    name = "cloudsqlconn_"
    wait_for(lambda: value(metrics(t), name + "open_connections") == 1, "open_connections")
    wait_for(lambda: (value(metrics(t), name + "bytes_sent") or 0) >= 1000 and (value(metrics(t), name + "bytes_received") or 0) >= 1000,
             "bytes")
    must(value(metrics(t), name + "refresh_success_count") >= 1, "refresh_success_count")
    must("cloudsqlconn_dial_latency" in metrics(t), "dial_latency")
    must(i.name in metrics(t), "the instance's name is no label")
    s.close()
    wait_for(lambda: value(metrics(t), name + "open_connections") == 0, "open_connections 0")


@check("metrics: what fails is counted")
def _(t):
    i = t.instance(always={"settings": 403})
    t.up("--port", 5000, "--prometheus", "--http-address", t.address, "--http-port", 9090, i)
    t.refused()
    wait_for(lambda: (value(metrics(t), "cloudsqlconn_refresh_failure_count") or 0) >= 1, "refresh_failure_count")
    wait_for(lambda: (value(metrics(t), "cloudsqlconn_dial_failure_count") or 0) >= 1, "dial_failure_count")


@check("metrics: --prometheus-namespace is the prefix")
def _(t):
    t.up("--port", 5000, "--prometheus", "--prometheus-namespace", "shop", "--http-address", t.address, "--http-port", 9090, t.instance())
    t.echoes()
    wait_for(lambda: "shop_cloudsqlconn_" in metrics(t), "the prefix")


@check("metrics: with --health-check on the same port, and not without --prometheus")
def _(t):
    healthy(t, "--port", 5000, t.instance())
    must(http(t.address, "/metrics", 9090)[0] == 404, "metrics without being asked")


# --- admin -------------------------------------------------------------------------------------------------------
for method in ("GET", "POST"):
    def quit_by(t, method=method):
        port = free_port()
        p = t.up("--quitquitquit", "--admin-port", port, "--port", 5000, t.instance())
        wait_for(lambda: http_or_none("localhost", "/nothing", port), "the admin server")
        must(http("localhost", "/quitquitquit", port, method)[0] == 200, "not 200")
        t.exits(p, 0)
    check(f"admin: {method} /quitquitquit ends with 0")(quit_by)


@check("admin: other methods are 400, and it goes on")
def _(t):
    port = free_port()
    p = t.up("--quitquitquit", "--admin-port", port, "--port", 5000, t.instance())
    wait_for(lambda: http_or_none("localhost", "/nothing", port), "the admin server")
    for method in ("PUT", "DELETE", "PATCH"):
        must(http("localhost", "/quitquitquit", port, method)[0] == 400, method)
    t.echoes()
    must(p.running, "ended")


@check("admin: no /quitquitquit without its flag")
def _(t):
    port = free_port()
    t.up("--debug", "--admin-port", port, "--port", 5000, t.instance())
    wait_for(lambda: http_or_none("localhost", "/nothing", port), "the admin server")
    must(http("localhost", "/quitquitquit", port)[0] == 404, "it is there")


@check("admin: --debug serves /debug/pprof/")
def _(t):
    port = free_port()
    t.up("--debug", "--admin-port", port, "--port", 5000, t.instance())
    wait_for(lambda: (http_or_none("localhost", "/debug/pprof/", port) or (0,))[0] == 200, "/debug/pprof/")


@check("admin: no server without a flag")
def _(t):
    port = free_port()
    t.up("--admin-port", port, "--port", 5000, t.instance())
    time.sleep(0.3)
    must(http_or_none("127.0.0.1", "/", port) is None, "somebody listens")


@check("admin: the shutdown subcommand ends it with 0")
def _(t):
    port = free_port()
    p = t.up("--quitquitquit", "--admin-port", port, "--port", 5000, t.instance())
    wait_for(lambda: http_or_none("localhost", "/nothing", port), "the admin server")
    t.exits(t.bare("shutdown", "--admin-port", port), 0)
    t.exits(p, 0)


@check("admin: the shutdown subcommand with nobody there ends with 1")
def _(t):
    t.exits(t.bare("shutdown", "--admin-port", free_port()), 1)


@check("admin: /quitquitquit waits for open connections with --max-sigterm-delay")
def _(t):
    port = free_port()
    p = t.up("--quitquitquit", "--admin-port", port, "--max-sigterm-delay", "1h", "--port", 5000, t.instance())
    wait_for(lambda: http_or_none("localhost", "/nothing", port), "the admin server")
    s = t.echoes()
    http("localhost", "/quitquitquit", port)
    time.sleep(0.7)
    talk(s)
    s.close()
    t.exits(p, 0)


@check("wait: ends with 0 when the proxy is up")
def _(t):
    healthy(t, "--port", 5000, t.instance())
    t.exits(t.bare("wait", "--http-address", t.address, "--http-port", 9090), 0)


@check("wait: waits for a proxy that starts later")
def _(t):
    w = t.bare("wait", "--http-address", t.address, "--http-port", 9090, "--max", "2m")
    time.sleep(0.5)
    must(w.running, "it did not wait")
    healthy(t, "--port", 5000, t.instance())
    t.exits(w, 0)


@check("wait: ends with 1 after --max")
def _(t):
    began = time.monotonic()
    t.exits(t.bare("wait", "--http-address", t.address, "--http-port", 9090, "-m", "600ms"), 1)
    must(time.monotonic() - began > 0.4, time.monotonic() - began)


# --- signals ------------------------------------------------------------------------------------------------------
for signo, rc in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
    def signalled(t, signo=signo, rc=rc):
        p = t.up("--port", 5000, t.instance())
        must(p.end(signo) == rc, p.process.returncode)
        t.not_listening(5000)
    check(f"signals: {signo.name} ends with {rc}")(signalled)


@check("signals: --exit-zero-on-sigterm")
def _(t):
    p = t.up("--port", 5000, "--exit-zero-on-sigterm", t.instance())
    must(p.end() == 0, p.process.returncode)


@check("signals: SIGTERM with an open connection and no delay ends at once")
def _(t):
    p = t.up("--port", 5000, t.instance())
    s = t.echoes()
    must(p.end() == 143, p.process.returncode)
    must(read_end(s), "the connection lives on")


def read_end(s):
    try:
        return s.recv(1) == b""
    except ConnectionError:
        return True


@check("signals: SIGTERM before it has started")
def _(t):
    i = t.instance(always={"settings": "never"})
    p = t.start(i)
    wait_for(lambda: i.calls("settings"), "it to ask")
    must(p.end() == 143, p.process.returncode)


@check("signals: --min-sigterm-delay: new clients are served meanwhile")
def _(t):
    p = t.up("--port", 5000, "--min-sigterm-delay", "1h", t.instance())
    p.send()
    p.said("(?i)shutting down")
    s = t.echoes()
    t.echoes().close()
    talk(s)
    must(p.running, "it did not wait")


@check("signals: --min-sigterm-delay: it waits that long, and then ends")
def _(t):
    p = t.up("--port", 5000, "--min-sigterm-delay", "2s", t.instance())
    began = time.monotonic()
    must(p.end() == 143, p.process.returncode)
    must(time.monotonic() - began > 1.8, time.monotonic() - began)


@check("signals: a second SIGTERM ends it at once, whatever the delays", ours=True)
def _(t):
    p = t.up("--port", 5000, "--min-sigterm-delay", "1h", "--max-sigterm-delay", "1h", t.instance())
    s = t.echoes()
    p.send()
    p.said("(?i)shutting down")
    must(p.end() == 143, p.process.returncode)
    must(read_end(s), "the connection lives on")


@check("signals: --max-sigterm-delay: it waits for the last connection, serving it")
def _(t):
    p = t.up("--port", 5000, "--max-sigterm-delay", "1h", t.instance())
    s = t.echoes()
    p.send()
    p.said("(?i)shutting down")
    time.sleep(1)
    must(p.running, "it did not wait")
    talk(s)
    s.close()
    must(p.wait() == 143, p.process.returncode)


@check("signals: --max-sigterm-delay: new clients are served while it waits")
def _(t):
    p = t.up("--port", 5000, "--max-sigterm-delay", "1h", t.instance())
    s = t.echoes()
    p.send()
    p.said("(?i)shutting down")
    t.echoes().close()
    s.close()
    p.wait()


@check("signals: connections left after --max-sigterm-delay: 1, and how many")
def _(t):
    p = t.up("--port", 5000, "--max-sigterm-delay", "1s", t.instance())
    a, b = t.echoes(), t.echoes()
    must(p.end() == 1, p.process.returncode)
    p.said(r"2 connection\(s\) still open after waiting 1s", "err")
    must(read_end(a) and read_end(b), "they live on")


@check("signals: no connection, --max-sigterm-delay: ends soon")
def _(t):
    p = t.up("--port", 5000, "--max-sigterm-delay", "1h", t.instance())
    must(p.end() == 143, p.process.returncode)


@check("signals: SIGHUP and SIGPIPE do not matter to it", ours=True)
def _(t):
    p = t.up("--port", 5000, t.instance())
    p.send(signal.SIGPIPE)
    t.echoes()
    must(p.running, "ended")


@check("signals: compound durations")
def _(t):
    for word in ("1m30s", "1.5h", "100ms", "2h45m0.5s"):
        p = t.up("--port", 5000, "--max-sigterm-delay", word, t.instance())
        p.end()
        t.close_one(p)


# --- systemd ---------------------------------------------------------------------------------------------------------
@check("systemd: READY=1 when every listener is there")
def _(t):
    path = t.dir + "/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(PATIENCE)
        t.start("--port", 5000, t.instance(), t.instance(), env={"NOTIFY_SOCKET": path})
        while "READY=1" not in (got := s.recv(4096).decode()).splitlines():
            must(got, "an empty word")
        t.echoes(5001)


@check("systemd: no READY=1 from a start that fails")
def _(t):
    path = t.dir + "/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(0.5)
        p = t.start("-u", t.dir + "/nowhere", t.instance(), env={"NOTIFY_SOCKET": path})
        t.exits(p, 1)
        try:
            while True:
                must("READY=1" not in s.recv(4096).decode(), "it said it was ready")
        except TimeoutError:
            pass


# --- on-demand directory ------------------------------------------------------------------------------------------------
def mounted(path):
    with open("/proc/mounts") as f:
        return any(line.split()[1] == path for line in f)


def fused(t, *args):
    path = t.dir + "/fuse"
    os.mkdir(path)
    p = t.start("--fuse", path, "--fuse-tmp-dir", t.dir + "/sockets", *args)
    wait_for(lambda: mounted(path), f"the mount; {p.text()[-300:]}")
    p.ready()
    return p, path


def through(path):
    def attempt():
        try:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(PATIENCE)
            s.connect(path)
            return s
        except OSError:
            return None
    return wait_for(attempt, f"a socket at {path}")


@check("fuse: looking up an instance makes its socket", needs="fuse")
def _(t):
    i = t.instance(version="MYSQL_8_0")
    _, path = fused(t)
    with through(f"{path}/{i.name}") as s:
        talk(s)


@check("fuse: PostgreSQL's socket in the instance's directory", needs="fuse")
def _(t):
    i = t.instance()
    _, path = fused(t)
    with through(f"{path}/{i.name}/.s.PGSQL.5432") as s:
        talk(s)


@check("fuse: a README, and the list of what is open", needs="fuse")
def _(t):
    i = t.instance(version="MYSQL_8_0")
    _, path = fused(t)
    with open(f"{path}/README") as f:
        must(len(f.read()) > 50, "an empty README")
    with through(f"{path}/{i.name}") as s:
        talk(s)
        must(i.name in os.listdir(path), os.listdir(path))


@check("fuse: what is no instance is not there", needs="fuse")
def _(t):
    _, path = fused(t)
    must(not os.path.exists(f"{path}/nothing"), "it is there")
    bad = t.instance(always={"settings": 404})
    must(not os.path.exists(f"{path}/{bad.name}"), "it is there")


@check("fuse: unmounted at the end", needs="fuse")
def _(t):
    p, path = fused(t)
    p.end()
    wait_for(lambda: not mounted(path), "the mount to go")


@check("fuse: named instances beside it", needs="fuse")
def _(t):
    i = t.instance(version="MYSQL_8_0")
    _, path = fused(t, i)
    with through(f"{path}/{i.name}") as s:
        talk(s)


