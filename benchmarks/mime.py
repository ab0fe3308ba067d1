"""Parse a message and read all of it: subject, sender, date, text, HTML and the bytes of every attachment."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import fast_mail_parser
from corpus import corpus
from measure import seconds, table, times

import popmail

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage

Read = tuple[str, list[bytes]]
"""What is compared between the peers before any is timed: the subject, and the attachments."""


def read_popmail(raw: bytes) -> Read:
    message = popmail.parse(raw)
    _ = message.from_, message.date, message.text, message.html
    return message.subject or "", [part.content for part in message.attachments]


def read_email(raw: bytes) -> Read:
    message: EmailMessage = message_from_bytes(raw, policy=policy.default)  # type: ignore[assignment]
    _ = message["from"].addresses, message["date"].datetime
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        if body is not None:
            body.get_content()
    return str(message["subject"]), [part.get_payload(decode=True) for part in message.iter_attachments()]


def read_fast_mail_parser(raw: bytes) -> Read:
    message = fast_mail_parser.parse_email(raw)
    _ = message.from_, message.date_parsed, message.text_plain, message.text_html
    return message.subject, [part.content for part in message.attachments]


PEERS: dict[str, Callable[[bytes], Read]] = {
    "popmail": read_popmail,
    "email": read_email,
    "fast-mail-parser": read_fast_mail_parser,
}


def report() -> str:
    """Measure and return the table."""
    rows: list[list[str]] = []
    for name, messages in corpus().items():
        for raw in messages:
            expected = read_email(raw)
            found = read_popmail(raw)
            if found != expected:
                raise SystemExit(
                    f"{name}: popmail reads {found[0]!r}, email reads {expected[0]!r}, or attachments differ"
                )

        def all_of(read: Callable[[bytes], Read], messages: list[bytes] = messages) -> Callable[[], object]:
            return lambda: [read(raw) for raw in messages]

        took = seconds({peer: all_of(read) for peer, read in PEERS.items()}, at_least=0.2)
        each = {peer: value / len(messages) for peer, value in took.items()}
        rows.append(
            [
                name,
                *(f"{each[peer] * 1e6:,.1f} µs" for peer in PEERS),
                times(each["email"] / each["popmail"]),
                times(each["fast-mail-parser"] / each["popmail"]),
            ]
        )
    return table(["parse and read all of it, per message", *PEERS, "against email", "against fast-mail-parser"], rows)
