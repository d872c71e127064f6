"""Requests of several users, for test_differential_access.py: (who, name, method, path, body, saves), the rest as in tracking_calls.py."""

from tracking_calls_traces import T

V3 = "/api/3.0/mlflow/"
R = V3 + "roles/"
P = V3 + "users/permissions/"
LEVELS = ("READ", "USE", "EDIT", "MANAGE", "DENY")
USERS = ("none", *LEVELS)  # each has its level on an experiment and a model of its own


def password(who):
    return f"the-password-of-{who}"


def _users():
    for who in (None, "ann", "stranger"):
        yield who, "no user yet", "GET", "experiments/search", {"max_results": 1}
    for who in ("ann", "bob", *(f"u{level}" for level in USERS)):
        yield "admin", f"make {who}", "POST", "users/create", {"username": who, "password": password(who)}
    u = "users/"
    for name, body in (("again", {"username": "ann", "password": password("ann")}), ("no password", {"username": "x"}), ("empty password", {"username": "x", "password": ""}),
                       ("no name", {"password": "a-long-password"}), ("empty name", {"username": "", "password": "a-long-password"}), ("a number", {"username": 5, "password": "a-long-password"}),
                       ("short password", {"username": "x", "password": "short"}), ("odd name", {"username": "a/b ü", "password": "a-long-password"})):
        yield "admin", f"make {name}", "POST", u + "create", body
    yield "admin", "delete odd name", "DELETE", u + "delete", {"username": "a/b ü"}
    for who in ("ann", "bob", "admin"):
        for of in ("ann", "nobody"):
            yield who, f"get {of}", "GET", u + "get", {"username": of}
        yield who, "current", "GET", u + "current", None
        yield who, "list", "GET", u + "list", None
        yield who, "get without name", "GET", u + "get", None
    yield "bob", "password of another", "PATCH", u + "update-password", {"username": "ann", "password": "another-password"}
    for name, more in (("", {}), (", empty before", {"current_password": ""}), (", wrong before", {"current_password": "another"})):
        yield "bob", f"own new password{name}", "PATCH", u + "update-password", {"username": "bob", "password": "another-password", **more}
    yield "bob", "admin of himself", "PATCH", u + "update-admin", {"username": "bob", "is_admin": True}
    yield "bob", "delete another", "DELETE", u + "delete", {"username": "ann"}
    yield "bob", "make", "POST", u + "create", {"username": "y", "password": "a-long-password"}
    yield "admin", "password of none", "PATCH", u + "update-password", {"username": "nobody", "password": "another-password"}
    yield "admin", "admin of none", "PATCH", u + "update-admin", {"username": "nobody", "is_admin": True}
    yield "admin", "admin without word", "PATCH", u + "update-admin", {"username": "bob"}
    yield "admin", "delete none", "DELETE", u + "delete", {"username": "nobody"}


