"""A whole virtual machine for a test: its own kernel with cgroup v2, and power that can really be cut.

The same surface as Machine (machine.py) over a virtio port, where a small agent runs commands. QEMU
emulates the processor (no KVM is needed), so it is slow: a boot is a minute on an idle machine and
tests count nothing in seconds. Needs root, debootstrap, qemu-system-x86 and mke2fs.
"""

import base64
import hashlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from machine import CACHE, Failed, mirror, root_of, until

KERNEL = ["linux-image-cloud-amd64", "initramfs-tools", "e2fsprogs"]
PATIENCE = 900  # seconds for anything the machine does as a whole

# Runs one command at a time; a line of JSON each way. Python is in the root for it.
AGENT = r"""
import base64, json, os, subprocess
port = open("/dev/virtio-ports/onebox", "r+b", buffering=0)
env = {"LANG": "C.UTF-8", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
line = b""
while True:
    piece = os.read(port.fileno(), 65536)
    if not piece:
        import time; time.sleep(0.2)
        continue
    line += piece
    while b"\n" in line:
        ask, line = line.split(b"\n", 1)
        ask = json.loads(ask)
        try:
            done = subprocess.run(ask["argv"], input=base64.b64decode(ask["stdin"]), capture_output=True, env=env,
                                  timeout=ask["seconds"])
            code, out, err = done.returncode, done.stdout, done.stderr
        except (OSError, subprocess.TimeoutExpired) as e:
            code, out, err = 127, b"", str(e).encode()
        answer = {"id": ask["id"], "code": code, "out": base64.b64encode(out).decode(),
                  "err": base64.b64encode(err).decode()}
        data = json.dumps(answer).encode() + b"\n"
        while data:
            data = data[os.write(port.fileno(), data):]
"""

AGENT_UNIT = """\
[Unit]
Description=the tests' hands
DefaultDependencies=no
After=systemd-udevd.service local-fs.target
[Service]
ExecStart=/usr/bin/python3 /opt/agent.py
Restart=always
RestartSec=1
StartLimitIntervalSec=0
[Install]
WantedBy=sysinit.target
"""


# What one connection of the machine's meets at an address of its network: QEMU starts this for each.
RELAY = r"""
import socket, sys, threading
guest = socket.socket(fileno=0)
far = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        a.close()
        b.close()
t = threading.Thread(target=pump, args=(guest, far), daemon=True)
t.start()
pump(far, guest)
t.join()
"""


