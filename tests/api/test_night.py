"""The night: why the machine is on, what closes it, and the word that switches it off."""
import http.server
import os
import re
import threading
import time
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from box import Box
from scheduler_calls import load, log_of
from test_cli import Place


def night(b, **body):
    a = b.post("/api/onebox/v1/night", body) if body else b.get("/api/onebox/v1/night")
    assert a.status == 200, a.body
    return a.json


@pytest.fixture
def boxes():
    made = []

    def make(conf):
        made.append(Box("[night]\n" + conf).up())
        return made[-1]
    yield make
    for b in made:
        b.end()


def word(b):
    path = b.run + "/night/poweroff"
    if not os.path.exists(path):
        return None
    with open(path) as f:
        return f.read()


def test_idleness_switches_off_and_stay_holds_it(boxes):
    b = boxes("idle_stop = 3s\n")
    assert night(b)["stop_reason"] == "idle" and night(b)["on_because"] == ["recent"]
    stayed = night(b, stay_s=3600)
    assert stayed["on_because"] == ["stay"] and stayed["stop_at"] is None and stayed["stay_until"]
    b.restart("scheduler")
    b.wait_ready()
    assert night(b)["on_because"] == ["stay"], "a restart does not forget what was asked for"
    assert word(b) is None
    night(b, stay_s=0)
    b.wait(lambda: word(b), 90, "the word")
    assert "nothing needs it" in word(b)
    assert night(b)["closed"]


def test_what_runs_keeps_it_on(boxes):
    b = boxes("idle_stop = 2s\n")
    load(b, "long", [("nap", f"until test -e {b.dir}/go; do sleep 0.05; done")])
    run_id = b.trigger("long")
    b.wait(lambda: b.tasks_of("long", run_id)["nap"]["state"] == "running", 20, "the task")
    assert night(b)["on_because"] == ["tasks"] and night(b)["tasks"] == 1
    began = time.monotonic()
    while time.monotonic() < began + 3:  # longer than idle_stop
        assert word(b) is None and not night(b)["closed"]
    open(b.dir + "/go", "w").close()
    assert b.wait_run("long", run_id)["state"] == "success"
    b.wait(lambda: word(b), 90, "the word")


def test_shortly_before_the_planned_hour_nothing_starts(boxes):
    b = boxes("stop = 0 0 * * *\ntimezone = Europe/Berlin\nclose = 25h\n")
    assert night(b)["closed"] and night(b)["stop_reason"] == "planned"
    load(b, "late", [("say", "echo $ONEBOX_STOP_AT")])
    run_id = b.trigger("late")
    why = b.get(f"/api/onebox/v1/why?dag_id=late&run_id={quote(run_id)}&task_id=say").json["text"]
    assert "the machine is shutting down" in why, why
    assert b.run_of("late", run_id)["state"] == "queued"
    planned = night(b)["planned_stop_at"]
    stayed = night(b, stay_s=600)
    assert stayed["closed"] is (stayed["planned_stop_at"] == planned)
    night(b, stay_s=2 * 24 * 3600)
    assert b.wait_run("late", run_id)["state"] == "success"
    said = log_of(b, "late", run_id, "say")
    assert any(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line) for line in said), said


def test_the_cloud_takes_it(boxes):
    b = boxes("")
    assert night(b)["on_because"] == ["no-idle-stop"] and night(b)["stop_at"] is None
    told = night(b, notice="preempted", at="2099-01-01T00:00:00Z")
    assert told["closed"] and told["stop_reason"] == "notice" and told["notice"] == "preempted"
    assert word(b) is None, "the power is the cloud's business"
    assert not night(b, notice="preempted")["closed"], "without a time it is over"


def test_stopping_by_hand(boxes):
    b = boxes("")
    assert night(b, stop=True)["closed"]
    assert "asked for it" in word(b)


