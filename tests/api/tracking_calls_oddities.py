"""Odd spellings, for test_differential.py: (name, method, path, body, saves), as in tracking_calls.py."""

from urllib.parse import quote

AJAX = "/ajax-api/2.0/mlflow/"

LOCATIONS = [
    "dbfs:", "dbfs:/x", "dbfs:///x", "dbfs://profile@databricks/x", "file:///../", "file:///a/../b", "file:///%2e%2e/x", "file:///a%20b", "file:///ü", "file:///", "file:a", "file:a?b", "file:",
    "file:/a", "file://localhost/a", "file://127.0.0.1/a", "file://host/a", " ", "  /x", "a b", "/tmp/ü ñ", "ü", "%", "%20", "%2e", "/a%20b", "x/", "/x/", "x//y", "/x//y", "x\ny", "x\ty",
    ".", "..", "./x", "../x", "/a/../b", "/a/./b", "/../../etc", "~/x", "/", "//h/x", "///x", "://x", "1:2", "a:b", "C:/x", "c:\\x", "\\\\unc\\x", "x?y=1", "/x?y", "x#", "#x", "?x", ";x", "x;p", "x;",
    "/a;b/c", "/a;b/c;", "/a/b;c", "s3://b/x;p", "file:///a;b", "s3://b", "s3:b", "s3:", "s3://", "s3:/x", "S3://B/x", "s3://b/x?y", "s3://b/x?y#z", "s3://b/../c", "s3://b/x?y=..", "s3://b/x?y=%252e%252e",
    "s3://b/%2e%2e/c", "gs://b/x?q=1", "gs://b/x#f", "mlflow-artifacts:", "mlflow-artifacts:/", "mlflow-artifacts:/x", "mlflow-artifacts://", "mlflow-artifacts:///x", "mlflow-artifacts:x",
    "mlflow-artifacts:/a/../b", "mlflow-artifacts:/%2e%2e/b", "mlflow-artifacts://host", "mlflow-artifacts://host/x", "mlflow-artifacts://host:80/x", "http://h/x", "http://h/x?y", "http:", "https://h/x;p",
    "ftp://u:p@h/x", "sftp://h/x", "hdfs://n:1/x", "viewfs:/x", "r2://b@a.r2.cloudflarestorage.com", "b2://x", "abfss://c@a.dfs.core.windows.net/x", "wasbs://c@a/x", "oss://x", "hf://x", "nope://x",
    "runs:/x/y", "models:/x/1", "uc:/Volumes/a", "javascript:alert(1)", "x" * 2049,
]
NUMBERS = ["1E5", "true", "false", "null", '"NaN"', '"-Infinity"', '"1e3"', '""', "123456789012345678901234567890"]
BEYOND_JSON = ["NaN", "Infinity", "-Infinity"]  # but not beyond Python's json
PERCENTS = ["name LIKE '%oddity%'", "name LIKE '%zz'", "name LIKE 'oddity 1%'", "name = '100%'"]


class Text(str):
    """A body that is JSON only by and large."""

    headers = {"Content-Type": "application/json"}


def _locations():
    for i, where in enumerate(LOCATIONS):
        name = f"location {where!r:.40}"
        yield name, "POST", "experiments/create", {"name": f"oddity {i}", "artifact_location": where}, {f"o{i}": ("experiment_id",)}
        yield f"{name} got", "GET", "experiments/get-by-name", {"experiment_name": f"oddity {i}"}
        yield f"{name} of a run", "POST", "runs/create", {"experiment_id": f"{{o{i}}}", "run_name": "x", "start_time": 1}, {f"or{i}": ("run", "info", "run_id")}


