"""What a message says beyond its text: typed, cached, the same as the core's JSON."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pytest

import popmail
from popmail import MimeLimits, Span
from popmail.details import CharsetGuess

BOUNCE = (
    b"List-Id: <a.example>\r\nReceived: from x.example by y.example; Mon, 4 May 2026 09:30:00 +0000\r\n"
    b"Subject: Re: [a] hello\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; y.example\r\n\r\n"
    b"Final-Recipient: rfc822; ann@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"
)


def test_details_are_typed_and_kept() -> None:
    message = popmail.parse(BOUNCE)
    details = message.details
    assert details is message.details
    assert details.base_subject == "hello"
    assert details.is_reply_or_forward
    assert details.mailing_list is not None
    assert details.mailing_list.id == "a.example"
    [received] = details.received
    assert (received.from_, received.by) == ("x.example", "y.example")
    assert received.date == datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
    report = details.report
    assert report is not None
    assert report.kind == "delivery-status"
    assert report.delivery is not None
    [status] = report.delivery.recipients
    assert (status.final_recipient, status.action, status.status) == ("ann@example.org", "failed", "5.1.1")
    assert ("Action", "failed") in report.fields
    assert details.charset_guesses == ()


def test_charset_guesses_say_why() -> None:
    raw = b"\r\n" + "Добрый день! Высылаю отчёт за май, посмотрите, пожалуйста.".encode("cp1251")
    part = popmail.parse(raw).root
    assert part.charset_guess == CharsetGuess(0, None, "windows-1251", "statistics", True)
    assert popmail.parse(b"\r\nplain").root.charset_guess is None


def test_texts_are_taken_apart_in_characters() -> None:
    text = "😀 yes\n> why?\n-- \nAnn\n"
    spans = popmail.text_spans(text)
    assert spans[0] == Span("text", 0, 0, 6)
    assert [(span.kind, text[span.start : span.end]) for span in spans] == [
        ("text", "😀 yes\n"),
        ("quote", "> why?\n"),
        ("signature", "-- \nAnn\n"),
    ]
    assert popmail.parse(b"\r\n" + text.encode()).own_text == "😀 yes"


def test_signed_content_is_exact() -> None:
    inner = b"Content-Type: text/plain\r\n\r\nHello \r\n"
    raw = b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" + inner + b"\r\n--b\r\n\r\nsig\r\n--b--\r\n"
    message = popmail.parse(raw)
    assert message.root.signed_content() == inner
    assert popmail.parse(raw.replace(b"\r\n", b"\n")).root.signed_content() == inner
    assert message.parts[1].signed_content() is None


def test_cid_references_are_resolved_by_the_caller() -> None:
    raw = (
        b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        + "ü <img src='cid:a@x'><img src='cid:gone'>".encode()
        + b"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <a@x>\r\n\r\nx\r\n--b--\r\n"
    )
    message = popmail.parse(raw)
    assert message.html_with(lambda part: f"/parts/{part.index}") == "ü <img src='/parts/2'><img src='cid:gone'>"
    assert message.html_with(lambda part: None) == message.html
    with pytest.raises(ZeroDivisionError):
        message.html_with(lambda part: str(1 // 0))
    with pytest.raises(TypeError):
        message.html_with(lambda part: 1)  # type: ignore[arg-type,return-value]
    assert popmail.parse(b"\r\nplain").html_with(str) is None


def test_threads_stand_as_they_are_shown() -> None:
    first = popmail.parse(b"Message-ID: <a@x>\r\nSubject: hi\r\n\r\n")
    answer = popmail.parse(b"Message-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\nSubject: Re: hi\r\n\r\n")
    entries = popmail.threads([answer, first])
    assert [(entry.depth, entry.message) for entry in entries] == [(0, first), (1, answer)]
    lost = [popmail.parse(f"Message-ID: <{at}@x>\r\nReferences: <z@x>\r\n\r\n".encode()) for at in "cd"]
    assert [(entry.depth, entry.message) for entry in popmail.threads(lost)] == [(0, None), (1, lost[0]), (1, lost[1])]
    assert popmail.threads([]) == []


def test_options_change_what_is_read() -> None:
    raw = b"Subject: one\r\nSubject: two\r\nX: 3\r\n\r\nbody"
    last = popmail.parse(raw, duplicates="last")
    assert (popmail.parse(raw).subject, last.subject) == ("one", "two")
    assert last.headers["subject"] == "two"
    limits = MimeLimits(headers=1)
    limited = popmail.parse(raw, limits=limits)
    assert len(limited.headers) == 1
    assert "limit-reached" in [defect.code for defect in limited.defects]
    assert limits == MimeLimits(headers=1) != MimeLimits()
    assert eval(repr(limits), {"MimeLimits": MimeLimits}) == limits
    assert pickle.loads(pickle.dumps(limits)) == limits
    for message in (last, limited):
        again = pickle.loads(pickle.dumps(message))
        assert (again.subject, again.defects) == (message.subject, message.defects)
    with pytest.raises(ValueError, match="first"):
        popmail.parse(raw, duplicates="middle")  # type: ignore[arg-type]
