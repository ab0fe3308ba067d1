"""`popmail.poplib` beside the standard library's: the same script, and every result and exception compared."""

from __future__ import annotations

import contextlib
import inspect
import poplib as standard
import re
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from scripted import MAILBOX, Close, ScriptedServer, Stall

import popmail
from popmail import poplib
from samples import awkward_messages, plain_messages

if TYPE_CHECKING:
    from conftest import Certificates
    from dovecot import Dovecot

WAYS = ["implicit TLS", "STLS", "APOP in clear", "in clear"]
USER = "me"
PASSWORD = "open sesame"

Step = tuple[str, *tuple[Any, ...]]
SESSION: list[Step] = [
    ("getwelcome",),
    ("capa",),
    ("stat",),
    ("list",),
    ("list", 1),
    ("list", "2"),
    ("list", 99),
    ("uidl",),
    ("uidl", 1),
    ("uidl", "99"),
    ("retr", 1),
    ("retr", "2"),
    *(("retr", number) for number in range(3, 10)),
    ("retr", 99),
    ("top", 2, 0),
    ("top", "2", "1"),
    ("top", 99, 0),
    ("noop",),
    ("dele", 1),
    ("dele", "2"),
    ("dele", 1),
    ("retr", 1),
    ("stat",),
    ("list",),
    ("rset",),
    ("stat",),
    ("dele", 3),
    ("quit",),
]


@pytest.fixture(autouse=True)
def _long_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    # the standard library refuses message lines longer than 2,048 octets
    monkeypatch.setattr(standard, "_MAXLINE", 10_000_000)


def perform(client: Any, steps: list[Step]) -> list[Any]:
    """Run the steps; a refusal is a result."""
    results: list[Any] = []
    for name, *arguments in steps:
        try:
            results.append((name, *arguments, getattr(client, name)(*arguments)))
        except standard.error_proto as error:
            results.append((name, *arguments, type(error), error.args))
    client.close()
    return results


def open_client(module: Any, way: str, host: str, ports: tuple[int, int], context: ssl.SSLContext) -> Any:
    """Connect in one of `WAYS`; `ports` are those for TLS and for clear text."""
    if way == "implicit TLS":
        return module.POP3_SSL(host, ports[0], context=context, timeout=30)
    client = module.POP3(host, ports[1], timeout=30)
    if way == "STLS":
        assert client.stls(context).startswith(b"+OK")
    return client


def log_in(way: str, user: str, password: str) -> list[Step]:
    return [("apop", user, password)] if way == "APOP in clear" else [("user", user), ("pass_", password)]


@pytest.mark.parametrize("way", WAYS)
def test_every_result_with_our_server_is_that_of_the_standard_library(certificates: Certificates, way: str) -> None:
    def session(module: Any) -> list[Any]:
        accounts = {USER: popmail.Account(PASSWORD, popmail.MemoryMaildrop(awkward_messages()))}
        tls = {} if way.endswith("clear") else {"tls": certificates.server_context()}
        options: dict[str, Any] = {"allow_cleartext": True, "implicit_tls": way == "implicit TLS"} | tls
        with popmail.Server(accounts, **options) as server:
            client = open_client(module, way, server.host, (server.port, server.port), certificates.client_context())
            results = perform(client, [*log_in(way, USER, PASSWORD), *SESSION])
        assert len(accounts[USER].maildrop) == len(awkward_messages()) - 1  # type: ignore[arg-type]
        # The stamp in the greeting is never the same.
        return [result for result in results if result[0] != "getwelcome"]

    assert session(poplib) == session(standard)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "in clear"])  # which this Dovecot refuses
def test_every_result_with_dovecot_is_that_of_the_standard_library(dovecot: Dovecot, way: str) -> None:
    messages = [message for message in awkward_messages() if not message.startswith(b".")] + plain_messages(1)
    context = dovecot.client_context()

    def session(module: Any) -> list[Any]:
        mailbox = dovecot.mailbox(messages)
        client = open_client(module, way, dovecot.host, (dovecot.tls_port, dovecot.port), context)
        return perform(client, [*log_in(way, mailbox.user, mailbox.password), *SESSION])

    def comparable(results: list[Any]) -> list[str]:
        # Each session has its own account, made in a second of its own that Dovecot's unique ids have in them, and the
        # stamp in the greeting is never the same.
        results = [result for result in results if result[0] not in ("getwelcome", "user", "apop")]
        return [re.sub("(0000000[1-9])[0-9a-f]{8}", r"\1", repr(result)) for result in results]

    ours, theirs = session(poplib), session(standard)
    assert comparable(ours) == comparable(theirs)
    assert [result[-1] for result in ours if result[0] in ("user", "apop")] == [
        result[-1] for result in theirs if result[0] in ("user", "apop")
    ]


