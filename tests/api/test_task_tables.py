"""The table that a tracked task made becomes metrics of its run: real scheduler, launcher, supervisors and tracking, a make-believe
BigQuery."""

import http.server
import json
import os
import subprocess
import threading

import pytest
from box import build_dir
from scheduler_calls import load
from test_run_truth import Truth
from test_task_runs import only_try, run_of

TABLE = {"numBytes": "1099511627776", "numRows": "150321", "creationTime": "1767225600500", "lastModifiedTime": "1767312000000"}
FIGURES = {"table_size_bytes": 1099511627776, "num_rows": 150321, "table_created_at": 1767225600.5, "table_modified_at": 1767312000}


class BigQuery:
    """tables.get of one table, and the token endpoint that gives what it wants to see."""

    def __init__(self):
        own = self
        self.asked, self.status = [], 200

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(200, {"access_token": "good", "expires_in": 3600, "token_type": "Bearer"})

            def do_GET(self):
                own.asked.append(self.path.partition("?")[0])
                if self.headers["Authorization"] != "Bearer good":
                    self.answer(401, {"error": {"message": "who?"}})
                elif own.status != 200 or not self.path.startswith("/bigquery/v2/projects/risk/datasets/mart/tables/losses_20260304?"):
                    self.answer(own.status if own.status != 200 else 404, {"error": {"message": "Not found: Table"}})
                else:
                    self.answer(200, TABLE)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Tables(Truth):
    def __init__(self, google):
        self.google = google
        super().__init__()
        self.key = self.dir + "/key.json"
        with open(self.key, "w") as f:
            json.dump({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "token_uri": google.url + "/token"}, f)

    def up(self):
        with open(self.conf, "a") as f:
            f.write(f"bigquery_endpoint = {self.google.url}\n")
        return super().up()

    def task(self, name, table, cmd="true", key=None):
        load(self, name, [("a", cmd, f"tracking: {{destination_table: '{table}'}}", f"env_vars: {{GOOGLE_APPLICATION_CREDENTIALS: {key or self.key}}}")])
        run_id = self.trigger(name, logical_date="2026-03-04T00:00:00Z")
        return run_id, self.wait_run(name, run_id, 120)["state"]


@pytest.fixture(scope="module")
def place():
    google = BigQuery()
    b = Tables(google)
    yield b
    b.end()
    google.server.shutdown()


def with_figures(place, t):
    def logged():
        metrics = run_of(place, t)["metrics"]
        return metrics if "num_rows" in metrics else None
    return place.wait(logged, 120, "the metrics of the table")


def test_size_rows_and_age(place):
    run_id, state = place.task("table", "risk.mart.losses_{{ds_nodash}}")
    metrics = with_figures(place, only_try(place, "table", run_id))
    assert state == "success" and {k: metrics[k] for k in FIGURES} == FIGURES


@pytest.mark.parametrize("name, table, key, words", [
    ("absent", "risk.mart.other", None, "BigQuery answered 404: Not found: Table"),
    ("nobody", "risk.mart.losses_{{ds_nodash}}", "/nonexistent/key.json", "/nonexistent/key.json"),
])
def test_no_figures_are_no_failure(place, name, table, key, words):
    run_id, state = place.task(name, table, key=key)
    assert state == "success"
    run = run_of(place, only_try(place, name, run_id))
    assert run["info"]["status"] == "FINISHED" and "num_rows" not in run["metrics"]
    place.wait(lambda: "by table: exit code 1" in place.tail(1 << 20), 120, "the callback's end")
    place.wait(lambda: any(words in said(place, d) for d in os.listdir(place.state + "/tasks")), 120, "its log")


def said(place, try_id):
    try:
        with open(f"{place.state}/tasks/{try_id}/log", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def test_asked_only_where_there_is_something_to_ask(place):
    before = len(place.google.asked)
    assert place.task("short", "mart.losses")[1] == "success"  # no project: BigQuery does not know it
    assert place.task("broken", "risk.mart.losses_{{ds_nodash}}", cmd="exit 1")[1] == "failed"
    run_id, _ = place.task("asked", "risk.mart.losses_{{ds_nodash}}")
    with_figures(place, only_try(place, "asked", run_id))
    assert len(place.google.asked) == before + 1


def test_tracking_and_scheduler_die_meanwhile(place):
    """The question is a row of the transaction that records the end: it is asked after a kill, and logged once tracking is back."""
    place.kill("tracking")
    run_id, state = place.task("meanwhile", "risk.mart.losses_{{ds_nodash}}")
    place.restart("scheduler")
    place.wait_ready(120)
    assert state == "success"
    place.start("tracking", "--access-control=yes", f"--port={place.port}")
    place.wait(lambda: tracking_is_up(place), 120, "tracking")
    metrics = with_figures(place, only_try(place, "meanwhile", run_id))
    assert {k: metrics[k] for k in FIGURES} == FIGURES


def tracking_is_up(place):
    try:
        return place.call("GET", "/health", sock="tracking.sock").status == 200
    except OSError:
        return False


def test_a_person_may_ask(place):
    def ask(*args):
        return subprocess.run([build_dir() + "/cli/onebox", "bigquery", "--config", place.conf, *args], capture_output=True, text=True, timeout=120,
                              env=dict(os.environ, GOOGLE_APPLICATION_CREDENTIALS=place.key))
    assert json.loads(ask("--json", "risk.mart.losses_20260304").stdout) == FIGURES
    assert "num_rows           150321 (rows)" in ask("risk:mart.losses_20260304$20260101").stdout
    assert 'is no table: name project.dataset.table' in ask("losses").stderr
    assert "Not found: Table" in ask("risk.mart.none").stderr
