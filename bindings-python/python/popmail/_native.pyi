"""The native module: the engines and the decoder, without I/O."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from email.message import EmailMessage
from mmap import mmap
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, final, overload

from .capabilities import Capabilities
from .defect import DefectCode, Severity
from .details import CharsetGuess, Details, Span
from .error import Pop3Error
from .event import ClientEvent
from .scanner import ScanEvent

__version__: str

# The client engine.

def server_end_point(certificate: bytes) -> bytes | None:
    """The data of the channel binding ``tls-server-end-point`` for a certificate in DER.

    ``None`` if it cannot be read, or its signature names no hash.
    Source: RFC 5929 section 4.1.
    """

def deviations() -> dict[str, str]:
    """Every deviation: its name, and the rule that a server broke."""

def compare_listings(
    count: int, octets: int, sizes: ListEntries, uids: UidlEntries | None
) -> list[tuple[str, str, bool]]:
    """What STAT, LIST and UIDL of one session say of a server: name, text, and whether a rule is broken."""

def check_offers(in_the_clear: list[str] | None, after_login: list[str]) -> list[tuple[str, str, bool]]:
    """What the lines of CAPA, before TLS and after the login, say of a server; as `compare_listings`."""

ALPN_PROTOCOL: str
"""The name of POP3 in the TLS handshake (RFC 7301)."""

def accepts_alpn(selected: str | None) -> bool:
    """May a TLS connection be used for which the server chose this protocol? ``None`` is none, as from many."""

def apop_digest(greeting: bytes | bytearray, secret: bytes | bytearray) -> str | None:
    """The APOP digest for a greeting (the server's line) and a secret.

    32 lower-case hexadecimal digits; ``None`` if the greeting holds no stamp
    that can be trusted (RFC 1939 section 7).
    """

@final
class ClientEngine:
    """The client side of one POP3 connection, without I/O.

    Getters: ``state``, ``capabilities``, ``pending``, ``stamp``. Inputs:
    ``receive``, ``receive_eof``, ``tls_established``, ``handle_timeout``.
    Commands queue and return a handle that their events carry. Outputs, which
    may change after every input and command: ``next_event``, ``take_output``,
    ``timeout``. "Nothing yet" is ``None``.
    """

    def __new__(
        cls,
        *,
        tls: str,
        allow_cleartext: bool,
        pipelining: bool,
        strict: bool,
        timeout: float | None,
        limits: Limits | None,
        trace: bool = False,
        reconnect: bool = False,
    ) -> ClientEngine: ...
    @property
    def state(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities | None: ...
    @property
    def pending(self) -> int: ...
    @property
    def stamp(self) -> str | None: ...
    def receive(self, octets: bytes | bytearray) -> None: ...
    def receive_eof(self) -> None: ...
    def tls_established(self) -> None: ...
    def set_channel_bindings(self, bindings: _list[tuple[str, bytes]]) -> None: ...
    def handle_timeout(self, now: float) -> None: ...
    def next_event(self) -> ClientEvent | None: ...
    def arrived(self, prefetch: Prefetch) -> _list[tuple[int, bytes]]: ...
    def take_output(self) -> bytes: ...
    def timeout(self) -> float | None: ...
    def login(
        self,
        user: str,
        password: bytes | bytearray | None,
        auth: str,
        *,
        token: bytes | bytearray | None = None,
        authzid: str = "",
        initial_response: bool = False,
        nonce: str = "",
        channel_binding: tuple[str, bytes] | None = None,
        utf8: bool = False,
    ) -> int: ...
    def utf8(self) -> int: ...
    def lang(self, language: str | None = None) -> int: ...
    def capa(self) -> int: ...
    def stls(self) -> int: ...
    def user(self, user: str) -> int: ...
    def pass_(self, password: bytes | bytearray) -> int: ...
    def apop(self, user: str, secret: bytes | bytearray) -> int: ...
    def auth_plain(self, user: str, password: bytes | bytearray) -> int: ...
    def stat(self) -> int: ...
    def list(self, number: int | None = None) -> int: ...
    def uidl(self, number: int | None = None) -> int: ...
    def retr(self, number: int, *, chunks: bool = False) -> int: ...
    def top(self, number: int, lines: int, *, chunks: bool = False) -> int: ...
    def dele(self, number: int) -> int: ...
    def rset(self) -> int: ...
    def noop(self) -> int: ...
    def quit(self) -> int: ...
    def prefetch(self, messages: _list[tuple[int, int]]) -> Prefetch: ...
    def ask_ahead(self, prefetch: Prefetch) -> None: ...

_list = list

@final
class Limits:
    """Bounds of a client connection; what is not given has its default.

    Octets unless the name says otherwise; ``command_line`` and the lines with
    their line end. A message line has no limit. ``login_patience`` says how
    many times as long as for other answers a login may wait.
    """

    def __new__(
        cls,
        *,
        command_line: int | None = None,
        status_line: int | None = None,
        listing_line: int | None = None,
        listing_entries: int | None = None,
        listing_octets: int | None = None,
        capability_line: int | None = None,
        capability_lines: int | None = None,
        challenge: int | None = None,
        rounds: int | None = None,
        buffered_content: int | None = None,
        window_commands: int | None = None,
        window_octets: int | None = None,
        prefetch_octets: int | None = None,
        login_patience: int | None = None,
    ) -> Limits: ...
    @property
    def command_line(self) -> int: ...
    @property
    def status_line(self) -> int: ...
    @property
    def listing_line(self) -> int: ...
    @property
    def listing_entries(self) -> int: ...
    @property
    def listing_octets(self) -> int: ...
    @property
    def capability_line(self) -> int: ...
    @property
    def capability_lines(self) -> int: ...
    @property
    def challenge(self) -> int: ...
    @property
    def rounds(self) -> int: ...
    @property
    def buffered_content(self) -> int: ...
    @property
    def window_commands(self) -> int: ...
    @property
    def window_octets(self) -> int: ...
    @property
    def prefetch_octets(self) -> int: ...
    @property
    def login_patience(self) -> int: ...

@final
class Prefetch:
    """How far iteration asks ahead of its reader."""

    def ask(self) -> int | None: ...
    def handed_out(self) -> None: ...
    @property
    def oldest(self) -> int | None: ...
    def take(self) -> tuple[int, int] | None: ...

# Events of the client.

@final
class GreetingReceived:
    """The server greeted. Comes once, first; not if the greeting was ``-ERR``."""

    line: bytes

@final
class TlsReady:
    """The server agreed to STLS: run the TLS handshake now, then call ``tls_established``."""

    handle: int

@final
class ReconnectRequested:
    """The server ended the connection in a way that a second one mends.

    Open a new transport and go on with the same engine, from the greeting; a
    host that cannot calls ``receive_eof``. Only with ``reconnect=True``.
    """

    handle: int

@final
class LoginFinished:
    """The login is done and the connection is in the transaction state."""

    handle: int

@final
class CommandFinished:
    """A command without a result of its own was answered ``+OK``."""

    handle: int
    line: bytes

@final
class CommandFailed:
    """A command was refused, or a login failed; the connection goes on."""

    handle: int
    error: Pop3Error

@final
class CapabilitiesReceived:
    """CAPA was answered; tags in upper case."""

    handle: int
    capabilities: Capabilities

@final
class StatReceived:
    """STAT was answered."""

    handle: int
    count: int
    octets: int

@final
class ListEntries:
    """``(number, octets)`` of each line of LIST; made when they are asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, at: int) -> tuple[int, int]: ...
    def __iter__(self) -> Iterator[tuple[int, int]]: ...
    def table(self) -> dict[int, int]: ...

