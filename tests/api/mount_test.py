"""fuse-gcs in tests: a bucket of onebox-bucketd mounted on a directory of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from daemon_test import BUILD, PATIENCE, until

PROGRAM = BUILD / "fuse-gcs/fuse-gcs"


def can_mount():
    """FUSE takes the device and the right to mount."""
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError:
        return False
    return os.geteuid() == 0 and PROGRAM.exists()


needs_fuse = pytest.mark.skipif(not can_mount(), reason="needs /dev/fuse and root")


def is_mounted(path):
    with open("/proc/self/mounts") as mounts:
        return any(line.split()[1] == str(path) for line in mounts)


class Mount:
    """fuse-gcs in the foreground. Its log is root/mount.log."""

    def __init__(self, url, *flags, bucket="bkt", root=None, env=None):
        self.env = {**os.environ, **(env or {})}
        self.url, self.flags, self.bucket = url, flags, bucket
        self.own_root = root is None
        self.root = Path(root or tempfile.mkdtemp(prefix="onebox-mount-", dir="/tmp"))
        self.path = self.root / "mnt"
        self.log = self.root / "mount.log"
        self.process = None

    def start(self):
        self.path.mkdir(exist_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "--foreground", "--anonymous-access", "--log-format=text",
                 f"--custom-endpoint={self.url}/storage/v1/", *self.flags,
                 *([] if self.bucket is None else [self.bucket]), self.path],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env)
        until(lambda: self.process.poll() is not None or is_mounted(self.path), "the mount")
        assert self.process.poll() is None, self.log.read_text()
        return self

    def end(self, signo=signal.SIGTERM):
        """Asks it to go and waits: an unmount writes what is not written yet."""
        if self.process.poll() is None:
            self.process.send_signal(signo)
        code = self.process.wait(PATIENCE)
        self.clear()
        return code

    def clear(self):
        """After a kill the directory is of nobody."""
        if is_mounted(self.path):
            subprocess.run(["umount", "-l", self.path], check=True)

    def restart(self):
        self.end()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        if error[0]:  # what pytest shows of a test that failed
            print(f"the mount: {self.process.poll()}, mounted: {is_mounted(self.path)}; its log:\n{self.log.read_text()[-4000:]}")
        try:
            self.end()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.clear()
            text = self.log.read_text()
            if self.own_root:
                shutil.rmtree(self.root, ignore_errors=True)
        assert "Sanitizer" not in text and "runtime error" not in text, text

    def __truediv__(self, name):
        return self.path / name
