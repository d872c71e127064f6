#!/usr/bin/env python3
"""kill -9, again and again, while pipeline runs go through; then the whole history is checked.

    kill_rounds.py [--rounds N] [--runs N] [--seed N] [--shims] [--build DIR]
    kill_rounds.py --total N --book FILE [--rounds N] …

Every daemon of the box is killed at random (seeded) moments and started again, and so is what forks
the tasks' supervisors. With --shims the supervisors are killed as well: their tries count as
interrupted, and begin anew.
With --disk SECONDS each sync takes up to so long (another time after each kill).
With --postgres two schedulers share a database of Debian's server, and one stands by.
With --total batches of --rounds follow one another, with and without --shims, each in a box of its
own with the next seed, until the book has N kills in all: a line for each batch, so that it goes on
where it was stopped. A batch that fails is in the book too, with its seed.
At the end:
  * every run and every task ended as it would have without us;
  * no try's command ran twice (each start appends one line with its try id to a ledger);
  * every recorded success did run to its end, and no failure was made up: a try failed exactly as
    often as its command does, whatever happened around it;
  * every metric that tracking acknowledged is there, and every try has one run of its own there that
    ended as the try did (when onebox-tracking is built).
Prints one line a round and ends with 0 when all holds."""
import argparse
import collections
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from box import Box, build_dir  # noqa: E402
from slow_disk import SlowDisk  # noqa: E402

LINE = 'echo "$ONEBOX_TRY_ID $ONEBOX_DAG_ID $ONEBOX_RUN_ID $ONEBOX_TASK_ID {}" >> {}; '

METRIC = r"""
import json, os, sys, time, urllib.request
base, token = os.environ["MLFLOW_TRACKING_URI"], os.environ.get("MLFLOW_TRACKING_TOKEN", "")
def post(path, body):
    for _ in range(400):
        try:
            req = urllib.request.Request(base + "/api/2.0/mlflow/" + path, json.dumps(body).encode(),
                {"Content-Type": "application/json", "Authorization": "Bearer " + token})
            with urllib.request.urlopen(req, timeout=10) as a:
                return json.loads(a.read() or b"{}")
        except urllib.error.HTTPError as e:
            if e.code < 500: sys.exit("%s: %s" % (e.code, e.read()))
        except OSError: pass
        time.sleep(0.05)
    sys.exit("tracking stays away")
run = post("runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
for step in range(8):
    post("runs/log-metric", {"run_id": run, "key": "loss", "value": step / 2, "timestamp": 1700000000000 + step, "step": step})
    with open(sys.argv[1], "a") as f: f.write("%s %d\n" % (run, step))
"""


def tasks(*rows):
    out = ""
    for name, cmd, extra in rows:
        out += f"      - task: {name}\n        type: python\n        cmd: '{cmd}'\n"
        out += "".join(f"        {k}: {v}\n" for k, v in extra.items())
    return out


