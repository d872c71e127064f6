"""The command `onebox` on a terminal of eighty columns, and what `onebox status` says of what runs."""
import fcntl
import http.server
import json
import os
import pty
import re
import struct
import subprocess
import termios
import threading

import pytest
from box import build_dir
from test_cli import HELLO, Place


@pytest.fixture(scope="module")
def box():
    p = Place()
    p.good("up", "--detach")
    p.pipeline("hello", HELLO)
    yield p
    p.remove()


def on_terminal(box, *args, columns=80):
    """What a terminal of that width is shown, without colours."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    done = subprocess.Popen([f"{build_dir()}/cli/onebox", *args], env=box.env, stdin=subprocess.DEVNULL, stdout=there, stderr=there)
    os.close(there)
    text = b""
    while True:
        try:
            piece = os.read(here, 65536)
        except OSError:  # the last has closed it
            break
        if not piece:
            break
        text += piece
    os.close(here)
    assert done.wait(60) in (0, 1), text
    return re.sub(r"\x1b\[\d*m", "", text.decode()).replace("\r\n", "\n")


def test_status_names_what_runs(box, tmp_path):
    """Copies of a task and instances of a mapped one, each by its name."""
    go = tmp_path / "go"
    os.chmod(tmp_path, 0o777)
    text = f"""\
name: copies
pipelines:
  - pipeline: copies
    start_date: 2026-01-01
    timeout_minutes: 10
    tasks:
      - task: nap
        type: python
        executors: 2
        cmd: 'until test -e {go}; do sleep 0.05; done'
      - task: each
        type: python
        depends_on: []
        expand: {{N: [1, 2]}}
        cmd: 'echo "value {{{{N}}}}"; until test -e {go}; do sleep 0.05; done'
"""
    box.pipeline("copies", text)
    box.good("trigger", "copies")
    box.wait(lambda: [r["tasks"] for r in box.json("status")["running"]] == [["nap__0", "nap__1", "each[0]", "each[1]"]], "four tasks")
    shown = box.good("status")
    assert re.search(r"^copies manual__\S+: running after ", box.good("runs", "copies", "latest"), re.M)
    assert re.search(r"^copies +manual__\S+ .*nap__0, nap__1, each\[0\], each\[1\]$", shown, re.M), shown
    go.touch()
    box.wait(lambda: box.json("status")["running"] == [], "their end")
    assert re.search(r"^each\[1\] +success", box.good("runs", "copies", "latest"), re.M)
    assert "value 2" in box.good("logs", "copies", "latest", "each[1]") and "value 2" not in box.good("logs", "copies", "latest", "each[0]")
    assert "value 2" in json.dumps(box.json("logs", "copies", "latest", "each[1]"))
    assert "is finished: success" in box.good("why", "copies", "each[1]") and "2 success" in box.good("why", "copies", "latest", "each")
    assert 'no instance 7 of a task "each"' in box.bad("why", "copies", "latest", "each[7]")
    assert "each is mapped: name one of its instances, such as each[0]" in box.bad("logs", "copies", "latest", "each")


def test_a_run_of_a_paused_pipeline_says_that_it_waits(box):
    box.good("pipelines", "pause", "hello")
    out = box.good("trigger", "hello", "who=ann", "code=0")
    assert "hello is paused: the run waits until `onebox pipelines resume hello`" in out
    assert re.search(r"^hello manual__\S+: queued$", box.good("runs", "hello", "latest"), re.M)
    box.good("pipelines", "resume", "hello")
    box.wait(lambda: ": success after" in box.good("runs", "hello", "latest"), "the run that waited")


def test_tables_fit_a_terminal(box):
    box.good("trigger", "hello", "who=me", "code=0", "-f")
    long = "tracked_" + "x" * 150
    with open(box.state + "/auth/audit-tracking.log", "a") as f:
        f.write(json.dumps({"at": "2026-01-02T03:04:05.678901Z", "user": "ann", "uid": 1, "how": "password",
                            "action": "POST /api/2.0/mlflow/experiments/set-experiment-tag", "object": f"experiment_id={long}", "result": "200"}) + "\n")
    # tables alone: sentences go on in the next line, and what is there to be copied, as the line of ssh, stays whole
    for args in (["status"], ["pipelines"], ["runs"], ["runs", "hello", "latest"], ["next"], ["audit"], ["pools"], ["services"], ["variables"],
                 ["connections"], ["backfill"], ["user", "list"], ["token", "list"], ["build", "--list"], ["--help"], ["next", "0 3 * * *"]):
        wide = [line for line in on_terminal(box, *args).split("\n") if len(line) > 80]
        assert wide == [], args


def test_audit_is_whole_where_asked(box):
    shown = on_terminal(box, "audit")
    assert re.search(r"^2026-01-02 03:04:05  ann +200 +POST experim.*…", shown, re.M), shown
    assert "x" * 150 not in shown
    for whole in (on_terminal(box, "audit", "--wide"), box.good("audit")):
        assert "x" * 150 in whole
    assert "POST /api/2.0/mlflow/experiments/set-experiment-tag" in on_terminal(box, "audit", "-w")


class Metadata(http.server.BaseHTTPRequestHandler):
    """What a machine of Google's is told about itself."""
    SAYS = {"instance/name": "trainer", "project/project-id": "acme-ml", "instance/zone": "projects/12/zones/europe-west1-b"}

    def do_GET(self):
        text = self.SAYS.get(self.path.removeprefix("/computeMetadata/v1/"), "").encode()
        self.send_response(200 if text and self.headers["Metadata-Flavor"] == "Google" else 404)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


def test_urls_on_a_machine_of_googles(box):
    """The line by which gcloud brings the pages, with names filled in; none elsewhere, nor where nobody says them."""
    assert box.json("urls")["gcloud"] is None
    with http.server.HTTPServer(("127.0.0.1", 0), Metadata) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        box.env["GCE_METADATA_HOST"] = f"127.0.0.1:{server.server_port}"
        try:
            line = box.json("urls")["gcloud"]
            assert line == ("gcloud compute ssh trainer --project acme-ml --zone europe-west1-b --tunnel-through-iap -- "
                            f"-L 8080:{box.run_dir}/web.sock -L 5000:{box.run_dir}/tracking.sock")
            assert f"\n  {line}\n" in box.good("urls")
        finally:
            server.shutdown()
    assert box.json("urls")["gcloud"] is None
    del box.env["GCE_METADATA_HOST"]
