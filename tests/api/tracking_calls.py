"""Requests in order, with what each answer gives to later ones: the script of test_differential.py.

A call is (name, method, path, body, saves). In paths and bodies `{x}` stands for what was saved as
x; saves maps a name to where it stands in the answer. Bodies are sent as JSON, those of GETs as the
query. Every server has its own values.
"""

API = "/api/2.0/mlflow/"
AJAX = "/ajax-api/2.0/mlflow/"
ART = "/api/2.0/mlflow-artifacts/"


def _experiments():
    e = "experiments/"
    yield "create", "POST", e + "create", {"name": "first", "tags": [{"key": "a", "value": "b"}]}, {"e1": ("experiment_id",)}
    yield "create with location", "POST", e + "create", {"name": "located", "artifact_location": "s3://bucket/x"}, {"e2": ("experiment_id",)}
    yield "create third", "POST", e + "create", {"name": "thírd – ünï"}, {"e3": ("experiment_id",)}
    yield "no name", "POST", e + "create", {}
    yield "empty name", "POST", e + "create", {"name": ""}
    yield "blank name", "POST", e + "create", {"name": "   "}
    yield "number as name", "POST", e + "create", {"name": 5}
    yield "list as name", "POST", e + "create", {"name": ["x"]}
    yield "long name", "POST", e + "create", {"name": "x" * 501}
    yield "runs as location", "POST", e + "create", {"name": "l", "artifact_location": "runs:/x"}
    yield "tags no list", "POST", e + "create", {"name": "t", "tags": "x"}
    yield "bad tag name", "POST", e + "create", {"name": "t", "tags": [{"key": "a#b", "value": "c"}]}
    yield "get", "GET", e + "get", {"experiment_id": "{e1}"}
    yield "get located", "GET", e + "get", {"experiment_id": "{e2}"}
    yield "get unicode", "GET", e + "get", {"experiment_id": "{e3}"}
    yield "get default", "GET", e + "get", {"experiment_id": "0"}
    yield "get absent", "GET", e + "get", {"experiment_id": "4711"}
    yield "get no number", "GET", e + "get", {"experiment_id": "abc"}
    yield "get nothing", "GET", e + "get", {}
    yield "by name", "GET", e + "get-by-name", {"experiment_name": "first"}
    yield "by unicode name", "GET", e + "get-by-name", {"experiment_name": "thírd – ünï"}
    yield "by absent name", "GET", e + "get-by-name", {"experiment_name": "nope"}
    yield "by no name", "GET", e + "get-by-name", {}
    yield "set tag", "POST", e + "set-experiment-tag", {"experiment_id": "{e1}", "key": "k", "value": "v"}
    yield "set tag again", "POST", e + "set-experiment-tag", {"experiment_id": "{e1}", "key": "k", "value": "w"}
    yield "set tag without value", "POST", e + "set-experiment-tag", {"experiment_id": "{e1}", "key": "empty"}
    yield "set tag of no experiment", "POST", e + "set-experiment-tag", {"experiment_id": "4711", "key": "k", "value": "v"}
    yield "set tag without key", "POST", e + "set-experiment-tag", {"experiment_id": "{e1}", "value": "v"}
    yield "set tag long key", "POST", e + "set-experiment-tag", {"experiment_id": "{e1}", "key": "k" * 251, "value": "v"}
    yield "set tag long value", "POST", e + "set-experiment-tag", {"experiment_id": "{e1}", "key": "k", "value": "v" * 20001}
    yield "after tags", "GET", e + "get", {"experiment_id": "{e1}"}
    yield "delete tag", "POST", e + "delete-experiment-tag", {"experiment_id": "{e1}", "key": "k"}
    yield "delete tag again", "POST", e + "delete-experiment-tag", {"experiment_id": "{e1}", "key": "k"}
    yield "rename", "POST", e + "update", {"experiment_id": "{e1}", "new_name": "renamed"}
    yield "rename to nothing", "POST", e + "update", {"experiment_id": "{e1}", "new_name": ""}
    yield "create again", "POST", e + "create", {"name": "renamed"}
    yield "rename taken", "POST", e + "update", {"experiment_id": "{e1}", "new_name": "located"}
    yield "rename absent", "POST", e + "update", {"experiment_id": "4711", "new_name": "x"}
    for name, body in (
            ("all", {"max_results": 100}), ("none", {}), ("zero", {"max_results": 0}),
            ("too many", {"max_results": 50001}), ("page", {"max_results": 2, "order_by": ["experiment_id ASC"]}),
            ("filter name", {"max_results": 9, "filter": "name = 'renamed'"}),
            ("filter like", {"max_results": 9, "filter": "name LIKE 're%'"}),
            ("filter like case", {"max_results": 9, "filter": "name LIKE 'RE%'"}),
            ("filter ilike", {"max_results": 9, "filter": "attribute.name ILIKE 'RE%'"}),
            ("filter tag", {"max_results": 9, "filter": "tags.a = 'b'"}),
            ("filter tag null", {"max_results": 9, "filter": "tags.a IS NULL", "order_by": ["name"]}),
            ("filter tag not null", {"max_results": 9, "filter": "tag.a IS NOT NULL"}),
            ("filter id", {"max_results": 9, "filter": "experiment_id = '{e1}'"}),
            ("filter ids", {"max_results": 9, "filter": "experiment_id IN ('{e1}', '{e2}')", "order_by": ["name DESC"]}),
            ("filter not ids", {"max_results": 9, "filter": "experiment_id NOT IN ('{e1}')", "order_by": ["name DESC"]}),
            ("filter id text", {"max_results": 9, "filter": "experiment_id = 'x'"}),
            ("filter id order", {"max_results": 9, "filter": "experiment_id > '1'"}),
            ("filter time", {"max_results": 9, "filter": "creation_time > 5 AND last_update_time != 7", "order_by": ["name"]}),
            ("filter time fraction", {"max_results": 9, "filter": "creation_time > 5.5"}),
            ("filter time text", {"max_results": 9, "filter": "creation_time > '5'"}),
            ("filter or", {"max_results": 9, "filter": "name = 'a' OR name = 'b'"}),
            ("filter entity", {"max_results": 9, "filter": "params.x = 'a'"}),
            ("filter tag order", {"max_results": 9, "filter": "tags.x > 'a'"}),
            ("filter name number", {"max_results": 9, "filter": "name = 5"}),
            ("order unparsed", {"max_results": 9, "order_by": ["name, experiment_id"]}),
            ("order direction", {"max_results": 9, "order_by": ["name up"]}),
            ("order entity", {"max_results": 9, "order_by": ["metrics.x"]}),
            ("order tag", {"max_results": 9, "order_by": ["tags.x"]}),
            ("bad token", {"max_results": 9, "page_token": "%%%"}),
            ("view all", {"max_results": 9, "view_type": "ALL", "order_by": ["name"]}),
            ("view number", {"max_results": 9, "view_type": 3, "order_by": ["name"]})):
        yield "search " + name, "POST", e + "search", body
    yield "search by query", "GET", AJAX + e + "search", {"max_results": 5, "order_by": ["name"], "filter": "name LIKE '%e%'"}
    yield "delete", "POST", e + "delete", {"experiment_id": "{e3}"}
    yield "delete again", "POST", e + "delete", {"experiment_id": "{e3}"}
    yield "get deleted", "GET", e + "get", {"experiment_id": "{e3}"}
    yield "rename deleted", "POST", e + "update", {"experiment_id": "{e3}", "new_name": "x"}
    yield "tag deleted", "POST", e + "set-experiment-tag", {"experiment_id": "{e3}", "key": "k", "value": "v"}
    yield "run in deleted", "POST", "runs/create", {"experiment_id": "{e3}"}
    yield "search deleted", "POST", e + "search", {"max_results": 9, "view_type": "DELETED_ONLY"}
    yield "restore", "POST", e + "restore", {"experiment_id": "{e3}"}
    yield "restore again", "POST", e + "restore", {"experiment_id": "{e3}"}


