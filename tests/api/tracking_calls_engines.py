"""What databases see differently, for test_differential.py: case, accents, blanks at the end, rare letters, long texts,
numbers at their ends, values that are not there, ties. Each engine is compared with the real server on the same engine."""

# Alike for some collations, not for others; the last are four bytes in UTF-8, and two code points for one letter.
ALIKE = ("value", "VALUE", "Value ", " value", "vàlue", "välue", "val_ue", "val%ue", "val\\ue", "straße", "strasse", "STRASSE", "🚀 value", "e\u0301", "é",
         "", "0", "00", "1e3", "'", "\"", "ﬁ", "fi", "ß", "ss", "İ", "i", "ı", "Σ", "ς", "\t", "a\nb")
BIG = 2**63 - 1


def _experiments():
    e = "experiments/"
    for i, name in enumerate(("Engine", "engine", "engine ", "Èngine", "engine 🚀", "strasse", "straße")):
        yield f"engine named {i}", "POST", e + "create", {"name": name}, {f"ee{i}": ("experiment_id",)}
    for i, name in enumerate(("Engine", "engine", "ENGINE", "engine ", "engine  ", "Èngine", "engine 🚀", "engine 🚁", "STRASSE", "straße")):
        yield f"engine by name {i}", "GET", e + "get-by-name", {"experiment_name": name}
    for f in ("name = 'ENGINE'", "name LIKE 'engine%'", "name ILIKE 'ENGINE%'", "name LIKE '%🚀'", "name ILIKE 'STRA%'", "name LIKE 'Èng%'",
              "name ILIKE 'èNG%'", "name != 'engine'"):
        yield f"engine search {f}", "POST", e + "search", {"max_results": 50, "filter": f, "order_by": ["experiment_id ASC"]}
    yield "engine order by name", "POST", e + "search", {"max_results": 50, "filter": "name ILIKE '%e%'", "order_by": ["name ASC"]}
    for key in ("Key", "key", "kéy", "key "):
        yield f"engine tag {key}", "POST", e + "set-experiment-tag", {"experiment_id": "{ee0}", "key": key, "value": "of " + key}
    yield "engine tags", "GET", e + "get", {"experiment_id": "{ee0}"}
    for f in ("tags.Key = 'of key '", "tags.key = 'of key '", "tags.`key ` = 'of key '", "tags.`key ` LIKE 'OF%'"):
        yield f"engine search {f}", "POST", e + "search", {"max_results": 50, "filter": f}