def _roles():
    yield "bob", "role", "POST", R + "create", {"name": "a role", "workspace": "default"}
    yield "admin", "role", "POST", R + "create", {"name": "a role", "workspace": "default", "description": "words"}, {"role": ("role", "id")}
    yield "admin", "second role", "POST", R + "create", {"name": "second", "workspace": "default"}, {"second": ("role", "id")}
    for name, body in (("again", {"name": "a role", "workspace": "default"}), ("no name", {"workspace": "default"}), ("no workspace", {"name": "x"}), ("empty name", {"name": "", "workspace": "default"}),
                       ("a number", {"name": 5, "workspace": "default"}), ("reserved", {"name": "__user_x", "workspace": "default"})):
        yield "admin", f"role {name}", "POST", R + "create", body
    for who in ("admin", "bob"):
        yield who, "get role", "GET", R + "get", {"role_id": "{role}"}
        yield who, "get role of none", "GET", R + "get", {"role_id": 9999}
        yield who, "get role odd", "GET", R + "get", {"role_id": "x"}
        yield who, "get role without id", "GET", R + "get", None
        yield who, "list roles", "GET", R + "list", {"workspace": "default"}
        yield who, "list all roles", "GET", R + "list", None
        for what, blank in (("empty", ""), ("blank", " \t"), ("blank among others", ["default", " "])):
            yield who, f"list roles, workspace {what}", "GET", R + "list", {"workspace": blank}
    for name, body in (("", {"role_id": "{role}", "name": "renamed"}), ("describe", {"role_id": "{role}", "description": "d"}), ("nothing", {"role_id": "{role}"}), ("none", {"role_id": 9999, "name": "x"}),
                       ("taken", {"role_id": "{role}", "name": "second"}), ("empty", {"role_id": "{role}", "name": ""})):
        yield "admin", f"update role {name}", "PATCH", R + "update", body
    yield from _elsewhere()
    add = {"role_id": "{role}", "resource_type": "experiment", "resource_pattern": "42", "permission": "READ"}
    yield "bob", "add", "POST", R + "permissions/add", add
    yield "admin", "add", "POST", R + "permissions/add", add, {"rp": ("role_permission", "id")}
    for name, more in (("again", {}), ("bogus", {"resource_type": "bogus"}), ("bad permission", {"permission": "NOPE"}), ("no permissions", {"permission": "NO_PERMISSIONS"}), ("none", {"role_id": 9999}),
                       ("workspace", {"resource_type": "workspace", "resource_pattern": "*", "permission": "USE"}), ("one workspace", {"resource_type": "workspace", "permission": "USE"}),
                       ("workspace read", {"resource_type": "workspace", "resource_pattern": "*"}), ("deny", {"resource_pattern": "43", "permission": "DENY"}), ("spelt oddly", {"resource_pattern": "+044"}),
                       ("prompt", {"resource_type": "prompt", "resource_pattern": "p"}), ("scorer", {"resource_type": "scorer", "resource_pattern": "1/s"}), ("scorer spelt oddly", {"resource_type": "scorer", "resource_pattern": "01/s"}),
                       ("run", {"resource_type": "run", "resource_pattern": "*"}), ("one run", {"resource_type": "run"}), ("skill", {"resource_type": "skill", "permission": "USE"}), ("empty pattern", {"resource_pattern": ""}),
                       ("trace", {"resource_type": "trace", "resource_pattern": "*", "permission": "DENY"})):
        yield "admin", f"add {name}", "POST", R + "permissions/add", {**add, **more}
    for key in add:
        yield "admin", f"add without {key}", "POST", R + "permissions/add", {k: v for k, v in add.items() if k != key}
    yield "admin", "list of role", "GET", R + "permissions/list", {"role_id": "{role}"}
    yield "admin", "list of no role", "GET", R + "permissions/list", {"role_id": 9999}
    for name, body in (("", {"role_permission_id": "{rp}", "permission": "EDIT"}), ("bad", {"role_permission_id": "{rp}", "permission": "x"}), ("none", {"role_permission_id": 9999, "permission": "READ"}),
                       ("no permissions", {"role_permission_id": "{rp}", "permission": "NO_PERMISSIONS"})):
        yield "admin", f"update permission {name}", "PATCH", R + "permissions/update", body
    for name, body in (("", {"username": "bob", "role_id": "{role}"}), ("again", {"username": "bob", "role_id": "{role}"}), ("none", {"username": "bob", "role_id": 9999}), ("nobody", {"username": "nobody", "role_id": "{role}"})):
        yield "admin", f"assign {name}", "POST", R + "assign", body
    for who in ("admin", "bob", "ann"):
        yield who, "roles of bob", "GET", V3 + "users/roles/list", {"username": "bob"}
        yield who, "roles of nobody", "GET", V3 + "users/roles/list", {"username": "nobody"}
        yield who, "members", "GET", R + "users/list", {"role_id": "{role}"}
        yield who, "permissions of bob", "GET", P + "list", {"username": "bob"}
        yield who, "own permissions", "GET", V3 + "users/current/permissions", None
        yield who, "get role now", "GET", R + "get", {"role_id": "{role}"}
        yield who, "list roles now", "GET", R + "list", {"workspace": "default"}
    for name, body in (("", {"username": "bob", "role_id": "{role}"}), ("again", {"username": "bob", "role_id": "{role}"})):
        yield "admin", f"unassign {name}", "DELETE", R + "unassign", body
    yield "admin", "remove permission", "DELETE", R + "permissions/remove", {"role_permission_id": "{rp}"}
    yield "admin", "remove permission again", "DELETE", R + "permissions/remove", {"role_permission_id": "{rp}"}
    yield "admin", "delete role", "DELETE", R + "delete", {"role_id": "{role}"}
    yield "admin", "delete role again", "DELETE", R + "delete", {"role_id": "{role}"}


