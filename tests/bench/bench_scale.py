#!/usr/bin/env python3
"""The tracking server with a large database: every kind of read at the 99th percentile, while somebody writes.

Runs, points, models and traces are logged through the public API; then each question is asked again and again, beside
one client that creates runs and logs batches all the time. CPU is the server's in the median, that client's part in it:
where the machine is busy it holds, the wall does not. ONEBOX_SCALE_RUNS and ONEBOX_SCALE_POINTS set the size,
ONEBOX_SCALE_KEEP a directory that keeps the database for the next time. With ONEBOX_PEER_MLFLOW the same calls, for a
part of the runs, go to the real server and to an empty one of ours: how large are the two files?
"""

import gzip
import http.client
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench_tracking import BUILD, PEER, Server

RUNS = int(os.environ.get("ONEBOX_SCALE_RUNS", "5000"))
POINTS = int(os.environ.get("ONEBOX_SCALE_POINTS", str(RUNS * 100)))
KEEP = os.environ.get("ONEBOX_SCALE_KEEP")
ONLY = os.environ.get("ONEBOX_SCALE_ONLY", "")
TIMES = int(os.environ.get("ONEBOX_SCALE_TIMES", "100"))
TARGET_MS, SIZE_TARGET = 100, 1.15
KEYS = 10
PEER_RUNS = 400
API = "/api/2.0/mlflow/"
T0 = 1_760_000_000_000


class Client:
    def __init__(self, port):
        self.port, self.connection = port, None

    def __call__(self, method, path, body=None, headers=None):
        """The answer's body; the real server ends a connection now and then: once more."""
        target = path if path.startswith("/") else API + path
        text = json.dumps(body) if isinstance(body, dict) else body
        for last in (False, False, True):
            try:
                if not self.connection:
                    self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=900)
                self.connection.request(method, target, text, {"Content-Type": "application/json", **(headers or {})})
                answer = self.connection.getresponse()
                data = answer.read()
                break
            except (http.client.RemoteDisconnected, ConnectionError):
                self.connection = None
                if last:
                    raise
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:300]}")
        return data


def points(i, n, dice):
    """n points of each key of run i, as JSON: the most of what is sent."""
    out = []
    for k in range(KEYS):
        key = "acc" if k == 0 else f"m{k}"
        if k == 0 and i % 20 == 7:
            continue  # some runs have no such metric
        for s in range(n):
            value = "\"NaN\"" if k == 0 and i % 500 == 3 else repr(dice.random())
            out.append(f'{{"key":"{key}","value":{value},"timestamp":{T0 + i * 1000 + s * 10},"step":{s}}}')
    return out


