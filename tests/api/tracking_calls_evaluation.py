"""Evaluation datasets, label schemas, review queues, scorers and signed URLs for test_differential.py."""

import json

V3 = "/api/3.0/mlflow/"
D = V3 + "datasets/"
L = V3 + "label-schemas/"
Q = V3 + "review-queues/"


def _records(*records):
    return {"records": json.dumps(list(records))}


def _dataset(name, body, saves=None):
    return "dataset " + name, "POST", D + "create", body, saves


def _datasets():
    for n in ("a", "b"):
        yield "experiment of datasets " + n, "POST", "experiments/create", {"name": "datasets " + n}, {"ev" + n: ("experiment_id",)}
    yield _dataset("one", {"name": "first", "experiment_ids": ["{eva}"], "tags": json.dumps({"mlflow.user": "ann", "b": "2", "a": "ü"})}, {"d1": ("dataset", "dataset_id")})
    yield _dataset("two", {"name": "second", "experiment_ids": ["{evb}", "{eva}"]}, {"d2": ("dataset", "dataset_id")})
    yield _dataset("three", {"name": "third"}, {"d3": ("dataset", "dataset_id")})
    yield _dataset("without name", {"tags": "{}"})
    yield _dataset("with a number for its name", {"name": 5})
    yield _dataset("with text for its experiments", {"name": "x", "experiment_ids": "0"})
    yield _dataset("with an object for its tags", {"name": "x", "tags": {"a": "b"}})
    yield "get dataset", "GET", D + "{d1}", None
    yield "get unknown dataset", "GET", D + "d-nope", None
    yield "experiments of dataset", "GET", D + "{d2}/experiment-ids", None
    yield "experiments of unknown dataset", "GET", D + "d-nope/experiment-ids", None
    yield "no records", "GET", D + "{d1}/records", None
    yield "records of unknown dataset", "GET", D + "d-nope/records", None
    yield "upsert", "POST", D + "{d1}/records", _records({"inputs": {"q": "ä", "n": 1.5, "z": 1e22}, "expectations": {"e": True}, "tags": {"mlflow.user": "bob", "t": "1"}})
    yield "upsert again", "POST", D + "{d1}/records", _records({"inputs": {"z": 1e22, "n": 1.5, "q": "ä"}, "outputs": [1, {"x": None}], "expectations": {"f": 2}, "tags": {"t": "2"}})
    yield "upsert from a trace", "POST", D + "{d1}/records", _records({"inputs": {"q": 2}, "outputs": {"r": "x"}, "source": {"source_type": "trace", "source_data": {"trace_id": "tr-1"}}})
    yield "upsert from a human", "POST", D + "{d1}/records", _records({"inputs": {"q": 3}, "outputs": None, "source": {"source_type": "HUMAN", "source_data": {"source_id": "eve", "k": [1]}}})
    yield "upsert twice in one", "POST", D + "{d1}/records", _records({"inputs": {"q": 4}, "outputs": "o"}, {"inputs": {"q": 4}, "expectations": {}})
    yield "upsert nothing", "POST", D + "{d3}/records", _records()
    yield "upsert without inputs", "POST", D + "{d3}/records", _records({"outputs": 5, "source": {"source_type": "CODE"}})
    yield "upsert equal keys", "POST", D + "{d3}/records", {"records": '[{"inputs": {"q": 5, "q": 6}, "tags": {"a": "1", "b": "2", "a": "3"}}]'}
    yield "upsert of odd source", "POST", D + "{d1}/records", _records({"inputs": {"q": 9}, "source": {"source_type": "GOD"}})
    yield "upsert without records", "POST", D + "{d1}/records", {}
    yield "upsert of a list", "POST", D + "{d1}/records", {"records": [{"inputs": {}}]}
    yield "dataset with records", "GET", D + "{d1}", None
    yield "dataset with odd records", "GET", D + "{d3}", None
    yield "records", "GET", D + "{d1}/records", None
    yield "odd records", "GET", D + "{d3}/records", None
    yield "records one by one", "GET", D + "{d1}/records", {"max_results": 2}, {"dp": ("next_page_token",)}
    yield "records next", "GET", D + "{d1}/records", {"max_results": 2, "page_token": "{dp}"}
    yield "records passed over", "GET", D + "{d1}/records", {"page_token": "3"}
    yield "set tags", "PATCH", D + "{d1}/tags", {"tags": json.dumps({"a": "neu", "c": 5, "d": None, "e": True})}
    yield "set tags of unknown", "PATCH", D + "d-nope/tags", {"tags": "{}"}
    yield "set no tags", "PATCH", D + "{d1}/tags", {}
    yield "delete tag", "DELETE", D + "{d1}/tags/b", None
    yield "delete absent tag", "DELETE", D + "{d1}/tags/nope", None
    yield "delete tag of unknown", "DELETE", D + "d-nope/tags/x", None
    yield "dataset with other tags", "GET", D + "{d1}", None
    yield "add experiments", "POST", D + "{d3}/add-experiments", {"experiment_ids": ["{eva}", "{evb}"]}
    yield "add known experiment", "POST", D + "{d3}/add-experiments", {"experiment_ids": ["{eva}"]}
    yield "add unknown experiment", "POST", D + "{d3}/add-experiments", {"experiment_ids": ["4711"]}
    yield "add odd experiment", "POST", D + "{d3}/add-experiments", {"experiment_ids": ["abc"]}
    yield "add to unknown", "POST", D + "d-nope/add-experiments", {"experiment_ids": ["{eva}"]}
    yield "added experiments", "GET", D + "{d3}/experiment-ids", None
    yield "remove experiment", "POST", D + "{d3}/remove-experiments", {"experiment_ids": ["{evb}", "4711"]}
    yield "remove from unknown", "POST", D + "d-nope/remove-experiments", {"experiment_ids": ["{eva}"]}
    yield "removed experiments", "GET", D + "{d3}/experiment-ids", None
    yield from _searches()
    yield "delete records", "DELETE", D + "{d3}/records", {"dataset_record_ids": ["dr-nope"]}
    yield "one record", "GET", D + "{d3}/records", None
    yield "delete dataset", "DELETE", D + "{d2}", None
    yield "delete dataset again", "DELETE", D + "{d2}", None
    yield "experiments of deleted dataset", "GET", D + "{d2}/experiment-ids", None


