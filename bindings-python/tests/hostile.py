"""Input made to be slow, deep or large: one entry for each class of attack that mail readers have met.

Run with a name and a size it reads that input in a fresh process and prints how many KiB it took.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import popmail

CLASSES: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).resolve().parents[2] / "tests/hostile.json").read_text(encoding="utf-8")
)
"""What every language is tried with: a piece over and over, in octets written as Latin-1."""


def hostile(name: str, size: int) -> bytes:
    """The input of a class, about so many octets; ``{at}`` in its piece counts."""
    head, piece, tail = (CLASSES[name][key].encode("latin-1") for key in ("head", "piece", "tail"))
    if b"{at}" not in piece:
        return head + piece * (size // len(piece)) + tail
    count = size // (len(piece) + 4 * piece.count(b"{at}") // 2)
    return head + b"".join(piece.replace(b"{at}", b"%d" % at) for at in range(count)) + tail


def read(raw: bytes) -> None:
    """Read all that is in a message, through every accessor."""
    message = popmail.parse(raw)
    for name in dir(message):
        if name.startswith("_") or name in {"as_email", "html_with", "part_by_content_id", "to_dict"}:
            continue
        value = getattr(message, name)
        if callable(value):
            value()
    message.part_by_content_id("a")
    message.html_with(lambda part: part.safe_filename)
    popmail.threads([message])
    for part in message.parts[:100]:
        for name in dir(part):
            if not name.startswith("_") and name not in {"parameter", "save"}:
                value = getattr(part, name)
                if callable(value):
                    value()
        part.headers.items()
    for header in list(message.headers)[:100]:
        message.headers.get_all(header)


def read_as_programs_do(raw: bytes) -> None:
    """Read what every program reads, and the defects."""
    message = popmail.parse(raw)
    _ = (message.subject, message.from_, message.to, message.date, message.text, message.html)
    _ = (len(message.attachments), len(message.defects))


def main() -> None:
    """Print the KiB that parsing takes, and reading what every program reads."""
    name, size = sys.argv[1], int(sys.argv[2])
    raw = hostile(name, size)
    popmail.parse(b"Subject: x\r\n\r\ny").defects  # noqa: B018 - what is made once is no part of it
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read_as_programs_do(raw)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


if __name__ == "__main__":
    main()