def _runs():
    r = "runs/"
    run = {"r1": ("run", "info", "run_id")}
    yield "create", "POST", r + "create", {"experiment_id": "{e1}", "start_time": 1000, "run_name": "one", "user_id": "u", "tags": [{"key": "t1", "value": "x"}, {"key": "mlflow.user", "value": "me"}]}, run
    yield "create by tag", "POST", r + "create", {"experiment_id": "{e1}", "start_time": "2000", "tags": [{"key": "mlflow.runName", "value": "two"}]}, {"r2": ("run", "info", "run_id")}
    yield "create third", "POST", r + "create", {"experiment_id": "{e1}", "start_time": 2500, "run_name": "three"}, {"r3": ("run", "info", "run_id")}
    yield "create fourth", "POST", r + "create", {"experiment_id": "{e1}", "start_time": 1500, "run_name": "Four é"}, {"r4": ("run", "info", "run_id")}
    yield "create in default", "POST", r + "create", {"run_name": "d"}, {"rd": ("run", "info", "run_id")}
    yield "create in located", "POST", r + "create", {"experiment_id": "{e2}", "run_name": "s"}, {"rs": ("run", "info", "run_id")}
    yield "create two names", "POST", r + "create", {"experiment_id": "{e1}", "run_name": "x", "tags": [{"key": "mlflow.runName", "value": "y"}]}
    yield "create nowhere", "POST", r + "create", {"experiment_id": "4711"}
    yield "create number", "POST", r + "create", {"experiment_id": 0}
    yield "create bad time", "POST", r + "create", {"experiment_id": "{e1}", "start_time": "abc"}
    yield "get", "GET", r + "get", {"run_id": "{r1}"}
    yield "get by uuid", "GET", r + "get", {"run_uuid": "{r2}"}
    yield "get absent", "GET", r + "get", {"run_id": "nope"}
    yield "get nothing", "GET", r + "get", {}
    yield "get ajax", "GET", AJAX + r + "get", {"run_id": "{r4}"}

    m = r + "log-metric"
    for name, body in (
            ("plain", {"key": "acc", "value": 0.5, "timestamp": 10, "step": 1}),
            ("later step", {"key": "acc", "value": 0.75, "timestamp": 9, "step": 2}),
            ("same step later", {"key": "acc", "value": 0.6, "timestamp": 11, "step": 2}),
            ("earlier step", {"key": "acc", "value": 0.9, "timestamp": 99, "step": 0}),
            ("twice", {"key": "acc", "value": 0.5, "timestamp": 10, "step": 1}),
            ("same moment greater", {"key": "tie", "value": 2, "timestamp": 5, "step": 5}),
            ("same moment smaller", {"key": "tie", "value": 1, "timestamp": 5, "step": 5}),
            ("nan", {"key": "nan", "value": "NaN", "timestamp": 10}),
            ("infinity", {"key": "inf", "value": "Infinity", "timestamp": 10}),
            ("minus infinity", {"key": "minf", "value": "-Infinity", "timestamp": 10}),
            ("as text", {"key": "text", "value": "1.25", "timestamp": "12", "step": "3"}),
            ("negative step", {"key": "neg", "value": -1e-7, "timestamp": 10, "step": -3}),
            ("large", {"key": "large", "value": 123456789012345680000.0, "timestamp": 9223372036854775807}),
            ("whole", {"key": "whole", "value": 7, "timestamp": 1}),
            ("small", {"key": "small", "value": 5e-324, "timestamp": 1}),
            ("path name", {"key": "a/b c.d-e_f:g", "value": 1, "timestamp": 1}),
            ("no key", {"value": 1, "timestamp": 1}), ("empty key", {"key": "", "value": 1, "timestamp": 1}),
            ("no value", {"key": "x", "timestamp": 1}), ("no time", {"key": "x", "value": 1}),
            ("bad value", {"key": "x", "value": "abc", "timestamp": 1}),
            ("list value", {"key": "x", "value": [1], "timestamp": 1}),
            ("bad time", {"key": "x", "value": 1, "timestamp": "abc"}),
            ("negative time", {"key": "x", "value": 1, "timestamp": -1}),
            ("bad name", {"key": "x#y", "value": 1, "timestamp": 1}),
            ("name up", {"key": "../x", "value": 1, "timestamp": 1}),
            ("name absolute", {"key": "/x", "value": 1, "timestamp": 1}),
            ("name doubled", {"key": "a//b", "value": 1, "timestamp": 1}),
            ("name dot", {"key": ".", "value": 1, "timestamp": 1}),
            ("name back", {"key": "a/../b", "value": 1, "timestamp": 1}),
            ("long name", {"key": "x" * 251, "value": 1, "timestamp": 1})):
        yield "metric " + name, "POST", m, {"run_id": "{r1}", **body}
    for value in ("NaN", "Infinity", "-Infinity", 1e300):
        yield f"metric {value} before time", "POST", m, {"run_id": "{r1}", "key": "m", "value": value, "timestamp": -5}
    yield "metric by uuid", "POST", m, {"run_uuid": "{r1}", "key": "byuuid", "value": 1, "timestamp": 1}
    yield "metric no run", "POST", m, {"run_id": "nope", "key": "x", "value": 1, "timestamp": 1}
    yield "metric without run", "POST", m, {"key": "x", "value": 1, "timestamp": 1}
    yield "metric ajax", "POST", AJAX + m, {"run_id": "{r2}", "key": "acc", "value": 0.9, "timestamp": 1}
    yield "metric third", "POST", m, {"run_id": "{r3}", "key": "acc", "value": "NaN", "timestamp": 1}

    p = r + "log-parameter"
    for name, body in (
            ("plain", {"key": "lr", "value": "0.1"}), ("again", {"key": "lr", "value": "0.1"}),
            ("changed", {"key": "lr", "value": "0.2"}), ("empty", {"key": "none"}),
            ("unicode", {"key": "ü", "value": "wért \n\"q\" \\ \u2028"}),
            ("number", {"key": "n", "value": 5}), ("no key", {"value": "x"}),
            ("bad key", {"key": "a\nb", "value": "x"}), ("long key", {"key": "k" * 251, "value": "x"}),
            ("long value", {"key": "long", "value": "v" * 6001})):
        yield "param " + name, "POST", p, {"run_id": "{r1}", **body}
    yield "param second", "POST", p, {"run_id": "{r2}", "key": "lr", "value": "0.01"}
    yield "param case", "POST", p, {"run_id": "{r3}", "key": "kind", "value": "Alpha"}

    t = r + "set-tag"
    for name, body in (
            ("plain", {"key": "t2", "value": "y"}), ("changed", {"key": "t2", "value": "z"}),
            ("empty", {"key": "t3"}), ("run name", {"key": "mlflow.runName", "value": "renamed one"}),
            ("bad", {"key": "a#", "value": "x"}), ("no key", {"value": "x"}),
            ("long key", {"key": "k" * 251, "value": "x"}), ("long value", {"key": "long", "value": "v" * 8001})):
        yield "tag " + name, "POST", t, {"run_id": "{r1}", **body}
    yield "tag delete", "POST", r + "delete-tag", {"run_id": "{r1}", "key": "t3"}
    yield "tag delete again", "POST", r + "delete-tag", {"run_id": "{r1}", "key": "t3"}
    yield "tag delete no run", "POST", r + "delete-tag", {"run_id": "nope", "key": "t3"}
    yield "after all", "GET", r + "get", {"run_id": "{r1}"}

    yield "update", "POST", r + "update", {"run_id": "{r2}", "status": "FINISHED", "end_time": 3000}
    yield "update by number", "POST", r + "update", {"run_id": "{r3}", "status": 4, "end_time": "3500"}
    yield "update name", "POST", r + "update", {"run_id": "{r2}", "run_name": "second"}
    yield "update nothing", "POST", r + "update", {"run_id": "{r2}"}
    yield "update absent", "POST", r + "update", {"run_id": "nope", "status": "FINISHED"}
    yield "after update", "GET", r + "get", {"run_id": "{r2}"}


