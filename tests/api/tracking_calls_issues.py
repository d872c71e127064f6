"""Issues and the traces that have them, for test_differential.py: (name, method, path, body, saves), as in tracking_calls.py."""

from tracking_calls_traces import T

I = "/api/3.0/mlflow/issues"  # noqa: E741
ID = ("issue", "issue_id")


def _issue(name, body, saves=None):
    return "issue " + name, "POST", I, {"experiment_id": "{ei}", "name": "n", "description": "d", **body}, saves


def _made():
    for n in ("", " else"):
        yield "experiment of issues" + n, "POST", "experiments/create", {"name": "issues" + n}, {"ei" + n.strip(): ("experiment_id",)}
    for n in ("", "else"):
        yield "run of issues" + n, "POST", "runs/create", {"experiment_id": "{ei" + n + "}", "start_time": 5, "run_name": "r"}, {"ri" + n: ("run", "info", "run_id")}
    yield _issue("plain", {}, {"i0": ID})
    yield _issue("whole", {"issue_id": "iss-whole", "name": "Slow täsk 100%", "status": "resolved", "severity": "high", "root_causes": ["a \"b\"", "ü"], "source_run_id": "{ri}", "categories": ["Latency", " latency ", "Ö", "cost"],
                           "created_by": "ann", "last_seen_timestamp": 5, "metadata": {"k": "ü \"x\""}})
    yield _issue("again", {"issue_id": "iss-whole"})
    yield _issue("empty lists", {"issue_id": "iss-empty", "root_causes": [], "categories": [], "metadata": {}, "source_run_id": "", "created_by": ""})
    for k, (severity, status, name) in enumerate((("low", "pending", "b_c"), ("medium", "rejected", "B%C"), ("not_an_issue", "pending", "a"), ("high", "resolved", "Zed"), ("low", "resolved", "zed"))):
        yield _issue(f"no {k}", {"issue_id": f"iss-{k}", "severity": severity, "status": status, "name": name, "categories": ["cost"] if k % 2 else ["safety", "own"], "last_seen_timestamp": str(1000 - k)})
    yield _issue("elsewhere", {"issue_id": "iss-else", "experiment_id": "{eielse}"})
    for key in ("experiment_id", "name", "description"):
        yield _issue(f"without {key}", {key: None})
        yield _issue(f"of empty {key}", {key: ""})
    for k, body in enumerate(({"name": "x" * 250}, {"name": "x" * 251}, {"name": 5}, {"status": "nope"}, {"status": ""}, {"status": 5}, {"severity": "PENDING"}, {"severity": ""}, {"severity": None}, {"status": "it's"}, {"root_causes": "x"}, {"root_causes": [5]},
                              {"categories": "x"}, {"categories": [""]}, {"categories": ["x" * 251]}, {"categories": ["x" * 250]}, {"categories": [str(n) for n in range(101)]}, {"categories": [5]}, {"created_by": "x" * 255}, {"created_by": "x" * 256},
                              {"issue_id": ""}, {"issue_id": "iss-"}, {"issue_id": "abc"}, {"issue_id": "iss-" + "x" * 33}, {"issue_id": "iss-ü"}, {"issue_id": "iss-a b"}, {"issue_id": 5},
                              {"last_seen_timestamp": -1}, {"last_seen_timestamp": True}, {"last_seen_timestamp": 1.5}, {"last_seen_timestamp": 2.0}, {"last_seen_timestamp": "x"}, {"last_seen_timestamp": 2 ** 63}, {"last_seen_timestamp": 0},
                              {"metadata": "x"}, {"metadata": []}, {"metadata": {"a": 5}}, {"metadata": {"": "x"}}, {"metadata": {"x" * 251: "x"}}, {"metadata": {str(n): "" for n in range(101)}}, {"metadata": {"a": None}},
                              {"source_run_id": "nope"}, {"source_run_id": "{rielse}"}, {"experiment_id": "4711"}, {"experiment_id": "abc"}, {"experimentId": "{ei}"}, {"issueId": "iss-camel"}, {"lastSeenTimestamp": "7", "rootCauses": ["x"]}, {"last_seen_timestamp": 1, "lastSeenTimestamp": 1}, {"lastSeenTimestamp": -1})):
        yield _issue(f"odd {k}", body, {f"io{k}": ID})
    yield "get issue", "GET", I + "/iss-whole", None
    yield "get plain issue", "GET", I + "/{i0}", None
    yield "get issue of a query", "GET", I + "/iss-0", {"issue_id": "iss-1"}
    yield "get unknown issue", "GET", I + "/iss-nope", None
    yield "get camel issue", "GET", I + "/iss-camel", None


