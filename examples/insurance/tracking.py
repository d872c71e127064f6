"""As much of MLflow's REST as the demo needs, by the standard library; the task's token says who asks."""

import json
import os
import urllib.parse
import urllib.request


def call(method, path, body=None, query=None, kind="application/json"):
    url = os.environ["MLFLOW_TRACKING_URI"] + path + ("?" + urllib.parse.urlencode(query) if query else "")
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Content-Type": kind}
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        headers["Authorization"] = "Bearer " + token
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else {}


def api(path, **body):
    return call("POST", "/api/2.0/mlflow/" + path, body)


def get(path, **query):
    return call("GET", "/api/2.0/mlflow/" + path, query=query)


def log_text(run, path, text):
    call("POST", "/ajax-api/2.0/mlflow/upload-artifact", text.encode(), {"run_id": run, "path": path}, "text/plain")
