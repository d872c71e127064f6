"""onebox-tracking on PostgreSQL and MariaDB: made new, written, read, away and back, refused."""

import json

import pytest
from daemon_test import until
from db_server import KINDS, DbServer
from test_tracking_interop import read, write
from test_webhooks import ENV, Receiver, deliveries, hook
from tracking_test import Tracking


@pytest.fixture(scope="module", params=KINDS)
def server(request):
    s = DbServer(request.param)
    yield s
    s.end()


def test_everything_stays(server):
    uri = server.uri(server.fresh())
    with Tracking("--backend-store-uri", uri) as t:
        ids = write(t.port, "ours")
        told = read(t.port, "ours", *ids)
    with Tracking("--backend-store-uri", uri) as t:  # and the Python driver's name says nothing
        assert read(t.port, "ours", *ids) == told
        assert told["search"]["runs"][0]["data"]["params"] == [{"key": "p", "value": "1"}]


def test_searches(server):
    with Tracking("--backend-store-uri", server.uri(server.fresh(), driver=False)) as t:
        for i in range(30):
            r = t.run(run_name=f"r{i:02}", start_time=i)
            t.post("runs/log-batch", run_id=r, params=[{"key": "P", "value": f"v{i % 3}"}], tags=[{"key": "t", "value": "Ab" if i % 2 else "aB"}],
                   metrics=[{"key": "m", "value": i / 4 if i != 7 else "NaN", "timestamp": 1, "step": 0}] if i % 5 else [])

        def names(filter="", order=(), n=100):
            q = {"experiment_ids": ["0"], "filter": filter, "order_by": list(order), "max_results": n}
            return [r["info"]["run_name"] for r in t.post("runs/search", **q).get("runs", [])]

        assert names(n=3) == ["r29", "r28", "r27"]
        assert names("metrics.m > 6.9 AND params.P = 'v1'") == ["r28"]
        assert names("tags.t LIKE 'A%'", n=2) == ["r29", "r27"]
        assert len(names("tags.t ILIKE 'ab'")) == 30
        assert len(names("tags.t = 'Ab'")) == 15
        assert len(names("params.P != 'v0'")) == 20
        assert names("attributes.run_name LIKE '%03'") == ["r03"]
        assert names("attributes.start_time < 2.5", ["attributes.start_time ASC"]) == ["r00", "r01", "r02"]
        ordered = names(order=["metrics.m DESC"])
        assert ordered[:2] == ["r29", "r28"] and ordered[-7] == "r07" and set(ordered[-6:]) == {"r00", "r05", "r10", "r15", "r20", "r25"}
        assert names(order=["metrics.m ASC"])[:2] == ["r01", "r02"]
        assert names(order=["attributes.end_time DESC", "attributes.run_name ASC"], n=2) == ["r00", "r01"]
        page = t.post("runs/search", experiment_ids=["0"], max_results=20)
        rest = t.post("runs/search", experiment_ids=["0"], max_results=20, page_token=page["next_page_token"])
        assert len(rest["runs"]) == 10


def test_conflicts_and_races(server):
    with Tracking("--backend-store-uri", server.uri(server.fresh())) as t:
        r = t.run()
        for value in ("1", "1"):
            t.post("runs/log-parameter", run_id=r, key="p", value=value)
        assert "p" in t.refused("POST", "runs/log-parameter", {"run_id": r, "key": "p", "value": "2"})
        t.post("experiments/create", name="once")
        t.refused("POST", "experiments/create", {"name": "once"})
        for step, value in ((1, 5), (3, 2), (2, 9), (3, 1), (3, 4)):
            t.post("runs/log-metric", run_id=r, key="m", value=value, timestamp=7, step=step)
        last = t.get("runs/get", run_id=r)["run"]["data"]["metrics"]
        assert last == [{"key": "m", "value": 4, "timestamp": 7, "step": 3}], last
        assert len(t.get("metrics/get-history", run_id=r, metric_key="m")["metrics"]) == 5
        # a batch is written whole or not at all
        t.refused("POST", "runs/log-batch", {"run_id": r, "tags": [{"key": "half", "value": "x"}], "params": [{"key": "p", "value": "3"}]})
        assert "half" not in json.dumps(t.get("runs/get", run_id=r))


