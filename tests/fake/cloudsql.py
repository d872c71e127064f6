#!/usr/bin/env python3
"""A make-believe Cloud SQL for one proxy or many: SQL Admin API and mutual TLS on loopback, real PostgreSQL and MariaDB
behind it when asked for.

In a test: `with Cloud() as cloud: i = cloud.add("p:r:i", backend="echo")`, then throw switches by setting attributes of i.
As a program it says where it listens and takes switches at URL/_fake:

  cloudsql.py p:europe-west1:db=echo p:europe-west1:pg=postgres p:europe-west1:my=mariadb
  curl -X PATCH URL/_fake/instances/p:europe-west1:db -d '{"cert_ends": 20}'
  curl -X POST  URL/_fake/instances/p:europe-west1:db/rotate_server_ca
"""

import argparse
import collections
import json
import random
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time


import cloudsql_api
import cloudsql_pki as pki
from cloudsql_tls import BACKENDS, Terminator, Unreachable, backend_socket, reset

VERSIONS = {"postgres": "POSTGRES_15", "mariadb": "MYSQL_8_0"}


class Instance:
    """One instance and its switches: plain attributes, read at each call and each connection."""

    def __init__(self, cloud, name, backend="echo", version="POSTGRES_15", **switches):
        self.cloud, self.name = cloud, name
        self.project, self.region, self.id = name.rsplit(":", 2)
        self.version, self.backend_type = version, "SECOND_GEN"
        self.region_said = self.region
        self.ca_mode = "GOOGLE_MANAGED_INTERNAL_CA"
        self.legacy = "legacy" not in switches or switches.pop("legacy")
        self.dns_name, self.dns_names, self.psc_enabled, self.mdx = "", None, False, []
        self.extra_settings, self.missing = {}, ()
        self.ip = cloud.address()
        self.ips = [("PRIMARY", self.ip)]
        self.server_ca, self.client_ca = cloud.authority("server"), cloud.authority("client")
        self.ca_bundle = None  # PEM text in place of the server CA's
        self.server_pem = None
        self.cert_begins, self.cert_ends = -60, pki.HOUR
        self.tls_versions = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)
        self.sig_algs_legacy = False
        self.door, self.doors, self.late_for = "tls", collections.deque(), 1
        self.mdx_answer = None
        self.set_backend(backend)
        self.faults, self.always = collections.defaultdict(collections.deque), {}
        self.handshakes, self.sessions, self.signed = 0, [], []
        self.terminators = {}
        self.closing, self.gate = cloud.closing, threading.Event()
        for key, value in switches.items():
            self.set(key, value)
        self.serve_as()
        if self.ip:
            self.listen(self.ip)

    # --- switches ---------------------------------------------------------------------------------
    def set(self, key, value):
        if not hasattr(self, key):
            raise KeyError(key)
        if key == "backend":
            self.set_backend(value)
        elif key == "faults":
            for kind, items in value.items():
                self.faults[kind].extend(tuple(i) if isinstance(i, list) else i for i in items)
        elif key == "doors":
            self.doors.extend(value)
        else:
            setattr(self, key, value)

    def set_backend(self, what):
        self.backend_name = what
        self.backend = BACKENDS[what] if isinstance(what, str) and what in BACKENDS else backend_socket(what)

    def serve_as(self, cn=None, dns=None, chain=(), signer=None, **kw):
        """The server's certificate from now on; by default the one Cloud SQL would show."""
        if cn is None:
            cn = f"{self.project}:{self.id}" if self.legacy else ""
        if dns is None:
            dns = [n.rstrip(".") for n in self.names_all()] if not self.legacy else []
        self.server_pem = (signer or self.server_ca).issue_server(self.cloud.directory, cn, dns, chain, **kw)

    def names_all(self):
        return [d["name"] for d in self.dns_names or []] + ([self.dns_name] if self.dns_name else [])

    def listen(self, ip):
        if ip not in self.terminators:
            self.terminators[ip] = Terminator(self, ip)

    def rotate_server_ca(self, announce=True):
        """A new server CA that signs the server's certificate; announce=False: the API still tells the old one."""
        self.ca_bundle = None if announce else (self.ca_bundle or self.server_ca.pem)
        self.server_ca = self.cloud.authority("server")
        self.serve_as()

    def rotate_client_ca(self):
        """Certificates signed so far are refused from now on."""
        self.client_ca = self.cloud.authority("client")

    def rotate_server_cert(self):
        self.serve_as()

    def fail_over(self, ip=None, stop_old=True):
        """The instance moves to a new address; the old one refuses connections."""
        old, self.ip = self.ip, ip or self.cloud.address()
        self.ips = [(kind, self.ip if address == old else address) for kind, address in self.ips]
        self.listen(self.ip)
        if stop_old:
            self.terminators.pop(old).stop()
            self.cut_all()
        return self.ip

    def stop_listening(self):
        for t in self.terminators.values():
            t.stop()
        self.terminators = {}

    def let_go(self):
        """What is held is answered, and no more is held."""
        self.gate.set()

    def go_unreachable(self):
        """SYNs are never answered any more."""
        self.stop_listening()
        self.terminators[self.ip] = Unreachable(self.ip)

    def come_back(self):
        self.stop_listening()
        self.listen(self.ip)

    def cut_all(self, n=None):
        """Breaks what is open, without a word of TLS."""
        for s in [s for s in list(self.sessions) if s.open][:n]:
            try:
                s.raw.shutdown(2)
            except (OSError, AttributeError):
                reset(s.raw)

    def next_door(self):
        try:
            return self.doors.popleft()
        except IndexError:
            return self.door

    # --- answers -----------------------------------------------------------------------------------
    def settings(self):
        s = {"kind": "sql#connectSettings", "region": self.region_said, "backendType": self.backend_type,
             "databaseVersion": self.version, "serverCaMode": self.ca_mode,
             "ipAddresses": [{"type": t, "ipAddress": a} for t, a in self.ips if a],
             "serverCaCert": {"kind": "sql#sslCert", "cert": self.ca_bundle or self.server_ca.pem, "instance": self.id},
             "pscEnabled": self.psc_enabled, "connectionName": self.name}
        if self.dns_name:
            s["dnsName"] = self.dns_name
        if self.dns_names is not None:
            s["dnsNames"] = self.dns_names
        if self.mdx:
            s["mdxProtocolSupport"] = list(self.mdx)
        s.update(self.extra_settings)
        return {k: v for k, v in s.items() if k not in self.missing}

    def sign(self, body):
        key = pki.public_key_of_request(body["public_key"])
        if not body["public_key"].startswith("-----BEGIN RSA PUBLIC KEY-----"):
            raise ValueError("not labelled RSA PUBLIC KEY")
        if key.key_size != 2048:
            raise ValueError(f"{key.key_size} bits")
        cert = self.client_ca.issue(key, "Make-believe Client", begins=self.cert_begins, ends=self.cert_ends)
        self.signed.append(cert)
        return {"kind": "sql#sslCert", "certSerialNumber": "", "cert": pki.cert_pem(cert), "instance": self.id,
                "createTime": cert.not_valid_before_utc.isoformat(), "commonName": "Make-believe Client"}

    # --- what a test asks ----------------------------------------------------------------------------
    def calls(self, kind=None):
        return [c for c in list(self.cloud.calls) if c.instance is self and kind in (None, c.kind)]

    @property
    def open(self):
        return sum(s.open for s in list(self.sessions))

    @property
    def serials(self):
        """Of the certificates clients came with, in order."""
        return [s.serial for s in list(self.sessions) if s.serial]

    def report(self):
        return {"name": self.name, "ip": self.ip, "version": self.version, "backend": str(self.backend_name), "open": self.open,
                "handshakes": self.handshakes, "connections": len(self.sessions), "signed": len(self.signed),
                "settings_calls": len(self.calls("settings")), "cert_calls": len(self.calls("cert")),
                "errors": [s.error for s in self.sessions if s.error][-20:],
                "ends": [s.end for s in self.sessions if s.end][-20:]}


