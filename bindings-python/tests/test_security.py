"""The checks S1 to S18 where they show in Python: real sockets, and the names of `core/tests/security.rs`."""

from __future__ import annotations

import asyncio
import base64
import io
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from scripted import CAPABILITIES, MAILBOX, Close, ScriptedServer, Stall

import popmail
import popmail.poplib as poplib

if TYPE_CHECKING:
    import ssl

    from conftest import Certificates

CLEAR: dict[str, Any] = {"tls": "none", "allow_cleartext": True, "auth": "user-pass"}
SECRET = "open sesame"
BROKEN = popmail.ProtocolError


def pop3(server: ScriptedServer | popmail.Server, **options: Any) -> popmail.Pop3:
    if "token" not in options:
        options.setdefault("password", SECRET)
    return popmail.Pop3(server.host, server.port, user="me", timeout=10, **{**CLEAR, **options})


def test_s01_apop_takes_a_message_id_only_and_never_by_itself() -> None:
    for greeting in (b"+OK <a.b.c>\r\n", b"+OK <here is the challenge>\r\n", b"+OK <a@b@c>\r\n"):
        assert popmail.apop_digest(greeting, b"x") is None
        with ScriptedServer({}, greeting=greeting) as server:
            with pytest.raises(popmail.AuthenticationError):
                pop3(server, auth="apop")
            assert server.requests == [b"CAPA\r\n"]
    with ScriptedServer({}, greeting=b"+OK <1.2@x>\r\n") as server:
        with pytest.raises(popmail.InsecureError):
            pop3(server, auth="auto", allow_cleartext=False)
        assert server.requests == [b"CAPA\r\n"]


def test_s02_the_scan_of_a_greeting_is_bounded() -> None:
    assert popmail.apop_digest(b"+OK " + b"<" * 1_000_000 + b"a@b>", b"x") is None
    with ScriptedServer({}, greeting=b"<" * 100_000) as server, pytest.raises(popmail.LimitError):
        pop3(server)


@pytest.mark.parametrize("residue", [b"x", b"+OK ha", b"+OK ha\r\n"])
def test_s03_octets_between_stls_and_tls_are_fatal(residue: bytes) -> None:
    replies = {"CAPA": b"+OK\r\nSTLS\r\nSASL PLAIN\r\n.\r\n", "STLS": b"+OK\r\n" + residue}
    with ScriptedServer(replies) as server:
        with pytest.raises(popmail.ProtocolError) as caught:
            pop3(server, tls="starttls", allow_cleartext=False)
        assert caught.value.code == "POP3_ERR_STLS_INJECTION"
        assert server.requests == [b"CAPA\r\n", b"STLS\r\n"]


@pytest.mark.parametrize("replies", [{"CAPA": CAPABILITIES}, {"CAPA": b"+OK\r\nSTLS\r\n.\r\n"}, {}])
def test_s04_stls_cannot_be_stripped(replies: dict[str, bytes]) -> None:
    with ScriptedServer(replies) as server:
        with pytest.raises(popmail.InsecureError):
            pop3(server, tls="starttls", allow_cleartext=True)
        assert not [line for line in server.requests if line.split()[0] not in (b"CAPA", b"STLS")]


def test_s05_a_login_steps_down_to_nothing_weaker() -> None:
    with ScriptedServer({"CAPA": b"+OK\r\nUSER\r\nSASL PLAIN LOGIN CRAM-MD5\r\n.\r\n"}) as server:
        with pytest.raises(popmail.InsecureError):
            pop3(server, auth="auto", allow_cleartext=False)
        assert server.requests == [b"CAPA\r\n"]
    with ScriptedServer({"CAPA": b"+OK\r\nUSER\r\nSASL SCRAM-SHA-256 PLAIN\r\n.\r\n"}) as server:
        with pytest.raises(popmail.AuthenticationError, match="scram-sha-256"):
            pop3(server, auth="auto")
        assert server.requests == [b"CAPA\r\n", b"AUTH SCRAM-SHA-256\r\n"]


