"""Python environments of images: built once by onebox-build, shared, found by tasks; failures told. And `onebox build`
and `deploy`. Nothing here needs a network: what is installed is a wheel made by hand."""
import fcntl
import json
import os
import subprocess
import zipfile
from urllib.parse import quote

from box import build_dir
from scheduler_calls import box, log_of, run, tries, yml  # noqa: F401 (box is a fixture)

ONEBOX = f"{build_dir()}/cli/onebox"
BUILD = f"{build_dir()}/daemons/build/onebox-build"


def wheel(folder, name, version):
    """The least a wheel may be: one module that says its version."""
    info = f"{name}-{version}.dist-info"
    files = {f"{name}.py": f"VERSION = '{version}'\n",
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = "".join(f"{f},,\n" for f in [*files, f"{info}/RECORD"])
    os.makedirs(folder, exist_ok=True)
    with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as z:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            z.writestr(path, text)


def build(b, *args):
    return subprocess.run([BUILD, *args, "--state-dir", b.state], capture_output=True, text=True, timeout=600)


def cli(b, *args, cwd=None, **kw):
    return subprocess.Popen([ONEBOX, *args, "--state-dir", b.state, "--runtime-dir", b.run], text=True, cwd=cwd,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def project(b, name, requirements, cmd, more="", where=None):
    folder = f"{where or b.state + '/pipelines'}/{name}"
    os.makedirs(folder, exist_ok=True)
    wheel(folder + "/wheels", "oneboxtest", "1.5")
    with open(folder + "/requirements.txt", "w", encoding="utf-8") as f:
        f.write(requirements)
    with open(folder + "/liminal.yml", "w", encoding="utf-8") as f:
        f.write(f"images:\n  - {{image: im, type: python, source: .{more}}}\n" +
                yml(name, [("a", cmd, "image: im")]))
    return folder


def environments(b):
    return {e["source"]: e for e in b.get("/api/onebox/v1/environments").json["environments"]}


GOOD = "--no-index\n--find-links ./wheels\noneboxtest\n"


def test_a_task_waits_for_its_environment(box):
    folder = project(box, "built", GOOD, "python -c 'import oneboxtest, sys; print(oneboxtest.VERSION); print(sys.prefix)'")
    box.wait_dag("built")
    run_id = box.trigger("built")
    queue = box.state + "/venvs/queue"
    box.wait(lambda: os.path.isdir(queue) and any(n.endswith(".json") for n in os.listdir(queue)), 60, "the wish")
    assert box.get(f"/api/v2/dags/built/dagRuns/{run_id}/taskInstances/a").json["state"] == "queued"
    def why():
        return box.get(f"/api/onebox/v1/why?dag_id=built&run_id={quote(run_id)}&task_id=a").json["text"]
    assert 'waits for the environment of image "im"' in why() and "has not begun" in why() and "onebox build --list" in why()
    key = next(n for n in os.listdir(queue) if n.endswith(".json")).removesuffix(".json")
    # as it is while onebox-build is at work
    with open(f"{box.state}/venvs/{key}.state", "w", encoding="utf-8") as f:
        json.dump({"state": "building", "key": key}, f)
    with open(f"{box.state}/venvs/{key}.log", "w", encoding="utf-8") as f:
        f.write("one\ntwo\n\nthree\nfour\n")
    assert "being built: two | three | four; onebox build --log" in why(), why()
    done = build(box)
    assert done.returncode == 0, done.stderr
    assert box.wait_run("built", run_id)["state"] == "success"
    version, prefix = log_of(box, "built", run_id, "a")
    made = environments(box)[folder]
    assert version == "1.5" and prefix == f"{box.state}/venvs/{made['key']}" and made["state"] == "ready", made
    # the second time it is there
    _, whole = run(box, "built")
    assert whole["state"] == "success"
    log = cli(box, "build", "--log", made["key"]).communicate()[0]
    assert "Successfully installed oneboxtest-1.5" in log
    assert made["key"] in cli(box, "build", "--list").communicate()[0]


def test_one_that_cannot_be_built_fails_with_the_words_of_pip(box):
    folder = project(box, "unbuilt", "--no-index\nno-such-thing-at-all\n", "true")
    box.wait_dag("unbuilt")
    run_id = box.trigger("unbuilt")
    box.wait(lambda: any(n.endswith(".json") for n in os.listdir(box.state + "/venvs/queue")), 60, "the wish")
    assert build(box).returncode == 0
    assert box.wait_run("unbuilt", run_id)["state"] == "failed"
    (one,) = tries(box, "unbuilt", run_id, "a")
    assert "no-such-thing-at-all" in one["message"] and "onebox build --log" in one["message"], one
    why = box.get(f"/api/onebox/v1/why?dag_id=unbuilt&run_id={quote(run_id)}&task_id=a").json["text"]
    assert "no-such-thing-at-all" in why and "onebox build --log" in why, why
    assert environments(box)[folder]["state"] == "failed"
    assert not os.path.exists(f"{box.state}/venvs/{environments(box)[folder]['key']}")


def test_a_service_runs_in_the_environment_of_its_image(box):
    """Its file is written when that is there, names its Python, and stays as it is while another one is built."""
    folder = f"{box.state}/pipelines/served"
    os.makedirs(folder)
    wheel(folder + "/wheels", "oneboxtest", "1.5")
    path = f"{box.state}/services/answers.json"

    def write(requirements, port):
        with open(folder + "/requirements.txt", "w", encoding="utf-8") as f:
            f.write(requirements)
        with open(folder + "/liminal.yml", "w", encoding="utf-8") as f:
            f.write("name: served\nimages:\n  - {image: im, type: python_server, source: ., endpoints: "
                    "[{endpoint: /p, module: m, function: f}]}\n"
                    f"services:\n  - {{service: answers, image: im, port: {port}}}\n")

    def warned():
        return [w for w in box.get("/api/onebox/v1/status").json["warnings"] if "answers" in w]
    write(GOOD + "# of a service\n", 8099)
    box.wait(warned, 60, "the word that it waits")
    assert 'waits for the environment of image "im"' in warned()[0] and not os.path.exists(path)
    assert build(box).returncode == 0
    box.wait(lambda: os.path.exists(path), 60, "the service")
    with open(path, encoding="utf-8") as f:
        first = json.load(f)
    assert first["python"].startswith(f"{box.state}/venvs/") and first["port"] == 8099
    out = subprocess.run([first["python"], "-c", "import oneboxtest; print(oneboxtest.VERSION)"], capture_output=True, text=True)
    assert out.stdout == "1.5\n", out.stderr
    box.wait(lambda: not warned(), 60, "the end of the word")
    key = first["python"].split("/")[-3]

    def collected():
        """Is it gone when nobody has asked for it for long?"""
        for name in (f"{key}.state", f"queue/{key}.used"):
            if os.path.exists(f"{box.state}/venvs/{name}"):
                os.utime(f"{box.state}/venvs/{name}", (0, 0))
        assert build(box, "gc").returncode == 0
        return not os.path.exists(first["python"])
    assert not collected()  # a service may run for months
    write("--no-index\nno-such-thing-for-a-service\n", 8100)
    box.wait(warned, 60, "the word that it waits")
    assert build(box).returncode == 0
    box.wait(lambda: "no-such-thing-for-a-service" in (warned() or [""])[0], 60, "the reason")
    with open(path, encoding="utf-8") as f:
        assert json.load(f) == first
    write("", 8101)
    box.wait(lambda: json.load(open(path, encoding="utf-8"))["port"] == 8101, 60, "the service with onebox's own Python")
    assert json.load(open(path, encoding="utf-8"))["python"] == f"{box.state}/venv/bin/python"
    assert collected()


def test_onebox_build_waits_and_says_how_it_went(box):
    folder = project(box, "byhand", GOOD + "# another key\n", "true", ", build_cmd: 'echo built > $VIRTUAL_ENV/mark'",
                     where=box.dir + "/src")
    p = cli(box, "build", "--path", folder)
    box.wait(lambda: any(n.endswith(".json") for n in os.listdir(box.state + "/venvs/queue")), 60, "the wish")
    assert build(box).returncode == 0
    out, err = p.communicate(timeout=120)
    assert p.returncode == 0 and "im: built" in out, (out, err)
    key = environments(box)[folder]["key"]
    with open(f"{box.state}/venvs/{key}/mark", encoding="utf-8") as f:
        assert f.read() == "built\n"
    out = cli(box, "build", cwd=folder).communicate(timeout=120)[0]
    assert "is there already" in out
    # what runs while it is built writes to its own environment only, where the kernel can hold it to that
    bad = project(box, "outside", "", "true", f", build_cmd: 'touch {box.state}/venvs/{key}/evil'", where=box.dir + "/src")
    p = cli(box, "build", "--path", bad)
    box.wait(lambda: any(n.endswith(".json") for n in os.listdir(box.state + "/venvs/queue")), 60, "the wish")
    build(box)
    err = p.communicate(timeout=120)[1]
    if os.path.exists("/sys/kernel/security/lsm") and "landlock" in open("/sys/kernel/security/lsm", encoding="ascii").read():
        assert p.returncode == 1 and "build_cmd failed" in err, err
        assert not os.path.exists(f"{box.state}/venvs/{key}/evil")


def test_half_of_one_is_made_anew_and_unused_ones_go(box):
    folder = box.state + "/pipelines/built"
    key = environments(box)[folder]["key"]
    os.unlink(f"{box.state}/venvs/{key}/complete")  # as a power cut leaves it
    run_id = box.trigger("built")
    box.wait(lambda: os.path.exists(f"{box.state}/venvs/queue/{key}.json"), 60, "the wish")
    assert build(box).returncode == 0
    assert box.wait_run("built", run_id)["state"] == "success"
    assert build(box, "gc", "--days", "1").returncode == 0 and os.path.exists(f"{box.state}/venvs/{key}/complete")
    assert build(box, "gc", "--days", "0").returncode == 0 and not os.path.exists(f"{box.state}/venvs/{key}")


def test_deploy(box):
    folder = project(box, "deployed", "", "cat data.txt", where=box.dir + "/src")
    with open(folder + "/data.txt", "w", encoding="utf-8") as f:
        f.write("first\n")
    p = cli(box, "deploy", cwd=folder)
    out, err = p.communicate(timeout=120)
    assert p.returncode == 0 and "is deployed" in out, err
    box.wait_dag("deployed")
    assert log_of(box, "deployed", run(box, "deployed")[0], "a") == ["first"]
    with open(folder + "/data.txt", "w", encoding="utf-8") as f:
        f.write("second\n")
    assert cli(box, "deploy", "--path", folder).wait(120) == 0
    assert log_of(box, "deployed", run(box, "deployed")[0], "a") == ["second"]
    with open(folder + "/liminal.yml", "a", encoding="utf-8") as f:
        f.write("      - task: b\n        type: no-such-type\n")
    p = cli(box, "deploy", "--path", folder)
    assert p.wait(120) == 1 and "onebox pipelines compile" in p.stderr.read()
    assert os.path.exists(box.state + "/pipelines/deployed/data.txt")
    assert not [n for n in os.listdir(box.state + "/pipelines") if n.startswith(".")]
    assert cli(box, "deploy", "--path", folder, "--delete").wait(120) == 0
    assert not os.path.exists(box.state + "/pipelines/deployed")
    assert json.loads(box.get("/api/v2/dags/deployed").body).get("dag_id", "deployed") == "deployed"


def waits_for_lock(p):
    """Does the kernel say that the process waits for a lock?"""
    with open("/proc/locks", encoding="utf-8") as f:
        return any(line.split()[1] == "->" and int(line.split()[5]) == p.pid for line in f)


def test_who_changes_pipelines_waits_for_who_does(box):
    folder = project(box, "queued", "", "true", where=box.dir + "/src")
    place = box.state + "/pipelines/queued"
    for more, there in (((), True), (("--delete",), False)):
        holder = os.open(box.state + "/pipelines", os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(holder, fcntl.LOCK_EX)
        p = cli(box, "deploy", "--path", folder, *more)
        box.wait(lambda p=p: waits_for_lock(p), 30, "who deploys waits")
        assert os.path.exists(place) is not there, "before its turn"
        os.close(holder)
        assert p.wait(120) == 0, p.stderr.read()
        assert os.path.exists(place) is there


def test_deploys_at_once_are_one_after_the_other(box):
    folders = []
    for n in range(4):
        folders.append(project(box, "crowded", "", "true", where=f"{box.dir}/crowd{n}"))
        for i in range(300):
            with open(f"{folders[-1]}/file{i}", "w", encoding="utf-8") as f:
                f.write(str(n))
    for p in [cli(box, "deploy", "--path", folder) for folder in folders]:
        assert p.wait(120) == 0, p.stderr.read()
    place = box.state + "/pipelines/crowded"
    assert len({open(f"{place}/file{i}", encoding="utf-8").read() for i in range(300)}) == 1
    assert not [n for n in os.listdir(box.state + "/pipelines") if n.startswith(".")]