def _numbers():
    yield "oddity run", "POST", "runs/create", {"experiment_id": "{o1}", "run_name": "odd", "start_time": 1}, {"od": ("run", "info", "run_id")}
    for text in NUMBERS:
        yield f"odd metric {text}", "POST", "runs/log-metric", Text(f'{{"run_id": "{{od}}", "key": "m", "value": {text}, "timestamp": 1}}')
        yield f"odd metrics {text}", "POST", "runs/log-batch", Text(f'{{"run_id": "{{od}}", "metrics": [{{"key": "b", "value": {text}, "timestamp": 1, "step": 0}}]}}')
        yield f"odd metric {text} got", "GET", "metrics/get-history", {"run_id": "{od}", "metric_key": "m"}
    yield "minus zero", "POST", "runs/log-metric", Text('{"run_id": "{od}", "key": "z", "value": -0.0, "timestamp": 1}')
    yield "minus zero got", "GET", "metrics/get-history", {"run_id": "{od}", "metric_key": "z"}
    for text in BEYOND_JSON:
        yield f"metric beyond JSON {text}", "POST", "runs/log-metric", Text(f'{{"run_id": "{{od}}", "key": "{text}", "value": {text}, "timestamp": 1}}')
        yield f"metrics beyond JSON {text}", "POST", "runs/log-batch", Text(f'{{"run_id": "{{od}}", "metrics": [{{"key": "b{text}", "value": {text}, "timestamp": 1, "step": 0}}]}}')
        yield f"metric beyond JSON {text} got", "GET", "metrics/get-history", {"run_id": "{od}", "metric_key": text}
        yield f"metrics beyond JSON {text} got", "GET", "metrics/get-history", {"run_id": "{od}", "metric_key": f"b{text}"}
    yield "odd metrics got", "GET", "metrics/get-history", {"run_id": "{od}", "metric_key": "b"}
    yield "odd time", "POST", "runs/log-metric", Text('{"run_id": "{od}", "key": "t", "value": 1, "timestamp": NaN}')
    yield "odd step", "POST", "runs/log-metric", Text('{"run_id": "{od}", "key": "t", "value": 1, "timestamp": 1, "step": NaN}')


def _queries():
    for text in PERCENTS:
        plain = quote(text, safe="%'=")
        yield f"percent {text}", "GET", f"{AJAX}experiments/search?max_results=9&order_by=name&filter={plain}", None
        yield f"percent {text} of models", "GET", f"registered-models/search?filter={plain}", None
    for text in ("%", "%zz", "a%2", "+%"):
        yield f"percent as id {text}", "GET", f"experiments/get?experiment_id={text}", None
        yield f"percent as key {text}", "GET", f"experiments/get?experiment_id=0&{text}=1", None


def _attachments():
    where = "/ajax-api/3.0/mlflow/get-trace-artifact"
    yield "file of no trace", "GET", where, {"request_id": "tr-none"}
    yield "attachment of no name", "GET", where, {"request_id": "tr-none", "path": "x"}
    yield "attachment of no trace", "GET", where, {"request_id": "tr-none", "path": "0" * 8 + "-0000-4000-8000-" + "0" * 12}
    yield "attachment above", "GET", where, {"request_id": "tr-none", "path": "../x"}


def _models():
    yield "odd model", "POST", "logged-models", {"experiment_id": "{o1}", "name": "odd", "params": [{"key": "p", "value": "v"}], "tags": [{"key": "t", "value": "v"}]}, {"om": ("model", "info", "model_id")}
    yield "odd model's metric", "POST", "runs/log-metric", {"run_id": "{od}", "key": "lm", "value": 1, "timestamp": 1, "model_id": "{om}", "dataset_name": "d", "dataset_digest": "g"}
    for text in ("name IN ()", "name NOT IN ()", "name IN ('')", "name IN ('odd', '')", "params.p IN ()", "params.p NOT IN ()", "tags.t NOT IN ()", "tags.none NOT IN ()", "status IN ()", "status NOT IN ()",
                 "model_type NOT IN ()", "name = 'odd' AND name NOT IN ()"):
        yield f"odd models {text}", "POST", "logged-models/search", {"experiment_ids": ["{o1}"], "filter": text}
    for name, dataset in (("both", {"dataset_name": "d", "dataset_digest": "g"}), ("other", {"dataset_name": "d", "dataset_digest": "h"}), ("no digest", {"dataset_name": "d"})):
        yield f"odd models of dataset {name}", "POST", "logged-models/search", {"experiment_ids": ["{o1}"], "datasets": [dataset]}


ODDITIES = [*_locations(), *_numbers(), *_queries(), *_attachments(), *_models()]
