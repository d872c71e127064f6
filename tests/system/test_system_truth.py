"""Runs tell the truth on a booted machine: trainings with the unmodified mlflow client as tasks in units of their own,
one killed as the kernel kills who needs too much memory, one in the night. What becomes of the task becomes of the
run it opened, and what a later try goes on with has one history."""

from urllib.parse import urlencode

import pytest
from conftest import CLIENT, TOP
from machine import until
from test_system_tasks import PIPELINE, out, tries

LAST, STOP_AT = 11, 6


def train(box, name):
    """Deploys a training and triggers it."""
    place = f"/var/tmp/{name}"
    box.machine.shell(f"mkdir -p {place}; chmod 0777 {place}")
    box.deploy(name, PIPELINE.format(name=name, more="", cmd=f"exec env PYTHONPATH={CLIENT} python3 /opt/training.py {place} {LAST} {STOP_AT}"))
    return box.trigger(name)


def wait_there(box, name):
    until(lambda: box.machine.path(f"/var/tmp/{name}/there").exists(), 60, f"the training of {name} is not there", box.report)


def mlflow(box, path, body=None):
    return box.call("tracking", "/api/2.0/mlflow/" + path, body)[1]


def runs(box, name):
    found = mlflow(box, "runs/search", {"experiment_ids": ["0"], "filter": f"tags.`onebox.dag_id` = '{name}'"})
    return found.get("runs", [])


def closed(box, name, status):
    """The one run of a training, once it is closed so; the server hears of it after the end."""
    def look():
        found = runs(box, name)
        assert len(found) == 1, found
        return found[0] if found[0]["info"]["status"] == status else None
    return until(look, 60, f"the run of {name} is not {status}", lambda: f"{runs(box, name)}\n{box.report()}")


def history(box, run_id, key):
    points = mlflow(box, "metrics/get-history?" + urlencode({"run_id": run_id, "metric_key": key}))["metrics"]
    return [(p["step"], round(p["value"] - 1 / (p["step"] + 1), 3)) for p in points]


def one_history(box, run):
    """Steps 0 to 3 are the first try's, from the checkpoint at 4 on all is the second's: each step once."""
    run_id = run["info"]["run_id"]
    assert history(box, run_id, "loss") == [(s, 0.001 if s < 4 else 0.002) for s in range(LAST + 1)]
    assert history(box, run_id, "even") == [(s, 0.001 if s < 4 else 0.002) for s in range(0, LAST + 1, 2)]
    assert {t["key"]: t["value"] for t in run["data"]["tags"]}["onebox.try"] == "2"


def results(box, name, run):
    return [t["result"] for t in tries(box, name, run)]


def test_killed_or_in_the_night_a_run_says_what_became_of_its_task(green):
    m = green.machine
    if m.run("env", f"PYTHONPATH={CLIENT}", "python3", "-c", "import numpy, mlflow.version", check=False).returncode:
        pytest.skip("the tests' mlflow client is not for this machine's Python")
    m.write("/opt/training.py", (TOP / "tests/fake/training.py").read_text())
    killed, night = train(green, "truthkilled"), train(green, "truthnight")
    wait_there(green, "truthkilled")
    wait_there(green, "truthnight")
    (before,) = runs(green, "truthnight")
    assert before["info"]["status"] == "RUNNING" and [s for s, _ in history(green, before["info"]["run_id"], "loss")] == list(range(STOP_AT + 1))

    m.shell("kill -9 $(cat /var/tmp/truthkilled/there)")
    assert green.wait_run("truthkilled", killed) == "failed"
    failed = closed(green, "truthkilled", "FAILED")
    assert failed["info"]["end_time"] >= failed["info"]["start_time"]
    green.call("scheduler", "/api/v2/dags/truthkilled/clearTaskInstances", {
        "dag_run_id": killed, "task_ids": ["work"], "include_downstream": True, "only_failed": False, "dry_run": False})
    until(lambda: results(green, "truthkilled", killed) == ["failed", "success"], 60, "the second try does not end", green.report)
    assert green.wait_run("truthkilled", killed) == "success"
    after = closed(green, "truthkilled", "FINISHED")
    assert after["info"]["run_id"] == failed["info"]["run_id"]
    one_history(green, after)

    assert runs(green, "truthnight")[0]["info"]["status"] == "RUNNING"
    m.poweroff()
    m.boot()
    green.wait_green()
    assert green.wait_run("truthnight", night) == "success"
    assert results(green, "truthnight", night) == ["interrupted", "success"]
    after = closed(green, "truthnight", "FINISHED")
    assert after["info"]["run_id"] == before["info"]["run_id"]
    one_history(green, after)
