"""Prints the trainings of an experiment as a table, and the version in production.

usage: demo_report.py TRACKING-SOCKET EXPERIMENT. Asks MLflow's REST over the Unix socket.
"""

import http.client
import json
import socket
import sys
from urllib.parse import urlencode


class Tracking(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def ask(self, call, body=None, **query):
        path = f"/api/2.0/mlflow/{call}" + (f"?{urlencode(query)}" if query else "")
        self.request("GET" if body is None else "POST", path,
                     None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        answer = self.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"tracking: {call}: {answer.status} {text.decode(errors='replace')}")
        return json.loads(text)


def table(rows, heads):
    widths = [max(len(str(row[i])) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, *rows]:
        print("  " + "  ".join(f"{str(cell):<{width}}" for cell, width in zip(row, widths)).rstrip())


def main(path, name):
    tracking = Tracking(path)
    experiment = tracking.ask("experiments/get-by-name", experiment_name=name)["experiment"]
    runs = tracking.ask("runs/search", {
        "experiment_ids": [experiment["experiment_id"]], "max_results": 1000,
        "filter": "tags.step = 'train' and attributes.status = 'FINISHED'",
        "order_by": ["metrics.accuracy DESC", "metrics.log_loss ASC"]}).get("runs", [])
    alias = tracking.ask("registered-models/alias", name=name, alias="production")["model_version"]

    rows = []
    for run in runs:
        info, data = run["info"], run["data"]
        metric = {m["key"]: m["value"] for m in data.get("metrics", [])}
        here = "production" if info["run_id"] == alias.get("run_id") else ""
        rows.append([info["run_name"], info["run_id"][:8], info["status"],
                     f"{metric['accuracy']:.4f}", f"{metric['log_loss']:.4f}",
                     f"{(int(info['end_time']) - int(info['start_time'])) / 1000:.1f} s", here])
    if len(rows) < 12:
        raise SystemExit(f"only {len(rows)} finished trainings, 12 are expected")
    print(f"The {len(rows)} trainings of experiment {name}, best first:")
    table(rows[:24], ["run", "id", "status", "accuracy", "log loss", "took", ""])
    if len(rows) > 24:
        print(f"  … and {len(rows) - 24} more")
    print(f"\nRegistered: {name} version {alias['version']}, alias production, of run {alias['run_id'][:8]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
