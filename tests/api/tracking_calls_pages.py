"""What MLflow's pages ask, for test_differential.py: GraphQL and the calls of their frames."""

AJAX = "/ajax-api/2.0/mlflow/"
AJAX3 = "/ajax-api/3.0/mlflow/"

GET_RUN = """query GetRun($data: MlflowGetRunInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetRun(input: $data) {
    apiError { helpUrl code message __typename }
    run {
      info { runName status runUuid experimentId artifactUri endTime lifecycleStage startTime userId __typename }
      experiment { experimentId name tags { key value __typename } artifactLocation lifecycleStage lastUpdateTime __typename }
      modelVersions { status version name source __typename }
      data {
        metrics { key value step timestamp __typename }
        params { key value __typename }
        tags { key value __typename }
        __typename
      }
      inputs {
        datasetInputs { dataset { digest name profile schema source sourceType __typename } tags { key value __typename } __typename }
        modelInputs { modelId __typename }
        __typename
      }
      outputs { modelOutputs { modelId step __typename } __typename }
      __typename
    }
    __typename
  }
}"""
GET_EXPERIMENT = """query MlflowGetExperimentQuery($input: MlflowGetExperimentInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetExperiment(input: $input) {
    apiError { code message __typename }
    experiment { artifactLocation creationTime experimentId lastUpdateTime lifecycleStage name tags { key value __typename } __typename }
    __typename
  }
}"""

# Plain ones, those with ways of their own, other spellings, and one that nobody knows.
PROVIDERS = ("openai", "ANTHROPIC", "together_ai", "fireworks_ai-embedding-models", "ai21", "scx-ai", "v0", "a1b.c d", "azure", "bedrock", "bedrock_converse",
             "amazon-bedrock", "databricks", "databricks-model-serving", "portkey", "sagemaker", "typesafe", "vertex_ai", "vertex_ai-anthropic", "")


def _ask(name, query, variables=None, **more):
    return name, "POST", "/graphql", {"query": query, "variables": variables, **more}


