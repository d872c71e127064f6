"""What only a whole machine can show: limits that bite (cgroup v2), what a try has used, a power cut in the
middle of a hundred running tasks, a Cloud SQL proxy that boots before the network, sleeps with the machine and
has its clock set. Two boots; correctness only, QEMU without KVM tells no times."""

import json
import os
import shutil
import subprocess

import pytest
import sqlproxy_vm
from conftest import BUILD, Box, install, packages
from machine import until
from vm import PATIENCE, Vm

HEAD = """\
name: {name}
owner: tests
pipelines:
  - pipeline: {name}
    start_date: 2026-01-01
    timeout_minutes: 60
    tasks:
"""
N = 100  # tasks that run when the power goes


def pipeline(name, tasks, more=""):
    out = HEAD.format(name=name).replace("    tasks:", more + "    tasks:")
    for task, cmd, *keys in tasks:
        out += f"      - task: {task}\n        type: python\n        cmd: {json.dumps(cmd)}\n"
        out += "".join(f"        {line}\n" for line in keys)
    return out


class VmBox(Box):
    """onebox on a virtual machine: patient."""

    def wait_green(self, seconds=PATIENCE):
        super().wait_green(seconds)

    def wait_run(self, dag, run, seconds=PATIENCE):
        return super().wait_run(dag, run, seconds)

    def tries(self, dag, run, task):
        return self.call("scheduler", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/tries")[1][
            "task_instances"]


def prepare(files):
    """onebox installed and enabled, as its package does it, before the first boot."""
    install(files)
    conf = files / "etc/onebox/onebox.conf.d"
    conf.mkdir(parents=True, exist_ok=True)
    (conf / "test.conf").write_text(f"[scheduler]\nparallelism = {N + 20}\n")
    wants = files / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / "onebox.target").symlink_to("/usr/local/lib/systemd/system/onebox.target")
    sqlproxy_vm.prepare(files)
    (files / "etc/systemd/system/sockets.target.wants").mkdir(parents=True, exist_ok=True)
    # What systemd-sysusers would do late, in a first boot without a package manager.
    subprocess.run(["systemd-sysusers", f"--root={files}"], check=True)


@pytest.fixture(scope="module")
def vm():
    if os.geteuid() != 0 or not shutil.which("qemu-system-x86_64"):
        pytest.skip("needs root and qemu-system-x86")
    if not (BUILD / "config.status").exists():
        pytest.skip(f"no build to install in {BUILD}")
    cloud = sqlproxy_vm.Cloud()
    vm = Vm(packages(), "obvm", prepare, ways=cloud.ways)
    try:
        vm.boot()
        box = VmBox(vm)
        box.wait_green()
        box.cloud = cloud
        yield box
    finally:
        vm.remove()
        cloud.close()


def test_the_kernel_has_cgroup_v2(vm):
    assert vm.machine.run("stat", "-fc", "%T", "/sys/fs/cgroup").stdout.strip() == "cgroup2fs"
    controllers = vm.machine.read("/sys/fs/cgroup/cgroup.controllers").split()
    assert {"cpu", "memory", "pids", "io"} <= set(controllers)


EAT = "python3 -c \"b = bytearray(300 << 20); print(len(b))\""
# Forks without end until told, and each of its children eats what it gets.
GREEDY = """python3 -c "
import os
first, eaten = os.getpid(), []
while not os.path.exists('/var/tmp/enough'):
    try:
        os.fork()
    except OSError:
        pass
    if os.getpid() != first:
        eaten.append(bytearray(1 << 20))
os._exit(1)
" """
# How long the pages and the API take, one after the other; run inside. The last line is for the test.
ASK = r"""
import http.client, json, socket, sys, time
class Conn(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/onebox/web.sock")
took = []
for i in range(40):
    for path in ("/", "/health", "/api/v2/dags", "/api/v2/dags/greedy/dagRuns"):
        began, c = time.monotonic(), Conn("localhost")
        c.request("GET", path)
        a = c.getresponse()
        a.read()
        c.close()
        took.append(time.monotonic() - began)
        if a.status != 200:
            sys.exit("%s: %d" % (path, a.status))
took.sort()
print(json.dumps({"n": len(took), "p50_ms": took[len(took) // 2] * 1000, "p99_ms": took[len(took) * 99 // 100] * 1000}))
"""


def test_memory_limit_bites_and_says_so(vm):
    vm.deploy("hungry", pipeline("hungry", [("eat", EAT, "resources: {memory_max: 64M}")]))
    run = vm.trigger("hungry")
    assert vm.wait_run("hungry", run) == "failed"
    ended = vm.tries("hungry", run, "eat")[0]
    assert ended["oom"] is True and "memory" in ended["message"], ended
    why = vm.machine.run("onebox", "why", "hungry", run, "eat", check=False).stdout
    assert "memory" in why, why


