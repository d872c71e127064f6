"""Checks: bytes both ways, how connections end, limits, and the metadata exchange before them."""

import random
import resource
import socket
import threading
import time

from cloudsql_tls import reset
from cloudsql_ways import Socks5
from sqlproxy_box import Failed, check, dial, must, read_all, read_n, talk, turned_away, wait_for


def noise(n, seed=1):
    return random.Random(seed).randbytes(n)


@check("data: every byte value")
def _(t):
    t.up("--port", 5000, t.instance())
    t.echoes(data=bytes(range(256)) * 4)


@check("data: sizes about records and buffers")
def _(t):
    t.up("--port", 5000, t.instance())
    s = t.dial(5000)
    for n in (1, 2, 255, 4095, 4096, 8191, 8192, 8193, 16383, 16384, 16385, 32768, 65535, 65536, 65537, 200001):
        talk(s, noise(n, n))


def both_ways(s, data):
    got = []
    reader = threading.Thread(target=lambda: got.append(read_n(s, len(data))), daemon=True)
    reader.start()
    s.sendall(data)
    reader.join(60)
    must(got and got[0] == data, "not what was sent")


@check("data: 32 MiB there and back")
def _(t):
    t.up("--port", 5000, t.instance())
    both_ways(t.dial(5000), noise(32 << 20))


@check("data: 32 MiB through a Unix socket")
def _(t):
    i = t.instance(version="MYSQL_8_0")
    t.up("-u", t.dir, i)
    both_ways(t.dial(None, f"{t.dir}/{i.name}"), noise(32 << 20))


