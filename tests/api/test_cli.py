"""The command `onebox`: its verbs for people and scripts, and `onebox up` with what it promises."""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pytest
from box import build_dir
from daemon_test import free_port

DAEMONS = ("onebox-scheduler", "onebox-launcher", "onebox-tracking", "onebox-web")
VERBS = ["status", "urls", "pipelines", "trigger", "runs", "logs", "why", "next", "night", "notify", "simulate", "gitsync", "backfill", "variables", "connections", "services", "doctor", "smoke",
         "user", "passwd", "token", "audit", "config", "up", "down", "version"]
HELLO = """\
name: hello
pipelines:
  - pipeline: hello
    start_date: 2026-01-01
    schedule: 0 3 * * *
    timeout_minutes: 10
    tasks:
      - task: one
        type: python
        cmd: 'echo first line; echo second line'
      - task: two
        type: python
        cmd: 'echo "who $WHO"; echo oops >&2; exit $CODE'
        env_vars: {WHO: '{{who}}', CODE: '{{code}}'}
"""
SLOW = """\
name: slow
pipelines:
  - pipeline: slow
    start_date: 2026-01-01
    timeout_minutes: 10
    tasks:
      - task: nap
        type: python
        cmd: 'echo begun; until test -e %s; do sleep 0.05; done; echo done'
"""


class Place:
    """Directories of our own and the command that works in them."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="onebox-cli-")
        self.state, self.run_dir = self.dir + "/state", self.dir + "/run"
        self.conf = self.dir + "/onebox.conf"
        self.web, self.tracking = free_port(), free_port()
        self.write_conf("")
        self.env = dict(os.environ, ONEBOX_STATE_DIR=self.state, ONEBOX_RUNTIME_DIR=self.run_dir,
                        ONEBOX_CONFIG=self.conf, ONEBOX_LIBEXEC_DIR=os.path.realpath(build_dir()),
                        ONEBOX_DATA_DIR=os.path.realpath(os.path.join(os.path.dirname(__file__), "../..")))
        self.env.pop("NO_COLOR", None)

    def write_conf(self, text):
        with open(self.conf, "w") as f:
            f.write(f"[web]\nlisten = 127.0.0.1:{self.web}\n"
                    f"[tracking]\nlisten = 127.0.0.1:{self.tracking}\n{text}")

    def call(self, *args, stdin="", timeout=60):
        done = subprocess.run([f"{build_dir()}/cli/onebox", *args], env=self.env, input=stdin,
                              capture_output=True, text=True, timeout=timeout)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        return done

    def good(self, *args, **more):
        done = self.call(*args, **more)
        assert done.returncode == 0, (args, done.stdout, done.stderr, self.log()[-2000:])
        return done.stdout

    def json(self, *args):
        return json.loads(self.good(*args, "--json"))

    def bad(self, *args, code=1, **more):
        done = self.call(*args, **more)
        assert done.returncode == code, (args, done.stdout, done.stderr)
        return done.stderr

    def log(self):
        try:
            with open(self.state + "/up.log") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def up_pid(self):
        with open(self.state + "/up.lock") as f:
            return int(f.read())

    def pids(self, name):
        """Processes of ours that run the program `name`; what forks onebox-task is no task's."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    argv = f.read().decode().split("\0")
            except OSError:
                continue
            if os.path.basename(argv[0]) == name and self.state in argv and not {"--serve", "--ready"} & set(argv):
                found.append(int(pid))
        return found

    def pipeline(self, name, text):
        path = f"{self.state}/pipelines/{name}"
        os.makedirs(path, exist_ok=True)
        with open(path + "/.new", "w") as f:
            f.write(text)
        os.rename(path + "/.new", path + "/liminal.yml")
        self.wait(lambda: any(d["dag_id"] == name for d in self.json("pipelines")["dags"]), name)

    def wait(self, what, why, timeout=30):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = what()
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"waited in vain for {why}\n{self.log()[-3000:]}")

    def tasks(self, dag, run="latest"):
        return {t["task_id"]: t for t in self.json("runs", dag, run)["task_instances"]}

    def remove(self):
        self.call("down", timeout=120)
        for name in ("onebox-task", "onebox-serving"):
            for pid in self.pids(name):
                os.kill(pid, signal.SIGKILL)
        log = self.log()
        shutil.rmtree(self.dir, ignore_errors=True)
        found = re.search("Sanitizer|runtime error", log)
        assert not found, log[max(0, found.start() - 2000):found.start() + 6000]