def _batch():
    b = "runs/log-batch"
    yield "batch", "POST", b, {"run_id": "{r2}", "metrics": [{"key": "b", "value": i, "timestamp": i, "step": i} for i in range(5)], "params": [{"key": "p1", "value": "1"}, {"key": "p2", "value": "2"}], "tags": [{"key": "bt", "value": "1"}, {"key": "mlflow.runName", "value": "batched"}]}
    yield "batch again", "POST", b, {"run_id": "{r2}", "metrics": [{"key": "b", "value": 2, "timestamp": 2, "step": 2}], "params": [{"key": "p1", "value": "1"}], "tags": [{"key": "bt", "value": "2"}]}
    yield "batch changed params", "POST", b, {"run_id": "{r2}", "params": [{"key": "p1", "value": "x"}, {"key": "p2", "value": "y'z"}, {"key": "new", "value": "n"}]}
    yield "batch params twice", "POST", b, {"run_id": "{r2}", "params": [{"key": "q", "value": "x"}, {"key": "q", "value": "x"}]}
    yield "batch empty", "POST", b, {"run_id": "{r2}"}
    yield "batch no run", "POST", b, {"run_id": "nope"}
    yield "batch bad run", "POST", b, {"run_id": "a/b"}
    yield "batch without run", "POST", b, {"metrics": []}
    yield "batch metrics no list", "POST", b, {"run_id": "{r2}", "metrics": 5}
    yield "batch metric no key", "POST", b, {"run_id": "{r2}", "metrics": [{"key": "a", "value": 1, "timestamp": 1}, {"value": 1, "timestamp": 1}]}
    yield "batch metric no value", "POST", b, {"run_id": "{r2}", "metrics": [{"key": "a", "timestamp": 1}]}
    yield "batch metric no time", "POST", b, {"run_id": "{r2}", "metrics": [{"key": "a", "value": 1}]}
    yield "batch metric bad name", "POST", b, {"run_id": "{r2}", "metrics": [{"key": "a", "value": 1, "timestamp": 1}, {"key": "a#", "value": 1, "timestamp": 1}]}
    yield "batch metric negative time", "POST", b, {"run_id": "{r2}", "metrics": [{"key": "a", "value": 1, "timestamp": -1}]}
    yield "batch param no key", "POST", b, {"run_id": "{r2}", "params": [{"value": "1"}]}
    yield "batch tag no key", "POST", b, {"run_id": "{r2}", "tags": [{"value": "1"}]}
    yield "batch tag long key", "POST", b, {"run_id": "{r2}", "tags": [{"key": "k" * 251, "value": "1"}]}
    yield "batch too many metrics", "POST", b, {"run_id": "{r2}", "metrics": [{"key": "a", "value": i, "timestamp": 1} for i in range(1001)]}
    yield "batch too many params", "POST", b, {"run_id": "{r2}", "params": [{"key": f"k{i}", "value": ""} for i in range(101)]}
    yield "batch too many tags", "POST", b, {"run_id": "{r2}", "tags": [{"key": f"k{i}", "value": ""} for i in range(101)]}
    yield "batch too many together", "POST", b, {"run_id": "{r2}", "metrics": [{"key": "a", "value": i, "timestamp": 1} for i in range(990)], "tags": [{"key": f"k{i}", "value": ""} for i in range(11)]}
    yield "batch nan", "POST", b, {"run_id": "{r4}", "metrics": [{"key": "acc", "value": 0.1, "timestamp": 1}, {"key": "z", "value": "NaN", "timestamp": 1}]}
    yield "after batch", "GET", "runs/get", {"run_id": "{r2}"}