@check("data: 30 connections at once, each its own")
def _(t):
    t.up("--port", 5000, t.instance(), t.instance())
    failures = []

    def one(n):
        try:
            s = dial(t.address, 5000 + n % 2)
            for k in range(10):
                talk(s, noise(20000, n * 100 + k))
            s.close()
        except (OSError, Failed) as e:
            failures.append(f"{n}: {e}")
    threads = [threading.Thread(target=one, args=(n,)) for n in range(30)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    must(not failures, failures)


@check("data: a server that speaks first")
def _(t):
    t.up("--port", 5000, t.instance(backend="greet"))
    s = t.dial(5000)
    must(read_n(s, 10) == b"greetings\n", "no greeting")
    talk(s)


@check("data: small questions are not held back")
def _(t):
    t.up("--port", 5000, t.instance())
    s = t.dial(5000)
    talk(s)

    def is_quick():
        began = time.monotonic()
        s.sendall(b"a")
        s.sendall(b"b")
        read_n(s, 2)
        return time.monotonic() - began < 0.03
    # Where they are held back each of them waits for an acknowledgment that is delayed by 40 ms.
    wait_for(is_quick, "an answer before a delayed acknowledgment")


@check("data: bytes that come before the instance is reached are not lost")
def _(t):
    t.up("--port", 5000, t.instance(door="late"))
    s = t.dial(5000)
    talk(s, noise(100000))


@check("data: a reader that stops stops the sender, and memory stays")
def _(t):
    i = t.instance(backend="source")
    p = t.up("--port", 5000, i)
    s = t.dial(5000)
    read_n(s, 1 << 20)
    before = p.rss_kib()
    time.sleep(2)
    must(p.rss_kib() - before < 16 << 10, f"{p.rss_kib() - before} KiB more")
    read_n(s, 16 << 20)


@check("data: a writer that nobody reads is stopped, and memory stays")
def _(t):
    p = t.up("--port", 5000, t.instance(backend="hole"))
    s = t.dial(5000)
    s.settimeout(2)
    before, sent = p.rss_kib(), 0
    try:
        while sent < 256 << 20:
            sent += s.send(bytes(1 << 20))
    except TimeoutError:
        pass
    must(sent < 64 << 20, f"it took {sent >> 20} MiB")
    must(p.rss_kib() - before < 16 << 10, f"{p.rss_kib() - before} KiB more")


# --- ends ---------------------------------------------------------------------------------------------------------
def ended(i, n=0):
    return wait_for(lambda: len(i.sessions) > n and not i.sessions[n].open and i.sessions[n], "the instance's side to end")


@check("ends: the client's end reaches the instance in good order")
def _(t):
    i = t.instance()
    p = t.up("--port", 5000, i)
    t.echoes().close()
    must(ended(i).end == "close_notify", ended(i).end)
    p.said("client closed the connection")


@check("ends: the instance's end reaches the client")
def _(t):
    i = t.instance(backend="bye")
    p = t.up("--port", 5000, i)
    s = t.echoes()
    must(read_all(s) == (b"", "eof"), "no end")
    s.close()
    p.said("instance closed the connection|client closed the connection")


@check("ends: an instance that ends at once")
def _(t):
    t.up("--port", 5000, t.instance(backend="at_once"))
    must(read_all(t.dial(5000))[0] == b"", "bytes from nowhere")


@check("ends: the instance's reset reaches the client")
def _(t):
    i = t.instance(backend="reset")
    t.up("--port", 5000, i)
    s = t.dial(5000)
    s.sendall(b"hello")
    must(read_all(s)[0] == b"", "bytes from nowhere")


@check("ends: an answer cut off without close_notify is passed on and ended")
def _(t):
    i = t.instance(backend="truncate")
    p = t.up("--port", 5000, i)
    s = t.dial(5000)
    s.sendall(b"hello")
    must(read_all(s)[0] == b"half an ans", "not what was sent")
    p.said("connection aborted|instance closed")


@check("ends: a cut-off answer does not look like a whole one", ours=True)
def _(t):
    t.up("--port", 5000, t.instance(backend="truncate"))
    s = t.dial(5000)
    s.sendall(b"hello")
    must(read_all(s)[1] == "reset", "an orderly end where there was none")


@check("ends: the client's reset ends the instance's side")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    reset(t.echoes())
    ended(i)


@check("ends: a client that goes before the instance is reached")
def _(t):
    i = t.instance(door="late")
    p = t.up("--port", 5000, i)
    for _ in range(5):
        t.dial(5000).close()
    wait_for(lambda: len(i.sessions) >= 1 and not i.open, "the instance's side to end")
    i.door = "tls"
    t.echoes()
    must(p.running, "ended")


@check("ends: half-close: all that was asked is answered after the client's end")
def _(t):
    t.up("--port", 5000, t.instance(backend="after_end"))
    s = t.dial(5000)
    s.sendall(noise(300000))
    s.shutdown(socket.SHUT_WR)
    got, how = read_all(s)
    must(got[:10] == b"0000300000", f"the instance got {got[:10]}")
    must(len(got) == 10 + (4 << 20) and how == "eof", f"{len(got)} bytes of the answer, then {how}")


@check("ends: half-close the other way: the client may write after the instance's end")
def _(t):
    i = t.instance(backend="first_end")
    t.up("--port", 5000, i)
    s = t.dial(5000)
    must(read_all(s)[0] == b"hello", "no hello")
    s.sendall(noise(300000))
    s.close()
    must(ended(i).received == 300000, f"{ended(i).received} bytes")


@check("ends: half-close of a Unix socket's client")
def _(t):
    i = t.instance(backend="after_end", version="MYSQL_8_0")
    t.up("-u", t.dir, i)
    s = t.dial(None, f"{t.dir}/{i.name}")
    s.sendall(b"x" * 1000)
    s.shutdown(socket.SHUT_WR)
    must(len(read_all(s)[0]) == 10 + (4 << 20), "the answer is lost")


for door in ("closed", "reset", "hang-up"):
    def met(t, door=door):
        i = t.instance(door=door)
        p = t.up("--port", 5000, i)
        turned_away(t.dial(5000))
        i.door = "tls"
        must(t.recovers() <= 3, "no recovery")
        must(p.running, "ended")
    check(f"ends: an instance whose door is {door}: turned away, then served")(met)


@check("ends: nobody at the instance's address")
def _(t):
    i = t.instance()
    i.stop_listening()
    p = t.up("--port", 5000, i)
    t.refused()
    p.said("failed to connect to instance.*refused", "err")


@check("ends: an address that never answers: turned away after about 30 s")
def _(t):
    i = t.instance()
    i.go_unreachable()
    t.up("--port", 5000, i)
    s, began = t.dial(5000), time.monotonic()
    turned_away(s, b"")
    must(time.monotonic() - began > 20, time.monotonic() - began)


@check("ends: a handshake that never comes: turned away after about 30 s")
def _(t):
    t.up("--port", 5000, t.instance(door="silent"))
    s, began = t.dial(5000), time.monotonic()
    turned_away(s, b"")
    must(time.monotonic() - began > 20, time.monotonic() - began)


@check("ends: no descriptor is left behind")
def _(t):
    i, bad = t.instance(), t.instance(door="closed")
    p = t.up("--port", 5000, i, bad)
    for _ in range(3):
        t.echoes().close()
        turned_away(t.dial(5001))
    wait_for(lambda: not i.open, "the connections to end")
    time.sleep(0.3)
    before = p.descriptors()
    for _ in range(30):
        t.echoes().close()
        s = t.dial(5001)
        turned_away(s)
        s.close()
    wait_for(lambda: p.descriptors() <= before + 1, f"descriptors to be given back, {before} before")


# --- limits -------------------------------------------------------------------------------------------------------
@check("limits: --max-connections turns the next one away, and takes it when there is room")
def _(t):
    i = t.instance()
    p = t.up("--port", 5000, "--max-connections", 2, i)
    a, b = t.echoes(), t.echoes()
    turned_away(t.dial(5000))
    p.said(r"max connections \(2\) exceeded")
    must(len(i.sessions) == 2, "the instance was dialled for it")
    talk(a)
    b.close()
    must(t.recovers() <= 3, "not served when there is room")


@check("limits: --max-connections counts all instances together")
def _(t):
    a, b = t.instance(), t.instance()
    t.up("--port", 5000, "--max-connections", 1, a, b)
    t.echoes(5000)
    turned_away(t.dial(5001))


@check("limits: no --max-connections, no limit")
def _(t):
    t.up("--port", 5000, t.instance())
    for _ in range(60):
        t.echoes()


@check("limits: without descriptors it waits, and goes on when there are some")
def _(t):
    i = t.instance()
    p = t.up("--port", 5000, i)
    t.echoes()
    few = p.descriptors() + 6
    resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (few, few + 500))
    served, waiting = 0, []
    for _ in range(12):
        s = t.dial(5000)
        s.settimeout(30)
        try:
            talk(s)
            served += 1
        except (OSError, Failed):
            pass
        waiting.append(s)
    must(p.running, f"ended with {p.process.returncode}: {p.text()[-300:]}")
    must(1 <= served < 12, f"{served} of 12 were served")
    for s in waiting:
        s.close()
    must(wait_for(lambda: attempt(t), "a client to be served again"), "")
    must(p.running, "ended")