# One reply after the other, from a server that does as it is told.

ODD: dict[str, tuple[dict[str, bytes], list[Step]]] = {
    "nothing in the mailbox": (
        {"STAT": b"+OK 0 0\r\n", "LIST": b"+OK\r\n.\r\n", "UIDL": b"+OK none\r\n.\r\n"},
        [("stat",), ("list",), ("uidl",)],
    ),
    "text after the numbers": (
        {"STAT": b"+OK 2 320 more\r\n", "LIST": b"+OK 2 messages (320 octets)\r\n1 120 a\r\n2 200\r\n.\r\n"},
        [("stat",), ("list",)],
    ),
    "capabilities in any case": (
        {"CAPA": b"+OK list\r\nUser\r\nExpire 30 USER\r\nX-odd a  b\r\n.\r\n"},
        [("capa",)],
    ),
    "no capabilities": ({"CAPA": b"-ERR what\r\n"}, [("capa",), ("noop",)]),
    "lines that end with LF": (
        {"RETR": b"+OK\nSubject: a\n\n..dots\nbody\n.\n", "LIST": b"+OK\n1 20\n.\n", "NOOP": b"+OK\n"},
        [("retr", 1), ("list",), ("noop",)],
    ),
    "dots": (
        {"RETR": b"+OK\r\n..\r\n...\r\n..a\r\n \r\n\r\n.\r\n", "TOP": b"+OK top\r\nA: b\r\n\r\n.\r\n"},
        [("retr", 1), ("top", 1, 0)],
    ),
    "an empty message": ({"RETR": b"+OK\r\n.\r\n"}, [("retr", 1)]),
    "a refusal with a code": ({"DELE": b"-ERR [SYS/TEMP] later\r\n"}, [("dele", 1), ("noop",)]),
    "a refused login": ({"PASS": b"-ERR [AUTH] no\r\n"}, [("user", "me"), ("pass_", "x"), ("quit",)]),
    "a refused name": ({"USER": b"-ERR who\r\n"}, [("user", "me"), ("quit",)]),
    "no apop": ({}, [("apop", "me", "x")]),
    "no stls": ({}, [("stls",), ("noop",)]),
    "quit that is refused": ({"QUIT": b"-ERR some stay\r\n"}, [("dele", 1), ("quit",)]),
    "a connection that ends": ({"STAT": Close(b"")}, [("stat",)]),
    "a farewell": ({"NOOP": Close(b"+OK\r\n-ERR bye\r\n")}, [("noop",), ("stat",)]),
    "names with spaces and letters": ({}, [("user", "a user"), ("pass_", " two  spaces ")]),
}


@pytest.mark.parametrize("scenario", ODD)
def test_every_result_with_an_odd_server_is_that_of_the_standard_library(scenario: str) -> None:
    replies, steps = ODD[scenario]
    if not any(step[0] in ("user", "apop") for step in steps):
        steps = [("user", "me"), ("pass_", "x"), *steps]

    def session(module: Any) -> tuple[list[Any], list[bytes]]:
        with ScriptedServer({**MAILBOX, "NOOP": b"+OK\r\n", **replies}) as server:
            results = perform(module.POP3(server.host, server.port, timeout=30), steps)
            return results, server.requests

    assert session(poplib) == session(standard)


def test_a_refused_connection_is_an_error_with_the_servers_line() -> None:
    with (
        ScriptedServer({}, greeting=Close(b"-ERR [SYS/TEMP] busy\r\n")) as server,
        pytest.raises(standard.error_proto) as caught,
    ):
        poplib.POP3(server.host, server.port, timeout=30)
    assert caught.value.args == (b"-ERR [SYS/TEMP] busy",)


