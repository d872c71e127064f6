"""`onebox doctor`: faults that are made are found and named with their remedy, and --fix puts right what it says."""
import json
import os
import stat

import pytest
from bucketd_test import Bucketd
from test_cli import Place

STRANGER = 54321


@pytest.fixture
def place():
    p = Place()
    yield p
    p.remove()


@pytest.fixture(scope="module")
def box():
    p = Place()
    p.good("up", "--detach")
    yield p
    p.remove()


def look(place, *args):
    done = place.call("doctor", "--json", *args)
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["ok"] else 1), done.stdout
    assert answer["ok"] == all(f["state"] != "fault" for f in answer["findings"])
    return {f["name"]: f for f in answer["findings"]}


def faults(findings):
    return sorted(name for name, f in findings.items() if f["state"] == "fault")


def test_a_box_that_runs_is_well(box):
    findings = look(box)
    assert faults(findings) == [], findings
    for name in ("configuration", "onebox-scheduler", "onebox-tracking", "onebox-web", f"directory {box.state}",
                 f"directory {box.state}/scheduler", "database of onebox-scheduler", "database of onebox-tracking"):
        assert findings[name]["state"] == "ok", findings[name]
    assert "revision " in findings["database of onebox-scheduler"]["text"]
    assert "revision " in findings["database of onebox-tracking"]["text"]
    assert "✗" not in box.good("doctor")


def test_daemons_that_are_down(place):
    findings = look(place)
    for name in ("onebox-scheduler", "onebox-tracking", "onebox-web"):
        assert findings[name]["state"] == "fault" and findings[name]["remedy"] == "onebox up"
        assert "not running" in findings[name]["text"]
    done = place.call("doctor")
    assert done.returncode == 1
    assert "✗  onebox-tracking: not running" in done.stdout and "→ onebox up" in done.stdout


def test_a_bad_configuration(place):
    place.write_conf("[web]\nlisen = x\n")
    conf = look(place)["configuration"]
    assert conf["state"] == "fault" and 'unknown key "lisen"' in conf["text"]


def test_a_missing_state_directory_is_made(place):
    name = f"directory {place.state}"
    command = f"install -d -m 0755 -o {os.geteuid()} -g {os.getegid()} {place.state}"
    assert look(place)[name]["fixes"] == [command]
    assert f"would do: {command}\n" in place.call("doctor", "--fix", "--dry-run").stdout
    assert not os.path.exists(place.state)
    assert look(place, "--fix")[name]["state"] == "ok"
    assert stat.S_IMODE(os.stat(place.state).st_mode) == 0o755
    assert "--dry-run is for --fix" in place.bad("doctor", "--dry-run")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owners_are_put_right(place):
    tracking = place.state + "/tracking"
    os.makedirs(tracking + "/artifacts/1")
    os.makedirs(place.state + "/scheduler")
    outside = place.dir + "/outside"
    for path in (tracking + "/artifacts/1/model.bin", outside):
        with open(path, "w") as f:
            f.write("x")
        os.chown(path, STRANGER, STRANGER)
    os.symlink(outside, tracking + "/link")
    os.chown(place.state + "/scheduler", STRANGER, STRANGER)
    findings = look(place)
    assert f"{tracking}/artifacts/1/model.bin the first" in findings[f"directory {tracking}"]["text"]
    assert findings[f"directory {tracking}"]["remedy"] == f"chown -R root:root {tracking}"
    assert f"belongs to uid {STRANGER}" in findings[f"directory {place.state}/scheduler"]["text"]
    place.call("doctor", "--fix", "--dry-run")
    assert os.stat(place.state + "/scheduler").st_uid == STRANGER
    findings = look(place, "--fix")
    for path in (tracking, place.state + "/scheduler"):
        assert findings[f"directory {path}"]["state"] == "ok", findings
    assert os.stat(tracking + "/artifacts/1/model.bin").st_uid == 0
    assert os.stat(outside).st_uid == STRANGER  # no link is followed


def test_secrets_that_all_may_read(place):
    secret = place.dir + "/password"
    with open(secret, "w") as f:
        f.write("hunter2-of-the-test\n")
    os.chmod(secret, 0o644)
    place.write_conf(f"[notify]\nsmtp_password_file = {secret}\n")
    found = look(place)[f"secret {secret}"]
    assert found["state"] == "fault" and found["fixes"] == [f"chmod 0640 {secret}"]
    done = place.call("doctor", "--fix")
    assert stat.S_IMODE(os.stat(secret).st_mode) == 0o640
    assert "hunter2" not in done.stdout + done.stderr
    assert look(place)[f"secret {secret}"]["state"] == "ok"


def test_a_database_that_cannot_be_reached(place):
    secret = place.dir + "/password"
    with open(secret, "w") as f:
        f.write("hunter2-of-the-test\n")
    os.chmod(secret, 0o600)
    place.write_conf("backend_store_uri = postgresql://ml@127.0.0.1:1/mlflow\n"
                     f"backend_store_password_file = {secret}\n")
    done = place.call("doctor")
    assert "✗  database of onebox-tracking: " in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_each_permission_of_a_bucket_by_itself(place):
    place.write_conf("artifacts_destination = gs://bkt/models\n")
    with Bucketd() as bucketd:
        place.env["STORAGE_EMULATOR_HOST"] = bucketd.url
        names = [f"{verb} of gs://bkt/models" for verb in ("put", "get", "list", "delete")]
        findings = look(place)
        assert [findings[name]["state"] for name in names] == ["ok"] * 4, findings
        assert bucketd.json("GET", "/storage/v1/b/bkt/o").get("items", []) == []
        for verb, op in (("put", "insert"), ("get", "read"), ("list", "list"), ("delete", "delete")):
            bucketd.faults({"op": op, "status": 403})
            findings = look(place)
            refused = f"{verb} of gs://bkt/models"
            assert [n for n in names if findings[n]["state"] == "fault"] == [refused], (verb, findings)
            assert "storage.objects." in findings[refused]["remedy"]


def test_a_proxy_that_is_away(place):
    os.makedirs(place.dir + "/sqlproxy")
    with open(place.dir + "/sqlproxy/main.env", "w") as f:
        f.write("CSQL_PROXY_INSTANCE_CONNECTION_NAME=p:r:i\nCSQL_PROXY_PORT=1\n")
    found = look(place)["Cloud SQL proxy main"]
    assert found["state"] == "fault" and "port 1 cannot be reached" in found["text"]
    assert "systemctl start onebox-sqlproxy@main" in found["remedy"]