def _history():
    h = "metrics/get-history"
    yield "history", "GET", h, {"run_id": "{r1}", "metric_key": "acc"}
    yield "history by uuid", "GET", h, {"run_uuid": "{r1}", "metric_key": "acc"}
    yield "history page", "GET", h, {"run_id": "{r1}", "metric_key": "acc", "max_results": 2}
    yield "history next page", "GET", h, {"run_id": "{r1}", "metric_key": "acc", "max_results": 2, "page_token": "eyJvZmZzZXQiOiAyfQ=="}
    yield "history of none", "GET", h, {"run_id": "{r1}", "metric_key": "nope"}
    yield "history of no run", "GET", h, {"run_id": "nope", "metric_key": "acc"}
    yield "history no key", "GET", h, {"run_id": "{r1}"}
    yield "history no run", "GET", h, {"metric_key": "acc"}
    yield "history zero", "GET", h, {"run_id": "{r1}", "metric_key": "acc", "max_results": 0}
    yield "history nan", "GET", h, {"run_id": "{r1}", "metric_key": "nan"}
    k = AJAX + "metrics/get-history-bulk"
    yield "bulk", "GET", k, {"run_id": ["{r1}"], "metric_key": "acc"}
    yield "bulk limited", "GET", k, {"run_id": ["{r1}"], "metric_key": "acc", "max_results": 2}
    yield "bulk no run", "GET", k, {"metric_key": "acc"}
    yield "bulk no key", "GET", k, {"run_id": "{r1}"}
    yield "bulk many runs", "GET", k, {"run_id": [f"r{i}" for i in range(101)], "metric_key": "acc"}
    i = "metrics/get-history-bulk-interval"
    yield "interval", "GET", i, {"run_ids": ["{r1}", "{r2}"], "metric_key": "acc", "max_results": 10}
    yield "interval sampled", "GET", i, {"run_ids": ["{r2}"], "metric_key": "b", "max_results": 3}
    yield "interval one", "GET", i, {"run_ids": ["{r2}"], "metric_key": "b", "max_results": 1}
    yield "interval steps", "GET", i, {"run_ids": ["{r2}"], "metric_key": "b", "start_step": 1, "end_step": 3, "max_results": 10}
    yield "interval half", "GET", i, {"run_ids": ["{r2}"], "metric_key": "b", "start_step": 1}
    yield "interval reversed", "GET", i, {"run_ids": ["{r2}"], "metric_key": "b", "start_step": 3, "end_step": 1}
    yield "interval no runs", "GET", i, {"metric_key": "b"}
    yield "interval no key", "GET", i, {"run_ids": ["{r2}"]}
    yield "interval too many", "GET", i, {"run_ids": ["{r2}"], "metric_key": "b", "max_results": 2501}
    yield "interval of none", "GET", i, {"run_ids": ["nope"], "metric_key": "b"}


def _inputs():
    li = "runs/log-inputs"
    d = {"name": "data", "digest": "abc", "source_type": "local", "source": "/x"}
    yield "inputs", "POST", li, {"run_id": "{r1}", "datasets": [{"tags": [{"key": "mlflow.data.context", "value": "train"}, {"key": "a", "value": "b"}], "dataset": {**d, "schema": "{}", "profile": "{\"n\": 1}"}}]}
    yield "inputs again", "POST", li, {"run_id": "{r1}", "datasets": [{"tags": [], "dataset": d}]}
    yield "inputs two", "POST", li, {"run_id": "{r2}", "datasets": [{"tags": [{"key": "mlflow.data.context", "value": "test"}], "dataset": d}, {"dataset": {**d, "name": "other"}}]}
    yield "inputs long name", "POST", li, {"run_id": "{r1}", "datasets": [{"dataset": {**d, "name": "n" * 501}}]}
    yield "inputs long digest", "POST", li, {"run_id": "{r1}", "datasets": [{"dataset": {**d, "digest": "n" * 37}}]}
    yield "inputs long tag", "POST", li, {"run_id": "{r1}", "datasets": [{"tags": [{"key": "k" * 256, "value": ""}], "dataset": d}]}
    yield "inputs no run", "POST", li, {"run_id": "nope"}
    yield "inputs without run", "POST", li, {"datasets": []}
    yield "inputs models", "POST", li, {"run_id": "{r1}", "models": [{"model_id": "m-1"}]}
    yield "outputs", "POST", "runs/outputs", {"run_id": "{r1}", "models": [{"model_id": "m-2", "step": 3}, {"model_id": "m-1"}]}
    yield "outputs none", "POST", "runs/outputs", {"run_id": "{r1}"}
    yield "run with inputs", "GET", "runs/get", {"run_id": "{r1}"}
    yield "run with two", "GET", "runs/get", {"run_id": "{r2}"}
    yield "datasets", "POST", AJAX + "experiments/search-datasets", {"experiment_ids": ["{e1}"]}
    yield "datasets of none", "POST", AJAX + "experiments/search-datasets", {"experiment_ids": []}
    yield "datasets of many", "POST", AJAX + "experiments/search-datasets", {"experiment_ids": [str(i) for i in range(21)]}


FILTERS = [
    "", "metrics.acc > 0.5", "metrics.acc >= 0.6", "metrics.acc < 0.5", "metrics.acc != 0.6", "metrics.acc = 0.6",
    "metric.acc <= 0.1", "metrics.nan != 5", "metrics.nan = 0", "metrics.`acc` > -1", 'metrics."acc" > -1',
    "metrics.`a/b c.d-e_f:g` = 1", "metrics.neg = -1e-7", "metrics.inf > 1e300", "metrics.acc > .5 and metrics.tie < 5.",
    "params.lr = '0.1'", "param.lr != '0.1'", "parameters.lr LIKE '0.%'", "params.kind = 'alpha'", "params.kind LIKE 'al%'",
    "params.kind ILIKE 'AL%'", "params.kind LIKE '_lpha'", "params.lr IS NULL", "params.lr IS NOT NULL",
    "params.`ü` LIKE 'wért%'", 'params.lr = "0.1"', "params.kind LIKE 'A*pha'", "params.kind LIKE '[A]lpha'",
    "tags.t1 = 'x'", "tag.t1 != 'x'", "tags.t2 LIKE '%'", "tags.`mlflow.runName` = 'batched'", "tags.nope IS NULL",
    "attributes.status = 'FINISHED'", "status != 'RUNNING'", "attr.status ILIKE 'fin%'", "run.run_name = 'three'",
    "run_name LIKE 'Four%'", "attributes.`run name` = 'three'", "attributes.`Run Name` LIKE 't%'", "run_name ILIKE 'FOUR%'",
    "start_time = 2000", "start_time > 1500", "attributes.start_time <= 1500.5", "created >= 2000", "attributes.Created = 1000",
    "end_time > 0", "end_time < 3200", "run_id = '{r1}'", "run_id IN ('{r1}', '{r3}')", "attribute.run_id NOT IN ('{r1}')",
    'run_id IN ("{r1}",)', "user_id = 'u'", "artifact_uri LIKE '%artifacts'", "dataset.name = 'data'", "datasets.digest LIKE 'a%'",
    "dataset.context = 'train'", "dataset.context IN ('train', 'test')", "dataset.name NOT IN ('data')", "dataset.name ILIKE 'DATA'",
    "metrics.acc > 0.5 AND params.lr = '0.1' AND tags.t1 = 'x'", "metrics.acc > 0.5 OR metrics.acc < 0.1",
    "metrics.acc", "metrics.acc >", "metrics.acc > 'x'", "metrics.acc > nan", "metrics.acc IN (1)", "metrics.acc LIKE 'x'",
    "metrics.acc IS NULL", "params.lr > 'x'", "params.lr = 5", "params.lr = x", "params.lr = `x`", "params.lr IN ('x')",
    "tags.t1 < 'x'", "status > 'x'", "status = 5", "status IN ('x')", "start_time = 'x'", "start_time LIKE 'x'",
    "foo = 'x'", "bar.x = 'y'", "attributes.foo = 'x'", "dataset.foo = 'x'", "dataset.name = 5", "dataset.name > 'x'",
    "run_id IN ()", "run_id IN (1)", "run_id IN ('a', 1)", "run_id IN ('a' b)", "run_id IN (('{r1}'))", "run_id IN (('{r1}', '{r3}'))", "run_id IN ((('{r1}')), ('{r3}'))", "run_id IN (('{r1}',), '{r3}')",
    "run_id IN (())", "run_id IN (('a') b)", "run_id IN (('a'),)", "run_id IN ( ( '{r1}' , ) )", "run_id IN ((5))", "run_id IN (('a)'))", "run_id IN (('a'))))", "not metrics.acc > 1", "(metrics.acc > 1)",
    "metrics.acc BETWEEN 1 AND 2", "metrics.acc > 1;", "metrics.acc > 1; metrics.b > 2", "AND", "metrics.acc > 0.5 AND",
    "params.lr = 'unclosed", "-- x", "'x' = params.lr", "1 = 1", "metrics.acc == 1", "metrics.acc <> 1", "params.lr RLIKE 'x'",
    "params.lr NOT LIKE 'x'", "Metrics.acc > 1", "params.lr = 'it''s'", "params.lr = null", "tags.a.b.c = 'x'",
    "status is null", "metrics.acc > 0x10", "select = 1",
]

