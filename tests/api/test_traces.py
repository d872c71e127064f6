"""Traces by the unmodified client: spans over OTLP in protobuf, searches, assessments, runs."""

import gzip
import json
import os
import subprocess
import sys
import textwrap

import pytest
from tracking_calls_traces import export, span
from tracking_test import Tracking

CLIENT = textwrap.dedent("""
    import mlflow, sys
    from mlflow.entities import Feedback, SpanEvent
    mlflow.set_tracking_uri(sys.argv[1])
    mlflow.set_experiment("traces")

    @mlflow.trace(span_type="CHAIN", attributes={"k": [1, "x", {"y": 2.5}]})
    def outer(x):
        with mlflow.start_span("inner", span_type="LLM") as s:
            s.set_inputs({"q": x})
            s.set_outputs({"a": "\\u00e4"})
            s.set_attribute("n", 1.5)
            s.add_event(SpanEvent("event", attributes={"z": 1}))
        mlflow.update_current_trace(tags={"t": "v"}, metadata={"mlflow.trace.session": "s1"})
        return x + 1

    outer(3)
    tid = mlflow.get_last_active_trace_id()
    t = mlflow.get_trace(tid)
    assert [s.name for s in t.data.spans] == ["outer", "inner"], t.data.spans
    inner = t.data.spans[1]
    assert inner.inputs == {"q": 3} and inner.outputs == {"a": "\\u00e4"} and inner.get_attribute("n") == 1.5
    assert inner.parent_id == t.data.spans[0].span_id and inner.events[0].attributes == {"z": 1}
    assert t.data.spans[0].get_attribute("k") == [1, "x", {"y": 2.5}]
    assert t.info.tags["t"] == "v" and t.info.trace_metadata["mlflow.trace.session"] == "s1"
    assert t.info.state == "OK" and t.info.request_preview == '{"x": 3}' and t.info.response_preview == "4"

    fb = mlflow.log_feedback(trace_id=tid, name="good", value=True, rationale="r")
    ex = mlflow.log_expectation(trace_id=tid, name="exp", value={"a": [1]})
    assert mlflow.get_assessment(tid, ex.assessment_id).value == {"a": [1]}
    mlflow.update_assessment(tid, fb.assessment_id, Feedback(name="good", value=False))
    over = mlflow.override_feedback(trace_id=tid, assessment_id=fb.assessment_id, value=0.5)
    assert mlflow.get_assessment(tid, fb.assessment_id).valid is False
    mlflow.delete_assessment(tid, over.assessment_id)
    assert mlflow.get_assessment(tid, fb.assessment_id).valid is True
    mlflow.set_trace_tag(tid, "a", "b")
    mlflow.delete_trace_tag(tid, "a")

    def found(**kw):
        return [x.info.trace_id for x in mlflow.search_traces(return_type="list", **kw)]
    assert found(filter_string="span.type = 'LLM' AND tag.t = 'v' AND trace.status = 'OK'") == [tid]
    assert found(filter_string="feedback.good = 'false'") == [tid]
    try:
        mlflow.trace(lambda: 1 / 0)()
    except ZeroDivisionError:
        pass
    assert len(found(filter_string="trace.status = 'ERROR'")) == 1
    with mlflow.start_run() as run:
        outer(5)
    assert len(found(run_id=run.info.run_id)) == 1
    client = mlflow.MlflowClient()
    client.link_traces_to_run([tid], run.info.run_id)
    assert len(found(run_id=run.info.run_id)) == 2
    experiment = mlflow.get_experiment_by_name("traces").experiment_id
    assert client.delete_traces(experiment, trace_ids=[tid]) == 1
    assert len(found()) == 2
    frame = mlflow.search_traces()
    assert len(frame) == 2 and "trace_id" in frame.columns
    print("all well")
""")


@pytest.fixture(scope="module")
def t():
    with Tracking() as tracking:
        yield tracking


def test_client(t):
    done = subprocess.run([sys.executable, "-c", CLIENT, t.url], capture_output=True, text=True, timeout=180,
                          env={**os.environ, "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false"})
    assert "all well" in done.stdout, done.stdout + done.stderr


def otlp(t, body, **headers):
    headers = {"x-mlflow-experiment-id": "0", "Content-Type": "application/json", **headers}
    return t.ask("POST", "/v1/traces", body if isinstance(body, bytes) else json.dumps(body), headers)


def test_gzip_and_json(t):
    body = gzip.compress(json.dumps(export(span(77, 1, "packed"))).encode())
    answer = otlp(t, body, **{"Content-Encoding": "gzip"})
    assert (answer.status, answer.text) == (200, "{}"), answer.text
    got = t.get("/api/3.0/mlflow/traces/get", trace_id=f"tr-{77:032x}")
    assert got["trace"]["spans"][0]["name"] == "packed"
    assert otlp(t, gzip.compress(b"x" * (65 << 20)), **{"Content-Encoding": "gzip"}).status == 413


