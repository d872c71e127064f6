"""Webhooks: told of each event, signed, again after a failure, and across a crash."""

import base64
import hashlib
import hmac
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from daemon_test import short_directory, until
from tracking_test import Tracking

ENV = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true"}
PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}


class Receiver:
    """Keeps what it is told; answers with `statuses`, one a request, then 200: (status,) or (status, Retry-After)."""

    def __init__(self):
        self.got, self.statuses, self.at = [], [], []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers.items()), body))
                receiver.at.append(time.monotonic())
                status, *wait = receiver.statuses.pop(0) if receiver.statuses else (200,)
                self.send_response(status)
                if wait:
                    self.send_header("Retry-After", str(wait[0]))
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"seen")

            def log_message(self, *args):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self):
        return [(m["entity"], m["action"], m["data"]) for m in (json.loads(body) for _, body in self.got)]


@pytest.fixture()
def receiver():
    r = Receiver()
    yield r
    r.server.shutdown()
    r.server.server_close()


@pytest.fixture(scope="module")
def t():
    with Tracking(env=ENV) as tracking:
        yield tracking


def hook(t, url, *events, **fields):
    events = [dict(zip(("entity", "action"), e.split("."))) for e in events]
    return t.post("webhooks", name="hook", url=url, events=events, **fields)["webhook"]["webhook_id"]


def signature(secret, headers, body):
    text = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def test_each_event(t, receiver):
    """What the peer tells for the same requests: names, fields and their order."""
    h = hook(t, receiver.url, "REGISTERED_MODEL.CREATED", "MODEL_VERSION.CREATED", "MODEL_VERSION_TAG.SET",
             "MODEL_VERSION_TAG.DELETED", "MODEL_VERSION_ALIAS.CREATED", "MODEL_VERSION_ALIAS.DELETED", "PROMPT.CREATED",
             "PROMPT_VERSION.CREATED", "PROMPT_TAG.SET", "PROMPT_TAG.DELETED", "PROMPT_VERSION_TAG.SET",
             "PROMPT_VERSION_TAG.DELETED", "PROMPT_ALIAS.CREATED", "PROMPT_ALIAS.DELETED", secret="s3cret")
    for name, source, tags, version_tags in (("m", "s3://b/x", [{"key": "a", "value": "b"}], []),
                                     ("p", "prompt-template", [PROMPT, {"key": "c", "value": "d"}],
                                      [PROMPT, {"key": "mlflow.prompt.text", "value": "Hi {{x}}"}])):
        t.post("registered-models/create", name=name, tags=tags, description="words")
        t.post("model-versions/create", name=name, source=source, tags=version_tags)
        t.post("model-versions/set-tag", name=name, version="1", key="k", value="v")
        t.post("model-versions/delete-tag", method="DELETE", name=name, version="1", key="k")
        t.post("registered-models/alias", name=name, alias="best", version="1")
        t.post("registered-models/alias", method="DELETE", name=name, alias="best")
        t.post("registered-models/set-tag", name=name, key="k", value="v")
        t.post("registered-models/delete-tag", method="DELETE", name=name, key="k")
    until(lambda: len(receiver.got) >= 14, "all events to be told")
    assert sorted(receiver.events(), key=str) == sorted([
        ("registered_model", "created", {"name": "m", "tags": {"a": "b"}, "description": "words"}),
        ("model_version", "created", {"name": "m", "version": "1", "source": "s3://b/x", "run_id": None, "tags": {},
                                      "description": None}),
        ("model_version_tag", "set", {"name": "m", "version": "1", "key": "k", "value": "v"}),
        ("model_version_tag", "deleted", {"name": "m", "version": "1", "key": "k"}),
        ("model_version_alias", "created", {"name": "m", "alias": "best", "version": "1"}),
        ("model_version_alias", "deleted", {"name": "m", "alias": "best"}),
        ("prompt", "created", {"name": "p", "tags": {"c": "d"}, "description": "words"}),
        ("prompt_version", "created", {"name": "p", "version": "1", "template": "Hi {{x}}", "tags": {}, "description": None}),
        ("prompt_version_tag", "set", {"name": "p", "version": "1", "key": "k", "value": "v"}),
        ("prompt_version_tag", "deleted", {"name": "p", "version": "1", "key": "k"}),
        ("prompt_alias", "created", {"name": "p", "alias": "best", "version": "1"}),
        ("prompt_alias", "deleted", {"name": "p", "alias": "best"}),
        ("prompt_tag", "set", {"name": "p", "key": "k", "value": "v"}),
        ("prompt_tag", "deleted", {"name": "p", "key": "k"})], key=str)
    for headers, body in receiver.got:
        assert headers["Content-Type"] == "application/json"
        assert headers["X-MLflow-Signature"] == signature("s3cret", headers, body)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", json.loads(body)["timestamp"])
    assert len({headers["X-MLflow-Delivery-Id"] for headers, _ in receiver.got}) == 14
    t.post("webhooks/" + h, method="DELETE")


