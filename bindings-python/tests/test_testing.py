"""`popmail.testing`: the server in one line, each fault as a client sees it, the fixture of pytest."""

from __future__ import annotations

import poplib
import socket
import ssl
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import popmail
from popmail import testing

if TYPE_CHECKING:
    from collections.abc import Callable

MAIL = [b"Subject: one\r\n\r\nfirst\r\n", b".dot\r\n.\r\n..\r\n"]


def said(server: testing.Server, octets: bytes) -> bytes:
    """Send all at once and read until the server closes."""
    with closing(socket.create_connection(server.address, 20)) as client:
        client.sendall(octets)
        chunks = []
        while chunk := client.recv(65_536):
            chunks.append(chunk)
        return b"".join(chunks)


LOGIN = b"USER me\r\nPASS secret\r\n"


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_a_server_in_one_line_serves_and_remembers(tls: str) -> None:
    with testing.Server(MAIL, tls=tls) as server:  # type: ignore[arg-type]
        with server.connect(auth="user-pass" if tls != "none" else "auto") as box:
            assert [mail.raw for mail in box] == MAIL
            box.dele(1)
        assert server.messages == MAIL[1:]
        assert server.requests[-2:] == ["DELE 1", "QUIT"]
        if tls != "none":
            assert "PASS (secret)" in server.requests
        assert "secret" not in " ".join(server.requests).replace("(secret)", "")
        server.maildrop.append(b"Subject: later\r\n\r\n")
        with server.connect() as box:
            assert box.stat().count == 2


def test_tokens_are_checked() -> None:
    with testing.Server(MAIL, tls="implicit", token="ya29.x") as server:
        for auth in ("oauthbearer", "xoauth2"):
            with server.connect(password=None, token="ya29.x", auth=auth) as box:
                assert box.stat().count == 2
            with pytest.raises(popmail.AuthenticationError) as caught:
                server.connect(password=None, token="wrong", auth=auth)
            assert "status" in str(caught.value.detail)


def test_options_that_cannot_be_are_told() -> None:
    with pytest.raises(popmail.UsageError, match="tls must be"):
        testing.Server(tls="yes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="persona must be one of 'ancient'"):
        testing.Faults("nobody")
    with pytest.raises(popmail.UsageError, match="mechanisms must be some of"):
        testing.Server(mechanisms=["kerberos"])
    with pytest.raises(popmail.UsageError, match="needs the passwords"):
        popmail.Server(lambda _: None, allow_cleartext=True, mechanisms=["scram-sha-256"])
    with testing.Server() as server, pytest.raises(popmail.UsageError, match="no certificate"):
        server.client_context()


# Faults. What each does on the wire is in tests/vectors/pop3/server/fault-*.json; here is what a client makes of it.


@pytest.mark.parametrize("octets", range(0, 120, 7))
def test_a_connection_cut_anywhere_is_told_and_nothing_is_lost(octets: int) -> None:
    with testing.Server(MAIL, faults=testing.Faults(cut_after=octets)) as server:
        told = said(server, LOGIN + b"STAT\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n")
        assert len(told) == octets or told.endswith(b"+OK bye\r\n")
        if not told.endswith(b"+OK bye\r\n"):
            assert server.messages == MAIL


def test_a_cut_message_is_no_message() -> None:
    with (
        testing.Server(MAIL, faults=testing.Faults(cut_content_after=10)) as server,
        server.connect() as box,
        pytest.raises(popmail.ConnectionLostError),
    ):
        box.retr(1)


def test_one_byte_at_a_time_changes_nothing() -> None:
    with (
        testing.Server(MAIL, faults=testing.Faults(piece=1)) as server,
        server.connect(pipelining=False) as box,
    ):
        assert [box.retr(number) for number in (1, 2)] == MAIL


def test_a_delay_runs_into_the_clients_timeout() -> None:
    with testing.Server(MAIL, faults=testing.Faults(delay=0.05)) as server:
        started = time.monotonic()
        assert said(server, b"QUIT\r\n").endswith(b"+OK bye\r\n")
        assert time.monotonic() - started >= 0.05
    with (
        testing.Server(MAIL, faults=testing.Faults(delay=0.5)) as server,
        pytest.raises(popmail.TimeoutError),
    ):
        server.connect(timeout=0.1)


def test_octets_after_stls_end_the_session() -> None:
    with (
        testing.Server(MAIL, tls="starttls", faults=testing.Faults(stls_residue=b"+OK injected\r\n")) as server,
        pytest.raises(popmail.ProtocolError) as caught,
    ):
        server.connect()
    assert caught.value.code == "POP3_ERR_STLS_INJECTION"


def test_a_server_that_closes_in_place_of_err_is_told() -> None:
    with (
        testing.Server(MAIL, faults=testing.Faults(close_for_err=True)) as server,
        pytest.raises(popmail.ConnectionLostError),
    ):
        server.connect(password="wrong")


@pytest.mark.parametrize("persona", testing.Faults.PERSONAS)
def test_the_client_reads_mail_from_every_persona(persona: str) -> None:
    with (
        testing.Server(MAIL, faults=testing.Faults(persona)) as server,
        server.connect(auth="user-pass", allow_cleartext=True) as box,
    ):
        assert [box.retr(number).replace(b"\r\n", b"\n") for number in (1, 2)] == [
            message.replace(b"\r\n", b"\n") for message in MAIL
        ]
        assert [octets for _, octets in box.list()] == [len(message) for message in MAIL]


def test_poplib_sees_wrong_sizes_and_missing_commands() -> None:
    faults = testing.Faults(size_error=100, missing=["UIDL", "TOP"])
    with testing.Server(MAIL, faults=faults) as server:
        client = poplib.POP3(*server.address, timeout=20)
        capabilities = client.capa()
        client.user("me")
        client.pass_("secret")
        assert client.stat() == (2, sum(map(len, MAIL)) + 200)
        assert "UIDL" not in capabilities
        with pytest.raises(poplib.error_proto, match="unknown command"):
            client.uidl()
        client.quit()


# The fixture


def test_the_fixture_starts_servers(pop3_server: Callable[..., testing.Server]) -> None:
    first, second = pop3_server(MAIL), pop3_server([], user="you", tls="implicit")
    assert first.port != second.port
    with first.connect() as box:
        assert len(box) == 2 if hasattr(box, "__len__") else box.stat().count == 2
    with socket.create_connection(second.address, 20) as raw:
        context = second.client_context()
        assert isinstance(context, ssl.SSLContext)
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            assert tls.recv(100).startswith(b"+OK")


def test_pytest_finds_the_fixture_by_itself(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import popmail.testing

        def test_mail(pop3_server):
            server = pop3_server([b"Subject: hello\\r\\n\\r\\nworld\\r\\n"], faults=popmail.testing.Faults(piece=1))
            with server.connect() as box:
                assert box.stat().count == 1
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