ORDERS = [
    [], ["metrics.acc"], ["metrics.acc DESC"], ["metrics.acc ASC", "params.lr"], ["params.lr DESC"], ["tags.t1"],
    ["start_time"], ["attributes.start_time DESC"], ["run_name"], ["end_time"], ["end_time DESC"],
    ["status", "start_time ASC"], ["metrics.`acc` desc"], ['params."lr"'], ["created"], ["metrics.nope DESC"],
    ["user_id DESC"],
    ["metrics.acc, params.lr"], ["metrics.acc up"], [" metrics.acc"], ["metrics.acc "], ["foo"], ["bar.x"], ["dataset.name"],
    ["order"], [""], ["metrics.acc a b"], ["timestamp"], ["name"],
]


def _search():
    s = "runs/search"
    for f in FILTERS:
        yield "filter " + f, "POST", s, {"experiment_ids": ["{e1}"], "filter": f}
    for o in ORDERS:
        yield f"order {o}", "POST", s, {"experiment_ids": ["{e1}"], "order_by": o}
    yield "filter and order", "POST", s, {"experiment_ids": ["{e1}"], "filter": "metrics.acc > 0", "order_by": ["metrics.acc DESC"]}
    yield "all experiments", "POST", s, {"experiment_ids": ["{e1}", "{e2}"]}
    yield "no experiments", "POST", s, {"experiment_ids": []}
    yield "experiments absent", "POST", s, {}
    yield "bad experiment", "POST", s, {"experiment_ids": ["x"]}
    yield "unknown experiment", "POST", s, {"experiment_ids": ["4711"]}
    yield "first page", "POST", s, {"experiment_ids": ["{e1}"], "max_results": 3}
    yield "second page", "POST", s, {"experiment_ids": ["{e1}"], "max_results": 3, "page_token": "eyJvZmZzZXQiOiAzfQ=="}
    yield "page by metric", "POST", s, {"experiment_ids": ["{e1}"], "max_results": 2, "order_by": ["metrics.acc"], "page_token": "eyJvZmZzZXQiOiAyfQ=="}
    yield "too many", "POST", s, {"experiment_ids": ["{e1}"], "max_results": 50001}
    yield "negative", "POST", s, {"experiment_ids": ["{e1}"], "max_results": -1}
    yield "bad token", "POST", s, {"experiment_ids": ["{e1}"], "page_token": "x"}
    yield "deleted only", "POST", s, {"experiment_ids": ["{e1}"], "run_view_type": "DELETED_ONLY"}
    yield "filter no text", "POST", s, {"experiment_ids": ["{e1}"], "filter": 5}
    yield "order no list", "POST", s, {"experiment_ids": ["{e1}"], "order_by": "start_time"}
    yield "duplicate order", "POST", s, {"experiment_ids": ["{e1}"], "order_by": ["metrics.acc", "metrics.acc DESC"]}
    yield "delete run", "POST", "runs/delete", {"run_id": "{r3}"}
    yield "get deleted", "GET", "runs/get", {"run_id": "{r3}"}
    yield "log to deleted", "POST", "runs/log-metric", {"run_id": "{r3}", "key": "x", "value": 1, "timestamp": 1}
    yield "param to deleted", "POST", "runs/log-parameter", {"run_id": "{r3}", "key": "x", "value": "1"}
    yield "tag to deleted", "POST", "runs/set-tag", {"run_id": "{r3}", "key": "x", "value": "1"}
    yield "batch to deleted", "POST", "runs/log-batch", {"run_id": "{r3}"}
    yield "update deleted", "POST", "runs/update", {"run_id": "{r3}", "status": "FINISHED"}
    yield "search active", "POST", s, {"experiment_ids": ["{e1}"], "run_view_type": "ACTIVE_ONLY"}
    yield "search deleted", "POST", s, {"experiment_ids": ["{e1}"], "run_view_type": "DELETED_ONLY"}
    yield "search both", "POST", s, {"experiment_ids": ["{e1}"], "run_view_type": "ALL"}
    yield "restore run", "POST", "runs/restore", {"run_id": "{r3}"}
    yield "delete absent run", "POST", "runs/delete", {"run_id": "nope"}
    yield "restore absent run", "POST", "runs/restore", {"run_id": "nope"}
    yield "log model", "POST", "runs/log-model", {"run_id": "{r4}", "model_json": '{"artifact_path": "m", "flavors": {}, "utc_time_created": "2020-01-01 00:00:00", "run_id": "x"}'}
    yield "log model bad", "POST", "runs/log-model", {"run_id": "{r4}", "model_json": "{"}


