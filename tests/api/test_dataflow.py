"""What tasks leave for one another and what follows from it: XComs, mapped tasks, branches, sensors, setups,
pools, counted resources, clearing over many runs."""
import os
import subprocess
from urllib.parse import quote

import pytest

from box import Box, build_dir
from scheduler_calls import load, log_of, own, tries  # noqa: F401
from scheduler_calls import run as run_whole


@pytest.fixture(scope="module")
def box():
    b = Box("[scheduler]\nstop_grace = 1s\nxcom_limit = 200000\nxcom_spill_threshold = 1000\nresources = seat=2\n"
            "parallelism = 6\n").up()
    yield b
    b.end()


def run(b, name, **body):
    run_id, whole = run_whole(b, name, **body)
    return run_id, whole["state"]


def why(b, dag, run_id, task):
    return b.get(f"/api/onebox/v1/why?dag_id={dag}&run_id={quote(run_id)}&task_id={task}").json["text"]


def at(dag, run_id, task=None):
    return f"/api/v2/dags/{dag}/dagRuns/{run_id}/taskInstances" + (f"/{task}" if task else "")


def states(b, dag, run_id):
    rows = b.get(at(dag, run_id) + "?limit=1000").json["task_instances"]
    rows = [r for r in rows if r["operator"] not in ("job_start", "job_end")]
    return {r["task_id"] if r["map_index"] < 0 else (r["task_id"], r["map_index"]): r["state"] for r in rows}


def xcom(b, dag, run_id, task, key="return_value", **query):
    more = "&".join(f"{k}={v}" for k, v in query.items())
    return b.get(at(dag, run_id, task) + f"/xcomEntries/{key}?{more}")


def test_xcom_from_stdout_files_and_placeholders(box):
    load(box, "push", [
        ("a", "echo first; echo 'last word'", "do_xcom_push: true"),
        ("b", "echo '[1, \"x\"]'", "do_xcom_push: true"),
        ("c", "echo plain > $ONEBOX_XCOM_DIR/note; echo '{\"n\": 2.5}' > $ONEBOX_XCOM_DIR/deep.json; echo 7"),
        ("d", "echo 'got {{xcom.a}} {{xcom.b}} {{xcom.c.note}} {{xcom.c.deep}} {{xcom.c}}'"),
    ])
    run_id, state = run(box, "push")
    assert state == "success"
    assert xcom(box, "push", run_id, "a").json["value"] == "last word"
    assert xcom(box, "push", run_id, "b").json["value"] == [1, "x"]
    assert xcom(box, "push", run_id, "b", stringify="true").json["value"] == '[1,"x"]'
    assert xcom(box, "push", run_id, "c", "deep").json["value"] == {"n": 2.5}
    assert xcom(box, "push", run_id, "c").status == 404  # nobody asked for its last line
    # what nobody has left stays as written
    assert log_of(box, "push", run_id, "d")[0] == 'got last word [1,"x"] plain {"n":2.5} {{xcom.c}}'
    rows = box.get(at("push", run_id, "~") + "/xcomEntries").json
    assert rows["total_entries"] == 4
    assert [r["key"] for r in rows["xcom_entries"]] == ["return_value", "return_value", "deep", "note"]
    assert "value" not in rows["xcom_entries"][0]


def test_xcom_by_rest(box):
    load(box, "rest", [("a", "true")])
    run_id, _ = run(box, "rest")
    entries = at("rest", run_id, "a") + "/xcomEntries"
    a = box.post(entries, {"key": "k", "value": {"x": [1]}})
    assert a.status == 201 and a.json["value"] == {"x": [1]} and a.json["run_id"] == run_id
    assert box.post(entries, {"key": "k", "value": 1}).status == 409
    assert box.post(entries, {"key": "k2"}).status == 422
    assert box.patch(entries + "/k", {"value": None}).json["value"] is None
    assert box.patch(entries + "/none", {"value": 1}).status == 404
    assert box.call("DELETE", entries + "/k").status == 204
    assert box.get(entries + "/k").status == 404
    assert box.post(at("rest", run_id, "none") + "/xcomEntries", {"key": "k", "value": 1}).status == 404


