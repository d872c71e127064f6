"""The same requests of several users to the real `mlflow server --app-name basic-auth` 3.18 and to us: who may do what.

ONEBOX_PEER_MLFLOW is the bin directory of a venv with mlflow 3.18.0 and Flask-WTF; without it these tests are
skipped. What is different on purpose stands in JUSTIFIED, with its reason and our status.
"""

import base64
import json

import pytest
from mlflow_peer import PEER, Peer, Side
from tracking_calls_access import ACCESS, USERS, V3, T, password
from tracking_test import Tracking

pytestmark = pytest.mark.skipif(not PEER, reason="ONEBOX_PEER_MLFLOW is not set: no real server to compare with")

R, P = V3 + "roles/", V3 + "users/permissions/"
FORM = ("the peer's answer has another form than all its others", 400)
HELD = ("a permission that would not be held to is not given: there are none on parts of an experiment", 400)
ALL_READ = ("who may read all models is told which are not there", 404)
# By name, or by the default level and the name.
JUSTIFIED = {
    "admin users/create make empty password": FORM,
    "admin users/create make empty name": FORM,
    "admin users/create make a number": ("the peer answers 500 to a client's mistake", 400),
    "admin users/create make short password": ("the machine has a rule of its own for passwords", 400),
    "admin users/create make odd name": ("the machine has a rule of its own for names", 400),
    "admin users/delete delete odd name": ("there is none here", 404),
    "admin users/delete delete what ann made": ("there is none here", 404),
    f"admin {R}create role a number": ("the peer does not say what is wrong", 400),
    **{f"admin {R}permissions/add add {what}": HELD for what in ("bogus", "run", "one run", "skill", "trace")},
    **{f"{who} {P}grant grant {what}": HELD for who in ("admin", "ann") for what in ("bogus", "run")},
    f"admin {P}get get grant bogus": HELD,
    f"admin {P}revoke revoke bogus": HELD,
    f"admin {R}permissions/add add empty pattern": ("a word that is empty is missing", 400),
    "ann users/create make a user": ("users are the machine's, not the workspace's", 403),
    f"uEDIT {V3}scorers/delete EDIT: delete scorer": ("who adds a version to another's scorer gets nothing more by it", 403),
    f"admin {T}/tr-{'0' * 32}/tags absent trace to tag": ("the peer shows what its database said", 404),
    "bob experiments/get-by-name absent experiment's name": ("the peer's check has words of its own", 404),
    ("READ", "bob model-versions/get absent model of a version"): ALL_READ,
    ("READ", "bob registered-models/get-latest-versions absent model's newest"): ALL_READ,
    ("READ", "bob registered-models/alias absent model of an alias"): ALL_READ,
    **{f"u{level} {P}get {level}: own permission on prompt": ("the peer cannot tell of prompts", 200) for level in USERS},
}


def plain(x):
    """Without numbers of rows, the order of users, what is held to by the peer alone, what it gives the administrator beside everything, and the user whom we note with each run."""
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items() if k not in ("id", "role_id", "scorer_id", "online_scoring_config_id")}
    if isinstance(x, list):
        x = sorted(x, key=lambda v: v["username"]) if x and isinstance(x[0], dict) and "username" in x[0] else x
        if x and isinstance(x[0], dict) and "resource_type" in x[0]:  # no order is told of permissions
            x = sorted(x, key=lambda v: (v["resource_type"], v["resource_pattern"], str(v.get("role_name"))))
        return [plain(v) for v in x if not isinstance(v, dict) or (v.get("key") != "mlflow.user" and v.get("resource_type") not in ("run", "trace")
                                                                and v.get("name") != "__user_1__")]
    return "__user" if isinstance(x, str) and x.startswith("__user_") else x  # one's own role: a number of a row, too


def config(root, level):
    """Arguments and environment of a server with users who all have this level on what nobody gave them; they are the same for both."""
    ini = root / "basic_auth.ini"
    ini.write_text(f"[mlflow]\ndefault_permission = {level}\ndatabase_uri = sqlite:///{root}/basic_auth.db\nadmin_username = admin\n"
                   "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
                   "auth_cache_ttl_seconds = 86400\n")  # else the peer takes minutes to compute the same passwords
    return ("--app-name", "basic-auth"), {"MLFLOW_AUTH_CONFIG_PATH": str(ini), "MLFLOW_AUTH_ADMIN_PASSWORD": password("admin"), "MLFLOW_FLASK_SERVER_SECRET_KEY": "of the tests"}


@pytest.fixture(scope="module", params=("READ", "NO_PERMISSIONS"))
def answers(request, tmp_path_factory):
    """All calls, made once, to both in the same order."""
    got, root = {}, tmp_path_factory.mktemp("peer")
    args, env = config(root, request.param)
    peer = Peer(root, None, *args, env=env)
    try:
        args, env = config(tmp_path_factory.mktemp("ours"), request.param)
        with Tracking(*args, env=env) as t:
            sides = Side(peer.port), Side(t.port)
            for call in ACCESS:
                who, name, method, path, body, saves = (*call, None)[:6]
                words = f"{who}:{password(who)}"
                for side in sides:
                    side.headers = {"Authorization": "Basic " + base64.b64encode(words.encode()).decode()} if who else {}
                    answer = side.call(method, path, body, saves)
                    got.setdefault(f"{who} {path} {name}", []).append((answer.status, side.neutral(answer.text)))
    finally:
        peer.end()
    return request.param, got


NAMES = [f"{c[0]} {c[3]} {c[1]}" for c in ACCESS]


@pytest.mark.parametrize("name", NAMES if PEER else [f"{len(NAMES)} calls"])
def test_same(answers, name):
    level, got = answers
    theirs, our = got[name]
    reason = JUSTIFIED.get(name) or JUSTIFIED.get((level, name))
    if reason:
        assert our[0] == reason[1], our
        return
    assert our[0] == theirs[0], (theirs[1], our[1])
    if our[0] in (401, 403):  # the peer says it in plain words
        assert json.loads(our[1])["error_code"] == ("UNAUTHENTICATED" if our[0] == 401 else "PERMISSION_DENIED")
    elif our[1] != theirs[1]:
        assert plain(json.loads(our[1])) == plain(json.loads(theirs[1]))


def test_justified_are_calls():
    assert {key if isinstance(key, str) else key[1] for key in JUSTIFIED} <= set(NAMES)
