"""Composing: what Python programs have at hand becomes the setters of the native composer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, cast, runtime_checkable

from ._native import Address, Composer, Message, Part
from .error import UsageError

if TYPE_CHECKING:
    from email.message import Message as EmailMessage

__all__ = ["Attachment", "Group", "compose"]


@runtime_checkable
class Readable(Protocol):
    """A binary stream: an open file, a response, `io.BytesIO`."""

    def read(self) -> bytes: ...


@dataclass(frozen=True)
class Group:
    """A named group of recipients: ``Group("team", ["ann@example.com"])`` is written ``team: ann@example.com;``."""

    name: str
    members: Iterable[str | Address | tuple[str | None, str]] = field(default=())


Mailbox: TypeAlias = str | Address | tuple[str | None, str] | Group
"""A recipient: ``"Ann <ann@example.com>"`` as people write it (a whole list too), an `Address`, a pair of name and
address taken literally, or a `Group`."""

Content: TypeAlias = (
    "bytes | bytearray | memoryview | str | os.PathLike[str] | Readable | Message | Part | EmailMessage"
)
"""What can be attached: octets, text, the path of a file, a binary stream that is read to its end, a message, or a part
of one."""


@dataclass(frozen=True)
class Attachment:
    """Something that goes with the text.

    Parameters:
        content: octets, text, a path (its name and the type of its extension are taken over), a stream, a `Message`, a
            `Part` (with its name and type), or a message of the standard library's `email`.
        filename: the name that receivers see.
        content_type: the media type, with parameters where wanted: ``"text/csv; charset=utf-8"``. Without it the type
            of the name's extension, else ``application/octet-stream``.
        cid: the name by which the HTML shows it: ``<img src="cid:logo">``. A part that the HTML refers to is put beside
            the HTML (``multipart/related``).
        inline: shown with the text instead of listed as a file.
    """

    content: Content
    filename: str | None = None
    content_type: str | None = None
    cid: str | None = None
    inline: bool = False


def compose(
    *,
    from_: Mailbox | Iterable[Mailbox],
    to: Mailbox | Iterable[Mailbox] = (),
    cc: Mailbox | Iterable[Mailbox] = (),
    bcc: Mailbox | Iterable[Mailbox] = (),
    reply_to: Mailbox | Iterable[Mailbox] = (),
    sender: Mailbox | None = None,
    subject: str | None = None,
    text: str | None = None,
    html: str | None = None,
    attachments: Iterable[Content | Attachment] = (),
    inline: Mapping[str, Content | Attachment] | None = None,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    date: datetime | None = None,
    message_id: str | None = None,
    in_reply_to: str | Iterable[str] = (),
    references: str | Iterable[str] = (),
    output: Literal["auto", "7bit", "8bit", "utf8"] = "auto",
    keep_bcc: bool = False,
) -> bytes:
    """Write a message, ready to be sent: header fields, blank line, body, with CRLF line ends.

    The structure is made from what is given: text and HTML become ``multipart/alternative``, HTML and what it shows by
    ``cid:`` become ``multipart/related`` inside it, attachments wrap all in ``multipart/mixed``. Text beyond ASCII is
    encoded wherever it stands (RFC 2047, RFC 2231). An attached message is never put into base64 (RFC 2046 section
    5.2.1).

    Parameters:
        from_: the author; of several one must be the ``sender``.
        bcc: left out of the message unless ``keep_bcc``; it is the transport that must know.
        inline: what the HTML shows, by its ``cid``: ``{"logo": Path("logo.png")}``.
        headers: further fields. Fields that have a parameter of their own are refused here.
        date: with a zone; without it now, in UTC.
        message_id: without it one is made, of randomness and the author's domain, never of this machine's name.
        in_reply_to, references: identifiers, with or without angle brackets.
        output: which octets the message may hold. ``"auto"`` is ASCII, except that an attached message stays as it is;
            ``"7bit"`` refuses such a one; ``"8bit"`` leaves text in UTF-8; ``"utf8"`` header fields too (SMTPUTF8),
            which addresses beyond ASCII need.

    Raises:
        UsageError: a value that could begin another header field (line breaks, NUL, U+0085, U+2028 and other control
            characters), or that its field cannot hold; no author. Nothing is put right silently.
        OSError: a file cannot be read.
        TypeError: something is of no type that is taken here.

    Source: RFC 5322, RFC 2045 to 2047, 2231, 2387, 6532.
    """
    composer = Composer(output, keep_bcc=keep_bcc)
    for name, people in (
        ("from", from_),
        ("to", to),
        ("cc", cc),
        ("bcc", bcc),
        ("reply-to", reply_to),
        ("sender", () if sender is None else sender),
    ):
        for one in _each(people):
            _recipient(composer, name, one)
    if subject is not None:
        composer.subject(subject)
    if date is not None:
        offset = date.utcoffset()
        if offset is None:
            raise UsageError(
                "date: expected a date with a zone, such as datetime.now(UTC)", code="POP3_ERR_USAGE_ARGUMENT"
            )
        composer.date(int(date.timestamp() // 1), int(offset.total_seconds() // 60))
    if message_id is not None:
        composer.message_id(message_id)
    for identifier in _identifiers(in_reply_to):
        composer.in_reply_to(identifier)
    for identifier in _identifiers(references):
        composer.reference(identifier)
    pairs = cast("Mapping[str, str]", headers).items() if isinstance(headers, Mapping) else headers
    for name, value in pairs:
        composer.header(name, value)
    if text is not None:
        composer.text(text)
    if html is not None:
        composer.html(html)
    for cid, resource in (inline or {}).items():
        _attach(composer, _as_attachment(resource), cid=cid, inline=True)
    for item in attachments:
        attachment = _as_attachment(item)
        _attach(composer, attachment, cid=attachment.cid, inline=attachment.inline)
    return composer.compose(int(datetime.now(UTC).timestamp()), 0, os.urandom(32))


def _each(people: Mailbox | Iterable[Mailbox]) -> Iterable[Mailbox]:
    """Return the items of a list of recipients, or the one that was given alone."""
    if isinstance(people, str | Address | Group) or _is_pair(people):
        return [cast("Mailbox", people)]
    return cast("Iterable[Mailbox]", people)


def _is_pair(people: object) -> bool:
    """Whether it is a name and an address, not two addresses: a name has no ``@`` where an address must have one."""
    match people:
        case (None, str()):
            return isinstance(people, tuple)
        case (str() as name, str()):
            return isinstance(people, tuple) and "@" not in name
        case _:
            return False


def _recipient(composer: Composer, field_: str, one: Mailbox) -> None:
    match one:
        case str():
            composer.addresses(field_, one)
        case Address(name, address):
            composer.mailbox(field_, name, address)
        case (None | str() as name, str() as address):
            composer.mailbox(field_, name, address)
        case Group(name, members):
            composer.open_group(field_, name)
            for member in members:
                _recipient(composer, field_, member)
            composer.close_group(field_)
        case _:
            raise TypeError(
                f"{field_}: expected a string, an Address, a pair of name and address or a Group, "
                f"got {type(one).__name__}"
            )


def _identifiers(given: str | Iterable[str]) -> Iterable[str]:
    # `<a@x> <b@y>`, as the fields of a parsed message have it.
    return given.split(" ") if isinstance(given, str) else given


def _as_attachment(given: Content | Attachment) -> Attachment:
    return given if isinstance(given, Attachment) else Attachment(given)


def _attach(composer: Composer, one: Attachment, *, cid: str | None, inline: bool) -> None:
    content, filename, content_type = one.content, one.filename, one.content_type
    is_text = False
    match content:
        case bytes():
            octets = content
        case bytearray() | memoryview():
            octets = bytes(content)
        case str():
            octets, is_text = content.encode(), True
        case Message():
            octets = content.raw
            content_type = content_type or "message/rfc822"
        case Part():
            octets = content.content
            filename = filename if filename is not None else content.filename
            content_type = content_type or _type_of(content)
        case os.PathLike():
            path = Path(content)
            octets = path.read_bytes()
            filename = filename if filename is not None else path.name
        case Readable():
            octets = content.read()
            if not isinstance(octets, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError("attachments: expected a binary stream, got one of text")
        case _:
            octets = _standard_message(content)
            content_type = content_type or "message/rfc822"
    composer.attach(
        octets, content_type=content_type, filename=filename, content_id=cid, inline=inline, is_text=is_text
    )


def _standard_message(content: object) -> bytes:
    from email import message, policy

    if isinstance(content, message.Message):
        return cast("EmailMessage", content).as_bytes(policy=policy.SMTP)
    raise TypeError(
        "attachments: expected bytes, str, a path, a binary stream, a Message, a Part or an Attachment, "
        f"got {type(content).__name__}"
    )


def _type_of(part: Part) -> str:
    """Return the media type of a part with the charset of its text."""
    charset = part.charset
    if charset is None or not part.content_type.startswith("text/"):
        return part.content_type
    quoted = charset.replace("\\", "\\\\").replace('"', '\\"')
    return f'{part.content_type}; charset="{quoted}"'
