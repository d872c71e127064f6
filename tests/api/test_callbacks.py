"""What follows from ends, retries and missed deadlines: commands, webhooks, mails; each told, once, whatever dies."""
import http.server
import json
import os
import socketserver
import threading

import pytest

from box import Box
from scheduler_calls import load, own, run  # noqa: F401


class Hook:
    """A webhook that answers as told."""

    def __init__(self, *statuses):
        hook = self
        self.got, self.statuses = [], list(statuses)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                hook.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(hook.statuses.pop(0) if hook.statuses else 200)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=s3cret"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Smtp:
    """As much of a mail server as one mail needs."""

    def __init__(self):
        smtp = self
        self.mails = []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(b"220 test\r\n")
                to = []
                while line := self.rfile.readline():
                    word = line.split()[0].upper() if line.split() else b""
                    if word == b"RCPT":
                        to.append(line.decode().strip())
                    if word == b"DATA":
                        self.wfile.write(b"354 go\r\n")
                        text = b""
                        while (part := self.rfile.readline()) != b".\r\n":
                            text += part
                        smtp.mails.append((to, text.decode()))
                    self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                    if word == b"QUIT":
                        return

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.url = f"smtp://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def smtp():
    return Smtp()


@pytest.fixture(scope="module")
def box(smtp):
    b = Box(f"[scheduler]\nstop_grace = 1s\n[notify]\nsmtp_url = {smtp.url}\nmail_from = box@example.org\n").up()
    yield b
    log = b.end()
    assert "s3cret" not in log


def test_commands_for_every_kind_of_end(box, tmp_path):
    os.chmod(tmp_path, 0o777)
    say = f"echo $ONEBOX_CALLBACK >> {tmp_path}/told"
    on = [f"on_{e}: {json.dumps(say)}" for e in ("success", "failure", "retry", "skipped")]
    load(box, "ends", [("good", "true", *on, "depends_on: []"), ("bad", "exit 3", *on, "depends_on: []", "retries: 1",
                                                               "retry_delay: 0.5"),
                       ("skip", "exit 99", *on, "depends_on: []")],
         more=f"    on_failure: {json.dumps(say)}\n    on_success: {json.dumps(say)}\n")
    run_id, whole = run(box, "ends")
    assert whole["state"] == "success"  # its end is skipped before the retry fails, as in Airflow
    box.wait(lambda: len((tmp_path / "told").read_text().splitlines()) == 5, 30, "five callbacks")
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert {(t.get("task_id"), t["event"], t["state"]) for t in told} == {
        ("good", "on_success", "success"), ("bad", "on_retry", "up_for_retry"), ("bad", "on_failure", "failed"),
        ("skip", "on_skipped", "skipped"), (None, "on_success", "success")}
    bad = next(t for t in told if t["event"] == "on_failure" and t.get("task_id"))
    assert (bad["message"], bad["try_number"], bad["run_id"]) == ("exit code 3", 2, run_id)


def test_webhook_is_asked_again_and_its_address_is_no_argument(box):
    hook = Hook(503)
    load(box, "hooked", [("a", "false", f"on_failure: {{webhook: '{hook.url}'}}")])
    run(box, "hooked")
    box.wait(lambda: len(hook.got) == 2, 30, "the second time")
    assert hook.got[0] == hook.got[1] and hook.got[0]["task_id"] == "a"


def test_mail(box, smtp):
    load(box, "mailed", [("a", "true", "on_success: [{mail: [ops@example.org, me@example.org]}]")])
    run_id, _ = run(box, "mailed")
    box.wait(lambda: smtp.mails, 30, "the mail")
    to, text = smtp.mails[0]
    assert to == ["RCPT TO:<ops@example.org>", "RCPT TO:<me@example.org>"]
    assert "Subject: [onebox] mailed.a: on_success\r\n" in text and f"Run: {run_id}" in text
    assert "From: box@example.org" in text


def test_deadline(box, tmp_path):
    os.chmod(tmp_path, 0o777)
    load(box, "late", [("a", f"until test -e {tmp_path}/go; do sleep 0.1; done")],
         more=f"    deadlines: [{{from: queued_at, after: 0.5, name: soon, callbacks: 'echo $ONEBOX_CALLBACK > {tmp_path}/late'}}]\n")
    run_id = box.trigger("late")
    box.wait(lambda: (tmp_path / "late").exists() and (tmp_path / "late").read_text(), 30, "the alert")
    told = json.loads((tmp_path / "late").read_text())
    assert (told["event"], told["message"], told["state"]) == ("deadline_missed", "soon", "running")
    why = box.get(f"/api/onebox/v1/why?dag_id=late&run_id={run_id.replace('+', '%2B')}").json["text"]
    assert "deadline soon was missed" in why
    (tmp_path / "go").touch()
    assert box.wait_run("late", run_id)["state"] == "success"


def test_told_once_though_the_scheduler_dies(own, tmp_path):
    os.chmod(tmp_path, 0o777)
    own.up()
    load(own, "dies", [(f"t{i}", "true", "depends_on: []",
                        f"on_success: 'sleep 0.2; mkdir {tmp_path}/{i} || touch {tmp_path}/twice'") for i in range(20)])
    run_id = own.trigger("dies")
    for n in (3, 8, 14):
        own.wait(lambda: len(os.listdir(tmp_path)) >= n, 60, f"{n} callbacks")
        own.restart("scheduler")
        own.wait_ready()
    assert own.wait_run("dies", run_id)["state"] == "success"
    own.wait(lambda: len(os.listdir(tmp_path)) == 20, 60, "all callbacks")
    assert not (tmp_path / "twice").exists()


def test_a_callback_that_fails_hurts_nobody(box):
    load(box, "harmless", [("a", "true", "on_success: 'exit 7'")])
    run_id, whole = run(box, "harmless")
    assert whole["state"] == "success"
    box.wait(lambda: "callback" in box.tail(1 << 20) and "exit code 7" in box.tail(1 << 20), 30, "the log")
