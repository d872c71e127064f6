"""Runs pages.mjs against a stand-in box, and tracking_pages.mjs against one in front of a real
onebox-tracking; needs node and Chromium, else the tests are skipped."""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "api")]
from tracking_full import fill  # noqa: E402
from tracking_test import Tracking  # noqa: E402

# The shell without windows needs a quarter of the other's time.
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM or not shutil.which("node"), reason="chromium or node is missing")


PATIENCE = 230  # seconds for both scripts: what hangs says what it waited for before the suite is ended


@functools.cache
def end_of_patience():
    """Counted from the first script's start."""
    return time.monotonic() + PATIENCE


def look(script, *args, tracking=""):
    """The script's TAP, when all of it passed."""
    box = subprocess.Popen([sys.executable, HERE / "fake_box.py", "--scenario", "full", "--tracking", tracking], stdout=subprocess.PIPE, text=True)
    with tempfile.TemporaryFile("w+") as said:
        pages = None
        try:
            port = box.stdout.readline().strip()
            pages = subprocess.Popen(["node", HERE / script, f"http://127.0.0.1:{port}", *args], stdout=said, stderr=subprocess.STDOUT,
                                     env={**os.environ, "CHROMIUM": CHROMIUM})
            end = pages.wait(max(1, end_of_patience() - time.monotonic()))
        except subprocess.TimeoutExpired:
            end = "no end in time"
        finally:
            for process in filter(None, (pages, box)):
                process.kill()
                process.wait()
        said.seek(0)
        text = said.read()
    print(text)
    assert end == 0, f"{script}: {end}\n{text}"
    return text


def test_pages():
    assert look("pages.mjs").count("\nok ") >= 15


def test_tracking_pages():
    with Tracking() as tracking:
        ids = fill(tracking)
        assert look("tracking_pages.mjs", json.dumps(ids), tracking=tracking.url).count("\nok ") >= 15