def test_large_values_are_files_that_go_with_the_run(box):
    load(box, "large", [("a", "head -c 150000 /dev/zero | tr '\\0' x > $ONEBOX_XCOM_DIR/big"),
                        ("b", "test $(echo '{{xcom.a.big}}' | wc -c) = 100001 || exit 3")])
    # the placeholder is limited to what one argument may be; the value is not
    run_id, state = run(box, "large")
    kept = box.dir + "/state/scheduler/xcom"
    assert len(xcom(box, "large", run_id, "a", "big").json["value"]) == 150000
    assert sum(len(files) for _, _, files in os.walk(kept)) == 1
    assert box.call("DELETE", f"/api/v2/dags/large/dagRuns/{run_id}").status == 204
    assert sum(len(files) for _, _, files in os.walk(kept)) == 0


@pytest.mark.parametrize("size, good", [(200000 - 2, True), (200000 - 1, False)])
def test_limit_of_a_value(box, size, good):
    """The limit counts the value as JSON: a text has two quotes."""
    name = f"limit{size}"
    load(box, name, [("a", f"head -c {size} /dev/zero | tr '\\0' x > $ONEBOX_XCOM_DIR/big")])
    run_id, state = run(box, name)
    assert state == ("success" if good else "failed")
    if not good:
        assert "xcom_limit" in tries(box, name, run_id, "a")[0]["message"]


def test_strange_xcoms_are_refused(box):
    load(box, "strange", [("a", "ln -s /etc/passwd $ONEBOX_XCOM_DIR/x"), ("b", "rm -r $ONEBOX_XCOM_DIR; echo v",
                                                                          "do_xcom_push: true", "depends_on: []")])
    run_id, state = run(box, "strange")
    assert state == "failed"
    assert "cannot be read" in tries(box, "strange", run_id, "a")[0]["message"]
    assert "left for other tasks" in tries(box, "strange", run_id, "b")[0]["message"]


MAPPED = [("list", "cat $LIST", "do_xcom_push: true", "env_vars: {LIST: '{{file}}'}"),
          ("each", "test '{{x}}' != bad && echo \"$ONEBOX_MAP_INDEX {{x}} {{y}}\"", "do_xcom_push: true",
           "expand: {x: {xcom: list}, y: [p, q]}"),
          ("sum", "echo '{{xcom.each}}'", "do_xcom_push: true")]


def test_mapped(box, tmp_path):
    os.chmod(tmp_path, 0o755)
    (tmp_path / "list").write_text('["a", "b"]\n')
    load(box, "mapped", MAPPED)
    run_id, state = run(box, "mapped", conf={"file": str(tmp_path / "list")})
    assert state == "success"
    assert [k for k in states(box, "mapped", run_id)] == ["list"] + [("each", i) for i in range(4)] + ["sum"]
    assert xcom(box, "mapped", run_id, "sum").json["value"] == ["0 a p", "1 a q", "2 b p", "3 b q"]
    assert xcom(box, "mapped", run_id, "each", map_index=2).json["value"] == "2 b p"
    assert box.get(at("mapped", run_id, "each") + "/listMapped").json["total_entries"] == 4
    one = box.get(at("mapped", run_id, "each") + "/3").json
    assert one["map_index"] == 3 and one["state"] == "success"
    assert box.get(at("mapped", run_id, "each")).status == 404
    assert box.get(at("mapped", run_id, "each") + "/3/tries").json["total_entries"] == 1
    lines = box.get(at("mapped", run_id, "each") + "/logs/1?map_index=3").json["content"]
    assert lines[0]["event"] == "3 b q"


