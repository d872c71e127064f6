"""Git-sync with the real git: commits come whole, errors name their remedy, keys are mended, and the
scheduler runs what was fetched."""
import json
import os
import pwd
import shutil
import subprocess
import tempfile

import pytest

from box import Box, build_dir
from daemon_test import free_port

PIPELINE = """\
name: synced
pipelines:
  - pipeline: %s
    start_date: 2026-01-01
    timeout_minutes: 5
    tasks:
      - task: say
        type: python
        cmd: 'cat word.txt'
"""


class Repo:
    def __init__(self, directory):
        self.dir = directory
        self.git("init", "-q", "-b", "main")
        self.commit("dag-one", "first")

    def git(self, *args):
        env = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_AUTHOR_NAME="Ada", GIT_AUTHOR_EMAIL="a@x",
                   GIT_COMMITTER_NAME="Ada", GIT_COMMITTER_EMAIL="a@x")
        return subprocess.run(["git", "-C", self.dir, *args], env=env, check=True, capture_output=True,
                              text=True).stdout.strip()

    def write(self, path, text):
        path = os.path.join(self.dir, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)

    def commit(self, dag, word):
        self.write("tests/dags/a/liminal.yml", PIPELINE % dag)
        self.write("tests/dags/a/word.txt", word + "\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"say {word}")
        return self.git("rev-parse", "HEAD")


class Place:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="onebox-gitsync-")
        self.state = self.dir + "/state"
        os.makedirs(self.state)
        os.makedirs(self.dir + "/origin")
        self.repo = Repo(self.dir + "/origin")
        self.conf = self.dir + "/onebox.conf"
        self.configure()

    def configure(self, repo=None, **keys):
        with open(self.conf, "w") as f:
            f.write(f"[gitsync]\nenabled = yes\nrepo = {repo or 'file://' + self.repo.dir}\n")
            for key, value in keys.items():
                f.write(f"{key} = {value}\n")

    def run(self, *args, env=None):
        done = subprocess.run([f"{build_dir()}/daemons/gitsync/onebox-gitsync", "--state-dir", self.state, "--config",
                               self.conf, *args], env=dict(os.environ, **(env or {})), capture_output=True, text=True,
                              timeout=60)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        return done

    def good(self, *args, **more):
        done = self.run(*args, **more)
        assert done.returncode == 0, done.stderr
        return done

    def bad(self, words, **more):
        done = self.run(**more)
        assert done.returncode == 1 and words in done.stderr, done.stderr
        return done

    @property
    def status(self):
        with open(self.state + "/gitsync/status.json") as f:
            return json.load(f)

    def read(self, path):
        with open(f"{self.state}/gitsync/pipelines/{path}") as f:
            return f.read()


@pytest.fixture
def place():
    p = Place()
    yield p
    shutil.rmtree(p.dir)


def test_a_commit_comes_whole_and_only_once(place):
    head = place.repo.git("rev-parse", "HEAD")
    place.good()
    assert place.read("a/word.txt") == "first\n"
    assert place.status["commit"] == head and place.status["subject"] == "say first"
    assert place.status["error"] is None and place.status["author"] == "Ada"
    tree = os.path.realpath(place.state + "/gitsync/pipelines")
    made = os.stat(tree).st_mtime_ns
    place.good()
    assert os.stat(tree).st_mtime_ns == made, "an unchanged commit is left alone"

    place.repo.commit("dag-one", "second")
    place.good()
    assert place.read("a/word.txt") == "second\n"
    with open(tree + "/a/word.txt") as f:
        assert f.read() == "first\n", "what runs began with stays"


def test_branch_tag_and_commit(place):
    first = place.repo.git("rev-parse", "HEAD")
    place.repo.git("tag", "-a", "v1", "-m", "one")
    place.repo.commit("dag-one", "second")
    place.repo.git("checkout", "-q", "-b", "feature/x")
    place.repo.commit("dag-one", "third")
    for branch, word in [("main", "second"), ("v1", "first"), (first, "first"), ("feature/x", "third")]:
        place.configure(branch=branch)
        place.good()
        assert place.read("a/word.txt") == word + "\n", branch
    place.configure(branch="mian")
    place.bad('no branch or tag "mian": did you mean "main"?')
    assert place.read("a/word.txt") == "third\n", "an error takes nothing away"
    assert "mian" in place.status["error"] and place.status["commit"]
    place.configure(branch="f" * 40)
    place.bad("no commit ffff")


def test_depth_of_the_history(place):
    for word in ("two", "three"):
        place.repo.commit("dag-one", word)
    count = ["git", "-C", place.state + "/gitsync/repo.git", "rev-list", "--count"]
    for depth, n in ((1, "1"), (0, "4")):
        place.configure(clone_depth=depth)
        head = place.repo.commit("dag-one", f"depth {depth}")
        place.good()
        if depth == 1:
            assert subprocess.check_output([*count, head], text=True).strip() == n
        else:
            assert place.status["commit"] == head


def test_errors_name_the_remedy(place):
    place.configure(subpath="no/such")
    place.bad("no directory no/such: set [gitsync] subpath")
    place.configure(repo="file:///nonexistent/repo")
    place.bad("no git repository at that path")
    place.configure(repo="http://plain.example/x")
    place.bad("only ssh, https and file")
    place.configure(repo="https://user:secret-token@git.example/x")
    done = place.bad("gitCredentials")
    assert "secret-token" not in done.stderr + json.dumps(place.status["error"])
    place.configure(branch="--upload-pack=touch")
    place.bad("is no name of a branch")
    place.configure()
    place.good()
    assert place.status["error"] is None and place.status["error_since_at"] is None


