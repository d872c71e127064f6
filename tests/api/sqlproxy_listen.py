"""Checks: where a proxy listens: ports, addresses, Unix sockets; and what it does there when the API is away."""

import os
import socket
import stat

from sqlproxy_box import Failed, check, free_port, must, turned_away, wait_for


@check("ports: --port counts up with each instance")
def _(t):
    a, b, c = t.instance(), t.instance(backend="shout"), t.instance()
    t.up("--port", 5000, a, b, c)
    t.echoes(5000)
    t.echoes(5001, data=b"CAPITALS")
    t.echoes(5002)
    must([i.handshakes for i in (a, b, c)] == [1, 1, 1], "a connection went astray")


@check("ports: ?port uses up no number")
def _(t):
    a, b, c = t.instance(), t.instance(), t.instance()
    t.up("--port", 5000, a, b.name + "?port=6000", c)
    t.echoes(5000)
    t.echoes(6000)
    t.echoes(5001)
    must(c.handshakes == 1 and b.handshakes == 1, "a connection went astray")


for version, first in (("POSTGRES_15", 5432), ("MYSQL_8_0", 3306), ("SQLSERVER_2019_STANDARD", 1433)):
    def default(t, version=version, first=first):
        a, b = t.instance(version=version), t.instance(version=version)
        p = t.up(a, b)
        t.echoes(first)
        t.echoes(first + 1)
        must(a.handshakes == b.handshakes == 1, "a connection went astray")
        p.said(f"{a.name}.*Listening on {t.address}:{first}\n")
    check(f"ports: by engine, {version.split('_', maxsplit=1)[0]} at {first} and on")(default)


@check("ports: by engine, one count for each engine")
def _(t):
    kinds = ["MYSQL_5_7", "POSTGRES_9_6", "MYSQL_8_0", "SQLSERVER_2017_WEB", "POSTGRES_17"]
    instances = [t.instance(version=v) for v in kinds]
    t.up(*instances)
    for i, port in zip(instances, (3306, 5432, 3307, 1433, 5433)):
        t.echoes(port)
        must(i.handshakes == 1, i.version, "is not at", port)


@check("ports: by engine, beside one with ?port")
def _(t):
    a, b = t.instance(), t.instance()
    t.up(a.name + "?port=6000", b)
    t.echoes(6000)
    t.echoes(5432)
    must(b.handshakes == 1, "the count was used up")


@check("address: 127.0.0.1 when none is given")
def _(t):
    i, port = t.instance(), free_port()
    t.bare("--token", "good-token", "--sqladmin-api-endpoint", t.endpoint, "--port", port, i.name).ready()
    t.echoes(port, "127.0.0.1")
    t.not_listening(port)


@check("address: IPv6")
def _(t):
    i, port = t.instance(), free_port()
    p = t.up("--address", "::1", "--port", port, i)
    t.echoes(port, "::1")
    p.said(rf"Listening on \[::1\]:{port}")


@check("address: 0.0.0.0 is IPv4 only")
def _(t):
    i, port = t.instance(), free_port()
    t.up("--address", "0.0.0.0", "--port", port, i)
    t.echoes(port, "127.0.0.1")
    try:
        socket.create_connection(("::1", port), 3).close()
    except OSError:
        return
    raise Failed("it listens on IPv6 too")


@check("address: ?address for one instance")
def _(t):
    a, b, other = t.instance(), t.instance(), t.cloud.address()
    t.up("--port", 5000, a, b.name + f"?address={other}")
    t.echoes(5000)
    t.echoes(5001, other)
    must(b.handshakes == 1, "a connection went astray")


@check("address: ?address and ?port for one instance")
def _(t):
    a, other = t.instance(), t.cloud.address()
    t.up(a.name + f"?address={other}&port=7001")
    t.echoes(7001, other)


@check("address: unknown query keys are ignored")
def _(t):
    t.up(t.instance().name + "?port=5000&colour=blue")
    t.echoes()


@check("listen: the same instance twice")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i, i)
    t.echoes(5000)
    t.echoes(5001)


@check("listen: a port in use ends with 1 and is named")
def _(t):
    i, s = t.instance(), socket.socket()
    with s:
        s.bind((t.address, 5000))
        s.listen()
        t.exits(t.start("--port", 5000, i), 1, "5000")


@check("listen: a port in use by the second instance gives back the first")
def _(t):
    a, b = t.instance(), t.instance()
    t.exits(t.start(a.name + "?port=5000", b.name + "?port=5000"), 1, "5000")
    t.not_listening(5000)


