"""Whatever stands in a file or a body, the readers of mailboxes and old formats come to an end with what they say."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import pytest

import popmail

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
SEED = 4155
ROUNDS = 300
LINE = b"From ann@example.com Mon May  4 09:30:00 2026\n"
PIECES = [
    LINE,
    b"From ",
    b">From ",
    b">>From x\n",
    b"\n",
    b"\n\n",
    b"\r\n",
    b"Content-Length: 7\n",
    b"Content-Length: -1\n",
]
PIECES += [
    b"Content-Length: 99999999999999999999\n",
    b"Subject: x\n",
    b"\0",
    b"\xff",
    b"x" * 99,
    b":",
    b"=y",
    b"begin 644 a\n",
]
PIECES += [
    b"end\n",
    b"=ybegin line=128 size=3 name=a\n",
    b"=yend size=3 crc32=0\n",
    b"`\n",
    b"M" * 61 + b"\n",
    b"number=2",
    b";",
]
Format = Literal["auto", "mboxo", "mboxrd", "mboxcl", "mboxcl2"]


@pytest.fixture
def dice() -> random.Random:
    print(f"seed {SEED}")
    return random.Random(SEED)


def damaged(octets: bytes, dice: random.Random) -> bytes:
    """The octets after a few random changes."""
    changed = bytearray(octets)
    for _ in range(dice.choice([1, 3, 9])):
        at = dice.randrange(len(changed) + 1)
        match dice.randrange(4):
            case 0:
                changed[at : at + dice.choice([1, 4, 80])] = b""
            case 1:
                changed[at:at] = dice.choice(PIECES)
            case 2:
                changed[at:at] = changed[dice.randrange(len(changed) + 1) :][: dice.choice([9, 99])]
            case _:
                changed[at : at + 1] = dice.randbytes(dice.choice([1, 5]))
    return bytes(changed)


def test_mbox(tmp_path: Path, dice: random.Random) -> None:
    path = tmp_path / "box"
    letters = [LINE + b"Subject: %d\nContent-Length: 6\n\n>From \n\n" % number for number in range(5)]
    refused = 0
    for number in range(ROUNDS):
        box = damaged(b"".join(letters), dice) if number % 3 else b"".join(dice.choices(PIECES, k=40))
        path.write_bytes(box)
        for format in get_args(Format):
            try:
                messages = popmail.read_mbox(path, format)
            except ValueError:
                refused += 1
                assert not box.startswith(LINE)
                continue
            read = list(messages)
            assert len(read) == len(messages)
            assert sum(len(message.raw) for message in read) <= len(box)
            for at, message in enumerate(read):
                assert messages.envelope(at).startswith(b"From ")
                assert message.text is None or len(message.defects) >= 0
    assert 0 < refused < 5 * ROUNDS


def test_maildir(tmp_path: Path, dice: random.Random) -> None:
    for place in ("new", "cur", "tmp"):
        (tmp_path / place).mkdir()
    names = {"".join(dice.choices("0123456789.:,2SRTé\udcff-\n ", k=dice.randrange(1, 20))) for _ in range(ROUNDS)}
    names -= {".", ".."}
    for name in names:
        (tmp_path / dice.choice(["new", "cur"]) / name).write_bytes(damaged(b"Subject: x\n\nbody\n", dice))
    messages = popmail.read_maildir(tmp_path)
    assert len(messages) == len([name for name in names if not name.startswith(".")])
    for at, message in enumerate(messages):
        assert isinstance(message.to_json(), str)
        assert messages.flags(at) <= set("0123456789.:,2SRTé\udcff-\n ")


def test_files_in_bodies(dice: random.Random) -> None:
    vectors = sorted((ROOT / "tests/vectors/legacy").glob("*.json"))
    inputs = [base64.b64decode(json.loads(path.read_text("utf-8"))["input"]["base64"]) for path in vectors]
    streams = [part.content for raw in inputs for part in popmail.parse(raw).parts if part.tnef() is not None]
    assert streams
    found = 0
    for _ in range(ROUNDS):
        message = popmail.parse(damaged(dice.choice(inputs), dice))
        for file in message.embedded_files():
            found += 1
            assert "/" not in file.safe_filename
            assert isinstance(file.content, bytes)
        opened = popmail.read_tnef(damaged(dice.choice(streams), dice))
        assert opened is None or isinstance(opened.attributes, dict)
    assert found > ROUNDS / 4


def test_pieces_of_messages(dice: random.Random) -> None:
    def piece(number: int) -> bytes:
        content_type = f'message/partial; id="a@x"; number={number}; total=3'
        return f"Subject: x\r\nContent-Type: {content_type}\r\n\r\nbody {number}\r\n".encode()

    joined = refused = 0
    damage: list[Callable[[bytes], bytes]] = [lambda raw: raw, lambda raw: damaged(raw, dice)]
    for _ in range(ROUNDS):
        pieces = [dice.choice(damage)(piece(number)) for number in dice.choices([1, 2, 3], k=dice.randrange(6))]
        try:
            joined += len(popmail.join_partial(pieces)) > 0
        except ValueError:
            refused += 1
    assert joined > 0
    assert refused > 0
