"""POP3 client and server, and MIME parser, on one Rust core.

::

    import popmail

    with popmail.Pop3("pop.example.com", user="me", password="…") as box:
        for mail in box:
            print(mail.number, mail.uid, mail.message.subject)
"""

from . import arrow
from ._compose import Attachment, Group, compose
from ._native import (
    Address,
    ClientEngine,
    Defect,
    EmbeddedFile,
    Headers,
    Limits,
    Message,
    MimeLimits,
    Part,
    Scanner,
    Tnef,
    View,
    __version__,
    apop_digest,
    parse,
    parse_many,
    read_tnef,
    text_spans,
)
from ._readers import MaildirReader, MboxReader, read_maildir, read_mbox
from .async_client import AsyncPop3
from .async_transport import AsyncSocketTransport, AsyncTransport
from .capabilities import Capabilities, Expire, LoginDelay
from .client import Language, ListEntry, Pop3, Pop3Url, RemoteMessage, Stat, UidlEntry, connect, parse_url
from .defect import DefectCode, Severity
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
from .message import join_partial
from .scanner import PartEnded, PartStarted, ScanEvent
from .server import Account, Login, Maildir, Maildrop, Mbox, MemoryMaildrop, Server, ServerLimits
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
    "DefectCode",
    "Details",
    "EmbeddedFile",
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
    "MaildirReader",
    "Maildrop",
    "Mbox",
    "MboxReader",
    "MemoryMaildrop",
    "Message",
    "MimeLimits",
    "NewMessage",
    "Part",
    "PartEnded",
    "PartStarted",
    "Pop3",
    "Pop3Error",
    "Pop3Url",
    "ProtocolError",
    "RemoteMessage",
    "ScanEvent",
    "Scanner",
    "Server",
    "ServerLimits",
    "Severity",
    "SocketTransport",
    "Span",
    "Stat",
    "Summary",
    "SyncRules",
    "SyncState",
    "SyncWarning",
    "ThreadEntry",
    "TimeoutError",
    "Tnef",
    "Transport",
    "UidlEntry",
    "UsageError",
    "View",
    "__version__",
    "apop_digest",
    "arrow",
    "compose",
    "connect",
    "join_partial",
    "parse",
    "parse_many",
    "parse_url",
    "read_maildir",
    "read_mbox",
    "read_tnef",
    "text_spans",
    "threads",
]
