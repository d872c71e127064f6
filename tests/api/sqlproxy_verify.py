"""Checks: who the proxy takes for the instance and who not, which of its addresses it goes to, and names found by DNS."""

import ssl
import time

import cloudsql_pki as pki
from cloudsql_ways import NameServer
from sqlproxy_box import Failed, check, must, talk, turned_away

DNS = "abc123.ex45.europe-west1.sql.goog"


def accepted(title, make):
    @check(f"identity: {title}: accepted")
    def run(t):
        i = make(t)
        p = t.up("--port", 5000, i)
        try:
            t.echoes()
        except (OSError, Failed) as e:
            raise Failed(f"{e}: {p.text()[-600:]}") from None
    return run


def refused(title, make, word="", ours=False):
    @check(f"identity: {title}: refused", ours=ours)
    def run(t):
        i = make(t)
        p = t.up("--port", 5000, i)
        t.refused()
        p.said(f"(?i){i.name}.*failed to connect to instance.*{word}", "err")
        must(not i.handshakes, "the handshake was finished")
        must(all(s.received == 0 for s in i.sessions), "a byte was sent to the impostor")
    return run


def named(t, dns=None, cn="", names=DNS, **switches):
    """An instance with a DNS name; its certificate has these."""
    i = t.instance(legacy=False, **({"dns_name": names} if isinstance(names, str) else {"dns_names": names}), **switches)
    i.serve_as(cn=cn, dns=i.names_all() if dns is None else dns)
    return i


def legacy(t, **kw):
    i = t.instance()
    i.serve_as(**kw)
    return i


def instance_dns(name, connection="PUBLIC", scope="INSTANCE"):
    return [{"name": name, "connectionType": connection, "dnsScope": scope}]


# --- names -----------------------------------------------------------------------------------------------------
accepted("legacy, CN project:instance", lambda t: legacy(t))
accepted("legacy, CN right beside a strange SAN", lambda t: legacy(t, dns=["other.example"]))
accepted("legacy, a domain-scoped project", lambda t: t.instance(f"example.com:proj{t.number}:europe-west1:db"))
refused("legacy, another instance's CN", lambda t: legacy(t, cn="proj:other"))
refused("legacy, CN of another project", lambda t: legacy(t, cn="other:db1"))
refused("legacy, no CN", lambda t: legacy(t, cn="", dns=["other.example"]))
refused("legacy, CN in capitals", lambda t: capitals(t))
refused("legacy, CN with more at its end", lambda t: longer(t))
refused("legacy, CN only in the SAN", lambda t: legacy(t, cn="x", dns=["db1.example"]))


def capitals(t):
    i = t.instance()
    i.serve_as(cn=f"{i.project}:{i.id}".upper())
    return i


def longer(t):
    i = t.instance()
    i.serve_as(cn=f"{i.project}:{i.id}0")
    return i


accepted("dnsName in the SAN", lambda t: named(t))
accepted("dnsName with a dot at its end", lambda t: named(t, names=DNS + ".", dns=[DNS]))
accepted("dnsName among several SANs", lambda t: named(t, dns=["a.example", "b.example", DNS]))
accepted("dnsName, SAN in capitals", lambda t: named(t, dns=[DNS.upper()]))
accepted("dnsName, a wildcard SAN", lambda t: named(t, dns=["*." + DNS.partition(".")[2]]))
accepted("dnsName missing in the SAN but CN project:instance", lambda t: fallback(t))
accepted("dnsNames[0] in the SAN", lambda t: named(t, names=instance_dns(DNS)))
refused("dnsName not in the SAN", lambda t: named(t, dns=["other.europe-west1.sql.goog"]))
refused("dnsName only as CN", lambda t: named(t, cn=DNS, dns=["other.example"]))
refused("dnsName, no names at all", lambda t: named(t, cn="x", dns=[]))
refused("dnsName, a wildcard one label short", lambda t: named(t, dns=["*.sql.goog"]))
refused("dnsName, the second label starred", lambda t: named(t, dns=["abc123.*.europe-west1.sql.goog"]))
refused("dnsName as a part of the SAN", lambda t: named(t, dns=[DNS + ".evil.example"]))


def fallback(t):
    i = t.instance(legacy=False, dns_name=DNS)
    i.serve_as(cn=f"{i.project}:{i.id}", dns=["other.example"])
    return i


# --- chains -----------------------------------------------------------------------------------------------------
def chain(t, sent, told, depth=1):
    """Server certificate below an intermediate CA; sent: which CAs the server sends along; told: which the API tells."""
    i = t.instance(legacy=False, dns_name=DNS, ca_mode="GOOGLE_MANAGED_CAS_CA")
    root = t.cloud.authority("root")
    cas = [root]
    for _ in range(depth):
        cas.append(pki.Authority(f"Make-believe subordinate {len(cas)}", cas[-1]))
    names = {"root": cas[0], "middle": cas[1], "last": cas[-1]}
    i.ca_bundle = "".join(names[n].pem for n in told)
    i.serve_as(cn="", dns=[DNS], signer=cas[-1], chain=[names[n] for n in sent])
    return i


