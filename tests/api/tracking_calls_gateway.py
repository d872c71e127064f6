"""What MLflow's AI gateway keeps: secrets, model definitions, endpoints, their models, bindings, tags, budgets and guardrails."""

import json

G = "/api/3.0/mlflow/gateway/"
S, M, E = G + "secrets/", G + "model-definitions/", G + "endpoints/"
B = E + "bindings/"
P = G + "budgets/"
R = G + "guardrails/"
# What no message of a budget can hold.
UNREADABLE = (
    ("budget_unit", "EUR"), ("budget_unit", 9), ("budget_amount", "x"), ("budget_amount", []), ("duration", 5), ("duration", "x"),
    ("duration", {"unit": "YEARS", "value": 1}), ("duration", {"unit": "DAYS", "value": 1 << 31}), ("duration", {"unit": "DAYS", "value": "x"}),
    ("target_scope", "ALL"), ("budget_action", "CRY"))


def _secrets():
    name = {"secret_name": "first", "secret_value": {"api_key": "sk-1234567890abcd"}}
    yield "no secrets", "GET", S + "list", None
    yield "secret", "POST", S + "create", {**name, "provider": "openai", "created_by": "me"}, {"gs1": ("secret", "secret_id")}
    yield "secret again", "POST", S + "create", name
    yield "secret short", "POST", S + "create", {"secret_name": "shört", "secret_value": {"api_key": "1234567"}}, {"gs2": ("secret", "secret_id")}
    yield "secret with config", "POST", S + "create", {
        "secret_name": "third", "secret_value": {"api_key": "ключ-от-двери"}, "auth_config": {"auth_mode": "ä"}, "provider": "bedrock"}, {"gs3": ("secret", "secret_id")}
    yield "secret of eight", "POST", S + "create", {"secret_name": "eight", "secret_value": {"k": "12345678"}, "auth_config": {"api_base": "  "}}, {"gs4": ("secret", "secret_id")}
    yield "secret empty", "POST", S + "create", {"secret_name": "empty", "secret_value": {}}, {"gs5": ("secret", "secret_id")}
    for what, body in (
            ("no name", {"secret_value": {"a": "b"}}), ("number as name", {"secret_name": 5, "secret_value": {"a": "b"}}),
            ("base as value", {"secret_name": "x", "secret_value": {"base_url": "b", "api_base": "c"}}),
            ("list in config", {**name, "auth_config": {"model_list": "x"}}),
            ("base not https", {**name, "auth_config": {"api_base": "http://example.com"}}),
            ("base private", {**name, "auth_config": {"api_base": "https://127.0.0.1/x"}})):
        yield "secret " + what, "POST", S + "create", body
    yield "get secret", "GET", S + "get", {"secret_id": "{gs1}"}
    yield "get third secret", "GET", S + "get", {"secret_id": "{gs3}"}
    yield "get no secret", "GET", S + "get", {"secret_id": "s-0"}
    yield "get secret of nothing", "GET", S + "get", {}
    yield "secrets of provider", "GET", S + "list", {"provider": "bedrock"}
    yield "secrets of nobody", "GET", S + "list", {"provider": "nobody"}
    yield "new value", "POST", S + "update", {"secret_id": "{gs1}", "secret_value": {"api_key": "sk-zyxw0987654321"}, "updated_by": "you"}
    yield "new config", "POST", S + "update", {"secret_id": "{gs1}", "auth_config": {"region": "r"}}
    yield "no config", "POST", S + "update", {"secret_id": "{gs1}", "auth_config": {"api_base": ""}}
    yield "no new value", "POST", S + "update", {"secret_id": "{gs1}", "secret_value": {}, "updated_by": "them"}
    yield "value of none", "POST", S + "update", {"secret_id": "s-0", "secret_value": {"a": "b"}}
    yield "update nothing", "POST", S + "update", {}
    yield "update to elsewhere", "POST", S + "update", {"secret_id": "{gs1}", "secret_value": {"fallbacks": "b"}}
    yield "secrets", "GET", S + "list", None