@pytest.fixture
def place():
    p = Place()
    yield p
    p.remove()


@pytest.fixture(scope="module")
def box():
    p = Place()
    assert json.loads(p.good("up", "--detach", "--json")) == {
        "web": f"http://127.0.0.1:{p.web}", "tracking": f"http://127.0.0.1:{p.tracking}"}
    p.pipeline("hello", HELLO)
    yield p
    p.remove()


# --- without daemons ------------------------------------------------------------------------------
def test_every_verb_has_help(place):
    text = place.good("--help")
    for verb in VERBS:
        assert re.search(rf"^  {verb} ", text, re.M), verb
        assert f"onebox {verb} [OPTION]" in place.good(verb, "--help")
        assert place.good(verb, "--version").startswith("onebox ")


def test_mistakes_are_named_with_the_remedy(place):
    assert 'did you mean "status"?' in place.bad("statsu", code=2)
    assert "did you mean --limit?" in place.bad("runs", "--limt=3", code=2)
    assert "PIPELINE [KEY=VALUE]… is missing" in place.bad("trigger", code=2)
    assert '"frob x" is not understood: use onebox connections [get ID' in place.bad("connections", "frob", "x", code=2)
    for verb in (["pipelines"], ["runs"], ["trigger", "x"], ["why", "x"], ["logs", "x"], ["next"]):
        words = place.bad(*verb)
        assert "onebox-scheduler is not running" in words and "onebox up" in words, words
    assert "is not KEY=VALUE" in place.bad("trigger", "x", "nonsense")
    assert "--conf: line 1, column 2" in place.bad("trigger", "x", "--conf={,}")
    assert "must be a JSON object, not an array" in place.bad("trigger", "x", "--conf=[]")
    assert "nor show" in place.bad("config", "chekc")
    assert "0 is no port: give one from 1 to 65535" in place.bad("up", "-p", "0")


def test_status_without_daemons(place):
    done = place.call("status", "--json")
    assert done.returncode == 1
    status = json.loads(done.stdout)
    assert status["ok"] is False
    assert {p["name"]: p["ok"] for p in status["parts"]} == dict.fromkeys(
        ["scheduler", "launcher", "tracking", "web"], False)
    assert all(p["pid"] is None and p["memory_bytes"] is None for p in status["parts"])
    assert "what is wrong: onebox doctor\nto start what is missing: " in place.call("status").stdout


def test_smoke_without_daemons_fails_at_the_first_step(place):
    done = place.call("smoke")
    assert done.returncode == 1
    assert "✗  the scheduler answers" in done.stdout and "onebox works" not in done.stdout


def test_config_check(place):
    assert "is good" in place.good("config", "check")
    shown = place.json("config", "show")
    assert shown["web"]["listen"] == f"127.0.0.1:{place.web}"
    assert shown["launcher"]["mode"] == "systemd"
    place.write_conf("[web]\nlisen = x\n")
    words = place.bad("config", "check")
    assert re.search(r'onebox\.conf:6: unknown key "lisen" in \[web\], did you mean "listen"\?', words)
    place.write_conf("[schedule]\n")
    assert 'unknown section "schedule", did you mean [scheduler]?' in place.bad("config", "check")
    place.write_conf("[scheduler]\nparallelism = lots\n")
    assert "parallelism = lots is not understood: a whole number is wanted" in place.bad("up")
    place.write_conf("[night]\nstop = 25:00\n[gitsync]\nenabled = yes\n")
    words = place.bad("config", "check")
    assert "onebox.conf: [night] stop: " in words and "onebox.conf: [gitsync] repo: enabled = yes needs" in words
    assert len(json.loads(place.call("config", "check", "--json").stdout)["faults"]) == 2
    assert "✗  configuration: " in place.call("doctor").stdout


