"""Ways between a proxy and the make-believe cloud: a relay that can be cut, SOCKS5 and HTTP CONNECT proxies, name server."""

import select
import socket
import struct
import threading


def pump_plain(a, b):
    """Until both have ended."""
    ended = set()
    with a, b:
        while len(ended) < 2:
            for s in select.select([s for s in (a, b) if s not in ended], [], [], 60)[0]:
                other = b if s is a else a
                try:
                    data = s.recv(65536)
                    if data:
                        other.sendall(data)
                        continue
                    other.shutdown(socket.SHUT_WR)
                except OSError:
                    return
                ended.add(s)


class Listener:
    """A thread for each connection, serve(sock)."""

    def __init__(self, address=("127.0.0.1", 0)):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        self.socket.listen(128)
        self.address = self.socket.getsockname()
        self.asked = []
        self.stopped = False
        threading.Thread(target=self.accept_all, daemon=True).start()

    def accept_all(self):
        while not self.stopped:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.guard, args=(sock,), daemon=True).start()

    def guard(self, sock):
        try:
            with sock:
                self.serve(sock)
        except (OSError, ValueError, struct.error):
            pass

    def close(self):
        self.stopped = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def connected(address):
    return socket.create_connection(address, 30)


class Relay(Listener):
    def __init__(self, address, to):
        self.to = to
        super().__init__(address)

    def serve(self, sock):
        pump_plain(sock, connected(self.to))


def exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise ValueError("ended")
        data += more
    return data


class Socks5(Listener):
    """With user, demands name and password."""

    def __init__(self, user=None, password=None):
        self.user, self.password = user, password
        super().__init__()

    def serve(self, sock):
        _, n = exactly(sock, 2)
        methods = exactly(sock, n)
        wanted = 2 if self.user else 0
        if wanted not in methods:
            sock.sendall(b"\x05\xff")
            return
        sock.sendall(bytes([5, wanted]))
        if self.user:
            exactly(sock, 1)
            user = exactly(sock, exactly(sock, 1)[0]).decode()
            password = exactly(sock, exactly(sock, 1)[0]).decode()
            good = (user, password) == (self.user, self.password)
            sock.sendall(b"\x01" + (b"\0" if good else b"\1"))
            if not good:
                return
        _, command, _, kind = exactly(sock, 4)
        if kind == 1:
            host = socket.inet_ntoa(exactly(sock, 4))
        elif kind == 4:
            host = socket.inet_ntop(socket.AF_INET6, exactly(sock, 16))
        else:
            host = exactly(sock, exactly(sock, 1)[0]).decode()
        port = struct.unpack(">H", exactly(sock, 2))[0]
        self.asked.append((host, port))
        try:
            if command != 1:
                raise OSError(command)
            there = connected((host, port))
        except OSError:
            sock.sendall(b"\x05\x05\x00\x01\0\0\0\0\0\0")
            return
        sock.sendall(b"\x05\x00\x00\x01\0\0\0\0\0\0")
        pump_plain(sock, there)


class HttpProxy(Listener):
    """CONNECT, and plain requests with a whole URL; names as in hosts: {(name, port): address} lead elsewhere."""

    def __init__(self, hosts=None):
        self.hosts = hosts or {}
        super().__init__()

    def serve(self, sock):
        head = b""
        while b"\r\n\r\n" not in head:
            more = sock.recv(4096)
            if not more:
                return
            head += more
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.asked.append((method, target))
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            there = connected(self.hosts.get((host, int(port)), (host, int(port))))
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            place, _, path = target.split("://", 1)[1].partition("/")
            host, _, port = place.partition(":")
            there = connected(self.hosts.get((host, int(port or 80)), (host, int(port or 80))))
            there.sendall(head.replace(f"{method} {target}".encode(), f"{method} /{path}".encode(), 1))
        pump_plain(sock, there)


class NameServer:
    """names: {"a.example.": [("TXT", text) | ("CNAME", name) | ("A", address)]}; what is not there does not exist.
    Answers over UDP and TCP, port 53 of an address of its own."""
    KINDS = {"A": 1, "CNAME": 5, "TXT": 16}

    def __init__(self, address, port=53):
        self.names, self.asked, self.broken = {}, [], False
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, port))
        self.tcp = Listener((address, port))
        self.tcp.serve = self.serve_tcp
        threading.Thread(target=self.serve_udp, daemon=True).start()

    def serve_udp(self):
        while True:
            try:
                question, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if question:
                try:
                    self.udp.sendto(self.answer(question), peer)
                except (OSError, IndexError):
                    pass

    def serve_tcp(self, sock):
        while True:
            question = exactly(sock, struct.unpack(">H", exactly(sock, 2))[0])
            got = self.answer(question)
            sock.sendall(struct.pack(">H", len(got)) + got)

    @staticmethod
    def coded(name):
        return b"".join(bytes([len(p)]) + p.encode() for p in name.rstrip(".").split(".")) + b"\0"

    def answer(self, question):
        i, labels = 12, []
        while question[i]:
            labels.append(question[i + 1:i + 1 + question[i]].decode())
            i += 1 + question[i]
        kind = struct.unpack(">H", question[i + 1:i + 3])[0]
        asked, name = question[12:i + 5], ".".join(labels).lower() + "."
        self.asked.append((kind, name))
        records, known = [], name in self.names
        while name in self.names:
            following = None
            for what, value in self.names[name]:
                if self.KINDS[what] == kind or what == "CNAME":
                    records.append((name, what, value))
                if what == "CNAME":
                    following = value
            if not following or kind == 5:
                break
            name = following
        code = 2 if self.broken else 0 if known else 3
        out = question[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, 0 if self.broken else len(records), 0, 0) + asked
        for owner, what, value in () if self.broken else records:
            data = {"A": lambda v: socket.inet_aton(v), "CNAME": self.coded, "TXT": lambda v: bytes([len(v)]) + v.encode()}[what](value)
            out += self.coded(owner) + struct.pack(">HHIH", self.KINDS[what], 1, 0, len(data)) + data
        return out

    def close(self):
        self.tcp.close()
        self.udp.close()
