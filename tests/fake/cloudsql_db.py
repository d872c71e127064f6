"""Real databases for the make-believe Cloud SQL: Debian's PostgreSQL and MariaDB in a temporary directory, on a Unix
socket, as a user without privilege."""

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
import time

USER, PASSWORD, DATABASE = "onebox", "correct horse", "shop"


def find(name, *places):
    for place in places:
        for path in sorted(glob.glob(place), reverse=True):
            if os.access(f"{path}/{name}", os.X_OK):
                return f"{path}/{name}"
    return shutil.which(name)


def unprivileged(names):
    """The user to run as when we are root."""
    if os.getuid() != 0:
        return None
    for name in (*names, "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise OSError("no user without privilege")


class Database:
    users = ()

    def __init__(self, directory):
        del directory  # its path may be too long for a socket, or closed to the database's user
        self.user = unprivileged(self.users)
        self.root = tempfile.mkdtemp(prefix="onebox-db-", dir="/tmp")
        if self.user:
            os.chown(self.root, self.user.pw_uid, self.user.pw_gid)
        os.chmod(self.root, 0o755)
        self.log = open(f"{self.root}/log", "wb")
        self.make()
        self.process = self.spawn(self.argv())
        self.wait()
        self.fill()

    def spawn(self, argv, **kw):
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.root,
                                **(dict(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[]) if self.user else {}), **kw)

    def run(self, argv):
        if self.spawn(argv).wait():
            raise OSError(f"{argv[0]}: {self.tail()}")

    def tail(self):
        with open(f"{self.root}/log", errors="replace") as f:
            return f.read()[-2000:]

    def wait(self):
        end = time.monotonic() + 60
        while not self.alive():
            if self.process.poll() is not None or time.monotonic() > end:
                raise OSError(f"the database does not start: {self.tail()}")
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def describe(self):
        return {"socket": self.socket, "user": USER, "password": PASSWORD, "database": DATABASE}


class Postgres(Database):
    users, stop_signal = ("postgres",), 2  # SIGINT: fast

    def make(self):
        self.bin = os.path.dirname(find("initdb", "/usr/lib/postgresql/*/bin"))
        self.socket = f"{self.root}/.s.PGSQL.5432"
        self.run([f"{self.bin}/initdb", "-D", f"{self.root}/data", "-U", "admin", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"])
        with open(f"{self.root}/data/pg_hba.conf", "w") as f:
            f.write("local all admin trust\nlocal all all scram-sha-256\n")

    def argv(self):
        return [f"{self.bin}/postgres", "-D", f"{self.root}/data", "-k", self.root, "-c", "listen_addresses=", "-c", "fsync=off",
                "-c", "max_connections=300", "-c", "shared_buffers=64MB"]

    def sql(self, text, database="postgres"):
        out = subprocess.run([f"{self.bin}/psql", "-h", self.root, "-U", "admin", "-v", "ON_ERROR_STOP=1", "-Atqc", text, database],
                             capture_output=True, text=True, check=False)
        if out.returncode:
            raise OSError(out.stderr)
        return out.stdout.strip()

    def alive(self):
        return os.path.exists(self.socket) and subprocess.run(
            [f"{self.bin}/pg_isready", "-q", "-h", self.root], check=False).returncode == 0

    def fill(self):
        self.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        self.sql(f"CREATE DATABASE {DATABASE} OWNER {USER}")


class Mariadb(Database):
    users, stop_signal = ("mysql",), 15

    def make(self):
        self.socket = f"{self.root}/mysqld.sock"
        self.run([find("mariadb-install-db", "/usr/bin"), "--no-defaults", f"--datadir={self.root}/data", "--skip-test-db",
                  "--auth-root-authentication-method=normal"])

    def argv(self):
        return [find("mariadbd", "/usr/sbin"), "--no-defaults", f"--datadir={self.root}/data", f"--socket={self.socket}",
                "--skip-networking", f"--pid-file={self.root}/pid", "--innodb-flush-log-at-trx-commit=0", "--max-connections=300",
                "--innodb-buffer-pool-size=32M"]

    def sql(self, text, database=""):
        out = subprocess.run(["mariadb", "--no-defaults", "-S", self.socket, "-u", "root", "-BNe", text, *([database] if database else [])],
                             capture_output=True, text=True, check=False)
        if out.returncode:
            raise OSError(out.stderr)
        return out.stdout.strip()

    def alive(self):
        try:
            return os.path.exists(self.socket) and self.sql("SELECT 1") == "1"
        except OSError:
            return False

    def fill(self):
        self.sql(f"CREATE USER {USER} IDENTIFIED BY '{PASSWORD}'; CREATE DATABASE {DATABASE}; GRANT ALL ON {DATABASE}.* TO {USER}")


KINDS = {"postgres": Postgres, "mariadb": Mariadb}
