"""The package on a real systemd: installed, upgraded over an older one while work runs, removed, purged."""

import os
import subprocess

import pytest
from conftest import BUILD, TOP, Box
from machine import SYSTEMD, TOOLS, Machine, until

pytestmark = pytest.mark.skipif(not os.environ.get("ONEBOX_LONG"), reason="long: setup check --all")

OLD, NEW = "0.1.0", "0.1.0+later"
PIPELINE = """\
name: {name}
pipelines:
  - pipeline: {name}
    start_date: 2026-01-01
    timeout_minutes: 10
    tasks: [{{task: work, type: python, cmd: "{cmd}"}}]
"""
# Until /srv/stop is there: what a client of each socket that is refused would see.
KNOCK = """
while [ ! -e /srv/stop ]; do
        for s in scheduler tracking web; do
                curl -s -m 30 -o /dev/null --unix-socket /run/onebox/$s.sock http://localhost/health || echo $s $?
                echo knock >>/srv/knocks
        done
done
"""


@pytest.fixture(scope="module")
def debs():
    """{version: file} of two packages that are alike but for their version."""
    files = {}
    for version in (OLD, NEW):
        done = subprocess.run([TOP / "build-aux/make-deb.sh", TOP, BUILD, version], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        files[version] = next(BUILD.glob(f"onebox_{version}_*.deb"))
    return files


@pytest.fixture(scope="module")
def box(debs):
    if os.geteuid() != 0:
        pytest.skip("a machine is booted by root only")
    depends = subprocess.run(["dpkg-deb", "-f", debs[OLD], "Depends"], capture_output=True, text=True, check=True).stdout
    machine = Machine(SYSTEMD + TOOLS + depends.strip().split(", "), "obpackage", binds=[(BUILD, "/mnt")])
    try:
        yield Box(machine)
    finally:
        machine.remove()


def dpkg(box, *words):
    return box.machine.run("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", *words, seconds=180).stdout


def install(box, debs, version):
    return dpkg(box, "-i", f"/mnt/{debs[version].name}")


def state(box, what, unit):
    return box.machine.run("systemctl", what, unit, check=False).stdout.strip()


def units(box, states):
    """Ours that are in one of the states, with what they are."""
    return box.machine.run("systemctl", "list-units", "--plain", "--no-legend", "--state=" + states, "onebox*").stdout


def deploy(box, name, cmd):
    box.deploy(name, PIPELINE.format(name=name, cmd=cmd))
    return box.trigger(name)


def test_an_image_that_has_it_comes_up_with_it(box, debs):
    """Installed where nothing runs, it is there after the boot, without a command."""
    box.machine.path("/srv/onebox.deb").write_bytes(debs[OLD].read_bytes())
    done = subprocess.run(["chroot", box.machine.disk, "dpkg", "-i", "/srv/onebox.deb"], capture_output=True, text=True,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"})
    assert done.returncode == 0, done.stdout + done.stderr
    box.machine.boot()
    box.wait_green()
    assert box.machine.run("onebox", "status", check=False).returncode == 0
    assert dpkg(box, "--verify", "onebox") == ""
    run = deploy(box, "first", "echo one")
    assert box.wait_run("first", run) == "success"


def test_an_upgrade_refuses_nobody_and_leaves_tasks_alone(box, debs):
    m = box.machine
    run = deploy(box, "during", "sleep 1000")
    box.wait_task("during", run, "work", "running", seconds=60)
    before = m.shell("pgrep -f '^sleep 1000'").stdout
    old = m.run("systemctl", "show", "-P", "MainPID", "onebox-scheduler").stdout
    knocks = m.spawn("bash", "-c", KNOCK)
    until(lambda: m.path("/srv/knocks").exists(), 30, "nobody knocks")
    install(box, debs, NEW)
    box.wait_green()
    m.write("/srv/stop", "")
    assert knocks.communicate(timeout=60)[0] == "", "a client was refused"
    assert m.run("systemctl", "show", "-P", "MainPID", "onebox-scheduler").stdout != old, "the daemon is the old one"
    assert m.shell("pgrep -f '^sleep 1000'").stdout == before, "the task was started again"
    assert box.tasks("during", run)["work"]["try_number"] == 1
    m.shell("pkill -f '^sleep 1000'")
    box.wait_run("during", run)


def test_an_upgrade_leaves_what_the_owner_decided(box, debs):
    m = box.machine
    m.run("systemctl", "disable", "--now", "onebox.target")
    m.shell("systemctl stop 'onebox-*.socket' 'onebox-*.service'")
    m.write("/etc/onebox/onebox.conf", "[web]\nlisten = 127.0.0.1:8081\n")
    install(box, debs, OLD)
    assert state(box, "is-enabled", "onebox.target") == "disabled" and state(box, "is-active", "onebox-scheduler") == "inactive"
    assert m.read("/etc/onebox/onebox.conf") == "[web]\nlisten = 127.0.0.1:8081\n"
    m.run("systemctl", "enable", "--now", "onebox.target", seconds=90)
    box.wait_green()


def test_removed_nothing_of_it_runs_and_what_was_recorded_stays(box, debs):
    m = box.machine
    dpkg(box, "-r", "onebox")
    assert units(box, "active,failed") == ""
    assert m.shell("pgrep -u onebox-scheduler,onebox-tracking,onebox-web || true").stdout == ""
    assert not m.path("/run/onebox").exists() and m.path("/var/lib/onebox/scheduler/scheduler.db").exists()
    install(box, debs, NEW)
    box.wait_green()
    assert box.call("scheduler", "/api/v2/dags/first/dagRuns")[1]["dag_runs"][0]["state"] == "success"


def test_purged_it_is_forgotten_but_for_what_was_recorded(box, debs):
    m = box.machine
    said = dpkg(box, "-P", "onebox")
    assert "/var/lib/onebox is kept" in said and "/etc/onebox is kept" not in said, said
    assert not m.path("/etc/onebox").exists()
    left = m.shell("find /etc/systemd /var/lib/systemd/deb-systemd-helper* /usr/lib/systemd -name '*onebox*'").stdout
    assert left == "", left
    install(box, debs, NEW)
    box.wait_green()
    assert state(box, "is-enabled", "onebox.target") == "enabled"
    assert units(box, "failed") == "", box.report()
