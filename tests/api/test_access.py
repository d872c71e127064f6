"""MLflow's basic-auth app: users, roles, permissions on single experiments and models; with
ONEBOX_PEER_AUTH (a port where `mlflow server --app-name basic-auth` of 3.18 listens, admin and the
password below) the same script runs there."""

import base64
import json
import os
import re
import sqlite3
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from daemon_test import add_user, ask
from tracking_test import Tracking

ADMIN = ("admin", "password1234x")
V2, V3 = "/api/2.0/mlflow/", "/api/3.0/mlflow/"


class Server:
    def __init__(self, port):
        self.port = port
        self.salt = uuid.uuid4().hex[:8]

    def ask(self, who, method, path, body=None, headers=None):
        headers = {"Authorization": "Basic " + base64.b64encode(":".join(who).encode()).decode(), **(headers or {})}
        target = path if path.startswith("/") else V2 + path
        if method == "GET" and body is not None:
            target, body = target + "?" + urlencode(body, doseq=True), None
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        return ask(self.port, method, target, body, headers)

    def ok(self, *args, **kw):
        answer = self.ask(*args, **kw)
        assert answer.status == 200, (args, answer.status, answer.text)
        return json.loads(answer.text) if answer.text else {}

    def refused(self, *args, status=403, **kw):
        answer = self.ask(*args, **kw)
        assert answer.status == status, (args, answer.status, answer.text)
        return answer.text


def servers():
    yield "ours"
    if os.environ.get("ONEBOX_PEER_AUTH"):
        yield "peer"


@pytest.fixture(scope="module", params=servers())
def s(request):
    if request.param == "peer":
        yield Server(int(os.environ["ONEBOX_PEER_AUTH"]))
        return
    with Tracking("--app-name", "basic-auth") as t:
        add_user(t.state, *ADMIN, "admin")
        server = Server(t.port)
        server.tracking = t
        yield server