class Rounds:
    def __init__(self, args):
        self.args = args
        self.random = random.Random(args.seed)
        self.tracking = os.path.exists(f"{build_dir()}/daemons/tracking/onebox-tracking")
        names = ["launcher", "scheduler"]
        port = free_port()
        conf = f"[scheduler]\ntracking_url = http://127.0.0.1:{port}\nparallelism = 16\n"
        if self.tracking:
            names.append("tracking")
            conf = conf.replace("[scheduler]\n", "[scheduler]\ntrack_tasks = yes\n")
            conf += f"[tracking]\nlisten = 127.0.0.1:{port}\n"
        if os.path.exists(f"{build_dir()}/daemons/web/onebox-web"):
            names.append("web")
            conf += f"[web]\nlisten = 127.0.0.1:{free_port()}\n"
        if args.postgres:
            conf = conf.replace("[scheduler]\n", f"[scheduler]\ndatabase = {self.postgres()}\n")
            names.insert(2, "scheduler@2")
        self.box = Box(conf, names=tuple(names))
        self.not_killed = []
        self.disk = None
        if args.disk:
            self.disk = SlowDisk(self.box.dir)
            self.box.env.update(self.disk.env())
        self.ledger, self.acked = self.box.dir + "/ledger", self.box.dir + "/acked"
        self.runs = {}  # run id -> dag id
        self.want = {}  # dag id -> (run state, {task: (state, tries by result)})

    def postgres(self):
        """A server of its own; it goes when we do."""
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fake", "db_server.sh")
        self.server = subprocess.Popen([script, "postgres"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = self.server.stdout.readline().split()
        if not said:
            sys.exit("no PostgreSQL is installed here")
        return f"postgresql://onebox@/onebox?host={said[1]}&port={said[2]}"

    def remove(self):
        self.box.remove()
        if self.args.postgres:
            self.server.stdin.close()
            self.server.wait()

    # --- what runs ------------------------------------------------------------------------------
    def command(self, body):
        return LINE.format("start", self.ledger) + body + " " + LINE.format("end", self.ledger).rstrip()

    def pipelines(self):
        ok = ("success", {"success": 1})
        quick, slow = self.command("true;"), self.command("sleep 1.$((RANDOM % 9));")
        flaky = LINE.format("start", self.ledger) + \
            f'n=$(grep -c " $ONEBOX_RUN_ID $ONEBOX_TASK_ID failed" {self.ledger}); ' \
            f'if [ "$n" -lt 2 ]; then ' + LINE.format("failed", self.ledger) + "exit 3; fi; " + \
            LINE.format("end", self.ledger).rstrip()
        bad = LINE.format("start", self.ledger) + "sleep 0.1; exit 7"
        shapes = {
            "chain": ([("a", quick, {}), ("b", quick, {}), ("c", quick, {}), ("d", quick, {})],
                      "success", {t: ok for t in "abcd"}),
            "slow": ([("a", quick, {}), ("b", slow, {}), ("c", quick, {})],
                     "success", {t: ok for t in "abc"}),
            "fan": ([("a", quick, {"depends_on": "[]"}), ("b", quick, {"depends_on": "[a]"}),
                     ("c", slow, {"depends_on": "[a]"}), ("d", quick, {"depends_on": "[a]"}),
                     ("e", quick, {"depends_on": "[b, c, d]"})],
                    "success", {t: ok for t in "abcde"}),
            "flaky": ([("a", quick, {}), ("b", flaky, {"retries": 2, "retry_delay": "0.1s"}),
                       ("c", quick, {})],
                      "success", {"a": ok, "b": ("success", {"failed": 2, "success": 1}), "c": ok}),
            "bad": ([("a", quick, {}), ("b", bad, {"retries": 1, "retry_delay": "0.1s"}),
                     ("c", quick, {})],
                    "failed", {"a": ok, "b": ("failed", {"failed": 2}),
                               "c": ("upstream_failed", {})}),
        }
        if self.tracking:
            script = self.box.dir + "/metric.py"
            with open(script, "w") as f:
                f.write(METRIC)
            metric = self.command(f"python3 {script} {self.acked} || exit 9;")
            shapes["metric"] = ([("a", quick, {}), ("b", metric, {}), ("c", quick, {})],
                                "success", {t: ok for t in "abc"})
        for name, (rows, state, want) in shapes.items():
            self.box.pipeline(name, f"name: {name}\npipelines:\n  - pipeline: {name}\n"
                              "    start_date: 2026-01-01\n    timeout_minutes: 30\n"
                              "    max_active_runs: 100\n    tasks:\n" + tasks(*rows))
            self.want[name] = (state, want)

    def trigger(self, dag_id):
        """Asks until it is acknowledged; an answer that was lost shows as 409."""
        run_id = f"{dag_id}-{len(self.runs):03d}"
        end, answers = time.monotonic() + self.args.patience, collections.Counter()
        while time.monotonic() < end:
            try:
                a = self.box.post(f"/api/v2/dags/{dag_id}/dagRuns", {"dag_run_id": run_id}, timeout=10)
                if a.status in (200, 409):
                    self.runs[run_id] = dag_id
                    return
                if a.status < 500:
                    raise AssertionError(f"trigger: {a.status} {a.body}")
                answers[f"{a.status} {a.body[:200]}"] += 1
            except (OSError, socket.timeout) as e:
                answers[repr(e)] += 1
            except Exception as e:  # a connection cut in the middle of an answer
                if type(e).__module__ != "http.client":
                    raise
                answers[repr(e)] += 1
            time.sleep(0.02)
        raise AssertionError(f"the scheduler did not take a trigger for {self.args.patience} s, it answered "
                             f"{dict(answers)}\n{self.box.whereabouts()}\n{self.box.tail()}")

    # --- the rounds -----------------------------------------------------------------------------
    def kill_ready(self):
        """Who was forked in advance, as long as it has no try: with one it is a task's supervisor."""
        for pid in self.box.shims_ready():
            try:
                os.kill(pid, signal.SIGSTOP)
                while state_of(pid) not in "TZX":
                    time.sleep(0.001)
                ours = pid in self.box.shims_ready()
                os.kill(pid, signal.SIGKILL if ours else signal.SIGCONT)
            except ProcessLookupError:
                continue
            if ours:
                return True
        return False

    def kill_one(self):
        forks = self.box.shim_servers() if self.random.random() < 0.15 else []
        if forks:
            if self.random.random() < 0.7 or not self.kill_ready():
                kill(forks[0])
            return "fork server"
        shims = self.box.shims() if self.args.shims else []
        if shims and self.random.random() < 0.5:
            kill(self.random.choice(shims))
            return "task"
        # the scheduler most often: it has the most to lose
        name = self.random.choice(list(self.box.names) + ["scheduler"] * 2)
        if self.box.kill(name) != -signal.SIGKILL:
            self.not_killed.append(name)
        time.sleep(self.random.choice([0, 0, 0.02, 0.2]))
        self.box.start(name)
        return name

    def go(self):
        self.pipelines()
        self.box.up()
        for dag_id in self.want:
            self.box.wait_dag(dag_id, self.args.patience)
        names = list(self.want)
        killed = collections.Counter()
        for i in range(self.args.rounds):
            while len(self.runs) < self.args.runs * (i + 1) / self.args.rounds:
                self.trigger(names[len(self.runs) % len(names)])
            time.sleep(self.random.uniform(0, 0.35))
            killed[self.kill_one()] += 1
            if self.disk:
                self.disk.sync_takes(self.random.uniform(0, self.args.disk))
            self.box.reap()
            if (i + 1) % 10 == 0:
                print(f"round {i + 1}/{self.args.rounds}: {dict(killed)}", flush=True)
        while len(self.runs) < self.args.runs:
            self.trigger(names[len(self.runs) % len(names)])
        self.box.wait_ready(self.args.patience)
        for run_id, dag_id in self.runs.items():
            self.box.wait_run(dag_id, run_id, self.args.patience)

    # --- the history ----------------------------------------------------------------------------
    def check(self):
        # one that gives way to the other of two schedulers is meant to
        wrong = [f"{name} had ended by itself" for name in self.not_killed
                 if not (self.args.postgres and name.startswith("scheduler"))]
        starts, ends = collections.Counter(), set()
        with open(self.ledger) as f:
            for line in f:
                try_id, dag, run, task, what = line.split()
                if what == "start":
                    starts[try_id] += 1
                elif what == "end":
                    ends.add(try_id)
        wrong += [f"try {t} ran {n} times" for t, n in starts.items() if n > 1]
        known = {}  # try id -> its result
        for run_id, dag_id in self.runs.items():
            wrong += self.check_run(run_id, dag_id, starts, ends, known)
        wrong += [f"try {t} ran, and nobody knows it" for t in starts if t not in known]
        n_metrics = self.check_metrics(wrong)
        self.check_own_runs(known, wrong)
        print(f"{len(self.runs)} runs, {len(known)} tries, {sum(starts.values())} starts, "
              f"{n_metrics} acknowledged metrics")
        return wrong

    def check_run(self, run_id, dag_id, starts, ends, known):
        state, want = self.want[dag_id]
        wrong = []
        run = self.box.run_of(dag_id, run_id)
        if run["state"] != state:
            wrong.append(f"run {run_id} is {run['state']}, not {state}")
        have = self.box.tasks_of(dag_id, run_id)
        for task, (task_state, results) in want.items():
            if have[task]["state"] != task_state:
                wrong.append(f"{run_id} {task} is {have[task]['state']}, not {task_state}")
            tries = self.box.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task}/tries"
                                 "?limit=1000").json["task_instances"]
            count = collections.Counter(t["result"] for t in tries)
            interrupted = count.pop("interrupted", 0)
            if self.args.shims and count["failed"] < results.get("failed", 0) and "success" in results:
                results = dict(results, failed=count["failed"])  # it counted a try cut off after that
            if {k: n for k, n in count.items() if n} != {k: n for k, n in results.items() if n}:
                wrong.append(f"{run_id} {task}: tries {dict(count)}, not {results}")
            if interrupted and not self.args.shims:
                wrong.append(f"{run_id} {task}: {interrupted} interrupted, and no shim was killed")
            for t in tries:
                known[t["try_id"]] = t["result"]
                if t["result"] in ("success", "failed") and not starts[t["try_id"]]:
                    wrong.append(f"{run_id} {task}: try {t['try_id']} {t['result']} without a start")
                if t["result"] == "success" and t["try_id"] not in ends:
                    wrong.append(f"{run_id} {task}: success, but it did not reach its end")
        return wrong

    def check_metrics(self, wrong):
        if not self.tracking or not os.path.exists(self.acked):
            return 0
        acked = collections.defaultdict(set)
        with open(self.acked) as f:
            for line in f:
                run, step = line.split()
                acked[run].add(int(step))
        for run, steps in acked.items():
            a = self.box.get("/api/2.0/mlflow/metrics/get-history?metric_key=loss&run_id=" + run,
                             sock="tracking.sock")
            have = {int(m["step"]) for m in a.json.get("metrics", [])} if a.status == 200 else set()
            if steps - have:
                wrong.append(f"tracking run {run}: metrics of steps {sorted(steps - have)} are lost")
        return sum(map(len, acked.values()))

    def check_own_runs(self, known, wrong):
        """The run of a try has its id. Tracking is told of it behind the task's back: what is not told yet will be."""
        if not self.tracking:
            return
        want = {"success": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
        end = time.monotonic() + self.args.patience
        for try_id, result in known.items():
            while True:
                a = self.box.get("/api/2.0/mlflow/runs/get?run_id=" + try_id.replace("-", ""), sock="tracking.sock")
                status = a.json["run"]["info"]["status"] if a.status == 200 else f"not there ({a.status})"
                if status == want.get(result) or time.monotonic() > end:
                    break
                time.sleep(0.2)
            if status != want.get(result):
                wrong.append(f"the run of try {try_id} is {status}, the try {result}")


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--rounds", type=int, default=30)
    p.add_argument("--runs", type=int, default=50)
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--shims", action="store_true", help="kill the tasks' supervisors as well")
    p.add_argument("--postgres", action="store_true", help="two schedulers on one PostgreSQL")
    p.add_argument("--disk", type=float, default=0, help="seconds that a sync takes at most")
    p.add_argument("--build", help="the build tree (default: $ONEBOX_BUILD_DIR)")
    p.add_argument("--patience", type=int, default=120, help="seconds that nothing takes longer than, on a disk that stands still too")
    p.add_argument("--keep", action="store_true", help="leave the box's directory when it fails")
    p.add_argument("--total", type=int, help="batches until the book has so many kills")
    p.add_argument("--book", help="the file of --total")
    args = p.parse_args()
    if bool(args.total) != bool(args.book):
        p.error("--total and --book go together")
    if args.build:
        os.environ["ONEBOX_BUILD_DIR"] = os.path.abspath(args.build)
    if args.seed is None:
        args.seed = 1 if args.total else uuid.uuid4().int % 1000000
    print(f"seed {args.seed}", flush=True)
    return many(args) if args.total else one(args)


def one(args):
    rounds = Rounds(args)
    began = time.monotonic()
    wrong = ["stopped before the check"]
    try:
        rounds.go()
        wrong = rounds.check()
    finally:
        if wrong:
            print(rounds.box.tail(20000))
        if wrong and args.keep:
            rounds.box.down()
            print("kept: " + rounds.box.dir)
        else:
            rounds.remove()
    for w in wrong[:50]:
        print("WRONG: " + w)
    print(f"{args.rounds} rounds in {time.monotonic() - began:.1f} s: "
          + ("all as it should be" if not wrong else f"{len(wrong)} faults"), flush=True)
    return 1 if wrong else 0


def many(args):
    book = []
    if os.path.exists(args.book):
        with open(args.book) as f:
            book = [json.loads(line) for line in f if line.endswith("\n")]
    while sum(batch["rounds"] for batch in book) < args.total:
        seed, shims = args.seed + len(book), len(book) % 2 == 1
        print(f"batch {len(book)}: seed {seed}{' with shims' if shims else ''}", flush=True)
        try:
            wrong = one(argparse.Namespace(**dict(vars(args), seed=seed, shims=shims)))
        except AssertionError as e:
            print(f"WRONG: {e}"[:20000])
            wrong = 1
        book.append({"seed": seed, "shims": shims, "rounds": args.rounds, "runs": args.runs, "wrong": wrong})
        with open(args.book, "a") as f:
            f.write(json.dumps(book[-1]) + "\n")
    bad = [batch for batch in book if batch["wrong"]]
    print(f"{sum(batch['rounds'] for batch in book)} kills in {len(book)} batches, {len(bad)} with faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
