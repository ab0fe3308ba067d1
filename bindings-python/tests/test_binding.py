"""SCRAM-PLUS over real TLS: a server that checks what ties the login to the channel."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest

import popmail

if TYPE_CHECKING:
    from conftest import Certificates

PASSWORD, SALT, ITERATIONS = b"open sesame", b"salt-of-the-earth", 4096


class ScramServer:
    """One session: greets, names SCRAM-SHA-256-PLUS, checks the binding and the proof, and proves itself."""

    def __init__(self, context: ssl.SSLContext, certificate: bytes) -> None:
        self._context = context
        self._certificate = certificate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.said: list[str] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._thread.join(30)
        self._listener.close()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with self._context.wrap_socket(connection, server_side=True) as tls, tls.makefile("rb") as lines:
            tls.sendall(b"+OK ready\r\n")
            for line in lines:
                verb = line.split()[0]
                if verb == b"CAPA":
                    tls.sendall(b"+OK\r\nSASL SCRAM-SHA-256 SCRAM-SHA-256-PLUS PLAIN\r\n.\r\n")
                elif verb == b"AUTH":
                    self.said.append(line.decode().strip())
                    tls.sendall(self._exchange(tls, lines))
                else:
                    tls.sendall(b"+OK\r\n")
                    return

    def _exchange(self, tls: ssl.SSLSocket, lines: Any) -> bytes:
        def ask(challenge: str) -> str:
            tls.sendall(b"+ " + base64.b64encode(challenge.encode()) + b"\r\n")
            return base64.b64decode(next(lines)).decode("latin-1")

        header, name, bare = ask("").partition(",,")
        self.said.append(header)
        nonce = bare.partition("r=")[2] + "server"
        first = f"r={nonce},s={base64.b64encode(SALT).decode()},i={ITERATIONS}"
        last = ask(first)
        without_proof, _, proof = last.rpartition(",p=")
        bound = base64.b64decode(without_proof.removeprefix("c=").partition(",r=")[0])
        data = bound.removeprefix(f"{header}{name}".encode())
        known = {
            "p=tls-server-end-point": hashlib.sha256(self._certificate).digest(),
            "p=tls-unique": tls.get_channel_binding("tls-unique") if tls.version() == "TLSv1.2" else None,
        }
        if data != known[header]:
            return b"-ERR [AUTH] another channel\r\n"
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD, SALT, ITERATIONS)

        def keyed(key: bytes, message: bytes) -> bytes:
            return hmac.digest(key, message, "sha256")

        message = f"{bare},{first},{without_proof}".encode()
        client_key = keyed(salted, b"Client Key")
        signature = keyed(hashlib.sha256(client_key).digest(), message)
        if base64.b64decode(proof) != bytes(a ^ b for a, b in zip(client_key, signature, strict=True)):
            return b"-ERR [AUTH] wrong\r\n"
        ask("v=" + base64.b64encode(keyed(keyed(salted, b"Server Key"), message)).decode())
        return b"+OK in\r\n"


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
def test_scram_plus_over_real_tls(certificates: Certificates, way: str, version: ssl.TLSVersion) -> None:
    context = certificates.server_context()
    context.minimum_version = context.maximum_version = version
    pem = certificates.cert_file.read_text().partition("-----END CERTIFICATE-----")
    server = ScramServer(context, ssl.PEM_cert_to_DER_cert(pem[0] + pem[1] + "\n"))
    options: dict[str, Any] = {"user": "me", "password": PASSWORD, "ssl_context": certificates.client_context()}
    try:
        if way == "blocking":
            popmail.Pop3("127.0.0.1", server.port, **options).quit()
        else:

            async def main() -> None:
                async with popmail.AsyncPop3("127.0.0.1", server.port, **options):
                    pass

            asyncio.run(main())
    finally:
        server.close()
    binding = "tls-unique" if version is ssl.TLSVersion.TLSv1_2 else "tls-server-end-point"
    assert server.said == ["AUTH SCRAM-SHA-256-PLUS", f"p={binding}"]


def test_a_transport_without_tls_has_no_binding() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        transport = popmail.SocketTransport("127.0.0.1", port, implicit_tls=False)
        for name in ("tls-exporter", "tls-unique", "tls-server-end-point"):
            assert transport.channel_binding(name) is None
        transport.close()
