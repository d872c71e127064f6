"""Lists that are long: every row is reached page by page, the first page says how many there are, and what is asked of
all experiments is asked of all of them."""

import sqlite3

import pytest
from tracking_test import Tracking

MANY = 3000


@pytest.fixture(scope="module")
def t():
    with Tracking() as tracking:
        first = tracking.post("experiments/create", name="first of all")["experiment_id"]
        run = tracking.run(first, run_name="in the oldest")
        tracking.post("registered-models/create", name="model 0")
        tracking.end()
        with sqlite3.connect(tracking.database) as db:
            db.executemany("INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace) "
                           "VALUES (?, 'mlflow-artifacts:/x', 'active', ?, ?, 'default')",
                           [(f"experiment {n}", 10**13 + n, 10**13 + n) for n in range(MANY)])
            db.executemany("INSERT INTO registered_models (name, creation_time, last_updated_time, workspace) VALUES (?, ?, ?, 'default')",
                           [(f"model {n}", n, n) for n in range(1, MANY)])
        db.close()
        tracking.start()
        yield tracking, first, run


def walk(ask, key):
    """All rows, and what each page said of their number."""
    rows, totals, token = [], [], None
    while True:
        got = ask(token)
        rows += got[key]
        totals.append(got.get("total"))
        token = got.get("next_page_token")
        if not token:
            return rows, totals


def test_experiments(t):
    tracking = t[0]
    rows, totals = walk(lambda token: tracking.post("experiments/search", max_results=1000, order_by=["name ASC"], with_total=not token,
                                                    **({"page_token": token} if token else {})), "experiments")
    assert len({x["experiment_id"] for x in rows}) == len(rows) == MANY + 2 and totals == [MANY + 2, None, None, None]
    assert [x["name"] for x in rows] == sorted(x["name"] for x in rows)
    found = tracking.post("experiments/search", max_results=5, filter="name ILIKE '%experiment 29%'", with_total=True)
    assert (len(found["experiments"]), found["total"]) == (5, 111)
    assert tracking.post("experiments/search", max_results=5, filter="name = 'nobody'", with_total=True) == {"total": 0}
    assert "total" not in tracking.post("experiments/search", max_results=5)


def test_models(t):
    tracking = t[0]
    rows, totals = walk(lambda token: tracking.get("registered-models/search", max_results=1000, with_total=str(not token).lower(),
                                                   **({"page_token": token} if token else {})), "registered_models")
    assert len({x["name"] for x in rows}) == len(rows) == MANY and totals == [MANY, None, None]
    assert tracking.get("registered-models/search", max_results=2, filter="name LIKE 'model 299%'", with_total="true")["total"] == 11


def test_everywhere(t):
    """The run is in the experiment that was changed the longest ago."""
    tracking, first, run = t
    found = tracking.post("runs/search", everywhere=True, max_results=3, order_by=["attributes.start_time DESC"])["runs"]
    assert [(r["info"]["run_id"], r["info"]["experiment_id"]) for r in found] == [(run, first)]
    assert tracking.post("runs/search", everywhere=True, filter="attributes.run_name = 'x'") == {}
    # In thousands of experiments counting may take longer than it is given.
    assert tracking.post("runs/search", experiment_ids=[first], with_total=True)["total"] == 1
    assert "total" not in tracking.post("runs/search", experiment_ids=[first])
    assert tracking.ask("POST", "/api/3.0/mlflow/traces/search", {"everywhere": True}).status == 200
    assert "locations" in tracking.refused("POST", "/api/3.0/mlflow/traces/search", {})
