"""The manual pages beside the programs: every flag of --help is in its page and every flag of the page in --help; the keys
that are options are those of the sections that the page names."""
import os
import re
import subprocess

import pytest
from box import build_dir

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DAEMONS = ["bucketd", "gitsync", "launcher", "logship", "night", "scheduler", "serving", "tracking", "web"]
OWN = {"onebox-build": "daemons/build/onebox-build", "onebox-task": "daemons/task/onebox-task",
       "onebox-sqlproxy": "daemons/sqlproxy/onebox-sqlproxy", "fuse-gcs": "fuse-gcs/fuse-gcs"}
REFUSED = re.compile(r"\*--[\w=-]+\*(, \*--[\w=-]+\*)*: ")  # of fuse-gcs(8): flags that are known and do nothing
COMMON = {"--help", "--version"}  # said once for all verbs: OPTIONS of onebox(1)
OF_ALL_VERBS = COMMON | {"--json", "--state-dir", "--runtime-dir", "--config"}


def page_of(name, section=8):
    with open(f"{TOP}/man/{name}.{section}.scd", encoding="utf-8") as f:
        return f.read().replace("\\_", "_")


def help_of(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stdout, (argv, done.returncode, done.stderr)
    return done.stdout


def flags_of(text):
    """--flag → its letter or None, of the lines that begin with one."""
    return {m[2]: m[1] for m in re.finditer(r"^ {2,6}(?:(-\w), +)?(--[\w-]+)", text, re.M)}


def bold(text):
    """What a page has in bold and begins with dashes: "*--max* _N_", "*-o*"."""
    return set(re.findall(r"\*(--?[\w-]+)", text))


def headers(text):
    """The lines of a page that name what the indented ones below them are about."""
    lines = text.split("\n")
    return "\n".join(a for a, b in zip(lines, lines[1:] + [""]) if a.startswith("*") and not REFUSED.match(a) and (b.startswith(("\t", "*")) or a.startswith("*-")))


def part(page, *titles):
    """The sections of those titles."""
    return "".join(body for title, body in re.findall(r"^# (.+)\n((?:(?!# ).*\n?)*)", page, re.M) if title in titles)


def keys_of(section):
    found = set()
    for name in os.listdir(f"{TOP}/config"):
        if name.endswith(".def"):
            with open(f"{TOP}/config/{name}", encoding="utf-8") as f:
                found |= {"--" + key.replace("_", "-") for key in re.findall(rf"^CONF_KEY\({section}, *(\w+)", f.read(), re.M)}
    return found


@pytest.mark.parametrize("name", DAEMONS)
def test_daemons(name):
    page = page_of(f"onebox-{name}")
    flags = flags_of(help_of(f"{build_dir()}/daemons/{name}/onebox-{name}", "--help"))
    said = re.search(r"Each key of (.+) in \*onebox.conf\*\(5\) is an option too: _key_name_ is \*--key-name\*", page)
    of_keys = {f for section in re.findall(r"\[(\w+)\]", said[1]) for f in keys_of(section)} if said else set()
    written = bold(headers(part(page, "OPTIONS")))
    assert not of_keys & written, "said twice"
    assert set(flags) | {letter for letter in flags.values() if letter} == of_keys | written


@pytest.mark.parametrize("name", sorted(OWN))
def test_programs_of_their_own(name):
    page = page_of(name)
    shown = flags_of(help_of(f"{build_dir()}/{OWN[name]}", "--help"))
    written = bold(headers(part(page, "OPTIONS", "FLAGS")))
    missing = {f for f in shown if f not in written} | {letter for letter in shown.values() if letter and letter not in written}
    assert missing == set(), "not in the page"
    assert {f for f in written if f.startswith("--") and f not in shown} == set(), "not in --help"


def test_a_page_for_each_program():
    daemons = {d for d in os.listdir(f"{TOP}/daemons") if os.path.isdir(f"{TOP}/daemons/{d}")}
    assert {f"onebox-{d}" for d in daemons} == {f"onebox-{d}" for d in DAEMONS} | {n for n in OWN if n.startswith("onebox-")}


def verbs():
    with open(f"{TOP}/cli/verbs.def", encoding="utf-8") as f:
        return re.findall(r"^VERB\((\w+),", f.read(), re.M)


def entries(verb):
    """(header, body) of what onebox(1) says of a verb."""
    for block in re.split(r"\n\n(?=\*)", page_of("onebox", 1)):
        head, _, body = block.partition("\n\t")
        if re.search(rf"\*onebox {verb}\b", head):
            yield head, body


@pytest.mark.parametrize("verb", verbs())
def test_verbs(verb):
    found = list(entries(verb))
    assert found, "not in the page"
    shown = {f: letter for f, letter in flags_of(help_of(f"{build_dir()}/cli/onebox", verb, "--help")).items() if f not in OF_ALL_VERBS}
    written = set().union(*(bold(head) | bold(body) for head, body in found))
    assert {f for f, letter in shown.items() if not {f, letter} & written} == set(), "not in the page"
    known = set(shown) | set(shown.values()) | OF_ALL_VERBS | {"-j", "-c", "-h", "-"}
    assert set().union(*(bold(head) for head, _ in found)) - known - {"-"} == set(), "not in --help"


@pytest.mark.parametrize("argv", [[f"daemons/{d}/onebox-{d}"] for d in DAEMONS] + [["cli/onebox", v] for v in verbs()], ids=" ".join)
def test_help_fits_a_terminal(argv):
    text = help_of(f"{build_dir()}/{argv[0]}", *argv[1:], "--help")
    assert [line for line in text.split("\n") if len(line) > 80] == []
    letters = re.findall(r"^  (-\w), --", text, re.M)
    assert len(letters) == len(set(letters)), "a letter stands for two"