def _elsewhere():
    """Roles of another workspace are kept and may be managed; here they grant nothing."""
    yield "admin", "role elsewhere", "POST", R + "create", {"name": "second", "workspace": "elsewhere"}, {"there": ("role", "id")}
    yield "admin", "role elsewhere again", "POST", R + "create", {"name": "second", "workspace": "elsewhere"}
    yield "admin", "role of blanks", "POST", R + "create", {"name": "x", "workspace": " "}
    yield "admin", "manage elsewhere", "POST", R + "permissions/add", {"role_id": "{there}", "resource_type": "workspace", "resource_pattern": "*", "permission": "MANAGE"}, {"rpthere": ("role_permission", "id")}
    yield "admin", "assign elsewhere", "POST", R + "assign", {"username": "bob", "role_id": "{there}"}
    for who in ("admin", "ann", "bob"):
        for name, where in (("", "elsewhere"), (" both", ["elsewhere", "default"]), (" nowhere", "nowhere")):
            yield who, f"list elsewhere{name}", "GET", R + "list", {"workspace": where}
        yield who, "role there", "GET", R + "get", {"role_id": "{there}"}
        yield who, "role there and here", "GET", R + "get", {"role_id": "{there}", "workspace": "default"}
        yield who, "roles of bob elsewhere", "GET", V3 + "users/roles/list", {"username": "bob"}
    for name, body in (("there", {"name": "bobs", "workspace": "elsewhere"}), ("here", {"name": "bobs", "workspace": "default"})):
        yield "bob", f"role of bob {name}", "POST", R + "create", body, {f"bobs{name}": ("role", "id")}
    yield "bob", "two roles", "PATCH", R + "permissions/update", {"role_permission_id": "{rpthere}", "role_id": "{role}", "permission": "USE"}
    yield "bob", "his there", "POST", R + "permissions/add", {"role_id": "{bobsthere}", "resource_type": "experiment", "resource_pattern": "*", "permission": "EDIT"}
    yield "bob", "his here", "POST", R + "permissions/add", {"role_id": "{role}", "resource_type": "experiment", "resource_pattern": "*", "permission": "EDIT"}
    yield "bob", "permissions there", "GET", V3 + "users/current/permissions", None
    yield "bob", "all of this one", "POST", "experiments/set-experiment-tag", {"experiment_id": "0", "key": "k", "value": "v"}


def _workspace_admin():
    yield "admin", "grant the workspace", "POST", R + "permissions/add", {"role_id": "{second}", "resource_type": "workspace", "resource_pattern": "*", "permission": "MANAGE"}
    yield "admin", "assign the workspace", "POST", R + "assign", {"username": "ann", "role_id": "{second}"}
    yield "admin", "experiment of all", "POST", "experiments/create", {"name": "of all"}, {"eall": ("experiment_id",)}
    yield "ann", "role of hers", "POST", R + "create", {"name": "hers", "workspace": "default"}, {"hers": ("role", "id")}
    yield "ann", "role elsewhere", "POST", R + "create", {"name": "hers", "workspace": "elsewhere"}
    yield "ann", "add to hers", "POST", R + "permissions/add", {"role_id": "{hers}", "resource_type": "experiment", "resource_pattern": "*", "permission": "EDIT"}
    yield "ann", "assign hers", "POST", R + "assign", {"username": "bob", "role_id": "{hers}"}
    yield "ann", "list roles", "GET", R + "list", {"workspace": "default"}
    yield "ann", "roles of bob with hers", "GET", V3 + "users/roles/list", {"username": "bob"}
    yield "ann", "tag an experiment of all", "POST", "experiments/set-experiment-tag", {"experiment_id": "{eall}", "key": "a", "value": "b"}
    yield "ann", "delete experiment of all", "POST", "experiments/delete", {"experiment_id": "{eall}"}
    yield "ann", "make a user", "POST", "users/create", {"username": "made", "password": "a-long-password"}
    yield "admin", "delete what ann made", "DELETE", "users/delete", {"username": "made"}
    yield "ann", "list users", "GET", "users/list", None
    yield "ann", "own permissions as admin", "GET", V3 + "users/current/permissions", None
    yield "ann", "unassign hers", "DELETE", R + "unassign", {"username": "bob", "role_id": "{hers}"}
    yield "ann", "delete hers", "DELETE", R + "delete", {"role_id": "{hers}"}


