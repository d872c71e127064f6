#!/usr/bin/env python3
"""Databases used through a proxy while certificates change every few seconds and things break at random.

  sqlproxy_soak.py [--proxy PROGRAM] [--seconds N] [--seed N]

No wrong answer: what was acknowledged is there, once, and what comes back is what was asked for. No stuck connection: nothing takes
longer than 35 s, and at the end all ends. No leaked descriptor, no growing memory."""

import argparse
import collections
import hashlib
import os
import random
import socket
import sys
import threading
import time

import psycopg2
import pymysql

import sqlproxy_box as box
import sqlproxy_conformance
from cloudsql_db import DATABASE, PASSWORD, USER

LONGEST = 90


class Worker(threading.Thread):
    """One client: connects, works, is thrown out, comes again."""
    most = 30  # pieces of work a connection

    def __init__(self, soak, number):
        super().__init__(daemon=True)
        self.soak, self.number = soak, number
        self.random = random.Random(f"{soak.seed} {number}")
        self.done = self.broken = 0
        self.wrong, self.began_at = [], None
        self.longest = 0.0

    def run(self):
        while not self.soak.over.is_set():
            self.began_at = time.monotonic()
            try:
                with self.connected() as connection:
                    for _ in range(self.random.randrange(1, self.most + 1)):
                        if self.soak.over.is_set():
                            break
                        self.began_at = time.monotonic()
                        self.work(connection)
                        self.longest = max(self.longest, time.monotonic() - self.began_at)
                        self.done += 1
            except (OSError, box.Failed, psycopg2.Error, pymysql.Error) as e:
                self.broken += 1
                self.last_error = e
                self.longest = max(self.longest, time.monotonic() - self.began_at)
                self.soak.over.wait(0.05)
            except AssertionError as e:
                self.wrong.append(str(e))
        self.began_at = None

    def stuck(self):
        began = self.began_at
        return began is not None and time.monotonic() - began > LONGEST


class Echo(Worker):
    """Bytes of all kinds, and an end that must be an end."""

    def connected(self):
        return box.dial(self.soak.address, 5000, LONGEST)

    def work(self, s):
        data = self.random.randbytes(self.random.choice((1, 100, 16384, 100000, 1000000)))
        sender = threading.Thread(target=self.send, args=(s, data), daemon=True)
        sender.start()
        got = box.read_n(s, len(data))
        sender.join()
        assert got == data, f"echo: {len(data)} other bytes"

    @staticmethod
    def send(s, data):
        try:
            s.sendall(data)
        except OSError:
            pass


class Farewell(Worker):
    """Half-close: the whole question, its end, then the whole answer."""
    most = 1

    def connected(self):
        return box.dial(self.soak.address, 5001, LONGEST)

    def work(self, s):
        n = self.random.randrange(1, 300000)
        s.sendall(bytes(n))
        s.shutdown(socket.SHUT_WR)
        got, how = box.read_all(s)
        if how != "eof" or not got:
            raise OSError("broken off")
        assert got[:10] == b"%010d" % n, f"the instance got {got[:10]} of {n} bytes"
        assert len(got) == 10 + (4 << 20), f"an answer of {len(got)} bytes that ended in good order"


class Database(Worker):
    """Rows that are there when they were acknowledged, and answers that are right."""

    def __init__(self, soak, number):
        super().__init__(soak, number)
        self.acknowledged, self.unsure, self.next = set(), set(), 0

    def work(self, connection):
        with connection.cursor() as c:
            text = f"{self.number} {self.next} {self.random.random()}"
            c.execute("SELECT md5(%s), %s + 1", (text, self.next))
            row = c.fetchone()
            assert row == (hashlib.md5(text.encode()).hexdigest(), self.next + 1), f"{row} for {text}"
            n, self.next = self.next, self.next + 1
            self.unsure.add(n)
            c.execute("INSERT INTO ledger(worker, n, filler) VALUES (%s, %s, %s)", (self.number, n, "x" * self.random.randrange(5000)))
            connection.commit()
            self.acknowledged.add(n)
            self.unsure.discard(n)
            c.execute("SELECT count(*), coalesce(max(n), -1) FROM ledger WHERE worker = %s", (self.number,))
            count, top = c.fetchone()
            assert len(self.acknowledged) <= count <= len(self.acknowledged) + len(self.unsure), f"{count} rows, {len(self.acknowledged)} sure"
            assert top == n, f"the last row is {top}, not {n}"
            connection.commit()

    def settle(self, rows):
        """All rows of this worker, at the end."""
        if len(rows) != len(set(rows)):
            self.wrong.append("a row is there twice")
        if missing := self.acknowledged - set(rows):
            self.wrong.append(f"acknowledged and not there: {sorted(missing)[:5]}")
        if strange := set(rows) - self.acknowledged - self.unsure:
            self.wrong.append(f"there and never written: {sorted(strange)[:5]}")


