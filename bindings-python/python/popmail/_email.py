"""A message as an object of the standard library, also where the library's own parser gives up."""

from __future__ import annotations

import email.policy
from email import message_from_bytes
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from email.message import EmailMessage

__all__ = ["as_email"]


def as_email(raw: bytes) -> EmailMessage:
    """Parse with ``email.policy.default``; what its header classes raise on is read as plain text.

    Multiparts in one another that are too deep for the library stay one body.
    """
    try:
        return message_from_bytes(raw, policy=email.policy.default)
    except Exception:  # IndexError, ValueError, RecursionError and more: others in each version of Python
        policy = email.policy.default.clone(header_factory=_PlainWhereBroken())
    try:
        return message_from_bytes(raw, policy=policy)
    except RecursionError:
        return BytesHeaderParser(policy=policy).parsebytes(raw)


class _PlainWhereBroken(HeaderRegistry):
    """Header fields as the library has them, those that it cannot read as text."""

    def __call__(self, name: str, value: str) -> BaseHeader:
        try:
            return super().__call__(name, value)
        except Exception:
            made = type("_UnstructuredHeader", (UnstructuredHeader, BaseHeader), {})
            return cast("BaseHeader", made(name, value))