def _pages():
    yield "page experiment", "POST", "experiments/create", {"name": "pages", "tags": [{"key": "a", "value": "ü"}]}, {"pe": ("experiment_id",)}
    yield "page run", "POST", "runs/create", {"experiment_id": "{pe}", "run_name": "p", "start_time": 1000, "tags": [{"key": "t", "value": "v"}]}, {"pr": ("run", "info", "run_id")}
    yield "page run batch", "POST", "runs/log-batch", {"run_id": "{pr}", "metrics": [{"key": "m", "value": 0.25, "timestamp": 5, "step": 2}, {"key": "n", "value": "NaN", "timestamp": 5, "step": 0}], "params": [{"key": "p", "value": "1"}]}
    yield "page inputs", "POST", "runs/log-inputs", {"run_id": "{pr}", "datasets": [{"tags": [{"key": "mlflow.data.context", "value": "train"}], "dataset": {"name": "d", "digest": "x1", "source_type": "local", "source": "s"}}]}
    yield "page model", "POST", "registered-models/create", {"name": "page model"}
    yield "page version", "POST", "model-versions/create", {"name": "page model", "source": "mlflow-artifacts:/{pe}/{pr}/artifacts/m", "run_id": "{pr}"}
    yield _ask("get run", GET_RUN, {"data": {"runId": "{pr}"}}, operationName="GetRun")
    yield _ask("get absent run", GET_RUN, {"data": {"runId": "nope"}}, operationName="GetRun")
    yield _ask("get experiment", GET_EXPERIMENT, {"input": {"experimentId": "{pe}"}}, operationName="MlflowGetExperimentQuery")
    yield _ask("get absent experiment", GET_EXPERIMENT, {"input": {"experimentId": "4711"}})
    yield _ask("literal", '{ mlflowGetRun(input: {runId: "{pr}"}) { run { info { runId status } } } }')
    yield _ask("aliases", '{ a: mlflowGetRun(input: {runId: "{pr}"}) { run { x: info { z: runName a: runId } } } b: mlflowGetExperiment(input: {experimentId: "{pe}"}) { experiment { name } } }')
    yield _ask("fragments", 'query Q($d: MlflowGetRunInput) { mlflowGetRun(input: $d) { ...F ... on MlflowGetRunResponse { run { data { params { key } } } } } } fragment F on MlflowGetRunResponse { run { ...G data { params { value } } } } fragment G on MlflowRunExtension { info { runId } }', {"d": {"runId": "{pr}"}})
    yield _ask("skip", 'query Q($y: Boolean!) { mlflowGetRun(input: {runId: "{pr}"}) { run { info @skip(if: $y) { runId } data @include(if: $y) { params { key } } } } }', {"y": True})
    yield _ask("search runs", 'query S($data: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $data) { runs { info { runId } experiment { name } } nextPageToken apiError { code } } }', {"data": {"experimentIds": ["{pe}"], "runViewType": "ACTIVE_ONLY", "maxResults": 5, "filter": "params.p = '1'", "orderBy": ["start_time DESC"]}})
    yield _ask("search runs literal", 'mutation { mlflowSearchRuns(input: {experimentIds: "{pe}", runViewType: ALL}) { runs { info { runName } } } }')
    yield _ask("search runs filter", '{ mlflowSearchRuns(input: {experimentIds: ["{pe}"], filter: "what"}) { runs { info { runName } } } }')
    yield _ask("datasets", 'mutation { mlflowSearchDatasets(input: {experimentIds: ["{pe}"]}) { datasetSummaries { name digest context experimentId } } }')
    yield _ask("history", '{ mlflowGetMetricHistoryBulkInterval(input: {runIds: ["{pr}"], metricKey: "m", maxResults: 10}) { metrics { key value step timestamp runId } } }')
    yield _ask("history of NaN", '{ mlflowGetMetricHistoryBulkInterval(input: {runIds: ["{pr}"], metricKey: "n", maxResults: 10}) { metrics { key value step } } }')
    yield _ask("artifacts", '{ mlflowListArtifacts(input: {runId: "{pr}"}) { rootUri files { path isDir fileSize } } }')
    yield _ask("versions", '{ mlflowSearchModelVersions(input: {filter: "name=\'page model\'", maxResults: 3}) { modelVersions { name version currentStage status creationTimestamp tags { key } aliases runId } nextPageToken } }')
    yield _ask("echo", '{ test(inputString: "abc") { output } }')
    yield _ask("echo mutation", 'mutation { testMutation(inputString: "abc") { output } }')
    yield _ask("two echoes", '{ test(inputString: "a\\u00e4\\n\\"") { output __typename } x: test(inputString: """b"c""") { output } }')
    yield _ask("unknown field", '{ nope }')
    yield _ask("no selection", '{ mlflowGetRun(input: {runId: "x"}) { run { info } } }')
    yield _ask("selection of a scalar", '{ mlflowGetRun(input: {runId: "x"}) { run { info { runId { x } } } } }')
    yield _ask("number for text", '{ mlflowGetRun(input: {runId: 5}) { run { info { runId } } } }')
    yield _ask("no variable", 'query Q($d: MlflowGetRunInput!) { mlflowGetRun(input: $d) { run { info { runId } } } }')
    yield _ask("null variable", 'query Q($d: MlflowGetRunInput!) { mlflowGetRun(input: $d) { run { info { runId } } } }', {"d": None})
    yield _ask("number in variable", 'query Q($d: MlflowGetRunInput!) { mlflowGetRun(input: $d) { run { info { runId } } } }', {"d": {"runId": 5}})
    yield _ask("text for variable", 'query Q($d: MlflowGetRunInput!) { mlflowGetRun(input: $d) { run { info { runId } } } }', {"d": "s"})
    yield _ask("undeclared variable", 'query Q { mlflowGetRun(input: $d) { run { info { runId } } } }')
    yield _ask("unused variable", 'query Q($d: MlflowGetRunInput) { test(inputString: "a") { output } }')
    yield _ask("unknown fragment", '{ mlflowGetRun(input: {runId: "x"}) { ...F } }')
    yield _ask("unused fragment", '{ test(inputString: "a") { output } } fragment F on Test { output }')
    yield _ask("fragment of another type", '{ test(inputString: "a") { ...F } } fragment F on MlflowRunInfo { runId }')
    yield _ask("unknown directive", '{ test(inputString: "a") @nope { output } }')
    yield _ask("operation by name", 'query A { test(inputString: "a") { output } } query B { test(inputString: "b") { output } }', operationName="B")
    yield _ask("no operation name", 'query A { test(inputString: "a") { output } } query B { test(inputString: "b") { output } }')
    yield _ask("unknown operation", 'query A { test(inputString: "a") { output } }', operationName="C")
    yield _ask("subscription", 'subscription { test { output } }')
    yield _ask("unknown word", '{ mlflowSearchRuns(input: {runViewType: FOO}) { nextPageToken } }')
    yield _ask("text for int", '{ mlflowSearchRuns(input: {maxResults: "FOO"}) { nextPageToken } }')
    yield _ask("too many roots", "{ " + " ".join(f'a{i}: test(inputString: "a") {{ output }}' for i in range(11)) + " }")
    yield _ask("too many aliases", '{ test(inputString: "a") { ' + " ".join(f"a{i}: output" for i in range(11)) + " } }")
    yield _ask("too deep", "{ a " * 11 + "}" * 11)
    yield "graphql by GET", "GET", "/graphql", None
    yield "assistant", "GET", AJAX3 + "assistant/config", None
    yield "assistant providers", "GET", AJAX3 + "assistant/providers", None
    yield "gateway", "GET", AJAX + "gateway-proxy", None
    yield "gateway no body", "POST", AJAX + "gateway-proxy", {}
    lab = {"experiment_id": "{pe}", "prompt_template": "t", "prompt_parameters": [{"key": "k", "value": "v"}], "model_route": "r", "model_input": "i"}
    for n in range(len(lab) + 1):
        yield f"lab without {n}", "POST", AJAX + "runs/create-promptlab-run", dict([*lab.items()][:n])
    yield ("lab", "POST", AJAX + "runs/create-promptlab-run", {
        **lab, "mlflow_version": "3.18.0", "run_name": "tried", "model_parameters": [{"key": "temperature", "value": 0.25}], "model_output": "o", "user_id": "u", "start_time": 5},
        {"lab": ("run", "info", "run_id")})
    yield "scorers", "GET", AJAX3 + "scorers/list", {"experiment_id": "0"}
    yield "evaluation datasets", "POST", AJAX3 + "datasets/search", {"experiment_ids": ["{pe}"]}
    yield "evaluation datasets by GET", "GET", AJAX3 + "datasets/search", {"experiment_ids": ["{pe}"]}
    yield "review queues", "GET", AJAX3 + "review-queues/list", {"experiment_id": "{pe}"}
    yield "evaluation dataset", "GET", AJAX3 + "datasets/d-1", {}
    yield "label schema", "GET", AJAX3 + "label-schemas/get", {"schema_id": "ls-1"}
    yield "review queue", "GET", AJAX3 + "review-queues/get", {"queue_id": "rq-1"}
    yield "issues", "POST", AJAX3 + "issues/search", {"experiment_id": "{pe}"}
    yield "issues counted", "POST", AJAX3 + "issues/search", {"experiment_id": "{pe}", "include_total_count": True}
    yield "telemetry", "GET", AJAX3 + "ui-telemetry", None
    yield "telemetry sent", "POST", AJAX3 + "ui-telemetry", {"records": []}
    yield "skills", "GET", "/api/3.0/mlflow/skills", None
    yield "mcp servers", "GET", "/api/3.0/mlflow/mcp-servers", None
    yield "secrets config", "GET", AJAX3 + "gateway/secrets/config", None
    yield "providers", "GET", AJAX3 + "gateway/supported-providers", None
    yield "models of nobody", "GET", AJAX3 + "gateway/supported-models", {"provider": "nobody"}
    for provider in PROVIDERS:
        yield f"provider {provider!r}", "GET", AJAX3 + "gateway/provider-config", {"provider": provider}
    yield "no provider", "GET", AJAX3 + "gateway/provider-config", None
    yield "job", "GET", AJAX3 + "jobs/x", None
    yield "workspaces", "GET", "/api/3.0/mlflow/workspaces", None
    yield "no login, no form", "GET", "/signup", None
    yield "no login, no user", "POST", "/api/2.0/mlflow/users/create-ui", {}


