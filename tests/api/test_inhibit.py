"""A shutdown waits for the scheduler while tasks run: what it asks the launcher for, and what it does when one begins."""
import http.server
import json
import os
import socketserver
import threading
from urllib.parse import quote

import pytest

from box import Box, UnixConnection
from scheduler_calls import load


class Logind(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Stands before the real launcher: passes all on but /hold, which it answers as logind would have it."""
    daemon_threads = True

    def __init__(self, path, launcher):
        self.asked, self.stopping, self.gone = [], threading.Event(), threading.Event()
        self.launcher = launcher
        super().__init__(path, Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def hold(self, wanted):
        self.server.asked.append(wanted)
        if wanted:
            while not self.server.stopping.wait(0.2) and not self.server.gone.is_set() and self.server.asked[-1]:
                pass
        return 200, json.dumps({"held": wanted, "stopping": self.server.stopping.is_set(), "reason": None}).encode()

    def forward(self, body):
        c = UnixConnection(self.server.launcher)
        c.request(self.command, self.path, body, {"Content-Type": "application/json"})
        answer = c.getresponse()
        return answer.status, answer.read()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            status, text = self.hold(json.loads(body)["hold"]) if self.path == "/hold" else self.forward(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        except OSError:
            self.close_connection = True


@pytest.fixture
def box():
    b = Box()
    with open(b.conf, "a", encoding="utf-8") as f:
        f.write(f"[scheduler]\nstop_grace = 1s\nlauncher = {b.run}/before.sock\n")
    b.logind = Logind(b.run + "/before.sock", b.run + "/launcher.sock")
    b.up()
    yield b
    b.logind.gone.set()
    b.end()
    b.logind.shutdown()


def night(b):
    return b.get("/api/onebox/v1/night").json


def test_it_is_held_while_tasks_run_and_given_back(box):
    load(box, "nap", [("nap", f"until test -e {box.dir}/go; do sleep 0.05; done")])
    assert night(box)["shutdown_waits"] is False
    run_id = box.trigger("nap")
    box.wait(lambda: box.logind.asked == [True], 60, "the lock to be asked for")
    assert night(box)["shutdown_waits"] is True
    open(box.dir + "/go", "w").close()
    assert box.wait_run("nap", run_id)["state"] == "success"
    box.wait(lambda: box.logind.asked == [True, False], 60, "the lock to be given back")
    assert night(box)["shutdown_waits"] is False


def test_a_shutdown_closes_first_and_then_may_go(box):
    load(box, "nap", [("nap", f"until test -e {box.dir}/go; do sleep 0.05; done"), ("after", "true")])
    run_id = box.trigger("nap")
    box.wait(lambda: box.logind.asked == [True], 60, "the lock to be asked for")
    assert not night(box)["closed"]
    box.logind.stopping.set()
    box.wait(lambda: box.logind.asked == [True, False], 60, "the lock to be given back")
    assert night(box)["closed"] and night(box)["notice"] == "it is being shut down"
    # what runs ends and is recorded; nothing follows it
    open(box.dir + "/go", "w").close()
    box.wait(lambda: box.tasks_of("nap", run_id)["nap"]["state"] == "success", 60, "the end")
    why = box.get(f"/api/onebox/v1/why?dag_id=nap&run_id={quote(run_id)}&task_id=after").json["text"]
    assert "shutting down" in why, why
    assert box.tasks_of("nap", run_id)["after"]["state"] in (None, "scheduled")


def test_the_launchers_own_answer(box):
    """Without systemd there is nothing to hold; what is no question is refused."""
    def ask(body):
        a = box.call("POST", "/hold", body, sock="launcher.sock")
        return a.status, a.json
    status, said = ask({"hold": True})
    assert status == 200 and said["held"] is False and said["stopping"] is False and "systemd" in said["reason"]
    assert ask({"hold": False})[1]["held"] is False
    assert ask({"hold": "yes"})[0] == 400
    assert ask({})[0] == 400
    assert os.path.exists(box.run + "/launcher.sock")
