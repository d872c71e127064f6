"""MLflow's own pages in a browser, over our API: everything they ask is answered, and they show what was logged.

ONEBOX_PEER_MLFLOW is the bin directory of a venv with mlflow 3.18.0, whose pages these are; without
it, or without chromium, these tests are skipped.
"""

import http.client
import json
import mimetypes
import os
import re
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tracking_calls_traces import AT, export, span
from tracking_test import Tracking

PEER = os.environ.get("ONEBOX_PEER_MLFLOW")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(not PEER or not CHROMIUM, reason="ONEBOX_PEER_MLFLOW is not set, or there is no chromium")

# What the real server without a login does not answer either: nobody's name, and a link to a file in a store that signs none (501).
UNANSWERED = {("GET", "/ajax-api/2.0/mlflow/users/current"), ("GET", "/model-versions/get-artifact")}


class Front:
    """MLflow's pages with our API behind them; keeps what was asked."""

    def __init__(self, port):
        pages = next(Path(PEER).parent.glob("lib/python3*/site-packages/mlflow/server/js/build"))
        self.asked = []
        front = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, status, headers, body):
                self.send_response(status)
                for key, value in headers:
                    if key.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def serve(self):
                path = self.path.split("?")[0]
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if path == "/" or path.startswith("/static-files/"):
                    file = pages / (path.removeprefix("/static-files/") if path != "/" else "index.html")
                    kind = mimetypes.guess_type(file)[0] or "text/html"
                    self.answer(*((200, [("Content-Type", kind)], file.read_bytes()) if file.is_file() else (404, [], b"")))
                    return
                there = http.client.HTTPConnection("127.0.0.1", port)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("accept-encoding", "connection")}
                there.request(self.command, self.path, body, headers)
                got = there.getresponse()
                text = got.read()
                front.asked.append((got.status, self.command, path, text[:200]))
                self.answer(got.status, got.getheaders(), text)
            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = serve

            def log_message(self, *args):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def show(self, path, profile):
        """The words a browser shows."""
        done = subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--virtual-time-budget=15000",
             "--dump-dom", f"http://127.0.0.1:{self.server.server_port}{path}"], capture_output=True, text=True, timeout=180)
        text = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", done.stdout, flags=re.S)
        return " ".join(re.sub(r"<[^>]+>", " ", text).split())


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    with Tracking() as t:
        e = t.post("experiments/create", name="shown experiment")["experiment_id"]
        r = t.run(e, run_name="shown run")
        t.post("runs/log-batch", run_id=r, metrics=[{"key": "loss", "value": 0.125, "timestamp": 5, "step": 1}],
               params=[{"key": "rate", "value": "0.75"}])
        assert t.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{e}/{r}/artifacts/m/MLmodel", "flavors: {}\n").status == 200
        bare = t.run(e, run_name="bare run")
        t.post("registered-models/create", name="shown model")
        t.post("model-versions/create", name="shown model", source=f"mlflow-artifacts:/{e}/{r}/artifacts/m", run_id=r)
        prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
        t.post("registered-models/create", name="shown-prompt", tags=prompt)
        t.post("model-versions/create", name="shown-prompt", source="prompt-template",
               tags=[*prompt, {"key": "mlflow.prompt.text", "value": "Hello shown words"}])
        v3 = "/api/3.0/mlflow/"
        t.post(v3 + "scorers/register", experiment_id=e, name="shown judge", serialized_scorer=json.dumps({
            "name": "shown judge", "mlflow_version": "3.18.0", "serialization_version": 1,
            "instructions_judge_pydantic_data": {"instructions": "Is {{ outputs }} good?", "model": "openai:/gpt-4o"}}))
        t.post(v3 + "datasets/create", name="shown dataset", experiment_ids=[e])
        t.post(v3 + "review-queues/create", experiment_id=e, name="shown queue", queue_type="CUSTOM")
        t.post(v3 + "gateway/secrets/create", secret_name="shown key", secret_value={"api_key": "sk-1234567890abcd"}, provider="openai")
        t.post(v3 + "gateway/budgets/create", budget_unit="USD", budget_amount=12.5, duration={"unit": "DAYS", "value": 1}, target_scope="GLOBAL",
               budget_action="ALERT")
        for name, session in (("tr-of-session", {"mlflow.trace.session": "shown-session"}), ("tr-in-a-file", {})):
            t.post(v3 + "traces", trace={"trace_info": {
                "trace_id": name, "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": e}}, "state": "OK",
                "request_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)), "trace_metadata": session}})
            spans = [{"name": "filed span", "trace_id": "AAAAAAAAAAAAAAAAAAAAAQ==", "span_id": "AAAAAAAAAAE=", "parent_span_id": None, "start_time_unix_nano": AT * 1000000,
                      "end_time_unix_nano": AT * 1000000 + 1000, "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""},
                      "attributes": {"mlflow.traceRequestId": json.dumps(name), "mlflow.spanInputs": '"said in a file"'}}]
            put = t.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{e}/traces/{name}/artifacts/traces.json", json.dumps({"spans": spans}))
            assert put.status == 200
        lately = int(time.time() * 1000) - AT - 60000  # the page shows the last days
        sent = t.ask("POST", "/v1/traces", json.dumps(export(span(5, 1, "shown span", start=lately, mlflow__spanInputs='"what was asked"'))),
                     {"x-mlflow-experiment-id": e})
        assert sent.status == 200
        f = Front(t.port)
        f.e, f.r, f.bare, f.profile = e, r, bare, tmp_path_factory.mktemp("browser")
        yield f
        f.server.shutdown()
        f.server.server_close()


@pytest.mark.parametrize("path,words", [
    ("/#/experiments", ["shown experiment"]),
    ("/#/experiments/{e}/runs", ["shown run"]),
    ("/#/experiments/{e}/runs/{r}", ["shown run", "loss", "0.125", "rate", "0.75", "shown model"]),
    ("/#/compare-runs?runs=[%22{r}%22,%22{bare}%22]&experiments=[%22{e}%22]", ["Comparing 2 Runs", "No common artifacts to display."]),
    ("/#/experiments/{e}/traces", ["what was asked"]),
    ("/#/experiments/{e}/traces/tr-in-a-file", ["said in a file"]),
    ("/#/experiments/{e}/overview", ["Observability", "View traces"]),
    ("/#/models", ["shown model"]),
    ("/#/models/shown%20model/versions/1", ["shown model", "Version 1"]),
    ("/#/experiments/{e}/judges", ["shown judge"]),
    ("/#/experiments/{e}/datasets", ["shown dataset"]),
    ("/#/experiments/{e}/review-queue", ["shown queue"]),
    ("/#/experiments/{e}/chat-sessions/shown-session", ["shown-session", "View full trace"]),
    ("/#/gateway/api-keys", ["shown key"]),
    ("/#/gateway/budgets", ["$12.5"]),
    ("/#/prompts", ["shown-prompt"]),
    ("/#/prompts/shown-prompt", ["Hello shown words"]),
])
def test_page(front, path, words):
    before = len(front.asked)
    shown = front.show(path.format(e=front.e, r=front.r, bare=front.bare), front.profile)
    missing = [w for w in words if w not in shown]
    asked = front.asked[before:]
    assert missing == [] and asked, (missing, shown, asked)
    assert [a for a in asked if a[0] >= 400 and a[1:3] not in UNANSWERED] == []
