"""Runs of past dates: which, in which order, how many at once, over what is there, and stopped again."""
import pytest

from scheduler_calls import box, load, run  # noqa: F401 (box is a fixture)

AT = "/api/v2/backfills"


def ask(name, **more):
    return {"dag_id": name, "from_date": "2026-03-01", "to_date": "2026-03-04T12:00:00Z", **more}


def runs_of(b, name):
    rows = b.get(f"/api/v2/dags/{name}/dagRuns?limit=100&order_by=logical_date").json["dag_runs"]
    return [r for r in rows if r["run_type"] == "backfill"]


def daily(b, name, cmd="true"):
    load(b, name, [("a", cmd)], more="    schedule: '0 0 * * *'\n    paused: false\n    end_date: 2026-06-01\n    missed: skip\n")


def test_dates_and_order(box):
    daily(box, "dates", "sleep 0.1")
    dry = box.post(AT + "/dry_run", ask("dates")).json
    assert [d["logical_date"][:10] for d in dry["backfills"]] == [f"2026-03-0{d}" for d in (1, 2, 3, 4)]
    assert runs_of(box, "dates") == []
    made = box.post(AT, ask("dates", max_active_runs=1, dag_run_conf={"k": 1}, run_backwards=True))
    assert made.status == 200 and made.json["max_active_runs"] == 1 and made.json["completed_at"] is None
    assert box.post(AT, ask("dates")).status == 409
    box.wait(lambda: box.get(f"{AT}/{made.json['id']}").json["completed_at"], 60, "its completion")
    rows = runs_of(box, "dates")
    assert [r["state"] for r in rows] == ["success"] * 4 and rows[0]["conf"] == {"k": 1}
    assert rows[0]["dag_run_id"] == "backfill__2026-03-01T00:00:00+00:00"
    assert rows[0]["start_date"] > rows[3]["end_date"]  # backwards, one at a time
    assert box.get(AT + "?dag_id=dates").json["total_entries"] == 1


@pytest.mark.parametrize("behavior, again", [("none", []), ("failed", [2]), ("completed", [1, 2])])
def test_reprocess(box, behavior, again):
    name = "again-" + behavior
    daily(box, name, "exit {{code}}")
    for day, code in ((1, 0), (2, 1)):
        run(box, name, logical_date=f"2026-03-0{day}T00:00:00Z", conf={"code": code})
    made = box.post(AT, ask(name, reprocess_behavior=behavior, dag_run_conf={"code": 0})).json
    box.wait(lambda: box.get(f"{AT}/{made['id']}").json["completed_at"], 60, "its completion")
    tries = {}
    for r in box.get(f"/api/v2/dags/{name}/dagRuns?order_by=logical_date").json["dag_runs"]:
        t = box.get(f"/api/v2/dags/{name}/dagRuns/{r['dag_run_id']}/taskInstances/a").json
        tries[int(r["logical_date"][8:10])] = t["try_number"]
    assert tries == {d: 2 if d in again else 1 for d in (1, 2, 3, 4)}


def test_pause_cancel_and_restart(box):
    daily(box, "stopped", "sleep 0.3")
    made = box.post(AT, ask("stopped", to_date="2026-03-20", max_active_runs=1)).json
    at = f"{AT}/{made['id']}"
    box.wait(lambda: any(r["state"] == "running" for r in runs_of(box, "stopped")), 20, "the first run")
    assert box.call("PUT", at + "/pause").json["is_paused"]
    box.restart("scheduler")
    box.wait_ready()
    box.wait(lambda: not any(r["state"] == "running" for r in runs_of(box, "stopped")), 20, "a pause")
    queued = [r for r in runs_of(box, "stopped") if r["state"] == "queued"]
    assert queued
    why = box.get(f"/api/onebox/v1/why?dag_id=stopped&run_id={queued[0]['dag_run_id'].replace('+', '%2B')}").json["text"]
    assert f"backfill {made['id']} is paused" in why
    assert not box.call("PUT", at + "/unpause").json["is_paused"]
    box.wait(lambda: sum(r["state"] == "success" for r in runs_of(box, "stopped")) > 20 - len(queued), 30, "it goes on")
    assert box.call("PUT", at + "/cancel").json["completed_at"]
    box.wait(lambda: all(r["state"] in ("success", "failed") for r in runs_of(box, "stopped")), 20, "its end")
    assert any(r["state"] == "failed" for r in runs_of(box, "stopped"))
    assert box.call("PUT", at + "/cancel").status == 409


def test_refused(box):
    daily(box, "refused")
    load(box, "byhand", [("a", "true")])
    assert box.post(AT, ask("none")).status == 404
    assert box.post(AT, ask("byhand")).status == 422
    assert box.post(AT, ask("refused", to_date="2026-02-01")).status == 422
    assert box.post(AT, ask("refused", reprocess_behavior="some")).status == 422
    assert box.post(AT, ask("refused", max_active_runs=0)).status == 422
    assert box.post(AT, {"dag_id": "refused"}).status == 422
    assert box.get(AT + "/999").status == 404
    assert box.call("PUT", AT + "/999/pause").status == 404