def _logged_models():
    m = "logged-models"
    saves = ("model", "info", "model_id")
    yield "create", "POST", m, {"experiment_id": "{e1}", "name": "lm1", "model_type": "t", "source_run_id": "{r1}", "params": [{"key": "p", "value": "1"}], "tags": [{"key": "t", "value": "a"}]}, {"m1": saves}
    yield "create bare", "POST", m, {"experiment_id": "{e1}", "name": "lm2"}, {"m2": saves}
    yield "create third", "POST", m, {"experiment_id": "{e1}", "name": "lm3", "params": [{"key": "p", "value": "3"}]}, {"m3": saves}
    yield "create bad name", "POST", m, {"experiment_id": "{e1}", "name": "a/b"}
    yield "create nowhere", "POST", m, {"experiment_id": "4711"}
    yield "create without", "POST", m, {}
    yield "get", "GET", m + "/{m1}", None
    yield "get absent", "GET", m + "/m-nope", None
    yield "finalize", "PATCH", m + "/{m1}", {"model_id": "{m1}", "status": "LOGGED_MODEL_READY"}
    yield "finalize number", "PATCH", m + "/{m2}", {"model_id": "{m2}", "status": 3}
    yield "finalize without", "PATCH", m + "/{m2}", {"model_id": "{m2}"}
    yield "finalize absent", "PATCH", m + "/m-nope", {"model_id": "m-nope", "status": 2}
    yield "tags", "PATCH", m + "/{m1}/tags", {"tags": [{"key": "t", "value": "b"}, {"key": "u", "value": "c"}]}
    yield "tags absent", "PATCH", m + "/m-nope/tags", {"tags": []}
    yield "tag delete", "DELETE", m + "/{m1}/tags/u", None
    yield "tag delete again", "DELETE", m + "/{m1}/tags/u", None
    yield "params", "POST", m + "/{m1}/params", {"model_id": "{m1}", "params": [{"key": "q", "value": "2"}]}
    for model, value, step in (("m1", 0.5, 1), ("m1", 0.7, 2), ("m2", 0.9, 1)):
        yield f"metric {model} {step}", "POST", "runs/log-metric", {"run_id": "{r1}", "key": "f1", "value": value, "timestamp": 10 + step, "step": step, "model_id": "{%s}" % model, "dataset_name": "data", "dataset_digest": "abc"}
    yield "metric batch", "POST", "runs/log-batch", {"run_id": "{r1}", "metrics": [{"key": "g1", "value": 1, "timestamp": 1, "step": 0, "model_id": "{m3}"}]}
    yield "after metrics", "GET", m + "/{m1}", None
    for f in ("", "name = 'lm1'", "name LIKE 'lm%'", "metrics.f1 > 0.6", "metrics.f1 < 0.6", "metrics.f1 = 0.7", "params.p = '1'", "params.p IN ('1', '3')",
              "tags.t = 'b'", "tags.t != 'b'", "status = 'READY'", "status IN ('READY', 'FAILED')", "status != 'READY'", "model_type = 't'",
              "source_run_id = '{r1}'", "creation_time > 5", "creation_timestamp > 5", "attributes.name = 'lm2'", "model_id = '{m1}'", "metrics.`f1` >= 0.7",
              "params.p > '1'", "metric.f1 > 1", "metrics.f1 > 0 OR name = 'x'", "metrics.f1", "status = 'NOPE'", "status LIKE 'R%'", "creation_time LIKE 'x'"):
        yield "filter " + f, "POST", m + "/search", {"experiment_ids": ["{e1}"], "filter": f}
    for o in ([{"field_name": "name"}], [{"field_name": "name", "ascending": False}], [{"field_name": "metrics.f1"}], [{"field_name": "metrics.f1", "ascending": False}],
              [{"field_name": "metrics.f1", "ascending": False, "dataset_name": "data", "dataset_digest": "abc"}], [{"field_name": "creation_time"}, {"field_name": "name"}],
              [{"field_name": "params.p"}], [{"field_name": "nope"}]):
        yield f"order {o}", "POST", m + "/search", {"experiment_ids": ["{e1}"], "order_by": o}
    yield "datasets", "POST", m + "/search", {"experiment_ids": ["{e1}"], "datasets": [{"dataset_name": "data", "dataset_digest": "abc"}], "order_by": [{"field_name": "name"}]}
    yield "datasets other", "POST", m + "/search", {"experiment_ids": ["{e1}"], "datasets": [{"dataset_name": "nope", "dataset_digest": "abc"}]}
    yield "datasets nameless", "POST", m + "/search", {"experiment_ids": ["{e1}"], "datasets": [{"dataset_digest": "abc"}]}
    yield "search nowhere", "POST", m + "/search", {}
    yield "delete", "DELETE", m + "/{m3}", None
    yield "get deleted", "GET", m + "/{m3}", None
    yield "get deleted anyway", "GET", m + "/{m3}?allow_deleted=true", None
    yield "delete absent", "DELETE", m + "/m-nope", None
    yield "search after", "POST", m + "/search", {"experiment_ids": ["{e1}"], "order_by": [{"field_name": "name"}]}


