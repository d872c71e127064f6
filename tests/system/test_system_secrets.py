"""A secret of each kind is used in all the ways there are, everything that has it in its memory is killed so that it
would leave a core, and then the whole machine is searched: command lines, environments, the units' settings, the
journal and every file on the disk."""

import json

from machine import until
from test_system_carry import PIPELINE, SECRET
from test_system_tasks import log_of, out

# each value stands whole in no file of the tests that is on the machine
VALUES = {kind: f"pl4in-{kind}-Qy7x" for kind in ("connection", "variable", "password", "wrongpass", "file")}
HOLDERS = ("scheduler", "launcher", "tracking", "web")
NO_CORE = [f"onebox-{name}.service" for name in (*HOLDERS, "logship", "gitsync", "build")] + [
    f"onebox-{name}@x.service" for name in ("bucket", "sqlproxy", "serving")]
TASK = ("c=$(onebox connections uri scanned); v=$(onebox variables get scanned_password); "
        "f=$(cat $CREDENTIALS_DIRECTORY/api-key); echo \"have $c $v $f\"; echo ready; "
        "until [ -e /var/tmp/scan-go ]; do sleep 0.1; done; kill -SEGV $$")


def give(box):
    """Every secret comes in by a way that is meant for it."""
    m = box.machine
    m.run("onebox", "connections", "set", "scanned", "-", stdin=f"postgresql://u:{VALUES['connection']}@db/x\n")
    m.run("onebox", "variables", "set", "scanned_password", "-", stdin=VALUES["variable"] + "\n")
    m.run("onebox", "user", "add", "scanner", stdin=VALUES["password"] + "\n")
    m.shell("mkdir -p /etc/onebox/secrets; chmod 0700 /etc/onebox/secrets; "
            "cat >/etc/onebox/secrets/scan-key; chmod 0600 /etc/onebox/secrets/scan-key", stdin=VALUES["file"])
    VALUES["token"] = json.loads(m.run("onebox", "token", "--json", "add", "scanner").stdout)["token"]


def log_in(box):
    """A right password, a wrong one, a token: at the front door and at tracking. Never on a command line."""
    for value, status in ((VALUES["password"], "200"), (VALUES["wrongpass"], "401")):
        for url in ("http://127.0.0.1:8080/api/v2/dags", "http://127.0.0.1:5000/api/2.0/mlflow/experiments/search?max_results=1"):
            done = box.machine.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-K", "-", url,
                                   stdin=f'user = "scanner:{value}"\n', check=False)
            assert done.stdout == status, (url, done.stdout, done.stderr)
    done = box.machine.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-K", "-", "http://127.0.0.1:8080/api/v2/dags",
                           stdin=f'header = "Authorization: Bearer {VALUES["token"]}"\n', check=False)
    assert done.stdout == "200", done.stderr


def found(box, script):
    """Which values are in the output of a script."""
    patterns = "".join(value + "\n" for value in VALUES.values())
    # they come in by a pipe, and their file lies where no disk is: no command line has them
    done = box.machine.run("bash", "-c", f"p=$(mktemp -p /run); cat >$p; ({script}) 2>/dev/null | grep -aoFf $p | sort -u; rm $p",
                           check=False, stdin=patterns)
    return done.stdout.split()


DISK = "find / -xdev -type f ! -path '/proc/*' ! -path '/sys/*' ! -path '/etc/onebox/secrets/scan-key' -print0 | xargs -0 cat"
PROCESSES = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ"


def seen(box):
    """What lies open is found: on the disk, in an environment, in the journal."""
    m = box.machine
    m.shell("cat >/var/tmp/open", stdin=VALUES["file"])
    assert found(box, DISK) == [VALUES["file"]]
    m.shell("rm /var/tmp/open; read -r v; export v; sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >/run/open", stdin=VALUES["variable"] + "\n")
    assert found(box, PROCESSES) == [VALUES["variable"]]
    m.shell("kill $(cat /run/open)")
    m.shell("systemd-cat -t open", stdin="so-it-looks\n")
    assert "so-it-looks" in out(box, "journalctl --all -o export")


def test_secrets_appear_nowhere(green):
    m = green.machine
    give(green)
    seen(green)
    log_in(green)
    m.shell("rm -f /var/tmp/scan-go")
    green.deploy("scan", PIPELINE.format(name="scan", cmd=json.dumps(TASK), more=SECRET % "", source="/x",
                                         secret="/etc/onebox/secrets/scan-key", encrypted="false"))
    run = green.trigger("scan")
    until(lambda: green.tasks("scan", run)["work"]["state"] == "running" and "ready" in log_of(green, "scan", run), 60,
          "the task does not run", green.report)
    assert "***" in log_of(green, "scan", run)[0] and "pl4in" not in "".join(log_of(green, "scan", run))
    assert found(green, PROCESSES) == []
    assert found(green, "systemctl show '*'; systemctl show-environment; systemctl status '*'") == []
    # all that has had them dies as if by a fault of its own
    for unit in NO_CORE:
        assert "LimitCORE=0" in out(green, f"systemctl show {unit} -p LimitCORE"), unit
    limits = out(green, "grep -h '^Max core' $(for p in $(pgrep onebox-task) $(pgrep -u onebox-tasks bash); do echo /proc/$p/limits; done)")
    assert limits and all(line.split()[4] == "0" for line in limits.splitlines()), limits
    m.shell("touch /var/tmp/scan-go")
    assert green.wait_run("scan", run) == "failed"
    for name in HOLDERS:
        m.run("systemctl", "kill", "-s", "SEGV", f"onebox-{name}.service", check=False)
    green.wait_green()
    assert found(green, "journalctl --all -o export") == []
    # what was given as a file stays one; nothing else has it
    assert found(green, DISK) == []
    assert out(green, "find / -xdev -type f -name 'core*' -newer /etc/onebox/secrets/scan-key ! -path '/proc/*' ! -path '/sys/*' "
                      "-exec sh -c 'head -c4 {} | grep -qa ELF && echo {}' ';'") == ""
