"""Checks: command line, environment, configuration files, help; wrong use ends with 1 and says what is wrong."""

import json

from sqlproxy_box import check, must

I = "p:europe-west1:db"

# what is wrong, arguments, words the message must have
WRONG = [
    ("no instance", [], ["instance"]),
    ("--unix-socket with --address", ["--unix-socket", "/tmp", "--address", "127.0.0.1", I], ["--unix-socket", "--address"]),
    ("--unix-socket with --port", ["--unix-socket", "/tmp", "--port", "5000", I], ["--unix-socket", "--port"]),
    ("-u with -p", ["-u", "/tmp", "-p", "5000", I], ["--unix-socket", "--port"]),
    ("an address that is none", ["--address", "nowhere", I], ["address", "nowhere"]),
    ("a host name as address", ["--address", "localhost", I], ["address", "localhost"]),
    ("--private-ip with --auto-ip", ["--private-ip", "--auto-ip", I], ["--private-ip", "--auto-ip"]),
    ("--private-ip with --psc", ["--private-ip", "--psc", I], ["--private-ip", "--psc"]),
    ("--token with --credentials-file", ["--token", "t", "--credentials-file", "f", I], ["--token", "--credentials-file"]),
    ("--token with --gcloud-auth", ["--token", "t", "--gcloud-auth", I], ["--token", "--gcloud-auth"]),
    ("--credentials-file with --gcloud-auth", ["-c", "f", "-g", I], ["--credentials-file", "--gcloud-auth"]),
    ("--json-credentials with --token", ["-j", "{}", "-t", "t", I], ["--json-credentials", "--token"]),
    ("--json-credentials with --credentials-file", ["-j", "{}", "-c", "f", I], ["--json-credentials", "--credentials-file"]),
    ("--json-credentials with --gcloud-auth", ["-j", "{}", "-g", I], ["--json-credentials", "--gcloud-auth"]),
    ("--auto-iam-authn and --token without --login-token", ["-i", "-t", "t", I], ["--login-token"]),
    ("--auto-iam-authn with --gcloud-auth", ["-i", "-g", I], ["--auto-iam-authn", "--gcloud-auth"]),
    ("--login-token alone", ["--login-token", "l", I], ["--login-token"]),
    ("--login-token without --auto-iam-authn", ["--login-token", "l", "-t", "t", I], ["--login-token"]),
    ("an unknown flag", ["--no-such-flag", I], ["no-such-flag"]),
    ("an unknown short flag", ["-z", I], ["z"]),
    ("a flag without its value", [I, "--port"], ["port"]),
    ("a port that is no number", ["--port", "many", I], ["port", "many"]),
    ("a negative --max-connections", ["--max-connections", "-1", I], ["max-connections"]),
    ("a duration without a unit", ["--max-sigterm-delay", "5", I], ["max-sigterm-delay"]),
    ("a --min-sigterm-delay that is none", ["--min-sigterm-delay", "soon", I], ["min-sigterm-delay"]),
    ("a boolean that is none", ["--quiet=maybe", I], ["quiet", "maybe"]),
    ("--fuse with --run-connection-test", ["--fuse", "/tmp/x", "--run-connection-test"], ["fuse"]),
    ("a configuration file without extension", ["--config-file", "conf", I], ["conf"]),
    ("a configuration file of a strange kind", ["--config-file", "conf.ini", I], ["conf.ini"]),
    ("a configuration file that is not there", ["--config-file", "/nowhere/conf.toml", I], ["conf.toml"]),
    ("?address that is none", [I + "?address=nowhere"], ["address", "nowhere"]),
    ("?address with ?unix-socket", [I + "?address=127.0.0.1&unix-socket=/tmp"], ["address", "unix-socket"]),
    ("?port with ?unix-socket", [I + "?port=1&unix-socket=/tmp"], ["port", "unix-socket"]),
    ("?address with ?unix-socket-path", [I + "?address=127.0.0.1&unix-socket-path=/tmp/x"], ["address", "unix-socket-path"]),
    ("?port with ?unix-socket-path", [I + "?port=1&unix-socket-path=/tmp/x"], ["port", "unix-socket-path"]),
    ("?unix-socket with ?unix-socket-path", [I + "?unix-socket=/tmp&unix-socket-path=/tmp/x"], ["unix-socket", "unix-socket-path"]),
    ("two ?address", [I + "?address=127.0.0.1&address=127.0.0.2"], ["address"]),
    ("two ?port", [I + "?port=1&port=2"], ["port"]),
    ("?port that is no number", [I + "?port=many"], ["port", "many"]),
    ("two ?unix-socket", [I + "?unix-socket=/tmp&unix-socket=/run"], ["unix"]),
    ("two ?unix-socket-path", [I + "?unix-socket-path=/tmp/a&unix-socket-path=/tmp/b"], ["unix"]),
    ("?private-ip=maybe", [I + "?private-ip=maybe"], ["private-ip", "maybe"]),
    ("two ?private-ip", [I + "?private-ip=true&private-ip=true"], ["private-ip"]),
    ("?psc=maybe", [I + "?psc=maybe"], ["psc", "maybe"]),
    ("?auto-iam-authn=maybe", [I + "?auto-iam-authn=maybe"], ["auto-iam-authn", "maybe"]),
    ("?private-ip with ?psc", [I + "?private-ip=true&psc=true"], ["private-ip", "psc"]),
    ("--auto-ip with ?private-ip", ["--auto-ip", I + "?private-ip=true"], ["auto-ip", "private-ip"]),
    ("a query that cannot be read", [I + "?port=%zz"], ["quer"]),
    ("the second instance's query wrong", [I, I + "2?port=many"], ["port", "many"]),
    ("wait with a time that is none", ["wait", "--max", "soon"], ["max"]),
]