def bundle(t, *what):
    """The API tells of several CAs, ours at one place."""
    i = t.instance()
    others = {"other": t.cloud.authority("server").pem, "own": i.server_ca.pem, "text": "a word before\n"}
    i.ca_bundle = "".join(others[w] for w in what)
    return i


accepted("two CAs told, the second one signed", lambda t: bundle(t, "other", "own"))
accepted("two CAs told, the first one signed", lambda t: bundle(t, "own", "other"))
accepted("ten CAs told", lambda t: bundle(t, *["other"] * 9, "own"))
accepted("a CAS chain, both CAs told", lambda t: chain(t, [], ["middle", "root"]))
accepted("a CAS chain, both told and the intermediate sent", lambda t: chain(t, ["middle"], ["root", "middle"]))
accepted("a CAS chain, only the intermediate told", lambda t: chain(t, [], ["middle"]))
refused("a CAS chain, only the root told, nothing sent", lambda t: chain(t, [], ["root"]))
refused("another CA told", lambda t: bundle(t, "other"))
refused("signed by another CA of the same name", lambda t: impostor(t))
refused("a self-signed server", lambda t: selfsigned(t))
refused("the CA's own signature is gone: an expired CA", lambda t: expired_ca(t))
refused("an expired server certificate", lambda t: legacy(t, begins=-7200, ends=-60), "")
refused("a server certificate of tomorrow", lambda t: legacy(t, begins=86400, ends=2 * 86400))
refused("a certificate for clients", lambda t: for_clients(t))
accepted("a certificate that names no use", lambda t: legacy(t, usage=False))
accepted("an RSA server", lambda t: legacy(t, rsa_key=True))
accepted("an RSA CA", lambda t: rsa_ca(t))


def impostor(t):
    i = t.instance()
    name = i.server_ca.cert.subject.rfc4514_string().split("CN=")[1].split(",")[0]
    i.serve_as(signer=pki.Authority(name))
    return i


def selfsigned(t):
    i = t.instance()
    key = pki.new_key()
    own = pki.Authority(f"{i.project}:{i.id}", key=key)
    i.server_pem = t.file("self.pem", pki.key_pem(key) + own.pem)
    return i


def expired_ca(t):
    i = t.instance()
    i.server_ca = pki.Authority("Make-believe old CA", begins=-7200, ends=-60)
    i.serve_as()
    return i


def for_clients(t):
    i = t.instance()
    key = pki.new_key()
    cert = i.server_ca.issue(key.public_key(), f"{i.project}:{i.id}")
    i.server_pem = t.file("client.pem", pki.key_pem(key) + pki.cert_pem(cert))
    return i


def rsa_ca(t):
    i = t.instance()
    i.server_ca = pki.Authority("Make-believe RSA CA", key=pki.shared_rsa_key())
    i.serve_as(rsa_key=True)
    return i


@check("identity: a CA of the system is none of ours: refused")
def _(t):
    i = t.instance()
    i.ca_bundle = t.cloud.authority("server").pem
    p = t.up("--port", 5000, i, env={"SSL_CERT_FILE": t.file("system.pem", i.server_ca.pem)})
    t.refused()
    p.said("failed to connect to instance", "err")
    must(not i.handshakes, "the system's CA was believed")


@check("identity: one instance's CA says nothing about another: refused")
def _(t):
    a, b = t.instance(), t.instance()
    b.server_pem = a.server_ca.issue_server(t.dir, f"{b.project}:{b.id}")
    t.up("--port", 5000, a, b)
    t.echoes(5000)
    turned_away(t.dial(5001))
    must(not b.handshakes, "it was believed")


# --- TLS ----------------------------------------------------------------------------------------------------------
@check("TLS: 1.3, with a client certificate")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    t.echoes()
    must(i.sessions[0].version == "TLSv1.3", i.sessions[0].version)
    must(i.sessions[0].serial == f"{i.signed[-1].serial_number:x}", "not the certificate it was given")


@check("TLS: a server of TLS 1.2 is refused")
def _(t):
    i = t.instance(tls_versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2))
    p = t.up("--port", 5000, i)
    t.refused()
    p.said("failed to connect to instance", "err")


@check("TLS: no server name for a legacy instance")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    t.echoes()
    must(i.sessions[0].sni is None, i.sessions[0].sni)


