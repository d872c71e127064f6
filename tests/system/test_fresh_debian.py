"""Both commands of the README on a fresh Debian with nothing but git: minutes, so only in `check --all`."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from conftest import TOP
from machine import Failed, Machine

pytestmark = pytest.mark.skipif(not os.environ.get("ONEBOX_LONG"), reason="long: setup check --all")


def into(root, *command, seconds):
    """Runs a command in the unbooted container, with this machine's network and package settings."""
    keep = [f"--setenv={k}={v}" for k, v in os.environ.items() if k.startswith("PIP_")
            or k.lower() in ("http_proxy", "https_proxy", "no_proxy")]
    links = os.environ.get("PIP_FIND_LINKS", "")
    if links.startswith("/") and Path(links).is_dir():
        keep.append(f"--bind-ro={links}")
    done = subprocess.run(["systemd-nspawn", "-q", "-D", str(root), "--register=no", "--keep-unit",
                           "--pipe", "--machine=obfresh", "--resolv-conf=copy-host", *keep,
                           "--chdir=/srv/onebox", *command],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        raise Failed(f"{command}: exit {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-3000:]}")
    return done.stdout


@pytest.fixture(scope="module")
def fresh():
    if os.geteuid() != 0:
        pytest.skip("a container is started by root only")
    machine = Machine(["git", "ca-certificates"], "obfresh")
    root = machine.disk
    try:
        for name in ("apt/sources.list", "apt/sources.list.d", "apt/apt.conf.d", "apt/keyrings",
                     "pip.conf", "ssl/certs", "ca-certificates.conf"):
            if (Path("/etc") / name).exists():
                subprocess.run(["cp", "-aT", f"/etc/{name}", str(root / "etc" / name)], check=True)
        subprocess.run(["cp", "-a", "/usr/share/keyrings/.", str(root / "usr/share/keyrings")],
                       check=False)
        subprocess.run(["cp", "-a", "/usr/local/share/ca-certificates/.",
                        str(root / "usr/local/share/ca-certificates")], check=False)
        subprocess.run(["git", "clone", "-q", str(TOP), str(root / "srv/onebox")], check=True)
        yield root
    finally:
        machine.remove()


def test_demo(fresh):
    """Ends with the table of at least 12 trainings, a version with its alias and a prediction."""
    script = """
        ./setup demo && echo ===again && ./setup demo && ./setup stop
    """
    out = into(fresh, "bash", "-ec", script, seconds=1500)
    first, _, second = out.partition("===again")
    for part in (first, second):
        assert part.count("FINISHED") >= 12, part
        assert "production" in part and "\"result\"" in part and "ssh -L" in part, part


def test_demo_is_idempotent_after_an_interruption(fresh):
    """Cut off in the middle of everything, the same command still comes to its end."""
    root = fresh
    for after in (2, 7, 15):
        subprocess.run(["systemd-nspawn", "-q", "-D", str(root), "--register=no", "--keep-unit",
                        "--pipe", "--machine=obfresh", "--chdir=/srv/onebox", "bash", "-c",
                        f"rm -rf build; timeout -s INT {after} ./setup demo || true"],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    began = time.monotonic()
    into(fresh, "bash", "-ec", "./setup demo; ./setup stop", seconds=900)
    assert time.monotonic() - began < 600


def test_check(fresh):
    out = into(fresh, "./setup", "check", "--unit", seconds=1500)
    assert out.rstrip().endswith(" passed, 0 failed"), out[-3000:]
