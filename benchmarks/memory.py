"""Peak resident memory above the idle process; each figure is of a process of its own.

A message of 1 GiB streamed to a file, the listings of 1,000,000 messages, and a message with an attachment of 20 MB
that is parsed and read whole, by popmail and by its peers for Python and for Node.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "bindings-python" / "tests"))

from corpus import corpus
from measure import Goal, Report, table

from footprint import GIB_OF_MAIL, MIB, gib_of_mail, long_listings, measured, serving

NODE = Path(__file__).parent / "js" / "memory.mjs"
PYTHON_PEERS = ("popmail", "email", "fast-mail-parser")
NODE_PEERS = ("native", "wasm", "postal-mime", "mailparser")
COUNT = 1_000_000
UID = 20
"""Octets of a unique id, as Dovecot's have."""

_TINY = b"From: a@example.com\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\nSubject: small\r\n\r\nHello\r\n"


def report(quick: bool = False) -> Report:
    """Measure and return the table; quickly without the first two, which tests measure too."""
    rows, goals = [], []
    with tempfile.TemporaryDirectory() as folder:
        for what, most, measure in (
            ("a message of 1 GiB streamed to a file", 16, lambda: streamed(Path(folder, "message.eml"))),
            ("LIST and UIDL of 1,000,000 messages", 100, listed),
        ):
            if quick:
                continue
            octets = measure()
            rows.append(["popmail, Python", what, mib(octets)])
            goals.append(Goal(f"memory: {what}", f"at most {most} MiB above idle", mib(octets), octets <= most * MIB))
        file = Path(folder, "large.eml")
        file.write_bytes(corpus(0, 1)["20 MB attachment"][0])
        what = f"a message of {file.stat().st_size / 1e6:.0f} MB parsed and read, beside its own octets"
        for peer in PYTHON_PEERS:
            rows.append([f"{peer}, Python", what, mib(parsed([sys.executable, __file__, peer, str(file)]))])
        for peer in NODE_PEERS:
            name = {"native": "popmail", "wasm": "popmail-wasm"}.get(peer, peer)
            rows.append([f"{name}, Node", what, mib(parsed(["node", str(NODE), peer, str(file)]))])
    return Report(table(["peak of resident memory above the idle process", "for", "memory"], rows), goals)


def mib(octets: float) -> str:
    return f"{octets / MIB:.1f} MiB"


def streamed(path: Path) -> int:
    """Return the octets that it takes to fetch 1 GiB into a file."""
    work = f"with open({str(path)!r}, 'wb') as file: result = box.retr(1, into=file)"
    with serving(gib_of_mail()) as port:
        octets, result = measured(port, work)
    if not result == path.stat().st_size == GIB_OF_MAIL:
        raise SystemExit("the message of 1 GiB did not arrive whole")
    path.unlink()
    return octets


def listed() -> int:
    """Return the octets that the listings of a million messages take, both kept."""
    work = "sizes = box.list(); uids = box.uidl(); result = [len(sizes), len(uids)]"
    with serving(long_listings(COUNT, UID)) as port:
        octets, result = measured(port, work)
    if result != [COUNT, COUNT]:
        raise SystemExit("the listings are not whole")
    return octets


def parsed(command: list[str]) -> int:
    """Return the octets that a process took, as it tells itself."""
    return int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def resident(name: str) -> int:
    """Return a size of this process that Linux tells, in octets."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))


def main(peer: str, path: Path) -> None:
    """Parse the message in this process and print what it took."""
    from mime import PEERS

    read = PEERS[peer]
    raw = path.read_bytes()
    read(_TINY)  # what is loaded when it is first used
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    idle = resident("VmRSS")
    result = read(raw)
    peak = resident("VmHWM")
    *_, [attachment] = result
    if len(attachment) != 20_000_000:
        raise SystemExit(f"{peer}: not the attachment")
    print(peak - idle)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