def _models():
    model = {"name": "gpt", "secret_id": "{gs1}", "provider": "openai", "model_name": "gpt-4o"}
    yield "no models", "GET", M + "list", None
    yield "model", "POST", M + "create", {**model, "created_by": "me"}, {"gm1": ("model_definition", "model_definition_id")}
    yield "second model", "POST", M + "create", {**model, "name": "clàude", "secret_id": "{gs3}", "provider": "bedrock", "model_name": "c"}, {"gm2": ("model_definition", "model_definition_id")}
    yield "third model", "POST", M + "create", {**model, "name": "other", "secret_id": "{gs2}"}, {"gm3": ("model_definition", "model_definition_id")}
    yield "model again", "POST", M + "create", model
    yield "model of no secret", "POST", M + "create", {**model, "name": "x", "secret_id": "s-0"}
    for key in model:
        yield "model without " + key, "POST", M + "create", {k: v for k, v in model.items() if k != key}
        yield "model with number as " + key, "POST", M + "create", {**model, key: 5}
    yield "get model", "GET", M + "get", {"model_definition_id": "{gm1}"}
    yield "get no model", "GET", M + "get", {"model_definition_id": "d-0"}
    yield "get model of nothing", "GET", M + "get", {}
    yield "models", "GET", M + "list", None
    yield "models of provider", "GET", M + "list", {"provider": "bedrock"}
    yield "models of secret", "GET", M + "list", {"secret_id": "{gs1}"}
    yield "change model", "POST", M + "update", {"model_definition_id": "{gm1}", "name": "gpt-5", "model_name": "gpt-5", "updated_by": "you"}
    yield "change model's secret", "POST", M + "update", {"model_definition_id": "{gm1}", "secret_id": "{gs2}", "provider": "azure"}
    yield "change model to no secret", "POST", M + "update", {"model_definition_id": "{gm1}", "secret_id": "s-0"}
    yield "change model to taken", "POST", M + "update", {"model_definition_id": "{gm1}", "name": "clàude"}
    yield "change no model", "POST", M + "update", {"model_definition_id": "d-0", "name": "x"}
    yield "change nothing", "POST", M + "update", {}


def _endpoints():
    first = {"model_definition_id": "{gm1}", "linkage_type": "PRIMARY"}
    second = {"model_definition_id": "{gm2}", "linkage_type": "FALLBACK", "fallback_order": 1, "weight": 0.3}
    endpoint = {"name": "chat", "model_configs": [first]}
    yield "no endpoints", "GET", E + "list", None
    yield "endpoint", "POST", E + "create", {**endpoint, "created_by": "me"}, {"ge1": ("endpoint", "endpoint_id"), "gx1": ("endpoint", "experiment_id")}
    yield "its experiment", "GET", "/api/2.0/mlflow/experiments/get", {"experiment_id": "{gx1}"}
    yield "endpoint again", "POST", E + "create", {**endpoint, "usage_tracking": False}
    yield "endpoint untraced", "POST", E + "create", {"name": "quiet", "model_configs": [{**first, "linkage_type": 1}], "usage_tracking": False}, {"ge2": ("endpoint", "endpoint_id")}
    yield "endpoint with all", "POST", E + "create", {
        "name": "all-of.it_", "model_configs": [first, second], "routing_strategy": "REQUEST_BASED_TRAFFIC_SPLIT",
        "fallback_config": {"strategy": "SEQUENTIAL", "max_attempts": 2}, "experiment_id": "0"}, {"ge3": ("endpoint", "endpoint_id")}
    for what, body in (
            ("no name", {"model_configs": [first]}), ("bad name", {**endpoint, "name": "a b"}), ("odd name", {**endpoint, "name": "é"}),
            ("no models", {"name": "x"}), ("empty models", {"name": "x", "model_configs": []}),
            ("no such model", {"name": "x", "model_configs": [{**first, "model_definition_id": "d-0"}]}),
            ("no linkage", {"name": "x", "model_configs": [{"model_definition_id": "{gm1}"}]}),
            ("odd linkage", {"name": "x", "model_configs": [first, {**first, "linkage_type": 7}]}),
            ("unspecified linkage", {"name": "x", "model_configs": [{**first, "linkage_type": "LINKAGE_TYPE_UNSPECIFIED"}]}),
            ("same model twice", {"name": "twice", "model_configs": [first, first], "usage_tracking": False}),
            ("bad experiment", {"name": "y", "model_configs": [first], "experiment_id": "abc"})):
        yield "endpoint " + what, "POST", E + "create", body
    yield "get endpoint", "GET", E + "get", {"endpoint_id": "{ge3}"}
    yield "get endpoint by name", "GET", E + "get", {"name": "quiet"}
    yield "get endpoint by both", "GET", E + "get", {"name": "quiet", "endpoint_id": "{ge2}"}
    yield "get endpoint of nothing", "GET", E + "get", {}
    yield "get no endpoint", "GET", E + "get", {"endpoint_id": "e-0"}
    yield "get no name", "GET", E + "get", {"name": "nope"}
    yield "endpoints of provider", "GET", E + "list", {"provider": "bedrock"}
    yield "endpoints of nobody", "GET", E + "list", {"provider": "nobody"}
    yield "rename endpoint", "POST", E + "update", {"endpoint_id": "{ge1}", "name": "talk", "updated_by": "you"}
    yield "rename endpoint taken", "POST", E + "update", {"endpoint_id": "{ge1}", "name": "quiet"}
    yield "rename endpoint badly", "POST", E + "update", {"endpoint_id": "{ge1}", "name": "a/b"}
    yield "change no endpoint", "POST", E + "update", {"endpoint_id": "e-0"}
    yield "change nothing of endpoint", "POST", E + "update", {"endpoint_id": "{ge1}"}
    yield "change no id", "POST", E + "update", {}
    yield "other models", "POST", E + "update", {"endpoint_id": "{ge1}", "model_configs": [{**second, "fallback_order": 0}]}
    yield "other fallback", "POST", E + "update", {"endpoint_id": "{ge1}", "fallback_config": {"strategy": "SEQUENTIAL"}}
    yield "other way", "POST", E + "update", {"endpoint_id": "{ge1}", "routing_strategy": "REQUEST_BASED_TRAFFIC_SPLIT", "usage_tracking": False}
    yield "traced after all", "POST", E + "update", {"endpoint_id": "{ge2}", "usage_tracking": True}
    yield "models nowhere", "POST", E + "update", {"endpoint_id": "{ge2}", "model_configs": [{**first, "model_definition_id": "d-0"}]}
    yield "after all changes", "GET", E + "get", {"endpoint_id": "{ge1}"}


