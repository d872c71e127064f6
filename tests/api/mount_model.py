"""Random file operations on two directories at once: one is the mount, the other, a plain one, the model.

Each step does the same to both and compares what came of it: errno, bytes, names, sizes. All chance comes from one
seed, so a failure names the seed and the step and can be had again.

    python3 mount_model.py MOUNTED MODEL SEED STEPS     on its own, on anything that is mounted
"""

import errno
import os
import random
import sys

SIZES = (0, 1, 100, 4096, 5000, 65536, 131073, 300000)
BLOCK = 1 << 17


class Differs(AssertionError):
    pass


def raise_it(error):
    """os.walk() by itself takes a directory that cannot be read for an empty one."""
    raise error


class Model:
    def __init__(self, mounted, model, seed, remount=None, max_size=600000, sizes=SIZES):
        self.sizes = sizes
        self.mounted, self.model = str(mounted), str(model)
        self.chance = random.Random(seed)
        self.seed, self.step_number = seed, 0
        self.remount = remount
        self.max_size = max_size
        self.dirs = [""]
        self.handles = []  # (fd on the mount, fd on the model, may read, may write, name for people)
        self.story = []

    # --- names --------------------------------------------------------------------------------

    def name(self):
        """A name that may or may not exist: few of them, so that operations meet."""
        c = self.chance
        base = c.choice(("a", "b", "c", "log.txt", "ü x", "d", "e%2F", "long" * 20))
        return os.path.join(c.choice(self.dirs), base)

    def on_both(self, what, function):
        """Runs function(root, index) on both; the errno or the answer must be the same."""
        self.story.append(what)
        got = []
        for i, root in enumerate((self.mounted, self.model)):
            try:
                got.append(("ok", function(root, i)))
            except OSError as error:
                got.append(("errno", errno.errorcode.get(error.errno, error.errno)))
        if got[0] != got[1]:
            if got[0][0] == got[1][0] == "ok" and isinstance(got[0][1], dict):
                ours, model = self.only(got[0][1], got[1][1]), self.only(got[1][1], got[0][1])
            else:
                ours, model = (self.short(x) for x in got)
            raise Differs(f"seed {self.seed} step {self.step_number}: {what}: the mount says {ours}, the model {model}\n"
                          + "\n".join(self.story[-25:]))
        return got[0]

    @staticmethod
    def short(answer):
        text = repr(answer)
        return text if len(text) < 300 else text[:300] + "…"

    def only(self, one, other):
        """What of a tree is not in the other."""
        return {key: (len(value), self.short(value)[:60]) if isinstance(value, bytes) else value
                for key, value in one.items() if key not in other or other[key] != value}

    # --- operations ---------------------------------------------------------------------------

    def op_write_whole(self):
        name, data = self.name(), self.data()

        def act(root, _):
            with open(os.path.join(root, name), "wb") as f:
                f.write(data)

        self.on_both(f"write {name!r} {len(data)}", act)

    def op_append(self):
        name, data = self.name(), self.data(small=True)

        def act(root, _):
            with open(os.path.join(root, name), "ab") as f:
                f.write(data)

        self.on_both(f"append {name!r} {len(data)}", act)

    def op_read_whole(self):
        name = self.name()

        def act(root, _):
            with open(os.path.join(root, name), "rb") as f:
                return f.read()

        self.on_both(f"read {name!r}", act)

    def op_stat(self):
        name = self.name()

        def act(root, _):
            st = os.lstat(os.path.join(root, name))
            return (st.st_mode & 0o170000, st.st_size if st.st_mode & 0o170000 == 0o100000 else 0)

        self.on_both(f"stat {name!r}", act)

    def op_list(self):
        name = self.chance.choice(self.dirs)
        self.on_both(f"list {name!r}", lambda root, _: sorted(os.listdir(os.path.join(root, name))))

    def op_unlink(self):
        name = self.name()
        self.on_both(f"unlink {name!r}", lambda root, _: os.unlink(os.path.join(root, name)))

    def op_rename(self):
        old, new = self.name(), self.name()
        if new.startswith(old + "/"):
            return
        self.on_both(f"rename {old!r} {new!r}",
                     lambda root, _: os.rename(os.path.join(root, old), os.path.join(root, new)))
        self.find_dirs()

    def op_mkdir(self):
        name = self.name()
        if name.count("/") > 3:
            return
        self.on_both(f"mkdir {name!r}", lambda root, _: os.mkdir(os.path.join(root, name)))
        self.find_dirs()

    def op_rmdir(self):
        name = self.chance.choice(self.dirs + [self.name()])
        if name:
            self.on_both(f"rmdir {name!r}", lambda root, _: os.rmdir(os.path.join(root, name)))
            self.find_dirs()

    def op_truncate(self):
        name, size = self.name(), self.chance.choice(self.sizes)
        self.on_both(f"truncate {name!r} {size}", lambda root, _: os.truncate(os.path.join(root, name), size))

    def op_symlink(self):
        name, target = self.name(), self.chance.choice(("a", "../b", "nowhere"))
        self.on_both(f"symlink {name!r} {target!r}", lambda root, _: os.symlink(target, os.path.join(root, name)))

    def op_readlink(self):
        name = self.name()
        self.on_both(f"readlink {name!r}", lambda root, _: os.readlink(os.path.join(root, name)))

    # --- open files ---------------------------------------------------------------------------

    def op_open(self):
        if len(self.handles) >= 6:
            return self.op_close()
        name = self.name()
        flags = self.chance.choice((os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                                    os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
        fds = []

        def act(root, _):
            fds.append(os.open(os.path.join(root, name), flags, 0o644))

        if os.path.isdir(os.path.join(self.model, name)):
            return None
        if self.on_both(f"open {name!r} {flags:#o}", act)[0] == "ok":
            self.handles.append((fds[0], fds[1], flags & 3 != os.O_WRONLY, flags & 3 != os.O_RDONLY, name))
        else:
            for fd in fds:
                os.close(fd)

    def handle(self, writing):
        fit = [h for h in self.handles if h[3 if writing else 2]]
        return self.chance.choice(fit) if fit else None

    def op_pwrite(self):
        h = self.handle(True)
        if h:
            data, at = self.data(), self.chance.choice(self.sizes)
            self.on_both(f"pwrite {h[4]!r} at {at} {len(data)}", lambda _, i: os.pwrite(h[i], data, at))

    def op_write_on(self):
        h = self.handle(True)
        if h:
            data = self.data()
            if os.fstat(h[1]).st_size + len(data) < self.max_size:
                self.on_both(f"write on {h[4]!r} {len(data)}", lambda _, i: os.write(h[i], data))

    def op_pread(self):
        h = self.handle(False)
        if h:
            n, at = self.chance.choice(self.sizes), self.chance.choice(self.sizes)
            self.on_both(f"pread {h[4]!r} at {at} {n}", lambda _, i: os.pread(h[i], n, at))

    def op_fstat(self):
        if self.handles:
            h = self.chance.choice(self.handles)
            self.on_both(f"fstat {h[4]!r}", lambda _, i: os.fstat(h[i]).st_size)

    def op_fsync(self):
        h = self.handle(True)
        if h:
            self.on_both(f"fsync {h[4]!r}", lambda _, i: os.fsync(h[i]))

    def op_ftruncate(self):
        h = self.handle(True)
        if h:
            size = self.chance.choice(self.sizes)
            self.on_both(f"ftruncate {h[4]!r} {size}", lambda _, i: os.ftruncate(h[i], size))

    def op_close(self):
        if self.handles:
            h = self.handles.pop(self.chance.randrange(len(self.handles)))
            self.on_both(f"close {h[4]!r}", lambda _, i: os.close(h[i]))

    # --- the run ------------------------------------------------------------------------------

    def data(self, small=False):
        size = self.chance.choice(self.sizes[:4] if small else self.sizes)
        return self.chance.randbytes(size)

    def find_dirs(self):
        self.dirs = [os.path.relpath(path, self.model) if path != self.model else ""
                     for path, _, _ in os.walk(self.model)]

    def close_all(self):
        while self.handles:
            self.op_close()

    def compare(self):
        """Everything, on both sides."""
        def tree(root, _):
            found = {}
            for path, dirs, files in os.walk(root, onerror=raise_it):
                for name in dirs + files:
                    full = os.path.join(path, name)
                    key = os.path.relpath(full, root)
                    if os.path.islink(full):
                        found[key] = os.readlink(full)
                    elif os.path.isdir(full):
                        found[key] = None
                    else:
                        with open(full, "rb") as f:
                            found[key] = f.read()
            return found

        self.on_both("compare all", tree)

    WEIGHTS = {"op_write_whole": 6, "op_append": 6, "op_read_whole": 8, "op_stat": 6, "op_list": 3, "op_unlink": 4,
               "op_rename": 6, "op_mkdir": 3, "op_rmdir": 2, "op_truncate": 3, "op_symlink": 1, "op_readlink": 1,
               "op_open": 8, "op_pwrite": 8, "op_write_on": 8, "op_pread": 8, "op_fstat": 4, "op_fsync": 4,
               "op_ftruncate": 3, "op_close": 6}

    def run(self, n_steps):
        names = list(self.WEIGHTS)
        weights = list(self.WEIGHTS.values())
        for _ in range(n_steps):
            self.step_number += 1
            getattr(self, self.chance.choices(names, weights)[0])()
            if self.step_number % 200 == 0:
                self.close_all()
                self.compare()
                if self.remount and self.chance.random() < 0.5:
                    self.story.append("remount")
                    self.remount()
                    self.compare()
        self.close_all()
        self.compare()


if __name__ == "__main__":
    Model(sys.argv[1], sys.argv[2], int(sys.argv[3])).run(int(sys.argv[4]))
