"""The example `examples/python/socks_proxy.py` through a SOCKS5 proxy that lives here, and the same with asyncio."""

from __future__ import annotations

import asyncio
import os
import socket
import socketserver
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import socks

import popmail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Certificates

EXAMPLE = Path(__file__).parents[2] / "examples" / "python" / "socks_proxy.py"
HOST = "pop.example.com"
MAIL = [b"Subject: through the proxy\r\n\r\nbody\r\n", b"Subject: second\r\n\r\nbody\r\n"]


class Socks5(socketserver.BaseRequestHandler):
    """CONNECT by name and without authentication (RFC 1928); every name is this machine."""

    def handle(self) -> None:
        client: socket.socket = self.request
        with client.makefile("rb") as reader:
            _, methods = reader.read(2)
            reader.read(methods)
            client.sendall(b"\x05\x00")
            version, command, _, kind, length = reader.read(5)
            assert (version, command, kind) == (5, 1, 3), "CONNECT to a name"
            name = reader.read(length).decode()
            port = int.from_bytes(reader.read(2), "big")
        assert isinstance(self.server, Proxy)
        self.server.asked.append((name, port))
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            back = threading.Thread(target=self._pass_on, args=(server, client))
            back.start()
            self._pass_on(client, server)
            back.join(30)

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        try:
            while octets := source.recv(65536):
                sink.sendall(octets)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one of the two left, as it may


class Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Socks5)
        self.asked: list[tuple[str, int]] = []
        self.host, self.port = "127.0.0.1", int(self.server_address[1])


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join(30)


@pytest.fixture
def server(certificates: Certificates) -> Iterator[popmail.Server]:
    accounts = {"me": popmail.Account("secret", popmail.MemoryMaildrop(MAIL))}
    with popmail.Server(accounts, tls=certificates.server_context()) as server:
        yield server


def test_the_example_lists_a_mailbox_through_the_proxy(
    certificates: Certificates, proxy: Proxy, server: popmail.Server
) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLE, HOST, "me", "--port", str(server.port), "--proxy", f"{proxy.host}:{proxy.port}"],
        env={**os.environ, "POPMAIL_PASSWORD": "secret", "SSL_CERT_FILE": str(certificates.ca_file)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(maxsplit=2)[2] for line in done.stdout.splitlines()] == ["through the proxy", "second"]
    assert proxy.asked == [(HOST, server.port)]


def test_the_transport_of_asyncio_takes_a_socket_of_the_proxy(
    certificates: Certificates, proxy: Proxy, server: popmail.Server
) -> None:
    sock = socks.create_connection(
        (HOST, server.port),
        timeout=30,
        proxy_type=socks.SOCKS5,
        proxy_addr=proxy.host,
        proxy_port=proxy.port,
        proxy_rdns=True,
    )

    async def main() -> None:
        transport = await popmail.AsyncSocketTransport.open(
            HOST, server.port, implicit_tls=True, ssl_context=certificates.client_context(), sock=sock
        )
        async with popmail.AsyncPop3(HOST, server.port, user="me", password="secret", transport=transport) as box:
            assert [mail.raw async for mail in box] == MAIL

    asyncio.run(main(), debug=True)
    assert proxy.asked == [(HOST, server.port)]
