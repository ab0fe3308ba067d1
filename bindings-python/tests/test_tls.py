"""TLS of the blocking client: whatever way its records come, and whatever ends them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import popmail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Certificates

LINES = [b"%d: " % number + b"x" * (number * 997 % 20_000) + b"\r\n" for number in range(60)]


class Narrow(socket.socket):
    """A socket that gives a few octets at a time."""

    most = 1 << 20

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        return super().recv_into(buffer, min(nbytes or len(buffer), self.most), flags)


@contextlib.contextmanager
def served(talk: Callable[[socket.socket], object], most: int = 1 << 20) -> Iterator[Narrow]:
    """Give a socket at whose other end `talk` runs."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs:
            talk(theirs)

    thread = threading.Thread(target=serve)
    thread.start()
    with Narrow(fileno=ours.detach()) as narrow:
        narrow.most = most
        yield narrow
    thread.join()


def transport(connection: socket.socket, context: ssl.SSLContext, timeout: float = 20.0) -> popmail.SocketTransport:
    return popmail.SocketTransport(
        "localhost", 995, implicit_tls=True, ssl_context=context, timeout=timeout, sock=connection
    )


@pytest.mark.parametrize("most", [1, 7, 5_000, 1 << 20])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("farewell", [True, False], ids=["closed", "cut"])
def test_every_octet_arrives_in_whatever_pieces_records_come(
    certificates: Certificates, most: int, version: ssl.TLSVersion, farewell: bool
) -> None:
    lines = LINES if most > 7 else LINES[:8]

    def talk(connection: socket.socket) -> None:
        context = certificates.server_context()
        context.maximum_version = version
        tls = context.wrap_socket(connection, server_side=True)
        with tls:
            assert tls.recv(100) == b"CAPA\r\n"
            for line in lines:
                tls.sendall(line)
            if farewell:
                with contextlib.suppress(OSError):
                    tls.unwrap()

    with served(talk, most) as connection:
        client = transport(connection, certificates.client_context())
        client.write(b"CAPA\r\n")
        received = b""
        while octets := client.read(20):
            received += octets
        assert received == b"".join(lines)
        assert client.read(20) == b""


def test_a_broken_record_is_an_error_after_what_came_before_it(certificates: Certificates) -> None:
    def talk(connection: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = certificates.server_context().wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65_536))
        tls.write(b"+OK\r\n")
        good = outgoing.read()
        tls.write(b"+OK\r\n")
        bad = bytearray(outgoing.read())
        bad[-1] ^= 1
        connection.sendall(good + bad)
        connection.recv(1)

    with served(talk) as connection:
        client = transport(connection, certificates.client_context())
        assert client.read(20) == b"+OK\r\n"
        for _ in range(2):
            with pytest.raises(ssl.SSLError):
                client.read(20)


def test_a_server_learns_why_its_certificate_was_refused(certificates: Certificates) -> None:
    alerts: list[str] = []

    def talk(connection: socket.socket) -> None:
        context = certificates.server_context("other.example.com")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.wrap_socket(connection, server_side=True)
        except ssl.SSLError as error:
            alerts.append(str(error))

    with served(talk) as connection, pytest.raises(popmail.ConnectionLostError, match="certificate is not accepted"):
        transport(connection, certificates.client_context())
    assert "alert" in alerts[0].lower()


def test_a_refused_certificate_is_the_reason_though_the_server_is_gone(certificates: Certificates) -> None:
    def talk(connection: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = certificates.server_context("other.example.com")
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(connection.recv(65_536))
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        connection.sendall(outgoing.read())

    # In pieces this small the server has closed long before its certificate is read.
    with (
        served(talk, most=7) as connection,
        pytest.raises(popmail.ConnectionLostError, match="certificate is not accepted"),
    ):
        transport(connection, certificates.client_context())


def test_a_handshake_that_goes_on_for_ever_ends_in_time(certificates: Certificates) -> None:
    def talk(connection: socket.socket) -> None:
        # The beginning of a large record, then an octet now and then.
        with contextlib.suppress(OSError):
            connection.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb")
            while True:
                connection.sendall(b"\0")
                time.sleep(0.05)

    with served(talk) as connection:
        started = time.monotonic()
        with pytest.raises(popmail.TimeoutError, match="did not finish the TLS handshake"):
            transport(connection, certificates.client_context(), timeout=0.5)
        assert time.monotonic() - started < 10
