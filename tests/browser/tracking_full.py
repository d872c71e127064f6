"""Fills a tracking server with what its pages have to cope with: many, long, hostile, non-Latin."""

import json
import time

from tracking_calls_traces import AT, export, span

HOSTILE = "<img src=x onerror=alert(1)>"
LONG = "очень_длинное_имя_東京_" * 8


def value(text):
    return {"stringValue": text}


def error(message):
    return {"name": "exception", "timeUnixNano": str((AT + 20) * 1000000),
            "attributes": [{"key": "exception.type", "value": value("ValueError")}, {"key": "exception.message", "value": value(message)},
                           {"key": "exception.stacktrace", "value": value("Traceback: " + "deep " * 400)}]}


def traces(t, experiment):
    def send(*spans):
        answer = t.ask("POST", "/v1/traces", export(*spans), headers={"x-mlflow-experiment-id": experiment})
        assert answer.status == 200, answer.text
    for n in range(1, 131):
        broken = n % 7 == 3
        send(span(n, 1, "agent", took=100, status=2 if broken else 1, start=n, message=HOSTILE if broken else ""),
             span(n, 2, LONG, parent=1, start=n + 10, took=40, status=2 if broken else 1, events=[error(HOSTILE)] if broken else []),
             span(n, 3, "tool", parent=2, start=n + 20, took=10, mlflow__spanInputs=f'{{"q": "{n}"}}'))
    # One of very many spans, one whose spans have one another as parents.
    send(span(900, 1, "wide", took=9000), *[span(900, n, f"step {n}", parent=1 if n % 50 else n - 1, start=n, took=3) for n in range(2, 1205)])
    send(span(901, 1, HOSTILE, parent=2), span(901, 2, "b", parent=1))
    # One whose spans are a file, as clients before MLflow 3.6 leave it.
    filed = f"tr-{902:032x}"
    t.post("/api/3.0/mlflow/traces", trace={"trace_info": {
        "trace_id": filed, "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}, "state": "OK",
        "request_time": "2025-11-24T15:00:00Z", "execution_duration": "0s"}})
    spans = [{"name": "of a file", "context": {"span_id": "0x1"}, "parent_id": None, "start_time": AT * 1000000, "end_time": AT * 1000000 + 270000,
              "status_code": "ERROR", "status_message": HOSTILE, "attributes": {"mlflow.spanInputs": '"what a file says"', "mlflow.spanType": '"TOOL"'}}]
    put = t.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/traces/{filed}/artifacts/traces.json", json.dumps({"spans": spans}))
    assert put.status == 200, put.text
    trace = f"tr-{10:032x}"
    t.post(f"/api/3.0/mlflow/traces/{trace}/assessments", assessment={
        "assessment_name": "good", "trace_id": trace, "feedback": {"value": True}, "rationale": HOSTILE,
        "source": {"source_type": "HUMAN", "source_id": LONG}, "create_time": "2025-11-24T16:00:00Z", "last_update_time": "2025-11-24T16:00:00Z"})


def prompt(t, name, texts, kind="text"):
    is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    t.post("registered-models/create", name=name, tags=[is_prompt])
    for text in texts:
        t.post("model-versions/create", name=name, source="dummy-source", description=f"for {HOSTILE}",
               tags=[is_prompt, {"key": "_mlflow_prompt_type", "value": kind}, {"key": "mlflow.prompt.text", "value": text}])


def runs(t, experiment):
    at = int(time.time() * 1000)
    for n in range(120):
        run = t.run(experiment, run_name=LONG if n == 119 else f"run {n}", start_time=at + n)
        t.post("runs/log-batch", run_id=run, metrics=[{"key": "loss", "value": 1 / (s + n + 1), "timestamp": at + s, "step": s} for s in range(30 if n > 110 else 1)],
               params=[{"key": "C", "value": str(n)}, {"key": "same", "value": "=1+1"}], tags=[{"key": "kind", "value": 'a,"b"'}])
        t.post("runs/update", run_id=run, status="FINISHED", end_time=at + n + 5000)


def of_pipeline(t):
    """What a task of the stand-in's pipeline has tracked, and the model that came of it."""
    try_id = "01890a5d-ac96-774b-bcce-b302099a8057"
    own = [{"key": f"onebox.{k}", "value": v} for k, v in {"dag_id": "iris", "run_id": "r", "task_id": "promote", "try_id": try_id}.items()]
    child = t.run(run_name="within", tags=own)
    t.post(f"/internal/tries/{try_id}/began", experiment="of tasks", name="promote", user="airflow", start_time=AT, tags=own)
    t.post(f"/internal/tries/{try_id}/ended", status="FINISHED", state="success", start_time=AT, end_time=AT + 1000)
    t.post("registered-models/create", name="of-pipeline")
    source = t.get("runs/get", run_id=child)["run"]["info"]["artifact_uri"] + "/m"
    t.post("model-versions/create", name="of-pipeline", source=source, run_id=child)
    return child


def charts(t, experiment):
    """A run of three charts."""
    run = t.run(experiment, run_name="charts")
    t.post("runs/log-batch", run_id=run, metrics=[{"key": key, "value": v, "timestamp": AT + s, "step": s} for key in ("a", "b", "c")
                                                  for s, v in enumerate((1, 2, "Infinity", "NaN", 3))])
    return run


def fill(t):
    experiment = t.post("experiments/create", name=f"traces {LONG}")["experiment_id"]
    iris = t.post("experiments/create", name="iris")["experiment_id"]
    traces(t, experiment)
    prompt(t, "answer", ["You are a helper.\nAnswer {{question}} shortly.\nBe kind.", f"You are an expert.\nAnswer {{{{question}}}} in {{{{lang}}}}.\nBe kind.\n{HOSTILE}"])
    prompt(t, LONG, ["x" * 5000])
    prompt(t, "chat", ['[{"role": "system", "content": "Be {{style}}"}, {"role": "user", "content": "{{q}}"}]'], "chat")
    t.post("registered-models/alias", name="answer", alias="production", version="1")
    made = t.post("/api/3.0/mlflow/datasets/create", name="questions", experiment_ids=[experiment], tags='{"team": "words"}')["dataset"]["dataset_id"]
    t.post(f"/api/3.0/mlflow/datasets/{made}/records", records=json.dumps(
        [{"inputs": {"question": f"why {n}? {HOSTILE}"}, "expectations": {"answer": LONG if n == 7 else "so"}} for n in range(150)]))
    t.post("/api/3.0/mlflow/datasets/create", name=LONG, experiment_ids=[experiment])
    t.post("webhooks", name="tell-us", url="https://example.invalid/hook", description=HOSTILE,
           events=[{"entity": "REGISTERED_MODEL", "action": "CREATED"}])
    runs(t, iris)
    t.post("registered-models/create", name="iris-model", description=HOSTILE)
    return {"within": of_pipeline(t), "charts": charts(t, experiment), "experiment": experiment, "iris": iris, "dataset": made, "trace": f"tr-{10:032x}", "wide": f"tr-{900:032x}", "ring": f"tr-{901:032x}", "filed": f"tr-{902:032x}"}
