"""What a core of a process would hold."""
import re


def core_of(pid):
    """Its memory, but for what is kept out of a core."""
    held, span, private = [], None, False
    with open(f"/proc/{pid}/smaps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r...) ", line)
            if head:
                span, private = (int(head[1], 16), int(head[2], 16)), 0
            elif line.startswith("Anonymous:"):
                private = int(line.split()[1])
            elif line.startswith("VmFlags:") and span and private and " dd " not in line:
                for at in range(*span, 1 << 20):
                    mem.seek(at)
                    held.append(mem.read(min(1 << 20, span[1] - at)))
            if line.startswith("VmFlags:"):
                span = None
    return b"".join(held)
