"""What ties a training to the pipeline run it belongs to.

onebox gives every task its place in the environment; the same names are the tags of the tracked
run, so that one search finds everything a pipeline run has made.
"""

import os

import mlflow

EXPERIMENT = os.environ.get("EXPERIMENT", "iris")
PLACE = {
    "onebox.dag_id": os.environ.get("ONEBOX_DAG_ID", "iris"),
    "onebox.run_id": os.environ.get("ONEBOX_RUN_ID", "by-hand"),
    "onebox.task_id": os.environ.get("ONEBOX_TASK_ID", "by-hand"),
    "onebox.try": os.environ.get("ONEBOX_TRY", "1"),
}


def start_run(step, name):
    """Starts a tracked run for this task; step is fetch or train."""
    # By id: when two processes make the experiment at once, the client of one keeps no active one.
    experiment = mlflow.set_experiment(EXPERIMENT)
    return mlflow.start_run(
        experiment_id=experiment.experiment_id, run_name=name, tags={**PLACE, "step": step}
    )


def finished_runs(step, order_by=None):
    """The finished runs of one step of this pipeline run, best first by order_by."""
    here = {key: PLACE[key] for key in ("onebox.dag_id", "onebox.run_id")}
    wanted = [f"tags.`{key}` = '{value}'" for key, value in {**here, "step": step}.items()]
    runs = mlflow.search_runs(
        experiment_names=[EXPERIMENT],
        filter_string=" and ".join([*wanted, "attributes.status = 'FINISHED'"]),
        order_by=order_by,
        output_format="list",
    )
    if not runs:
        raise SystemExit(f"no finished {step} run belongs to {PLACE['onebox.run_id']}")
    return runs
