"""The same requests to the real `mlflow server` 3.18 and to us: same status, same answer.

ONEBOX_PEER_MLFLOW is the bin directory of a venv with mlflow 3.18.0; without it these tests are
skipped. What is different on purpose stands in JUSTIFIED, with its reason.
"""

import json

import pytest
from db_server import KINDS, DbServer
from mlflow_peer import PEER, Peer, Side
from tracking_calls_all import CALLS
from tracking_calls_conventions import PRICED
from tracking_calls_gateway import UNGUARDED, UNREADABLE, B, E, P, R, S
from tracking_calls_oddities import BEYOND_JSON
from tracking_calls_pages import AJAX3
from tracking_calls_traces import T
from tracking_test import Tracking

pytestmark = pytest.mark.skipif(not PEER, reason="ONEBOX_PEER_MLFLOW is not set: no real server to compare with")

# call → why our answer is another one. "status" in the reason's place of a tuple: (reason, our status).
A = "/api/2.0/mlflow-artifacts/artifacts"
REFUSED = "the peer answers 500 to a client's mistake"
LEAKS_SQL = "the peer's message leaks SQL"
LEFT_OUT = ("a part of the peer that we do not have says so", 501)
NOTHING = ("a part of the peer that we do not have is empty", 200)
PRICES = ("the peer has a list of models' prices and adds what a span must have cost; we keep what the client says it cost", 200)
ENUM = ("the peer cannot read its own enumeration there", 200)
JUSTIFIED = {
    "experiments/search search bad token": "the peer decodes garbage to nothing",
    "runs/create create in default": ("without an experiment the peer fails in its database, we take the default one", 200),
    "runs/search filter run_id IN (1)": "the peer shows the list as Python's tuple",
    "runs/search filter run_id IN ((5))": "the peer shows the list as Python's tuple",
    "runs/log-metric metric list value": REFUSED,
    "runs/search duplicate order": REFUSED,
    "registered-models/rename rename taken": "the peer's message leaks SQL",
    "experiments/update rename taken": "the peer's message leaks SQL",
    "experiments/create create again": "the peer's message leaks SQL",
    "/graphql graphql by GET": REFUSED,
    "/graphql skip": ("we tell the first fault only", 200),
    "/graphql search runs": ENUM,
    "/graphql search runs literal": ENUM,
    T + " start known": ("the peer answers with tags it has read before", 200),
    T + "/nope/tags set tag of none": ("the peer leaks SQL", 404),
    T + "/search search text LIKE '%ä%'": ("the peer's reader takes `text` for a word of SQL", 200),
    T + "/search search timestamp = 'x'": "the peer's reader takes `timestamp` for a word of SQL",
    T + "/search search timestamp LIKE '5'": "the peer's reader takes `timestamp` for a word of SQL",
    T + "/search search text = 'x'": "the peer's reader takes `text` for a word of SQL",
    T + "/search search ; status = 'OK'": "we name the semicolon",
    T + "/search search span.attributes.n IN ('1.5')": "the peer's message comes from its library for SQL",
    T + "/search search order status status": REFUSED,
    T + "/search search bad token": "the peer decodes garbage to nothing",
    "webhooks create same event twice": ("the peer leaks SQL", 200),
    "webhooks create unknown entity": (REFUSED, 400),
    "webhooks/{w1} change bad state": ("the peer takes an unknown state for none", 400),
    T + "/tr-issue-0/assessments/{ia0} change trace's issue": ("the peer fails on every change of a reference to an issue", 200),
    T + "/get whole priced": PRICES,
    T + f"/{PRICED} told priced": PRICES,
    T + "/metrics metrics no way": "the peer's SQL has no columns",
    AJAX3 + "assistant/config assistant": NOTHING,
    AJAX3 + "assistant/providers assistant providers": NOTHING,
    "/ajax-api/2.0/mlflow/runs/create-promptlab-run lab": ("the Python model that the peer saves beside it is left out", 200),
    AJAX3 + "jobs/x job": LEFT_OUT,
    S + "create secret base not https": "we name the schemes as for webhooks",
    E + "create endpoint again": LEAKS_SQL,
    E + "create endpoint same model twice": LEAKS_SQL,
    E + "update rename endpoint taken": LEAKS_SQL,
    B + "create bind again": LEAKS_SQL,
    B + "create bind a cat": REFUSED,
    **{f"{P}create budget with {value!r} as {key}": "the peer takes what it cannot read for nothing" for key, value in UNREADABLE},
    **{f"{R}create guardrail with {value!r} as {key}": REFUSED for key, value in UNGUARDED},
    R + "create guardrail with 'e-0' as action_endpoint_id": (LEAKS_SQL, 404),
    R + "update-config guard at odd place": "the peer takes what it cannot read for nothing",
    "/api/3.0/mlflow/scorers/delete version of a guardrail goes": LEAKS_SQL,
    "/api/3.0/mlflow/scorers/delete scorer of a guardrail goes": LEAKS_SQL,
    AJAX3 + "ui-telemetry telemetry sent": ("what the peer says hangs on its way to the Internet; we send nothing to anybody", 200),
    "experiments/create location 'file://host/a'": REFUSED,
    "logged-models/search odd models of dataset no digest": ("by REST the peer takes a digest that is left out for an empty one; its documentation, its store and we do not", 200),
    **{f"metrics/get-history metric{s} beyond JSON {text} got": ("the peer takes it and keeps a 0 at no time", 200) for text in BEYOND_JSON for s in ("", "s")},
    A + "/{e1}/{r1}/artifacts/d get directory": "this one answer of the peer has another form than all others",
}