def claim_network():
    """A 127.N.0.0/16 that no other make-believe cloud has; it is ours as long as the socket is open."""
    while True:
        network, guard = random.randrange(16, 250), socket.socket()
        try:
            guard.bind((f"127.{network}.255.254", 3307))
            return guard, network
        except OSError:
            guard.close()


class Cloud:
    def __init__(self, directory=None):
        self.own_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="onebox-cloudsql-")
        self.lock, self.closing = threading.Lock(), threading.Event()
        self.guard, self.network = claim_network()
        self.used = 0
        self.instances, self.calls = {}, []
        self.resolvable = {}   # DNS name -> instance connection name
        self.tokens, self.token_life = {"good-token": {}, "login-token": {"only": "login"}}, 3600
        self.faults, self.always = collections.defaultdict(collections.deque), {}
        self.databases = {}
        self.server = cloudsql_api.serve(self, self.address())
        self.host, self.port = self.server.server_address[:2]
        self.url = f"http://{self.host}:{self.port}"

    def address(self):
        """A loopback address nobody else has."""
        with self.lock:
            self.used += 1
            return f"127.{self.network}.{self.used // 250}.{self.used % 250 + 1}"

    def authority(self, what):
        return pki.Authority(f"Make-believe Cloud SQL {what} CA {random.randrange(1 << 48):x}")

    def add(self, name, **switches):
        i = Instance(self, name, **switches)
        with self.lock:
            self.instances[name] = i
        return i

    def find(self, project, instance):
        for i in list(self.instances.values()):
            if (i.project, i.id) == (project, instance):
                return i
        return None

    def new_token(self, only="", life=3600):
        token = f"ya29.{random.randrange(1 << 64):x}"
        self.tokens[token] = {"only": only, "ends_at": time.time() + life}
        return token

    def next_fault(self, kind, instance):
        """What the next call of this kind meets: a status, "never", "held" (until let_go()), "drop", "cut", "garbage", ("slow", s),
        a body, or None."""
        for holder in (instance, self):
            if holder is None:
                continue
            try:
                return holder.faults[kind].popleft()
            except IndexError:
                if kind in holder.always:
                    return holder.always[kind]
        return None

    def calls_of(self, kind):
        return [c for c in list(self.calls) if c.kind == kind]

    def database(self, kind):
        """A real one, started when first asked for."""
        import cloudsql_db
        if kind not in self.databases:
            self.databases[kind] = cloudsql_db.KINDS[kind](self.directory)
        return self.databases[kind]

    def add_database(self, name, kind, **switches):
        return self.add(name, backend=self.database(kind).socket, version=VERSIONS[kind], **switches)

    def command(self, method, what, body):
        """The requests of /_fake."""
        parts = what.split("/")
        if parts[0] == "cloud":
            for key, value in body.items():
                holder = getattr(self, key)
                holder.update(value) if isinstance(holder, dict) else setattr(self, key, value)
            return {"url": self.url, "calls": len(self.calls)}
        if parts[0] != "instances":
            raise KeyError(what)
        if len(parts) == 1:
            if method == "POST":
                return self.add(body.pop("name"), **body).report()
            return [i.report() for i in self.instances.values()]
        instance = self.instances[parts[1]]
        if len(parts) == 3:
            getattr(instance, parts[2])(**body)
        for key, value in body.items() if len(parts) == 2 else ():
            instance.set(key, value)
        return instance.report()

    def close(self):
        self.closing.set()
        for i in self.instances.values():
            i.stop_listening()
        self.server.shutdown()
        self.server.server_close()
        self.guard.close()
        for d in self.databases.values():
            d.stop()
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("instances", nargs="+", metavar="PROJECT:REGION:NAME=BACKEND",
                   help="echo, postgres, mariadb, another of " + " ".join(BACKENDS) + ", or a socket's path")
    args = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Cloud() as cloud:
        for arg in args.instances:
            name, _, what = arg.partition("=")
            if what in VERSIONS:
                cloud.add_database(name, what)
            else:
                cloud.add(name, backend=what or "echo")
        print(json.dumps({"url": cloud.url, "token": "good-token", "instances": [i.report() for i in cloud.instances.values()],
                          "databases": {k: d.describe() for k, d in cloud.databases.items()}}), flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