@check("listen: says where, and then that it is ready")
def _(t):
    a, b = t.instance(), t.instance()
    said = t.up("--port", 5000, a, b).text()
    places = [said.find(f"Listening on {t.address}:5000"), said.find(f"Listening on {t.address}:5001"), said.find("ready for new connections")]
    must(-1 not in places and places == sorted(places), said)


@check("listen: a domain-scoped project")
def _(t):
    i = t.instance(f"example.com:proj{t.number}:europe-west1:db")
    t.up("--port", 5000, i)
    t.echoes()


# --- Unix sockets --------------------------------------------------------------------------------------------
def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@check("unix: MySQL's socket is DIR/INSTANCE")
def _(t):
    i = t.instance(version="MYSQL_8_0")
    p = t.up("--unix-socket", t.dir, i)
    t.echoes(None, f"{t.dir}/{i.name}")
    p.said(f"Listening on {t.dir}/{i.name}")


@check("unix: SQL Server's socket is DIR/INSTANCE")
def _(t):
    i = t.instance(version="SQLSERVER_2019_STANDARD")
    t.up("--unix-socket", t.dir, i)
    t.echoes(None, f"{t.dir}/{i.name}")


@check("unix: PostgreSQL's socket is DIR/INSTANCE/.s.PGSQL.5432")
def _(t):
    i = t.instance()
    t.up("--unix-socket", t.dir, i)
    must(os.path.isdir(f"{t.dir}/{i.name}"), "no directory")
    t.echoes(None, f"{t.dir}/{i.name}/.s.PGSQL.5432")


@check("unix: everybody may use the socket")
def _(t):
    i, m = t.instance(), t.instance(version="MYSQL_8_0")
    t.up("-u", t.dir, i, m)
    for path in (f"{t.dir}/{i.name}/.s.PGSQL.5432", f"{t.dir}/{m.name}"):
        must(mode(path) == 0o777, path, oct(mode(path)))


@check("unix: gone after a clean end")
def _(t):
    i, m = t.instance(), t.instance(version="MYSQL_8_0")
    t.up("-u", t.dir, i, m).end()
    for path in (f"{t.dir}/{i.name}/.s.PGSQL.5432", f"{t.dir}/{m.name}"):
        must(not os.path.lexists(path), path, "is still there")


@check("unix: a second start after a clean end, the directory being there")
def _(t):
    i = t.instance()
    t.up("-u", t.dir, i).end()
    t.up("-u", t.dir, i)
    t.echoes(None, f"{t.dir}/{i.name}/.s.PGSQL.5432")


@check("unix: a stale socket after kill -9 is replaced")
def _(t):
    i = t.instance(version="MYSQL_8_0")
    t.up("-u", t.dir, i).end(9)
    must(os.path.lexists(f"{t.dir}/{i.name}"), "kill -9 left no socket")
    t.up("-u", t.dir, i)
    t.echoes(None, f"{t.dir}/{i.name}")


@check("unix: a socket somebody serves is not taken away")
def _(t):
    i = t.instance(version="MYSQL_8_0")
    t.up("-u", t.dir, i)
    t.exits(t.start("-u", t.dir, i), 1, i.name)
    t.echoes(None, f"{t.dir}/{i.name}")


@check("unix: a plain file in its place is not taken away")
def _(t):
    i = t.instance(version="MYSQL_8_0")
    path = t.file(i.name, "precious")
    t.exits(t.start("-u", t.dir, i), 1, i.name)
    with open(path) as f:
        must(f.read() == "precious", "the file is gone")


@check("unix: a directory that is not there ends with 1 and is named")
def _(t):
    t.exits(t.start("-u", t.dir + "/nowhere", t.instance()), 1, "nowhere")


@check("unix: ?unix-socket for one instance, TCP for the other")
def _(t):
    a, b = t.instance(version="MYSQL_8_0"), t.instance()
    t.up("--port", 5000, a.name + f"?unix-socket={t.dir}", b)
    t.echoes(None, f"{t.dir}/{a.name}")
    t.echoes(5000)
    must(b.handshakes == 1, "a connection went astray")


@check("unix: ?port makes it TCP in spite of --unix-socket")
def _(t):
    a, port = t.instance(), free_port()
    t.up("--unix-socket", t.dir, a.name + f"?port={port}")
    t.echoes(port, "127.0.0.1")


@check("unix: ?address makes it TCP in spite of --unix-socket")
def _(t):
    a = t.instance(version="MYSQL_8_0")
    t.up("--unix-socket", t.dir, a.name + f"?address={t.address}")
    t.echoes(3306)


@check("unix: ?unix-socket-path is the path itself")
def _(t):
    a = t.instance(version="MYSQL_8_0")
    t.up(a.name + f"?unix-socket-path={t.dir}/my.sock")
    t.echoes(None, f"{t.dir}/my.sock")