@pytest.mark.parametrize("module", [standard, poplib], ids=["standard", "ours"])
def test_a_server_that_is_not_there_is_an_os_error(module: Any) -> None:
    with pytest.raises(ConnectionRefusedError):
        module.POP3("127.0.0.1", 1, timeout=30)


@pytest.mark.parametrize("module", [standard, poplib], ids=["standard", "ours"])
def test_a_silent_server_is_a_timeout_of_the_socket(module: Any) -> None:
    with ScriptedServer({**MAILBOX, "STAT": Stall(b"")}) as server:
        client = module.POP3(server.host, server.port, timeout=30)
        client.user("me")
        client.pass_("x")
        client.sock.settimeout(0.05)
        with pytest.raises(TimeoutError, match="timed out"):
            client.stat()
        client.close()


def test_the_timeout_is_that_of_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def timeout_of(module: Any, **options: Any) -> float | None:
        with ScriptedServer(MAILBOX) as server:
            client = module.POP3(server.host, server.port, **options)
            timeout: float | None = client.sock.gettimeout()
            client.close()
            return timeout

    socket.setdefaulttimeout(30)
    try:
        assert timeout_of(poplib) == timeout_of(standard) == 30
        assert timeout_of(poplib, timeout=None) is timeout_of(standard, timeout=None) is None
        assert timeout_of(poplib, timeout=7) == timeout_of(standard, timeout=7) == 7
    finally:
        socket.setdefaulttimeout(None)
    with pytest.raises(ValueError, match="timeout=0"):
        poplib.POP3("127.0.0.1", 1, timeout=0)


@pytest.mark.parametrize("module", [standard, poplib], ids=["standard", "ours"])
def test_without_a_context_certificates_are_not_checked(certificates: Certificates, module: Any) -> None:
    accounts = {USER: popmail.Account(PASSWORD, popmail.MemoryMaildrop([]))}
    for implicit in (True, False):
        with popmail.Server(accounts, tls=certificates.server_context(), implicit_tls=implicit) as server:
            client = module.POP3_SSL(server.host, server.port) if implicit else module.POP3(server.host, server.port)
            if not implicit:
                client.stls()
            with pytest.raises(standard.error_proto, match="TLS session already established"):
                client.stls()
            client.user(USER)
            client.pass_(PASSWORD)
            assert client.stat() == (0, 0)
            client.quit()


@pytest.mark.parametrize("module", [standard, poplib], ids=["standard", "ours"])
def test_a_context_that_checks_refuses_a_strange_certificate(certificates: Certificates, module: Any) -> None:
    context = ssl.create_default_context()
    for implicit in (True, False):
        with popmail.Server({}, tls=certificates.server_context(), implicit_tls=implicit) as server:
            if implicit:
                with pytest.raises(ssl.SSLCertVerificationError):
                    module.POP3_SSL(server.host, server.port, context=context)
            else:
                client = module.POP3(server.host, server.port)
                with pytest.raises(ssl.SSLCertVerificationError):
                    client.stls(context)
                with contextlib.suppress(OSError):  # the standard library's socket is gone
                    client.close()


def test_a_class_above_brings_its_own_socket() -> None:
    with ScriptedServer(MAILBOX) as server:

        class ThroughAProxy(poplib.POP3):
            def _create_socket(self, timeout: float | None) -> socket.socket:
                assert (self.host, self.port) == ("pop.example.com", 110)
                return socket.create_connection((server.host, server.port), timeout)

        client = ThroughAProxy("pop.example.com", timeout=30)
        client.user("me")
        client.pass_("x")
        assert client.quit() == b"+OK"


# What is ours alone.


