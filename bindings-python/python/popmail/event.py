"""What a connection tells its host, for programs that drive the engine.

:class:`popmail.Pop3` handles these by itself. A program with a transport of
its own kind runs :class:`popmail.ClientEngine`: it writes what
``take_output`` gives, reads, calls ``receive`` and takes ``next_event`` until
that is ``None``.
"""

from typing import TypeAlias

from ._native import (
    CapabilitiesReceived,
    CommandFailed,
    CommandFinished,
    ConnectionClosed,
    ContentFinished,
    ContentReceived,
    DeviationObserved,
    GreetingReceived,
    LanguagesReceived,
    LineTraced,
    ListReceived,
    LoginFinished,
    ReconnectRequested,
    StatReceived,
    TlsReady,
    UidlReceived,
)

ClientEvent: TypeAlias = (
    GreetingReceived
    | TlsReady
    | ReconnectRequested
    | LoginFinished
    | CommandFinished
    | CommandFailed
    | CapabilitiesReceived
    | StatReceived
    | ListReceived
    | UidlReceived
    | ContentReceived
    | ContentFinished
    | LanguagesReceived
    | LineTraced
    | DeviationObserved
    | ConnectionClosed
)
"""Any event of a client connection."""

__all__ = [
    "CapabilitiesReceived",
    "ClientEvent",
    "CommandFailed",
    "CommandFinished",
    "ConnectionClosed",
    "ContentFinished",
    "ContentReceived",
    "DeviationObserved",
    "GreetingReceived",
    "LanguagesReceived",
    "LineTraced",
    "ListReceived",
    "LoginFinished",
    "ReconnectRequested",
    "StatReceived",
    "TlsReady",
    "UidlReceived",
]
