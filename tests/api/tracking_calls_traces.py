"""Traces, their spans and assessments, for test_differential.py. OTLP goes as JSON here; protobuf is
the client's own (test_traces.py) and the fuzzer's."""

T = "/api/3.0/mlflow/traces"
OLD = "/api/2.0/mlflow/traces"
AT = 1764000000000  # the moment of the first trace, in ms


def _any(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(v) for v in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {"stringValue": value}


def _attributes(values):
    return [{"key": k, "value": _any(v)} for k, v in values.items()]


def span(trace, number, name, parent=None, start=0, took=10, status=1, message="", events=(), links=(), **attributes):
    """One span of a trace; ids are made of numbers."""
    s = {"traceId": f"{trace:032x}", "spanId": f"{number:016x}", "name": name, "kind": 2,
         "startTimeUnixNano": str((AT + start) * 1000000), "endTimeUnixNano": str((AT + start + took) * 1000000 + 999),
         "attributes": _attributes({k.replace("__", "."): v for k, v in attributes.items()}),
         "status": {"code": status, "message": message}, "events": list(events), "links": list(links)}
    if parent:
        s["parentSpanId"] = f"{parent:016x}"
    return s


def export(*spans, resource=None):
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource or {})}, "scopeSpans": [{"scope": {"name": "s"}, "spans": list(spans)}]}]}


def trace_info(number, experiment="{te}", state="OK", start=0, took="0.250s", **more):
    return {"trace": {"trace_info": {
        "trace_id": f"tr-{number:032x}", "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}},
        "request_time": f"2025-11-24T16:00:{start:02}.250Z", "execution_duration": took, "state": state, **more}}}


class Otlp(dict):
    """A body with headers of its own."""

    headers = {"x-mlflow-experiment-id": "{te}"}


USAGES = ["trace.metadata.mlflow.trace.tokenUsage = '{\"input_tokens\": 10, \"total_tokens\": 12}'",
          "trace.metadata.`mlflow.trace.tokenUsage` = '{\"total_tokens\": 12, \"input_tokens\": 10}'", "trace.metadata.mlflow.trace.tokenUsage = 'x'",
          "trace.metadata.mlflow.trace.tokenUsage = '{}'", "trace.metadata.mlflow.trace.cost = '{\"total_cost\": 0.5}'", "trace.metadata.mlflow.trace.cost = '{\"total_cost\":0.5}'"]


