"""``Pop3`` over scripted transports: what users see when servers and programs do odd things."""

from __future__ import annotations

import builtins
import io
import json
import pickle
import poplib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import popmail
from popmail import error

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
GREETING = b"+OK ready\r\n"
PIPELINED = [
    GREETING,
    b"+OK\r\nUSER\r\nPIPELINING\r\nUIDL\r\n.\r\n",
    b"+OK\r\n+OK in\r\n",
    b"+OK\r\nPIPELINING\r\n.\r\n",
]
THREE = b"+OK\r\n1 5\r\n2 5\r\n3 5\r\n.\r\n" + b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n"


class Script:
    """A transport whose server says these things, one a read, whatever it is asked."""

    def __init__(self, replies: Iterable[bytes | OSError]) -> None:
        self.replies = list(replies)
        self.written = b""
        self.closed = False

    def read(self, timeout: float | None) -> bytes:
        assert timeout is None or timeout > 0
        if not self.replies:
            return b""
        reply = self.replies.pop(0)
        if isinstance(reply, OSError):
            raise reply
        return reply

    def write(self, octets: bytes) -> None:
        self.written += octets

    def start_tls(self) -> None:
        raise AssertionError("no TLS in this script")

    def close(self) -> None:
        self.closed = True


def logged_in(*replies: bytes | OSError, **options: Any) -> tuple[popmail.Pop3, Script]:
    script = Script([*PIPELINED, *replies])
    box = popmail.Pop3(
        "pop.example.com", user="me", password="secret", tls="none", allow_cleartext=True, transport=script, **options
    )
    assert box.capabilities is not None  # waits for the CAPA that a login ends with
    script.written = b""
    return box, script


def test_capabilities_after_the_login_are_asked_together_with_the_next_command() -> None:
    capabilities = b"+OK\r\nUSER\r\nPIPELINING\r\n.\r\n"
    script = Script([GREETING, capabilities, b"+OK\r\n", b"+OK in\r\n", capabilities, b"+OK 2 320\r\n"])
    box = popmail.Pop3(
        "pop.example.com", user="me", password="secret", tls="none", allow_cleartext=True, transport=script
    )
    assert box.state == "transaction"
    script.written = b""
    assert box.stat() == (2, 320)
    assert script.written == b"CAPA\r\nSTAT\r\n"
    assert box.capabilities is not None
    assert box.capabilities.pipelining


def test_small_results_are_named_tuples() -> None:
    box, _ = logged_in(
        b"+OK 2 320\r\n",
        b"+OK\r\n1 120\r\n.\r\n",
        b"+OK 1 120\r\n",
        b"+OK\r\n1 abc\r\n.\r\n",
        b"+OK 1 abc\r\n",
    )
    assert box.stat() == popmail.Stat(count=2, octets=320)
    assert box.list() == [popmail.ListEntry(number=1, octets=120)]
    assert box.list(1) == popmail.ListEntry(1, 120)
    assert box.uidl() == [popmail.UidlEntry(number=1, uid="abc")]
    assert box.uidl(1) == popmail.UidlEntry(1, "abc")
    assert box.capabilities == {"PIPELINING": []}
    assert box.greeting == b"+OK ready"
    assert box.state == "transaction"


def test_iteration_is_pipelined_and_in_order() -> None:
    box, script = logged_in(THREE, b"+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n.\r\n+OK\r\nthree\r\n.\r\n", b"+OK bye\r\n")
    with box:
        seen = [(mail.number, mail.uid, mail.octets, mail.raw) for mail in box]
    assert seen == [(1, "a", 5, b"one\r\n"), (2, "b", 5, b"two\r\n"), (3, "c", 5, b"three\r\n")]
    assert script.written == b"LIST\r\nUIDL\r\nRETR 1\r\nRETR 2\r\nRETR 3\r\nQUIT\r\n"


def test_iteration_asks_no_further_ahead_than_its_limit() -> None:
    box, script = logged_in(
        THREE, b"+OK\r\none\r\n.\r\n", b"+OK\r\ntwo\r\n.\r\n", limits=popmail.Limits(prefetch_octets=4)
    )
    messages = iter(box)
    assert next(messages).raw == b"one\r\n"
    assert script.written == b"LIST\r\nUIDL\r\nRETR 1\r\n"


def test_iteration_stopped_early_leaves_a_usable_connection() -> None:
    box, _ = logged_in(THREE, b"+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n", b".\r\n-ERR gone\r\n", b"+OK 3 15\r\n", b"+OK\r\n")
    with box:
        for mail in box:
            assert mail.number == 1
            break
        assert box.stat() == (3, 15)


def test_a_server_without_uidl_gives_messages_without_uids() -> None:
    box, _ = logged_in(b"+OK\r\n4 5\r\n.\r\n-ERR no UIDL\r\n", b"+OK\r\nfour\r\n.\r\n")
    assert [(mail.number, mail.uid) for mail in box] == [(4, None)]


def test_fetch_takes_numbers() -> None:
    box, script = logged_in(THREE, b"+OK\r\nthree\r\n.\r\n+OK\r\none\r\n.\r\n")
    assert [mail.number for mail in box.fetch([3, 1])] == [3, 1]
    assert script.written.endswith(b"RETR 3\r\nRETR 1\r\n")