def _changed():
    def change(name, body, which="iss-whole"):
        return "change issue " + name, "PATCH", f"{I}/{which}", {"issue_id": which, **body}
    yield "change issue without its id", "PATCH", I + "/iss-whole", {"name": "x"}
    yield "change issue of another id", "PATCH", I + "/iss-1", {"issue_id": "iss-2", "description": "other"}
    yield change("nothing", {})
    yield change("unknown", {"name": "x"}, "iss-nope")
    for k, body in enumerate(({"name": "Slow 100% tasks"}, {"description": ""}, {"status": "rejected"}, {"severity": "low"}, {"last_seen_timestamp": 4}, {"last_seen_timestamp": 70}, {"last_seen_timestamp": "60"}, {"last_updated_by": "bob"}, {"last_updated_by": ""},
                              {"categories": ["x", "x", "X ", "y"]}, {"categories": None}, {"metadata": {"k": "other"}}, {"metadata": {}}, {"delete_metadata_keys": ["nope"]}, {"metadata": {"n": "1"}, "delete_metadata_keys": ["k"]}, {"metadata": {"n": "1"}, "delete_metadata_keys": ["n"]},
                              {"name": ""}, {"name": "x" * 251}, {"name": None}, {"status": "x"}, {"severity": "x"}, {"severity": ""}, {"categories": [""]}, {"categories": "x"}, {"last_seen_timestamp": -5}, {"last_updated_by": "x" * 256}, {"metadata": {"a": 5}}, {"metadata": "x"},
                              {"delete_metadata_keys": [""]}, {"delete_metadata_keys": "x"}, {"delete_metadata_keys": [str(n) for n in range(101)]}, {"root_causes": ["not to change"], "source_run_id": "{ri}", "created_by": "eve"}, {"issue_id": ""},
                              {"metadata": {f"m{n}": "" for n in range(100)}}, {"delete_metadata_keys": ["n"]}, {"categories": []})):
        yield change(str(k), body)
    yield "get changed issue", "GET", I + "/iss-whole", None
    yield change("with nothing", {"description": "of nothing", "metadata": {"a": "b"}}, "iss-empty")
    yield change("to nothing", {"delete_metadata_keys": ["a"]}, "iss-empty")
    yield change("words again", {"categories": ["Latency", "cost"], "severity": "high", "last_updated_by": "ann"})


