"""Checks: the calls a proxy makes to the SQL Admin API, what it takes from the answers, and when it asks again."""

import time
from contextlib import contextmanager

from sqlproxy_box import check, must, read_n, turned_away, wait_for
from cloudsql_ways import HttpProxy


def first_calls(t, i):
    wait_for(lambda: i.calls("settings") and i.calls("cert"), "both calls")
    return i.calls("settings")[0], i.calls("cert")[0]


@check("API: the settings call's path and query")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    path, _, query = first_calls(t, i)[0].path.partition("?")
    must(path == f"/sql/v1beta4/projects/{i.project}/instances/{i.id}/connectSettings", path)
    must(sorted(query.split("&")) == ["alt=json", "prettyPrint=false"], query)


@check("API: the certificate call's path, and its type")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    call = first_calls(t, i)[1]
    must(call.path.partition("?")[0] == f"/sql/v1beta4/projects/{i.project}/instances/{i.id}:generateEphemeralCert", call.path)
    must(call.headers["Content-Type"].startswith("application/json"), call.headers["Content-Type"])


@check("API: the key is RSA 2048, SubjectPublicKeyInfo in PEM, and no login token")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    body = first_calls(t, i)[1].json
    must(body["public_key"].startswith("-----BEGIN RSA PUBLIC KEY-----\n"), body["public_key"][:40])
    must(not body.get("access_token"), "a login token without being asked")
    t.echoes()
    must(i.signed and not [c for c in i.calls("cert") if c.status != 200], "the key was refused")


@check("API: bearer token and user agent on both calls")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    for call in first_calls(t, i):
        must(call.headers["Authorization"] == "Bearer good-token", call.headers["Authorization"])
        must("proxy/" in call.headers["User-Agent"], call.headers["User-Agent"])
        must("X-Goog-User-Project" not in call.headers, "a quota project nobody gave")


@check("API: --user-agent is added")
def _(t):
    i = t.instance()
    t.up("--port", 5000, "--user-agent", "shop/1.2 more/3", i)
    must("shop/1.2 more/3" in first_calls(t, i)[0].headers["User-Agent"], first_calls(t, i)[0].headers["User-Agent"])


@check("API: --quota-project")
def _(t):
    i = t.instance()
    t.up("--port", 5000, "--quota-project", "payer", i)
    for call in first_calls(t, i):
        must(call.headers["X-Goog-User-Project"] == "payer", call.headers["X-Goog-User-Project"])


@check("API: a domain-scoped project stays whole in the path")
def _(t):
    i = t.instance(f"example.com:proj{t.number}:europe-west1:db")
    t.up("--port", 5000, i)
    must(f"/projects/example.com:proj{t.number}/" in first_calls(t, i)[0].path.replace("%3A", ":"), first_calls(t, i)[0].path)


@check("API: an endpoint with a slash at its end")
def _(t):
    i = t.instance()
    t.endpoint += "/"
    t.up("--port", 5000, i)
    t.echoes()
    must("//sql" not in i.calls()[0].path, i.calls()[0].path)


@check("API: an endpoint with a path")
def _(t):
    i = t.instance()
    t.endpoint += "/below/this"
    t.up("--port", 5000, i)
    t.echoes()
    must(i.calls()[0].path.startswith("/below/this/sql/v1beta4/"), i.calls()[0].path)


@check("API: both calls at once")
def _(t):
    i = t.instance(always={"settings": ("slow", 1.2), "cert": ("slow", 1.2)})
    t.up("--port", 5000, i)
    t.echoes()
    settings, cert = first_calls(t, i)
    must(abs(settings.at - cert.at) < 0.8, "one after the other:", abs(settings.at - cert.at))


@check("API: one key for the process, whatever the instance")
def _(t):
    a, b = t.instance(), t.instance()
    t.up("--port", 5000, a, b)
    must(first_calls(t, a)[1].json["public_key"] == first_calls(t, b)[1].json["public_key"], "two keys")


@check("API: another key for another process")
def _(t):
    i = t.instance()
    p = t.up("--port", 5000, i)
    wait_for(lambda: i.calls("cert"), "a first call")
    p.end()
    t.up("--port", 5000, i)
    wait_for(lambda: len(i.calls("cert")) >= 2, "a second call")
    must(i.calls("cert")[0].json["public_key"] != i.calls("cert")[-1].json["public_key"], "the same key")