def vm_root(packages):
    """root_of() with a kernel: the packages are added in a chroot, where their scripts can run."""
    base = root_of(packages)
    key = hashlib.sha256((base.name + " ".join(KERNEL)).encode()).hexdigest()[:12]
    root = CACHE / "roots" / f"vm-{key}"
    if root.is_dir():
        return root
    making = root.with_suffix(f".making-{os.getpid()}")
    uri, release = mirror()
    try:
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(making)], check=True)
        (making / "etc/apt/sources.list").write_text(f"deb {uri} {release} main\n")
        for file in [Path("/etc/resolv.conf"), *Path("/etc/apt/apt.conf.d").glob("*proxy*")]:
            if file.exists():
                shutil.copy(file.resolve(), making / str(file).lstrip("/"))
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        for command in (["apt-get", "update", "-q"],
                        ["apt-get", "install", "-q", "-y", "--no-install-recommends", *KERNEL], ["apt-get", "clean"]):
            done = subprocess.run(["unshare", "-m", "chroot", str(making), *command], env=env, capture_output=True,
                                  text=True)
            if done.returncode:
                raise Failed(f"{shlex.join(command)}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        making.rename(root)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return root


class Vm:
    """One virtual machine. prepare(directory) may change its files before the disk is made. ways: what its network
    leads to, {"IP:PORT" there: (address, port) here}; nothing else, and only when somebody inside puts the interface up."""

    def __init__(self, packages, name, prepare=None, memory_mb=1024, disk_mb=3072, ways=None):
        self.name, self.memory_mb, self.ways = name, memory_mb, ways or {}
        self.dir = CACHE / "machines" / f"{name}-{os.getpid()}"
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        self.process = None
        root, files = vm_root(packages), self.dir / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", str(root), str(files)], check=True)
        boot = files / "boot"
        self.kernel, self.initrd = self.dir / "kernel", self.dir / "initrd"
        shutil.copy(next(boot.glob("vmlinuz-*")), self.kernel)
        shutil.copy(next(boot.glob("initrd.img-*")), self.initrd)
        (files / "etc/machine-id").write_text("")
        (files / "etc/hostname").write_text(name + "\n")
        (files / "etc/fstab").write_text("/dev/vda / ext4 defaults,commit=5 0 1\n")
        (files / "opt/agent.py").write_text(AGENT)
        (files / "etc/systemd/system/agent.service").write_text(AGENT_UNIT)
        wants = files / "etc/systemd/system/sysinit.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        (wants / "agent.service").symlink_to("/etc/systemd/system/agent.service")
        # What a test machine has no use for costs minutes under emulation.
        for unit in ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer",
                     "getty@tty1.service", "systemd-networkd-wait-online.service"):
            (files / "etc/systemd/system" / unit).unlink(missing_ok=True)
            (files / "etc/systemd/system" / unit).symlink_to("/dev/null")
        if prepare:
            prepare(files)
        (self.dir / "relay.py").write_text(RELAY)
        self.image = self.dir / "disk.img"
        done = subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(files), str(self.image), f"{disk_mb}M"],
                              capture_output=True, text=True)
        if done.returncode:
            raise Failed("mke2fs: " + done.stderr)
        shutil.rmtree(files)

    # --- power ---

    def boot(self, rtc="utc"):
        """Boots and waits until systemd calls itself running or degraded; returns which. rtc: the date the
        machine believes in, as QEMU's -rtc base= takes it."""
        port = self.dir / "port"
        port.unlink(missing_ok=True)
        console = open(self.dir / "console", "ab")
        command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max",
                   "-smp", "2", "-m", str(self.memory_mb), "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio",
                   "-kernel", str(self.kernel), "-initrd", str(self.initrd), "-nic", self.nic(), "-rtc", f"base={rtc}",
                   "-append", "console=ttyS0 root=/dev/vda rw panic=-1 quiet systemd.show_status=no",
                   "-drive", f"file={self.image},if=virtio,format=raw,cache=writeback",
                   "-device", "virtio-serial", "-chardev", f"socket,id=port,path={port},server=on,wait=off",
                   "-device", "virtserialport,chardev=port,name=onebox"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                                        start_new_session=True)
        until(port.exists, 30, "QEMU does not start", self.tail)
        self.port = socket.socket(socket.AF_UNIX)
        self.port.connect(str(port))
        self.n_asked = 0
        state = until(self._up, PATIENCE, "the machine is not up", self.tail)
        return state

    def nic(self):
        if not self.ways:
            return "none"
        forwards = [f"guestfwd=tcp:{there}-cmd:{sys.executable} {self.dir / 'relay.py'} {address} {port}" for there, (address, port) in self.ways.items()]
        return ",".join(["user", "model=virtio-net-pci", "restrict=on", *forwards])

    def _up(self):
        if self.process.poll() is not None:
            raise Failed(f"QEMU ended: {self.tail()}")
        try:
            state = self.run("systemctl", "is-system-running", check=False, seconds=20).stdout.strip()
        except TimeoutError:
            return None
        return state if state in ("running", "degraded") else None

    def poweroff(self):
        """An orderly end, as the nightly stop does it."""
        self._send({"id": -1, "argv": ["systemctl", "poweroff"], "stdin": "", "seconds": 60})
        self.process.wait(PATIENCE)
        self.port.close()

    def cut_power(self):
        """What was not flushed to the disk is gone, and nothing is told."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(60)
            self.port.close()

    def remove(self):
        self.cut_power()
        shutil.rmtree(self.dir, ignore_errors=True)

    # --- inside ---

    def _send(self, ask):
        self.port.sendall(json.dumps(ask).encode() + b"\n")

    def _receive(self, number, seconds):
        """The answer to that question; answers to earlier ones that nobody waits for any more are passed over."""
        deadline, data = time.monotonic() + seconds, b""
        while True:
            self.port.settimeout(max(0.01, deadline - time.monotonic()))
            piece = self.port.recv(1 << 16)
            if not piece:
                raise Failed(f"the machine is gone: {self.tail()}")
            data += piece
            *lines, data = data.split(b"\n")
            for line in lines:
                answer = json.loads(line)
                if answer["id"] == number:
                    return answer

    def run(self, *command, check=True, user=None, stdin=None, seconds=300):
        if user:
            command = ("runuser", "-u", user, "--", *command)
        self.n_asked += 1
        self._send({"id": self.n_asked, "argv": command, "seconds": seconds,
                    "stdin": base64.b64encode((stdin or "").encode()).decode()})
        answer = self._receive(self.n_asked, seconds + 20)
        done = subprocess.CompletedProcess(command, answer["code"], *(
            base64.b64decode(answer[k]).decode(errors="replace") for k in ("out", "err")))
        if check and done.returncode:
            raise Failed(f"{shlex.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def shell(self, script, **kw):
        return self.run("bash", "-euc", script, **kw)

    def write(self, path, text):
        self.shell(f"mkdir -p $(dirname {shlex.quote(path)}) && cat >{shlex.quote(path)}", stdin=text)

    def read(self, path):
        return self.run("cat", path).stdout

    def tail(self, n=2000):
        return (self.dir / "console").read_bytes()[-n:].decode(errors="replace")
