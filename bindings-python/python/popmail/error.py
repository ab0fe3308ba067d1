"""Errors, by what the caller can do about them.

Every error has a stable ``code`` (listed in ``tests/registry/errors.json``),
says with ``fatal`` whether the connection is over, and carries the server's
reply where one caused it. The classes are also those of the standard library
where such exist, so that code written for ``poplib`` or for sockets catches
them.
"""

import builtins
import poplib
from typing import Any

__all__ = [
    "AuthenticationError",
    "CommandError",
    "ConnectionLostError",
    "InsecureError",
    "InternalError",
    "LimitError",
    "Pop3Error",
    "ProtocolError",
    "TimeoutError",
    "UsageError",
]


class Pop3Error(Exception):
    """The root of all errors of this package.

    Attributes:
        code: The stable name, such as ``"POP3_ERR_AUTHENTICATION"``.
        fatal: True if the connection cannot be used after it.
        response: The server's line without its line end, if one caused it.
        response_code: What stood in brackets in it, such as ``"IN-USE"``
            (RFC 2449 section 8).
        verdict: What that means for the next try: ``"retry_after"``,
            ``"fatal"``, ``"bad_credentials"`` or ``"unknown"``.
        guessed_verdict: The same guessed from the words of a reply without a
            response code, for servers that have none; a guess.
        detail: What the server told besides its reply: for a refused token
            the JSON of OAuth (RFC 7628 section 3.2.2).
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        fatal: bool = False,
        response: bytes | None = None,
        response_code: str | None = None,
        verdict: str | None = None,
        guessed_verdict: str | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.fatal = fatal
        self.response = response
        self.response_code = response_code
        self.verdict = verdict
        self.guessed_verdict = guessed_verdict
        self.detail = detail

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, vars(self)))


class CommandError(Pop3Error, poplib.error_proto):
    """The server answered ``-ERR``; the connection can go on unless ``fatal``."""


class AuthenticationError(CommandError):
    """The login failed: the server refused it, or has no mechanism for it."""


class ProtocolError(Pop3Error, poplib.error_proto):
    """The server broke the rules; the connection is over."""


class ConnectionLostError(Pop3Error, ConnectionError):
    """The connection ended, or never began."""


class TimeoutError(Pop3Error, builtins.TimeoutError):
    """The server was silent for too long; the connection is over."""


class LimitError(Pop3Error):
    """A bound was passed; the message says which; the connection is over."""


class InsecureError(Pop3Error):
    """Going on would have given a secret away; nothing of it was sent."""


class UsageError(Pop3Error, ValueError):
    """The caller's order or arguments were wrong; nothing was sent."""


class InternalError(Pop3Error):
    """A fault of this package."""


CLASSES: dict[str, type[Pop3Error]] = {
    "POP3_ERR_COMMAND": CommandError,
    "POP3_ERR_AUTHENTICATION": AuthenticationError,
    "POP3_ERR_MECHANISM_UNAVAILABLE": AuthenticationError,
    "POP3_ERR_GREETING_REFUSED": CommandError,
    "POP3_ERR_MALFORMED_REPLY": ProtocolError,
    "POP3_ERR_UNSOLICITED_REPLY": ProtocolError,
    "POP3_ERR_STLS_INJECTION": ProtocolError,
    "POP3_ERR_CONNECTION_LOST": ConnectionLostError,
    "POP3_ERR_CONNECT": ConnectionLostError,
    "POP3_ERR_TLS": ConnectionLostError,
    "POP3_ERR_TIMEOUT": TimeoutError,
    "POP3_ERR_LIMIT_STATUS_LINE": LimitError,
    "POP3_ERR_LIMIT_LISTING_LINE": LimitError,
    "POP3_ERR_LIMIT_LISTING_ENTRIES": LimitError,
    "POP3_ERR_LIMIT_CAPABILITIES": LimitError,
    "POP3_ERR_LIMIT_CHALLENGE": LimitError,
    "POP3_ERR_LIMIT_ROUNDS": LimitError,
    "POP3_ERR_LIMIT_CONTENT": LimitError,
    "POP3_ERR_INSECURE_CLEARTEXT": InsecureError,
    "POP3_ERR_INSECURE_STLS": InsecureError,
    "POP3_ERR_USAGE_ARGUMENT": UsageError,
    "POP3_ERR_USAGE_STATE": UsageError,
    "POP3_ERR_USAGE_CLOSED": UsageError,
    "POP3_ERR_INTERNAL": InternalError,
}
"""The class of each code of the registry."""


def make(
    code: str,
    message: str,
    fatal: bool,
    response: bytes | None = None,
    response_code: str | None = None,
    verdict: str | None = None,
    guessed_verdict: str | None = None,
    detail: str | None = None,
) -> Pop3Error:
    """Makes the exception for an error of the core."""
    return CLASSES.get(code, Pop3Error)(
        message,
        code=code,
        fatal=fatal,
        response=response,
        response_code=response_code,
        verdict=verdict,
        guessed_verdict=guessed_verdict,
        detail=detail,
    )


def _rebuild(kind: type[Pop3Error], message: str, attributes: dict[str, Any]) -> Pop3Error:
    error = kind(message, code=attributes["code"])
    vars(error).update(attributes)
    return error
