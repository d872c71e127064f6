"""One database, two servers: what one writes the other reads. ONEBOX_PEER_MLFLOW as in test_differential.py."""

import json
import sqlite3

import pytest
from daemon_test import ask, short_directory
from db_server import KINDS, DbServer
from mlflow_peer import PEER, Peer
from test_differential import unordered
from tracking_calls_traces import T, export, span, trace_info
from tracking_test import Tracking

needs_peer = pytest.mark.skipif(not PEER, reason="ONEBOX_PEER_MLFLOW is not set: no real server to share with")


def call(port, method, path, body=None):
    answer = ask(port, method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
    assert answer.status == 200, (path, answer.status, answer.text)
    return json.loads(answer.text) if answer.text else {}


API = "/api/2.0/mlflow/"


def write(port, name):
    """One of everything."""
    e = call(port, "POST", API + "experiments/create", {"name": name, "tags": [{"key": "é", "value": "ü"}]})["experiment_id"]
    r = call(port, "POST", API + "runs/create", {"experiment_id": e, "start_time": 5, "run_name": "r " + name})["run"]["info"]["run_id"]
    call(port, "POST", API + "runs/log-batch", {"run_id": r, "metrics": [
        {"key": "m", "value": v, "timestamp": t, "step": t} for t, v in enumerate([0.5, -1, "NaN", "Infinity", 1e-300])],
        "params": [{"key": "p", "value": "1"}], "tags": [{"key": "t", "value": "2"}]})
    call(port, "POST", API + "runs/log-inputs", {"run_id": r, "datasets": [
        {"tags": [{"key": "mlflow.data.context", "value": "train"}],
         "dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "s", "schema": "{}"}}]})
    m = call(port, "POST", API + "logged-models", {"experiment_id": e, "name": "lm", "source_run_id": r,
                                                   "params": [{"key": "a", "value": "b"}]})["model"]["info"]["model_id"]
    call(port, "PATCH", API + f"logged-models/{m}", {"model_id": m, "status": "LOGGED_MODEL_READY"})
    call(port, "POST", API + "runs/log-metric", {"run_id": r, "key": "f", "value": 1, "timestamp": 1, "model_id": m})
    call(port, "POST", API + "runs/outputs", {"run_id": r, "models": [{"model_id": m, "step": 1}]})
    call(port, "POST", API + "registered-models/create", {"name": "R" + name, "tags": [{"key": "k", "value": "v"}]})
    call(port, "POST", API + "model-versions/create", {"name": "R" + name, "source": f"models:/{m}", "model_id": m})
    call(port, "POST", API + "registered-models/alias", {"name": "R" + name, "alias": "best", "version": "1"})
    call(port, "POST", API + "runs/update", {"run_id": r, "status": "FINISHED", "end_time": 9})
    return e, r, m


def trace_of(name):
    return int.from_bytes(name.encode(), "big")


def write_trace(port, name, e):
    """A trace with spans, tags and an assessment, as the client sends them."""
    n = trace_of(name)
    call(port, "POST", T, trace_info(n, e, request_preview="ask 🚀", tags={"k": "v"}, trace_metadata={"mlflow.trace.session": "s"}))
    body = json.dumps(export(span(n, 1, "root", spanType='"CHAIN"'), span(n, 2, "child", 1, start=2, took=3, x=1.5)))
    answer = ask(port, "POST", "/v1/traces", body, {"Content-Type": "application/json", "x-mlflow-experiment-id": e})
    assert answer.status == 200, answer.text
    call(port, "POST", f"{T}/tr-{n:032x}/assessments", {"assessment": {
        "assessment_name": "good", "source": {"source_type": "HUMAN", "source_id": "me"}, "feedback": {"value": True}}})


def read_trace(port, name, e):
    n = trace_of(name)
    whole = call(port, "GET", f"{T}/get?trace_id=tr-{n:032x}")
    found = call(port, "POST", T + "/search", {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": e}}],
                                              "filter": "tags.k = 'v' AND status = 'OK'"})
    return unordered({"whole": whole, "found": found})


def read(port, name, e, r, m):
    """All of it, as the server tells it."""
    return {path: call(port, *path) for path in (
        ("GET", API + f"experiments/get?experiment_id={e}"), ("GET", API + f"runs/get?run_id={r}"),
        ("GET", API + f"metrics/get-history?run_id={r}&metric_key=m"), ("GET", API + f"logged-models/{m}"),
        ("GET", API + f"registered-models/get?name=R{name}"), ("GET", API + f"model-versions/get?name=R{name}&version=1"),
        ("GET", API + f"registered-models/alias?name=R{name}&alias=best"))} | {
        "search": call(port, "POST", API + "runs/search", {"experiment_ids": [e], "filter": "metrics.m > 0 AND params.p = '1'"})}


@needs_peer
def test_both_ways(tmp_path):
    root = short_directory()
    args = ("--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db", "--artifacts-destination", f"{tmp_path}/artifacts")
    with Tracking(*args, root=root) as t:
        ours = write(t.port, "ours")
        ours_told = read(t.port, "ours", *ours)
        write_trace(t.port, "ours", ours[0])
        our_trace = read_trace(t.port, "ours", ours[0])
    peer = Peer(tmp_path)  # on the same file, which it finds at its own revision
    try:
        assert read(peer.port, "ours", *ours) == ours_told
        assert read_trace(peer.port, "ours", ours[0]) == our_trace
        theirs = write(peer.port, "theirs")
        theirs_told = read(peer.port, "theirs", *theirs)
        write_trace(peer.port, "theirs", theirs[0])
        their_trace = read_trace(peer.port, "theirs", theirs[0])
    finally:
        peer.end()
    with Tracking(*args, root=root) as t:
        assert read(t.port, "theirs", *theirs) == theirs_told
        assert read(t.port, "ours", *ours) == ours_told
        assert read_trace(t.port, "theirs", theirs[0]) == their_trace
        assert read_trace(t.port, "ours", ours[0]) == our_trace
    db = sqlite3.connect(tmp_path / "mlflow.db")
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []


@needs_peer
def test_a_database_of_theirs_opens(tmp_path):
    peer = Peer(tmp_path)
    try:
        theirs = write(peer.port, "theirs")
        told = read(peer.port, "theirs", *theirs)
    finally:
        peer.end()
    with Tracking("--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db") as t:
        assert read(t.port, "theirs", *theirs) == told
        assert len(call(t.port, "POST", API + "experiments/search", {"max_results": 10})["experiments"]) == 2


@needs_peer
@pytest.mark.parametrize("kind", KINDS)
def test_on_servers(kind, tmp_path):
    """As test_both_ways on PostgreSQL and MySQL; and our tables are theirs, column for column."""
    server, root = DbServer(kind), short_directory()
    try:
        name, theirs_alone = server.fresh(), server.fresh()
        args = ("--backend-store-uri", server.uri(name), "--artifacts-destination", f"{tmp_path}/artifacts")
        with Tracking(*args, root=root) as t:
            ours = write(t.port, "ours")
            ours_told = read(t.port, "ours", *ours)
            write_trace(t.port, "ours", ours[0])
            our_trace = read_trace(t.port, "ours", ours[0])
        peer = Peer(tmp_path, server.uri(name))
        try:
            assert read(peer.port, "ours", *ours) == ours_told
            assert read_trace(peer.port, "ours", ours[0]) == our_trace
            theirs = write(peer.port, "theirs")
            theirs_told = read(peer.port, "theirs", *theirs)
            write_trace(peer.port, "theirs", theirs[0])
            their_trace = read_trace(peer.port, "theirs", theirs[0])
        finally:
            peer.end()
        with Tracking(*args, root=root) as t:
            assert read(t.port, "theirs", *theirs) == theirs_told
            assert read(t.port, "ours", *ours) == ours_told
            assert read_trace(t.port, "theirs", theirs[0]) == their_trace
            assert read_trace(t.port, "ours", ours[0]) == our_trace
        peer = Peer(tmp_path, server.uri(theirs_alone))
        try:
            theirs = write(peer.port, "theirs")
            told = read(peer.port, "theirs", *theirs)
        finally:
            peer.end()
        assert server.shape(name) == server.shape(theirs_alone)
        with Tracking("--backend-store-uri", server.uri(theirs_alone), root=root) as t:
            assert read(t.port, "theirs", *theirs) == told
        assert server.shape(name) == server.shape(theirs_alone)  # our indexes apart
    finally:
        server.end()
