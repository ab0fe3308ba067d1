"""Parse a message and read all of it: subject, sender, date, text, HTML and the bytes of every attachment."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING, NamedTuple

import fast_mail_parser
from corpus import corpus
from measure import seconds, table, times

import popmail

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from email.message import EmailMessage


class Read(NamedTuple):
    """What is read of a message."""

    subject: str | None
    sender: str
    date: datetime | None
    text: str | None
    html: str | None
    attachments: list[bytes]

    def comparable(self) -> Read:
        """Return it as the peers are compared by it: line ends of a text do not count, the peers change them."""

        def lines(text: str | None) -> str:
            return "\n".join((text or "").splitlines()).rstrip()

        return self._replace(text=lines(self.text), html=lines(self.html))


def read_popmail(raw: bytes) -> Read:
    message = popmail.parse(raw)
    return Read(
        message.subject,
        message.from_[0].address,
        message.date,
        message.text,
        message.html,
        [part.content for part in message.attachments],
    )


def read_email(raw: bytes) -> Read:
    message: EmailMessage = message_from_bytes(raw, policy=policy.default)  # type: ignore[assignment]
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    return Read(
        str(message["subject"]),
        message["from"].addresses[0].addr_spec,
        message["date"].datetime,
        None if plain is None else plain.get_content(),
        None if html is None else html.get_content(),
        [part.get_payload(decode=True) for part in message.iter_attachments()],
    )


def read_fast_mail_parser(raw: bytes) -> Read:
    message = fast_mail_parser.parse_email(raw)
    return Read(
        message.subject,
        message.from_.address,
        message.date_parsed,
        "".join(message.text_plain),
        "".join(message.text_html),
        [part.content for part in message.attachments],
    )


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
            expected = read_email(raw).comparable()
            for peer, read in PEERS.items():
                found = read(raw).comparable()
                differing = [field for field in Read._fields if getattr(found, field) != getattr(expected, field)]
                if differing:
                    raise SystemExit(f"{name}: {peer} and email differ in {', '.join(differing)}")

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
    head = ["Python: parse and read all of it, per message", *PEERS, "against email", "against fast-mail-parser"]
    return table(head, rows)
