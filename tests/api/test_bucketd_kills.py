"""onebox-bucketd killed at moments by chance, and its disk full: what was acknowledged is there, whole;
what was not is there whole or not at all; nothing is left lying about.

ONEBOX_TEST_ROUNDS sets the number of kills, ONEBOX_TEST_SEED the chances."""

import json
import os
import random
import signal
import threading
import time

import pytest
from bucketd_test import Bucketd, crc_of
from daemon_test import BUILD, until

ROUNDS = int(os.environ.get("ONEBOX_TEST_ROUNDS", "6"))
SEED = int(os.environ.get("ONEBOX_TEST_SEED", "1"))
UPLOAD = "/upload/storage/v1/b/bkt/o"


class Writer(threading.Thread):
    """Writes and deletes its own objects until the server is gone; knows what was acknowledged of each, and what may
    have happened since."""

    def __init__(self, server, number):
        super().__init__()
        self.server, self.number = server, number
        self.chance = random.Random(SEED * 1000 + number)
        self.known = {}    # name → CRC32C, None: deleted
        self.possible = {}  # name → what it may be instead, of the request that was cut off

    def content(self):
        return self.chance.randbytes(self.chance.choice((0, 10, 1000, 65536, 65537, 300000, 1500000)))

    def put(self, name, data):
        kind = self.chance.randrange(3)
        if kind == 0:
            return self.server.ask("POST", f"{UPLOAD}?uploadType=media&name={name}", data).status
        if kind == 1:
            return self.server.ask("PUT", f"/bkt/{name}", data).status
        begun = self.server.ask("POST", f"{UPLOAD}?uploadType=resumable&name={name}", "{}")
        target = begun.headers["Location"].split(str(self.server.port), 1)[1]
        half = len(data) // 2 // 262144 * 262144
        if half:
            self.server.ask("PUT", target, data[:half], {"Content-Range": f"bytes 0-{half - 1}/*"})
        if not data:
            return self.server.ask("PUT", target, b"", {"Content-Range": "bytes */0"}).status
        return self.server.ask("PUT", target, data[half:],
                               {"Content-Range": f"bytes {half}-{len(data) - 1}/{len(data)}"}).status

    def step(self):
        name = f"w{self.number}-{self.chance.randrange(8)}"
        if self.chance.random() < 0.2 and self.known.get(name):
            self.possible[name] = [None]
            status = self.server.ask("DELETE", self.server.object(name)).status
            assert status == 204, status
            self.known[name] = None
        elif self.chance.random() < 0.2 and self.known.get(name):
            # An append: a temporary object and a compose that takes it away.
            tail = self.chance.randbytes(100)
            now = self.server.ask("GET", f"/bkt/{name}").body
            self.possible[name] = [crc_of(now + tail)]
            assert self.put(f"{name}.tmp", tail) == 200
            body = {"sourceObjects": [{"name": name}, {"name": f"{name}.tmp"}], "deleteSourceObjects": True}
            answer = self.server.ask("POST", self.server.object(name, "/compose"), json.dumps(body))
            assert answer.status == 200, answer.text
            self.known[name] = crc_of(now + tail)
        else:
            data = self.content()
            self.possible[name] = [crc_of(data)]
            status = self.put(name, data)
            assert status == 200, status
            self.known[name] = crc_of(data)
        self.possible.pop(name)

    def run(self):
        try:
            while True:
                self.step()
        except OSError:
            pass  # the server was killed
        except Exception as error:  # http.client's, of answers cut off
            if "HTTPException" not in [c.__name__ for c in type(error).__mro__]:
                self.wrong = error

    wrong = None