FILTERS = ("", "`name` = 'first'", "\"name\" = 'first'", "tags.`a` = 'neu'", "name = 'first'", "name != 'first'", "name LIKE 'f%'", "name ILIKE 'F%'", "name IN ('first', 'third')", "name NOT IN ('first')", "name > 'first'",
           "created_time > 0", "created_time = 1.5", "created_time LIKE '5'", "created_time = 'x'", "last_update_time < 5", "created_by = 'ann'", "last_updated_by = 'ann'",
           "tags.a = 'neu'", "tags.a != 'neu'", "tags.a LIKE 'n%'", "tags.a > 'n'", "tags.a IS NULL", "name IS NULL", "nope = 'x'", "metrics.a = 1", "tags.a = 5", "name = 5",
           "name = other", "name = 'first' AND tags.c = '5'", "name = 'first' OR tags.c = '5'", "created_by IN ('ann')", "tags.a IN ('neu')")
ORDERS = ("name", "name ASC", "name DESC", "created_time", "last_update_time DESC", "created_by", "tags.a", "name up", "name ASC x", "nope")


def _searches():
    for method in ("POST", "GET"):
        yield "search datasets by " + method, method, D + "search", {}
        yield "search datasets of experiment by " + method, method, D + "search", {"experiment_ids": ["{evb}"]}
        yield "search datasets page by " + method, method, D + "search", {"max_results": 1, "experiment_ids": ["{eva}", "{evb}"]}, {"ds": ("next_page_token",)}
        yield "search datasets next by " + method, method, D + "search", {"max_results": 1, "page_token": "{ds}", "experiment_ids": ["{eva}", "{evb}"]}
    for n in (-1, 0, 50001, "x"):
        yield f"search datasets {n}", "POST", D + "search", {"max_results": n}
    for f in FILTERS:
        yield f"search datasets filter {f}", "POST", D + "search", {"filter_string": f}
    for o in ORDERS:
        yield f"search datasets order {o}", "POST", D + "search", {"order_by": [o]}


