"""Tasks as transient units: who they are, what holds them, how they end."""

from machine import until

PIPELINE = """\
name: {name}
pipelines:
  - pipeline: {name}
    start_date: 2026-01-01
    timeout_minutes: 10
{more}    tasks:
      - task: work
        type: python
        cmd: |
          {cmd}
"""


def out(box, command):
    return box.machine.shell(command, check=False).stdout


def deploy(box, name, cmd, more=""):
    box.deploy(name, PIPELINE.format(name=name, cmd=cmd, more=more))
    return box.trigger(name)


def log_of(box, name, run):
    path = f"/api/v2/dags/{name}/dagRuns/{run}/taskInstances/work/logs/1"
    return [line["event"] for line in box.call("scheduler", path)[1]["content"]]


def tries(box, name, run):
    path = f"/api/v2/dags/{name}/dagRuns/{run}/taskInstances/work/tries"
    return box.call("scheduler", path)[1]["task_instances"]


def test_a_task_is_its_own_user_in_its_own_unit(green):
    run = deploy(green, "unitone", "id -un; cat /proc/self/cgroup; ls /var/lib/onebox/scheduler 2>&1; true")
    assert green.wait_run("unitone", run) == "success"
    lines = log_of(green, "unitone", run)
    assert lines[0] == "onebox-tasks"
    (one,) = tries(green, "unitone", run)
    assert any(f"onebox-task-{one['try_id']}.service" in line for line in lines), lines
    assert any("Permission denied" in line for line in lines), lines
    until(lambda: "onebox-task-" not in out(green, "systemctl list-units --all --no-legend"), 10,
          "the unit is collected")


def test_limits_are_on_the_unit(green):
    run = deploy(green, "unitlimits", "sleep 30", """\
    resources: {memory_max: 64M, tasks_max: 40, cpu_weight: 20}
""")
    unit = until(lambda: out(
        green, "systemctl list-units --no-legend --plain 'onebox-task-*' | cut -d' ' -f1").strip(), 20, "no unit")
    shown = out(green, f"systemctl show {unit} -p MemoryMax -p TasksMax -p CPUWeight -p Slice "
                                "-p User -p NoNewPrivileges -p KillMode -p CollectMode")
    for word in ("MemoryMax=67108864", "TasksMax=40", "CPUWeight=20", "Slice=onebox-tasks.slice",
                 "User=onebox-tasks", "NoNewPrivileges=yes", "KillMode=mixed",
                 "CollectMode=inactive-or-failed"):
        assert word in shown, (word, shown)
    path = f"/api/v2/dags/unitlimits/dagRuns/{run}"
    assert green.call("scheduler", path, {"state": "failed"}, "PATCH")[0] in (200, "200")
    assert green.wait_run("unitlimits", run) == "failed"
    until(lambda: tries(green, "unitlimits", run)[0]["result"] == "stopped", 20, "the unit does not stop")


def test_a_user_that_is_not_listed_is_refused(green):
    run = deploy(green, "unituser", "id -un", "    user: games\n")
    assert green.wait_run("unituser", run) == "failed"
    (one,) = tries(green, "unituser", run)
    assert "games" in one["message"] and "[launcher]" in one["message"]


def test_a_killed_supervisor_leaves_nothing(green):
    run = deploy(green, "unitkill", "[ $ONEBOX_TRY = 2 ] || { setsid sleep 987 & sleep 987; }")
    until(lambda: out(green, "pgrep -fx 'sleep 987' | wc -l").strip() == "2", 20, "no task")
    green.machine.shell("pkill -9 -x onebox-task")
    assert green.wait_run("unitkill", run) == "success"
    assert [t["result"] for t in tries(green, "unitkill", run)] == ["interrupted", "success"]
    assert out(green, "pgrep -fx 'sleep 987' | wc -l").strip() == "0"


def test_a_task_has_no_power_over_the_kernel(green):
    run = deploy(green, "unitcaps", "grep CapBnd /proc/self/status; for f in /proc/sys/kernel/printk "
                 "/sys/fs/cgroup/onebox-test /proc/sys/kernel/core_pattern; do (: >$f) 2>&1; done; unshare -m true 2>&1; true")
    assert green.wait_run("unitcaps", run) == "success"
    lines = log_of(green, "unitcaps", run)
    assert lines[0].split() == ["CapBnd:", "0000000000000000"], lines
    refused = [line for line in lines[1:] if any(w in line for w in ("Permission denied", "Read-only", "not permitted"))]
    assert len(lines) == 5 and len(refused) == 4, lines


def tracked(box, name):
    """The runs that tries of a pipeline have of their own, the oldest first, as soon as all are ended."""
    def look():
        status, answer = box.call("tracking", "/api/2.0/mlflow/experiments/get-by-name?experiment_name=" + name, check=False)
        if status != 200:
            return None
        runs = box.call("tracking", "/api/2.0/mlflow/runs/search", {
            "experiment_ids": [answer["experiment"]["experiment_id"]], "order_by": ["start_time ASC"]})[1].get("runs", [])
        return runs if runs and all(r["info"]["status"] != "RUNNING" for r in runs) else None
    return until(look, 60, f"the tracked runs of {name}", box.report)


def params(run):
    return {p["key"]: p["value"] for p in run["data"]["params"]}


def test_a_tracked_task_has_its_run_whatever_becomes_of_it(green):
    run = deploy(green, "unittracked", "echo counted", "    tracking: {experiment: unittracked, project: claims}\n")
    assert green.wait_run("unittracked", run) == "success"
    (kept,) = tracked(green, "unittracked")
    assert kept["info"]["status"] == "FINISHED"
    assert params(kept).items() >= {"task_id": "work", "task_status": "success", "project": "claims"}.items()
    assert {m["key"] for m in kept["data"]["metrics"]} >= {"duration_seconds", "system/memory_peak_bytes"}
    run_id = kept["info"]["run_id"]
    assert green.call("tracking", f"/get-artifact?path=task/command.sh&run_uuid={run_id}")[1].strip().endswith("echo counted")

    run = deploy(green, "unitkilled", "kill -9 $$", "    tracking: {experiment: unitkilled}\n")
    assert green.wait_run("unitkilled", run) == "failed"
    (kept,) = tracked(green, "unitkilled")
    assert kept["info"]["status"] == "FAILED" and params(kept)["task_status"].startswith("failed")