def attempt(t):
    try:
        s = dial(t.address, 5000, 3)
        with s:
            talk(s)
            return True
    except (OSError, Failed):
        return False


def keepalive(port_local=None, to=None):
    """Is a keepalive timer set on the connection from local port, or to a remote address?"""
    with open("/proc/net/tcp") as f:
        for line in f.readlines()[1:]:
            fields = line.split()
            local, remote, state, timer = fields[1], fields[2], fields[3], fields[5]
            if state != "01":
                continue
            if port_local and int(local.split(":")[1], 16) == port_local[1] and int(remote.split(":")[1], 16) == port_local[0]:
                return timer.startswith("02")
            if to and remote == to:
                return timer.startswith("02")
    raise Failed("the connection is not there")


@check("limits: TCP keepalive on both sides")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    s = t.echoes()
    time.sleep(0.3)
    must(keepalive(port_local=(s.getsockname()[1], 5000)), "not to the client")
    there = "".join(f"{int(x):02X}" for x in reversed(i.ip.split("."))) + f":{3307:04X}"
    must(keepalive(to=there), "not to the instance")


# --- metadata exchange ------------------------------------------------------------------------------------------------
SUPPORT = {"mdx": ["CLIENT_PROTOCOL_TYPE"]}


@check("MDX: none where the instance does not know it")
def _(t):
    i = t.instance(mdx=["SOMETHING_ELSE"])
    t.up("--port", 5000, i)
    t.echoes()
    must(i.sessions[0].received == 5, i.sessions[0].received)


@check("MDX: TCP clients are said to be TCP")
def _(t):
    i = t.instance(**SUPPORT, mdx_answer="ok")
    t.up("--port", 5000, i)
    t.echoes()
    must(i.sessions[0].mdx == 1, i.sessions[0].mdx)


@check("MDX: Unix socket clients are said to be so")
def _(t):
    i = t.instance(version="MYSQL_8_0", **SUPPORT, mdx_answer="ok")
    t.up("-u", t.dir, i)
    t.echoes(None, f"{t.dir}/{i.name}")
    must(i.sessions[0].mdx == 3, i.sessions[0].mdx)


ANSWERS = [("bytes", "a byte at a time"), ("split-magic", "split inside the magic"), ("large", "of nearly 16 KiB"), ("empty", "that is empty"),
           ("error", "that says ERROR"), ("nothing", "that does not come")]