@final
class UidlEntries:
    """``(number, uid)`` of each line of UIDL; made when they are asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, at: int) -> tuple[int, str]: ...
    def __iter__(self) -> Iterator[tuple[int, str]]: ...
    def table(self) -> dict[int, str]: ...

@final
class ListReceived:
    """LIST was answered: ``(number, octets)`` in the server's order."""

    handle: int
    entries: ListEntries

@final
class UidlReceived:
    """UIDL was answered: ``(number, uid)`` in the server's order."""

    handle: int
    entries: UidlEntries

@final
class ContentReceived:
    """Content that was asked for in chunks; cut anywhere. Without a ``ContentFinished`` it is no message."""

    handle: int
    chunk: bytes

@final
class ContentFinished:
    """RETR or TOP is complete; ``content`` is empty if it came in chunks."""

    handle: int
    octets: int
    content: bytes

@final
class LanguagesReceived:
    """LANG was asked for the languages: ``(tag, name)`` in the server's order."""

    handle: int
    languages: list[tuple[str, str]]

@final
class LineTraced:
    """A line of the dialogue without secrets; ``direction`` is ``"sent"`` or ``"received"``."""

    direction: str
    line: str

@final
class DeviationObserved:
    """The server broke a rule and was understood all the same."""

    deviation: str
    octets: bytes

@final
class ConnectionClosed:
    """The connection is over: close the transport. No event comes after it."""

    error: Pop3Error | None

# Repeated fetches.

@final
class SyncPlanner:
    """What is known of the messages of one mailbox, and what to do about it, without I/O.

    Times are seconds since 1970, sizes octets. Hosts use `popmail.SyncState`.
    """

    def __new__(cls, mailbox: str) -> SyncPlanner: ...
    @staticmethod
    def restore(snapshot: str, journal: str, arrived: Callable[[str], bool]) -> SyncPlanner:
        """Reads a snapshot and its journal; ``arrived`` says for each receipt whether the message is in its place."""

    def snapshot(self) -> str:
        """The state as JSON, to replace the last one as a whole; a journal begins anew after it."""

    @property
    def mailbox(self) -> str: ...
    @property
    def next_login(self) -> int | None: ...
    def __len__(self) -> int: ...
    def plan(
        self,
        sizes: list[tuple[int, int]],
        uids: list[tuple[int, str]],
        *,
        now: int,
        fingerprints: list[tuple[int, str]] = ...,
        expire: str | None = None,
        login_delay: str | None = None,
        delete_after: int | None = None,
        largest: int | None = None,
        headers_of_larger: bool = False,
        newest_first: bool = False,
        most_messages: int | None = None,
    ) -> SyncPlan:
        """Takes the listing of a session that has just begun; ``fingerprints`` are those of messages without a uid."""

    def delivered(self, number: int, *, now: int, headers_only: bool = False) -> None:
        """Notes that a message is safe where the user wants it."""

    def journal_line(self, number: int, *, now: int, headers_only: bool = False, receipt: str | None = None) -> str:
        """A line for the journal of the last snapshot: this message is delivered. It changes nothing here."""

    def deletions(self, *, delete_after: int | None, now: int) -> list[int]:
        """What to delete now."""

    def dele_accepted(self, number: int, *, now: int) -> None:
        """Notes that the server marked a message."""

    def quit_accepted(self, *, now: int) -> None:
        """Notes that the server ended the session with ``+OK``."""

@final
class SyncPlan:
    """What to do in one session."""

    @property
    def fetch(self) -> list[tuple[int, int, bool]]:
        """What to fetch, in this order: number, octets, and whether only the header is wanted."""

    @property
    def present(self) -> int:
        """How many messages were delivered before."""

    @property
    def too_large(self) -> int:
        """How many are above the largest size and left alone."""

    @property
    def postponed(self) -> int:
        """How many wait for the next run."""

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """What the user should know: name and text."""

def without_uid(sizes: list[tuple[int, int]], uids: list[tuple[int, str]]) -> list[int]:
    """The numbers of messages that no uid names: their headers are needed."""

def fingerprint(header: bytes | bytearray, octets: int) -> str:
    """What a message without a uid is known by: Message-ID, Date, From and size."""

# The server engine, its events and the maildrops.