@check("unix: ?unix-socket-path for PostgreSQL is a directory")
def _(t):
    a = t.instance()
    t.up(a.name + f"?unix-socket-path={t.dir}/pg")
    t.echoes(None, f"{t.dir}/pg/.s.PGSQL.5432")


@check("unix: ?unix-socket-path with PostgreSQL's own name at its end")
def _(t):
    a = t.instance()
    t.up(a.name + f"?unix-socket-path={t.dir}/pg/.s.PGSQL.5432")
    t.echoes(None, f"{t.dir}/pg/.s.PGSQL.5432")


@check("unix: ?unix-socket-path in a directory that is not there")
def _(t):
    t.exits(t.start(t.instance(version="MYSQL_8_0").name + f"?unix-socket-path={t.dir}/nowhere/x"), 1, "nowhere")


@check("unix: the engine must be known, and is not")
def _(t):
    i = t.instance(always={"settings": 403})
    t.exits(t.start("-u", t.dir, i), 1, i.name)


@check("unix: --skip-failed-instance-config leaves the broken one out")
def _(t):
    a, b = t.instance(always={"settings": 404}), t.instance(version="MYSQL_8_0")
    p = t.up("-u", t.dir, "--skip-failed-instance-config", a, b)
    t.echoes(None, f"{t.dir}/{b.name}")
    must(a.name in p.text("err"), "the other one is not named")


# --- the API is away --------------------------------------------------------------------------------------------
for status in (403, 404):
    def refused(t, status=status):
        i = t.instance(always={"settings": status})
        t.exits(t.start(i), 1, i.name, str(status))
    check(f"start: {status} for the engine's port ends with 1, named")(refused)


@check("start: an instance whose name is none")
def _(t):
    t.exits(t.start("not-an-instance"), 1, "not-an-instance")


@check("start: with --port it listens although the API says 403, and serves later")
def _(t):
    i = t.instance(always={"settings": 403, "cert": 403})
    p = t.up("--port", 5000, i)
    t.refused()
    p.said("403", "err")
    i.always.clear()
    t.served()


@check("start: with --port it listens although nobody answers at the API")
def _(t):
    i, t.endpoint = t.instance(), f"http://127.0.0.1:{free_port()}"
    p = t.up("--port", 5000, i)
    t.refused()
    p.said(f"{i.name}.*failed to connect to instance", "err")


@check("start: without a port, it waits for an API that is away and then serves")
def _(t):
    i, real = t.instance(), t.endpoint
    port, relay = free_port(), socket.socket()
    t.endpoint = f"http://{t.address}:{port}"
    p = t.start(i)
    p.said("refused|could not|failed|unavailable|waiting", "err")
    try:
        p.process.wait(1.5)
        raise Failed(f"it ended with {p.process.returncode}: {p.text()[-500:]}")
    except Exception as e:  # pylint: disable=broad-except
        if isinstance(e, Failed):
            raise
    from cloudsql_ways import Relay
    relay.close()
    host, number = real.removeprefix("http://").split(":")
    with Relay((t.address, port), (host, int(number))):
        wait_for(lambda: serves(t, 5432), "the proxy to serve")


def serves(t, port):
    try:
        t.echoes(port)
        return True
    except (OSError, Failed):
        return False


@check("start: one dead instance beside a good one, with --port")
def _(t):
    a, b = t.instance(always={"settings": 404}), t.instance()
    t.up("--port", 5000, a, b)
    turned_away(t.dial(5000))
    t.echoes(5001)


@check("start: the API is asked before a client comes")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    wait_for(lambda: i.calls("settings") and i.calls("cert"), "the first calls")


@check("start: with one bad instance of two and default ports it ends with 1")
def _(t):
    a, b = t.instance(), t.instance(always={"settings": 404})
    t.exits(t.start(a, b), 1, b.name)


@check("start: --run-connection-test passes")
def _(t):
    i = t.instance()
    t.up("--port", 5000, "--run-connection-test", i)
    wait_for(lambda: i.handshakes, "the test's connection")
    t.echoes()


@check("start: --run-connection-test of an instance that is away ends with 1")
def _(t):
    a, b = t.instance(), t.instance()
    b.stop_listening()
    t.exits(t.start("--port", 5000, "--run-connection-test", a, b), 1, b.name)


@check("start: --run-connection-test does not pass an impostor")
def _(t):
    i = t.instance()
    i.serve_as(cn="proj:other")
    t.exits(t.start("--port", 5000, "--run-connection-test", i), 1, i.name)
