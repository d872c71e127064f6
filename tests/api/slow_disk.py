"""A disk whose syncs take as long as a test says: tests/fake/disk_shim.so for the programs of a box."""
import mmap
import os
import struct

import unittest
from box import build_dir


class SlowDisk:
    def __init__(self, directory):
        self.shim = os.path.abspath(f"{build_dir()}/tests/fake/disk_shim.so")
        if not os.path.exists(self.shim):
            raise unittest.SkipTest(f"{self.shim} is not built")
        self.path = f"{directory}/disk"
        with open(self.path, "wb") as f:
            f.write(bytes(16))
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 16)

    def env(self):
        options = ":".join(o for o in (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0") if o)
        return {"LD_PRELOAD": self.shim, "ONEBOX_DISK_FILE": self.path, "ASAN_OPTIONS": options}

    def sync_takes(self, seconds):
        self.map[:8] = struct.pack("<q", int(seconds * 10**6))

    def syncs(self):
        """How many were begun so far."""
        return struct.unpack("<q", self.map[8:])[0]