@final
class ServerEngine:
    """The server side of one POP3 connection, without I/O.

    A host repeats: call ``handle_timeout``, write what ``take_output`` gives
    until that is empty, answer the events, and where there was neither, wait
    for input no longer than ``timeout`` says and hand it to ``receive``. An
    answer at the wrong moment is a ``UsageError``. Reasons are
    ``"bad_credentials"``, ``"in_use"``, ``"login_delay"``, ``"sys_temp"``,
    ``"sys_perm"``, ``"gone"`` and ``"utf8"``.

    ``seed`` is 16 octets or more that nobody can guess, new for each
    connection, without which neither CRAM-MD5 nor SCRAM-SHA-256 is offered;
    ``salt_key`` is such a one for all connections of a server. ``expire`` is
    ``"never"`` or a number of days.
    """

    def __new__(
        cls,
        *,
        tls: str,
        allow_cleartext: bool,
        greeting: str = "",
        apop_stamp: str | None = None,
        implementation: str | None = None,
        mechanisms: Sequence[str] | None = None,
        seed: bytes | None = None,
        salt_key: bytes | None = None,
        utf8: bool = False,
        lang: bool = False,
        expire: str | int | None = None,
        login_delay: int | None = None,
        last: bool = False,
        xclient: bool = False,
        trace: bool = False,
        faults: Faults | None = None,
        timeout: float | None = None,
        limits: ServerLimits | None = None,
    ) -> ServerEngine: ...
    @property
    def state(self) -> str: ...
    @property
    def user(self) -> str | None: ...
    @property
    def is_secure(self) -> bool: ...
    def receive(self, octets: bytes | bytearray) -> None: ...
    def receive_eof(self) -> None: ...
    def tls_established(self) -> None: ...
    def handle_timeout(self, now: float) -> None: ...
    def next_event(
        self,
    ) -> (
        Authenticate
        | KeysWanted
        | OpenMaildrop
        | Retrieve
        | Commit
        | ServerTlsReady
        | LoginFailed
        | CommandRefused
        | ClientForwarded
        | LineReceived
        | ServerConnectionClosed
        | None
    ): ...
    def take_output(self) -> bytes: ...
    def timeout(self) -> float | None: ...
    def holds_output(self) -> bool:
        """True if output waits whose time has not come: wait ``timeout``, and take it."""

    def wants_input(self) -> bool: ...
    def wants_content(self) -> bool: ...
    def content_is_complete(self) -> bool: ...
    def accept_login(self) -> None: ...
    def refuse_login(self, reason: str) -> None: ...
    def penalize(self, penalty: float) -> None:
        """Adds so many seconds to the delay of each failed login from now on."""

    def provide_keys(self, keys: ScramKeys | None, /) -> None: ...
    def maildrop_opened(self, entries: Sequence[tuple[str, int]]) -> None: ...
    def send_content(self, octets: bytes | bytearray) -> None: ...
    def finish_content(self) -> None: ...
    def refuse_content(self, reason: str) -> None: ...
    def fail_content(self) -> None: ...
    def committed(self) -> None: ...
    def commit_failed(self, reason: str) -> None: ...

@final
class ServerLimits:
    """Bounds of a server connection; what is not given has its default.

    Octets for ``command_line`` (2,048), ``sasl_response`` (65,536),
    ``waiting_input`` (65,536) and ``waiting_output`` (65,536); counts for
    ``bad_commands_before_login`` (3), ``bad_commands`` (20),
    ``commands_before_login`` (100) and ``failed_logins`` (3). Seconds for
    ``bad_command_delay`` (0.25), by which each bad command but the first is
    answered later than the one before; ``failed_login_delay`` (1), after which
    a failed login is answered, and twice that for each further one;
    ``login_timeout`` (60), which a client has between two lines before it is
    logged in; ``login_time`` (180), which it has for the whole login; and
    ``session_time`` (86,400), which a session may last.
    """

    def __new__(
        cls,
        *,
        command_line: int | None = None,
        sasl_response: int | None = None,
        waiting_input: int | None = None,
        waiting_output: int | None = None,
        bad_commands_before_login: int | None = None,
        bad_commands: int | None = None,
        commands_before_login: int | None = None,
        failed_logins: int | None = None,
        bad_command_delay: float | None = None,
        failed_login_delay: float | None = None,
        login_timeout: float | None = None,
        login_time: float | None = None,
        session_time: float | None = None,
    ) -> ServerLimits: ...
    @property
    def command_line(self) -> int: ...
    @property
    def sasl_response(self) -> int: ...
    @property
    def waiting_input(self) -> int: ...
    @property
    def waiting_output(self) -> int: ...
    @property
    def bad_commands_before_login(self) -> int: ...
    @property
    def bad_commands(self) -> int: ...
    @property
    def commands_before_login(self) -> int: ...
    @property
    def failed_logins(self) -> int: ...
    @property
    def bad_command_delay(self) -> float: ...
    @property
    def failed_login_delay(self) -> float: ...
    @property
    def login_timeout(self) -> float: ...
    @property
    def login_time(self) -> float: ...
    @property
    def session_time(self) -> float: ...

@final
class Faults:
    """What a server shall do wrong, for the tests of mail code; nothing by default.

    Args:
        persona: The habits of a known server, one of ``Faults.PERSONAS``; what
            else is given goes on top.
        delay: Seconds that each piece of output is held back.
        cut_after: Ends the connection after so many octets from the greeting on.
        cut_content_after: Ends it after so many octets of a message.
        piece: Sends at most so many octets at once.
        size_error: Is added to every size that is told.
        negative_stat: Tells the size in STAT as a negative number.
        unstuffed_dots: Leaves dots at the start of lines as they are.
        unstuffed_first_dot: Leaves a dot as it is if it is the first octet.
        lf_line_ends: Ends lines with LF alone.
        missing: Capabilities that are neither told nor known, as commands.
        late: Capabilities that are told after the login only.
        ok_for_challenge: Says ``+OK`` where ``+`` is due.
        close_for_err: Closes the connection where ``-ERR`` is due.
        stls_residue: Octets in the clear after the answer to STLS.
        extra_blanks: Blanks in listings beyond the one.
        uidl_without_number: Leaves out the number in the answer to ``UIDL n``.
        blank_line: Says an empty line before the first answer.
        lower_case_status: Says ``+ok`` and ``-err``.
        top_octets: Ends TOP after so many octets.
    """

    PERSONAS: Final[list[str]]
    def __new__(
        cls,
        persona: str | None = None,
        *,
        delay: float = 0.0,
        cut_after: int | None = None,
        cut_content_after: int | None = None,
        piece: int | None = None,
        size_error: int | None = None,
        negative_stat: bool | None = None,
        unstuffed_dots: bool | None = None,
        unstuffed_first_dot: bool | None = None,
        lf_line_ends: bool | None = None,
        missing: Sequence[str] | None = None,
        late: Sequence[str] | None = None,
        ok_for_challenge: bool | None = None,
        close_for_err: bool | None = None,
        stls_residue: bytes | None = None,
        extra_blanks: int | None = None,
        uidl_without_number: bool | None = None,
        blank_line: bool | None = None,
        lower_case_status: bool | None = None,
        top_octets: int | None = None,
    ) -> Faults: ...

