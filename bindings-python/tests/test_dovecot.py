"""`popmail.Pop3` against a real server: Dovecot, over implicit TLS, STLS and APOP, byte for byte."""

from __future__ import annotations

import io
import json
import ssl
from typing import TYPE_CHECKING, Any

import pytest

import popmail
from dovecot import OTHER_HOST
from samples import awkward_messages, large_message, plain_messages

if TYPE_CHECKING:
    from dovecot import Dovecot, Mailbox

WAYS = ["implicit TLS", "STLS", "APOP in clear"]


def open_box(dovecot: Dovecot, mailbox: Mailbox, way: str = "implicit TLS", **options: Any) -> popmail.Pop3:
    """Log in to the server in one of `WAYS`."""
    options.setdefault("password", mailbox.password)
    match way:
        case "implicit TLS":
            options |= {"port": dovecot.tls_port, "ssl_context": dovecot.client_context()}
        case "STLS":
            options |= {"port": dovecot.port, "ssl_context": dovecot.client_context(), "tls": "starttls"}
        case _:
            options |= {"port": dovecot.port, "tls": "none", "allow_cleartext": True, "auth": "apop"}
    return popmail.Pop3(options.pop("host", dovecot.host), user=mailbox.user, **options)


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("way", WAYS)
def test_every_byte_arrives_as_it_was_stored(dovecot: Dovecot, way: str, pipelining: bool) -> None:
    messages = awkward_messages()
    mailbox = dovecot.mailbox(messages)
    with open_box(dovecot, mailbox, way, pipelining=pipelining) as box:
        assert box.stat() == (len(messages), sum(map(len, messages)))
        assert [entry.octets for entry in box.list()] == [len(message) for message in messages]
        assert [box.retr(number) for number in range(1, len(messages) + 1)] == messages
        assert [mail.raw for mail in box] == messages
        assert [mail.number for mail in box.fetch([3, 1])] == [3, 1]
    assert mailbox.contents() == messages


@pytest.mark.parametrize("way", WAYS)
def test_500_messages_one_of_them_of_30_mib(dovecot: Dovecot, way: str) -> None:
    messages = plain_messages(499)
    messages.insert(250, large_message(30 * 1024 * 1024))
    mailbox = dovecot.mailbox(messages)
    with open_box(dovecot, mailbox, way) as box:
        count = 0
        for mail, message in zip(box, messages, strict=True):
            assert mail.raw == message, f"message {mail.number} differs"
            count += 1
        assert count == 500
        sink = io.BytesIO()
        assert box.retr(251, into=sink) == len(messages[250])
        assert sink.getvalue() == messages[250]


def test_top_gives_the_headers_and_so_many_lines(dovecot: Dovecot) -> None:
    mailbox = dovecot.mailbox([b"Subject: a\r\n\r\n.one\r\ntwo\r\nthree\r\n"])
    with open_box(dovecot, mailbox) as box:
        assert box.top(1) == b"Subject: a\r\n\r\n"
        assert box.top(1, 2) == b"Subject: a\r\n\r\n.one\r\ntwo\r\n"


@pytest.mark.parametrize("way", WAYS)
def test_deletions_take_effect_at_quit(dovecot: Dovecot, way: str) -> None:
    messages = plain_messages(5)
    mailbox = dovecot.mailbox(messages)
    with open_box(dovecot, mailbox, way) as box:
        box.dele(2)
        for mail in box.fetch([4]):
            mail.delete()
        assert mailbox.contents() == messages, "deleted before QUIT"
    assert mailbox.contents() == [messages[0], messages[2], messages[4]]


def test_reset_takes_the_deletions_back(dovecot: Dovecot) -> None:
    messages = plain_messages(2)
    mailbox = dovecot.mailbox(messages)
    with open_box(dovecot, mailbox) as box:
        box.dele(1)
        box.rset()
    assert mailbox.contents() == messages


@pytest.mark.parametrize("way", WAYS)
def test_leaving_by_an_exception_deletes_nothing(dovecot: Dovecot, way: str) -> None:
    messages = plain_messages(3)
    mailbox = dovecot.mailbox(messages)
    with pytest.raises(ZeroDivisionError), open_box(dovecot, mailbox, way) as box:
        box.dele(1)
        _ = 1 // 0
    with open_box(dovecot, mailbox, way) as box:
        assert box.stat().count == 3
    assert mailbox.contents() == messages


def test_dropping_the_connection_deletes_nothing(dovecot: Dovecot) -> None:
    messages = plain_messages(3)
    mailbox = dovecot.mailbox(messages)
    box = open_box(dovecot, mailbox)
    box.dele(1)
    box.close()
    with open_box(dovecot, mailbox) as box:
        assert box.stat().count == 3
    assert mailbox.contents() == messages


def test_uids_are_the_same_in_every_session(dovecot: Dovecot) -> None:
    mailbox = dovecot.mailbox(plain_messages(10))
    with open_box(dovecot, mailbox) as box:
        first = box.uidl()
        box.dele(1)
    with open_box(dovecot, mailbox, "STLS") as box:
        second = box.uidl()
    assert [entry.number for entry in first] == list(range(1, 11))
    assert [entry.uid for entry in second] == [entry.uid for entry in first[1:]]
    assert len({entry.uid for entry in first}) == 10


