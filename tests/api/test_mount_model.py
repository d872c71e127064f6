"""The mount against a model directory: random operations from a seed, without a difference.

ONEBOX_TEST_SEED is the first seed, ONEBOX_TEST_SECONDS how long seed after seed is tried; a failure names its seed, and
that seed alone has it again. ONEBOX_TEST_PROGRESS names a file that keeps the next seed, so that runs add up."""

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from bucketd_test import Bucketd, crc_of
from mount_model import Model
from mount_test import Mount, needs_fuse

SECONDS = float(os.environ.get("ONEBOX_TEST_SECONDS", "10"))
PROGRESS = os.environ.get("ONEBOX_TEST_PROGRESS")

FOLDERS = {"hierarchicalNamespace": {"enabled": True},
           "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}}}

pytestmark = needs_fuse


def first_seed():
    if PROGRESS and Path(PROGRESS).exists():
        return int(Path(PROGRESS).read_text())
    return int(os.environ.get("ONEBOX_TEST_SEED", "1"))


def in_bucket(server, model, bucket):
    """What the bucket itself holds is what the model holds."""
    files = {str(p.relative_to(model)): p.read_bytes() for p in Path(model).rglob("*") if p.is_file() and not p.is_symlink()}
    page, found = "", {}
    while True:
        got = server.json("GET", f"/storage/v1/b/{bucket}/o?pageToken={page}&fields=nextPageToken,items(name,size,crc32c,metadata)")
        for item in got.get("items", []):
            if not item["name"].endswith("/") and "symlink" not in str(item.get("metadata")):
                found[item["name"]] = item["crc32c"]
        page = got.get("nextPageToken")
        if not page:
            break
    assert found == {name: crc_of(data) for name, data in files.items()}


def one(server, seed, n_steps, *flags, model=None, faults=(), **properties):
    """faults: the rules by which the service fails the mount; the test's own questions before and after are answered."""
    bucket = f"model-{seed}"
    server.json("POST", "/storage/v1/b", {"name": bucket, **properties})
    if faults:
        server.faults(*faults)
    parent = tempfile.mkdtemp(prefix="onebox-model-", dir="/tmp")
    plain = Path(parent) / "mnt"  # each root has a parent of its own: a symlink "../b" leaves it
    plain.mkdir()
    try:
        with Mount(server.url, *flags, bucket=bucket) as mount:
            Model(mount.path, plain, seed, mount.restart, **model or {}).run(n_steps)
        server.ask("DELETE", "/_onebox/faults")
        in_bucket(server, plain, bucket)
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def test_without_a_difference():
    seed, until_at = first_seed(), time.monotonic() + SECONDS
    with Bucketd("--sync=no") as server:
        while True:
            one(server, seed, 600)
            seed += 1
            if PROGRESS:
                Path(PROGRESS).write_text(str(seed))
            if time.monotonic() > until_at:
                break


def test_with_folders():
    """A hierarchical bucket: directories are folders."""
    with Bucketd("--sync=no") as server:
        for seed in range(first_seed(), first_seed() + int(os.environ.get("ONEBOX_TEST_FOLDER_SEEDS", "2"))):
            one(server, seed, 400, **FOLDERS)


PARTS = ("--write-block-size-mb=1", "--parallel-uploads-per-file=3")
PARTS_MODEL = {"sizes": (0, 100, 4096, 300000, 1 << 20, 3500000, 4200001), "max_size": 9000000}


def test_with_parts():
    """Files large enough to leave by several uploads at once; that the service lets some of them fail is not seen."""
    with Bucketd("--sync=no") as server:
        for seed in range(first_seed(), first_seed() + int(os.environ.get("ONEBOX_TEST_PARTS_SEEDS", "1"))):
            one(server, seed, 150, *PARTS, model=PARTS_MODEL, faults=[{"percent": 3, "status": 503}, {"percent": 3, "after_status": 503}])


def test_with_a_disk_cache(tmp_path):
    """It has room for a few of the files, and little is in memory beside it: most reads come from the disk, also of files that a
    mount before left there."""
    with Bucketd("--sync=no") as server:
        for seed in range(first_seed(), first_seed() + int(os.environ.get("ONEBOX_TEST_DISK_SEEDS", "1"))):
            one(server, seed, 250, f"--cache-dir={tmp_path}", "--file-cache-max-size-mb=10", "--read-cache-size-mb=4", model=PARTS_MODEL)
            assert any(p.is_file() for p in tmp_path.glob(f"gcsfuse-file-cache/model-{seed}/**/*"))


@pytest.mark.parametrize("rule", [
    {"percent": 5, "status": 503},
    {"percent": 5, "status": 429},
    {"percent": 4, "after_status": 503},
    {"percent": 4, "cut": 1},
    {"op": "read", "percent": 10, "cut_after": 1000},
], ids=lambda rule: "-".join(f"{k}={v}" for k, v in rule.items()))
def test_with_faults(rule):
    """The same while the server fails: nobody who reads or writes files sees anything of it."""
    with Bucketd("--sync=no") as server:
        one(server, 1000, 250, faults=[rule])