def test_every_is_kept_by_the_timer_only(place):
    place.configure(every="1h")
    timer = {"TRIGGER_UNIT": "onebox-gitsync.timer"}
    place.good(env=timer)
    place.repo.commit("dag-one", "second")
    place.good(env=timer)
    assert place.read("a/word.txt") == "first\n"
    place.good()
    assert place.read("a/word.txt") == "second\n"


def test_switched_off(place):
    with open(place.conf, "w") as f:
        f.write("[gitsync]\nenabled = no\n")
    assert place.run("enabled").returncode == 1
    place.bad("switched off")


def test_hooks_and_filters_of_the_repository_do_not_run(place):
    place.repo.write(".gitattributes", "* filter=evil\n")
    place.repo.write(".git/hooks/post-checkout", f"#!/bin/sh\ntouch {place.dir}/hooked\n")
    os.chmod(place.repo.dir + "/.git/hooks/post-checkout", 0o755)
    place.repo.commit("dag-one", "second")
    place.good()
    assert not os.path.exists(place.dir + "/hooked")


SSH = """\
Port 0
ListenAddress 127.0.0.1
HostKey {dir}/host
AuthorizedKeysFile {dir}/authorized
StrictModes no
UsePAM no
PidFile none
SetEnv HOME={dir}
"""


@pytest.fixture
def sshd(place):
    """A real sshd with a key of its own; what the account's shell would read at home (and may wait in) plays no part."""
    if not shutil.which("sshd", path="/usr/sbin") or os.geteuid() != 0:
        pytest.skip("no sshd here, or not root")
    os.makedirs("/run/sshd", exist_ok=True)
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{place.dir}/{name}"], check=True)
    shutil.copy(place.dir + "/key.pub", place.dir + "/authorized")
    port = free_port()
    with open(place.dir + "/sshd_config", "w") as f:
        f.write(SSH.format(dir=place.dir).replace("Port 0", f"Port {port}"))
    daemon = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", place.dir + "/sshd_config"],
                              stderr=subprocess.PIPE, text=True)
    for line in daemon.stderr:
        if "listening" in line:
            break
    yield port, pwd.getpwuid(0).pw_name
    daemon.terminate()
    daemon.wait()


def test_ssh_with_a_key_without_its_newline(place, sshd):
    port, user = sshd
    with open(place.dir + "/key") as f:
        key = f.read()
    creds = place.dir + "/creds"
    os.makedirs(creds)
    with open(creds + "/gitSshKey", "w") as f:
        f.write(key.rstrip("\n").replace("\n", "\r\n"))
    env = {"CREDENTIALS_DIRECTORY": creds}
    place.configure(repo=f"ssh://{user}@127.0.0.1:{port}{place.repo.dir}", known_hosts=place.dir + "/known")
    place.bad("host's key is not trusted: ssh-keyscan 127.0.0.1", env=env)
    with open(place.dir + "/host.pub") as f, open(place.dir + "/known", "w") as known:
        known.write(f"[127.0.0.1]:{port} {f.read()}")
    done = place.good(env=env)
    assert "no newline at its end" in done.stderr and "Windows line ends" in done.stderr
    assert place.read("a/word.txt") == "first\n"
    assert not os.path.exists(place.state + "/gitsync/gitsync.key"), "the mended key is gone"
    open(place.dir + "/authorized", "w").close()
    place.repo.commit("dag-one", "second")
    done = place.bad("does not take the key", env=env)
    assert key.split("\n")[1] not in done.stderr


def test_the_scheduler_runs_what_was_fetched(place):
    box = Box()
    try:
        place.state = box.state
        place.good()
        box.up()
        box.wait_dag("dag-one")
        place.repo.commit("dag-two", "second")
        place.good()
        box.wait_dag("dag-two")
        run_id = box.trigger("dag-two")
        assert box.wait_run("dag-two", run_id)["state"] == "success"
        log = box.get(f"/api/v2/dags/dag-two/dagRuns/{run_id}/taskInstances/say/logs/1").json["content"]
        assert "second" in [line["event"] for line in log]
        report = box.get("/api/onebox/v1/status").json["gitsync"]
        assert report["subject"] == "say second" and report["error"] is None
    finally:
        box.end()


def test_the_first_fetch_is_seen_by_a_scheduler_that_was_there_before(place):
    """Its directory did not exist when the scheduler began to watch, and the look for all that was missed comes once a minute."""
    box = Box()
    try:
        place.state = box.state
        box.up()
        assert os.listdir(f"{box.state}/gitsync") == []
        place.good()
        box.wait_dag("dag-one")
    finally:
        box.end()


def test_scan_depth(place):
    for depth in (1, 2):
        text = PIPELINE.replace("synced", f"synced-{depth}") % f"at-{depth}"
        place.repo.write("tests/dags" + "/d" * depth + "/liminal.yml", text)
    place.repo.commit("dag-one", "deep")
    place.configure(scan_depth=1)
    box = Box()
    try:
        place.state = box.state
        place.good()
        box.up()
        box.wait_dag("at-1")
        assert box.get("/api/v2/dags/at-2").status == 404
    finally:
        box.end()