def _schema(name, body, saves=None):
    return "schema " + name, "POST", L + "create", {"experiment_id": "{eva}", "name": name, "type": "FEEDBACK", "input": {"text": {}}, **body}, saves


INPUTS = (("pass", {"pass_fail": {"positive_label": "ja", "negative_label": "nein"}}), ("pass same", {"pass_fail": {"positive_label": "x", "negative_label": "x"}}),
          ("pass half", {"pass_fail": {"positive_label": "x"}}), ("pass long", {"pass_fail": {"positive_label": "x" * 65, "negative_label": "y"}}),
          ("choice", {"categorical": {"options": ["a", "ü"], "multi_select": True}}), ("choice one", {"categorical": {"options": ["a"]}}),
          ("choice none", {"categorical": {"options": []}}), ("choice many", {"categorical": {"options": [str(i) for i in range(11)]}}),
          ("choice twice", {"categorical": {"options": ["a", "a"]}}), ("choice empty", {"categorical": {"options": ["a", ""]}}), ("choice long", {"categorical": {"options": ["x" * 65]}}),
          ("number", {"numeric": {"min_value": 0, "max_value": 1.5}}), ("number open", {"numeric": {"min_value": 3}}), ("number wrong", {"numeric": {"min_value": 2, "max_value": 2}}),
          ("text short", {"text": {"max_length": 5}}), ("text zero", {"text": {"max_length": 0}}), ("nothing", {}))


def _schemas():
    yield _schema("asked", {"instruction": "do", "enable_comment": True}, {"l1": ("label_schema", "schema_id")})
    yield _schema("asked ", {"type": 2})
    for name, given in INPUTS:
        yield _schema(name, {"input": given}, {"l_" + name.replace(" ", "_"): ("label_schema", "schema_id")})
    for name, body in (("asked", {}), ("Feedback", {}), (" fEEDback ", {}), ("n" * 251, {}), ("typeless", {"type": None}), ("untyped", {"type": 0}), ("inputless", {"input": None}),
                       ("long instruction", {"instruction": "x" * 1001}), ("elsewhere", {"experiment_id": "4711"}), ("nowhere", {"experiment_id": None}), ("", {})):
        yield "again " + _schema(name, body)[0][:40], *_schema(name, body)[1:4]
    yield "get schema", "GET", L + "get", {"schema_id": "{l1}"}
    yield "get unknown schema", "GET", L + "get", {"schema_id": "nope"}
    yield "get no schema", "GET", L + "get", {}
    yield "get schema by name", "GET", L + "get-by-name", {"experiment_id": "{eva}", "name": "asked"}
    yield "get schema by unknown name", "GET", L + "get-by-name", {"experiment_id": "{eva}", "name": "nope"}
    yield "get schema by name elsewhere", "GET", L + "get-by-name", {"experiment_id": "{evb}", "name": "asked"}
    yield "list schemas", "GET", L + "list", {"experiment_id": "{eva}"}
    yield "list schemas of other", "GET", L + "list", {"experiment_id": "{evb}"}, {"lf": ("label_schemas", 0, "schema_id")}
    yield "list schemas page", "GET", L + "list", {"experiment_id": "{eva}", "max_results": 2}, {"lp": ("next_page_token",)}
    yield "list schemas next", "GET", L + "list", {"experiment_id": "{eva}", "max_results": 2, "page_token": "{lp}"}
    for n in (0, 50001, "x"):
        yield f"list schemas {n}", "GET", L + "list", {"experiment_id": "{eva}", "max_results": n}
    yield "list schemas of unknown", "GET", L + "list", {"experiment_id": "4711"}
    for name, body in (("name", {"name": "renamed"}), ("instruction", {"instruction": "other"}), ("comment", {"enable_comment": False}), ("input", {"input": {"text": {"max_length": 9}}}),
                       ("kind", {"input": {"numeric": {}}}), ("nothing", {}), ("taken", {"name": "pass"}), ("reserved", {"name": "FEEDBACK"})):
        yield "update schema " + name, "PATCH", L + "update", {"schema_id": "{l1}", **body}
    yield "update options", "PATCH", L + "update", {"schema_id": "{l_choice}", "input": {"categorical": {"options": ["z"], "multi_select": True}}}
    yield "update options to one", "PATCH", L + "update", {"schema_id": "{l_choice}", "input": {"categorical": {"options": ["z"]}}}
    yield "update default", "PATCH", L + "update", {"schema_id": "{lf}", "name": "x"}
    yield "update unknown schema", "PATCH", L + "update", {"schema_id": "nope", "name": "x"}
    yield "delete schema", "DELETE", L + "delete", {"schema_id": "{l_number}"}
    yield "delete schema again", "DELETE", L + "delete", {"schema_id": "{l_number}"}
    yield "delete default schema", "DELETE", L + "delete", {"schema_id": "{lf}"}


