"""`as_email()`: the same octets as a message of the standard library, part by part."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

import popmail

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples/mail").glob("*.eml"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_part_is_there(path: Path) -> None:
    message = popmail.parse(path.read_bytes())
    email = message.as_email()
    assert isinstance(email, EmailMessage)
    assert [part.get_content_type() for part in email.walk()] == [part.content_type for part in message.parts]
    leaves = [part for part in email.walk() if not part.is_multipart()]
    contents = [part.content for part in message.parts if not part.children and part.message is None]
    assert [part.get_payload(decode=True) for part in leaves] == contents
    # The library knows no file name that is only in Content-Type, and reads the same names elsewhere.
    names = [part.filename for part in message.parts if part.disposition]
    assert [part.get_filename() for part in email.walk() if part.get_content_disposition()] == names


def test_a_nested_message_becomes_one_of_its_own() -> None:
    message = popmail.parse((SAMPLES[0].parent / "08-forwarded.eml").read_bytes())
    inner = message.attachments[0].message
    assert inner is not None
    assert inner.as_email()["subject"] == "Keys to the studio"


def test_it_can_be_changed_and_attached() -> None:
    email = popmail.parse(b"Subject: one\r\nContent-Type: text/plain\r\n\r\nhello\r\n").as_email()
    del email["subject"]
    email["Subject"] = "two"
    raw = popmail.compose(from_="a@example.com", attachments=[email])
    nested = popmail.parse(raw).attachments[0].message
    assert nested is not None
    assert (nested.subject, nested.text) == ("two", "hello\r\n")


def test_what_the_library_raises_on_is_plain_text() -> None:
    raw = b"Subject: x\r\nContent-Type: multipart/mixed; boundary*\r\n\r\n--b\r\n\r\ny\r\n"
    with pytest.raises(IndexError):
        message_from_bytes(raw, policy=default)["content-type"]
    email = popmail.parse(raw).as_email()
    assert (email["subject"], email["content-type"]) == ("x", "multipart/mixed; boundary*")


def test_what_is_too_deep_for_the_library_stays_one_body() -> None:
    levels = range(2_000)
    raw = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at) for at in levels)
    email = popmail.parse(b"Subject: x\r\n" + raw).as_email()
    assert email["subject"] == "x"
