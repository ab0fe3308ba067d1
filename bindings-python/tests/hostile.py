"""Input made to be slow, deep or large: one entry for each class of attack that mail readers have met.

Run with a name and a size it reads that input in a fresh process and prints how many KiB it took.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import popmail

CLASSES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parents[2] / "tests/hostile.json").read_text(encoding="utf-8")
)
"""What every language is tried with: a piece over and over, then another one, in octets written as Latin-1."""


def hostile(name: str, size: int) -> bytes:
    """The input of a class, about so many octets; ``{at}`` in its piece counts."""
    keys = ("head", "piece", "middle", "next", "tail")
    head, piece, middle, following, tail = (CLASSES[name].get(key, "").encode("latin-1") for key in keys)
    count = size // (len(piece) + len(following) + 2 * piece.count(b"{at}"))
    run = piece * count
    if b"{at}" in piece:
        run = b"".join(piece.replace(b"{at}", b"%d" % at) for at in range(count))
    return head + run + middle + following * count + tail


WITH_ARGUMENTS = {"as_email", "html_with", "part_by_content_id", "to_dict"}
"""Methods that are called in another way, or that read by means of the standard library."""


def read(raw: bytes) -> None:
    """Read all that is in a message, through every accessor."""
    message = popmail.parse(raw)
    for name in dir(message):
        if name.startswith("_") or name in WITH_ARGUMENTS:
            continue
        value = getattr(message, name)
        if callable(value):
            value()
    message.part_by_content_id("a")
    message.html_with(lambda part: part.safe_filename)
    popmail.threads([message])
    for part in message.parts:
        for name in dir(part):
            if not name.startswith("_") and name not in {"parameter", "save"}:
                value = getattr(part, name)
                if callable(value):
                    value()
        part.headers.items()
        if part.message is not None:
            for name in dir(part.message):
                if not name.startswith("_") and name not in WITH_ARGUMENTS:
                    value = getattr(part.message, name)
                    if callable(value):
                        value()
    for header in dict.fromkeys(message.headers):
        message.headers.get_all(header)


def read_as_programs_do(raw: bytes) -> None:
    """Read what every program reads, and the defects."""
    message = popmail.parse(raw)
    _ = (message.subject, message.from_, message.to, message.date, message.text, message.html)
    _ = (len(message.attachments), len(message.defects))


def memory(which: str) -> int:
    """KiB of memory of this process: now (``VmRSS``), or the most since it was asked to forget (``VmHWM``).

    What ``getrusage`` tells includes the most that the process took before it became this program.
    """
    (kibibytes,) = re.findall(rf"^{which}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(kibibytes)


def main() -> None:
    """Print the KiB that parsing takes, and reading what every program reads."""
    name, size = sys.argv[1], int(sys.argv[2])
    raw = hostile(name, size)
    read_as_programs_do(hostile(name, 1_000))  # what is made once is no part of it
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    read_as_programs_do(raw)
    print(memory("VmHWM") - before)


if __name__ == "__main__":
    main()