def _queue(name, body, saves=None):
    return "queue " + name, "POST", Q + "create", {"experiment_id": "{eva}", "name": name, "queue_type": "CUSTOM", **body}, saves


def _trace(n, e):
    return f"trace {n} to review", "POST", V3 + "traces", {"trace": {"trace_info": {"trace_id": f"tr-review-{n}", "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": e}},
                                                                                 "request_time": "2026-01-01T00:00:00Z", "state": "OK"}}}


def _queues():
    yield _queue("Mine", {"users": [" Ann ", "bob", "ANN"], "schema_ids": ["{l1}", " {l1}"]}, {"q1": ("review_queue", "queue_id")})
    yield _queue("second", {"queue_type": 2}, {"q2": ("review_queue", "queue_id")})
    yield _queue("Zoë ", {"queue_type": "USER"}, {"q3": ("review_queue", "queue_id")})
    for name, body in (("mINE", {}), ("Default", {}), (" ", {}), ("x" * 251, {}), ("typeless", {"queue_type": None}), ("odd schema", {"schema_ids": ["nope", "{l1}"]}), ("empty user", {"users": [" "]}),
                       ("many", {"users": [str(i) for i in range(11)]}), ("own", {"queue_type": "USER", "users": ["other"]}), ("asking", {"queue_type": "USER", "schema_ids": ["{l1}"]}),
                       ("elsewhere", {"experiment_id": "4711"}), ("", {}), ("long schema", {"schema_ids": ["x" * 37]})):
        yield "refused " + _queue(name, body)[0][:40], *_queue(name, body)[1:4]
    yield "own queue", "POST", Q + "get-or-create-user", {"experiment_id": "{evb}", "user": " Carl"}, {"q4": ("review_queue", "queue_id")}
    yield "own queue again", "POST", Q + "get-or-create-user", {"experiment_id": "{evb}", "user": "CARL"}
    yield "own queue that is not", "POST", Q + "get-or-create-user", {"experiment_id": "{eva}", "user": "Second"}
    yield "own queue of nobody", "POST", Q + "get-or-create-user", {"experiment_id": "{eva}", "user": " "}
    yield "get queue", "GET", Q + "get", {"queue_id": "{q1}"}
    yield "get unknown queue", "GET", Q + "get", {"queue_id": "nope"}
    yield "get queue by name", "GET", Q + "get-by-name", {"experiment_id": "{eva}", "name": "MINE"}
    yield "get queue by unknown name", "GET", Q + "get-by-name", {"experiment_id": "{eva}", "name": "nope"}
    yield "list queues", "GET", Q + "list", {"experiment_id": "{eva}"}
    yield "list queues of ann", "GET", Q + "list", {"experiment_id": "{eva}", "user": "Ann"}
    yield "list queues page", "GET", Q + "list", {"experiment_id": "{eva}", "max_results": 1}, {"qp": ("next_page_token",)}
    yield "list queues next", "GET", Q + "list", {"experiment_id": "{eva}", "max_results": 1, "page_token": "{qp}"}
    yield "list queues too many", "GET", Q + "list", {"experiment_id": "{eva}", "max_results": 50001}
    yield "list queues of unknown", "GET", Q + "list", {"experiment_id": "4711"}
    for n, e in ((1, "{eva}"), (2, "{eva}"), (3, "{evb}")):
        yield _trace(n, e)
    yield "add items", "POST", Q + "items/add", {"queue_id": "{q1}", "item_ids": ["tr-review-1", " tr-review-2", "tr-review-1"]}
    yield "add item again", "POST", Q + "items/add", {"queue_id": "{q1}", "item_type": "TRACE", "item_ids": ["tr-review-1"]}
    yield "add strange items", "POST", Q + "items/add", {"queue_id": "{q1}", "item_ids": ["tr-review-3", "nope"]}
    yield "add no items", "POST", Q + "items/add", {"queue_id": "{q1}", "item_ids": []}
    yield "add items to unknown", "POST", Q + "items/add", {"queue_id": "nope", "item_ids": ["tr-review-1"]}
    yield "list items", "GET", Q + "items/list", {"queue_id": "{q1}"}
    yield "list items page", "GET", Q + "items/list", {"queue_id": "{q1}", "max_results": 1}, {"ip": ("next_page_token",)}
    yield "list items next", "GET", Q + "items/list", {"queue_id": "{q1}", "max_results": 1, "page_token": "{ip}"}
    yield "list items of unknown", "GET", Q + "items/list", {"queue_id": "nope"}
    yield "list queues with item", "GET", Q + "list", {"experiment_id": "{eva}", "item_id": "tr-review-1"}
    for name, body in (("complete", {"status": "COMPLETE", "completed_by": " Ann"}), ("complete again", {"status": "COMPLETE", "completed_by": "bob"}), ("declined", {"status": 3, "completed_by": "bob"}),
                       ("by nobody", {"status": "COMPLETE"}), ("reopened by", {"status": "PENDING", "completed_by": "ann"}), ("nothing", {}), ("absent", {"item_id": "nope", "status": "PENDING"})):
        yield "item " + name, "POST", Q + "items/set-status", {"queue_id": "{q1}", "item_id": "tr-review-1", **body}
    yield "list declined items", "GET", Q + "items/list", {"queue_id": "{q1}", "status": "DECLINED"}
    yield "list complete items", "GET", Q + "items/list", {"queue_id": "{q1}", "status": "COMPLETE"}
    yield "item reopened", "POST", Q + "items/set-status", {"queue_id": "{q1}", "item_id": "tr-review-1", "status": "PENDING"}
    for name, body in (("name", {"name": " Yours "}), ("taken", {"name": "SECOND"}), ("users", {"update_users": True, "users": ["Dora"]}), ("users unsaid", {"users": ["eve"]}),
                       ("no users", {"update_users": True}), ("asked", {"update_schema_ids": True, "schema_ids": ["{l1}"]}), ("owner", {"new_owner": " Ann "}), ("reserved", {"name": "default"}), ("nothing", {})):
        yield "update queue " + name, "POST", Q + "update", {"queue_id": "{q1}", **body}
    yield "update empty queue", "POST", Q + "update", {"queue_id": "{q2}", "update_schema_ids": True, "schema_ids": ["{l_pass}"]}
    yield "update own queue", "POST", Q + "update", {"queue_id": "{q3}", "name": "x"}
    yield "update unknown queue", "POST", Q + "update", {"queue_id": "nope", "name": "x"}
    yield "remove items", "POST", Q + "items/remove", {"queue_id": "{q1}", "item_ids": ["tr-review-1", "nope"]}
    yield "remove no items", "POST", Q + "items/remove", {"queue_id": "{q1}", "item_ids": []}
    yield "items left", "GET", Q + "items/list", {"queue_id": "{q1}"}
    yield "delete queue", "POST", Q + "delete", {"queue_id": "{q1}"}
    yield "delete queue again", "POST", Q + "delete", {"queue_id": "{q1}"}
    yield "items of deleted", "GET", Q + "items/list", {"queue_id": "{q1}"}