def _odd():
    """What generated requests found: names by their other spelling, blanks, halves, slashes."""
    yield "options", "OPTIONS", "runs/create", None
    yield "options of nothing", "OPTIONS", "runs/nothing", None
    yield "slashes", "GET", "//health", None
    yield "slashes before", "GET", "//model-versions/get-artifact?name=x&path=../x", None
    yield "slashes of nothing", "GET", "/api//2.0/mlflow/nothing", None
    odd = {"experiment_id": "{pe}"}
    yield "odd run", "POST", "runs/create", {"experimentId": "{pe}", "startTime": "7", "runName": "odd", "tags": [{"key": "a", "value": "b"}]}, {"odd": ("run", "info", "run_id")}
    yield "odd run by both", "POST", "runs/create", {**odd, "experimentId": "{pe}"}
    yield "odd run id", "POST", "runs/update", {"runId": "{odd}", "run_name": "x"}
    yield "odd run ids", "POST", "runs/update", {"run_id": "{odd}", "runId": "{odd}", "run_name": "x"}
    yield "odd search", "POST", "runs/search", {"experimentIds": ["{pe}"], "filter": "attributes.run_name != 'tried'", "maxResults": 1, "orderBy": ["attributes.start_time ASC"]}
    metric = {"key": "half", "value": 1, "timestamp": 1}
    for half in ({"dataset_name": "d"}, {"dataset_digest": "d"}):
        yield f"half a data set {half}", "POST", "runs/log-metric", {"run_id": "{odd}", **metric, **half}
        yield f"half a data set {half}", "POST", "runs/log-batch", {"run_id": "{odd}", "metrics": [{**metric, **half}]}
    for text in (" ", "x y", "x y AND z", "5 x", "'a' x", "name x", "x.y z", "name = 'a' AND x y"):
        yield f"odd filter {text!r}", "POST", "experiments/search", {"max_results": 5, "filter": text}
        yield f"odd filter {text!r}", "POST", "runs/search", {"experiment_ids": ["{pe}"], "filter": text}
        yield f"odd filter {text!r}", "GET", "registered-models/search", {"filter": text}
    yield "odd filter of models", "POST", "logged-models/search", {"experiment_ids": ["{pe}"], "filter": " "}
    for f in ("name = \"a\"", "name = ''a''", "`name` = 'a'", "tags.\"t u\" >= 'a'", "experiment_id IN ({pe}, 5)", "experiment_id NOT IN (5, 6)", "status_message = 'x'",
              "lifecycle_stage = 'active'", "name in 'a'", "tags.t NOT IN ('a')"):
        yield f"odd filter of models {f}", "POST", "logged-models/search", {"experiment_ids": ["{pe}"], "filter": f}
    yield "odd model", "POST", "registered-models/create", {"name": "odd sources"}
    for source in ("s3://b", "s3://b/", "gs://b", "s3://b?x", "dbfs:/", "runs:/", "foo:x", "foo://x", "mlflow-artifacts:", "mlflow-artifacts:/",
                   "s3://b//x", "s3://b/x//y/", "s3://b/x/./y", "s3://b/x/.", "s3://b/x/..y", "dbfs:/x//y", "models://h/page model/1", "models:/", "models:/page model//1"):
        yield f"odd source {source}", "POST", "model-versions/create", {"name": "odd sources", "source": source}
    root = "mlflow-artifacts:/{pe}/{pr}/artifacts"
    for source in (root + "//m", root + "/m///", "mlflow-artifacts:/{pe}//{pr}/artifacts/m", root + "/.", root + "/./m", root + "/%2e/m", root + "/..m", root + "/....",
                   "mlflow-artifacts:/./{pe}/{pr}/artifacts/m", "mlflow-artifacts:/models///", "runs:/{pr}//m", "runs:/{pr}/m//", "runs:/{pr}/./m"):
        yield f"odd source {source}", "POST", "model-versions/create", {"name": "odd sources", "source": source, "run_id": "{pr}"}
    yield "odd sources' files", "GET", "model-versions/search", {"filter": "name = 'odd sources'", "order_by": ["version_number ASC"]}
    for version in range(1, 14):
        yield f"odd source's place {version}", "GET", "model-versions/get-download-uri", {"name": "odd sources", "version": version}
    yield "odd logged model", "POST", "logged-models/create", {"experiment_id": "{pe}", "name": "odd"}, {"om": ("model", "info", "model_id")}
    yield "odd source with a model", "POST", "model-versions/create", {"name": "odd sources", "source": "models:/page model/1", "model_id": "{om}"}
    yield "odd source with no model", "POST", "model-versions/create", {"name": "odd sources", "source": "models:/page model/1", "model_id": ""}
    for field in ("artifact_location", "experiment_id", "lifecycle_stage", "status_message", "last_updated_time", "last_updated_timestamp_ms", "params.x"):
        yield f"odd order of models {field}", "POST", "logged-models/search", {"experiment_ids": ["{pe}"], "filter": "name != 'x'", "order_by": [{"field_name": field}]}
    yield "odd order of models after an odd filter", "POST", "logged-models/search", {"experiment_ids": ["{pe}"], "filter": "x y", "order_by": [{"field_name": "params.x"}]}
    for f in ("\"params\".p = 'a'", "`params`.p = 'a'", "params.p = true", "tags.a = FALSE"):
        yield f"odd filter of runs {f}", "POST", "runs/search", {"experiment_ids": ["{pe}"], "filter": f}
    for f in ("version = 1", "version_number = 'it''s'", "version_number > 1e999"):
        yield f"odd filter of versions {f}", "GET", "model-versions/search", {"filter": f}
    yield "odd order of models", "POST", "logged-models/search", {"experiment_ids": ["{pe}"], "order_by": [{"ascending": True}]}
    yield "no page of models", "GET", "registered-models/search", {"max_results": 0}
    yield "no page of versions", "GET", "model-versions/search", {"max_results": 0}
    yield "odd page", "POST", "experiments/search", {"max_results": 2**63 - 1}


PAGES = [*_pages(), *_odd()]