def test_what_cannot_work_is_started_once(place):
    """78 is sysexits' EX_CONFIG, which the units do not start again; neither does `onebox up`."""
    place.write_conf("backend_store_uri = oracle://x/y\n")
    common = ["--state-dir", place.state, "--runtime-dir", place.run_dir, "--config", place.conf]
    done = subprocess.run([f"{build_dir()}/daemons/tracking/onebox-tracking", *common], env=place.env, timeout=60)
    assert done.returncode == 78
    password = "_password_file = /nonexistent\n", "/nonexistent: the database's password cannot be read"
    for conf, said in (("backend_store_uri = oracle://x/y\n", "is no database that can be used here"),
                       ("backend_store_uri = mysql://u@127.0.0.1/d\nbackend_store" + password[0], password[1]),
                       ("[scheduler]\ndatabase = postgresql://u@127.0.0.1/d\ndatabase" + password[0], password[1]),
                       ("[web]\nlisten = 0.0.0.0:1\n", "0.0.0.0:1 is reachable from other machines")):
        place.write_conf(conf)
        words = place.bad("up")
        assert words.count(said) == 1 and "starts again" not in words, words


def test_users_and_tokens(place):
    assert "no users" in place.good("user", "list")
    place.good("user", "add", "ann", "--role=op", stdin="correct horse\n")
    assert "the user ann exists" in place.bad("user", "add", "ann", stdin="correct horse\n")
    assert "no password was given" in place.bad("user", "add", "bob")
    place.bad("user", "add", "bob", stdin="short\n")
    place.bad("user", "add", "../bob", stdin="correct horse\n")
    assert "is no role" in place.bad("user", "role", "ann", "--role=king")
    place.good("user", "role", "ann", "--role=viewer")
    assert [(u["name"], u["role"], u["has_password"]) for u in place.json("user", "list")] == [
        ("ann", "viewer", True)]
    place.good("passwd", "ann", stdin="another horse\n")
    assert "there is no user carl" in place.bad("passwd", "carl", stdin="another horse\n")
    token = place.good("token", "add", "ann", "--label=nb", "--expires=30d").strip()
    assert re.fullmatch(r"onebox_[\w-]{43}", token)
    row, = place.json("token", "list")
    assert (row["user"], row["label"], row["role"]) == ("ann", "nb", "user")
    place.good("token", "remove", str(row["id"]))
    assert "there is no token" in place.bad("token", "remove", str(row["id"]))
    place.good("user", "remove", "ann")
    assert place.json("user", "list") == []
    with open(place.state + "/auth/audit-cli.log") as f:
        deeds = [json.loads(line) for line in f]
    assert ("user add", "ann", "ok") == tuple(deeds[0][k] for k in ("action", "object", "result"))
    assert all("horse" not in json.dumps(d) and token not in json.dumps(d) for d in deeds)
    assert os.stat(place.state + "/auth/auth.db").st_mode & 0o007 == 0


def test_down_without_up(place):
    assert "does not run" in place.good("down")
    assert place.json("down") == {"was_up": False}


# --- with daemons ---------------------------------------------------------------------------------
def test_status_and_urls(box):
    status = box.json("status")
    assert status["ok"] and status["scheduler"] is not None
    for part in status["parts"]:
        assert part["pid"] in box.pids(f"onebox-{part['name']}"), part
        assert part["memory_bytes"] > 1 << 20 and 0 <= part["uptime_s"] < 3600, part
    assert re.search(r"^scheduler +ok ", box.good("status"), re.M)
    urls = box.json("urls")
    assert urls["web"] == f"http://127.0.0.1:{box.web}"
    assert urls["tracking"] == f"http://127.0.0.1:{box.tracking}"
    assert f"-L 8080:{box.run_dir}/web.sock" in urls["ssh"]
    assert re.search(f"http://127.0.0.1:{box.web}[^$]*MLFLOW_TRACKING_TOKEN=.[(]onebox token add USER[)]", box.good("urls"))
    assert box.json("version")["mlflow_api"]


def test_smoke(box):
    out = box.good("smoke")
    assert out.endswith("onebox works\n") and "✗" not in out
    steps = box.json("smoke")
    assert steps["ok"] and len(steps["steps"]) == 8


