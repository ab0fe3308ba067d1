"""What a message says beyond its text: mailing list, way, thread, reports, calendars, signatures.

The core finds all of it; here its JSON becomes frozen dataclasses.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ._native import Message

__all__ = [
    "AuthenticationResult",
    "AuthenticationResults",
    "CalendarPart",
    "CharsetGuess",
    "DeliveryReport",
    "DeliveryStatus",
    "Details",
    "DispositionReport",
    "FeedbackReport",
    "MailingList",
    "Protection",
    "Received",
    "Report",
    "Span",
    "ThreadEntry",
    "threads",
]

Evidence = Literal["mark", "content", "meta", "statistics"]
SpanKind = Literal["text", "attribution", "quote", "forward", "signature"]


class Span(NamedTuple):
    """A piece of a text, whole lines."""

    kind: SpanKind
    """``text``, ``attribution`` (the lines that introduce a quote), ``quote``, ``forward`` (a whole
    message quoted without ``>``) or ``signature``."""
    depth: int
    """How deep it is quoted: the number of ``>``."""
    start: int
    """Where it starts, in characters."""
    end: int
    """Where it ends, in characters."""


@dataclass(frozen=True, slots=True)
class CharsetGuess:
    """A charset that was guessed, since the label was missing, unknown or wrong."""

    part: int
    """The number of the part."""
    header: str | None
    """The name of the header field; ``None`` for the text of the part."""
    charset: str
    """The label of the charset, in lower case."""
    evidence: Evidence
    """What the guess rests on: a byte order mark, bytes that are valid in hardly anything else, a
    ``<meta>`` element, or statistics."""
    confident: bool
    """Whether nothing else was nearly as likely."""


@dataclass(frozen=True, slots=True)
class MailingList:
    """What the ``List-`` fields say (RFC 2369, RFC 2919, RFC 8058)."""

    id: str | None
    """The identifier of the list without angle brackets."""
    name: str | None
    """The name of the list."""
    post: tuple[str, ...]
    """Where to write to the list; URLs in the order of preference."""
    is_closed: bool
    """Whether the list takes no messages."""
    unsubscribe: tuple[str, ...]
    """Where to leave the list."""
    one_click: str | None
    """The ``https`` URL that a POST of ``List-Unsubscribe=One-Click`` unsubscribes with at once. The
    DKIM signature of the message must cover both fields: check that before."""
    subscribe: tuple[str, ...]
    """Where to join the list."""
    help: tuple[str, ...]
    """Where to find help."""
    owner: tuple[str, ...]
    """Where to reach who runs the list."""
    archive: tuple[str, ...]
    """Where old messages are."""


@dataclass(frozen=True, slots=True)
class Received:
    """One ``Received`` field (RFC 5321 section 4.4): true only as far as its server is trusted."""

    from_: str | None
    """Who sent, as it called itself."""
    from_comment: str | None
    """What the server wrote about it: mostly name and address."""
    from_ip: str | None
    """The network address of the sender."""
    by: str | None
    """The server that received."""
    via: str | None
    """The link."""
    with_: str | None
    """The protocol: ``ESMTPS``."""
    id: str | None
    """The server's name for the message."""
    for_: str | None
    """The recipient without angle brackets."""
    date: datetime | None
    """When."""


@dataclass(frozen=True, slots=True)
class AuthenticationResult:
    """What one method found (RFC 8601)."""

    method: str
    """The method in lower case: ``spf``, ``dkim``, ``dmarc``…"""
    result: str
    """The result in lower case: ``pass``, ``fail``, ``none``…"""
    reason: str | None
    """Why, where given."""
    properties: tuple[tuple[str, str], ...]
    """What was looked at: ``("smtp.mailfrom", "a@example.com")``."""