def _bindings():
    yield "attach", "POST", E + "models/attach", {"endpoint_id": "{ge2}", "created_by": "x", "model_config": {
        "model_definition_id": "{gm3}", "linkage_type": "FALLBACK", "weight": 2.5}}, {"gmap": ("mapping", "mapping_id")}
    config = {"model_definition_id": "{gm3}", "linkage_type": "FALLBACK"}
    for what, body in (
            ("again", {"endpoint_id": "{ge2}", "model_config": config}), ("nowhere", {"endpoint_id": "e-0", "model_config": config}),
            ("nothing", {"endpoint_id": "{ge2}"}), ("no model", {"endpoint_id": "{ge2}", "model_config": {**config, "model_definition_id": "d-0"}}),
            ("no linkage", {"endpoint_id": "{ge2}", "model_config": {"model_definition_id": "{gm3}"}}), ("no endpoint", {"model_config": config})):
        yield "attach " + what, "POST", E + "models/attach", body
    yield "attached", "GET", E + "get", {"endpoint_id": "{ge2}"}
    yield "model in use", "DELETE", M + "delete", {"model_definition_id": "{gm3}"}
    yield "detach", "POST", E + "models/detach", {"endpoint_id": "{ge2}", "model_definition_id": "{gm3}"}
    yield "detach again", "POST", E + "models/detach", {"endpoint_id": "{ge2}", "model_definition_id": "{gm3}"}
    yield "detach nowhere", "POST", E + "models/detach", {"endpoint_id": "e-0", "model_definition_id": "{gm3}"}
    yield "detach nothing", "POST", E + "models/detach", {"endpoint_id": "{ge2}"}

    bound = {"endpoint_id": "{ge1}", "resource_type": "scorer", "resource_id": "sc-1"}
    yield "no bindings", "GET", B + "list", None
    yield "bind", "POST", B + "create", {**bound, "created_by": "me"}
    yield "bind again", "POST", B + "create", bound
    yield "bind other", "POST", B + "create", {**bound, "resource_id": "sc-2"}
    yield "bind nowhere", "POST", B + "create", {**bound, "endpoint_id": "e-0"}
    yield "bind a cat", "POST", B + "create", {**bound, "resource_type": "cat"}
    for key in bound:
        yield "bind without " + key, "POST", B + "create", {k: v for k, v in bound.items() if k != key}
    yield "bindings", "GET", B + "list", None
    yield "bindings of endpoint", "GET", B + "list", {"endpoint_id": "{ge1}"}
    yield "bindings of scorer", "GET", B + "list", {"resource_type": "scorer", "resource_id": "sc-2"}
    yield "unbind", "DELETE", B + "delete", bound
    yield "unbind again", "DELETE", B + "delete", bound
    yield "unbind nothing", "DELETE", B + "delete", {"endpoint_id": "{ge1}"}

    tag = {"endpoint_id": "{ge1}", "key": "k", "value": "v"}
    yield "tag", "POST", E + "set-tag", tag
    yield "tag anew", "POST", E + "set-tag", {**tag, "value": "w"}
    yield "tag without value", "POST", E + "set-tag", {"endpoint_id": "{ge1}", "key": "l"}
    yield "tag without key", "POST", E + "set-tag", {"endpoint_id": "{ge1}", "value": "v"}
    yield "tag nowhere", "POST", E + "set-tag", {**tag, "endpoint_id": "e-0"}
    yield "tagged", "GET", E + "get", {"endpoint_id": "{ge1}"}
    yield "untag", "DELETE", E + "delete-tag", {"endpoint_id": "{ge1}", "key": "k"}
    yield "untag again", "DELETE", E + "delete-tag", {"endpoint_id": "{ge1}", "key": "k"}
    yield "untag nowhere", "DELETE", E + "delete-tag", {"endpoint_id": "e-0", "key": "k"}
    yield "untagged", "GET", E + "list", None