def test_a_run_from_trigger_to_log(box):
    out = box.good("trigger", "hello", "who=ann", "code=0", "--follow")
    assert re.search(r"two +success", out) and re.search(r"hello manual__\S+: success after", out)
    assert {t: v["state"] for t, v in box.tasks("hello").items() if t in ("one", "two")} == {
        "one": "success", "two": "success"}
    assert box.json("trigger", "hello", "who=ann", "code=0", "--follow")["state"] == "success"
    assert re.search(r"^two +success +1 ", box.good("runs", "hello", "latest"), re.M)
    log = box.good("logs", "hello", "latest", "two")
    assert "who ann" in log and "oops" in log
    log = box.good("logs", "hello")
    assert log.index("first line") < log.index("second line") < log.index("who ann")
    assert "success" in box.good("why", "hello", "latest")


def test_a_failing_run_says_so(box):
    done = box.call("trigger", "hello", "--conf", '{"who": "eve"}', "code=3", "-f")
    assert done.returncode == 1
    assert re.search(r"two +failed", done.stdout) and "| " in done.stdout and "who eve" in done.stdout
    run, = box.json("runs", "hello", "--limit=1", "--state=failed")["dag_runs"]
    assert run["conf"] == {"who": "eve", "code": 3}
    text = box.good("logs", "hello", run["dag_run_id"], "two", "--json")
    assert [e["event"] for e in json.loads(text)["content"]][-2:] == ["who eve", "oops"] or "oops" in text
    assert "has no task tow: did you mean two?" in box.bad("logs", "hello", "latest", "tow")


def test_a_retry_is_told(box):
    box.pipeline("again", "name: again\npipelines:\n  - pipeline: again\n    start_date: 2026-01-01\n"
                 "    timeout_minutes: 10\n    tasks:\n      - task: flaky\n        type: python\n"
                 "        cmd: 'test $ONEBOX_TRY = 2'\n        retries: 1\n        retry_delay: 1s\n")
    out = box.good("trigger", "again", "-f")
    assert re.search(r"flaky +up_for_retry.*will be tried again", out)
    assert re.search(r"flaky +(running, try 2|success)", out)


def test_names_that_do_not_exist(box):
    assert 'DAG "nope"' in box.bad("trigger", "nope") and "404" in box.bad("trigger", "nope")
    box.bad("runs", "hello", "nope")
    assert 'DAG "nope"' in box.bad("runs", "nope")
    assert "has no run nope; a task is named after its run: hello latest nope" in box.bad("logs", "hello", "nope")
    assert "has no run nope, and its latest run no such task" in box.bad("why", "hello", "nope")
    assert box.good("why", "hello", "two") == box.good("why", "hello", "latest", "two")
    assert "onebox backfill hello --from DATE --to DATE" in box.bad("backfill", "hello")
    box.bad("why", "nope")
    box.bad("pipelines", "pause", "nope")


def test_next_of_a_schedule(place):
    """Nothing has to run; the dates themselves are compared with Airflow's by the unit test."""
    at = "2026-10-25T12:34:56Z"
    rows = json.loads(place.good("next", "0 3 * * *", "--tz", "Europe/Berlin", "--now", at, "--count", "2", "--json"))
    assert rows == [[d] * 4 for d in ("2026-10-26T02:00:00+00:00", "2026-10-27T02:00:00+00:00")]
    rows = json.loads(place.good("next", "@daily", "--interval", "--catchup", "--start", "2026-10-20", "--now", at,
                                 "--count", "1", "--json"))
    assert rows == [["2026-10-20T00:00:00+00:00"] * 2 + ["2026-10-21T00:00:00+00:00"] * 2]
    rows = json.loads(place.good("next", "--delta", "600", "--now", at, "--count", "3", "--json"))
    assert [r[3] for r in rows] == [f"2026-10-25T12:{m}:56+00:00" for m in ("34", "44", "54")]
    assert json.loads(place.good("next", "@once", "--now", at, "--json")) == [["2026-10-25T12:34:56+00:00"] * 4]
    assert "RUN AT" in place.good("next", "@hourly")
    assert "day of week" in place.bad("next", "0 0 * * 9")
    assert "--delta" in place.bad("next", "@daily", "--delta", "5")
    assert "for a schedule" in place.bad("next", "--tz", "UTC")