def test_mapped_again_with_other_values(box, tmp_path):
    os.chmod(tmp_path, 0o755)
    path = tmp_path / "list"
    path.write_text('["a", "bad", "c"]')
    load(box, "remapped", MAPPED)
    run_id, state = run(box, "remapped", conf={"file": str(path)})
    assert state == "failed"
    got = states(box, "remapped", run_id)
    assert [got[("each", i)] for i in range(6)] == ["success"] * 2 + ["failed"] * 2 + ["success"] * 2
    assert got["sum"] == "upstream_failed"
    # one instance alone
    path.write_text('["a", "b", "c"]')
    a = box.post("/api/v2/dags/remapped/clearTaskInstances", {"dag_run_id": run_id, "dry_run": False,
                                                              "task_ids": [["each", 2]]})
    assert [(r["task_id"], r["map_index"]) for r in a.json["task_instances"]] == [("each", 2)]
    box.wait_run("remapped", run_id)
    assert states(box, "remapped", run_id)[("each", 2)] == "failed"  # its value is that of then
    # all of it, with fewer values
    path.write_text('["z"]')
    box.post("/api/v2/dags/remapped/clearTaskInstances", {"dag_run_id": run_id, "dry_run": False, "only_failed": False})
    assert box.wait_run("remapped", run_id)["state"] == "success"
    got = states(box, "remapped", run_id)
    assert [got[("each", i)] for i in range(6)] == ["success"] * 2 + ["removed"] * 4
    assert xcom(box, "remapped", run_id, "sum").json["value"][:2] == ["0 z p", "1 z q"]


def test_mapped_over_nothing_and_over_no_list(box, tmp_path):
    os.chmod(tmp_path, 0o755)
    load(box, "odd", MAPPED)
    (tmp_path / "none").write_text("[]")
    run_id, state = run(box, "odd", conf={"file": str(tmp_path / "none")})
    assert state == "success" and states(box, "odd", run_id) == {"list": "success", "each": "skipped", "sum": "skipped"}
    (tmp_path / "text").write_text("no list")
    run_id, state = run(box, "odd", conf={"file": str(tmp_path / "text")})
    assert state == "failed" and states(box, "odd", run_id)["each"] == "failed"
    text = why(box, "odd", run_id, "each")
    assert "an array is needed" in text


def test_branch_and_short_circuit(box):
    load(box, "branch", [
        ("which", "echo '{{way}}'", "decides: branch"),
        ("left", "true", "depends_on: [which]"), ("right", "true", "depends_on: [which]"),
        ("join", "true", "depends_on: [left, right]", "trigger_rule: none_failed_min_one_success"),
        ("gate", "echo '{{open}}'", "decides: short_circuit"), ("far", "true"),
        ("farther", "true", "trigger_rule: all_done"),
    ])
    run_id, state = run(box, "branch", conf={"way": "left", "open": "false"})
    assert state == "success"
    got = states(box, "branch", run_id)
    assert (got["left"], got["right"], got["join"]) == ("success", "skipped", "success")
    assert (got["gate"], got["far"], got["farther"]) == ("success", "skipped", "skipped")
    # the decision holds when what it skipped is cleared, and over a restart
    box.restart("scheduler")
    box.wait_ready()
    box.post("/api/v2/dags/branch/clearTaskInstances", {"dag_run_id": run_id, "dry_run": False, "only_failed": False,
                                                        "task_ids": ["right", "far"], "include_downstream": True})
    assert box.wait_run("branch", run_id)["state"] == "success"
    assert states(box, "branch", run_id) == got
    run_id, state = run(box, "branch", conf={"way": "nowhere", "open": "yes"})
    assert state == "failed"
    assert "none of its direct downstream" in tries(box, "branch", run_id, "which")[0]["message"]


