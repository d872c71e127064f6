"""Checks: where a proxy's own identity comes from, database logins by IAM, and acting for another account."""

import base64
import json
import os
import time

import cloudsql_pki as pki
from cloudsql_ways import HttpProxy
from core_dump import core_of
from sqlproxy_box import check, must, read_n, wait_for

ADMIN = "https://www.googleapis.com/auth/sqlservice.admin"
LOGIN = "https://www.googleapis.com/auth/sqlservice.login"


def robot(t):
    """A service account's key; its token endpoint is https and vouched for by robots_env()."""
    t.secure = getattr(t, "secure", None) or t.https("localhost")
    return {"type": "service_account", "project_id": "fake", "private_key_id": "k1", "private_key": pki.key_pem(pki.shared_rsa_key()),
            "client_email": f"robot{t.number}@fake.iam.gserviceaccount.com", "client_id": "1", "token_uri": token_uri(t)}


def token_uri(t):
    return f"https://localhost:{t.secure[0][1]}/token"


def by_file(t):
    """(arguments, more) to run as the robot by --credentials-file."""
    key = t.file("key.json", robot(t))
    return ["--credentials-file", key], {"token": None, "env": {"SSL_CERT_FILE": t.secure[1]}}


def by_variable(t):
    key = t.file("key.json", robot(t))
    return {"token": None, "env": {"GOOGLE_APPLICATION_CREDENTIALS": key, "SSL_CERT_FILE": t.secure[1]}}


def person(t):
    return {"type": "authorized_user", "client_id": "id", "client_secret": "secret", "refresh_token": f"refresh{t.number}"}


def claims(assertion):
    part = assertion.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def robots_calls(t):
    return [claims(c.form["assertion"]) for c in t.cloud.calls_of("token") if f"robot{t.number}@" in claims_of(c).get("iss", "")]


def claims_of(call):
    return claims(call.form["assertion"]) if "assertion" in getattr(call, "form", {}) else {}


def served_with_a_token(t, i):
    t.echoes()
    must(i.calls("settings")[0].bearer.startswith("ya29."), i.calls("settings")[0].bearer)


def googles(t, name):
    """The environment in which one of Google's names leads to the make-believe cloud."""
    secure, ca = t.https(name)
    way = HttpProxy({(name, 443): secure})
    t.others.append(way.close)
    return {"HTTPS_PROXY": f"http://127.0.0.1:{way.address[1]}", "SSL_CERT_FILE": ca}


@check("credentials: --credentials-file of a service account: a signed claim for the admin scope")
def _(t):
    i = t.instance()
    args, more = by_file(t)
    t.up("--port", 5000, *args, i, **more)
    served_with_a_token(t, i)
    got = robots_calls(t)
    must(got and ADMIN in got[0]["scope"].split() and got[0]["aud"] == token_uri(t), got)
    must(0 < got[0]["exp"] - got[0]["iat"] <= 3700, got[0])


@check("credentials: --json-credentials")
def _(t):
    i = t.instance()
    key = json.dumps(robot(t))
    t.up("--port", 5000, "--json-credentials", key, i, token=None, env={"SSL_CERT_FILE": t.secure[1]})
    served_with_a_token(t, i)
    must(robots_calls(t), "no claim")


@check("credentials: GOOGLE_APPLICATION_CREDENTIALS")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i, **by_variable(t))
    served_with_a_token(t, i)
    must(robots_calls(t), "no claim")


def well_known(t, what):
    os.makedirs(t.home + "/.config/gcloud")
    with open(t.home + "/.config/gcloud/application_default_credentials.json", "w") as f:
        json.dump(what, f)


@check("credentials: gcloud's application default file, a service account")
def _(t):
    i = t.instance()
    well_known(t, robot(t))
    t.up("--port", 5000, i, token=None, env={"SSL_CERT_FILE": t.secure[1]})
    served_with_a_token(t, i)
    must(robots_calls(t), "no claim")


@check("credentials: gcloud's application default file, a person")
def _(t):
    i = t.instance()
    well_known(t, person(t))
    t.up("--port", 5000, i, token=None, env=googles(t, "oauth2.googleapis.com"))
    served_with_a_token(t, i)
    forms = [c.form for c in t.cloud.calls_of("token") if getattr(c, "form", {}).get("refresh_token") == f"refresh{t.number}"]
    must(forms and forms[0]["grant_type"] == "refresh_token" and forms[0]["client_id"] == "id" and forms[0]["client_secret"] == "secret", forms)


@check("credentials: GOOGLE_APPLICATION_CREDENTIALS beats the file in the home")
def _(t):
    i = t.instance()
    well_known(t, person(t))
    t.up("--port", 5000, i, **by_variable(t))
    served_with_a_token(t, i)
    must(robots_calls(t), "no claim")


