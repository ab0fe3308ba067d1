"""The structure of a message is known while it arrives, wherever it is cut."""

from __future__ import annotations

from pathlib import Path

import pytest

import popmail
from popmail import PartEnded, PartStarted

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples/mail").glob("*.eml"))


def scan(raw: bytes, size: int) -> list[popmail.ScanEvent]:
    scanner = popmail.Scanner()
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    return [event for piece in pieces for event in scanner.receive(piece)] + scanner.finish()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_parts_are_those_of_the_parser(path: Path) -> None:
    raw = path.read_bytes()
    events = scan(raw, len(raw))
    for size in (1, 7, 100):
        assert scan(raw, size) == events
    parts = popmail.parse(raw).parts
    started = [event for event in events if isinstance(event, PartStarted)]
    assert [(one.part, one.content_type) for one in started] == [(part.index, part.content_type) for part in parts]
    for event in events:
        if isinstance(event, PartEnded) and not parts[event.part].children:
            assert parts[event.part].raw.endswith(raw[slice(*event.body)])
    for one in started:
        header = popmail.parse(one.header).headers
        assert header.items() == parts[one.part].headers.items()


def test_structure_is_known_before_the_end() -> None:
    scanner = popmail.Scanner()
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/png\r\n\r\n"
    events = scanner.receive(head)
    assert [event.content_type for event in events if isinstance(event, PartStarted)] == [
        "multipart/mixed",
        "image/png",
    ]
    assert scanner.receive(b"x" * 100_000) == []
    (ended,) = scanner.receive(b"\r\n--b--\r\n")
    assert ended == PartEnded(1, (len(head), len(head) + 100_000))
    assert [event.part for event in scanner.finish()] == [0]
    for late in (scanner.finish, lambda: scanner.receive(b"x")):
        with pytest.raises(ValueError, match="over"):
            late()