@check("API: ten clients at once make no more calls than one")
def _(t):
    i = t.instance(always={"settings": ("slow", 0.5)})
    t.up("--port", 5000, i)
    clients = [t.dial(5000) for _ in range(10)]
    for s in clients:
        s.sendall(b"hello")
    for s in clients:
        must(s.recv(5) == b"hello", "not served")
    must(len(i.calls("settings")) == 1 and len(i.calls("cert")) == 1, f"{len(i.calls('settings'))} and {len(i.calls('cert'))} calls")


for kind in ("settings", "cert"):
    def again(t, kind=kind):
        i = t.instance(faults={kind: [503, 500]})
        t.up("--port", 5000, i)
        t.echoes()
        must(len(i.calls(kind)) >= 3, len(i.calls(kind)))
    check(f"API: 503 and 500 for {kind} are tried again within one client's connection")(again)


@check("API: tries after 503 are spaced")
def _(t):
    i = t.instance(faults={"settings": [503, 503]})
    t.up("--port", 5000, i)
    t.echoes()
    at = [c.at for c in i.calls("settings")]
    gaps = [b - a for a, b in zip(at, at[1:])]
    must(all(g > 0.1 for g in gaps), gaps)


@check("API: a lasting 503 is given up, and said")
def _(t):
    i = t.instance(always={"settings": 503})
    p = t.up("--port", 5000, i)
    t.refused()
    p.said("503", "err")
    must(len(i.calls("settings")) <= 8, f"{len(i.calls('settings'))} calls")


for status in (401, 403, 404, 429):
    def final(t, status=status):
        i = t.instance(always={"settings": status})
        p = t.up("--port", 5000, i)
        t.refused()
        p.said(str(status), "err")
        must(len(i.calls("settings")) <= 3, f"{len(i.calls('settings'))} calls")
    check(f"API: {status} is said, and not tried again and again")(final)


@check("API: the API's own words reach the log")
def _(t):
    i = t.instance(always={"settings": 403})
    p = t.up("--port", 5000, i)
    t.refused()
    p.said("the fake cloud says 403", "err")


for kind in ("settings", "cert"):
    for fault in ("garbage", "cut", "drop"):
        def bad(t, kind=kind, fault=fault):
            i = t.instance(always={kind: fault})
            p = t.up("--port", 5000, i)
            t.refused()
            p.said(f"{i.name}.*failed to connect", "err")
            i.always.clear()
            t.served()
        check(f"API: an answer for {kind} that is {fault}: refused, then recovered")(bad)


WRONG = [
    ("of another region", {"region_said": "us-east1"}, "region"),
    ("of the first generation", {"backend_type": "FIRST_GEN"}, "second"),
    ("without a server CA", {"missing": ("serverCaCert",)}, ""),
    ("with a server CA that is no PEM", {"ca_bundle": "not PEM at all"}, ""),
    ("with an empty server CA", {"extra_settings": {"serverCaCert": {"cert": ""}}}, ""),
    ("without any address", {"ips": []}, "ip"),
    ("with a private address only", {"ips": [("PRIVATE", "127.0.0.1")]}, "ip"),
    ("with an outgoing address only", {"ips": [("OUTGOING", "127.0.0.1")]}, "ip"),
]


def wrong(title, switches, word):
    @check(f"API: settings {title} are refused")
    def run(t):
        i = t.instance(**switches)
        p = t.up("--port", 5000, i)
        t.refused()
        said = p.said(f"(?i)failed to connect to instance: .*{word}", "err")
        must(not i.handshakes, "it connected all the same:", said.group(0))
    return run


for row in WRONG:
    wrong(*row)

for title, body in (("without a certificate", {}), ("whose certificate is no PEM", {"ephemeralCert": {"cert": "nothing"}}),
                    ("with an empty certificate", {"ephemeralCert": {"cert": ""}})):
    def no_cert(t, body=body):
        i = t.instance(always={"cert": body})
        p = t.up("--port", 5000, i)
        t.refused()
        p.said(f"{i.name}.*failed to connect", "err")
    check(f"API: an answer {title} is refused", ours=not body)(no_cert)  # Google's proxy crashes without it


@check("API: unknown fields and engines do no harm")
def _(t):
    i = t.instance(version="CLAY_TABLETS_1", extra_settings={"more": [{"a": [1, 2, {"b": None}]}], "kind": "x" * 5000})
    t.up("--port", 5000, i)
    t.echoes()


@check("API: an answer of 300 KiB")
def _(t):
    i = t.instance(extra_settings={"padding": ["x" * 1000] * 300})
    t.up("--port", 5000, i)
    t.echoes()


