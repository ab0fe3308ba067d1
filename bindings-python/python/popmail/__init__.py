"""POP3 client and server, and MIME parser, on one Rust core.

::

    import popmail

    with popmail.Pop3("pop.example.com", user="me", password="…") as box:
        for mail in box:
            print(mail.number, mail.uid, mail.message.subject)
"""

from ._compose import Attachment, Group, compose
from ._native import (
    Address,
    ClientEngine,
    Defect,
    Headers,
    Limits,
    Message,
    MimeLimits,
    Part,
    __version__,
    apop_digest,
    parse,
    text_spans,
)
from .async_client import AsyncPop3
from .async_transport import AsyncSocketTransport, AsyncTransport
from .capabilities import Capabilities, Expire, LoginDelay
from .client import Language, ListEntry, Pop3, Pop3Url, RemoteMessage, Stat, UidlEntry, connect, parse_url
from .details import CharsetGuess, Details, Span, ThreadEntry, threads
from .entries import Entries
from .error import (
    AuthenticationError,
    CommandError,
    ConnectionLostError,
    InsecureError,
    InternalError,
    LimitError,
    Pop3Error,
    ProtocolError,
    TimeoutError,
    UsageError,
)
from .server import Account, Login, Maildir, Maildrop, MemoryMaildrop, Server, ServerLimits
from .summary import Summary
from .sync import NewMessage, SyncRules, SyncState, SyncWarning
from .transport import SocketTransport, Transport

__all__ = [
    "Account",
    "Address",
    "AsyncPop3",
    "AsyncSocketTransport",
    "AsyncTransport",
    "Attachment",
    "AuthenticationError",
    "Capabilities",
    "CharsetGuess",
    "ClientEngine",
    "CommandError",
    "ConnectionLostError",
    "Defect",
    "Details",
    "Entries",
    "Expire",
    "Group",
    "Headers",
    "InsecureError",
    "InternalError",
    "Language",
    "LimitError",
    "Limits",
    "ListEntry",
    "Login",
    "LoginDelay",
    "Maildir",
    "Maildrop",
    "MemoryMaildrop",
    "Message",
    "MimeLimits",
    "NewMessage",
    "Part",
    "Pop3",
    "Pop3Error",
    "Pop3Url",
    "ProtocolError",
    "RemoteMessage",
    "Server",
    "ServerLimits",
    "SocketTransport",
    "Span",
    "Stat",
    "Summary",
    "SyncRules",
    "SyncState",
    "SyncWarning",
    "ThreadEntry",
    "TimeoutError",
    "Transport",
    "UidlEntry",
    "UsageError",
    "__version__",
    "apop_digest",
    "compose",
    "connect",
    "parse",
    "parse_url",
    "text_spans",
    "threads",
]