def test_sensor_comes_again(box, tmp_path):
    os.chmod(tmp_path, 0o755)
    load(box, "sensor", [("wait", f"test -e {tmp_path}/there || exit 98", "poke_interval: 0.2", "retries: 0"),
                         ("plain", "exit 98", "depends_on: []")])
    run_id = box.trigger("sensor")
    box.wait(lambda: len(tries(box, "sensor", run_id, "wait")) >= 3, 30, "three pokes")
    assert {t["try_number"] for t in tries(box, "sensor", run_id, "wait")} == {1}
    (tmp_path / "there").touch()
    box.wait(lambda: states(box, "sensor", run_id)["wait"] == "success", 30, "the sensor's end")
    assert box.wait_run("sensor", run_id)["state"] == "failed"
    assert states(box, "sensor", run_id)["plain"] == "failed"  # without an interval it is an exit code like others


def test_sensor_gives_up(box):
    """Its time counts from its first look, over all looks; then it has failed for good, or is skipped."""
    load(box, "patience", [("hard", "exit 98", "poke_interval: 0.3", "poke_timeout: 1", "retries: 3", "depends_on: []"),
                           ("soft", "exit 98", "poke_interval: 0.3", "poke_timeout: 1", "soft_fail: true", "depends_on: []"),
                           ("slow", "sleep 100", "poke_interval: 0.3", "timeout: 1", "soft_fail: true", "depends_on: []")])
    run_id = box.trigger("patience")
    box.wait(lambda: states(box, "patience", run_id)["hard"] == "up_for_reschedule", 30, "a look")
    box.wait(lambda: "is its last" in why(box, "patience", run_id, "hard"), 20, "why")
    box.wait_run("patience", run_id)
    assert states(box, "patience", run_id) == {"hard": "failed", "soft": "skipped", "slow": "skipped"}
    hard = tries(box, "patience", run_id, "hard")
    assert len(hard) >= 2 and {t["try_number"] for t in hard} == {1}


def test_teardown_runs_after_a_failure(box):
    load(box, "setup", [("make", "true", "setup: true"), ("use", "false"),
                        ("clean", "true", "depends_on: [make, use]", "teardown: true")])
    run_id, state = run(box, "setup")
    assert state == "failed"
    assert states(box, "setup", run_id) == {"make": "success", "use": "failed", "clean": "success"}


def test_pools(box):
    pools = "/api/v2/pools"
    made = box.post(pools, {"name": "narrow", "slots": 1, "description": "one at a time", "include_deferred": True})
    assert made.status == 201 and made.json["open_slots"] == 1
    assert box.post(pools, {"name": "narrow", "slots": 1}).status == 409
    assert box.post(pools, {"name": "x"}).status == 422
    assert box.post(pools, {"name": "x", "slots": -2}).status == 422
    load(box, "pooled", [(t, "while ! test -e /proc/self/cwd/none && sleep 0.1; do test $SECONDS -gt 1 && break; done",
                          "pool: narrow", "depends_on: []") for t in "abc"])
    run_id = box.trigger("pooled")
    seen = []
    box.wait(lambda: seen.append(box.get(pools + "/narrow").json) or seen[-1]["running_slots"] == 1, 20, "a slot taken")
    assert all(p["occupied_slots"] <= 1 for p in seen)
    texts = [why(box, "pooled", run_id, t) for t in "abc"]
    assert sum("waits for pool narrow" in w for w in texts) == 2, texts
    assert box.call("DELETE", pools + "/narrow").status == 400  # in use
    assert box.patch(pools + "/narrow", {"slots": -1}).json["slots"] == -1
    assert box.wait_run("pooled", run_id)["state"] == "success"
    box.restart("scheduler")
    box.wait_ready()
    again = box.get(pools + "/narrow").json
    assert (again["slots"], again["include_deferred"], again["description"]) == (-1, True, "one at a time")
    assert box.call("DELETE", pools + "/narrow").status == 204
    assert box.get(pools + "/narrow").status == 404
    assert box.call("DELETE", pools + "/default_pool").status == 400