class Metadata:
    """What of Google's metadata server onebox-night asks: long questions, and one word it is told."""

    def __init__(self):
        here = self
        self.values = {"preempted": "FALSE", "maintenance-event": "NONE"}
        self.told = {}
        self.changed = threading.Condition()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def answer(self, status, text, etag):
                self.send_response(status)
                for k, v in (("Metadata-Flavor", "Google"), ("ETag", etag), ("Content-Length", str(len(text)))):
                    self.send_header(k, v)
                self.end_headers()
                self.wfile.write(text.encode())

            def do_GET(self):
                assert self.headers["Metadata-Flavor"] == "Google"
                url = urlsplit(self.path)
                name = url.path.rsplit("/", 1)[1]
                with here.changed:
                    last = parse_qs(url.query).get("last_etag", [""])[0]
                    here.changed.wait_for(lambda: here.etag(name) != last, 5)
                    self.answer(200, here.values[name], here.etag(name))

            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with here.changed:
                    here.told[self.path.split("guest-attributes/")[1]] = body
                self.answer(200, "", "0")

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def etag(self, name):
        return self.values[name].encode().hex()

    def say(self, name, value):
        with self.changed:
            self.values[name] = value
            self.changed.notify_all()

    @property
    def host(self):
        return f"127.0.0.1:{self.server.server_address[1]}"


def test_the_metadata_server_is_watched_and_told(boxes):
    cloud = Metadata()
    b = boxes("")
    load(b, "morning", [("say", "true")], "    schedule: 0 6 * * *\n")
    b.env["GCE_METADATA_HOST"] = cloud.host
    b.names += ("night",)
    b.start("night")
    b.wait(lambda: cloud.told.get("onebox/wake-at"), 30, "the wake-up time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT05:55:00Z", cloud.told["onebox/wake-at"]), cloud.told
    cloud.say("maintenance-event", "MIGRATE_ON_HOST_MAINTENANCE")
    cloud.say("preempted", "TRUE")
    b.wait(lambda: night(b)["closed"], 30, "the end of starts")
    assert night(b)["notice"] == "TRUE" and night(b)["stop_reason"] == "notice"
    cloud.say("preempted", "FALSE")
    b.wait(lambda: not night(b)["closed"], 30, "the all-clear")
    cloud.server.shutdown()


def test_no_cloud_is_no_failure(boxes):
    b = boxes("")
    b.env.pop("GCE_METADATA_HOST", None)
    b.start("night")
    assert b.procs["night"].wait(20) == 0 and "nothing to watch" in b.tail()


def test_bad_words(boxes):
    b = boxes("")
    for body in ({}, {"stay_s": -1}, {"stay_s": 10**9}, {"stay_s": "x"}, {"nonsense": 1}, {"notice": "x", "at": "never"}):
        assert b.post("/api/onebox/v1/night", body).status == 422, body


@pytest.mark.parametrize("line,words", [("stop = 61 0 * * *", "[night] stop"), ("stop = 0 0 * * *\ntimezone = Mars/Base", "[night] timezone")])
def test_a_wrong_plan_stops_the_start(line, words):
    b = Box("[night]\n" + line + "\n")
    try:
        b.start("scheduler")
        assert b.procs["scheduler"].wait(20) == 78
        assert words in b.tail()
    finally:
        b.end()


def test_the_command(boxes):
    b = boxes("idle_stop = 2h\nstop = 0 21 * * *\n")
    p = Place()
    p.env.update(ONEBOX_STATE_DIR=b.state, ONEBOX_RUNTIME_DIR=b.run, ONEBOX_CONFIG=b.conf)
    assert "on because  it was needed a moment ago" in p.call("night").stdout
    said = p.call("night", "stay", "3h").stdout
    assert "somebody asked for it" in said and "stays" in said
    assert "somebody asked for it" not in p.call("night", "go").stdout
    assert p.call("night", "stay", "soon").returncode == 1
    assert p.call("night", "--json").stdout.startswith("{")