class Postgres(Database):
    kind = "postgres"

    def connected(self):
        return Closing(psycopg2.connect(host=self.soak.address, port=5432, user=USER, password=PASSWORD, dbname=DATABASE, connect_timeout=LONGEST))


class Mariadb(Database):
    kind = "mariadb"

    def connected(self):
        return Closing(pymysql.connect(host=self.soak.address, port=3309, user=USER, password=PASSWORD, database=DATABASE,
                                       connect_timeout=LONGEST, read_timeout=LONGEST, write_timeout=LONGEST))


class Closing:
    """Closes a connection of either driver, whatever became of it."""

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        return self.connection

    def __exit__(self, *_):
        try:
            self.connection.close()
        except (OSError, psycopg2.Error, pymysql.Error):
            pass


class Soak:
    LEDGER = "CREATE TABLE ledger(worker int, n int, filler text, PRIMARY KEY (worker, n))"

    def __init__(self, cloud, program, seed, each=3):
        self.cloud, self.seed, self.random = cloud, seed, random.Random(seed)
        self.over = threading.Event()
        desk = self.desk = box.Desk(cloud, program)
        self.address = desk.address
        project = f"soak{desk.number}"
        self.instances = [cloud.add_database(f"{project}:europe-west1:pg", "postgres"), cloud.add_database(f"{project}:europe-west1:my", "mariadb"),
                          cloud.add(f"{project}:europe-west1:echo"), cloud.add(f"{project}:europe-west1:bye", backend="after_end")]
        for i, (begins, ends) in zip(self.instances, ((-3600, 8), (-3600, 6), (-3600, 7), (-3600, 5))):
            i.cert_begins, i.cert_ends = begins, ends
        for kind in ("postgres", "mariadb"):
            cloud.database(kind).sql("DROP TABLE IF EXISTS ledger; " + self.LEDGER, DATABASE)
        cloud.database("postgres").sql(f"GRANT ALL ON ledger TO {USER}", DATABASE)
        pg, my, echo, bye = self.instances
        # a sanitizer keeps what is freed for a while: a little of it is enough
        options = ":".join(o for o in (os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=4") if o)
        self.proxy = desk.start(f"{pg.name}?port=5432", f"{my.name}?port=3309", f"{echo.name}?port=5000", f"{bye.name}?port=5001",
                                env={"ASAN_OPTIONS": options}).ready()
        self.workers = [kind(self, n * 10 + k) for k, kind in enumerate((Postgres, Mariadb, Echo, Farewell)) for n in range(each)]
        self.struck = collections.Counter()

    FAULTS = ["cut", "cut all", "door", "server ca", "client ca", "cert", "fail over", "api", "api slow", "away", "nothing"]

    def fault(self):
        """One misfortune, at one instance."""
        i, r = self.random.choice(self.instances), self.random
        kind = r.choice(self.FAULTS)
        if kind == "cut":
            i.cut_all(1)
        elif kind == "cut all":
            i.cut_all()
        elif kind == "door":
            i.doors.extend(r.choices(["closed", "reset", "hang-up", "plain"], k=r.randrange(1, 3)))
        elif kind == "server ca":
            i.rotate_server_ca()
        elif kind == "client ca":
            i.rotate_client_ca()
        elif kind == "cert":
            i.rotate_server_cert()
        elif kind == "fail over":
            i.fail_over()
        elif kind == "api":
            i.faults[r.choice(["settings", "cert"])].extend(r.choices([500, 503, 429, 403, "drop", "cut", "garbage"], k=r.randrange(1, 4)))
        elif kind == "api slow":
            i.faults[r.choice(["settings", "cert"])].append(("slow", r.uniform(0.2, 3)))
        elif kind == "away":
            i.stop_listening()
            self.over.wait(r.uniform(0.1, 1))
            i.come_back()
        self.struck[kind] += 1

    def run(self, seconds, least_faults):
        """For so long, and until so many things broke: at times one on the other, at times with a second of peace."""
        for _ in range(3):  # a first round of everything, for a fair count of descriptors
            for port in (5000, 5001):
                box.dial(self.address, port).close()
        for w in self.workers:
            w.start()
        time.sleep(min(5, seconds / 5))
        rss, end = self.proxy.rss_kib(), time.monotonic() + seconds
        while time.monotonic() < end or self.struck.total() < least_faults:
            self.over.wait(self.random.uniform(0, self.random.choice((0.1, 0.4, 1.5))))
            self.fault()
            box.must(self.proxy.running, "the proxy ended:", self.proxy.text()[-2000:])
            for w in self.workers:
                box.must(not w.stuck(), f"worker {w.number} ({type(w).__name__}) is stuck")
        return self.settle(rss)

    def settle(self, rss):
        for i in self.instances:
            i.faults.clear()
            i.doors.clear()
            i.cert_ends = 3600
        for w in self.workers:
            w.done_before = w.done
        for w in self.workers:
            if not isinstance(w, Farewell):
                box.wait_for(lambda w=w: w.done > w.done_before, f"{type(w).__name__} {w.number} to work again in peace", LONGEST)
        self.over.set()
        for w in self.workers:
            w.join(LONGEST)
            box.must(not w.is_alive(), f"worker {w.number} does not end")
        for kind in (Postgres, Mariadb):
            for w in [w for w in self.workers if isinstance(w, kind)]:
                rows = self.cloud.database(kind.kind).sql(f"SELECT n FROM ledger WHERE worker = {w.number}", DATABASE).split()
                w.settle([int(n) for n in rows])
        wrong = [f"{type(w).__name__}: {x}" for w in self.workers for x in w.wrong]
        box.must(not wrong, "wrong answers:", wrong[:5])
        box.wait_for(lambda: not any(i.open for i in self.instances), "the instances' connections to end")
        left = box.wait_for(lambda: self.descriptors() <= self.most_descriptors() and self.descriptors(), f"descriptors to be given back: {self.descriptors()}")
        grown = self.proxy.rss_kib() - rss
        box.must(grown < 24 << 10, f"memory grew by {grown} KiB")
        done, broken = sum(w.done for w in self.workers), sum(w.broken for w in self.workers)
        return {"answers": done, "broken off": broken, "faults": self.struck.total(), "kinds": len(self.struck), "certificates": sum(len(i.signed) for i in self.instances),
                "longest": round(max(w.longest for w in self.workers), 1), "descriptors": left, "KiB more": grown,
                "connections": sum(len(i.sessions) for i in self.instances)}

    def descriptors(self):
        """Sockets that are connections: what could leak."""
        there = 0
        for fd in os.listdir(f"/proc/{self.proxy.pid}/fd"):
            try:
                there += os.readlink(f"/proc/{self.proxy.pid}/fd/{fd}").startswith("socket:")
            except OSError:
                pass
        return there

    @staticmethod
    def most_descriptors():
        """Four listeners, and a handful for API, journal and wake-ups."""
        return 4 + 12


def soak(program, seconds, seed, least_faults=0):
    with box.cloudsql.Cloud() as cloud:
        s = Soak(cloud, program, seed)
        try:
            return s.run(seconds, least_faults)
        finally:
            s.over.set()
            s.desk.close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--proxy", default=sqlproxy_conformance.ours())
    p.add_argument("--seconds", type=float, default=45)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    args = p.parse_args()
    print(f"seed {args.seed}")
    try:
        print(", ".join(f"{v} {k}" for k, v in soak(args.proxy, args.seconds, args.seed).items()))
    except box.Failed as e:
        print(e)
        print("0 passed, 1 failed")
        return 1
    print("1 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
