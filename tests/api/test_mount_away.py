"""The bucket away under load, then back. ONEBOX_TEST_AWAY says for how many seconds."""

import os
import signal
import threading
import time

import pytest
from bucketd_test import Bucketd, crc_of
from daemon_test import PATIENCE, until
from mount_test import Mount, needs_fuse

pytestmark = needs_fuse


def test_away_and_back():
    """The server killed under load and started again: nothing is lost, no remount."""
    with Bucketd("--sync=no", "--listen=127.0.0.1:0") as server:
        with Mount(server.url) as mount:
            written, stop, longest = {}, threading.Event(), [0] * 4

            def load(number):
                i = 0
                while not stop.is_set():
                    data = b"%d %d " % (number, i) * 500
                    name = f"w{number}-{i % 5}"
                    began = time.monotonic()
                    try:
                        (mount / name).write_bytes(data)
                        written[name] = data
                    except OSError:  # away for longer than a call may take: nothing is promised of it
                        written.pop(name, None)
                    longest[number] = max(longest[number], time.monotonic() - began)
                    i += 1

            threads = [threading.Thread(target=load, args=(i,)) for i in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(0.5)
            server.end(signal.SIGKILL)
            server.args = tuple(f"--listen=127.0.0.1:{server.port}" if "listen" in str(a) else a for a in server.args)
            time.sleep(float(os.environ.get("ONEBOX_TEST_AWAY", "2")))
            server.start()
            before = dict(written)
            until(lambda: sum(written[k] is not before.get(k) for k in written) >= 4, "writers to go on")
            stop.set()
            for thread in threads:
                thread.join(PATIENCE)
                assert not thread.is_alive()
            # The deadlines of what it takes to write a file: 2 min for a name, 15 min for its content.
            assert max(longest) < 20 * 60
            assert len(written) >= 4
            for name, data in written.items():
                assert (mount / name).read_bytes() == data
        for name, data in written.items():
            assert crc_of(server.ask("GET", f"/bkt/{name}").body) == crc_of(data)


def test_a_read_that_hangs_is_made_anew():
    """One of many gets no answer, and nothing else would be asked for longer than the test may last."""
    content = os.urandom(3 << 20)
    with Bucketd("--sync=no") as server:
        server.put("f", content)
        with Mount(server.url, "--http-client-timeout=1h", "--read-stall-initial-req-timeout=300ms", "--read-stall-min-req-timeout=300ms") as mount:
            server.faults({"op": "read", "count": 1, "latency_ms": 3_600_000})
            began = time.monotonic()
            try:
                assert (mount / "f").read_bytes() == content
            finally:
                server.faults()
            assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("op,size", [("chunk", 9), ("insert", 1)])
def test_an_upload_that_hangs_is_tried_again(op, size):
    """A piece without an answer; its bytes are not lost, and nobody waits for longer than was asked for."""
    content = os.urandom(size << 20)
    with Bucketd("--sync=no") as server:
        with Mount(server.url, "--chunk-transfer-timeout-secs=1", "--write-block-size-mb=4", "--parallel-uploads-per-file=1") as mount:
            server.faults({"op": op, "count": 1, "latency_ms": 3_600_000})
            began = time.monotonic()
            try:
                (mount / "f").write_bytes(content)
            finally:
                server.faults()
            assert 1 <= time.monotonic() - began < 50
        assert crc_of(server.ask("GET", "/bkt/f").body) == crc_of(content)