@final
class ScramKeys:
    """What a server keeps of a password for SCRAM-SHA-256; it logs in nowhere."""

    @staticmethod
    def from_password(password: bytes, *, salt: bytes, iterations: int = 4096) -> ScramKeys: ...
    @staticmethod
    def stored(*, salt: bytes, iterations: int, stored_key: bytes, server_key: bytes) -> ScramKeys: ...

@final
class Authenticate:
    """A client wants to log in: answer ``accept_login`` or ``refuse_login``."""

    @property
    def user(self) -> str: ...
    @property
    def password(self) -> bytes | None:
        """The password, if it was sent."""

    @property
    def token(self) -> str | None:
        """The OAuth token, if one was sent."""

    def verify(self, secret: bytes | bytearray) -> bool:
        """True if the client knows this secret, in constant time; never for a token."""

@final
class KeysWanted:
    """SCRAM: answer ``provide_keys``, with None for an unknown user."""

    user: str
    salt: bytes
    iterations: int

@final
class OpenMaildrop:
    """The login is right: answer ``maildrop_opened`` or ``refuse_login``."""

    user: str

@final
class Retrieve:
    """A message is wanted, with so many lines of its body; answer with its content.

    The engine cuts: a host may send more, and stop when ``content_is_complete``.
    """

    number: int
    lines: int | None
    utf8: bool
    """True if the client said UTF8."""

@final
class Commit:
    """Messages are to be removed: answer ``committed`` or ``commit_failed``."""

    deleted: list[int]

@final
class ServerTlsReady:
    """STLS was accepted: run the TLS handshake now, then call ``tls_established``."""

@final
class LoginFailed:
    """A client failed to log in, for the ``count``-th time; its answer is held back by ``delay`` seconds."""

    user: str
    count: int
    delay: float

@final
class CommandRefused:
    """A client said what is no command here, for the ``count``-th time; its answer is ``delay`` seconds late."""

    count: int
    delay: float

@final
class ClientForwarded:
    """A trusted proxy named the client that it speaks for."""

    address: str
    port: int | None

@final
class LineReceived:
    """A line of the client, without secrets; only if the engine was asked to tell."""

    line: str

@final
class ServerConnectionClosed:
    """The connection is over: write what ``take_output`` gives and close. No event comes after it.

    Reasons: ``"quit"``, ``"connection_lost"``, ``"timeout"``,
    ``"stls_injection"``, ``"bad_commands"``, ``"failed_logins"``,
    ``"maildrop_failed"``, ``"fault"``.
    """

    reason: str

@final
class MemoryMaildrop:
    """Messages in memory; what a client deletes is gone.

    The uid of a message is a hash of its content; a further copy of the same
    content gets a number behind it.

    Args:
        messages: Each as it would lie in a file; line ends may be LF.
    """

    def __new__(cls, messages: Iterable[bytes | bytearray] | None = None) -> MemoryMaildrop: ...
    def append(self, message: bytes | bytearray) -> None:
        """Adds a message at the end; sessions that began before do not see it."""

    @property
    def messages(self) -> list[bytes]:
        """The messages that are left, in their order."""

    def __len__(self) -> int: ...
    def refresh(self) -> None: ...
    def entries(self) -> list[tuple[str, int]]: ...
    def open(self, number: int) -> ContentReader: ...
    def commit(self, deleted: Sequence[int]) -> None: ...

@final
class Maildir:
    """A folder with ``new``, ``cur`` and ``tmp``, one file a message.

    The uid of a message is the unique part of its file's name, so it stays
    when a mail reader moves the file or changes its flags. Symbolic links in
    the folders are not followed. From ``refresh`` to ``release`` the file
    ``popmail.lock`` in it is locked: a second session gets ``BlockingIOError``.

    Raises:
        FileNotFoundError: The path is no Maildir.
    """

    def __new__(cls, path: str | PathLike[str]) -> Maildir: ...
    @property
    def path(self) -> Path: ...
    def __len__(self) -> int: ...
    def refresh(self) -> None: ...
    def entries(self) -> list[tuple[str, int]]: ...
    def open(self, number: int) -> ContentReader: ...
    def commit(self, deleted: Sequence[int]) -> None: ...
    def release(self) -> None: ...

@final
class Mbox:
    """One file with all messages, each after a line ``From …``, as mboxrd quotes.

    Messages are read from the file, through a window, whatever their size.
    The uid of one is a hash of what stands there, its ``From …`` line included.
    ``commit`` writes what stays, and what was delivered meanwhile, into a new
    file that replaces the old one as a whole, under the lock ``NAME.lock``; it
    removes nothing if another program has changed what was listed.

    Args:
        path: The file.
        read_only: Never writes it; deletions are refused at QUIT.

    Raises:
        OSError: It cannot be read; ``BlockingIOError`` if another program has
            the lock for more than five seconds.
    """

    def __new__(cls, path: str | PathLike[str], *, read_only: bool = False) -> Mbox: ...
    @property
    def path(self) -> Path: ...
    def __len__(self) -> int: ...
    def refresh(self) -> None: ...
    def entries(self) -> list[tuple[str, int]]: ...
    def open(self, number: int) -> ContentReader: ...
    def commit(self, deleted: Sequence[int]) -> None: ...
    def release(self) -> None: ...