@dataclass(frozen=True, slots=True)
class AuthenticationResults:
    """One ``Authentication-Results`` field: anybody may have written it but a server that you trust."""

    server: str
    """The server that says so."""
    results: tuple[AuthenticationResult, ...]
    """What it found; empty where it did not look."""


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """How the delivery to one recipient went (RFC 3464)."""

    final_recipient: str | None
    """The address that delivery was tried to."""
    original_recipient: str | None
    """The address that the sender wrote."""
    action: str | None
    """``failed``, ``delayed``, ``delivered``, ``relayed`` or ``expanded``."""
    status: str | None
    """The status (RFC 3463): ``5.1.1``."""
    remote_mta: str | None
    """The server that answered."""
    diagnostic: str | None
    """What it answered."""
    last_attempt: datetime | None
    """When it was tried last."""
    will_retry_until: datetime | None
    """Until when it will be tried again."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A delivery status notification (RFC 3464)."""

    reporting_mta: str | None
    """The server that reports."""
    original_envelope_id: str | None
    """The identifier that the sender gave the transaction."""
    arrival_date: datetime | None
    """When the message came to that server."""
    recipients: tuple[DeliveryStatus, ...]
    """One entry for each recipient."""


@dataclass(frozen=True, slots=True)
class DispositionReport:
    """A disposition notification (RFC 8098)."""

    reporting_ua: str | None
    """The program that reports."""
    final_recipient: str | None
    """The address that the message was for."""
    original_recipient: str | None
    """The address that the sender wrote."""
    action_mode: str | None
    """``manual-action`` or ``automatic-action``."""
    sending_mode: str | None
    """``mdn-sent-manually`` or ``mdn-sent-automatically``."""
    disposition: str | None
    """``displayed``, ``deleted``, ``dispatched`` or ``processed``."""
    modifiers: tuple[str, ...]
    """``error``, and what else follows the disposition."""


@dataclass(frozen=True, slots=True)
class FeedbackReport:
    """A feedback report (RFC 5965)."""

    feedback_type: str | None
    """``abuse``, ``fraud``, ``virus``, ``auth-failure``, ``not-spam`` or ``other``."""
    user_agent: str | None
    """The program that reports."""
    original_mail_from: str | None
    """The envelope's sender."""
    original_rcpt_to: tuple[str, ...]
    """The envelope's recipients."""
    source_ip: str | None
    """The network address that the message came from."""
    reported_domains: tuple[str, ...]
    """The domains that the reporter holds responsible."""
    reported_uris: tuple[str, ...]
    """The URIs that it complains of."""
    arrival_date: datetime | None
    """When the message came."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report that a machine wrote; forged easily."""

    kind: Literal["delivery-status", "disposition-notification", "feedback-report"]
    """What is reported; the field of that name holds it."""
    part: int
    """The number of the part that holds the report."""
    original: int | None
    """The number of the part with the message reported on, or with its header fields."""
    original_message_id: str | None
    """The identifier of that message."""
    delivery: DeliveryReport | None
    """How the delivery went."""
    disposition: DispositionReport | None
    """What the recipient did with the message."""
    feedback: FeedbackReport | None
    """What the recipient thinks of the message."""
    fields: tuple[tuple[str, str], ...]
    """Every field of the report, names as written."""


@dataclass(frozen=True, slots=True)
class CalendarPart:
    """A part with calendar data (RFC 5546): enough to offer an answer."""

    part: int
    """The number of the part."""
    method: str | None
    """``REQUEST``, ``REPLY``, ``CANCEL``, ``PUBLISH``…"""
    component: str | None
    """The kind of the first component: ``VEVENT``, ``VTODO``…"""
    uid: str | None
    """The identifier of the first component."""
    summary: str | None
    """The title of the first component."""


@dataclass(frozen=True, slots=True)
class Protection:
    """A signed or encrypted part. Nothing is verified: that it is listed says nothing of who wrote it."""

    part: int
    """The number of the part: a multipart, or the one that holds the format."""
    format: Literal["pgp", "smime", "other"]
    """The format."""
    kind: Literal["signed", "signed-opaque", "encrypted", "compressed", "keys"]
    """What was done to the content."""
    protocol: str
    """The protocol parameter or the type."""
    content: int | None
    """The number of the part that is signed (``Part.signed_content`` of ``part`` is the bytes), or that
    holds the encrypted data."""
    signature: int | None
    """The number of the part with the signature."""
    digest: str | None
    """The digest that the signature is over, as written: ``pgp-sha512``."""
    is_inline: bool
    """Whether the format stands inside a text."""