@check("TLS: the DNS name as server name, without its dot")
def _(t):
    i = named(t, names=DNS + ".", dns=[DNS])
    t.up("--port", 5000, i)
    t.echoes()
    must(i.sessions[0].sni == DNS, i.sessions[0].sni)


@check("TLS: no session is resumed")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    for _ in range(3):
        t.echoes().close()
    must(not any(s.reused for s in i.sessions), "resumed")


@check("TLS: a server that speaks no TLS is refused")
def _(t):
    i = t.instance(door="plain")
    p = t.up("--port", 5000, i)
    t.refused()
    p.said("failed to connect to instance", "err")


# --- addresses ------------------------------------------------------------------------------------------------------
def two_homes(t, **switches):
    i = t.instance(**switches)
    i.private = t.cloud.address()
    i.ips.append(("PRIVATE", i.private))
    i.listen(i.private)
    return i


def went(i):
    return [s.address for s in i.sessions]


ADDRESSES = [
    ("the primary by default", [], "", "ip"),
    ("--private-ip", ["--private-ip"], "", "private"),
    ("?private-ip", [], "?private-ip", "private"),
    ("?private-ip=true", [], "?private-ip=true", "private"),
    ("?private-ip=T", [], "?private-ip=T", "private"),
    ("?private-ip=f in spite of --private-ip", ["--private-ip"], "?private-ip=f", "ip"),
    ("--auto-ip takes the primary first", ["--auto-ip"], "", "ip"),
]


def address(title, flags, query, which):
    @check(f"addresses: {title}")
    def run(t):
        i = two_homes(t)
        t.up("--port", 5000, *flags, i.name + query)
        t.echoes()
        must(went(i) == [getattr(i, which)], went(i))
    return run


for row in ADDRESSES:
    address(*row)


@check("addresses: --auto-ip takes the private one where there is no other")
def _(t):
    i = two_homes(t)
    i.ips = i.ips[1:]
    t.up("--port", 5000, "--auto-ip", i)
    t.echoes()
    must(went(i) == [i.private], went(i))


@check("addresses: --private-ip without a private one is refused")
def _(t):
    i = t.instance()
    p = t.up("--port", 5000, "--private-ip", i)
    t.refused()
    p.said("(?i)failed to connect to instance.*private", "err")
    must(not i.sessions, "it went elsewhere")


@check("addresses: identity is looked at on the private one too")
def _(t):
    i = two_homes(t)
    i.serve_as(cn="proj:other")
    t.up("--port", 5000, "--private-ip", i)
    t.refused()
    must(not i.handshakes, "it was believed")


# --- names and hosts of the proxy's own ------------------------------------------------------------------------------
def in_world(t, hosts="", resolver=None):
    """The words that run a program with its own /etc/hosts and name server."""
    h = t.file("hosts", "127.0.0.1 localhost\n" + hosts)
    r = t.file("resolv.conf", f"nameserver {resolver}\noptions timeout:20 attempts:2\n" if resolver else "")
    return ("unshare", "-m", "sh", "-c", f"mount --bind {h} /etc/hosts && mount --bind {r} /etc/resolv.conf && exec \"$@\"", "sh")


def psc_instance(t, name="x.europe-west1.sql-psc.goog", **kw):
    i = t.instance(legacy=False, psc_enabled=True, dns_names=instance_dns(name, "PRIVATE_SERVICE_CONNECT"), ips=[], **kw)
    i.serve_as(cn="", dns=[name.rstrip(".")])
    return i


@check("PSC: --psc goes to the PSC name and verifies it", needs="root")
def _(t):
    i = psc_instance(t)
    t.up("--port", 5000, "--psc", i, under=in_world(t, f"{i.ip} x.europe-west1.sql-psc.goog\n"))
    t.echoes()
    must(i.sessions[0].sni == "x.europe-west1.sql-psc.goog", i.sessions[0].sni)


@check("PSC: ?psc for one instance, the dot at the name's end", needs="root")
def _(t):
    i = psc_instance(t, "y.europe-west1.sql-psc.goog.")
    t.up("--port", 5000, i.name + "?psc=true", under=in_world(t, f"{i.ip} y.europe-west1.sql-psc.goog\n"))
    t.echoes()


@check("PSC: dnsName where there are no dnsNames", needs="root")
def _(t):
    i = t.instance(legacy=False, psc_enabled=True, dns_name="z.europe-west1.sql.goog", ips=[])
    t.up("--port", 5000, "--psc", i, under=in_world(t, f"{i.ip} z.europe-west1.sql.goog\n"))
    t.echoes()


