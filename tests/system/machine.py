"""A machine of its own for a test: real systemd, booted in a container in two seconds.

root_of() makes the machine's disk once and keeps it in the cache; Machine boots a copy of it, runs
commands inside, powers it off and boots it again. Needs root, systemd-nspawn and debootstrap.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path

CACHE = Path(os.environ.get("ONEBOX_CACHE") or Path.home() / ".cache/onebox")

SYSTEMD = ["systemd", "systemd-sysv", "dbus", "procps", "iproute2", "netbase", "ca-certificates"]
TOOLS = ["curl", "openssh-server", "openssh-client", "python3", "tzdata"]


class Failed(Exception):
    pass


def mirror():
    """(URI, release) of the first Debian source this machine installs from."""
    out = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
         "Created-By: Packages"],
        capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        uri, release, component = line.split()
        if component == "main" and "-" not in release:
            return uri, release
    raise Failed("apt-get names no Debian mirror")


def packages_of(programs):
    """The Debian packages of the libraries that programs are linked with."""
    linked = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True,
                            check=True).stdout
    files = sorted({os.path.realpath(word) for word in linked.split() if word.startswith("/lib")})
    files += [f.removeprefix("/usr") for f in files]  # some packages still name the other place
    owners = subprocess.run(["dpkg-query", "-S", *files], capture_output=True, text=True).stdout
    return sorted({line.split(":")[0] for line in owners.splitlines()})


def root_of(packages):
    """The directory of a Debian with these packages; made when it is not in the cache."""
    uri, release = mirror()
    key = hashlib.sha256(" ".join([release, *sorted(packages)]).encode()).hexdigest()[:12]
    root = CACHE / "roots" / f"{release}-{key}"
    if root.is_dir():
        return root
    making = root.with_suffix(f".making-{os.getpid()}")
    making.parent.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            ["debootstrap", "--variant=minbase", "--include=" + ",".join(packages), release,
             str(making), uri],
            capture_output=True, text=True)
        if done.returncode:
            raise Failed("debootstrap: " + done.stdout[-2000:] + done.stderr[-2000:])
        for archive in (making / "var/cache/apt/archives").glob("*.deb"):
            archive.unlink()
        making.rename(root)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return root


class Machine:
    """One container. Its disk is a copy: what happens in it stays in it until remove()."""

    def __init__(self, packages, name, private_network=True, binds=()):
        self.name = name
        self.binds = binds  # (directory of the host, where it is to be read inside)
        self.private_network = private_network
        self.disk = CACHE / "machines" / f"{name}-{os.getpid()}"
        self.process = None
        self.leader = None
        self.disk.parent.mkdir(parents=True, exist_ok=True)
        self._remove_orphans()
        subprocess.run(["cp", "-a", "--reflink=auto", str(root_of(packages)), str(self.disk)],
                       check=True)
        (self.disk / "etc/machine-id").write_text("")
        (self.disk / "etc/hostname").write_text(name + "\n")
        # A device of its own, with the rights that udev gives it; a Debian without systemd has no directory for it.
        (self.disk / "etc/tmpfiles.d").mkdir(exist_ok=True)
        (self.disk / "etc/tmpfiles.d/fuse.conf").write_text("c! /dev/fuse 0666 root root - 10:229\n")

    def _remove_orphans(self):
        """Disks of machines of this name whose tests were killed."""
        for left in self.disk.parent.glob(self.name + "-*"):
            pid = left.name.removeprefix(self.name + "-").split(".")[0]
            if pid == str(os.getpid()) or not Path("/proc", pid).exists():
                shutil.rmtree(left, ignore_errors=True)
                if left.is_file():
                    left.unlink()

    # --- power ---

    def boot(self, seconds=120, states=("running", "degraded")):
        """Boots and waits until systemd calls itself one of states; returns which."""
        self.cut_power()  # of a boot that failed half-way
        Path("/run/systemd").mkdir(exist_ok=True)
        self.console = open(self.disk.with_suffix(".console"), "ab")
        # Killed tests take their machine with them.
        command = ["setpriv", "--pdeathsig", "KILL", "systemd-nspawn", "-q", "-D", str(self.disk), "--boot", "--register=no",
                   "--keep-unit", "--machine=" + self.name, "--capability=all", "--console=pipe"]
        if os.path.exists("/dev/fuse"):
            command.append("--property=DeviceAllow=/dev/fuse rwm")
        if self.private_network:
            command.append("--private-network")
        command += [f"--bind-ro={outside}:{inside}" for outside, inside in self.binds]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.console,
                                        stderr=self.console, start_new_session=True)
        until(lambda: self._find_leader(), seconds, "the container has no first process")
        until(lambda: self._state() in states, seconds,
              "systemd is not up", lambda: self.tail())
        return self._state()

    def _find_leader(self):
        if self.process.poll() is not None:
            raise Failed(f"systemd-nspawn ended: {self.tail()}")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        for pid in children.split():
            try:
                name = Path(f"/proc/{pid}/comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue  # one of nspawn's helpers, which has just ended
            if name in ("systemd", "init"):
                self.leader = int(pid)
                return True
        return False

    def _state(self):
        return self.run("systemctl", "is-system-running", check=False).stdout.strip()

    def poweroff(self, seconds=60):
        """An orderly end, as the nightly stop does it. Returns how long it took."""
        began = time.monotonic()
        self.run("systemctl", "poweroff", check=False)
        self.process.wait(seconds)
        self.leader = None
        return time.monotonic() - began

    def cut_power(self):
        """Everything inside dies at once; nothing is told."""
        if self.process and self.process.poll() is None:
            os.kill(self.leader or self.process.pid, 9)
            self.process.wait(120)
        self.leader = None

    def remove(self):
        self.cut_power()
        shutil.rmtree(self.disk, ignore_errors=True)
        self.disk.with_suffix(".console").unlink(missing_ok=True)

    # --- inside ---

    def run(self, *command, check=True, user=None, stdin=None, seconds=120):
        """Runs a command inside; its answer has stdout and stderr as text."""
        if user:
            command = ("runuser", "-u", user, "--", *command)
        done = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", "--", "env", "-i", "LANG=C.UTF-8",
             "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *command],
            input=stdin, capture_output=True, text=True, timeout=seconds)
        if check and done.returncode:
            raise Failed(f"{shlex.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def shell(self, script, **kw):
        return self.run("bash", "-euc", script, **kw)

    def spawn(self, *command):
        """Starts a command inside and returns its Popen."""
        return subprocess.Popen(["nsenter", "-t", str(self.leader), "-a", "--", *command],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def write(self, path, text):
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def read(self, path):
        return self.path(path).read_text()

    def path(self, inside):
        return self.disk / str(inside).lstrip("/")

    def tail(self, n=2000):
        return self.disk.with_suffix(".console").read_bytes()[-n:].decode(errors="replace")


SLOW = 4  # a machine with a cold disk or beside other work may take so many times as long


def until(condition, seconds, what, detail=None):
    """Waits for a condition; its value is returned. Fails with what was waited for.

    `seconds` end what hangs, they measure nothing: see SLOW."""
    seconds *= SLOW
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"after {seconds} s: {what}" + (f"\n{detail()}" if detail else ""))
        time.sleep(0.05)
