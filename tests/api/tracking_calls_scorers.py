"""Scorers that ask the gateway, and those that are to judge by themselves. After tracking_calls_gateway.py: its endpoints are asked."""

import json

from tracking_calls_gateway import B, E
from tracking_calls_pages import AJAX3

V3 = "/api/3.0/mlflow/"
S = V3 + "scorers/"
ONLINE = S + "online-config"


def judge(model, instructions="Is {{ outputs }} good?", **more):
    return json.dumps({"name": "judge", "mlflow_version": "3.18.0", "serialization_version": 1, "is_session_level_scorer": False,
                       "instructions_judge_pydantic_data": {"feedback_value_type": None, "instructions": instructions, "model": model, **more}})


def _models():
    def register(what, name, text):
        return f"gateway {what}", "POST", S + "register", {"experiment_id": "{sce}", "name": name, "serialized_scorer": text}, {f"sc {name}": ("scorer_id",)}
    yield "experiment of scorers", "POST", "experiments/create", {"name": "scorers"}, {"sce": ("experiment_id",)}
    yield register("judge", "asks", judge("gateway:/talk"))
    yield register("judge again", "asks", judge("gateway:/quiet"))
    yield register("judge of a provider", "plain", judge("openai:/gpt-4o"))
    yield register("judge of no endpoint", "x", judge("gateway:/nope"))
    yield register("judge with expectations", "wants", judge("gateway:/talk", "Is {{ outputs }} as {{expectations}}?"))
    yield register("judge without model", "none", judge(None))
    for what, model in (("number", 5), ("blank", "  "), ("list", ["a"]), ("true", True), ("empty", ""), ("no scheme", "gpt"), ("no path", "gateway:/"), ("two slashes", "gateway://talk")):
        yield register("model " + what, "odd", judge(model))
    yield register("builtin", "builtin", json.dumps({"name": "b", "builtin_scorer_pydantic_data": {"model": "gateway:/talk"}}))
    yield register("memory", "memory", json.dumps({"name": "m", "memory_augmented_judge_data": {"base_judge": json.loads(judge("gateway:/talk"))}}))
    yield register("third party", "third", json.dumps({"name": "t", "third_party_scorer_data": {"model": "gateway:/talk"}}))
    yield register("empty data", "void", json.dumps({"name": "v", "instructions_judge_pydantic_data": {}, "builtin_scorer_pydantic_data": {"model": "gateway:/talk"}}))
    for name in ("asks", "plain", "wants", "builtin", "memory", "third", "void", "none"):
        yield f"gateway get {name}", "GET", S + "get", {"experiment_id": "{sce}", "name": name}
    yield "gateway versions", "GET", S + "versions", {"experiment_id": "{sce}", "name": "asks"}
    yield "gateway list", "GET", S + "list", {"experiment_id": "{sce}"}
    yield "gateway version of none", "GET", S + "get", {"experiment_id": "{sce}", "name": "nope", "version": 3}
    yield "gateway bindings", "GET", B + "list", {"resource_type": "scorer", "resource_id": "{sc asks}"}
    yield "gateway renamed", "POST", E + "update", {"endpoint_id": "{ge2}", "name": "whisper"}
    yield "gateway get renamed", "GET", S + "get", {"experiment_id": "{sce}", "name": "asks"}
    yield "gateway list renamed", "GET", S + "list", {"experiment_id": "{sce}"}


def _online():
    whole = {"experiment_id": "{sce}", "name": "asks", "sample_rate": 0.25}
    yield "online", "PUT", ONLINE, whole, {"on1": ("config", "online_scoring_config_id")}
    yield "online by pages", "PUT", AJAX3 + "scorers/online-config", {**whole, "sample_rate": 1}, {"on2": ("config", "online_scoring_config_id")}
    yield "online told", "GET", S + "online-configs", {"scorer_ids": ["{sc asks}", "{sc plain}"]}
    yield "online again", "PUT", ONLINE, {**whole, "sample_rate": 0.5, "filter_string": "status = 'OK' AND tag.ü = 'ä'"}, {"on3": ("config", "online_scoring_config_id")}
    yield "online empty filter", "PUT", ONLINE, {**whole, "filter_string": ""}, {"on4": ("config", "online_scoring_config_id")}
    yield "online null filter", "PUT", ONLINE, {**whole, "filter_string": None}, {"on5": ("config", "online_scoring_config_id")}
    for key in whole:
        yield "online without " + key, "PUT", ONLINE, {k: v for k, v in whole.items() if k != key}
    for what, more in (("too much", {"sample_rate": 1.5}), ("less than nothing", {"sample_rate": -1}), ("a text of a rate", {"sample_rate": "0.5"}),
                       ("filter 5", {"filter_string": 5}), ("filter true", {"filter_string": True}), ("bad filter", {"filter_string": "nope = 'x'"}), ("half a filter", {"filter_string": "status ="}),
                       ("number as name", {"name": 5}), ("number as experiment", {"experiment_id": 5}), ("no experiment", {"experiment_id": "4711"}), ("no scorer", {"name": "nope"}),
                       ("of a provider", {"name": "plain"}), ("with expectations", {"name": "wants"}), ("without a model", {"name": "none"})):
        yield "online " + what, "PUT", ONLINE, {**whole, **more}, {"on6": ("config", "online_scoring_config_id")}
    yield "online none of a provider", "PUT", ONLINE, {**whole, "name": "plain", "sample_rate": 0}, {"on7": ("config", "online_scoring_config_id")}
    yield "online told at last", "GET", S + "online-configs", {"scorer_ids": ["{sc plain}", "{sc wants}"]}
    yield "online by POST", "POST", ONLINE, whole
    yield "online scorer deleted", "DELETE", S + "delete", {"experiment_id": "{sce}", "name": "asks"}
    yield "online bindings left", "GET", B + "list", {"resource_type": "scorer"}
    yield "online told of deleted", "GET", S + "online-configs", {"scorer_ids": ["{sc asks}"]}
    yield "online endpoint deleted", "DELETE", E + "delete", {"endpoint_id": "{ge1}"}
    yield "online get without endpoint", "GET", S + "get", {"experiment_id": "{sce}", "name": "wants"}
    yield "online list without endpoint", "GET", S + "list", {"experiment_id": "{sce}"}


SCORERS = [*_models(), *_online()]