def test_refused_changes_are_not_told(t, receiver):
    h = hook(t, receiver.url, "REGISTERED_MODEL.CREATED")
    t.post("registered-models/create", name="once")
    t.refused("POST", "registered-models/create", {"name": "once"})
    t.post("webhooks/" + h, method="PATCH", status="DISABLED")
    t.post("registered-models/create", name="untold")
    t.post("webhooks/" + h, method="PATCH", status="ACTIVE")
    t.post("registered-models/create", name="last")
    until(lambda: len(receiver.got) >= 2, "the last model to be told")
    assert sorted(e[2]["name"] for e in receiver.events()) == ["last", "once"]
    assert "X-MLflow-Signature" not in receiver.got[0][0]
    t.post("webhooks/" + h, method="DELETE")


def test_again_after_a_failure(t, receiver):
    """A fault that may pass is tried again under the same id; a refusal is not."""
    receiver.statuses = [(429, 3), (500, "soon"), (200,), (400,)]
    h = hook(t, receiver.url, "REGISTERED_MODEL.CREATED")
    t.post("registered-models/create", name="stubborn")
    until(lambda: len(receiver.got) == 3, "the third try")
    assert len({headers["X-MLflow-Delivery-Id"] for headers, _ in receiver.got}) == 1
    assert receiver.at[1] - receiver.at[0] >= 3  # of itself it would have waited for two at most
    t.post("registered-models/create", name="unwanted")
    until(lambda: "given up" in t.log.read_text(), "the refusal to be noted")
    assert len(receiver.got) == 4 and "stubborn" not in t.log.read_text()
    t.post("webhooks/" + h, method="DELETE")


def deliveries(t, h):
    return t.get(f"webhooks/{h}/deliveries")["deliveries"]


def test_what_was_told_can_be_looked_at(t, receiver):
    """Each message with its attempts, the answer and when it comes again; a trial too; and it is forgotten with its webhook."""
    h = hook(t, receiver.url, "REGISTERED_MODEL.CREATED")
    assert deliveries(t, h) == []
    receiver.statuses = [(503,), (200,), (404,)]
    t.post("registered-models/create", name="looked-at")
    until(lambda: [d for d in deliveries(t, h) if d["attempts"]], "the first attempt")
    until(lambda: deliveries(t, h)[0]["state"] == "TOLD", "the second one")
    t.post("registered-models/create", name="refused")
    until(lambda: deliveries(t, h)[0]["state"] == "GIVEN_UP", "the refusal")
    assert t.post(f"webhooks/{h}/test")["result"]["success"]
    trial, refused, told = deliveries(t, h)
    assert (trial["is_test"], trial["state"], trial["attempts"], trial["response_status"]) == (True, "TOLD", 1, 200)
    assert (refused["state"], refused["attempts"], refused["response_status"], refused["error_message"]) == ("GIVEN_UP", 1, 404, "seen")
    assert (told["entity"], told["action"], told["is_test"], told["attempts"], told["response_status"]) == ("registered_model", "created", False, 2, 200)
    assert told["queued_timestamp"] <= told["told_timestamp"] and "error_message" not in told and "next_timestamp" not in told
    assert json.loads(told["message"])["data"]["name"] == "looked-at"
    assert told["delivery_id"] == receiver.got[0][0]["X-MLflow-Delivery-Id"]
    receiver.server.shutdown()
    receiver.server.server_close()
    t.post("registered-models/create", name="nobody-listens")
    waiting = until(lambda: [d for d in deliveries(t, h) if d["state"] == "WAITING" and d["attempts"]], "an attempt that fails")[0]
    assert waiting["next_timestamp"] > waiting["told_timestamp"] and waiting["error_message"] and "response_status" not in waiting
    t.refused("GET", "webhooks/nobody/deliveries", status=404)
    t.post("webhooks/" + h, method="DELETE")
    t.refused("GET", f"webhooks/{h}/deliveries", status=404)
    with sqlite3.connect(t.database) as db:
        assert db.execute("SELECT count(*) FROM onebox_webhook_deliveries WHERE webhook_id = ?", (h,)).fetchone() == (0,)
    db.close()


def test_only_the_last_deliveries_are_kept(t, receiver):
    h = hook(t, receiver.url, "MODEL_VERSION_TAG.SET", status="DISABLED")
    t.post("webhooks/" + h, method="PATCH", status="ACTIVE")
    t.post("registered-models/create", name="busy")
    t.post("model-versions/create", name="busy", source="s3://b/x")
    for n in range(130):
        t.post("model-versions/set-tag", name="busy", version="1", key=f"k{n}", value="v")
    until(lambda: len(receiver.got) == 130 and all(d["state"] == "TOLD" for d in deliveries(t, h)), "all to be told")
    with sqlite3.connect(t.database) as db:
        assert db.execute("SELECT count(*) FROM onebox_webhook_deliveries WHERE webhook_id = ?", (h,)).fetchone()[0] <= 100
    db.close()
    assert [json.loads(d["message"])["data"]["key"] for d in deliveries(t, h)][:2] == ["k129", "k128"]
    t.post("webhooks/" + h, method="DELETE")


