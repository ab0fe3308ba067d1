"""Mailboxes in files: beside the standard library's `mailbox`, by pieces, and as sequences."""

from __future__ import annotations

import mailbox
import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

import popmail
from popmail._native import parse_file

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples/mail").glob("*.eml"))
LINE = b"From ann@example.com Mon May  4 09:30:00 2026\n"


def mbox(path: Path, *messages: bytes) -> Path:
    path.write_bytes(b"".join(LINE + message + b"\n" for message in messages))
    return path


def letter(number: int, body: bytes = b"hello\n") -> bytes:
    return b"Subject: letter %d\n\n" % number + body


def test_a_file_of_the_standard_library_reads_back(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "box")
    for sample in SAMPLES:
        box.add(sample.read_bytes().replace(b"\r\n", b"\n"))
    box.add(b"Subject: quoted\n\nFrom here\n>From there\n\nFrom x Mon May  4 09:30:00 2026\n")
    box.flush()
    messages = popmail.read_mbox(tmp_path / "box", "mboxo")
    assert len(messages) == len(box) == len(SAMPLES) + 1
    for index, message in enumerate(messages[:-1]):
        assert message.raw == box.get_bytes(index)
    assert messages[-1].text == "From here\nFrom there\n\nFrom x Mon May  4 09:30:00 2026\n"
    box.close()


def test_it_is_a_sequence(tmp_path: Path) -> None:
    messages = popmail.read_mbox(mbox(tmp_path / "box", *map(letter, range(200))))
    assert isinstance(messages, Sequence)
    assert messages[3].subject == "letter 3"
    assert messages[-1].subject == "letter 199"
    assert [message.subject for message in messages[10:2:-3]] == ["letter 10", "letter 7", "letter 4"]
    assert [message.subject for message in messages] == [f"letter {number}" for number in range(200)]
    assert messages[5] in messages
    assert len(messages) == 200
    assert messages.envelope(0) == LINE[:-1]
    assert messages.envelope(-1) == LINE[:-1]
    for index in (200, -201):
        with pytest.raises(IndexError):
            messages[index]
        with pytest.raises(IndexError):
            messages.envelope(index)


def test_messages_outlive_their_reader_and_are_octets(tmp_path: Path) -> None:
    message = popmail.read_mbox(mbox(tmp_path / "box", letter(1)))[0]
    assert message.raw == letter(1)
    assert message.raw is message.raw
    assert message == popmail.parse(letter(1))
    assert hash(message) == hash(popmail.parse(letter(1)))


def test_the_first_message_of_a_large_file_comes_without_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(LINE + letter(1) + b"\n" + LINE)
        file.truncate(4 << 30)  # a hole: nothing is written
    messages = popmail.read_mbox(path)
    assert next(iter(messages)).subject == "letter 1"


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("auto", b"From x\n>From y\n"),
        ("mboxrd", b"From x\n>From y\n"),
        ("mboxo", b"From x\n>>From y\n"),
        ("mboxcl", b"From x\n>>From y\n"),
        ("mboxcl2", b">From x\n>>From y\n"),
    ],
)
def test_each_variant_unquotes_in_its_way(tmp_path: Path, format: str, expected: bytes) -> None:
    path = mbox(tmp_path / "box", letter(1, b">From x\n>>From y\n"))
    assert popmail.read_mbox(path, format)[0].root.content == expected  # type: ignore[arg-type]


def test_a_length_that_fits_keeps_separators_in_a_body(tmp_path: Path) -> None:
    body = b"\n" + LINE + b"Subject: no message\n\n"
    path = mbox(tmp_path / "box", b"Subject: a\nContent-Length: %d\n\n" % len(body) + body, letter(2))
    assert [message.subject for message in popmail.read_mbox(path)] == ["a", "letter 2"]
    assert popmail.read_mbox(path)[0].root.content == body
    assert len(popmail.read_mbox(path, "mboxrd")) == 3


def test_random_messages_come_back(tmp_path: Path) -> None:
    for seed in range(50):
        dice = random.Random(seed)
        pieces = [b"From ", b">From ", b">>From ", b"\n", b"\n\n", b"x", LINE, b" ", b"Subject: y\n", b"> "]
        messages = [
            letter(number, b"".join(dice.choice(pieces) for _ in range(dice.randrange(30))) + b"\n")
            for number in range(5)
        ]
        box = b""
        for message in messages:
            lines = [
                b">" + line if line.lstrip(b">").startswith(b"From ") else line
                for line in message.splitlines(keepends=True)
            ]
            box += LINE + b"".join(lines) + b"\n"
        (tmp_path / "box").write_bytes(box)
        assert [message.raw for message in popmail.read_mbox(tmp_path / "box")] == messages, f"seed {seed}"


def test_what_is_no_mbox_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.eml"
    path.write_bytes(letter(1))
    with pytest.raises(ValueError, match="expected an mbox file"):
        popmail.read_mbox(path)
    with pytest.raises(ValueError, match="format must be one of"):
        popmail.read_mbox(path, "mbx")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        popmail.read_mbox(tmp_path / "absent")
    path.write_bytes(b"")
    assert list(popmail.read_mbox(path)) == []


def test_threads_share_a_reader(tmp_path: Path) -> None:
    messages = popmail.read_mbox(mbox(tmp_path / "box", *map(letter, range(500))))
    found: list[int] = []

    def read() -> None:
        found.append(sum(message.subject is not None for message in messages))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [500] * 4


def test_a_maildir_is_read_in_the_order_of_arrival(tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "box")
    for number in range(3):
        name = f"{100 + number}.M1.host"
        place = f"cur/{name}:2,RS" if number == 1 else f"new/{name}"
        (tmp_path / "box" / place).write_bytes(letter(number))
    box.close()
    messages = popmail.read_maildir(tmp_path / "box")
    assert isinstance(messages, Sequence)
    assert [message.subject for message in messages] == ["letter 0", "letter 1", "letter 2"]
    assert messages[-1].raw == letter(2)
    assert messages.flags(1) == {"R", "S"}
    assert messages.flags(0) == frozenset()
    assert messages.paths[1].name == "101.M1.host:2,RS"
    messages.paths[0].rename(tmp_path / "box" / "cur" / "100.M1.host:2,S")
    assert messages[0].subject == "letter 0"
    (tmp_path / "box" / "cur" / "100.M1.host:2,S").unlink()
    with pytest.raises(FileNotFoundError):
        messages[0]
    with pytest.raises(FileNotFoundError):
        popmail.read_maildir(tmp_path / "absent")


def test_a_file_of_its_own_is_mapped(tmp_path: Path) -> None:
    for sample in SAMPLES:
        assert parse_file(sample).to_json() == popmail.parse(sample.read_bytes()).to_json()
    empty = tmp_path / "empty"
    empty.touch()
    assert parse_file(empty).raw == b""