def test_there_is_no_limit_on_a_line() -> None:
    line = b"x" * 5_000_000
    with ScriptedServer({**MAILBOX, "RETR": b"+OK\r\n" + line + b"\r\n.\r\n"}) as server:
        client = poplib.POP3(server.host, server.port, timeout=30)
        client.user("me")
        client.pass_("x")
        assert client.retr(1) == (b"+OK", [line], len(line) + 2)
        client.quit()


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([("stat",)], "-ERR STAT cannot be sent in the authorization state"),
        ([("rpop", "me")], "-ERR RPOP is not supported by popmail"),
        ([("_shortcmd", "AUTH XOAUTH2")], "-ERR AUTH is not sent: popmail sends no raw command"),
        ([("_longcmd", "XLIST")], "-ERR XLIST is not sent"),
        ([("utf8",)], "-ERR UTF8 is not supported by popmail"),
        ([("user", "me"), ("pass_", "x"), ("retr", 0)], "-ERR not a message number: 0"),
        ([("user", "me"), ("pass_", "x"), ("retr", "all")], "-ERR not a message number: 'all'"),
        ([("user", "me"), ("pass_", "x"), ("top", 1, -1)], "-ERR not a count of lines: -1"),
        ([("quit",), ("noop",)], "-ERR the connection to 127.0.0.1 port"),
    ],
)
def test_what_cannot_be_sent_is_a_refusal(steps: list[Step], message: str) -> None:
    with ScriptedServer(MAILBOX) as server:
        *_, last = perform(poplib.POP3(server.host, server.port, timeout=30), steps)
    assert last[-2] is standard.error_proto
    assert last[-1][0].startswith(message)


@pytest.mark.parametrize("step", [("user", "a\r\nDELE 1"), ("pass_", "a\nb"), ("apop", "me\r", "x"), ("user", "\0")])
def test_control_characters_are_refused(step: Step) -> None:
    name, *arguments = step
    with ScriptedServer(MAILBOX, greeting=b"+OK <1.2@example.com>\r\n") as server:
        client = poplib.POP3(server.host, server.port, timeout=30)
        with pytest.raises(ValueError, match="control characters not allowed"):
            getattr(client, name)(*arguments)
        client.close()
        assert server.requests == []


@pytest.mark.parametrize("level", [1, 2])
def test_debugging_never_prints_a_password(capsys: pytest.CaptureFixture[str], level: int) -> None:
    replies = {**MAILBOX, "PASS": b"-ERR not s3cret\r\n", "APOP": b"+OK\r\n"}
    with ScriptedServer(replies, greeting=b"+OK <1.2@example.com>\r\n") as server:
        client = poplib.POP3(server.host, server.port, timeout=30)
        client.set_debuglevel(level)
        client.user("me")
        with pytest.raises(standard.error_proto):
            client.pass_("s3cret")
        client.apop("me", "s3cret")
        client.stat()
        client.list()
        client.retr(1)
        client.quit()
    shown = capsys.readouterr().out
    assert "s3cret" not in shown
    digest = popmail.apop_digest(b"+OK <1.2@example.com>", b"s3cret")
    assert digest is not None
    assert digest not in shown
    for line in (
        "*cmd* 'USER me'",
        "*cmd* 'PASS ****'",
        "*cmd* 'APOP me ****'",
        "*cmd* 'RETR 1'",
        "*stat* [b'+OK', b'1",
    ):
        assert line in shown
    assert ("*resp* b'-ERR not ****'" in shown) == (level == 2)
    assert ("*get* b'body\\r\\n'" in shown) == (level == 2)


def test_injected_octets_after_stls_end_the_connection(certificates: Certificates) -> None:
    replies = {**MAILBOX, "CAPA": b"+OK\r\nSTLS\r\n.\r\n", "STLS": b"+OK go\r\n+OK evil\r\n"}
    with ScriptedServer(replies) as server:
        client = poplib.POP3(server.host, server.port, timeout=30)
        with pytest.raises(standard.error_proto, match="between its answer to STLS and the TLS handshake"):
            client.stls(certificates.client_context())
        client.close()


def test_every_name_of_the_standard_library_is_there() -> None:
    for name in ("POP3", "POP3_SSL", "error_proto", "POP3_PORT", "POP3_SSL_PORT", "CR", "LF", "CRLF"):
        assert name in poplib.__all__
    assert poplib.error_proto is standard.error_proto
    assert (poplib.POP3_PORT, poplib.POP3_SSL_PORT, poplib.CRLF) == (110, 995, b"\r\n")
    for ours, theirs in ((poplib.POP3, standard.POP3), (poplib.POP3_SSL, standard.POP3_SSL)):
        for name, method in inspect.getmembers(theirs, inspect.isfunction):
            if name.startswith("_") and name != "__init__":
                continue
            accepted = inspect.signature(getattr(ours, name)).parameters
            missing = set(inspect.signature(method).parameters) - set(accepted)
            # an empty parameter of Python 3.11 that never did anything
            assert missing - {"keyfile", "certfile"} == set(), f"{theirs.__name__}.{name}"