S = V3 + "scorers/"


def _scorers():
    def registered(what, text, saves=None, **more):
        return "register " + what, "POST", S + "register", {"experiment_id": "{eva}", "name": "judge", "serialized_scorer": text, **more}, saves
    yield registered("one", '{"name": "j"}', {"s1": ("scorer_id",)})
    yield registered("again", '{"name": "k", "ü": [1]}')
    yield registered("other", "{}", {"s2": ("scorer_id",)}, name="other")
    yield registered("no JSON", "{")
    yield registered("blank", "{}", name="  ")
    yield registered("elsewhere", "{}", experiment_id="4711")
    yield registered("nothing", None)
    for name, asked in (("list scorers", {"experiment_id": "{eva}"}), ("list no scorers", {"experiment_id": "{evb}"}), ("list scorers of unknown", {"experiment_id": "4711"}), ("list all scorers", {})):
        yield name, "GET", S + "list", asked
    judge = {"experiment_id": "{eva}", "name": "judge"}
    for verb, path in (("GET", "versions"), ("GET", "get")):
        yield path + " of scorer", verb, S + path, judge
        yield path + " of unknown scorer", verb, S + path, {**judge, "name": "nope"}
        yield path + " of no scorer", verb, S + path, {"experiment_id": "{eva}"}
    for name, asked in (("of scorer", {"scorer_ids": ["{s1}", "{s2}", "{s1}"]}), ("of unknown", {"scorer_ids": "nope"}), ("of none", {"scorer_ids": ""}), ("unsaid", {}), ("of another word", {"scorer_id": "{s1}"})):
        yield "online configs " + name, "GET", S + "online-configs", asked
    yield "get first version", "GET", S + "get", {**judge, "version": 1}
    yield "get unknown version", "GET", S + "get", {**judge, "version": 9}
    yield "delete first version", "DELETE", S + "delete", {**judge, "version": 1}
    yield "delete first version again", "DELETE", S + "delete", {**judge, "version": 1}
    yield "scorer has one version", "GET", S + "versions", judge
    yield "delete scorer", "DELETE", S + "delete", judge
    yield "delete scorer again", "DELETE", S + "delete", judge
    yield "scorers left", "GET", S + "list", {"experiment_id": "{eva}"}