def test_pause_and_next(box):
    assert re.search(r"hello$", box.good("next"), re.M)
    assert len(box.json("next", "hello", "-n3")["runs"]) == 3
    box.good("pipelines", "pause", "hello")
    assert re.search(r"^hello +0 3 \* \* \* +paused", box.good("pipelines"), re.M)
    assert "hello" not in box.good("next")
    box.good("pipelines", "resume", "hello")
    assert "paused" not in box.good("pipelines")


def test_files_that_are_no_pipelines_are_shown(box):
    path = box.state + "/pipelines/broken"
    os.makedirs(path)
    with open(path + "/liminal.yml", "w") as f:
        f.write("name: broken\npipelines:\n  - pipeline: broken\n    taks: []\n")
    words = box.wait(lambda: (lambda d: d.stdout if d.returncode == 1 else None)(box.call("pipelines")),
                     "the error")
    assert re.search(r"not understood:\n.*broken/liminal\.yml:\d+", words)
    shutil.rmtree(path)
    box.wait(lambda: box.call("pipelines").returncode == 0, "the error to go")


def test_what_would_come_of_a_directory(box):
    path = box.dir + "/drafts/one"
    os.makedirs(path)
    with open(path + "/liminal.yml", "w") as f:
        f.write(HELLO)
    assert re.search(r"^pipeline +hello +0 3 \* \* \* +4 tasks", box.good("pipelines", "compile", box.dir + "/drafts"),
                     re.M)
    with open(path + "/liminal.yml", "a") as f:
        f.write("  - pipeline: other\n    taks: []\n")
    done = box.call("pipelines", "compile", box.dir + "/drafts")
    assert done.returncode == 1
    assert re.search(r'error: .*one/liminal\.yml:16:5: .*"taks"', done.stdout)
    assert "no liminal.yml" in box.bad("pipelines", "compile", box.run_dir)
    for odd in (b"name: caf\xe9\n", "name: x\n".encode("utf-16")):
        with open(path + "/liminal.yml", "wb") as f:
            f.write(odd)
        assert "one/liminal.yml: is no text in UTF-8" in box.bad("pipelines", "compile", path)
    assert [d["dag_id"] for d in box.json("pipelines")["dags"]].count("other") == 0


def test_nights_are_played_ahead(box):
    path = box.dir + "/plans/one"
    os.makedirs(path)
    with open(path + "/liminal.yml", "w") as f:
        f.write(HELLO)
    args = ("simulate", box.dir + "/plans", "--nights=30", "--seed=5", "--fail=0", "--from=2026-02-01")
    plan = box.json(*args)
    assert plan == box.json(*args)  # the seed decides everything
    hello, = plan["pipelines"]
    assert hello["pipeline"] == "hello" and hello["runs"] == hello["success"] + hello["failed"]
    assert 28 <= hello["runs"] <= 32 and plan["stuck"] == 0
    assert re.search(r"^hello +\d+ ", box.good(*args), re.M)
    assert "is a time" in box.bad("simulate", box.dir + "/plans", "--from=soon")
    # Without a directory: what the scheduler reads, this one not being among it.
    names = [p["pipeline"] for p in box.json("simulate", "--nights=3", "--fail=0")["pipelines"]]
    assert sorted(names) == sorted(d["dag_id"] for d in box.json("pipelines")["dags"]), names


MAPPED = """name: mapped
pipelines:
  - pipeline: mapped
    start_date: 2026-01-01
    timeout_minutes: 600
    schedule: ["0 7 * * *", "30 9 * * 1-5"]
    on_failure: [{command: "true"}]
    tasks:
      - {task: list, type: python, cmd: echo, do_xcom_push: true}
      - {task: each, type: python, cmd: "echo {{n}}", pool: narrow_sim, retries: 1, expand: {n: {xcom: list}}}
      - {task: after, type: python, cmd: "true", trigger_rule: all_done}
"""


