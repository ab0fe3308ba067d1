"""The native module: the engines and the decoder, without I/O."""

from typing import final

from .error import Pop3Error
from .event import ClientEvent

__version__: str

# The client engine.

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
    ) -> ClientEngine: ...
    @property
    def state(self) -> str: ...
    @property
    def capabilities(self) -> dict[str, list[str]] | None: ...
    @property
    def pending(self) -> int: ...
    @property
    def stamp(self) -> str | None: ...
    def receive(self, octets: bytes | bytearray) -> None: ...
    def receive_eof(self) -> None: ...
    def tls_established(self) -> None: ...
    def handle_timeout(self, now: float) -> None: ...
    def next_event(self) -> ClientEvent | None: ...
    def take_output(self) -> bytes: ...
    def timeout(self) -> float | None: ...
    def login(self, user: str, password: bytes | bytearray, auth: str) -> int: ...
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

_list = list

@final
class Limits:
    """Bounds of a client connection; what is not given has its default.

    Octets unless the name says otherwise; ``command_line`` and the lines with
    their line end. A message line has no limit.
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

@final
class Prefetch:
    """How far iteration asks ahead of its reader."""

    def ask(self) -> int | None: ...
    def handed_out(self) -> None: ...

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
    capabilities: dict[str, list[str]]

@final
class StatReceived:
    """STAT was answered."""

    handle: int
    count: int
    octets: int

@final
class ListReceived:
    """LIST was answered: ``(number, octets)`` in the server's order."""

    handle: int
    entries: list[tuple[int, int]]

@final
class UidlReceived:
    """UIDL was answered: ``(number, uid)`` in the server's order."""

    handle: int
    entries: list[tuple[int, str]]

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
class DeviationObserved:
    """The server broke a rule and was understood all the same."""

    deviation: str
    octets: bytes

@final
class ConnectionClosed:
    """The connection is over: close the transport. No event comes after it."""

    error: Pop3Error | None