def test_tells_after_a_crash(receiver):
    """The writer never waits for a webhook, and what it committed is told by the next start."""
    root = short_directory()
    with Tracking(root=root, env=ENV) as t:
        hook(t, receiver.url, "REGISTERED_MODEL.CREATED", secret="kept across starts")
        receiver.statuses = [(503,)]
        t.post("registered-models/create", name="survivor")
        until(lambda: len(receiver.got) == 1, "the first try")
        t.end(signal.SIGKILL)
        t.start()
        until(lambda: len(receiver.got) == 2, "the second try")
        headers, body = receiver.got[1]
        assert headers["X-MLflow-Delivery-Id"] == receiver.got[0][0]["X-MLflow-Delivery-Id"]
        assert headers["X-MLflow-Signature"] == signature("kept across starts", headers, body)
        files = [p for p in t.state.rglob("*") if p.is_file()]
        assert not [p for p in files if b"kept across starts" in p.read_bytes()]
        assert [oct(p.stat().st_mode & 0o777) for p in files if p.name == "webhook.key"] == ["0o600"]


CLIENT = textwrap.dedent("""
    import json, sys
    from mlflow import MlflowClient
    from mlflow.entities.webhook import VALID_ENTITY_ACTIONS, WebhookEvent
    from mlflow.webhooks.types import get_example_payload_for_event
    c = MlflowClient(sys.argv[1])
    w = c.create_webhook("client", sys.argv[2], ["prompt.created", WebhookEvent("prompt_version", "created")],
                         description="d", secret="x")
    assert c.get_webhook(w.webhook_id).url == sys.argv[2] and w.status == "ACTIVE"
    assert w.webhook_id in [x.webhook_id for x in c.list_webhooks(max_results=100)]
    trial = c.test_webhook(w.webhook_id)
    assert trial.success and trial.response_status == 200 and trial.response_body == "seen", trial
    for entity, actions in VALID_ENTITY_ACTIONS.items():
        for event in (WebhookEvent(entity, action) for action in sorted(actions, key=str)):
            assert c.test_webhook(w.webhook_id, event).success, event
            print(json.dumps([entity.value, event.action.value, get_example_payload_for_event(event)]))
    c.register_prompt("greeting", "Hello {{name}}", tags={"a": "b"}, commit_message="first")
    assert str(c.update_webhook(w.webhook_id, name="renamed", events=["prompt_alias.created"]).events[0]) \\
        .endswith("prompt_alias.created")
    c.set_prompt_alias("greeting", "best", 1)
    print("all well")
""")


def test_client(t, receiver):
    client = subprocess.Popen([sys.executable, "-X", "faulthandler", "-c", CLIENT, t.url, receiver.url],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said, _ = client.communicate(timeout=180)
    except subprocess.TimeoutExpired:
        client.send_signal(signal.SIGABRT)  # its stacks are the story
        said, _ = client.communicate()
    assert "all well" in said, f"{said}\n--- the server:\n{t.log.read_text()[-3000:]}\n--- told: {receiver.events()}"
    examples = [tuple(json.loads(line)) for line in said.splitlines() if line.startswith("[")]
    assert len(examples) == 15
    until(lambda: len(receiver.got) >= 1 + len(examples) + 3, "the prompt to be told")
    trial, *told = receiver.events()
    assert trial[:2] in (("prompt", "created"), ("prompt_version", "created")) and trial in examples
    trials, told = told[:len(examples)], told[len(examples):]
    assert trials == examples
    assert sorted(e[0] for e in told) == ["prompt", "prompt_alias", "prompt_version"]
    version = next(e[2] for e in told if e[0] == "prompt_version")
    assert (version["template"], version["description"]) == ("Hello {{name}}", "first")


def test_trial_without_receiver(t):
    h = hook(t, "http://127.0.0.1:1/", "MODEL_VERSION.CREATED")
    result = t.post(f"webhooks/{h}/test")["result"]
    assert result["success"] is False and result["error_message"]
    t.post("webhooks/" + h, method="DELETE")


def test_nothing_of_this_machine_is_called(receiver):
    """Who may make webhooks must not reach through us what only we can: looked at when it is made, and when it is called."""
    root = short_directory()
    with Tracking(root=root, env=ENV) as tracking:
        made = tracking.post("webhooks", name="near", url=receiver.url, events=[{"entity": "PROMPT", "action": "CREATED"}])["webhook"]
        assert tracking.post(f"webhooks/{made['webhook_id']}/test")["result"]["success"] and len(receiver.got) == 1
    with Tracking(root=root, env={"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https"}) as tracking:
        for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost"), "http://169.254.169.254/computeMetadata/v1/"):
            why = tracking.refused("POST", "webhooks", {"name": "x", "url": url, "events": [{"entity": "PROMPT", "action": "CREATED"}]})
            assert "must not resolve to a non-public IP address" in why
        result = tracking.post(f"webhooks/{made['webhook_id']}/test")["result"]
        assert not result["success"] and result["error_message"] and len(receiver.got) == 1
    shutil.rmtree(root)
