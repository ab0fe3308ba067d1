"""The standard library's ``email`` as an oracle: where the two readings differ, the reason is written here.

A difference that is not listed fails. With Python 3.11, for which the lists are written, so does one
that is listed and gone; later versions mend some of them.
"""

from __future__ import annotations

import base64
import email
import email.header
import email.policy
import email.utils
import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import popmail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import EmailMessage

ROOT = Path(__file__).resolve().parents[2]
INPUTS = json.loads((ROOT / "tests/oracle.json").read_text(encoding="utf-8"))
"""What is compared, here and in Node with the readers of JavaScript."""
VECTORS = sorted((ROOT / "tests/vectors/mime").glob("*.json"))


def compare(
    inputs: Mapping[str, Any], ours: Callable[[Any], Any], theirs: Callable[[Any], Any], agreed: Mapping[str, str]
) -> None:
    """Both readings of each input are equal, but for those agreed on."""
    assert all(agreed.values()), "each difference has a reason"
    differing = {}
    for name, given in inputs.items():
        mine = ours(given)
        try:
            other: Any = theirs(given)
        except Exception as error:
            other = f"raises {type(error).__name__}"
        if mine != other:
            differing[name] = (mine, other)
    unlisted = {name: found for name, found in differing.items() if name not in agreed}
    assert not unlisted
    if sys.version_info < (3, 12):
        assert differing.keys() == agreed.keys()


ADDRESSES = {value: value for value in INPUTS["addresses"]}


def test_addresses() -> None:
    def ours(value: str) -> list[tuple[str, str]]:
        message = popmail.parse(f"To: {value}\r\n\r\n".encode())
        return [(one.name or "", one.address) for one in message.to]

    def theirs(value: str) -> list[tuple[str, str]]:
        header = parsed(f"To: {value}\r\n\r\n".encode())["to"]
        return [(one.display_name, one.addr_spec) for one in header.addresses]

    compare(ADDRESSES, ours, theirs, ADDRESS_DIFFERENCES)


ADDRESS_DIFFERENCES = {
    "ann@example.com (Ann)": "the name that old programs put in a comment is shown, as mailparser does",
    "=?utf-8?q?J=C3=BCrgen?= =?utf-8?q?_Klopp?= <j@example.com>": "the space between two encoded words "
    "is no part of the text (RFC 2047 section 6.2)",
    "user@good.com(x)evil.com": "the comment is shown as the name, and the field is a defect",
    "a@b@c.com": "no address can be told, so none is given; what was written is shown as the name",
    "Ann ann@example.com": "the word before an address is a name: a local part with a space is made up",
    "<>": "an empty address is no mailbox",
    '=?utf-8?q?"x"_<evil@example.com>?=': "an encoded word alone is a name: no address is made of it",
}

DATES = {value: value for value in INPUTS["dates"]}


def test_dates() -> None:
    def ours(value: str) -> str | None:
        date = popmail.parse(f"Date: {value}\r\n\r\n".encode()).date
        return date and date.isoformat()

    def theirs(value: str) -> str | None:
        date = parsed(f"Date: {value}\r\n\r\n".encode())["date"].datetime
        return date and date.isoformat()

    compare(DATES, ours, theirs, DATE_DIFFERENCES)


DATE_DIFFERENCES = {
    "Mon, 04 May 2026 09:30:00 -0000": "the moment is known: an aware date in UTC (RFC 5322 section 3.3)",
    "Mon, 4 May 2026 09:30:60 +0000": "a leap second is a possible date; Python has none, so it is second 59",
    "Mon, 4 May 2026 09:30:00": "without a zone UTC is assumed, so that every date can be compared",
}

SUBJECTS = {value: value for value in INPUTS["subjects"]}


def test_encoded_words() -> None:
    def ours(value: str) -> str | None:
        return popmail.parse(f"Subject: {value}\r\n\r\n".encode()).subject

    def theirs(value: str) -> str | None:
        return str(parsed(f"Subject: {value}\r\n\r\n".encode())["subject"])

    compare(SUBJECTS, ours, theirs, SUBJECT_DIFFERENCES)


SUBJECT_DIFFERENCES = {
    "=?utf-8?q?a=?=": "an escape that is cut is no encoded word (RFC 2047 section 6.3): it is shown as written",
    "=?utf-8?q?nul=00x?=": "control characters are left out of values, and a defect",
    "=?utf-8?q?line=0D=0ABcc:_x?=": "an encoded line break becomes a space: a value is one line",
}


def test_structure() -> None:
    def structure(part: popmail.Part) -> list[Any]:
        inner = part.message.root if part.message else None
        below = [inner] if inner else part.children
        return [part.content_type, *map(structure, below)]

    def their_structure(part: EmailMessage) -> list[Any]:
        below = part.get_payload() if part.is_multipart() else []
        return [part.get_content_type(), *map(their_structure, below)]

    inputs = {}
    for path in VECTORS:
        given = json.loads(path.read_text(encoding="utf-8"))["input"]
        raw = (ROOT / given["file"]).read_bytes() if "file" in given else base64.b64decode(given["base64"])
        inputs[path.stem] = raw
    compare(
        inputs,
        lambda raw: structure(popmail.parse(raw).root),
        lambda raw: their_structure(parsed(raw)),
        STRUCTURE_DIFFERENCES,
    )


STRUCTURE_DIFFERENCES = {
    "boundary-behind-text": "the part behind a delimiter inside a line is shown, and a defect",
    "delivery-report": "a report is one part: its blocks of fields are in details.report",
    "disposition-report": "a report is one part: its fields are in details.report",
    "feedback-report": "a report is one part: its fields are in details.report",
    "encoded-messages-too-deep": "transfer-encoded messages are opened, to a limit",
    "spaces-and-case-in-fields": "a space before a colon is obsolete syntax, not the end of the header",
}


def parsed(raw: bytes) -> EmailMessage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return email.message_from_bytes(raw, policy=email.policy.default)
