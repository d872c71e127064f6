"""What the tests of the scheduler share: pipelines from short rows, and questions about runs."""
import json
import os

import pytest

from box import Box, build_dir

HEAD = "    start_date: 2026-01-01\n    timeout_minutes: 60\n"


def yml(name, tasks, more=""):
    out = f"name: {name}\npipelines:\n  - pipeline: {name}\n{HEAD}{more}    tasks:\n"
    for task, cmd, *extra in tasks:
        out += f"      - task: {task}\n        type: python\n        cmd: {json.dumps(cmd)}\n"
        out += "".join(f"        {line}\n" for line in extra)
    return out


CONF = "[scheduler]\nstop_grace = 1s\n"


@pytest.fixture(scope="module")
def box():
    """A box that runs, for all of a module."""
    b = Box(CONF).up()
    yield b
    b.end()


@pytest.fixture
def own():
    """A box of the test's own, to be hurt."""
    b = Box(CONF)
    yield b
    b.end()


def has_faults():
    """Is the build one with --enable-faults?"""
    with open(os.path.join(build_dir(), "config.h")) as f:
        return "#define ONEBOX_FAULTS 1" in f.read()


def load(b, name, tasks, more=""):
    b.pipeline(name, yml(name, tasks, more))
    b.wait_dag(name)


def run(b, name, **body):
    run_id = b.trigger(name, **body)
    return run_id, b.wait_run(name, run_id)


def tries(b, dag, run_id, task):
    return b.get(f"/api/v2/dags/{dag}/dagRuns/{run_id}/taskInstances/{task}/tries").json["task_instances"]


def log_of(b, dag, run_id, task, number=1):
    a = b.get(f"/api/v2/dags/{dag}/dagRuns/{run_id}/taskInstances/{task}/logs/{number}")
    assert a.status == 200, a.body
    return [line["event"] for line in a.json["content"]]
