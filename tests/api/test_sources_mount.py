"""Pipelines on a mounted bucket: watched by generation; a bucket that does not answer holds nothing else up."""
import os
import signal
from urllib.parse import quote

import pytest
from bucketd_test import Bucketd
from mount_test import Mount, needs_fuse

from box import Box
from scheduler_calls import load, run, yml

pytestmark = needs_fuse
PATIENCE = 90


@pytest.fixture
def mounted(request):
    """A pipeline's directory on a bucket. A mount may be silent for as long as the test's argument says."""
    with Bucketd("--sync=no") as server:
        server.json("POST", "/storage/v1/b", {"name": "dags"})
        with Mount(server.url, "--metadata-cache-ttl-secs=1", "--metadata-cache-negative-ttl-secs=1", "--implicit-dirs",
                   bucket="dags") as mount:
            box = Box(f"[scheduler]\nstop_grace = 1s\nmount_every = 1s\nmount_silence = {getattr(request, 'param', '30s')}\n"
                      f"pipelines = {mount.path}\n")
            try:
                yield server, mount, box
            finally:
                mount.process.send_signal(signal.SIGCONT)
                box.end()


def put(server, name, text):
    answer = server.ask("POST", f"/upload/storage/v1/b/dags/o?uploadType=media&name={quote(name, safe='')}", text.encode())
    assert answer.status == 200, answer.text



def test_another_generation_is_another_version(mounted):
    server, _, box = mounted
    put(server, "team/one/liminal.yml", yml("one", [("say", "echo aaaa")]))
    box.up()
    box.wait_dag("one", PATIENCE)
    assert "its files are watched by their generation" in box.tail(1 << 20)
    first = box.get("/api/v2/dags/one/details").json
    assert run(box, "one")[1]["state"] == "success"
    # of the same size, by somebody else: nothing tells this machine
    put(server, "team/one/liminal.yml", yml("one", [("say", "echo bbbb")]))
    box.wait(lambda: box.get("/api/v2/dags/one/details").json != first, PATIENCE, "the new version")
    put(server, "team/two/liminal.yml", yml("two", [("say", "true")]))
    box.wait_dag("two", PATIENCE)
    put(server, "team/two/liminal.yml", "name: two\npipelines: [\n")
    box.wait(lambda: box.get("/api/v2/importErrors").json["total_entries"] == 1, PATIENCE, "the error")
    server.ask("DELETE", "/storage/v1/b/dags/o/" + quote("team/two/liminal.yml", safe=""))
    box.wait(lambda: box.get("/api/v2/importErrors").json["total_entries"] == 0, PATIENCE, "the end of the error")
    # what has not changed is not read again
    wrote = box.tail(1 << 20).count('DAG "one": version')
    assert wrote == 2, wrote


@pytest.mark.parametrize("mounted", ["5s"], indirect=True)
def test_a_mount_that_does_not_answer(mounted):
    server, mount, box = mounted
    put(server, "far/liminal.yml", yml("far", [("say", "true")]))
    box.up()
    box.wait_dag("far", PATIENCE)
    mount.process.send_signal(signal.SIGSTOP)
    # everything else goes on: files beside it are read, runs are made, of its pipelines as well. Their tasks have their directory
    # there: they may have to wait for it (unless the kernel still knows it), and do not fail
    far = box.trigger("far")
    load(box, "near", [("say", "true")])
    assert run(box, "near")[1]["state"] == "success"
    box.wait(lambda: box.get("/api/v2/importErrors").json["total_entries"] == 1, PATIENCE + 60, "the word that it is silent")
    (error,) = box.get("/api/v2/importErrors").json["import_errors"]
    assert error["filename"] == str(mount.path) and "has not answered" in error["stack_trace"], error
    assert box.get("/api/v2/dags/far").status == 200
    assert run(box, "near")[1]["state"] == "success"
    assert box.run_of("far", far)["state"] in ("queued", "running", "success")
    mount.process.send_signal(signal.SIGCONT)
    assert box.wait_run("far", far, PATIENCE)["state"] == "success"
    put(server, "far/liminal.yml", yml("far", [("say", "true"), ("more", "true")]))
    box.wait(lambda: "more" in [t["task_id"] for t in box.get("/api/v2/dags/far/tasks").json["tasks"]], PATIENCE + 60, "the new version")
    box.wait(lambda: box.get("/api/v2/importErrors").json["total_entries"] == 0, PATIENCE + 60, "the end of the error")
    assert os.path.isdir(mount.path)
