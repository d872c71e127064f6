"""The Cloud SQL proxy in a virtual machine: its network, which leads to the make-believe cloud run here, and what it must show
there. Nothing of the cloud runs inside, so nothing of it sleeps or has its clock set."""

import re
import sys
from pathlib import Path

from machine import until
from vm import PATIENCE

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fake"))
import cloudsql  # noqa: E402 # pylint: disable=wrong-import-position

UNIT = "onebox-sqlproxy@db.service"
NAME = "proj:europe-west1:db"
API, INSTANCE = "10.0.2.100", "10.0.2.101"
DAY = 86400

# A word and its echo; what became of it.
CLIENT = r"""
import socket
try:
    with socket.create_connection(("127.0.0.1", 3309), 120) as s:
        s.sendall(b"hello")
        got = b""
        while len(got) < 5 and (more := s.recv(5)):
            got += more
    print("served" if got == b"hello" else "cut")
except OSError as e:
    print("cut", e)
"""

READINESS = """
import urllib.error, urllib.request
try:
    with urllib.request.urlopen("http://localhost:9090/readiness", timeout=120) as r:
        print(r.status, r.read().decode())
except urllib.error.HTTPError as e:
    print(e.code, e.read().decode())
"""


class Cloud:
    """Its API and an instance that says it is at INSTANCE, both where the machine's network leads."""

    def __init__(self):
        self.cloud = cloudsql.Cloud()
        self.instance = i = self.cloud.add(NAME, cert_begins=-30 * DAY)
        i.serve_as(begins=-30 * DAY, ends=30 * DAY)
        i.ips = [("PRIMARY", INSTANCE)]
        self.ways = {f"{API}:80": (self.cloud.host, self.cloud.port), f"{INSTANCE}:3307": (i.ip, 3307)}

    def close(self):
        self.cloud.close()


def prepare(files):
    """The unit enabled, with an env file, before the first boot."""
    conf = files / "etc/onebox/sqlproxy"
    conf.mkdir(parents=True, exist_ok=True)
    (conf / "db.env").write_text(f"CSQL_PROXY_INSTANCE_CONNECTION_NAME={NAME}\nCSQL_PROXY_PORT=3309\nCSQL_PROXY_TOKEN=good-token\n"
                                 f"CSQL_PROXY_SQLADMIN_API_ENDPOINT=http://{API}/\nCSQL_PROXY_HEALTH_CHECK=true\n")
    wants = files / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / UNIT).symlink_to("/usr/local/lib/systemd/system/onebox-sqlproxy@.service")


def client(machine):
    return machine.run("python3", "-c", CLIENT).stdout.strip()


def readiness(machine):
    status, _, body = machine.run("python3", "-c", READINESS).stdout.strip().partition(" ")
    return int(status), body


def show(machine, what):
    return machine.run("systemctl", "show", "-P", what, UNIT).stdout.strip()


def journal(machine):
    return machine.run("journalctl", "--no-pager", "-b", "-o", "cat", "-u", UNIT).stdout


def network_comes(machine):
    machine.shell("""
        nic=$(basename "$(ls -d /sys/class/net/* | grep -v '/lo$' | head -1)")
        ip addr add 10.0.2.15/24 dev "$nic"
        ip link set "$nic" up""")


def boots_before_the_network(machine, cloud):
    until(lambda: show(machine, "ActiveState") == "active", PATIENCE, "the unit is not up", lambda: journal(machine))
    assert client(machine) != "served"
    status, body = until(lambda: (lambda r: r[0] == 503 and r)(readiness(machine)), PATIENCE, "readiness says all is well")
    assert NAME in body and "\n" not in body and "unreachable" in body, body
    why = [line for line in journal(machine).splitlines() if NAME in line and "nreachable" in line]
    assert why and "\n" not in show(machine, "StatusText"), journal(machine)
    assert not cloud.instance.calls(), "there was a network"
    network_comes(machine)
    until(lambda: readiness(machine) == (200, "ok"), PATIENCE, "it does not come to itself", lambda: journal(machine))
    assert client(machine) == "served", journal(machine)
    assert show(machine, "NRestarts") == "0"


def certificates(cloud):
    return len(cloud.instance.calls("cert"))


def set_ahead(machine, seconds):
    machine.shell(f"date -s @$(( $(date +%s) + {seconds} ))")


def has_its_clock_set(machine, cloud):
    """A day ahead: another certificate before any client asks; and back."""
    i = cloud.instance
    before = certificates(cloud)
    i.cert_ends = DAY + 3600  # before the clock: the proxy looks at once
    set_ahead(machine, DAY)
    until(lambda: certificates(cloud) > before, PATIENCE, "no certificate after the day ahead", lambda: journal(machine))
    assert client(machine) == "served", journal(machine)
    before = certificates(cloud)
    i.cert_ends = 3600
    set_ahead(machine, -DAY)
    until(lambda: certificates(cloud) > before, PATIENCE, "no certificate after the day back", lambda: journal(machine))
    assert client(machine) == "served", journal(machine)
    assert not [s.error for s in i.sessions if s.error], "the dead certificate was shown"


def slept(machine):
    """Seconds the boot clock is ahead of the one that stands still meanwhile."""
    return float(machine.run("python3", "-c", "import time; print(time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic())").stdout)


def wakes_with_the_machine(machine, cloud):
    """Asleep until its certificate is dead, awake before the API is there: nobody sees the dead one."""
    i = cloud.instance
    i.cert_ends = 40
    machine.run("systemctl", "restart", UNIT)
    until(lambda: client(machine) == "served", PATIENCE, "not served before", lambda: journal(machine))
    i.always.update(settings="drop", cert="drop")
    before = slept(machine)
    machine.run("rtcwake", "-u", "-m", "mem", "-s", "60")
    assert slept(machine) - before > 30, "it did not sleep"
    i.cert_ends = 3600
    i.always.clear()
    until(lambda: readiness(machine) == (200, "ok"), PATIENCE, "it does not come to itself", lambda: journal(machine))
    assert client(machine) == "served", journal(machine)
    assert not [s.error for s in i.sessions if s.error], "the dead certificate was shown"
    assert re.search(r"certificate until 20\d\d-", show(machine, "StatusText")), show(machine, "StatusText")
