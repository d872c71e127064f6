"""onebox-tracking killed at moments by chance: no acknowledged write is missing, the database is sound. On SQLite, and
on a PostgreSQL that goes on living.

ONEBOX_TEST_ROUNDS sets the number of kills."""

import http.client
import json
import os
import random
import signal
import sqlite3
import threading
import time

import pytest
from db_server import DbServer
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


def rows_of_sqlite(server):
    def rows(sql):
        db = sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)
        try:
            return [tuple(map(str, row)) for row in db.execute(sql)]
        finally:
            db.close()
    return rows


def check(server, rows, run_id, clients):
    run = server.get("runs/get", run_id=run_id)["run"]["data"]
    params = {(p["key"], p["value"]) for p in run.get("params", [])}
    tags = {t["key"]: t["value"] for t in run.get("tags", [])}
    there = {(key, int(step)) for key, step in rows(f"SELECT key, step FROM metrics WHERE run_uuid = '{run_id}'")}
    latest = dict(rows(f"SELECT key, step FROM latest_metrics WHERE run_uuid = '{run_id}'"))
    newest = dict(rows(f"SELECT key, max(step) FROM metrics WHERE run_uuid = '{run_id}' GROUP BY key"))
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


def kill_again_and_again(server, rows, n_rounds, sound):
    dice = random.Random(20261122)
    n_acknowledged = 0
    with server:
        run_id = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
        for i in range(n_rounds):
            clients = [Client(server.port, run_id, k, i * 1_000_000) for k in range(CLIENTS)]
            for c in clients:
                c.start()
            time.sleep(dice.uniform(0.05, 0.5))  # the moment is by chance; nothing depends on it
            server.end(signal.SIGKILL)
            for c in clients:
                c.join()
            server.log.write_text("")  # its next port is the first one said
            server.start()
            check(server, rows, run_id, clients)
            sound()
            n_acknowledged += sum(len(c.metrics) for c in clients)
    assert n_acknowledged > n_rounds


def test_kills():
    server = Tracking()
    rows = rows_of_sqlite(server)

    def sound():
        assert rows("PRAGMA integrity_check") == [("ok",)]
    kill_again_and_again(server, rows, ROUNDS, sound)


@pytest.fixture(scope="module")
def postgres():
    server = DbServer("postgres")
    yield server
    server.end()


def test_kills_on_postgres(postgres):
    name = postgres.fresh()

    def sound():  # what the killed server had begun is rolled back, and its connections are gone or go
        assert postgres.sql("SELECT count(*) FROM metrics m LEFT JOIN runs r ON r.run_uuid = m.run_uuid WHERE r.run_uuid IS NULL", name) == [["0"]]
    kill_again_and_again(Tracking("--backend-store-uri", postgres.uri(name)), lambda sql: [tuple(r) for r in postgres.sql(sql, name)],
                         max(2, ROUNDS // 2), sound)
