"""onebox-serving with real Python workers: Apache Liminal's python_server, observed from outside."""

import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import sys
import time

import pytest
from daemon_test import Daemon, ask, short_directory, until

MODULE = '''
import os, signal, sys, time

def echo(body):
    assert isinstance(body, bytes)
    return body

def text(body):
    return "gr\\u00fc\\u00dfe"

def answer(body):
    return {"length": len(body), "pid": os.getpid()}

def listed(body):
    return [1, "two", None]

def pair(body):
    return {"made": True}, 201

def nothing(body):
    return None

def number(body):
    return 7

def not_a_number(body):
    return {"x": float("nan")}

def bad_status(body):
    return "x", 99

def fails(body):
    raise ValueError("the secret reason")

def leaves(body):
    sys.exit(3)

def dies(body):
    os.kill(os.getpid(), signal.SIGKILL)

def prints(body):
    print("a word from the function")
    return "ok"

def reads(body):
    return repr(sys.stdin.read())

def slow(body):
    time.sleep(float(body or b"0.3"))
    return "slept"

def root(body):
    return "the root"

def metrics(body):
    return "my own metrics"

def environment(body):
    return {k: os.environ.get(k) for k in ("GIVEN", "ONEBOX_ENDPOINTS", "NOTIFY_SOCKET")}
'''
NAMES = ["echo", "text", "answer", "listed", "pair", "nothing", "number", "not_a_number",
         "bad_status", "fails", "leaves", "dies", "prints", "reads", "slow", "environment"]


def write_service(root, file="demo", **changes):
    (root / "state/services").mkdir(parents=True, exist_ok=True)
    (root / "code").mkdir(exist_ok=True)
    (root / "code/functions.py").write_text(MODULE)
    endpoints = [{"endpoint": f"/{n}", "module": "functions", "function": n} for n in NAMES]
    endpoints.append({"endpoint": "/", "module": "functions", "function": "root"})
    service = {"name": file, "port": 0, "cwd": str(root / "code"), "python": sys.executable,
               "workers": 2, "endpoints": endpoints, "env": {"GIVEN": "yes"}, **changes}
    (root / f"state/services/{file}.json").write_text(json.dumps(service))


@pytest.fixture
def root():
    from pathlib import Path
    path = Path(short_directory())
    yield path
    shutil.rmtree(path)


class Service:
    def __init__(self, root, *args, name="demo", **changes):
        write_service(root, name, **changes)
        self.daemon = Daemon("serving", root, name, *args)

    def __enter__(self):
        self.daemon.__enter__()
        self.port = int(self.daemon.said(r"on 127\.0\.0\.1:(\d+)"))
        return self

    def __exit__(self, *error):
        self.daemon.__exit__(*error)

    def ask(self, method, path, body=None, headers=None):
        return ask(self.port, method, path, body, headers)

    def health(self):
        answer = self.ask("GET", "/onebox/health")
        return answer.status, json.loads(answer.text)

    def wait_ready(self):
        until(lambda: self.health()[1]["ready"] == self.health()[1]["workers"], "all workers")


@pytest.fixture
def service(root):
    with Service(root) as s:
        s.wait_ready()
        yield s


def test_kinds_of_answers(service):
    body = bytes(range(256)) * 40
    got = service.ask("POST", "/echo", body, {"Content-Type": "application/octet-stream"})
    assert (got.status, got.body) == (200, body)
    assert got.headers["Content-Type"] == "text/html; charset=utf-8"
    assert service.ask("GET", "/echo").body == b""
    got = service.ask("GET", "/text")
    assert (got.status, got.text) == (200, "grüße")
    got = service.ask("POST", "/answer", "abc")
    assert got.headers["Content-Type"] == "application/json"
    assert json.loads(got.text)["length"] == 3
    assert json.loads(service.ask("GET", "/listed").text) == [1, "two", None]
    got = service.ask("GET", "/pair")
    assert (got.status, json.loads(got.text)) == (201, {"made": True})


