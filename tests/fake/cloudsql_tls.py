"""The mutual-TLS end of a make-believe Cloud SQL instance, IP:3307, and what stands behind it: echo and other small
backends, or a real database's socket. One thread a connection; a test's switches are read when a connection begins."""

import select
import socket
import ssl
import struct
import threading
import time

MAGIC = b"CSQLMDEX"
BIG = bytes(range(256)) * 256
PATIENCE = 30


def reset(sock):
    """Ends with RST instead of FIN."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    except OSError:
        pass


def receive_exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError(f"{len(data)} of {n} bytes")
        data += more
    return data


class Session:
    """What one client connection was like; kept in Instance.sessions for tests to look at."""

    def __init__(self, instance, peer, address):
        self.instance, self.peer, self.address = instance, peer, address
        self.began_at, self.ended_at = time.monotonic(), None
        self.serial = self.version = self.cipher = self.sni = self.error = self.mdx = self.end = None
        self.reused = False
        self.received = 0
        self.raw = None  # the socket, for tests that cut it

    @property
    def open(self):
        return self.ended_at is None


class Ending:
    """The server's end of a TLS connection that can end its own direction alone. SSLSocket.unwrap() sends close_notify and
    looks for the other's in one: what the client has said meanwhile is an error to it, and breaks the connection."""

    def __init__(self, sock, context):
        self.sock, self.incoming, self.outgoing = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def __getattr__(self, name):
        return getattr(self.tls if hasattr(self.tls, name) else self.sock, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def flush(self):
        if self.outgoing.pending:
            self.sock.sendall(self.outgoing.read())

    def step(self, what, *args):
        while True:
            try:
                got = what(*args)
                self.flush()
                return got
            except ssl.SSLWantReadError:
                self.flush()
                if data := self.sock.recv(65536):
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def do_handshake(self):
        self.step(self.tls.do_handshake)

    def recv(self, n):
        return self.step(self.tls.read, n)

    def sendall(self, data):
        self.step(self.tls.write, data)

    def end(self):
        """close_notify alone: we still read."""
        assert not self.incoming.pending
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()


# --- the small backends: (tls, session) -----------------------------------------------------------
def receive(tls, session, n=65536):
    """b"" at an orderly end; how it ended is in session.end."""
    try:
        data = tls.recv(n)
    except ssl.SSLZeroReturnError:
        data = b""
    except ssl.SSLEOFError:
        session.end = "truncated"
        return b""
    except OSError as e:
        session.end = session.end or f"error: {e}"
        return b""
    if not data:
        session.end = "close_notify"
    session.received += len(data)
    return data


def finish(tls):
    """close_notify, then waits a little for theirs."""
    try:
        tls.settimeout(5)
        tls.unwrap()
    except (OSError, ValueError):
        pass


def backend_echo(tls, session):
    while data := receive(tls, session):
        tls.sendall(data)
    finish(tls)


def backend_shout(tls, session):
    """Answers each piece in capitals: shows that answers are not the client's own bytes."""
    while data := receive(tls, session):
        tls.sendall(data.upper())
    finish(tls)


def backend_after_end(tls, session):
    """Says how much came only when all has come, then 4 MiB: what half-close is for."""
    n = 0
    while data := receive(tls, session):
        n += len(data)
    tls.sendall(b"%010d" % n)
    for _ in range(64):
        tls.sendall(BIG)
    finish(tls)


def backend_first_end(tls, session):
    """Says hello and ends its own direction, then still takes everything."""
    tls.sendall(b"hello")
    tls.end()
    while receive(tls, session):
        pass


backend_first_end.needs_end = True


def backend_sink(tls, session):
    while receive(tls, session):
        pass
    finish(tls)


def backend_greet(tls, session):
    """Speaks first, as MySQL does, then echoes."""
    tls.sendall(b"greetings\n")
    backend_echo(tls, session)


def backend_source(tls, session):
    """Sends as long as anybody takes it."""
    while True:
        tls.sendall(BIG)


def backend_hole(tls, session):
    """Never says anything, and reads nothing."""
    session.instance.closing.wait(120)


def backend_reset(tls, session):
    receive(tls, session)
    reset(tls)


def backend_truncate(tls, session):
    """Half an answer, then a plain FIN without close_notify."""
    receive(tls, session)
    tls.sendall(b"half an ans")
    tls.shutdown(socket.SHUT_RDWR)


def backend_bye(tls, session):
    """Ends in good order after the first bytes."""
    data = receive(tls, session)
    tls.sendall(data)
    finish(tls)


def backend_at_once(tls, session):
    finish(tls)


BACKENDS = {name[8:]: f for name, f in list(globals().items()) if name.startswith("backend_")}


# --- a real database ------------------------------------------------------------------------------
def backend_socket(address):
    """Pumps to a socket: a path, or (host, port)."""
    def backend(tls, session):
        plain = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        with plain:
            plain.connect(address if isinstance(address, str) else tuple(address))
            pump(tls, plain, session)
    return backend


class Pump:
    LIMIT = 1 << 18

    def __init__(self, tls, plain, session):
        self.tls, self.plain, self.session = tls, plain, session
        self.up, self.down = bytearray(), bytearray()
        self.tls_ended = self.plain_ended = self.up_shut = self.down_shut = False

    def read_tls(self):
        if self.tls_ended or len(self.up) >= self.LIMIT:
            return False
        try:
            data = self.tls.recv(65536)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except ssl.SSLZeroReturnError:
            data = b""
        except ssl.SSLEOFError:
            data, self.session.end = b"", "truncated"
        if data:
            self.up += data
            self.session.received += len(data)
        else:
            self.tls_ended, self.session.end = True, self.session.end or "close_notify"
        return True

    def write_tls(self):
        if not self.down:
            if self.plain_ended and not self.down_shut:
                self.down_shut = True
                try:
                    self.tls.unwrap()
                except OSError:
                    pass
            return False
        try:
            n = self.tls.send(bytes(self.down[:16384]))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        del self.down[:n]
        return True

    def read_plain(self):
        if self.plain_ended or len(self.down) >= self.LIMIT:
            return False
        try:
            data = self.plain.recv(65536)
        except BlockingIOError:
            return False
        self.down += data
        self.plain_ended = not data
        return True

    def write_plain(self):
        if not self.up:
            if self.tls_ended and not self.up_shut:
                self.up_shut = True
                self.plain.shutdown(socket.SHUT_WR)
            return False
        try:
            n = self.plain.send(self.up[:65536])
        except BlockingIOError:
            return False
        del self.up[:n]
        return True

    def wait(self):
        poll = select.poll()
        tls_events = (select.POLLIN if not self.tls_ended and len(self.up) < self.LIMIT else 0) | (select.POLLOUT if self.down else 0)
        plain_events = (select.POLLIN if not self.plain_ended and len(self.down) < self.LIMIT else 0) | (select.POLLOUT if self.up else 0)
        if tls_events:
            poll.register(self.tls, tls_events)
        if plain_events:
            poll.register(self.plain, plain_events)
        poll.poll(1000)

    def run(self):
        self.tls.setblocking(False)
        self.plain.setblocking(False)
        while not (self.down_shut and self.up_shut):
            if self.session.instance.closing.is_set():
                return
            moved = [self.read_tls(), self.write_plain(), self.read_plain(), self.write_tls()]
            if not any(moved) and not (self.down_shut and self.up_shut):
                self.wait()


def pump(tls, plain, session):
    try:
        Pump(tls, plain, session).run()
    except OSError as e:
        session.end = session.end or f"error: {e}"


# --- metadata exchange -----------------------------------------------------------------------------
def varint_field(data, number):
    """The value of a varint field of a protobuf message of varints."""
    i = 0
    while i < len(data):
        tag, i = data[i], i + 1
        value = shift = 0
        while True:
            b, i = data[i], i + 1
            value |= (b & 127) << shift
            shift += 7
            if b < 128:
                break
        if tag >> 3 == number and tag & 7 == 0:
            return value
    return None


def mdx_frame(body):
    return MAGIC + struct.pack(">I", len(body)) + body


OK = b"\x08\x01"
MDX_ANSWERS = {
    "ok": [mdx_frame(OK)],
    "error": [mdx_frame(b"\x08\x02\x12\x04nope")],
    "bytes": [bytes([b]) for b in mdx_frame(OK)],
    "split-magic": [MAGIC[:5], MAGIC[5:], mdx_frame(OK)[8:]],
    "large": [mdx_frame(OK + b"\x12\xe4\x7f" + b"m" * 16356)],
    "oversize": [MAGIC + struct.pack(">I", 1 << 24) + b"\x08\x01"],
    "huge": [MAGIC + b"\xff\xff\xff\xff" + b"\x08\x01"],
    "empty": [mdx_frame(b"")],
    "magic-then-end": [MAGIC],
    "not-magic": [b"CSQLMDEY"],
    "prefix": [b"CSQLM"],
    "nothing": [],
}


def mdx_exchange(tls, session, kind):
    head = receive_exactly(tls, 12)
    if head[:8] != MAGIC:
        session.mdx = f"no prelude: {head!r}"
        raise EOFError(session.mdx)
    session.mdx = varint_field(receive_exactly(tls, struct.unpack(">I", head[8:])[0]), 2)
    for piece in MDX_ANSWERS[kind]:
        tls.sendall(piece)
        if len(MDX_ANSWERS[kind]) > 1:
            time.sleep(0.005)
    if kind == "magic-then-end":
        finish(tls)
        raise EOFError(kind)


# --- the listener ----------------------------------------------------------------------------------
class Terminator:
    """Listens at one address of an instance. instance.door is how it meets clients: "tls", "closed" (accept and close),
    "reset", "silent" (accept, then nothing), "plain" (no TLS at all), "late" (TLS after instance.late_for seconds)."""

    def __init__(self, instance, address, port=3307):
        self.instance, self.address = instance, address
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(512)
        self.stopped = False
        self.thread = threading.Thread(target=self.accept_all, daemon=True)
        self.thread.start()

    def accept_all(self):
        while True:
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return
            if self.stopped:
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self.instance, peer, self.address)
            session.raw = sock
            self.instance.sessions.append(session)
            threading.Thread(target=self.serve, args=(sock, session), daemon=True).start()

    def context(self, session):
        i = self.instance
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = i.tls_versions
        context.load_cert_chain(i.server_pem)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=i.client_ca.pem)
        if i.sig_algs_legacy:
            context.set_ciphers("DEFAULT@SECLEVEL=0")

        def named(_, name, __):
            session.sni = name
        context.sni_callback = named
        return context

    def serve(self, sock, session):
        try:
            self.meet(sock, session)
        except Exception as e:  # pylint: disable=broad-except # whatever ends a session is its end
            session.error = session.error or f"{type(e).__name__}: {e}"
        finally:
            try:
                sock.close()
            except OSError:
                pass
            session.ended_at = time.monotonic()

    def meet(self, sock, session):
        i = self.instance
        door = i.next_door()
        if door == "closed":
            return
        if door == "reset":
            reset(sock)
            return
        if door == "silent":
            i.closing.wait(120)
            return
        if door == "plain":
            sock.sendall(b"ERR this is no TLS\n")
            sock.recv(100)
            return
        if door == "late":
            time.sleep(i.late_for)
        sock.settimeout(PATIENCE)
        context = self.context(session)
        if hasattr(i.backend, "needs_end"):
            tls = Ending(sock, context)
        else:
            tls = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        with tls:
            session.raw = tls
            tls.do_handshake()
            # OpenSSL says a refused client certificate as an error of the handshake here; the client learns it on reading
            session.serial = tls.getpeercert()["serialNumber"].lower().lstrip("0") if tls.getpeercert() else None
            session.version, session.cipher, session.reused = tls.version(), tls.cipher()[0], tls.session_reused
            i.handshakes += 1
            tls.settimeout(None)
            if door == "hang-up":
                reset(tls)
                return
            if i.mdx_answer:
                mdx_exchange(tls, session, i.mdx_answer)
            i.backend(tls, session)

    def stop(self):
        if self.stopped:
            return
        self.stopped = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(5)


class Unreachable:
    """An address whose SYNs are never answered: a listener whose queue is full."""

    def __init__(self, address, port=3307):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(0)
        self.fillers = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            try:
                s.connect((address, port))
            except BlockingIOError:
                pass
            self.fillers.append(s)
        time.sleep(0.05)

    def stop(self):
        for s in (self.listener, *self.fillers):
            s.close()