def _things(level):
    """What a user with this level finds: made by admin."""
    e, m = f"{{e{level}}}", f"m-{level}"
    yield "admin", f"experiment {level}", "POST", "experiments/create", {"name": f"e-{level}"}, {f"e{level}": ("experiment_id",)}
    yield "admin", f"run {level}", "POST", "runs/create", {"experiment_id": e, "start_time": 5, "run_name": "one"}, {f"r{level}": ("run", "info", "run_id")}
    yield "admin", f"model {level}", "POST", "registered-models/create", {"name": m}
    yield "admin", f"version {level}", "POST", "model-versions/create", {"name": m, "source": "s3://b/x"}
    yield "admin", f"prompt {level}", "POST", "registered-models/create", {"name": f"p-{level}", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}
    yield "admin", f"logged model {level}", "POST", "logged-models", {"experiment_id": e, "name": "lm"}, {f"lm{level}": ("model", "info", "model_id")}
    yield "admin", f"scorer {level}", "POST", V3 + "scorers/register", {"experiment_id": e, "name": "s", "serialized_scorer": '{"name": "s"}'}, {f"s{level}": ("scorer_id",)}
    yield "admin", f"online {level}", "PUT", V3 + "scorers/online-config", {"experiment_id": e, "name": "s", "sample_rate": 0.0}
    yield "admin", f"dataset {level}", "POST", V3 + "datasets/create", {"name": f"d-{level}", "experiment_ids": [e]}, {f"d{level}": ("dataset", "dataset_id")}
    yield "admin", f"trace {level}", "POST", T, {"trace": {"trace_info": {
        "trace_id": f"tr-{level}", "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": e}}, "request_time": "2025-11-24T16:00:00Z", "state": "OK"}}}
    yield "admin", f"issue {level}", "POST", V3 + "issues", {"experiment_id": e, "name": "i", "description": "d", "issue_id": f"iss-{level}", "source_run_id": f"{{r{level}}}", "created_by": "eve"}
    if level != "none":
        for kind, what in (("experiment", e), ("registered_model", m), ("prompt", f"p-{level}"), ("scorer", e + "/s")):
            yield "admin", f"grant {level} {kind}", "POST", P + "grant", {"username": f"u{level}", "resource_type": kind, "resource_id": what, "permission": level}


class Spans(bytes):
    """None: who may not send any hears that first."""


def _nothing(experiment):
    body = Spans()
    body.headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": experiment}
    return body