def _registry():
    g, v = "registered-models/", "model-versions/"
    source = "mlflow-artifacts:/{e1}/{r1}/artifacts/model"
    yield "create", "POST", g + "create", {"name": "M1", "description": "d", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}
    yield "create again", "POST", g + "create", {"name": "M1"}
    yield "create second", "POST", g + "create", {"name": "M2 é"}
    yield "create third", "POST", g + "create", {"name": "m3"}
    yield "create slash", "POST", g + "create", {"name": "a/b"}
    yield "create up", "POST", g + "create", {"name": ".."}
    yield "create nothing", "POST", g + "create", {}
    yield "create blank", "POST", g + "create", {"name": " "}
    yield "create prompt", "POST", g + "create", {"name": "P", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}
    yield "create prompt over model", "POST", g + "create", {"name": "M1", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}
    yield "get", "GET", g + "get", {"name": "M1"}
    yield "get absent", "GET", g + "get", {"name": "nope"}
    yield "get nothing", "GET", g + "get", {}
    yield "update", "PATCH", g + "update", {"name": "M1", "description": "new"}
    yield "update to nothing", "PATCH", g + "update", {"name": "m3"}
    yield "update absent", "PATCH", g + "update", {"name": "nope"}
    yield "tag", "POST", g + "set-tag", {"name": "M1", "key": "b", "value": "x"}
    yield "tag absent", "POST", g + "set-tag", {"name": "nope", "key": "b", "value": "x"}
    yield "tag bad", "POST", g + "set-tag", {"name": "M1", "key": "b#", "value": "x"}
    yield "tag delete", "DELETE", g + "delete-tag", {"name": "M1", "key": "b"}
    yield "tag delete again", "DELETE", g + "delete-tag", {"name": "M1", "key": "b"}

    for n in range(1, 4):
        yield f"version {n}", "POST", v + "create", {"name": "M1", "source": source, "run_id": "{r1}", "description": f"v{n}", "tags": [{"key": "n", "value": str(n)}]}
    yield "version of m3", "POST", v + "create", {"name": "m3", "source": "s3://bucket/model", "run_link": "http://x"}
    yield "version of logged model", "POST", v + "create", {"name": "m3", "source": "models:/{m1}", "model_id": "{m1}"}
    yield "logged model knows", "GET", "logged-models/{m1}", None
    yield "version of absent", "POST", v + "create", {"name": "nope", "source": "s3://bucket/model"}
    yield "version no source", "POST", v + "create", {"name": "M1"}
    yield "version local", "POST", v + "create", {"name": "M1", "source": "/etc/passwd"}
    yield "version file", "POST", v + "create", {"name": "M1", "source": "file:///etc", "run_id": "{r1}"}
    for uri in ("file:///tmp/%2e%2e/etc", "FILE:///tmp", "File:/tmp"):
        yield f"version {uri}", "POST", v + "create", {"name": "M1", "source": uri}
    yield "version dots", "POST", v + "create", {"name": "M1", "source": "s3://bucket/a/../b"}
    yield "version other run", "POST", v + "create", {"name": "M1", "source": source, "run_id": "{r2}"}
    yield "version no run", "POST", v + "create", {"name": "M1", "source": source}
    yield "version runs", "POST", v + "create", {"name": "M1", "source": "runs:/{r1}/model", "run_id": "{r1}"}
    yield "version runs other", "POST", v + "create", {"name": "M1", "source": "runs:/{r1}/model", "run_id": "{r2}"}
    yield "version copy", "POST", v + "create", {"name": "m3", "source": "models:/M1/1"}
    yield "version encoded", "POST", v + "create", {"name": "M1", "source": "mlflow-artifacts:/{e1}/{r1}/artifacts/%2e%2e/x", "run_id": "{r1}"}
    yield "version get", "GET", v + "get", {"name": "M1", "version": "1"}
    yield "version get absent", "GET", v + "get", {"name": "M1", "version": "99"}
    yield "version get text", "GET", v + "get", {"name": "M1", "version": "x"}
    yield "version get nothing", "GET", v + "get", {"name": "M1"}
    yield "version update", "PATCH", v + "update", {"name": "M1", "version": "1", "description": "changed"}
    yield "version update to nothing", "PATCH", v + "update", {"name": "M1", "version": "2"}
    yield "version tag", "POST", v + "set-tag", {"name": "M1", "version": "1", "key": "k", "value": "v"}
    yield "version tag absent", "POST", v + "set-tag", {"name": "M1", "version": "99", "key": "k", "value": "v"}
    yield "version tag delete", "DELETE", v + "delete-tag", {"name": "M1", "version": "1", "key": "k"}
    yield "download uri", "GET", v + "get-download-uri", {"name": "M1", "version": "1"}
    yield "download uri logged", "GET", v + "get-download-uri", {"name": "m3", "version": "2"}
    yield "download uri absent", "GET", v + "get-download-uri", {"name": "M1", "version": "99"}
    yield "stage", "POST", v + "transition-stage", {"name": "M1", "version": "1", "stage": "production", "archive_existing_versions": False}
    yield "stage archiving", "POST", v + "transition-stage", {"name": "M1", "version": "2", "stage": "Production", "archive_existing_versions": True}
    yield "stage unknown", "POST", v + "transition-stage", {"name": "M1", "version": "2", "stage": "nope", "archive_existing_versions": True}
    yield "latest", "GET", g + "get-latest-versions", {"name": "M1"}
    yield "latest stages", "POST", g + "get-latest-versions", {"name": "M1", "stages": ["Production", "none"]}
    yield "latest bad stage", "POST", g + "get-latest-versions", {"name": "M1", "stages": ["x"]}
    yield "latest absent", "GET", g + "get-latest-versions", {"name": "nope"}
    yield "alias", "POST", g + "alias", {"name": "M1", "alias": "champ", "version": "1"}
    yield "alias two", "POST", g + "alias", {"name": "M1", "alias": "Best", "version": "3"}
    yield "alias moved", "POST", g + "alias", {"name": "M1", "alias": "champ", "version": "3"}
    yield "alias reserved", "POST", g + "alias", {"name": "M1", "alias": "Latest", "version": "3"}
    yield "alias v1", "POST", g + "alias", {"name": "M1", "alias": "V12", "version": "3"}
    yield "alias bad", "POST", g + "alias", {"name": "M1", "alias": "a b", "version": "3"}
    yield "alias long", "POST", g + "alias", {"name": "M1", "alias": "a" * 256, "version": "3"}
    yield "alias absent version", "POST", g + "alias", {"name": "M1", "alias": "x", "version": "99"}
    yield "alias get", "GET", g + "alias", {"name": "M1", "alias": "champ"}
    yield "alias get latest", "GET", g + "alias", {"name": "M1", "alias": "latest"}
    yield "alias get absent", "GET", g + "alias", {"name": "M1", "alias": "nope"}
    yield "model with all", "GET", g + "get", {"name": "M1"}
    yield "alias delete", "DELETE", g + "alias", {"name": "M1", "alias": "Best"}
    yield "alias delete again", "DELETE", g + "alias", {"name": "M1", "alias": "Best"}
    for f in ("", "name = 'M1'", "name LIKE 'M%'", "name ILIKE 'm%'", "name IN ('M1', 'm3')", "name NOT IN ('M1')", "tags.a = '2'", "tags.a != '2'",
              "tags.`mlflow.prompt.is_prompt` = 'true'", "tags.`mlflow.prompt.is_prompt` != 'true'", "foo = 'x'", "name > 'x'", "name = 5", "params.a = 'x'",
              "name IS NULL", "name = 'a' OR name = 'b'", "tags.a > '1'"):
        yield "models filter " + f, "GET", g + "search", {"filter": f}
    for o in (["name"], ["name DESC"], ["last_updated_timestamp DESC"], ["timestamp ASC", "name DESC"], ["foo"], ["name DESC, x"]):
        yield f"models order {o}", "GET", g + "search", {"order_by": o}
    yield "models page", "GET", g + "search", {"max_results": 2}
    yield "models too many", "GET", g + "search", {"max_results": 1001}
    for f in ("", "name = 'M1'", "name='m3'", "run_id = '{r1}'", "run_id IN ('{r1}', 'x')", "source_path LIKE 's3%'", "version_number > 1", "version_number = '1'",
              "version_number = 1.5", "tags.n = '2'", "tag.n != '2'", "name = 'M1' AND version_number >= 2", "foo = 'x'", "version_number LIKE 'x'", "source_path IN ('x')", "name IS NOT NULL"):
        yield "versions filter " + f, "GET", v + "search", {"filter": f, "order_by": ["name", "version_number ASC"]}
    for o in (["version_number"], ["version_number DESC", "name"], ["creation_timestamp ASC", "version_number"], ["foo"], ["tags.x"]):
        yield f"versions order {o}", "GET", v + "search", {"filter": "name = 'M1'", "order_by": o}
    yield "versions page", "GET", v + "search", {"max_results": 2, "filter": "name = 'M1'", "order_by": ["version_number"]}
    yield "versions zero", "GET", v + "search", {"max_results": 0}
    yield "versions too many", "GET", v + "search", {"max_results": 200001}
    yield "version delete", "DELETE", v + "delete", {"name": "M1", "version": "3"}
    yield "version delete again", "DELETE", v + "delete", {"name": "M1", "version": "3"}
    yield "version after delete", "GET", v + "get", {"name": "M1", "version": "3"}
    yield "model after delete", "GET", g + "get", {"name": "M1"}
    yield "version after deleted one", "POST", v + "create", {"name": "M1", "source": source, "run_id": "{r1}"}
    yield "rename", "POST", g + "rename", {"name": "M1", "new_name": "M9"}
    yield "rename taken", "POST", g + "rename", {"name": "m3", "new_name": "M9"}
    yield "rename absent", "POST", g + "rename", {"name": "nope", "new_name": "x"}
    yield "rename bad", "POST", g + "rename", {"name": "M9", "new_name": "a/b"}
    yield "renamed", "GET", g + "get", {"name": "M9"}
    yield "renamed version", "GET", v + "get", {"name": "M9", "version": "1"}
    yield "delete model", "DELETE", g + "delete", {"name": "M9"}
    yield "delete model again", "DELETE", g + "delete", {"name": "M9"}
    yield "versions gone", "GET", v + "search", {"filter": "name = 'M9'"}


