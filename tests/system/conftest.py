"""A booted machine with this build installed, shared by the tests of this directory."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import pytest

from machine import SYSTEMD, TOOLS, Failed, Machine, packages_of, until

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ONEBOX_INSTALL_DIR") or TOP / "build/demo")
DAEMONS = ["onebox-scheduler", "onebox-tracking", "onebox-web"]
SOCKETS = ["onebox-launcher", "onebox-scheduler", "onebox-tracking", "onebox-web"]


def install(root):
    """This build, into the files of a machine."""
    done = subprocess.run(["make", "-C", str(BUILD), "-s", "install", f"DESTDIR={root}"], capture_output=True,
                          text=True)
    if done.returncode:
        raise Failed("make install: " + done.stderr[-2000:])


def packages():
    """What a machine needs for the tests of this directory."""
    programs = [BUILD / "cli/onebox", BUILD / "fuse-gcs/fuse-gcs", *(BUILD / f"daemons/{d[7:]}/{d}" for d in [*DAEMONS, "onebox-sqlproxy"])]
    return SYSTEMD + TOOLS + packages_of(programs)


CLIENT = "/opt/client"  # PYTHONPATH of the mlflow client inside, where the tests have one


def client():
    """Where the packages lie that the tests run with, the unmodified client among them."""
    found = importlib.util.find_spec("mlflow")
    return [(str(Path(found.origin).resolve().parents[1]), CLIENT)] if found else []


class Box:
    """onebox on a machine of its own, asked as root over its sockets."""

    def __init__(self, machine):
        self.machine = machine

    def install(self):
        install(self.machine.disk)

    def start(self):
        m = self.machine
        m.run("systemd-sysusers")
        m.run("systemd-tmpfiles", "--create")
        m.run("systemctl", "daemon-reload")
        m.run("systemctl", "enable", "--now", "onebox.target", seconds=90)
        self.wait_green()

    def wait_green(self, seconds=30):
        units = [d + ".service" for d in DAEMONS] + [s + ".socket" for s in SOCKETS]
        until(lambda: self.machine.run("systemctl", "is-active", "onebox.target", *units,
                                       check=False).returncode == 0,
              seconds, "onebox is not green", self.report)

    def report(self):
        m = self.machine
        return (m.run("systemctl", "--no-pager", "--failed", check=False).stdout +
                m.run("journalctl", "--no-pager", "-n", "60", "-o", "short-monotonic",
                      check=False).stdout)

    def call(self, socket, path, body=None, method=None, check=True):
        """(status, parsed answer) of a request to a Unix socket of the runtime directory."""
        argv = ["curl", "-sS", "-m", "20", "--unix-socket", f"/run/onebox/{socket}.sock",
                "-w", "\n%{http_code}"]
        if body is not None:
            argv += ["-H", "Content-Type: application/json", "--data-binary", json.dumps(body)]
        if method:
            argv += ["-X", method]
        done = self.machine.run(*argv, "http://localhost" + path, check=False)
        text, _, status = done.stdout.rpartition("\n")
        if check and not status.startswith("2"):
            raise Failed(f"{method or 'GET'} {path}: {status} {text}{done.stderr}\n{self.report()}")
        try:
            return int(status), json.loads(text)
        except ValueError:
            return int(status), text

    # --- pipelines ---

    def deploy(self, name, yaml):
        """Puts a project into the pipelines directory and waits until the scheduler knows it."""
        self.machine.write(f"/var/lib/onebox/pipelines/{name}/liminal.yml", yaml)
        until(lambda: self.call("scheduler", f"/api/v2/dags/{name}", check=False)[0] == 200, 30,
              f"the scheduler does not know {name}", self.report)

    def trigger(self, dag):
        return self.call("scheduler", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None})[1][
            "dag_run_id"]

    def run_state(self, dag, run):
        return self.call("scheduler", f"/api/v2/dags/{dag}/dagRuns/{run}")[1]["state"]

    def tasks(self, dag, run):
        """task id → task instance."""
        answer = self.call("scheduler", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances")[1]
        return {t["task_id"]: t for t in answer["task_instances"]}

    def wait_task(self, dag, run, task, *states, seconds=30):
        return until(lambda: self.tasks(dag, run).get(task, {}).get("state") in states, seconds,
                     f"{dag}.{task} is not {' or '.join(states)}",
                     lambda: f"{self.tasks(dag, run)}\n{self.report()}")

    def wait_run(self, dag, run, seconds=60):
        until(lambda: self.run_state(dag, run) in ("success", "failed"), seconds,
              f"the run of {dag} does not end",
              lambda: f"{self.tasks(dag, run)}\n{self.report()}")
        return self.run_state(dag, run)


@pytest.fixture(scope="session")
def box():
    if os.geteuid() != 0:
        pytest.skip("a machine is booted by root only")
    if not (BUILD / "config.status").exists():
        pytest.skip(f"no build to install in {BUILD}")
    machine = Machine(packages(), "obsystem", binds=client())
    try:
        box = Box(machine)
        box.install()
        machine.boot()
        box.start()
        yield box
    finally:
        machine.remove()


@pytest.fixture
def green(box):
    """The box, with everything up before the test."""
    if box.machine.leader is None:
        box.machine.boot()
    box.machine.run("systemctl", "reset-failed", check=False)
    box.machine.run("systemctl", "start", "onebox.target", seconds=90)
    box.wait_green()
    return box