@pytest.mark.parametrize("octet", ["\0", "\r", "\n"])
def test_s06_no_argument_can_end_a_line(octet: str) -> None:
    odd = f"a{octet}DELE 1"
    with ScriptedServer(MAILBOX) as server:
        for options in ({"password": odd}, {"token": odd, "auth": "xoauth2"}, {"authzid": odd, "auth": "plain"}):
            with pytest.raises(popmail.UsageError):
                pop3(server, **options)
        with pytest.raises(popmail.UsageError):
            popmail.Pop3(server.host, server.port, user=odd, password="x", **CLEAR)
        with pop3(server) as box, pytest.raises(popmail.UsageError):
            box.lang(odd)
        old = poplib.POP3(server.host, server.port)
        for call in (old.user, old.pass_):
            with pytest.raises(ValueError, match="control character"):
                call(odd)
        old.close()
    assert not [line for line in server.requests if b"DELE" in line]


def test_s07_a_server_says_nothing_that_it_was_told(certificates: Certificates) -> None:
    accounts = {"me": popmail.Account(SECRET, popmail.MemoryMaildrop([b"a"]))}
    with popmail.Server(accounts, tls=certificates.server_context(), implicit_tls=False) as server:
        old = poplib.POP3(server.host, server.port)
        assert old.sock is not None
        old.sock.sendall(b"\x1b[31mHACK +OK\r\n")
        told = old.sock.recv(1000)
        old.close()
    assert told.startswith(b"-ERR")
    assert b"HACK" not in told
    assert b"\x1b" not in told


@pytest.mark.parametrize("message", [b".", b"\n.\nx", b"a\r.\r\n.\r\n", b"+OK\r\n.\r\n-ERR\r\n", b".\n"])
def test_s08_no_message_ends_its_own_transfer(message: bytes) -> None:
    accounts = {"me": popmail.Account(SECRET, popmail.MemoryMaildrop([message, b"second\r\n"]))}
    with popmail.Server(accounts, allow_cleartext=True) as server, pop3(server) as box:
        lines = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        assert [mail.raw for mail in box] == [lines if lines.endswith(b"\n") else lines + b"\r\n", b"second\r\n"]


def test_s09_every_read_is_bounded_but_lines_of_messages() -> None:
    long = b"x" * 300_000
    limits = popmail.Limits(listing_entries=3, buffered_content=1000)
    for verb, reply in (
        ("STAT", b"+OK " + long),
        ("LIST", b"+OK\r\n1 " + long),
        ("UIDL", b"+OK\r\n" + b"".join(b"%d a\r\n" % number for number in range(1, 9))),
        ("RETR", b"+OK\r\n" + long),
    ):
        with ScriptedServer({**MAILBOX, verb: reply}) as server, pop3(server, limits=limits) as box:
            command = getattr(box, verb.lower())
            with pytest.raises(popmail.LimitError):
                command(1) if verb == "RETR" else command()
    with ScriptedServer({**MAILBOX, "RETR": b"+OK\r\n" + long + b"\r\n.\r\n"}) as server, pop3(server) as box:
        assert box.retr(1) == long + b"\r\n"


def test_s10_numbers_of_a_server_are_numbers_and_nothing_else() -> None:
    replies = {
        **MAILBOX,
        "STAT": b"+OK 4294967295 99999999999999999999999999\r\n",
        "LIST": b"+OK\r\n4294967295 1\r\n7 -5\r\n7 6\r\n.\r\n",
        "RETR": b"+OK 18446744073709551615 octets\r\nabc\r\n.\r\n",
    }
    with ScriptedServer(replies) as server, pop3(server) as box:
        assert box.stat() == (4294967295, 2**64 - 1)
        assert box.list() == [(4294967295, 1), (7, 0), (7, 6)]
        assert box.retr(4294967295) == b"abc\r\n"
        assert set(box.deviations) == {"odd-number", "odd-size"}
        assert len(list(box.fetch())) == 2