def test_what_webhooks_were_told(server):
    """The last hundred of each are kept, and go with it."""
    receiver = Receiver()
    with Tracking("--backend-store-uri", server.uri(server.fresh()), env=ENV) as t:
        h = hook(t, receiver.url, "REGISTERED_MODEL.CREATED")
        receiver.statuses = [(404,)]
        for n in range(105):
            t.post("registered-models/create", name=f"m{n}")
        until(lambda: len(receiver.got) == 105 and all(d["state"] != "WAITING" for d in deliveries(t, h)), "all to be told")
        kept = deliveries(t, h)
        assert 90 <= len(kept) <= 100 and kept[0]["state"] == "TOLD"
        assert json.loads(kept[0]["message"])["data"]["name"] == "m104"
        assert t.post(f"webhooks/{h}/test")["result"]["success"]
        assert deliveries(t, h)[0]["is_test"]
        t.post("webhooks/" + h, method="DELETE")
        t.refused("GET", f"webhooks/{h}/deliveries", status=404)
    receiver.server.shutdown()
    receiver.server.server_close()


def test_runs_of_tasks(server):
    """What the scheduler tells of a try, told twice: one run, the earlier runs of the try below it, and its model found by the pipeline."""
    try_id = "01890a5d-ac96-774b-bcce-b302099a8057"
    own = try_id.replace("-", "")
    with Tracking("--backend-store-uri", server.uri(server.fresh())) as t:
        child = t.run(tags=[{"key": "onebox.try_id", "value": try_id}, {"key": "onebox.dag_id", "value": "d"}])
        for _ in range(2):
            t.post(f"/internal/tries/{try_id}/began", experiment="e", name="a", user="airflow", start_time=5, params=[{"key": "task_id", "value": "a"}],
                   tags=[{"key": "onebox.dag_id", "value": "d"}], datasets=[{"name": "raw.x", "context": "source"}])
        for _ in range(2):
            t.post(f"/internal/tries/{try_id}/ended", status="FAILED", state="failed", start_time=7, end_time=1007,
                   metrics=[{"key": "duration_seconds", "value": 1}], params=[{"key": "task_status", "value": "failed"}])
        run = t.get("runs/get", run_id=own)["run"]
        info = run["info"]
        assert (info["run_name"], info["status"], info["start_time"], info["end_time"]) == ("a", "FAILED", 7, 1007)
        assert run["data"]["params"] == [{"key": "task_id", "value": "a"}, {"key": "task_status", "value": "failed"}]
        assert len(run["inputs"]["dataset_inputs"]) == 1
        below = {x["key"]: x["value"] for x in t.get("runs/get", run_id=child)["run"]["data"]["tags"]}
        assert below["mlflow.parentRunId"] == own
        t.post("registered-models/create", name="m")
        t.post("model-versions/create", name="m", source=t.get("runs/get", run_id=child)["run"]["info"]["artifact_uri"] + "/m", run_id=child)
        assert len(t.get("model-versions/search", filter="tags.`onebox.dag_id` = 'd'")["model_versions"]) == 1


def test_away_and_back(server):
    with Tracking("--backend-store-uri", server.uri(server.fresh())) as t:
        r = t.run()
        t.post("runs/log-metric", run_id=r, key="m", value=1, timestamp=1)
        server.do("kill")
        for method, path, body in (("GET", "runs/get", {"run_id": r}), ("POST", "runs/log-metric", {"run_id": r, "key": "m", "value": 2, "timestamp": 2})):
            assert "database" in t.refused(method, path, body, status=503)
        server.do("start")
        until(lambda: t.ask("POST", "runs/log-metric", {"run_id": r, "key": "m", "value": 3, "timestamp": 3}).status == 200, "writes")
        until(lambda: t.ask("GET", "runs/get", {"run_id": r}).status == 200, "reads")
        assert [m["value"] for m in t.get("metrics/get-history", run_id=r, metric_key="m")["metrics"]] == [1, 3]
        assert t.process.poll() is None


def test_revisions(server):
    name = server.fresh()
    with Tracking("--backend-store-uri", server.uri(name)) as t:
        t.run()
    server.sql("UPDATE alembic_version SET version_num = 'dc11669786a5'", name)  # 3.17's
    with Tracking("--backend-store-uri", server.uri(name)) as t:
        t.run()
    server.sql("UPDATE alembic_version SET version_num = '0123456789ab'", name)
    t = Tracking("--backend-store-uri", server.uri(name))
    with pytest.raises(AssertionError, match=r"(?s)revision 0123456789ab.*mlflow db upgrade"):
        t.start()
    t.__exit__(None, None, None)
    other = server.fresh()
    server.sql("CREATE TABLE mine (x integer)", other)
    t = Tracking("--backend-store-uri", server.uri(other))
    with pytest.raises(AssertionError, match="has a table mine but is no database of MLflow"):
        t.start()
    t.__exit__(None, None, None)
