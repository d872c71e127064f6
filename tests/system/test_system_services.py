"""A service of a pipeline file becomes a unit by itself, serves, comes back, and goes when the file goes."""

import json

import pytest
from machine import until

PORT = 18090
PROJECT = f"""\
name: echo
owner: tests
images:
  - image: echo_server
    type: python_server
    source: .
    endpoints:
      - endpoint: /shout
        module: echo
        function: shout
services:
  - service: echo
    image: echo_server
    port: {PORT}
pipelines:
  - pipeline: echo
    start_date: 2026-01-01
    timeout_minutes: 5
    tasks:
      - task: nothing
        type: python
        cmd: 'true'
"""
MODULE = """\
import json, os

def shout(body):
    return {"said": json.loads(body)["say"].upper(), "uid": os.getuid()}
"""


@pytest.fixture
def service(green):
    m = green.machine
    venv = m.path("/var/lib/onebox/venv/bin")
    if not venv.exists():
        venv.mkdir(parents=True)
        (venv / "python").symlink_to("/usr/bin/python3")
    project = m.path("/var/lib/onebox/pipelines/echo")
    project.mkdir(exist_ok=True)
    (project / "echo.py").write_text(MODULE)
    green.deploy("echo", PROJECT)
    until(lambda: shout(green) is not None, 40, "the service does not answer", green.report)
    return green


def shout(box):
    done = box.machine.run("curl", "-sS", "-f", "-m", "5", "-H", "Content-Type: application/json", "--data",
                           '{"say": "hello"}', f"http://localhost:{PORT}/shout", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def test_a_service_is_a_unit(service):
    answer = shout(service)
    assert answer["said"] == "HELLO"
    owner = service.machine.run("id", "-u", "onebox-serving").stdout.strip()
    assert answer["uid"] == int(owner)
    assert service.machine.run("systemctl", "is-active", "onebox-serving@echo").stdout.strip() == "active"


def test_a_killed_service_comes_back(service):
    m = service.machine
    m.run("systemctl", "kill", "-s", "KILL", "onebox-serving@echo")
    until(lambda: m.run("systemctl", "show", "-P", "NRestarts", "onebox-serving@echo").stdout.strip() != "0", 20,
          "systemd does not start it again", service.report)
    until(lambda: shout(service) is not None, 40, "the service does not come back", service.report)


def test_a_service_comes_back_with_the_machine(service):
    service.machine.poweroff()
    service.machine.boot()
    service.wait_green()
    until(lambda: shout(service) is not None, 40, "the service does not come back", service.report)


def test_a_service_goes_with_its_file(service):
    m = service.machine
    m.shell("rm -r /var/lib/onebox/pipelines/echo")
    until(lambda: m.run("systemctl", "is-active", "onebox-serving@echo", check=False).stdout.strip() != "active", 40,
          "the service stays", service.report)
