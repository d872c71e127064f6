"""What nobody asks: each request of the comparison's script that succeeds, again with every field in many wrong or odd forms. The server says
what it does not take and goes on. All of them are some 30,000: one of so many is asked, with ONEBOX_GENERATED=all each."""

import http.client
import json
import os
import re
import zlib
from urllib.parse import urlencode

from mlflow_peer import Side
from tracking_calls import API
from tracking_calls_all import CALLS
from tracking_calls_generated import bodies, queries
from tracking_test import Tracking

SHARE = 1 if os.environ.get("ONEBOX_GENERATED") == "all" else 97


class Asker:
    """One connection, as far as the server keeps it."""

    def __init__(self, t):
        self.t, self.n, self.faults = t, 0, []
        self.open()

    def open(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.t.port)

    def ask(self, what, method, path, body=None):
        self.n += 1
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as e:
            assert self.t.process.poll() is None, (what, method, path, body, self.t.log.read_text()[-2000:])
            self.faults.append((what, method, path, body, repr(e)))
            self.open()
            return
        if answer.status >= 500 and answer.status not in (501, 503):
            self.faults.append((what, method, path, body, answer.status, text[:300]))


def test_all():
    with Tracking() as t:
        side, asker, done = Side(t.port), Asker(t), set()
        for name, method, path, body, saves in ((*call, None)[:5] for call in CALLS):
            answer = side.call(method, path, body, saves)
            if answer.status != 200 or not (isinstance(body, dict) or body is None and method == "GET") or path.endswith("/test"):
                continue
            target = side.fill(path)
            target = target if target.startswith("/") else API + target
            for what, changed in queries(body or {}) if method == "GET" else bodies(body):
                key = re.sub(r"\{\w+\}", "{}", f"{method} {path} {what}")
                if key in done or zlib.crc32(key.encode()) % SHARE:
                    continue
                done.add(key)
                if method == "GET":
                    asker.ask(what, method, target + "?" + urlencode([(k, side.fill(v)) for k, v in changed]))
                else:
                    if "create" in path:  # else most are refused for the name alone
                        changed = {k: f"{v}{asker.n}" if k in ("name", "secret_name") and v == body[k] and isinstance(v, str) else v for k, v in changed.items()}
                    asker.ask(what, method, target, json.dumps(side.fill(changed)).encode())
        assert asker.faults == []
        assert asker.n > 20000 / SHARE, asker.n
        assert t.get("experiments/get", experiment_id="0")["experiment"]["name"] == "Default"