def _budgets():
    budget = {"budget_unit": "USD", "budget_amount": 100.0, "duration": {"unit": "DAYS", "value": 30}, "target_scope": "GLOBAL", "budget_action": "ALERT"}
    yield "no budgets", "GET", P + "list", None
    yield "no windows", "GET", P + "windows", None
    yield "budget", "POST", P + "create", {**budget, "created_by": "me"}, {"gp1": ("budget_policy", "budget_policy_id")}
    yield "get budget", "GET", P + "get", {"budget_policy_id": "{gp1}"}
    yield "budgets", "GET", P + "list", None
    yield "budgets of a page", "GET", P + "list", {"max_results": 1}
    yield "budgets by default", "GET", P + "list", {"max_results": 0}
    for what in ({"max_results": -1}, {"max_results": 50001}, {"max_results": "x"}, {"page_token": "garbage"}):
        yield f"budgets {what}", "GET", P + "list", what
    yield "windows", "GET", P + "windows", None
    for unit in ("HOURS", "WEEKS", "MONTHS"):
        yield f"budget of {unit}", "POST", P + "update", {"budget_policy_id": "{gp1}", "duration": {"unit": unit, "value": 5}}
        yield f"window of {unit}", "GET", P + "windows", None
    yield "change budget", "POST", P + "update", {"budget_policy_id": "{gp1}", "budget_amount": 0.5, "budget_action": "REJECT", "updated_by": "you"}
    yield "change scope", "POST", P + "update", {"budget_policy_id": "{gp1}", "target_scope": "WORKSPACE"}
    yield "change to endpoint", "POST", P + "update", {"budget_policy_id": "{gp1}", "target_scope": "ENDPOINT", "target_value": "{ge1}"}
    yield "change amount of endpoint's", "POST", P + "update", {"budget_policy_id": "{gp1}", "budget_amount": 7}
    yield "window of endpoint", "GET", P + "windows", None
    yield "change to user", "POST", P + "update", {"budget_policy_id": "{gp1}", "target_scope": "USER"}
    yield "change to named user", "POST", P + "update", {"budget_policy_id": "{gp1}", "target_scope": "USER", "target_value": "x"}
    yield "change to no endpoint", "POST", P + "update", {"budget_policy_id": "{gp1}", "target_value": "e-0"}
    yield "change to no target", "POST", P + "update", {"budget_policy_id": "{gp1}", "target_value": ""}
    yield "change to all again", "POST", P + "update", {"budget_policy_id": "{gp1}", "target_scope": 1}
    yield "change to stray target", "POST", P + "update", {"budget_policy_id": "{gp1}", "target_value": "x"}
    yield "change no budget", "POST", P + "update", {"budget_policy_id": "bp-0", "budget_amount": 1}
    yield "change nothing of budget", "POST", P + "update", {"budget_policy_id": "{gp1}"}
    yield "change budget without id", "POST", P + "update", {}
    yield "get no budget", "GET", P + "get", {"budget_policy_id": "bp-0"}
    yield "get budget of nothing", "GET", P + "get", {}
    for key in budget:
        yield "budget without " + key, "POST", P + "create", {k: v for k, v in budget.items() if k != key}
    for key, value in (
            ("budget_unit", 0), ("duration", {}), ("duration", {"unit": "DAYS"}), ("duration", {"unit": "DAYS", "value": -1}), ("duration", {"unit": 0, "value": 1}),
            ("duration", {"value": 1}), ("target_scope", 0), ("budget_action", 0), ("created_by", 5), ("target_value", "x"), ("target_value", 5), *UNREADABLE):
        yield f"budget with {value!r} as {key}", "POST", P + "create", {**budget, key: value}
    for scope in ("ENDPOINT", "USER"):
        yield "budget without target of " + scope, "POST", P + "create", {**budget, "target_scope": scope}
        yield "budget of none of " + scope, "POST", P + "create", {**budget, "target_scope": scope, "target_value": "e-0"}
    yield "end of budget", "DELETE", P + "delete", {"budget_policy_id": "{gp1}"}
    yield "end of budget again", "DELETE", P + "delete", {"budget_policy_id": "{gp1}"}
    yield "end of no budget", "DELETE", P + "delete", {}
    yield "budget of endpoint", "POST", P + "create", {**budget, "budget_amount": 3, "target_scope": "ENDPOINT", "target_value": "{ge1}"}, {"gp2": ("budget_policy", "budget_policy_id")}
    yield "budgets at the end", "GET", P + "list", None


