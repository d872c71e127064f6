"""Runs pages.mjs against a stand-in box, and tracking_pages.mjs against one in front of a real
onebox-tracking; needs node and Chromium, else the tests are skipped."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "api")]
from tracking_full import fill  # noqa: E402
from tracking_test import Tracking  # noqa: E402

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM or not shutil.which("node"), reason="chromium or node is missing")


def look(script, *args, tracking=""):
    """The script's TAP, when all of it passed."""
    box = subprocess.Popen([sys.executable, HERE / "fake_box.py", "--scenario", "full", "--tracking", tracking], stdout=subprocess.PIPE, text=True)
    try:
        port = box.stdout.readline().strip()
        done = subprocess.run(["node", HERE / script, f"http://127.0.0.1:{port}", *args], capture_output=True, text=True, timeout=400,
                              env={**os.environ, "CHROMIUM": CHROMIUM})
    finally:
        box.kill()
        box.wait()
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pages():
    assert look("pages.mjs").count("\nok ") >= 15


def test_tracking_pages():
    with Tracking() as tracking:
        ids = fill(tracking)
        assert look("tracking_pages.mjs", json.dumps(ids), tracking=tracking.url).count("\nok ") >= 15