def _runs():
    yield "engine experiment", "POST", "experiments/create", {"name": "runs of engines"}, {"eng": ("experiment_id",)}
    for i, value in enumerate(ALIKE):
        yield f"engine run {i}", "POST", "runs/create", {"experiment_id": "{eng}", "run_name": value or "none", "start_time": 100 + i}, {f"er{i}": ("run", "info", "run_id")}
        yield f"engine batch {i}", "POST", "runs/log-batch", {
            "run_id": f"{{er{i}}}", "params": [{"key": "p", "value": value or "-"}, {"key": "P", "value": "upper"}] if i % 4 != 3 else [],
            "tags": [{"key": "t", "value": value}, {"key": "é🚀", "value": "rare"}],
            "metrics": [{"key": "m", "value": (i * 7 % 5, -0.0, 1e-300, "NaN", 1.7976931348623157e308, "Infinity", "-Infinity", 5e-324)[i % 8], "timestamp": 1 + i % 2, "step": 0}] if i % 5 else []}
    ends = {0: 5, 1: 5, 2: BIG, 3: 0, 4: -1}
    for i, end in ends.items():
        yield f"engine end {i}", "POST", "runs/update", {"run_id": f"{{er{i}}}", "status": "FINISHED", "end_time": end}
    for i in (0, 12, 13, 17, 29):
        yield f"engine get {i}", "GET", "runs/get", {"run_id": f"{{er{i}}}"}
    search = {"experiment_ids": ["{eng}"], "max_results": 100}
    for value in ALIKE:
        if not any(c in value for c in "'\"\\\n"):
            yield f"engine param = {value!r}", "POST", "runs/search", {**search, "filter": f"params.p = '{value}'"}
    for f in ("tags.t LIKE 'val%'", "tags.t LIKE 'VAL%'", "tags.t ILIKE 'VAL%'", "tags.t LIKE '%ue'", "tags.t LIKE 'v_lue'", "tags.t LIKE 'val\\_ue'", "tags.t LIKE 'val\\%ue'",
              "tags.t ILIKE 'STRASSE'", "tags.t ILIKE 'straSSe'", "tags.t LIKE '%ß%'", "tags.t ILIKE 'i'", "tags.t ILIKE 'σ'", "tags.t LIKE '🚀%'", "tags.t ILIKE 'É'", "tags.t != 'value'",
              "params.p != 'value'", "tags.t = 'e\u0301'", "tags.t = 'é'", "params.P = 'upper'", "params.p LIKE '%'", "params.p ILIKE '%VÄL%'", "tags.`é🚀` = 'rare'", "tags.t > 'a'",
              "run_name = 'VALUE'", "run_name LIKE 'v%'", "run_name ILIKE 'V%'", "metrics.m = 0", "metrics.m >= 1e308", "metrics.m < 1e-299", "metrics.m > -1e400", "metrics.m != 0",
              "metrics.m = 5e-324", "end_time = 5", "end_time > 0", "end_time = 9223372036854775807", "end_time IS NULL", "start_time >= 100.5", "start_time = 102"):
        yield f"engine search {f}", "POST", "runs/search", {**search, "filter": f}
    for order in (["end_time ASC"], ["end_time DESC"], ["metrics.m ASC"], ["metrics.m DESC"], ["params.p ASC"], ["params.p DESC"], ["tags.t ASC"], ["tags.t DESC"], ["run_name ASC"], ["run_name DESC"],
                  ["start_time ASC"], ["params.absent ASC"], ["status DESC", "metrics.m ASC", "start_time DESC"]):
        yield f"engine order {order}", "POST", "runs/search", {**search, "order_by": order}
    yield "engine page", "POST", "runs/search", {**search, "max_results": 7, "order_by": ["params.p ASC"]}


def _values():
    """What is written over, kept, too long, or at the end of its numbers."""
    yield "engine values", "POST", "runs/create", {"experiment_id": "{eng}", "run_name": "values", "start_time": 1}, {"ev": ("run", "info", "run_id")}
    for key, value in (("Key", "1"), ("key", "2"), ("kéy", "3"), ("key ", "4")):
        yield f"engine tag of run {key!r}", "POST", "runs/set-tag", {"run_id": "{ev}", "key": key, "value": value}
        yield f"engine param of run {key!r}", "POST", "runs/log-parameter", {"run_id": "{ev}", "key": key, "value": value}
        yield f"engine metric of run {key!r}", "POST", "runs/log-metric", {"run_id": "{ev}", "key": key, "value": float(value), "timestamp": 1, "step": 1}
    for n in (500, 6000, 6001):
        yield f"engine param of {n}", "POST", "runs/log-parameter", {"run_id": "{ev}", "key": f"long{n}", "value": "é" * n}
    for n in (5000, 8000, 8001):
        yield f"engine tag of {n}", "POST", "runs/set-tag", {"run_id": "{ev}", "key": f"long{n}", "value": "🚀" * n}
    yield "engine long keys", "POST", "runs/log-batch", {"run_id": "{ev}", "params": [{"key": "é" * 250, "value": "v"}], "tags": [{"key": "é" * 250, "value": "v"}],
                                                        "metrics": [{"key": "é" * 250, "value": 1, "timestamp": 1}]}
    for i, (stamp, step) in enumerate(((BIG, 0), (1, BIG), (1, -BIG), (0, 0), (1, -1))):
        yield f"engine metric at {i}", "POST", "runs/log-metric", {"run_id": "{ev}", "key": "ends", "value": i, "timestamp": stamp, "step": step}
    for i, value in enumerate((0.1, 0.1, -0.0, 0.0, 1 / 3, 1e22, 123456789012345680.0, 4.35, 2**53 + 1.0, "NaN", "NaN", "Infinity", 1.7976931348623157e308, 5e-324, 1e-310)):
        yield f"engine metric of {i}", "POST", "runs/log-metric", {"run_id": "{ev}", "key": "forms", "value": value, "timestamp": 3, "step": i % 3}
    yield "engine history", "GET", "metrics/get-history", {"run_id": "{ev}", "metric_key": "forms"}
    yield "engine history page", "GET", "metrics/get-history", {"run_id": "{ev}", "metric_key": "forms", "max_results": 4}
    yield "engine history of ends", "GET", "metrics/get-history", {"run_id": "{ev}", "metric_key": "ends"}
    yield "engine history of KEY", "GET", "metrics/get-history", {"run_id": "{ev}", "metric_key": "KEY"}
    yield "engine all values", "GET", "runs/get", {"run_id": "{ev}"}
    yield "engine delete tag", "POST", "runs/delete-tag", {"run_id": "{ev}", "key": "KEY"}
    yield "engine get of KEY", "GET", "runs/get", {"run_id": "{ev}"}
    yield "engine run in capitals", "GET", "runs/get", {"run_id": "ABCDEF0123456789ABCDEF0123456789"}