def test_pools_by_command(box):
    def cli(*args):
        return subprocess.run([f"{build_dir()}/cli/onebox", "pools", *args, "--state-dir", box.state, "--runtime-dir", box.run],
                              capture_output=True, text=True, timeout=120)

    assert cli("set", "by_hand", "3", "--description", "for tests").returncode == 0
    assert box.get("/api/v2/pools/by_hand").json["slots"] == 3
    assert cli("set", "by_hand", "infinite").returncode == 0
    made = box.get("/api/v2/pools/by_hand").json
    assert made["slots"] == -1 and made["description"] == "for tests"
    assert cli("set", "by_hand", "many").returncode == 1
    listed = cli("list").stdout
    assert "by_hand" in listed and "default_pool" in listed and "for tests" in listed
    assert cli("delete", "by_hand").returncode == 0
    assert cli("delete", "by_hand").returncode == 1 and "by_hand" not in cli().stdout


def test_counted_resources(box, tmp_path):
    os.chmod(tmp_path, 0o777)
    load(box, "seats", [(t, f"mkdir {tmp_path}/$ONEBOX_LEASE_SEAT || exit 5; sleep 0.3; rmdir {tmp_path}/$ONEBOX_LEASE_SEAT",
                         "resources: {leases: {seat: 1}}", "depends_on: []") for t in "abcde"]
         + [("none", "true", "resources: {gpu: 64}", "depends_on: []")])
    run_id = box.trigger("seats")
    box.wait(lambda: [states(box, "seats", run_id)[t] for t in "abcde"] == ["success"] * 5, 40, "all had a seat")
    text = why(box, "seats", run_id, "none")
    assert "needs 64 of the resource gpu" in text
    assert box.get("/api/onebox/v1/status").json["resources"] == [{"name": "seat", "total": 2, "used": 0, "holders": []}]
    box.patch(f"/api/v2/dags/seats/dagRuns/{run_id}", {"state": "failed"})


def test_clear_past_and_future(box):
    load(box, "days", [("a", "true"), ("b", "true")])
    ids = []
    for d in (1, 2, 3):
        run_id, state = run(box, "days", logical_date=f"2026-02-0{d}T00:00:00Z")
        ids.append(run_id)
    body = {"dag_run_id": ids[1], "only_failed": False, "task_ids": ["b"]}
    ask = lambda **more: [(r["dag_run_id"], r["task_id"]) for r in box.post(
        "/api/v2/dags/days/clearTaskInstances", {**body, **more}).json["task_instances"]]
    assert ask() == [(ids[1], "b")]
    assert ask(include_future=True) == [(i, "b") for i in ids[1:]]
    assert ask(include_past=True) == [(i, "b") for i in ids[:2]]
    assert ask(include_past=True, include_future=True, include_upstream=True) == [
        (i, t) for i in ids for t in ("start", "a", "b")]
    assert ask(dag_run_id=None, start_date="2026-02-02", end_date="2026-02-02T01:00:00Z") == [(ids[1], "b")]
    assert ask(include_future=True, dry_run=False) == [(i, "b") for i in ids[1:]]
    for i in ids[1:]:
        assert box.wait_run("days", i)["state"] == "success"
        assert [len(tries(box, "days", i, t)) for t in "ab"] == [1, 2]
    assert len(tries(box, "days", ids[0], "b")) == 1


def test_mapped_and_leased_over_a_kill(own, tmp_path):
    """The scheduler dies with instances running: it comes back with the same instances, each once."""
    os.chmod(tmp_path, 0o777)
    own.up()
    load(own, "killed", [
        ("each", f"until test -e {tmp_path}/go; do sleep 0.1; done; echo $ONEBOX_MAP_INDEX >> {tmp_path}/out",
         "expand: {x: [1, 2, 3]}"), ("last", "true")])
    run_id = own.trigger("killed")
    own.wait(lambda: list(states(own, "killed", run_id).values()).count("running") == 3, 30, "three instances")
    own.restart("scheduler")
    own.wait_ready()
    (tmp_path / "go").touch()
    assert own.wait_run("killed", run_id)["state"] == "success"
    assert sorted((tmp_path / "out").read_text().split()) == ["0", "1", "2"]
