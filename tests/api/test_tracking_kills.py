"""onebox-tracking killed at moments by chance: no acknowledged write is missing, the file is sound.

ONEBOX_TEST_ROUNDS sets the number of kills."""

import http.client
import json
import os
import random
import signal
import sqlite3
import threading
import time

from tracking_test import Tracking

ROUNDS = int(os.environ.get("ONEBOX_TEST_ROUNDS", "8"))
CLIENTS = 6


class Client(threading.Thread):
    """Logs metrics, params and tags of one run until the server is gone; keeps what was acknowledged."""

    def __init__(self, port, run_id, number, first_step):
        super().__init__()
        self.port, self.run_id, self.number, self.step = port, run_id, number, first_step
        self.metrics, self.params, self.tags, self.refused = [], [], {}, []

    def post(self, connection, call, body):
        connection.request("POST", f"/api/2.0/mlflow/runs/{call}", json.dumps({"run_id": self.run_id, **body}),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            self.refused.append(text)
        return answer.status == 200

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        key = f"k{self.number}"
        try:
            while True:
                self.step += 1
                s = self.step
                point = {"key": key, "value": s * 0.5, "timestamp": s, "step": s}
                if s % 5 == 0:
                    batch = {"metrics": [dict(point, step=s), dict(point, key=key + "b")],
                             "params": [{"key": f"{key}p{s}", "value": str(s)}],
                             "tags": [{"key": key, "value": str(s)}]}
                    if self.post(connection, "log-batch", batch):
                        self.metrics += [(key, s), (key + "b", s)]
                        self.params.append((f"{key}p{s}", str(s)))
                        self.tags[key] = s
                elif self.post(connection, "log-metric", point):
                    self.metrics.append((key, s))
        except (OSError, http.client.HTTPException):
            pass  # killed
        finally:
            connection.close()


def check(server, run_id, clients):
    run = server.get("runs/get", run_id=run_id)["run"]["data"]
    params = {(p["key"], p["value"]) for p in run.get("params", [])}
    tags = {t["key"]: t["value"] for t in run.get("tags", [])}
    db = sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)
    there = set(db.execute("SELECT key, step FROM metrics WHERE run_uuid = ?", (run_id,)))
    latest = dict(db.execute("SELECT key, step FROM latest_metrics WHERE run_uuid = ?", (run_id,)))
    newest = dict(db.execute("SELECT key, max(step) FROM metrics WHERE run_uuid = ? GROUP BY key", (run_id,)))
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert latest == newest  # a point and its latest row are one write
    for c in clients:
        assert not c.refused
        assert set(c.metrics) <= there
        assert set(c.params) <= params
        for key, step in c.tags.items():
            assert int(tags[key]) >= step
        # a batch is there whole or not at all
        for key, step in there:
            if key == f"k{c.number}b":
                assert (f"k{c.number}", step) in there and (f"k{c.number}p{step}", str(step)) in params


def test_kills():
    dice = random.Random(20261122)
    n_acknowledged = 0
    with Tracking() as server:
        run_id = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
        for i in range(ROUNDS):
            clients = [Client(server.port, run_id, k, i * 1_000_000) for k in range(CLIENTS)]
            for c in clients:
                c.start()
            time.sleep(dice.uniform(0.05, 0.5))  # the moment is by chance; nothing depends on it
            server.end(signal.SIGKILL)
            for c in clients:
                c.join()
            server.log.write_text("")  # its next port is the first one said
            server.start()
            check(server, run_id, clients)
            n_acknowledged += sum(len(c.metrics) for c in clients)
    assert n_acknowledged > ROUNDS
