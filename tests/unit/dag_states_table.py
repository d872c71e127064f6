#!/usr/bin/env python3
"""Prints how runs of small random DAGs end in Airflow 3.3: trigger rules, branches, short circuits, mapped tasks, setups and teardowns.

    VENV/bin/python tests/unit/dag_states_table.py [COUNT [SEED]] > tests/unit/dag_states_table.tsv

Columns: the DAG as onebox-dag(5) has it; how the tries of its tasks end (task=success, failed, skipped; of a branch: the tasks it
follows; task.INDEX of an instance); how its run and its tasks end. Everything is decided by Airflow's own code: its models in an
SQLite database, DagRun.update_state(), the operators' execute(), the API's route that skips what a branch leaves out. Only that
all tasks that may start end together, in the order of their names, is decided here. Left out is_passed_by().
"""

import json
import logging
import os
import random
import sys
import tempfile

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp()
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = "sqlite:///" + os.environ["AIRFLOW_HOME"] + "/x.db"
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"

from unittest import mock  # noqa: E402

import structlog  # noqa: E402

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
logging.disable(logging.CRITICAL)

from airflow import settings  # noqa: E402
from airflow.api_fastapi.execution_api.datamodels.taskinstance import TISkippedDownstreamTasksStatePayload  # noqa: E402
from airflow.api_fastapi.execution_api.routes.task_instances import ti_skip_downstream  # noqa: E402
from airflow.dag_processing.bundles.manager import DagBundlesManager  # noqa: E402
from airflow.dag_processing.collection import update_dag_parsing_results_in_db  # noqa: E402
from airflow.models.taskmap import TaskMap  # noqa: E402
from airflow.models.xcom import XComModel  # noqa: E402
from airflow.providers.standard.operators.python import BranchPythonOperator, ShortCircuitOperator  # noqa: E402
from airflow.sdk import DAG, BaseOperator  # noqa: E402
from airflow.sdk.exceptions import DownstreamTasksSkipped  # noqa: E402
from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG  # noqa: E402
from airflow.task.trigger_rule import TriggerRule  # noqa: E402
from airflow.utils import timezone  # noqa: E402
from airflow.utils.db import initdb  # noqa: E402
from airflow.utils.state import DagRunState, State, TaskInstanceState  # noqa: E402
from airflow.utils.types import DagRunTriggeredByType, DagRunType  # noqa: E402

RULES = [r.value for r in TriggerRule]
AT = timezone.datetime(2026, 1, 1)


class Op(BaseOperator):
    def __init__(self, x=None, **kwargs):
        super().__init__(**kwargs)

    def execute(self, context):
        return None


def draw(rng):
    """A DAG as ours has it, and how its tasks end."""
    n, tasks, ends = rng.randint(3, 7), [], {}
    with_setups = rng.random() < 0.35
    for i in range(n):
        t = {"id": f"t{i}", "cmd": "true", "upstream": [f"t{k}" for k in range(i) if rng.random() < 0.45]}
        if not t["upstream"] and i > 0 and rng.random() < 0.7:
            t["upstream"] = [f"t{rng.randrange(i)}"]
        kind = rng.random()
        setups = [u for u in t["upstream"] if tasks[int(u[1:])].get("setup")]
        if with_setups and i < n - 1 and rng.random() < 0.3:
            t["setup"] = True
        elif setups and rng.random() < 0.5:
            t["teardown"] = True
            if rng.random() < 0.4:
                t["on_failure_fail_dagrun"] = True
        elif kind < 0.15:
            t["decides"] = "branch"
        elif kind < 0.25:
            t["decides"] = "short_circuit"
            if rng.random() < 0.4:
                t["keeps_downstream_rules"] = True
        elif kind < 0.45:
            plain = [u for u in t["upstream"] if not (set(tasks[int(u[1:])]) & {"decides", "expand", "setup"})]
            t["expand"] = {"x": {"xcom": rng.choice(plain)} if plain and rng.random() < 0.5 else list(range(rng.randint(1, 3)))}
        if t.get("teardown"):
            t["trigger_rule"] = "all_done_setup_success"
        elif rng.random() < 0.6:
            t["trigger_rule"] = rng.choice(RULES)
        tasks.append(t)
    for t in tasks:
        downstream = [d["id"] for d in tasks if t["id"] in d["upstream"]]
        word = rng.choices(["success", "failed", "skipped"], [7, 2, 1])[0]
        if t.get("decides") == "branch" and word == "success":
            ends[t["id"]] = ",".join(d for d in downstream if rng.random() < 0.5) or "none"
        elif t.get("decides") == "short_circuit" and word == "success":
            ends[t["id"]] = rng.choice(["go", "stop", "stop"])
        elif "expand" in t:
            for k in range(3):
                ends[f"{t['id']}.{k}"] = rng.choices(["success", "failed", "skipped"], [7, 2, 1])[0]
        elif any(d.get("expand", {}).get("x") == {"xcom": t["id"]} for d in tasks) and word == "success":
            ends[t["id"]] = f"list{rng.randint(0, 3)}"
        else:
            ends[t["id"]] = word
    return {"onebox_dag": 1, "dag_id": "d", "tasks": tasks}, ends