def _artifacts():
    root = "{e1}/{r1}/artifacts/"
    a = ART + "artifacts"
    yield "put", "PUT", a + "/" + root + "d/a.txt", b"hello\n"
    yield "put empty", "PUT", a + "/" + root + "d/empty", b""
    yield "put deep", "PUT", a + "/" + root + "d/e/f.json", b"{}"
    yield "put beside", "PUT", a + "/" + root + "d.x", b"x"
    yield "put over", "PUT", a + "/" + root + "d/a.txt", b"hello again\n"
    yield "get", "GET", a + "/" + root + "d/a.txt", None
    yield "get json", "GET", a + "/" + root + "d/e/f.json", None
    yield "get absent", "GET", a + "/" + root + "nope", None
    yield "get directory", "GET", a + "/" + root + "d", None
    yield "get up", "GET", a + "/../x", None
    yield "get encoded up", "GET", a + "/..%2f..%2fetc/passwd", None
    yield "get twice encoded up", "GET", a + "/%252e%252e%252fx", None
    yield "get hash", "GET", a + "/a%23b", None
    yield "put up", "PUT", a + "/x/../../y", b"x"
    yield "list", "GET", a, {"path": root + "d"}
    yield "list root", "GET", a, {"path": root.rstrip("/")}
    yield "list file", "GET", a, {"path": root + "d/a.txt"}
    yield "list absent", "GET", a, {"path": "nope"}
    yield "list up", "GET", a, {"path": ".."}
    yield "run list", "GET", "artifacts/list", {"run_id": "{r1}"}
    yield "run list below", "GET", "artifacts/list", {"run_id": "{r1}", "path": "d"}
    yield "run list absent", "GET", "artifacts/list", {"run_id": "{r1}", "path": "nope"}
    yield "run list up", "GET", "artifacts/list", {"run_id": "{r1}", "path": "../x"}
    yield "run list absolute", "GET", "artifacts/list", {"run_id": "{r1}", "path": "/etc"}
    yield "run list no run", "GET", "artifacts/list", {"run_id": "nope"}
    yield "run get", "GET", "/get-artifact", {"run_id": "{r1}", "path": "d/a.txt"}
    yield "run get absent", "GET", "/get-artifact", {"run_id": "{r1}", "path": "nope"}
    yield "run get up", "GET", "/get-artifact", {"run_id": "{r1}", "path": "../../x"}
    yield "run get no run", "GET", "/get-artifact", {"run_id": "nope", "path": "a"}
    yield "upload", "POST", AJAX + "upload-artifact?run_id={r1}&path=up/u.txt", b"up"
    yield "upload no path", "POST", AJAX + "upload-artifact?run_id={r1}", b"up"
    yield "upload no run", "POST", AJAX + "upload-artifact?path=x", b"up"
    yield "upload nothing", "POST", AJAX + "upload-artifact?run_id={r1}&path=x", b""
    yield "uploaded", "GET", "/get-artifact", {"run_id": "{r1}", "path": "up/u.txt"}
    model = "{e1}/models/{m1}/artifacts/"
    yield "model put", "PUT", a + "/" + model + "d/MLmodel", b"flavors: {}\n"
    yield "model list", "GET", "logged-models/{m1}/artifacts/directories", None
    yield "model list below", "GET", "logged-models/{m1}/artifacts/directories", {"artifact_directory_path": "d"}
    yield "model list up", "GET", "logged-models/{m1}/artifacts/directories", {"artifact_directory_path": "../d"}
    yield "model list absent", "GET", "logged-models/m-nope/artifacts/directories", {}
    yield "model file", "GET", AJAX + "logged-models/{m1}/artifacts/files", {"artifact_file_path": "d/MLmodel"}
    yield "model file up", "GET", AJAX + "logged-models/{m1}/artifacts/files", {"artifact_file_path": "../../x"}
    yield "model file absent", "GET", AJAX + "logged-models/{m1}/artifacts/files", {"artifact_file_path": "nope"}
    yield "version file", "GET", "/model-versions/get-artifact", {"name": "m3", "version": "2", "path": "d/MLmodel"}
    yield "version file absent", "GET", "/model-versions/get-artifact", {"name": "m3", "version": "2", "path": "nope"}
    yield "version file of none", "GET", "/model-versions/get-artifact", {"name": "m3", "version": "99", "path": "x"}
    yield "version file up", "GET", "/model-versions/get-artifact", {"name": "m3", "version": "2", "path": "../x"}
    yield "delete file", "DELETE", a + "/" + root + "d/a.txt", None
    yield "delete absent", "DELETE", a + "/" + root + "d/a.txt", None
    yield "delete directory", "DELETE", a + "/" + root + "d", None
    yield "list after", "GET", a, {"path": root.rstrip("/")}
    yield "multipart", "POST", ART + "mpu/create/x", {"path": "x", "num_parts": 2}


def _server():
    yield "health", "GET", "/health", None
    yield "version", "GET", "/version", None
    yield "user", "GET", AJAX + "users/current", None
    yield "unknown", "GET", "/nope", None
    yield "unknown api", "POST", "nope", {}
    yield "wrong method", "GET", "runs/create", None
    yield "wrong method delete", "DELETE", "runs/create", None


CALLS = [*_experiments(), *_runs(), *_batch(), *_history(), *_inputs(), *_search(), *_logged_models(),
         *_registry(), *_artifacts(), *_server()]
