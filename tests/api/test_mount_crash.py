"""The mount killed at every step of an upload: for sequences of up to three operations that end with fsync, and for each
request that changes the bucket, once before the server does it and once after it has, with the answer never coming.

What was synced is there; every object is whole: exactly what the file held after one of the operations; a rename loses
nothing. What the killed mount kept on its disk cache is right, too: the next one reads what the bucket has. ONEBOX_TEST_SEQUENCES says how many sequences, drawn by ONEBOX_TEST_SEED; "all" for every one."""

import itertools
import os
import random
import shutil
import signal
import threading

from bucketd_test import Bucketd
from daemon_test import until
from mount_test import Mount, needs_fuse

pytestmark = needs_fuse

SEQUENCES = os.environ.get("ONEBOX_TEST_SEQUENCES", "6")
SEED = int(os.environ.get("ONEBOX_TEST_SEED", "1"))
FIRST = bytes(i * 7 % 251 for i in range(300000))  # what "a" holds before: long enough for an append by compose


def write(path, mode, data, at=None):
    with open(path, mode, buffering=0) as f:
        if at is not None:
            f.seek(at)
        f.write(data)
        os.fsync(f.fileno())


def op_create(root, i):
    write(root / "b", "wb", b"new %d " % i * 20000)


def op_rewrite(root, i):
    write(root / "a", "wb", b"whole %d " % i * 30000)


def op_append(root, i):
    write(root / "a", "ab", b"line %d\n" % i)


def op_middle(root, i):
    write(root / "a", "r+b" if os.path.exists(root / "a") else "w+b", b"MIDDLE %d" % i, 1000)


def op_truncate(root, i):
    with open(root / "a", "ab") as f:
        os.ftruncate(f.fileno(), 5000 * i + 7)
        os.fsync(f.fileno())


def op_parts(root, i):
    """Large enough to leave by several uploads at once (with the flags below)."""
    write(root / "a", "wb", b"part %d " % i * 450000)


def op_rename(root, i):
    os.rename(root / "a", root / "b")


def op_unlink(root, i):
    os.unlink(root / "b" if os.path.exists(root / "b") else root / "a")


OPERATIONS = (op_create, op_rewrite, op_append, op_middle, op_truncate, op_parts, op_rename, op_unlink)
FLAGS = ("--file-mode=644", "--write-block-size-mb=1", "--parallel-uploads-per-file=3")


class State(dict):
    """The model: the same operations on a plain directory, and what each name held after each."""

    @staticmethod
    def of(root):
        return State({name: (root / name).read_bytes() for name in ("a", "b") if (root / name).exists()})


def expected(sequence, root):
    """The states before the first and after each operation; an operation that fails on a plain directory ends it."""
    root.mkdir()
    (root / "a").write_bytes(FIRST)
    states = [State.of(root)]
    for i, operation in enumerate(sequence):
        try:
            operation(root, i)
        except OSError:
            return None
        states.append(State.of(root))
    return states


def run(server, sequence, bucket, rule, done):
    """Runs it on a fresh mount until the rule strikes, then kills the mount. How many requests it matched."""
    server.json("POST", "/storage/v1/b", {"name": bucket})
    server.ask("PUT", f"/{bucket}/a", FIRST)
    mount = Mount(server.url, *FLAGS, bucket=bucket)
    mount.flags += (f"--cache-dir={mount.root}/cache",)
    read_all(mount.start())
    server.faults(rule)
    try:
        def act():
            try:
                for i, operation in enumerate(sequence):
                    operation(mount.path, i)
                    if mount.is_killed:  # it may have been done to the plain directory below
                        break
                    done.append(i)
                    read_all(mount)
            except OSError as error:
                if not mount.is_killed:
                    done.append(error)

        mount.is_killed = False
        thread = threading.Thread(target=act)
        thread.start()
        until(lambda: not thread.is_alive() or struck(server), "the fault or the end")
        mount.is_killed = True
        mount.end(signal.SIGKILL)
        thread.join()
        server.ask("DELETE", "/_onebox/faults")
        assert read_all(mount.start()) == in_bucket(server, bucket), rule
        mount.end()
    finally:
        server.ask("DELETE", "/_onebox/faults")
        mount.end(signal.SIGKILL)
        shutil.rmtree(mount.root, ignore_errors=True)


def read_all(mount):
    return {name: (mount / name).read_bytes() for name in ("a", "b") if (mount / name).exists()}


def in_bucket(server, bucket):
    answers = {name: server.ask("GET", f"/{bucket}/{name}") for name in ("a", "b")}
    return {name: answer.body for name, answer in answers.items() if answer.status == 200}


def struck(server):
    return any(rule["struck"] for rule in server.json("GET", "/_onebox/faults")["rules"])


def check(server, bucket, states, done, what):
    """done: the operations that came back."""
    assert not [d for d in done if isinstance(d, OSError)], (what, done)
    found = in_bucket(server, bucket)
    possible = states[len(done):len(done) + 2]  # the one under way is done, or not
    for name in ("a", "b"):
        assert found.get(name) in [state.get(name) for state in possible], \
            (what, name, found.get(name) and (len(found[name]), found[name][:20]),
             [state.get(name) and (len(state[name]), state[name][:20]) for state in possible])
    # A rename or a replacement in between must not have lost what was there.
    kept = set(possible[0].values())
    if len(possible) > 1 and set(possible[1].values()) == kept:
        assert kept <= set(found.values()), (what, "lost")


def sequences():
    every = [s for n in (1, 2, 3) for s in itertools.product(OPERATIONS, repeat=n)]
    if SEQUENCES == "all":
        return every
    return [(op,) for op in (op_append, op_parts, op_rename)] + random.Random(SEED).sample(every, int(SEQUENCES))


def test_killed_at_every_step(tmp_path):
    number = 0
    with Bucketd("--sync=no") as server:
        for s, sequence in enumerate(sequences()):
            states = expected(sequence, tmp_path / str(s))
            if states is None:
                continue
            names = "+".join(op.__name__[3:] for op in sequence)
            for when in ("before", "after"):
                for step in range(40):
                    number += 1
                    done, bucket = [], f"crash-{number}"
                    rule = {"op": "change", "skip": step,
                            **({"status": 503} if when == "before" else {"latency_ms": 600000})}
                    run(server, sequence, bucket, rule, done)
                    check(server, bucket, states, done, f"{names}: killed {when} change {step}")
                    if len(done) == len(sequence):
                        break
