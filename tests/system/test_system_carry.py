"""What tasks take into their units: directories, secrets, devices, time; and the scheduler's own key as a credential."""

import json

from test_system_tasks import log_of, out, tries

PIPELINE = """\
name: {name}
volumes:
  - {{volume: data, local: {{path: {source}}}}}
secrets:
  - {{secret: api-key, local_path_file: {secret}, encrypted: {encrypted}}}
pipelines:
  - pipeline: {name}
    start_date: 2026-01-01
    timeout_minutes: 10
    tasks:
      - task: work
        type: python
        cmd: {cmd}
        cwd: /
{more}"""

MOUNT = "        mounts: [{mount: m, volume: data, path: /mnt/data%s}]\n"
SECRET = "        secrets: [{secret: api-key%s}]\n"
VALUE = "s3cret-of-the-machine"


def go(box, name, cmd, more, source="/var/lib/onebox/volumes/data", secret="/etc/onebox/secrets/api-key",
       encrypted="false"):
    box.deploy(name, PIPELINE.format(name=name, cmd=json.dumps(cmd), more=more, source=source, secret=secret,
                                     encrypted=encrypted))
    run = box.trigger(name)
    state = box.wait_run(name, run)
    return run, state


def unit_of(box, name, run):
    """The unit of a run's only try, once it runs."""
    box.wait_task(name, run, "work", "running", seconds=60)
    return f"onebox-task-{tries(box, name, run)[0]['try_id']}.service"


def refused(box, name, more, *words, **kw):
    """The try ends with a message that has all the words."""
    run, state = go(box, name, "true", more, **kw)
    assert state == "failed"
    (one,) = tries(box, name, run)
    for word in words:
        assert word in one["message"], (word, one["message"])


def prepare(box):
    box.machine.shell(f"""
mkdir -p /var/lib/onebox/volumes/data/sub /etc/onebox/secrets
chown onebox-tasks /var/lib/onebox/volumes/data
echo inside > /var/lib/onebox/volumes/data/sub/file
chmod 0700 /etc/onebox/secrets
printf %s {VALUE} > /etc/onebox/secrets/api-key; chmod 0600 /etc/onebox/secrets/api-key
ln -sfn /etc /var/lib/onebox/volumes/link
ln -sfn /etc/shadow /var/lib/onebox/pipelines/shadow
""")


def test_a_directory_is_mounted_in_the_unit_alone(green):
    prepare(green)
    run, state = go(green, "carrymount",
                    "cat /mnt/data/sub/file; echo new > /mnt/data/new && echo written; test -e /mnt/data/new && echo seen",
                    MOUNT % "")
    assert state == "success", green.report()
    assert log_of(green, "carrymount", run)[:3] == ["inside", "written", "seen"]
    assert out(green, "cat /var/lib/onebox/volumes/data/new").strip() == "new"
    assert out(green, "ls /mnt/data").strip() == ""
    run, state = go(green, "carryro", "cat /mnt/data/file; touch /mnt/data/x 2>&1; true",
                    MOUNT % ", read_only: true, sub_path: sub")
    lines = log_of(green, "carryro", run)
    assert lines[0] == "inside" and "Read-only file system" in lines[1], lines


def test_what_is_not_listed_is_refused(green):
    prepare(green)
    refused(green, "carrybad1", MOUNT % "", "/etc/ssl", "mounts in [launcher]", source="/etc/ssl")
    refused(green, "carrybad2", MOUNT % "", "symbolic link", source="/var/lib/onebox/volumes/link")
    refused(green, "carrybad3", MOUNT % "", "symbolic link", source="/var/lib/onebox/volumes/link/ssl")
    refused(green, "carrybad4", "        mounts: [{mount: m, volume: data, path: /usr/lib}]\n", "/usr/lib", "/mnt/data")
    refused(green, "carrybad5", SECRET % "", "/etc/shadow", "secrets in [launcher]", secret="/etc/shadow")
    refused(green, "carrybad6", SECRET % "", "symbolic link", secret="/var/lib/onebox/pipelines/shadow")
    refused(green, "carrybad7", "        resources: {devices: [/dev/mem]}\n", "/dev/mem", "devices in [launcher]")


def test_a_secret_is_a_credential(green):
    prepare(green)
    cmd = (f"test \"$(cat $CREDENTIALS_DIRECTORY/api-key)\" = {VALUE[:6]}\"{VALUE[6:]}\" && echo the same; "
           "cat /mnt/keys/credentials; echo; cat $ONEBOX_SECRET_API_KEY; echo; "
           "cat /etc/onebox/secrets/api-key 2>&1; ls /run/onebox-launcher 2>&1; sleep 3")
    box = green
    box.deploy("carrysecret", PIPELINE.format(name="carrysecret", cmd=json.dumps(cmd), more=SECRET % ", remote_path: /mnt/keys",
                                              source="/x", secret="/etc/onebox/secrets/api-key", encrypted="false"))
    run = box.trigger("carrysecret")
    unit = unit_of(box, "carrysecret", run)
    # not for others: neither by the bus nor in a file that stays
    shown = out(box, f"systemctl show {unit}")
    assert f"Id={unit}" in shown and VALUE not in shown
    assert box.wait_run("carrysecret", run) == "success", box.report()
    lines = log_of(box, "carrysecret", run)
    assert lines[:3] == ["the same", "***", "***"], lines
    assert "Permission denied" in lines[3] and "Permission denied" in lines[4], lines
    assert out(box, "find /run/onebox-launcher -type f | wc -l").strip() == "0"
    assert out(box, f"grep -rl {VALUE} /var/lib/onebox/tasks /var/lib/onebox/scheduler /run/onebox | wc -l").strip() == "0"
    nowhere(box, VALUE)