def _deeds(level):
    """What each does: reading, writing, then what destroys."""
    e, r, m, lm, d, tr, who = f"{{e{level}}}", f"{{r{level}}}", f"m-{level}", f"{{lm{level}}}", f"{{d{level}}}", f"tr-{level}", f"u{level}"
    p, model, run, at = f"p-{level}", {"name": m}, {"run_id": r}, {"name": m, "version": "1"}
    scorer, trace = {"experiment_id": e, "name": "s"}, {"experiment_id": e, "request_ids": [tr]}
    for name, method, path, body in (
            ("get experiment", "GET", "experiments/get", {"experiment_id": e}), ("by name", "GET", "experiments/get-by-name", {"experiment_name": f"e-{level}"}),
            ("search runs", "POST", "runs/search", {"experiment_ids": [e]}), ("get run", "GET", "runs/get", run), ("history", "GET", "metrics/get-history", {**run, "metric_key": "m"}),
            ("artifacts", "GET", "artifacts/list", run), ("get model", "GET", "registered-models/get", model), ("latest", "POST", "registered-models/get-latest-versions", model),
            ("get version", "GET", "model-versions/get", at), ("uri", "GET", "model-versions/get-download-uri", at), ("search versions", "GET", "model-versions/search", {"filter": f"name = '{m}'"}),
            ("search models", "GET", "registered-models/search", {"filter": f"name LIKE '%{level}'"}), ("get prompt", "GET", "registered-models/get", {"name": p}),
            ("search experiments", "POST", "experiments/search", {"max_results": 50, "filter": "name LIKE 'e-%'", "order_by": ["name"]}),
            ("logged model", "GET", f"logged-models/{lm}", None), ("search logged models", "POST", "logged-models/search", {"experiment_ids": [e]}),
            ("trace", "GET", f"{T}/{tr}", None), ("search traces", "POST", T + "/search", {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": e}}]}),
            ("search traces of all", "POST", T + "/search", {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": of}} for of in (e, "0")]}),
            ("search old traces", "GET", "traces", {"experiment_ids": e}), ("infos", "POST", T + "/batchGetInfos", {"trace_ids": [tr]}),
            ("correlation", "POST", T + "/calculate-filter-correlation", {"experiment_ids": [e], "filter_string1": "status = 'OK'", "filter_string2": "status = 'OK'"}),
            ("metrics", "POST", T + "/metrics", {"experiment_ids": [e], "view_type": "TRACES", "metric_name": "trace_count", "aggregations": [{"aggregation_type": "COUNT"}]}),
            ("scorers", "GET", V3 + "scorers/list", {"experiment_id": e}), ("scorer", "GET", V3 + "scorers/get", scorer), ("scorer versions", "GET", V3 + "scorers/versions", scorer), ("online configs", "GET", V3 + "scorers/online-configs", {"scorer_ids": f"{{s{level}}}"}),
            ("dataset", "GET", f"{V3}datasets/{d}", None), ("records", "GET", f"{V3}datasets/{d}/records", None), ("own permission", "GET", P + "get", {"username": who, "resource_type": "experiment", "resource_id": e}),
            ("own permission on model", "GET", P + "get", {"username": who, "resource_type": "registered_model", "resource_id": m}),
            ("own permission on prompt", "GET", P + "get", {"username": who, "resource_type": "prompt", "resource_id": p}),
            ("label schemas", "GET", V3 + "label-schemas/list", {"experiment_id": e}), ("queues", "GET", V3 + "review-queues/list", {"experiment_id": e}),
            ("issue", "GET", f"{V3}issues/iss-{level}", None), ("unknown issue", "GET", V3 + "issues/iss-nope", None), ("search issues", "POST", V3 + "issues/search", {"experiment_id": e}), ("search all issues", "POST", V3 + "issues/search", {}),
            ("proxied artifacts", "GET", "/api/2.0/mlflow-artifacts/artifacts", {"path": f"{e}/{r}/artifacts"}),
            # writing
            ("tag experiment", "POST", "experiments/set-experiment-tag", {"experiment_id": e, "key": "k", "value": "v"}), ("rename", "POST", "experiments/update", {"experiment_id": e, "new_name": f"e-{level} "}),
            ("create run", "POST", "runs/create", {"experiment_id": e, "start_time": 6, "run_name": "made"}), ("metric", "POST", "runs/log-metric", {**run, "key": "m", "value": 1, "timestamp": 1}),
            ("param", "POST", "runs/log-parameter", {**run, "key": "p", "value": "1"}), ("tag", "POST", "runs/set-tag", {**run, "key": "t", "value": "1"}), ("untag", "POST", "runs/delete-tag", {**run, "key": "t"}),
            ("batch", "POST", "runs/log-batch", {**run, "tags": [{"key": "b", "value": "1"}]}), ("update run", "POST", "runs/update", {**run, "run_name": "named"}), ("inputs", "POST", "runs/log-inputs", {**run, "datasets": []}),
            ("put artifact", "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{e}/{r}/artifacts/a.txt", "words"), ("update model", "PATCH", "registered-models/update", {**model, "description": "d"}),
            ("tag model", "POST", "registered-models/set-tag", {**model, "key": "k", "value": "v"}), ("untag model", "DELETE", "registered-models/delete-tag", {**model, "key": "k"}),
            ("alias", "POST", "registered-models/alias", {**model, "alias": "a", "version": "1"}), ("get alias", "GET", "registered-models/alias", {**model, "alias": "a"}), ("unalias", "DELETE", "registered-models/alias", {**model, "alias": "a"}),
            ("new version", "POST", "model-versions/create", {"name": m, "source": "s3://b/y"}), ("update version", "PATCH", "model-versions/update", {**at, "description": "d"}),
            ("tag version", "POST", "model-versions/set-tag", {**at, "key": "k", "value": "v"}), ("untag version", "DELETE", "model-versions/delete-tag", {**at, "key": "k"}),
            ("stage", "POST", "model-versions/transition-stage", {**at, "stage": "Staging", "archive_existing_versions": False}), ("tag prompt", "POST", "registered-models/set-tag", {"name": p, "key": "k", "value": "v"}),
            ("new logged model", "POST", "logged-models", {"experiment_id": e, "name": "lm2"}), ("tag logged model", "PATCH", f"logged-models/{lm}/tags", {"tags": [{"key": "a", "value": "b"}]}),
            ("untag logged model", "DELETE", f"logged-models/{lm}/tags/a", None), ("finalize", "PATCH", f"logged-models/{lm}", {"model_id": lm, "status": "LOGGED_MODEL_READY"}),
            ("tag trace", "PATCH", f"{T}/{tr}/tags", {"key": "k", "value": "v"}), ("untag trace", "DELETE", f"{T}/{tr}/tags", {"key": "k"}),
            ("link", "POST", "traces/link-to-run", {"trace_ids": [tr], "run_id": r}), ("link from another", "POST", "traces/link-to-run", {"trace_ids": ["tr-DENY"], "run_id": r}),
            ("link to another", "POST", "traces/link-to-run", {"trace_ids": [tr], "run_id": "{rnone}"}), ("link none", "POST", "traces/link-to-run", {"trace_ids": ["tr-nope"], "run_id": r}), ("spans", "POST", "/v1/traces", _nothing(e)),
            ("assess", "POST", f"{T}/{tr}/assessments", {"assessment": {"assessment_name": "q", "trace_id": tr, "feedback": {"value": 1}, "source": {"source_type": "HUMAN", "source_id": "x"}}}),
            ("new trace", "POST", T, {"trace": {"trace_info": {"trace_id": f"tr-new-{level}", "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": e}}, "request_time": "2025-11-24T16:00:01Z", "state": "OK"}}}),
            ("register scorer", "POST", V3 + "scorers/register", {**scorer, "serialized_scorer": '{"name": "s"}'}), ("register another scorer", "POST", V3 + "scorers/register", {"experiment_id": e, "name": "s2", "serialized_scorer": "{}"}),
            ("new dataset", "POST", V3 + "datasets/create", {"name": f"d2-{level}", "experiment_ids": [e]}), ("tag dataset", "PATCH", f"{V3}datasets/{d}/tags", {"tags": '{"a": "b"}'}),
            ("upsert", "POST", f"{V3}datasets/{d}/records", {"records": '[{"inputs": {"q": 1}}]'}), ("schema", "POST", V3 + "label-schemas/create", {"experiment_id": e, "name": "l", "type": "FEEDBACK", "title": "t", "input": {"text": {}}}),
            ("change issue", "PATCH", f"{V3}issues/iss-{level}", {"issue_id": f"iss-{level}", "status": "resolved", "last_updated_by": "eve"}), ("change unknown issue", "PATCH", V3 + "issues/iss-nope", {"issue_id": "iss-nope"}),
            ("new issue", "POST", V3 + "issues", {"experiment_id": e, "name": "i", "description": "d", "issue_id": f"iss-new-{level}", "created_by": "eve"}),
            ("queue", "POST", V3 + "review-queues/create", {"experiment_id": e, "name": "q", "queue_type": "CUSTOM"}),
            ("grant to bob", "POST", P + "grant", {"username": "bob", "resource_type": "experiment", "resource_id": e, "permission": "READ"}),
            ("permissions of bob", "GET", P + "get", {"username": "bob", "resource_type": "experiment", "resource_id": e}),
            ("revoke of bob", "POST", P + "revoke", {"username": "bob", "resource_type": "experiment", "resource_id": e}),
            # destroying
            ("delete run", "POST", "runs/delete", run), ("restore run", "POST", "runs/restore", run), ("delete artifact", "DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{e}/{r}/artifacts/a.txt", None),
            ("delete traces", "POST", T + "/delete-traces", trace), ("delete scorer", "DELETE", V3 + "scorers/delete", scorer), ("delete dataset", "DELETE", f"{V3}datasets/{d}", None),
            ("delete logged model", "DELETE", f"logged-models/{lm}", None), ("delete version", "DELETE", "model-versions/delete", at), ("rename model", "POST", "registered-models/rename", {**model, "new_name": f"m2-{level}"}),
            ("delete model", "DELETE", "registered-models/delete", {"name": f"m2-{level}" if level in ("EDIT", "MANAGE") else m}), ("delete prompt", "DELETE", "registered-models/delete", {"name": p}),
            ("delete experiment", "POST", "experiments/delete", {"experiment_id": e}), ("restore experiment", "POST", "experiments/restore", {"experiment_id": e})):
        yield who, f"{level}: {name}", method, path, body, {f"new{level}": ("run", "info", "run_id")} if path == "runs/create" else None


def _grants():
    g = {"username": "bob", "resource_type": "experiment", "resource_id": "{eREAD}", "permission": "EDIT"}
    yield "admin", "grant", "POST", P + "grant", g
    yield "admin", "grant again", "POST", P + "grant", g
    yield "admin", "grant lower", "POST", P + "grant", {**g, "permission": "READ"}
    for name, more in (("nobody", {"username": "nobody"}), ("bogus", {"resource_type": "bogus"}), ("bad", {"permission": "x"}), ("no permissions", {"permission": "NO_PERMISSIONS"}), ("unknown experiment", {"resource_id": "99999"}), ("odd experiment", {"resource_id": "exp-1"}), ("nobody odd", {"username": "nobody", "resource_id": "exp-1"}),
                       ("workspace", {"resource_type": "workspace", "resource_id": "*", "permission": "USE"}), ("all", {"resource_id": "*"}), ("run", {"resource_type": "run", "resource_id": "x"})):
        for who in ("admin", "ann"):
            yield who, f"grant {name}", "POST", P + "grant", {**g, **more}
    for key in g:
        yield "admin", f"grant without {key}", "POST", P + "grant", {k: v for k, v in g.items() if k != key}
    yield "admin", "list of bob", "GET", P + "list", {"username": "bob"}
    yield "admin", "list of nobody", "GET", P + "list", {"username": "nobody"}
    for name, more in (("", {}), ("of nobody", {"username": "nobody"}), ("unknown", {"resource_id": "99999"}), ("odd", {"resource_id": "exp-2"}), ("bogus", {"resource_type": "bogus"})):
        asked = {k: v for k, v in {**g, **more}.items() if k != "permission"}
        yield "admin", f"get grant {name}", "GET", P + "get", asked
        yield "admin", f"revoke {name}", "POST", P + "revoke", asked
    yield "admin", "revoke once more", "POST", P + "revoke", {k: v for k, v in g.items() if k != "permission"}


def _absent():
    """Things that are not there: who has no right to them is not told so."""
    run, lm, tr = "0" * 32, "m-" + "0" * 32, "tr-" + "0" * 32
    for who in ("admin", "bob"):
        for name, method, path, body in (
                ("experiment", "GET", "experiments/get", {"experiment_id": "987654"}), ("experiment's name", "GET", "experiments/get-by-name", {"experiment_name": "not there"}),
                ("experiment to change", "POST", "experiments/update", {"experiment_id": "987654", "new_name": "n"}), ("experiment to tag", "POST", "experiments/set-experiment-tag", {"experiment_id": "987654", "key": "k", "value": "v"}),
                ("experiment to delete", "POST", "experiments/delete", {"experiment_id": "987654"}), ("experiment of a run", "POST", "runs/create", {"experiment_id": "987654"}),
                ("run", "GET", "runs/get", {"run_id": run}), ("run's history", "GET", "metrics/get-history", {"run_id": run, "metric_key": "m"}), ("run's artifacts", "GET", "artifacts/list", {"run_id": run}),
                ("run to tag", "POST", "runs/set-tag", {"run_id": run, "key": "k", "value": "v"}), ("run of a metric", "POST", "runs/log-metric", {"run_id": run, "key": "m", "value": 1, "timestamp": 1}),
                ("run of a batch", "POST", "runs/log-batch", {"run_id": run, "tags": [{"key": "k", "value": "v"}]}), ("run to delete", "POST", "runs/delete", {"run_id": run}), ("run to restore", "POST", "runs/restore", {"run_id": run}),
                ("model", "GET", "registered-models/get", {"name": "not there"}), ("model to change", "PATCH", "registered-models/update", {"name": "not there", "description": "d"}),
                ("model to delete", "DELETE", "registered-models/delete", {"name": "not there"}), ("model of a version", "GET", "model-versions/get", {"name": "not there", "version": "1"}),
                ("model's newest", "POST", "registered-models/get-latest-versions", {"name": "not there"}), ("model of an alias", "GET", "registered-models/alias", {"name": "not there", "alias": "a"}),
                ("model to give a version", "POST", "model-versions/create", {"name": "not there", "source": "s3://b/x"}), ("version of bob's", "GET", "model-versions/get", {"name": "bobs", "version": "7"}),
                ("version of bob's to tag", "POST", "model-versions/set-tag", {"name": "bobs", "version": "7", "key": "k", "value": "v"}), ("alias of bob's", "GET", "registered-models/alias", {"name": "bobs", "alias": "nope"}),
                ("logged model", "GET", f"logged-models/{lm}", None), ("logged model to tag", "PATCH", f"logged-models/{lm}/tags", {"tags": [{"key": "a", "value": "b"}]}), ("logged model to delete", "DELETE", f"logged-models/{lm}", None),
                ("trace", "GET", f"{T}/{tr}", None), ("trace to tag", "PATCH", f"{T}/{tr}/tags", {"key": "k", "value": "v"}),
                ("trace to assess", "POST", f"{T}/{tr}/assessments", {"assessment": {"assessment_name": "q", "trace_id": tr, "feedback": {"value": 1}, "source": {"source_type": "HUMAN", "source_id": "x"}}}),
                ("scorer's experiment", "GET", V3 + "scorers/get", {"experiment_id": "987654", "name": "s"}), ("scorers' experiment", "GET", V3 + "scorers/list", {"experiment_id": "987654"}),
                ("secret", "GET", V3 + "gateway/secrets/get", {"secret_id": "s-nope"}), ("secret to delete", "DELETE", V3 + "gateway/secrets/delete", {"secret_id": "s-nope"}),
                ("endpoint", "GET", V3 + "gateway/endpoints/get", {"endpoint_id": "e-nope"}), ("endpoint to delete", "DELETE", V3 + "gateway/endpoints/delete", {"endpoint_id": "e-nope"}),
                ("model definition", "GET", V3 + "gateway/model-definitions/get", {"model_definition_id": "d-nope"}), ("model definition to delete", "DELETE", V3 + "gateway/model-definitions/delete", {"model_definition_id": "d-nope"})):
            yield who, f"absent {name}", method, path, body


def _own():
    """Who makes a thing manages it."""
    yield "bob", "make experiment", "POST", "experiments/create", {"name": "bob's"}, {"ebob": ("experiment_id",)}
    yield "bob", "make model", "POST", "registered-models/create", {"name": "bob's model"}
    yield "bob", "what bob has", "GET", V3 + "users/current/permissions", None
    yield "bob", "delete his", "POST", "experiments/delete", {"experiment_id": "{ebob}"}
    yield "bob", "rename his model", "POST", "registered-models/rename", {"name": "bob's model", "new_name": "bobs"}
    yield "bob", "after the renaming", "GET", P + "get", {"username": "bob", "resource_type": "registered_model", "resource_id": "bobs"}
    yield from _absent()
    yield "bob", "delete his model", "DELETE", "registered-models/delete", {"name": "bobs"}
    yield "bob", "webhooks", "GET", "webhooks", None
    yield "admin", "webhooks", "GET", "webhooks", None


def _last():
    u = "users/"
    yield "bob", "own password", "PATCH", u + "update-password", {"username": "bob", "password": "a-new-password"}
    yield "bob", "after own password", "GET", u + "current", None
    yield "admin", "bob becomes admin", "PATCH", u + "update-admin", {"username": "bob", "is_admin": True}
    yield "admin", "get bob as admin", "GET", u + "get", {"username": "bob"}
    yield "admin", "delete bob", "DELETE", u + "delete", {"username": "bob"}
    yield "ann", "without word", "GET", u + "current", None


ACCESS = [*_users(), *_roles(), *_workspace_admin(), *(c for level in USERS for c in _things(level)), *(c for level in USERS for c in _deeds(level)), *_grants(), *_own(), *_last()]
