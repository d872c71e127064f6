"""Checks: what the service manager keeps and hands over. Beyond Google's proxy."""

import os
import socket
import sys
import threading
import time

from sqlproxy_box import PATIENCE, check, dial, must, talk, wait_for

# Takes sockets from a Unix socket, as the manager's children find them, and becomes the proxy.
HANDED = """
import os, socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.connect(sys.argv[1])
    _, fds, _, _ = socket.recv_fds(s, 1, 16)
high = [os.dup(fd) for fd in fds]
for fd in fds:
    os.close(fd)
high = [fd if fd > 20 else os.dup2(fd, 30 + i, inheritable=False) for i, fd in enumerate(high)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i, inheritable=True)
os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def handing(t, fds):
    """The words before a program that is to find these descriptors from 3 on."""
    path = f"{t.dir}/hand{t.number}-{time.monotonic_ns()}"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)

    def serve():
        with server, server.accept()[0] as c:
            socket.send_fds(c, [b"x"], fds)
    threading.Thread(target=serve, daemon=True).start()
    return (sys.executable, "-c", HANDED, path)


class Manager:
    """NOTIFY_SOCKET's other end."""

    def __init__(self, t):
        self.path, self.kept, self.words = t.dir + "/notify", [], []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        t.others.append(self.socket.close)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while True:
                text, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
                if "FDSTORE=1" in text.decode():
                    self.kept += fds
                self.words.append(text.decode())
        except OSError:
            pass

    def heard(self, word):
        wait_for(lambda: any(word in w for w in self.words), f"{word} at the manager")
        return [w for w in self.words if word in w]


@check("systemd: listening sockets are kept over a restart: no client is refused", ours=True)
def _(t):
    i, m = t.instance(), Manager(t)
    p = t.up("--port", 5000, i, env={"NOTIFY_SOCKET": m.path})
    m.heard("READY=1")
    must(len(m.kept) == 1, f"{len(m.kept)} sockets kept")
    t.echoes()
    for _ in range(3):
        p.end()
        waiting = dial(t.address, 5000)  # nobody runs, and still it is not refused
        waiting.sendall(b"hello")
        p = t.up("--port", 5000, i, env={"NOTIFY_SOCKET": m.path}, under=handing(t, m.kept[:1]))
        waiting.settimeout(PATIENCE)
        must(waiting.recv(5) == b"hello", "not served by the next one")
        waiting.close()
    for fd in m.kept:
        os.close(fd)


@check("systemd: Unix sockets are kept too, and one whose path is gone is made anew", ours=True)
def _(t):
    i, m, path = t.instance(version="MYSQL_8_0"), Manager(t), t.dir + "/db.sock"
    words = ["--port", 5000, f"{i.name}?unix-socket-path={path}"]
    p = t.up(*words, env={"NOTIFY_SOCKET": m.path})
    m.heard("READY=1")
    t.echoes(None, path)
    p.end()
    waiting = dial(path)  # nobody runs, and still it is not refused
    waiting.sendall(b"hello")
    p = t.up(*words, env={"NOTIFY_SOCKET": m.path}, under=handing(t, m.kept[:1]))
    must(waiting.recv(5) == b"hello", "not served by the next one")
    waiting.close()
    p.end()
    os.unlink(path)
    t.up(*words, env={"NOTIFY_SOCKET": m.path}, under=handing(t, m.kept[:1]))
    m.heard("FDSTOREREMOVE=1")
    t.echoes(None, path)
    for fd in m.kept:
        os.close(fd)


@check("systemd: what is kept and no longer wanted is given up", ours=True)
def _(t):
    m = Manager(t)
    with socket.create_server((t.address, 5077)) as old:
        t.up("--port", 5000, t.instance(), env={"NOTIFY_SOCKET": m.path, "LISTEN_FDNAMES": "127.0.0.1.5077"}, under=handing(t, [old.fileno()]))
    must("127.0.0.1.5077" in m.heard("FDSTOREREMOVE=1")[0], m.words)
    t.given_up(5077)


@check("systemd: a socket unit's socket is found by its address", ours=True)
def _(t):
    with socket.create_server((t.address, 5001)) as theirs, socket.create_server((t.address, 5077)) as strange:
        t.up("--port", 5000, t.instance(), t.instance(), under=handing(t, [strange.fileno(), theirs.fileno()]))
    t.echoes(5000)
    t.echoes(5001)
    t.given_up(5077)


@check("systemd: STATUS= names address, cipher and the certificate's end, or what is wrong", ours=True)
def _(t):
    i, m = t.instance(), Manager(t)
    t.up("--port", 5000, i, env={"NOTIFY_SOCKET": m.path})
    t.echoes()
    status = m.heard("TLS_AES_")[-1]
    must(i.ip in status and "T" in status.split("certificate until ")[1], status)
    i.stop_listening()
    t.refused()
    m.heard("onnection refused")
    bad = t.instance(always={"settings": 403})
    t.up("--port", 5010, bad, env={"NOTIFY_SOCKET": m.path})
    must("\n" not in m.heard("says 403")[-1].strip(), "more than one line")


@check("systemd: a watchdog is fed", ours=True)
def _(t):
    m = Manager(t)
    t.up("--port", 5000, t.instance(), env={"NOTIFY_SOCKET": m.path, "WATCHDOG_USEC": "400000"})
    wait_for(lambda: sum("WATCHDOG=1" in w for w in m.words) >= 3, "the watchdog's food")
    talk(t.dial(5000))