@pytest.mark.parametrize("path", ["nothing", "number", "not_a_number", "bad_status", "fails",
                                  "leaves"])
def test_what_is_no_answer_is_a_500_that_tells_nothing(service, path):
    got = service.ask("POST", f"/{path}", "x")
    assert got.status == 500
    assert "secret" not in got.text and "Traceback" not in got.text
    assert service.ask("GET", "/text").status == 200, "the worker goes on"


def test_the_reason_is_in_the_log(service):
    service.ask("GET", "/fails")
    service.daemon.said("ValueError: the secret reason")
    service.ask("GET", "/prints")
    service.daemon.said("a word from the function")
    assert service.ask("GET", "/reads").text == "''"


@pytest.mark.parametrize("method, path, status, text", [
    ("GET", "/", 200, "the root"),
    ("GET", "/favicon.ico", 204, ""),
    ("GET", "/none", 404, "Page not found."),
    ("POST", "/none", 404, "Page not found."),
    ("GET", "/text/", 404, "Page not found."),
    ("GET", "/a/text", 404, "Page not found."),
    ("GET", "/%74ext", 200, "grüße"),
    ("GET", "/text?x=1", 200, "grüße"),
    ("HEAD", "/text", 200, ""),
])
def test_paths(service, method, path, status, text):
    got = service.ask(method, path)
    assert (got.status, got.text) == (status, text)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_405(service, method):
    got = service.ask(method, "/text", "x")
    assert got.status == 405
    assert got.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_environment(service):
    seen = json.loads(service.ask("GET", "/environment").text)
    assert seen == {"GIVEN": "yes", "ONEBOX_ENDPOINTS": None, "NOTIFY_SOCKET": None}


def test_body_limit(root):
    with Service(root, "--max-body", "1K") as s:
        s.wait_ready()
        assert s.ask("POST", "/echo", b"x" * 1024).status == 200
        assert s.ask("POST", "/echo", b"x" * 1025).status == 413
        assert s.ask("POST", "/echo", b"x").status == 200


def test_a_dead_worker_is_replaced(service):
    got = service.ask("GET", "/dies")
    assert got.status == 503 and "may have run" in got.text
    assert got.headers["Retry-After"] is None, "asking again might do it twice"
    service.wait_ready()
    assert service.health()[1]["restarts"] == 1
    assert service.ask("GET", "/text").status == 200


def test_idle_workers_killed_again_and_again_lose_no_request(service):
    """A request meets a dead worker at any moment: it is answered, or 503 when it may have run."""
    pids = re.compile(r'"pid": (\d+)')
    for _ in range(20):
        pid = int(pids.search(service.ask("POST", "/answer", "").text).group(1))
        os.kill(pid, signal.SIGKILL)
        got = service.ask("POST", "/answer", "abc")
        assert got.status == 200, got.text
    service.wait_ready()


def test_requests_side_by_side(service):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        bodies = [os.urandom(1 + i * 97) for i in range(200)]
        got = list(pool.map(lambda b: service.ask("POST", "/echo", b).body, bodies))
    assert got == bodies


def test_full_queue_is_503_with_retry_after(root):
    with Service(root, "--queue", "2", workers=1) as s:
        s.wait_ready()
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            got = list(pool.map(lambda _: s.ask("POST", "/slow", "0.5"), range(12)))
        by = [a.status for a in got]
        assert set(by) == {200, 503} and by.count(200) >= 3
        assert all(a.headers["Retry-After"] == "1" for a in got if a.status == 503)
        assert 'onebox_serving_refused_total{service="demo"}' in s.ask("GET", "/metrics").text


