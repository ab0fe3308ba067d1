"""The sample mail from our server to our client, byte for byte, however the network cuts it."""

from __future__ import annotations

import random
import socket
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

import popmail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "examples/mail").glob("*.eml"))]
EVERY_OCTET = b"Subject: octets\r\n\r\n" + bytes(octet for octet in range(256) if octet not in b"\r\n") + b"\r\n"
TRICKY = [b"", b".\r\n", b"..\r\n.\r\n", b"\r\n", b".leads\r\n", b"a\rb\r\n", b"\0\r\n", EVERY_OCTET]


class CuttingTransport:
    """A socket whose octets arrive in pieces of the lengths that ``cut`` makes."""

    def __init__(self, address: tuple[str, int], cut: Callable[[], int]) -> None:
        self.socket = socket.create_connection(address)
        self.cut = cut
        self.pieces: deque[bytes] = deque()

    def read(self, timeout: float | None) -> bytes:
        if not self.pieces:
            self.socket.settimeout(timeout)
            octets = self.socket.recv(65536)
            while octets:
                length = self.cut()
                self.pieces.append(octets[:length])
                octets = octets[length:]
        return self.pieces.popleft() if self.pieces else b""

    def write(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def start_tls(self) -> None:
        raise AssertionError

    def close(self) -> None:
        self.socket.close()


@pytest.fixture(scope="module")
def server() -> Iterator[popmail.Server]:
    drop = popmail.MemoryMaildrop([*SAMPLES, *TRICKY])
    with popmail.Server({"me": popmail.Account("secret", drop)}, allow_cleartext=True) as server:
        yield server


def box_of(
    server: popmail.Server, cut: Callable[[], int], *, pipelining: bool, auth: Literal["plain", "user-pass", "apop"]
) -> popmail.Pop3:
    transport = CuttingTransport((server.host, server.port), cut)
    return popmail.Pop3(
        server.host,
        user="me",
        password="secret",
        tls="none",
        auth=auth,
        allow_cleartext=True,
        transport=transport,
        pipelining=pipelining,
        strict=True,
    )


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("seed", [None, 0, 1, 2, 3])
def test_every_message_arrives_as_it_was_given(server: popmail.Server, seed: int | None, pipelining: bool) -> None:
    numbers = random.Random(seed)
    cut = (lambda: 1) if seed is None else (lambda: numbers.choice([1, 2, 3, 5, 80, 1000]))
    with box_of(server, cut, pipelining=pipelining, auth="plain") as box:
        fetched = list(box)
        assert [mail.raw for mail in fetched] == [*SAMPLES, *TRICKY]
        assert [mail.octets for mail in fetched] == [len(raw) for raw in [*SAMPLES, *TRICKY]]
        assert len({mail.uid for mail in fetched}) == len(fetched)
        assert box.deviations == {}


@pytest.mark.parametrize("auth", ["plain", "user-pass", "apop"])
def test_every_way_to_log_in(server: popmail.Server, auth: Literal["plain", "user-pass", "apop"]) -> None:
    with box_of(server, lambda: 1, pipelining=True, auth=auth) as box:
        assert box.stat().count == len(SAMPLES) + len(TRICKY)


def test_top_gives_the_header_and_as_many_lines_as_asked_for(server: popmail.Server) -> None:
    with box_of(server, lambda: 3, pipelining=True, auth="plain") as box:
        for number, raw in enumerate(SAMPLES, 1):
            header, _, body = raw.partition(b"\r\n\r\n")
            lines = [line + b"\r\n" for line in body.split(b"\r\n")[:-1]]
            for count in (0, 1, 2, 1000):
                assert box.top(number, count) == header + b"\r\n\r\n" + b"".join(lines[:count])