def test_s11_odd_input_ends_in_an_answer_or_an_error() -> None:
    odd = b"+OK\r\nIMPLEMENTATION\r\nSASL\r\nEXPIRE\r\nLOGIN-DELAY soon\r\n=\r\n\xff\xfe\r\n.\r\n"
    with ScriptedServer({**MAILBOX, "CAPA": odd}) as server, pop3(server) as box:
        capabilities = box.capabilities
        assert capabilities is not None
        assert (capabilities.implementation, capabilities.expire, capabilities.sasl) == ("", None, [])
    for reply in (b"\0\0\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"+\r\n", b"\xff\r\n"):
        with ScriptedServer({**MAILBOX, "STAT": reply}) as server, pop3(server) as box, pytest.raises(BROKEN):
            box.stat()


def test_s12_the_end_of_a_stream_completes_nothing() -> None:
    for cut in (b"", b"Subject: a", b"Subject: a\r\n\r\nb\r\n", b"a\r\n.", b"a\r\n.\r"):
        with ScriptedServer({**MAILBOX, "RETR": Close(b"+OK\r\n" + cut)}) as server:
            with pop3(server) as box, pytest.raises(popmail.ConnectionLostError):
                box.retr(1)
            with pop3(server) as box, pytest.raises(popmail.ConnectionLostError):
                list(box)
            with pop3(server) as box, pytest.raises(popmail.ConnectionLostError):
                box.retr(1, into=io.BytesIO())


def test_s13_a_server_does_not_tell_who_exists(certificates: Certificates) -> None:
    accounts = {"me": popmail.Account(SECRET, popmail.MemoryMaildrop([]))}
    told = []
    with popmail.Server(accounts, tls=certificates.server_context()) as server:
        for user in ("me", "nobody"):
            with pytest.raises(popmail.AuthenticationError) as caught:
                popmail.Pop3(
                    server.host,
                    server.port,
                    user=user,
                    password="wrong",
                    auth="user-pass",
                    ssl_context=certificates.client_context(),
                )
            told.append((caught.value.response, caught.value.verdict))
    assert told[0] == told[1]
    assert told[0][1] == "bad_credentials"


def test_s14_a_server_bounds_what_a_client_can_try() -> None:
    accounts = {"me": popmail.Account(SECRET, popmail.MemoryMaildrop([]))}
    limits = popmail.ServerLimits(failed_logins=2, failed_login_delay=0.05)
    with popmail.Server(accounts, allow_cleartext=True, limits=limits) as server:
        old = poplib.POP3(server.host, server.port)
        for _ in range(2):
            old.user("me")
            with pytest.raises(poplib.error_proto):
                old.pass_("wrong")
        with pytest.raises(poplib.error_proto):
            old.user("me")
        old.close()
    limits = popmail.ServerLimits(login_timeout=0.2)
    with popmail.Server(accounts, allow_cleartext=True, limits=limits) as server:
        silent = poplib.POP3(server.host, server.port)
        assert silent.sock is not None
        silent.sock.settimeout(10)
        assert silent.sock.recv(100) == b""
        silent.close()


@pytest.mark.parametrize("auth", ["user-pass", "plain", "login", "apop", "cram-md5"])
def test_s15_no_trace_error_or_representation_holds_a_secret(auth: Any) -> None:
    lines: list[str] = []
    replies = {"CAPA": b"-ERR\r\n", "USER": b"+OK\r\n", "AUTH": Close(b"+ PDFAeD4=\r\n")}
    with ScriptedServer(replies, greeting=b"+OK <1.2@x>\r\n") as server:
        try:
            pop3(server, auth=auth, trace=lambda direction, line: lines.append(f"{direction} {line}"))
        except popmail.Pop3Error as error:
            shown = "".join(traceback.format_exception(error)) + repr(vars(error))
        encoded = base64.b64encode(SECRET.encode()).decode()
        for hidden in (SECRET, encoded, encoded[:8]):
            assert hidden not in shown
            assert hidden not in "\n".join(lines)
        assert lines[0].startswith("received +OK")
        secrets = [
            line.split(b" ")[-1].strip().decode() for line in server.requests if b"PASS" in line or b"APOP" in line
        ]
        assert not [secret for secret in secrets if secret in "\n".join(lines)]


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
@pytest.mark.parametrize("success", [False, True])
def test_s16_an_oauth_error_is_no_success(auth: Any, success: bool) -> None:
    error = base64.b64encode(b'{"status":"invalid_token","scope":"mail"}')
    # The lines of the exchange have no verb: the empty one, and that of the token.
    farewell = "" if auth == "xoauth2" else "AQ=="
    token = {
        "xoauth2": "user=me\x01auth=Bearer tok\x01\x01",
        "oauthbearer": "n,a=me,\x01auth=Bearer tok\x01\x01",
    }[auth]
    replies = {
        "AUTH": b"+ \r\n",
        base64.b64encode(token.encode()).decode().upper(): b"+ " + error + b"\r\n",
        farewell: b"+OK\r\n" if success else b"-ERR no\r\n",
    }
    with ScriptedServer(replies) as server:
        expected = popmail.ProtocolError if success else popmail.AuthenticationError
        with pytest.raises(expected) as caught:
            pop3(server, auth=auth, token="tok")
        if not success:
            assert caught.value.detail == '{"status":"invalid_token","scope":"mail"}'
        assert server.requests[-1] == f"{farewell}\r\n".encode()


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("way", ["blocking", "asyncio"])
def test_s17_tls_for_another_protocol_is_refused(certificates: Certificates, tls: Any, way: str) -> None:
    context = certificates.server_context()
    context.set_alpn_protocols(["http/1.1"])
    client = certificates.client_context()
    client.set_alpn_protocols(["http/1.1"])
    accounts = {"me": popmail.Account(SECRET, popmail.MemoryMaildrop([]))}

    def connect(server: popmail.Server, context: ssl.SSLContext) -> None:
        options: dict[str, Any] = {"user": "me", "password": SECRET, "tls": tls, "ssl_context": context}
        if way == "blocking":
            popmail.Pop3(server.host, server.port, **options).quit()
        else:

            async def main() -> None:
                async with popmail.AsyncPop3(server.host, server.port, **options):
                    pass

            asyncio.run(main())

    with popmail.Server(accounts, tls=context, implicit_tls=tls == "implicit") as server:
        with pytest.raises(popmail.ConnectionLostError, match=r"http/1\.1"):
            connect(server, client)
        connect(server, certificates.client_context())  # offers none, as many do


def test_s17_the_name_of_pop3_is_offered_in_tls(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    context = certificates.server_context()
    context.set_alpn_protocols(["pop3"])
    seen: list[str | None] = []
    with ScriptedServer(MAILBOX, tls=context) as server:
        popmail.Pop3(
            server.host,
            server.port,
            user="me",
            password=SECRET,
            transport=_Watched(server.host, server.port, seen),
        ).quit()
    assert seen == ["pop3"]


class _Watched(popmail.SocketTransport):
    def __init__(self, host: str, port: int, seen: list[str | None]) -> None:
        super().__init__(host, port, implicit_tls=True)
        assert self.ssl_object is not None
        seen.append(self.ssl_object.selected_alpn_protocol())


def test_s18_an_answer_that_nobody_waits_for_answers_nothing_else() -> None:
    messages = b"".join(b"%d 20\r\n" % number for number in range(1, 6))
    with ScriptedServer({**MAILBOX, "LIST": b"+OK\r\n" + messages + b".\r\n"}) as server, pop3(server) as box:
        for mail in box:
            assert mail.number == 1
            break
        assert box.stat() == (1, 20)

    class Interrupted(Exception):
        pass

    class Broken:
        def write(self, octets: bytes) -> int:
            raise Interrupted

    with ScriptedServer(MAILBOX) as server, pop3(server) as box:
        with pytest.raises(Interrupted):
            box.retr(1, into=Broken())
        with pytest.raises(popmail.UsageError, match="RETR was broken off"):
            box.stat()

    async def main(server: ScriptedServer) -> None:
        async with popmail.AsyncPop3(server.host, server.port, user="me", password=SECRET, **CLEAR) as box:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await box.stat()
            with pytest.raises(popmail.UsageError, match="STAT was cancelled"):
                await box.noop()

    with ScriptedServer({**MAILBOX, "STAT": Stall(b"+OK 2")}) as server:
        asyncio.run(main(server))