# The same for one engine alone.
LEAKS = "the peer fails in its database, and its message leaks SQL"
JUSTIFIED_ON = {
    "postgres": {"/api/3.0/mlflow/datasets/{d3}/add-experiments add odd experiment": (LEAKS, 404),
                 T + "/search search name RLIKE '('": (LEAKS, 200)},
    "mysql": {
        T + "/search search name RLIKE '('": (LEAKS, 200),
        "experiments/create engine named 1": LEAKS,
        "experiments/create engine named 2": LEAKS,
        "experiments/create engine named 3": LEAKS,
        **{f"runs/log-{what} engine {name} of run {key!r}": LEAKS for what, name in (("parameter", "param"), ("metric", "metric"))
           for key in ("key", "kéy", "key ")},
        "runs/search engine search metrics.m > -1e400": ("the peer's driver has no infinity", 200),
        T + "/metrics metrics latency": ("the peer's percentiles are other ones on MySQL than on its other engines, and its means are cut off", 200),
    },
}


@pytest.fixture(scope="module", params=("sqlite", *KINDS))
def engine(request):
    return request.param


@pytest.fixture(scope="module")
def database(engine):
    """Makes the URI of a new database; None: the server's own SQLite file."""
    if engine == "sqlite":
        yield lambda: None
        return
    server = DbServer(engine)
    yield lambda: server.uri(server.fresh())
    server.end()


# Lists whose order is part of the answer; all others come from the servers' heaps in any order.
ORDERED = {"issues", "runs", "traces", "trace_infos", "experiments", "registered_models", "model_versions", "models", "configs"}


def unordered(x, key=None):
    if isinstance(x, dict):
        return {k: unordered(v, k) for k, v in x.items()}
    if not isinstance(x, list):
        return x
    x = [unordered(v) for v in x]
    return x if key in ORDERED else sorted(x, key=lambda v: json.dumps(v, sort_keys=True))


@pytest.fixture(scope="module")
def peer(tmp_path_factory, database):
    p = Peer(tmp_path_factory.mktemp("peer"), database())
    yield p
    p.end()


@pytest.fixture(scope="module")
def ours(database):
    uri = database()
    with Tracking(*(("--backend-store-uri", uri) if uri else ())) as t:
        yield t


@pytest.fixture(scope="module")
def answers(peer, ours):
    """All calls, made once, to both in the same order."""
    sides, got = (Side(peer.port), Side(ours.port)), {}
    for call in CALLS:
        name, method, path, body, saves = (*call, None)[:5]
        name = f"{path} {name}"
        assert name not in got, name
        got[name] = [(a.status, a.headers, s.neutral(a.text)) for s in sides for a in [s.call(method, path, body, saves)]]
    return got


NAMES = [f"{c[2]} {c[0]}" for c in CALLS]


# Without the peer thousands of tests would be made only to be skipped.
@pytest.mark.parametrize("name", NAMES if PEER else [f"{len(NAMES)} calls"])
def test_same(answers, engine, name):
    theirs, our = answers[name]
    reason = JUSTIFIED.get(name) or JUSTIFIED_ON.get(engine, {}).get(name)
    if reason:
        status = reason[1] if isinstance(reason, tuple) else 400
        assert our[0] == status, our
        return
    assert our[0] == theirs[0], (theirs[2], our[2])
    if our[2] != theirs[2] and theirs[0] == 200 and (engine != "sqlite" or name.startswith((E + "list", R + "list"))):
        assert unordered(json.loads(our[2])) == unordered(json.loads(theirs[2]))
        return
    if our[2] != theirs[2] and theirs[0] >= 400:
        assert json.loads(our[2]) == json.loads(theirs[2])
        return
    if "traces" in name:  # its maps have no order
        assert ordered(our[2]) == ordered(theirs[2])
    else:
        assert our[2] == theirs[2]
    if theirs[0] == 200:
        assert (our[1].get("Content-Type") or "").split(";")[0] == (theirs[1].get("content-type") or "").split(";")[0]


def ordered(text):
    """The text's JSON, the pairs of maps in lists in order."""
    def sort(x):
        if isinstance(x, dict):
            return {k: sort(v) for k, v in x.items()}
        if isinstance(x, list):
            if all(isinstance(v, dict) and "key" in v for v in x):
                return sorted((sort(v) for v in x), key=lambda v: v["key"])
            return [sort(v) for v in x]
        return x
    return sort(json.loads(text)) if text[:1] in ("{", "[") else text


def test_justified_are_calls():
    assert set(JUSTIFIED).union(*JUSTIFIED_ON.values()) <= set(NAMES)