def wrong(title, args, words):
    @check(f"usage: {title}: 1 and a message")
    def run(t):
        t.exits(t.bare(*args), 1, *words)
    return run


for row in WRONG:
    wrong(*row)


@check("usage: the message and the usage are on stderr")
def _(t):
    p = t.bare("--no-such-flag", I)
    t.exits(p, 1)
    must("no-such-flag" in p.text("err") and "Usage" in p.text("err"), p.text("err")[:500])
    must("no-such-flag" not in p.text("out"), "it is on stdout")


@check("usage: --help is on stdout and lists the flags")
def _(t):
    p = t.bare("--help")
    t.exits(p, 0)
    for flag in ("--port", "--unix-socket", "--auto-iam-authn", "--max-sigterm-delay", "--quitquitquit", "--lazy-refresh", "--token"):
        must(flag in p.text("out"), flag, "is not in the help")


for flag in ("--version", "-v"):
    def version(t, flag=flag):
        p = t.bare(flag)
        t.exits(p, 0, "version")
    check(f"usage: {flag} says the version")(version)


@check("usage: -h, and help of the subcommands")
def _(t):
    for args in (["-h"], ["wait", "--help"], ["shutdown", "--help"], ["help", "wait"]):
        t.exits(t.bare(*args), 0, "usage")


@check("usage: flags may stand after the instance")
def _(t):
    i = t.instance()
    t.up(i, "--port", 5000)
    t.echoes()


@check("usage: --flag=value and --flag value")
def _(t):
    i = t.instance()
    t.up("--port=5000", i)
    t.echoes()


@check("usage: short flags")
def _(t):
    i = t.instance()
    p = t.bare("-p", 5000, "-a", t.address, "-t", "good-token", "--sqladmin-api-endpoint", t.endpoint, "-l", i.name)
    p.ready()
    t.echoes()
    must(p.text().strip().startswith("{"), "-l is not structured logs")


# --- sources -----------------------------------------------------------------------------------------------
def base(t):
    return {"CSQL_PROXY_TOKEN": "good-token", "CSQL_PROXY_SQLADMIN_API_ENDPOINT": t.endpoint, "CSQL_PROXY_ADDRESS": t.address}


@check("environment: everything from it")
def _(t):
    i = t.instance()
    t.bare(env={**base(t), "CSQL_PROXY_PORT": 5000, "CSQL_PROXY_INSTANCE_CONNECTION_NAME": i.name}).ready()
    t.echoes()


@check("environment: several instances, _0 and _1")
def _(t):
    a, b = t.instance(), t.instance(backend="shout")
    t.bare(env={**base(t), "CSQL_PROXY_PORT": 5000, "CSQL_PROXY_INSTANCE_CONNECTION_NAME_0": a.name,
                "CSQL_PROXY_INSTANCE_CONNECTION_NAME_1": b.name}).ready()
    t.echoes(5000)
    t.echoes(5001, data=b"HELLO")


@check("environment: without a number and then _1")
def _(t):
    a, b = t.instance(), t.instance()
    t.bare(env={**base(t), "CSQL_PROXY_PORT": 5000, "CSQL_PROXY_INSTANCE_CONNECTION_NAME": a.name,
                "CSQL_PROXY_INSTANCE_CONNECTION_NAME_1": b.name}).ready()
    t.echoes(5001)


