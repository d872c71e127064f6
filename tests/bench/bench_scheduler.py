"""The scheduler's rates, each with its limit: independent tasks, a chain, idling with 10,000 finished runs; with the
fork launcher, and as transient units in a booted container (needs root and a build to install: ONEBOX_INSTALL_DIR).

Seconds are those of an idle machine; CPU holds on a busy one. Beside Airflow: bench_airflow.py.
BENCH_TASKS, BENCH_RUNS, BENCH_IDLE_SECONDS make it shorter.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench_platform import BUILD, CHAIN, IDLE_FOR, TICK, TOP, Place, all_ticks, answers, ask, limit, row, until

TASKS = int(os.environ.get("BENCH_TASKS", "1000"))
RUNS = int(os.environ.get("BENCH_RUNS", "10000"))
HEAD = "name: {name}\npipelines:\n  - pipeline: {name}\n    start_date: 2026-01-01\n    timeout_minutes: 60\n    max_active_tasks: 10000\n    max_active_runs: 100\n    tasks:\n"
AFTER = "\n        depends_on: []"


def pipeline(name, n, after):
    return HEAD.format(name=name) + "".join(
        f"      - task: t{i:04}\n        type: python\n        cmd: 'true'{after}\n" for i in range(n))


def rss_mb(proc):
    for line in (proc / "status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_s(proc):
    """Of all its threads, exactly: a tick of the clock is 0.05 % of 20 s."""
    return sum(int((t / "schedstat").read_text().split()[0]) for t in (proc / "task").iterdir()) / 1e9


def deploy(state, sock, name, text):
    directory = Path(state) / "pipelines" / name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "liminal.yml").write_text(text)
    until(lambda: answers(sock, f"/api/v2/dags/{name}"), 120, f"{name} is not taken", 0.02)


def timed(sock, name, pids):
    """Seconds of a run, and CPU seconds of the processes and their children that have ended."""
    before, began = sum(all_ticks(p) for p in pids() if p.exists()), time.monotonic()
    run = ask(sock, "POST", f"/api/v2/dags/{name}/dagRuns", {"logical_date": None})["dag_run_id"]
    path = f"/api/v2/dags/{name}/dagRuns/{run}"
    until(lambda: ask(sock, "GET", path)["state"] in ("success", "failed"), 900, f"{name} does not end", 0.01)
    took = time.monotonic() - began
    if ask(sock, "GET", path)["state"] != "success":
        raise SystemExit(f"bench: {name} failed")
    return took, (sum(all_ticks(p) for p in pids() if p.exists()) - before) / TICK


def rates(kind, state, sock, pids, want_rate, chain_limit):
    deploy(state, sock, "many", pipeline("many", TASKS, AFTER))
    deploy(state, sock, "chain", pipeline("chain", CHAIN, ""))
    timed(sock, "chain", pids)  # the first one makes what the others find
    best = min(timed(sock, "many", pids) for _ in range(3))
    chain = min(timed(sock, "chain", pids)[0] for _ in range(3)) * 1000 / CHAIN
    row(f"{kind}: {TASKS} independent tasks of true, a task ({TASKS / best[0]:.0f} a second)", best[0] * 1000 / TASKS, 1000 / want_rate, "ms")
    print(f"  {'  CPU over all processes, a task':<52} {best[1] * 1000 / TASKS:>9.2f} ms")
    row(f"{kind}: a chain of {CHAIN} tasks of true, a task", chain, chain_limit, "ms")


def idle(place, sock):
    """The scheduler alone, when many runs have ended."""
    deploy(place.state, sock, "one", pipeline("one", 1, ""))

    def trigger(i):
        until(lambda: answers_to_trigger(i), 120, "a trigger is not taken", 0.01)

    def answers_to_trigger(i):
        try:
            ask(sock, "POST", "/api/v2/dags/one/dagRuns", {"dag_run_id": f"r{i}"})
        except RuntimeError as e:
            return " 409 " in str(e)
        except OSError:
            return False
        return True
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(trigger, range(RUNS)))
    ended = "/api/v2/dags/one/dagRuns?limit=1&state=success"
    until(lambda: ask(sock, "GET", ended)["total_entries"] >= RUNS, 1800, "the runs do not end", 0.5)
    began, grown = time.monotonic(), None
    for again in (False, True):  # as it has worked, and as it starts
        if again:
            scheduler = named(place, "onebox-schedul")
            os.kill(int(scheduler.name), 9)
            until(lambda: not scheduler.exists() and answers(sock, ended), 120, "it does not come back", 0.05)
        scheduler = named(place, "onebox-schedul")
        until(lambda: ask(sock, "GET", "/api/onebox/v1/status")["at_rest"], 120, "it finds no rest", 0.2)
        rested = time.monotonic() - began
        before = cpu_s(scheduler)
        time.sleep(IDLE_FOR)
        if not again:
            print(f"  {'at rest (status says so) after the last end':<52} {rested:>9.2f} s")
        used, rss = 100 * (cpu_s(scheduler) - before) / IDLE_FOR, rss_mb(scheduler)
        grown = grown or rss
        word = "after its start" if again else "after all of them"
        row(f"idle with {RUNS} finished runs, {word}: a core", used, 0.05, "%")
        row("  its RSS", rss, 15, "MB")


def named(place, start):
    found = [p for p in place.processes() if (p / "comm").read_text().startswith(start)]
    if len(found) != 1:
        raise SystemExit(f"bench: {len(found)} processes are {start}…")
    return found[0]


def fork():
    place = Place()
    sock = place.run / "scheduler.sock"
    up = place.start(BUILD / "cli/onebox", "up")
    try:
        until(lambda: answers(sock, "/api/v2/monitor/health"), 60, "onebox is not healthy", 0.02)
        bare, bare_cpu, durable = limit(place)
        print(f"  {'the limit: a bare start of true, its CPU; a durable write':<52} {bare:>9.2f} ms, {bare_cpu:.2f} ms; {durable:.2f} ms")
        rates("fork", place.state, sock, place.processes, 500, durable + 3)  # the one durable write that ends a task and begins the next
        idle(place, sock)
    finally:
        place.end(up)


def units():
    sys.path.insert(0, str(TOP / "tests/system"))
    import conftest
    from machine import Machine
    if os.geteuid() != 0 or not (conftest.BUILD / "config.status").exists():
        print(f"  transient units: not measured (needs root and a build to install in {conftest.BUILD})")
        return
    machine = Machine(conftest.packages(), "obbench")
    try:
        box = conftest.Box(machine)
        box.install()
        machine.boot()
        box.start()
        inside = Path(f"/proc/{machine.leader}/root")

        def pids():
            root = os.readlink(f"/proc/{machine.leader}/ns/pid")
            return [p for p in Path("/proc").glob("[0-9]*") if in_namespace(p, root)]
        rates("units", inside / "var/lib/onebox", inside / "run/onebox/scheduler.sock", pids, 100, 20)
    finally:
        machine.remove()


def in_namespace(proc, root):
    try:
        return os.readlink(proc / "ns/pid") == root
    except OSError:
        return False


def main():
    fork()
    units()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
