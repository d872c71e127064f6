"""What systemd makes of the units: everything green, sockets with their rights, sandboxes that hold."""

import re

import pytest
from conftest import DAEMONS

# Exposure by `systemd-analyze security`, at most; lower is safer.
EXPOSURE = {
    "onebox-scheduler.service": 0.4,
    "onebox-web.service": 0.4,
    "onebox-tracking.service": 0.4,
    "onebox-bucketd.service": 0.4,
    # It mounts for all to see: nothing that needs a mount namespace of its own.
    "onebox-bucket@x.service": 3.1,
    "onebox-launcher.service": 1.4,
    "onebox-serving@x.service": 1.2,
    "onebox-services.service": 1.5,
    "onebox-sqlproxy@x.service": 1.2,
    "onebox-build.service": 1.6,
    "onebox-gitsync.service": 1.2,
    "onebox-poweroff.service": 2.0,
    "onebox-night.service": 1.2,
    "onebox-logship.service": 1.4,
}


def test_everything_is_green(green):
    failed = green.machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout
    assert "onebox" not in failed, green.report()


def test_daemons_run_as_their_own_users(green):
    for daemon in DAEMONS:
        user = green.machine.run("systemctl", "show", "-P", "MainPID", daemon).stdout.strip()
        owner = green.machine.run("ps", "-o", "user:32=", "-p", user).stdout.strip()
        assert owner == daemon


def test_units_are_sound(green):
    done = green.machine.shell(
        "systemd-analyze verify --man=no /usr/local/lib/systemd/system/onebox*.{service,socket,target,path,slice} 2>&1",
        check=False)
    ours = [line for line in done.stdout.splitlines() if "onebox" in line]
    assert not ours, "\n".join(ours)


@pytest.mark.parametrize("unit,limit", EXPOSURE.items())
def test_exposure(green, unit, limit):
    file = unit.replace("@x.", "@.")
    out = green.machine.shell(
        f"cp /usr/local/lib/systemd/system/{file} /tmp/{unit};"
        f"systemd-analyze security --offline=yes --no-pager /tmp/{unit}", check=False).stdout
    score = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", out).group(1))
    assert score <= limit, out


def test_sockets_and_their_rights(green):
    rights = green.machine.shell("stat -c '%n %a %U' /run/onebox/*.sock").stdout.split("\n")
    assert sorted(filter(None, rights)) == [
        "/run/onebox/bucketd.sock 666 root",
        "/run/onebox/launcher.sock 600 onebox-scheduler",
        "/run/onebox/logship.sock 600 onebox-scheduler",
        "/run/onebox/scheduler.sock 666 root",
        "/run/onebox/tracking.sock 666 root",
        "/run/onebox/web.sock 666 root",
    ]
    ports = green.machine.run("ss", "-Hltn").stdout
    assert "127.0.0.1:8080" in ports and "127.0.0.1:5000" in ports and "127.0.0.1:4443" in ports
    assert not re.search(r"(0\.0\.0\.0|\*|\[::\]):(8080|5000)", ports), "open to the world"


def test_health(green):
    for socket in ("tracking", "web"):
        assert green.call(socket, "/health")[0] == 200
    assert green.call("scheduler", "/api/v2/monitor/health")[0] == 200


def test_the_sandbox_hides_nothing_that_is_needed(green):
    """The first page's disk, memory and load come from /proc and statvfs."""
    box = green.call("web", "/api/onebox/v1/box")[1]
    for part in ("disk", "memory"):
        assert box[part + "_total"] > box[part + "_used"] > 0, box
    assert box["booted_at"], box


def test_the_front_door_reaches_both_daemons_behind(green):
    assert "dags" in green.call("web", "/api/v2/dags")[1]
    found = green.call("web", "/api/2.0/mlflow/experiments/search", {"max_results": 10})[1]
    assert "Default" in [e["name"] for e in found["experiments"]]


def test_secrets_are_nobody_elses(green):
    """No file of ours but code, pages and pipelines can be read by any user of the machine."""
    open_to_all = green.machine.shell(
        "useradd -m stranger 2>/dev/null || true;"
        "runuser -u stranger -- find /var/lib/onebox -type f -readable "
        "! -path '*/pipelines/*' ! -path '*/volumes/*' ! -path '*/venv*' 2>/dev/null || true").stdout
    assert open_to_all == ""


def test_a_stranger_may_not_reach_the_launcher(green):
    done = green.machine.shell(
        "useradd -m stranger 2>/dev/null || true; runuser -u stranger -- curl -sS -m 5 "
        "--unix-socket /run/onebox/launcher.sock http://localhost/units 2>&1", check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("daemon", DAEMONS + ["onebox-launcher"])
def test_killed_daemons_come_back(green, daemon):
    m = green.machine
    m.run("systemctl", "start", daemon)
    before = m.run("systemctl", "show", "-P", "MainPID", daemon).stdout.strip()
    m.run("kill", "-9", before)
    m.shell(f"for i in $(seq 100); do p=$(systemctl show -P MainPID {daemon});"
            f"[ $p != 0 ] && [ $p != {before} ] && systemctl -q is-active {daemon} && exit 0;"
            "sleep 0.1; done; exit 1")
    green.wait_green()


def test_a_drop_in_gives_tracking_a_network(green):
    """By the two commands that stand in the file itself; without it there is none."""
    m = green.machine

    def network(pid):
        return m.run("readlink", f"/proc/{pid}/ns/net").stdout

    def trackings():
        m.run("systemctl", "restart", "onebox-tracking")
        assert green.call("tracking", "/health")[0] == 200
        return network(m.run("systemctl", "show", "-P", "MainPID", "onebox-tracking").stdout.strip())

    assert trackings() != network(1)
    (file,) = m.shell("ls {,/usr,/usr/local}/share/onebox/tracking-network.conf 2>/dev/null || true").stdout.split()
    m.shell(f"sed -n '2,3s/^# *//p' {file} | sh -e")
    try:
        assert trackings() == network(1)
    finally:
        m.run("rm", "-r", "/etc/systemd/system/onebox-tracking.service.d")
        m.run("systemctl", "daemon-reload")
    assert trackings() != network(1)
    green.wait_green()


def test_the_socket_answers_while_its_daemon_starts(green):
    """Socket activation: a request that comes when nobody runs waits instead of being refused."""
    green.machine.run("systemctl", "stop", "onebox-tracking.service")
    assert green.call("tracking", "/health")[0] == 200
