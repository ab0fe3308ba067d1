"""`popmail check` and `popmail --trace`: what a server offers, and where it breaks the RFCs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from scripted import MAILBOX, Close, ScriptedServer

import popmail
from dovecot import PASSWORD, Dovecot
from popmail.cli import PASSWORD_VARIABLE, run
from samples import plain_messages

if TYPE_CHECKING:
    from conftest import Certificates

ONE_BY_ONE = {**MAILBOX, "LIST 1": b"+OK 1 20\r\n", "UIDL 1": b"+OK 1 uid1\r\n", "TOP": MAILBOX["RETR"]}
"""A server that also answers about one message."""
CLEAR = ["--allow-cleartext", "--auth", "user-pass"]


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)


def check(server: ScriptedServer, *options: str) -> int:
    return run(["check", f"pop://me@127.0.0.1:{server.port}", *CLEAR, *options])


def test_a_server_that_keeps_the_rules(certificates: Certificates, capsys: pytest.CaptureFixture[str]) -> None:
    accounts = {"me": popmail.Account(PASSWORD, popmail.MemoryMaildrop(plain_messages(5)))}
    context = certificates.server_context()
    context.set_alpn_protocols(["pop3"])
    with popmail.Server(accounts, tls=context) as server:
        url = f"pops://me@127.0.0.1:{server.port}"
        assert run(["check", url, "--cafile", str(certificates.ca_file)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^TLS +TLSv1\.3, \S+, ALPN .*, channel binding tls-server-end-point$", out, re.MULTILINE)
    assert re.search(r"^CAPA under TLS +.*SASL", out, re.MULTILINE)
    assert re.search(r"^CAPA after login +.*UIDL", out, re.MULTILINE)
    assert re.search(r"^mailbox +5 messages, ", out, re.MULTILINE)
    assert out.endswith("no rule is broken\n")


def test_dovecot(dovecot: Dovecot, capsys: pytest.CaptureFixture[str]) -> None:
    mailbox = dovecot.mailbox(plain_messages(3))
    url = f"pop://{mailbox.user}@127.0.0.1:{dovecot.port}"
    assert run(["check", url, "--cafile", str(dovecot.ca_file)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^CAPA without TLS +.*STLS", out, re.MULTILINE)
    assert re.search(r"^CAPA under TLS +.*SASL .*SCRAM-SHA-256", out, re.MULTILINE)
    assert "no rule is broken" in out


def test_every_oddity_is_shown_with_its_rule_and_the_servers_octets(capsys: pytest.CaptureFixture[str]) -> None:
    replies = {
        **ONE_BY_ONE,
        "CAPA": b"+OK\r\nUSER\r\nTOP \r\nIMPLEMENTATION \x1b[31mred\r\n.\r\n",
        "STAT": b"+OK 3 -5\r\n",
        "LIST": b"+OK\r\n1   20\r\n2 20\r\n.\r\n",
        "UIDL": b"+OK\r\n1 same\r\n2 same\r\n.\r\n",
        "UIDL 1": b"+OK uid1\r\n",
        "LIST 2": b"+OK 2 20\r\n",
        "UIDL 2": b"+OK uid2\r\n",
        "RETR": b"+OK 999 octets\r\nSubject: a\r\n\r\nbody\r\n.\r\n",
    }
    with ScriptedServer(replies, greeting=b"+OK <a.b.c>\r\n") as server:
        assert check(server) == 1
        out = capsys.readouterr().out
        assert check(server, "--json") == 1
        report = json.loads(capsys.readouterr().out)
    assert "\x1b" not in out
    for line in (
        "broken: odd-number: counts and sizes are decimal numbers (RFC 1939 section 5): '+OK 3 -5'",
        "broken: odd-spacing: fields are separated by one space (RFC 1939 section 5): '1   20'",
        "broken: sizes-differ: STAT says 0 octets, the sizes of LIST are 40 together (RFC 1939 section 5)",
        "note: passwords-in-the-clear: passwords are taken without TLS (RFC 8314 section 4.1, RFC 2595 section 2.2)",
        "note: no-pipelining: there is no PIPELINING: each command costs a round trip",
    ):
        assert line in out.splitlines()
    names = {finding["name"] for finding in report["findings"] if finding["breaks_a_rule"]}
    assert names == {
        *("odd-stamp", "odd-capability", "odd-number", "odd-spacing", "odd-size", "unnamed-capability"),
        *("missing-number", "counts-differ", "sizes-differ"),
    }
    assert f"{len(names)} rules broken" in out
    assert report["capabilities"]["without TLS"] == ["USER", "TOP ", "IMPLEMENTATION \\x1b[31mred"]
    assert (report["count"], report["octets"], report["error"]) == (3, 0, None)


def test_what_was_seen_is_shown_where_the_login_fails(capsys: pytest.CaptureFixture[str]) -> None:
    replies = {"CAPA": b"+OK\r\nuser\r\n.\r\n", "USER": b"+OK\r\n", "PASS": Close(b"")}
    with ScriptedServer(replies) as server:
        assert check(server) == 1
        captured = capsys.readouterr()
        assert "broken: odd-capability" in captured.out
        assert "broken: closed-on-login" in captured.out
        assert "no rule is broken" not in captured.out
        assert re.fullmatch(r"popmail: the connection ended before PASS was answered[^\n]*\n", captured.err)


def test_a_server_that_closes_on_capa_is_checked_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer({**ONE_BY_ONE, "CAPA": Close(b"")}) as server:
        assert check(server) == 1
        out = capsys.readouterr().out
        assert "broken: closed-on-capa: an unknown command is answered with -ERR (RFC 1939 section 3): nothing" in out
        assert re.search(r"^mailbox +1 message, 20 B$", out, re.MULTILINE)
        assert server.requests.count(b"CAPA\r\n") == 1


def test_nothing_is_fetched_from_a_server_that_deletes_what_was_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    for replies, options in (
        ({**ONE_BY_ONE, "CAPA": ONE_BY_ONE["CAPA"].replace(b"USER", b"EXPIRE 0")}, []),
        (ONE_BY_ONE, ["--no-retrieve"]),
    ):
        with ScriptedServer(replies) as server:
            check(server, *options)
            verbs = {line.split()[0] for line in server.requests}
            assert b"TOP" in verbs
            assert not verbs & {b"RETR", b"DELE"}


def test_trace_prints_the_dialogue_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer(ONE_BY_ONE) as server:
        assert run(["list", f"pop://me@127.0.0.1:{server.port}", *CLEAR, "--no-headers", "--trace"]) == 0
        captured = capsys.readouterr()
        assert captured.out == "1\t20\tuid1\n"
        lines = captured.err.splitlines()
        assert lines[:3] == ["< +OK ready", "> CAPA", "< +OK"]
        assert "> PASS [secret]" in lines
        assert PASSWORD not in captured.err
        assert check(server, "--trace") in (0, 1)
        assert "> UIDL 1" in capsys.readouterr().err.splitlines()


def test_trace_of_a_fetch(certificates: Certificates, capsys: pytest.CaptureFixture[str], tmp_path: object) -> None:
    accounts = {"me": popmail.Account(PASSWORD, popmail.MemoryMaildrop(plain_messages(2)))}
    with popmail.Server(accounts, tls=certificates.server_context()) as server:
        url = f"pops://me@127.0.0.1:{server.port}"
        assert run(["fetch", url, "--to", f"{tmp_path}/mail", "--cafile", str(certificates.ca_file), "--trace"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert "> RETR 2" in lines
    assert [line for line in lines if re.fullmatch(r"< \[\d+ octets\]", line)]
    assert PASSWORD not in "\n".join(lines)