@check("API: a slow one delays only its own instance's clients")
def _(t):
    a, b = t.instance(always={"settings": "held"}), t.instance()
    t.up("--port", 5000, a, b)
    waiting = t.dial(5000)
    waiting.sendall(b"hello")
    t.echoes(5001)
    must(not a.sessions, "it waited for the other")
    a.let_go()
    must(read_n(waiting, 5) == b"hello", "not served")


@check("API: one that never answers: a client is turned away after about 30 s")
def _(t):
    i = t.instance(always={"settings": "never"})
    t.up("--port", 5000, i)
    s, began = t.dial(5000), time.monotonic()
    turned_away(s)
    must(time.monotonic() - began > 20, time.monotonic() - began)


# --- ways to the API --------------------------------------------------------------------------------------------
@check("ways: HTTP_PROXY for the API")
def _(t):
    i = t.instance()
    host, port = t.cloud.host, t.cloud.port
    with HttpProxy({("sqladmin.test", 80): (host, port)}) as way:
        t.endpoint = "http://sqladmin.test"
        t.up("--port", 5000, i, env={"HTTP_PROXY": f"http://127.0.0.1:{way.address[1]}", "http_proxy": f"http://127.0.0.1:{way.address[1]}"})
        t.echoes()
        must([a for a in way.asked if "sqladmin.test" in a[1]], way.asked)


@check("ways: NO_PROXY is obeyed")
def _(t):
    i = t.instance()
    with HttpProxy() as way:
        t.endpoint = f"http://localhost.localdomain:{t.cloud.port}"
        p = t.up("--port", 5000, i, env={"HTTP_PROXY": f"http://127.0.0.1:{way.address[1]}", "http_proxy": f"http://127.0.0.1:{way.address[1]}",
                                         "NO_PROXY": "localdomain", "no_proxy": "localdomain"})
        t.refused()
        p.said("failed to connect", "err")
        must(not way.asked, "it went through the proxy:", way.asked)


@check("ways: HTTPS_PROXY for an https API")
def _(t):
    i = t.instance()
    secure, ca = t.https()
    with HttpProxy({("sqladmin.test", 443): secure}) as way:
        t.endpoint = "https://sqladmin.test"
        t.up("--port", 5000, i, env={"HTTPS_PROXY": f"http://127.0.0.1:{way.address[1]}", "SSL_CERT_FILE": ca})
        t.echoes()
        must(("CONNECT", "sqladmin.test:443") in way.asked, way.asked)


@check("ways: an https API, trusted through SSL_CERT_FILE")
def _(t):
    i = t.instance()
    secure, ca = t.https("localhost")
    t.endpoint = f"https://localhost:{secure[1]}"
    t.up("--port", 5000, i, env={"SSL_CERT_FILE": ca})
    t.echoes()


@check("ways: an https API nobody vouches for is refused")
def _(t):
    i = t.instance()
    secure, _ = t.https("localhost")
    t.endpoint = f"https://localhost:{secure[1]}"
    p = t.up("--port", 5000, i)
    t.refused()
    p.said("(?i)certificate", "err")
    must(not i.calls(), "it called")


# --- when it asks again ------------------------------------------------------------------------------------------
@check("refresh: a certificate of an hour is not asked for twice")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    for _ in range(5):
        t.echoes().close()
        time.sleep(0.3)
    must(len(i.calls("cert")) == 1 and len(i.calls("settings")) == 1, len(i.calls("cert")))


@check("refresh: a certificate of two minutes is replaced at once, and not in a storm")
def _(t):
    i = t.instance(cert_ends=120)
    t.up("--port", 5000, i)
    t.echoes()
    wait_for(lambda: len(i.calls("cert")) >= 2, "the second certificate")
    time.sleep(3)
    must(len(i.calls("cert")) <= 4, f"{len(i.calls('cert'))} calls")


@check("refresh: open connections do not notice it")
def _(t):
    i = t.instance(cert_ends=120)
    t.up("--port", 5000, i)
    s = t.echoes()
    wait_for(lambda: len(i.calls("cert")) >= 2, "the second certificate")
    time.sleep(0.5)
    s.sendall(b"still")
    must(s.recv(5) == b"still", "the connection is broken")
    must(len(i.sessions) == 1, "it dialled anew")


@check("refresh: new connections come with the new certificate")
def _(t):
    i = t.instance(cert_ends=120)
    t.up("--port", 5000, i)
    t.echoes()
    wait_for(lambda: len(i.calls("cert")) >= 2, "the second certificate")
    time.sleep(0.5)
    t.echoes()
    must(i.serials[0] != i.serials[-1] or len(i.signed) > 2, "the old certificate again")


