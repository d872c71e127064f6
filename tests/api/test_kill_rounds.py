"""kill -9 of every daemon and of tasks, in rounds, while runs go through: tests/system/kill_rounds.py in
its short form. The long one: kill_rounds.py --rounds 200."""
import os
import subprocess
import sys

import pytest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system", "kill_rounds.py")


@pytest.mark.parametrize("more", [["--rounds", "30", "--runs", "30"],
                                  ["--rounds", "25", "--runs", "24", "--shims"]])
def test_kill_rounds(more):
    p = subprocess.run([sys.executable, SCRIPT, *more], capture_output=True, text=True, timeout=280)
    assert p.returncode == 0, p.stdout[-12000:] + p.stderr[-3000:]
    assert "all as it should be" in p.stdout