def check(server, writer):
    """What is there is what it may be, whole; afterwards that is what is known."""
    for name in set(writer.known) | set(writer.possible):
        answer = server.ask("GET", f"/bkt/{name}")
        found = crc_of(answer.body) if answer.status == 200 else None
        assert answer.status in (200, 404)
        allowed = [writer.known.get(name)] + writer.possible.get(name, [])
        assert found in allowed, (name, found, allowed)
        if found:
            assert f"crc32c={found}" in answer.headers["x-goog-hash"]
        writer.known[name] = found
    writer.possible.clear()


def test_kills():
    chance = random.Random(SEED)
    with Bucketd() as server:
        writers = [Writer(server, i) for i in range(6)]
        for turn in range(ROUNDS):
            for i, old in enumerate(writers):
                writers[i] = Writer(server, i)
                writers[i].chance = random.Random(f"{SEED} {turn} {i}")
                writers[i].known = old.known
                writers[i].start()
            time.sleep(chance.uniform(0.05, 0.8))
            server.end(signal.SIGKILL)
            for writer in writers:
                writer.join()
                assert not writer.wrong, writer.wrong
            server.start()
            for writer in writers:
                check(server, writer)
        assert any(writer.known for writer in writers)
        # Only uploads under way may still have something staged, and every file has its row.
        rows = server.json("GET", "/storage/v1/b/bkt/o?fields=items(name)").get("items", [])
        for row in rows:
            assert server.ask("DELETE", server.object(row["name"])).status == 204
        data = server.state / "bucketd/data"
        until(lambda: not [path for path in data.glob("*/*")], "the files of deleted objects to go")


def test_a_session_outlives_a_kill():
    data = random.Random(SEED).randbytes(5 * 262144 + 5)
    with Bucketd() as server:
        begun = server.ask("POST", f"{UPLOAD}?uploadType=resumable&name=alive", json.dumps({"crc32c": crc_of(data)}))
        target = begun.headers["Location"].split(str(server.port), 1)[1]
        answer = server.ask("PUT", target, data[:2 * 262144], {"Content-Range": "bytes 0-524287/*"})
        assert answer.status == 308 and answer.headers["Range"] == "bytes=0-524287"
        server.end(signal.SIGKILL)
        server.start()
        answer = server.ask("PUT", target, b"", {"Content-Range": "bytes */*"})
        assert answer.status == 308 and answer.headers["Range"] == "bytes=0-524287"
        answer = server.ask("PUT", target, data[524288:], {"Content-Range": f"bytes 524288-{len(data) - 1}/{len(data)}"})
        assert answer.status == 200 and json.loads(answer.text)["crc32c"] == crc_of(data)
        server.end(signal.SIGKILL)
        server.start()
        assert server.read("alive").body == data
        assert server.ask("PUT", target, b"", {"Content-Range": "bytes */*"}).status == 200


def faults_compiled_in():
    with open(BUILD / "config.h") as f:
        return "#define ONEBOX_FAULTS 1" in f.read()


@pytest.mark.skipif(not faults_compiled_in(), reason="needs --enable-faults")
@pytest.mark.parametrize("fault", ["write:1:ENOSPC:3", "fsync:1:EIO:2", "commit:4:ENOSPC:2"])
def test_a_disk_that_fails(fault):
    """An upload that fails says so and leaves nothing; the next one works."""
    data = random.Random(SEED).randbytes(300000)
    with Bucketd() as server:
        server.put("before", b"kept")
        server.end()
        server.env = {"ONEBOX_FAULT": fault}
        server.start()
        statuses = []
        for i in range(12):
            answer = server.ask("POST", f"{UPLOAD}?uploadType=media&name=n{i}", data if i % 2 else b"small")
            statuses.append(answer.status)
            there = server.ask("GET", f"/bkt/n{i}")
            assert there.status == (200 if answer.status == 200 else 404), (fault, i, statuses)
        assert statuses[-1] == 200 and set(statuses) <= {200, 500, 503, 507}, statuses
        assert set(statuses) != {200}, "the fault did not strike"
        assert server.read("before").body == b"kept"
        until(lambda: not server.staged(), "what failed to be gone")
