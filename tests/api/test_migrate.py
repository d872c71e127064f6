"""onebox migrate: a tracking database from engine to engine, artifacts from store to store."""

import os
import re
import subprocess

import pytest
from daemon_test import BUILD
from db_server import DbServer
from test_differential import unordered
from test_tracking_interop import read, write
from tracking_test import Tracking


def onebox(*words, status=0):
    done = subprocess.run([BUILD / "cli/onebox", *map(str, words)], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "ONEBOX_LIBEXEC_DIR": str(BUILD / "daemons")})
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def servers():
    both = [DbServer("postgres"), DbServer("mysql")]
    yield both
    for s in both:
        s.end()


def test_round_trip(servers, tmp_path):
    """SQLite → PostgreSQL → MySQL → SQLite: the same answers everywhere."""
    first, last = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/z.db"
    with Tracking("--backend-store-uri", first) as t:
        ids = write(t.port, "ours")
        r = t.run()
        t.post("runs/log-batch", run_id=r, metrics=[{"key": f"k{i % 3}", "value": i / 7, "timestamp": i, "step": i % 5} for i in range(1000)])
        told = read(t.port, "ours", *ids)
        points = t.get("metrics/get-history", run_id=r, metric_key="k1")
    uris = [first, *(s.uri(s.fresh()) for s in servers), last]
    for source, target in zip(uris, uris[1:]):
        said = onebox("migrate", source, target)
        assert "counts and checksums are the same" in said and re.search(r"^metrics: 10\d\d rows$", said, re.M), said
        with Tracking("--backend-store-uri", target) as t:
            assert unordered(read(t.port, "ours", *ids)) == unordered(told)
            assert t.get("metrics/get-history", run_id=r, metric_key="k1") == points
            new = t.post("experiments/create", name=f"after {target}")["experiment_id"]  # ids go on behind
            t.post("experiments/delete", experiment_id=new)
            assert int(new) > int(ids[0])


def test_names_that_differ_in_case(servers, tmp_path):
    """To MySQL they are one, and a version keeps the name it was asked for; elsewhere it would be of no model."""
    postgres, mysql = servers
    source, targets = mysql.uri(mysql.fresh()), (postgres.uri(postgres.fresh()), f"sqlite:///{tmp_path}/a.db")
    with Tracking("--backend-store-uri", source) as t:
        t.post("registered-models/create", name="Engine", tags=[{"key": "k", "value": "v"}])
        for name in ("Engine", "ENGINE"):
            t.post("model-versions/create", name=name, source="s3://b/x", tags=[{"key": "k", "value": name}])
    for target in targets:
        assert "counts and checksums are the same" in onebox("migrate", source, target)
        with Tracking("--backend-store-uri", target) as t:
            versions = t.get("model-versions/search", filter="name = 'Engine'")["model_versions"]
            assert sorted((v["version"], v["tags"][0]["value"]) for v in versions) == [("1", "Engine"), ("2", "ENGINE")]
    with Tracking("--backend-store-uri", targets[1]) as t:
        t.post("registered-models/create", name="engine")
    said = onebox("migrate", targets[1], mysql.uri(mysql.fresh()), status=1)
    assert "table registered_models, behind row 0: Duplicate entry 'default-engine' for key 'PRIMARY': a row with the same key is there" in said


def test_refused(servers, tmp_path):
    full, other = f"sqlite:///{tmp_path}/full.db", f"sqlite:///{tmp_path}/other.db"
    for uri in (full, other):
        with Tracking("--backend-store-uri", uri) as t:
            t.run()
    assert "name an empty database" in onebox("migrate", full, other, status=1)
    assert "holds no tables of MLflow" in onebox("migrate", servers[0].uri(servers[0].fresh()), other, status=1)
    assert "cannot open" in onebox("migrate", f"sqlite:///{tmp_path}/none.db", other, status=1)


def test_artifacts(tmp_path):
    source, target = tmp_path / "from", tmp_path / "to"
    (source / "a/b").mkdir(parents=True)
    for i in range(50):
        (source / f"a/b/{i:02}").write_bytes(os.urandom(i * 1000))
    target.mkdir()
    assert "50 objects" in onebox("migrate", "--artifacts", source, target)
    assert all((target / f"a/b/{i:02}").read_bytes() == (source / f"a/b/{i:02}").read_bytes() for i in range(50))
    (target / "a/b/07").unlink()
    (target / "a/b/08").write_bytes(b"x" * 8000)  # another content of the same size
    assert "2 of them copied now" in onebox("migrate", "--artifacts", source, target)
    assert (target / "a/b/08").read_bytes() == (source / "a/b/08").read_bytes()