@pytest.mark.parametrize("auth", ["auto", "user-pass", "apop", "plain", "cram-md5", "scram-sha-256"])
def test_wrong_password_is_an_authentication_error(dovecot: Dovecot, auth: str) -> None:
    mailbox = dovecot.mailbox()
    with pytest.raises(popmail.AuthenticationError) as caught:
        open_box(dovecot, mailbox, password="wrong", auth=auth)
    assert isinstance(caught.value, popmail.CommandError)
    assert "wrong" not in str(caught.value)


MECHANISMS = ["auto", "user-pass", "apop", "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256"]


@pytest.mark.parametrize("way", ["implicit TLS", "STLS"])
@pytest.mark.parametrize("auth", MECHANISMS)
@pytest.mark.parametrize("initial_response", [False, True], ids=["two steps", "initial response"])
def test_each_mechanism_logs_in(dovecot: Dovecot, auth: str, way: str, initial_response: bool) -> None:
    mailbox = dovecot.mailbox([b"Subject: in\r\n\r\n"])
    if auth == "apop" and way == "STLS":
        with pytest.raises(popmail.AuthenticationError, match="APOP cannot follow STLS"):
            open_box(dovecot, mailbox, way, auth=auth)
        return
    with open_box(dovecot, mailbox, way, auth=auth, initial_response=initial_response) as box:
        assert box.stat().count == 1
        assert box.deviations == {}


@pytest.mark.parametrize("way", ["implicit TLS", "STLS"])
@pytest.mark.parametrize("auth", ["auto", "oauthbearer", "xoauth2"])
def test_a_token_logs_in(dovecot: Dovecot, auth: str, way: str) -> None:
    mailbox = dovecot.mailbox([b"Subject: in\r\n\r\n"])
    token = f"token-of-{mailbox.user}"
    with open_box(dovecot, mailbox, way, auth=auth, password=None, token=token) as box:
        assert box.stat().count == 1
        assert box.deviations == {}
    with pytest.raises(popmail.AuthenticationError) as caught:
        open_box(dovecot, mailbox, way, auth=auth, password=None, token="of nobody")
    assert caught.value.detail is not None
    assert "status" in json.loads(caught.value.detail)
    assert "of nobody" not in str(caught.value)


@pytest.mark.parametrize("auth", ["auto", "apop", "cram-md5", "scram-sha-1", "scram-sha-256"])
def test_a_mechanism_that_hides_the_password_needs_no_tls(dovecot: Dovecot, auth: str) -> None:
    mailbox = dovecot.mailbox([b"Subject: in\r\n\r\n"])
    options: Any = {"user": mailbox.user, "password": mailbox.password, "tls": "none", "auth": auth}
    lines: list[str] = []
    with popmail.Pop3(dovecot.host, dovecot.port, trace=lambda _, line: lines.append(line), **options) as box:
        assert box.stat().count == 1
    assert mailbox.password not in "".join(lines)


@pytest.mark.parametrize("way", ["implicit TLS", "STLS"])
def test_certificate_of_another_host_is_refused(dovecot: Dovecot, way: str) -> None:
    mailbox = dovecot.mailbox()
    with pytest.raises(popmail.ConnectionLostError) as caught:
        open_box(dovecot, mailbox, way, host=OTHER_HOST)
    assert caught.value.code == "POP3_ERR_TLS"
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert OTHER_HOST in str(caught.value)


@pytest.mark.parametrize("way", ["implicit TLS", "STLS"])
def test_certificate_of_an_unknown_authority_is_refused(dovecot: Dovecot, way: str) -> None:
    mailbox = dovecot.mailbox()
    with pytest.raises(popmail.ConnectionLostError) as caught:
        options: dict[str, Any] = (
            {"tls": "starttls", "port": dovecot.port} if way == "STLS" else {"port": dovecot.tls_port}
        )
        popmail.Pop3(dovecot.host, user=mailbox.user, password=mailbox.password, **options)
    assert caught.value.code == "POP3_ERR_TLS"


def test_password_is_not_sent_in_clear_unless_allowed(dovecot: Dovecot) -> None:
    mailbox = dovecot.mailbox()
    with pytest.raises(popmail.InsecureError):
        popmail.Pop3(dovecot.host, dovecot.port, user=mailbox.user, password=mailbox.password, tls="none", auth="plain")


def test_error_reply_leaves_the_session_usable(dovecot: Dovecot) -> None:
    messages = plain_messages(1)
    mailbox = dovecot.mailbox(messages)
    with open_box(dovecot, mailbox) as box:
        with pytest.raises(popmail.CommandError) as caught:
            box.retr(7)
        assert not caught.value.fatal
        assert caught.value.response is not None
        assert caught.value.response.startswith(b"-ERR")
        assert box.retr(1) == messages[0]
