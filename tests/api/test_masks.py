"""Secrets a task was given: there for the task, "***" in its log, whoever reads it and however it was written. And what
a task may take with it where tasks are plain processes."""
import json
import os
from urllib.parse import quote

import pytest

from box import Box, build_dir
from scheduler_calls import log_of, run, tries, yml

PASSWORD = 'tr0ub4/"dor"&3'
KEY = "-----BEGIN KEY-----\nMIIEvgIBADANBgkqhkiG\n-----END KEY-----\n"
ONEBOX = f"{build_dir()}/cli/onebox"


@pytest.fixture(scope="module")
def box():
    b = Box("[scheduler]\nstop_grace = 1s\n").up()
    for body in ({"connection_id": "pg", "conn_type": "postgres", "host": "h", "login": "u", "password": PASSWORD,
                  "extra": json.dumps({"api_key": "k3y-in-extra", "mode": "plain-word"})},):
        assert b.post("/api/v2/connections", body).status == 201
    assert b.post("/api/v2/variables", {"key": "db_password", "value": "v4r-password"}).status == 201
    assert b.post("/api/v2/variables", {"key": "region", "value": "europe-west"}).status == 201
    yield b
    log = b.end()
    assert PASSWORD not in log and "v4r-password" not in log


def load(b, name, tasks, more="", head=""):
    b.pipeline(name, head + yml(name, tasks, more))
    b.wait_dag(name)


def raw_log(b, dag, run_id, task):
    """The file itself: what live readers, the pages and the bucket get."""
    with open(f"{b.state}/tasks/{tries(b, dag, run_id, task)[0]['try_id']}/log", encoding="utf-8") as f:
        return f.read()


def test_what_a_task_asked_for_is_masked(box):
    script = f"""
u=$({ONEBOX} connections uri pg)
echo "uri $u"
v=$({ONEBOX} variables get db_password)
printf 'begin v4r'; sleep 0.3; printf -- '-pass'; sleep 0.3; echo 'word end'
echo "err $v" >&2
echo '{json.dumps(PASSWORD)}' '{quote(PASSWORD, safe="")}' k3y-in-extra plain-word
{ONEBOX} variables get region
echo "token $MLFLOW_TRACKING_TOKEN"
"""
    load(box, "asks", [("a", script)])
    run_id, whole = run(box, "asks")
    assert whole["state"] == "success", raw_log(box, "asks", run_id, "a")
    lines = log_of(box, "asks", run_id, "a")
    text = raw_log(box, "asks", run_id, "a")
    assert "begin *** end" in lines and "err ***" in lines and "europe-west" in lines, lines
    assert '"***" *** *** plain-word' in lines, lines
    assert "token ***" in lines, lines
    uri = next(line for line in lines if line.startswith("uri "))
    assert uri.startswith("uri postgres://u:***@h/"), uri
    for word in ("tr0ub4", "v4r-pass", "k3y-in-extra"):
        assert word not in text, text


def test_nothing_is_hidden_that_was_not_asked_for(box):
    load(box, "plain", [("a", "echo v4r-password-like")])
    run_id, _ = run(box, "plain")
    assert log_of(box, "plain", run_id, "a") == ["v4r-password-like"]


def test_a_file_is_a_secret(box):
    folder = box.state + "/pipelines/filed"
    os.makedirs(folder)
    with open(folder + "/key.pem", "w", encoding="utf-8") as f:
        f.write(KEY)
    cmd = ('test "$(cat $CREDENTIALS_DIRECTORY/my-key; echo x)" = "$(cat key.pem; echo x)" && echo the same; '
           'test "$ONEBOX_SECRET_MY_KEY" = "$CREDENTIALS_DIRECTORY/my-key" && echo named; stat -c %a "$ONEBOX_SECRET_MY_KEY"; '
           'cat key.pem')
    head = "secrets:\n  - {secret: my-key, local_path_file: key.pem}\n"
    load(box, "filed", [("a", cmd, "secrets: [{secret: my-key}]")], head=head)
    run_id, whole = run(box, "filed")
    assert whole["state"] == "success", raw_log(box, "filed", run_id, "a")
    assert log_of(box, "filed", run_id, "a") == ["the same", "named", "400", "***", "***", "***"]
    # the copy goes with the task
    box.wait(lambda: not os.listdir(box.run + "/launcher-secrets"), 60, "the copy to go")


def test_what_a_plain_process_cannot_have_is_refused(box):
    folder = box.dir + "/data"
    os.makedirs(folder)
    head = f"volumes:\n  - {{volume: data, local: {{path: {folder}}}}}\nsecrets:\n  - {{secret: k, encrypted: true}}\n"
    load(box, "mounted", [("a", f"test -d {box.dir}/mnt/ && echo there",
                           f"mounts: [{{mount: m, volume: data, path: {box.dir}/mnt}}]"),
                          ("b", "true", "secrets: [{secret: k}]", "trigger_rule: all_done")], head=head)
    run_id, whole = run(box, "mounted")
    assert whole["state"] == "failed"
    (one,) = tries(box, "mounted", run_id, "a")
    assert "data" in one["message"] and "mode = fork" in one["message"] and "ln -s" in one["message"], one
    (two,) = tries(box, "mounted", run_id, "b")
    assert "\"k\" is encrypted" in two["message"], two
    # the remedy it names works
    os.symlink(folder, box.dir + "/mnt")
    run_id, _ = run(box, "mounted")
    assert tries(box, "mounted", run_id, "a")[0]["result"] == "success"