@final
class ContentReader:
    """A message of a maildrop that is being read."""

    def read(self, size: int) -> bytes: ...
    def close(self) -> None: ...

# Messages.

def numbered_filename(name: str, number: int, /) -> str:
    """The name with a number before its extension: ``photo (2).png``. At most 255 bytes."""

def parse(
    raw: bytes | bytearray | memoryview | mmap,
    /,
    *,
    duplicates: Literal["first", "last"] | None = None,
    limits: MimeLimits | None = None,
) -> Message:
    """Parse a message. Never fails on content: what is wrong is told by ``defects``.

    ``raw`` is the message as RETR gives it: header fields, blank line, body (RFC 5322); line ends
    may be CRLF, LF or CR. ``bytes`` are kept and not copied, anything else is. Of several fields with
    one name the first counts, unless ``duplicates`` is ``"last"``. What is beyond ``limits`` is not
    looked at and shows as the defect ``limit-reached``.

    Raises:
        TypeError: ``raw`` is not bytes, bytearray, memoryview, mmap or another buffer of octets.
        ValueError: ``duplicates`` is another word.
    """

@final
class EmbeddedFile:
    """A file that was found in a body."""

    @property
    def format(self) -> str:
        """``"uuencode"``, ``"yenc"``, ``"tnef"`` or ``"apple"``."""

    @property
    def name(self) -> str | None:
        """The name that the sender gave. It may hold a path or worse: see ``safe_filename``."""

    @property
    def safe_filename(self) -> str:
        """A name to save the file under, as `Part.safe_filename`."""

    @property
    def content_type(self) -> str:
        """The media type that the format tells, else that of the name's extension, else octets."""

    @property
    def content_id(self) -> str | None:
        """The content identifier without angle brackets, where the format tells one."""

    @property
    def content(self) -> bytes:
        """The content, as far as it could be read."""

    @property
    def defects(self) -> list[str]:
        """What is wrong with it: ``"truncated"``, ``"malformed"``, ``"checksum-mismatch"``, ``"size-mismatch"``,
        ``"piece"`` (one of several) or ``"limit-reached"``."""

    @property
    def part(self) -> int:
        """The number of the part that it was found in."""

    def save(self, folder: str | PathLike[str], /) -> Path:
        """Save the content to a new file in a folder and return its path: see `Part.save`."""

@final
class Tnef:
    """What a TNEF stream (``winmail.dat``) holds (MS-OXTNEF)."""

    @property
    def subject(self) -> str | None: ...
    @property
    def message_class(self) -> str | None:
        """What the message is: ``IPM.Note``, ``IPM.Schedule.Meeting.Request``…"""

    @property
    def text(self) -> str | None: ...
    @property
    def html(self) -> str | None:
        """The body as HTML: the sender's, not made safe in any way."""

    @property
    def rtf(self) -> bytes | None:
        """The body as RTF, decompressed."""

    @property
    def files(self) -> list[EmbeddedFile]:
        """The files in order. A message inside is one of type ``application/ms-tnef``; its files follow it."""

    @property
    def attributes(self) -> dict[str, int | float | bool | str | bytes | datetime]:
        """The MAPI properties of the message by name (``SenderName``), or by number (``0x0e07``). Times are in UTC."""

    @property
    def defects(self) -> list[str]:
        """What is wrong with the stream; codes as of `EmbeddedFile.defects`."""

def read_tnef(stream: bytes, /) -> Tnef | None:
    """Read a TNEF stream; ``None`` when it is none."""

def join_partial(pieces: list[bytes], /) -> bytes:
    """Put the pieces of a message together; see `popmail.join_partial`."""

def parse_many(items: Iterable[bytes | bytearray | memoryview | mmap], threads: int | None = None) -> list[Message]:
    """Parse messages, each as `parse` does, on several threads while other threads of Python run.

    The messages come in the order of the items. For tables of many messages see `popmail.arrow`.

    Parameters:
        threads: how many threads work on it; as many as there are processors if none is given.

    Raises:
        TypeError: an item is no octets.
        ValueError: ``threads`` is 0.
    """

def parse_file(path: PathLike[str], /) -> Message:
    """Parse the message in a file, which is mapped into memory and must not be cut while the message is in use."""

def moved_file(path: PathLike[str], /) -> Path | None:
    """Where the file of a Maildir's message is now that is not where it was; ``None`` if it is gone.

    Raises:
        OSError: its folder cannot be read.
    """

# Tables of messages; see `popmail.arrow`.

ARROW_COLUMNS: Final[tuple[str, ...]]
ARROW_USUAL_COLUMNS: Final[tuple[str, ...]]

def arrow_parse(messages: object, columns: list[str] | None, threads: int | None, /) -> Batch:
    """What `popmail.arrow.parse` does."""

def arrow_read(messages: object, columns: list[str] | None, rows: int, threads: int | None, /) -> BatchReader:
    """What `popmail.arrow.read` does with objects and with Arrow arrays."""

def arrow_read_files(
    paths: list[str] | list[Path],
    root: str | Path | None,
    columns: list[str] | None,
    rows: int,
    threads: int | None,
    /,
) -> BatchReader:
    """What `popmail.arrow.read` does with files: their uid is their path below ``root``, without it the unique part of
    their names in a Maildir."""

def arrow_read_mbox(
    path: str | Path, format: str, columns: list[str] | None, rows: int, threads: int | None, /
) -> BatchReader:
    """What `popmail.arrow.read` does with an mbox file."""

