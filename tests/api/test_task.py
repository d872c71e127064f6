"""onebox-task alone: the spool protocol, one try at a time."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

import pytest
from box import build_dir, children_of

LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


class Spool:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="onebox-task-")
        os.makedirs(self.dir + "/tasks")
        os.makedirs(self.dir + "/run")
        self.procs = []

    def make(self, **spec):
        try_id = "01890a5d-ac96-774b-bcce-" + uuid.uuid4().hex[:12]
        path = f"{self.dir}/tasks/{try_id}"
        os.mkdir(path)
        with open(path + "/spec.json", "w") as f:
            if spec:
                json.dump({"version": 1, "try_id": try_id, "dag_id": "d", "run_id": "r",
                           "task_id": "t", **spec}, f)
            else:
                f.write("{torn")
        return try_id

    def path(self, try_id, name):
        return f"{self.dir}/tasks/{try_id}/{name}"

    def start(self, try_id, *more):
        p = subprocess.Popen([f"{build_dir()}/daemons/task/onebox-task", "--state-dir", self.dir,
                              "--runtime-dir", self.dir + "/run", try_id, *more],
                             stderr=subprocess.PIPE)
        self.procs.append(p)
        return p

    def wait(self, probe, timeout=20):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = probe()
            if value:
                return value
            time.sleep(0.01)
        raise AssertionError("not in time")

    def end(self, try_id):
        path = self.path(try_id, "end.json")
        self.wait(lambda: os.path.exists(path))
        with open(path) as f:
            return json.load(f)

    def log(self, try_id):
        with open(self.path(try_id, "log"), "rb") as f:
            return f.read().decode()

    def texts(self, try_id, tag):
        return [line.split(" ", 2)[2] for line in self.log(try_id).splitlines()
                if line.split(" ", 2)[1] == tag]

    def ack(self, try_id, p):
        open(self.path(try_id, "acked"), "w").close()
        assert p.wait(20) == 0, p.stderr.read().decode()

    def whole(self, **spec):
        try_id = self.make(**spec)
        p = self.start(try_id)
        end = self.end(try_id)
        self.ack(try_id, p)
        return try_id, end


@pytest.fixture
def spool():
    s = Spool()
    yield s
    for p in s.procs:
        if p.poll() is None:
            p.kill()
        p.wait()
        p.stderr.close()
    shutil.rmtree(s.dir, ignore_errors=True)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_exit_code_and_log(spool):
    try_id, end = spool.whole(cmd='echo "$GREETING"; echo bad >&2; exit 3', env={"GREETING": "grüß"},
                              cwd="/tmp")
    assert (end["how"], end["exit_code"], end["signal"]) == ("exit", 3, None)
    assert end["try_id"] == try_id and end["duration_s"] > 0 and end["left_behind"] == 0
    assert end["started_at"] <= end["ended_at"]
    assert spool.texts(try_id, "o") == ["grüß"]
    assert spool.texts(try_id, "e") == ["bad"]
    assert end["log_bytes"] == len(spool.log(try_id).encode())


def test_argv_is_not_a_shell(spool):
    try_id, end = spool.whole(argv=["printf", "%s|", "a b", "$HOME", "*"])
    assert end["exit_code"] == 0
    assert spool.texts(try_id, "o") == ["a b|$HOME|*|"]


def test_program_that_is_not_there(spool):
    _, end = spool.whole(argv=["no-such-program"])
    assert end["how"] == "error" and "no-such-program" in end["message"]
    _, end = spool.whole(argv=["/etc/passwd"])
    assert end["how"] == "error" and "/etc/passwd" in end["message"]
    _, end = spool.whole(cmd="true", cwd="/no/such/place")
    assert end["how"] == "error" and end["exit_code"] is None


@pytest.mark.parametrize("spec, word", [
    ({"cmd": 1}, "cmd"), ({"argv": []}, "argv"), ({"argv": [1]}, "argv"),
    ({"cmd": "true", "argv": ["true"]}, "exactly one"), ({}, "column"),
    ({"cmd": "true", "env": {"A": 1}}, "env"), ({"cmd": "true", "env": {"A=B": "1"}}, "env"),
    ({"cmd": "true", "cwd": "relative"}, "cwd"), ({"cmd": "true", "timeout_s": -1}, "timeout_s"),
    ({"cmd": "true", "version": 2}, "version"), ({"cmd": "true", "log_limit": -1}, "log_limit")])
def test_bad_spec_is_the_end_of_the_try(spool, spec, word):
    try_id, end = spool.whole(**spec)
    assert end["how"] == "error" and word in end["message"], end
    assert os.path.exists(spool.path(try_id, "started"))


def test_time_limit_then_grace(spool):
    try_id, end = spool.whole(cmd="trap '' TERM; sleep 60 & sleep 60", timeout_s=0.3, grace_s=0.4)
    assert (end["how"], end["signal"]) == ("timeout", signal.SIGKILL)
    assert 0.7 <= end["duration_s"] < 10
    assert len(spool.texts(try_id, "s")) == 2


def test_term_is_enough(spool):
    _, end = spool.whole(cmd="trap 'exit 5' TERM; while :; do sleep 0.05; done", timeout_s=0.3,
                         grace_s=30)
    assert (end["how"], end["exit_code"]) == ("timeout", 5)
    assert end["duration_s"] < 10


def test_killed_by_a_signal(spool):
    _, end = spool.whole(cmd="kill -SEGV $$")
    assert (end["how"], end["signal"], end["exit_code"]) == ("signal", signal.SIGSEGV, None)


def test_what_is_left_behind_is_killed(spool):
    try_id, end = spool.whole(cmd="(setsid sleep 61 & echo $!) ; exit 0")
    assert end["how"] == "exit" and end["exit_code"] == 0
    assert not alive(int(spool.texts(try_id, "o")[0]))


def test_output_of_a_last_child_is_kept(spool):
    try_id, _ = spool.whole(cmd="(sleep 0.5; echo late) & echo early")
    assert spool.texts(try_id, "o") == ["early", "late"]


def test_second_start_refuses(spool):
    try_id, _ = spool.whole(cmd="echo once")
    p = spool.start(try_id)
    assert p.wait(20) == 1
    assert b"before" in p.stderr.read()
    assert spool.texts(try_id, "o") == ["once"]


def test_two_at_once_only_one_runs(spool):
    try_id = spool.make(cmd="echo once; sleep 0.3")
    both = [spool.start(try_id) for _ in range(4)]
    spool.end(try_id)
    open(spool.path(try_id, "acked"), "w").close()
    assert sorted(p.wait(20) for p in both) == [0, 1, 1, 1]
    assert spool.texts(try_id, "o") == ["once"]


def test_cancelled_before_it_began(spool):
    try_id = spool.make(cmd="echo never")
    open(spool.path(try_id, "started"), "w").close()
    assert spool.start(try_id).wait(20) == 1
    assert not os.path.exists(spool.path(try_id, "log"))
    assert not os.path.exists(spool.path(try_id, "end.json"))


def test_night(spool):
    try_id = spool.make(cmd="echo up; sleep 60", grace_s=5)
    p = spool.start(try_id)
    spool.wait(lambda: os.path.exists(spool.path(try_id, "log")) and "up" in spool.log(try_id))
    p.terminate()
    assert spool.end(try_id)["how"] == "stopped"
    assert p.wait(20) == 0  # nobody has acknowledged, and it waits for nobody: the end is on the disk


def test_a_clean_exit_after_stop_is_still_stopped(spool):
    try_id = spool.make(cmd="trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done")
    p = spool.start(try_id)
    spool.wait(lambda: os.path.exists(spool.path(try_id, "log")) and "up" in spool.log(try_id))
    p.terminate()
    end = spool.end(try_id)
    assert (end["how"], end["exit_code"]) == ("stopped", 0)
    spool.ack(try_id, p)


def test_kill_9_takes_the_command_along(spool):
    try_id = spool.make(cmd="echo $$; exec sleep 62")
    p = spool.start(try_id)
    pid = int(spool.wait(lambda: os.path.exists(spool.path(try_id, "log"))
                         and spool.texts(try_id, "o"))[0])
    p.kill()
    p.wait()
    spool.wait(lambda: not alive(pid))
    assert not os.path.exists(spool.path(try_id, "end.json"))
    with open(spool.path(try_id, "lock")) as f:
        assert str(p.pid) in f.read()


def test_sweep_kills_what_a_killed_shim_left(spool):
    ids = {}
    try_id = spool.make(cmd="setsid sleep 63 & echo $!; sleep 63", env={})
    with open(spool.path(try_id, "spec.json")) as f:
        spec = json.load(f)
    spec["env"] = {"ONEBOX_TRY_ID": try_id}
    with open(spool.path(try_id, "spec.json"), "w") as f:
        json.dump(spec, f)
    p = spool.start(try_id)
    ids["left"] = int(spool.wait(lambda: os.path.exists(spool.path(try_id, "log"))
                                 and spool.texts(try_id, "o"))[0])
    p.kill()
    p.wait()
    assert alive(ids["left"])
    assert spool.start(try_id, "--sweep").wait(20) == 0
    assert not alive(ids["left"])


def test_partial_line_within_100_ms_and_joined(spool):
    try_id = spool.make(cmd="printf par; sleep 1; printf 'tial\\n'; sleep 0.2")
    p = spool.start(try_id)
    spool.wait(lambda: os.path.exists(spool.path(try_id, "log"))
               and spool.log(try_id).endswith("par"))
    assert not os.path.exists(spool.path(try_id, "end.json"))
    spool.end(try_id)
    assert spool.texts(try_id, "o") == ["partial"]
    spool.ack(try_id, p)


def test_partial_lines_of_two_streams_do_not_mix(spool):
    try_id, _ = spool.whole(cmd="printf a; sleep 0.3; printf X >&2; sleep 0.3; printf b; echo; echo >&2")
    for line in spool.log(try_id).splitlines():
        assert line[27:30] in (" o ", " e "), line
    assert "".join(spool.texts(try_id, "o")) == "ab"
    assert "".join(spool.texts(try_id, "e")) == "X"


def test_long_line_is_split(spool):
    try_id, _ = spool.whole(cmd="head -c 200000 /dev/zero | tr '\\0' x; echo end")
    lines = spool.texts(try_id, "o")
    assert max(map(len, lines)) <= 65536
    assert "".join(lines) == "x" * 200000 + "end"


def test_much_output_is_all_there(spool):
    try_id, end = spool.whole(cmd="seq 1 100000")
    assert spool.texts(try_id, "o") == [str(i) for i in range(1, 100001)]
    assert end["log_lost_bytes"] == 0


def test_log_limit_is_said_and_kept(spool):
    try_id, end = spool.whole(cmd="seq 1 100000; echo last", log_limit=50000)
    assert os.path.getsize(spool.path(try_id, "log")) < 50000 + 70000
    said = spool.texts(try_id, "s")
    assert "limit" in said[0] and "not kept" in said[-1]
    assert end["exit_code"] == 0 and end["log_lost_bytes"] > 400000


def test_binary_output(spool):
    try_id, end = spool.whole(cmd="printf '\\377\\376\\000x\\n'")
    assert end["exit_code"] == 0
    with open(spool.path(try_id, "log"), "rb") as f:
        assert b"\xff\xfe\x00x\n" in f.read()


def test_reports_until_heard(spool):
    """The scheduler is away, then deaf, then slow, then there."""
    heard = []
    try_id = spool.make(cmd="true")
    p = spool.start(try_id)
    spool.end(try_id)
    time.sleep(0.2)
    assert p.poll() is None
    server = socket.socket(socket.AF_UNIX)
    server.bind(spool.dir + "/run/scheduler.sock")
    server.listen(8)

    def serve():
        for answer in (b"", b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", b"rubbish\r\n\r\n",
                       b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"):
            c, _ = server.accept()
            heard.append(c.recv(4096).split(b"\r\n")[0])
            c.sendall(answer)
            c.close()

    t = threading.Thread(target=serve)
    t.start()
    assert p.wait(30) == 0
    t.join()
    server.close()
    assert heard == [f"POST /internal/tries/{try_id} HTTP/1.1".encode()] * 4


def test_a_wrong_call_is_said(spool):
    for args in ([], ["x"], ["01890A5D-AC96-774B-BCCE-B302099A8057"], ["a", "b"], ["--nosuch"]):
        p = subprocess.run([f"{build_dir()}/daemons/task/onebox-task", *args], capture_output=True,
                           timeout=20)
        assert p.returncode == 2 and p.stderr


def mounted_small(path):
    return os.getuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", path], capture_output=True).returncode == 0


def test_full_disk(spool):
    """The task goes on, its end is written all the same, and the log says what was lost."""
    if not mounted_small(spool.dir + "/tasks"):
        pytest.skip("needs root to mount a small file system")
    try:
        try_id = spool.make(cmd="seq 1 200000; rm -f %s; sleep 0.5; echo after; exit 4"
                            % (spool.dir + "/tasks/ballast"))
        with open(spool.dir + "/tasks/ballast", "wb") as f:
            f.write(b"x" * 100000)
        p = spool.start(try_id)
        end = spool.end(try_id)
        spool.ack(try_id, p)
        assert end["exit_code"] == 4
        assert end["log_lost_bytes"] > 500000
        assert spool.texts(try_id, "o")[-1] == "after"
        assert any("lost" in text and "No space" in text for text in spool.texts(try_id, "s"))
    finally:
        subprocess.run(["umount", "-l", spool.dir + "/tasks"], check=True)


def test_end_on_a_disk_that_stays_full(spool):
    """The room for end.json was taken before the start: a full disk cannot refuse it."""
    if not mounted_small(spool.dir + "/tasks"):
        pytest.skip("needs root to mount a small file system")
    try:
        try_id = spool.make(cmd="seq 1 200000; exit 6")
        p = spool.start(try_id)
        assert spool.end(try_id)["exit_code"] == 6
        p.terminate()
        assert p.wait(20) == 0
    finally:
        subprocess.run(["umount", "-l", spool.dir + "/tasks"], check=True)


def test_memory_of_an_idle_shim(spool):
    with open("/proc/self/maps") as f:
        if "asan" in f.read():
            pytest.skip("sanitizers")
    try_id = spool.make(cmd="sleep 30")
    p = spool.start(try_id)
    spool.wait(lambda: children_of(p.pid))
    with open(f"/proc/{p.pid}/status") as f:
        rss = {line.split()[0]: line.split()[1] for line in f if line.startswith("Rss")}
    with open(f"/proc/{p.pid}/maps") as f:
        if "libasan" in f.read():
            return
    assert int(rss["RssAnon:"]) < 1024, rss
    p.terminate()
