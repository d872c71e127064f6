"""A bucket as a directory, as a unit: it waits for the network and holds nobody up, a stop and a night bring what is written
to the bucket, a kill and a hang heal, and mount(8) and fstab know its type."""

import json

import pytest
from machine import until

UNIT = "onebox-bucket@demo.service"
DIR = "/srv/demo"
PATIENCE = 60
FLAGS = "--anonymous-access -o allow_other"
# So that a test need not wait for what is meant to be slow.
DROP_IN = "[Service]\nRestartSec=100ms\nWatchdogSec=2\nTimeoutAbortSec=1\n"


def aim(machine, port):
    """Where the mount's service is from its next start on."""
    machine.write("/etc/onebox/bucket-demo.env",
                  f"BUCKET=demo\nMOUNTPOINT={DIR}\nFLAGS=--custom-endpoint=http://127.0.0.1:{port}/storage/v1/ {FLAGS}\n")


def api(machine, port, method, path, body=None, check=True):
    argv = ["curl", "-sS", "-f", "-m", "20", "-X", method, f"http://127.0.0.1:{port}{path}"]
    if body is not None:
        argv += ["-H", "Content-Type: application/json", "-d", body]
    return machine.run(*argv, check=check)


def content(machine, name):
    """What the bucket has, whoever is mounted."""
    return api(machine, 4443, "GET", f"/demo/{name}", check=False).stdout


def show(machine, what, unit=UNIT):
    return machine.run("systemctl", "show", "-P", what, unit).stdout.strip()


def is_mounted(machine, path=DIR):
    return machine.run("mountpoint", "-q", path, check=False).returncode == 0


def journal(machine):
    return machine.run("journalctl", "--no-pager", "-n", "40", "-u", UNIT).stdout


def serves(machine):
    return machine.run("cat", DIR + "/there", check=False).stdout == "there"


@pytest.fixture
def demo(green):
    """Mounted, with a file."""
    m = green.machine
    m.shell(f"mkdir -p {DIR}")
    m.write(f"/etc/systemd/system/{UNIT}.d/test.conf", DROP_IN)
    m.run("systemctl", "daemon-reload")
    aim(m, 4443)
    api(m, 4443, "POST", "/storage/v1/b?project=p", '{"name": "demo"}', check=False)
    m.run("systemctl", "start", UNIT, seconds=PATIENCE)
    m.shell(f"printf there >{DIR}/there")
    yield m
    if m.leader is not None:
        m.run("systemctl", "disable", "--now", UNIT, check=False)
        assert not is_mounted(m), "a stopped unit leaves its directory mounted"


def hold(machine, name, text):
    """Somebody who wrote a file and has not closed it."""
    machine.run("systemd-run", "--unit=holder", "bash", "-c",
                f"exec 3>{DIR}/{name}; printf '{text}' >&3; touch /run/held; exec sleep 1000")
    until(lambda: machine.run("test", "-e", "/run/held", check=False).returncode == 0, PATIENCE, "nobody holds a file")
    machine.run("rm", "/run/held")


def test_it_is_there_and_says_so(demo):
    assert is_mounted(demo) and show(demo, "StatusText") == f"demo is on {DIR}"
    assert content(demo, "there") == "there"
    user = demo.run("ps", "-o", "user:32=", "-p", show(demo, "MainPID")).stdout.strip()
    assert user == "onebox-bucket"
    caps = demo.shell(f"grep CapEff /proc/{show(demo, 'MainPID')}/status").stdout
    assert caps.split()[1] == "0000000000200000", "more than the right to mount"
    part = {p["name"]: p for p in json.loads(demo.run("onebox", "status", "--json", check=False).stdout)["parts"]}["bucket demo"]
    assert part["ok"] and part["pid"] == int(show(demo, "MainPID")) and part["note"] == f"demo is on {DIR}", part


def test_a_stop_brings_what_is_written(demo):
    hold(demo, "open-at-stop", "not closed")
    demo.run("systemctl", "stop", UNIT, seconds=PATIENCE)
    assert show(demo, "Result") == "success" and not is_mounted(demo), journal(demo)
    assert content(demo, "open-at-stop") == "not closed"
    demo.run("systemctl", "stop", "holder")


def test_a_kill_heals(demo):
    pid = show(demo, "MainPID")
    demo.run("kill", "-9", pid)
    until(lambda: show(demo, "MainPID") not in (pid, "0") and serves(demo), PATIENCE, "the directory does not come back",
          lambda: journal(demo))
    until(lambda: "nobody served any more" in journal(demo), PATIENCE, "nobody says so", lambda: journal(demo))
    mounts = demo.run("grep", "-c", f" {DIR} ", "/proc/mounts").stdout.strip()
    assert mounts == "1", "the dead mount lies below"


def test_a_hang_heals(demo):
    demo.run("kill", "-STOP", show(demo, "MainPID"))
    until(lambda: int(show(demo, "NRestarts")) > 0, PATIENCE, "the watchdog sees nothing", lambda: journal(demo))
    until(lambda: serves(demo), PATIENCE, "the directory does not come back", lambda: journal(demo))
    until(lambda: "Watchdog timeout" in journal(demo), PATIENCE, "nobody says so", lambda: journal(demo))


