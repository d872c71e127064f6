"""Both pages through a real sshd, on any local port, with and without a Unix socket at the far end."""

import json

import pytest
from machine import until

FORWARDS = {
    "web": ["/run/onebox/web.sock", "127.0.0.1:8080"],
    "tracking": ["/run/onebox/tracking.sock", "127.0.0.1:5000"],
}


@pytest.fixture(scope="module")
def ada(box):
    """A user with the role op who logs in by key."""
    box.machine.shell("""
        useradd -m -d /srv/ada -s /bin/bash -G onebox-op ada
        install -d -m 700 -o ada -g ada /srv/ada/.ssh
        ssh-keygen -q -t ed25519 -N '' -f /srv/ada.key
        install -m 600 -o ada -g ada /srv/ada.key.pub /srv/ada/.ssh/authorized_keys
        mkdir -p /run/sshd; systemctl start ssh
    """)
    return "ada"


def tunnel(machine, user, port, target):
    ssh = machine.spawn("ssh", "-N", "-i", "/srv/%s.key" % user, "-o", "StrictHostKeyChecking=no",
                        "-o", "UserKnownHostsFile=/dev/null", "-o", "ExitOnForwardFailure=yes",
                        "-L", f"{port}:{target}", f"{user}@127.0.0.1")
    until(lambda: f"127.0.0.1:{port} " in machine.run("ss", "-Hltn").stdout, 20, "no tunnel",
          lambda: ssh.communicate(timeout=5)[0] if ssh.poll() is not None else "ssh runs")
    return ssh


@pytest.mark.parametrize("target", FORWARDS["web"] + FORWARDS["tracking"])
@pytest.mark.parametrize("port", [8080 + 20000, 31415])
def test_a_page_through_a_tunnel(green, ada, target, port):
    ssh = tunnel(green.machine, ada, port, target)
    try:
        out = green.machine.run("curl", "-sSL", "-m", "10", "-w", "\n%{http_code} %{content_type}",
                                f"http://localhost:{port}/").stdout
        page, _, end = out.rpartition("\n")
        assert "html" in end and "<html" in page.lower(), out[:500]
    finally:
        ssh.terminate()
        ssh.wait(10)


def test_a_foreign_host_name_is_refused(green, ada):
    """DNS rebinding: a page of somebody else must not reach us through a tunnel."""
    ssh = tunnel(green.machine, ada, 31416, "127.0.0.1:5000")
    try:
        status = green.machine.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H",
                                   "Host: evil.example", "http://127.0.0.1:31416/").stdout
        assert status == "403"
    finally:
        ssh.terminate()
        ssh.wait(10)


def test_the_tunnel_says_who_it_is(green, ada):
    """A forwarded Unix socket arrives with the SSH user's uid: no password, and the run is theirs."""
    ssh = tunnel(green.machine, ada, 31417, "/run/onebox/tracking.sock")
    try:
        out = green.machine.run(
            "curl", "-sS", "-m", "10", "-H", "Content-Type: application/json", "--data",
            json.dumps({"name": "by-tunnel"}),
            "http://localhost:31417/api/2.0/mlflow/experiments/create").stdout
        assert "experiment_id" in json.loads(out), out
    finally:
        ssh.terminate()
        ssh.wait(10)


def as_user(machine, user, *argv):
    """(status, text) of curl as a user of the machine on the scheduler's socket."""
    out = machine.run("curl", "-sS", "-m", "10", "-w", "\n%{http_code}", "--unix-socket",
                      "/run/onebox/scheduler.sock", *argv, user=user).stdout
    text, _, status = out.rpartition("\n")
    return int(status), text


def test_roles_come_from_unix_groups(green):
    """Nobody's user may not look, a viewer may look and not pause, an op may pause."""
    m = green.machine
    green.deploy("roles", "name: roles\nowner: tests\npipelines:\n  - pipeline: roles\n"
                 "    start_date: 2026-01-01\n    timeout_minutes: 5\n    tasks:\n"
                 "      - task: nothing\n        type: python\n        cmd: 'true'\n")
    m.shell("for u in vera:onebox-viewer olaf:onebox-op ulla:; do id ${u%%:*} >/dev/null 2>&1 || "
            "useradd -m ${u%%:*}; g=${u#*:}; [ -z $g ] || usermod -aG $g ${u%%:*}; done")
    dag = "http://localhost/api/v2/dags/roles"
    pause = ["-X", "PATCH", "-H", "Content-Type: application/json", "--data", '{"is_paused": true}', dag]
    assert as_user(m, "ulla", dag)[0] in (401, 403)
    assert as_user(m, "vera", dag)[0] == 200
    status, text = as_user(m, "vera", *pause)
    assert status == 403 and "vera has the role viewer" in text, text
    assert as_user(m, "olaf", *pause)[0] == 200
    assert json.loads(as_user(m, "vera", dag)[1])["is_paused"] is True