def _metrics():
    def ask(name, view, metric, *how, **more):
        how = [{"aggregation_type": "PERCENTILE", "percentile_value": h} if isinstance(h, float) else {"aggregation_type": h} for h in how]
        return f"metrics {name}", "POST", f"{T}/metrics", {"experiment_ids": ["{te}"], "view_type": view, "metric_name": metric, "aggregations": how, **more}
    day = {"start_time_ms": AT - 86400000, "end_time_ms": AT + 86400000}
    numbers = ("AVG", "MIN", "MAX", 50.0, 99.9, 0.0, 100.0)
    yield ask("count", "TRACES", "trace_count", "COUNT")
    yield ask("count by state", "TRACES", "trace_count", "COUNT", dimensions=["trace_status"])
    yield ask("count by name and state", "TRACES", "trace_count", "COUNT", dimensions=["trace_name", "trace_status"])
    yield ask("count by second", "TRACES", "trace_count", "COUNT", time_interval_seconds=1, **day)
    yield ask("count by hour", "TRACES", "trace_count", "COUNT", time_interval_seconds=3600, dimensions=["trace_status"], **day)
    yield ask("count of a time", "TRACES", "trace_count", "COUNT", start_time_ms=AT, end_time_ms=AT)
    yield ask("count of nothing", "TRACES", "trace_count", "COUNT", end_time_ms=5)
    yield ask("count of nothing by state", "TRACES", "trace_count", "COUNT", end_time_ms=5, dimensions=["trace_status"])
    yield ask("some", "TRACES", "trace_count", "COUNT", dimensions=["trace_name"], max_results=2)
    yield ask("elsewhere", "TRACES", "trace_count", "COUNT", experiment_ids=["{te2}"])
    yield ask("sessions", "TRACES", "session_count", "COUNT")
    yield ask("latency", "TRACES", "latency", *numbers)
    yield ask("latency by name", "TRACES", "latency", *numbers, dimensions=["trace_name"])
    yield ask("latency of nothing", "TRACES", "latency", *numbers, end_time_ms=5)
    for kind in ("input", "output", "total", "cache_read_input", "cache_creation_input"):
        yield ask(kind, "TRACES", kind + "_tokens", "SUM", *numbers)
    yield ask("spans", "SPANS", "span_count", "COUNT")
    yield ask("spans by all", "SPANS", "span_count", "COUNT", dimensions=["span_type", "span_name", "span_status"])
    yield ask("spans by model", "SPANS", "span_count", "COUNT", dimensions=["span_model_name"])
    yield ask("spans by hour", "SPANS", "span_count", "COUNT", time_interval_seconds=3600, **day)
    yield ask("spans' latency", "SPANS", "latency", *numbers, dimensions=["span_name"])
    yield ask("spans' cost", "SPANS", "total_cost", "SUM", *numbers, **day)
    yield ask("assessments", "ASSESSMENTS", "assessment_count", "COUNT", dimensions=["assessment_name", "assessment_value"])
    yield ask("assessed", "ASSESSMENTS", "assessment_value", *numbers, dimensions=["assessment_name"])
    yield ask("assessed by day", "ASSESSMENTS", "assessment_value", "AVG", time_interval_seconds=86400, **day)
    for text in ("trace.status = 'OK'", "trace.tag.t = 'v'", "trace.tag.`t` = \"v\"", "trace.metadata.k = 'v'", "trace.metadata.mlflow.trace.session = 's1'",
                 "trace.metadata.`mlflow.sourceRun` = '{tr}'", "trace.tag.mlflow.traceName = 'renamed'", "span.name = 'child'", "span.type = 'LLM'", "span.status = 'OK'",
                 "assessment.name = 'good'", "assessment.type = 'feedback'", "trace.status != 'OK'", "trace.status = 5", "trace.status.x = 'OK'", "trace.tag = 'x'",
                 "nope.x = 'y'", "span.nope = 'y'", "status = 'OK'", *USAGES):
        for view, metric in (("TRACES", "trace_count"), ("SPANS", "span_count"), ("ASSESSMENTS", "assessment_count")):
            yield ask(f"{metric} {text}", view, metric, "COUNT", filters=[text])
    yield ask("two filters", "TRACES", "trace_count", "COUNT", filters=["trace.status = 'OK'", "trace.tag.t = 'v'"])
    yield ask("no metric", "TRACES", "nope", "COUNT")
    yield ask("wrong way", "TRACES", "trace_count", "SUM", "AVG")
    yield ask("wrong dimension", "TRACES", "trace_count", "COUNT", dimensions=["span_name"])
    yield ask("no dimension", "TRACES", "session_count", "COUNT", dimensions=["nope"])
    yield ask("interval alone", "TRACES", "trace_count", "COUNT", time_interval_seconds=5)
    yield "metrics of nothing", "POST", f"{T}/metrics", {}
    yield ask("no way", "TRACES", "trace_count")


def _in_files(tid):
    """A trace as clients before 3.6 log it: its spans are a file among its artifacts."""
    yield "start without spans", "POST", T, trace_info(22, start=3)
    yield "spans are elsewhere", "GET", f"{T}/get", {"trace_id": tid, "allow_partial": "true"}
    yield "spans of several are elsewhere", "GET", f"{T}/batchGet", {"trace_ids": [tid]}
    yield "no file of spans yet", "GET", "/ajax-api/3.0/mlflow/get-trace-artifact", {"request_id": tid}
    yield "put its spans", "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{{te}}/traces/{tid}/artifacts/traces.json", '{"spans": [{"name": "in a file"}]}'
    yield "file of spans", "GET", "/ajax-api/3.0/mlflow/get-trace-artifact", {"request_id": tid}
    yield "no file of an attachment", "GET", "/ajax-api/2.0/mlflow/get-trace-artifact", {"request_id": tid, "path": "traces.json"}
    yield "delete it", "POST", f"{T}/delete-traces", {"experiment_id": "{te}", "request_ids": [tid]}


