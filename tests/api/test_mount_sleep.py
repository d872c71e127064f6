"""The machine slept for two hours with the bucket mounted: what was connected is forgotten by the other end, and the first
read works. The clock is a test's own; no check depends on time."""

import socket
import threading

import pytest
from bucketd_test import Bucketd
from mount_test import Mount, needs_fuse
from sqlproxy_clock import Clock

pytestmark = needs_fuse
HOURS = 3600


class Nat:
    """A way to the server that forgets its connections without a word, as a router does meanwhile."""

    def __init__(self, port):
        self.port, self.n_dialled, self.n_into_the_dark = port, 0, 0
        self.pairs, self.forgotten = [], set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.port))
            self.n_dialled += 1
            self.pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    def carry(self, a, b):
        try:
            while data := a.recv(1 << 16):
                if a in self.forgotten or b in self.forgotten:
                    self.n_into_the_dark += 1
                    continue
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def forget(self):
        self.forgotten.update(s for pair in self.pairs for s in pair)

    def close(self):
        self.listener.close()
        for pair in self.pairs:
            for s in pair:
                s.close()


@pytest.fixture
def night(tmp_path):
    """A mount that lives by a clock of ours, and whose requests would rather wait for ever than try again."""
    class Place:
        dir = str(tmp_path)

    clock = Clock(Place)
    with Bucketd("--sync=no") as server:
        for i in range(8):
            server.put(f"d/{i}", b"%d" % i * 1000)
        nat = Nat(server.port)
        env = {**clock.env(), "ONEBOX_CLOCK_SPEED": "1"}
        try:
            with Mount(nat.url, "--http-client-timeout=20m", "--max-retry-duration=1h", env=env) as mount:
                yield clock, nat, server, mount
        finally:
            nat.close()


def read_all_at_once(mount):
    got = {}
    threads = [threading.Thread(target=lambda i=i: got.update({i: (mount / f"d/{i}").read_bytes()})) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return got


def test_the_first_read_after_a_suspend(night):
    clock, nat, server, mount = night
    expected = {i: b"%d" % i * 1000 for i in range(8)}
    assert read_all_at_once(mount) == expected  # many connections wait for more work
    held = open(mount / "held", "wb", buffering=0)
    held.write(b"before ")
    before = nat.n_dialled
    nat.forget()
    clock.sleep(2 * HOURS)
    server.put("d/3", b"changed meanwhile")  # what was known is two hours old now
    assert read_all_at_once(mount) == {**expected, 3: b"changed meanwhile"}
    held.write(b"and after")
    held.close()
    assert server.read("held").body == b"before and after"
    assert nat.n_dialled > before and nat.n_into_the_dark == 0, "a request went into a connection that had slept"