# What no message of a guardrail can hold, or none of the peer's enumerations.
UNGUARDED = (("scorer_version", 1.5), ("stage", 0), ("stage", 9), ("stage", "X"), ("stage", "before"), ("stage", "GUARDRAIL_STAGE_UNSPECIFIED"), ("stage", []), ("action", 0), ("action", "X"))


def _guardrails():
    def scorer(what, text):
        return what, "POST", "/api/3.0/mlflow/scorers/register", {"experiment_id": "{gre}", "name": "safe", "serialized_scorer": json.dumps(text)}, {"grs": ("scorer_id",)}
    guardrail = {"name": "g", "scorer_id": "{grs}", "scorer_version": 1, "stage": "BEFORE", "action": "VALIDATION"}
    at = {"endpoint_id": "{ge2}", "guardrail_id": "{gr1}"}
    yield "experiment of guardrails", "POST", "experiments/create", {"name": "guardrails"}, {"gre": ("experiment_id",)}
    yield scorer("scorer that guards", {"name": "safe", "instructions_judge_pydantic_data": {"instructions": "Is {{ inputs }} safe?", "model": "gateway:/talk"}})
    yield scorer("scorer that guards again", {"name": "safe", "builtin_scorer_class": "Safety", "builtin_scorer_pydantic_data": {"name": "ü"}})
    yield "no guardrails", "GET", R + "list", None
    yield "guardrail", "POST", R + "create", guardrail, {"gr1": ("guardrail", "guardrail_id")}
    yield "guardrails of a page", "GET", R + "list", {"max_results": 1}
    yield "guardrails by default", "GET", R + "list", {"max_results": 0}
    for what in ({"max_results": -1}, {"max_results": 50001}, {"max_results": "x"}, {"page_token": "garbage"}):
        yield f"guardrails {what}", "GET", R + "list", what
    yield "guardrail that cleans", "POST", R + "create", {
        **guardrail, "name": " ü", "scorer_version": "2", "stage": 2, "action": 2, "action_endpoint_id": "{ge1}"}, {"gr2": ("guardrail", "guardrail_id")}
    yield "guardrail for nothing", "POST", R + "create", {**guardrail, "action_endpoint_id": ""}, {"gr3": ("guardrail", "guardrail_id")}
    for key in guardrail:
        yield "guardrail without " + key, "POST", R + "create", {k: v for k, v in guardrail.items() if k != key}
        yield "guardrail with null as " + key, "POST", R + "create", {**guardrail, key: None}
    for key, value in (
            ("name", ""), ("name", 5), ("scorer_id", 5), ("scorer_id", "nope"), ("scorer_version", "x"), ("scorer_version", 9), ("scorer_version", 0), ("scorer_version", -1),
            ("stage", ""), ("action", ""), ("action_endpoint_id", 5), ("action_endpoint_id", "e-0"), *UNGUARDED):
        yield f"guardrail with {value!r} as {key}", "POST", R + "create", {**guardrail, key: value}
    yield "get guardrail", "GET", R + "get", {"guardrail_id": "{gr2}"}
    yield "get no guardrail", "GET", R + "get", {"guardrail_id": "gr-0"}
    yield "get guardrail of nothing", "GET", R + "get", {}
    yield "guardrails", "GET", R + "list", None

    yield "no guardrails at endpoint", "GET", R + "list-for-endpoint", {"endpoint_id": "{ge2}"}
    yield "guardrails at no endpoint", "GET", R + "list-for-endpoint", {"endpoint_id": "e-0"}
    yield "guardrails at nothing", "GET", R + "list-for-endpoint", {}
    yield "guard", "POST", R + "add-to-endpoint", at
    yield "guard again", "POST", R + "add-to-endpoint", {**at, "execution_order": "4"}
    yield "guard after", "POST", R + "add-to-endpoint", {**at, "guardrail_id": "{gr2}", "execution_order": 3}
    yield "guard before", "POST", R + "add-to-endpoint", {**at, "guardrail_id": "{gr3}", "execution_order": -7}
    for key in at:
        yield "guard without " + key, "POST", R + "add-to-endpoint", {k: v for k, v in at.items() if k != key}
        yield "guard with number as " + key, "POST", R + "add-to-endpoint", {**at, key: 5}
        yield "guard with no " + key, "POST", R + "add-to-endpoint", {**at, key: "x-0"}
    yield "guard with odd order", "POST", R + "add-to-endpoint", {**at, "execution_order": "x"}
    yield "guarded", "GET", R + "list-for-endpoint", {"endpoint_id": "{ge2}"}
    for order in (7, "8", -1, None):
        yield f"guard at {order!r}", "PATCH", R + "update-config", {**at, "execution_order": order}
    yield "guard at last", "PATCH", R + "update-config", {**at, "guardrail_id": "{gr2}"}
    yield "guard at odd place", "PATCH", R + "update-config", {**at, "execution_order": "x"}
    yield "guard at 1 beside", "PATCH", R + "update-config", {**at, "execution_order": 1}
    yield "guard elsewhere", "PATCH", R + "update-config", {**at, "endpoint_id": "{ge3}"}
    yield "guard nothing", "PATCH", R + "update-config", {}
    yield "guarded in another order", "GET", R + "list-for-endpoint", {"endpoint_id": "{ge2}"}
    yield "version of a guardrail goes", "DELETE", "/api/3.0/mlflow/scorers/delete", {"experiment_id": "{gre}", "name": "safe", "version": 1}
    yield "scorer of a guardrail goes", "DELETE", "/api/3.0/mlflow/scorers/delete", {"experiment_id": "{gre}", "name": "safe"}
    yield "no guard", "DELETE", R + "remove-from-endpoint", at
    yield "no guard again", "DELETE", R + "remove-from-endpoint", at
    yield "no guard for nothing", "DELETE", R + "remove-from-endpoint", {}
    yield "end of guardrail", "DELETE", R + "delete", {"guardrail_id": "{gr3}"}
    yield "end of guardrail again", "DELETE", R + "delete", {"guardrail_id": "{gr3}"}
    yield "end of no guardrail", "DELETE", R + "delete", {}
    yield "guarded by what is left", "GET", R + "list-for-endpoint", {"endpoint_id": "{ge2}"}
    yield "guard another", "POST", R + "add-to-endpoint", {**at, "endpoint_id": "{ge3}", "execution_order": 0}


def _guardrail_ends():
    yield "guarded when the endpoint is gone", "GET", R + "list-for-endpoint", {"endpoint_id": "{ge3}"}
    yield "guardrails at the end", "GET", R + "list", None


def _ends():
    yield "end of secret", "DELETE", S + "delete", {"secret_id": "{gs3}"}
    yield "end of secret again", "DELETE", S + "delete", {"secret_id": "{gs3}"}
    yield "model without its secret", "GET", M + "get", {"model_definition_id": "{gm2}"}
    yield "end of endpoint", "DELETE", E + "delete", {"endpoint_id": "{ge3}"}
    yield "end of endpoint again", "DELETE", E + "delete", {"endpoint_id": "{ge3}"}
    yield "end of model", "DELETE", M + "delete", {"model_definition_id": "{gm3}"}
    yield "end of model again", "DELETE", M + "delete", {"model_definition_id": "{gm3}"}
    yield "end of nothing", "DELETE", M + "delete", {}
    yield "endpoints at the end", "GET", E + "list", None
    yield "models at the end", "GET", M + "list", None


GATEWAY = [*_secrets(), *_models(), *_endpoints(), *_bindings(), *_budgets(), *_guardrails(), *_ends(), *_guardrail_ends()]