def build(dag_id, spec, ends):
    dag = DAG(dag_id, schedule=None, start_date=AT)
    made = {}
    with dag:
        for t in spec["tasks"]:
            more = {"task_id": t["id"]}
            if "trigger_rule" in t and not t.get("teardown"):
                more["trigger_rule"] = t["trigger_rule"]
            if t.get("decides") == "branch":
                end = ends[t["id"]]
                follow = [] if end in ("none", "failed", "skipped") else end.split(",")
                op = BranchPythonOperator(python_callable=lambda follow=follow: follow, **more)
            elif t.get("decides") == "short_circuit":
                op = ShortCircuitOperator(python_callable=lambda go=ends[t["id"]] == "go": go,
                                          ignore_downstream_trigger_rules=not t.get("keeps_downstream_rules", False), **more)
            elif "expand" in t:
                x = t["expand"]["x"]
                op = Op.partial(**more).expand(x=made[x["xcom"]].output if isinstance(x, dict) else x)
            else:
                op = Op(**more)
            made[t["id"]] = op
            if t.get("setup"):
                op.as_setup()
            for u in t["upstream"]:
                made[u] >> op
            if t.get("teardown"):
                op.as_teardown(on_failure_fail_dagrun=t.get("on_failure_fail_dagrun", False))
    return dag


def make_run(dag, session):
    lazy = LazyDeserializedDAG.from_dag(dag)
    update_dag_parsing_results_in_db("b", None, [lazy], {}, None, set(), session)
    session.commit()
    core = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    run = core.create_dagrun(run_id="r", logical_date=AT, data_interval=(AT, AT), run_after=AT, run_type=DagRunType.MANUAL,
                             triggered_by=DagRunTriggeredByType.TEST, state=DagRunState.RUNNING, session=session)
    run.dag = core
    session.commit()
    return run


def decide(dag, ti, session):
    """What a branch or a short circuit says, by the operator itself."""
    op = dag.get_task(ti.task_id)
    stand_in = mock.Mock(map_index=-1, task=op, task_id=op.task_id)
    stand_in.xcom_push.side_effect = lambda key, value: XComModel.set(
        key, value, dag_id=ti.dag_id, task_id=ti.task_id, run_id="r", map_index=-1, session=session)
    try:
        op.execute({"ti": stand_in, "task": op, "dag_run": mock.Mock(), "params": {}})
    except DownstreamTasksSkipped as e:
        session.flush()
        ti_skip_downstream(ti.id, TISkippedDownstreamTasksStatePayload(tasks=list(e.tasks)), session)


def finish(dag, ti, end, session):
    ti.start_date = ti.end_date = AT
    if end.startswith("list"):
        session.add(TaskMap(ti.dag_id, ti.task_id, "r", -1, int(end[4:]), None))
    ti.state = TaskInstanceState(end) if end in ("failed", "skipped") else TaskInstanceState.SUCCESS
    session.flush()
    if ti.state == TaskInstanceState.SUCCESS and hasattr(dag.get_task(ti.task_id), "python_callable"):
        decide(dag, ti, session)


def states(run, session):
    return {(ti.task_id, ti.map_index): ti.state for ti in run.get_task_instances(session=session)}


def settle(run, session):
    """What may start, when all that follows from what has ended is decided: the scheduler looks many times while a task runs."""
    before = None
    while True:
        ready, _ = run.update_state(session=session, execute_callbacks=False)
        session.flush()
        now = states(run, session)
        if now == before or run.state != DagRunState.RUNNING:
            return ready
        before = now


def is_passed_by(spec):
    """Does a mapped task with written values lie behind a short circuit, and not directly? Airflow has made its instances with the run,
    and skips the task, which is no more; it runs as if nothing had been said. Ours is skipped."""
    tasks = {t["id"]: t for t in spec["tasks"]}

    def before(t):
        return set(t["upstream"]).union(*(before(tasks[u]) for u in t["upstream"]))
    return any(isinstance(t.get("expand", {}).get("x"), list) and
               any(tasks[u].get("decides") == "short_circuit" for u in before(t) - set(t["upstream"])) for t in spec["tasks"])


def play(dag, ends, session):
    run = make_run(dag, session)
    for _ in range(60):
        if run.state != DagRunState.RUNNING:
            break
        run.dag = run.dag or run.get_dag()
        ready = settle(run, session)
        for ti in sorted(ready, key=lambda ti: (ti.task_id, ti.map_index)):
            name = ti.task_id if ti.map_index < 0 else f"{ti.task_id}.{ti.map_index}"
            finish(dag, ti, ends[name], session)
        session.commit()
    words = {"run": str(run.state.value if hasattr(run.state, "value") else run.state)}
    for ti in sorted(run.get_task_instances(session=session), key=lambda ti: (ti.task_id, ti.map_index)):
        words[ti.task_id if ti.map_index < 0 else f"{ti.task_id}.{ti.map_index}"] = getattr(ti.state, "value", ti.state) or "none"
    return words


def text(pairs):
    return " ".join(f"{k}={v}" for k, v in pairs.items())


def main():
    count, seed = [int(a) for a in sys.argv[1:]] + [450, 1][len(sys.argv) - 1:]
    initdb()
    session = settings.Session()
    with mock.patch.object(DagBundlesManager, "get_bundle", side_effect=RuntimeError):
        from airflow.models.dagbundle import DagBundleModel
        session.add(DagBundleModel(name="b"))
        session.commit()
        print("# Written by dag_states_table.py from Airflow 3.3.2: not to be edited.")
        for i in range(count):
            rng = random.Random(seed * 1000003 + i)
            spec, ends = draw(rng)
            if is_passed_by(spec):
                continue
            dag = build(f"d{i}", spec, ends)
            words = play(dag, ends, session)
            print(json.dumps(spec, separators=(",", ":")), text(ends), text(words), sep="\t", flush=True)


if __name__ == "__main__":
    main()