@check("PSC: a name that is not in the certificate is refused", needs="root")
def _(t):
    i = psc_instance(t)
    i.serve_as(cn="", dns=["other.europe-west1.sql-psc.goog"])
    p = t.up("--port", 5000, "--psc", i, under=in_world(t, f"{i.ip} x.europe-west1.sql-psc.goog\n"))
    t.refused()
    p.said("failed to connect to instance", "err")
    must(not i.handshakes, "it was believed")


@check("PSC: --psc for an instance without it is refused")
def _(t):
    i = t.instance()
    p = t.up("--port", 5000, "--psc", i)
    t.refused()
    p.said("(?i)failed to connect to instance.*psc", "err")


def world(t, names):
    server = NameServer(t.cloud.address())
    t.others.append(server.close)
    server.names.update(names)
    return server, in_world(t, resolver=server.udp.getsockname()[0])


@check("DNS: a TXT record leads to the instance", needs="root")
def _(t):
    i = t.instance(legacy=False)
    i.serve_as(cn="", dns=["db.shop.example"])
    _, under = world(t, {"db.shop.example.": [("TXT", i.name)]})
    t.up("--port", 5000, "db.shop.example", under=under)
    t.echoes()
    must(i.sessions[0].sni == "db.shop.example", i.sessions[0].sni)


@check("DNS: of several TXT records the first that is an instance, sorted", needs="root")
def _(t):
    i, j = t.instance(f"a{t.number}:europe-west1:db"), t.instance(f"b{t.number}:europe-west1:db")
    _, under = world(t, {"db.shop.example.": [("TXT", j.name), ("TXT", "0 is none"), ("TXT", i.name)]})
    t.up("--port", 5000, "db.shop.example", under=under)
    t.echoes()
    must(i.handshakes == 1, "the wrong one")


@check("DNS: the default port by engine", needs="root")
def _(t):
    i = t.instance(version="MYSQL_8_0")
    _, under = world(t, {"db.shop.example.": [("TXT", i.name)]})
    t.up("db.shop.example", under=under)
    t.echoes(3306)


@check("DNS: identity is the name that was given, else CN project:instance", needs="root")
def _(t):
    i = t.instance(legacy=False)
    i.serve_as(cn="x", dns=["other.shop.example"])
    _, under = world(t, {"db.shop.example.": [("TXT", i.name)]})
    p = t.up("--port", 5000, "db.shop.example", under=under)
    t.refused()
    p.said("failed to connect to instance", "err")
    must(not i.handshakes, "it was believed")


@check("DNS: a name without a record is refused, and named", needs="root")
def _(t):
    _, under = world(t, {})
    p = t.up("--port", 5000, "none.shop.example", under=under)
    t.refused()
    p.said("none.shop.example.*failed to connect", "err")


@check("DNS: a changed record closes what is open and leads to the new instance", needs="root")
def _(t):
    i, j = t.instance(), t.instance(backend="shout")
    server, under = world(t, {"db.shop.example.": [("TXT", i.name)]})
    t.up("--port", 5000, "db.shop.example", under=under)
    s = t.echoes()
    server.names["db.shop.example."] = [("TXT", j.name)]
    try:
        must(s.recv(1) == b"", "bytes from nowhere")
    except ConnectionError:
        pass
    t.echoes(data=b"CAPITALS")
    must(j.handshakes >= 1, "it went to the old one")


@check("DNS: a name server that fails for a while breaks nothing", needs="root")
def _(t):
    i = t.instance()
    server, under = world(t, {"db.shop.example.": [("TXT", i.name)]})
    t.up("--port", 5000, "db.shop.example", under=under)
    s = t.echoes()
    server.broken = True
    time.sleep(36)
    talk(s)


@check("DNS: an instance's own sql.goog name is asked of the API", needs="root")
def _(t):
    i = t.instance(legacy=False)
    name = f"n{t.number}.ex45.europe-west1.sql.goog"
    i.dns_name = name
    i.serve_as()
    t.cloud.resolvable[name] = i.name
    _, under = world(t, {})
    t.up("--port", 5000, name, under=under)
    t.echoes()
    calls = [c for c in t.cloud.calls_of("resolve") if name in c.path]
    must(calls and "/locations/europe-west1/dns/" in calls[0].path, [c.path for c in calls])


@check("DNS: a CNAME that leads to a sql.goog name", needs="root")
def _(t):
    i = t.instance(legacy=False)
    name = f"m{t.number}.ex45.europe-west1.sql.goog"
    i.dns_name = name
    i.serve_as(cn=f"{i.project}:{i.id}")
    t.cloud.resolvable[name] = i.name
    _, under = world(t, {"db.shop.example.": [("CNAME", name + ".")], name + ".": [("A", i.ip)]})
    p = t.up("--port", 5000, "db.shop.example", under=under)
    try:
        t.echoes()
    except (OSError, Failed) as e:
        raise Failed(f"{e}: {p.text()[-500:]}") from None