def log_run(call, experiment, i, n, dice):
    run = json.loads(call("POST", "runs/create", {"experiment_id": experiment, "run_name": f"run-{i}", "start_time": T0 + i * 1000, "tags": [
        {"key": "mlflow.user", "value": f"user{i % 30}"}, {"key": "team", "value": f"team-{i % 7}"},
        {"key": "note", "value": f"note of run {i}"}, {"key": "batch", "value": str(i // 40)}]}))["run"]["info"]["run_id"]
    params = [{"key": "lr", "value": str(i // 3 % 10)}, {"key": "seed", "value": str(i)}, {"key": "model", "value": f"resnet-{i % 4}"},
              {"key": "path", "value": f"/data/sets/{i % 100}/train"}, {"key": "depth", "value": str(i % 13)}]
    batch = points(i, n, dice)
    for at in range(0, len(batch), 1000):
        call("POST", "runs/log-batch", f'{{"run_id":"{run}","metrics":[{",".join(batch[at:at + 1000])}],"params":{json.dumps(params if at == 0 else [])}}}')
    if i % 20 == 0:
        call("POST", "runs/log-inputs", {"run_id": run, "datasets": [{"dataset": {"name": f"set{i % 40}", "digest": f"d{i % 10}", "source_type": "local", "source": "{}"},
                                                                      "tags": [{"key": "mlflow.data.context", "value": "train"}]}]})
    call("POST", "runs/update", {"run_id": run, "status": "FAILED" if i % 50 == 1 else "FINISHED", "end_time": T0 + i * 1000 + dice.randrange(10 ** 6)})
    return run


def long_run(call, experiment, number, n):
    run = json.loads(call("POST", "runs/create", {"experiment_id": experiment, "run_name": f"long-{number}", "start_time": number}))["run"]["info"]["run_id"]
    for at in range(0, n, 1000):
        batch = ",".join(f'{{"key":"loss","value":{1 / (s + 1)!r},"timestamp":{T0 + s * 10},"step":{s}}}' for s in range(at, min(n, at + 1000)))
        call("POST", "runs/log-batch", f'{{"run_id":"{run}","metrics":[{batch}]}}')
    return run


def seed_runs(port, experiments, first, step, runs, each):
    call, dice = Client(port), random.Random(first)
    for i in range(first, runs, step):
        log_run(call, experiments[0] if i % 10 else experiments[1 + i // 10 % (len(experiments) - 1)], i, each, dice)


def experiments(call):
    return [json.loads(call("POST", "experiments/create", {"name": f"scale-{k}"}))["experiment_id"] for k in range(101)]


def seed_models(call, experiment, n):
    for k in range(n):
        call("POST", "registered-models/create", {"name": f"model-{k}", "tags": [{"key": "team", "value": str(k % 7)}]})
        for _ in range(2):
            call("POST", "model-versions/create", {"name": f"model-{k}", "source": f"s3://bucket/{k}"})
        call("POST", "logged-models", {"experiment_id": experiment, "name": f"logged-{k}", "params": [{"key": "p", "value": str(k % 9)}]})


def seed_traces(call, experiment, n):
    for k in range(n):
        at = (T0 + k * 1000) * 10 ** 6
        spans = [{"traceId": f"{k + 1:032x}", "spanId": f"{s + 1:016x}", "name": f"span{s}", "kind": 1, "startTimeUnixNano": str(at + s),
                  "endTimeUnixNano": str(at + 10 ** 8), "status": {"code": 2 if k % 50 == 3 else 1},
                  "attributes": [{"key": "mlflow.spanInputs", "value": {"stringValue": json.dumps({"q": f"question {k} " * 10})}}],
                  **({"parentSpanId": f"{1:016x}"} if s else {})} for s in range(5)]
        call("POST", "/v1/traces", gzip.compress(json.dumps({"resourceSpans": [{"scopeSpans": [{"scope": {"name": "s"}, "spans": spans}]}]}).encode(), 1),
             {"x-mlflow-experiment-id": experiment, "Content-Encoding": "gzip"})


def seed(port):
    """Everything; what the questions need to know of it."""
    call = Client(port)
    ids, began = experiments(call), time.monotonic()
    each = max(1, POINTS * 8 // 10 // RUNS // KEYS)
    helpers = [multiprocessing.Process(target=seed_runs, args=(port, ids, k, 3, RUNS, each)) for k in range(3)]
    for h in helpers:
        h.start()
    for h in helpers:
        h.join()
        assert h.exitcode == 0
    n_long = max(2000, POINTS // 5 // 20)
    long_runs = [long_run(call, ids[1], k, n_long) for k in range(20)]
    seed_models(call, ids[0], max(20, RUNS // 100))
    seed_traces(call, ids[0], max(50, RUNS // 10))
    print(f"{RUNS:,} runs, {RUNS * KEYS * each + 20 * n_long:,} points in {time.monotonic() - began:.0f} s", flush=True)
    return {"experiments": ids, "long": long_runs, "n_long": n_long}


def page_token(offset):
    """As the server makes it: MLflow's SearchUtils.create_page_token."""
    import base64
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def searches(ids):
    """(what, body) of each form of a search for runs."""
    def ask(filter_="", order=(), results=100, where=None, token=None, view="ACTIVE_ONLY"):
        return {"experiment_ids": where or [ids[0]], "filter": filter_, "order_by": list(order), "max_results": results, "run_view_type": view,
                **({"page_token": token} if token else {})}
    yield "newest", ask()
    yield "newest, 1,000 of them", ask(results=1000)
    yield "newest, all experiments", ask(where=ids)
    yield "of a small experiment", ask(where=[ids[5]])
    yield "deleted, none", ask(view="DELETED_ONLY")
    yield "page at the middle", ask(token=page_token(RUNS // 2))
    for order in ("attributes.start_time ASC", "attributes.end_time DESC", "attributes.end_time ASC", "attributes.run_name ASC", "attributes.run_name DESC",
                  "attributes.status ASC", "attributes.user_id DESC", "attributes.run_id ASC", "attributes.artifact_uri ASC", "metrics.acc DESC",
                  "metrics.acc ASC", "metrics.m1 DESC", "metrics.nowhere DESC", "params.lr ASC", "params.seed DESC", "params.nowhere ASC",
                  "tags.team ASC", "tags.note DESC", "tags.mlflow.user ASC"):
        yield f"by {order}", ask(order=[order])
    yield "by two: params.lr, metrics.acc", ask(order=["params.lr ASC", "metrics.acc DESC"])
    yield "by two: status, metrics.acc", ask(order=["attributes.status ASC", "metrics.acc DESC"])
    yield "by metrics.acc, all experiments", ask(order=["metrics.acc DESC"], where=ids)
    yield "by metrics.acc, page at the middle", ask(order=["metrics.acc DESC"], token=page_token(RUNS // 2))
    for filter_ in ("metrics.acc > 0.9", "metrics.acc > 0.99999", "metrics.acc > 2", "metrics.acc != 0.5", "metrics.acc <= 0.001", "params.lr = '3'",
                    "params.lr != '3'", "params.seed = '77'", "params.seed LIKE '%77%'", "params.seed LIKE '%nowhere%'", "params.path ILIKE '%/99/TRAIN'",
                    "params.lr = 'nowhere'", "attributes.run_id IN ('00000000000000000000000000000000')", "tags.team = 'team-3'", "tags.team != 'team-3'", "tags.note LIKE '%77%'",
                    "tags.note ILIKE '%nowhere%'", "tags.batch = '12'", "tags.nowhere IS NULL", "tags.team IS NULL", "tags.team IS NOT NULL",
                    "attributes.status = 'FAILED'", "attributes.status = 'KILLED'", "attributes.status != 'FINISHED'", "attributes.run_name = 'run-77'",
                    "attributes.run_name LIKE '%77%'", "attributes.run_name ILIKE '%nowhere%'", "attributes.user_id = 'nobody'",
                    f"attributes.start_time > {T0 + RUNS * 900}", f"attributes.start_time < {T0 + RUNS * 10}", f"attributes.end_time < {T0 + 10000}",
                    "attributes.end_time > 9999999999999", "attributes.run_id = '00000000000000000000000000000000'",
                    "attributes.artifact_uri LIKE '%nowhere%'", "datasets.name = 'set20'", "datasets.name = 'nowhere'", "datasets.digest LIKE 'nowhere%'",
                    "dataset.context = 'train'", "dataset.context = 'nowhere'",
                    "metrics.acc > 0.5 AND params.lr = '3' AND tags.team = 'team-3'", "params.lr = '3' AND params.lr = '4'",
                    "params.lr = '3' AND params.model = 'resnet-2' AND params.depth = '5' AND tags.team = 'team-1'", "metrics.m1 > 0.9 AND metrics.m2 > 0.9",
                    "metrics.m1 > 0.5 AND metrics.m1 < 0.5001"):
        yield f"where {filter_}", ask(filter_)
    yield "where params.lr, by metrics.acc", ask("params.lr = '3'", ["metrics.acc DESC"])
    yield "where metrics.m1 > 0.99, by metrics.acc", ask("metrics.m1 > 0.99", ["metrics.acc DESC"])
    yield "where metrics.m1 > 0.9, by metrics.m1 ASC", ask("metrics.m1 > 0.9", ["metrics.m1 ASC"])
    yield "where tags.batch, by run_name", ask("tags.batch = '12'", ["attributes.run_name ASC"])
    yield "where params.lr, by params.seed", ask("params.lr = '3'", ["params.seed ASC"])
    yield "where params.lr, by end_time", ask("params.lr = '3'", ["attributes.end_time DESC"])
    yield "where status = 'FAILED', by metrics.acc", ask("attributes.status = 'FAILED'", ["metrics.acc DESC"])
    yield "where run_name LIKE, by params.lr", ask("attributes.run_name LIKE '%99%'", ["params.lr ASC"])
    for filter_, order in (("metrics.m1 > 0.5 AND metrics.m2 < 0.05", "metrics.m3"), ("metrics.m1 > 0.5 AND metrics.m2 < 0.55", "metrics.m3"),
                           ("metrics.acc > 0.5 AND params.lr = '3'", "metrics.m3 DESC"), ("metrics.acc > 0.9 AND params.lr = '3'", "params.seed"),
                           ("metrics.m1 > 0.2 AND metrics.m2 > 0.2 AND metrics.m3 > 0.2 AND metrics.m4 > 0.2", "metrics.m5 DESC"),
                           ("tags.team LIKE 'team-3%'", "metrics.acc DESC"), ("tags.note LIKE '%17%'", "metrics.acc DESC"), ("params.depth = '5'", "params.lr"),
                           (f"attributes.start_time > {T0 + RUNS * 500} AND attributes.start_time < {T0 + RUNS * 510}", "metrics.acc DESC"),
                           ("params.lr = '3' AND attributes.user_id = 'user3'", "metrics.acc DESC"), ("attributes.status = 'FINISHED' AND params.lr = '3'", "attributes.end_time DESC"),
                           ("dataset.name = 'set20'", "metrics.acc DESC")):
        yield f"where {filter_}, by {order}", ask(filter_, [order])


def questions(call, known):
    """(kind, what, method, path, body) of everything that is asked."""
    ids, long_runs = known["experiments"], known["long"]
    for what, body in searches(ids):
        yield f"search: {what}", "POST", "runs/search", body
    some = [r["info"]["run_id"] for r in json.loads(call("POST", "runs/search", {"experiment_ids": [ids[0]], "max_results": 100}))["runs"]]
    yield "run", "GET", f"runs/get?run_id={some[0]}", None
    yield "history of a run", "GET", f"metrics/get-history?run_id={some[3]}&metric_key=acc", None
    yield f"history of {known['n_long']:,} points", "GET", f"metrics/get-history?run_id={long_runs[0]}&metric_key=loss", None
    yield "history, a page of 1,000 at the end", "GET", f"metrics/get-history?run_id={long_runs[0]}&metric_key=loss&max_results=1000&page_token={page_token(known['n_long'] - 1000)}", None
    several = "&".join(f"run_id={r}" for r in some)
    yield "bulk history of 100 runs", "GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk?metric_key=m1&{several}", None
    yield "bulk history of long runs", "GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk?metric_key=loss&" + "&".join(f"run_id={r}" for r in long_runs), None
    interval = "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?metric_key={}&max_results=320&{}"
    yield "interval of 100 runs", "GET", interval.format("m1", several.replace("run_id", "run_ids")), None
    yield "interval of one long run", "GET", interval.format("loss", f"run_ids={long_runs[0]}"), None
    yield "interval of ten long runs", "GET", interval.format("loss", "&".join(f"run_ids={r}" for r in long_runs[:10])), None
    yield "experiments", "POST", "experiments/search", {"max_results": 100, "order_by": ["last_update_time DESC"]}
    yield "experiments by name", "POST", "experiments/search", {"max_results": 100, "filter": "name LIKE '%9%'"}
    yield "experiment by name", "GET", "experiments/get-by-name?experiment_name=scale-50", None
    yield "registered models", "GET", "registered-models/search?max_results=100", None
    yield "registered models by tag", "GET", "registered-models/search?max_results=100&filter=tag.team%3D'3'", None
    yield "registered models by name", "GET", "registered-models/search?max_results=100&filter=name%20ILIKE%20'%259%25'", None
    yield "model versions", "GET", "model-versions/search?max_results=100", None
    yield "model versions of one", "GET", "model-versions/search?max_results=100&filter=name%3D'model-7'", None
    yield "logged models", "POST", "logged-models/search", {"experiment_ids": [ids[0]], "max_results": 50}
    yield "logged models by param", "POST", "logged-models/search", {"experiment_ids": [ids[0]], "max_results": 50, "filter": "params.p = '3'"}
    traces = "/api/3.0/mlflow/traces/search"
    place = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": ids[0]}}]
    for what, more in (("newest", {}), ("in error", {"filter": "trace.status = 'ERROR'"}), ("with a text in a span", {"filter": "span.name = 'span3'"}),
                       ("slow ones first", {"order_by": ["execution_time_ms DESC"]}), ("that nobody made", {"filter": "trace.name = 'nowhere'"}),
                       ("with text", {"filter": "trace.text LIKE '%question 17 %'"})):
        yield f"traces {what}", "POST", traces, {"locations": place, "max_results": 100, **more}
    yield "trace", "GET", f"/api/3.0/mlflow/traces/get?trace_id=tr-{5:032x}", None
    yield "counts of traces", "POST", "/api/3.0/mlflow/traces/metrics", {"experiment_ids": [ids[0]], "view_type": "TRACES", "metric_name": "trace_count",
                                                                          "aggregations": [{"aggregation_type": "COUNT"}], "dimensions": ["trace_status"]}
    yield "datasets of an experiment", "POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [ids[0]]}


def write_on(port, experiment, end, queue):
    """Creates runs and logs until told; how long each call took."""
    call, dice, took, i = Client(port), random.Random(1), [], 10 ** 7
    while not end.is_set():
        for what in range(3):
            start = time.monotonic()
            if what == 0:
                run = json.loads(call("POST", "runs/create", {"experiment_id": experiment, "start_time": T0 + i, "run_name": f"written-{i}"}))["run"]["info"]["run_id"]
            elif what == 1:
                call("POST", "runs/log-batch", f'{{"run_id":"{run}","metrics":[{",".join(points(i, 10, dice))}]}}')
            else:
                call("POST", "runs/log-metric", {"run_id": run, "key": "acc", "value": 0.5, "timestamp": T0, "step": 99})
            took.append((time.monotonic() - start) * 1e3)
        i += 1
        time.sleep(0.01)  # a hundred rounds a second are a busy team
    queue.put(took)


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def row(what, values, cpu="", note=""):
    p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
    said = "met" if p99 <= TARGET_MS else f"{p99 / TARGET_MS:.1f} x the target"
    print(f"{what:68.68}{p50:9.1f}{p99:9.1f}{max(values):9.1f}{cpu:>7}{TARGET_MS:7}  {said}{note}", flush=True)
    return p99 <= TARGET_MS


def cpu_of(server):
    """Seconds of its process: its clock is told by its number (clock_getcpuclockid), and counts no ticks."""
    return time.clock_gettime(~server.process.pid << 3 | 2)


def ask_all(server, known):
    end, queue = multiprocessing.Event(), multiprocessing.Queue()
    writer = multiprocessing.Process(target=write_on, args=(server.port, known["experiments"][2], end, queue))
    print(f"{'ms, while a client writes':68}{'median':>9}{'p99':>9}{'longest':>9}{'CPU':>7}{'target':>7}")
    call, missed = Client(server.port), 0
    writer.daemon = True  # it must not outlive a question that fails
    writer.start()
    for what, method, path, body in questions(call, known):
        if ONLY not in what:
            continue
        took, cpu, until = [], [], time.monotonic() + TIMES / 10
        while len(took) < TIMES and (len(took) < 5 or time.monotonic() < until):
            start, worked = time.monotonic(), cpu_of(server)
            size = len(call(method, path, body))
            took.append((time.monotonic() - start) * 1e3)
            cpu.append((cpu_of(server) - worked) * 1e3)
        missed += not row(what, took, f"{percentile(cpu, 0.5):.1f}", f"  {size:,} bytes" if size > 10 ** 6 else "")
    end.set()
    took = queue.get()
    writer.join()
    missed += not row("what was written beside it all", took)
    print(f"{'memory after it, MiB':68}{server.memory():9.1f}{'':25}{64:7}  {'met' if server.memory() <= 64 else 'not met'}")
    print("all met" if not missed else f"{missed} are slower than their target")


def file_size(server, database, runs, each):
    """Bytes of the database after so many runs, when its log is moved into it."""
    call = Client(server.port)
    ids = experiments(call)
    seed_runs(server.port, ids, 0, 1, runs, each)
    server.__exit__()
    import sqlite3
    db = sqlite3.connect(database)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return Path(database).stat().st_size


def compare_sizes(root):
    each = max(1, POINTS * 8 // 10 // RUNS // KEYS)
    runs = min(RUNS, PEER_RUNS)
    sizes = {}
    for name, argv, database in (("ours", OURS, "state/tracking/mlflow.db"),
                                 ("peer", [f"{PEER}/mlflow", "server", "--port", "{port}", "--backend-store-uri", "sqlite:///{root}/mlflow.db",
                                           "--artifacts-destination", "{root}/artifacts"], "mlflow.db")):
        place = root / name
        place.mkdir()
        sizes[name] = file_size(Server(name, place, argv), place / database, runs, each)
    ratio = sizes["ours"] / sizes["peer"]
    print(f"database of {runs:,} runs, {runs * each * KEYS:,} points: {sizes['ours'] / 2 ** 20:.1f} MiB, mlflow's {sizes['peer'] / 2 ** 20:.1f} MiB: "
          f"{ratio:.3f} x, target {SIZE_TARGET} x: {'met' if ratio <= SIZE_TARGET else 'not met'}")


OURS = [str(BUILD / "daemons/tracking/onebox-tracking"), "--port", "{port}", "--socket", "none", "--state-dir", "{root}/state",
        "--runtime-dir", "{root}/run", "--config", "{root}/c"]


def main():
    root = Path(tempfile.mkdtemp(prefix="onebox-scale-"))
    try:
        place = Path(KEEP) if KEEP else root / "large"
        place.mkdir(exist_ok=True)
        with Server("onebox", place, OURS) as server:
            notes = place / "known.json"
            known = json.loads(notes.read_text()) if notes.exists() else seed(server.port)
            notes.write_text(json.dumps(known))
            print(f"memory after seeding, MiB: {server.memory():.1f}")
            ask_all(server, known)
        size = (place / "state/tracking/mlflow.db").stat().st_size
        print(f"the database: {size / 2 ** 20:,.0f} MiB, {size / POINTS:.0f} bytes a point with all that belongs to it")
        if PEER:
            compare_sizes(root)
        else:
            print("ONEBOX_PEER_MLFLOW is not set: no real server beside")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    sys.exit(main())