def _registry():
    r = "registered-models/"
    for i, name in enumerate(("Engine", "engine", "engine ", "èngine", "engine 🚀")):
        yield f"engine model {i}", "POST", r + "create", {"name": name, "description": "d" * i, "tags": [{"key": "K", "value": "v"}]}
    for i, name in enumerate(("Engine", "ENGINE", "engine  ", "èngine", "engine 🚀")):
        yield f"engine get model {i}", "GET", r + "get", {"name": name}
    for f in ("name LIKE 'engine%'", "name ILIKE 'ENGINE%'", "name = 'ENGINE'", "tags.K = 'V'", "tags.k = 'v'", "name LIKE '%🚀'", "name ILIKE 'È%'"):
        yield f"engine models {f}", "GET", r + "search", {"filter": f, "max_results": 50, "order_by": ["name ASC"]}
    yield "engine version", "POST", "model-versions/create", {"name": "Engine", "source": "s3://b/x", "run_id": "{ev}"}
    yield "engine version of another case", "POST", "model-versions/create", {"name": "ENGINE", "source": "s3://b/x"}
    for alias in ("Best", "best", "bést"):
        yield f"engine alias {alias}", "POST", r + "alias", {"name": "Engine", "alias": alias, "version": "1"}
    yield "engine by alias", "GET", r + "alias", {"name": "Engine", "alias": "BEST"}
    for f in ("name = 'ENGINE'", "name ILIKE 'engine'", "source_path LIKE 'S3%'", "run_id = '{ev}'", "version_number = 1"):
        yield f"engine versions {f}", "GET", "model-versions/search", {"filter": f, "max_results": 50}


def _logged_models():
    for i, name in enumerate(("Engine", "engine", "èngine", "engine-🚀")):
        yield f"engine logged {i}", "POST", "logged-models", {"experiment_id": "{eng}", "name": name, "params": [{"key": "P", "value": name}], "tags": [{"key": "T", "value": name}]}, {f"el{i}": ("model", "info", "model_id")}
    yield "engine metric of model", "POST", "runs/log-metric", {"run_id": "{ev}", "key": "of model", "value": 0.25, "timestamp": 1, "step": 1, "model_id": "{el0}", "dataset_name": "D", "dataset_digest": "1"}
    for f in ("name = 'ENGINE'", "name LIKE 'engine%'", "name ILIKE 'ENGINE%'", "params.P = 'engine'", "tags.T LIKE 'e%'", "metrics.`of model` > 0.2", "name IN ('engine', 'Engine')"):
        yield f"engine logged {f}", "POST", "logged-models/search", {"experiment_ids": ["{eng}"], "filter": f, "order_by": [{"field_name": "name", "ascending": True}]}
    yield "engine order logged by metric", "POST", "logged-models/search", {"experiment_ids": ["{eng}"], "order_by": [{"field_name": "metrics.of model"}]}


ENGINES = [*_experiments(), *_runs(), *_values(), *_registry(), *_logged_models()]
