"""Servers that close the connection on CAPA: a second one is opened, and the login goes on without CAPA."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from scripted import MAILBOX, Close, ScriptedServer

import popmail

if TYPE_CHECKING:
    from conftest import Certificates

REPLIES = {**MAILBOX, "CAPA": Close(b"")}


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
@pytest.mark.parametrize("tls", ["implicit", "none"])
def test_a_server_that_closes_on_capa_is_asked_again_without_it(certificates: Certificates, way: str, tls: Any) -> None:
    context = certificates.server_context() if tls == "implicit" else None
    with ScriptedServer(REPLIES, tls=context) as server:
        options: dict[str, Any] = {"user": "me", "password": "secret", "tls": tls, "allow_cleartext": tls == "none"}
        options["ssl_context"] = certificates.client_context()
        if way == "blocking":
            with popmail.Pop3(server.host, server.port, **options) as box:
                got = [mail.raw for mail in box]
        else:

            async def main() -> list[bytes]:
                async with popmail.AsyncPop3(server.host, server.port, **options) as box:
                    assert "closed-on-capa" in box.deviations
                    return [mail.raw async for mail in box]

            got = asyncio.run(main())
        assert got == [b"Subject: a\r\n\r\nbody\r\n"]
        assert server.requests[:3] == [b"CAPA\r\n", b"USER me\r\n", b"PASS secret\r\n"]
        assert server.requests.count(b"CAPA\r\n") == 1


def test_strict_refuses_it() -> None:
    with ScriptedServer(REPLIES) as server:
        with pytest.raises(popmail.ProtocolError, match="closed-on-capa"):
            popmail.Pop3(
                server.host, server.port, user="me", password="x", tls="none", allow_cleartext=True, strict=True
            )
        assert server.requests == [b"CAPA\r\n"]


def test_the_policy_stays_what_it_was() -> None:
    with ScriptedServer(REPLIES) as server:
        with pytest.raises(popmail.InsecureError):
            popmail.Pop3(server.host, server.port, user="me", password="x", tls="none")
        assert server.requests == [b"CAPA\r\n"]


def test_a_transport_of_the_callers_is_not_opened_again() -> None:
    with ScriptedServer(REPLIES) as server:
        transport = popmail.SocketTransport(server.host, server.port, implicit_tls=False)
        with pytest.raises(popmail.ConnectionLostError):
            popmail.Pop3(
                server.host,
                server.port,
                user="me",
                password="x",
                tls="none",
                allow_cleartext=True,
                transport=transport,
            )
        assert server.requests == [b"CAPA\r\n"]