@check("refresh: an expired certificate is never shown")
def _(t):
    i = t.instance(cert_begins=-3600, cert_ends=3)
    t.up("--port", 5000, i)
    t.served()  # on a slow machine the first has ended before it is of use
    i.cert_ends = 3600
    time.sleep(3.5)
    t.echoes()
    must(not [s.error for s in i.sessions if s.error], [s.error for s in i.sessions])


@check("refresh: after one that fails, the old certificate serves as long as it is good")
def _(t):
    i = t.instance(cert_ends=120)
    i.faults["cert"].extend([None])
    p = t.up("--port", 5000, i)
    t.echoes()
    i.always.update(settings=403, cert=403)
    time.sleep(2)
    for _ in range(4):
        t.echoes()
    must(p.running, "ended")


@check("refresh: --lazy-refresh asks when a client comes, not by the clock")
def _(t):
    i = t.instance(cert_ends=245)
    t.up("--port", 5000, "--lazy-refresh", i)
    t.echoes()
    n = len(i.calls("cert"))
    time.sleep(6)
    must(len(i.calls("cert")) == n, "it asked by the clock")
    t.echoes()
    wait_for(lambda: len(i.calls("cert")) == n + 1, "a new certificate for a client")


@check("refresh: --lazy-refresh keeps what is good")
def _(t):
    i = t.instance()
    t.up("--port", 5000, "--lazy-refresh", i)
    for _ in range(5):
        t.echoes().close()
    must(len(i.calls("cert")) == 1, len(i.calls("cert")))


@check("refresh: --lazy-refresh with an expired certificate")
def _(t):
    i = t.instance(cert_begins=-3600, cert_ends=3)
    t.up("--port", 5000, "--lazy-refresh", i)
    t.served()  # on a slow machine the first has ended before it is of use
    i.cert_ends = 3600
    time.sleep(3.5)
    t.echoes()
    must(not [s.error for s in i.sessions if s.error], [s.error for s in i.sessions])


def recovered(t, i, change, most):
    t.echoes()
    change()
    tries = t.recovers()
    must(tries <= most, f"served at try {tries} only")
    t.echoes()
    return tries


@check("change: the server's CA is replaced: served again at the second try")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    recovered(t, i, i.rotate_server_ca, 3)


@check("change: the client CA is replaced: served again at the second try")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    recovered(t, i, i.rotate_client_ca, 3)


@check("change: fail-over to another address: served again at the second try")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    recovered(t, i, i.fail_over, 3)


@check("change: only the server's certificate is replaced: nobody notices")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    must(recovered(t, i, i.rotate_server_cert, 1) == 1, "noticed")


for what in ("rotate_server_ca", "rotate_client_ca", "fail_over"):
    def at_once(t, what=what):
        i = t.instance()
        t.up("--port", 5000, i)
        recovered(t, i, getattr(i, what), 1)
    check(f"change: {what.replace('_', ' ')}: the first client is served", ours=True)(at_once)


@check("change: an instance that is down for a while is served when it is back")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    t.echoes()
    i.stop_listening()
    t.refused()
    t.refused()
    i.come_back()
    must(t.recovers() <= 3, "no recovery")


@contextmanager
def few_rounds(instance):
    """Dials that fail ask the API after 1, 2, 4 and then each 5 s at most, however many they are: within 20 s no more than
    10 rounds, retries included, and on a slow machine one for every 5 s more."""
    before, begun = len(instance.calls("settings")), time.monotonic()
    yield
    rounds, took = len(instance.calls("settings")) - before, time.monotonic() - begun
    must(rounds <= 10 + max(0, took - 20) / 5, f"{rounds} calls in {took:.0f} s")


@check("change: 40 failing clients do not make 40 rounds of API calls")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    t.echoes()
    i.serve_as(cn="somebody:else")
    with few_rounds(i):
        for _ in range(40):
            turned_away(t.dial(5000))


@check("change: 40 failing clients do not make 40 dials of a dead address each time over", ours=True)
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    t.echoes()
    i.stop_listening()
    with few_rounds(i):
        clients = [t.dial(5000) for _ in range(40)]
        for s in clients:
            turned_away(s)


@check("refresh: --debug-logs tells of it")
def _(t):
    i = t.instance()
    p = t.up("--port", 5000, "--debug-logs", i)
    t.echoes()
    p.said(f"{i.name}.*[Rr]efresh")


@check("change: while the API is away for long, clients with a good certificate are served")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i)
    t.echoes()
    i.always.update(settings="drop", cert="drop")
    for _ in range(10):
        t.echoes()


