"""A stand-in for onebox-web with made-up pipelines, for looking at the pages.

It serves ui/ as it is, answers the scheduler's API from a scenario (full, empty, broken) and passes
the tracking API on to a real MLflow-compatible server when one is given.

    fake_box.py [--port 0] [--scenario full] [--tracking http://127.0.0.1:5000]
"""

import argparse
import json
import mimetypes
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

UI = Path(__file__).resolve().parents[2] / "ui"
PAGES = {"", "pipelines", "pipeline", "run", "experiments", "experiment", "training", "models", "model",
         "connections", "compare", "traces", "trace", "prompts", "prompt", "datasets", "dataset", "webhooks"}
TRACKING = ("/api/2.0/", "/api/3.0/", "/ajax-api/", "/get-artifact", "/version")
NOW = datetime.now(timezone.utc)
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
          "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")


def iso(at):
    return at.isoformat().replace("+00:00", "Z")


def task(task_id, downstream, params=None):
    return {"task_id": task_id, "downstream_task_ids": downstream, "operator_name": "python",
            "params": params or {}}


GRID = [(c, r) for c in (0.01, 0.1, 1, 10) for r in (0, 0.5, 1)]
TRAINS = [f"train__{i}" for i in range(12)]
TASKS = {
    "iris": [task("fetch", TRAINS)]
    + [task(t, ["validate"], {"C": c, "l1_ratio": r}) for t, (c, r) in zip(TRAINS, GRID)]
    + [task("validate", ["promote"]), task("promote", [])],
    "claims_etl": [task("start", ["extract_policies", "extract_claims"]),
                   task("extract_policies", ["join"]), task("extract_claims", ["clean_claims"]),
                   task("clean_claims", ["join"]), task("join", ["features", "report"]),
                   task("features", ["load_warehouse"]), task("load_warehouse", []),
                   task("report", [])],
    "nightly_backup": [task("dump", ["upload"]), task("upload", ["verify"]), task("verify", [])],
    "churn": [task("fetch", ["train"]), task("train", ["validate"]), task("validate", [])],
    "<img src=x onerror=alert(1)>": [task("<b>bold</b>", [])],
    "scores": [task("list", ["each"]), task("each", ["after"]), task("after", [])],
}
MAPPED = {"each": 250}  # so many instances; the eighth fails
ABOUT = {
    "iris": ("Trains a grid of classifiers, validates the best and puts it into production",
             "0 6 * * *", 7.6, ["demo"]),
    "claims_etl": ("Policies and claims into the warehouse", "*/30 * * * *", 0.4, ["insurance"]),
    "nightly_backup": ("Databases to the bucket", "30 20 * * *", 21, ["ops"]),
    "churn": ("Weekly churn model", "0 7 * * 1", None, ["marketing"]),
    "<img src=x onerror=alert(1)>": ("<script>alert(1)</script>", None, None, ["<i>tag</i>"]),
    "scores": ("A score for each of " + "very_many_" * 20, None, None, []),
}
STATES = {
    "iris": "sssssfsssssssr", "claims_etl": "sssfsssssssssssssssf",
    "nightly_backup": "ssssssss", "churn": "ff", "<img src=x onerror=alert(1)>": "",
    "scores": "f",
}
PAUSED = {"churn": True}
WORDS = {"s": "success", "f": "failed", "r": "running"}


def make_runs(dag):
    runs = []
    letters = STATES[dag]
    for i, letter in enumerate(letters):
        start = NOW - timedelta(hours=(len(letters) - 1 - i) * 6, seconds=95)
        took = timedelta(seconds=60 + (i * 37) % 50)
        end = None if letter == "r" else start + took
        by_hand = i % 5 == 4
        run_id = ("manual__" if by_hand else "scheduled__") + iso(start.replace(microsecond=0))
        runs.append({"dag_id": dag, "dag_run_id": run_id, "state": WORDS[letter],
                     "run_type": "manual" if by_hand else "scheduled", "logical_date": iso(start),
                     "run_after": iso(start), "queued_at": iso(start), "start_date": iso(start),
                     "end_date": end and iso(end), "conf": {"rows": 500} if by_hand else {},
                     "note": None})
    return runs[::-1]