@check("environment: numbering stops at the first gap")
def _(t):
    a, b = t.instance(), t.instance()
    t.bare(env={**base(t), "CSQL_PROXY_PORT": 5000, "CSQL_PROXY_INSTANCE_CONNECTION_NAME_0": a.name,
                "CSQL_PROXY_INSTANCE_CONNECTION_NAME_2": b.name}).ready()
    t.echoes(5000)
    t.not_listening(5001)


@check("environment: arguments beat its instances")
def _(t):
    a, b = t.instance(), t.instance()
    t.up("--port", 5000, a, env={"CSQL_PROXY_INSTANCE_CONNECTION_NAME": b.name})
    t.echoes()
    must(not b.sessions and a.handshakes == 1, "the wrong instance was asked")


@check("environment: a flag beats it")
def _(t):
    i = t.instance()
    t.up("--port", 5000, i, env={"CSQL_PROXY_PORT": 5100})
    t.echoes(5000)
    t.not_listening(5100)


@check("environment: query parameters in an instance's name")
def _(t):
    i = t.instance()
    t.bare(env={**base(t), "CSQL_PROXY_INSTANCE_CONNECTION_NAME": i.name + "?port=5007"}).ready()
    t.echoes(5007)


@check("environment: booleans")
def _(t):
    i = t.instance()
    p = t.up("--port", 5000, i, env={"CSQL_PROXY_STRUCTURED_LOGS": "true"})
    json.loads(p.text().splitlines()[0])


@check("environment: a wrong value is ignored or refused, never taken")
def _(t):
    i = t.instance()
    p = t.start(i, "--port", 5000, env={"CSQL_PROXY_MAX_CONNECTIONS": "many"})
    if "ready" in p.said("ready|max-connections|MAX_CONNECTIONS").group(0):
        t.echoes()


FILES = {
    "toml": 'address = "{a}"\nport = 5000\ntoken = "good-token"\nsqladmin-api-endpoint = "{e}"\ninstance-connection-name = "{i}"\n',
    "yaml": "address: {a}\nport: 5000\ntoken: good-token\nsqladmin-api-endpoint: {e}\ninstance-connection-name: {i}\n",
    "yml": 'address: "{a}"\nport: 5000\ntoken: "good-token"\nsqladmin-api-endpoint: "{e}"\ninstance-connection-name: "{i}"\n',
    "json": '{{"address": "{a}", "port": 5000, "token": "good-token", "sqladmin-api-endpoint": "{e}", "instance-connection-name": "{i}"}}',
}


def from_file(kind, text):
    @check(f"file: everything from conf.{kind}")
    def run(t):
        i = t.instance()
        t.bare("--config-file", t.file(f"conf.{kind}", text.format(a=t.address, e=t.endpoint, i=i.name))).ready()
        t.echoes()
    return run


for pair in FILES.items():
    from_file(*pair)


@check("file: several instances, -0 and -1, booleans and comments")
def _(t):
    a, b = t.instance(), t.instance()
    text = (f'# a comment\nport = 5000\nstructured-logs = true\ninstance-connection-name-0 = "{a.name}" # more\n'
            f'instance-connection-name-1 = "{b.name}"\n')
    p = t.up("--config-file", t.file("conf.toml", text))
    t.echoes(5000)
    t.echoes(5001)
    json.loads(p.text().splitlines()[0])


@check("file: a flag beats it")
def _(t):
    i = t.instance()
    t.up("--config-file", t.file("conf.toml", "port = 5100\n"), "--port", 5000, i)
    t.echoes(5000)
    t.not_listening(5100)


@check("file: the environment beats it")
def _(t):
    i = t.instance()
    t.up("--config-file", t.file("conf.toml", "port = 5100\n"), i, env={"CSQL_PROXY_PORT": 5000})
    t.echoes(5000)
    t.not_listening(5100)


@check("file: the environment's instances beat its own")
def _(t):
    a, b = t.instance(), t.instance()
    t.up("--port", 5000, "--config-file", t.file("conf.toml", f'instance-connection-name = "{b.name}"\n'),
         env={"CSQL_PROXY_INSTANCE_CONNECTION_NAME": a.name})
    t.echoes()
    must(a.handshakes == 1 and b.handshakes == 0, "the wrong instance was asked")


for kind, text in (("toml", "port = = 5\n"), ("yaml", "port: [1\n"), ("json", '{"port": }')):
    def broken(t, kind=kind, text=text):
        t.exits(t.bare("--config-file", t.file(f"conf.{kind}", text), I), 1, f"conf.{kind}")
    check(f"file: a broken conf.{kind} ends with 1 and is named")(broken)


@check("file: its conflicts are refused as the flags' are")
def _(t):
    t.exits(t.bare("--config-file", t.file("conf.toml", 'token = "a"\ncredentials-file = "b"\n'), I), 1, "--token", "--credentials-file")
