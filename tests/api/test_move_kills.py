"""onebox migrate and import, killed at any write: started again they end, with all that was to be moved.

ONEBOX_LONG tries far more moments of each.
"""

import os
import shutil
import subprocess

import pytest
from daemon_test import BUILD, PATIENCE, TOP
from test_differential import unordered
from test_tracking_interop import read, write
from tracking_test import Tracking

GROWTH = 1.01 if os.environ.get("ONEBOX_LONG") else 1.5


def move(words, fault=None):
    return subprocess.run([BUILD / "daemons/tracking/onebox-move", *map(str, words)], capture_output=True, text=True, timeout=PATIENCE,
                          env={**os.environ, "ONEBOX_DATA_DIR": str(TOP), **({"ONEBOX_FAULT": fault} if fault else {})})


def kill_everywhere(words, point, clear, check):
    """Kills it at its first, second … write, until it ends by itself; each time it is started again and then right."""
    n, kills = 1, 0
    while True:
        clear()
        done = move(words, f"{point}:{n}:kill")
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
        kills += 1
        done = move(words)
        assert done.returncode == 0, (n, done.stdout, done.stderr)
        check(done.stdout)
        n = max(n + 1, int(n * GROWTH))
    assert kills >= 6, kills


def test_database(tmp_path):
    source, target = tmp_path / "a.db", tmp_path / "z.db"
    with Tracking("--backend-store-uri", f"sqlite:///{source}") as t:
        ids = write(t.port, "moved")
        r = t.run()
        t.post("runs/log-batch", run_id=r, metrics=[{"key": f"k{i % 3}", "value": i / 7, "timestamp": i, "step": i % 5} for i in range(1000)])
        told = read(t.port, "moved", *ids)

    def clear():
        for f in tmp_path.glob("z.db*"):
            f.unlink()

    kill_everywhere(("database", f"sqlite:///{source}", f"sqlite:///{target}"), "db-write", clear,
                    lambda said: said.index("counts and checksums are the same"))
    with Tracking("--backend-store-uri", f"sqlite:///{target}") as t:
        assert unordered(read(t.port, "moved", *ids)) == unordered(told)


def files(root, n):
    """What MLflow's file store writes for a few runs."""
    for i in range(n):
        run = root / f"5/r{i}"
        (run / "metrics").mkdir(parents=True)
        (run / "params").mkdir()
        (run / "artifacts/d").mkdir(parents=True)
        (run / "meta.yaml").write_text(f"run_uuid: r{i}\nrun_id: r{i}\nexperiment_id: '5'\nstatus: 3\nlifecycle_stage: active\nstart_time: {i}\n"
                                       f"artifact_uri: {run}/artifacts\n")
        (run / "metrics/m").write_text("".join(f"{k} {k / 7} {k}\n" for k in range(100)))
        (run / "params/p").write_text(str(i))
        (run / "artifacts/d/f").write_bytes(bytes([i]) * 100000)
    (root / "5/meta.yaml").write_text(f"name: five\nexperiment_id: '5'\nlifecycle_stage: active\nartifact_location: {root}/5\n")


@pytest.mark.parametrize("point", ["db-write", "write"])
def test_import(point, tmp_path):
    old, database, store = tmp_path / "mlruns", tmp_path / "z.db", tmp_path / "artifacts"
    files(old, 12)

    def clear():
        for f in tmp_path.glob("z.db*"):
            f.unlink()
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir()

    kill_everywhere(("mlruns", old, f"sqlite:///{database}", store), point, clear,
                    lambda said: said.index("12 artifacts of 1200000 bytes by checksum"))


def test_artifacts(tmp_path):
    source, target = tmp_path / "from", tmp_path / "to"
    (source / "a/b").mkdir(parents=True)
    for i in range(20):
        (source / f"a/b/{i:02}").write_bytes(os.urandom(i * 1000))

    def clear():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()

    def check(said):
        assert "20 objects" in said, said
        there = {str(p.relative_to(target)): p.read_bytes() for p in (target / "a").rglob("*") if p.is_file()}
        assert there == {f"a/b/{i:02}": (source / f"a/b/{i:02}").read_bytes() for i in range(20)}

    kill_everywhere(("artifacts", source, target), "write", clear, check)