def _traces():
    for k, who in enumerate(("iss-1", "iss-1", "iss-3", "iss-1")):
        trace = f"tr-issue-{min(k, 2)}"
        if k < 3:
            yield f"trace with issue {k}", "POST", T, {"trace": {"trace_info": {"trace_id": trace, "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{ei}"}}, "request_time": "2025-11-24T16:00:00Z", "state": "OK"}}}
        yield f"trace's issue {k}", "POST", f"{T}/{trace}/assessments", {"assessment": {
            "assessment_name": who, "trace_id": trace, "issue": {"issue_name": "B%C"}, "source": {"source_type": "CODE", "source_id": "x"}, "rationale": "why", "metadata": {"mlflow.issue.evidence": "{}"}, "run_id": "{ri}"}}, {f"ia{k}": ("assessment", "assessment_id")}
    yield "trace's issue of none", "POST", f"{T}/tr-issue-0/assessments", {"assessment": {"assessment_name": "iss-nope", "trace_id": "tr-issue-0", "issue": {"issue_name": "none"}, "source": {"source_type": "HUMAN", "source_id": "x"}}}, {"ian": ("assessment", "assessment_id")}
    yield "trace's issue of no name", "POST", f"{T}/tr-issue-0/assessments", {"assessment": {"assessment_name": "iss-1", "trace_id": "tr-issue-0", "issue": {}, "source": {"source_type": "HUMAN", "source_id": "x"}}}, {"iae": ("assessment", "assessment_id")}
    yield "get trace's issue", "GET", T + "/tr-issue-0/assessments/{ia0}", None
    yield "trace with its issues", "GET", T + "/tr-issue-0", None
    yield "change trace's issue", "PATCH", T + "/tr-issue-0/assessments/{ia0}", {"assessment": {"assessment_id": "{ia0}", "trace_id": "tr-issue-0", "issue": {"issue_name": "renamed"}, "rationale": "because"}, "update_mask": "issue,rationale"}
    yield "get trace's changed issue", "GET", T + "/tr-issue-0/assessments/{ia0}", None
    yield "delete trace's issue", "DELETE", T + "/tr-issue-1/assessments/{ia1}", None
    for f in ("issue.id = 'iss-1'", "issue.id = 'iss-3'", "issue.id != 'iss-1'"):
        yield f"search traces by {f}", "POST", T + "/search", {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{ei}"}}], "filter": f, "order_by": ["timestamp_ms DESC"]}


FILTERS = ("status = 'pending'", "status='resolved'", "status != 'pending'", "status = pending", 'status = "pending"', "`status` = 'pending'", "\"status\" = 'pending'", "'status' = 'pending'", "status = ' pending '", "status = 'PENDING'", "source_run_id = '{ri}'",
           "source_run_id != 'x'", "status = 'pending' AND source_run_id = 'x'", "status = 'pending' and status != 'x'", "status = 'pending' OR status = 'resolved'", "status > 'a'", "status LIKE 'p%'", "status IN ('pending')", "status NOT IN ('pending')", "status IS NULL",
           "status IS NOT NULL", "status = 5", "status = ('pending')", "name = 'n'", "severity = 'low'", "issue.status = 'pending'", "5 = 5", "(status) = 'a'", "status", "status =", "what is it", " ", "", "status = 'a'; status = 'b'", "status == 'a'", "status = ''")
ORDERS = (["name"], ["name DESC"], ["status"], ["severity DESC", "name"], ["created_timestamp"], ["last_updated_timestamp desc"], ["last_seen_timestamp ASC"], ["status", "severity", "name DESC"], [" name   ASC "], ["Name"], ["name up"], ["name ASC x"], [""], ["issue_id"], ["description"],
          ["name", "name"], ["name"] * 101, "name", [5], [])


def _searched():
    def search(name, body, saves=None, where="{ei}"):
        return "search issues " + name, "POST", I + "/search", {"experiment_id": where, **body}, saves
    def page(name, body, n):
        yield search(name, body, {f"ip{n}": ("next_page_token",)})
        yield search(name + " next", {**body, "page_token": "{ip" + str(n) + "}"}, {f"iq{n}": ("next_page_token",)})
        yield search(name + " last", {**body, "page_token": "{iq" + str(n) + "}"}, {f"ir{n}": ("next_page_token",)})
        yield search(name + " of another question", {"max_results": 4, "view": "basic", "statuses": ["pending"], "page_token": "{ip" + str(n) + "}"})
    small = {"view": "basic", "severities": ["low", "medium", "high", "not_an_issue"]}
    yield search("elsewhere", {}, where="{eielse}")
    yield search("nowhere", {}, where="4711")
    yield search("odd place", {}, where="abc")
    yield search("of an id", {"max_results": 2, "include_total_count": True}, {"ipx": ("next_page_token",)})
    yield search("counted", {**small, "include_total_count": True, "include_trace_count": True})
    yield search("not counted", {**small, "include_total_count": False, "include_trace_count": False})
    yield search("full", {"view": "full", "statuses": ["rejected"]})
    for k, body in enumerate(({"name": "b"}, {"name": "%"}, {"name": "_C"}, {"name": "!"}, {"name": "\\"}, {"name": "ZED"}, {"name": "x" * 251}, {"name": "ä"}, {"name": 5}, {"statuses": ["pending", "rejected"]}, {"statuses": ["nope"]}, {"statuses": "pending"}, {"statuses": ["pending"] * 101},
                              {"severities": ["high"]}, {"severities": ["HIGH"]}, {"severities": ["low"] * 101}, {"categories": ["COST "]}, {"categories": ["nope", "own"]}, {"categories": [""]}, {"categories": ["x" * 251]}, {"view": "all"}, {"view": ""}, {"view": 5},
                              {"statuses": ["pending"], "severities": ["low"], "categories": ["safety"], "name": "B"}, {"include_total_count": "x"}, {"max_results": 0}, {"max_results": -1}, {"max_results": 50001}, {"max_results": "3"}, {"max_results": "x"})):
        yield search(f"by {k}", {"include_total_count": True, **({} if "view" in body else {"view": "basic"}), **body, **({} if "severities" in body or "max_results" in body else {"severities": small["severities"]})})
    for f in FILTERS:
        yield search("filter " + f, {**small, "filter_string": f})
    for o in ORDERS:
        yield search(f"order {str(o)[:60]}", {**small, "order_by": o})
    yield from page("pages", {"max_results": 3, "experiment_id": "{ei}", "severities": None}, 0)
    yield from page("pages with traces", {"max_results": 3, "include_trace_count": True, **small}, 1)
    for k, o in enumerate(ORDERS[:8]):
        yield from page(f"pages in order {k}", {"max_results": 3, "order_by": o, "include_trace_count": k % 2 == 0, **small}, k + 2)
    for token in ("x", "e30=", "eyJvZmZzZXQiOiAyfQ==", "eyJvZmZzZXQiOiAtMX0=", "eyJvZmZzZXQiOiAiMiJ9", "eyJvZmZzZXQiOiAyLCAicXVlcnkiOiAieCJ9", "WzFd", "eyJ2ZXJzaW9uIjogMn0="):
        yield search("token " + token, {"max_results": 2, "page_token": token, "filter_string": "status = 'rejected'"})
        yield search("token and view " + token, {"max_results": 2, "page_token": token, "view": "basic"})


def _gone():
    yield "issues of all methods", "GET", I, None
    yield "delete issue", "DELETE", I + "/iss-1", None
    yield "delete run of issues", "POST", "runs/delete", {"run_id": "{ri}"}
    yield "delete experiment of issues", "POST", "experiments/delete", {"experiment_id": "{eielse}"}
    yield "issue of deleted experiment", "GET", I + "/iss-else", None
    yield "issue in deleted experiment", "POST", I, {"experiment_id": "{eielse}", "name": "n", "description": "d"}
    yield "change issue of deleted experiment", "PATCH", I + "/iss-else", {"issue_id": "iss-else", "name": "m"}
    yield "search issues of deleted experiment", "POST", I + "/search", {"experiment_id": "{eielse}", "include_total_count": True}


ISSUES = [*_made(), *_changed(), *_traces(), *_searched(), *_gone()]