PIPELINE = f"""\
name: lineage
owner: tests
pipelines:
  - pipeline: lineage
    start_date: 2026-01-01
    timeout_minutes: 5
    tasks:
      - task: fit
        type: python
        cmd: |
          cat {DIR}/there
          python3 /usr/local/lib/open-run.py
"""
OPEN_RUN = """\
import json, os, urllib.request
urllib.request.urlopen(urllib.request.Request(os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/create", json.dumps({"experiment_id": "0"}).encode(),
    headers={"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}))
"""


def test_the_run_shows_what_its_task_read(demo, green):
    """By the task's unit alone: the mount sees nothing of its environment."""
    demo.write("/usr/local/lib/open-run.py", OPEN_RUN)
    green.deploy("lineage", PIPELINE)
    run = green.trigger("lineage")
    assert green.wait_run("lineage", run) == "success", green.tasks("lineage", run)
    generation = json.loads(api(demo, 4443, "GET", "/storage/v1/b/demo/o/there").stdout)["generation"]

    def data():
        found = green.call("tracking", "/api/2.0/mlflow/runs/search",
                           {"experiment_ids": ["0"], "filter": "tags.`onebox.dag_id` = 'lineage'"})[1]["runs"]
        return [(d["dataset"]["name"], d["dataset"]["digest"], d["tags"][0]["value"])
                for r in found for d in r.get("inputs", {}).get("dataset_inputs", [])]

    until(lambda: data() == [("gs://demo/there", generation, "read")], PATIENCE, "the run does not show what was read",
          lambda: f"{data()}\n{journal(demo)}")


@pytest.fixture
def helper(demo):
    """mount(8) looks in /sbin alone."""
    demo.shell("ln -sf /usr/local/sbin/mount.fuse.gcs /sbin/; mkdir -p /srv/by-hand /srv/by-fstab")
    yield demo
    demo.run("rm", "-f", "/sbin/mount.fuse.gcs")


def options(port):
    return f"rw,allow_other,custom_endpoint=http://127.0.0.1:{port}/storage/v1/,anonymous_access"


def test_mount_by_hand(helper):
    helper.run("mount", "-t", "fuse.gcs", "demo", "/srv/by-hand", "-o", options(4443))
    assert helper.run("cat", "/srv/by-hand/there").stdout == "there"
    helper.run("umount", "/srv/by-hand")
    assert not is_mounted(helper, "/srv/by-hand")
    failed = helper.run("mount", "-t", "fuse.gcs", "no-such", "/srv/by-hand", "-o", options(4443), check=False)
    assert failed.returncode and "bucket doesn't exist" in failed.stderr, failed.stderr


def test_the_night_brings_what_is_written_and_the_boot_waits_for_nobody(helper, green):
    """A reboot with a file open; then neither the unit's nor fstab's service is there, and later both are."""
    m = helper
    hold(m, "open-at-night", "last words")
    m.run("systemctl", "enable", UNIT)
    m.shell(f"echo 'demo /srv/by-fstab fuse.gcs _netdev,nofail,{options(4499)} 0 0' >>/etc/fstab")
    took = m.poweroff()
    assert took < 30, "a stop must fit into the 30 s a Spot machine is given"
    aim(m, 4499)
    m.boot(states=("starting", "running", "degraded"))
    try:
        green.wait_green()
        until(lambda: m.run("systemctl", "is-active", "multi-user.target", check=False).returncode == 0, PATIENCE,
              "the boot waits", green.report)
        until(lambda: "waiting for the bucket" in show(m, "StatusText"), PATIENCE, "nobody says what is missing",
              lambda: journal(m))
        assert show(m, "ActiveState") == "activating" and not is_mounted(m)
        assert content(m, "open-at-night") == "last words"
        # The network comes, then the bucket.
        m.run("systemd-run", "--unit=late", "/usr/local/lib/onebox/onebox-bucketd", "--listen=127.0.0.1:4499",
              "--socket=none", "--state-dir=/var/tmp/late", "--runtime-dir=/run/late")
        until(lambda: "bucket doesn't exist" in journal(m), PATIENCE, "nobody says that there is no bucket",
              lambda: journal(m))
        api(m, 4499, "POST", "/storage/v1/b?project=p", '{"name": "demo"}')
        until(lambda: show(m, "ActiveState") == "active" and is_mounted(m), PATIENCE, "the mount does not appear",
              lambda: journal(m))
        m.shell(f"printf there >{DIR}/there")
        m.run("systemctl", "reset-failed", "srv-by\\x2dfstab.mount", check=False)
        m.run("systemctl", "start", "srv-by\\x2dfstab.mount", seconds=PATIENCE)
        assert m.run("cat", "/srv/by-fstab/there").stdout == "there"
        assert "remote-fs-pre.target" in show(m, "After", "srv-by\\x2dfstab.mount"), "systemd does not see that it needs a network"
    finally:
        m.run("systemctl", "disable", UNIT)
        m.run("systemctl", "stop", UNIT, "srv-by\\x2dfstab.mount", "late.service", check=False, seconds=PATIENCE)
        m.shell("sed -i /by-fstab/d /etc/fstab; systemctl daemon-reload")
        aim(m, 4443)