@pytest.fixture(scope="module")
def people(s):
    """Two users; ann has an experiment with a run and a registered model."""
    ann, bob = ("ann-" + s.salt, "correct horse"), ("bob-" + s.salt, "battery staple")
    for name, password in (ann, bob):
        made = s.ok(ADMIN, "POST", "users/create", {"username": name, "password": password})["user"]
        assert made["username"] == name and made["is_admin"] is False and isinstance(made["id"], int)
    e = s.ok(ann, "POST", "experiments/create", {"name": "ann's " + s.salt})["experiment_id"]
    r = s.ok(ann, "POST", "runs/create", {"experiment_id": e})["run"]["info"]["run_id"]
    m = "model of ann " + s.salt
    s.ok(ann, "POST", "registered-models/create", {"name": m})
    s.ok(ann, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{e}/{r}/artifacts/a.txt", b"x")
    return ann, bob, e, r, m


def test_users(s, people):
    ann, bob, *_ = people
    assert s.ok(ann, "GET", "users/get", {"username": ann[0]})["user"]["username"] == ann[0]
    s.refused(ann, "GET", "users/get", {"username": bob[0]})
    s.refused(ann, "POST", "users/create", {"username": "x" + s.salt, "password": "y" * 12})
    s.refused(ADMIN, "POST", "users/create", {"username": ann[0], "password": "y" * 12}, status=400)
    s.refused(ADMIN, "GET", "users/get", {"username": "nobody"}, status=404)
    current = s.ok(ann, "GET", "users/current")
    assert current["user"]["username"] == ann[0] and current["is_basic_auth"] is True
    assert {ann[0], bob[0]} <= {u["username"] for u in s.ok(ADMIN, "GET", "users/list")["users"]}
    cat = ("cat-" + s.salt, "long enough 1")
    s.ok(ADMIN, "POST", "users/create", {"username": cat[0], "password": cat[1]})
    s.refused(cat, "PATCH", "users/update-password", {"username": cat[0], "password": "long enough 2"}, status=400)
    s.refused(cat, "PATCH", "users/update-password", {"username": cat[0], "password": "long enough 2", "current_password": "no"}, status=400)
    s.ok(cat, "PATCH", "users/update-password", {"username": cat[0], "password": "long enough 2", "current_password": cat[1]})
    s.refused(cat, "GET", "users/current", status=401)
    cat = (cat[0], "long enough 2")
    s.refused(cat, "PATCH", "users/update-admin", {"username": cat[0], "is_admin": True})
    s.ok(ADMIN, "PATCH", "users/update-admin", {"username": cat[0], "is_admin": True})
    assert s.ok(cat, "GET", "users/current")["user"]["is_admin"] is True
    s.refused(cat, "DELETE", "users/delete", {"username": cat[0]}, status=400)
    s.ok(ADMIN, "DELETE", "users/delete", {"username": cat[0]})
    s.refused(cat, "GET", "users/current", status=401)


def test_default_is_reading(s, people):
    ann, bob, e, r, m = people
    s.ok(bob, "GET", "experiments/get", {"experiment_id": e})
    s.ok(bob, "GET", "runs/get", {"run_id": r})
    s.ok(bob, "GET", "registered-models/get", {"name": m})
    for method, path, body in (
            ("POST", "runs/create", {"experiment_id": e}),
            ("POST", "runs/log-metric", {"run_id": r, "key": "m", "value": 1, "timestamp": 1}),
            ("POST", "runs/log-batch", {"run_id": r, "metrics": [], "params": [], "tags": []}),
            ("POST", "runs/log-parameter", {"run_id": r, "key": "p", "value": "1"}),
            ("POST", "runs/set-tag", {"run_id": r, "key": "p", "value": "1"}),
            ("POST", "runs/update", {"run_id": r, "status": "FINISHED"}),
            ("POST", "runs/delete", {"run_id": r}),
            ("POST", "experiments/update", {"experiment_id": e, "new_name": "x"}),
            ("POST", "experiments/delete", {"experiment_id": e}),
            ("POST", "experiments/set-experiment-tag", {"experiment_id": e, "key": "x", "value": "y"}),
            ("PATCH", "registered-models/update", {"name": m, "description": "x"}),
            ("DELETE", "registered-models/delete", {"name": m}),
            ("POST", "registered-models/set-tag", {"name": m, "key": "x", "value": "y"}),
            ("POST", "registered-models/rename", {"name": m, "new_name": "x"})):
        s.refused(bob, method, path, body)
    s.refused(bob, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{e}/{r}/artifacts/b.txt", b"x")
    assert s.ask(bob, "GET", f"/api/2.0/mlflow-artifacts/artifacts/{e}/{r}/artifacts/a.txt").status == 200
    s.ok(ann, "POST", "runs/log-metric", {"run_id": r, "key": "m", "value": 1, "timestamp": 1})


def grant(s, by, user, kind, thing, permission):
    return s.ok(by, "POST", V3 + "users/permissions/grant", {"username": user, "resource_type": kind, "resource_id": thing, "permission": permission})


def revoke(s, by, user, kind, thing):
    return s.ok(by, "POST", V3 + "users/permissions/revoke", {"username": user, "resource_type": kind, "resource_id": thing})


def level(s, by, user, kind, thing):
    got = s.ok(by, "GET", V3 + "users/permissions/get", {"username": user, "resource_type": kind, "resource_id": thing})
    return got["permission"], got["allowed"]


def test_edit(s, people):
    ann, bob, e, r, m = people
    assert level(s, ADMIN, bob[0], "experiment", e) == ("READ", False)
    assert level(s, ADMIN, ann[0], "experiment", e) == ("MANAGE", True)
    s.refused(bob, "POST", V3 + "users/permissions/grant", {"username": bob[0], "resource_type": "experiment", "resource_id": e, "permission": "EDIT"})
    grant(s, ann, bob[0], "experiment", e, "EDIT")
    s.refused(ann, "POST", V3 + "users/permissions/grant", {"username": bob[0], "resource_type": "experiment", "resource_id": e, "permission": "EDIT"}, status=400)
    assert level(s, bob, bob[0], "experiment", e) == ("EDIT", True)
    mine = s.ok(bob, "GET", V3 + "users/current/permissions")["permissions"]
    assert [(p["resource_type"], p["resource_pattern"], p["permission"]) for p in mine] == [("experiment", e, "EDIT")]
    s.ok(bob, "POST", "runs/log-metric", {"run_id": r, "key": "m", "value": 1, "timestamp": 1})
    s.ok(bob, "POST", "runs/create", {"experiment_id": e})
    s.ok(bob, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{e}/{r}/artifacts/b.txt", b"x")
    s.refused(bob, "POST", "experiments/delete", {"experiment_id": e})
    s.refused(bob, "POST", "runs/delete", {"run_id": r})
    revoke(s, ann, bob[0], "experiment", e)
    s.refused(bob, "POST", "runs/log-metric", {"run_id": r, "key": "m", "value": 1, "timestamp": 1})
    s.refused(ann, "POST", V3 + "users/permissions/revoke", {"username": bob[0], "resource_type": "experiment", "resource_id": e}, status=404)


def test_denied(s, people):
    """What may not be read is not found by any search, and its artifacts are not given out."""
    ann, bob, e, r, m = people
    open_one = s.ok(ann, "POST", "experiments/create", {"name": "open " + s.salt})["experiment_id"]
    grant(s, ADMIN, bob[0], "experiment", e, "DENY")
    grant(s, ADMIN, bob[0], "registered_model", m, "DENY")
    for method, path, body in (
            ("GET", "experiments/get", {"experiment_id": e}),
            ("GET", "experiments/get-by-name", {"experiment_name": "ann's " + s.salt}),
            ("GET", "runs/get", {"run_id": r}),
            ("GET", "artifacts/list", {"run_id": r}),
            ("GET", "metrics/get-history", {"run_id": r, "metric_key": "m"}),
            ("GET", "/get-artifact", {"run_id": r, "path": "a.txt"}),
            ("GET", f"/api/2.0/mlflow-artifacts/artifacts/{e}/{r}/artifacts/a.txt", None),
            ("GET", "/api/2.0/mlflow-artifacts/artifacts", {"path": f"{e}/{r}/artifacts"}),
            ("GET", "registered-models/get", {"name": m})):
        s.refused(bob, method, path, body)
    found = s.ok(bob, "POST", "experiments/search", {"max_results": 1000})["experiments"]
    ids = {x["experiment_id"] for x in found}
    assert open_one in ids and e not in ids
    assert s.ok(bob, "POST", "runs/search", {"experiment_ids": [e, open_one]}).get("runs", []) == []
    assert m not in [x["name"] for x in s.ok(bob, "GET", "registered-models/search", {"max_results": 1000}).get("registered_models", [])]
    query = {"query": '{ mlflowGetExperiment(input: {experimentId: "%s"}) { experiment { name } } }' % e}
    assert "ann's" not in s.ask(bob, "POST", "/graphql", query).text
    assert m in [x["name"] for x in s.ok(ann, "GET", "registered-models/search", {"max_results": 1000})["registered_models"]]
    revoke(s, ADMIN, bob[0], "experiment", e)
    revoke(s, ADMIN, bob[0], "registered_model", m)
    s.ok(bob, "GET", "experiments/get", {"experiment_id": e})


def test_roles(s, people):
    ann, bob, e, r, m = people
    s.refused(bob, "POST", V3 + "roles/create", {"workspace": "default", "name": "r" + s.salt})
    role = s.ok(ADMIN, "POST", V3 + "roles/create", {"workspace": "default", "name": "r" + s.salt, "description": "d"})["role"]
    assert role["name"] == "r" + s.salt and role["description"] == "d" and role["workspace"] == "default"
    permission = s.ok(ADMIN, "POST", V3 + "roles/permissions/add", {"role_id": role["id"], "resource_type": "experiment", "resource_pattern": "*", "permission": "EDIT"})["role_permission"]
    assert permission["permission"] == "EDIT"
    assigned = s.ok(ADMIN, "POST", V3 + "roles/assign", {"username": bob[0], "role_id": role["id"]})["assignment"]
    assert assigned["role_id"] == role["id"]
    assert role["id"] in [x["id"] for x in s.ok(bob, "GET", V3 + "users/roles/list", {"username": bob[0]})["roles"]]
    assert [x["user_id"] for x in s.ok(ADMIN, "GET", V3 + "roles/users/list", {"role_id": role["id"]})["assignments"]] == [assigned["user_id"]]
    s.ok(bob, "POST", "runs/log-metric", {"run_id": r, "key": "m", "value": 2, "timestamp": 2})
    assert s.ok(ADMIN, "PATCH", V3 + "roles/permissions/update", {"role_permission_id": permission["id"], "permission": "READ"})["role_permission"]["permission"] == "READ"
    s.refused(bob, "POST", "runs/log-metric", {"run_id": r, "key": "m", "value": 2, "timestamp": 2})
    assert len(s.ok(ADMIN, "GET", V3 + "roles/permissions/list", {"role_id": role["id"]})["role_permissions"]) == 1
    s.ok(ADMIN, "DELETE", V3 + "roles/permissions/remove", {"role_permission_id": permission["id"]})
    assert s.ok(ADMIN, "PATCH", V3 + "roles/update", {"role_id": role["id"], "name": "s" + s.salt})["role"]["name"] == "s" + s.salt
    assert s.ok(ADMIN, "GET", V3 + "roles/get", {"role_id": role["id"]})["role"]["name"] == "s" + s.salt
    s.ok(ADMIN, "DELETE", V3 + "roles/unassign", {"username": bob[0], "role_id": role["id"]})
    s.ok(ADMIN, "DELETE", V3 + "roles/delete", {"role_id": role["id"]})
    s.refused(ADMIN, "GET", V3 + "roles/get", {"role_id": role["id"]}, status=404)


def test_own_model(s, people):
    ann, bob, e, r, m = people
    s.ok(ann, "POST", "registered-models/set-tag", {"name": m, "key": "x", "value": "y"})
    s.ok(ann, "POST", "registered-models/rename", {"name": m, "new_name": m + "2"})
    s.ok(ann, "PATCH", "registered-models/update", {"name": m + "2", "description": "x"})
    s.refused(bob, "DELETE", "registered-models/delete", {"name": m + "2"})
    s.ok(ann, "DELETE", "registered-models/delete", {"name": m + "2"})
    # the name is free, and nobody keeps a right on it
    s.ok(bob, "POST", "registered-models/create", {"name": m + "2"})
    s.refused(ann, "DELETE", "registered-models/delete", {"name": m + "2"})


def test_a_new_name_keeps_what_was_granted(s, people):
    """Whoever renames it, an administrator too, and nobody gets more by it."""
    _, bob, _, _, _ = people
    m = "renamed " + s.salt
    s.ok(ADMIN, "POST", "registered-models/create", {"name": m})
    grant(s, ADMIN, bob[0], "registered_model", m, "EDIT")
    s.ok(bob, "POST", "registered-models/rename", {"name": m, "new_name": m + "2"})
    assert level(s, ADMIN, bob[0], "registered_model", m + "2")[0] == "EDIT"
    s.refused(bob, "DELETE", "registered-models/delete", {"name": m + "2"})
    s.ok(ADMIN, "POST", "registered-models/rename", {"name": m + "2", "new_name": m + "3"})
    assert level(s, ADMIN, bob[0], "registered_model", m + "3")[0] == "EDIT"


def test_prompts_have_permissions_of_their_own(s, people):
    _, bob, _, _, _ = people
    p, m = "prompt-" + s.salt, "no prompt " + s.salt
    s.ok(ADMIN, "POST", "registered-models/create", {"name": p, "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]})
    s.ok(ADMIN, "POST", "registered-models/create", {"name": m})
    tag = {"name": p, "key": "k", "value": "v"}

    def found(words):
        got = s.ok(bob, "GET", "registered-models/search", {"filter": f"name LIKE '%{s.salt}'{words}"})
        return {x["name"] for x in got.get("registered_models", [])} & {p, m}

    prompts = " AND tags.`mlflow.prompt.is_prompt` = 'true'"
    assert (found(""), found(prompts)) == ({m}, {p})
    grant(s, ADMIN, bob[0], "registered_model", p, "MANAGE")  # of a model of this name
    s.refused(bob, "POST", "registered-models/set-tag", tag)
    grant(s, ADMIN, bob[0], "prompt", p, "EDIT")
    s.ok(bob, "POST", "registered-models/set-tag", tag)
    s.refused(bob, "DELETE", "registered-models/delete", {"name": p})
    s.ok(ADMIN, "POST", V3 + "users/permissions/revoke", {"username": bob[0], "resource_type": "prompt", "resource_id": p})
    grant(s, ADMIN, bob[0], "prompt", p, "DENY")
    s.refused(bob, "GET", "registered-models/get", {"name": p})
    assert (found(""), found(prompts)) == ({m}, set())
    s.ok(ADMIN, "DELETE", "registered-models/delete", {"name": p})


def test_scorers_have_permissions_of_their_own(s, people):
    ann, bob, e, _, _ = people
    one = {"experiment_id": e, "name": "a/b ü"}
    s.ok(ann, "POST", V3 + "scorers/register", {**one, "serialized_scorer": "{}"})
    key = f"{e}/a%2Fb%20%C3%BC"
    assert level(s, ADMIN, ann[0], "scorer", key)[0] == "MANAGE"
    s.refused(bob, "DELETE", V3 + "scorers/delete", one)
    grant(s, ADMIN, bob[0], "scorer", key, "DENY")
    for path in ("get", "versions"):
        s.refused(bob, "GET", V3 + "scorers/" + path, one)
    s.ok(ann, "DELETE", V3 + "scorers/delete", one)
    assert level(s, ADMIN, ann[0], "scorer", key)[0] == "READ"


def test_who_manages_the_workspace(s, people):
    """Everything there is, and roles; but no user of the machine is made by it."""
    ann, bob, e, r, _ = people
    m = "of managers " + s.salt
    s.ok(ADMIN, "POST", "registered-models/create", {"name": m})
    made = s.ok(ADMIN, "POST", V3 + "roles/create", {"name": "managers " + s.salt, "workspace": "default"})["role"]["id"]
    s.ok(ADMIN, "POST", V3 + "roles/permissions/add", {"role_id": made, "resource_type": "workspace", "resource_pattern": "*", "permission": "USE"})
    s.ok(ADMIN, "POST", V3 + "roles/assign", {"username": bob[0], "role_id": made})
    assert s.ok(bob, "GET", V3 + "roles/get", {"role_id": str(made)})["role"]["id"] == made
    s.refused(bob, "POST", V3 + "roles/create", {"name": "of bob " + s.salt, "workspace": "default"})
    s.refused(bob, "POST", "experiments/update", {"experiment_id": e, "new_name": "bob's " + s.salt})
    s.ok(ADMIN, "POST", V3 + "roles/permissions/add", {"role_id": made, "resource_type": "registered_model", "resource_pattern": m, "permission": "DENY"})
    s.refused(bob, "GET", "registered-models/get", {"name": m})
    own = s.ok(ADMIN, "GET", V3 + "roles/permissions/list", {"role_id": made})["role_permissions"]
    s.ok(ADMIN, "PATCH", V3 + "roles/permissions/update", {"role_permission_id": own[0]["id"], "permission": "MANAGE"})
    s.ok(bob, "GET", "registered-models/get", {"name": m})
    s.ok(bob, "POST", "runs/set-tag", {"run_id": r, "key": "by", "value": "bob"})
    of_bob = s.ok(bob, "POST", V3 + "roles/create", {"name": "of bob " + s.salt, "workspace": "default"})["role"]["id"]
    s.ok(bob, "POST", V3 + "roles/assign", {"username": ann[0], "role_id": of_bob})
    assert of_bob in [x["id"] for x in s.ok(bob, "GET", V3 + "users/roles/list", {"username": ann[0]})["roles"]]
    s.refused(bob, "POST", V3 + "roles/create", {"name": "x", "workspace": "elsewhere"})
    s.refused(bob, "PATCH", "users/update-admin", {"username": bob[0], "is_admin": True})
    s.refused(bob, "PATCH", "users/update-password", {"username": ann[0], "password": "another long password"})
    s.ok(ADMIN, "DELETE", V3 + "roles/delete", {"role_id": made})
    s.ok(ADMIN, "DELETE", V3 + "roles/delete", {"role_id": of_bob})
    s.refused(bob, "POST", "runs/set-tag", {"run_id": r, "key": "by", "value": "bob"})


def test_roles_are_refused_in_the_words_of_the_peer(s, people):
    role = s.ok(ADMIN, "POST", V3 + "roles/create", {"name": "words " + s.salt, "workspace": "default"})["role"]["id"]
    add = {"role_id": role, "resource_type": "experiment", "resource_pattern": "42", "permission": "READ"}
    assert s.ok(ADMIN, "POST", V3 + "roles/permissions/add", {**add, "resource_pattern": "+044"})["role_permission"]["resource_pattern"] == "44"
    for more, words in (({"permission": "NO_PERMISSIONS"}, "Resource-level grants accept only"), ({"permission": "no"}, "Invalid permission 'no'. Valid permissions are: ('READ'"),
                        ({"resource_type": "workspace", "permission": "USE"}, "supports only wildcard ('*') grants"), ({"resource_type": "workspace", "resource_pattern": "*"}, "Workspace-wide grants accept only"),
                        ({"resource_pattern": "x"}, "Invalid experiment ID 'x'"), ({"role_id": "x"}, "Parameter 'role_id' must be an integer. Got: 'x'"), ({"resource_pattern": "44"}, "already exists")):
        assert words in s.refused(ADMIN, "POST", V3 + "roles/permissions/add", {**add, **more}, status=400), more
    assert "Role name cannot be empty" in s.refused(ADMIN, "PATCH", V3 + "roles/update", {"role_id": role, "name": " "}, status=400)
    assert "reserved '__user_' prefix" in s.refused(ADMIN, "POST", V3 + "roles/create", {"name": "__user_9__", "workspace": "default"}, status=400)
    for body in ({"username": "x" + s.salt, "password": "short"}, {"username": "a b" + s.salt, "password": "a long password"}):
        error = json.loads(s.refused(ADMIN, "POST", "users/create", body, status=400))
        assert error["error_code"] == "INVALID_PARAMETER_VALUE" and error["message"]


def test_what_there_is_not_is_not_told_to_strangers(s):
    """As by Flask's hooks before a request: 401 comes before 404, 405 and redirects."""
    for method, path, known in (("GET", "/nope", 404), ("POST", "/api/2.0/mlflow/nope", 404), ("DELETE", "/api/2.0/mlflow/runs/get", 405),
                                ("GET", "/api/2.0/mlflow/runs/get/", 404), ("GET", "/api/2.0/mlflow//runs/get", 308)):
        assert ask(s.port, method, path).status == 401, path
        assert s.ask(ADMIN, method, path).status == known, path
    assert ask(s.port, "POST", "/health").status == 405  # GET is everybody's


def test_what_an_admin_made_stays_his(s):
    """Also when he is no admin any more."""
    carl = ("carl-" + s.salt, "a long password")
    s.ok(ADMIN, "POST", "users/create", {"username": carl[0], "password": carl[1]})
    s.ok(ADMIN, "PATCH", "users/update-admin", {"username": carl[0], "is_admin": True})
    e = s.ok(carl, "POST", "experiments/create", {"name": "of carl " + s.salt})["experiment_id"]
    grants = s.ok(carl, "GET", V3 + "users/current/permissions")
    assert grants["is_admin"] is True
    assert [(g["resource_type"], g["resource_pattern"], g["permission"]) for g in grants["permissions"]] == [("experiment", e, "MANAGE")]
    s.ok(ADMIN, "PATCH", "users/update-admin", {"username": carl[0], "is_admin": False})
    s.ok(carl, "POST", "experiments/delete", {"experiment_id": e})


def test_without_access_control_there_are_no_users():
    with Tracking() as t:
        assert t.ask("GET", "users/current").status == 404
        assert t.ask("POST", "users/create", {"username": "a", "password": "b" * 12}).status == 404


def test_a_flood_of_passwords_stops_nobody_else():
    """Hundreds of guesses at once: each gets its answer, most without a look; who is known goes on working."""
    with Tracking("--app-name", "basic-auth") as t, ThreadPoolExecutor(40) as pool:
        add_user(t.state, *ADMIN, "admin")
        server = Server(t.port)
        server.ok(ADMIN, "GET", "users/current")
        guesses = [pool.submit(server.ask, (f"nobody{i % 10}", f"guess{i}"), "POST", "experiments/create", {"name": "x"}) for i in range(400)]
        served = [server.ask(ADMIN, "POST", "experiments/create", {"name": f"served {i}"}) for i in range(50)]
        assert {a.status for a in served} == {200}
        answers = [g.result() for g in guesses]
        assert {a.status for a in answers} <= {401, 429, 503}, {a.status for a in answers}
        hasty = [a for a in answers if a.status != 401]
        assert len(hasty) > 100  # not one second of the processor for each of them
        assert all(int(a.headers["Retry-After"]) > 0 for a in hasty)
        # one name, one password, many connections at once: all are let in, and it is computed once
        server.ok(ADMIN, "POST", "users/create", {"username": "ann", "password": "correct horse battery"})

        def first_visit(_):
            while True:
                answer = server.ask(("ann", "correct horse battery"), "GET", "users/current")
                if answer.status not in (429, 503):
                    return answer.status
                time.sleep(0.05)  # the guesses have used up what may be computed in this second
        assert set(pool.map(first_visit, range(40))) == {200}


def test_uploads_in_parts_and_signed_urls_ask_first(s, people):
    """Whoever may not write to an experiment gets no URL that would: told before it is said that there is none."""
    ann, bob, e, r, _ = people
    parts = {"path": "m.pkl", "num_parts": 1, "upload_id": "x", "parts": [{"part_number": 1, "etag": "y"}]}
    for what in ("create", "complete", "abort"):
        for where in (f"{e}/{r}/artifacts/m", f"{e}//{r}/artifacts", "elsewhere/x", f"./{e}/{r}"):
            s.refused(bob, "POST", f"/api/2.0/mlflow-artifacts/mpu/{what}/{where}", parts)
        s.refused(ann, "POST", f"/api/2.0/mlflow-artifacts/mpu/{what}/{e}/{r}/artifacts/m", parts, status=501)
    s.refused(bob, "GET", "/api/2.0/mlflow-artifacts/presigned/elsewhere/x")
    s.refused(bob, "GET", f"/api/2.0/mlflow-artifacts/presigned/{e}/{r}/artifacts/a.txt", status=501)  # may read


def test_a_version_is_tied_to_what_may_be_read(s, people):
    ann, bob, e, r, _ = people
    mine = "bob's model " + s.salt
    s.ok(bob, "POST", "registered-models/create", {"name": mine})
    uri = s.ok(ann, "GET", "runs/get", {"run_id": r})["run"]["info"]["artifact_uri"]
    body = {"name": mine, "source": uri + "/m", "run_id": r}
    assert s.ok(bob, "POST", "model-versions/create", body)["model_version"]["run_id"] == r  # reading is the default here
    s.refused(bob, "POST", "model-versions/create", {**body, "run_id": ""})
    s.refused(bob, "POST", "model-versions/create", {**body, "model_id": ""})


def form(s, who, **fields):
    return s.ask(who, "POST", "users/create-ui", urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"})


def test_signup(s, people):
    ann, bob, *_ = people
    s.refused(ann, "GET", "/signup")
    assert s.ask(("nobody", "x"), "GET", "/signup").status == 401
    page = s.ask(ADMIN, "GET", "/signup")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html"), page.text
    token = re.search(r'name="csrf_token" value="(\S+)"', page.text)[1]
    dan = {"username": "dan-" + s.salt, "password": "long enough 3"}
    for bad, why in (({}, "missing"), ({"csrf_token": ""}, "missing"), ({"csrf_token": "x"}, "invalid"), ({"csrf_token": token[:-1] + "x"}, "")):
        answer = form(s, ADMIN, **dan, **bad)
        assert answer.status == 400 and f"The CSRF token is {why}" in answer.text, answer.text
    assert form(s, ADMIN, csrf_token=token, username="", password="x").text == "Username and password cannot be empty."
    if s.port != int(os.environ.get("ONEBOX_PEER_AUTH", 0)):  # the peer finds the token in a cookie and lets its possessor make users
        s.refused(ann, "POST", "users/create-ui", b"")
        taken = form(s, ADMIN, csrf_token=token, **{**dan, "username": ann[0]})
        assert taken.status == 200 and f"Username has already been taken: {ann[0]}" in taken.text
        odd = form(s, ADMIN, csrf_token=token, **{**dan, "username": "</script><b>\"'\\"})
        assert odd.status == 200 and "<b>" not in odd.text
        made = form(s, ADMIN, csrf_token=token, **dan)
        assert made.status == 200 and f"Successfully signed up user: {dan['username']}" in made.text
        assert s.ok((dan["username"], dan["password"]), "GET", "users/current")["user"]["is_admin"] is False


def test_first_administrator(tmp_path):
    """As `mlflow server --app-name basic-auth` is told who that is."""
    (tmp_path / "basic_auth.ini").write_text("[mlflow]\ndefault_permission = NO_PERMISSIONS\nadmin_username = root\nadmin_password = from the file\n"
                                             "database_uri = sqlite:///basic_auth.db\n")
    env = {"MLFLOW_AUTH_CONFIG_PATH": str(tmp_path / "basic_auth.ini")}
    root, ann = ("root", "from the file"), ("ann", "correct horse")
    with Tracking("--app-name", "basic-auth", env=env) as t:
        s = Server(t.port)
        assert s.ok(root, "GET", "users/get", {"username": "root"})["user"]["is_admin"] is True
        e = s.ok(root, "POST", "experiments/create", {"name": "hidden"})["experiment_id"]
        s.ok(root, "POST", "users/create", {"username": ann[0], "password": ann[1]})
        s.refused(ann, "GET", "experiments/get", {"experiment_id": e})
        for target in (f"presigned/{e}/x/artifacts/a", f"artifacts?path={e}/x", f"artifacts/{e}/x/artifacts/a"):
            s.refused(ann, "GET", "/api/2.0/mlflow-artifacts/" + target)
        run = s.ok(root, "POST", "runs/create", {"experiment_id": e})["run"]["info"]
        s.ok(ann, "POST", "registered-models/create", {"name": "ann's"})
        body = {"name": "ann's", "source": run["artifact_uri"], "run_id": run["run_id"]}
        assert "Permission denied" in s.refused(ann, "POST", "model-versions/create", body)
        s.refused(ann, "POST", V3 + "traces/batchGetInfos", {"trace_ids": ["tr-x"]})  # nothing at all may be read
        s.ok(root, "POST", V3 + "users/permissions/grant", {"username": "ann", "resource_type": "experiment", "resource_id": e, "permission": "READ"})
        s.ok(ann, "POST", V3 + "traces/batchGetInfos", {"trace_ids": ["tr-x"]})
        last = json.loads((t.state / "auth/audit-tracking.log").read_text().splitlines()[-1])
        assert last["object"] == f"username=ann resource_type=experiment resource_id={e} permission=READ"
        s.ok(ann, "POST", "model-versions/create", body)
        model = s.ok(root, "POST", "logged-models", {"experiment_id": e})["model"]["info"]
        s.ok(ann, "POST", "model-versions/create", {"name": "ann's", "source": model["artifact_uri"], "model_id": model["model_id"]})
        s.ok(root, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{e}/x/artifacts/a", b"x")
        s.refused(ann, "DELETE", "users/delete", {"username": "root"})
        text = (t.state / "auth/audit-tracking.log").read_text()
        assert ann[1] not in text and root[1] not in text
        log = [(x.get("user"), x["action"].split("/mlflow")[-1], x.get("object"), x["result"]) for x in map(json.loads, text.splitlines())]
        assert log[:3] == [(None, "user add", "root", "ok"), ("root", "/experiments/create", "name=hidden", "200"), ("root", "/users/create", "username=ann", "200")]
        assert log[-2:] == [("root", f"-artifacts/artifacts/{e}/x/artifacts/a", None, "200"), ("ann", "/users/delete", "username=root", "403")]
        assert ("ann", "/model-versions/create", f"name=ann's run_id={run['run_id']}", "403") in log
    with Tracking("--app-name", "basic-auth", env={"MLFLOW_AUTH_ADMIN_PASSWORD": "from the environment"}) as t:
        Server(t.port).ok(("admin", "from the environment"), "GET", "users/list")
        Server(t.port).refused(("admin", "from the file"), "GET", "users/list", status=401)


SCHEMA_2 = """
CREATE TABLE r(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, description TEXT);
INSERT INTO r SELECT id, name, description FROM grant_roles;
CREATE TABLE g(id INTEGER PRIMARY KEY AUTOINCREMENT, role_id INTEGER NOT NULL REFERENCES r(id) ON DELETE CASCADE, type TEXT NOT NULL, pattern TEXT NOT NULL,
               permission TEXT NOT NULL, UNIQUE (role_id, type, pattern));
INSERT INTO g SELECT id, role_id, type, pattern, permission FROM grants;
CREATE TABLE m(id INTEGER PRIMARY KEY AUTOINCREMENT, role_id INTEGER NOT NULL REFERENCES r(id) ON DELETE CASCADE, user_id INTEGER NOT NULL
               REFERENCES users(id) ON DELETE CASCADE, UNIQUE (user_id, role_id));
INSERT INTO m SELECT id, role_id, user_id FROM grant_members;
DROP TABLE grants; DROP TABLE grant_members; DROP TABLE grant_roles;
ALTER TABLE r RENAME TO grant_roles; ALTER TABLE g RENAME TO grants; ALTER TABLE m RENAME TO grant_members;
CREATE INDEX grant_members_role ON grant_members(role_id);
CREATE INDEX grants_resource ON grants(type, pattern);
"""


def test_roles_of_before_there_were_workspaces(tmp_path):
    """auth.db as it was: what hung on roles still does."""
    env = {"MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1]}
    ann = ("ann", "correct horse")
    with Tracking("--app-name", "basic-auth", root=tmp_path, env=env) as t:
        s = Server(t.port)
        s.ok(ADMIN, "POST", "users/create", {"username": ann[0], "password": ann[1]})
        role = s.ok(ADMIN, "POST", V3 + "roles/create", {"name": "old", "workspace": "default"})["role"]["id"]
        s.ok(ADMIN, "POST", V3 + "roles/permissions/add", {"role_id": role, "resource_type": "experiment", "resource_pattern": "*", "permission": "EDIT"})
        s.ok(ADMIN, "POST", V3 + "roles/assign", {"username": "ann", "role_id": role})
        s.ok(ann, "POST", "experiments/create", {"name": "ann's"})
        before = s.ok(ADMIN, "GET", V3 + "users/roles/list", {"username": "ann"})
    with sqlite3.connect(t.state / "auth/auth.db") as db:
        db.executescript(SCHEMA_2)
        assert db.execute("DELETE FROM schema_version WHERE version = 3").rowcount == 1
    with Tracking("--app-name", "basic-auth", root=tmp_path, env=env) as t:
        s = Server(t.port)
        assert s.ok(ADMIN, "GET", V3 + "users/roles/list", {"username": "ann"}) == before
        s.ok(ADMIN, "DELETE", V3 + "roles/delete", {"role_id": role})
        assert [r["name"][:7] for r in s.ok(ADMIN, "GET", V3 + "users/roles/list", {"username": "ann"})["roles"]] == ["__user_"]
        assert len(s.ok(ADMIN, "GET", V3 + "users/permissions/list", {"username": "ann"})["permissions"]) == 1