P = "/api/2.0/mlflow/artifacts/presigned-"


def _presigned():
    yield "run of URLs", "POST", "runs/create", {"experiment_id": "{eva}", "run_name": "urls"}, {"pru": ("run", "info", "run_id")}
    yield "upload URL", "POST", P + "upload-url", {"run_id": "{pru}", "path": "a/b"}
    yield "upload URL of nothing", "POST", P + "upload-url", {"path": "a"}
    yield "upload URL of both", "POST", P + "upload-url", {"run_id": "{pru}", "model_id": "m-1", "path": "a"}
    yield "upload URL without path", "POST", P + "upload-url", {"run_id": "{pru}"}
    yield "upload URL beyond", "POST", P + "upload-url", {"run_id": "{pru}", "path": "../a"}
    yield "upload URL of unknown", "POST", P + "upload-url", {"run_id": "0" * 32, "path": "a"}
    yield "download URL", "POST", P + "download-url", {"run_id": "{pru}", "path": "a/b"}
    yield "download URL for ever", "POST", P + "download-url", {"run_id": "{pru}", "path": "a", "expiration": 604801}
    yield "download URL without run", "POST", P + "download-url", {"path": "a"}
    yield "download URL of unknown", "POST", P + "download-url", {"run_id": "0" * 32, "path": "a"}


EVALUATION = [*_datasets(), *_schemas(), *_queues(), *_scorers(), *_presigned()]
