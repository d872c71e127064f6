#!/usr/bin/python3
"""onebox-build: makes the Python environments that pipelines ask for, each once.

STATE/venvs/queue/KEY.json says what is wanted (the scheduler writes it), STATE/venvs/KEY is the environment, whole
when it holds "complete", KEY.state what became of it, KEY.log how. KEY is a hash of all that goes in. One process builds
at a time (queue.lock); killed at any moment, the next one begins the half-made environment anew. What packages run while
they are installed may write to their own environment only (Landlock, where the kernel has it).

Python, because what it drives is Python's own: venv and pip. It is no daemon: under systemd a path unit starts it when
there is work, `onebox up` keeps it waiting with `watch`.
"""

import argparse
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

STEP_SECONDS = 1800
LOG_TAIL = 1500
KEEP_DAYS = 14
LOOK_SECONDS = 2
KEY_LETTERS = set("0123456789abcdef")


class Failed(Exception):
    """With what, why and what to do."""


# --- Landlock --------------------------------------------------------------------------------------------------------

WRITES = sum(1 << bit for bit in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13))  # write, remove and make files
SYS_CREATE, SYS_ADD, SYS_RESTRICT = 444, 445, 446


class PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("fd", ctypes.c_int32)]


def allow_writes_below(directories):
    """From now on this process writes nowhere else. False: the kernel has no Landlock."""
    libc = ctypes.CDLL(None, use_errno=True)
    handled = ctypes.c_uint64(WRITES)
    rules = libc.syscall(SYS_CREATE, ctypes.byref(handled), ctypes.c_size_t(8), 0)
    if rules < 0:
        return False
    for directory in directories:
        fd = os.open(directory, os.O_PATH | os.O_CLOEXEC)
        mode = os.stat(fd).st_mode
        rule = PathBeneath(WRITES if mode & 0o040000 else WRITES & 2, fd)
        libc.syscall(SYS_ADD, rules, 1, ctypes.byref(rule), 0)
        os.close(fd)
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges
    done = libc.syscall(SYS_RESTRICT, rules, 0) == 0
    os.close(rules)
    return done


# --- one environment -------------------------------------------------------------------------------------------------


def say(text):
    print(text, file=sys.stderr, flush=True)


def write_state(path, **state):
    new = path.with_suffix(".new")
    new.write_text(json.dumps(state) + "\n", encoding="utf-8")
    new.replace(path)


def interpreter(version):
    """The program of a wanted version, "3.11"; the machine's own without one."""
    name = f"python{version}" if version else "python3"
    found = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")
    if not found:
        raise Failed(f"python_version {version}: there is no {name} on this machine: install it, or drop python_version")
    return found