def nowhere(box, value):
    """Neither in the journal nor on a command line nor in an environment, and no daemon may leave a core behind."""
    # kept first: the one who looks for it has it on its own command line, and its parts are put together there
    look = (f"cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ >/run/seen 2>/dev/null; journalctl --no-pager -o cat | grep -c {value}; "
            f"grep -ac {value} /run/seen; rm /run/seen")
    look = look.replace(value, f"'{value[:4]}''{value[4:]}'")
    done = box.machine.run("bash", "-c", look, check=False).stdout.split()
    assert done == ["0", "0"], done
    for unit in ("onebox-scheduler", "onebox-launcher"):
        assert "LimitCORE=0" in out(box, f"systemctl show {unit} -p LimitCORE")


def test_an_encrypted_secret(green):
    prepare(green)
    made = green.machine.shell("systemd-creds encrypt --with-key=host --name=api-key /etc/onebox/secrets/api-key "
                               "/etc/onebox/secrets/api-key.cred", check=False)
    assert made.returncode == 0, made.stderr
    assert VALUE not in out(green, "cat /etc/onebox/secrets/api-key.cred")
    run, state = go(green, "carrycred", f"test \"$(cat $CREDENTIALS_DIRECTORY/api-key)\" = {VALUE} && echo the same",
                    SECRET % "", secret="/etc/onebox/secrets/api-key.cred", encrypted="true")
    assert state == "success" and log_of(green, "carrycred", run)[0] == "the same", green.report()


def test_devices_and_time_are_on_the_unit(green):
    green.deploy("carryunit", PIPELINE.format(
        name="carryunit", cmd='"sleep 60"', source="/x", secret="/x", encrypted="false",
        more="        resources: {devices: [/dev/fuse]}\n        timeout: 300\n"))
    run = green.trigger("carryunit")
    unit = unit_of(green, "carryunit", run)
    shown = out(green, f"systemctl show {unit} -p DevicePolicy -p DeviceAllow -p RuntimeMaxUSec")
    assert "DevicePolicy=closed" in shown and "/dev/fuse rw" in shown and "RuntimeMaxUSec=6min 15s" in shown, shown
    green.call("scheduler", f"/api/v2/dags/carryunit/dagRuns/{run}", {"state": "failed"}, "PATCH")
    green.wait_run("carryunit", run)


IMAGE = """\
name: {name}
images:
  - {{image: im, type: python, source: .}}
pipelines:
  - pipeline: {name}
    start_date: 2026-01-01
    timeout_minutes: 10
    tasks:
      - {{task: work, type: python, image: im, cmd: "true"}}
"""


def test_environments_are_made_by_a_unit_of_their_own(green):
    """The way there and back: this machine has no python3-venv, which is what the try then says."""
    green.machine.write("/var/lib/onebox/pipelines/carryimage/requirements.txt", "six\n")
    green.deploy("carryimage", IMAGE.format(name="carryimage"))
    run = green.trigger("carryimage")
    assert green.wait_run("carryimage", run, 120) == "failed"
    (one,) = tries(green, "carryimage", run)
    assert "apt install python3-venv" in one["message"], (one, green.report())
    (made,) = green.call("scheduler", "/api/onebox/v1/environments")[1]["environments"]
    assert made["state"] == "failed" and made["image"] == "im", made
    assert out(green, f"stat -c %U /var/lib/onebox/venvs/{made['key']}.log").strip() == "onebox-build"
    assert out(green, "systemctl is-active onebox-build.path").strip() == "active"


def test_the_key_of_secrets_is_a_credential_and_may_be_changed(green):
    """LoadCredential=onebox-secrets-key: sealed with it, opened after a restart, rotated by a line above the old one."""
    m = green.machine
    key = "/etc/credstore/onebox-secrets-key"
    onebox = "/usr/local/bin/onebox" if m.path("/usr/local/bin/onebox").exists() else "onebox"
    m.shell(f"mkdir -p -m 0700 /etc/credstore; od -An -tx1 -w32 -N32 /dev/urandom | sed 's/ //g' > {key}; chmod 0600 {key}; "
            "systemctl restart onebox-scheduler")
    green.wait_green()
    m.shell(f"printf %s postgres://u:{VALUE}@h/ | {onebox} connections set sealed -")
    first = out(green, f"{onebox} connections get sealed")
    assert '"***"' in first
    m.shell(f"{{ od -An -tx1 -w32 -N32 /dev/urandom | sed 's/ //g'; cat {key}; }} > {key}.new; chmod 0600 {key}.new; mv {key}.new {key}; "
            "systemctl restart onebox-scheduler")
    green.wait_green()
    assert "sealed by the new key" in out(green, f"{onebox} connections rotate-key")
    m.shell(f"head -n 1 {key} > {key}.new; chmod 0600 {key}.new; mv {key}.new {key}; systemctl restart onebox-scheduler")
    green.wait_green()
    run, state = go(green, "carrykey", f"{onebox} connections uri sealed | tr -d '\\n' | wc -c", "")
    assert state == "success" and log_of(green, "carrykey", run)[0] == str(len(f"postgres://u:{VALUE}@h/")), green.report()
    # another key opens nothing, and says what it would need
    m.shell(f"od -An -tx1 -w32 -N32 /dev/urandom | sed 's/ //g' > {key}; systemctl restart onebox-scheduler")
    green.wait_green()
    run, state = go(green, "carrykey2", f"{onebox} connections uri sealed", "")
    assert state == "failed" and any("sealed by a key" in line for line in log_of(green, "carrykey2", run))
    m.shell(f"{onebox} connections delete sealed; rm {key}; systemctl restart onebox-scheduler")
    green.wait_green()
