"""Stop, kill, reboot and power cut with a run in flight: the state comes back and no work is doubled.

Each task appends a line to a file when it begins and when it ends, so the file says what really ran.
"""

import pytest
from machine import until

PIPELINE = """\
name: {name}
owner: tests
pipelines:
  - pipeline: {name}
    start_date: 2026-01-01
    timeout_minutes: 10
    tasks:
      - task: before
        type: python
        cmd: echo "before $ONEBOX_TRY" >> /var/tmp/{name}
      - task: long
        type: python
        cmd: |
          echo "long begins $ONEBOX_TRY" >> /var/tmp/{name}
          n={tenths} i=0
          [ $ONEBOX_TRY = 1 ] || n=5
          while [ $i -lt $n ]; do sleep 0.1; i=$((i + 1)); done
          echo "long ends $ONEBOX_TRY" >> /var/tmp/{name}
      - task: after
        type: python
        cmd: echo "after $ONEBOX_TRY" >> /var/tmp/{name}
"""


def start(box, name, tenths):
    """Deploys, triggers, and returns the run once its long task works, on its first try for that many tenths of a second."""
    box.machine.shell(f"rm -f /var/tmp/{name}; touch /var/tmp/{name}; chmod 666 /var/tmp/{name}")
    box.deploy(name, PIPELINE.format(name=name, tenths=tenths))
    run = box.trigger(name)
    until(lambda: "long begins" in diary(box, name), 30, "the long task does not begin",
          lambda: f"{box.tasks(name, run)}\n{box.report()}")
    return run


def diary(box, name):
    return box.machine.path(f"/var/tmp/{name}").read_text()


def test_stop_and_start_leave_the_task_running(green):
    run = start(green, "stopstart", 40)
    green.machine.run("systemctl", "stop", "onebox.target", seconds=60)
    assert green.machine.run("systemctl", "is-active", "onebox-scheduler", check=False).returncode
    green.machine.run("systemctl", "start", "onebox.target", seconds=60)
    assert green.wait_run("stopstart", run) == "success"
    assert diary(green, "stopstart") == "before 1\nlong begins 1\nlong ends 1\nafter 1\n"


def test_an_end_while_the_scheduler_is_away_is_not_lost(green):
    run = start(green, "away", 10)
    green.machine.run("systemctl", "stop", "onebox.target", seconds=60)
    until(lambda: "long ends" in diary(green, "away"), 20, "the task does not outlive the daemons")
    green.machine.run("systemctl", "start", "onebox.target", seconds=60)
    assert green.wait_run("away", run) == "success"
    assert diary(green, "away") == "before 1\nlong begins 1\nlong ends 1\nafter 1\n"


@pytest.mark.parametrize("daemon", ["onebox-scheduler", "onebox-launcher", "onebox-tracking"])
def test_kill_with_a_run_in_flight(green, daemon):
    name = "kill" + daemon.removeprefix("onebox-")
    run = start(green, name, 20)
    green.machine.run("systemctl", "kill", "-s", "KILL", daemon, check=False)
    assert green.wait_run(name, run) == "success"
    assert diary(green, name) == "before 1\nlong begins 1\nlong ends 1\nafter 1\n"


@pytest.mark.parametrize("how", ["reboot", "powercut"])
def test_the_night_interrupts_and_the_morning_goes_on(green, how):
    run = start(green, how, 3000)
    first = green.tasks(how, run)["long"]["try_number"]
    if how == "reboot":
        green.machine.shell("mkdir -p /var/log/journal; journalctl --flush")
        took = green.machine.poweroff()
        print(f"\nthe stop took {took:.1f} s of the 30 s a Spot machine is given")
    else:
        green.machine.cut_power()
    green.machine.boot()
    green.wait_green()
    if how == "reboot":
        # nothing of ours took longer than it may, and was killed for it
        last = green.machine.run("journalctl", "-b", "-1", "--no-pager", "-o", "cat").stdout
        assert "Stopped target onebox.target" in last, last[-2000:]
        assert [line for line in last.splitlines() if "onebox" in line and "timed out" in line] == []
    assert green.wait_run(how, run) == "success"
    lines = diary(green, how).splitlines()
    assert lines[0] == "before 1" and lines.count("after 1") == 1 and lines[-1] == "after 1"
    ended = [line for line in lines if line.startswith("long ends")]
    begun = [line for line in lines if line.startswith("long begins")]
    assert len(ended) == 1 and len(begun) == 2, lines
    assert len(set(begun)) == 2, "two processes for one try"
    assert green.tasks(how, run)["long"]["try_number"] > first


def test_a_shutdown_waits_until_nothing_new_is_started(green):
    """logind's delay lock: taken while a task runs, listed under our name, and given back after it."""
    def locks():
        listed = green.machine.run("systemd-inhibit", "--list", "--no-pager", "--no-legend").stdout
        return [line for line in listed.splitlines() if line.startswith("onebox") and "shutdown" in line]
    run = start(green, "inhibit", 300)
    until(locks, 60, "the lock is not taken", green.report)
    assert "delay" in locks()[0]
    assert green.wait_run("inhibit", run) == "success"
    until(lambda: not locks(), 120, "the lock is not given back", green.report)