RUNS = {dag: make_runs(dag) for dag in TASKS}


def instances(dag, run):
    order = TASKS[dag]
    out = []
    start = datetime.fromisoformat(run["start_date"].replace("Z", "+00:00"))
    for i, one in enumerate(order):
        state, tries, note = "success", 1, None
        if run["state"] == "failed":
            broken = len(order) * 2 // 3
            state = "success" if i < broken else "failed" if i == broken else "upstream_failed"
            tries = 3 if i == broken else 1
        elif run["state"] == "running":
            state = ("success" if i < 7 else "running" if i < 9 else "up_for_retry" if i == 9
                     else "interrupted" if i == 10 else None)
            note = "cut off by the night at 21:00" if i == 10 else None
        begun = state not in (None, "upstream_failed")
        at = start + timedelta(seconds=6 * i)
        out.append({"dag_id": dag, "dag_run_id": run["dag_run_id"], "task_id": one["task_id"],
                    "state": state, "try_number": tries if begun else 0, "map_index": -1,
                    "start_date": iso(at) if begun else None, "note": note,
                    "end_date": iso(at + timedelta(seconds=5.4)) if state in
                    ("success", "failed") else None, "operator": "python"})
    return [x for row in out for x in mapped(row)]


def mapped(row):
    n = MAPPED.get(row["task_id"])
    if not n:
        return [row]
    return [{**row, "map_index": i, "state": "failed" if i == 7 else "success", "try_number": 1, "start_date": iso(NOW), "end_date": iso(NOW)}
            for i in range(n)]


def dag_row(dag):
    about, cron, hours, tags = ABOUT[dag]
    return {"dag_id": dag, "dag_display_name": dag, "is_paused": PAUSED.get(dag, False),
            "description": about, "timetable_summary": cron, "owners": ["data-science"],
            "tags": [{"name": t} for t in tags], "has_import_errors": False,
            "relative_fileloc": f"{dag}/liminal.yml",
            "next_dagrun_run_after": hours and iso(NOW + timedelta(hours=hours))}


ERROR = {"import_error_id": 1, "timestamp": iso(NOW - timedelta(minutes=4)),
         "filename": "pipelines/fraud/liminal.yml",
         "stack_trace": "pipelines/fraud/liminal.yml:14:9: unknown key \"comand\" in task "
                        "\"score\": did you mean \"cmd\"?"}


GIT = {"repo": "ssh://git@git.example.org/ml/pipelines.git", "branch": "main", "subpath": "tests/dags",
       "commit": "4f1d2a9c0b7e6d5f4a3b2c1d0e9f8a7b6c5d4e3f", "subject": "iris: a wider <grid> of parameters",
       "author": "Ada Lovelace", "committed_at": iso(NOW - timedelta(hours=5)), "warning": None,
       "synced_at": iso(NOW - timedelta(hours=4)), "tried_at": iso(NOW - timedelta(seconds=20)),
       "error": "git.example.org does not take the key: is it a deploy key there, and given as credential gitSshKey?",
       "error_since_at": iso(NOW - timedelta(minutes=12))}


STREAMS = {"o": "stdout", "e": "stderr", "s": "onebox"}


def log_lines(dag, task_id, number):
    at = NOW - timedelta(seconds=80)
    texts = [("s", f"try {number} of {task_id} starts as onebox-tasks, pid 48213"),
             ("o", "C=0.1 l1_ratio=0.5"), ("o", "reading 150 rows from the run fetch"),
             ("e", "UserWarning: the solver reached max_iter <b>once</b>, going on"),
             *[("o", f"epoch {i}: log_loss={0.9 / i:.4f} accuracy={1 - 0.4 / i:.4f}")
               for i in range(1, 40)],
             ("s", "ended with exit code 0 after 5.4s, 213 MB at most")]
    return [{"timestamp": iso(at + timedelta(milliseconds=131 * i)), "stream": STREAMS[s], "event": t}
            for i, (s, t) in enumerate(texts)]