def test_a_greedy_task_leaves_the_box_usable_and_says_why_it_ended(vm):
    """It forks and eats without end: what it may have is little, everybody else is served, and its end is explained in
    the API, by the command and on the page (which shows the API's message)."""
    vm.machine.write("/opt/ask.py", ASK)
    vm.machine.shell("rm -f /var/tmp/enough")
    vm.deploy("greedy", pipeline("greedy", [("eat", GREEDY, "resources: {memory_max: 128M, tasks_max: 50}")]))
    idle = json.loads(vm.machine.run("python3", "/opt/ask.py").stdout)
    run = vm.trigger("greedy")
    vm.wait_task("greedy", run, "eat", "running", seconds=PATIENCE)
    unit = f"onebox-task-{vm.tries('greedy', run, 'eat')[0]['try_id']}.service"
    met = (f"d=$(find /sys/fs/cgroup -type d -name {unit}); grep -q '^max [1-9]' $d/pids.events && "
           "grep -q '^oom_kill [1-9]' $d/memory.events && echo both")
    until(lambda: vm.machine.shell(met, check=False).stdout == "both\n", PATIENCE, "its limits do not bite", vm.report)
    busy = json.loads(vm.machine.run("python3", "/opt/ask.py").stdout)
    print(f"\npages and API, idle {idle}, beside the greedy task {busy}")
    vm.machine.shell("touch /var/tmp/enough")
    assert vm.wait_run("greedy", run) == "failed"
    ended = vm.tries("greedy", run, "eat")[0]
    assert ended["oom"] is True and "out of memory" in ended["message"] and "tasks_max" in ended["message"], ended
    why = vm.machine.run("onebox", "why", "greedy", run, "eat", check=False).stdout
    assert "out of memory" in why and "tasks_max" in why, why
    until(lambda: vm.machine.shell("pgrep -u onebox-tasks python3 | wc -l").stdout.strip() == "0", PATIENCE,
          "it has left something behind", vm.report)


def test_what_a_try_used_is_accounted(vm):
    burn = "python3 -c \"import time; b = bytearray(48 << 20); t = time.process_time()\nwhile time.process_time() - t < 2: pass\""
    vm.deploy("burn", pipeline("burn", [("burn", burn)]))
    run = vm.trigger("burn")
    assert vm.wait_run("burn", run) == "success"
    usage = vm.tries("burn", run, "burn")[0]
    assert usage["cpu_user_s"] + usage["cpu_system_s"] >= 1.9, usage
    assert usage["peak_memory_bytes"] >= 48 << 20, usage


def test_a_power_cut_amid_a_hundred_tasks(vm):
    """Each try writes when it begins and when it ends; after the cut each ends once, in truth and in the records."""
    vm.machine.shell("mkdir -p /var/tmp/cut && chmod 1777 /var/tmp/cut")
    # It looks for "go" before it says that it began: nobody who is counted as begun can see it before the cut.
    body = ('[ -e /var/tmp/cut/go ] && go=yes; '
            'echo "$ONEBOX_TRY" >>/var/tmp/cut/$ONEBOX_TASK_ID.begin; sync /var/tmp/cut/$ONEBOX_TASK_ID.begin; '
            'if [ "$go" ]; then echo "$ONEBOX_TRY" >>/var/tmp/cut/$ONEBOX_TASK_ID.end; '
            'else sleep 3600; fi')
    vm.deploy("cut", pipeline("cut", [(f"t{i}", body, "depends_on: []") for i in range(N)],
                              f"    max_active_tasks: {N}\n"))
    run = vm.trigger("cut")
    until(lambda: int(vm.machine.shell("ls /var/tmp/cut | grep -c begin || true").stdout) == N, PATIENCE,
          "not all tasks run", vm.report)
    vm.machine.shell("touch /var/tmp/cut/go; sync")
    vm.machine.cut_power()
    vm.machine.boot()
    vm.wait_green()
    assert vm.wait_run("cut", run) == "success"
    tasks = vm.call("scheduler", f"/api/v2/dags/cut/dagRuns/{run}/taskInstances?limit=1000")[1]["task_instances"]
    tasks = [t for t in tasks if t["task_id"].startswith("t")]  # without the start and the end that every pipeline has
    assert len(tasks) == N and all(t["state"] == "success" for t in tasks)
    diary = vm.machine.shell("cd /var/tmp/cut; for f in *.begin *.end; do echo $f $(cat $f); done").stdout
    words = {line.split()[0]: line.split()[1:] for line in diary.splitlines()}
    for i in range(N):
        begun, ended = words[f"t{i}.begin"], words.get(f"t{i}.end", [])
        assert len(begun) == len(set(begun)), f"two processes for one try: {begun}"
        assert ended == begun[-1:], f"t{i}: began {begun}, ended {ended}"
        tries = vm.tries("cut", run, f"t{i}")
        states = [t["state"] for t in tries]
        assert states.count("success") == 1 and states[-1] == "success", states
        assert "failed" not in states, f"a power cut is no failure: {states}"


# --- the Cloud SQL proxy, on the boot after the cut -----------------------------------------------------------------
def test_sqlproxy_boots_before_the_network(vm):
    """Ready, saying why it cannot serve in one line; well by itself when the network is there."""
    sqlproxy_vm.boots_before_the_network(vm.machine, vm.cloud)


def test_sqlproxy_has_its_clock_set(vm):
    sqlproxy_vm.has_its_clock_set(vm.machine, vm.cloud)


def test_sqlproxy_wakes_with_the_machine(vm):
    sqlproxy_vm.wakes_with_the_machine(vm.machine, vm.cloud)
