"""onebox-tracking in tests: started on a port of its own, asked in JSON."""

import json
import re
import shutil
from urllib.parse import urlencode

from daemon_test import Daemon, ask, short_directory, until


# What the gateway's secrets are sealed with; the key of it is made when the first one comes.
KEK = {"MLFLOW_CRYPTO_KEK_PASSPHRASE": "a passphrase of the tests"}


class Tracking(Daemon):
    """The daemon, by hand: no login, loopback only. Everything it keeps goes with it."""

    def __init__(self, *args, root=None, env=None):
        self.own_root = root is None
        super().__init__("tracking", root or short_directory(), "--port", 0, *args, env={**KEK, **(env or {})})

    def start(self):
        earlier = self.starts()
        super().start()
        until(lambda: self.process.poll() is not None or len(self.starts()) > len(earlier), "onebox-tracking to listen")
        assert self.process.poll() is None, self.log.read_text()
        self.port = int(self.starts()[-1])
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def starts(self):
        """The ports it came to listen on, one a start."""
        text = self.log.read_text() if self.log.exists() else ""
        return re.findall(r"listening on 127\.0\.0\.1:(\d+)\n.*listening on unix:", text)

    def __exit__(self, *error):
        super().__exit__(*error)
        if self.own_root:
            shutil.rmtree(self.root, ignore_errors=True)

    @property
    def database(self):
        return self.state / "tracking/mlflow.db"

    @property
    def artifacts(self):
        return self.state / "tracking/artifacts"

    def ask(self, method, path, body=None, headers=None, prefix="/api/2.0/mlflow/"):
        """One request; a dict as body goes as JSON, or as the query of a GET."""
        headers = dict(headers or {})
        target = path if path.startswith("/") else prefix + path
        if method == "GET" and isinstance(body, dict):
            target, body = target + "?" + urlencode(body, doseq=True), None
        elif isinstance(body, dict):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        return ask(self.port, method, target, body, headers)

    def get(self, path, **query):
        """The answer's JSON; anything but 200 fails."""
        answer = self.ask("GET", path, query)
        assert answer.status == 200, (path, answer.status, answer.text)
        return json.loads(answer.text)

    def post(self, path, method="POST", **body):
        answer = self.ask(method, path, body)
        assert answer.status == 200, (path, answer.status, answer.text)
        return json.loads(answer.text)

    def refused(self, method, path, body=None, status=400, **kw):
        """The message of a refusal with this status, in MLflow's form."""
        answer = self.ask(method, path, body, **kw)
        assert answer.status == status, (path, answer.status, answer.text)
        error = json.loads(answer.text)
        assert set(error) >= {"error_code", "message"}, error
        return error["message"]

    def run(self, experiment="0", **fields):
        """A new run's id."""
        return self.post("runs/create", experiment_id=experiment, **fields)["run"]["info"]["run_id"]