class Environment:
    """One KEY: where it is, and how it is made."""

    def __init__(self, venvs, key):
        self.venvs, self.key = venvs, key
        self.dir = venvs / key
        self.wanted = venvs / "queue" / f"{key}.json"
        self.state, self.log = venvs / f"{key}.state", venvs / f"{key}.log"
        self.tmp = venvs / f"{key}.tmp"

    def is_ready(self):
        return (self.dir / "complete").exists()

    def run(self, what, *argv, cwd=None, env=None):
        """A step, its output in the log. What it runs may write to this environment only."""

        def confine():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            allow_writes_below([self.dir, self.tmp, "/dev/null"])

        self.out.write(f"$ {' '.join(map(str, argv))}\n".encode())
        self.out.flush()
        try:
            done = subprocess.run(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out,
                                  preexec_fn=confine, timeout=STEP_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise Failed(f"{what} took more than {STEP_SECONDS} s") from None
        except OSError as e:
            raise Failed(f"{what}: {e.filename or argv[0]}: {e.strerror}") from None
        return done.returncode

    def need(self, what, *argv, **kw):
        code = self.run(what, *argv, **kw)
        if code:
            lines = self.log.read_bytes()[-LOG_TAIL:].decode(errors="replace").strip().splitlines()
            last = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "")
            if any("ensurepip is not" in line for line in lines):
                raise Failed(f"{what} failed: this Python has no ensurepip: apt install python3-venv")
            raise Failed(f"{what} failed (exit {code}): {last.strip()[:300]}")

    def environ(self):
        env = {"PATH": f"{self.dir}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": str(self.tmp), "TMPDIR": str(self.tmp),
               "LANG": "C.UTF-8", "VIRTUAL_ENV": str(self.dir), "PIP_NO_CACHE_DIR": "1", "PIP_NO_INPUT": "1",
               "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        # what the administrator says: an index of one's own, a proxy
        env.update({k: v for k, v in os.environ.items()
                    if k.startswith("PIP_") or k.lower() in ("http_proxy", "https_proxy", "no_proxy", "ssl_cert_file")})
        return env

    def requirements(self, spec):
        """The file to install: the one in the source if it is still as it was when KEY was made of it."""
        text = spec.get("requirements") or ""
        file = Path(spec["source"]) / "requirements.txt"
        try:
            if file.read_text(encoding="utf-8") == text:
                return file
        except OSError:
            pass
        copy = self.tmp / "requirements.txt"
        copy.write_text(text, encoding="utf-8")
        return copy

    def common_serves(self, spec, file, cwd):
        """onebox's own environment has it all already: then it is taken."""
        common = (self.venvs.parent / "venv").resolve()
        if any(spec.get(k) for k in ("build_cmd", "python_version", "pip_conf")) or not (common / "complete").exists():
            return False
        if self.run("asking onebox's own environment", common / "bin/python", "-m", "pip", "install", "--quiet",
                    "--dry-run", "--no-index", f"--requirement={file}", cwd=cwd, env=self.environ()):
            return False
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.symlink_to(common)
        return True

    def make(self, spec):
        cwd = Path(spec["source"])
        if not cwd.is_dir() or not os.access(cwd, os.R_OK | os.X_OK):
            raise Failed(f"the source {cwd} cannot be read by the one who builds: chmod -R o+rX, or put it among the pipelines")
        env = self.environ()
        file = self.requirements(spec)
        if self.common_serves(spec, file, cwd):
            return "taken from onebox's own environment, which has it all"
        if spec.get("pip_conf"):
            env["PIP_CONFIG_FILE"] = str(cwd / spec["pip_conf"])
        self.need("making the environment", interpreter(spec.get("python_version")), "-m", "venv", self.dir, env=env)
        if (spec.get("requirements") or "").strip():
            self.need("pip install", self.dir / "bin/python", "-m", "pip", "install", f"--requirement={file}", cwd=cwd,
                      env=env)
        if spec.get("build_cmd"):
            self.need("build_cmd", "/bin/bash", "-c", spec["build_cmd"], cwd=cwd, env=env)
        self.run("compiling", self.dir / "bin/python", "-m", "compileall", "-q", self.dir / "lib", env=env)
        self.need("syncing", "/bin/sync", "-f", self.dir, env=env)
        (self.dir / "complete").touch()
        return "built"

    def clear(self):
        if self.dir.is_symlink():
            self.dir.unlink()
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.rmtree(self.tmp, ignore_errors=True)

    def build(self):
        began = time.time()
        try:
            spec = json.loads(self.wanted.read_text(encoding="utf-8"))
        except (OSError, ValueError) as e:
            say(f"{self.wanted}: {e}")
            self.wanted.unlink(missing_ok=True)
            return
        about = {"key": self.key, "image": spec.get("image"), "source": spec.get("source"), "began": began}
        if not self.is_ready():
            self.clear()
            self.dir.mkdir(mode=0o755)
            self.tmp.mkdir(mode=0o700)
            write_state(self.state, state="building", **about)
            say(f"building the environment of image \"{spec.get('image')}\" ({self.key})")
            with open(self.log, "wb") as self.out:
                try:
                    how = self.make(spec)
                    write_state(self.state, state="ready", message=how, ended=time.time(), **about)
                    say(f"the environment of image \"{spec.get('image')}\" is ready: {how}")
                except Failed as e:
                    self.clear()
                    write_state(self.state, state="failed", message=str(e), ended=time.time(), **about)
                    say(f"the environment of image \"{spec.get('image')}\" cannot be built: {e}")
            shutil.rmtree(self.tmp, ignore_errors=True)
        self.wanted.unlink(missing_ok=True)


# --- all of them -----------------------------------------------------------------------------------------------------


def is_key(text):
    return len(text) == 16 and set(text) <= KEY_LETTERS


def wanted(venvs):
    return sorted(p.stem for p in (venvs / "queue").glob("*.json") if is_key(p.stem))


def build_all(venvs):
    with open(venvs / "build.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        while keys := wanted(venvs):
            for key in keys:
                Environment(venvs, key).build()
        collect(venvs)


def of_services(venvs):
    """The keys of environments that services run in: STATE/services/NAME.json names their Python."""
    keys = set()
    for path in (venvs.parent / "services").glob("*.json"):
        try:
            python = Path(json.loads(path.read_text(encoding="utf-8"))["python"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if venvs in python.parents:
            keys.add(python.relative_to(venvs).parts[0])
    return keys


def collect(venvs, days=KEEP_DAYS):
    """What no service names and no task has used for so long goes; the scheduler touches queue/KEY.used at each use."""
    kept = of_services(venvs)
    for state in venvs.glob("*.state"):
        key = state.stem
        if key in kept:
            continue
        used = venvs / "queue" / f"{key}.used"
        last = max((p.stat().st_mtime for p in (state, used) if p.exists()), default=0)
        if is_key(key) and time.time() - last > days * 86400:
            say(f"the environment {key} has not been used for {days} days: it goes")
            env = Environment(venvs, key)
            if not env.dir.is_symlink():
                (env.dir / "complete").unlink(missing_ok=True)  # first: nobody starts with half of it
            env.clear()
            for path in (env.log, used, state):
                path.unlink(missing_ok=True)


def notify(text):
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.connect("\0" + address[1:] if address[0] == "@" else address)
            s.send(text.encode())


def main():
    p = argparse.ArgumentParser(prog="onebox-build", description="make the Python environments that pipelines ask for")
    p.add_argument("what", nargs="?", choices=["once", "watch", "gc"], default="once")
    p.add_argument("--state-dir", default=os.environ.get("ONEBOX_STATE_DIR", "/var/lib/onebox"))
    p.add_argument("--days", type=float, default=KEEP_DAYS, help="with gc: how long unused ones are kept")
    for ignored in ("--runtime-dir", "--config", "--log-level"):  # every daemon of onebox takes them
        p.add_argument(ignored, help=argparse.SUPPRESS)
    o = p.parse_args()
    os.umask(0o022)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    venvs = Path(o.state_dir) / "venvs"
    (venvs / "queue").mkdir(parents=True, exist_ok=True)
    if o.what == "gc":
        collect(venvs, o.days)
    else:
        build_all(venvs)
    if o.what == "watch":
        notify("READY=1")
        while True:
            time.sleep(LOOK_SECONDS)
            if wanted(venvs):
                build_all(venvs)


if __name__ == "__main__":
    main()