@final
class Batch:
    """A table of messages in memory; its length is the number of rows.

    Any library that reads Arrow takes it: ``pyarrow.record_batch(batch)``, ``polars.DataFrame(batch)``. Nothing is
    copied for them.
    """

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""

    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object:
        """The schema as a capsule (Arrow PyCapsule interface)."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """Schema and rows as capsules (Arrow PyCapsule interface); another schema than its own is not made."""

@final
class BatchReader:
    """Tables of messages one after the other, made while they are taken: iterate over it, or hand it to a library that
    reads Arrow streams (``pyarrow.RecordBatchReader.from_stream(reader)``), once."""

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""

    @property
    def messages(self) -> int:
        """The number of messages in the batches that were given out."""

    @property
    def octets(self) -> int:
        """The octets of these messages."""

    @property
    def total_messages(self) -> int | None:
        """How many messages there are, where that is known before they are read."""

    @property
    def total_octets(self) -> int | None:
        """The size of the mbox file that is read; ``None`` for any other source."""

    def __iter__(self) -> BatchReader: ...
    def __next__(self) -> Batch: ...
    def __arrow_c_schema__(self) -> object:
        """The schema as a capsule (Arrow PyCapsule interface)."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The batches that are left as a capsule (Arrow PyCapsule interface), which can be had once.

        Raises:
            RuntimeError: it was had already.
        """

@final
class MboxFile:
    """The messages of an mbox file, found as far as they were asked for; see `popmail.read_mbox`."""

    def __new__(cls, path: PathLike[str], format: str) -> MboxFile: ...
    def count(self) -> int: ...
    def message(self, index: int, /) -> Message | None: ...
    def envelope(self, index: int, /) -> bytes | None: ...

@final
class Composer:
    """A message that is being put together; `popmail.compose` fills it.

    Every setter refuses a value that its field cannot hold, line breaks and control characters first of all, and then
    changes nothing. ``field`` is ``"from"``, ``"sender"``, ``"reply-to"``, ``"to"``, ``"cc"`` or ``"bcc"``.

    Raises:
        UsageError: a value is refused.
        ValueError: ``output`` or ``field`` is none of the known names.
    """

    def __new__(cls, output: str = "auto", *, keep_bcc: bool = False) -> Composer: ...
    def mailbox(self, field: str, name: str | None, address: str) -> None: ...
    def addresses(self, field: str, list: str) -> None: ...
    def open_group(self, field: str, name: str) -> None: ...
    def close_group(self, field: str) -> None: ...
    def subject(self, subject: str) -> None: ...
    def date(self, timestamp: int, offset_minutes: int) -> None: ...
    def message_id(self, id: str) -> None: ...
    def in_reply_to(self, id: str) -> None: ...
    def reference(self, id: str) -> None: ...
    def header(self, name: str, value: str) -> None: ...
    def text(self, text: str) -> None: ...
    def html(self, html: str) -> None: ...
    def attach(
        self,
        content: bytes,
        *,
        content_type: str | None = None,
        filename: str | None = None,
        content_id: str | None = None,
        inline: bool = False,
        is_text: bool = False,
    ) -> None: ...
    def compose(self, now: int, offset_minutes: int, random: bytes) -> bytes:
        """Write the message; ``now`` is in seconds since 1970, ``random`` 32 octets that nobody can foresee."""

def text_spans(text: str, /) -> list[Span]:
    """Take a plain text apart: what the author wrote, quotes, forwarded messages and the signature.

    Decided by the lines alone; the spans cover the text without gap.
    """

def _parse_as(raw: bytes, is_last: bool, limits: MimeLimits, /) -> Message: ...
def thread_entries(messages: Sequence[Message], /) -> list[tuple[int, int | None]]:
    """The threads of messages, as they are shown: depth, and the place of the message in ``messages``."""

@final
class MimeLimits:
    """How much of a message is looked at; each limit only ever makes less of it visible."""

    def __new__(
        cls,
        *,
        header_bytes: int | None = None,
        headers: int | None = None,
        parts: int | None = None,
        depth: int | None = None,
        nested_encodings: int | None = None,
        decoded_bytes: int | None = None,
    ) -> MimeLimits: ...
    @property
    def header_bytes(self) -> int:
        """Bytes of the header fields of one part: 2 MiB by default."""

    @property
    def headers(self) -> int:
        """Header fields of one part: 10,000 by default."""

    @property
    def parts(self) -> int:
        """Parts of the whole message: 10,000 by default."""

    @property
    def depth(self) -> int:
        """Levels of multiparts and messages in one another: 64 by default."""

    @property
    def nested_encodings(self) -> int:
        """Levels of transfer-encoded messages in one another that are decoded: 3 by default."""

    @property
    def decoded_bytes(self) -> int:
        """Bytes of transfer-encoded messages that are decoded, all together: 256 MiB by default."""

    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

def safe_filename(name: str, content_type: str, index: int, /) -> str:
    """A name for a file made from the name that a message gives: see ``Part.safe_filename``.

    ``content_type`` (in lower case) and ``index`` name a part that has no usable name: ``part-3.png``.
    """

@final
class Address:
    """A mailbox: an address and the name that is shown for it."""

    __match_args__ = ("name", "address", "group")
    def __new__(cls, name: str | None, address: str, group: str | None = None) -> Address: ...
    @property
    def name(self) -> str | None:
        """The display name, decoded and unquoted."""

    @property
    def address(self) -> str:
        """The address as written, without comments and source route.

        Empty when the item has none; may lack an ``@`` (RFC 8621 section 4.1.2.3).
        """

    @property
    def group(self) -> str | None:
        """The name of the group that the mailbox is in."""

    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[str | None, str, str | None]: ...

@final
class Scanner:
    """Finds the parts of a message while it arrives: its structure before the end.

    By lines alone: of a broken message ``parse``, which sees all of it, may find more, and its word counts. No body
    is kept, so that memory is that of one part's header fields.
    """

    def __new__(cls) -> Scanner: ...
    def receive(self, octets: bytes | bytearray, /) -> list[ScanEvent]:
        """Take more octets of the message, cut anywhere, and return what they show.

        Raises:
            ValueError: the message is over.
        """

    def finish(self) -> list[ScanEvent]:
        """End the message: what is open ends here.

        Raises:
            ValueError: it was over before.
        """

@final
class View:
    """A message as other programs may read it: see ``Message.views``."""

    @property
    def code(self) -> DefectCode:
        """The defect on whose meaning programs disagree: ``duplicate-header``."""

    @property
    def message(self) -> Message:
        """The message in the other reading, parsed when first asked for.

        Its octets are those of the original with as little changed as may be, so that every program reads
        them in this way.
        """

@final
class Defect:
    """One thing that is wrong with a message."""

    def __new__(
        cls, code: DefectCode, severity: Severity, part: int, range: tuple[int, int] | None = None
    ) -> Defect: ...
    @property
    def code(self) -> DefectCode:
        """What is wrong, a stable text: ``duplicate-header``."""

    @property
    def severity(self) -> Severity:
        """``note`` (one reading), ``warning`` (something is lost) or ``ambiguous`` (readers disagree)."""

    @property
    def part(self) -> int:
        """The number of the part that it is in."""

    @property
    def range(self) -> tuple[int, int] | None:
        """Where it is in the octets that came in: first, and after the last.

        ``None`` inside a transfer-encoded message.
        """

    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[DefectCode, Severity, int, tuple[int, int] | None]: ...

@final
class Headers:
    """The header fields of a message or part, in the order they were written.

    Names compare without regard to case. Of several fields with one name, ``[]`` and ``get`` give the
    first, ``get_all`` gives all; ``len`` and iteration count every field. Values are text: unfolded,
    encoded words decoded (RFC 2047), without control characters.
    """

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __getitem__(self, name: str, /) -> str: ...
    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...
    @overload
    def get(self, name: str, default: str, /) -> str: ...
    def get_all(self, name: str, /) -> list[str]:
        """The values of every field with this name."""

    def addresses(self, name: str, /) -> list[Address]:
        """The first field with this name as mailboxes, those of groups included."""

    def address_groups(self, name: str, /) -> list[tuple[str | None, list[Address]]]:
        """The first field with this name as groups.

        Runs of mailboxes outside any group have the name ``None`` (RFC 8621 section 4.1.2.4).
        """

    def keys(self) -> list[str]: ...
    def values(self) -> list[str]: ...
    def items(self) -> list[tuple[str, str]]: ...
    def raw_items(self) -> list[tuple[str, bytes]]:
        """Every field with the octets after its colon, folded as written, without the final line end."""

    def __eq__(self, other: object) -> bool: ...

@final
class Message:
    """A parsed message.

    Of two fields with one name the first counts; a broken value is an absent one; both show in
    ``defects``. Equal to a message of the same octets; pickles as these.
    """

    @property
    def subject(self) -> str | None:
        """The subject, decoded (RFC 5322 section 3.6.5, RFC 2047)."""

    @property
    def from_(self) -> list[Address]:
        """The authors (RFC 5322 section 3.6.2)."""

    @property
    def sender(self) -> Address | None:
        """Who sent the message on behalf of the authors."""

    @property
    def to(self) -> list[Address]:
        """The primary recipients (RFC 5322 section 3.6.3)."""

    @property
    def cc(self) -> list[Address]:
        """The recipients of copies."""

    @property
    def bcc(self) -> list[Address]:
        """The recipients of blind copies, where a field tells."""

    @property
    def reply_to(self) -> list[Address]:
        """Where answers should go."""

    @property
    def date(self) -> datetime | None:
        """When the message was written, with the writer's zone.

        ``None`` when the field is absent or holds no possible date (RFC 5322 section 3.3).
        """

    @property
    def message_id(self) -> str | None:
        """The identifier of the message without angle brackets (RFC 5322 section 3.6.4)."""

    @property
    def in_reply_to(self) -> list[str]:
        """The identifiers of the messages that this one answers."""

    @property
    def references(self) -> list[str]:
        """The identifiers of the thread, oldest first."""

    @property
    def text(self) -> str | None:
        """The body as text: RFC 8621's ``textBody``, its parts joined.

        HTML is made into text where there is no other. Line ends are as sent. ``None`` when no part
        of the body is text.
        """

    @property
    def html(self) -> str | None:
        """The body as HTML: RFC 8621's ``htmlBody``, its parts joined, plain text among them escaped.

        ``None`` when the message has no HTML. It is the sender's: not made safe in any way.
        """

    @property
    def preview(self) -> str:
        """The beginning of the text on one line, at most 256 characters (RFC 8621 section 4.1.4)."""

    @property
    def attachments(self) -> list[Part]:
        """The attachments in order: every leaf part that is neither body text nor inline resource.

        A ``message/rfc822`` part is one; what it holds is not.
        """

    @property
    def inline(self) -> list[Part]:
        """The resources that the body shows, in order: see ``Part.is_inline``."""

    @property
    def parts(self) -> list[Part]:
        """Every part in document order, multiparts and the parts of nested messages included."""

    @property
    def root(self) -> Part:
        """The part that is the message itself: its header fields and its whole body."""

    @property
    def headers(self) -> Headers:
        """The header fields of the message."""

    @property
    def defects(self) -> list[Defect]:
        """Everything in the message that readers should not rely on: looked for now, in one pass."""

    def views(self) -> list[View]:
        """How other programs may read the message where it is ambiguous, one disagreement at a time.

        Empty for mail whose defects change neither structure nor names nor content. A filter forbids what
        is forbidden in the message or in any view: look at type, name and content of every part of each.
        What a transfer-encoded message inside holds is in the views of that message.
        """

    @property
    def raw(self) -> bytes:
        """The octets as they came in: the very ``bytes`` that were parsed."""

    def part_by_content_id(self, cid: str, /) -> Part | None:
        """The part with this Content-ID; ``cid`` may come from a ``cid:`` URL (RFC 2392)."""

    def html_with_inline(self) -> str | None:
        """``html`` with the media that it shows by ``cid:`` put in as ``data:`` URLs."""

    def html_with(self, resolve: Callable[[Part], str | None], /) -> str | None:
        """``html`` with each ``cid:`` reference to a part replaced by what ``resolve`` gives for the part.

        References for which it gives ``None`` stay. What it gives must be fit for an attribute of HTML:
        nothing is escaped. What it raises is raised.
        """

    @property
    def unwrapped_text(self) -> str | None:
        """``text`` with the soft line breaks of ``format=flowed`` undone (RFC 3676)."""

    @property
    def markdown(self) -> str | None:
        """The body as Markdown (CommonMark), for programs and models that read it.

        The parts of ``html``: HTML made into Markdown, plain text among them or alone escaped so that it shows
        the same lines. What the sender wrote as HTML does not go through. ``None`` when no part of the body is
        text.
        """

    @property
    def own_text(self) -> str | None:
        """What the author wrote: ``unwrapped_text`` without quotes, forwarded messages and signature.

        As far as lines show them: see ``text_spans``.
        """

    @property
    def details(self) -> Details:
        """What the message says beyond its text, looked for when first asked for.

        Mailing list, way, thread, reports, calendars, signatures, guessed charsets.
        """

    def details_json(self) -> str:
        """``details`` as the core writes them: the same octets in every language."""
    def embedded_files(self) -> list[EmbeddedFile]:
        """The files inside the parts of the message: looked for now. See `Part.embedded_files`."""

    def to_json(self) -> str:
        """The message as an RFC 8621 (JMAP) Email object: the same octets in every language.

        Left out is what only a server has: ``id``, ``blobId``, ``threadId``, ``mailboxIds``,
        ``keywords``, ``receivedAt``. ``partId`` is the part's number.
        """

    def to_dict(self) -> dict[str, Any]:
        """``to_json`` as Python objects."""

    def as_email(self) -> EmailMessage:
        """The same octets parsed by the standard library, with ``email.policy.default``.

        Where the library raises on a header field, that field is plain text; what is nested too deep for it
        stays one body.
        """

    def tree(self) -> str:
        """The structure drawn with lines, one part a line, for people."""

    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Part:
    """One part of a message."""

    @property
    def index(self) -> int:
        """The number of the part: its position in the ``parts`` of the outermost message."""

    @property
    def content_type(self) -> str:
        """The media type in lower case, ``text/plain`` where none is given (RFC 2045 section 5.2)."""

    def parameter(self, name: str, /) -> str | None:
        """A parameter of the Content-Type field, decoded."""

    @property
    def charset(self) -> str | None:
        """The charset label as written."""

    @property
    def disposition(self) -> str | None:
        """The disposition in lower case, mostly ``attachment`` or ``inline`` (RFC 2183)."""

    @property
    def filename(self) -> str | None:
        """The file name that the sender gave, decoded. It may hold a path or worse: see ``safe_filename``."""

    @property
    def safe_filename(self) -> str:
        """A name to save the part under: one path component of 1 to 255 bytes.

        Without path, control, invisible and direction-changing characters, names of Windows devices,
        dots and spaces at the ends. Parts without a usable name are called ``part-3.png``.
        """

    @property
    def content_id(self) -> str | None:
        """The content identifier without angle brackets (RFC 2045 section 7)."""

    @property
    def transfer_encoding(self) -> str:
        """The transfer encoding in lower case, ``7bit`` where none is given (RFC 2045 section 6.1)."""

    @property
    def size(self) -> int:
        """The size of ``content`` in octets; nothing is decoded to find it."""

    @property
    def content(self) -> bytes:
        """The content with the transfer encoding undone; decoded once, then the same object."""

    @property
    def text(self) -> str | None:
        """The text of a ``text/*`` part, converted from its charset, line ends as sent.

        ``None`` for any other part. What is not valid in the charset becomes U+FFFD; an unknown
        charset is read as UTF-8; both show as defects.
        """

    @property
    def range(self) -> tuple[int, int] | None:
        """Where the part is in the octets that came in: first, and after the last.

        Header fields and body, without the line end before the next delimiter; ``None`` inside a
        transfer-encoded message.
        """

    @property
    def unwrapped_text(self) -> str | None:
        """``text`` with the soft line breaks of ``format=flowed`` undone (RFC 3676)."""

    @property
    def charset_guess(self) -> CharsetGuess | None:
        """The charset that ``text`` is read in, where it is not the labelled one; ``None`` else."""

    def signed_content(self) -> bytes | None:
        """The octets that the signature of a ``multipart/signed`` signs, ``None`` for any other part.

        Its first part with header fields, exactly as it came but for line ends, which are CRLF (RFC
        1847 section 2.1).
        """

    @property
    def children(self) -> list[Part]:
        """The parts of a multipart in order, none for any other part."""

    @property
    def message(self) -> Message | None:
        """The message in a ``message/rfc822`` part."""

    @property
    def headers(self) -> Headers:
        """The header fields of the part."""

    def embedded_files(self) -> list[EmbeddedFile]:
        """The files inside this part, in the formats from before and beside MIME: looked for now.

        Texts are searched for uuencode and yEnc; ``winmail.dat`` (TNEF) and AppleSingle are opened; a
        ``multipart/appledouble`` is one file. At most 1,000.
        """

    def tnef(self) -> Tnef | None:
        """What a ``winmail.dat`` holds besides its files; ``None`` when the part is none."""

    @property
    def raw(self) -> bytes:
        """The part as it came: header fields, blank line and body."""

    @property
    def is_attachment(self) -> bool:
        """Whether the part is neither body text, nor inline resource, nor multipart."""

    @property
    def is_inline(self) -> bool:
        """Whether the part is a resource that the body shows.

        Marked inline, or without disposition in a ``multipart/related`` after its first part, and
        there or with a Content-ID.
        """

    @property
    def is_multipart(self) -> bool:
        """Whether the part is a multipart."""

    def save(self, folder: str | PathLike[str], /) -> Path:
        """Save the content to a new file in a folder and return its path.

        The folder is made where it is missing. The file has the part's ``safe_filename``; where there
        is one already, whatever it is, a number is put before the extension. An existing file is never
        written to, a symbolic link never followed.

        Raises:
            FileExistsError: ten thousand files have that name.
            OSError: the folder or the file cannot be made or written; no part of the file is left.
        """

    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...
