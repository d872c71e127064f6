"""The real `mlflow server` beside ours, and what is asked of both.

ONEBOX_PEER_MLFLOW is the bin directory of a venv with mlflow 3.18.0.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlencode

from daemon_test import ask, end_group, free_port, until
from tracking_calls import API
from tracking_test import KEK

PEER = os.environ.get("ONEBOX_PEER_MLFLOW")


class Peer:
    """`mlflow server` with these more arguments; without a URI on a SQLite file of its own."""

    def __init__(self, root, uri=None, *args, env=None):
        self.root = root
        self.port = free_port()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", Path(PEER) / "mlflow", "server", "--workers", "1", "--port", str(self.port),
             "--backend-store-uri", uri or f"sqlite:///{root}/mlflow.db", "--artifacts-destination", f"{root}/artifacts", *args],
            stdout=open(root / "log", "wb"), stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, **KEK, **(env or {}), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONHASHSEED": "0"})
        for _ in range(6):  # it may take minutes on a busy machine
            try:
                until(self.answers, "mlflow server to answer")
                return
            except AssertionError:
                assert self.process.poll() is None, (root / "log").read_text()
        self.end()
        raise AssertionError((root / "log").read_text())

    def answers(self):
        try:
            return ask(self.port, "GET", "/health").status == 200
        except OSError:
            return False

    def end(self):
        end_group(self.process)


class Side:
    """One server and what its answers gave."""

    def __init__(self, port):
        self.port, self.saved, self.headers = port, {}, {}  # headers: of all requests

    def ask(self, method, target, body, headers):
        return ask(self.port, method, target, body, headers)

    def fill(self, x):
        if isinstance(x, str):
            if x[1:-1] in self.saved and x == "{" + x[1:-1] + "}":
                return self.saved[x[1:-1]]  # a number stays one
            return re.sub(r"\{(\w+)\}", lambda m: str(self.saved.get(m[1], m[0])), x)
        if isinstance(x, dict):
            return {k: self.fill(v) for k, v in x.items()}
        return [self.fill(v) for v in x] if isinstance(x, list) else x

    def call(self, method, path, body, saves):
        headers = {**self.headers, **self.fill(getattr(body, "headers", {}))}
        path, body = self.fill(path), self.fill(body)
        target = path if path.startswith("/") else API + path
        if method == "GET" and body is not None:
            target, body = target + "?" + urlencode(body, doseq=True), None
        elif isinstance(body, dict):
            body, headers = json.dumps(body), {"Content-Type": "application/json", **headers}
        answer = self.ask(method, target, body, headers)
        if saves and answer.status == 200:
            for name, where in saves.items():
                value = json.loads(answer.text)
                for key in where:
                    value = value[key]
                self.saved[name] = value
        return answer

    def neutral(self, text):
        """The text with this server's own ids, moments and made-up names taken out."""
        for name, value in sorted(self.saved.items(), key=lambda kv: -len(str(kv[1]))):
            if isinstance(value, str) and len(value) > 8:
                text = text.replace(value, f"<{name}>")
        text = re.sub(r"\b1[6-9]\d{11}\b", "1500000000000", text)
        text = re.sub(r"\b20(2[6-9]|[3-9]\d)-\d\d-\d\dT[\d:.]*Z", "<now>", text)
        text = re.sub(r"\ba-[0-9a-f]{32}\b", "<assessment>", text)
        text = re.sub(r"\b(dr?|ls|rq|[ems])-[0-9a-f]{32}\b", r"<\1>", text)
        text = re.sub(r'("digest": ")[0-9a-f]{8}"', r'\1<digest>"', text)
        # A set has no order in Python.
        return re.sub(r"\{('[^{}]*')\}", lambda m: "{" + ", ".join(sorted(m[1].split(", "))) + "}", text)
