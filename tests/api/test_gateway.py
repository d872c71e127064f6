"""What the AI gateway keeps: its secrets above all. What it answers is compared with the real server in
test_differential.py."""

import json
import os
import sqlite3
import subprocess
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from daemon_test import add_user
from test_access import ADMIN, Server
from tracking_calls_gateway import B, E, G, M, P, R, S
from tracking_test import KEK, Tracking

PEER = os.environ.get("ONEBOX_PEER_MLFLOW")
SECRET = "sk-do-not-tell-anybody-0815"


def secret(t, name="k", value=SECRET, **rest):
    return t.post(S + "create", secret_name=name, secret_value={"api_key": value}, **rest)["secret"]


def test_no_passphrase():
    with Tracking(env={"MLFLOW_CRYPTO_KEK_PASSPHRASE": ""}) as t:
        message = t.refused("POST", S + "create", {"secret_name": "k", "secret_value": {"api_key": SECRET}})
        assert "MLFLOW_CRYPTO_KEK_PASSPHRASE" in message and SECRET not in message
        assert t.get(S + "list") == {}
        assert t.get("/ajax-api/3.0/mlflow/gateway/secrets/config") == {"secrets_available": False, "using_default_passphrase": False}


def test_what_a_provider_wants():
    """Its first way is the one that a page begins with; whoever has none of its own has a key."""
    config = "/ajax-api/3.0/mlflow/gateway/provider-config"
    with Tracking() as t:
        assert "openai" in t.get("/ajax-api/3.0/mlflow/gateway/supported-providers")["providers"]
        assert [m["mode"] for m in t.get(config, provider="BEDROCK")["auth_modes"]] == ["api_key", "access_keys", "iam_role", "default_chain"]
        plain = t.get(config, provider="my_own")
        assert plain["default_mode"] == "api_key" and plain["auth_modes"][0]["description"] == "Use My_Own API Key"
        assert t.ask("GET", config).status == 400


def test_credential(tmp_path):
    (tmp_path / "kek_passphrase").write_text("from a file\n")
    with Tracking(env={"MLFLOW_CRYPTO_KEK_PASSPHRASE": "", "CREDENTIALS_DIRECTORY": str(tmp_path)}) as t:
        assert t.get("/ajax-api/3.0/mlflow/gateway/secrets/config")["secrets_available"] is True
        assert secret(t)["masked_values"] == {"api_key": "sk-...0815"}


@pytest.mark.parametrize("env", [{"MLFLOW_CRYPTO_KEK_VERSION": "x"}, {"MLFLOW_CRYPTO_KEK_VERSION": "-1"},
                                 {"MLFLOW_CRYPTO_KEK_PASSPHRASE": "x" * 1025}])
def test_bad_passphrase(env):
    with pytest.raises(AssertionError) as e:
        Tracking(env=env).start()
    assert next(iter(env)) in str(e.value)


def test_nowhere_in_the_clear():
    with Tracking() as t:
        made = secret(t, auth_config={"region": "r"})
        assert made["masked_values"] == {"api_key": "sk-...0815"} and made["auth_config"] == {"region": "r"}
        t.refused("POST", S + "create", {"secret_name": "k", "secret_value": {"api_key": SECRET}})
        t.refused("POST", S + "create", {"secret_name": "l", "secret_value": SECRET})
        t.refused("POST", S + "create", {"secret_name": "l", "secret_value": {"a": [SECRET]}})
        t.post(S + "update", secret_id=made["secret_id"], secret_value={"api_key": SECRET + "!"})
        answers = [t.ask("GET", S + "list").text, t.ask("GET", S + "get", {"secret_id": made["secret_id"]}).text]
        t.end()
        kept = [p.read_bytes() for p in t.state.rglob("*") if p.is_file()]
        assert not any(SECRET.encode() in text for text in [*kept, t.log.read_bytes(), *map(str.encode, answers)])


def test_refused():
    with Tracking() as t:
        for body in ({"secret_name": "n"}, {"secret_name": "n", "secret_value": "b"}, {"secret_name": "n" * 256, "secret_value": {"a": "b"}}, {"secret_name": "n", "secret_value": {"a": "x" * 40000}},
                     {"secret_name": "n", "secret_value": {f"key{i}": "value" for i in range(60)}},
                     {"secret_name": "n", "secret_value": {"a": "b"}, "provider": "p" * 65}):
            t.refused("POST", S + "create", body)
        assert t.get(S + "list") == {}


