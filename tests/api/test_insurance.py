"""examples/insurance and examples/selfcheck as they are shipped, run by the real daemons: a whole workflow, managed and tracked."""

import shutil
from pathlib import Path

import pytest
from box import TOP
from scheduler_calls import log_of, tries
from test_run_truth import Truth
from test_task_runs import only_try, run_of

EXAMPLES = Path(TOP, "examples")
TASKS = ["extract_policies", "extract_claims", "enrich", "features", "train", "validate"]


@pytest.fixture(scope="module")
def truth():
    b = Truth()
    for name in ("insurance", "selfcheck"):
        to = Path(b.dir, name)
        shutil.copytree(EXAMPLES / name, to, ignore=shutil.ignore_patterns("__pycache__"))
        yml = to / "liminal.yml"
        yml.write_text(yml.read_text().replace("/var/tmp/onebox-insurance.db", b.dir + "/warehouse.db"))
        to.rename(Path(b.state, "pipelines", name))
    yield b
    b.end()


def test_the_insurance_workflow(truth):
    truth.wait_dag("insurance", 120)
    run_id = truth.trigger("insurance")
    assert truth.wait_run("insurance", run_id, 300)["state"] == "success", {
        t: log_of(truth, "insurance", run_id, t) for t in TASKS if tries(truth, "insurance", run_id, t)}
    runs = {task: run_of(truth, only_try(truth, "insurance", run_id, task)) for task in TASKS}
    assert {r["info"]["status"] for r in runs.values()} == {"FINISHED"}
    assert {r["params"]["project"] for r in runs.values()} == {"onebox-demo"}
    enrich = runs["enrich"]["params"]
    assert (enrich["source_tables"], enrich["destination_table"], enrich["task_status"]) == ("raw.policies, raw.claims", "mart.enriched", "success")
    assert (runs["train"]["tags"]["team"], runs["train"]["tags"]["etl"]) == ("risk", "true")
    listed = truth.ask("GET", "artifacts/list", {"run_id": runs["enrich"]["info"]["run_id"], "path": "task"})["files"]
    assert [f["path"] for f in listed] == ["task/command.sh", "task/run_sql.py", "task/sql"]
    sql = truth.call("GET", f"/get-artifact?run_uuid={runs['enrich']['info']['run_id']}&path=task/sql/enrich.sql", sock="tracking.sock")
    assert sql.body == (EXAMPLES / "insurance/sql/enrich.sql").read_bytes()
    # the training's own run is below its task's, and its model leads to the pipeline
    experiment = runs["train"]["info"]["experiment_id"]
    (tariff,) = truth.ask("POST", "runs/search", {"experiment_ids": [experiment], "filter": f"tags.`mlflow.parentRunId` = '{runs['train']['info']['run_id']}'"})["runs"]
    change = [m["value"] for m in truth.ask("GET", "metrics/get-history", {"run_id": tariff["info"]["run_id"], "metric_key": "change"})["metrics"]]
    assert len(change) == 25 and change[0] > 0.01 and change[-1] < 1e-6
    (version,) = truth.ask("GET", "model-versions/search", {"filter": "tags.`onebox.dag_id` = 'insurance'"})["model_versions"]
    assert (version["name"], version["run_id"]) == ("insurance_tariff", tariff["info"]["run_id"])


def test_the_selfcheck_is_there_but_asleep(truth):
    dag = truth.wait_dag("onebox_selfcheck", 120)
    assert dag["is_paused"]
    truth.patch("/api/v2/dags/onebox_selfcheck", {"is_paused": False})
    run_id = truth.trigger("onebox_selfcheck")
    assert truth.wait_run("onebox_selfcheck", run_id, 120)["state"] == "success", log_of(truth, "onebox_selfcheck", run_id, "tracking")
    assert any("database and artifacts are well" in line for line in log_of(truth, "onebox_selfcheck", run_id, "tracking"))
    left = truth.ask("POST", "runs/search", {"experiment_ids": ["0"], "filter": "tags.`onebox.dag_id` = 'onebox_selfcheck'"})
    assert not left.get("runs")