def test_who_hangs_up_while_waiting_is_not_worked_for(root):
    with Service(root, workers=1) as s:
        s.wait_ready()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            busy = pool.submit(s.ask, "POST", "/slow", "2")
            until(lambda: "workers_busy{service=\"demo\"} 1" in s.ask("GET", "/metrics").text)
            with socket.create_connection(("127.0.0.1", s.port)) as gone:
                gone.sendall(b"POST /dies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
                until(lambda: s.health()[1]["queued"] == 1, "the request to wait")
            assert busy.result().text == "slept"
        assert s.ask("GET", "/text").text == "grüße"
        assert s.health()[1]["restarts"] == 0


def test_timeout_is_504_and_a_new_worker(root):
    with Service(root, "--timeout", "1s", workers=1) as s:
        s.wait_ready()
        before = json.loads(s.ask("GET", "/answer").text)["pid"]
        assert s.ask("POST", "/slow", "60").status == 504
        s.wait_ready()
        assert json.loads(s.ask("GET", "/answer").text)["pid"] != before
        assert not os.path.exists(f"/proc/{before}")


def test_functions_that_cannot_be_loaded(root):
    bad = [{"endpoint": "/x", "module": "absent_module", "function": "f"}]
    with Service(root, endpoints=bad) as s:
        got = s.ask("GET", "/x")
        assert got.status == 503 and "absent_module" not in got.text
        status, health = until(lambda: (lambda h: h if h[1].get("trouble") else None)(s.health()))
        assert status == 503
        assert "endpoint /x: absent_module.f: ModuleNotFoundError" in health["trouble"]


def test_own_metrics_endpoint_wins(root):
    own = [{"endpoint": "/metrics", "module": "functions", "function": "metrics"}]
    with Service(root, endpoints=own) as s:
        s.wait_ready()
        assert s.ask("GET", "/metrics").text == "my own metrics"


def test_stopping_answers_what_is_in_flight(root):
    with Service(root) as s:
        s.wait_ready()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            late = pool.submit(s.ask, "POST", "/slow", "1")
            until(lambda: s.health()[1]["ready"] and "workers_busy{service=\"demo\"} 1" in
                  s.ask("GET", "/metrics").text, "the request to run")
            assert s.daemon.end() == 0
            assert late.result().text == "slept"


def test_workers_die_with_a_killed_daemon(root):
    with Service(root) as s:
        s.wait_ready()
        pid = json.loads(s.ask("GET", "/answer").text)["pid"]
        s.daemon.end(signal.SIGKILL)
        until(lambda: not os.path.exists(f"/proc/{pid}") or
              open(f"/proc/{pid}/stat").read().split()[2] == "Z", "the worker to end")


@pytest.mark.parametrize("changes, said", [
    ({"name": "other"}, 'is for the service "other"'),
    ({"cwd": "relative"}, "must be absolute paths"),
    ({"endpoints": [{"endpoint": "/a/b", "module": "m", "function": "f"}]}, "one segment"),
    ({"colour": "red"}, 'unknown key "colour"'),
])
def test_a_wrong_file_stops_the_start(root, changes, said):
    write_service(root, "demo", **changes)
    daemon = Daemon("serving", root, "demo").start()
    assert daemon.process.wait(20) == 1
    assert "services/demo.json" in daemon.log.read_text() and said in daemon.log.read_text()


def test_no_such_service(root):
    daemon = Daemon("serving", root, "absent").start()
    assert daemon.process.wait(20) == 1
    assert "services/absent.json does not exist" in daemon.log.read_text()


def test_a_taken_port_is_named(root):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        write_service(root, "demo", port=taken.getsockname()[1])
        daemon = Daemon("serving", root, "demo").start()
        assert daemon.process.wait(20) == 1
        assert f"127.0.0.1:{taken.getsockname()[1]}" in daemon.log.read_text()


def test_first_requests_wait_for_the_workers(root):
    """No refused connection and no error while the functions are loaded."""
    write_service(root)
    module = root / "code/functions.py"
    module.write_text("import time\ntime.sleep(1)\n" + MODULE)
    daemon = Daemon("serving", root, "demo")
    with daemon:
        port = int(daemon.said(r"on 127\.0\.0\.1:(\d+)"))
        begun = time.monotonic()
        assert ask(port, "GET", "/text").text == "grüße"
        assert time.monotonic() - begun < 20