@pytest.mark.skipif(not PEER, reason="ONEBOX_PEER_MLFLOW is not set: no real server to open it with")
def test_the_real_server_opens_it():
    code = ("import json, sqlite3, sys\nfrom mlflow.utils.crypto import KEKManager, _decrypt_secret\nkeys = KEKManager()\n"
            "for i, n, v, k in sqlite3.connect(sys.argv[1]).execute('SELECT secret_id, secret_name, encrypted_value, wrapped_dek FROM secrets'):\n"
            "    print(json.dumps([n, _decrypt_secret(v, k, keys, i, n)]))\n")
    with Tracking() as t:
        secret(t, "älter", "ключ")
        changed = secret(t, "other")["secret_id"]
        t.post(S + "update", secret_id=changed, secret_value={"a": "1", "b": "2"})
        t.end()
        done = subprocess.run([Path(PEER) / "python", "-c", code, t.database], env={**os.environ, **KEK}, capture_output=True, text=True, check=True)
        assert sorted(map(json.loads, done.stdout.splitlines())) == [["other", {"a": "1", "b": "2"}], ["älter", {"api_key": "ключ"}]]


def test_shows_what_hangs_together():
    """An endpoint goes with what hangs on it; a secret leaves its models behind."""
    with Tracking() as t:
        s = secret(t)["secret_id"]
        m = t.post(M + "create", name="m", secret_id=s, provider="p", model_name="n")["model_definition"]["model_definition_id"]
        e = t.post(E + "create", name="e", model_configs=[{"model_definition_id": m, "linkage_type": "PRIMARY"}])["endpoint"]["endpoint_id"]
        t.post(B + "create", endpoint_id=e, resource_type="scorer", resource_id="sc")
        t.post(E + "set-tag", endpoint_id=e, key="k", value="v")
        assert "in use" in t.refused("DELETE", M + "delete", {"model_definition_id": m}, status=500)
        t.post(S + "delete", method="DELETE", secret_id=s)
        assert "secret_id" not in t.get(M + "get", model_definition_id=m)["model_definition"]
        t.post(E + "delete", method="DELETE", endpoint_id=e)
        t.post(M + "delete", method="DELETE", model_definition_id=m)
        t.end()
        db = sqlite3.connect(t.database)
        for table in ("secrets", "model_definitions", "endpoints", "endpoint_model_mappings", "endpoint_bindings", "endpoint_tags"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


class Elsewhere:
    """A gateway's server; keeps what it was asked."""

    def __init__(self):
        self.asked, there = [], self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                there.asked.append((self.command, self.path, body))
                name = self.path.split("/")[-2]
                status, text = {"lost": (404, b"no such route"), "words": (200, b"hello")}.get(name, (200, b'{"choices": [1]}'))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            do_POST = do_GET

            def log_message(self, *args):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


def test_elsewhere():
    proxy = "/ajax-api/2.0/mlflow/gateway-proxy"
    there = Elsewhere()
    with Tracking(env={"MLFLOW_DEPLOYMENTS_TARGET": there.url}) as t:
        assert t.refused("POST", proxy, {}) == "Deployments proxy request must specify a gateway_path."
        for path in ("foo/bar", "gateway//invocations", "gateway/a/b/invocations", "gateway/../invocations", "gateway/a/invocations/x", "api/2.0/endpoints"):
            assert t.refused("POST", proxy, {"gateway_path": path}) == f"Invalid gateway_path: {path} for method: POST"
        assert t.refused("GET", proxy, {"gateway_path": "gateway/a/invocations"}) == "Invalid gateway_path: gateway/a/invocations for method: GET"
        assert t.ask("DELETE", proxy).status == 405
        assert there.asked == []
        assert t.get(proxy, gateway_path="/api/2.0/endpoints/") == {"choices": [1]}
        assert t.post(proxy, gateway_path="gateway/my chat?x/invocations", json_data={"messages": ["ä"]}) == {"choices": [1]}
        assert there.asked[0][:2] == ("GET", "/api/2.0/endpoints")
        assert there.asked[1] == ("POST", "/gateway/my%20chat%3Fx/invocations", '{"messages":["ä"]}'.encode())
        message = t.refused("POST", proxy, {"gateway_path": "gateway/lost/invocations"}, status=500)
        assert message == "Deployments proxy request failed with error code 404. Error message: no such route"
        t.refused("POST", proxy, {"gateway_path": "gateway/words/invocations"}, status=500)
        there.server.shutdown()
        there.server.server_close()
        assert "MLFLOW_DEPLOYMENTS_TARGET" in t.refused("GET", proxy, {"gateway_path": "api/2.0/endpoints"}, status=500)
    with pytest.raises(AssertionError, match="MLFLOW_DEPLOYMENTS_TARGET=localhost:5001 is no http"):
        Tracking(env={"MLFLOW_DEPLOYMENTS_TARGET": "localhost:5001"}).start()


def server_of_two(t):
    """A server with access control, and its two users beside the admin."""
    add_user(t.state, *ADMIN, "admin")
    server, users = Server(t.port), (("eve", "correct horse"), ("bob", "battery staple"))
    for name, password in users:
        server.ok(ADMIN, "POST", "users/create", {"username": name, "password": password})
    return server, *users


def test_who_may():
    with Tracking("--app-name", "basic-auth") as t:
        server, eve, bob = server_of_two(t)
        s = server.ok(eve, "POST", S + "create", {"secret_name": "k", "secret_value": {"a": SECRET}})["secret"]["secret_id"]
        model = {"name": "m", "secret_id": s, "provider": "p", "model_name": "n"}
        assert server.ok(bob, "GET", S + "get", {"secret_id": s})  # the default is READ
        server.refused(bob, "POST", S + "update", {"secret_id": s, "updated_by": "bob"})
        server.refused(bob, "DELETE", S + "delete", {"secret_id": s})
        server.refused(bob, "POST", M + "create", model)
        m = server.ok(eve, "POST", M + "create", model)["model_definition"]["model_definition_id"]
        configs = [{"model_definition_id": m, "linkage_type": "PRIMARY"}]
        server.refused(bob, "POST", E + "create", {"name": "b", "model_configs": configs})
        grant = "/api/3.0/mlflow/users/permissions/grant"
        server.ok(ADMIN, "POST", grant, {"username": "bob", "resource_type": "gateway_model_definition", "resource_id": m, "permission": "USE"})
        e = server.ok(bob, "POST", E + "create", {"name": "b", "model_configs": configs})["endpoint"]["endpoint_id"]
        server.refused(bob, "POST", M + "update", {"model_definition_id": m, "name": "x"})
        server.refused(eve, "POST", E + "update", {"endpoint_id": e, "name": "x"})
        server.refused(eve, "POST", E + "set-tag", {"endpoint_id": e, "key": "k", "value": "v"})
        server.refused(eve, "POST", B + "create", {"endpoint_id": e, "resource_type": "scorer", "resource_id": "x"})
        server.refused(eve, "POST", E + "models/detach", {"endpoint_id": e, "model_definition_id": m})
        server.ok(bob, "POST", B + "create", {"endpoint_id": e, "resource_type": "scorer", "resource_id": "x"})
        assert server.ok(eve, "GET", B + "list", {"endpoint_id": e})["bindings"]
        server.refused(eve, "GET", B + "list")
        assert server.ok(ADMIN, "GET", B + "list")["bindings"]
        server.refused(eve, "DELETE", B + "delete", {"endpoint_id": e, "resource_type": "scorer", "resource_id": "x"})
        server.ok(bob, "DELETE", B + "delete", {"endpoint_id": e, "resource_type": "scorer", "resource_id": "x"})
        server.ok(ADMIN, "POST", grant, {"username": "bob", "resource_type": "gateway_secret", "resource_id": s, "permission": "DENY"})
        assert server.ok(bob, "GET", S + "list") == {}
        server.refused(bob, "GET", S + "get", {"secret_id": s})
        server.refused(eve, "DELETE", E + "delete", {"endpoint_id": e})
        server.ok(bob, "DELETE", E + "delete", {"endpoint_id": e})


SCORERS = "/api/3.0/mlflow/scorers/"
GUARDRAIL = {"name": "g", "scorer_version": 1, "stage": "BEFORE", "action": "VALIDATION"}


def scorer(ask, experiment, name="safe"):
    return ask("POST", SCORERS + "register", {"experiment_id": experiment, "name": name, "serialized_scorer": '{"name": "s"}'})["scorer_id"]


def test_who_may_guard():
    """Admins make guardrails; who may change an endpoint puts them there, and sees what judges when he may read it."""
    with Tracking("--app-name", "basic-auth") as t:
        server, eve, bob = server_of_two(t)
        s = server.ok(bob, "POST", S + "create", {"secret_name": "k", "secret_value": {"a": SECRET}})["secret"]["secret_id"]
        m = server.ok(bob, "POST", M + "create", {"name": "m", "secret_id": s, "provider": "p", "model_name": "n"})["model_definition"]["model_definition_id"]
        e = server.ok(bob, "POST", E + "create", {"name": "b", "model_configs": [{"model_definition_id": m, "linkage_type": "PRIMARY"}]})["endpoint"]["endpoint_id"]
        guardrail = {**GUARDRAIL, "scorer_id": scorer(lambda *args: server.ok(ADMIN, *args), "0")}
        for method, path, body in (("POST", "create", guardrail), ("GET", "list", None), ("GET", "get", {"guardrail_id": "x"}), ("DELETE", "delete", {"guardrail_id": "x"})):
            server.refused(bob, method, R + path, body)
        made = server.ok(ADMIN, "POST", R + "create", guardrail)["guardrail"]
        assert made["created_by"] == made["last_updated_by"] == ADMIN[0] and made["scorer"]["scorer_name"] == "safe"
        at = {"endpoint_id": e, "guardrail_id": made["guardrail_id"]}
        server.refused(eve, "POST", R + "add-to-endpoint", at)
        server.refused(bob, "POST", R + "add-to-endpoint", {**at, "guardrail_id": "gr-0"})  # not told which there are
        config = server.ok(bob, "POST", R + "add-to-endpoint", at)["config"]
        assert config["created_by"] == "bob" and config["guardrail"] == made
        server.refused(eve, "PATCH", R + "update-config", {**at, "execution_order": 1})
        server.refused(eve, "DELETE", R + "remove-from-endpoint", at)
        assert server.ok(bob, "PATCH", R + "update-config", {**at, "execution_order": 1})["config"]["execution_order"] == 1
        assert server.ok(eve, "GET", R + "list-for-endpoint", {"endpoint_id": e})["configs"][0]["guardrail"]["scorer"]
        server.ok(ADMIN, "POST", "/api/3.0/mlflow/users/permissions/grant", {"username": "bob", "resource_type": "scorer", "resource_id": "0/safe", "permission": "DENY"})
        shown, = server.ok(bob, "GET", R + "list-for-endpoint", {"endpoint_id": e})["configs"]
        assert shown["guardrail"] == {k: v for k, v in made.items() if k != "scorer"}
        server.refused(bob, "PATCH", R + "update-config", at)
        server.ok(bob, "DELETE", R + "remove-from-endpoint", at)
        server.refused(bob, "POST", R + "add-to-endpoint", at)
        server.ok(ADMIN, "DELETE", R + "delete", {"guardrail_id": made["guardrail_id"]})


def test_pages_of_guardrails():
    with Tracking() as t:
        guardrail = {**GUARDRAIL, "scorer_id": scorer(lambda method, path, body: t.post(path, **body), "0")}
        made = sorted(t.post(R + "create", **guardrail)["guardrail"]["guardrail_id"] for _ in range(5))
        found, token = [], {}
        while token is not None:
            page = t.get(R + "list", max_results=2, **token)
            found += [g["guardrail_id"] for g in page["guardrails"]]
            token = {"page_token": page["next_page_token"]} if "next_page_token" in page else None
        assert found == made
        t.refused("POST", R + "create", {**guardrail, "name": "x" * 256})
        t.refused("POST", R + "add-to-endpoint", {"endpoint_id": "e", "guardrail_id": made[0], "execution_order": 1 << 31})


def test_no_guardrail_by_code():
    with Tracking(env={"MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS": "true"}) as t:
        s = t.post(SCORERS + "register", experiment_id="0", name="code", serialized_scorer='{"name": "c", "x": {"call_source": "return 1"}}')["scorer_id"]
        assert "do not support custom scorers" in t.refused("POST", R + "create", {**GUARDRAIL, "scorer_id": s})


def traced(server, trace_id, ms, who, cost):
    """A call through the gateway, as it leaves a trace."""
    server.ok(ADMIN, "POST", "/api/3.0/mlflow/traces", {"trace": {"trace_info": {
        "trace_id": trace_id, "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}, "state": "OK",
        "request_time": datetime.fromtimestamp(ms / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "trace_metadata": {"mlflow.gateway.endpointId": "e-1", "mlflow.auth.username": who, "mlflow.trace.cost": json.dumps({"total_cost": cost})}}}})


def test_budgets():
    budget = {"budget_unit": "USD", "budget_amount": 2.5, "duration": {"unit": "DAYS", "value": 1}, "target_scope": "USER", "target_value": "eve", "budget_action": "REJECT"}
    with Tracking("--app-name", "basic-auth") as t:
        server, eve, _ = server_of_two(t)
        server.refused(eve, "POST", P + "create", budget)
        made = server.ok(ADMIN, "POST", P + "create", budget)["budget_policy"]
        assert made["target_value"] == "eve"
        which = {"budget_policy_id": made["budget_policy_id"]}
        assert server.ok(eve, "GET", P + "get", which)["budget_policy"] == made
        assert server.ok(eve, "GET", P + "list")["budget_policies"] == [made]
        server.refused(eve, "POST", P + "update", {**which, "budget_amount": 200})
        server.refused(eve, "DELETE", P + "delete", which)
        assert server.ok(ADMIN, "POST", P + "update", {**which, "budget_amount": 200})["budget_policy"]["budget_amount"] == 200
        now = int(time.time() * 1000)
        for i, (at, who, cost) in enumerate(((now, "eve", 1.25), (now, "eve", 0.5), (now, "bob", 8), (now - 90_000_000, "eve", 4))):
            traced(server, f"tr-{i}", at, who, cost)
        window, = server.ok(eve, "GET", P + "windows")["windows"]
        assert window["window_start_ms"] == now - now % 86_400_000 and window["window_end_ms"] - window["window_start_ms"] == 86_400_000
        assert window["current_spend"] == 1.75
        for change, spent in (({"target_scope": "GLOBAL"}, 9.75), ({"duration": {"unit": "MONTHS", "value": 1200}}, 13.75)):
            server.ok(ADMIN, "POST", P + "update", {**which, **change})
            assert server.ok(eve, "GET", P + "windows")["windows"][0]["current_spend"] == spent
        server.ok(ADMIN, "DELETE", P + "delete", which)
        assert server.ok(eve, "GET", P + "windows") == {}


def test_pages_of_budgets():
    budget = {"budget_unit": "USD", "budget_amount": 1, "duration": {"unit": "DAYS", "value": 1}, "target_scope": "GLOBAL", "budget_action": "ALERT"}
    with Tracking() as t:
        made = sorted(t.post(P + "create", **budget)["budget_policy"]["budget_policy_id"] for _ in range(5))
        found, token = [], {}
        while token is not None:
            page = t.get(P + "list", max_results=2, **token)
            found += [b["budget_policy_id"] for b in page["budget_policies"]]
            token = {"page_token": page["next_page_token"]} if "next_page_token" in page else None
        assert found == made
        assert len(t.get(P + "windows")["windows"]) == 5
        for value in ("NaN", "Infinity"):
            t.refused("POST", P + "create", {**budget, "budget_amount": value})
        t.refused("POST", P + "create", {**budget, "created_by": "x" * 256})


def test_switched_off():
    def is_shown(t):
        return json.loads(t.ask("GET", "/api/3.0/mlflow/server-info").text)["features_enabled"]["gateway"]
    with Tracking(env={"MLFLOW_ENABLE_AI_GATEWAY": "false"}) as t:
        assert is_shown(t) is False
        for path in (S + "list", R + "list", G + "nope"):
            assert "MLFLOW_ENABLE_AI_GATEWAY=true" in t.refused("GET", path, status=501)
        assert t.ask("GET", "experiments/get", {"experiment_id": "0"}).status == 200
    with Tracking() as t:
        assert is_shown(t) is True and t.get(S + "list") == {}


def test_asking_is_left_out():
    """Through a server that asks who it is, that comes first."""
    with Tracking() as t:
        for path in ("/gateway/e/mlflow/invocations", "/gateway/proxy/e/v1/responses"):
            assert "AI gateway" in t.refused("POST", path, {"messages": []}, status=501)
    with Tracking("--app-name", "basic-auth", env={"MLFLOW_AUTH_ADMIN_PASSWORD": "from the environment"}) as t:
        assert t.ask("POST", "/gateway/e/mlflow/invocations", {}).status == 401