def test_same_span_again(t):
    """A span that comes again takes the place of the first: exporters retry."""
    for name in ("first", "second"):
        assert otlp(t, export(span(78, 1, name))).status == 200
    got = t.get("/api/3.0/mlflow/traces/get", trace_id=f"tr-{78:032x}")
    assert [s["name"] for s in got["trace"]["spans"]] == ["second"]


def test_tokens_once(t):
    """A parent's tokens are its children's sum: they count once, in whichever order they come."""
    def usage(n):
        return {"mlflow__chat__tokenUsage": json.dumps({"input_tokens": n, "output_tokens": 1, "total_tokens": n + 1})}
    assert otlp(t, export(span(79, 2, "child", parent=1, **usage(5)), span(79, 3, "child", parent=1, **usage(7)))).status == 200
    tid = f"tr-{79:032x}"

    def tokens():
        info = t.get(f"/api/3.0/mlflow/traces/{tid}")["trace"]["trace_info"]
        return json.loads(info["trace_metadata"]["mlflow.trace.tokenUsage"])["input_tokens"]
    assert tokens() == 12
    assert otlp(t, export(span(79, 1, "parent", **usage(100)))).status == 200
    assert tokens() == 100


@pytest.mark.parametrize("metadata", [["x"], [5], "x", 5, {}])
def test_metadata_that_is_none(t, metadata):
    """A list where a map should be once ended the server: it is no metadata, as with MLflow's."""
    assert t.ask("POST", "/v1/traces", json.dumps(export(span(77, 1, "s"))), {"x-mlflow-experiment-id": "0"}).status == 200
    path = f"/api/3.0/mlflow/traces/tr-{77:032x}/assessments"
    at = "2025-11-24T16:00:00.125Z"
    given = {"assessment_name": "g", "source": {"source_type": "CODE", "source_id": "me"}, "create_time": at, "last_update_time": at,
             "feedback": {"value": True}, "metadata": metadata}
    made = t.post(path, assessment=given)["assessment"]
    changed = t.post(f"{path}/{made['assessment_id']}", method="PATCH", assessment={"metadata": metadata}, update_mask="metadata")["assessment"]
    assert "metadata" not in made and "metadata" not in changed


@pytest.mark.parametrize("opens, closes", [("[", "]"), ('{"a": ', "}")])
def test_nested_values_come_back(t, opens, closes):
    """An answer wraps what was stored: the deepest value a request can bring once ended the server when it was read."""
    assert otlp(t, export(span(80, 1, "s", deep=opens * 120 + "1" + closes * 120))).status == 200
    path = f"/api/3.0/mlflow/traces/tr-{80:032x}"
    for n in (125, 126):
        value = opens * n + "1" + closes * n
        for kind in ("feedback", "expectation"):
            body = '{"assessment": {"assessment_name": "g", "source": {"source_type": "CODE", "source_id": "me"}, "%s": {"value": %s}}}' % (kind, value)
            answer = t.ask("POST", path + "/assessments", body)
            assert answer.status == (200 if n == 125 else 400), (n, answer.text)
    info = t.get(path)["trace"]["trace_info"]
    assert json.loads(opens * 125 + "1" + closes * 125) in [a.get("feedback", {}).get("value") for a in info["assessments"]]
    assert t.get("/api/3.0/mlflow/traces/get", trace_id=f"tr-{80:032x}")["trace"]["spans"][0]["name"] == "s"


def test_spans_in_a_file(t):
    """Clients up to MLflow 3.5 kept a trace's spans among its artifacts."""
    tid = "tr-" + "f" * 32
    info = {"trace_id": tid, "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}, "request_time": "2025-01-01T00:00:00Z",
            "execution_duration": "1s", "state": "OK", "tags": {}, "trace_metadata": {}}
    assert t.ask("POST", "/api/3.0/mlflow/traces", {"trace": {"trace_info": info}}).status == 200
    path = f"/ajax-api/2.0/mlflow/get-trace-artifact?request_id={tid}"
    assert "traces.json" in t.refused("GET", path, status=404)
    where = f"/api/2.0/mlflow-artifacts/artifacts/0/traces/{tid}/artifacts/traces.json"
    assert t.ask("PUT", where, b'{"spans": [1]}', {"Content-Type": "application/json"}).status == 200
    answer = t.ask("GET", path)
    assert (answer.status, answer.text) == (200, '{"spans": [1]}')
    assert "traces.json" in answer.headers["Content-Disposition"]
