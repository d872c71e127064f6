"""A run, a parameter, a metric and an artifact: written, read back, compared, deleted. Says in one line what is wrong."""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SERVER = os.environ.get("MLFLOW_TRACKING_URI", "")


def ask(method, path, body=None, query=None, kind="application/json"):
    url = f"{SERVER}{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
    headers = {"Content-Type": kind}
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        headers["Authorization"] = "Bearer " + token
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as answer:
        return answer.read()


def api(path, **body):
    return json.loads(ask("POST", "/api/2.0/mlflow/" + path, body) or b"{}")


def check():
    mark = f"selfcheck {time.time_ns()}"
    now = int(time.time() * 1000)
    run = api("runs/create", experiment_id="0", run_name="onebox_selfcheck", start_time=now)["run"]["info"]["run_id"]
    try:
        api("runs/log-batch", run_id=run, params=[{"key": "mark", "value": mark}], metrics=[{"key": "n", "value": 1.5, "timestamp": now, "step": 0}])
        data = json.loads(ask("GET", "/api/2.0/mlflow/runs/get", query={"run_id": run}))["run"]["data"]
        if data["params"] != [{"key": "mark", "value": mark}] or data["metrics"][0]["value"] != 1.5:
            return f"the database gives back something else: {data}"
        ask("POST", "/ajax-api/2.0/mlflow/upload-artifact", mark.encode(), {"run_id": run, "path": "mark.txt"}, "text/plain")
        if ask("GET", "/get-artifact", query={"run_uuid": run, "path": "mark.txt"}) != mark.encode():
            return "the artifact store gives back something else"
    finally:
        api("runs/update", run_id=run, status="FINISHED", end_time=int(time.time() * 1000))
        api("runs/delete", run_id=run)
    return None


def main():
    try:
        wrong = check()
    except urllib.error.HTTPError as error:
        wrong = f"{SERVER} answered {error.code}: {error.read(300).decode(errors='replace')}"
    except OSError as error:
        wrong = f"{SERVER or '$MLFLOW_TRACKING_URI, which is not set,'} cannot be reached: {error}"
    if wrong:
        sys.exit(wrong)
    print(f"{SERVER}: database and artifacts are well")


if __name__ == "__main__":
    main()
