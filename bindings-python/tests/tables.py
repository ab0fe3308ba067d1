"""What a table of messages has to hold, from the messages themselves: for the tests of everything that makes tables."""

from __future__ import annotations

import datetime
import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import popmail


def person(address: popmail.Address, *, with_group: bool = True) -> dict[str, Any]:
    group = {"group": address.group} if with_group else {}
    return {"name": address.name, "address": address.address} | group


def part(part: popmail.Part) -> dict[str, Any]:
    names = ("index", "filename", "safe_filename", "content_type", "disposition", "content_id", "size")
    return {name: getattr(part, name) for name in names}


def defect(defect: popmail.Defect) -> dict[str, Any]:
    start, end = defect.range or (None, None)
    return {"code": defect.code, "severity": defect.severity, "part": defect.part, "start": start, "end": end}


def row(message: popmail.Message, uid: str | None = None) -> dict[str, Any]:
    """Return the row of a message, with every column."""
    date = message.date
    offset = None if date is None else date.utcoffset()
    return {
        "uid": uid,
        "size": len(message.raw),
        "subject": message.subject,
        "from": [person(one) for one in message.from_],
        "sender": None if message.sender is None else person(message.sender, with_group=False),
        "to": [person(one) for one in message.to],
        "cc": [person(one) for one in message.cc],
        "bcc": [person(one) for one in message.bcc],
        "reply_to": [person(one) for one in message.reply_to],
        "date": None if date is None else date.astimezone(datetime.UTC),
        "date_offset": None if offset is None else offset // datetime.timedelta(minutes=1),
        "message_id": message.message_id,
        "in_reply_to": message.in_reply_to,
        "references": message.references,
        "headers": [{"name": name, "value": value} for name, value in message.headers.items()],
        "text": message.text,
        "html": message.html,
        "attachments": [part(one) for one in message.attachments],
        "inline": [part(one) for one in message.inline],
        "defects": [defect(one) for one in message.defects],
        "error": None,
        "preview": message.preview,
        "attachment_contents": [one.content for one in message.attachments],
        "attachment_sha256": [hashlib.sha256(one.content).hexdigest() for one in message.attachments],
        "json": message.to_json(),
        "raw": message.raw,
    }
