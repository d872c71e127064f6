"""`onebox doctor` on an installation with its own users: a sound one has no fault, and what --fix does brings one back to that."""

import json

from machine import until

TRACKING = "/var/lib/onebox/tracking"
SCHEDULER = "/var/lib/onebox/scheduler"


def look(green, *args, user=None):
    done = green.machine.run("onebox", "doctor", "--json", *args, user=user, check=False)
    answer = json.loads(done.stdout or "{}")
    assert done.returncode == (0 if answer["ok"] else 1), done.stdout + done.stderr
    return {f["name"]: f for f in answer["findings"]}


def faults(findings):
    return {name: f for name, f in findings.items() if f["state"] == "fault"}


def rights(green):
    return green.machine.shell("find /var/lib/onebox /etc/onebox /run/onebox -xdev -printf '%p %y %m %u %g\\n' | grep -v 'db-\\|/tries/' | sort").stdout


def test_a_sound_machine_has_no_fault(green):
    findings = look(green)
    assert not faults(findings), faults(findings)
    for name in ("configuration", "onebox-scheduler", "onebox-tracking", f"directory {TRACKING}", f"directory {SCHEDULER}",
                 "database of onebox-scheduler", "database of onebox-tracking"):
        assert findings[name]["state"] == "ok", findings[name]
    before = rights(green)
    assert not faults(look(green, "--fix"))
    assert rights(green) == before, "there was nothing to put right"


def test_somebody_without_rights_learns_what_may_be_learnt(green):
    findings = look(green, user="nobody")
    assert not faults(findings), faults(findings)
    assert findings["services"]["state"] == "skipped" and findings["services"]["remedy"] == "run it as root"
    assert "model services are not shown" in green.machine.run("onebox", "status", user="nobody").stdout
    assert "tracking" in green.machine.run("onebox", "urls", user="nobody").stdout


def test_owners_and_modes_are_put_right(green):
    m = green.machine
    m.shell(f"mkdir -p {TRACKING}/artifacts/doctor; echo x >{TRACKING}/artifacts/doctor/file; echo x >/etc/stranger;"
            f"ln -s /etc/stranger {TRACKING}/artifacts/doctor/link; chown -R onebox-tracking:onebox-tracking {TRACKING}/artifacts/doctor;"
            f"chown nobody {TRACKING}/artifacts/doctor/file /etc/stranger; chmod 0777 {SCHEDULER}")
    try:
        found = faults(look(green))
        assert sorted(found) == [f"directory {SCHEDULER}", f"directory {TRACKING}"], found
        assert found[f"directory {SCHEDULER}"]["fixes"] == [f"chmod 0750 {SCHEDULER}"]
        assert found[f"directory {TRACKING}"]["fixes"] == [f"chown -R onebox-tracking:onebox-tracking {TRACKING}"]
        m.run("onebox", "doctor", "--fix", "--dry-run", check=False)
        assert m.shell(f"stat -c %U {TRACKING}/artifacts/doctor/file").stdout == "nobody\n"
        assert not faults(look(green, "--fix"))
        assert m.shell(f"stat -c '%U %a' {TRACKING}/artifacts/doctor/file {SCHEDULER} /etc/stranger").stdout.splitlines() == [
            "onebox-tracking 644", "onebox-scheduler 750", "nobody 644"]
    finally:
        m.shell(f"rm -rf {TRACKING}/artifacts/doctor /etc/stranger; chmod 0750 {SCHEDULER}")
    assert green.call("tracking", "/health")[0] == 200


def test_what_cannot_work_stays_down_and_is_named(green):
    """A configuration that cannot be is tried once; whoever looks is told which key, why, and how to go on."""
    m, wrong = green.machine, "/etc/onebox/onebox.conf.d/wrong.conf"
    m.write(wrong, "[web]\nallow_cidrs = everybody\n")
    try:
        m.run("systemctl", "restart", "onebox-web", check=False)
        show = ["systemctl", "show", "--value", "-p", "ActiveState", "-p", "ExecMainStatus", "-p", "NRestarts", "onebox-web"]
        until(lambda: m.run(*show).stdout.split() == ["0", "78", "failed"], 20, "it is not left alone", lambda: m.run(*show).stdout + green.report())
        words = m.run("onebox", "status", check=False)
        assert words.returncode == 1 and "onebox doctor" in words.stdout and "web " in words.stdout, words.stdout
        found = faults(look(green))
        assert '[web] allow_cidrs: "everybody" is not a list' in found["configuration"]["text"], found
        assert "reset-failed onebox-web.service" in found["unit onebox-web.service"]["remedy"], found
    finally:
        m.run("rm", wrong)
        m.run("systemctl", "reset-failed", "onebox-web.service", "onebox-web.socket", check=False)
        m.run("systemctl", "restart", "onebox-web.socket", "onebox-web")
    assert not faults(look(green))
