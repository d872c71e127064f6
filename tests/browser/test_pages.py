"""Runs pages.mjs against a stand-in box; needs node and Chromium, else the test is skipped."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(not CHROMIUM or not shutil.which("node"), reason="chromium or node is missing")
def test_pages():
    box = subprocess.Popen([sys.executable, HERE / "fake_box.py", "--scenario", "full"],
                           stdout=subprocess.PIPE, text=True)
    try:
        port = box.stdout.readline().strip()
        done = subprocess.run(["node", HERE / "pages.mjs", f"http://127.0.0.1:{port}"],
                              capture_output=True, text=True, timeout=400,
                              env={**os.environ, "CHROMIUM": CHROMIUM})
    finally:
        box.kill()
        box.wait()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\nok ") >= 15
