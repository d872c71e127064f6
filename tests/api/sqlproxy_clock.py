"""Checks of ours alone: the wall clock jumps, the machine sleeps, the API is away for an hour, a boot without it. The clock is
tests/fake/clock_shim.so's: it goes slowly, so that who would wait for seconds of it is found by never coming, and it is put
ahead by hand. So no check depends on how fast the machine is."""

import os
import re
import struct
import time

from sqlproxy_box import check, http, http_or_none, must, wait_for

DAY = 86400
BUILD = os.environ.get("ONEBOX_BUILD_DIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "check")


SLOW = 20  # a second of the proxy's takes so many: half a minute of its waiting is more than anybody's patience


class Clock:
    def __init__(self, t):
        self.path = t.dir + "/clock"
        self.wall = self.boot = self.sets = 0
        self.began_at = time.monotonic()
        self.write()

    def write(self):
        with open(self.path, "r+b" if os.path.exists(self.path) else "w+b") as f:
            f.write(struct.pack("<qqq", int(self.wall * 1e6), int(self.boot * 1e6), self.sets))

    def jump(self, seconds):
        """Somebody sets the clock."""
        self.wall += seconds
        self.sets += 1
        self.write()

    def sleep(self, seconds):
        """The machine was suspended: the wall and the boot clock went on, and nothing else did."""
        self.wall += seconds
        self.boot += seconds
        self.sets += 1
        self.write()

    def go_on(self, seconds):
        """Time goes by; nobody sets anything."""
        self.wall += seconds
        self.boot += seconds
        self.write()

    def passed(self):
        """Seconds of the proxy's since it began."""
        return (time.monotonic() - self.began_at) / SLOW + self.wall

    def env(self):
        shim = os.path.join(BUILD, "tests/fake/clock_shim.so")
        must(os.path.exists(shim), shim, "is not built")
        options = ":".join(o for o in (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0") if o)
        return {"LD_PRELOAD": os.path.abspath(shim), "ONEBOX_CLOCK_FILE": self.path, "ONEBOX_CLOCK_SPEED": f"1/{SLOW}", "ASAN_OPTIONS": options}


def started(t, clock, *args, **switches):
    """A proxy that lives by the clock, and an instance whose server is good for a month either way."""
    i = t.instance(cert_begins=-30 * DAY, **switches)
    i.serve_as(begins=-30 * DAY, ends=30 * DAY)
    p = t.up("--port", 5000, "--health-check", "--http-address", t.address, "--http-port", 9090, *args, i, env=clock.env())
    return i, p


def certificates_live_by(i, clock, seconds=3600):
    """From now on a certificate is good for that long by the proxy's clock."""
    i.cert_ends = clock.passed() - (time.monotonic() - clock.began_at) + seconds


def named_in_readiness(t, i):
    status, body = http(t.address, "/readiness", 9090)
    return body if status == 503 and i.name in body else None


def soon(t):
    """Served without a wait: one of 30 s of this clock is a hang."""
    t.echoes().close()


@check("clock: a day ahead: the dead certificate is not shown, the first client is served at once", ours=True)
def _(t):
    clock = Clock(t)
    i, _ = started(t, clock)
    soon(t)
    first = i.serials[-1]
    certificates_live_by(i, clock, 3600 + DAY)  # before the clock: the proxy looks at once
    clock.jump(DAY)
    soon(t)
    must(i.serials[-1] != first, "it came with the certificate of yesterday")
    must(not [s.error for s in i.sessions if s.error], [s.error for s in i.sessions])


@check("clock: a day ahead: a new certificate before any client asks", ours=True)
def _(t):
    clock = Clock(t)
    i, _ = started(t, clock)
    soon(t)
    certificates_live_by(i, clock, 3600 + DAY)  # before the clock: the proxy looks at once
    clock.jump(DAY)
    wait_for(lambda: len(i.calls("cert")) >= 2, "a new certificate")
    time.sleep(2)
    must(len(i.calls("cert")) <= 4, f"{len(i.calls('cert'))} calls")
    soon(t)


@check("clock: a day back: clients are served, the API is not stormed, and the next refresh comes", ours=True)
def _(t):
    clock = Clock(t)
    i, _ = started(t, clock)
    soon(t)
    clock.jump(-DAY)
    for _ in range(5):
        soon(t)
        time.sleep(0.3)
    must(len(i.calls("cert")) <= 3, f"{len(i.calls('cert'))} calls")
    certificates_live_by(i, clock, 3600 + 2 * DAY)  # before the clock: the proxy looks at once
    clock.jump(2 * DAY)
    soon(t)
    must(i.serials[-1] != i.serials[0], "it came with the certificate of yesterday")


@check("clock: there and back again, ten times", ours=True)
def _(t):
    clock = Clock(t)
    i, p = started(t, clock)
    for n in range(10):
        clock.jump(DAY if n % 2 else -DAY)
        certificates_live_by(i, clock, 3600 if n % 2 else 3600 + DAY)
        soon(t)
    must(p.running and len(i.calls("cert")) < 40, f"{len(i.calls('cert'))} calls")


@check("clock: a night asleep: a new certificate on waking, and the first client is served", ours=True)
def _(t):
    clock = Clock(t)
    i, _ = started(t, clock)
    soon(t)
    certificates_live_by(i, clock, 3600 + 10 * 3600)  # before the clock: the proxy looks at once
    clock.sleep(10 * 3600)
    wait_for(lambda: len(i.calls("cert")) >= 2, "a new certificate")
    soon(t)
    must(i.serials[-1] != i.serials[0], "it came with the certificate of yesterday")


@check("clock: awake before the network: the first client waits for it and is served", ours=True)
def _(t):
    clock = Clock(t)
    i, _ = started(t, clock)
    soon(t)
    i.always.update(settings="drop", cert="drop")
    certificates_live_by(i, clock, 3600 + 10 * 3600)  # before the clock: the proxy looks at once
    clock.sleep(10 * 3600)
    wait_for(lambda: i.calls("settings")[1:], "it to ask")
    i.always.clear()
    t.served()


def hour(t, i, clock, seconds):
    """The API stays away: time goes by in steps, and a client comes now and then."""
    for n in range(seconds // 30):
        clock.go_on(30)
        time.sleep(0.05)
        if n % 10 == 0:
            yield n


@check("clock: the API away for an hour: served while the certificate lasts, then refused with the reason, then well again", ours=True)
def _(t):
    clock = Clock(t)
    i, p = started(t, clock)
    soon(t)
    i.always.update(settings="drop", cert="drop")
    for _ in hour(t, i, clock, 3300):
        soon(t)
    clock.go_on(600)
    t.refused()
    body = wait_for(lambda: named_in_readiness(t, i), f"readiness to name it: {http(t.address, '/readiness', 9090)}")
    must("\n" not in body.strip(), "more than one line:", body)
    for _ in hour(t, i, clock, 900):
        t.refused()
    calls, lines = len(i.calls()), len(re.findall(i.name, p.text("err")))
    must(calls < 500, f"{calls} calls in an hour and a quarter")
    must(lines < 200, f"{lines} lines in an hour and a quarter")
    certificates_live_by(i, clock)
    i.always.clear()

    def well():
        clock.go_on(31)  # the longest that it waits; then time for an answer
        for _ in range(100):
            if http_or_none(t.address, "/readiness", 9090) == (200, "ok"):
                return True
            time.sleep(0.05)
        return False
    wait_for(well, "readiness, by itself")
    soon(t)


def in_use(t, i):
    """What was asked for has come: the next client shows it. Until then time must not go on."""
    last = i.serials[-1]

    def shown():
        soon(t)
        return i.serials[-1] != last
    wait_for(shown, "a client with the new certificate")


@check("clock: a certificate of an hour is replaced in time", ours=True)
def _(t):
    clock = Clock(t)
    i, _ = started(t, clock, cert_ends=3700)
    soon(t)
    for n in range(1, 4):
        certificates_live_by(i, clock, 3700 + 33 * 60)
        clock.go_on(25 * 60)
        time.sleep(0.5)
        must(len(i.calls("cert")) == n, f"asked for after {25 * n} minutes already")
        clock.go_on(8 * 60)
        wait_for(lambda n=n: len(i.calls("cert")) > n, f"certificate {n + 1}")
        in_use(t, i)
    must(len(i.calls("cert")) == 4, f"{len(i.calls('cert'))} calls")


# --- boots -------------------------------------------------------------------------------------------------------
@check("boot: what was learnt before gives the ports, the API being away", ours=True)
def _(t):
    a, b = t.instance(version="MYSQL_8_0"), t.instance()
    t.up(a, b).end()
    for i in (a, b):
        i.always.update(settings="drop", cert="drop")
    p = t.start(a, b)
    p.ready()
    wait_for(lambda: listens(t, 3306) and listens(t, 5432), "both ports")
    for i in (a, b):
        i.always.clear()
    t.served(3306)


@check("boot: why it waits is said once a while, in one line", ours=True)
def _(t):
    i = t.instance(always={"settings": "drop", "cert": "drop"})
    p = t.start(i)
    p.said(i.name, "err")
    time.sleep(4)
    lines = [line for line in p.text("err").splitlines() if i.name in line]
    must(1 <= len(lines) < 30, f"{len(lines)} lines: {lines[:3]}")
    must(p.running, "ended")


def listens(t, port):
    try:
        t.dial(port).close()
        return True
    except OSError:
        return False