for answer, title in ANSWERS:
    def mdx(t, answer=answer):
        t.up("--port", 5000, t.instance(**SUPPORT, mdx_answer=answer))
        s = t.echoes(data=noise(50000))
        talk(s, b"and on")
    check(f"MDX: an answer {title} is taken out")(mdx)

for answer, text in (("not-magic", b"CSQLMDEY"), ("prefix", b"CSQLM")):
    def payload(t, answer=answer, text=text):
        t.up("--port", 5000, t.instance(**SUPPORT, mdx_answer=answer))
        s = t.dial(5000)
        s.sendall(b"hello")
        must(read_n(s, len(text) + 5) == text + b"hello", "bytes were eaten")
    check(f"MDX: what only begins like an answer ({text.decode()}) is payload")(payload)

for answer in ("oversize", "huge"):
    def too_large(t, answer=answer):
        p = t.up("--port", 5000, t.instance(**SUPPORT, mdx_answer=answer))
        s = t.dial(5000)
        s.sendall(b"hello")
        s.settimeout(10)
        before = p.rss_kib()
        try:
            read_all(s)
        except TimeoutError:
            pass
        must(p.running and p.rss_kib() - before < 8 << 10, "it took it all")
        s.close()
    check(f"MDX: an answer of {answer} length neither crashes nor fills memory")(too_large)


@check("MDX: an answer that ends after its magic")
def _(t):
    p = t.up("--port", 5000, t.instance(**SUPPORT, mdx_answer="magic-then-end"))
    s = t.dial(5000)
    s.sendall(b"hello")
    read_all(s)
    must(p.running, "ended")


@check("MDX: a server that speaks first is passed on, the prelude before the client's first bytes")
def _(t):
    i = t.instance(**SUPPORT, backend="greet")
    t.up("--port", 5000, i)
    s = t.dial(5000)
    must(read_n(s, 10) == b"greetings\n", "no greeting")
    s.sendall(b"hello")
    got = read_n(s, 12 + 2 + 5)
    must(got[:8] == b"CSQLMDEX" and got[-5:] == b"hello", got)


@check("MDX: half-close")
def _(t):
    t.up("--port", 5000, t.instance(**SUPPORT, mdx_answer="ok", backend="after_end"))
    s = t.dial(5000)
    s.sendall(b"hello")
    s.shutdown(socket.SHUT_WR)
    must(len(read_all(s)[0]) == 10 + (4 << 20), "the answer is lost")


# --- SOCKS --------------------------------------------------------------------------------------------------------------
@check("SOCKS: ALL_PROXY takes the connections to instances")
def _(t):
    i = t.instance()
    with Socks5() as way:
        t.up("--port", 5000, i, env={"ALL_PROXY": f"socks5://127.0.0.1:{way.address[1]}"})
        t.echoes(data=noise(100000))
        must(way.asked == [(i.ip, 3307)], way.asked)


@check("SOCKS: with a name and a password")
def _(t):
    i = t.instance()
    with Socks5("me", "pass:word") as way:
        t.up("--port", 5000, i, env={"ALL_PROXY": f"socks5://me:pass%3Aword@127.0.0.1:{way.address[1]}"})
        t.echoes()
        must(way.asked == [(i.ip, 3307)], way.asked)


@check("SOCKS: a wrong password is said")
def _(t):
    with Socks5("me", "right") as way:
        p = t.up("--port", 5000, t.instance(), env={"ALL_PROXY": f"socks5://me:wrong@127.0.0.1:{way.address[1]}"})
        t.refused()
        p.said("(?i)failed to connect to instance.*socks", "err")


@check("SOCKS: identity is looked at behind it too")
def _(t):
    i = t.instance()
    i.serve_as(cn="proj:other")
    with Socks5() as way:
        t.up("--port", 5000, i, env={"ALL_PROXY": f"socks5://127.0.0.1:{way.address[1]}"})
        t.refused()
        must(not i.handshakes and way.asked, "it was believed")


@check("SOCKS: NO_PROXY goes around it")
def _(t):
    i = t.instance()
    with Socks5() as way:
        t.up("--port", 5000, i, env={"ALL_PROXY": f"socks5://127.0.0.1:{way.address[1]}", "NO_PROXY": "127.0.0.0/8", "no_proxy": "127.0.0.0/8"})
        t.echoes()
        must(not way.asked, way.asked)