def test_marks_set_in_passing_are_settled_before_quit() -> None:
    box, script = logged_in(THREE, b"+OK\r\none\r\n.\r\n" * 3, b"+OK\r\n" * 3, b"+OK bye\r\n")
    with box:
        for mail in box:
            mail.delete()
    assert script.written.endswith(b"DELE 1\r\nDELE 2\r\nDELE 3\r\nQUIT\r\n")
    assert script.closed


def test_a_refused_mark_is_raised_and_nothing_is_deleted() -> None:
    box, script = logged_in(THREE, b"+OK\r\none\r\n.\r\n" * 3, b"+OK\r\n-ERR locked\r\n+OK\r\n")
    with pytest.raises(popmail.CommandError, match="refused DELE: -ERR locked"), box:
        for mail in box:
            mail.delete()
    assert b"QUIT" not in script.written
    assert script.closed


def test_leaving_by_an_exception_sends_no_quit() -> None:
    box, script = logged_in(b"+OK\r\n")
    with pytest.raises(KeyError), box:
        box.dele(1)
        raise KeyError
    assert script.written == b"DELE 1\r\n"
    assert script.closed


def test_a_message_is_streamed_into_a_file() -> None:
    box, _ = logged_in(b"+OK\r\n..a", b"\r\nb\r\n.\r\n")
    file = io.BytesIO()
    assert box.retr(1, into=file) == 7
    assert file.getvalue() == b".a\r\nb\r\n"


def test_a_file_that_takes_less_than_all_gets_the_rest() -> None:
    class Narrow:
        def __init__(self) -> None:
            self.taken = b""

        def write(self, octets: bytes) -> int:
            self.taken += octets[:2]
            return len(octets[:2])

    box, _ = logged_in(b"+OK\r\nhello\r\n.\r\n")
    file = Narrow()
    assert box.retr(1, into=file) == 7
    assert file.taken == b"hello\r\n"


def test_a_file_that_cannot_be_written_ends_the_connection() -> None:
    class Full(io.BytesIO):
        def write(self, octets: Any) -> int:
            raise OSError(28, "No space left on device")

    box, script = logged_in(b"+OK\r\nhalf\r\n")
    with pytest.raises(OSError, match="No space left"):
        box.retr(1, into=Full())
    assert script.closed
    with pytest.raises(popmail.UsageError, match="is closed"):
        box.stat()


def test_a_message_that_ends_early_is_no_message() -> None:
    box, _ = logged_in(b"+OK\r\nhalf a mess")
    with pytest.raises(popmail.ConnectionLostError, match="inside a message") as caught:
        box.retr(1)
    assert caught.value.code == "POP3_ERR_CONNECTION_LOST"
    assert caught.value.fatal
    assert isinstance(caught.value, ConnectionError)
    assert box.state == "failed"


def test_a_reset_connection_keeps_its_cause() -> None:
    cause = ConnectionResetError(104, "Connection reset by peer")
    box, _ = logged_in(cause)
    with pytest.raises(popmail.ConnectionLostError) as caught:
        box.noop()
    assert caught.value.__cause__ is cause


def test_a_refusal_leaves_the_connection_usable() -> None:
    box, _ = logged_in(b"-ERR [SYS/TEMP] disk\r\n", b"+OK\r\n")
    with pytest.raises(popmail.CommandError) as caught:
        box.retr(9)
    assert (caught.value.response, caught.value.response_code, caught.value.verdict) == (
        b"-ERR [SYS/TEMP] disk",
        "SYS/TEMP",
        "retry_after",
    )
    assert isinstance(caught.value, poplib.error_proto)
    assert not caught.value.fatal
    box.noop()


def test_a_refused_login_is_typed_and_closes() -> None:
    script = Script([*PIPELINED[:2], b"+OK\r\n-ERR [AUTH] wrong\r\n"])
    with pytest.raises(popmail.AuthenticationError, match="refused the login of me") as caught:
        popmail.Pop3("h", user="me", password="no", tls="none", allow_cleartext=True, transport=script)
    assert caught.value.verdict == "bad_credentials"
    assert "no" not in str(caught.value).split()
    assert script.closed


def test_a_password_in_the_clear_is_refused_before_the_connection() -> None:
    script = Script([])
    with pytest.raises(popmail.InsecureError, match="allow_cleartext"):
        popmail.Pop3("h", user="me", password="secret", tls="none", auth="plain", transport=script)
    assert script.written == b""


def test_a_password_is_not_sent_in_the_clear_where_no_scram_is_offered() -> None:
    script = Script(PIPELINED)
    with pytest.raises(popmail.InsecureError, match="offers no SCRAM"):
        popmail.Pop3("h", user="me", password="secret", tls="none", transport=script)
    assert script.written == b"CAPA\r\n"
    assert script.closed


