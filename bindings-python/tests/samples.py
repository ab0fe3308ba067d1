"""Messages for the tests, made from a fixed seed: the same in each run, and awkward on the wire."""

from __future__ import annotations

import random


def awkward_messages() -> list[bytes]:
    """Return small messages that a careless client or server would change, join or cut."""
    head = b"From: a@example.com\r\nSubject: awkward\r\n\r\n"
    return [
        head,
        head + b".\r\n",
        head + b"..\r\n.\r\n.first\r\n",
        head + b"\r\n\r\n.\r\n\r\n",
        b".Dot: first byte of all\r\n\r\nbody\r\n",
        head + b"a line of 70,000 octets: " + b"x" * 70_000 + b"\r\n",
        head + bytes(range(1, 10)) + bytes(range(14, 256)) + b"\r\n",
        head + b"a lone \r carriage return\r\n",
        head + b"+OK not a reply\r\n-ERR neither\r\n",
    ]


def plain_messages(count: int, *, seed: int = 1, octets: int = 3000) -> list[bytes]:
    """Return ordinary small messages, each different from the others."""
    dice = random.Random(seed)
    return [_message(dice, number, octets) for number in range(1, count + 1)]


def large_message(octets: int, *, seed: int = 1) -> bytes:
    """Return one message of at least so many octets, whose lines begin with a dot now and then."""
    dice = random.Random(seed)
    line = dice.randbytes(54).hex().encode() + b"\r\n"
    block = b"".join((b"." if number % 7 == 0 else b"") + line for number in range(1000))
    return b"Subject: large\r\n\r\n" + block * (octets // len(block) + 1)


def _message(dice: random.Random, number: int, octets: int) -> bytes:
    head = (
        f"From: sender{number}@example.com\r\nTo: me@example.com\r\nSubject: message {number}\r\n"
        f"Message-ID: <{number}.{dice.randrange(10**9)}@example.com>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n"
    ).encode()
    lines = [dice.randbytes(dice.randrange(1, 36)).hex().encode() + b"\r\n" for _ in range(octets // 38)]
    return head + b"".join(lines)
