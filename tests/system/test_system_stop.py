"""The stop experiment: a stop and a start, a power cut, a stop under load, with tasks that take 3 s and a minute.

What is lost, failed or tried again in vain shows in the records and in what each task wrote itself. The tasks run
again soon after the daemons are up; how soon is printed, the time itself is asserted nowhere. ONEBOX_STOP_SECONDS
is what the two tasks take ("3 60" in `check --all`, beside Airflow: tests/bench/bench_airflow.py)."""

import os
import time

import pytest
from machine import until

SECONDS = os.environ.get("ONEBOX_STOP_SECONDS", "3 12").split()
LOAD = 60  # tasks of a moment, beside them
HEAD = """\
name: {name}
owner: tests
pipelines:
  - pipeline: {name}
    start_date: 2026-01-01
    timeout_minutes: 60
    max_active_tasks: 1000
    tasks:
"""
TASK = """\
      - task: {task}
        type: python
        cmd: 'echo "{task} begins $ONEBOX_TRY_ID" >>/var/tmp/{name}; sleep {seconds}; echo "{task} ends $ONEBOX_TRY_ID" >>/var/tmp/{name}'
        depends_on: {after}
"""


def pipeline(name, rows):
    return HEAD.format(name=name) + "".join(
        TASK.format(name=name, task=task, seconds=seconds, after=after) for task, seconds, after in rows)


def diary(box, name):
    return [line.split() for line in box.machine.path(f"/var/tmp/{name}").read_text().splitlines()]


def deploy(box, name, rows):
    box.machine.shell(f"rm -f /var/tmp/{name}; touch /var/tmp/{name}; chmod 666 /var/tmp/{name}")
    box.deploy(name, pipeline(name, rows))
    return box.trigger(name)


def tries(box, name, run, task):
    return box.call("scheduler", f"/api/v2/dags/{name}/dagRuns/{run}/taskInstances/{task}/tries")[1]["task_instances"]


def runs_now(box, name, run, task):
    """Has it ended, or does one of its processes work on its current try?"""
    if box.tasks(name, run)[task]["state"] == "success":
        return True
    begun = [line[2] for line in diary(box, name) if line[:2] == [task, "begins"]]
    current = tries(box, name, run, task)[-1]["try_id"]
    pattern = f"ONEBOX_TRY_ID={current}"
    return current in begun and box.machine.shell(f"grep -lz '^{pattern}$' /proc/[0-9]*/environ 2>/dev/null | head -1",
                                                  check=False).stdout.strip() != ""


def check(box, name, run, names, interrupted):
    """Every task ended once, in truth and in the records; no try began twice; nothing failed."""
    assert box.wait_run(name, run, 120) == "success"
    lines = diary(box, name)
    for task in names:
        begun = [line[2] for line in lines if line[:2] == [task, "begins"]]
        ended = [line[2] for line in lines if line[:2] == [task, "ends"]]
        assert len(begun) == len(set(begun)), f"two processes for one try: {begun}"
        recorded = tries(box, name, run, task)
        results = [t["result"] for t in recorded]
        assert results[-1] == "success" and set(results[:-1]) <= interrupted, (task, results)
        assert recorded[-1]["try_id"] in ended, (task, ended, recorded)
        assert set(begun) <= {t["try_id"] for t in recorded}, f"a process nobody knows: {begun}"


@pytest.mark.parametrize("how", ["stop", "power cut", "stop under load"])
def test_what_runs_goes_on(green, how):
    name = "exp" + how.replace(" ", "")
    sleepers = [f"sleep{i}" for i in range(len(SECONDS))]
    rows = [row for task, s in zip(sleepers, SECONDS) for row in ((task, s, "[]"), (f"after-{task}", 0, f"[{task}]"))]
    run, others = deploy(green, name, rows), None
    if how == "stop under load":
        load = [(f"t{i}", 0.2, "[]") for i in range(LOAD)]
        others = deploy(green, name + "load", load)
    until(lambda: {line[0] for line in diary(green, name) if line[1] == "begins"} >= set(sleepers), 60,
          "the sleepers do not begin", green.report)
    began = time.monotonic()
    if how == "power cut":
        green.machine.cut_power()
        green.machine.boot()
    else:
        green.machine.run("systemctl", "stop", "onebox.target", seconds=120)
        stopped = time.monotonic() - began
        green.machine.run("systemctl", "start", "onebox.target", seconds=120)
    green.wait_green()
    up = time.monotonic()
    for task in sleepers:
        until(lambda t=task: runs_now(green, name, run, t), 60, f"{task} does not go on",
              lambda: f"{green.tasks(name, run)}\n{green.report()}")
    print(f"\n{how}: " + ("" if how == "power cut" else f"stopped in {stopped:.1f} s, ") +
          f"up {up - began:.1f} s after it began, the tasks run {time.monotonic() - up:.1f} s after that")
    # a stop leaves them running; without power they begin again
    interrupted = {"interrupted"} if how == "power cut" else set()
    check(green, name, run, [row[0] for row in rows], interrupted)
    if others:
        check(green, name + "load", others, [row[0] for row in load], set())
