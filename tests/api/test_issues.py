"""Issues by the unmodified client: made, changed, found page by page, and tied to the traces that have them."""

import os
import sqlite3

import pytest
from tracking_test import Tracking

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
mlflow = pytest.importorskip("mlflow", reason="the mlflow client is not installed")
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracing.client import TracingClient  # noqa: E402

ISSUES = "/api/3.0/mlflow/issues"
if not hasattr(TracingClient, "_create_issue"):
    pytest.skip("this client knows no issues", allow_module_level=True)
from mlflow.entities.issue import IssueSeverity, IssueStatus  # noqa: E402


@pytest.fixture(scope="module")
def tracking():
    with Tracking() as t:
        mlflow.set_tracking_uri(t.url)
        yield t


@pytest.fixture
def store(tracking):
    return TracingClient().store


@pytest.fixture
def experiment(tracking, request):
    return mlflow.set_experiment(request.node.name).experiment_id


def test_life(store, experiment):
    with mlflow.start_run() as run:
        pass
    made = store.create_issue(experiment_id=experiment, name="Slow answers", description="d", severity=IssueSeverity.HIGH, root_causes=["the model", "ä"],
                              source_run_id=run.info.run_id, categories=["latency"], created_by="ann")
    assert made.issue_id.startswith("iss-") and made.status == IssueStatus.PENDING and made.root_causes == ["the model", "ä"]
    assert store.get_issue(made.issue_id) == made
    changed = store.update_issue(made.issue_id, status=IssueStatus.RESOLVED, name="Slow no more", severity=IssueSeverity.LOW)
    assert (changed.status, changed.name, changed.severity, changed.description) == (IssueStatus.RESOLVED, "Slow no more", IssueSeverity.LOW, "d")
    assert changed.last_updated_timestamp >= made.last_updated_timestamp and changed.created_timestamp == made.created_timestamp
    assert [i.issue_id for i in store.search_issues(experiment_id=experiment, filter_string=f"source_run_id = '{run.info.run_id}'")] == [made.issue_id]
    assert store.search_issues(experiment_id=experiment, filter_string="status = 'pending'") == []
    with pytest.raises(MlflowException, match="not found") as e:
        store.get_issue("iss-nope")
    assert e.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_pages(store, experiment):
    """The gravest first, then the newest; every issue on one page."""
    for n, severity in enumerate(("low", "high", None, "medium", "high")):
        store.create_issue(experiment_id=experiment, name=f"i{n}", description="d", severity=severity and IssueSeverity(severity))
    seen, token = [], None
    while True:
        page = store.search_issues(experiment_id=experiment, max_results=2, page_token=token)
        seen, token = [*seen, *page], page.token
        if not token:
            break
    assert [i.name for i in seen] == ["i4", "i1", "i3", "i0", "i2"]


def test_of_traces(store, experiment):
    issue = store.create_issue(experiment_id=experiment, name="Wrong", description="d")
    traces = []
    for n in range(3):
        with mlflow.start_span(f"s{n}"):
            pass
        traces.append(mlflow.get_last_active_trace_id())
    mlflow.flush_trace_async_logging()
    for trace in (traces[0], traces[0], traces[2]):
        mlflow.log_issue(trace_id=trace, issue_id=issue.issue_id, rationale="why") if hasattr(mlflow, "log_issue") else pytest.skip("no log_issue")
    assert sorted(t.info.trace_id for t in mlflow.search_traces(filter_string=f"issue.id = '{issue.issue_id}'", return_type="list")) == sorted([traces[0], traces[2]])
    assert [i.trace_count for i in store.search_issues(experiment_id=experiment, include_trace_count=True)] == [2]
    [ref, _] = mlflow.get_trace(traces[0]).info.assessments
    assert (ref.issue_id, ref.issue_name, ref.rationale) == (issue.issue_id, "Wrong", "why")
    with pytest.raises(MlflowException, match="not found"):
        mlflow.log_issue(trace_id=traces[1], issue_id="iss-nope")


def test_gone_with_its_experiment(tracking, store, experiment):
    issue = store.create_issue(experiment_id=experiment, name="n", description="d", categories=["a", " A", "b"])
    db = sqlite3.connect(tracking.database)
    count = lambda table: db.execute(f"SELECT COUNT(*) FROM {table} WHERE issue_id = ?", (issue.issue_id,)).fetchone()[0]  # noqa: E731
    assert (count("issues"), count("issue_categories")) == (1, 2)
    tracking.post("experiments/delete", experiment_id=experiment)
    assert store.get_issue(issue.issue_id).name == "n"
    assert tracking.ask("POST", "/internal/gc", {"experiment_ids": [experiment]}).status == 200
    assert (count("issues"), count("issue_categories")) == (0, 0)
    tracking.refused("GET", f"{ISSUES}/{issue.issue_id}", status=404)
