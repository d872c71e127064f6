"""The Cloud SQL proxy as a unit: up by its file, its listeners handed over on a restart, back after a kill, states told."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from machine import Failed, until

TOP = Path(__file__).resolve().parents[2]
UNIT = "onebox-sqlproxy@db.service"
NAME = "proj:europe-west1:db"
PATIENCE = 120  # it ends what hangs

# In a loop: a connection, a word, its echo. Prints what became of each.
CLIENT = r"""
import collections, socket, sys, time
seen, end = collections.Counter(), time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    try:
        with socket.create_connection(("127.0.0.1", 3309), 30) as s:
            s.sendall(b"hello")
            got = b""
            while len(got) < 5 and (more := s.recv(5)):
                got += more
        seen["served" if got == b"hello" else "cut"] += 1
    except ConnectionRefusedError:
        seen["refused"] += 1
    except OSError as e:
        seen["cut"] += 1
print(dict(seen))
"""


class Cloud:
    """The make-believe cloud in the machine's network, run from here."""

    def __init__(self, machine):
        self.process = subprocess.Popen(["nsenter", "-t", str(machine.leader), "-n", "--", sys.executable, str(TOP / "tests/fake/cloudsql.py"),
                                         NAME + "=echo"], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        self.url = json.loads(self.process.stdout.readline())["url"]
        self.machine = machine

    def tell(self, what, body, method="POST"):
        done = self.machine.run("curl", "-sS", "-X", method, "-d", json.dumps(body), f"{self.url}/_fake/instances/{NAME}{what}")
        return json.loads(done.stdout)

    def close(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def db(green):
    machine = green.machine
    cloud = Cloud(machine)
    try:
        machine.write("/etc/onebox/sqlproxy/db.env", f"CSQL_PROXY_INSTANCE_CONNECTION_NAME={NAME}\nCSQL_PROXY_PORT=3309\n"
                      f"CSQL_PROXY_TOKEN=good-token\nCSQL_PROXY_SQLADMIN_API_ENDPOINT={cloud.url}\nCSQL_PROXY_HEALTH_CHECK=true\n")
        if machine.run("systemctl", "start", UNIT, check=False).returncode:
            raise Failed(machine.run("journalctl", "--no-pager", "-n", "30", "-u", UNIT).stdout)
        machine.cloud = cloud
        yield machine
    finally:
        machine.run("systemctl", "stop", UNIT, check=False)
        cloud.close()


def show(machine, what):
    return machine.run("systemctl", "show", "-P", what, UNIT).stdout.strip()


def clients(machine, seconds):
    machine.write("/usr/local/lib/client.py", CLIENT)
    return machine.spawn("python3", "/usr/local/lib/client.py", str(seconds))


def result(process):
    return eval(process.communicate(timeout=PATIENCE)[0])  # pylint: disable=eval-used # our own dict


def served(machine):
    return result(clients(machine, 0.3)).get("served", 0) > 0


def test_it_serves_and_its_status_says_how(db):
    assert served(db)
    until(lambda: re.search(r"TLS|AES", show(db, "StatusText")), PATIENCE, "the status names no cipher", lambda: show(db, "StatusText"))
    text = show(db, "StatusText")
    assert re.search(r"127\.\d+\.\d+\.\d+", text) and re.search(r"20\d\d-\d\d-\d\d", text), text
    assert db.run("curl", "-sS", "http://localhost:9090/readiness").stdout == "ok"
    part = {p["name"]: p for p in json.loads(db.run("onebox", "status", "--json", check=False).stdout)["parts"]}["sqlproxy db"]
    assert part["ok"] and part["pid"] == int(show(db, "MainPID")) and part["note"] == text and part["memory_bytes"] > 1 << 20, part


def test_no_client_is_refused_by_restarts(db):
    load = clients(db, 12)
    for _ in range(4):
        db.run("systemctl", "restart", UNIT)
    seen = result(load)
    assert seen.get("refused", 0) == 0 and seen["served"] > 5, seen


def test_it_comes_back_after_kill_9(db):
    assert served(db)
    pid = show(db, "MainPID")
    db.run("kill", "-9", pid)
    until(lambda: show(db, "MainPID") not in (pid, "0") and show(db, "ActiveState") == "active", PATIENCE, "it does not come back", lambda: show(db, "ActiveState"))
    until(lambda: served(db), PATIENCE, "it does not serve")


def test_it_stops_in_good_order(db):
    db.run("systemctl", "stop", UNIT)
    assert show(db, "Result") == "success" and show(db, "ActiveState") == "inactive"
    with pytest.raises(Failed):
        db.run("curl", "-sS", "http://localhost:9090/liveness")


def test_it_starts_while_the_api_is_away(db):
    """What it learnt yesterday lets it listen this morning."""
    assert served(db)
    db.run("systemctl", "stop", UNIT)
    db.cloud.tell("", {"always": {"settings": "drop", "cert": "drop"}}, "PATCH")
    db.run("systemctl", "start", UNIT, seconds=PATIENCE)
    assert "3309" in db.run("ss", "-Hltn").stdout
    db.cloud.tell("", {"always": {}}, "PATCH")
    until(lambda: served(db), PATIENCE, "it does not serve when the API is back")


def test_it_runs_as_nobody_in_particular(db):
    pid = show(db, "MainPID")
    status = db.run("cat", f"/proc/{pid}/status").stdout
    assert re.search(r"^Uid:\t6[1-5]\d{3}\t", status, re.M), status
    assert re.search(r"^CapEff:\t0+$", status, re.M) and re.search(r"^NoNewPrivs:\t1$", status, re.M), status
