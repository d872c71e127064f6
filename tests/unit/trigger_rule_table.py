#!/usr/bin/env python3
"""Prints what Airflow 3.3's trigger_rule_dep.py decides for every mix of ended upstream tasks.

    VENV/bin/python tests/unit/trigger_rule_table.py > tests/unit/trigger_rule_table.tsv

Columns: rule, upstream, success, failed, skipped, upstream_failed, removed, verdict
(wait, ready, skipped, upstream_failed). The rules are evaluated by Airflow's own code, with a task
instance that stands in for the database's.
"""

import itertools
import logging
import os
import tempfile

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp()
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = "sqlite:///" + os.environ["AIRFLOW_HOME"] + "/x"
logging.disable(logging.CRITICAL)

from unittest import mock  # noqa: E402

from airflow.ti_deps.dep_context import DepContext  # noqa: E402
from airflow.ti_deps.deps import trigger_rule_dep  # noqa: E402
from airflow.task.trigger_rule import TriggerRule  # noqa: E402

STATES = ["success", "failed", "skipped", "upstream_failed", "removed"]


class Task:
    """One that waits for n others."""

    def __init__(self, rule, n):
        self.trigger_rule = rule
        self.upstream_list = [mock.Mock(task_id=f"u{i}", is_setup=False) for i in range(n)]
        for u in self.upstream_list:
            u.get_needs_expansion.return_value = False
        self.upstream_task_ids = {u.task_id for u in self.upstream_list}
        self.is_teardown = False
        self.dag = mock.Mock()

    def get_upstreams_only_setups(self):
        return []

    def get_mapped_ti_count(self, *args, **kwargs):
        return 0

    def get_closest_mapped_task_group(self):
        return None


def verdict(rule, n, counts):
    task = Task(rule, n)
    ended = [s for s, k in zip(STATES, counts) for _ in range(k)]
    tis = [
        mock.Mock(task_id=f"u{i}", state=s, map_index=-1, task=task.upstream_list[i])
        for i, s in enumerate(ended)
    ]
    ti = mock.Mock(task=task, map_index=-1, task_id="t", dag_id="d", run_id="r")
    chosen = []
    ti.set_state.side_effect = lambda state, session=None: chosen.append(str(state)) or True
    context = DepContext(flag_upstream_failed=True)
    context.finished_tis = tis
    statuses = list(
        trigger_rule_dep.TriggerRuleDep()._get_dep_statuses(ti=ti, dep_context=context, session=mock.Mock())
    )
    if chosen:
        return chosen[0].rsplit(".", 1)[-1].lower()
    return "ready" if all(s.passed for s in statuses) else "wait"


print("# Written by trigger_rule_table.py from Airflow 3.3.2: not to be edited.")
for rule in sorted(TriggerRule, key=str):
    for n in range(1, 4):
        for counts in itertools.product(range(n + 1), repeat=len(STATES)):
            if sum(counts) <= n:
                print(rule.value, n, *counts, verdict(rule, n, counts), sep="\t")