def answer(path, query):
    """The scheduler's answer as (status, body), or None when there is no such path."""
    parts = [unquote(p) for p in path.strip("/").split("/")][2:]
    if parts[0] == "importErrors":
        return {"import_errors": [ERROR], "total_entries": 1}
    if parts == ["connections"]:
        return {"connections": [{"connection_id": "<b>pg</b>", "conn_type": "postgres", "host": "h", "port": 5432,
                                 "login": "u", "password": "***", "extra": None, "description": "<i>x</i>"}],
                "total_entries": 1}
    if parts == ["variables"]:
        return {"variables": [{"key": "db_password", "value": "***", "description": None}], "total_entries": 1}
    if parts == ["version"]:
        return {"version": "3.3.2"}
    if parts == ["dags"]:
        return {"dags": [dag_row(d) for d in TASKS], "total_entries": len(TASKS)}
    dag = parts[1]
    if parts[2:] == ["details"]:
        return dag_row(dag)
    if parts[2:] == ["tasks"]:
        return {"tasks": TASKS[dag], "total_entries": len(TASKS[dag])}
    if parts[2:] == ["dagRuns"]:
        rows = [r for d in TASKS if dag in ("~", d) for r in RUNS[d]]
        rows.sort(key=lambda r: r["run_after"], reverse=True)
        return {"dag_runs": rows[:int(query.get("limit", ["100"])[0])], "total_entries": len(rows)}
    run = {r["dag_run_id"]: r for r in RUNS[dag]}[parts[3]]
    if len(parts) == 4:
        return run
    if parts[4:] == ["taskInstances"]:
        rows = [r for r in instances(dag, run) if r["state"] in query.get("state", [r["state"]])]
        return {"task_instances": rows, "total_entries": len(rows)}
    if parts[6] == "logs":
        name = parts[5] + "".join(f"[{i}]" for i in query.get("map_index", []))
        return {"content": [] if query.get("token") else log_lines(dag, name, parts[7]),
                "continuation_token": "end"}
    raise KeyError(path)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet; in two, the second waits for the first to be acknowledged
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def send(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def send_json(self, status, body):
        self.send(status, "application/json", json.dumps(body).encode())

    def send_file(self, name):
        file = UI / name
        if not file.is_file():
            return self.send_json(404, {"detail": "no such file"})
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return self.send(200, kind, file.read_bytes())

    def forward(self):
        hurt = {"broken": (503, "onebox-tracking is not answering: systemctl start onebox-tracking, or onebox up"),
                "hurt": (500, "the <b>disk</b> is full"), "stranger": (401, "who are you?")}
        if self.server.options.scenario in hurt:
            status, why = hurt[self.server.options.scenario]
            return self.send_json(status, {"error_code": "INTERNAL_ERROR", "message": why})
        request = urllib.request.Request(
            self.server.options.tracking + self.path, self.body or None,
            {"Content-Type": "application/json"}, method=self.command)
        try:
            with urllib.request.urlopen(request) as got:
                self.send(got.status, got.headers["Content-Type"], got.read())
        except urllib.error.HTTPError as error:
            self.send(error.code, error.headers["Content-Type"], error.read())
        except OSError:
            self.send_json(503, {"detail": "onebox-tracking is not answering: systemctl start "
                                           "onebox-tracking, or onebox up"})

    def scheduler(self, path, query):
        scenario = self.server.options.scenario
        if scenario == "broken":
            return self.send_json(503, {"detail": "onebox-scheduler is not answering: systemctl "
                                                  "start onebox-scheduler, or onebox up"})
        if scenario == "empty":
            return self.send_json(200, {"dags": [], "dag_runs": [], "import_errors": [], "connections": [], "variables": [],
                                        "task_instances": [], "tasks": [], "total_entries": 0})
        try:
            return self.send_json(200, answer(path, query))
        except (KeyError, IndexError, StopIteration):
            return self.send_json(404, {"detail": f"no such thing: {path}"})

    def change(self, path, body):
        """What the pages can change: a pause, a new run. Kept for the test to see."""
        parts = [unquote(p) for p in path.strip("/").split("/")][2:]
        self.server.changes.append([self.command, path, body])
        if self.command == "PATCH" and len(parts) == 2:
            PAUSED[parts[1]] = body["is_paused"]
            return self.send_json(200, dag_row(parts[1]))
        if len(parts) > 3 or parts[2:] == ["clearTaskInstances"]:
            run_id = parts[3] if len(parts) > 3 else body["dag_run_id"]
            run = next(r for r in RUNS[parts[1]] if r["dag_run_id"] == run_id)
            run["state"] = "failed" if self.command == "PATCH" else "running"
            return self.send_json(200, run)
        if parts == ["connections", "test"]:
            return self.send_json(200, {"status": body["connection_id"] == "web", "message": "h: <b>nobody</b> is there"})
        if parts[1] == "churn":
            return self.send_json(409, {"detail": "churn: at most 1 run at a time <b>now</b>"})
        at = datetime.now(timezone.utc)
        run = {"dag_id": parts[1], "dag_run_id": "manual__" + iso(at), "state": "running",
               "run_type": "manual", "logical_date": iso(at), "run_after": iso(at),
               "queued_at": iso(at), "start_date": iso(at), "end_date": None,
               "conf": body.get("conf") or {}, "note": None}
        RUNS[parts[1]].insert(0, run)
        return self.send_json(200, run)

    def handle_any(self):
        url = urlsplit(self.path)
        name = url.path.strip("/")
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if name.startswith("scenario/"):
            self.server.options.scenario = name.split("/")[1]
            return self.send_json(200, self.server.changes)
        if name.startswith("role/"):
            self.server.options.role = name.split("/")[1]
            return self.send_json(200, {})
        if self.command in ("POST", "PATCH") and url.path.startswith("/api/v2/"):
            return self.change(url.path, json.loads(self.body or "{}"))
        if name in PAGES:
            return self.send_file("shell.html")
        if name == "login":
            return self.send_file("login.html")
        if name.startswith("ui/"):
            return self.send_file(name[3:])
        if name == "ready":
            well = self.server.options.scenario != "broken"
            return self.send_json(200 if well else 503, {"upstreams": {
                "onebox-scheduler": "ok" if well else "no answer", "onebox-tracking": "ok"}})
        if name == "api/onebox/v1/me":
            return self.send_json(200, {"name": "ada", "role": self.server.options.role, "how": "session", "version": "0.9"})
        if name == "api/onebox/v1/services" and self.server.options.scenario == "full":
            return self.send_json(200, {"services": [
                {"name": "iris", "port": 8090, "description": "The model in production, over HTTP",
                 "endpoints": [{"endpoint": e} for e in ("/predict", "/healthcheck", "/version")]}]})
        if name == "api/onebox/v1/why":
            return self.send_json(200, {"text": "it waits for <b>train</b>, which runs"})
        if name == "api/onebox/v1/status":
            full = self.server.options.scenario == "full"
            return self.send_json(200, {"gitsync": GIT if full else None, "warnings": []})
        if name == "api/onebox/v1/services":
            return self.send_json(200, {"services": []})
        if name == "api/onebox/v1/box":
            return self.send_json(200, {
                "disk_total": 53_000_000_000, "disk_used": 19_400_000_000, "cpus": 4, "load": 1.7,
                "memory_total": 16_800_000_000, "memory_used": 3_900_000_000,
                "booted_at": iso(NOW - timedelta(hours=5, minutes=2))})
        if url.path.startswith(TRACKING):
            if self.server.options.tracking:
                return self.forward()
            return self.send_json(503, {"detail": "onebox-tracking is not answering"})
        if url.path.startswith("/api/v2/"):
            return self.scheduler(url.path, parse_qs(url.query))
        return self.send_json(404, {"detail": "no such path"})

    do_GET = do_POST = do_PATCH = do_DELETE = handle_any


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a browser comes with many connections at once

    def handle_error(self, request, address):
        """A browser that goes away in the middle is no news."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--scenario", choices=["full", "empty", "broken"], default="full")
    parser.add_argument("--tracking", default="")
    parser.add_argument("--role", default="admin")
    server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.changes = []
    server.options = parser.parse_args()
    server.server_address = ("127.0.0.1", server.options.port)
    server.server_bind()
    server.server_activate()
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