def _traces():
    def otlp(name, body, **headers):
        body = Otlp(body)
        body.headers = {"x-mlflow-experiment-id": "{te}", **headers}
        return name, "POST", "/v1/traces", body

    tid = "tr-" + f"{1:032x}"
    yield "trace experiment", "POST", "experiments/create", {"name": "traces"}, {"te": ("experiment_id",)}
    yield "other experiment", "POST", "experiments/create", {"name": "other traces"}, {"te2": ("experiment_id",)}
    yield "trace run", "POST", "runs/create", {"experiment_id": "{te}", "run_name": "r"}, {"tr": ("run", "info", "run_id")}
    yield otlp("child first", export(span(1, 2, "child", parent=1, start=5, mlflow__spanType='"LLM"', mlflow__spanInputs='{"q": "ä"}', n=1.5, b=True, l=[1, "x", {"y": 2.5}], deep='{"a": {"b": [1, null, {"c": null}]}}', null="null", mlflow__chat__tokenUsage='{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}',
                                          events=[{"timeUnixNano": str(AT * 1000000), "name": "ev", "attributes": _attributes({"z": 1})}])))
    yield "after child", "GET", f"{T}/{tid}", None
    yield otlp("root", export(span(1, 1, "root", mlflow__spanType='"CHAIN"', mlflow__spanInputs='{"messages": [{"role": "user", "content": "hello"}]}', mlflow__spanOutputs='"out"',
                                   took=30, session__id="s1", user__id="u1", mlflow__traceTag__t="v", mlflow__traceTag__mlflow__traceName="named"), resource={"service.name": "svc", "telemetry.sdk.name": "x", "n": 5}))
    yield "after root", "GET", f"{T}/{tid}", None
    yield "whole", "GET", f"{T}/get", {"trace_id": tid}
    yield "whole of none", "GET", f"{T}/get", {"trace_id": "tr-nope", "allow_partial": "true"}
    yield "no id", "GET", f"{T}/get", {}
    yield "artifact", "GET", "/ajax-api/3.0/mlflow/get-trace-artifact", {"request_id": tid}
    yield "old artifact", "GET", "/ajax-api/2.0/mlflow/get-trace-artifact", {"request_id": tid}
    yield "artifact of none", "GET", "/ajax-api/3.0/mlflow/get-trace-artifact", {}
    yield "artifact of an unknown one", "GET", "/ajax-api/3.0/mlflow/get-trace-artifact", {"request_id": "tr-nope"}
    yield from _in_files("tr-" + f"{22:032x}")
    yield otlp("failed", export(span(2, 1, "bad", start=1000, status=2, message="no", mlflow__spanType='"TOOL"', links=[{"traceId": f"{1:032x}", "spanId": f"{1:016x}", "attributes": _attributes({"a": "b"})}])))
    yield "failed whole", "GET", f"{T}/get", {"trace_id": "tr-" + f"{2:032x}"}
    yield otlp("again in another experiment", export(span(1, 3, "x")), **{"x-mlflow-experiment-id": "{te2}"})
    yield otlp("no experiment", export(span(9, 3, "x")), **{"x-mlflow-experiment-id": "4711"})
    yield otlp("bad experiment", export(span(9, 3, "x")), **{"x-mlflow-experiment-id": "abc"})
    yield otlp("nothing", {"resourceSpans": []})
    yield otlp("wrong type", export(span(9, 3, "x")), **{"Content-Type": "text/plain"})
    yield otlp("wrong encoding", export(span(9, 3, "x")), **{"Content-Encoding": "br"})
    yield otlp("no gzip", export(span(9, 3, "x")), **{"Content-Encoding": "gzip"})
    yield otlp("no span id", {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": f"{1:032x}", "name": "x"}]}]}]})
    yield otlp("two roots", export(span(20, 1, "first root", status=2, mlflow__spanInputs='"first"', mlflow__traceTag__one="1"),
                                   span(20, 2, "last root", status=1, start=5, mlflow__spanInputs='"last"', mlflow__traceTag__two="2")))
    yield "whole of two roots", "GET", f"{T}/get", {"trace_id": "tr-" + f"{20:032x}"}
    yield "start before its spans", "POST", T, trace_info(21, start=9, took="1s")
    for n, more in enumerate(({}, {"mlflow__chat__tokenUsage": '{"input_tokens": 1}'}, {"session__id": "s21"}, {})):
        yield otlp(f"earlier span {n}", export(span(21, n + 1, "early", parent=9, start=8000 - 1000 * n, took=20000 + 1000 * n, **more)))
        yield f"after earlier span {n}", "GET", f"{T}/" + "tr-" + f"{21:032x}", None
    twice = _attributes({"a": "1", "b": {"x": "y"}}) + _attributes({"a": 2}) + [{"value": {}}, {"value": {"stringValue": "z"}}]
    s = span(22, 1, "keys that come again", events=[{"timeUnixNano": str(AT * 1000000), "name": "ev", "attributes": twice}],
             links=[{"traceId": f"{1:032x}", "spanId": f"{1:016x}", "attributes": twice}])
    s["attributes"] += [*twice, {"key": "map", "value": {"kvlistValue": {"values": twice}}}]
    yield otlp("keys that come again", export(s))
    yield "whole of keys that came again", "GET", f"{T}/get", {"trace_id": "tr-" + f"{22:032x}"}
    yield "delete those", "POST", f"{T}/delete-traces", {"experiment_id": "{te}", "request_ids": ["tr-" + f"{n:032x}" for n in (20, 21, 22)]}
    yield otlp("of a run", export(span(3, 1, "in run", start=2000)), **{"x-mlflow-run-id": "{tr}"})

    yield "start", "POST", T, trace_info(4, request_preview="in", response_preview="out", client_request_id="c4", tags={"a": "b", "mlflow.traceName": "four", "mlflow.artifactLocation": "x"},
                                         trace_metadata={"k": "v", "mlflow.trace.session": "s2", "mlflow.sourceRun": "{tr}", "mlflow.trace.tokenUsage": '{"input_tokens": 10, "total_tokens": 12}', "mlflow.trace.cost": '{"total_cost": 0.5}'})
    yield "start known", "POST", T, trace_info(1, state="OK", start=7, took="3s", tags={"later": "yes"}, trace_metadata={"m": "1"})
    yield "started", "GET", f"{T}/{tid}", None
    yield "start elsewhere", "POST", T, trace_info(4, experiment="{te2}")
    yield "start nowhere", "POST", T, trace_info(5, experiment="4711")
    yield "start nothing", "POST", T, {}
    yield "start bad id", "POST", T, {"trace": {"trace_info": {"trace_id": "a/b", "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{te}"}}, "request_time": "2025-11-24T16:00:00Z", "state": "OK"}}}
    yield "start with assessments", "POST", T, trace_info(6, start=40, assessments=[{"assessment_name": "x", "assessment_id": "a-fixed", "source": {"source_type": "HUMAN", "source_id": "me"}, "create_time": "2025-11-24T16:00:00Z", "last_update_time": "2025-11-24T16:00:01.500Z", "feedback": {"value": "yes"}}])
    yield otlp("late span", export(span(4, 2, "late", start=99000, mlflow__chat__tokenUsage='{"input_tokens": 3}')))
    yield "after late", "GET", f"{T}/" + "tr-" + f"{4:032x}", None
    yield "info of none", "GET", f"{T}/nope", None
    yield "batch infos", "POST", f"{T}/batchGetInfos", {"trace_ids": [tid, "tr-" + f"{4:032x}", "nope"]}
    yield "batch", "GET", f"{T}/batchGet", {"trace_ids": [tid, "tr-" + f"{2:032x}"]}
    three = ["tr-" + f"{n:032x}" for n in (2, 4, 1)]
    yield "batch in this order", "GET", f"{T}/batchGet", {"trace_ids": three}
    yield "batch in the other order", "GET", f"{T}/batchGet", {"trace_ids": three[::-1]}
    yield "batch infos in this order", "POST", f"{T}/batchGetInfos", {"trace_ids": three}
    yield "batch infos, one twice", "POST", f"{T}/batchGetInfos", {"trace_ids": three + three[:1]}
    yield "batch of none", "GET", f"{T}/batchGet", {}

    yield "set tag", "PATCH", f"{T}/{tid}/tags", {"key": "x", "value": "y"}
    yield "set name", "PATCH", f"{T}/{tid}/tags", {"key": "mlflow.traceName", "value": "renamed"}
    yield "set reserved", "PATCH", f"{T}/{tid}/tags", {"key": "mlflow.artifactLocation", "value": "y"}
    yield "set tag of none", "PATCH", f"{T}/nope/tags", {"key": "x", "value": "y"}
    yield "set long key", "PATCH", f"{T}/{tid}/tags", {"key": "x" * 251, "value": "y"}
    yield "set no key", "PATCH", f"{T}/{tid}/tags", {"value": "y"}
    yield "old set tag", "PATCH", f"{OLD}/{tid}/tags", {"key": "old", "value": "y"}
    yield "old delete tag", "DELETE", f"{OLD}/{tid}/tags", {"key": "old"}
    yield "delete tag", "DELETE", f"{T}/{tid}/tags", {"key": "x"}
    yield "delete tag again", "DELETE", f"{T}/{tid}/tags", {"key": "x"}
    yield "delete reserved", "DELETE", f"{T}/{tid}/tags", {"key": "mlflow.trace.spansLocation"}
    yield "tagged", "GET", f"{T}/{tid}", None

    yield "link", "POST", f"{OLD}/link-to-run", {"trace_ids": ["tr-" + f"{2:032x}", "nope"], "run_id": "{tr}"}
    yield "link again", "POST", f"{OLD}/link-to-run", {"trace_ids": ["tr-" + f"{2:032x}"], "run_id": "{tr}"}
    yield "link to none", "POST", f"{OLD}/link-to-run", {"trace_ids": ["tr-" + f"{2:032x}"], "run_id": "nope"}
    yield "link too many", "POST", f"{OLD}/link-to-run", {"trace_ids": ["x"] * 101, "run_id": "{tr}"}
    yield "link prompts", "POST", f"{OLD}/link-prompts", {"trace_id": tid, "prompt_versions": [{"name": "p", "version": "1"}]}
    yield "link prompts of none", "POST", f"{OLD}/link-prompts", {"trace_id": "nope", "prompt_versions": [{"name": "p", "version": "1"}]}

    a = f"{T}/{tid}/assessments"

    second = iter(range(60))

    def give(name, more, saves=None, where=a):
        at = f"2025-11-24T16:00:{next(second):02}.125Z"
        return name, "POST", where, {"assessment": {"assessment_name": "good", "source": {"source_type": "CODE", "source_id": "me"}, "create_time": at, "last_update_time": at, **more}}, saves
    yield give("feedback", {"feedback": {"value": True}, "rationale": "r", "metadata": {"m": "1"}, "span_id": "abc"}, {"a1": ("assessment", "assessment_id")})
    yield give("feedback number", {"feedback": {"value": 0.75}, "assessment_name": "score"}, {"a2": ("assessment", "assessment_id")})
    yield give("feedback whole number", {"feedback": {"value": 5}, "assessment_name": "five"})
    yield give("feedback list", {"feedback": {"value": [1, "x", {"y": None}]}, "assessment_name": "list"})
    yield give("feedback error", {"feedback": {"error": {"error_code": "E", "error_message": "m"}}, "assessment_name": "err"})
    yield give("expectation", {"expectation": {"value": "text"}, "assessment_name": "expected"}, {"a3": ("assessment", "assessment_id")})
    yield give("expectation serialized", {"expectation": {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"a": [1]}'}}, "assessment_name": "expected 2"})
    yield give("expectation in another format", {"expectation": {"serialized_value": {"serialization_format": "XML", "value": "x"}}})
    yield give("no value", {})
    for n, value in enumerate(({"value": None}, {}, {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "null"}})):
        yield give(f"expectation of nothing {n}", {"expectation": value, "assessment_name": "void"})
    yield give("expectation with a rationale", {"expectation": {"value": 0}, "rationale": "why", "assessment_name": "reasoned"}, {"a9": ("assessment", "assessment_id")})
    yield "get expectation with a rationale", "GET", a + "/{a9}", None
    yield "update expectation's rationale", "PATCH", a + "/{a9}", {"assessment": {"rationale": "because"}, "update_mask": "rationale"}
    yield "update expectation to nothing", "PATCH", a + "/{a9}", {"assessment": {"expectation": {"value": None}}, "update_mask": "expectation"}
    for kind in ("AI_JUDGE", "human", "x", "", 1, 2, 3, None):
        yield give(f"source {kind!r}", {"feedback": {"value": 1}, "assessment_name": "sourced", "source": {"source_type": kind, "source_id": "me"}})
    yield give("of none", {"feedback": {"value": True}}, None, f"{T}/nope/assessments")
    yield give("overriding none", {"feedback": {"value": True}, "overrides": "a-nope"})
    yield give("overriding", {"feedback": {"value": False}, "overrides": "{a1}"}, {"a4": ("assessment", "assessment_id")})
    yield "no assessment", "POST", a, {}
    yield "get assessment", "GET", a + "/{a1}", None
    yield "get no assessment", "GET", a + "/a-nope", None
    yield "get assessment of none", "GET", f"{T}/nope/assessments/" + "{a1}", None
    yield "session's other trace", "POST", T, trace_info(11, start=20, trace_metadata={"mlflow.trace.session": "s1"}, tags={"mlflow.traceName": "API_v2_call", "env": "us-east-1"}, client_request_id="req-7")
    yield give("of a session", {"feedback": {"value": "fine"}, "assessment_name": "talk", "metadata": {"mlflow.trace.session": "s1"}})
    yield give("of a session number", {"feedback": {"value": 7}, "assessment_name": "talk score", "metadata": {"mlflow.trace.session": "s1"}})
    yield give("of a session expected", {"expectation": {"value": "end"}, "assessment_name": "talk end", "metadata": {"mlflow.trace.session": "s1"}})
    yield "update", "PATCH", a + "/{a2}", {"assessment": {"feedback": {"value": "no"}, "rationale": "because", "assessment_name": "renamed", "metadata": {"n": "2"}}, "update_mask": "feedback,rationale,assessmentName,metadata"}
    yield "update part", "PATCH", a + "/{a1}", {"assessment": {"rationale": "other", "metadata": {"n": "2"}}, "update_mask": "metadata"}
    yield "update of another kind", "PATCH", a + "/{a3}", {"assessment": {"feedback": {"value": 1}}, "update_mask": "feedback"}
    yield "update without mask", "PATCH", a + "/{a3}", {"assessment": {"feedback": {"value": 1}}}
    yield "update none", "PATCH", a + "/a-nope", {"assessment": {"rationale": "x"}, "update_mask": "rationale"}
    yield "delete overriding", "DELETE", a + "/{a4}", None
    yield "delete again", "DELETE", a + "/{a4}", None
    yield "valid again", "GET", a + "/{a1}", None
    yield "all assessments", "GET", f"{T}/{tid}", None

    def search(name, text=None, **more):
        body = {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{te}"}}], **more}
        if text is not None:
            body["filter"] = text
        return f"search {name}", "POST", f"{T}/search", body
    yield search("all")
    yield search("page", max_results=2)
    yield search("none", max_results=0)
    yield search("too many", max_results=501)
    yield "search nowhere", "POST", f"{T}/search", {}
    for text in ("trace.status = 'OK'", "status = 'ERROR'", "status != 'OK'", "status IN ('OK', 'ERROR')", "tag.t = 'v'", "tags.`later` = 'yes'", "tag.none = 'x'", "tag.t LIKE 'V%'", "tag.t ILIKE 'V%'",
                 "tag.t IS NULL", "tag.t IS NOT NULL", "metadata.k = 'v'", "request_metadata.k != 'v'", "metadata.`mlflow.trace.session` = 's1'", "name = 'renamed'", "trace.name LIKE 'f%'",
                 "run_id = '{tr}'", "attribute.run_id = '{tr}'", "prompt = 'p/1'", "prompt = 'p'", "timestamp > 1764000001000", "timestamp_ms <= 1764000001000", "execution_time < 20", "execution_time_ms >= 250", "end_time > 1764000002000",
                 "request_id = '" + tid + "'", "request_id IN ('" + tid + "')", "client_request_id = 'c4'", "span.type = 'LLM'", "span.type = 'LLM' AND span.name = 'child'", "span.type = 'LLM' AND span.name = 'root'", "span.status = 'ERROR'",
                 "span.name LIKE 'ro%'", "span.attributes.n LIKE '%1.5%'", "span.content LIKE '%hello%'", "text LIKE '%ä%'", "trace.text ILIKE '%HELLO%'", "feedback.good = 'true'", "feedback.score > 0.5", "feedback.five >= 5", "feedback.renamed = 'no'",
                 "feedback.nope IS NULL", "feedback.good IS NOT NULL", "expectation.expected = 'text'", "expectation.expected != 'text'", "status = 'OK' AND tag.t = 'v' AND feedback.good = 'true'",
                 "what", "status", "status = 5", "timestamp = 'x'", "nope = 'x'", "nope.x = 'y'", "span.nope = 'x'", "tag.t > 'a'", "tag.t = 5", "status > 'OK'", "timestamp LIKE '5'", "status = 'OK' OR tag.t = 'v'", "feedback.good > 'x'", "issue.id = 'i'", "issue.x = 'i'",
                 "span.content = 'x'", "text = 'x'", "status == 'OK'", "(status = 'OK')", "status = 'OK' AND", "; status = 'OK'", "tag.`a b` = 'x'",
                 "timestamp_ms > '1764000001000'", "execution_time_ms >= \"250\"", "name in 'x'", "tag.Name = 'renamed'", "prompt IS NULL", "name LIKE 1", "run_id > 'x' AND feedback.good >= 'x'", "status = 'OK'; status = 'OK'",
                 "status = OK", "issue.x <= ('a')", "feedback.timestamp = 'x'",
                 "feedback.talk = 'fine'", "feedback.talk != 'fine'", "feedback.talk IS NULL", "feedback.talk IS NOT NULL", "feedback.talk LIKE '%ine%' AND status = 'OK'", "feedback.`talk score` > 5", "feedback.`talk score` < 5", "expectation.`talk end` = 'end'",
                 "expectation.`talk end` IS NULL AND feedback.good IS NULL", "feedback.good IN ('x')", "feedback.good NOT LIKE 'x'", "tag.'t' = 'v'",
                 "timestamp > 1764000000005 AND span.name = 'child'", "timestamp_ms >= 1764000009999 AND span.name LIKE '%'", "timestamp >= 1764000095000 AND span.name = 'late'", "timestamp > 5 AND timestamp >= 1764000020000 AND trace.text LIKE '%root%'",
                 "name RLIKE '^re'", "name RLIKE 'v[0-9]+_'", "name RLIKE '(?i)api'", "name RLIKE 'ed$'", "name RLIKE '('", "name RLIKE 'NAMED'", "tag.env RLIKE 'us-(east|west)-\\d'", "tags.t RLIKE '^v$'", "metadata.k RLIKE 'v+'", "run_id RLIKE '[0-9a-f]{32}'", "client_request_id RLIKE '^(c4|req-[0-9])$'",
                 "request_id RLIKE '1$'", "status RLIKE '^O'", "span.name RLIKE 'ch.ld|bad'", "span.type RLIKE '^(LLM|TOOL)$'", "span.attributes.n RLIKE '1'", "span.attributes.mlflow.spanType RLIKE '^LLM$'", "span.attributes.mlflow.spanOutputs RLIKE 'out'", "feedback.score RLIKE '0.7'", "feedback.renamed RLIKE 'no'",
                 "expectation.expected RLIKE 't[a-e]xt'", "trace.text RLIKE 'x'", "timestamp_ms RLIKE '5'", "end_time RLIKE '^x'", "execution_time LIKE '5%'", "timestamp_ms IN (5, 6)", "end_time_ms IN ('5')", "prompt RLIKE 'p'", "issue.id RLIKE 'x'", "name NOT RLIKE 'x'", "name RLIKE 5",
                 "run_id = ''", "metadata.`mlflow.sourceRun` = ''", "run_id = '{tr}' AND run_id = 'nope'", "run_id = 'nope' AND run_id = '{tr}'", "run_id = 'nope' AND status = 'OK' AND run_id = ''", "run_id != ''",
                 "metadata.k IN ('v')", "metadata.k NOT IN ('v', 'w')", "request_metadata.k IN ()", "metadata.k IN (3)", "issue.id IN ('i')", "issue.id IN (3, 4)", "tag.t IN ('v')", "prompt IN ('p/1')", "prompt IN ()", "prompt NOT IN (3)", "trace.text IN ('x')", "trace.text NOT IN ('x', 3)",
                 "span.name like 'ro%'", "span.name ilike 'RO%'", "span.name Like 'ro%'", "span.type rlike 'LLM'", "span.name in ('root')", "span.name not in ('root')", "span.name is null", "span.content like '%hello%'", "trace.text like '%hello%'", "span.attributes.n like '%1%'", "feedback.good like '%t%'",
                 "span.attributes.n = ''", "span.attributes.n = '1.5'", "span.attributes.n != ''", "span.attributes.n IN ('1.5')", "span.nope = 'x' AND tag.t > 'a'", "tag.t > 'a' AND span.nope = 'x'",
                 *(f"metadata.`mlflow.trace.{key}` {what}" for key in ("tokenUsage", "cost") for what in ("IS NULL", "IS NOT NULL", "!= 'x'", "= 'x'", "= ''", "LIKE '%1%'", "RLIKE 'x'")),
                 "metadata.`mlflow.trace.tokenUsage` = '{\"input_tokens\": 3, \"output_tokens\": 4, \"total_tokens\": 7}'", "metadata.`mlflow.trace.tokenUsage` = '{\"input_tokens\":3,\"output_tokens\":4,\"total_tokens\":7}'", "metadata.`mlflow.trace.tokenUsage` != '{\"input_tokens\": 3, \"output_tokens\": 4, \"total_tokens\": 7}'",
                 "metadata.`mlflow.trace.tokenUsage` = '{\"total_tokens\": 12, \"input_tokens\": 10}'", "metadata.`mlflow.trace.cost` = '{\"total_cost\": 0.5}'", "metadata.`mlflow.trace.cost` != '{\"total_cost\": 0.5}'", "span.attributes.`n` LIKE '%1.5%'", "span.attributes.`n` RLIKE '1'"):
        yield search(text, text)
    for order in (["timestamp ASC"], ["execution_time DESC"], ["status", "timestamp_ms"], ["name"], ["tag.t"], ["metadata.k DESC"], ["end_time"], ["experiment_id"], ["request_id DESC"], ["run_id"], ["nope"], ["tag"], ["status", "status"], ["status up"], ["span.name"], ["metadata.`mlflow.trace.session`"], [" name"], ["name,status"]):
        yield search("order " + " ".join(order), order_by=order)
    yield search("bad token", page_token="%%%")
    yield "old search", "GET", OLD, {"experiment_ids": ["{te}"], "max_results": 2}
    yield "old search of none", "GET", OLD, {}
    yield "old info", "GET", f"{OLD}/{tid}/info", None
    yield "correlation", "POST", f"{T}/calculate-filter-correlation", {"experiment_ids": ["{te}"], "filter_string1": "status = 'OK'", "filter_string2": "tag.t = 'v'"}
    yield "correlation with base", "POST", f"{T}/calculate-filter-correlation", {"experiment_ids": ["{te}"], "filter_string1": "span.type = 'LLM'", "filter_string2": "tag.t = 'v'", "base_filter": "timestamp > 5"}
    yield "old start", "POST", OLD, {"experiment_id": "{te}", "timestamp_ms": AT + 5000, "request_metadata": [{"key": "a", "value": "b"}], "tags": [{"key": "mlflow.traceName", "value": "old"}, {"key": "c", "value": "d"}]}, {"told": ("trace_info", "request_id")}
    yield "old end", "PATCH", OLD + "/{told}", {"timestamp_ms": AT + 5250, "status": "OK", "request_metadata": [{"key": "e", "value": "f"}], "tags": [{"key": "c", "value": "g"}]}
    yield "old end of none", "PATCH", OLD + "/nope", {"timestamp_ms": 5, "status": "OK"}

    yield from _metrics()
    yield "delete nothing", "POST", f"{T}/delete-traces", {"experiment_id": "{te}"}
    yield "delete both", "POST", f"{T}/delete-traces", {"experiment_id": "{te}", "max_timestamp_millis": 5, "request_ids": ["x"]}
    yield "delete max of ids", "POST", f"{T}/delete-traces", {"experiment_id": "{te}", "max_traces": 5, "request_ids": ["x"]}
    yield "delete minus", "POST", f"{T}/delete-traces", {"experiment_id": "{te}", "max_traces": -1, "max_timestamp_millis": 5}
    yield "delete elsewhere", "POST", f"{T}/delete-traces", {"experiment_id": "{te2}", "request_ids": [tid]}
    yield "delete by id", "POST", f"{T}/delete-traces", {"experiment_id": "{te}", "request_ids": [tid, "nope"]}
    yield "delete by time", "POST", f"{OLD}/delete-traces", {"experiment_id": "{te}", "max_timestamp_millis": AT + 10**9, "max_traces": 2}
    yield search("what is left")


TRACES = [*_traces()]
