"""What a server says of itself and of its refusals, typed; and a session that is kept alive."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from scripted import MAILBOX, ScriptedServer

import popmail

CLEAR: dict[str, Any] = {"tls": "none", "allow_cleartext": True, "auth": "user-pass", "timeout": 10}


def connect(server: ScriptedServer, **options: Any) -> popmail.Pop3:
    return popmail.Pop3(server.host, server.port, user="me", password="secret", **{**CLEAR, **options})


def test_what_rfc_2449_gives_a_form_is_typed() -> None:
    lines = b"EXPIRE 60 USER\r\nLOGIN-DELAY 900\r\nSASL PLAIN X-OWN\r\nUTF8 USER\r\nIMPLEMENTATION a b\r\nX-ODD 1 2\r\n"
    with (
        ScriptedServer({**MAILBOX, "CAPA": b"+OK\r\n" + lines + b"PIPELINING\r\n.\r\n"}) as server,
        connect(server) as box,
    ):
        capabilities = box.capabilities
        assert box.capa() == capabilities
    assert isinstance(capabilities, popmail.Capabilities)
    assert capabilities["X-ODD"] == ["1", "2"]
    assert capabilities.expire == (60, True)
    assert capabilities.login_delay == popmail.LoginDelay(900, per_user=False)
    assert capabilities.sasl == ["PLAIN", "X-OWN"]
    assert capabilities.implementation == "a b"
    assert capabilities.pipelining
    assert capabilities.utf8_user
    assert not capabilities.top
    again = pickle.loads(pickle.dumps(capabilities))
    assert (again, again.expire) == (capabilities, capabilities.expire)


@pytest.mark.parametrize(
    ("line", "verdict", "guess"),
    [
        (b"-ERR [IN-USE] later", "retry_after", "unknown"),
        (b"-ERR [sys/temp/disk] full", "retry_after", "unknown"),
        (b"-ERR [SYS/PERM] gone", "fatal", "unknown"),
        (b"-ERR [AUTH] no", "bad_credentials", "unknown"),
        (b"-ERR [UTF8] not without UTF8", "fatal", "unknown"),
        (b"-ERR [X-ODD] no", "unknown", "unknown"),
        (b"-ERR mailbox is locked, try later", "unknown", "retry_after"),
        (b"-ERR invalid password", "unknown", "bad_credentials"),
        (b"-ERR no", "unknown", "unknown"),
    ],
)
def test_a_refusal_in_words_is_guessed_at_and_labelled(line: bytes, verdict: str, guess: str) -> None:
    with ScriptedServer({**MAILBOX, "PASS": line + b"\r\n"}) as server, pytest.raises(popmail.CommandError) as caught:
        connect(server)
    assert (caught.value.verdict, caught.value.guessed_verdict) == (verdict, guess)
    assert caught.value.response == line


def test_noop_between_messages_keeps_a_session_alive() -> None:
    listing = b"+OK\r\n" + b"".join(b"%d 20\r\n" % number for number in range(1, 4)) + b".\r\n"
    with ScriptedServer({**MAILBOX, "LIST": listing, "NOOP": b"+OK\r\n"}) as server, connect(server) as box:
        for count, mail in enumerate(box, 1):
            box.noop()
            assert mail.number == count
    assert server.requests.count(b"NOOP\r\n") == 3


def test_listings_are_sequences() -> None:
    sizes = b"+OK\r\n" + b"".join(b"%d %d\r\n" % (number, number * 10) for number in range(1, 21)) + b".\r\n"
    with ScriptedServer({**MAILBOX, "LIST": sizes}) as server, connect(server) as box:
        entries = box.list()
    assert len(entries) == 20
    assert entries[-1] == (20, 200)
    assert entries[1:3] == [(2, 20), (3, 30)]
    assert entries == list(entries)
    assert entries != list(entries)[1:]
    assert (5, 50) in entries
    assert entries.index(popmail.ListEntry(5, 50)) == 4
    assert max(entries, key=lambda entry: entry.octets).number == 20
    assert repr(entries).startswith("[ListEntry(number=1, octets=10), ")
    assert repr(entries).endswith(", …]")
    for beyond in (20, -21):
        with pytest.raises(IndexError):
            entries[beyond]
    with pytest.raises(TypeError):
        hash(entries)


def test_utf8_is_asked_for_where_it_is_offered() -> None:
    for offered in (True, False):
        capa = b"+OK\r\nUSER\r\n" + (b"UTF8\r\n" if offered else b"") + b".\r\n"
        with ScriptedServer({**MAILBOX, "CAPA": capa, "UTF8": b"+OK\r\n"}) as server:
            connect(server, utf8=True).quit()
        assert (b"UTF8\r\n" in server.requests) == offered


def test_the_package_says_that_it_is_typed() -> None:
    assert Path(popmail.__file__).with_name("py.typed").is_file()