@dataclass(frozen=True, slots=True)
class Details:
    """What a message says beyond its text."""

    base_subject: str
    """The subject without what replies and lists put around it (RFC 5256 section 2.1)."""
    is_reply_or_forward: bool
    """Whether the subject shows a reply or a forward."""
    mailing_list: MailingList | None
    """The mailing list, where a field tells of one."""
    received: tuple[Received, ...]
    """The servers that the message came through, the last one first."""
    authentication_results: tuple[AuthenticationResults, ...]
    """What servers say of the sender, the last one first."""
    report: Report | None
    """The delivery, disposition or feedback report that the message is."""
    calendars: tuple[CalendarPart, ...]
    """The parts that hold calendar data."""
    protections: tuple[Protection, ...]
    """Signed and encrypted parts."""
    charset_guesses: tuple[CharsetGuess, ...]
    """The charsets that were guessed."""


class ThreadEntry(NamedTuple):
    """One line of a list of threads, as it is shown: parents before their children."""

    depth: int
    """How deep it is; 0 starts a thread."""
    message: Message | None
    """The message; ``None`` for one that is missing and holds others together."""


def threads(messages: Iterable[Message]) -> list[ThreadEntry]:
    """Threads of messages: the algorithm REFERENCES of RFC 5256 section 3, siblings by date."""
    from ._native import thread_entries

    kept = list(messages)
    return [ThreadEntry(depth, None if item is None else kept[item]) for depth, item in thread_entries(kept)]


RENAMED = {"from": "from_", "for": "for_", "with": "with_"}
"""Keys of the JSON that are words of Python."""


def _fields(data: dict[str, Any]) -> dict[str, Any]:
    """The members of an object by the names of Python, lists as tuples, dates as dates."""
    return {RENAMED.get(key) or _snake(key): _value(key, value) for key, value in data.items()}


def _snake(key: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in key)


def _value(key: str, value: Any) -> Any:
    if value is not None and key in DATES:
        return datetime.fromisoformat(value)
    if isinstance(value, list):
        return tuple(cast("list[object]", value))
    return value


DATES = frozenset({"date", "arrivalDate", "lastAttempt", "willRetryUntil"})
"""Keys of the JSON whose values are dates in RFC 3339 form."""


def _pairs(items: Sequence[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((item["name"], item["value"]) for item in items)


def from_json(text: str) -> Details:
    """The details of the core's JSON."""
    data = json.loads(text)
    listed = data["mailingList"]
    return Details(
        base_subject=data["baseSubject"],
        is_reply_or_forward=data["isReplyOrForward"],
        mailing_list=None if listed is None else MailingList(**_fields(listed)),
        received=tuple(Received(**_fields(one)) for one in data["received"]),
        authentication_results=tuple(
            AuthenticationResults(
                one["server"],
                tuple(
                    AuthenticationResult(found["method"], found["result"], found["reason"], _pairs(found["properties"]))
                    for found in one["results"]
                ),
            )
            for one in data["authenticationResults"]
        ),
        report=None if data["report"] is None else _report(data["report"]),
        calendars=tuple(CalendarPart(**_fields(one)) for one in data["calendars"]),
        protections=tuple(Protection(**_fields(one)) for one in data["protections"]),
        charset_guesses=tuple(CharsetGuess(**_fields(one)) for one in data["charsetGuesses"]),
    )


def _report(data: dict[str, Any]) -> Report:
    delivery, disposition, feedback = data["delivery"], data["disposition"], data["feedback"]
    if delivery is not None:
        recipients = tuple(DeliveryStatus(**_fields(one)) for one in delivery["recipients"])
        delivery = DeliveryReport(**_fields(delivery | {"recipients": recipients}))
    return Report(
        kind=data["kind"],
        part=data["part"],
        original=data["original"],
        original_message_id=data["originalMessageId"],
        delivery=delivery,
        disposition=None if disposition is None else DispositionReport(**_fields(disposition)),
        feedback=None if feedback is None else FeedbackReport(**_fields(feedback)),
        fields=_pairs(data["fields"]),
    )