def test_nights_with_several_schedules_maps_callbacks_and_the_pools_of_this_machine(box):
    path = box.dir + "/mapped/one"
    os.makedirs(path)
    with open(path + "/liminal.yml", "w") as f:
        f.write(MAPPED)
    args = ("simulate", box.dir + "/mapped", "--nights=28", "--seed=3", "--fail=0", "--from=2026-02-02T07:00", "--night-at=infinity", "--task-min=60s", "--task-max=60s")
    done = box.call(*args, "--json")
    assert done.returncode == 0 and 'there is no pool "narrow_sim"' in done.stderr, done
    wide, = json.loads(done.stdout)["pipelines"]
    assert wide["runs"] >= 28 + 20 and wide["success"] == wide["runs"]
    assert wide["tries"] > 2 * wide["runs"]
    box.good("pools", "set", "narrow_sim", "1")
    done = box.call(*args, "--json")
    assert done.returncode == 0 and not done.stderr, done
    narrow, = json.loads(done.stdout)["pipelines"]
    assert (narrow["runs"], narrow["tries"]) == (wide["runs"], wide["tries"])
    assert narrow["longest_s"] > wide["longest_s"]  # one after the other


def test_logs_follow_a_running_task(box):
    flag = box.dir + "/go"
    box.pipeline("slow", SLOW % flag)
    box.good("trigger", "slow")
    box.wait(lambda: box.tasks("slow").get("nap", {}).get("state") == "running", "nap")
    p = subprocess.Popen([f"{build_dir()}/cli/onebox", "logs", "-f", "slow", "latest", "nap"],
                         env=box.env, stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline().endswith("begun\n")
    open(flag, "w").close()
    assert "done" in p.stdout.read()
    assert p.wait(30) == 0


def test_a_second_up_refuses(box):
    words = box.bad("up")
    assert "already runs" in words and f"pid {box.up_pid()}" in words and "onebox down" in words
    assert "already runs" in box.bad("up", "--detach")


# --- what up promises -----------------------------------------------------------------------------
def test_daemons_that_die_come_back(box):
    for name in ("onebox-scheduler", "onebox-launcher", "onebox-tracking", "onebox-web"):
        pid, = box.pids(name)
        os.kill(pid, signal.SIGKILL)
        box.wait(lambda: box.pids(name) not in ([], [pid]), name)
    box.wait(lambda: box.call("status").returncode == 0, "all to answer")
    box.good("smoke")


def test_up_may_be_killed_and_tasks_go_on(place):
    flag = place.dir + "/go"
    place.good("up", "-d")
    place.pipeline("slow", SLOW % flag)
    place.good("trigger", "slow")
    place.wait(lambda: place.tasks("slow").get("nap", {}).get("state") == "running", "nap")
    shim, *_ = place.pids("onebox-task")
    os.kill(place.up_pid(), signal.SIGKILL)
    for name in ("onebox-scheduler", "onebox-launcher", "onebox-tracking", "onebox-web"):
        place.wait(lambda: not place.pids(name), f"{name} to follow it")
    assert shim in place.pids("onebox-task")
    place.good("up", "-d")
    open(flag, "w").close()
    nap = place.wait(lambda: (lambda t: t if t["state"] == "success" else None)(
        place.tasks("slow")["nap"]), "nap's end")
    assert nap["try_number"] == 1
    log = place.good("logs", "slow", "latest", "nap")
    assert log.count("begun") == 1 and log.count("done") == 1


def test_kills_at_random_moments(place):
    """Daemons and up itself, while runs go through: none is lost, no try runs twice."""
    dice = random.Random(7)
    place.good("up", "-d")
    ran = place.dir + "/ran"
    place.pipeline("chain", "name: chain\npipelines:\n  - pipeline: chain\n    start_date: 2026-01-01\n"
                   "    timeout_minutes: 10\n    tasks:\n" + "".join(
                       f"      - task: t{i}\n        type: python\n        cmd: 'echo $ONEBOX_RUN_ID "
                       f"$ONEBOX_TASK_ID $ONEBOX_TRY >> {ran}; sleep 0.1'\n" for i in range(4)))
    runs = []
    for _ in range(15):
        done = place.wait(lambda: (lambda d: d if d.returncode == 0 else None)(
            place.call("trigger", "chain", "--json")), "the scheduler")
        runs.append(json.loads(done.stdout)["dag_run_id"])
        time.sleep(dice.random() * 0.4)
        who = dice.choice(["onebox-scheduler", "onebox-launcher", "onebox-tracking", "onebox-web", "up"])
        if who == "up":
            os.kill(place.up_pid(), signal.SIGKILL)
            place.wait(lambda: place.call("up", "-d").returncode == 0, "up")
        else:
            for pid in place.pids(who):
                os.kill(pid, signal.SIGKILL)

    def states():
        done = place.call("runs", "chain", "--json", "--limit=100")
        return {} if done.returncode else {
            r["dag_run_id"]: r["state"] for r in json.loads(done.stdout)["dag_runs"]}
    place.wait(lambda: all(states().get(r) == "success" for r in runs), "all runs", 90)
    with open(ran) as f:
        lines = f.read().splitlines()
    assert len(lines) == len(set(lines)) == 4 * len(states())


def test_down_leaves_tasks_to_the_next_up(place):
    flag = place.dir + "/go"
    place.good("up", "-d")
    place.pipeline("slow", SLOW % flag)
    place.good("trigger", "slow")
    place.wait(lambda: place.tasks("slow").get("nap", {}).get("state") == "running", "nap")
    assert place.json("down") == {"was_up": True}
    assert place.pids("onebox-scheduler") == [] and place.pids("onebox-task") != []
    open(flag, "w").close() # ends while nobody watches
    place.good("up", "-d")
    place.wait(lambda: place.tasks("slow")["nap"]["state"] == "success", "nap's end")
    assert place.tasks("slow")["nap"]["try_number"] == 1


def test_a_port_that_is_taken_is_told(place):
    with socket.socket() as s:
        s.bind(("127.0.0.1", place.tracking))
        s.listen()
        words = place.bad("up", "-d")
    assert "did not start" in words and "up.log" in words
    assert "in use" in place.log() and "onebox-tracking does not start" in place.log()
    assert not any(map(place.pids, DAEMONS))
    place.good("up", "-d")


def test_a_daemon_that_is_not_there_is_told(place):
    place.env["ONEBOX_LIBEXEC_DIR"] = place.dir
    done = place.call("up")
    assert done.returncode == 1
    assert "no such program" in done.stderr and "ONEBOX_LIBEXEC_DIR" in done.stderr


def test_interrupt_stops_all_in_order(place):
    p = subprocess.Popen([f"{build_dir()}/cli/onebox", "up"], env=place.env, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    place.wait(lambda: place.call("status").returncode == 0, "all to answer")
    p.send_signal(signal.SIGINT)
    _, words = p.communicate(timeout=60)
    assert p.returncode == 0, words
    assert "onebox is up" in words and "killed" not in words and "Sanitizer" not in words
    assert not os.path.exists(place.run_dir + "/up.json")
    assert not any(map(place.pids, DAEMONS))


def test_services_come_and_go_with_their_files(place):
    place.good("up", "-d")
    code = place.dir + "/code"
    os.makedirs(code)
    with open(code + "/answers.py", "w") as f:
        f.write("def hello(body):\n    return 'hello'\n")
    port = free_port()
    file = place.state + "/services/greeter.json"

    def write(function):
        with open(file + ".tmp", "w") as f:
            json.dump({"name": "greeter", "port": port, "cwd": code, "python": sys.executable,
                       "endpoints": [{"endpoint": "/hello", "module": "answers",
                                      "function": function}]}, f)
        os.rename(file + ".tmp", file)

    write("hello")
    place.wait(lambda: place.call("status").returncode == 0 and place.pids("onebox-serving"), "greeter")
    assert re.search(rf"^greeter +ok +127\.0\.0\.1:{port} +/hello +answers\.hello", place.good("services"),
                     re.M)
    assert place.json("urls")["services"] == {"greeter": f"http://127.0.0.1:{port}"}
    first = place.pids("onebox-serving")
    write("hello")
    place.wait(lambda: place.pids("onebox-serving") not in ([], first), "the new greeter")
    os.remove(file)
    place.wait(lambda: place.pids("onebox-serving") == [], "greeter to go")
    assert "no services" in place.good("services")
