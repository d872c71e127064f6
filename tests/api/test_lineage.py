"""Which generations of which objects a task read and wrote through a mount are the data of its runs: real scheduler, launcher,
supervisors, tracking, bucket and mount, and no word of it in the task."""

import json
import subprocess

import pytest
from bucketd_test import Bucketd
from mount_test import Mount, needs_fuse
from scheduler_calls import load
from test_run_truth import OPEN, Truth

pytestmark = needs_fuse


@pytest.fixture(scope="module")
def place():
    truth = Truth()
    with Bucketd("--sync=no") as server, Mount(server.url, f"--lineage-to=unix:{truth.run}/tracking.sock") as mount:
        yield truth, server, mount
    truth.end()


def data_of(truth, run_id):
    """{(name, generation): context} of a run; and what MLflow's own shape says of each source."""
    run = truth.ask("GET", "runs/get", {"run_id": run_id})["run"]
    inputs = run.get("inputs", {}).get("dataset_inputs", [])
    for i in inputs:
        assert i["dataset"]["source_type"] == "gs"
        assert json.loads(i["dataset"]["source"])["uri"] == i["dataset"]["name"]
    return {(i["dataset"]["name"], i["dataset"]["digest"]): {t["key"]: t["value"] for t in i["tags"]}["mlflow.data.context"]
            for i in inputs}


def generation(server, name):
    return server.json("GET", server.object(name))["generation"]


def test_what_a_task_reads_and_writes(place):
    truth, server, mount = place
    server.put("in/train.csv", b"1,2\n")
    old = generation(server, "in/train.csv")
    server.put("in/train.csv", b"1,2\n3,4\n")
    server.put("in/not-read", b"x")
    read, other = generation(server, "in/train.csv"), generation(server, "in/not-read")
    train, model = mount / "in/train.csv", mount / "model.bin"
    load(truth, "lineage", [("fit", f"cat {train}; {OPEN.format(truth.dir)}; cat {train} >{model}")])
    truth.wait_run("lineage", truth.trigger("lineage"), 120)
    (run,) = truth.closed("lineage")
    written = generation(server, "model.bin")
    expected = {("gs://bkt/in/train.csv", read): "read", ("gs://bkt/model.bin", written): "written"}
    # A shell's > makes the file before cat fills it: the last generation is told.
    truth.wait(lambda: data_of(truth, run["run_id"]) == expected, 120, "the data of the run")
    assert old != read and ("gs://bkt/in/not-read", other) not in data_of(truth, run["run_id"])


def test_who_is_no_task_is_nobody(place):
    truth, server, mount = place
    server.put("quiet", b"x")
    before = server.requests()
    assert subprocess.run(["cat", mount / "quiet"], capture_output=True, check=True).stdout == b"x"
    assert server.requests() != before
    load(truth, "empty", [("a", OPEN.format(truth.dir))])
    truth.wait_run("empty", truth.trigger("empty"), 120)
    (run,) = truth.closed("empty")
    assert data_of(truth, run["run_id"]) == {}


def test_a_task_speaks_for_itself_alone(place):
    """The token says whose try it is, whatever the path says; and nonsense is refused."""
    truth, server, mount = place
    ask = ("import os, urllib.request, urllib.error, sys\n"
           "try:\n"
           "    urllib.request.urlopen(urllib.request.Request(os.environ['MLFLOW_TRACKING_URI'] + '/internal/tries/of-another/objects',\n"
           "        b'{\"objects\": []}', headers={'Content-Type': 'application/json', 'Authorization': 'Bearer ' + os.environ['MLFLOW_TRACKING_TOKEN']}))\n"
           "except urllib.error.HTTPError as e:\n"
           "    sys.exit(0 if e.code == 403 else 1)\n"
           "sys.exit(1)\n")
    with open(truth.dir + "/ask.py", "w") as f:
        f.write(ask)
    load(truth, "alone", [("a", f"python3 {truth.dir}/ask.py")])
    assert truth.wait_run("alone", truth.trigger("alone"), 120)["state"] == "success"
    for body in ({"objects": [{}]}, {"objects": [{"bucket": "b", "name": "n"}]}, {}, {"objects": "x"},
                 {"objects": [{"bucket": "b" * 300, "name": "n", "generation": "1"}]}):
        assert truth.call("POST", "/internal/tries/x/objects", body, sock="tracking.sock").status == 400, body
    good = {"objects": [{"bucket": "b", "name": "n", "generation": "1"}]}
    assert truth.call("POST", "/internal/tries/x/objects", good, sock="tracking.sock").json == {"runs": 0}


def is_up(truth):
    try:
        return truth.call("GET", "/health", sock="tracking.sock").status == 200
    except OSError:
        return False


def test_tracking_is_away_meanwhile(place):
    truth, server, mount = place
    server.put("later", b"x")
    path = mount.path / "later"
    load(truth, "later", [("a", f"{OPEN.format(truth.dir)}; : >{truth.dir}/opened; until [ -e {truth.dir}/gone ]; do sleep 0.1; done; cat {path}")])
    run_id = truth.trigger("later")
    truth.wait(lambda: truth.runs("later"), 120, "the run")
    truth.kill("tracking")
    with open(truth.dir + "/gone", "w"):
        pass
    assert truth.wait_run("later", run_id, 120)["state"] == "success"
    truth.start("tracking", "--access-control=yes", f"--port={truth.port}")
    truth.wait(lambda: is_up(truth), 120, "tracking")
    (run,) = truth.closed("later")
    truth.wait(lambda: data_of(truth, run["run_id"]) == {("gs://bkt/later", generation(server, "later")): "read"}, 120, "its data")