def test_a_refused_token_tells_what_oauth_says() -> None:
    challenge = b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n"
    script = Script([GREETING, b"+OK\r\nSASL XOAUTH2\r\n.\r\n", b"+ \r\n", challenge, b"-ERR no\r\n"])
    with pytest.raises(popmail.AuthenticationError) as caught:
        popmail.Pop3("h", user="me", token=lambda: "ya29.t", transport=script)
    assert caught.value.detail == '{"status":"400"}'
    assert caught.value.guessed_verdict == "unknown"
    assert b"ya29" not in repr(vars(caught.value)).encode()


def test_a_trace_shows_the_dialogue_without_secrets() -> None:
    lines: list[tuple[str, str]] = []
    box, _ = logged_in(b"+OK\r\n", trace=lambda direction, line: lines.append((direction, line)))
    box.noop()
    assert lines[:2] == [("received", "+OK ready"), ("sent", "CAPA")]
    assert ("sent", "PASS [secret]") in lines
    assert lines[-2:] == [("sent", "NOOP"), ("received", "+OK")]
    assert "secret" not in str(lines).replace("[secret]", "")


def test_languages_are_listed_and_chosen() -> None:
    box, script = logged_in(b"+OK\r\nde Deutsch\r\n.\r\n", b"+OK de Willkommen\r\n")
    assert box.lang() == [popmail.Language("de", "Deutsch")]
    assert box.lang("de") == "de Willkommen"
    assert script.written == b"LANG\r\nLANG de\r\n"


def test_a_silent_server_is_a_timeout() -> None:
    script = Script([GREETING, TimeoutError(), TimeoutError(), TimeoutError(), TimeoutError()])
    with pytest.raises(popmail.TimeoutError, match="did not answer CAPA within") as caught:
        popmail.Pop3("h", user="me", password="x", tls="none", allow_cleartext=True, transport=script, timeout=1e-9)
    assert isinstance(caught.value, builtins.TimeoutError)


def test_oddities_of_a_server_are_kept() -> None:
    box, _ = logged_in(b"+ok\r\n")
    box.noop()
    assert box.deviations == {"lower-case-status": b"+ok"}


@pytest.mark.parametrize(
    ("arguments", "expected", "message"),
    [
        ({"user": "a\r\nDELE 1"}, popmail.UsageError, "control character"),
        ({"password": "a\nb"}, popmail.UsageError, "no NUL, CR or LF"),
        ({"user": ""}, popmail.UsageError, "must not be empty"),
        ({"tls": "ssl"}, ValueError, "tls must be 'implicit', 'starttls' or 'none', got \"ssl\""),
        ({"auth": "md5"}, ValueError, "auth must be one of 'auto', 'user-pass', 'apop', 'plain'"),
        ({"timeout": 0}, ValueError, "timeout must be a number of seconds above 0"),
        ({"password": None}, popmail.UsageError, "a login needs a password or a token"),
        ({"password": 5}, TypeError, "password must be str or bytes, got int"),
        ({"token": "t"}, popmail.UsageError, "one of the two"),
        ({"auth": "xoauth2"}, popmail.UsageError, "auth xoauth2 needs a token"),
    ],
)
def test_misuse_is_named(arguments: dict[str, Any], expected: type[Exception], message: str) -> None:
    options = {"user": "me", "password": "x", "transport": Script([])} | arguments
    with pytest.raises(expected, match=message):
        popmail.Pop3("h", **options)


@pytest.mark.parametrize(("number", "expected"), [(0, popmail.UsageError), (-1, popmail.UsageError), ("1", TypeError)])
def test_message_numbers_are_checked(number: Any, expected: type[Exception]) -> None:
    box, script = logged_in()
    for command in (box.retr, box.dele, box.list, box.uidl, box.top):
        with pytest.raises(expected, match="message number must be"):
            command(number)
    assert script.written == b""


def test_urls() -> None:
    assert popmail.parse_url("pops://me@pop.example.com") == ("pop.example.com", 995, "me", "implicit")
    assert popmail.parse_url("pop://a%40b@pop.example.com:1110/") == ("pop.example.com", 1110, "a@b", "starttls")
    assert popmail.parse_url("pops://[::1]:9950").host == "::1"
    for url in ("imap://me@h", "pops://", "me@h", "pops://me:pw@h", "pops://h/INBOX", "pops://h:x", ""):
        with pytest.raises(popmail.UsageError, match=r"expected pops://user@host\[:port\]"):
            popmail.parse_url(url)
    with pytest.raises(popmail.UsageError, match="no user is named"):
        popmail.connect("pops://h", password="x")


def test_every_code_has_its_class() -> None:
    rows = json.loads((ROOT / "tests/registry/errors.json").read_text())
    assert {row["code"]: row["python"] for row in rows} == {code: kind.__name__ for code, kind in error.CLASSES.items()}
    for row in rows:
        assert issubclass(error.CLASSES[row["code"]], popmail.Pop3Error)


@pytest.mark.parametrize("code", error.CLASSES)
def test_errors_pickle(code: str) -> None:
    original = error.make(code, "it broke", True, b"-ERR [X] no", "X", "unknown", "unknown", "{}")
    copy = pickle.loads(pickle.dumps(original))
    assert type(copy) is type(original)
    assert (str(copy), vars(copy)) == (str(original), vars(original))