@check("credentials: the metadata server")
def _(t):
    cloud = t.own_cloud()
    i = t.instance()
    t.up("--port", 5000, i, token=None, env={"GCE_METADATA_HOST": f"{cloud.host}:{cloud.port}", "NO_GCE_CHECK": None})
    served_with_a_token(t, i)
    must([c for c in cloud.calls_of("metadata") if "/service-accounts/default/token" in c.path], [c.path for c in cloud.calls_of("metadata")])


@check("credentials: --gcloud-auth asks gcloud")
def _(t):
    i = t.instance()
    os.mkdir(t.dir + "/bin")
    script = t.dir + "/bin/gcloud"
    with open(script, "w") as f:
        f.write('#!/bin/sh\necho "$@" > ' + t.dir + '/asked\necho \'{"credential": {"access_token": "good-token", "token_expiry": "2099-01-01T00:00:00Z"}}\'\n')
    os.chmod(script, 0o755)
    t.up("--port", 5000, "--gcloud-auth", i, token=None, env={"PATH": f"{t.dir}/bin:{os.environ['PATH']}"})
    t.echoes()
    with open(t.dir + "/asked") as f:
        must("config config-helper" in f.read(), "asked otherwise")
    must(i.calls("settings")[0].bearer == "good-token", i.calls("settings")[0].bearer)


@check("credentials: --gcloud-auth without gcloud ends with 1")
def _(t):
    t.exits(t.start("--port", 5000, "-g", t.instance(), token=None, env={"PATH": t.dir}), 1, "gcloud")


@check("credentials: a file that is not there ends with 1 and is named")
def _(t):
    t.exits(t.start("--port", 5000, "-c", "/nowhere/key.json", t.instance(), token=None), 1, "key.json")


@check("credentials: a file that is no credentials ends with 1")
def _(t):
    t.exits(t.start("--port", 5000, "-c", t.file("key.json", "no JSON"), t.instance(), token=None), 1)


@check("credentials: JSON of an unknown type ends with 1")
def _(t):
    t.exits(t.start("--port", 5000, "-j", '{"type": "crystal_ball"}', t.instance(), token=None), 1)


@check("credentials: none at all")
def _(t):
    """Ends with 1, or says so and waits for a metadata server: a machine's may come later than we do."""
    p = t.start("--port", 5000, t.instance(), token=None)
    p.said("(?i)credentials|metadata", "err")
    if p.running and "ready" in p.text():
        t.refused()


@check("credentials: a token that ends is replaced")
def _(t):
    cloud = t.own_cloud()
    cloud.token_life = 4
    i = t.instance(cert_begins=-3600, cert_ends=5)
    t.up("--port", 5000, i, token=None, env={"GCE_METADATA_HOST": f"{cloud.host}:{cloud.port}", "NO_GCE_CHECK": None})
    t.served()
    time.sleep(5.2)
    t.served()
    tokens = {c.bearer for c in i.calls() if c.status == 200}
    must(len(tokens) >= 2, tokens)


@check("credentials: after a 401 the token is asked for anew, once", ours=True)
def _(t):
    cloud = t.own_cloud()
    i = t.instance()
    t.up("--port", 5000, i, token=None, env={"GCE_METADATA_HOST": f"{cloud.host}:{cloud.port}", "NO_GCE_CHECK": None})
    t.echoes()
    cloud.tokens.clear()
    i.rotate_client_ca()
    must(t.recovers() <= 2, "no recovery")


@check("credentials: a token server that is away for a moment")
def _(t):
    i = t.instance()
    cloud = t.cloud
    t.up("--port", 5000, i, **by_variable(t))
    t.echoes()
    must(cloud.calls_of("token"), "no call")


# --- database logins by IAM -----------------------------------------------------------------------------------------
def login_token(i, n=0):
    wait_for(lambda: len(i.calls("cert")) > n, "the certificate call")
    return i.calls("cert")[n].json.get("access_token") or ""


@check("IAM: a login token goes into the certificate request, and no further")
def _(t):
    i = t.instance()
    args, more = by_file(t)
    t.up("--port", 5000, "--auto-iam-authn", *args, i, **more)
    t.echoes()
    token = login_token(i)
    must(t.cloud.tokens.get(token, {}).get("only") == "login", f"{token!r} is no login token")
    must(all(c.bearer != token for c in i.calls()), "the login token is used for the API")
    must(any(LOGIN in c["scope"].split() for c in robots_calls(t)), "no login scope was asked for")


@check("IAM: from the metadata server")
def _(t):
    cloud = t.own_cloud()
    i = t.instance()
    t.up("--port", 5000, "-i", i, token=None, env={"GCE_METADATA_HOST": f"{cloud.host}:{cloud.port}", "NO_GCE_CHECK": None})
    t.echoes()
    must(login_token(i), "no login token")


@check("IAM: ?auto-iam-authn for one instance")
def _(t):
    i = t.instance()
    args, more = by_file(t)
    t.up("--port", 5000, i.name + "?auto-iam-authn=true", *args, **more)
    t.echoes()
    must(login_token(i), "no login token")


@check("IAM: ?auto-iam-authn for one instance gives the token to no other")
def _(t):
    a, b = t.instance(), t.instance()
    args, more = by_file(t)
    t.up("--port", 5000, a.name + "?auto-iam-authn=true", b, *args, **more)
    t.echoes(5000)
    t.echoes(5001)
    must(login_token(a), "no login token")
    must(not login_token(b), "the other instance got one too")


@check("IAM: ?auto-iam-authn=false in spite of --auto-iam-authn serves")
def _(t):
    i = t.instance()
    args, more = by_file(t)
    t.up("--port", 5000, "-i", i.name + "?auto-iam-authn=false", *args, **more)
    t.echoes()


@check("IAM: SQL Server is refused")
def _(t):
    i = t.instance(version="SQLSERVER_2019_STANDARD")
    args, more = by_file(t)
    p = t.up("--port", 5000, "-i", i, *args, **more)
    t.refused()
    p.said("(?i)failed to connect to instance.*iam", "err")


@check("IAM: --token with --login-token: many connections, none of them waits")
def _(t):
    i = t.instance()
    t.up("--port", 5000, "-i", "--login-token", "login-token", i)
    for _ in range(5):
        t.echoes().close()
    must(login_token(i) == "login-token", login_token(i))
    must(len(i.calls("cert")) == 1, f"{len(i.calls('cert'))} certificates for 5 connections, and a wait for each")


@check("IAM: a certificate is good no longer than its login token")
def _(t):
    cloud = t.own_cloud()
    cloud.token_life = 20
    i = t.instance()
    t.up("--port", 5000, "-i", i, token=None, env={"GCE_METADATA_HOST": f"{cloud.host}:{cloud.port}", "NO_GCE_CHECK": None})
    t.echoes()
    wait_for(lambda: len(i.calls("cert")) >= 2, "another certificate before the token ends")


# --- acting for another account ---------------------------------------------------------------------------------------
def acting(t, chain, *args):
    i = t.instance()
    t.up("--port", 5000, "--impersonate-service-account", chain, *args, i, env=googles(t, "iamcredentials.googleapis.com"))
    t.echoes()
    return i, [c for c in t.cloud.calls_of("impersonate") if f"t{t.number}@" in c.path]


@check("acting: --impersonate-service-account: the API is called with the other account's token")
def _(t):
    i, calls = acting(t, f"t{t.number}@fake.iam.gserviceaccount.com")
    must(calls and calls[0].bearer == "good-token", "not asked for")
    must(ADMIN in calls[0].json["scope"] and not calls[0].json.get("delegates"), calls[0].json)
    must(t.cloud.tokens[i.calls("settings")[0].bearer].get("account") == f"t{t.number}@fake.iam.gserviceaccount.com", "another token")


@check("acting: through others: the first is the target, the rest delegates, last first")
def _(t):
    _, calls = acting(t, f"t{t.number}@fake.iam.gserviceaccount.com,b@fake.iam.gserviceaccount.com,c@fake.iam.gserviceaccount.com")
    must([d.rpartition("/")[2] for d in calls[0].json["delegates"]] == ["c@fake.iam.gserviceaccount.com", "b@fake.iam.gserviceaccount.com"],
         calls[0].json["delegates"])


@check("acting: with IAM login, the login token is the other account's too")
def _(t):
    i, calls = acting(t, f"t{t.number}@fake.iam.gserviceaccount.com", "-i", "--login-token", "x")
    must(any(c.json["scope"] == [LOGIN] for c in calls), [c.json["scope"] for c in calls])
    must(t.cloud.tokens.get(login_token(i), {}).get("account") == f"t{t.number}@fake.iam.gserviceaccount.com", login_token(i))


@check("secrets: a core holds no login that passed through, and no token that is over", ours=True)
def _(t):
    cloud = t.own_cloud()
    cloud.token_life = 4
    i = t.instance(cert_begins=-3600, cert_ends=5, backend="shout")
    p = t.up("--port", 5000, i, token=None, env={"GCE_METADATA_HOST": f"{cloud.host}:{cloud.port}", "NO_GCE_CHECK": None})

    def said(data):
        s = t.dial(5000)
        s.sendall(data)
        must(read_n(s, len(data)) == data.upper(), data)
        return s
    passed = [f"c0re-{way}-{os.getpid()}-{t.number}".encode() for way in ("once", "twice", "still")]
    said(passed[0]).close()
    twice = said(b"hello")
    twice.sendall(passed[1])
    still = said(passed[2])
    twice.close()
    time.sleep(5.2)
    wait_for(lambda: len({c.bearer for c in i.calls() if c.status == 200}) >= 3, "other tokens")
    time.sleep(1)
    core = core_of(p.pid)
    must(b"sqlproxy" in core, len(core))
    found = [s for s in [*passed, i.calls()[0].bearer.encode()] if s in core]
    must(not found, found, [core[core.find(s) - 80:core.find(s) + 60] for s in found])
    still.close()
